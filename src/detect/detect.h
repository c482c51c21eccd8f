/*
 * detect/detect: a rule set over batches of events.
 *
 * A compiled set is shared: tsn_detect_new() makes it and the first engine on it, and
 * tsn_detect_clone() makes further engines, one per thread.  What a kind of event needs (the rules
 * that are about it and their index) is compiled when its first event arrives, once for all
 * engines.  The set never changes otherwise; new rules are a new set.
 *
 * The same events in any order and cut into any batches give the same findings with the same ids.
 *
 * Ownership: rule set, taxonomy and keys are borrowed and outlive all engines.  A finding and all
 * it points to are valid during the callback only.  One thread per engine.
 */
#ifndef TSN_DETECT_DETECT_H
#define TSN_DETECT_DETECT_H

#include "base/buf.h"
#include "event/event.h"
#include "rule/finding.h"
#include "rule/rule.h"
#include "rule/taxonomy.h"

struct tsn_detect;

struct tsn_detect_options {
	bool reasons;		/* fill finding.reason (costs only where there is a finding) */
	/*
	 * Correlations.  Event time: hits are judged in the order of their times once the watermark
	 * (the time of the slowest source that still sends, less the lateness) has passed them.
	 */
	int64_t lateness_ns;	/* 0: 10 s; TSN_DETECT_SORTED: wait for all that hits_max allows */
	int64_t idle_ns;	/* 0: 10 s; a source silent for so long does not hold time back */
	uint32_t hits_max;	/* 0: 262,144; hits that can wait, then the oldest goes first */
	size_t state_bytes;	/* 0: 32 MiB; of all groups: an equal share is sure, more is borrowed */
	bool exceptions_forever;	/* they hide what happened after their expiry, too */
	bool early;		/* with `once`: also when it fires, marked (finding.early) */
	bool watch;		/* keep event time also without correlations: tsn_detect_judged() */
	bool once;		/* a window is told of when it is over, not when it fires and again */
};

/** lateness_ns for files: whatever their order, hits are sorted as far as hits_max goes. */
#define TSN_DETECT_SORTED (INT64_MAX / 4)


struct tsn_detect_stats {
	uint64_t events;
	uint64_t events_unrouted;	/* no rule is about such events */
	uint64_t findings;
	uint64_t hidden;		/* by exceptions */
	uint64_t rules_looked_at;	/* rules whose condition was evaluated: the work there was */
	uint64_t regex_limit_hits;	/* matches given up at a limit */
	uint64_t memory_fails;		/* values not looked at for want of memory */
	uint32_t plans;			/* kinds of events that have been compiled */
	uint32_t rules_broken;		/* rules that could not be compiled: they never fire */
	uint64_t compile_ns;		/* time spent compiling, all engines */
};

/** Of one exception; a finding that two of them hide is counted by both. */
struct tsn_detect_except_stats {
	uint64_t hidden;		/* findings */
	int64_t first_ns, last_ns;	/* event times of the first and last of them */
};

/** Of one correlation. */
struct tsn_detect_corr_stats {
	uint64_t hits;			/* events of its rules that it has judged */
	uint64_t late;			/* came after their time had been judged; taken where they fit */
	uint64_t late_dropped;		/* of these, whose window was over */
	uint64_t duplicates;		/* delivered twice */
	uint64_t evicted;		/* groups given up for want of room: they start anew */
	uint64_t entries_dropped;	/* hits beyond 65,536 in one window */
	uint64_t groups;		/* alive now */
	uint64_t bytes;
};

/** A return other than TSN_OK ends the batch with it. */
typedef enum tsn_code tsn_detect_callback(void *ctx, const struct tsn_finding *finding);

/** options may be NULL.  TSN_ENOMEM alone. */
TSN_MUST_CHECK enum tsn_code tsn_detect_new(const struct tsn_ruleset *rules,
    struct tsn_taxonomy *taxonomy, struct tsn_keys *keys,
    const struct tsn_detect_options *options, struct tsn_detect **ret, struct tsn_err *err);
/** Another engine on the same compiled set, for another thread. */
TSN_MUST_CHECK enum tsn_code tsn_detect_clone(const struct tsn_detect *d,
    struct tsn_detect **ret, struct tsn_err *err);
/** Accepts NULL; the last engine frees the compiled set. */
void tsn_detect_free(struct tsn_detect *d);

/**
 * Runs all events of the batch; findings in the order of events, of one event in the order of the
 * rule set.  TSN_ENOMEM, or what the callback returned.
 */
