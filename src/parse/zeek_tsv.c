/*
 * Zeek's own log format: tab-separated columns under a header that names and types them.
 *
 * The header is kept per source.  A header line that breaks is a pipeline_error, and so is a row
 * that does not have the header's number of columns; where no types were read the columns are
 * strings.  Rows without any header are read by Zeek's default columns when the file's name is that
 * of a well-known log and the number of columns fits.
 */
#include <stdlib.h>

#include "codec/hex.h"
#include "parse/json_int.h"

#define COLUMNS_MAX 512u
#define WORD_MAX 16u

enum zeek_type {
	Z_STRING,
	Z_COUNT,		/* count, int, port */
	Z_DOUBLE,		/* time, interval, double */
	Z_BOOL,
};

struct column {
	tsn_key key;
	uint8_t type;		/* enum zeek_type, of elements for a list */
	uint8_t mark;
	bool list;
};

struct word {
	char text[WORD_MAX];
	uint8_t len;
};

struct header {
	char separator;
	struct word set_separator, empty, unset;
	char path[64];
	uint8_t path_len;
	bool typed;
	uint32_t count;
	struct column columns[COLUMNS_MAX];
};

struct state {
	struct header *header;	/* NULL until a header line was seen */
};

static void
state_done(void *data)
{
	struct state *st = data;

	free(st->header);
	st->header = NULL;
}

/* Zeek's default columns, for rows whose header is not there. */
static const struct {
	const char *log, *fields, *types;
} defaults[] = {
	{"conn", "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes "
	    "resp_bytes conn_state local_orig local_resp missed_bytes history orig_pkts orig_ip_bytes "
	    "resp_pkts resp_ip_bytes tunnel_parents ip_proto",
	    "time string addr port addr port enum string interval count count string bool bool count "
	    "string count count count count set[string] count"},
	{"dns", "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto trans_id rtt query qclass "
	    "qclass_name qtype qtype_name rcode rcode_name AA TC RD RA Z answers TTLs rejected",
	    "time string addr port addr port enum count interval string count string count string "
	    "count string bool bool bool bool count vector[string] vector[interval] bool"},
	{"http", "ts uid id.orig_h id.orig_p id.resp_h id.resp_p trans_depth method host uri referrer "
	    "version user_agent origin request_body_len response_body_len status_code status_msg "
	    "info_code info_msg tags username password proxied orig_fuids orig_filenames "
	    "orig_mime_types resp_fuids resp_filenames resp_mime_types",
	    "time string addr port addr port count string string string string string string string "
	    "count count count string count string set[enum] string string set[string] vector[string] "
	    "vector[string] vector[string] vector[string] vector[string] vector[string]"},
	{"weird", "ts uid id.orig_h id.orig_p id.resp_h id.resp_p name addl notice peer source",
	    "time string addr port addr port string string bool string string"},
	{"known_hosts", "ts host", "time addr"},
	{"known_services", "ts host port_num port_proto service",
	    "time addr port enum set[string]"},
};

/* "\x09" and plain characters of a header value. */
static bool
read_word(struct tsn_slice text, struct word *ret)
{
	ret->len = 0;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (c == '\\' && text.len - i >= 4 && text.ptr[i + 1] == 'x') {
			if (tsn_hex_decode((struct tsn_slice){text.ptr + i + 2, 2}, &c) != TSN_OK)
				return false;
			i += 3;
		}
		if (ret->len == WORD_MAX)
			return false;
		ret->text[ret->len++] = c;
	}
	return ret->len > 0;
}

static void
set_type(struct column *c, struct tsn_slice type)
{
	static const char *const lists[] = {"set[", "vector[", "table[", "list["};

	for (size_t i = 0; i < TSN_COUNT(lists); i++) {
		struct tsn_slice start = tsn_slice_cstr(lists[i]);

		if (!tsn_slice_starts(type, start) || type.ptr[type.len - 1] != ']')
			continue;
		c->list = true;
		type = (struct tsn_slice){type.ptr + start.len, type.len - start.len - 1};
		break;
	}
	if (TSN_EQ(type, "count") || TSN_EQ(type, "int") || TSN_EQ(type, "port") ||
	    TSN_EQ(type, "counter"))
		c->type = Z_COUNT;
	else if (TSN_EQ(type, "time") || TSN_EQ(type, "interval") || TSN_EQ(type, "double"))
		c->type = Z_DOUBLE;
	else if (TSN_EQ(type, "bool"))
		c->type = Z_BOOL;
	else
		c->type = Z_STRING;
}

