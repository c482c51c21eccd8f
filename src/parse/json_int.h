/*
 * parse/json_int: the kinds of JSON documents.
 *
 * A document is flattened with the map of the kind that its source's previous document had; the
 * names it holds (marks) then show whether it is of that kind.  Only when it is not, its top-level
 * names are looked at first and it is flattened again.  So a source of one kind costs one pass.
 */
#ifndef TSN_PARSE_JSON_INT_H
#define TSN_PARSE_JSON_INT_H

#include "event/doc.h"
#include "parse/parse_int.h"

/* What is remembered of a source. */
struct json_state {
	const struct json_kind *kind;
	tsn_key base;
};

struct json_doc {
	struct tsn_parse_ctx *ctx;
	uint16_t *marks;
	uint32_t first;			/* fields before it are not of the document */
	struct json_state *state;
};

struct json_kind {
	const char *dataset;
	tsn_key base;
	/** NULL, or the base of this document (a Zeek log by its name). */
	tsn_key (*base_of)(struct tsn_parse_ctx *ctx, struct tsn_slice text);
	const struct tsn_doc_map *map;	/* NULL: names as they are */
	/** True when the flattened document is of this kind. */
	bool (*stays)(const struct json_doc *d);
	/** Adds the time and ECS fields; false: not mine after all. */
	void (*finish)(struct json_doc *d);
};

extern const struct json_kind tsn_json_generic;
extern const struct json_kind tsn_json_eve;
extern const struct json_kind tsn_json_zeek;
extern const struct json_kind tsn_json_zeek_wrapped;
extern const struct json_kind tsn_json_cowrie;
extern const struct json_kind tsn_json_postgresql;
extern const struct json_kind tsn_json_gcp;
extern const struct json_kind tsn_json_winevent;
extern const struct json_kind tsn_json_winlogbeat;
extern const struct json_kind tsn_json_winlogbeat6;
extern const struct json_kind tsn_json_winflat;

/** Flattens and finishes a document that is certainly of that kind. */
enum tsn_code tsn_json_parse_as(struct tsn_parse_ctx *ctx, const struct json_kind *kind,
    struct tsn_slice text);

/** Recognises the document's kind and parses it. */
enum tsn_code tsn_json_parse(struct tsn_parse_ctx *ctx, struct tsn_slice text);
/** Probe of kinds that `json` recognises: only asked for where a source fixes its kind. */
enum tsn_probe tsn_json_never(struct tsn_slice text);

/** A name below the base of a kind, as a mark. */
struct json_name {
	const char *path;
	uint8_t mark;
};
uint8_t tsn_json_mark(const struct json_name *names, size_t count, struct tsn_slice path);

/** The first field with the mark, or NULL. */
static inline struct tsn_field *
json_field(const struct json_doc *d, uint8_t mark)
{
	uint32_t at = d->marks[mark];

	return at == 0 || at > d->ctx->ev->field_count ? NULL : &d->ctx->ev->fields[at - 1];
}

/** Text of the first field with the mark: a string, or a number as it stood; empty when absent. */
static inline struct tsn_slice
json_text(const struct json_doc *d, uint8_t mark)
{
	const struct tsn_field *f = json_field(d, mark);

	return f == NULL || f->ptr == NULL ? TSN_SLICE_NONE : (struct tsn_slice){f->ptr, f->len};
}

enum json_how {
	JSON_COPY,		/* value as it is; empty strings and "-" are left out */
	JSON_LOWER,		/* text in lower case */
	JSON_SECONDS,		/* seconds to nanoseconds (event.duration) */
	JSON_IP,		/* to the key when it is an address, else to the key in `other` */
	JSON_INT,		/* a decimal or 0x number in a string becomes a number */
	JSON_TEXT,		/* a number becomes a string */
	JSON_PATH,		/* and what stands behind the last separator, to `other` */
	JSON_USER,		/* "DOMAIN\\name": name, and domain to `other` */
};

struct json_copy {
	uint8_t mark;
	uint8_t how;		/* enum json_how */
	tsn_key to;
	tsn_key other;		/* 0: none */
};

/** Adds the ECS fields of the table. */
void tsn_json_copy(const struct json_doc *d, const struct json_copy *table, size_t count);
/** Adds a field again under another name; lists keep to their first element. */
void tsn_json_copy_one(const struct json_doc *d, const struct json_copy *copy);
/** Lower-case copy in the batch's arena; the text itself when there is nothing to change. */
struct tsn_slice tsn_json_lower(struct tsn_parse_ctx *ctx, struct tsn_slice s);
/** A time in any of the usual forms: text, or seconds, ms, us, ns since 1970. */
bool tsn_json_time(struct tsn_parse_ctx *ctx, const struct tsn_field *f, struct tsn_date *ret);
/** Sets the event's time from the field with the mark, unless it has one. */
void tsn_json_set_time(const struct json_doc *d, uint8_t mark);
/** The fields that every event has are tocsin's own: those of the document only match. */
void tsn_json_hide_intrinsic(const struct json_doc *d);
/** Adds all strings of the list at `mark` to the list `to`. */
void tsn_json_copy_list(const struct json_doc *d, uint8_t mark, tsn_key to);
/** url.original, and url.path, url.query of what may be a whole URL or a path. */
void tsn_json_put_url(struct tsn_parse_ctx *ctx, struct tsn_slice url);

/** True for the name of a log that Zeek writes. */
bool tsn_zeek_is_log(struct tsn_slice name);
/** The log that the source's file name says ("dns.log", "conn.12:00:00-13:00:00.log.gz"), or "". */
struct tsn_slice tsn_zeek_log_of_path(struct tsn_slice path);
/** zeek.<name>, anything but letters, digits, '_' and '-' made '_'. */
tsn_key tsn_zeek_base(struct tsn_keys *keys, struct tsn_slice log);
/** Time, dataset and ECS fields of a record whose fields stand below zeek.<log>. */
void tsn_zeek_finish(struct json_doc *d, struct tsn_slice log);
/** The mark of a column or name ("id.orig_h", "query"). */
uint8_t tsn_zeek_mark(struct tsn_slice name);
#define TSN_ZEEK_MARKS 96u

/** What stands behind the last '/' or '\\'. */
struct tsn_slice tsn_json_basename(struct tsn_slice path);

#endif
