/*
 * Packets that the kernel logs: iptables, ip6tables, nftables, ufw, Shorewall.  "PREFIX IN=eth0
 * OUT= MAC=... SRC=192.0.2.1 DST=192.0.2.2 LEN=40 ... PROTO=TCP SPT=1 DPT=2 ... SYN URGP=0".
 *
 * Names stay as the kernel writes them under iptables.; words without value are iptables.flags.
 */
#include "parse/auth.h"

static const struct pair {
	struct tsn_slice name;
	tsn_key key;
	enum {
		TEXT,
		NUMBER,
		ADDRESS,
	} how;
} pairs[] = {
	{TSN_AUTH_TEXT("IN"), TSN_F_OBSERVER_INGRESS_INTERFACE_NAME, TEXT},
	{TSN_AUTH_TEXT("OUT"), TSN_F_OBSERVER_EGRESS_INTERFACE_NAME, TEXT},
	{TSN_AUTH_TEXT("SRC"), TSN_F_SOURCE_IP, ADDRESS},
	{TSN_AUTH_TEXT("DST"), TSN_F_DESTINATION_IP, ADDRESS},
	{TSN_AUTH_TEXT("SPT"), TSN_F_SOURCE_PORT, NUMBER},
	{TSN_AUTH_TEXT("DPT"), TSN_F_DESTINATION_PORT, NUMBER},
	{TSN_AUTH_TEXT("UID"), TSN_F_USER_ID, TEXT},
	{TSN_AUTH_TEXT("GID"), TSN_F_GROUP_ID, TEXT},
};

static const struct {
	struct tsn_slice name, transport;
} protocols[] = {
	{TSN_AUTH_TEXT("TCP"), TSN_AUTH_TEXT("tcp")}, {TSN_AUTH_TEXT("UDP"), TSN_AUTH_TEXT("udp")},
	{TSN_AUTH_TEXT("ICMP"), TSN_AUTH_TEXT("icmp")},
	{TSN_AUTH_TEXT("ICMPv6"), TSN_AUTH_TEXT("ipv6-icmp")},
	{TSN_AUTH_TEXT("UDPLITE"), TSN_AUTH_TEXT("udplite")},
	{TSN_AUTH_TEXT("SCTP"), TSN_AUTH_TEXT("sctp")}, {TSN_AUTH_TEXT("ESP"), TSN_AUTH_TEXT("esp")},
	{TSN_AUTH_TEXT("AH"), TSN_AUTH_TEXT("ah")}, {TSN_AUTH_TEXT("2"), TSN_AUTH_TEXT("igmp")},
	{TSN_AUTH_TEXT("47"), TSN_AUTH_TEXT("gre")}, {TSN_AUTH_TEXT("4"), TSN_AUTH_TEXT("ipv4")},
};

static void
put_protocol(struct tsn_parse_ctx *ctx, struct tsn_slice v)
{
	for (size_t i = 0; i < TSN_COUNT(protocols); i++)
		if (tsn_slice_eq(protocols[i].name, v)) {
			tsn_put_str(ctx, TSN_F_NETWORK_TRANSPORT, protocols[i].transport);
			return;
		}
	tsn_put_some(ctx, TSN_F_NETWORK_TRANSPORT, v);
}

/* Ethernet header: destination, source, type, 14 bytes in all with colons between. */
static void
put_mac(struct tsn_parse_ctx *ctx, struct tsn_slice v)
{
	if (v.len < 35)
		return;
	tsn_put_str(ctx, TSN_F_DESTINATION_MAC, (struct tsn_slice){v.ptr, 17});
	tsn_put_str(ctx, TSN_F_SOURCE_MAC, (struct tsn_slice){v.ptr + 18, 17});
}

static void
put_pair(struct tsn_parse_ctx *ctx, struct tsn_slice name, struct tsn_slice v)
{
	for (size_t i = 0; i < TSN_COUNT(pairs); i++) {
		if (!tsn_slice_eq(pairs[i].name, name))
			continue;
		if (pairs[i].how == ADDRESS)
			tsn_put_address(ctx, pairs[i].key, TSN_KEY_NONE, v);
		else if (pairs[i].how == NUMBER)
			tsn_put_num(ctx, pairs[i].key, v);
		else
			tsn_put_some(ctx, pairs[i].key, v);
		return;
	}
	if (TSN_EQ(name, "PROTO"))
		put_protocol(ctx, v);
	else if (TSN_EQ(name, "MAC"))
		put_mac(ctx, v);
	if (v.len > 0)
		tsn_put_num(ctx, tsn_keys_child(ctx->keys, TSN_F_IPTABLES, name), v);
}

