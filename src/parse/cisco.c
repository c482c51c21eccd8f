/*
 * Cisco: "%ASA-6-302013: Built inbound TCP connection ...", "%SEC-6-IPACCESSLOGP: list 102 denied
 * tcp 192.0.2.1(67) -> 192.0.2.2(139), 1 packet", of ASA, PIX, FWSM, FTD, IOS, NX-OS.
 *
 * There are thousands of messages, and their words for addresses are few: "from", "src", "for",
 * "laddr" come before a source, "to", "dst", "faddr", "->" before a destination.
 */
#include "parse/auth.h"

struct endpoint {
	struct tsn_slice interface, ip, port;
};

static const struct tsn_slice levels[] = {TSN_AUTH_TEXT("emergency"), TSN_AUTH_TEXT("alert"),
    TSN_AUTH_TEXT("critical"), TSN_AUTH_TEXT("error"), TSN_AUTH_TEXT("warning"),
    TSN_AUTH_TEXT("notice"), TSN_AUTH_TEXT("informational"), TSN_AUTH_TEXT("debug")};

#define HEAD_MAX 48

/* "%ASA-6-302013: ", "%%ASA-...", "%SYS-5-CONFIG_I: ", "%ASA-session-6-302013: " */
static bool
scan_head(struct tsn_scan *s, struct tsn_slice *ret_facility, char *ret_severity,
    struct tsn_slice *ret_mnemonic)
{
	const char *from, *dash, *at, *end;

	if (!TSN_SCAN(s, "%"))
		return false;
	TSN_SCAN(s, "%");
	from = s->at;
	end = s->end - from < HEAD_MAX ? s->end : from + HEAD_MAX;
	dash = NULL;
	for (at = from; at < end; at++) {
		if ((unsigned char)*at > ':')
			continue;
		if (*at == ' ' || *at == ':')
			break;
		/* the severity is the first lone digit between two dashes */
		if (*at == '-' && dash == NULL && end - at > 2 && at[2] == '-' && at[1] >= '0' &&
		    at[1] <= '7')
			dash = at;
	}
	s->at = at;
	if (dash == NULL || dash == from || dash + 3 >= at)
		return false;
	*ret_facility = (struct tsn_slice){from, (size_t)(dash - from)};
	*ret_severity = dash[1];
	*ret_mnemonic = (struct tsn_slice){dash + 3, (size_t)(s->at - dash - 3)};
	TSN_SCAN(s, ":");
	tsn_scan_blanks(s);
	return true;
}

static bool
is_port(struct tsn_slice v)
{
	for (size_t i = 0; i < v.len; i++)
		if (!tsn_is_digit(v.ptr[i]))
			return false;
	return v.len > 0 && v.len <= 5;
}

/* "192.0.2.1", "outside:192.0.2.1/443", "inside/192.0.2.1(443)", "[192.0.2.1:443", "192.0.2.1," */
static bool
scan_endpoint(struct tsn_slice word, struct endpoint *ret)
{
	struct endpoint e = {TSN_SLICE_NONE, word, TSN_SLICE_NONE};
	size_t at;

	if (word.len < 4 || word.len > 120)
		return false;
	while (e.ip.len > 0 && memchr(",.;])'\"", e.ip.ptr[e.ip.len - 1], 7) != NULL)
		e.ip.len--;
	if (e.ip.len > 0 && (e.ip.ptr[0] == '[' || e.ip.ptr[0] == '(' || e.ip.ptr[0] == '\''))
		e.ip = tsn_slice_from(e.ip, 1);
	at = tsn_slice_find_char(e.ip, '(');
	if (at != SIZE_MAX) {
		e.port = tsn_slice_from(e.ip, at + 1);
		e.ip.len = at;
	}
	for (int i = 0; i < 3 && !tsn_scan_is_ip(e.ip); i++) {
		struct tsn_slice last;

		at = tsn_slice_rfind(e.ip, TSN_SLICE("/"));
		if (at == SIZE_MAX)
			at = tsn_slice_rfind(e.ip, TSN_SLICE(":"));
		if (at == SIZE_MAX)
			return false;
		last = tsn_slice_from(e.ip, at + 1);
		if (is_port(last) || TSN_EQ(last, "ssh") || TSN_EQ(last, "https") ||
		    TSN_EQ(last, "telnet")) {
			e.port = last;
			e.ip.len = at;
			continue;
		}
		at = tsn_slice_find_char(e.ip, ':');
		if (at == SIZE_MAX)
			at = tsn_slice_find_char(e.ip, '/');
		if (at == SIZE_MAX || at == 0)
			return false;
		e.interface = (struct tsn_slice){e.ip.ptr, at};
		e.ip = tsn_slice_from(e.ip, at + 1);
	}
	if (!tsn_scan_is_ip(e.ip))
		return false;
	*ret = e;
	return true;
}

