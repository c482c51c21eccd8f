/*
 * base/ip: addresses and networks, IPv4 and IPv6, as 16 bytes.
 *
 * An IPv4 address is kept in its mapped form (::ffff:a.b.c.d), so that both families compare and
 * mask the same way; a mapped address in text equals the plain one.
 */
#ifndef TSN_BASE_IP_H
#define TSN_BASE_IP_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct tsn_ip {
	unsigned char bytes[16];
};

struct tsn_cidr {
	struct tsn_ip ip;	/* host bits zero */
	unsigned bits;		/* 0 .. 128; IPv4 /n is 96 + n */
};

#define TSN_IP_TEXT_MAX 46

/** "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "fe80::1%eth0" (the zone is left out). */
TSN_MUST_CHECK enum tsn_code tsn_ip_parse(struct tsn_slice s, struct tsn_ip *ret_ip);
/** "10.0.0.0/8", "2001:db8::/32" or a single address; host bits are cleared. */
TSN_MUST_CHECK enum tsn_code tsn_cidr_parse(struct tsn_slice s, struct tsn_cidr *ret_cidr);
bool tsn_ip_is_v4(const struct tsn_ip *ip);
bool tsn_cidr_has(const struct tsn_cidr *cidr, const struct tsn_ip *ip);
/** Clears the bits behind the first `bits`. */
struct tsn_ip tsn_ip_mask(const struct tsn_ip *ip, unsigned bits);
/** Canonical text (RFC 5952 for IPv6), NUL-terminated; returns length. */
size_t tsn_ip_format(const struct tsn_ip *ip, char out[TSN_IP_TEXT_MAX]);

#endif
