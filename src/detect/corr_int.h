/*
 * Correlation: many events, one finding.
 *
 * A rule that is true of an event and that correlations refer to makes a *hit* for each of them: a
 * time, the group's values, a value or number, the event's id.  Hits wait in a heap until the
 * watermark has passed them and are then judged in the order of (time, id), so neither the order of
 * arrival nor the cut into batches changes what comes of them.  A *group* keeps the hits of one
 * combination of group values.
 *
 * Windows.  Conditions that more hits can only make true (at least so many) are judged with each
 * hit over the timespan before it; a window that fires stays open until its timespan, counted from
 * its first hit, is over, and takes further hits into the same finding.  All others (fewer than,
 * exactly, averages, percentiles, a rule that must be absent) are judged when a window, which
 * begins with the first hit, is over.
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

#define HIT_KEY_MAX 2048u
#define ENTRIES_MAX 65536u
#define CHAIN_MAX 16u
#define REPLAY_SOURCE UINT32_MAX

struct hit {
	int64_t time_ns;
	uint64_t id[2];
	uint32_t corr;			/* of set.corrs */
	uint32_t place;			/* of the rule among those of the correlation */
	uint32_t weight;
	uint32_t key_len;
	uint64_t key_hash;
	uint64_t value;			/* hash of the counted fields */
	double number;
	char key[];			/* group values: length (4 bytes) and bytes each */
};

struct entry_hit {
	int64_t time_ns;
	uint64_t id[2];
	uint64_t value;
	double number;
	uint32_t place;
	uint32_t weight;
};

struct value_uses {
	uint64_t value;			/* 0 free */
	uint32_t uses;
};

struct group {
	struct group *chain;		/* of its bucket */
	struct group *older, *newer;	/* by last touch */
	struct entry_hit *entries;	/* by time; [head, head + count) */
	uint32_t head, count, cap;
	uint32_t key_len;
	uint64_t key_hash;
	int64_t last_ns;		/* newest hit */
	int64_t start_ns;		/* window: of the finding, or of what is judged at its end */
	bool fired;
	bool excepted;			/* it fired, and an exception hides it */
	uint64_t total;			/* weight in the window */
	double level;			/* leaky bucket */
	uint64_t weight;		/* of all entries */
	double sum;			/* of their numbers, but for rounding */
	struct value_uses *values;	/* value_count: how many entries have each; open addressing */
	uint32_t value_mask, value_slots, distinct;
	bool counts;			/* keep values */
	int64_t held_ns;		/* hits before this belong to a window from before a restart */
	uint64_t *seen;			/* first seen: open addressing, 0 free */
	uint32_t seen_count, seen_mask;
	char key[];
};

/* The groups of one correlation in one engine. */
struct corr_state {
	struct group **buckets;
	uint32_t bucket_mask, group_count;
	struct group *oldest, *newest;
	size_t bytes;
	struct tsn_detect_corr_stats stats;
};

struct corr_engine {
	struct corr_state *states;	/* by correlation */
	struct hit **heap;
	uint32_t heap_count, heap_cap;
	struct {
		uint32_t id;		/* REPLAY_SOURCE: read back, not heard of since */
		uint64_t name;		/* hash of path and address */
		int64_t newest_ns;
		int64_t received_ns;
	} *sources;
	uint32_t source_count, source_cap;
	int64_t now_ns;			/* hits up to here have been judged */
	int64_t received_ns;		/* newest created_ns seen */
	struct entry_hit last;		/* judged last, to leave out its duplicates */
	uint32_t last_corr;
	uint32_t depth;
	bool replay;			/* batches are read back */
	const struct tsn_detect_past *past;
	uint32_t past_count;
	struct tsn_finding_group values[TSN_FINDING_GROUP_MAX];
	uint64_t ids[TSN_FINDING_EVENTS_MAX][2];
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
/** Moves the watermark on and judges the hits it has passed. */
TSN_MUST_CHECK enum tsn_code tsn_corr_advance(struct tsn_detect *d);
/** Notes when events of a source happened and came. */
TSN_MUST_CHECK enum tsn_code tsn_corr_watch(struct tsn_detect *d, const struct tsn_batch *batch);

/* group.c */
/** The group of a hit, new if need be; NULL when out of memory. */
struct group *tsn_group_get(struct tsn_detect *d, uint32_t corr, const struct hit *hit);
/** Adds the hit in its place; *ret_known: it is there already. */
TSN_MUST_CHECK enum tsn_code tsn_group_add(struct corr_state *s, struct group *g,
    const struct hit *hit, bool *ret_known);
/** True when an entry has the value; of groups that keep values. */
bool tsn_group_has(const struct group *g, uint64_t value);
void tsn_group_drop_before(struct group *g, int64_t time_ns);
/** Drops all entries. */
void tsn_group_clear(struct corr_state *s, struct group *g);
void tsn_group_free(struct corr_state *s, struct group *g);
/** True when the value was not in the set of values seen, which it now is. */
TSN_MUST_CHECK enum tsn_code tsn_group_see(struct corr_state *s, struct group *g, uint64_t value,
    bool *ret_new);

/* judge.c */
bool tsn_judge_at_close(const struct tsn_correlation *c);
/** One hit, in its order. */
TSN_MUST_CHECK enum tsn_code tsn_judge_hit(struct tsn_detect *d, const struct hit *hit);
/** Ends the window of a group: what is judged at its end is, what has fired is told. */
TSN_MUST_CHECK enum tsn_code tsn_judge_close(struct tsn_detect *d, uint32_t corr,
    struct group *g);
/** How long a group without further hits is kept. */
int64_t tsn_judge_keep_ns(const struct tsn_correlation *c);

/* replay.c */
/** Until when hits of this new group belong to a window that is known from before. */
int64_t tsn_replay_held(const struct tsn_detect *d, uint32_t corr, const struct group *g);

/* tell.c */
/** The id of the finding of a window of this group that begins at start_ns. */
void tsn_tell_id(const struct tsn_detect *d, uint32_t rule, const struct group *g,
    int64_t start_ns, uint64_t ret[2]);
TSN_MUST_CHECK enum tsn_code tsn_tell(struct tsn_detect *d, uint32_t corr, struct group *g,
    bool update);
/** Makes hits of a correlation that has fired for those that refer to it. */
TSN_MUST_CHECK enum tsn_code tsn_tell_chain(struct tsn_detect *d, uint32_t corr,
    const struct group *g);

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