static const struct {
	struct tsn_slice word;
	struct tsn_slice transport;
} transports[] = {
	{TSN_AUTH_TEXT("tcp"), TSN_AUTH_TEXT("tcp")}, {TSN_AUTH_TEXT("udp"), TSN_AUTH_TEXT("udp")},
	{TSN_AUTH_TEXT("icmp"), TSN_AUTH_TEXT("icmp")},
	{TSN_AUTH_TEXT("icmpv6"), TSN_AUTH_TEXT("ipv6-icmp")},
	{TSN_AUTH_TEXT("gre"), TSN_AUTH_TEXT("gre")}, {TSN_AUTH_TEXT("esp"), TSN_AUTH_TEXT("esp")},
	{TSN_AUTH_TEXT("igmp"), TSN_AUTH_TEXT("igmp")},
};

/* What the walk over the words has found. */
struct found {
	struct endpoint source, destination;
	struct tsn_slice transport;
	struct tsn_slice user;
	bool inbound, outbound, denied, permitted;
};

static bool
is_any(struct tsn_slice v, const struct tsn_slice *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (tsn_slice_eq(v, words[i]))
			return true;
	return false;
}

static void
note_endpoint(struct found *f, const struct endpoint *e, struct tsn_slice before)
{
	static const struct tsn_slice to[] = {TSN_AUTH_TEXT("to"), TSN_AUTH_TEXT("dst"),
	    TSN_AUTH_TEXT("faddr"), TSN_AUTH_TEXT("->"), TSN_AUTH_TEXT("dest"),
	    TSN_AUTH_TEXT("destination")};
	static const struct tsn_slice from[] = {TSN_AUTH_TEXT("from"), TSN_AUTH_TEXT("src"),
	    TSN_AUTH_TEXT("for"), TSN_AUTH_TEXT("laddr"), TSN_AUTH_TEXT("="),
	    TSN_AUTH_TEXT("[Source:"), TSN_AUTH_TEXT("host"), TSN_AUTH_TEXT("local-host"),
	    TSN_AUTH_TEXT("source"), TSN_AUTH_TEXT("peer")};
	static const struct tsn_slice mapped[] = {TSN_AUTH_TEXT("gaddr")};

	if (is_any(before, mapped, TSN_COUNT(mapped)) || e->ip.ptr[-1] == '(')
		return;		/* the translated address of the one before */
	if (is_any(before, to, TSN_COUNT(to))) {
		if (f->destination.ip.len == 0)
			f->destination = *e;
	} else if (!is_any(before, from, TSN_COUNT(from)) && e->port.len == 0 &&
	    e->interface.len == 0 && e->ip.ptr[-1] != '[') {
		return;		/* an address in free text */
	} else if (f->source.ip.len == 0) {
		f->source = *e;
	} else if (f->destination.ip.len == 0) {
		f->destination = *e;
	}
}

static void
note_word(struct found *f, struct tsn_slice word)
{
	if (TSN_EQ(word, "inbound"))
		f->inbound = true;
	else if (TSN_EQ(word, "outbound"))
		f->outbound = true;
	else if (TSN_EQ(word, "denied") || TSN_EQ(word, "discarded"))
		f->denied = true;
	else if (TSN_EQ(word, "permitted"))
		f->permitted = true;
	if (f->transport.len > 0 || word.len < 3 || word.len > 6)
		return;
	for (size_t i = 0; i < TSN_COUNT(transports); i++)
		if (tsn_lower(word.ptr[0]) == transports[i].word.ptr[0] &&
		    tsn_slice_eq_nocase(word, transports[i].word))
			f->transport = transports[i].transport;
}

#define WORDS_MAX 64u

enum word_byte {
	WB_DIGIT = 1,
	WB_DOT = 2,
	WB_COLON = 4,
	WB_COLONS = 8,		/* a second one */
	WB_BLANK = 16,
};

static const uint8_t word_bytes[256] = {
	['0'] = WB_DIGIT, ['1'] = WB_DIGIT, ['2'] = WB_DIGIT, ['3'] = WB_DIGIT, ['4'] = WB_DIGIT,
	['5'] = WB_DIGIT, ['6'] = WB_DIGIT, ['7'] = WB_DIGIT, ['8'] = WB_DIGIT, ['9'] = WB_DIGIT,
	['.'] = WB_DOT, [':'] = WB_COLON, [' '] = WB_BLANK, ['\t'] = WB_BLANK,
};

