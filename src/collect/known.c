#include "collect/known.h"

#include <stdlib.h>
#include <xxhash.h>

#include "collect/stream.h"

#define PIECE_BYTES (256u << 10)
/* Overlapping ranges with different beginnings that are followed at once. */
#define OPEN_MAX 16u

struct open_hash {
	uint64_t begin;
	uint64_t end;		/* the farthest end of the ranges that begin here */
	XXH3_state_t *state;
};

struct pass {
	const struct tsn_store_range **by_begin;	/* sorted by begin, then end */
	const struct tsn_store_range **by_end;
	size_t count;
	size_t next_begin, next_end;
	struct open_hash open[OPEN_MAX];
	uint32_t open_count;
	struct tsn_known known;
};

static int
order_begin(const void *a, const void *b)
{
	const struct tsn_store_range *x = *(const struct tsn_store_range *const *)a;
	const struct tsn_store_range *y = *(const struct tsn_store_range *const *)b;

	return x->begin != y->begin ? (x->begin < y->begin ? -1 : 1) : 0;
}

static int
order_end(const void *a, const void *b)
{
	const struct tsn_store_range *x = *(const struct tsn_store_range *const *)a;
	const struct tsn_store_range *y = *(const struct tsn_store_range *const *)b;

	return x->end != y->end ? (x->end < y->end ? -1 : 1) : 0;
}

static int
order_span(const void *a, const void *b)
{
	const struct tsn_known_span *x = a, *y = b;

	return x->begin != y->begin ? (x->begin < y->begin ? -1 : 1) : 0;
}

static void
pass_done(struct pass *p)
{
	for (uint32_t i = 0; i < p->open_count; i++)
		(void)XXH3_freeState(p->open[i].state);
	free(p->by_begin);
	free(p->by_end);
}

static struct open_hash *
find_open(struct pass *p, uint64_t begin)
{
	for (uint32_t i = 0; i < p->open_count; i++)
		if (p->open[i].begin == begin)
			return &p->open[i];
	return NULL;
}

static void
end_ranges(struct pass *p, uint64_t at)
{
	for (; p->next_end < p->count && p->by_end[p->next_end]->end <= at; p->next_end++) {
		const struct tsn_store_range *r = p->by_end[p->next_end];
		struct open_hash *open = find_open(p, r->begin);

		if (open != NULL && r->end == at && XXH3_64bits_digest(open->state) == r->hash)
			p->known.spans[p->known.count++] = (struct tsn_known_span){r->begin, r->end};
	}
	for (uint32_t i = 0; i < p->open_count;) {
		if (p->open[i].end > at) {
			i++;
			continue;
		}
		(void)XXH3_freeState(p->open[i].state);
		p->open[i] = p->open[--p->open_count];
	}
}

static enum tsn_code
begin_ranges(struct pass *p, uint64_t at, struct tsn_err *err)
{
	for (; p->next_begin < p->count && p->by_begin[p->next_begin]->begin <= at;
	    p->next_begin++) {
		const struct tsn_store_range *r = p->by_begin[p->next_begin];
		struct open_hash *open = find_open(p, at);
		XXH3_state_t *state;

		if (r->begin != at || r->end <= at)
			continue;
		if (open != NULL) {
			open->end = r->end > open->end ? r->end : open->end;
			continue;
		}
		if (p->open_count == OPEN_MAX)
			continue;
		state = XXH3_createState();
		if (state == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		(void)XXH3_64bits_reset(state);
		p->open[p->open_count++] = (struct open_hash){at, r->end, state};
	}
	return TSN_OK;
}

/* Nearest beginning or end behind `at`, or UINT64_MAX. */
static uint64_t
next_point(const struct pass *p, uint64_t at)
{
	uint64_t point = UINT64_MAX;

	if (p->next_begin < p->count)
		point = p->by_begin[p->next_begin]->begin;
	if (p->next_end < p->count && p->by_end[p->next_end]->end < point)
		point = p->by_end[p->next_end]->end;
	return point > at ? point : at + 1;
}

static enum tsn_code
take(struct pass *p, const char *piece, size_t len, uint64_t *at, struct tsn_err *err)
{
	while (len > 0) {
		uint64_t point = next_point(p, *at);
		size_t step = point - *at < len ? (size_t)(point - *at) : len;

		for (uint32_t i = 0; i < p->open_count; i++)
			(void)XXH3_64bits_update(p->open[i].state, piece, step);
		piece += step;
		len -= step;
		*at += step;
		end_ranges(p, *at);
		TSN_TRY(begin_ranges(p, *at, err));
	}
	return TSN_OK;
}

static enum tsn_code
read_through(struct pass *p, struct tsn_stream *s, struct tsn_err *err)
{
	char *piece = malloc(PIECE_BYTES);
	enum tsn_code code;
	uint64_t at = 0;

	if (piece == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	code = begin_ranges(p, 0, err);
	while (code == TSN_OK && p->next_end < p->count) {
		size_t len;

		code = tsn_stream_read(s, piece, PIECE_BYTES, &len, err);
		if (code == TSN_OK)
			code = take(p, piece, len, &at, err);
	}
	free(piece);
	return code == TSN_EOF || code == TSN_ECORRUPT || code == TSN_EIO ? TSN_OK : code;
}

static void
merge_spans(struct tsn_known *k)
{
	size_t out = 0;

	if (k->count == 0)
		return;
	qsort(k->spans, k->count, sizeof *k->spans, order_span);
	for (size_t i = 1; i < k->count; i++) {
		if (k->spans[i].begin > k->spans[out].end)
			k->spans[++out] = k->spans[i];
		else if (k->spans[i].end > k->spans[out].end)
			k->spans[out].end = k->spans[i].end;
	}
	k->count = out + 1;
}

enum tsn_code
tsn_known_find(const struct tsn_file_ops *ops, const char *path,
    const struct tsn_store_range *ranges, size_t range_count, struct tsn_known *ret_known,
    struct tsn_err *err)
{
	struct pass p = {.count = range_count};
	struct tsn_stream *s = NULL;
	enum tsn_code code;

	*ret_known = (struct tsn_known){0};
	if (range_count == 0)
		return TSN_OK;
	p.by_begin = calloc(range_count, sizeof(*p.by_begin));
	p.by_end = calloc(range_count, sizeof(*p.by_end));
	p.known.spans = calloc(range_count, sizeof(*p.known.spans));
	if (p.by_begin == NULL || p.by_end == NULL || p.known.spans == NULL) {
		code = TSN_ERR(err, TSN_ENOMEM, "out of memory");
	} else {
		for (size_t i = 0; i < range_count; i++)
			p.by_begin[i] = p.by_end[i] = &ranges[i];
		qsort(p.by_begin, range_count, sizeof(*p.by_begin), order_begin);
		qsort(p.by_end, range_count, sizeof(*p.by_end), order_end);
		code = tsn_stream_open(ops, path, &s, err);
	}
	if (code == TSN_OK)
		code = read_through(&p, s, err);
	tsn_stream_close(s);
	pass_done(&p);
	if (code != TSN_OK) {
		free(p.known.spans);
		return code;
	}
	merge_spans(&p.known);
	*ret_known = p.known;
	return TSN_OK;
}

void
tsn_known_done(struct tsn_known *k)
{
	free(k->spans);
	*k = (struct tsn_known){0};
}
