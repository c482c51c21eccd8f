/*
 * store/tmpl: an event as a template and its variables.
 *
 * A template is what many events share: the pieces of text between the variables of the record,
 * the list of fields with the place each value comes from, places in lists, and values that are
 * constant.  A row is a reference to a template, the numbers every event has (times, offset,
 * line, source) and the values of the template's slots in order.
 *
 * The identity of a template is its signature: the canonical bytes that shape.c writes and
 * tmpl_parse() reads.  In memory field names stand in it as keys of the process; on disk as
 * numbers of a table of names (struct key_map), otherwise the bytes are the same.
 */
#ifndef TSN_STORE_TMPL_INT_H
#define TSN_STORE_TMPL_INT_H

#include "event/event.h"
#include "store/bin_int.h"
#include "store/timetext_int.h"

/* A record with more variables than this is stored as one piece. */
#define TMPL_SLOTS_MAX 4096u
#define TMPL_SIG_MAX (4u << 20)

enum elem_kind {
	ELEM_STATIC,		/* text of the template */
	ELEM_SLOT,		/* the slot's text */
	ELEM_TIME,		/* the event's time in some form */
	ELEM__COUNT
};

struct elem {
	union {
		const char *ptr;	/* STATIC */
		uint32_t slot;		/* SLOT */
		struct timetext time;	/* TIME; len is that of its text */
	};
	uint32_t len;
	uint8_t kind;
};

/* Where the value of a field comes from. */
enum from {
	FROM_CONST,		/* the template: text, number */
	FROM_TIME,		/* number: event time */
	FROM_CREATED,
	FROM_ORIGINAL,		/* text: the record */
	FROM_ID,		/* text: recomputed */
	FROM_PATH,
	FROM_ADDRESS,
	FROM_OFFSET,		/* number */
	FROM_LINE,
	FROM_SLOT,		/* text: of a slot */
	FROM_SPAN,		/* text: a run of the record from one place of the elements to another */
	FROM_RUN,		/* text: a run of the record given by two number slots */
	FROM_NUM,		/* no text; number in a slot */
	FROM_ESCAPED,		/* text: what a slot says as the inside of a JSON string */
	FROM__COUNT
};

/* How the number beside a text is known. */
enum num_from {
	NUM_NONE,		/* text only, or no value */
	NUM_TEXT,		/* read from the text */
	NUM_SLOT,		/* in a slot; times as distance from the event's time */
	NUM__COUNT
};

struct tmpl_field {
	tsn_key key;
	uint32_t pos;
	uint8_t type, flags;
	uint8_t from;		/* enum from */
	uint8_t num_from;	/* enum num_from, of fields with text */
	bool has_text;		/* CONST */
	uint32_t num_slot;	/* NUM_SLOT */
	union {
		struct {		/* CONST */
			struct tsn_slice text;
			uint64_t num;
		};
		struct {		/* SPAN: begin and end as byte `at` of element `elem` */
			uint32_t elem[2], at[2];
		};
		uint32_t slot;		/* SLOT: text; RUN: offset, then length; NUM */
	};
};

struct slot {
	tsn_key key;		/* of the field whose value it is; 0: a token of the record */
	uint32_t elem;		/* the element it is; UINT32_MAX: not part of the record */
	bool is_num;
};

struct tmpl {
	uint64_t hash;
	struct tsn_slice sig;
	uint32_t id;
	uint32_t mark;		/* for its users: when it was written last */
	struct tmpl *peer;	/* for its users: the same in another table */
	uint32_t flags;		/* enum tsn_event_flag */
	bool repeats;		/* the last slot is `repeat`; else 1 */
	struct tsn_slice dataset;
	struct tsn_pos *pos;
	struct elem *elems;
	struct tmpl_field *fields;
	struct slot *slots;
	uint32_t pos_count, elem_count, field_count, slot_count;
	uint32_t *elem_field;	/* of fit.c; NULL until it needs it */
};

struct val {
	const char *ptr;	/* text slots */
	uint64_t num;		/* number slots */
	uint32_t len;
};

struct row {
	const struct tmpl *tmpl;
	const struct tsn_source *source;
	int64_t time_ns, created_ns;
	uint64_t offset, line;
	const struct val *vals;
};

