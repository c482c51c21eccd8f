/*
 * parse/parse: one raw record becomes one event.
 *
 * Pure: no clock, no I/O, no look-up of anything outside the record, its source and the little
 * state a format needs between records of one source (the header of a Zeek TSV file, the account
 * behind a MySQL thread id).  Never fails a batch: a record no parser understands becomes an event
 * with its text in `message`; one that says what it is and then breaks becomes a pipeline_error
 * event with the reason and its bytes.
 *
 * A format is one const descriptor (struct tsn_parser_desc) in parse/list.c.  Recognition is per
 * record: each descriptor's probe looks at the first bytes; the answer for the previous record of
 * the same source is tried first.  A source may fix its kind.
 */
#ifndef TSN_PARSE_PARSE_H
#define TSN_PARSE_PARSE_H

#include "event/event.h"

/**
 * What a shipper sent beside a record.  Its fields are added to those of the record; where ECS has
 * a name for one (hec.host: host.name) it gets that, unless the record itself says what it is.
 */
struct tsn_aside {
	/** JSON objects, or empty; names may be dotted.  They live as long as the record's bytes. */
	struct tsn_slice shared, own;
	/** The shipper's time, or TSN_TIME_NONE: the event's, if the record has none ... */
	int64_t time_ns;
	/** ... else a field of this name; TSN_KEY_ROOT: none. */
	tsn_key time_key;
	/** Not empty: the record is what could not be decoded, and this is why. */
	struct tsn_slice error;
	/**
	 * Not empty: what a pipeline made of the record, as one JSON object, which is read in its
	 * place; the record stays event.original.
	 */
	struct tsn_slice document;
	/** The pipeline has parsed it: its message is text, time_ns (if any) is the event's time. */
	bool final;
};

struct tsn_record {
	struct tsn_slice bytes;		/* without the line end; kept by the caller until reset */
	uint64_t offset;
	uint64_t line;			/* from 1; 0 unknown */
	int64_t received_ns;
	const struct tsn_source *source;
	bool truncated;
	const struct tsn_aside *aside;	/* or NULL */
};

struct tsn_parser;		/* one per thread: scratch and per-source state */

/** NULL when out of memory.  keys outlives it. */
struct tsn_parser *tsn_parser_new(struct tsn_keys *keys);
void tsn_parser_free(struct tsn_parser *p);
/**
 * Appends exactly one sealed event (or none for a record that is only framing, such as a Zeek
 * header line: *ret_event is NULL then, and the caller counts it as such).
 * TSN_ELIMIT when the batch is full or its memory exhausted: flush it and call again.
 */
TSN_MUST_CHECK enum tsn_code tsn_parser_record(struct tsn_parser *p, const struct tsn_record *rec,
    struct tsn_batch *batch, const struct tsn_event **ret_event);

struct tsn_parse_ctx;		/* parse/parse_int.h: what a parser may use */

/** How sure a probe is. */
enum tsn_probe {
	TSN_PROBE_NO = 0,
	TSN_PROBE_MAYBE = 1,	/* nothing more specific objected */
	TSN_PROBE_YES = 2,
};

enum tsn_parser_flag {
	TSN_PARSER_BODY = 1,	/* probed on the message body of syslog lines too */
	TSN_PARSER_BODY_ONLY = 2,	/* probed on message bodies, never on whole records */
};

struct tsn_parser_desc {
	const char *kind;	/* event.dataset: "system.auth", "apache.access", ... */
	const char *doc;	/* one line for `tocsin import --help` and docs */
	/** Bytes a record of this kind may begin with, e.g. "{"; NULL: any.  Each a "first byte". */
	const char *first;
	/** Syslog program names whose message bodies go to parse(), blank-separated; NULL: none. */
	const char *programs;
	uint32_t flags;		/* enum tsn_parser_flag */
	/** NULL: never recognised by content, only by program name. */
	enum tsn_probe (*probe)(struct tsn_slice record);
	/** Adds fields to the open event of the batch; TSN_EPARSE: "not mine after all". */
	enum tsn_code (*parse)(struct tsn_parse_ctx *ctx, struct tsn_slice record);
};

/** All descriptors, most specific first; ret_count filled. */
const struct tsn_parser_desc *const *tsn_parser_list(size_t *ret_count);

/**
 * The descriptor of that kind, or NULL.  One of the two parts of a kind's name, or a program, is
 * enough where it means one kind only: "syslog", "auditd", "sshd".
 */
const struct tsn_parser_desc *tsn_parser_find(struct tsn_slice kind);
/** TSN_EINVAL, with a message for people, when no kind is called so; "" is none and fine. */
TSN_MUST_CHECK enum tsn_code tsn_parser_check_kind(struct tsn_slice kind, struct tsn_err *err);

#endif
