#include "store/column_int.h"

#include <stdlib.h>

#include "base/assert.h"
#include "store/ints_int.h"

#define DIGITS_MAX 18u
/* A shared dictionary is given up beyond this. */
#define SHARED_ENTRIES_MAX (1u << 17)
#define SHARED_BYTES_MAX (4u << 20)
/* Fewer different values than this never are a reason to do without. */
#define SHARED_FIRST_MIN 4096u

void
column_init(struct column *c, bool is_num)
{
	*c = (struct column){.is_num = is_num, .canonical = true};
	dict_init(&c->dict);
	dict_init(&c->old);
}

void
column_done(struct column *c)
{
	free(c->v);
	dict_done(&c->dict);
	dict_done(&c->old);
	*c = (struct column){0};
}

static bool
room(struct column *c)
{
	uint32_t cap = c->cap == 0 ? 64 : c->cap * 2;
	uint64_t *v;

	if (c->n < c->cap)
		return true;
	v = reallocarray(c->v, cap, sizeof *v);
	if (v == NULL)
		return false;
	c->v = v;
	c->cap = cap;
	return true;
}

enum tsn_code
column_add_num(struct column *c, uint64_t v)
{
	if (!room(c))
		return TSN_ENOMEM;
	c->v[c->n++] = bin_zig((int64_t)v);
	return TSN_OK;
}

static size_t
render(uint64_t v, unsigned width, char out[24])
{
	char digits[24];
	size_t n = 0, at = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	for (; at + n < width; at++)
		out[at] = '0';
	while (n > 0)
		out[at++] = digits[--n];
	return at;
}

/* The numbers of the block so far become texts. */
static enum tsn_code
to_texts(struct column *c)
{
	char text[24];

	for (uint32_t i = 0; i < c->n; i++) {
		uint32_t code = dict_intern(&c->dict, text,
		    render(c->v[i], c->canonical ? 0 : c->len, text));

		if (code == UINT32_MAX)
			return TSN_ENOMEM;
		c->v[i] = code;
	}
	c->texts = true;
	return TSN_OK;
}

static bool
is_digits(const char *p, uint32_t len, uint64_t *ret_value)
{
	uint64_t v = 0;

	if (len == 0 || len > DIGITS_MAX)
		return false;
	for (uint32_t i = 0; i < len; i++) {
		unsigned d = (unsigned)(unsigned char)p[i] - '0';

		if (d > 9)
			return false;
		v = v * 10 + d;
	}
	*ret_value = v;
	return true;
}

enum tsn_code
column_add_text(struct column *c, const char *ptr, uint32_t len)
{
	uint64_t number;
	uint32_t code;

	if (!room(c))
		return TSN_ENOMEM;
	if (!c->texts && is_digits(ptr, len, &number)) {
		bool canonical = c->canonical && (ptr[0] != '0' || len == 1);
		bool same = c->n == 0 || c->len == len;

		if (canonical || same) {
			c->canonical = canonical;
			c->len = same ? (uint8_t)len : 0;
			c->v[c->n++] = number;
			return TSN_OK;
		}
	}
	if (!c->texts)
		TSN_TRY(to_texts(c));
	code = dict_intern(&c->dict, ptr, len);
	if (code == UINT32_MAX)
		return TSN_ENOMEM;
	c->v[c->n++] = code;
	return TSN_OK;
}

const struct dict *
column_dict(const struct column *c)
{
	return c->local ? &c->old : &c->dict;
}

/* Repeats near by are told by their distance where that saves enough. */
enum tsn_code
column_put_ints(struct tsn_buf *out, uint64_t *v, uint32_t n, uint64_t *scratch)
{
	unsigned char *back;
	uint32_t literals;

	if (n < 16) {
		bin_add_u8(out, 0);
		ints_encode(out, v, n, scratch);
		return TSN_OK;
	}
	back = malloc(n);
	if (back == NULL)
		return TSN_ENOMEM;
	memcpy(scratch, v, n * sizeof *v);
	literals = ints_fold(scratch, n, back);
	if (literals > n - n / 8 || literals == 1) {
		bin_add_u8(out, 0);
		ints_encode(out, v, n, scratch);
	} else {
		bin_add_u8(out, 1);
		bin_add_var(out, literals);
		tsn_buf_add(out, back, n);
		ints_encode(out, scratch, literals, scratch + n);
	}
	free(back);
	return tsn_buf_check(out);
}

