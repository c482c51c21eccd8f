/*
 * Windows events as one kind, whatever they are written in; and the line that Snare and its
 * followers send:
 *
 *	MSWinEventLog <tab> criticality <tab> channel <tab> counter <tab> date <tab> id <tab> provider
 *	<tab> user <tab> SID type <tab> audit result <tab> computer <tab> category <tab> data <tab>
 *	message [<tab> counter]
 */
#include "parse/winlog_int.h"

#define SNARE_FIELDS 15u

/* A tab, or as rsyslog writes one: "#011". */
static struct tsn_slice
next_field(struct tsn_scan *s)
{
	struct tsn_slice rest = tsn_scan_rest(s), v = rest;
	size_t tab = tsn_slice_find_char(rest, '\t'), hash;

	/* not beyond the tab: each byte is looked at once */
	v.len = tab == SIZE_MAX ? rest.len : tab;
	hash = tsn_slice_find(v, TSN_SLICE("#011"));
	if (hash != SIZE_MAX) {
		v.len = hash;
		s->at += hash + 4;
	} else {
		s->at = tab == SIZE_MAX ? s->end : s->at + tab + 1;
	}
	return v;
}

static void
put_user(struct tsn_parse_ctx *ctx, struct tsn_slice user)
{
	size_t slash = tsn_slice_find_char(user, '\\');

	if (user.len == 0 || TSN_EQ(user, "-") || TSN_EQ(user, "N/A") || TSN_EQ(user, "-\\-"))
		return;
	tsn_put_some(ctx, TSN_F_USER_NAME, slash == SIZE_MAX ? user : tsn_slice_from(user, slash + 1));
	if (slash != SIZE_MAX)
		tsn_put_some(ctx, TSN_F_USER_DOMAIN, (struct tsn_slice){user.ptr, slash});
}

static void
put_outcome(struct tsn_parse_ctx *ctx, struct tsn_slice audit)
{
	if (tsn_slice_eq_nocase(audit, TSN_SLICE("Success Audit")) ||
	    tsn_slice_eq_nocase(audit, TSN_SLICE("Audit Success")))
		TSN_PUT_LIT(ctx, TSN_F_EVENT_OUTCOME, "success");
	else if (tsn_slice_eq_nocase(audit, TSN_SLICE("Failure Audit")) ||
	    tsn_slice_eq_nocase(audit, TSN_SLICE("Audit Failure")))
		TSN_PUT_LIT(ctx, TSN_F_EVENT_OUTCOME, "failure");
}

static enum tsn_code
parse_snare(struct tsn_parse_ctx *ctx, struct tsn_slice line)
{
	struct tsn_slice f[SNARE_FIELDS] = {{NULL, 0}};
	struct tsn_scan s = tsn_scan_of(line);
	struct tsn_date date = {.ns = TSN_TIME_NONE};
	uint32_t n = 0;

	while (n < SNARE_FIELDS && s.at < s.end)
		f[n++] = next_field(&s);
	if (n < 14 || !TSN_EQ(f[0], "MSWinEventLog"))
		return TSN_EPARSE;
	ctx->ev->dataset = TSN_SLICE("windows.eventlog");
	if (tsn_date_asctime(&ctx->date, f[4], &date) > 0 && date.ns != TSN_TIME_NONE)
		tsn_parse_set_time(ctx, &date);
	tsn_put_some(ctx, TSN_F_WINLOG_CHANNEL, f[2]);
	tsn_put_num(ctx, TSN_F_WINLOG_EVENT_ID, f[5]);
	tsn_put_some(ctx, TSN_F_WINLOG_PROVIDER_NAME, f[6]);
	tsn_put_some(ctx, TSN_F_WINLOG_COMPUTER_NAME, f[10]);
	tsn_put_some(ctx, TSN_F_WINLOG_TASK_NAME, f[11]);
	tsn_put_some(ctx, TSN_F_WINLOG_KEYWORDS, f[9]);
	tsn_put_some(ctx, TSN_F_EVENT_CODE, f[5]);
	tsn_put_some(ctx, TSN_F_EVENT_PROVIDER, f[6]);
	if (tsn_event_find(ctx->ev, TSN_F_HOST_NAME) == NULL)
		tsn_put_some(ctx, TSN_F_HOST_NAME, f[10]);
	TSN_PUT_LIT(ctx, TSN_F_EVENT_MODULE, "windows");
	TSN_PUT_LIT(ctx, TSN_F_EVENT_KIND, "event");
	put_outcome(ctx, f[9]);
	put_user(ctx, f[7]);
	/* Inside syslog all of the line is the message already. */
	if (tsn_event_find(ctx->ev, TSN_F_MESSAGE) == NULL)
		tsn_put_some(ctx, TSN_F_MESSAGE, f[13]);
	return TSN_OK;
}

static enum tsn_probe
probe(struct tsn_slice text)
{
	if (text.ptr[0] == '<')
		return tsn_win_is_xml(text) ? TSN_PROBE_YES : TSN_PROBE_NO;
	return TSN_STARTS(text, "MSWinEventLog") ? TSN_PROBE_YES : TSN_PROBE_NO;
}

static enum tsn_code
parse(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	if (text.len > 0 && text.ptr[0] == '{')
		return tsn_json_parse(ctx, text);
	if (tsn_win_is_xml(text))
		return tsn_win_parse_xml(ctx, text);
	return parse_snare(ctx, text);
}

const struct tsn_parser_desc tsn_parser_windows = {
	.kind = "windows.eventlog",
	.doc = "Windows events: .evtx files, XML, evtx_dump, Winlogbeat and NXLog JSON, Snare lines",
	.first = "<M",
	.flags = TSN_PARSER_BODY,
	.programs = "MSWinEventLog",
	.probe = probe,
	.parse = parse,
};
