#include "match/addr.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/num.h"

static bool
parse_v4(struct tsn_slice text, unsigned char ret[4])
{
	size_t at = 0;

	for (unsigned i = 0; i < 4; i++) {
		unsigned v = 0, digits = 0;

		if (i > 0 && (at == text.len || text.ptr[at++] != '.'))
			return false;
		for (; at < text.len && text.ptr[at] >= '0' && text.ptr[at] <= '9'; at++) {
			v = v * 10 + (unsigned)(text.ptr[at] - '0');
			if (++digits > 3 || v > 255)
				return false;
		}
		if (digits == 0)
			return false;
		ret[i] = (unsigned char)v;
	}
	return at == text.len;
}

bool
tsn_addr_parse(struct tsn_slice text, unsigned char ret[16])
{
	static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
	char copy[64];
	size_t zone;

	if (text.len < 2 || text.len >= sizeof copy)
		return false;
	memcpy(ret, mapped, sizeof mapped);
	if (parse_v4(text, ret + 12))
		return true;
	zone = tsn_slice_find_char(text, '%');
	if (zone != SIZE_MAX)
		text.len = zone;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	return tsn_slice_find_char(text, '\0') == SIZE_MAX && inet_pton(AF_INET6, copy, ret) == 1;
}

bool
tsn_addr_parse_net(struct tsn_slice text, unsigned char ret[16], uint8_t *ret_bits)
{
	size_t slash = tsn_slice_find_char(text, '/');
	struct tsn_slice host = text;
	unsigned char v4[4];
	int64_t bits;
	bool is_v4;

	if (slash != SIZE_MAX)
		host.len = slash;
	is_v4 = parse_v4(host, v4);
	bits = is_v4 ? 32 : 128;
	if (slash != SIZE_MAX &&
	    (tsn_num_parse_i64(tsn_slice_from(text, slash + 1), &bits) != TSN_OK || bits < 0 ||
	    bits > (is_v4 ? 32 : 128)))
		return false;
	if (!tsn_addr_parse(host, ret))
		return false;
	*ret_bits = (uint8_t)(is_v4 ? bits + 96 : bits);
	return true;
}

bool
tsn_addr_in(const unsigned char addr[16], const unsigned char net[16], uint8_t bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	if (memcmp(addr, net, whole) != 0)
		return false;
	return rest == 0 || ((addr[whole] ^ net[whole]) >> (8 - rest)) == 0;
}
