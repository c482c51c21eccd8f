/* Codecs: plain, line, json, json_lines, multiline, rubydebug, dots. */
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <string.h>

#include "pipeline/impl_int.h"
#include "pipeline/rx.h"

#define MULTILINE_BYTES 10485760
#define MULTILINE_LINES 500

static void
put_original(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_slice text)
{
	struct tsn_pv event;

	if (tsn_pi_ecs(in) && tsn_pv_map_new(ev->arena, &event) &&
	    tsn_pv_map_put(ev->arena, event.as.map, TSN_SLICE("original"), tsn_pv_str(text)))
		(void)tsn_pev_put(ev, TSN_SLICE("event"), event);
}

/* Bytes of another charset become UTF-8; what is no character of it becomes U+FFFD. */
static struct tsn_slice
convert(struct tsn_pev *ev, const char *charset, struct tsn_slice record)
{
	iconv_t cd = iconv_open("UTF-8", charset);
	char *in = (char *)(uintptr_t)record.ptr, out[4096], *at;
	size_t left = record.len, room;
	struct tsn_buf b;

	if (cd == (iconv_t)-1)
		return record;
	tsn_buf_init(&b, TSN_PL_BYTES_MAX);
	while (left > 0) {
		size_t n;

		at = out;
		room = sizeof out;
		n = iconv(cd, &in, &left, &at, &room);
		tsn_buf_add(&b, out, (size_t)(at - out));
		if (n == (size_t)-1 && errno != E2BIG) {
			tsn_buf_lit(&b, "\xef\xbf\xbd");
			in++;
			left--;
		}
	}
	(void)iconv_close(cd);
	return tsn_pl_keep(ev, &b);
}

static struct tsn_slice
decode_text(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_slice record)
{
	struct tsn_slice charset = tsn_pi_str(in, "charset", "UTF-8");
	char name[64];

	if (tsn_slice_eq_nocase(charset, TSN_SLICE("UTF-8")) || charset.len >= sizeof name)
		return record;
	(void)snprintf(name, sizeof name, "%.*s", TSN_SLICE_ARG(charset));
	return convert(ev, strcmp(name, "BINARY") == 0 || strcmp(name, "ASCII-8BIT") == 0 ?
	    "ISO-8859-1" : name, record);
}

static void
plain_decode(struct tsn_pinst *in, struct tsn_slice record)
{
	struct tsn_pev *ev = tsn_pl_event(in->pl);
	struct tsn_slice text;

	if (ev != NULL) {
		text = decode_text(in, ev, record);
		(void)tsn_pev_put(ev, TSN_SLICE("message"), tsn_pv_str(text));
		put_original(in, ev, text);
	}
	tsn_pl_decoded(in, ev);
}

struct format_state {
	struct tsn_tmpl format;
	bool has;
};

static enum tsn_code
format_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct format_state *s = tsn_pi_alloc(in, 1, sizeof *s);

	in->state = s;
	if (s == NULL ||
	    !tsn_tmpl_parse(&in->pl->conf->arena, tsn_pi_str(in, "format", ""), &s->format))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	s->has = tsn_pi_get(in, "format") != NULL;
	return TSN_OK;
}

/* an event as Logstash's to_s: time, host, message */
static void
format_encode(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_buf *out)
{
	const struct format_state *s = in->state;
	static const char *const names[] = {"@timestamp", "host", "message"};

	if (s->has) {
		tsn_tmpl_write(&s->format, ev, out);
		return;
	}
	for (size_t i = 0; i < TSN_COUNT(names); i++) {
		const struct tsn_pv *v = tsn_pev_find(ev, tsn_slice_cstr(names[i]));

		if (i > 0)
			tsn_buf_char(out, ' ');
		if (v != NULL)
			tsn_pv_write_text(v, out);
		else
			tsn_buf_printf(out, "%%{%s}", names[i]);
	}
}

static void
line_encode(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_buf *out)
{
	format_encode(in, ev, out);
	tsn_buf_slice(out, tsn_pi_str(in, "delimiter", "\n"));
}

/* one document, or a list of documents */
static void
json_event(struct tsn_pinst *in, struct tsn_pv *v, struct tsn_slice record)
{
	struct tsn_pev *ev = tsn_pl_event(in->pl);
	struct tsn_slice target = tsn_pi_str(in, "target", "");
	struct tsn_pref ref;

	if (ev != NULL && target.len > 0 && tsn_pref_parse(ev->arena, target, &ref))
		(void)tsn_pev_set(ev, &ref, *v);
	else if (ev != NULL)
		tsn_pl_merge(ev, v->as.map);
	if (ev != NULL && tsn_pev_find(ev, TSN_SLICE("event")) == NULL)
		put_original(in, ev, record);
	tsn_pl_decoded(in, ev);
}

static void
json_decode(struct tsn_pinst *in, struct tsn_slice record)
{
	struct tsn_pv v;
	struct tsn_pev *ev;

	record = tsn_slice_trim(record);
	if (record.len == 0)
		return;
	if (tsn_pv_read_json(&in->pl->arena, record, &v, NULL) == TSN_OK) {
		if (v.type == TSN_PV_MAP) {
			json_event(in, &v, record);
			return;
		}
		for (uint32_t i = 0; v.type == TSN_PV_LIST && i < v.as.list->count; i++)
			if (v.as.list->items[i].type == TSN_PV_MAP)
				json_event(in, &v.as.list->items[i], record);
		if (v.type == TSN_PV_LIST)
			return;
	}
	ev = tsn_pl_event(in->pl);
	if (ev != NULL) {
		(void)tsn_pev_put(ev, TSN_SLICE("message"), tsn_pv_str(record));
		(void)tsn_pev_tag(ev, TSN_SLICE("_jsonparsefailure"));
		put_original(in, ev, record);
	}
	tsn_pl_decoded(in, ev);
}

