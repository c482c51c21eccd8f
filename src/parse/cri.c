/*
 * Logs of containers as containerd and CRI-O write them (/var/log/pods, /var/log/containers):
 *
 *	2026-11-20T12:00:00.123456789+01:00 stdout F text of the program
 *
 * F: the whole line; P: a part of a line that was too long for the runtime.
 */
#include "parse/json_carry.h"

static bool
scan_head(struct tsn_date_ctx *date, struct tsn_slice text, struct tsn_date *ret_when,
    struct tsn_slice *ret_stream, bool *ret_partial, struct tsn_slice *ret_rest)
{
	struct tsn_scan s = tsn_scan_of(text);
	size_t n = tsn_date_iso(date, text, ret_when);

	if (n == 0 || !ret_when->zoned)
		return false;
	s.at += n;
	if (!TSN_SCAN(&s, " "))
		return false;
	*ret_stream = tsn_scan_word(&s);
	if (!TSN_EQ(*ret_stream, "stdout") && !TSN_EQ(*ret_stream, "stderr"))
		return false;
	*ret_partial = tsn_scan_is(&s, " P", 2);
	if (!TSN_SCAN(&s, " F") && !TSN_SCAN(&s, " P"))
		return false;
	if (s.at < s.end && !TSN_SCAN(&s, " "))
		return false;
	*ret_rest = tsn_scan_rest(&s);
	return true;
}

static enum tsn_probe
probe(struct tsn_slice text)
{
	struct tsn_date_ctx date = {0};
	struct tsn_date when;
	struct tsn_slice stream, rest;
	bool partial;

	/* "2026-11-20T" costs nothing; the whole head is only read where it may be one */
	if (text.len < 30 || text.ptr[10] != 'T')
		return TSN_PROBE_NO;
	return scan_head(&date, text, &when, &stream, &partial, &rest) ? TSN_PROBE_YES : TSN_PROBE_NO;
}

static enum tsn_code
parse(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	const struct tsn_syslog none = {.priority = -1};
	uint32_t first = ctx->ev->field_count;
	struct tsn_slice stream, rest;
	struct tsn_date when;
	bool partial;

	if (!scan_head(&ctx->date, text, &when, &stream, &partial, &rest))
		return TSN_EPARSE;
	tsn_parse_set_time(ctx, &when);
	tsn_put_str(ctx, tsn_keys_child(ctx->keys, TSN_KEY_ROOT, TSN_SLICE("stream")), stream);
	if (partial)
		tsn_event_append_str(ctx->batch, TSN_F_LOG_FLAGS, TSN_SLICE("partial"));
	if (partial || !tsn_carry_parse(ctx, first, &none, rest, TSN_CARRY_SURE | TSN_CARRY_TOGETHER))
		tsn_put_str(ctx, TSN_F_MESSAGE, rest);
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_cri = {
	.kind = "container.log",
	.doc = "logs of containers as containerd and CRI-O write them",
	.first = "0123456789",
	.probe = probe,
	.parse = parse,
};
