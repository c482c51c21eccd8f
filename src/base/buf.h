/*
 * base/buf: a growing run of bytes with a hard maximum, for output that is being built.
 *
 * Owner: whoever calls tsn_buf_init().  The first failure (maximum or memory) sticks in `failed`:
 * a writer may append without checking each step and check once at the end (tsn_buf_check).
 */
#ifndef TSN_BASE_BUF_H
#define TSN_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/slice.h"

struct tsn_buf {
	char *ptr;
	size_t len;
	size_t cap;
	size_t max;
	enum tsn_code failed;	/* TSN_OK, TSN_ELIMIT or TSN_ENOMEM */
};

/** No memory is taken before the first append; max > 0. */
void tsn_buf_init(struct tsn_buf *b, size_t max);
/** Accepts NULL, a zeroed and an already finished buffer. */
void tsn_buf_done(struct tsn_buf *b);
/** Empties it and forgets a failure, keeps its memory. */
void tsn_buf_reset(struct tsn_buf *b);
/** Slow path: makes room for `more` bytes behind len; false when that fails. */
bool tsn_buf_grow(struct tsn_buf *b, size_t more);

static inline bool
tsn_buf_room(struct tsn_buf *b, size_t more)
{
	return TSN_LIKELY(more <= b->cap - b->len) || tsn_buf_grow(b, more);
}

static inline void
tsn_buf_add(struct tsn_buf *b, const void *ptr, size_t len)
{
	if (len == 0 || !tsn_buf_room(b, len))
		return;
	memcpy(b->ptr + b->len, ptr, len);
	b->len += len;
}

static inline void
tsn_buf_char(struct tsn_buf *b, char c)
{
	if (!tsn_buf_room(b, 1))
		return;
	b->ptr[b->len++] = c;
}

static inline void
tsn_buf_slice(struct tsn_buf *b, struct tsn_slice s)
{
	tsn_buf_add(b, s.ptr, s.len);
}

#define tsn_buf_lit(b, literal) tsn_buf_add((b), (literal), sizeof(literal) - 1)

void tsn_buf_printf(struct tsn_buf *b, const char *fmt, ...) TSN_PRINTF(2, 3);
void tsn_buf_u64(struct tsn_buf *b, uint64_t v);
void tsn_buf_i64(struct tsn_buf *b, int64_t v);

static inline struct tsn_slice
tsn_buf_get(const struct tsn_buf *b)
{
	return (struct tsn_slice){b->ptr, b->len};
}

/** TSN_OK when every append since init or reset fitted. */
TSN_MUST_CHECK static inline enum tsn_code
tsn_buf_check(const struct tsn_buf *b)
{
	return b->failed;
}

#endif
