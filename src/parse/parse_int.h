/*
 * parse/parse_int: what the parsers of single formats share: the context of one record, the syslog
 * header before it, memory per source, and scanning helpers.
 *
 * A parser gets the open event of ctx->batch, adds fields, and may set ctx->ev->time_ns, dataset,
 * flags and repeat.  Values are slices of the record, or of the batch's arena where they had to be
 * decoded.  A parser never keeps a slice beyond the call: what it must remember goes by value into
 * memory from tsn_parse_state().
 */
#ifndef TSN_PARSE_PARSE_INT_H
#define TSN_PARSE_PARSE_INT_H

#include "event/doc.h"
#include "parse/parse.h"

#include "base/compiler.h"
#include "base/num.h"
#include "parse/date.h"

/** What stood before the message.  A slice is empty (ptr may be NULL) where it was absent. */
struct tsn_syslog {
	struct tsn_slice host;
	struct tsn_slice program;	/* "sshd", "postfix/smtpd"; without pid */
	struct tsn_slice qualifier;	/* "pam_unix" of "sshd(pam_unix)[1]" */
	struct tsn_slice pid;
	struct tsn_slice msgid;		/* RFC 5424 */
	struct tsn_slice structured;	/* RFC 5424: all of STRUCTURED-DATA, with brackets */
	int priority;			/* -1 when the record had none */
};

struct tsn_parse_ctx {
	struct tsn_batch *batch;
	struct tsn_event *ev;		/* the open event of batch */
	struct tsn_keys *keys;
	const struct tsn_record *record;
	const struct tsn_source *source;
	struct tsn_date_ctx date;	/* for tsn_date_*: zone and clock of this record */
	/** Header of the syslog message whose body is being parsed; NULL outside of syslog. */
	const struct tsn_syslog *syslog;
	/** Set by a parser when the record is only framing and makes no event (return TSN_OK). */
	bool framing;
	struct tsn_doc *doc;		/* flattener of JSON documents (event/doc.h) */
	struct tsn_parser *parser;
	struct tsn_source_state *state;
};

/**
 * Memory of a format for the source of this record, zeroed when new: `bytes` of it, the same each
 * time.  owner: any address that is the format's own.  done (may be NULL) runs before it is freed.
 * NULL when out of memory.  It is lost when more than TSN_PARSE_SOURCES sources are busy at once.
 */
void *tsn_parse_state(struct tsn_parse_ctx *ctx, const void *owner, size_t bytes,
    void (*done)(void *));
#define TSN_PARSE_SOURCES 4096u
#define TSN_PARSE_STATE_SLOTS 6u

/**
 * Parses text that stands inside a record (the message of a syslog line, the MESSAGE of a journal
 * entry) by program name, then by content.  TSN_EPARSE when no parser wants it: the event is then
 * as it was, and the caller makes it a plain message.
 */
enum tsn_code tsn_parse_body(struct tsn_parse_ctx *ctx, const struct tsn_syslog *header,
    struct tsn_slice body);

/** After the record: adds what came beside it. */
void tsn_parse_aside(struct tsn_parse_ctx *ctx, const struct tsn_aside *aside);

/**
 * Parses a whole record that stands inside another (a line in a document of a shipper).  maybe:
 * also by descriptors that are not sure.  After TSN_EPARSE the caller takes the event back to what
 * it was.
 */
enum tsn_code tsn_parse_record_inside(struct tsn_parse_ctx *ctx, struct tsn_slice text,
    bool maybe);

/**
 * The time of the event, from tsn_date_*: found sets time_ns and, if the text had no zone,
 * TSN_EV_TIME_UNZONED; not found leaves the time unknown.
 */
static inline void
tsn_parse_set_time(struct tsn_parse_ctx *ctx, const struct tsn_date *d)
{
	if (d->ns == TSN_TIME_NONE)
		return;
	ctx->ev->time_ns = d->ns;
	if (!d->zoned)
		ctx->ev->flags |= TSN_EV_TIME_UNZONED;
}

/*
 * As tsn_event_add_*, inlined: an event has 10 to 20 of them.  A field is written member by member
 * where it will stay; built on the stack and copied it costs a failed store forwarding each.
 */
static inline struct tsn_field *
tsn_put_slot(struct tsn_parse_ctx *ctx, tsn_key key)
{
	struct tsn_event *ev = ctx->ev;

	if (TSN_LIKELY(ev->field_count < ctx->batch->open_field_cap && key != TSN_KEY_NONE))
		return &ev->fields[ev->field_count++];
	return NULL;
}

static inline void
tsn_put(struct tsn_parse_ctx *ctx, const struct tsn_field *f)
{
	struct tsn_field *slot = tsn_put_slot(ctx, f->key);

	if (TSN_LIKELY(slot != NULL))
		*slot = *f;
	else
		tsn_event_add(ctx->batch, f);
}

static inline void
tsn_put_str(struct tsn_parse_ctx *ctx, tsn_key key, struct tsn_slice v)
{
	struct tsn_field *f = tsn_put_slot(ctx, key);

	if (TSN_UNLIKELY(f == NULL)) {
		tsn_event_add_str(ctx->batch, key, v);
		return;
	}
	f->ptr = v.ptr == NULL ? "" : v.ptr;
	f->num.i = 0;
	f->len = (uint32_t)v.len;
	f->key = key;
	f->pos = 0;
	f->type = TSN_T_STR;
	f->flags = 0;
	f->reserved = 0;
}
#define TSN_PUT_LIT(ctx, key, literal) tsn_put_str((ctx), (key), TSN_SLICE(literal))

