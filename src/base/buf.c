#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"

void
tsn_buf_init(struct tsn_buf *b, size_t max)
{
	TSN_ASSERT(b != NULL);
	TSN_ASSERT(max > 0);
	*b = (struct tsn_buf){.max = max};
}

void
tsn_buf_done(struct tsn_buf *b)
{
	if (b == NULL)
		return;
	free(b->ptr);
	*b = (struct tsn_buf){0};
}

void
tsn_buf_reset(struct tsn_buf *b)
{
	b->len = 0;
	b->failed = TSN_OK;
}

bool
tsn_buf_grow(struct tsn_buf *b, size_t more)
{
	size_t need, cap;
	char *p;

	TSN_ASSERT(b->max > 0);
	if (b->failed != TSN_OK)
		return false;
	if (__builtin_add_overflow(b->len, more, &need) || need > b->max) {
		b->failed = TSN_ELIMIT;
		return false;
	}
	if (need <= b->cap)
		return true;
	cap = b->cap < 256 ? 256 : b->cap;
	if (cap > b->max)
		cap = b->max;
	while (cap < need)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	p = realloc(b->ptr, cap);
	if (p == NULL) {
		b->failed = TSN_ENOMEM;
		return false;
	}
	b->ptr = p;
	b->cap = cap;
	return true;
}

void
tsn_buf_printf(struct tsn_buf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n >= 0 && tsn_buf_room(b, (size_t)n + 1)) {
		(void)vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
	va_end(ap);
}

void
tsn_buf_u64(struct tsn_buf *b, uint64_t v)
{
	char digits[20];
	size_t n = sizeof digits;

	do {
		digits[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	tsn_buf_add(b, digits + n, sizeof digits - n);
}

void
tsn_buf_i64(struct tsn_buf *b, int64_t v)
{
	if (v < 0)
		tsn_buf_char(b, '-');
	tsn_buf_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}