/* Keys of the process to numbers of a file (those that `list` names, from 1) or back. */
struct key_map {
	uint32_t *to;		/* by input key; TSN_KEY_NONE: none */
	uint32_t count;
	uint32_t *list;		/* not NULL: keys without a number get the next one and go here */
	uint32_t list_count;
};

/* Templates of one writer or one opened file. */
struct tmpl_table {
	struct tsn_arena arena;
	struct tmpl **slots;	/* open addressing by hash */
	struct tmpl **list;	/* by id */
	uint32_t slot_count, count, cap;
};

TSN_MUST_CHECK enum tsn_code tmpl_table_init(struct tmpl_table *t, size_t bytes_max);
void tmpl_table_done(struct tmpl_table *t);
/** Forgets all templates. */
void tmpl_table_reset(struct tmpl_table *t);
/** The template with this signature (keys of the process), made when it is new.  TSN_ECORRUPT when
 * it is none, TSN_ENOMEM. */
TSN_MUST_CHECK enum tsn_code tmpl_intern(struct tmpl_table *t, struct tsn_slice sig,
    struct tmpl **ret_tmpl);
/** Or NULL. */
struct tmpl *tmpl_find(const struct tmpl_table *t, struct tsn_slice sig);
/** Copies a signature while replacing its keys through the map (key 0 stays). */
TSN_MUST_CHECK enum tsn_code tmpl_rekey(struct tsn_slice sig, struct key_map *map,
    struct tsn_buf *out);

/* ---- shape.c: from an event to signature and values ---- */

struct shape_span;
struct shape_elem;
struct shape_seen;
struct shape_escaped;

struct shape {
	struct tsn_buf sig;
	struct val *vals;
	uint32_t val_count, val_cap;
	struct shape_span *spans;
	uint32_t span_count, span_cap;
	struct shape_elem *elems;
	uint32_t elem_count, elem_cap;
	uint32_t *field_elem;	/* by field: element that is its text; UINT32_MAX none */
	struct shape_escaped *escaped;	/* elements that are strings with escapes */
	uint32_t escaped_count, escaped_cap;
	struct tsn_buf plain;	/* their texts, one behind the other */
	uint32_t field_cap;
	struct shape_seen *seen;	/* by key: values met as constants */
	uint32_t seen_cap;
	struct tsn_arena arena;
	bool failed;		/* out of memory */
};

void shape_init(struct shape *s);
void shape_done(struct shape *s);
/** Fills s->sig and s->vals (borrowed from the event); whole: no template for the text. */
TSN_MUST_CHECK enum tsn_code shape_make(struct shape *s, const struct tsn_event *ev, bool whole);

/* ---- unshape.c: from a row to an event ---- */

/** Appends the row's event to the batch (bytes in its arena).  TSN_ELIMIT: batch full;
 * TSN_ECORRUPT: the values do not fit the template. */
TSN_MUST_CHECK enum tsn_code unshape(const struct row *row, struct tsn_batch *batch);

/* Which fields a reader asked for. */
struct projection {
	const bool *keys;	/* by key of the process */
	uint32_t key_count;	/* keys beyond are not asked for */
};

static inline bool
projection_has(const struct projection *p, tsn_key key)
{
	return key < p->key_count && p->keys[key];
}

/** True when the value of the field is made of the record as a whole, its id or offset. */
bool unshape_needs_all(const struct tmpl *t, const struct projection *p);
/** Marks the slots (needs[0 .. slot_count)) that these fields are made of. */
void unshape_needs(const struct tmpl *t, const struct projection *p, bool *needs);
/** As unshape, with these fields alone and without the record. */
TSN_MUST_CHECK enum tsn_code unshape_some(const struct row *row, const struct projection *p,
    struct tsn_batch *batch);

/*
 * What both sides must agree on.  The inside of a JSON string without its escapes: written to out
 * (room for s.len bytes); SIZE_MAX when it is none.
 */
size_t tmpl_unescape(struct tsn_slice s, char *out);
/* The number a text stands for. */
bool tmpl_num_of_text(uint8_t type, struct tsn_slice text, uint64_t *ret_bits);

#endif
