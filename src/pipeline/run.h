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
	enum tsn_code (*store)(void *ctx, struct tsn_pev *ev, struct tsn_err *err);
	struct tsn_slice host;		/* this machine's name */
};

struct tsn_pl_counts {
	uint64_t in, out, dropped;
	uint64_t failed;		/* events that ran out of memory and were left as they were */
};

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
/** Filters alone: what is left of ev and came of it, a list through `next`; may be NULL. */
struct tsn_pev *tsn_pipeline_filter(struct tsn_pipeline *pl, struct tsn_pev *ev);
/** The arena of events for tsn_pipeline_filter; its user resets it. */
struct tsn_arena *tsn_pipeline_arena(struct tsn_pipeline *pl);

#endif