/* A word, and whether an address can stand in it: a digit and a dot or a colon, or two colons. */
static struct tsn_slice
next_word(struct tsn_scan *s, bool *ret_address)
{
	const char *from, *at, *end = s->end;
	unsigned has = 0;

	tsn_scan_blanks(s);
	for (from = at = s->at; at < end; at++) {
		unsigned byte = word_bytes[(unsigned char)*at];

		if (byte == 0)
			continue;
		if (byte == WB_BLANK)
			break;
		has |= byte | (has & byte & WB_COLON) << 1;
	}
	s->at = at;
	*ret_address = (has & WB_COLONS) != 0 ||
	    ((has & WB_DIGIT) != 0 && (has & (WB_DOT | WB_COLON)) != 0);
	return (struct tsn_slice){from, (size_t)(at - from)};
}

/* "Username", "user", "User", "[user:", "User:" */
static bool
is_user_word(struct tsn_slice word)
{
	if (word.len < 4 || word.len > 8)
		return false;
	return TSN_EQ(word, "user") || TSN_EQ(word, "User") || TSN_EQ(word, "Username") ||
	    TSN_EQ(word, "[user:") || TSN_EQ(word, "User:");
}

/* The name behind such a word: told by "=", by the colon, by quotes, or by standing second. */
static void
note_user(struct found *f, struct tsn_slice before, struct tsn_slice word, bool equals, unsigned n)
{
	if (!equals && before.ptr[before.len - 1] != ':' && memchr("'\"<", word.ptr[0], 3) == NULL &&
	    !(n == 1 && TSN_EQ(before, "User")))
		return;
	while (word.len > 0 && memchr("'\"<", word.ptr[0], 3) != NULL)
		word = tsn_slice_from(word, 1);
	while (word.len > 0 && memchr(",]'\">:", word.ptr[word.len - 1], 6) != NULL)
		word.len--;
	f->user = word;
}

static void
walk(struct tsn_scan s, struct found *f)
{
	struct tsn_slice before = TSN_SLICE_NONE, word;
	struct endpoint e;
	bool address, user = false, equals = false;

	for (unsigned n = 0; n < WORDS_MAX && s.at < s.end; n++) {
		word = next_word(&s, &address);
		if (word.len == 0)
			return;
		if (user && TSN_EQ(word, "=")) {
			equals = true;
			continue;
		}
		if (user && f->user.len == 0)
			note_user(f, before, word, equals, n);
		if (address && scan_endpoint(word, &e))
			note_endpoint(f, &e, before);
		else
			note_word(f, word);
		user = is_user_word(word);
		equals = false;
		before = word;
	}
}

static void
put_endpoint(struct tsn_parse_ctx *ctx, const struct endpoint *e, bool source)
{
	if (e->ip.len == 0)
		return;
	tsn_put_str(ctx, source ? TSN_F_SOURCE_IP : TSN_F_DESTINATION_IP, e->ip);
	if (is_port(e->port))
		tsn_put_num(ctx, source ? TSN_F_SOURCE_PORT : TSN_F_DESTINATION_PORT, e->port);
	tsn_put_some(ctx, source ? TSN_F_OBSERVER_INGRESS_INTERFACE_NAME :
	    TSN_F_OBSERVER_EGRESS_INTERFACE_NAME, e->interface);
}

static const struct {
	struct tsn_slice prefix;
	struct tsn_auth_what what;
} acts[] = {
	{TSN_AUTH_TEXT("Built "), TSN_AUTH_WHAT("network", "start", "built", "success")},
	{TSN_AUTH_TEXT("Teardown "), TSN_AUTH_WHAT("network", "end", "teardown", "")},
	{TSN_AUTH_TEXT("Deny "), TSN_AUTH_WHAT("network", "denied", "denied", "failure")},
	{TSN_AUTH_TEXT("Denied "), TSN_AUTH_WHAT("network", "denied", "denied", "failure")},
	{TSN_AUTH_TEXT("Dropped "), TSN_AUTH_WHAT("network", "denied", "denied", "failure")},
	{TSN_AUTH_TEXT("Permitted "), TSN_AUTH_WHAT("network", "allowed", "permitted", "success")},
	{TSN_AUTH_TEXT("Login denied "), TSN_AUTH_WHAT("authentication", "start", "login",
	    "failure")},
	{TSN_AUTH_TEXT("Login permitted "), TSN_AUTH_WHAT("authentication", "start", "login",
	    "success")},
	{TSN_AUTH_TEXT("Login failed "), TSN_AUTH_WHAT("authentication", "start", "login",
	    "failure")},
	{TSN_AUTH_TEXT("Login Success "), TSN_AUTH_WHAT("authentication", "start", "login",
	    "success")},
	{TSN_AUTH_TEXT("AAA user authentication Rejected"), TSN_AUTH_WHAT("authentication", "start",
	    "login", "failure")},
	{TSN_AUTH_TEXT("AAA user authentication Successful"), TSN_AUTH_WHAT("authentication",
	    "start", "login", "success")},
	{TSN_AUTH_TEXT("User '"), TSN_AUTH_WHAT("configuration", "change", "command", "")},
	{TSN_AUTH_TEXT("Configured from "), TSN_AUTH_WHAT("configuration", "change", "configured",
	    "success")},
};

