#include "base/num.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum tsn_code
tsn_num_parse_u64(struct tsn_slice s, uint64_t *ret_value)
{
	uint64_t v = 0;

	if (s.len == 0)
		return TSN_EPARSE;
	for (size_t i = 0; i < s.len; i++) {
		unsigned digit = (unsigned)(unsigned char)s.ptr[i] - '0';

		if (digit > 9 || __builtin_mul_overflow(v, 10u, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			return TSN_EPARSE;
	}
	*ret_value = v;
	return TSN_OK;
}

enum tsn_code
tsn_num_parse_i64(struct tsn_slice s, int64_t *ret_value)
{
	bool minus = s.len > 0 && s.ptr[0] == '-';
	uint64_t v;

	if (s.len > 0 && (minus || s.ptr[0] == '+'))
		s = tsn_slice_from(s, 1);
	TSN_TRY(tsn_num_parse_u64(s, &v));
	if (v > (uint64_t)INT64_MAX + (minus ? 1u : 0u))
		return TSN_EPARSE;
	*ret_value = minus ? (int64_t)(0 - v) : (int64_t)v;
	return TSN_OK;
}

enum tsn_code
tsn_num_parse_hex(struct tsn_slice s, uint64_t *ret_value)
{
	uint64_t v = 0;

	if (s.len > 2 && s.ptr[0] == '0' && tsn_lower(s.ptr[1]) == 'x')
		s = tsn_slice_from(s, 2);
	if (s.len == 0 || s.len > 16)
		return TSN_EPARSE;
	for (size_t i = 0; i < s.len; i++) {
		char c = tsn_lower(s.ptr[i]);
		unsigned digit;

		if (c >= '0' && c <= '9')
			digit = (unsigned)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (unsigned)(c - 'a') + 10;
		else
			return TSN_EPARSE;
		v = v << 4 | digit;
	}
	*ret_value = v;
	return TSN_OK;
}

/* Up to 15 significant digits and a power of ten up to 22 are exact in a double: no strtod. */
static bool
fast_f64(struct tsn_slice s, double *ret_value)
{
	static const double tens[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	    1e12, 1e13, 1e14, 1e15};
	uint64_t digits = 0;
	unsigned count = 0, after = 0;
	bool minus = s.len > 0 && s.ptr[0] == '-', dot = false;

	for (size_t i = minus ? 1 : 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '.' && !dot && count > 0 && i + 1 < s.len) {
			dot = true;
			continue;
		}
		if (c < '0' || c > '9' || ++count > 15)
			return false;
		digits = digits * 10 + (unsigned)(c - '0');
		after += dot;
	}
	if (count == 0)
		return false;
	*ret_value = (minus ? -1.0 : 1.0) * ((double)digits / tens[after]);
	return true;
}

enum tsn_code
tsn_num_parse_f64(struct tsn_slice s, double *ret_value)
{
	char text[400], *end;
	double v;

	if (fast_f64(s, ret_value))
		return TSN_OK;
	if (s.len == 0 || s.len >= sizeof text)
		return TSN_EPARSE;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E'))
			return TSN_EPARSE;
		text[i] = c;
	}
	text[s.len] = '\0';
	v = strtod(text, &end);
	if (end != text + s.len || !isfinite(v))
		return TSN_EPARSE;
	*ret_value = v;
	return TSN_OK;
}

size_t
tsn_num_format_f64(double v, char out[32])
{
	int n = 0;

	for (int digits = 15; digits <= 17; digits++) {
		n = snprintf(out, 32, "%.*g", digits, v);
		if (strtod(out, NULL) == v)
			break;
	}
	return n < 0 ? 0 : (size_t)n;
}