TSN_MUST_CHECK enum tsn_code tsn_detect_batch(struct tsn_detect *d, const struct tsn_batch *batch,
    tsn_detect_callback *callback, void *ctx);
/** How many views (kinds of events that rules are about) there are. */
uint32_t tsn_detect_view_count(const struct tsn_detect *d);
/** Adds the bits of the views that hold the event; room for all of them.  TSN_ENOMEM. */
TSN_MUST_CHECK enum tsn_code tsn_detect_event_views(struct tsn_detect *d,
    const struct tsn_event *ev, uint64_t *views);
/** Calls each() for every view a rule is about; correlations have none of their own. */
void tsn_detect_each_binding(const struct tsn_detect *d,
    void (*each)(void *ctx, uint32_t rule, uint32_t view), void *ctx);
/**
 * No more events: judges all that waits and tells of all windows that are open.  The engine may be
 * used on; what comes then begins with empty windows.
 */
TSN_MUST_CHECK enum tsn_code tsn_detect_finish(struct tsn_detect *d,
    tsn_detect_callback *callback, void *ctx);
/** Time passes without events: to be called every second or so in a running server. */
TSN_MUST_CHECK enum tsn_code tsn_detect_tick(struct tsn_detect *d, int64_t now_ns,
    tsn_detect_callback *callback, void *ctx);
/*
 * Snapshots: the state of correlations as bytes, between batches.  It holds what came of all events
 * of before a point of event time; the events from then on are read back after it was taken in.
 */
/** Appends to out; its failure alone. */
TSN_MUST_CHECK enum tsn_code tsn_detect_save(const struct tsn_detect *d, struct tsn_buf *out);
/**
 * Into an engine that has seen no event.  Correlations whose rules read otherwise now begin empty.
 * TSN_EVERSION, TSN_EPARSE: not usable, the engine is as new.
 */
TSN_MUST_CHECK enum tsn_code tsn_detect_resume(struct tsn_detect *d, struct tsn_slice bytes,
    struct tsn_err *err);
/** Event time from which events are to be read back; TSN_TIME_NONE: nothing was taken in. */
int64_t tsn_detect_resume_ns(const struct tsn_detect *d);
/** Was the state of the correlation with that index in what was taken in? */
bool tsn_detect_resumed(const struct tsn_detect *d, uint32_t rule);
/*
 * Reading back: after a restart the events of the last while are given once more, oldest first, so
 * that windows are as if the engine had never stopped.
 */
/** A window that had fired: what the finding's id was and when it began. */
struct tsn_detect_past {
	uint32_t rule;			/* index into the rule set */
	uint64_t id[2];
	int64_t start_ns;
};

/**
 * How far back windows of correlations reach that were in no snapshot; 0: there are none,
 * INT64_MAX: to the first event.
 */
int64_t tsn_detect_span(const struct tsn_detect *d);
/** Is it known where windows of this correlation began that were open when reading back begins? */
bool tsn_detect_begins_surely(const struct tsn_detect *d, const struct tsn_rule *rule);
/** The lateness in force. */
int64_t tsn_detect_lateness(const struct tsn_detect *d);
/**
 * Batches from now on are read back.  `past`, borrowed until the end: windows that began before the
 * first event read back; hits that belong to them begin no window of their own.
 */
void tsn_detect_replay_begin(struct tsn_detect *d, const struct tsn_detect_past *past,
    uint32_t count);
/** Live batches follow.  What is late by now_ns (wall clock) is still waited for. */
void tsn_detect_replay_end(struct tsn_detect *d, int64_t now_ns);
/**
 * Event time up to which windows have been judged: an event from before is late.  INT64_MIN:
 * nothing is late (no correlations, or no time has passed).
 */
int64_t tsn_detect_mark(const struct tsn_detect *d);
/**
 * Event time up to which all that happened has been told of, as of the last tick: what comes true
 * of an event after this has a finding.fired_ns that is not below it, but for late events.
 */
int64_t tsn_detect_judged(const struct tsn_detect *d);
/** False when the rule of that index is no correlation. */
bool tsn_detect_corr_stats(const struct tsn_detect *d, uint32_t rule,
    struct tsn_detect_corr_stats *ret);
/** False when the rule set has no exception of that index. */
bool tsn_detect_exception_stats(const struct tsn_detect *d, uint32_t index,
    struct tsn_detect_except_stats *ret);
void tsn_detect_stats(const struct tsn_detect *d, struct tsn_detect_stats *ret);
/** Findings of each rule of the set so far, by its index; count of the rule set long. */
const uint64_t *tsn_detect_rule_counts(const struct tsn_detect *d);

#endif
