/*
 * store/dict: distinct texts of a column, numbered in the order of their first appearance.
 */
#ifndef TSN_STORE_DICT_INT_H
#define TSN_STORE_DICT_INT_H

#include "store/bin_int.h"

struct dict {
	struct tsn_buf bytes;		/* all texts, one behind the other */
	uint32_t *ends;			/* by code: where its text ends */
	uint32_t *counts;		/* by code: how often it was interned */
	uint32_t *slots;		/* open addressing: code + 1; 0 free */
	uint32_t *tags;			/* beside slots: part of the hash */
	uint32_t count, cap, slot_count;
};

#define DICT_BYTES_MAX (1u << 30)

void dict_init(struct dict *d);
void dict_done(struct dict *d);
void dict_reset(struct dict *d);
/** What it holds. */
size_t dict_bytes(const struct dict *d);
/** UINT32_MAX when out of memory. */
uint32_t dict_intern(struct dict *d, const char *ptr, size_t len);
/** Room for the count of values that strings_decode announces, and for the lookups of readers. */
static inline struct tsn_slice
dict_get(const struct dict *d, uint32_t code)
{
	uint32_t start = code == 0 ? 0 : d->ends[code - 1];

	return (struct tsn_slice){d->bytes.ptr + start, d->ends[code] - start};
}

/* ---- lists of texts as bytes ---- */

/** Appends the texts of the dictionary (not the counts). */
TSN_MUST_CHECK enum tsn_code strings_encode(const struct dict *d, struct tsn_buf *out);

/* A decoded list; `bytes` may point into what it was decoded from. */
struct strings {
	const char *bytes;
	uint32_t *ends;		/* owned */
	char *own;		/* owned bytes, when they had to be made */
	uint32_t *addrs;	/* owned; the texts are these IPv4 addresses, and not made yet */
	uint32_t count;
};

TSN_MUST_CHECK enum tsn_code strings_decode(struct bin *r, struct strings *ret);
/** The same, but addresses stay numbers: for those who look at `addrs` first. */
TSN_MUST_CHECK enum tsn_code strings_decode_lean(struct bin *r, struct strings *ret);
/** Makes the texts of addresses, unless they are there. */
TSN_MUST_CHECK enum tsn_code strings_make(struct strings *s);
void strings_done(struct strings *s);

static inline struct tsn_slice
strings_get(const struct strings *s, uint64_t i)
{
	uint32_t start = i == 0 ? 0 : s->ends[i - 1];

	return (struct tsn_slice){s->bytes + start, s->ends[i] - start};
}

/* ---- forms of text that numbers stand for ---- */

/** True for canonical "a.b.c.d". */
bool text_is_ip4(struct tsn_slice s, uint32_t *ret_addr);
size_t text_of_ip4(uint32_t addr, char out[16]);

#endif
