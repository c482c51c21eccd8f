/*
 * Correlation: many events, one finding.
 *
 * A rule that is true of an event and that correlations refer to makes a *hit* for each of them: a
 * time, the group's values, a value or number, the event's id.  Hits wait in a heap until the
 * watermark has passed them and are then judged in the order of (time, rank, id), so neither the
 * order of arrival nor the cut into batches changes what comes of them.  A *group* keeps the hits
 * of one combination of group values.
 *
 * Windows.  Conditions that more hits can only make true (at least so many) are judged with each
 * hit over the timespan before it; a window that fires stays open until its timespan, counted from
 * its first hit, is over, and takes further hits into the same finding.  All others (fewer than,
 * exactly, averages, percentiles, a rule that must be absent) are judged when a window, which
 * begins with the first hit, is over.  What is to happen at a time stands in a heap of *timers*,
 * which run in the order of time among the hits: a window that began at t is over before the hits
 * of t + timespan are judged, whatever came when.
 *
 * A correlation that others refer to makes a hit of theirs when it fires, of the time of the hit it
 * fired with, or of the end of its window; what lies under it is kept in a `struct under`.
 */
#ifndef TSN_DETECT_CORR_INT_H
#define TSN_DETECT_CORR_INT_H

#include "detect/detect_int.h"
#include "rule/correlation.h"

/** The distance of two times, which may lie further apart than the type reaches. */
static inline int64_t
time_minus(int64_t a, int64_t b)
{
	int64_t d;

	if (__builtin_sub_overflow(a, b, &d))
		return a < b ? INT64_MIN : INT64_MAX;
	return d;
}

