/* Options that outputs of the network share, and their queue. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "os/clock.h"
#include "pipeline/ship_int.h"

#define FOLDER_MAX 4096

const char *
tsn_pi_text(const struct tsn_pinst *in, const char *name, const char *dflt)
{
	const struct tsn_conf_value *v = tsn_pi_get(in, name);

	if (v == NULL)
		return dflt;
	return tsn_arena_dup(&in->pl->conf->arena, tsn_pi_str(in, name, "")).ptr;
}

enum tsn_code
tsn_pi_count(const struct tsn_pinst *in, const char *name, uint64_t dflt, uint64_t min,
    uint64_t max, uint64_t *ret, struct tsn_err *err)
{
	double d = tsn_pi_num(in, name, (double)dflt);

	if (!(d >= (double)min && d <= (double)max))
		return tsn_pi_fail(in, err, "option \"%s\": expected a number from %llu to %llu", name,
		    (unsigned long long)min, (unsigned long long)max);
	*ret = (uint64_t)d;
	return TSN_OK;
}

int64_t
tsn_pi_span(const struct tsn_pinst *in, const char *name, double dflt_sec)
{
	static const struct {
		const char *unit;
		double sec;
	} units[] = {{"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}, {"milli", 1e-3},
	    {"msec", 1e-3}, {"micro", 1e-6}, {"h", 3600}, {"d", 86400}, {"ms", 1e-3}, {"m", 60},
	    {"s", 1}, {"w", 604800}};
	struct tsn_slice text = tsn_pi_str(in, name, "");
	size_t digits = 0;
	double n = dflt_sec, factor = 1;

	while (digits < text.len && strchr("0123456789.+-eE", text.ptr[digits]) != NULL)
		digits++;
	if (digits == 0 || tsn_num_parse_f64(tsn_slice_of(text.ptr, digits), &n) != TSN_OK)
		return (int64_t)(dflt_sec * 1e9);
	text = tsn_slice_trim(tsn_slice_from(text, digits));
	for (size_t i = 0; text.len > 0 && i < TSN_COUNT(units); i++)
		if (tsn_slice_starts(text, tsn_slice_cstr(units[i].unit))) {
			factor = units[i].sec;
			break;
		}
	n *= factor;
	return n < 0 || n > 9e9 ? (int64_t)(dflt_sec * 1e9) : (int64_t)(n * 1e9);
}

enum tsn_code
tsn_po_headers(const struct tsn_pinst *in, const char *option, struct tsn_ship_client *client,
    struct tsn_err *err)
{
	uint32_t count;
	const struct tsn_conf_value *pairs = tsn_pi_hash(in, option, &count);

	for (uint32_t i = 0; i < count; i++) {
		char line[2048];
		struct tsn_slice name = pairs[2 * i].text, value = pairs[2 * i + 1].text;
		int n = snprintf(line, sizeof line, "%.*s: %.*s", TSN_SLICE_ARG(name),
		    TSN_SLICE_ARG(value));

		if (n < 0 || (size_t)n >= sizeof line || strpbrk(line, "\r\n") != NULL ||
		    client->header_count == TSN_SHIP_HEADERS_MAX)
			return tsn_pi_fail(in, err, "option \"%s\": too many or too long", option);
		client->headers[client->header_count] =
		    tsn_arena_dup(&in->pl->conf->arena, tsn_slice_of(line, (size_t)n)).ptr;
		if (client->headers[client->header_count++] == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	return TSN_OK;
}

static bool
is_off(struct tsn_slice v)
{
	return tsn_slice_eq(v, TSN_SLICE("none")) || tsn_slice_eq(v, TSN_SLICE("false")) ||
	    tsn_slice_eq(v, TSN_SLICE("VERIFY_NONE"));
}

enum tsn_code
tsn_po_client(const struct tsn_pinst *in, struct tsn_ship_client *ret, struct tsn_err *err)
{
	static const char *const java[] = {"ssl_keystore_path", "ssl_truststore_path"};

	for (size_t i = 0; i < TSN_COUNT(java); i++)
		if (tsn_pi_get(in, java[i]) != NULL)
			return tsn_pi_fail(in, err, "option \"%s\": Java's stores are not read; give PEM files "
			    "with ssl_certificate_authorities, ssl_certificate and ssl_key", java[i]);
	*ret = (struct tsn_ship_client){
		.tls = tsn_pi_bool(in, "ssl_enabled", false),
		.insecure = is_off(tsn_pi_str(in, "ssl_verification_mode", "full")),
		.ca_file = tsn_pi_text(in, "ssl_certificate_authorities", NULL),
		.cert_file = tsn_pi_text(in, "ssl_certificate", tsn_pi_text(in, "client_cert", NULL)),
		.key_file = tsn_pi_text(in, "ssl_key", tsn_pi_text(in, "client_key", NULL)),
		.key_password = tsn_pi_text(in, "ssl_key_passphrase", NULL),
		.user = tsn_pi_text(in, "user", NULL),
		.password = tsn_pi_text(in, "password", NULL),
		.proxy = tsn_pi_text(in, "proxy", NULL),
		.timeout_ms = (long)(tsn_pi_span(in, "request_timeout", 60) / TSN_NS_PER_MS),
		.connect_timeout_ms = (long)(tsn_pi_span(in, "connect_timeout", 10) / TSN_NS_PER_MS),
		.follow = tsn_pi_bool(in, "follow_redirects", true),
	};
	return TSN_OK;
}

static void
say(void *ctx, const char *line)
{
	const struct tsn_pipeline *pl = ctx;

	if (pl->env.say != NULL)
		pl->env.say(pl->env.ctx, line);
}

enum tsn_code
tsn_po_open(struct tsn_pinst *in, const struct tsn_ship_dest *dest, struct tsn_err *err)
{
	struct tsn_po *po = in->state;
	char name[80], folder[FOLDER_MAX];
	struct tsn_slice id = tsn_pi_str(in, "id", "");
	struct tsn_ship_options o = {.dest = *dest, .name = name,
		.queue_bytes_max = in->pl->env.queue_bytes_max, .say = say, .ctx = in->pl};
	enum tsn_code code;
	int n;

	(void)snprintf(name, sizeof name, "output %s", in->desc->name);
	/* the number, or the id where one is given: the queue is found again by it */
	n = id.len > 0 && id.len < 64 && memchr(id.ptr, '/', id.len) == NULL && id.ptr[0] != '.' ?
	    snprintf(folder, sizeof folder, "%s/queue-%s-%.*s", in->pl->env.folder, in->desc->name,
		TSN_SLICE_ARG(id)) :
	    snprintf(folder, sizeof folder, "%s/queue-%s-%u", in->pl->env.folder, in->desc->name,
		in->number);
	if (in->pl->env.folder != NULL && n > 0 && (size_t)n < sizeof folder)
		o.folder = folder;
	tsn_buf_init(&po->text, TSN_PL_BYTES_MAX);
	code = tsn_ship_open(&o, &po->ship, err);
	return code == TSN_OK ? TSN_OK : tsn_err_context(err, code, "output %s", in->desc->name);
}

