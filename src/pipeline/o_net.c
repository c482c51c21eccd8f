/* Outputs tcp, udp and syslog. */
#include <string.h>

#include "base/num.h"
#include "pipeline/ship_int.h"

struct out_syslog {
	struct tsn_po po;
	struct tsn_tmpl appname, procid, sourcehost, facility, severity, priority, msgid, message;
	struct tsn_tmpl time;
	bool labels, rfc5424;
};

static enum tsn_code
open_net(struct tsn_pinst *in, enum tsn_ship_net_proto proto, bool tls, double reconnect,
    struct tsn_err *err)
{
	struct tsn_ship_net_options o = {.proto = proto, .host = tsn_pi_text(in, "host", NULL)};
	struct tsn_ship_dest dest;
	uint64_t port;

	if (o.host == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	TSN_TRY(tsn_pi_count(in, "port", 0, 1, 65535, &port, err));
	TSN_TRY(tsn_po_client(in, &o.client, err));
	o.client.tls |= tls;
	o.port = (uint16_t)port;
	o.reconnect_ns = tsn_pi_span(in, "reconnect_interval", reconnect);
	TSN_TRY(tsn_ship_net(&o, &dest, err));
	return tsn_po_open(in, &dest, err);
}

static enum tsn_code
tcp_open(struct tsn_pinst *in, struct tsn_err *err)
{
	in->state = tsn_pi_alloc(in, 1, sizeof(struct tsn_po));
	if (in->state == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (tsn_slice_eq(tsn_pi_str(in, "mode", "client"), TSN_SLICE("server")))
		return tsn_pi_fail(in, err, "mode \"server\": what is sent to whoever happens to be "
		    "connected cannot be counted; let the readers use output kafka or redis");
	return open_net(in, TSN_SHIP_TCP, false, 10, err);
}

static enum tsn_code
udp_open(struct tsn_pinst *in, struct tsn_err *err)
{
	in->state = tsn_pi_alloc(in, 1, sizeof(struct tsn_po));
	if (in->state == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return open_net(in, TSN_SHIP_UDP, false, 1, err);
}

static enum tsn_code
net_write(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_err *err)
{
	struct tsn_slice bytes;

	TSN_TRY(tsn_po_encode(in, ev, &bytes, err));
	return tsn_po_put(in, &bytes, 1, err);
}

const struct tsn_poutput tsn_output_tcp = {.codec = "json", .open = tcp_open,
    .close = tsn_po_close, .write = net_write, .flush = tsn_po_flush, .counts = tsn_po_counts};
const struct tsn_poutput tsn_output_udp = {.codec = "json", .open = udp_open,
    .close = tsn_po_close, .write = net_write, .flush = tsn_po_flush, .counts = tsn_po_counts};

static const char *const facilities[] = {"kernel", "user-level", "mail", "daemon",
    "security/authorization", "syslogd", "line printer", "network news", "uucp", "clock",
    "security/authorization", "ftp", "ntp", "log audit", "log alert", "clock", "local0", "local1",
    "local2", "local3", "local4", "local5", "local6", "local7"};
static const char *const severities[] = {"emergency", "alert", "critical", "error", "warning",
    "notice", "informational", "debug"};

static enum tsn_code
syslog_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct out_syslog *s = tsn_pi_alloc(in, 1, sizeof *s);
	struct tsn_slice protocol = tsn_pi_str(in, "protocol", "udp");
	const struct {
		const char *option, *dflt;
		struct tsn_tmpl *to;
	} texts[] = {{"appname", "LOGSTASH", s == NULL ? NULL : &s->appname},
	    {"procid", "-", s == NULL ? NULL : &s->procid},
	    {"sourcehost", tsn_pi_ecs(in) ? "%{[host][hostname]}" : "%{host}",
	    s == NULL ? NULL : &s->sourcehost},
	    {"facility", "user-level", s == NULL ? NULL : &s->facility},
	    {"severity", "notice", s == NULL ? NULL : &s->severity},
	    {"priority", "%{syslog_pri}", s == NULL ? NULL : &s->priority},
	    {"msgid", "-", s == NULL ? NULL : &s->msgid},
	    {"message", "%{message}", s == NULL ? NULL : &s->message}};

	if (s == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->state = s;
	s->labels = tsn_pi_bool(in, "use_labels", true);
	s->rfc5424 = tsn_slice_eq(tsn_pi_str(in, "rfc", "rfc3164"), TSN_SLICE("rfc5424"));
	for (size_t i = 0; i < TSN_COUNT(texts); i++)
		if (!tsn_tmpl_parse(&in->pl->conf->arena, tsn_pi_str(in, texts[i].option, texts[i].dflt),
		    texts[i].to))
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (!tsn_tmpl_parse(&in->pl->conf->arena, s->rfc5424 ?
	    TSN_SLICE("%{+YYYY-MM-dd'T'HH:mm:ss.SSSZZ}") : TSN_SLICE("%{+MMM dd HH:mm:ss}"), &s->time))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return open_net(in, tsn_slice_eq(protocol, TSN_SLICE("udp")) ? TSN_SHIP_UDP : TSN_SHIP_TCP,
	    tsn_slice_eq(protocol, TSN_SLICE("ssl-tcp")), 1, err);
}

static unsigned
label(const char *const *list, size_t count, struct tsn_slice name, unsigned dflt)
{
	for (size_t i = 0; i < count; i++)
		if (tsn_slice_eq(tsn_slice_cstr(list[i]), name))
			return (unsigned)i;
	return dflt;
}

static unsigned
priority_of(const struct out_syslog *s, const struct tsn_pev *ev)
{
	uint64_t v;

	if (s->labels)
		return 8 * label(facilities, TSN_COUNT(facilities), tsn_tmpl_text(&s->facility, ev), 1) +
		    label(severities, TSN_COUNT(severities), tsn_tmpl_text(&s->severity, ev), 5);
	return tsn_num_parse_u64(tsn_tmpl_text(&s->priority, ev), &v) == TSN_OK && v <= 191 ?
	    (unsigned)v : 13;
}

/* one line: line ends become "\n", blanks at the end go; header fields hold no blanks */
static void
add_text(struct tsn_buf *out, struct tsn_slice text)
{
	while (text.len > 0 && strchr(" \t\r\n", text.ptr[text.len - 1]) != NULL)
		text.len--;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n')
			continue;
		if (text.ptr[i] == '\n')
			tsn_buf_lit(out, "\\n");
		else
			tsn_buf_char(out, text.ptr[i]);
	}
}

static void
add_field(struct tsn_buf *out, const struct tsn_tmpl *t, const struct tsn_pev *ev)
{
	struct tsn_slice text = tsn_tmpl_text(t, ev);

	for (size_t i = 0; i < text.len; i++)
		tsn_buf_char(out, (unsigned char)text.ptr[i] <= ' ' ? '_' : text.ptr[i]);
}

static enum tsn_code
syslog_write(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_err *err)
{
	struct out_syslog *s = in->state;
	struct tsn_buf *b = &s->po.text;
	struct tsn_slice line;

	tsn_buf_reset(b);
	tsn_buf_printf(b, "<%u>%s", priority_of(s, ev), s->rfc5424 ? "1 " : "");
	tsn_tmpl_write(&s->time, ev, b);
	tsn_buf_char(b, ' ');
	add_field(b, &s->sourcehost, ev);
	tsn_buf_char(b, ' ');
	add_field(b, &s->appname, ev);
	tsn_buf_char(b, s->rfc5424 ? ' ' : '[');
	add_field(b, &s->procid, ev);
	if (s->rfc5424) {
		tsn_buf_char(b, ' ');
		add_field(b, &s->msgid, ev);
		tsn_buf_lit(b, " - ");
	} else {
		tsn_buf_lit(b, "]: ");
	}
	if (tsn_pi_get(in, "codec") != NULL) {
		struct tsn_buf text;

		tsn_buf_init(&text, TSN_PL_BYTES_MAX);
		in->codec->desc->codec->encode(in->codec, ev, &text);
		add_text(b, tsn_pl_keep(ev, &text));
	} else {
		add_text(b, tsn_tmpl_text(&s->message, ev));
	}
	tsn_buf_char(b, '\n');
	if (tsn_buf_check(b) != TSN_OK)
		TSN_FAIL(err, TSN_ELIMIT, "the event is too large");
	line = tsn_buf_get(b);
	return tsn_po_put(in, &line, 1, err);
}

const struct tsn_poutput tsn_output_syslog = {.codec = "plain", .open = syslog_open,
    .close = tsn_po_close, .write = syslog_write, .flush = tsn_po_flush,
    .counts = tsn_po_counts};
