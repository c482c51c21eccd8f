#include "base/ip.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/num.h"

static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool
parse_v4(struct tsn_slice s, unsigned char out[4])
{
	size_t at = 0;

	for (int part = 0; part < 4; part++) {
		unsigned value = 0;
		size_t digits = 0;

		if (part > 0 && (at >= s.len || s.ptr[at++] != '.'))
			return false;
		for (; at < s.len && s.ptr[at] >= '0' && s.ptr[at] <= '9' && digits < 3; digits++)
			value = value * 10 + (unsigned)(s.ptr[at++] - '0');
		if (digits == 0 || value > 255)
			return false;
		out[part] = (unsigned char)value;
	}
	return at == s.len;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = tsn_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Groups go to words; *gap is the group before which "::" stood (8: none). */
static bool
parse_groups(struct tsn_slice s, uint16_t words[8], unsigned *count, unsigned *gap)
{
	size_t at = 0;

	*count = 0;
	*gap = 8;
	if (s.len >= 2 && s.ptr[0] == ':' && s.ptr[1] == ':') {
		*gap = 0;
		at = 2;
	}
	while (at < s.len) {
		size_t start = at;
		unsigned value = 0;
		unsigned char v4[4];

		if (*count == 8)
			return false;
		for (; at < s.len && at - start < 4 && hex_digit(s.ptr[at]) >= 0; at++)
			value = value << 4 | (unsigned)hex_digit(s.ptr[at]);
		if (at < s.len && s.ptr[at] == '.' && *count <= 6) {
			if (!parse_v4(tsn_slice_from(s, start), v4))
				return false;
			words[(*count)++] = (uint16_t)(v4[0] << 8 | v4[1]);
			words[(*count)++] = (uint16_t)(v4[2] << 8 | v4[3]);
			return true;
		}
		if (at == start)
			return false;
		words[(*count)++] = (uint16_t)value;
		if (at == s.len)
			return true;
		if (s.ptr[at++] != ':')
			return false;
		if (at < s.len && s.ptr[at] == ':') {
			if (*gap != 8)
				return false;
			*gap = *count;
			at++;
		} else if (at == s.len) {
			return false;
		}
	}
	return *gap != 8;
}

static bool
parse_v6(struct tsn_slice s, unsigned char out[16])
{
	uint16_t words[8], all[8] = {0};
	unsigned count, gap;

	if (!parse_groups(s, words, &count, &gap) || (gap == 8 ? count != 8 : count > 7))
		return false;
	for (unsigned i = 0; i < count; i++)
		all[i < gap ? i : 8 - count + i] = words[i];
	for (unsigned i = 0; i < 8; i++) {
		out[2 * i] = (unsigned char)(all[i] >> 8);
		out[2 * i + 1] = (unsigned char)all[i];
	}
	return true;
}

enum tsn_code
tsn_ip_parse(struct tsn_slice s, struct tsn_ip *ret_ip)
{
	struct tsn_ip ip;
	size_t zone;

	if (s.len < 2 || s.len > 64)
		return TSN_EPARSE;
	memcpy(ip.bytes, mapped, sizeof mapped);
	if (tsn_slice_find_char(s, ':') == SIZE_MAX) {
		if (!parse_v4(s, ip.bytes + 12))
			return TSN_EPARSE;
		*ret_ip = ip;
		return TSN_OK;
	}
	zone = tsn_slice_find_char(s, '%');
	if (zone != SIZE_MAX)
		s.len = zone;
	if (!parse_v6(s, ip.bytes))
		return TSN_EPARSE;
	*ret_ip = ip;
	return TSN_OK;
}

bool
tsn_ip_is_v4(const struct tsn_ip *ip)
{
	return memcmp(ip->bytes, mapped, sizeof mapped) == 0;
}

struct tsn_ip
tsn_ip_mask(const struct tsn_ip *ip, unsigned bits)
{
	struct tsn_ip out = *ip;

	TSN_ASSERT(bits <= 128);
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = bits <= i * 8 ? 0 : bits - i * 8 >= 8 ? 8 : bits - i * 8;

		out.bytes[i] &= (unsigned char)(0xff00u >> keep);
	}
	return out;
}

enum tsn_code
tsn_cidr_parse(struct tsn_slice s, struct tsn_cidr *ret_cidr)
{
	size_t slash = tsn_slice_find_char(s, '/');
	struct tsn_slice host = {s.ptr, slash == SIZE_MAX ? s.len : slash};
	unsigned most;
	uint64_t bits;

	TSN_TRY(tsn_ip_parse(host, &ret_cidr->ip));
	most = tsn_slice_find_char(host, ':') == SIZE_MAX ? 32 : 128;
	bits = most;
	if (slash != SIZE_MAX && (tsn_num_parse_u64(tsn_slice_from(s, slash + 1), &bits) != TSN_OK ||
	    bits > most))
		return TSN_EPARSE;
	ret_cidr->bits = (unsigned)bits + (128 - most);
	ret_cidr->ip = tsn_ip_mask(&ret_cidr->ip, ret_cidr->bits);
	return TSN_OK;
}

bool
tsn_cidr_has(const struct tsn_cidr *cidr, const struct tsn_ip *ip)
{
	unsigned whole = cidr->bits / 8, rest = cidr->bits % 8;

	if (memcmp(cidr->ip.bytes, ip->bytes, whole) != 0)
		return false;
	return rest == 0 ||
	    (cidr->ip.bytes[whole] ^ ip->bytes[whole]) >> (8 - rest) == 0;
}

/* The longest run of two or more zero groups becomes "::" (the first of equals). */
static void
longest_gap(const uint16_t words[8], unsigned *ret_at, unsigned *ret_len)
{
	*ret_at = 8;
	*ret_len = 1;
	for (unsigned i = 0; i < 8; i++) {
		unsigned n = 0;

		while (i + n < 8 && words[i + n] == 0)
			n++;
		if (n > *ret_len) {
			*ret_at = i;
			*ret_len = n;
		}
	}
}

size_t
tsn_ip_format(const struct tsn_ip *ip, char out[TSN_IP_TEXT_MAX])
{
	uint16_t words[8];
	unsigned gap, gap_len;
	size_t n = 0;

	if (tsn_ip_is_v4(ip))
		return (size_t)snprintf(out, TSN_IP_TEXT_MAX, "%u.%u.%u.%u", ip->bytes[12],
		    ip->bytes[13], ip->bytes[14], ip->bytes[15]);
	for (unsigned i = 0; i < 8; i++)
		words[i] = (uint16_t)(ip->bytes[2 * i] << 8 | ip->bytes[2 * i + 1]);
	longest_gap(words, &gap, &gap_len);
	for (unsigned i = 0; i < 8;) {
		if (i == gap) {
			out[n++] = ':';
			out[n++] = ':';
			i += gap_len;
			continue;
		}
		n += (size_t)snprintf(out + n, TSN_IP_TEXT_MAX - n, "%s%x",
		    i > 0 && i != gap + gap_len ? ":" : "", words[i]);
		i++;
	}
	out[n] = '\0';
	return n;
}