static void
json_encode(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_buf *out)
{
	(void)in;
	tsn_pv_write_json(&ev->root, out);
}

static void
json_lines_encode(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_buf *out)
{
	tsn_pv_write_json(&ev->root, out);
	tsn_buf_slice(out, tsn_pi_str(in, "delimiter", "\n"));
}

static void
rubydebug_encode(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_buf *out)
{
	struct tsn_pv all = ev->root;

	if (tsn_pi_bool(in, "metadata", false) && tsn_pv_copy(ev->arena, &ev->root, &all))
		(void)tsn_pv_map_put(ev->arena, all.as.map, TSN_SLICE("@metadata"), ev->meta);
	tsn_pv_write_ruby(&all, out);
	tsn_buf_char(out, '\n');
}

static void
dots_encode(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_buf *out)
{
	(void)in;
	(void)ev;
	tsn_buf_char(out, '.');
}

struct multiline {
	struct tsn_rx *rx;
	struct tsn_buf held;
	uint32_t lines, lines_max;
	bool negate, next;
};

static enum tsn_code
multiline_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct multiline *m = tsn_pi_alloc(in, 1, sizeof *m);
	struct tsn_err why = {0};
	double lines = tsn_pi_num(in, "max_lines", MULTILINE_LINES);

	in->state = m;
	if (m == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	tsn_buf_init(&m->held, TSN_PL_BYTES_MAX / 4);
	m->negate = tsn_pi_bool(in, "negate", false);
	m->next = tsn_slice_eq(tsn_pi_str(in, "what", ""), TSN_SLICE("next"));
	m->lines_max = lines >= 1 && lines < 1e6 ? (uint32_t)lines : MULTILINE_LINES;
	if (tsn_rx_new(tsn_pi_str(in, "pattern", ""), &m->rx, &why) != TSN_OK)
		return tsn_pi_fail(in, err, "option \"pattern\": %s", why.msg);
	return TSN_OK;
}

static void
multiline_close(struct tsn_pinst *in)
{
	struct multiline *m = in->state;

	if (m == NULL)
		return;
	tsn_rx_free(m->rx);
	tsn_buf_done(&m->held);
}

static void
multiline_finish(struct tsn_pinst *in)
{
	struct multiline *m = in->state;
	struct tsn_slice text;
	struct tsn_pev *ev;

	if (m->lines == 0)
		return;
	text = tsn_arena_dup(&in->pl->arena, m->held.len > 0 ? tsn_buf_get(&m->held) : TSN_SLICE(""));
	ev = text.ptr == NULL ? NULL : tsn_pl_event(in->pl);
	if (ev != NULL) {
		(void)tsn_pev_put(ev, TSN_SLICE("message"), tsn_pv_str(text));
		put_original(in, ev, text);
		if (m->lines > 1)
			(void)tsn_pev_tag(ev, tsn_pi_str(in, "multiline_tag", "multiline"));
		if (m->lines >= m->lines_max)
			(void)tsn_pev_tag(ev, TSN_SLICE("multiline_codec_max_lines_reached"));
	}
	tsn_pl_decoded(in, ev);
	tsn_buf_reset(&m->held);
	m->lines = 0;
}

static void
hold(struct multiline *m, struct tsn_slice line)
{
	if (m->lines > 0)
		tsn_buf_char(&m->held, '\n');
	tsn_buf_slice(&m->held, line);
	m->lines++;
}

static void
multiline_decode(struct tsn_pinst *in, struct tsn_slice record)
{
	struct multiline *m = in->state;
	bool match = tsn_rx_match(m->rx, record, 0) != m->negate;

	if (!m->next && !match)
		multiline_finish(in);
	hold(m, record);
	if ((m->next && !match) || m->lines >= m->lines_max || m->held.len >= MULTILINE_BYTES)
		multiline_finish(in);
}

static bool
multiline_holds(const struct tsn_pinst *in)
{
	const struct multiline *m = in->state;

	return m->lines > 0;
}

const struct tsn_pcodec tsn_codec_plain = {.open = format_open, .decode = plain_decode,
    .encode = format_encode};
const struct tsn_pcodec tsn_codec_line = {.lines = true, .open = format_open,
    .decode = plain_decode, .encode = line_encode};
const struct tsn_pcodec tsn_codec_json = {.decode = json_decode, .encode = json_encode};
const struct tsn_pcodec tsn_codec_json_lines = {.lines = true, .decode = json_decode,
    .encode = json_lines_encode};
const struct tsn_pcodec tsn_codec_multiline = {.lines = true, .open = multiline_open,
    .close = multiline_close, .decode = multiline_decode, .finish = multiline_finish,
    .holds = multiline_holds, .encode = json_lines_encode};
const struct tsn_pcodec tsn_codec_rubydebug = {.decode = plain_decode,
    .encode = rubydebug_encode};
const struct tsn_pcodec tsn_codec_dots = {.decode = plain_decode, .encode = dots_encode};
