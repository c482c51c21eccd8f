#include "server/ledger_keep.h"

#include <stddef.h>
#include <string.h>

#include "base/hash.h"

#define PREFIX "\x01ledger "
#define RUN_NAME "\x01run"

#define ROW(field) offsetof(struct tsn_ledger_row, field)

/* Their order is the format: only to be added to. */
static const size_t kept[] = {
	ROW(received), ROW(stored), ROW(bytes), ROW(last_seen_ns), ROW(last_event_ns), ROW(failed),
	ROW(known), ROW(framing), ROW(late), ROW(truncated), ROW(dropped[TSN_DROP_SOCKET]),
	ROW(dropped[TSN_DROP_OVERSIZE]), ROW(dropped[TSN_DROP_BAD_FRAME]),
	ROW(dropped[TSN_DROP_MEMORY]), ROW(dropped[TSN_DROP_STORE]), ROW(offset),
};

#define VALUES TSN_COUNT(kept)
_Static_assert(VALUES % 2 == 0, "kept in pairs");

static void
values_of(const struct tsn_ledger_row *row, uint64_t out[VALUES])
{
	struct tsn_ledger_row then = *row;

	then.stored += row->pending - row->pending_failed;
	then.failed += row->pending_failed;
	for (size_t i = 0; i < VALUES; i++)
		memcpy(&out[i], (const char *)&then + kept[i], sizeof out[i]);
}

static struct tsn_slice
note_name(const char *name, char out[TSN_LEDGER_NAME_MAX + sizeof PREFIX])
{
	size_t len = strlen(name);

	memcpy(out, PREFIX, sizeof PREFIX - 1);
	memcpy(out + sizeof PREFIX - 1, name, len);
	return tsn_slice_of(out, sizeof PREFIX - 1 + len);
}

static uint64_t
hash_of(const uint64_t v[VALUES])
{
	return tsn_hash_slice(tsn_slice_of((const char *)v, VALUES * sizeof *v), 1);
}

static enum tsn_code
save_row(struct tsn_ledger_row *row, struct tsn_store *store, struct tsn_err *err)
{
	char name[TSN_LEDGER_NAME_MAX + sizeof PREFIX];
	uint64_t v[VALUES], hash;
	struct tsn_slice source;

	values_of(row, v);
	hash = hash_of(v);
	if (hash == row->kept)
		return TSN_OK;
	source = note_name(row->name, name);
	TSN_TRY(tsn_store_forget_ranges(store, source, err));
	for (size_t i = 0; i < VALUES; i += 2) {
		struct tsn_store_range note = {.source = source, .begin = i, .end = i, .lines = v[i],
			.hash = v[i + 1]};

		if (v[i] != 0 || v[i + 1] != 0)
			TSN_TRY(tsn_store_append_range(store, &note, err));
	}
	row->kept = hash;
	return TSN_OK;
}

enum tsn_code
tsn_ledger_save(struct tsn_ledger *l, struct tsn_store *store, struct tsn_err *err)
{
	/* The writer of the rows is the caller; others add rows. */
	for (uint32_t i = 0;; i++) {
		struct tsn_ledger_row *row = NULL;

		(void)pthread_mutex_lock(&l->lock);
		if (i < l->count)
			row = l->rows[i];
		(void)pthread_mutex_unlock(&l->lock);
		if (row == NULL)
			return TSN_OK;
		TSN_TRY(save_row(row, store, err));
	}
}

struct loading {
	struct tsn_ledger *ledger;
	const struct tsn_store *store;
	bool failed;
};

static void
load_row(void *ctx, struct tsn_slice source)
{
	struct loading *l = ctx;
	struct tsn_ledger_row *row =
	    tsn_ledger_row(l->ledger, tsn_slice_from(source, sizeof PREFIX - 1));
	size_t count;
	const struct tsn_store_range *notes = tsn_store_ranges(l->store, source, &count);
	uint64_t v[VALUES];

	l->failed |= row == NULL;
	for (size_t i = 0; row != NULL && i < count; i++) {
		if (notes[i].begin >= VALUES - 1)
			continue;
		memcpy((char *)row + kept[notes[i].begin], &notes[i].lines, sizeof notes[i].lines);
		memcpy((char *)row + kept[notes[i].begin + 1], &notes[i].hash, sizeof notes[i].hash);
	}
	if (row == NULL)
		return;
	values_of(row, v);
	row->kept = hash_of(v);
}

enum tsn_code
tsn_ledger_load(struct tsn_ledger *l, const struct tsn_store *store, struct tsn_err *err)
{
	struct loading loading = {.ledger = l, .store = store};

	tsn_store_range_sources(store, TSN_SLICE(PREFIX), load_row, &loading);
	if (loading.failed)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return TSN_OK;
}

enum tsn_code
tsn_run_note_save(struct tsn_store *store, const struct tsn_run_note *note, struct tsn_err *err)
{
	return tsn_store_append_range(store, &(struct tsn_store_range){.source = TSN_SLICE(RUN_NAME),
	    .lines = note->closed, .hash = (uint64_t)note->last_ns, .extends = true}, err);
}

struct tsn_run_note
tsn_run_note_load(const struct tsn_store *store)
{
	size_t count;
	const struct tsn_store_range *notes =
	    tsn_store_ranges(store, TSN_SLICE(RUN_NAME), &count);

	if (count == 0)
		return (struct tsn_run_note){.closed = true};
	return (struct tsn_run_note){.closed = notes[count - 1].lines != 0,
		.last_ns = (int64_t)notes[count - 1].hash};
}
