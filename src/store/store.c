#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/assert.h"
#include "store/frame_int.h"
#include "store/journal_int.h"
#include "store/range_int.h"

#define TMPL_BYTES_MAX (64u << 20)
#define LOCK_NAME "LOCK"

struct tsn_store {
	char dir[FILE_PATH_MAX];
	struct tsn_store_options options;
	struct tsn_keys *keys;
	int lock_fd;
	struct shape shape;
	struct tmpl_table tmpls;
	struct sources sources;
	struct ranges ranges;
	struct frame pending;
	struct journal journal;
	struct tsn_buf packed;
	uint64_t seq;			/* of the last commit */
	uint64_t damaged;
};

/* ---- opening ---- */

static enum tsn_code
take_ranges(struct tsn_store *s, struct frame_reader *r)
{
	struct tsn_store_range range;
	enum frame_range op;
	enum tsn_code rc;

	while ((rc = frame_next_range(r, &op, &range)) == TSN_OK) {
		if (op == FRAME_RANGE_FORGET)
			ranges_forget(&s->ranges, range.source);
		else
			TSN_TRY(ranges_add(&s->ranges, &range));
	}
	return rc == TSN_EOF ? TSN_OK : rc;
}

struct replay {
	struct tsn_store *store;
	struct frame_reader reader;
};

static enum tsn_code
replay_commit(void *ctx, const struct frame_head *head, const void *packed, struct tsn_err *err)
{
	struct replay *p = ctx;

	TSN_TRY(frame_read(&p->reader, head, packed, err));
	p->store->seq = head->seq;
	return take_ranges(p->store, &p->reader);
}