static bool
set_fields(struct tsn_keys *keys, struct header *h, struct tsn_slice log, struct tsn_slice names,
    char separator)
{
	struct tsn_scan s = tsn_scan_of(names);
	tsn_key base;

	h->count = 0;
	h->typed = false;
	h->path_len = (uint8_t)(log.len < sizeof h->path ? log.len : sizeof h->path);
	memcpy(h->path, log.ptr, h->path_len);
	base = tsn_zeek_base(keys, log);
	while (s.at < s.end) {
		struct tsn_slice name = tsn_scan_field(&s, separator);

		if (h->count == COLUMNS_MAX || name.len == 0)
			return false;
		h->columns[h->count++] = (struct column){.key = tsn_keys_child(keys, base, name),
		    .mark = tsn_zeek_mark(name)};
	}
	return h->count > 0;
}

static bool
set_types(struct header *h, struct tsn_slice types, char separator)
{
	struct tsn_scan s = tsn_scan_of(types);
	uint32_t n = 0;

	while (s.at < s.end) {
		struct tsn_slice type = tsn_scan_field(&s, separator);

		if (n == h->count)
			return false;
		set_type(&h->columns[n++], type);
	}
	h->typed = n == h->count;
	return h->typed;
}

static struct tsn_slice
path_of(const struct header *h)
{
	return (struct tsn_slice){h->path, h->path_len};
}

static void
reset(struct header *h)
{
	*h = (struct header){.separator = '\t', .set_separator = {",", 1}, .empty = {"(empty)", 7},
	    .unset = {"-", 1}};
}

/* Reads one header line; a text says what is wrong with it. */
static const char *
read_header(struct tsn_parse_ctx *ctx, struct header *h, struct tsn_slice line)
{
	struct tsn_scan s = tsn_scan_of(tsn_slice_from(line, 1));
	struct tsn_slice name, value;
	size_t n = 0;

	while (s.at + n < s.end && s.at[n] >= 'a' && s.at[n] <= 'z')
		n++;
	while (s.at + n < s.end && (s.at[n] == '_' || (s.at[n] >= 'a' && s.at[n] <= 'z')))
		n++;
	name = (struct tsn_slice){s.at, n};
	value = tsn_slice_from(tsn_scan_rest(&s), n + (s.at + n < s.end));
	if (TSN_EQ(name, "separator")) {
		struct word w;

		reset(h);
		if (!read_word(value, &w) || w.len != 1)
			return "Zeek header: expected one character behind #separator";
		h->separator = w.text[0];
	} else if (TSN_EQ(name, "set_separator")) {
		if (!read_word(value, &h->set_separator) || h->set_separator.len != 1)
			return "Zeek header: expected one character behind #set_separator";
	} else if (TSN_EQ(name, "empty_field")) {
		if (!read_word(value, &h->empty))
			return "Zeek header: expected a short text behind #empty_field";
	} else if (TSN_EQ(name, "unset_field")) {
		if (!read_word(value, &h->unset))
			return "Zeek header: expected a short text behind #unset_field";
	} else if (TSN_EQ(name, "path")) {
		if (value.len == 0 || value.len > sizeof h->path)
			return "Zeek header: expected the name of a log behind #path";
		memcpy(h->path, value.ptr, value.len);
		h->path_len = (uint8_t)value.len;
	} else if (TSN_EQ(name, "fields")) {
		struct tsn_slice log = path_of(h);

		if (log.len == 0)
			log = tsn_zeek_log_of_path(ctx->source->path);
		if (!set_fields(ctx->keys, h, log, value, h->separator))
			return "Zeek header: expected 1 to 512 names of columns behind #fields";
	} else if (TSN_EQ(name, "types")) {
		if (!set_types(h, value, h->separator))
			return "Zeek header: #types does not have as many columns as #fields";
	}
	return NULL;
}

static bool
is_header(struct tsn_slice line)
{
	static const char *const names[] = {"#separator ", "#separator\t", "#set_separator",
	    "#empty_field", "#unset_field", "#path", "#open", "#close", "#fields", "#types"};

	if (line.len < 5 || line.ptr[0] != '#')
		return false;
	for (size_t i = 0; i < TSN_COUNT(names); i++) {
		struct tsn_slice name = tsn_slice_cstr(names[i]);

		if (tsn_slice_starts(line, name) && (i < 2 || line.len == name.len ||
		    (line.ptr[name.len] != '_' && !(line.ptr[name.len] >= 'a' &&
		    line.ptr[name.len] <= 'z') && line.ptr[name.len] != ' ')))
			return true;
	}
	return false;
}

