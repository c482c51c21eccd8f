/* Filters on values: urldecode, syslog_pri, cidr, uuid. */
#include <string.h>
#include <sys/random.h>

#include "base/ip.h"
#include "base/num.h"
#include "codec/hex.h"
#include "pipeline/impl_int.h"

static void
decode_url(struct tsn_pev *ev, struct tsn_pv *v, uint32_t depth)
{
	struct tsn_slice s = v->as.str;
	char *out;
	size_t n = 0;

	if (depth > TSN_PREF_PARTS_MAX)
		return;
	for (uint32_t i = 0; v->type == TSN_PV_LIST && i < v->as.list->count; i++)
		decode_url(ev, &v->as.list->items[i], depth + 1);
	for (uint32_t i = 0; v->type == TSN_PV_MAP && i < v->as.map->count; i++)
		decode_url(ev, &v->as.map->members[i].value, depth + 1);
	if (v->type != TSN_PV_STR)
		return;
	out = tsn_arena_alloc(ev->arena, s.len + 1);
	for (size_t i = 0; out != NULL && i < s.len; i++) {
		int high = s.ptr[i] == '%' && i + 2 < s.len ? tsn_hex_digit(s.ptr[i + 1]) : -1;
		int low = high >= 0 ? tsn_hex_digit(s.ptr[i + 2]) : -1;

		out[n++] = low >= 0 ? (char)(high << 4 | low) : s.ptr[i];
		i += low >= 0 ? 2 : 0;
	}
	if (out != NULL)
		*v = tsn_pv_str(tsn_slice_of(out, n));
}

static bool
urldecode_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	struct tsn_pref ref;
	struct tsn_pv *v;

	if (tsn_pi_bool(in, "all_fields", false)) {
		decode_url(ev, &ev->root, 0);
		return true;
	}
	v = tsn_pref_parse(ev->arena, tsn_pi_str(in, "field", "message"), &ref) ?
	    tsn_pev_get(ev, &ref) : NULL;
	if (v != NULL)
		decode_url(ev, v, 0);
	return true;
}

const struct tsn_pfilter tsn_filter_urldecode = {.filter = urldecode_filter};

static const char *const facilities[] = {"kernel", "user-level", "mail", "daemon",
    "security/authorization", "syslogd", "line printer", "network news", "uucp", "clock",
    "security/authorization", "ftp", "ntp", "log audit", "log alert", "clock", "local0", "local1",
    "local2", "local3", "local4", "local5", "local6", "local7"};
static const char *const severities[] = {"emergency", "alert", "critical", "error", "warning",
    "notice", "informational", "debug"};

static bool
set_field(struct tsn_pev *ev, const char *name, struct tsn_pv v)
{
	struct tsn_pref ref;

	return tsn_pref_parse(ev->arena, tsn_slice_cstr(name), &ref) && tsn_pev_set(ev, &ref, v);
}

static struct tsn_slice
label(struct tsn_pinst *in, const char *option, const char *const *own, uint32_t own_count,
    uint32_t i)
{
	uint32_t count;
	const struct tsn_conf_value *items = tsn_pi_list(in, option, &count);

	if (items != NULL)
		return i < count ? items[i].text : TSN_SLICE("");
	return i < own_count ? tsn_slice_cstr(own[i]) : TSN_SLICE("");
}

static bool
syslog_pri_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	bool ecs = tsn_pi_ecs(in), done;
	struct tsn_pref ref;
	const struct tsn_pv *v;
	int64_t pri = 13;
	uint32_t facility, severity;

	if (!tsn_pref_parse(ev->arena, tsn_pi_str(in, "syslog_pri_field_name",
	    ecs ? "[log][syslog][priority]" : "syslog_pri"), &ref))
		return false;
	v = tsn_pev_get(ev, &ref);
	if (v != NULL && v->type == TSN_PV_LIST && v->as.list->count > 0)
		v = &v->as.list->items[0];
	if (v != NULL && v->type == TSN_PV_INT)
		pri = v->as.i;
	else if (v != NULL && v->type == TSN_PV_STR && tsn_num_parse_i64(v->as.str, &pri) != TSN_OK)
		pri = -1;
	if (pri < 0 || pri > 191) {
		(void)tsn_pev_tag(ev, TSN_SLICE("_syslogpriparsefailure"));
		return false;
	}
	facility = (uint32_t)pri >> 3;
	severity = (uint32_t)pri & 7;
	done = set_field(ev, ecs ? "[log][syslog][facility][code]" : "syslog_facility_code",
	    tsn_pv_int(facility)) && set_field(ev, ecs ? "[log][syslog][severity][code]" :
	    "syslog_severity_code", tsn_pv_int(severity));
	if (done && tsn_pi_bool(in, "use_labels", true))
		done = set_field(ev, ecs ? "[log][syslog][facility][name]" : "syslog_facility",
		    tsn_pv_str(label(in, "facility_labels", facilities, TSN_COUNT(facilities),
		    facility))) &&
		    set_field(ev, ecs ? "[log][syslog][severity][name]" : "syslog_severity",
		    tsn_pv_str(label(in, "severity_labels", severities, TSN_COUNT(severities),
		    severity)));
	return done;
}

const struct tsn_pfilter tsn_filter_syslog_pri = {.filter = syslog_pri_filter};

struct cidr {
	struct tsn_tmpl *addresses, *networks;
	uint32_t address_count, network_count;
};

static enum tsn_code
cidr_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct cidr *c = tsn_pi_alloc(in, 1, sizeof *c);

	in->state = c;
	if (c == NULL || !tsn_pi_tmpls(in, "address", &c->addresses, &c->address_count) ||
	    !tsn_pi_tmpls(in, "network", &c->networks, &c->network_count))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (tsn_pi_get(in, "network_path") != NULL)
		return tsn_pi_fail(in, err, "option \"network_path\" is not read; name the networks with "
		    "\"network\"");
	return TSN_OK;
}

static bool
cidr_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	const struct cidr *c = in->state;

	for (uint32_t i = 0; i < c->address_count; i++) {
		struct tsn_ip ip;

		if (tsn_ip_parse(tsn_tmpl_text(&c->addresses[i], ev), &ip) != TSN_OK)
			continue;
		for (uint32_t j = 0; j < c->network_count; j++) {
			struct tsn_cidr net;

			if (tsn_cidr_parse(tsn_tmpl_text(&c->networks[j], ev), &net) == TSN_OK &&
			    tsn_cidr_has(&net, &ip))
				return true;
		}
	}
	return false;
}

const struct tsn_pfilter tsn_filter_cidr = {.open = cidr_open, .filter = cidr_filter};

static bool
uuid_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	unsigned char b[16];
	struct tsn_pref ref;
	struct tsn_buf out;
	struct tsn_slice text;

	if (!tsn_pref_parse(ev->arena, tsn_pi_str(in, "target", ""), &ref) ||
	    (tsn_pev_get(ev, &ref) != NULL && !tsn_pi_bool(in, "overwrite", false)) ||
	    getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
		return true;
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	tsn_buf_init(&out, 64);
	for (unsigned i = 0; i < 16; i++)
		tsn_buf_printf(&out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", b[i]);
	text = tsn_pl_keep(ev, &out);
	return text.ptr != NULL && tsn_pev_set(ev, &ref, tsn_pv_str(text));
}

const struct tsn_pfilter tsn_filter_uuid = {.filter = uuid_filter};
