/* Output email: one message an event, as MIME. */
#include <stdio.h>
#include <string.h>

#include "codec/base64.h"
#include "os/clock.h"
#include "os/file.h"
#include "pipeline/joda.h"
#include "pipeline/ship_int.h"

#define ATTACHMENT_MAX (10u << 20)
#define ATTACHMENTS_MAX 16u

struct out_mail {
	struct tsn_po po;
	struct tsn_tmpl to, from, cc, bcc, replyto, subject, body, html;
	bool has_html;
	uint64_t number;
};

static enum tsn_code
mail_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct out_mail *m = tsn_pi_alloc(in, 1, sizeof *m);
	struct tsn_ship_mail_options o = {.host = tsn_pi_text(in, "address", "localhost"),
		.domain = tsn_pi_text(in, "domain", "localhost"),
		.starttls = tsn_pi_bool(in, "use_tls", false)};
	struct tsn_ship_dest dest;
	struct tsn_arena *a = &in->pl->conf->arena;
	uint64_t port;

	if (m == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->state = m;
	if (!tsn_tmpl_parse(a, tsn_pi_str(in, "to", ""), &m->to) ||
	    !tsn_tmpl_parse(a, tsn_pi_str(in, "from", "logstash.alert@example.com"), &m->from) ||
	    !tsn_tmpl_parse(a, tsn_pi_str(in, "cc", ""), &m->cc) ||
	    !tsn_tmpl_parse(a, tsn_pi_str(in, "bcc", ""), &m->bcc) ||
	    !tsn_tmpl_parse(a, tsn_pi_str(in, "replyto", ""), &m->replyto) ||
	    !tsn_tmpl_parse(a, tsn_pi_str(in, "subject", ""), &m->subject) ||
	    !tsn_tmpl_parse(a, tsn_pi_str(in, "body", ""), &m->body) ||
	    !tsn_tmpl_parse(a, tsn_pi_str(in, "htmlbody", ""), &m->html))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	m->has_html = m->html.text.len > 0;
	TSN_TRY(tsn_pi_count(in, "port", 25, 1, 65535, &port, err));
	TSN_TRY(tsn_po_client(in, &o.client, err));
	o.port = (uint16_t)port;
	o.client.user = tsn_pi_text(in, "username", NULL);
	o.client.tls = port == 465;
	TSN_TRY(tsn_ship_mail(&o, &dest, err));
	return tsn_po_open(in, &dest, err);
}

/* addresses between commas, one a line; nothing that could be a header of its own */
static void
add_addresses(struct tsn_buf *out, struct tsn_slice list)
{
	for (size_t i = 0; i < list.len; i++) {
		char c = list.ptr[i];

		if (c == ',' || c == ';')
			tsn_buf_char(out, '\n');
		else if ((unsigned char)c > ' ')
			tsn_buf_char(out, c);
	}
	tsn_buf_char(out, '\n');
}

static void
encode(struct tsn_slice bytes, struct tsn_buf *out)
{
	if (tsn_buf_room(out, TSN_BASE64_LEN(bytes.len)))
		out->len += tsn_base64_encode(bytes, out->ptr + out->len);
}

static void
add_base64(struct tsn_buf *out, struct tsn_slice bytes, size_t width)
{
	size_t step = width / 4 * 3;

	while (bytes.len > 0) {
		size_t n = bytes.len < step ? bytes.len : step;

		encode(tsn_slice_of(bytes.ptr, n), out);
		if (bytes.len > n || width == 76)
			tsn_buf_lit(out, "\r\n");
		bytes = tsn_slice_from(bytes, n);
	}
}

/* RFC 2047 where it is not plain ASCII */
static void
add_header(struct tsn_buf *out, const char *name, struct tsn_slice value)
{
	bool plain = true;

	if (value.len == 0)
		return;
	for (size_t i = 0; i < value.len; i++)
		plain &= (unsigned char)value.ptr[i] >= ' ' && (unsigned char)value.ptr[i] < 0x7f;
	tsn_buf_printf(out, "%s: ", name);
	if (plain) {
		tsn_buf_slice(out, value);
	} else {
		/* words of at most 75 characters, cut between characters */
		while (value.len > 0) {
			size_t n = value.len < 42 ? value.len : 42;

			while (n < value.len && n > 30 && ((unsigned char)value.ptr[n] & 0xc0) == 0x80)
				n--;
			tsn_buf_lit(out, "=?UTF-8?B?");
			encode(tsn_slice_of(value.ptr, n), out);
			tsn_buf_lit(out, "?=");
			value = tsn_slice_from(value, n);
			if (value.len > 0)
				tsn_buf_lit(out, "\r\n ");
		}
	}
	tsn_buf_lit(out, "\r\n");
}

static void
add_part(struct tsn_buf *out, const char *type, struct tsn_slice text)
{
	tsn_buf_printf(out, "Content-Type: %s; charset=UTF-8\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\n", type);
	add_base64(out, text, 76);
}