/* "\x2c" -> ','; what is not a whole escape stays. */
static struct tsn_slice
unescape(struct tsn_parse_ctx *ctx, struct tsn_slice v)
{
	char *out, *p;

	if (memchr(v.ptr, '\\', v.len) == NULL || tsn_slice_find(v, TSN_SLICE("\\x")) == SIZE_MAX)
		return v;
	p = out = tsn_arena_alloc(&ctx->batch->arena, v.len);
	if (out == NULL)
		return v;
	for (size_t i = 0; i < v.len; i++) {
		if (v.ptr[i] == '\\' && v.len - i >= 4 && v.ptr[i + 1] == 'x' &&
		    tsn_hex_decode((struct tsn_slice){v.ptr + i + 2, 2}, p) == TSN_OK) {
			p++;
			i += 3;
			continue;
		}
		*p++ = v.ptr[i];
	}
	return (struct tsn_slice){out, (size_t)(p - out)};
}

static bool
is_word(struct tsn_slice v, const struct word *w)
{
	return v.len == w->len && memcmp(v.ptr, w->text, w->len) == 0;
}

static void
put_value(struct tsn_parse_ctx *ctx, const struct column *c, struct tsn_slice v, uint32_t pos)
{
	struct tsn_field f = {.ptr = v.ptr, .len = (uint32_t)v.len, .key = c->key, .pos = pos,
	    .type = TSN_T_STR};

	switch ((enum zeek_type)c->type) {
	case Z_COUNT:
		if (tsn_num_parse_i64(v, &f.num.i) == TSN_OK)
			f.type = TSN_T_INT;
		else if (tsn_num_parse_u64(v, &f.num.u) == TSN_OK)
			f.type = TSN_T_UINT;
		break;
	case Z_DOUBLE:
		if (tsn_num_parse_f64(v, &f.num.d) == TSN_OK)
			f.type = TSN_T_FLOAT;
		break;
	case Z_BOOL:
		if (v.len == 1 && (v.ptr[0] == 'T' || v.ptr[0] == 'F'))
			f = (struct tsn_field){.num.i = v.ptr[0] == 'T', .key = c->key, .pos = pos,
			    .type = TSN_T_BOOL};
		break;
	case Z_STRING:
		break;
	}
	if (f.type == TSN_T_STR) {
		v = unescape(ctx, v);
		f.ptr = v.ptr;
		f.len = (uint32_t)v.len;
	}
	tsn_put(ctx, &f);
}

static void
put_column(struct tsn_parse_ctx *ctx, const struct header *h, const struct column *c,
    struct tsn_slice v)
{
	uint32_t index = 0;
	struct tsn_scan s = tsn_scan_of(v);
	bool more;

	if (!c->list) {
		put_value(ctx, c, is_word(v, &h->empty) ? TSN_SLICE("") : v, 0);
		return;
	}
	if (v.len == 0 || is_word(v, &h->empty)) {
		tsn_put(ctx, &(struct tsn_field){.key = c->key, .type = TSN_T_LIST});
		return;
	}
	do {
		const char *hit = memchr(s.at, h->set_separator.text[0], tsn_scan_left(&s));
		struct tsn_slice one = tsn_scan_field(&s, h->set_separator.text[0]);
		uint32_t pos;

		more = hit != NULL;
		if (c->key == TSN_KEY_NONE || is_word(one, &h->unset))
			continue;
		pos = tsn_event_add_pos(ctx->batch, 0, c->key, index++);
		if (pos == 0)
			return;
		put_value(ctx, c, one, pos);
	} while (more);
}

