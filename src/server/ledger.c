#include "server/ledger.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static const char *const drop_names[TSN_DROP__COUNT] = {
	[TSN_DROP_SOCKET] = "socket_full",
	[TSN_DROP_OVERSIZE] = "oversize",
	[TSN_DROP_BAD_FRAME] = "bad_frame",
	[TSN_DROP_MEMORY] = "memory",
	[TSN_DROP_STORE] = "store",
	[TSN_DROP_FILTER] = "filter",
};

enum tsn_code
tsn_ledger_init(struct tsn_ledger *l)
{
	*l = (struct tsn_ledger){0};
	return pthread_mutex_init(&l->lock, NULL) == 0 ? TSN_OK : TSN_ENOMEM;
}

void
tsn_ledger_done(struct tsn_ledger *l)
{
	for (uint32_t i = 0; i < l->count; i++)
		free(l->rows[i]);
	free(l->rows);
	(void)pthread_mutex_destroy(&l->lock);
}

static struct tsn_ledger_row *
find(struct tsn_ledger *l, struct tsn_slice name)
{
	for (uint32_t i = l->count; i-- > 0;)
		if (tsn_slice_eq(tsn_slice_cstr(l->rows[i]->name), name))
			return l->rows[i];
	return NULL;
}

static struct tsn_ledger_row *
add(struct tsn_ledger *l, struct tsn_slice name)
{
	struct tsn_ledger_row *row;

	if (l->count == l->cap) {
		uint32_t cap = l->cap == 0 ? 16 : l->cap * 2;
		struct tsn_ledger_row **rows = reallocarray(l->rows, cap, sizeof(*rows));

		if (rows == NULL)
			return NULL;
		l->rows = rows;
		l->cap = cap;
	}
	row = calloc(1, sizeof *row);
	if (row == NULL)
		return NULL;
	memcpy(row->name, name.ptr, name.len);
	l->rows[l->count++] = row;
	return row;
}

struct tsn_ledger_row *
tsn_ledger_row(struct tsn_ledger *l, struct tsn_slice name)
{
	struct tsn_ledger_row *row;

	if (name.len >= TSN_LEDGER_NAME_MAX)
		name = tsn_slice_from(name, name.len - (TSN_LEDGER_NAME_MAX - 1));
	(void)pthread_mutex_lock(&l->lock);
	row = find(l, name);
	if (row == NULL && l->count >= TSN_LEDGER_ROWS_MAX - 1) {
		name = TSN_SLICE("(others)");
		row = find(l, name);
	}
	if (row == NULL)
		row = add(l, name);
	(void)pthread_mutex_unlock(&l->lock);
	return row;
}

void
tsn_ledger_commit(struct tsn_ledger *l)
{
	for (uint32_t i = 0; i < l->count; i++) {
		struct tsn_ledger_row *row = l->rows[i];

		TSN_ASSERT(row->pending >= row->pending_failed);
		row->stored += row->pending - row->pending_failed;
		row->failed += row->pending_failed;
		row->pending = row->pending_failed = 0;
	}
}

static void
sum(struct tsn_ledger_row *to, const struct tsn_ledger_row *row)
{
	to->received += row->received;
	to->stored += row->stored;
	to->failed += row->failed;
	to->known += row->known;
	to->framing += row->framing;
	for (size_t d = 0; d < TSN_DROP__COUNT; d++)
		to->dropped[d] += row->dropped[d];
	to->pending += row->pending;
	to->pending_failed += row->pending_failed;
	to->late += row->late;
	to->truncated += row->truncated;
	to->bytes += row->bytes;
	to->lag_bytes += row->lag_bytes;
	if (row->last_seen_ns > to->last_seen_ns)
		to->last_seen_ns = row->last_seen_ns;
	if (row->last_event_ns > to->last_event_ns)
		to->last_event_ns = row->last_event_ns;
}

void
tsn_ledger_total(struct tsn_ledger *l, struct tsn_ledger_row *ret_total)
{
	*ret_total = (struct tsn_ledger_row){0};
	(void)pthread_mutex_lock(&l->lock);
	for (uint32_t i = 0; i < l->count; i++)
		sum(ret_total, l->rows[i]);
	(void)pthread_mutex_unlock(&l->lock);
}

bool
tsn_ledger_copy(struct tsn_ledger *l, uint32_t i, struct tsn_ledger_row *ret_row)
{
	bool found;

	(void)pthread_mutex_lock(&l->lock);
	found = i < l->count;
	if (found)
		*ret_row = *l->rows[i];
	(void)pthread_mutex_unlock(&l->lock);
	return found;
}

uint64_t
tsn_ledger_dropped(const struct tsn_ledger_row *row)
{
	uint64_t n = 0;

	for (size_t d = 0; d < TSN_DROP__COUNT; d++)
		n += row->dropped[d];
	return n;
}

bool
tsn_ledger_balances(const struct tsn_ledger_row *row)
{
	return row->received == row->stored + row->failed + row->known + row->framing +
	    tsn_ledger_dropped(row) + row->pending;
}

const char *
tsn_drop_name(enum tsn_drop why)
{
	return drop_names[why];
}