static void
bounds(const uint64_t *v, uint32_t n, struct column_info *info)
{
	info->min = UINT64_MAX;
	info->max = 0;
	for (uint32_t i = 0; i < n; i++) {
		info->min = v[i] < info->min ? v[i] : info->min;
		info->max = v[i] > info->max ? v[i] : info->max;
	}
}

/* The first block decides whether the segment's dictionary is worth it: nothing refers to it. */
static void
consider_local(struct column *c)
{
	uint32_t fresh = c->dict.count - c->dict_before;

	if (!c->local && !c->shared_used && fresh >= SHARED_FIRST_MIN && fresh > c->n / 2)
		c->local = true;
}

static enum tsn_code
put_texts(struct column *c, struct tsn_buf *out, uint64_t *scratch, struct column_info *info)
{
	consider_local(c);
	info->form = c->local ? COLUMN_LOCAL : COLUMN_SHARED;
	bin_add_u8(out, (uint8_t)info->form);
	if (c->local)
		TSN_TRY(strings_encode(&c->dict, out));
	TSN_TRY(column_put_ints(out, c->v, c->n, scratch));
	if (c->local) {
		dict_reset(&c->dict);
	} else {
		c->shared_used = true;
		if (c->dict.count > SHARED_ENTRIES_MAX || c->dict.bytes.len > SHARED_BYTES_MAX) {
			c->old = c->dict;
			dict_init(&c->dict);
			c->local = true;
		}
	}
	return TSN_OK;
}

static void
end_block(struct column *c)
{
	c->n = 0;
	c->texts = false;
	c->canonical = true;
	c->len = 0;
	c->dict_before = c->dict.count;
}

enum tsn_code
column_flush(struct column *c, struct tsn_buf *out, uint64_t *scratch,
    struct column_info *ret_info)
{
	struct column_info info = {COLUMN_NUM, 0, 0};

	if (c->texts) {
		TSN_TRY(put_texts(c, out, scratch, &info));
	} else {
		if (!c->is_num) {
			info.form = c->canonical ? COLUMN_DIGITS : COLUMN_PADDED;
			bounds(c->v, c->n, &info);
		}
		bin_add_u8(out, (uint8_t)info.form);
		if (info.form == COLUMN_PADDED)
			bin_add_u8(out, c->len);
		TSN_TRY(column_put_ints(out, c->v, c->n, scratch));
	}
	end_block(c);
	*ret_info = info;
	return tsn_buf_check(out);
}

struct dict *
column_patterns(struct column *c)
{
	/* A dictionary that no block refers to is of use no more: texts of this block alone. */
	return c->local || !c->shared_used ? &c->old : &c->dict;
}

void
column_derived(struct column *c)
{
	if (!c->local && c->shared_used) {
		c->old = c->dict;
		dict_init(&c->dict);
	} else {
		dict_reset(&c->dict);
	}
	c->local = true;
	end_block(c);
}

/* ---- reading ---- */

void
values_done(struct values *v)
{
	free(v->v);
	strings_done(&v->local);
	*v = (struct values){0};
}

bool
column_get_ints(struct bin *r, uint64_t *v, uint32_t n)
{
	uint8_t folded = bin_u8(r);
	const unsigned char *back;
	uint64_t literals;

	if (folded == 0)
		return ints_decode(r, v, n);
	literals = bin_var(r);
	back = bin_take(r, n);
	if (folded != 1 || back == NULL || literals > n)
		return false;
	return ints_decode(r, v + (n - literals), (uint32_t)literals) &&
	    ints_unfold(v, (uint32_t)literals, back, n);
}