static enum tsn_code
parse_row(struct tsn_parse_ctx *ctx, const struct header *h, struct tsn_slice line)
{
	uint16_t marks[TSN_ZEEK_MARKS] = {0};
	struct json_state state = {0};
	struct json_doc d = {.ctx = ctx, .marks = marks, .first = ctx->ev->field_count,
	    .state = &state};
	struct tsn_scan s = tsn_scan_of(line);
	uint32_t n = 0;
	bool more = true;
	tsn_key base = tsn_zeek_base(ctx->keys, path_of(h));

	if (base != TSN_KEY_NONE)
		ctx->ev->dataset = tsn_keys_name(ctx->keys, base);
	for (; more && n < h->count; n++) {
		const struct column *c = &h->columns[n];
		const char *hit = memchr(s.at, h->separator, tsn_scan_left(&s));
		struct tsn_slice v = tsn_scan_field(&s, h->separator);

		more = hit != NULL;
		if (is_word(v, &h->unset))
			continue;
		if (c->mark != 0 && marks[c->mark] == 0)
			marks[c->mark] = (uint16_t)(ctx->ev->field_count + 1);
		put_column(ctx, h, c, v);
	}
	if (more || n != h->count) {
		tsn_event_fail(ctx->batch,
		    TSN_SLICE("Zeek: the row does not have as many columns as #fields"));
		return TSN_OK;
	}
	tsn_zeek_finish(&d, path_of(h));
	return TSN_OK;
}

/* Rows without a header: the default columns, when name and number fit (the last may lack). */
static struct header *
default_header(struct tsn_parse_ctx *ctx, struct tsn_slice line)
{
	struct tsn_slice log = tsn_zeek_log_of_path(ctx->source->path);
	struct header *h;
	uint32_t columns = 1;

	for (size_t i = 0; i < line.len; i++)
		columns += line.ptr[i] == '\t';
	for (size_t i = 0; i < TSN_COUNT(defaults); i++) {
		if (!tsn_slice_eq(log, tsn_slice_cstr(defaults[i].log)))
			continue;
		h = calloc(1, sizeof *h);
		if (h == NULL)
			return NULL;
		reset(h);
		if (!set_fields(ctx->keys, h, log, tsn_slice_cstr(defaults[i].fields), ' ') ||
		    !set_types(h, tsn_slice_cstr(defaults[i].types), ' ') ||
		    (columns != h->count && columns + 1 != h->count)) {
			free(h);
			return NULL;
		}
		h->count = columns;
		return h;
	}
	return NULL;
}

static enum tsn_code
parse(struct tsn_parse_ctx *ctx, struct tsn_slice line)
{
	static const char owner;
	struct state *st;
	const char *why;

	if (ctx->source->kind.len > 0 && line.len > 0 && line.ptr[0] == '{')
		return tsn_json_parse_as(ctx, &tsn_json_zeek, line);
	st = tsn_parse_state(ctx, &owner, sizeof *st, state_done);
	if (st == NULL)
		return TSN_EPARSE;
	if (is_header(line)) {
		if (st->header == NULL) {
			st->header = calloc(1, sizeof *st->header);
			if (st->header == NULL)
				return TSN_EPARSE;
			reset(st->header);
		}
		why = read_header(ctx, st->header, line);
		if (why == NULL)
			ctx->framing = true;
		else
			tsn_event_fail(ctx->batch, tsn_slice_cstr(why));
		return TSN_OK;
	}
	if (st->header == NULL)
		st->header = default_header(ctx, line);
	if (st->header == NULL || st->header->count == 0 ||
	    (line.len > 0 && line.ptr[0] == '#') ||
	    memchr(line.ptr, st->header->separator, line.len) == NULL)
		return TSN_EPARSE;
	return parse_row(ctx, st->header, line);
}

/* A row begins with its time as Zeek prints it, to the microsecond; few logs do otherwise. */
static enum tsn_probe
probe(struct tsn_slice line)
{
	size_t i = 0;

	if (line.ptr[0] == '#')
		return is_header(line) ? TSN_PROBE_YES : TSN_PROBE_NO;
	while (i < line.len && i < 12 && tsn_is_digit(line.ptr[i]))
		i++;
	if (i > 0 && line.len > i + 8 && line.ptr[i] == '.') {
		size_t from = ++i;

		while (i < line.len && tsn_is_digit(line.ptr[i]))
			i++;
		if (i - from == 6 && i < line.len && line.ptr[i] != ' ')
			return TSN_PROBE_YES;
	}
	return memchr(line.ptr, '\t', line.len < 256 ? line.len : 256) != NULL ? TSN_PROBE_MAYBE :
	    TSN_PROBE_NO;
}

const struct tsn_parser_desc tsn_parser_zeek = {
	.kind = "zeek",
	.doc = "Zeek logs, tab-separated with their header, or JSON",
	.probe = probe,
	.parse = parse,
};
