/*
 * match/addr: IP addresses and networks as 16 bytes.  IPv4 is held as ::ffff:a.b.c.d, so an IPv4
 * address matches an IPv4 network in whichever of the two forms it is written.
 */
#ifndef TSN_MATCH_ADDR_H
#define TSN_MATCH_ADDR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/** False when text is no address.  A zone ("fe80::1%eth0") is left out of the comparison. */
bool tsn_addr_parse(struct tsn_slice text, unsigned char ret[16]);
/** "10.0.0.0/8", "2001:db8::/32", or an address alone; bits past the prefix are ignored. */
bool tsn_addr_parse_net(struct tsn_slice text, unsigned char ret[16], uint8_t *ret_bits);
bool tsn_addr_in(const unsigned char addr[16], const unsigned char net[16], uint8_t bits);

#endif