static inline int64_t
time_plus(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

#define HIT_KEY_MAX 2048u
#define ENTRIES_MAX TSN_CORR_EVENTS_MAX
#define CHAIN_MAX TSN_CORR_CHAIN_MAX
#define REPLAY_SOURCE UINT32_MAX

/*
 * The events under a window that other correlations count as one: shared by its group, as long as
 * the window is open and grows, and by the entries of those that count it.
 */
struct under {
	struct corr_state *owner;	/* whose bytes it is counted among */
	struct under **kids;		/* windows under this one */
	uint64_t (*ids)[2];		/* of single events, oldest first; the first so many */
	uint64_t count;			/* of single events */
	int64_t first_ns, last_ns;	/* of single events */
	uint32_t refs;
	uint32_t id_count, id_cap;
	uint32_t kid_count, kid_cap;
	uint32_t number;		/* while a snapshot is written: 1 + its place */
};

struct hit {
	int64_t time_ns;
	uint64_t id[2];
	uint32_t corr;			/* of set.corrs */
	uint32_t place;			/* of the rule among those of the correlation */
	uint32_t weight;
	uint32_t rank;			/* order among hits of one instant */
	uint32_t key_len;
	bool late;			/* came after its time had been judged */
	uint64_t key_hash;
	uint64_t value;			/* hash of the counted fields */
	double number;
	struct under *under;		/* of a window; NULL for an event */
	char key[];			/* group values: length (4 bytes) and bytes each */
};

struct entry_hit {
	int64_t time_ns;
	uint64_t id[2];
	union {				/* by what the correlation measures */
		uint64_t value;
		double number;
	};
	uint32_t place;
	uint32_t weight;
};

struct value_uses {
	uint64_t value;			/* 0 free */
	uint32_t uses;
};

/* How many entries have each value; open addressing. */
struct value_table {
	uint32_t mask, slots, distinct;
	struct value_uses list[];
};

/* First seen: the values; open addressing, 0 free. */
struct seen_table {
	uint32_t mask, count;
	uint64_t list[];
};

struct group {
	struct group *chain;		/* of its bucket */
	struct group *older, *newer;	/* by last touch */
	struct entry_hit *entries;	/* by time; [head, head + count) */
	struct under **unders;		/* of each entry, where rules are correlations */
	struct under *under;		/* of the window that is open */
	union {
		struct value_table *values;
		struct seen_table *seen;
		int64_t *best;		/* ordered types: steps.c */
	};
	uint64_t key_hash;
	int64_t last_ns;		/* newest hit */
	int64_t start_ns;		/* window: of the finding, or of what is judged at its end */
	int64_t done_ns;		/* hits before this belong to a window that is over */
	uint64_t told;			/* count when the window was told of last */
	uint64_t weight;		/* of all entries */
	union {
		double sum;		/* of their numbers, but for rounding */
		double level;		/* leaky bucket */
	};
	uint32_t head, count, cap;
	uint32_t key_len;
	uint32_t timer;			/* 1 + its place among the timers; 0: none */
	bool fired;			/* the window is told of and open */
	bool armed;			/* complete but for what must not follow */
	bool excepted;			/* it fired, and an exception hides it */
	char key[];
};

/* The groups of one correlation in one engine. */
struct corr_state {
	const struct corr_def *def;
	struct group **buckets;
	uint32_t bucket_mask, group_count;
	struct group *oldest, *newest;
	size_t bytes;
	size_t *total;			/* of all correlations: corr_engine.bytes */
	bool resumed;			/* from a snapshot: hits before resume_ns are in it */
	struct tsn_detect_corr_stats stats;
};

static inline void
tsn_corr_bytes(struct corr_state *s, int64_t more)
{
	s->bytes += (size_t)more;
	*s->total += (size_t)more;
}

struct timer {
	int64_t at_ns;
	struct group *group;
	uint32_t corr;
};

struct corr_source {
	uint32_t id;			/* REPLAY_SOURCE: read back, not heard of since */
	uint32_t ahead;			/* events in a row from the future */
	uint64_t name;			/* hash of path and address */
	int64_t newest_ns;
	int64_t received_ns;
	int64_t skew_ns;		/* newest_ns against the clock when it came */
};

struct corr_engine {
	struct corr_state *states;	/* by correlation */
	struct hit **heap;
	uint32_t heap_count, heap_cap;
	struct timer *timers;		/* heap */
	uint32_t timer_count, timer_cap;
	struct corr_source *sources;
	uint32_t source_count, source_cap;
	int64_t now_ns;			/* hits and timers before this have been judged */
	int64_t resume_ns;		/* the same, of the snapshot that was taken in */
	int64_t received_ns;		/* newest created_ns seen */
	struct entry_hit last;		/* judged last, to leave out its duplicates */
	uint32_t last_corr;
	uint32_t depth;
	bool replay;			/* batches are read back */
	bool early;			/* the window that is told of has just fired, and is not over */
	int64_t fired_ns;		/* when the window that fires came true */
	const struct tsn_detect_past *past;
	uint32_t past_count;
	struct tsn_finding_group values[TSN_FINDING_GROUP_MAX];
	uint64_t ids[TSN_FINDING_EVENTS_MAX][2];
	size_t bytes;			/* of all groups */
	uint32_t largest;		/* the correlation that holds most, as far as known */
	uint64_t *scratch;		/* [ENTRIES_MAX]: values being counted or sorted */
};

/* What was decided for an event with the same values in the fields that decide. */
#define ROUTE_MEMO_SIZE 1024u
struct route_memo {
	uint64_t signature[2];
	const struct class *class;	/* NULL: see open */
	bool used;
	bool open;			/* some views depend on more than the signature */
};

/* What a value means to the cheap atoms of its field, found once per value. */
#define ROUTE_VALUES_SIZE 4096u
struct route_value {
	uint64_t raw;			/* hash of key and value */
	uint64_t meaning;		/* hash of what the atoms say */
};

/*
 * What was found in a value, kept: fields like names of programs and users have the same values
 * again and again.  A field whose values do not come again is left alone after a while.
 */
#define FOUND_SIZE 4096u
#define FOUND_ATOMS_MAX 14u
#define FOUND_BYTES_MAX 176u
#define FOUND_SCORES 1024u
struct found_memo {
	uint64_t hash;			/* of plan, slot, type and value; 0: free */
	uint16_t len;
	uint8_t type;
	uint8_t count;
	uint32_t slot;
	uint32_t atoms[FOUND_ATOMS_MAX];
	char bytes[FOUND_BYTES_MAX];
};

struct tsn_detect {
	struct set *set;
	struct tsn_match_scratch scratch;
	struct tsn_detect_stats stats;
	uint64_t *rule_counts;
	struct tsn_detect_except_stats *except_stats;	/* by exception */
	uint64_t *views;		/* set of views of the event at hand */
	struct route_memo *memo;	/* [ROUTE_MEMO_SIZE] */
	uint64_t *memo_views;		/* of each memo: views that hold it, then open ones */
	struct route_value *values_seen;	/* [ROUTE_VALUES_SIZE] */
	uint8_t *route_of;		/* by key: 1 + index of a route key, 0 none */
	uint32_t route_of_count;
	uint64_t seed;
	struct found_memo *found_memo;	/* [FOUND_SIZE] */
	int16_t *found_score;		/* by key modulo FOUND_SCORES: above 0, remembering pays */
	struct found_memo *record;	/* being written, or NULL */
	/* the event at hand */
	const struct tsn_event *event;
	const struct plan *plan;
	uint64_t event_number;		/* marks what fired on the event at hand */
	uint32_t epoch;			/* of the event and plan: marks what was found out */
	uint32_t *atom_state;		/* epoch * 2 + value, by atom */
	uint32_t atom_cap;
	uint32_t *slot_head;		/* by slot: 1 + first field, 0 none */
	uint32_t slot_cap;
	uint16_t *touched;		/* slots that have a field */
	uint32_t touched_count;
	uint32_t *next;			/* by field: 1 + next field of its slot */
	struct tsn_value *values;	/* by field */
	char (*texts)[TSN_TIME_TEXT_MAX];	/* by field: rendered numbers and times */
	uint64_t *awake;		/* bit per unit */
	uint32_t awake_words;
	uint64_t *fired;		/* by rule: number of the last event it fired on */
	tsn_detect_callback *callback;
	void *callback_ctx;
	struct tsn_buf reason;
	struct corr_engine corr;
};

/* corr.c */
TSN_MUST_CHECK enum tsn_code tsn_corr_init(struct tsn_detect *d);
void tsn_corr_done(struct tsn_detect *d);
/** Takes over the hit, also on failure. */
TSN_MUST_CHECK enum tsn_code tsn_corr_add(struct tsn_detect *d, struct hit *hit);
/** Judges the hits before `mark` and runs the timers up to it, in order. */
TSN_MUST_CHECK enum tsn_code tsn_corr_run(struct tsn_detect *d, int64_t mark);

/** Lets go of groups that no further hit can belong to. */
void tsn_corr_expire(struct tsn_detect *d, uint32_t corr);

/* mark.c */
/** Notes when events of a source happened and came. */
TSN_MUST_CHECK enum tsn_code tsn_mark_watch(struct tsn_detect *d, const struct tsn_batch *batch);
/** Event time that all sources that still send have passed; INT64_MIN: not known. */
int64_t tsn_mark_find(const struct tsn_detect *d);
/** Sources that were read back are heard of now. */
void tsn_mark_resume(struct tsn_detect *d, int64_t now_ns);

/* timer.c */
/** The timer of a group rings at at_ns, and at no other time. */
TSN_MUST_CHECK enum tsn_code tsn_timer_set(struct tsn_detect *d, uint32_t corr, struct group *g,
    int64_t at_ns);
void tsn_timer_clear(struct tsn_detect *d, struct group *g);

/* group.c */
/** The group of a hit; NULL when there is none. */
struct group *tsn_group_find(const struct corr_state *s, const struct hit *hit);
/** The same, made if need be, and as touched last; NULL when out of memory. */
struct group *tsn_group_get(struct corr_state *s, const struct hit *hit);
/** Adds the hit in its place; *ret_known: it is there already; *ret_last: it is the last. */
TSN_MUST_CHECK enum tsn_code tsn_group_add(struct corr_state *s, struct group *g,
    const struct hit *hit, bool *ret_known, bool *ret_last);
/** True when an entry has the value; of groups that keep values. */
bool tsn_group_has(const struct group *g, uint64_t value);
void tsn_group_drop_before(struct corr_state *s, struct group *g, int64_t time_ns);
/** Drops all entries. */
void tsn_group_clear(struct corr_state *s, struct group *g);
/** The group has no timer. */
void tsn_group_free(struct corr_state *s, struct group *g);
/** True when the value was not in the set of values seen, which it now is. */
TSN_MUST_CHECK enum tsn_code tsn_group_see(struct corr_state *s, struct group *g, uint64_t value,
    bool *ret_new);

/* under.c */
/** What lies under the window that is open: all its entries; held by the group. */
TSN_MUST_CHECK enum tsn_code tsn_under_make(struct corr_state *s, struct group *g);
/** An empty one, held by the caller; NULL when out of memory. */
struct under *tsn_under_new(struct corr_state *s);
/** One hit more. */
TSN_MUST_CHECK enum tsn_code tsn_under_add(struct under *u, const struct entry_hit *e,
    struct under *kid);
/** Lets go of it; accepts NULL. */
void tsn_under_drop(struct under *u);
/** What a finding says of events: those of the entries, windows under them unfolded. */
void tsn_under_tell(struct tsn_detect *d, const struct corr_state *s, const struct group *g,
    struct tsn_finding *f);

/* judge.c */
/** One hit, in its order. */
TSN_MUST_CHECK enum tsn_code tsn_judge_hit(struct tsn_detect *d, const struct hit *hit);
/** Ends the window of a group: what is judged at its end is, what has fired is told. */
TSN_MUST_CHECK enum tsn_code tsn_judge_close(struct tsn_detect *d, uint32_t corr,
    struct group *g);
/** Lets a group go before its time: what has fired is told, what was not complete is lost. */
TSN_MUST_CHECK enum tsn_code tsn_judge_evict(struct tsn_detect *d, uint32_t corr,
    struct group *g);

/* holds.c */
/** True when the hits of the group fulfil the condition. */
bool tsn_holds(const struct tsn_detect *d, const struct corr_state *s, const struct group *g);
/** What the correlation measures over the hits of the group; 0 without hits. */
double tsn_holds_measure(const struct tsn_detect *d, const struct tsn_correlation *c,
    const struct group *g);
/** Can a window be judged only when it is over? */
bool tsn_holds_at_close(const struct tsn_correlation *c);
/** How long a group without further hits is kept. */
int64_t tsn_holds_keep_ns(const struct tsn_correlation *c);
double tsn_holds_leak_ns(const struct tsn_correlation *c);

/* steps.c */
/** Types whose rules match in order. */
bool tsn_steps_used(const struct tsn_correlation *c);
/**
 * Takes the newest entry of the group into account; `anew`: all of them, as order has changed.
 * *ret_start: where the sequence that it completes began, or TSN_TIME_NONE.
 */
TSN_MUST_CHECK enum tsn_code tsn_steps_take(struct corr_state *s, struct group *g, bool anew,
    int64_t *ret_start);
/** Nothing has begun. */
TSN_MUST_CHECK enum tsn_code tsn_steps_init(struct corr_state *s, struct group *g);
/** True when something of the sequence has begun. */
bool tsn_steps_begun(const struct corr_state *s, const struct group *g);
/** Is a hit there of no meaning to a group in which nothing has begun? */
bool tsn_steps_passes(const struct corr_state *s, uint32_t place);
/** What a hit there counts: nothing where the rule must not match. */
uint32_t tsn_steps_weight(const struct tsn_correlation *c, uint32_t place, uint32_t weight);
/** Must something not follow the last step? */
bool tsn_steps_wait(const struct tsn_correlation *c);

/* replay.c */
/** Until when hits of this new group belong to a window that is known from before. */
int64_t tsn_replay_held(const struct tsn_detect *d, uint32_t corr, const struct group *g);

/* tell.c */
/** The id of the finding of a window of this group that begins at start_ns. */
void tsn_tell_id(const struct tsn_detect *d, uint32_t rule, const struct group *g,
    int64_t start_ns, uint64_t ret[2]);
/** Splits the group's key into d->corr.values; returns how many. */
uint32_t tsn_tell_split(struct tsn_detect *d, const struct tsn_correlation *c,
    const struct group *g);
/** The finding of the window that is open. */
TSN_MUST_CHECK enum tsn_code tsn_tell(struct tsn_detect *d, uint32_t corr, struct group *g,
    bool update);

/* words.c */
/** One sentence on the finding in d->reason. */
void tsn_words_reason(struct tsn_detect *d, const struct tsn_correlation *c,
    const struct tsn_finding *f, double measured);

/* chain.c */
/** Makes hits of a correlation that has fired, at at_ns, for those that refer to it. */
TSN_MUST_CHECK enum tsn_code tsn_chain(struct tsn_detect *d, uint32_t corr, struct group *g,
    int64_t at_ns);

/* except.c */
/** Is the window that has just fired excepted?  Counts it. */
bool tsn_except_group(struct tsn_detect *d, const struct corr_def *def, const struct group *g);

/* tap.c */
/** What of the unit's events its correlations want; called while the plan is compiled. */
struct compiler;
TSN_MUST_CHECK enum tsn_code tsn_tap_compile(struct compiler *c, struct unit *u);
/** Makes the hits of a unit that is true of the event at hand. */
TSN_MUST_CHECK enum tsn_code tsn_tap_hits(struct tsn_detect *d, const struct unit *u);

#endif
