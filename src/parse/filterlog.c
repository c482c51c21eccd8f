/*
 * pf's log of pfSense and OPNsense: "filterlog: 53,,,1000000301,em0,match,block,in,4,...", one CSV
 * line a packet, whose columns depend on IP version and protocol.
 */
#include "parse/auth.h"

enum {
	COL_INTERFACE = 4,
	COL_ACTION = 6,
	COL_DIRECTION = 7,
	COL_VERSION = 8,
	COLS_MAX = 32,
};

static const struct tsn_auth_what blocked = TSN_AUTH_WHAT("network", "denied", "denied", "failure");
static const struct tsn_auth_what passed = TSN_AUTH_WHAT("network", "allowed", "allowed",
    "success");

static enum tsn_code
parse_filterlog(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	struct tsn_scan s = tsn_scan_of(body);
	struct tsn_slice cols[COLS_MAX], direction;
	size_t n = 0, proto, source;

	while (n < COLS_MAX && s.at < s.end)
		cols[n++] = tsn_scan_field(&s, ',');
	if (n <= COL_VERSION)
		return TSN_EPARSE;
	if (TSN_EQ(cols[COL_VERSION], "4")) {
		proto = 16;
		source = 18;
	} else if (TSN_EQ(cols[COL_VERSION], "6")) {
		proto = 12;
		source = 15;
	} else {
		return TSN_EPARSE;
	}
	if (n < source + 2 || !tsn_scan_is_ip(cols[source]))
		return TSN_EPARSE;
	tsn_auth_put(ctx, TSN_EQ(cols[COL_ACTION], "pass") ? &passed : &blocked);
	direction = cols[COL_DIRECTION];
	tsn_put_some(ctx, TSN_EQ(direction, "out") ? TSN_F_OBSERVER_EGRESS_INTERFACE_NAME :
	    TSN_F_OBSERVER_INGRESS_INTERFACE_NAME, cols[COL_INTERFACE]);
	tsn_put_str(ctx, TSN_F_NETWORK_DIRECTION, TSN_EQ(direction, "out") ? TSN_SLICE("outbound") :
	    TSN_SLICE("inbound"));
	tsn_put_some(ctx, TSN_F_NETWORK_TRANSPORT, cols[proto]);
	tsn_put_address(ctx, TSN_F_SOURCE_IP, TSN_KEY_NONE, cols[source]);
	tsn_put_address(ctx, TSN_F_DESTINATION_IP, TSN_KEY_NONE, cols[source + 1]);
	if (n >= source + 4 && (TSN_EQ(cols[proto], "tcp") || TSN_EQ(cols[proto], "udp") ||
	    TSN_EQ(cols[proto], "UDP") || TSN_EQ(cols[proto], "TCP"))) {
		tsn_put_num(ctx, TSN_F_SOURCE_PORT, cols[source + 2]);
		tsn_put_num(ctx, TSN_F_DESTINATION_PORT, cols[source + 3]);
	}
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_filterlog = {
	.kind = "pfsense.log",
	.doc = "packets logged by pf on pfSense and OPNsense",
	.programs = "filterlog",
	.parse = parse_filterlog,
};
