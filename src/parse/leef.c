/*
 * QRadar LEEF: "LEEF:1.0|Vendor|Product|Version|EventID|key=value<TAB>key=value", and 2.0 with its
 * delimiter (a character, or its code as 0x5e or x5e) in a sixth header field; some leave it out.
 *
 * Attributes keep their names under leef.
 */
#include "parse/auth.h"
#include "parse/cef.h"

/* "^|", "x09|", "0x09|": past it.  Tab where there is none. */
static char
scan_delimiter(struct tsn_scan *s)
{
	struct tsn_scan back = *s;
	struct tsn_slice field;
	uint64_t code;

	if (tsn_scan_to(s, '|', &field) && field.len <= 4) {
		if (field.len == 0)
			return '\t';
		if (field.len == 1)
			return field.ptr[0];
		if (field.ptr[0] == 'x')
			field = tsn_slice_from(field, 1);
		if (tsn_num_parse_hex(field, &code) == TSN_OK && code < 256)
			return (char)(unsigned char)code;
	}
	*s = back;
	return '\t';
}

static void
put_attributes(struct tsn_parse_ctx *ctx, struct tsn_scan s, char delimiter)
{
	while (s.at < s.end) {
		struct tsn_slice pair = tsn_scan_field(&s, delimiter), name = pair, value;
		size_t eq = tsn_slice_find_char(pair, '=');

		if (eq == SIZE_MAX || eq == 0)
			continue;
		name.len = eq;
		name = tsn_slice_trim(name);
		value = tsn_slice_from(pair, eq + 1);
		if (name.len == 0)
			continue;
		tsn_put_str(ctx, tsn_keys_child(ctx->keys, TSN_F_LEEF, name), value);
		tsn_cef_put_ecs(ctx, name, value);
	}
}

static enum tsn_code
parse_leef(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	static const tsn_key keys[] = {TSN_F_LEEF_VERSION, TSN_F_OBSERVER_VENDOR,
	    TSN_F_OBSERVER_PRODUCT, TSN_F_OBSERVER_VERSION, TSN_F_EVENT_CODE};
	struct tsn_scan s = tsn_scan_of(text);
	struct tsn_slice field, version = TSN_SLICE_NONE;
	size_t n = 0;
	char delimiter = '\t';

	if (!TSN_SCAN(&s, "LEEF:") && (ctx->syslog == NULL || !TSN_EQ(ctx->syslog->program, "LEEF")))
		return TSN_EPARSE;
	for (; n < TSN_COUNT(keys) && tsn_scan_to(&s, '|', &field); n++) {
		if (n == 0)
			version = field;
		tsn_put_some(ctx, keys[n], field);
	}
	if (ctx->syslog == NULL)
		tsn_put_str(ctx, TSN_F_MESSAGE, text);
	if (n < TSN_COUNT(keys)) {
		tsn_event_fail(ctx->batch, TSN_SLICE("LEEF: expected five header fields separated by |"));
		return TSN_OK;
	}
	if (TSN_STARTS(version, "2"))
		delimiter = scan_delimiter(&s);
	put_attributes(ctx, s, delimiter);
	return TSN_OK;
}

static enum tsn_probe
probe_leef(struct tsn_slice s)
{
	return TSN_STARTS(s, "LEEF:") && s.len > 6 && tsn_is_digit(s.ptr[5]) ? TSN_PROBE_YES :
	    TSN_PROBE_NO;
}

const struct tsn_parser_desc tsn_parser_leef = {
	.kind = "leef.log",
	.doc = "QRadar Log Event Extended Format 1.0 and 2.0, alone or in syslog",
	.first = "L",
	.programs = "LEEF",
	.flags = TSN_PARSER_BODY,
	.probe = probe_leef,
	.parse = parse_leef,
};
