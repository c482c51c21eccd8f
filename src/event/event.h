/*
 * event/event: the record that travels: one event is a flat list of typed fields; a batch owns
 * many events and all their bytes.
 *
 * Ownership: a batch owns its arena, its events and their field arrays.  Text of fields and
 * event.original point into memory that outlives the batch's use: the arena, or a buffer that the
 * caller keeps until tsn_batch_reset().  An event never outlives its batch; it is immutable once
 * sealed.  One thread at a time.
 *
 * A document with nesting is flat here: the leaf of {"a":{"b":1}} is the field "a.b".  Elements of
 * lists carry their place: field.pos names an entry of event.pos (1-based, 0 none), which says "I
 * am element `index` of the list at `list`", and points to the place of the enclosing list element.
 * Fields stand in document order.  Only empty objects and empty lists have a field of their own;
 * that "a" is present in {"a":{"b":1}} follows from its descendants (event/path.h).
 */
#ifndef TSN_EVENT_EVENT_H
#define TSN_EVENT_EVENT_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"
#include "base/time.h"
#include "event/key.h"

enum tsn_type {
	TSN_T_NULL,
	TSN_T_STR,	/* ptr, len */
	TSN_T_INT,	/* num.i; ptr/len is its text as it stood in the record, or NULL */
	TSN_T_UINT,	/* num.u, only above INT64_MAX; ptr/len as above */
	TSN_T_FLOAT,	/* num.d; ptr/len as above */
	TSN_T_BOOL,	/* num.i 0 or 1 */
	TSN_T_TIME,	/* num.i nanoseconds since 1970 UTC; text on demand (tsn_field_text) */
	TSN_T_OBJECT,	/* an empty object */
	TSN_T_LIST,	/* an empty list */
	TSN_T__COUNT
};

struct tsn_field {
	const char *ptr;
	union {
		int64_t i;
		uint64_t u;
		double d;
	} num;
	uint32_t len;
	tsn_key key;
	uint32_t pos;		/* 1-based index into event.pos: innermost list element; 0 none */
	uint8_t type;		/* enum tsn_type */
	uint8_t flags;		/* enum tsn_field_flag */
	uint16_t reserved;
};

enum tsn_field_flag {
	TSN_FIELD_HIDDEN = 1,	/* kept for matching, not part of the document that is shown/stored */
};

struct tsn_pos {
	uint32_t parent;	/* 1-based place of the enclosing list element; 0 none */
	tsn_key list;		/* path of the list */
	uint32_t index;		/* from 0 */
};

enum tsn_event_flag {
	TSN_EV_ERROR = 1,		/* event.kind is pipeline_error: the record could not be parsed */
	TSN_EV_TRUNCATED = 2,		/* the record was over the size limit: log.flags truncated */
	TSN_EV_TIME_UNKNOWN = 4,	/* no time in the record: time_ns is when it was received */
	TSN_EV_TIME_UNZONED = 8,	/* time without zone: the zone of the source was assumed */
	TSN_EV_FIELD_LIMIT = 16,	/* fields beyond a limit are in event.original only */
};

/**
 * Where records come from: one file, one socket, one HTTP client.  Owned by the input, lives longer
 * than every batch that names it; strings are borrowed with it.
 */
struct tsn_source {
	struct tsn_slice path;		/* log.file.path, empty for the network */
	struct tsn_slice address;	/* "ip:port" or a name of the peer, empty for files */
	struct tsn_slice kind;		/* fixed kind (dataset name), empty: recognise per record */
	int32_t tz_offset_sec;		/* zone of times that name none */
	uint32_t id;			/* small number, unique in the process, for tables per source */
};

struct tsn_event {
	struct tsn_field *fields;
	struct tsn_pos *pos;
	uint32_t field_count;
	uint32_t pos_count;
	struct tsn_slice original;	/* the record's exact bytes */
	int64_t time_ns;		/* when it happened */
	int64_t created_ns;		/* when it was received */
	uint64_t id[2];			/* event.id */
	uint64_t offset;		/* byte offset of the record in its source */
	uint64_t line;			/* from 1; 0 unknown */
	const struct tsn_source *source;
	struct tsn_slice dataset;	/* event.dataset; static or arena text */
	uint32_t flags;			/* enum tsn_event_flag */
	uint32_t repeat;		/* how often it happened: 1, or N of "message repeated N times" */
};

