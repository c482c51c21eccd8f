/* Values of binary XML as text. */
#include "codec/evtx_int.h"

#include "base/num.h"
#include "base/time.h"
#include "codec/hex.h"
#include "codec/json.h"
#include "codec/utf8.h"

/* Ticks between 1601 and 1970. */
#define EPOCH_TICKS UINT64_C(116444736000000000)

uint32_t
tsn_evtx_type_size(uint8_t type)
{
	switch ((enum evtx_type)type) {
	case EVTX_T_INT8:
	case EVTX_T_UINT8:
		return 1;
	case EVTX_T_INT16:
	case EVTX_T_UINT16:
		return 2;
	case EVTX_T_INT32:
	case EVTX_T_UINT32:
	case EVTX_T_REAL32:
	case EVTX_T_BOOL:
	case EVTX_T_HEX32:
		return 4;
	case EVTX_T_INT64:
	case EVTX_T_UINT64:
	case EVTX_T_REAL64:
	case EVTX_T_FILETIME:
	case EVTX_T_HEX64:
		return 8;
	case EVTX_T_GUID:
	case EVTX_T_SYSTEMTIME:
		return 16;
	case EVTX_T_NULL:
	case EVTX_T_STRING:
	case EVTX_T_ANSI:
	case EVTX_T_BINARY:
	case EVTX_T_SIZE:
	case EVTX_T_SID:
	case EVTX_T_BINXML:
	case EVTX_T_ARRAY:
		break;
	}
	return 0;
}

static void
put_hex(struct tsn_buf *out, uint64_t v)
{
	char text[16];
	unsigned n = 16;

	do {
		text[--n] = "0123456789abcdef"[v & 15];
		v >>= 4;
	} while (v != 0);
	tsn_buf_lit(out, "0x");
	tsn_buf_add(out, text + n, 16 - n);
}

void
tsn_evtx_time(uint64_t filetime, struct tsn_buf *out)
{
	uint64_t ticks = filetime % 10000000;
	struct tsn_civil c;

	/* Years beyond what nanoseconds can count are written as the number. */
	if (filetime >= EPOCH_TICKS + (uint64_t)INT64_MAX / 100) {
		tsn_buf_u64(out, filetime);
		return;
	}
	if (filetime < EPOCH_TICKS - (uint64_t)INT64_MAX / 100) {
		/* 1601 to 1677: Windows writes 0 for "never". */
		uint64_t days = filetime / 10000000 / 86400;

		tsn_time_to_civil((int64_t)(days % 146097) * TSN_NS_PER_DAY, &c);
		c.year -= 369;
		filetime %= UINT64_C(864000000000);
		c.hour = (int)(filetime / UINT64_C(36000000000));
		c.minute = (int)(filetime / 600000000 % 60);
		c.second = (int)(filetime / 10000000 % 60);
	} else {
		tsn_time_to_civil(((int64_t)filetime - (int64_t)EPOCH_TICKS) * 100, &c);
	}
	tsn_buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.", c.year, c.month, c.day, c.hour, c.minute,
	    c.second);
	if (ticks % 10 != 0)
		tsn_buf_printf(out, "%07u", (unsigned)ticks);
	else
		tsn_buf_printf(out, "%06u", (unsigned)(ticks / 10));
	tsn_buf_char(out, 'Z');
}

static void
put_systemtime(const unsigned char *p, struct tsn_buf *out)
{
	tsn_buf_printf(out, "%04u-%02u-%02uT%02u:%02u:%02u.%03u000Z", evtx_u16(p), evtx_u16(p + 2),
	    evtx_u16(p + 6), evtx_u16(p + 8), evtx_u16(p + 10), evtx_u16(p + 12), evtx_u16(p + 14));
}

static void
put_guid(const unsigned char *p, struct tsn_buf *out)
{
	tsn_buf_printf(out, "%08X-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X", evtx_u32(p),
	    evtx_u16(p + 4), evtx_u16(p + 6), p[8], p[9], p[10], p[11], p[12], p[13], p[14], p[15]);
}

static bool
put_sid(const unsigned char *p, uint32_t size, struct tsn_buf *out)
{
	uint64_t authority = 0;

	if (size < 8 || 8 + 4 * (uint32_t)p[1] > size)
		return false;
	for (unsigned i = 2; i < 8; i++)
		authority = authority << 8 | p[i];
	tsn_buf_printf(out, "S-%u-%llu", p[0], (unsigned long long)authority);
	for (unsigned i = 0; i < p[1]; i++)
		tsn_buf_printf(out, "-%u", evtx_u32(p + 8 + 4 * i));
	return true;
}

