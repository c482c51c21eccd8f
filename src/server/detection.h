/*
 * server/detection: the stage between parsing and the store: enrichment, rules, alerts.
 *
 * Owns its rule set, taxonomy, engine, enrichers and (with a data folder) the alert queue.  Rules
 * come from folders, or, when none are named, from the content that ships in the program.  One
 * thread, the engine's.
 */
#ifndef TSN_SERVER_DETECTION_H
#define TSN_SERVER_DETECTION_H

#include "alert/doc.h"
#include "alert/risk.h"
#include "detect/detect.h"
#include "enrich/enrich.h"
#include "rule/load.h"
#include "server/engine.h"

struct tsn_detection;

struct tsn_detection_options {
	struct tsn_keys *keys;			/* borrowed */
	const char *data_dir;			/* alerts and knowledge; NULL: alerts only go to each() */
	const char *const *rules;		/* folders or files; none: the shipped rules */
	uint32_t rule_count;
	const char *const *exceptions;		/* folders or files of exceptions; also beside rules */
	uint32_t exception_count;
	const char *triage;			/* file of triage and risk (docs/triage.md); NULL: none */
	bool exceptions_forever;		/* as if none had expired */
	bool shipped;				/* rules are names of the content in the program */
	/*
	 * A case is tried (server/cases.h): exceptions of rules that are not loaded are left out,
	 * and none is proven.
	 */
	bool trial;
	/*
	 * Events come as they happen: windows of correlations are told of when they fire, and close
	 * as time passes.  Otherwise files are read: hits are sorted by time as far as memory allows,
	 * and a window is told of once, when it is over.
	 */
	bool live;
	/* Of detect/detect.h; 0: its defaults.  Files are sorted, whatever the lateness. */
	size_t state_bytes;
	int64_t lateness_ns, idle_ns;
	/** Each alert as it is found; may be NULL.  is_new: its id was unknown to the queue. */
	enum tsn_code (*each)(void *ctx, const struct tsn_alert *alert, bool is_new);
	/** Each problem of the rules; may be NULL. */
	void (*problem)(void *ctx, const struct tsn_problem *problem);
	void *ctx;
};

struct tsn_detection_stats {
	uint64_t alerts;	/* findings, those known before included */
	uint64_t alerts_new;	/* first seen now */
	struct tsn_rule_report report;	/* its problems are not kept */
	struct tsn_detect_stats detect;
	struct tsn_enrich_stats enrich;
};

/**
 * TSN_EPARSE: a rule is broken (each one was told to problem(); err speaks of the first);
 * TSN_ENOTFOUND and others: a folder that cannot be read; knowledge and queue as their parts say.
 */
TSN_MUST_CHECK enum tsn_code tsn_detection_new(const struct tsn_detection_options *options,
    struct tsn_detection **ret_detection, struct tsn_err *err);
void tsn_detection_free(struct tsn_detection *d);
/** The stage to hand to tsn_engine_new(); valid as long as the detection. */
const struct tsn_engine_stage *tsn_detection_stage(const struct tsn_detection *d);
/** Runs sealed events that were enriched before (rows of the store): findings go to each(). */
TSN_MUST_CHECK enum tsn_code tsn_detection_rows(struct tsn_detection *d,
    const struct tsn_batch *batch, struct tsn_err *err);
struct tsn_detection_read {
	uint64_t events;		/* read back */
	int64_t from_ns, to_ns;		/* times of the first and last of them */
	int64_t span_ns;		/* that was asked for; INT64_MAX: all */
	bool resumed;			/* a snapshot was there; what came after it was read back */
	bool unusable;			/* a snapshot was there, of another version or damaged */
	bool limited;			/* there were more; only the newest were read */
	bool forgotten;			/* windows before them: more than are looked at */
};

/**
 * State as if the process had never stopped: events of the last while (windows of correlations,
 * lateness, enrichment) are read back from the store, at most events_max, and the newest of them
 * when there are more.  Before the first event; what is found again has its id of before.
 */
TSN_MUST_CHECK enum tsn_code tsn_detection_read_back(struct tsn_detection *d,
    uint64_t events_max, struct tsn_detection_read *ret, struct tsn_err *err);
/**
 * Reads the rules anew: TSN_OK when they are in force, with windows rebuilt as by
 * tsn_detection_read_back().  On any failure the old rules stay, with their windows; a broken rule
 * (TSN_EPARSE) refuses the whole set.  What was taken in must have been committed.
 */
TSN_MUST_CHECK enum tsn_code tsn_detection_reload(struct tsn_detection *d, uint64_t events_max,
    struct tsn_detection_read *ret, struct tsn_err *err);
/** A finding of the server itself; durable with the next commit. */
TSN_MUST_CHECK enum tsn_code tsn_detection_raise(struct tsn_detection *d,
    const struct tsn_finding *finding, struct tsn_err *err);
/**
 * The state of correlations to disk, when it is due or at_once; right after a commit, before
 * anything new comes.  Nothing is done without a data folder, or when events come from files.
 */
TSN_MUST_CHECK enum tsn_code tsn_detection_keep(struct tsn_detection *d, bool at_once,
    struct tsn_err *err);
/**
 * Time passes: windows that are over are told of, and durable.  For a live server, each second.
 */
TSN_MUST_CHECK enum tsn_code tsn_detection_tick(struct tsn_detection *d, struct tsn_err *err);
/**
 * A condition that every event has that any of the rules is about, in terms of event paths: what a
 * search over the store may skip by.  Lives in the arena; NULL in *ret_pred: any event may matter.
 */
TSN_MUST_CHECK enum tsn_code tsn_detection_hint(struct tsn_detection *d, struct tsn_arena *arena,
    const struct tsn_pred **ret_pred);
/** The files are at their end: tells of all windows that are open.  Commit afterwards. */
TSN_MUST_CHECK enum tsn_code tsn_detection_finish(struct tsn_detection *d, struct tsn_err *err);
/** False when no risk is kept (alert/risk.h). */
bool tsn_detection_risk_stats(const struct tsn_detection *d, struct tsn_risk_stats *ret);
/** What an exception has hidden so far. */
struct tsn_detection_exception {
	const struct tsn_exception *exception;
	struct tsn_detect_except_stats stats;
};

/** False beyond the last exception. */
bool tsn_detection_exception(const struct tsn_detection *d, uint32_t index,
    struct tsn_detection_exception *ret);
void tsn_detection_stats_get(const struct tsn_detection *d,
    struct tsn_detection_stats *ret_stats);
/** Sums over all correlations. */
void tsn_detection_corr_stats(const struct tsn_detection *d, struct tsn_detect_corr_stats *ret);
/** A sentence for each correlation that had to give something up. */
void tsn_detection_losses(const struct tsn_detection *d,
    void (*say)(void *ctx, const char *line), void *ctx);
/** Prometheus text: what each correlation had to give up; nothing without correlations. */
void tsn_detection_metrics(const struct tsn_detection *d, struct tsn_buf *out);
/** The engine of the rules in force: another one after a reload. */
struct tsn_detect *tsn_detection_engine(struct tsn_detection *d);
/** The rule set and how often each of its rules fired. */
const struct tsn_ruleset *tsn_detection_rules(const struct tsn_detection *d,
    const uint64_t **ret_counts);

#endif
