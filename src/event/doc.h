/*
 * event/doc: JSON documents to fields and back.
 *
 * Flattening reads a document once and adds its leaves to the open event, in order, duplicates
 * kept: names become keys through a cache that remembers which name followed which, so that a
 * document of a known shape costs one comparison per name.  A flattener belongs to one thread; the
 * key table outlives it.
 *
 *   {"a":{"b":1},"c":[{"d":2}]}  ->  a.b = 1, c.d = 2 at element 0 of list c
 *
 * An empty name counts as "_".  {} and [] are fields of their own.  A name that is too long or
 * finds the key table full costs its value only (TSN_EV_FIELD_LIMIT).  Strings with bytes that are
 * not UTF-8 keep their bytes; tsn_doc_not_utf8() says so afterwards.
 *
 * Writing turns an event into one nested JSON object: members in the order in which their first
 * field stands, @timestamp first, times as RFC 3339 strings, numbers as they stood in the record
 * where that is a JSON number, fields marked TSN_FIELD_HIDDEN left out.  Where a name has both a
 * value and members the members keep their dotted rest: {"a":1,"a.b":2}; several values of one
 * name become a list.
 */
#ifndef TSN_EVENT_DOC_H
#define TSN_EVENT_DOC_H

#include "base/buf.h"
#include "event/event.h"

struct tsn_doc;

/** Bit in a key that a map returns: members are wanted, but a plain value here is left out. */
#define TSN_DOC_MEMBERS (1u << 30)
/** What a map returns for a name whose value is left out, with all below it. */
#define TSN_DOC_DROP (1u << 29)

/**
 * Renaming while flattening.  Asked once per (parent, name) and flattener; must be pure.  `parent`
 * is what it returned for the enclosing name, without TSN_DOC_MEMBERS.  It may return `parent`
 * itself: the name vanishes.
 */
struct tsn_doc_map {
	/**
	 * *ret_mark, 0 when it comes in, may be set to a number below TSN_DOC_MARKS: the first value
	 * of that name is then found through tsn_doc_marks() without a search.
	 */
	tsn_key (*child)(struct tsn_keys *keys, tsn_key parent, struct tsn_slice name,
	    uint8_t *ret_mark);
};

#define TSN_DOC_MARKS 128u
/** Maps that one flattener can tell apart. */
#define TSN_DOC_MAPS_MAX 15u

/** NULL when out of memory. */
struct tsn_doc *tsn_doc_new(struct tsn_keys *keys);
void tsn_doc_free(struct tsn_doc *d);

/**
 * Adds the document to the open event of b, its names below `base` (TSN_KEY_ROOT: at the top; the
 * document must then be an object).  map NULL: names as they are.  On failure the event is as it
 * was.  TSN_EPARSE: not JSON; TSN_ELIMIT: deeper than TSN_NESTING_MAX; TSN_ENOMEM.
 * The text outlives the batch's use: strings are slices of it.
 */
TSN_MUST_CHECK enum tsn_code tsn_doc_flatten(struct tsn_doc *d, struct tsn_batch *b, tsn_key base,
    const struct tsn_doc_map *map, struct tsn_slice json, struct tsn_err *err);
/**
 * Of the last document: marks[m] is 0 when no name with mark m was there, else 1 + the index in
 * event.fields of the first field at or below it.  Valid until the next document; the caller may
 * correct them.
 */
uint16_t *tsn_doc_marks(struct tsn_doc *d);
/** True when the last document held a string that is not UTF-8. */
bool tsn_doc_not_utf8(const struct tsn_doc *d);

/** Appends the event as one line of JSON without line end; failures stick in out. */
void tsn_doc_write(const struct tsn_event *ev, const struct tsn_keys *keys, struct tsn_buf *out);
/**
 * A writer that remembers shapes: many events with the same fields cost little more than their
 * bytes.  Writes what tsn_doc_write writes.  One thread; keys outlives it.  NULL: out of memory.
 */
struct tsn_doc_writer;
struct tsn_doc_writer *tsn_doc_writer_new(struct tsn_keys *keys);
void tsn_doc_writer_free(struct tsn_doc_writer *w);
void tsn_doc_writer_write(struct tsn_doc_writer *w, const struct tsn_event *ev,
    struct tsn_buf *out);
/** Appends one field's value as JSON. */
void tsn_doc_write_value(const struct tsn_field *f, struct tsn_buf *out);

#endif