enum tsn_code
tsn_po_put(struct tsn_pinst *in, const struct tsn_slice *parts, uint32_t count,
    struct tsn_err *err)
{
	struct tsn_po *po = in->state;

	return tsn_ship_put(po->ship, parts, count, in->pl->env.stop, in->pl->env.ctx, err);
}

enum tsn_code
tsn_po_encode(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_slice *ret, struct tsn_err *err)
{
	struct tsn_po *po = in->state;

	tsn_buf_reset(&po->text);
	in->codec->desc->codec->encode(in->codec, ev, &po->text);
	if (tsn_buf_check(&po->text) != TSN_OK)
		TSN_FAIL(err, TSN_ELIMIT, "the event is too large");
	*ret = po->text.len > 0 ? tsn_buf_get(&po->text) : TSN_SLICE("");
	return TSN_OK;
}

void
tsn_po_close(struct tsn_pinst *in)
{
	struct tsn_po *po = in->state;

	if (po == NULL)
		return;
	tsn_ship_close(po->ship);
	tsn_buf_done(&po->text);
}

enum tsn_code
tsn_po_flush(struct tsn_pinst *in, bool *ret_settled, struct tsn_err *err)
{
	struct tsn_po *po = in->state;
	struct tsn_ship_stats st;
	int64_t now = tsn_clock_mono_ns();

	TSN_TRY(tsn_ship_flush(po->ship, ret_settled, err));
	if (!in->pl->draining)
		return TSN_OK;
	/* at the end: what waits gets its chance for as long as it gets on */
	tsn_ship_hurry(po->ship);
	st = tsn_ship_stats_get(po->ship);
	if (po->progress_ns == 0 || st.delivered + st.refused != po->progress) {
		po->progress = st.delivered + st.refused;
		po->progress_ns = now;
	}
	*ret_settled = st.waiting == 0 || (*ret_settled && now - po->progress_ns > TSN_PL_DRAIN_NS);
	return TSN_OK;
}

void
tsn_po_counts(struct tsn_pinst *in, struct tsn_pl_output *ret)
{
	const struct tsn_po *po = in->state;
	struct tsn_ship_stats st = tsn_ship_stats_get(po->ship);

	ret->earlier = st.earlier;
	ret->taken = st.taken + ret->lost;
	ret->delivered = st.delivered;
	ret->refused = st.refused;
	ret->waiting = st.waiting;
	ret->waiting_bytes = st.waiting_bytes;
	ret->retries = st.retries;
	(void)snprintf(ret->trouble, sizeof ret->trouble, "%s", st.trouble);
}