/* By the first words; else by "denied" and "permitted" further on; else the mnemonic. */
static void
put_act(struct tsn_parse_ctx *ctx, struct tsn_slice text, struct tsn_slice mnemonic,
    const struct found *f)
{
	static const struct tsn_auth_what denied = TSN_AUTH_WHAT("network", "denied", "denied",
	    "failure");
	static const struct tsn_auth_what permitted = TSN_AUTH_WHAT("network", "allowed",
	    "permitted", "success");

	for (size_t i = 0; i < TSN_COUNT(acts); i++)
		if (text.len > 0 && text.ptr[0] == acts[i].prefix.ptr[0] &&
		    tsn_slice_starts(text, acts[i].prefix)) {
			tsn_auth_put(ctx, &acts[i].what);
			return;
		}
	if (f->denied)
		tsn_auth_put(ctx, &denied);
	else if (f->permitted)
		tsn_auth_put(ctx, &permitted);
	else
		tsn_put_str(ctx, TSN_F_EVENT_ACTION, mnemonic);
}

static void
put_found(struct tsn_parse_ctx *ctx, struct found *f)
{
	/* a connection outward is written with the far end first */
	bool far_first = f->outbound && f->destination.ip.len > 0;

	tsn_put_some(ctx, TSN_F_NETWORK_TRANSPORT, f->transport);
	if (f->inbound || f->outbound)
		tsn_put_str(ctx, TSN_F_NETWORK_DIRECTION, f->inbound ? TSN_SLICE("inbound") :
		    TSN_SLICE("outbound"));
	put_endpoint(ctx, far_first ? &f->destination : &f->source, true);
	put_endpoint(ctx, far_first ? &f->source : &f->destination, false);
	tsn_put_some(ctx, TSN_F_USER_NAME, f->user);
}

static bool
is_firewall(struct tsn_slice facility)
{
	return TSN_STARTS(facility, "ASA") || TSN_STARTS(facility, "PIX") ||
	    TSN_STARTS(facility, "FWSM") || TSN_STARTS(facility, "FTD");
}

static enum tsn_code
parse_cisco(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	struct tsn_scan s = tsn_scan_of(body);
	struct tsn_slice facility, mnemonic, text;
	struct found f = {0};
	char severity;

	if (!scan_head(&s, &facility, &severity, &mnemonic))
		return TSN_EPARSE;
	text = tsn_scan_rest(&s);
	ctx->ev->dataset = is_firewall(facility) ? TSN_SLICE("cisco_asa.log") :
	    TSN_SLICE("cisco_ios.log");
	if (ctx->syslog == NULL)
		tsn_put_str(ctx, TSN_F_MESSAGE, body);
	tsn_put_str(ctx, TSN_F_OBSERVER_VENDOR, TSN_SLICE("Cisco"));
	tsn_put_str(ctx, TSN_F_CISCO_FACILITY, facility);
	tsn_put_str(ctx, TSN_F_EVENT_CODE, mnemonic);
	tsn_put_int(ctx, TSN_F_EVENT_SEVERITY, severity - '0', TSN_SLICE_NONE);
	tsn_put_str(ctx, TSN_F_LOG_LEVEL, levels[severity - '0']);
	walk(s, &f);
	put_act(ctx, text, mnemonic, &f);
	put_found(ctx, &f);
	return TSN_OK;
}

static enum tsn_probe
probe_cisco(struct tsn_slice text)
{
	struct tsn_scan s = tsn_scan_of(text);
	struct tsn_slice facility, mnemonic;
	char severity;

	return scan_head(&s, &facility, &severity, &mnemonic) ? TSN_PROBE_YES : TSN_PROBE_NO;
}

const struct tsn_parser_desc tsn_parser_cisco = {
	.kind = "cisco.log",
	.doc = "Cisco ASA, FTD, IOS, NX-OS messages, alone or in syslog",
	.first = "%",
	.flags = TSN_PARSER_BODY,
	.probe = probe_cisco,
	.parse = parse_cisco,
};