static bool
put_string(struct tsn_evtx *e, const unsigned char *p, uint32_t size, struct tsn_buf *out)
{
	struct tsn_slice text;
	uint32_t units = size / 2;

	while (units > 0 && evtx_u16(p + 2 * units - 2) == 0)
		units--;
	if (!tsn_evtx_utf8(&e->scratch, p, units, &text))
		return false;
	/* Lone surrogates stay what they are: as escapes. */
	while (text.len > 0) {
		size_t at = tsn_slice_find_char(text, '\xed'), n = at == SIZE_MAX ? text.len : at;
		uint32_t code;

		tsn_json_write_text(out, (struct tsn_slice){text.ptr, n});
		text = tsn_slice_from(text, n);
		if (text.len == 0)
			break;
		n = tsn_utf8_decode(text.ptr, text.ptr + text.len, &code);
		if (n > 0)
			tsn_buf_add(out, text.ptr, n);
		else
			tsn_buf_printf(out, "\\u%04x", 0xd000u | ((unsigned)text.ptr[1] & 0x3f) << 6 |
			    ((unsigned)text.ptr[2] & 0x3f));
		text = tsn_slice_from(text, n > 0 ? n : 3);
	}
	return true;
}

/* Code page 1252. */
static void
put_ansi(const unsigned char *p, uint32_t size, struct tsn_buf *out)
{
	static const uint16_t high[32] = {0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021,
	    0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d, 0x17d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c,
	    0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a, 0x153, 0x9d, 0x17e, 0x178};

	while (size > 0 && p[size - 1] == 0)
		size--;
	for (uint32_t i = 0; i < size; i++) {
		char text[4];
		uint32_t code = p[i] >= 0x80 && p[i] < 0xa0 ? high[p[i] - 0x80] : p[i];

		tsn_json_write_text(out, (struct tsn_slice){text, tsn_utf8_encode(code, text)});
	}
}

static void
put_binary(const unsigned char *p, uint32_t size, struct tsn_buf *out)
{
	struct tsn_slice bytes = {(const char *)p, size};

	if (size == 0 || !tsn_buf_room(out, 2 * (size_t)size))
		return;
	tsn_hex_encode(bytes, true, out->ptr + out->len);
	out->len += 2 * (size_t)size;
}

static void
put_real(double v, struct tsn_buf *out, bool *ret_quote)
{
	char text[32];

	*ret_quote = !(v - v >= 0 && v - v <= 0);
	tsn_buf_add(out, text, tsn_num_format_f64(v, text));
}

static void
put_real32(const unsigned char *p, struct tsn_buf *out, bool *ret_quote)
{
	float v;
	uint32_t bits = evtx_u32(p);

	memcpy(&v, &bits, sizeof v);
	put_real((double)v, out, ret_quote);
}

static void
put_real64(const unsigned char *p, struct tsn_buf *out, bool *ret_quote)
{
	double v;
	uint64_t bits = evtx_u64(p);

	memcpy(&v, &bits, sizeof v);
	put_real(v, out, ret_quote);
}

/* Integers: signed ones are sign-extended from their size. */
static void
put_int(const unsigned char *p, uint32_t size, bool is_signed, struct tsn_buf *out)
{
	uint64_t v = size == 8 ? evtx_u64(p) : size == 4 ? evtx_u32(p) :
	    size == 2 ? evtx_u16(p) : p[0];
	unsigned shift = 64 - 8 * size;

	if (is_signed)
		tsn_buf_i64(out, (int64_t)(v << shift) >> shift);
	else
		tsn_buf_u64(out, v);
}

/* Values that stand in JSON without quotes. */
static bool
put_bare(uint8_t type, const unsigned char *p, struct tsn_buf *out, bool *ret_quote)
{
	uint32_t size = tsn_evtx_type_size(type);

	*ret_quote = false;
	if (type == EVTX_T_REAL32)
		put_real32(p, out, ret_quote);
	else if (type == EVTX_T_REAL64)
		put_real64(p, out, ret_quote);
	else if (type == EVTX_T_BOOL)
		tsn_buf_slice(out, evtx_u32(p) != 0 ? TSN_SLICE("true") : TSN_SLICE("false"));
	else if (type >= EVTX_T_INT8 && type <= EVTX_T_UINT64)
		put_int(p, size, (type & 1) != 0, out);
	else
		return false;
	return true;
}

bool
tsn_evtx_value(struct tsn_evtx *e, uint8_t type, uint32_t at, uint32_t size, struct tsn_buf *out,
    bool *ret_quote)
{
	const unsigned char *p = e->chunk + at;

	*ret_quote = true;
	if (size < tsn_evtx_type_size(type))
		return size == 0 || tsn_evtx_broken(e, at, "value is shorter than its type");
	if (put_bare(type, p, out, ret_quote))
		return true;
	*ret_quote = true;
	if (type == EVTX_T_STRING)
		return put_string(e, p, size, out) || tsn_evtx_broken(e, at, "text too large");
	if (type == EVTX_T_SID)
		return put_sid(p, size, out) || tsn_evtx_broken(e, at, "broken SID");
	if (type == EVTX_T_ANSI)
		put_ansi(p, size, out);
	else if (type == EVTX_T_GUID)
		put_guid(p, out);
	else if (type == EVTX_T_FILETIME)
		tsn_evtx_time(evtx_u64(p), out);
	else if (type == EVTX_T_SYSTEMTIME)
		put_systemtime(p, out);
	else if (type == EVTX_T_HEX32 || type == EVTX_T_HEX64 || (type == EVTX_T_SIZE && size >= 4))
		put_hex(out, size >= 8 ? evtx_u64(p) : evtx_u32(p));
	else
		put_binary(p, size, out);
	return true;
}
