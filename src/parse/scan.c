#include "parse/parse_int.h"

#include <arpa/inet.h>

size_t
tsn_slice_rfind(struct tsn_slice s, struct tsn_slice text)
{
	if (text.len == 0 || text.len > s.len)
		return SIZE_MAX;
	/* two bytes decide nearly always */
	for (size_t i = s.len - text.len + 1; i-- > 0;)
		if (s.ptr[i] == text.ptr[0] && s.ptr[i + text.len / 2] == text.ptr[text.len / 2] &&
		    memcmp(s.ptr + i, text.ptr, text.len) == 0)
			return i;
	return SIZE_MAX;
}

bool
tsn_scan_is_ipv4(struct tsn_slice s)
{
	const char *p = s.ptr, *end;

	if (s.len < 7 || s.len > 15)
		return false;
	end = p + s.len;
	for (unsigned octet = 0; octet < 4; octet++) {
		unsigned value, digit;

		if (p == end || (value = (unsigned)(unsigned char)*p++ - '0') > 9)
			return false;
		if (p < end && (digit = (unsigned)(unsigned char)*p - '0') <= 9) {
			value = value * 10 + digit;
			if (++p < end && (digit = (unsigned)(unsigned char)*p - '0') <= 9) {
				value = value * 10 + digit;
				p++;
			}
		}
		if (value > 255 || (octet < 3 && (p == end || *p++ != '.')))
			return false;
	}
	return p == end;
}

static bool
is_ipv6(struct tsn_slice s)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr out;

	if (s.len < 2 || s.len >= sizeof text || memchr(s.ptr, ':', s.len) == NULL)
		return false;
	memcpy(text, s.ptr, s.len);
	text[s.len] = '\0';
	return memchr(text, '\0', s.len) == NULL && inet_pton(AF_INET6, text, &out) == 1;
}

bool
tsn_scan_is_ip(struct tsn_slice s)
{
	return tsn_scan_is_ipv4(s) || is_ipv6(s);
}

void
tsn_put_address(struct tsn_parse_ctx *ctx, tsn_key ip_key, tsn_key name_key, struct tsn_slice v)
{
	struct tsn_slice ip = v;
	size_t zone;

	if (TSN_LIKELY(tsn_scan_is_ipv4(v))) {
		tsn_put_str(ctx, ip_key, v);
		return;
	}
	if (v.len == 0 || (v.len == 1 && (v.ptr[0] == '-' || v.ptr[0] == '?')))
		return;
	if (v.len > 2 && v.ptr[0] == '[' && v.ptr[v.len - 1] == ']')
		ip = (struct tsn_slice){v.ptr + 1, v.len - 2};
	zone = tsn_slice_find_char(ip, '%');
	if (zone != SIZE_MAX)
		ip.len = zone;
	/* ::ffff:192.0.2.1 is the IPv4 address as a dual-stack socket shows it */
	if (ip.len > 7 && memcmp(ip.ptr, "::", 2) == 0 && strncasecmp(ip.ptr + 2, "ffff:", 5) == 0 &&
	    tsn_scan_is_ipv4(tsn_slice_from(ip, 7)))
		ip = tsn_slice_from(ip, 7);
	if (tsn_scan_is_ip(ip))
		tsn_put_str(ctx, ip_key, ip);
	else if (name_key != TSN_KEY_NONE)
		tsn_put_str(ctx, name_key, v);
}