struct tsn_batch {
	struct tsn_arena arena;
	struct tsn_keys *keys;		/* borrowed */
	struct tsn_event *events;	/* events[0 .. count) are sealed */
	uint32_t count;
	uint32_t cap;
	struct tsn_event *open;		/* being built, or NULL */
	uint32_t open_field_cap;
	uint32_t open_pos_cap;
	uint32_t open_max;		/* fields, and places, the open event may have */
};

/** keys outlives the batch.  At most events_max (<= TSN_BATCH_EVENTS_MAX) events. */
TSN_MUST_CHECK enum tsn_code tsn_batch_init(struct tsn_batch *b, struct tsn_keys *keys,
    uint32_t events_max);
void tsn_batch_done(struct tsn_batch *b);
void tsn_batch_reset(struct tsn_batch *b);

static inline bool
tsn_batch_full(const struct tsn_batch *b)
{
	return b->count >= b->cap;
}

/**
 * Begins the next event; its intrinsic fields are reserved and filled by tsn_batch_seal.
 * NULL when the batch is full or memory is exhausted (nothing has changed then).
 */
TSN_MUST_CHECK struct tsn_event *tsn_batch_begin(struct tsn_batch *b);
/**
 * Ends the open event: computes event.id from source, offset and original; fills the intrinsic
 * fields from the struct (flags too: event.kind, log.flags, tags); time_ns TSN_TIME_NONE becomes
 * created_ns with TSN_EV_TIME_UNKNOWN.
 */
void tsn_batch_seal(struct tsn_batch *b);
/** Throws the open event away. */
void tsn_batch_abandon(struct tsn_batch *b);
/** Drops all fields that were added to the open event since begin (a parser changed its mind). */
void tsn_batch_rewind(struct tsn_batch *b);
/**
 * Opens the newest sealed event again, so that fields can be added (enrichment); end with
 * tsn_batch_reseal(), which leaves intrinsic fields as they are.
 */
void tsn_batch_reopen(struct tsn_batch *b);
void tsn_batch_reseal(struct tsn_batch *b);

/**
 * Adds a field to the open event.  When the event has TSN_EVENT_FIELDS_MAX fields (from seal on
 * TSN_EVENT_FIELDS_SPARE more) or memory is exhausted the field is left out and the event gets
 * TSN_EV_FIELD_LIMIT; key TSN_KEY_NONE (the key table is full) likewise.  Never fails otherwise.
 */
void tsn_event_add(struct tsn_batch *b, const struct tsn_field *f);
void tsn_event_add_str(struct tsn_batch *b, tsn_key key, struct tsn_slice v);
/** As add_str, unless v is empty or "-". */
void tsn_event_add_opt(struct tsn_batch *b, tsn_key key, struct tsn_slice v);
/** text: the number as it stood in the record, or TSN_SLICE_NONE. */
void tsn_event_add_int(struct tsn_batch *b, tsn_key key, int64_t v, struct tsn_slice text);
/** An integer if v parses as one, else the string. */
void tsn_event_add_num(struct tsn_batch *b, tsn_key key, struct tsn_slice v);
void tsn_event_add_bool(struct tsn_batch *b, tsn_key key, bool v);
void tsn_event_add_time(struct tsn_batch *b, tsn_key key, int64_t ns, struct tsn_slice text);
/** Appends to the list at `key` (tags, related.ip): the next index is found in the open event. */
void tsn_event_append_str(struct tsn_batch *b, tsn_key key, struct tsn_slice v);
/** A new place in a list for fields that follow; 0 when memory is exhausted. */
uint32_t tsn_event_add_pos(struct tsn_batch *b, uint32_t parent, tsn_key list, uint32_t index);
/** Marks the open event as one that could not be parsed: event.kind, error.message. */
void tsn_event_fail(struct tsn_batch *b, struct tsn_slice why);

/** First field with this key, or NULL. */
const struct tsn_field *tsn_event_find(const struct tsn_event *ev, tsn_key key);
/** Text of the first field with this key, empty when there is none or it has no text. */
struct tsn_slice tsn_event_str(const struct tsn_event *ev, tsn_key key);

/**
 * A field's value as text: its own bytes, or rendered into scratch (numbers without text, times,
 * booleans).  null, {} and [] give "".
 */
struct tsn_slice tsn_field_text(const struct tsn_field *f, char scratch[TSN_TIME_TEXT_MAX]);

/** 32 hex digits, not NUL-terminated. */
void tsn_event_id_format(const uint64_t id[2], char out[32]);
/** id = H(place of source, offset, original): same record from same place, same id. */
void tsn_event_id_compute(const struct tsn_source *source, uint64_t offset,
    struct tsn_slice original, uint64_t ret_id[2]);

#endif
