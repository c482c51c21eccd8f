#include <fcntl.h>
#include <stdlib.h>

#include "base/assert.h"
#include "store/file_int.h"
#include "store/journal_int.h"
#include "store/memtable_int.h"
#include "store/store.h"

#define TMPL_BYTES_MAX (256u << 20)
#define ROWS_MAX 1024u

struct tsn_store_reader {
	struct tsn_keys *keys;
	struct tmpl_table tmpls;
	struct sources sources;
	struct memtable mem;
	struct val vals[TMPL_SLOTS_MAX];
};

struct load {
	struct tsn_store_reader *reader;
	struct frame_reader frame;
};

static enum tsn_code
load_commit(void *ctx, const struct frame_head *head, const void *packed, struct tsn_err *err)
{
	struct load *p = ctx;

	TSN_TRY(frame_read(&p->frame, head, packed, err));
	return memtable_take(&p->reader->mem, &p->frame);
}

static enum tsn_code
load_journal(struct tsn_store_reader *r, const char *dir, struct tsn_err *err)
{
	char path[FILE_PATH_MAX], name[64];
	struct journal_state state;
	struct load *p;
	uint64_t size;
	enum tsn_code rc;
	int fd;

	journal_name(1, name);
	TSN_TRY(file_path(path, dir, name, err));
	TSN_TRY(file_open(path, O_RDONLY, &fd, err));
	p = calloc(1, sizeof *p);
	rc = p == NULL ? TSN_ERR(err, TSN_ENOMEM, "out of memory") : file_size(fd, &size, err);
	if (rc == TSN_OK) {
		p->reader = r;
		p->frame.tmpls = &r->tmpls;
		p->frame.all_sources = &r->sources;
		p->frame.keys = r->keys;
		rc = journal_walk(fd, path, size, load_commit, p, &state, err);
		frame_reader_done(&p->frame);
	}
	free(p);
	file_close(fd);
	return rc == TSN_OK ? memtable_sort(&r->mem) : rc;
}

enum tsn_code
tsn_store_reader_open(const char *dir, struct tsn_keys *keys, struct tsn_store_reader **ret_reader,
    struct tsn_err *err)
{
	struct tsn_store_reader *r = calloc(1, sizeof *r);
	enum tsn_code rc;

	if (r == NULL || tmpl_table_init(&r->tmpls, TMPL_BYTES_MAX) != TSN_OK) {
		free(r);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	r->keys = keys;
	sources_init(&r->sources);
	rc = load_journal(r, dir, err);
	if (rc != TSN_OK) {
		tsn_store_reader_close(r);
		if (rc == TSN_ENOTFOUND)
			TSN_FAIL(err, TSN_ENOTFOUND, "%s: no store here", dir);
		return rc;
	}
	*ret_reader = r;
	return TSN_OK;
}

void
tsn_store_reader_close(struct tsn_store_reader *r)
{
	if (r == NULL)
		return;
	memtable_done(&r->mem);
	tmpl_table_done(&r->tmpls);
	sources_done(&r->sources);
	free(r);
}

static enum tsn_code
flush(const struct tsn_store_scan *scan, struct tsn_batch *b, struct tsn_err *err)
{
	enum tsn_code rc = TSN_OK;

	if (b->count > 0)
		rc = scan->rows(scan->ctx, b, err);
	tsn_batch_reset(b);
	return rc;
}

static enum tsn_code
scan_mem(struct tsn_store_reader *r, const struct tsn_store_scan *scan, struct tsn_batch *b,
    struct tsn_err *err)
{
	size_t low = memtable_lower(&r->mem, scan->from_ns);
	size_t high = memtable_lower(&r->mem, scan->to_ns);

	for (size_t n = high > low ? high - low : 0, k = 0; k < n; k++) {
		size_t i = scan->newest_first ? high - 1 - k : low + k;
		struct row row;
		enum tsn_code rc;

		memtable_row(&r->mem, i, r->vals, &row);
		rc = unshape(&row, b);
		if (rc == TSN_ELIMIT && b->count > 0) {
			TSN_TRY(flush(scan, b, err));
			if (scan->canceled != NULL && scan->canceled(scan->ctx))
				TSN_FAIL(err, TSN_ECANCELED, "canceled");
			rc = unshape(&row, b);
		}
		if (rc != TSN_OK && rc != TSN_ECORRUPT)
			TSN_FAIL(err, rc, "a row does not fit into memory");
	}
	return flush(scan, b, err);
}

enum tsn_code
tsn_store_scan(struct tsn_store_reader *r, const struct tsn_store_scan *scan, struct tsn_err *err)
{
	struct tsn_batch b;
	enum tsn_code rc;

	rc = tsn_batch_init(&b, r->keys, ROWS_MAX);
	if (rc != TSN_OK)
		TSN_FAIL(err, rc, "out of memory");
	rc = scan_mem(r, scan, &b, err);
	tsn_batch_done(&b);
	return rc == TSN_EOF ? TSN_OK : rc;
}
