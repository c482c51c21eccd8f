/*
 * pipeline/run: a checked configuration, run: inputs to events, through filters, to outputs.
 *
 * One pipeline belongs to one thread.  Events live in one arena that is emptied when what an input
 * gave has left the outputs; a record and all that filters make of it has at most
 * TSN_PL_BYTES_MAX.
 */
#ifndef TSN_PIPELINE_RUN_H
#define TSN_PIPELINE_RUN_H

#include "pipeline/pev.h"
#include "pipeline/plugin.h"

#define TSN_PL_BYTES_MAX (256u << 20)
/* Events that filters make of one. */
#define TSN_PL_EVENTS_MAX 65536u

struct tsn_pipeline;

struct tsn_pl_env {
	void *ctx;
	int64_t (*now_ns)(void *ctx);
	/** Writes text to standard output. */
	enum tsn_code (*out)(void *ctx, struct tsn_slice text, struct tsn_err *err);
	/** True when the run shall end. */
	bool (*stop)(void *ctx);
	/** Waits when no input has anything. */
	void (*idle)(void *ctx);
	/** What output tocsin does with an event; NULL: it cannot be used. */
	enum tsn_code (*store)(void *ctx, struct tsn_pev *ev, struct tsn_slice kind,
	    struct tsn_err *err);
	/** Makes it durable, or says that it is not yet. */
	enum tsn_code (*stored)(void *ctx, bool *ret_settled, struct tsn_err *err);
	/** One line for people; NULL: nobody listens. */
	void (*say)(void *ctx, const char *line);
	struct tsn_slice host;		/* this machine's name */
	const char *folder;		/* for queues of outputs; NULL: they end with the process */
	uint64_t queue_bytes_max;	/* of one output; 0: the default */
};

/* in + made - dropped = out */
struct tsn_pl_counts {
	uint64_t in, out;
	uint64_t made;			/* by filters, beyond those that they replace */
	uint64_t dropped;		/* by filters */
	uint64_t failed;		/* events that ran out of memory and were left as they were */
};

/* taken = delivered + waiting + refused + lost, since the pipeline was opened; earlier: what
 * waited then, which is part of the four as well. */
struct tsn_pl_output {
	const char *name;
	uint32_t number;		/* from 1, in order of the configuration */
	uint64_t taken, earlier;
	uint64_t delivered, waiting;
	uint64_t refused;		/* by the peer, for good: kept in a dead letter file */
	uint64_t lost;			/* could not even be queued */
	uint64_t retries;		/* attempts that failed */
	uint64_t waiting_bytes;
	char trouble[160];		/* why it waits, or "" */
};

/* After a request to stop: for what is on its way and stands in no file. */
#define TSN_PL_DRAIN_NS (5 * TSN_NS_PER_SEC)

/**
 * Compiles; conf outlives the pipeline and belongs to it alone.  env is copied.
 * TSN_EINVAL: a plugin that cannot run, an option's value without meaning ("FILE:LINE:COL: ...").
 */
TSN_MUST_CHECK enum tsn_code tsn_pipeline_new(struct tsn_conf *conf, const struct tsn_pl_env *env,
    bool filters_only, struct tsn_pipeline **ret, struct tsn_err *err);
void tsn_pipeline_free(struct tsn_pipeline *pl);
/** Until all inputs have ended or stop() says so. */
TSN_MUST_CHECK enum tsn_code tsn_pipeline_run(struct tsn_pipeline *pl, struct tsn_err *err);
struct tsn_pl_counts tsn_pipeline_counts(const struct tsn_pipeline *pl);
/**
 * Filters alone: a record (NULL: what the codec holds back) through the codec of the first input,
 * its type, tags and fields, and the filters; path is that of its file or empty.  The list of what
 * came of it, or NULL.
 */
struct tsn_pev *tsn_pipeline_take(struct tsn_pipeline *pl, const struct tsn_slice *record,
    struct tsn_slice path);
/** True when the codec of tsn_pipeline_take holds lines back. */
bool tsn_pipeline_holds(const struct tsn_pipeline *pl);
/** The outputs one by one; false behind the last.  Any thread while it runs. */
bool tsn_pipeline_output(struct tsn_pipeline *pl, uint32_t i, struct tsn_pl_output *ret);
/** What came, what became of it, as lines of text. */
void tsn_pipeline_report(struct tsn_pipeline *pl, struct tsn_buf *out);
/** Filters alone: what is left of ev and came of it, a list through `next`; may be NULL. */
struct tsn_pev *tsn_pipeline_filter(struct tsn_pipeline *pl, struct tsn_pev *ev);
/** The arena of events for tsn_pipeline_filter; its user resets it. */
struct tsn_arena *tsn_pipeline_arena(struct tsn_pipeline *pl);

#endif