/** As put_str, unless v is empty. */
static inline void
tsn_put_some(struct tsn_parse_ctx *ctx, tsn_key key, struct tsn_slice v)
{
	if (v.len > 0)
		tsn_put_str(ctx, key, v);
}

static inline void
tsn_put_int(struct tsn_parse_ctx *ctx, tsn_key key, int64_t v, struct tsn_slice text)
{
	struct tsn_field *f = tsn_put_slot(ctx, key);

	if (TSN_UNLIKELY(f == NULL)) {
		tsn_event_add_int(ctx->batch, key, v, text);
		return;
	}
	f->ptr = text.ptr;
	f->num.i = v;
	f->len = (uint32_t)text.len;
	f->key = key;
	f->pos = 0;
	f->type = TSN_T_INT;
	f->flags = 0;
	f->reserved = 0;
}

/** A number of 1 to 18 digits, none of them a leading 0, as an integer; other text as a string. */
static inline void
tsn_put_num(struct tsn_parse_ctx *ctx, tsn_key key, struct tsn_slice v)
{
	int64_t n = 0;

	if (v.len > 1 && v.ptr[0] == '0') {
		tsn_put_str(ctx, key, v);
		return;
	}
	for (size_t i = 0; i < v.len; i++) {
		unsigned digit = (unsigned)(unsigned char)v.ptr[i] - '0';

		if (digit > 9 || i >= 18) {
			tsn_event_add_num(ctx->batch, key, v);
			return;
		}
		n = n * 10 + (int64_t)digit;
	}
	if (v.len > 0)
		tsn_put_int(ctx, key, n, v);
}

/**
 * An address as it stands in a log: `ip_key` when it is an IPv4 or IPv6 address (a zone such as
 * %eth0 cut off, brackets taken off), else `name_key` (TSN_KEY_NONE: left out).  Empty and "-" add
 * nothing.
 */
void tsn_put_address(struct tsn_parse_ctx *ctx, tsn_key ip_key, tsn_key name_key,
    struct tsn_slice v);

/** True for a dotted quad. */
bool tsn_scan_is_ipv4(struct tsn_slice s);
/** True for IPv4 or for what looks like an IPv6 address (hex groups and at least two colons). */
bool tsn_scan_is_ip(struct tsn_slice s);

/* A cursor over text: a scan_* moves past what it found and says true, or does nothing. */
struct tsn_scan {
	const char *at;
	const char *end;
};

static inline struct tsn_scan
tsn_scan_of(struct tsn_slice s)
{
	return (struct tsn_scan){s.ptr, s.len == 0 ? s.ptr : s.ptr + s.len};
}

static inline struct tsn_slice
tsn_scan_rest(const struct tsn_scan *s)
{
	return (struct tsn_slice){s->at, (size_t)(s->end - s->at)};
}

static inline size_t
tsn_scan_left(const struct tsn_scan *s)
{
	return (size_t)(s->end - s->at);
}

static inline bool
tsn_scan_is(const struct tsn_scan *s, const char *text, size_t len)
{
	return (size_t)(s->end - s->at) >= len && memcmp(s->at, text, len) == 0;
}

static inline bool
tsn_scan_text(struct tsn_scan *s, const char *text, size_t len)
{
	if (!tsn_scan_is(s, text, len))
		return false;
	s->at += len;
	return true;
}
/** Past a literal. */
#define TSN_SCAN(s, literal) tsn_scan_text((s), (literal), sizeof(literal) - 1)
/** s begins with a literal. */
#define TSN_STARTS(slice, literal) \
	((slice).len >= sizeof(literal) - 1 && \
	    memcmp((slice).ptr, (literal), sizeof(literal) - 1) == 0)
#define TSN_EQ(slice, literal) \
	((slice).len == sizeof(literal) - 1 && \
	    memcmp((slice).ptr, (literal), sizeof(literal) - 1) == 0)

/** Up to byte c, which is passed too; false when it does not come. */
static inline bool
tsn_scan_to(struct tsn_scan *s, char c, struct tsn_slice *ret)
{
	const char *hit = s->at == s->end ? NULL : memchr(s->at, c, (size_t)(s->end - s->at));

	if (hit == NULL)
		return false;
	*ret = (struct tsn_slice){s->at, (size_t)(hit - s->at)};
	s->at = hit + 1;
	return true;
}

/** Up to byte c, which is passed too, or all that is left. */
static inline struct tsn_slice
tsn_scan_field(struct tsn_scan *s, char c)
{
	struct tsn_slice v = tsn_scan_rest(s);

	if (!tsn_scan_to(s, c, &v))
		s->at = s->end;
	return v;
}

/** Up to a blank (not passed) or all that is left; may be empty. */
static inline struct tsn_slice
tsn_scan_word(struct tsn_scan *s)
{
	const char *from = s->at;

	while (s->at < s->end && *s->at != ' ' && *s->at != '\t')
		s->at++;
	return (struct tsn_slice){from, (size_t)(s->at - from)};
}

static inline void
tsn_scan_blanks(struct tsn_scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
		s->at++;
}

static inline bool
tsn_is_digit(char c)
{
	return (unsigned char)(c - '0') <= 9;
}

/** Decimal digits; empty when there are none. */
static inline struct tsn_slice
tsn_scan_digits(struct tsn_scan *s)
{
	const char *from = s->at;

	while (s->at < s->end && tsn_is_digit(*s->at))
		s->at++;
	return (struct tsn_slice){from, (size_t)(s->at - from)};
}

/** Where `text` last stands in s, or SIZE_MAX. */
size_t tsn_slice_rfind(struct tsn_slice s, struct tsn_slice text);

#endif