static void
add_attachment(struct tsn_pinst *in, struct tsn_buf *out, const char *boundary,
    struct tsn_slice path)
{
	struct tsn_slice name = path;
	struct tsn_buf bytes;
	struct tsn_err why = {0};
	const char *text = tsn_arena_dup(&in->pl->arena, path).ptr;

	for (size_t i = 0; i < path.len; i++)
		if (path.ptr[i] == '/')
			name = tsn_slice_from(path, i + 1);
	tsn_buf_init(&bytes, ATTACHMENT_MAX);
	if (text == NULL ||
	    tsn_file_read_all(&tsn_file_system, text, &bytes, &why) != TSN_OK) {
		tsn_pl_say(in, "attachment left out: %s", why.msg);
	} else {
		tsn_buf_printf(out, "--%s\r\nContent-Type: application/octet-stream\r\n"
		    "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; "
		    "filename=\"%.*s\"\r\n\r\n", boundary, TSN_SLICE_ARG(name));
		add_base64(out, tsn_buf_get(&bytes), 76);
	}
	tsn_buf_done(&bytes);
}

static void
write_head(struct tsn_pinst *in, struct out_mail *m, struct tsn_pev *ev, struct tsn_buf *b)
{
	int64_t now = in->pl->env.now_ns(in->pl->env.ctx);

	add_header(b, "From", tsn_tmpl_text(&m->from, ev));
	add_header(b, "To", tsn_tmpl_text(&m->to, ev));
	add_header(b, "Cc", tsn_tmpl_text(&m->cc, ev));
	add_header(b, "Reply-To", tsn_tmpl_text(&m->replyto, ev));
	add_header(b, "Subject", tsn_tmpl_text(&m->subject, ev));
	tsn_buf_lit(b, "Date: ");
	tsn_joda_write(TSN_SLICE("EEE, dd MMM yyyy HH:mm:ss"), now, b);
	tsn_buf_printf(b, " +0000\r\nMessage-ID: <%lld.%llu.tocsin@%.*s>\r\nMIME-Version: 1.0\r\n",
	    (long long)now, (unsigned long long)++m->number, TSN_SLICE_ARG(in->pl->env.host));
}

static void
write_message(struct tsn_pinst *in, struct out_mail *m, struct tsn_pev *ev)
{
	static const char boundary[] = "=_tocsin_part_=", inner[] = "=_tocsin_text_=";
	uint32_t count;
	const struct tsn_conf_value *files = tsn_pi_list(in, "attachments", &count);
	struct tsn_buf *b = &m->po.text;
	struct tsn_slice body = tsn_tmpl_text(&m->body, ev);
	const char *type = tsn_pi_text(in, "contenttype", "text/plain");

	write_head(in, m, ev, b);
	if (count > 0)
		tsn_buf_printf(b, "Content-Type: multipart/mixed; boundary=\"%s\"\r\n\r\n--%s\r\n",
		    boundary, boundary);
	if (m->has_html) {
		tsn_buf_printf(b, "Content-Type: multipart/alternative; boundary=\"%s\"\r\n\r\n--%s\r\n",
		    inner, inner);
		add_part(b, "text/plain", body);
		tsn_buf_printf(b, "--%s\r\n", inner);
		add_part(b, "text/html", tsn_tmpl_text(&m->html, ev));
		tsn_buf_printf(b, "--%s--\r\n", inner);
	} else {
		add_part(b, strncmp(type, "text/html", 9) == 0 ? "text/html" : "text/plain", body);
	}
	for (uint32_t i = 0; i < count && i < ATTACHMENTS_MAX; i++)
		add_attachment(in, b, boundary, files[i].text);
	if (count > 0)
		tsn_buf_printf(b, "--%s--\r\n", boundary);
}

static enum tsn_code
mail_write(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_err *err)
{
	struct out_mail *m = in->state;
	struct tsn_slice parts[3];
	struct tsn_buf to;

	tsn_buf_init(&to, 1u << 20);
	add_addresses(&to, tsn_tmpl_text(&m->to, ev));
	add_addresses(&to, tsn_tmpl_text(&m->cc, ev));
	add_addresses(&to, tsn_tmpl_text(&m->bcc, ev));
	parts[1] = tsn_pl_keep(ev, &to);
	tsn_buf_init(&to, 4096);
	add_addresses(&to, tsn_tmpl_text(&m->from, ev));
	parts[0] = tsn_slice_trim(tsn_pl_keep(ev, &to));
	tsn_buf_reset(&m->po.text);
	write_message(in, m, ev);
	parts[2] = tsn_buf_get(&m->po.text);
	if (parts[0].ptr == NULL || parts[1].ptr == NULL || tsn_buf_check(&m->po.text) != TSN_OK)
		TSN_FAIL(err, TSN_ELIMIT, "the event is too large");
	return tsn_po_put(in, parts, 3, err);
}

const struct tsn_poutput tsn_output_email = {.open = mail_open, .close = tsn_po_close,
    .write = mail_write, .flush = tsn_po_flush, .counts = tsn_po_counts};