static bool
codes_fit(const struct values *v)
{
	uint64_t top = 0;

	for (uint32_t i = 0; i < v->n; i++)
		top = v->v[i] > top ? v->v[i] : top;
	return v->n == 0 || (v->dict != NULL && top < v->dict->count);
}

static bool
digits_fit(const struct values *v)
{
	uint64_t top = 0, limit = 1;

	for (uint32_t i = 0; i < v->n; i++)
		top = v->v[i] > top ? v->v[i] : top;
	for (unsigned i = 0; i < (v->form == COLUMN_PADDED ? v->width : DIGITS_MAX); i++)
		limit *= 10;
	return top < limit;
}

static enum tsn_code
decode(struct bin *r, const struct strings *shared, struct values *v)
{
	v->form = (enum column_form)bin_u8(r);
	if (r->bad || v->form >= COLUMN_DERIVED)
		return TSN_ECORRUPT;
	if (v->form == COLUMN_PADDED) {
		v->width = bin_u8(r);
		if (v->width == 0 || v->width > DIGITS_MAX)
			return TSN_ECORRUPT;
	}
	if (v->form == COLUMN_LOCAL)
		TSN_TRY(strings_decode(r, &v->local));
	if (!column_get_ints(r, v->v, v->n))
		return TSN_ECORRUPT;
	v->dict = v->form == COLUMN_LOCAL ? &v->local : shared;
	if (v->form >= COLUMN_SHARED)
		return codes_fit(v) ? TSN_OK : TSN_ECORRUPT;
	if (v->form != COLUMN_NUM)
		return digits_fit(v) ? TSN_OK : TSN_ECORRUPT;
	for (uint32_t i = 0; i < v->n; i++)
		v->v[i] = (uint64_t)bin_zag(v->v[i]);
	return TSN_OK;
}

enum tsn_code
values_decode(struct bin *r, uint32_t n, const struct strings *shared, struct values *ret)
{
	enum tsn_code rc;

	*ret = (struct values){.n = n};
	ret->v = reallocarray(NULL, n + 1, sizeof *ret->v);
	if (ret->v == NULL)
		return TSN_ENOMEM;
	rc = decode(r, shared, ret);
	if (rc != TSN_OK)
		values_done(ret);
	else if (ret->form == COLUMN_LOCAL)
		ret->dict = &ret->local;
	return rc;
}

/* Every value stands among the literals once at least. */
static bool
literals_have(struct bin *r, uint32_t n, uint64_t number, uint64_t *v)
{
	uint8_t folded = bin_u8(r);
	uint64_t literals = n;

	if (folded == 1) {
		literals = bin_var(r);
		(void)bin_take(r, n);
	}
	if (r->bad || folded > 1 || literals > n || !ints_decode(r, v, (uint32_t)literals))
		return true;
	for (uint64_t i = 0; i < literals; i++)
		if (v[i] == number)
			return true;
	return false;
}

bool
values_may_have(struct bin *r, uint32_t n, uint64_t number)
{
	uint8_t form = bin_u8(r);
	uint64_t *v;
	bool have;

	if (form != COLUMN_DIGITS && form != COLUMN_PADDED)
		return true;
	if (form == COLUMN_PADDED)
		(void)bin_u8(r);
	v = reallocarray(NULL, (size_t)n + 1, sizeof *v);
	have = v == NULL || literals_have(r, n, number, v);
	free(v);
	return have;
}

struct tsn_slice
values_text(const struct values *v, uint32_t i, char scratch[24])
{
	if (v->form >= COLUMN_SHARED)
		return strings_get(v->dict, v->v[i]);
	return (struct tsn_slice){scratch, render(v->v[i], v->width, scratch)};
}

uint32_t
values_len(const struct values *v, uint32_t i)
{
	uint64_t x = v->v[i];
	uint32_t n = 1;

	if (v->form >= COLUMN_SHARED)
		return (uint32_t)strings_get(v->dict, x).len;
	if (v->form == COLUMN_PADDED)
		return v->width;
	for (; x >= 10; x /= 10)
		n++;
	return n;
}