static bool
is_name(struct tsn_slice v)
{
	for (size_t i = 0; i < v.len; i++)
		if (!(v.ptr[i] >= 'A' && v.ptr[i] <= 'Z') && !tsn_is_digit(v.ptr[i]) &&
		    v.ptr[i] != '_')
			return false;
	return v.len > 0 && v.len <= 16;
}

/* An ICMP error holds the header of its packet in [brackets]; that is another packet's. */
static void
put_packet(struct tsn_parse_ctx *ctx, struct tsn_scan s)
{
	bool options = false;
	uint32_t flags = 0;

	while (s.at < s.end) {
		struct tsn_slice word, inner;
		size_t eq;

		tsn_scan_blanks(&s);
		if (tsn_scan_is(&s, "[", 1)) {
			if (!tsn_scan_to(&s, ']', &inner))
				return;
			continue;
		}
		word = tsn_scan_word(&s);
		eq = tsn_slice_find_char(word, '=');
		if (eq != SIZE_MAX && is_name((struct tsn_slice){word.ptr, eq})) {
			put_pair(ctx, (struct tsn_slice){word.ptr, eq}, tsn_slice_from(word, eq + 1));
			options = false;
		} else if (TSN_EQ(word, "OPT")) {
			options = true;
		} else if (!options && is_name(word) && flags < 16) {
			uint32_t pos = tsn_event_add_pos(ctx->batch, 0, TSN_F_IPTABLES_FLAGS, flags++);

			if (pos != 0)
				tsn_put(ctx, &(struct tsn_field){.ptr = word.ptr, .pos = pos,
				    .len = (uint32_t)word.len, .key = TSN_F_IPTABLES_FLAGS,
				    .type = TSN_T_STR});
		}
	}
}

static bool
says(struct tsn_slice prefix, struct tsn_slice word)
{
	for (size_t i = 0; i + word.len <= prefix.len; i++)
		if (tsn_slice_eq_nocase((struct tsn_slice){prefix.ptr + i, word.len}, word))
			return true;
	return false;
}

/* The rule's prefix is all that tells what became of the packet. */
static void
put_verdict(struct tsn_parse_ctx *ctx, struct tsn_slice prefix)
{
	static const struct tsn_slice no[] = {TSN_AUTH_TEXT("drop"), TSN_AUTH_TEXT("block"),
	    TSN_AUTH_TEXT("reject"), TSN_AUTH_TEXT("den"), TSN_AUTH_TEXT("invalid")};
	static const struct tsn_slice yes[] = {TSN_AUTH_TEXT("allow"), TSN_AUTH_TEXT("accept"),
	    TSN_AUTH_TEXT("pass")};
	static const struct tsn_auth_what denied = TSN_AUTH_WHAT("network", "denied", "denied",
	    "failure");
	static const struct tsn_auth_what allowed = TSN_AUTH_WHAT("network", "allowed", "allowed",
	    "success");
	static const struct tsn_auth_what seen = TSN_AUTH_WHAT("network", "info", "packet_logged", "");
	const struct tsn_auth_what *what = &seen;

	if (prefix.len > 64)
		prefix.len = 64;
	for (size_t i = 0; i < TSN_COUNT(yes); i++)
		if (says(prefix, yes[i]))
			what = &allowed;
	for (size_t i = 0; i < TSN_COUNT(no); i++)
		if (says(prefix, no[i]))
			what = &denied;
	tsn_auth_put(ctx, what);
}

static enum tsn_code
parse_iptables(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	struct tsn_scan s = tsn_scan_of(body);
	struct tsn_slice uptime, prefix;
	size_t at;

	if (tsn_scan_is(&s, "[", 1) && body.len > 1 && (tsn_is_digit(body.ptr[1]) ||
	    body.ptr[1] == ' ') && tsn_scan_to(&s, ']', &uptime))
		tsn_scan_blanks(&s);
	prefix = tsn_scan_rest(&s);
	at = tsn_slice_find((struct tsn_slice){prefix.ptr, prefix.len < 200 ? prefix.len : 200},
	    TSN_SLICE("IN="));
	if (at == SIZE_MAX ||
	    tsn_slice_find(tsn_slice_from(prefix, at), TSN_SLICE(" SRC=")) == SIZE_MAX)
		return TSN_EPARSE;
	s.at = prefix.ptr + at;
	prefix = tsn_slice_trim((struct tsn_slice){prefix.ptr, at});
	put_verdict(ctx, prefix);
	tsn_put_some(ctx, TSN_F_IPTABLES_PREFIX, prefix);
	put_packet(ctx, s);
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_iptables = {
	.kind = "iptables.log",
	.doc = "packets logged by iptables, nftables, ufw",
	.programs = "kernel iptables ip6tables ufw ulogd firewalld",
	.parse = parse_iptables,
};