static enum tsn_code
open_journal(struct tsn_store *s, struct tsn_err *err)
{
	struct journal_state state;
	struct tmpl_table tmpls;
	struct replay *p;
	enum tsn_code rc;

	p = calloc(1, sizeof *p);
	if (p == NULL || tmpl_table_init(&tmpls, TMPL_BYTES_MAX) != TSN_OK) {
		free(p);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	p->store = s;
	p->reader.tmpls = &tmpls;
	p->reader.all_sources = &s->sources;
	p->reader.keys = s->keys;
	rc = journal_open(&s->journal, s->dir, 1, replay_commit, p, &state, err);
	if (rc == TSN_OK)
		s->damaged = state.damaged;
	else if (rc == TSN_ENOTFOUND)
		rc = journal_create(&s->journal, s->dir, 1, err);
	frame_reader_done(&p->reader);
	free(p);
	tmpl_table_done(&tmpls);
	return rc;
}

static void
store_free(struct tsn_store *s)
{
	journal_close(&s->journal);
	frame_done(&s->pending);
	ranges_done(&s->ranges);
	sources_done(&s->sources);
	tmpl_table_done(&s->tmpls);
	shape_done(&s->shape);
	tsn_buf_done(&s->packed);
	file_close(s->lock_fd);
	free(s);
}

enum tsn_code
tsn_store_open(const char *dir, struct tsn_keys *keys, const struct tsn_store_options *options,
    struct tsn_store **ret_store, struct tsn_err *err)
{
	struct tsn_store *s = calloc(1, sizeof *s);
	char path[FILE_PATH_MAX];
	enum tsn_code rc;

	if (s == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	s->lock_fd = s->journal.fd = -1;
	s->keys = keys;
	if (options != NULL)
		s->options = *options;
	shape_init(&s->shape);
	sources_init(&s->sources);
	frame_init(&s->pending);
	tsn_buf_init(&s->packed, FRAME_BODY_MAX);
	rc = tmpl_table_init(&s->tmpls, TMPL_BYTES_MAX);
	if (rc == TSN_OK)
		rc = file_make_dir(dir, err);
	if (rc == TSN_OK)
		rc = file_path(path, dir, LOCK_NAME, err);
	if (rc == TSN_OK) {
		memcpy(s->dir, dir, strlen(dir) + 1);
		rc = file_lock(path, &s->lock_fd, err);
	}
	if (rc == TSN_OK)
		rc = open_journal(s, err);
	if (rc != TSN_OK) {
		store_free(s);
		return rc;
	}
	*ret_store = s;
	return TSN_OK;
}

enum tsn_code
tsn_store_close(struct tsn_store *s, struct tsn_err *err)
{
	enum tsn_code rc;

	if (s == NULL)
		return TSN_OK;
	rc = tsn_store_commit(s, err);
	store_free(s);
	return rc;
}

/* ---- writing ---- */

static enum tsn_code
add_event(struct tsn_store *s, const struct tsn_event *ev)
{
	struct tmpl *tmpl;
	struct row row = {.time_ns = ev->time_ns, .created_ns = ev->created_ns,
	    .offset = ev->offset, .line = ev->line};
	enum tsn_code rc;

	rc = shape_make(&s->shape, ev, false);
	if (rc == TSN_ELIMIT)
		rc = shape_make(&s->shape, ev, true);
	TSN_TRY(rc);
	TSN_TRY(tmpl_intern(&s->tmpls, tsn_buf_get(&s->shape.sig), &tmpl));
	row.tmpl = tmpl;
	row.vals = s->shape.vals;
	row.source = sources_intern(&s->sources, ev->source);
	if (row.source == NULL)
		return TSN_ENOMEM;
	return frame_add_row(&s->pending, &row, tmpl);
}

enum tsn_code
tsn_store_append(struct tsn_store *s, const struct tsn_batch *b, struct tsn_err *err)
{
	TSN_ASSERT(b->open == NULL);
	if (s->options.disk_free_min > 0 && file_disk_free(s->dir) < s->options.disk_free_min)
		TSN_FAIL(err, TSN_EAGAIN, "disk of %s is nearly full: less than %llu bytes free",
		    s->dir, (unsigned long long)s->options.disk_free_min);
	for (uint32_t i = 0; i < b->count; i++) {
		enum tsn_code rc = add_event(s, &b->events[i]);

		if (rc != TSN_OK)
			TSN_FAIL(err, rc, "event %u of the batch cannot be stored", i);
	}
	return TSN_OK;
}

enum tsn_code
tsn_store_append_range(struct tsn_store *s, const struct tsn_store_range *range,
    struct tsn_err *err)
{
	enum tsn_code rc;

	if (range->end < range->begin)
		TSN_FAIL(err, TSN_EINVAL, "a range ends before it begins");
	rc = frame_add_range(&s->pending, range->extends ? FRAME_RANGE_EXTEND : FRAME_RANGE_ADD,
	    range);
	if (rc == TSN_OK)
		rc = ranges_add(&s->ranges, range);
	if (rc != TSN_OK)
		TSN_FAIL(err, rc, "out of memory");
	return TSN_OK;
}

enum tsn_code
tsn_store_forget_ranges(struct tsn_store *s, struct tsn_slice source, struct tsn_err *err)
{
	struct tsn_store_range x = {.source = source};

	if (frame_add_range(&s->pending, FRAME_RANGE_FORGET, &x) != TSN_OK)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	ranges_forget(&s->ranges, source);
	return TSN_OK;
}

enum tsn_code
tsn_store_commit(struct tsn_store *s, struct tsn_err *err)
{
	enum tsn_code rc;

	if (s->pending.row_count == 0 && s->pending.range_count == 0)
		return TSN_OK;
	tsn_buf_reset(&s->packed);
	rc = frame_encode(&s->pending, s->keys, s->seq + 1, &s->packed);
	if (rc != TSN_OK)
		TSN_FAIL(err, rc, "out of memory for a commit");
	TSN_TRY(journal_append(&s->journal, tsn_buf_get(&s->packed), err));
	s->seq++;
	frame_reset(&s->pending);
	return TSN_OK;
}

const struct tsn_store_range *
tsn_store_ranges(const struct tsn_store *s, struct tsn_slice source, size_t *ret_count)
{
	return ranges_find(&s->ranges, source, ret_count);
}
