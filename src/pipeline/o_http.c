/* Output http. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "pipeline/ship_int.h"

enum format { JSON, JSON_BATCH, FORM, MESSAGE };

struct out_http {
	struct tsn_po po;
	enum format format;
	struct tsn_tmpl url, message;
	struct tsn_slice content_type;
	struct tsn_ppair *headers, *mapping;
	uint32_t header_count, mapping_count;
	struct tsn_buf lines;
};

static enum tsn_code
read_codes(struct tsn_pinst *in, const char *option, const long *dflt, long *ret,
    struct tsn_err *err)
{
	uint32_t count;
	const struct tsn_conf_value *items = tsn_pi_list(in, option, &count);

	if (items == NULL)
		for (count = 0; dflt[count] != 0; count++)
			ret[count] = dflt[count];
	for (uint32_t i = 0; items != NULL && i < count; i++) {
		if (items[i].type != TSN_CONF_NUMBER || items[i].number < 100 || items[i].number > 599 ||
		    i + 1 == TSN_SHIP_CODES_MAX)
			return tsn_pi_fail(in, err, "option \"%s\": expected at most %u status codes", option,
			    TSN_SHIP_CODES_MAX - 1);
		ret[i] = (long)items[i].number;
	}
	return TSN_OK;
}

static enum format
format_of(struct tsn_slice name)
{
	return tsn_slice_eq(name, TSN_SLICE("json_batch")) ? JSON_BATCH :
	    tsn_slice_eq(name, TSN_SLICE("form")) ? FORM :
	    tsn_slice_eq(name, TSN_SLICE("message")) ? MESSAGE : JSON;
}

static enum tsn_code
open_dest(struct tsn_pinst *in, const struct out_http *h, struct tsn_err *err)
{
	static const long none[] = {0}, retryable[] = {429, 500, 502, 503, 504, 0};
	struct tsn_ship_http_options o = {.gzip = tsn_pi_bool(in, "http_compression", false),
		.array = h->format == JSON_BATCH, .retry_failed = tsn_pi_bool(in, "retry_failed", true)};
	struct tsn_slice method = tsn_pi_str(in, "http_method", "post");
	struct tsn_ship_dest dest;
	char *upper = tsn_pi_alloc(in, method.len + 1, 1);

	if (upper == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (size_t i = 0; i < method.len; i++)
		upper[i] = (char)toupper((unsigned char)method.ptr[i]);
	o.method = upper;
	TSN_TRY(tsn_po_client(in, &o.client, err));
	TSN_TRY(read_codes(in, "ignorable_codes", none, o.ignorable, err));
	TSN_TRY(read_codes(in, "retryable_codes", retryable, o.retryable, err));
	TSN_TRY(tsn_ship_http(&o, &dest, err));
	return tsn_po_open(in, &dest, err);
}

static enum tsn_code
http_open(struct tsn_pinst *in, struct tsn_err *err)
{
	static const char *const types[] = {"application/json", "application/json",
	    "application/x-www-form-urlencoded", "text/plain"};
	struct out_http *h = tsn_pi_alloc(in, 1, sizeof *h);

	if (h == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->state = h;
	tsn_buf_init(&h->lines, 65536);
	h->format = format_of(tsn_pi_str(in, "format", "json"));
	h->content_type = tsn_pi_str(in, "content_type", types[h->format]);
	if (h->format == MESSAGE && tsn_pi_get(in, "message") == NULL)
		return tsn_pi_fail(in, err, "format \"message\" needs the option \"message\"");
	if (!tsn_tmpl_parse(&in->pl->conf->arena, tsn_pi_str(in, "url", ""), &h->url) ||
	    !tsn_tmpl_parse(&in->pl->conf->arena, tsn_pi_str(in, "message", ""), &h->message) ||
	    !tsn_pi_pairs(in, "headers", &h->headers, &h->header_count) ||
	    !tsn_pi_pairs(in, "mapping", &h->mapping, &h->mapping_count))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return open_dest(in, h, err);
}

static void
http_close(struct tsn_pinst *in)
{
	struct out_http *h = in->state;

	if (h == NULL)
		return;
	tsn_po_close(in);
	tsn_buf_done(&h->lines);
}

static void
url_encode(struct tsn_buf *out, struct tsn_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.ptr[i];

		if (isalnum(c) || (c != '\0' && strchr("*-._", c) != NULL))
			tsn_buf_char(out, (char)c);
		else if (c == ' ')
			tsn_buf_char(out, '+');
		else
			tsn_buf_printf(out, "%%%02X", c);
	}
}

static void
write_pair(struct out_http *h, struct tsn_slice name, struct tsn_slice value, bool first)
{
	struct tsn_buf *b = &h->po.text;

	if (h->format == FORM) {
		if (!first)
			tsn_buf_char(b, '&');
		url_encode(b, name);
		tsn_buf_char(b, '=');
		url_encode(b, value);
	} else {
		tsn_buf_char(b, first ? '{' : ',');
		tsn_json_write_string(b, name);
		tsn_buf_char(b, ':');
		tsn_json_write_string(b, value);
	}
}

static void
write_form(struct out_http *h, struct tsn_pev *ev)
{
	const struct tsn_pv_map *m = ev->root.as.map;

	for (uint32_t i = 0; i < m->count; i++) {
		struct tsn_buf v;

		tsn_buf_init(&v, TSN_PL_BYTES_MAX);
		tsn_pv_write_text(&m->members[i].value, &v);
		write_pair(h, m->members[i].name, tsn_pl_keep(ev, &v), i == 0);
	}
}

static void
write_body(struct out_http *h, struct tsn_pev *ev)
{
	if (h->format == MESSAGE) {
		tsn_tmpl_write(&h->message, ev, &h->po.text);
	} else if (h->mapping_count > 0) {
		for (uint32_t i = 0; i < h->mapping_count; i++)
			write_pair(h, tsn_tmpl_text(&h->mapping[i].name.tmpl, ev),
			    h->mapping[i].count > 0 ? tsn_tmpl_text(&h->mapping[i].values[0], ev) :
			    TSN_SLICE(""), i == 0);
		if (h->format != FORM)
			tsn_buf_char(&h->po.text, '}');
	} else if (h->format == FORM) {
		write_form(h, ev);
	} else {
		tsn_pv_write_json(&ev->root, &h->po.text);
	}
}

/* text of events must not make headers of its own */
static void
add_line(struct out_http *h, struct tsn_slice name, struct tsn_slice value)
{
	struct tsn_slice both[] = {name, value};

	for (unsigned n = 0; n < 2; n++) {
		for (size_t i = 0; i < both[n].len; i++)
			if ((unsigned char)both[n].ptr[i] >= ' ')
				tsn_buf_char(&h->lines, both[n].ptr[i]);
		tsn_buf_slice(&h->lines, n == 0 ? TSN_SLICE(": ") : TSN_SLICE("\n"));
	}
}

static enum tsn_code
http_write(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_err *err)
{
	struct out_http *h = in->state;
	struct tsn_slice parts[3];

	tsn_buf_reset(&h->lines);
	tsn_buf_reset(&h->po.text);
	add_line(h, TSN_SLICE("Content-Type"), h->content_type);
	for (uint32_t i = 0; i < h->header_count; i++)
		if (h->headers[i].count > 0)
			add_line(h, tsn_tmpl_text(&h->headers[i].name.tmpl, ev),
			    tsn_tmpl_text(&h->headers[i].values[0], ev));
	write_body(h, ev);
	parts[0] = tsn_tmpl_text(&h->url, ev);
	parts[1] = tsn_buf_get(&h->lines);
	parts[2] = tsn_buf_get(&h->po.text);
	if (parts[0].ptr == NULL || tsn_buf_check(&h->lines) != TSN_OK ||
	    tsn_buf_check(&h->po.text) != TSN_OK)
		TSN_FAIL(err, TSN_ELIMIT, "the event is too large");
	return tsn_po_put(in, parts, 3, err);
}

const struct tsn_poutput tsn_output_http = {.open = http_open, .close = http_close,
    .write = http_write, .flush = tsn_po_flush, .counts = tsn_po_counts};
