/*
 * store/look: one test of a predicate on the templates of a segment.
 *
 * The text a test is about (the record, a field) is a run of pieces: constant text of the template,
 * the event's time, values of slots.  The test is an automaton (match/auto.h) that runs over the
 * pieces: over the constant ones once, over the values of a slot once for each entry of the
 * dictionary and each state in front.  What is left are the slots on whose values the answer hangs:
 * a chain of links.  A test on the value of one field is a chain of one link.
 */
#ifndef TSN_STORE_LOOK_INT_H
#define TSN_STORE_LOOK_INT_H

#include "match/auto.h"
#include "store/hint_int.h"

struct test {
	struct tsn_catom atom;
	struct tsn_auto *machine;	/* NULL: there is none, only values of slots can be tested */
	uint16_t *octets;		/* [state][with a dot behind][octet]: out + 1; 0 not known */
	bool record;			/* on every text of the record, not on one field */
	bool exists;
	bool number;			/* a word or value of digits alone: `low` is what it is */
	uint64_t low;
	tsn_key key;			/* of the field */
};

/* How a template answers a test. */
enum { ANSWER_NO, ANSWER_YES, ANSWER_ROWS, ANSWER_UNKNOWN };

/* How the values of a column are read. */
enum reading_how {
	READ_RECORD,		/* the machine, as they stand in the record */
	READ_PLAIN,		/* the machine, without the escapes of JSON */
	READ_VALUE,		/* the atom, on a value of type how - READ_VALUE */
	READ_VALUE_PLAIN = READ_VALUE + 16,
};

#define OUTS_MAX 64u

/* What the values of a column do to one state of the machine. */
struct reading {
	uint32_t column;
	uint16_t in;			/* state of the machine; 0 of atoms */
	uint8_t how;			/* enum reading_how */
	bool many;			/* more than OUTS_MAX states come out */
	uint16_t outs[OUTS_MAX];	/* all states that may come out, of any block */
	uint32_t out_count;
	uint32_t next;			/* of the same column, + 1 */
	uint16_t *codes;		/* by code of the segment's dictionary; NULL: none */
	uint16_t calm;			/* numbers beyond the bounds lead here; UNCALM: not known */
	const uint16_t *here;		/* by code of that block; NULL: number by number */
	uint16_t *own;			/* of a dictionary of the block */
	uint64_t *memo;			/* numbers: value << 16 | out */
	bool calm_here;
};

#define UNCALM UINT16_MAX

/* A slot on whose value the answer hangs. */
struct link {
	uint32_t column;
	uint32_t nth;			/* of the template's slots in the column */
	uint32_t *readings;		/* by state in front */
	uint32_t in_count;
	uint8_t *after;			/* by state that comes out: a fixed one, or AUTO__FIXED + state in
					 * front of the next link */
	uint32_t after_count;		/* beyond: unsure */
};

struct chain {
	struct link *links;
	uint32_t link_count;
	uint8_t first;			/* state in front of the first link */
};

struct found {				/* one test on one segment */
	bool ready;
	unsigned char *answers;		/* by template */
	struct chain *chains;
	uint32_t chain_count, chain_cap;
	uint32_t *chain_at;		/* by template: its chains, chain_at[i] .. chain_at[i + 1] */
	uint32_t *walks;		/* the columns of all links */
	uint32_t walk_count;
	uint16_t *walk_of;		/* by column + 1; 0 none */
	uint16_t *steps;		/* [template][walk]: values of a row in that column */
	struct reading *readings;
	uint32_t reading_count, reading_cap;
	uint32_t *reading_of;		/* by column: the newest, + 1 */
};

struct hint_seg {
	struct hint *h;
	struct seg *seg;
	struct tsn_match_scratch *scratch;
	struct tsn_arena arena, temp;
	struct found *found;		/* by test */
	unsigned char *glued;		/* by template: 0 not known, 1 no, 2 yes */
	unsigned char *answers;		/* by template: of the whole predicate; NULL: not asked yet */
};

struct tsn_keys *hint_keys(const struct hint *h);

/** Answers of all templates (once). TSN_ENOMEM, TSN_ECORRUPT (of a dictionary). */
TSN_MUST_CHECK enum tsn_code look_prepare(struct hint_seg *hs, const struct test *t,
    struct found *f);
void look_done(struct found *f);
/** The test on one text that stands for a value of this type. */
bool look_test(struct hint_seg *hs, const struct test *t, uint8_t type, struct tsn_slice text);

/* ---- trace.c ---- */

/* A piece of a text under test. */
struct piece {
	enum { PIECE_TEXT, PIECE_TIME, PIECE_SLOT } kind;
	struct tsn_slice text;		/* TEXT */
	const struct elem *elem;	/* TIME */
	uint32_t column, nth;		/* SLOT */
	uint8_t how;			/* SLOT: READ_RECORD or READ_PLAIN */
};

/**
 * Runs the machine over the pieces.  *ret_answer: ANSWER_ROWS comes with a chain (added to f).
 * glued: words may reach over the borders of the pieces.
 */
TSN_MUST_CHECK enum tsn_code trace_run(struct hint_seg *hs, const struct test *t, struct found *f,
    const struct piece *pieces, uint32_t count, bool glued, uint8_t *ret_answer);
/** The reading of the column, made when it is new: its number in *ret. */
TSN_MUST_CHECK enum tsn_code trace_reading(struct hint_seg *hs, const struct test *t,
    struct found *f, uint32_t column, uint8_t how, uint16_t in, bool glued, uint32_t *ret);
/** What a value does to the state that the reading is for. */
uint16_t trace_value(struct hint_seg *hs, const struct test *t, const struct reading *r,
    struct tsn_slice text);

/** Copies it. TSN_ENOMEM. */
TSN_MUST_CHECK enum tsn_code trace_add_chain(struct found *f, const struct chain *c);

/* ---- rows.c ---- */

struct set;
/** Rows of the block for which the test may be, or is, true. */
TSN_MUST_CHECK enum tsn_code rows_run(struct hint_seg *hs, const struct test *t, struct found *f,
    struct block *b, struct set *out);
/** False when no number in the bounds makes the test true. */
bool rows_digits_can(const struct test *t, uint64_t min, uint64_t max);

#endif
