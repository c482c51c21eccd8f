#include "store/manifest_int.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/time.h"
#include "store/pack_int.h"

#define MANIFEST_NAME "MANIFEST"
#define MANIFEST_COPY "MANIFEST.copy"
#define MANIFEST_MAGIC "TSNMANI1"
/* Each segment has its hash behind it. */
#define MANIFEST_HASHES 1u
#define MANIFEST_INCOMPAT MANIFEST_HASHES
#define HEAD_BYTES 40u
#define MANIFEST_BYTES_MAX (256u << 20)

void
manifest_done(struct manifest *m)
{
	free(m->segs);
	*m = (struct manifest){0};
}

enum tsn_code
manifest_add(struct manifest *m, const struct manifest_seg *seg)
{
	if (m->seg_count == m->seg_cap) {
		uint32_t cap = m->seg_cap == 0 ? 16 : m->seg_cap * 2;
		struct manifest_seg *segs = reallocarray(m->segs, cap, sizeof *segs);

		if (segs == NULL)
			return TSN_ENOMEM;
		m->segs = segs;
		m->seg_cap = cap;
	}
	m->segs[m->seg_count++] = *seg;
	return TSN_OK;
}

const struct manifest_seg *
manifest_find(const struct manifest *m, const struct manifest_seg *seg)
{
	for (uint32_t i = 0; i < m->seg_count && seg->hash != 0; i++) {
		const struct manifest_seg *x = &m->segs[i];

		if (x->hash == seg->hash && x->file_bytes == seg->file_bytes && x->rows == seg->rows)
			return x;
	}
	return NULL;
}

/* The day in front is for people: the program goes by the number. */
void
manifest_seg_name(const struct manifest_seg *seg, char out[64])
{
	struct tsn_civil c;

	tsn_time_to_civil(seg->day, &c);
	(void)snprintf(out, 64, "%04d-%02d-%02d-%08llu.seg", c.year, c.month, c.day,
	    (unsigned long long)seg->number);
}

/* ---- reading ---- */

static enum tsn_code
get_body(struct manifest *m, struct bin *r, bool hashes, struct ranges *ranges)
{
	uint32_t n;

	m->generation = bin_u64(r);
	m->journal = bin_var(r);
	m->seq = bin_var(r);
	m->next_number = bin_var(r);
	n = bin_count(r);
	for (uint32_t i = 0; i < n && !r->bad; i++) {
		struct manifest_seg s = {0};

		s.number = bin_var(r);
		s.rows = bin_var(r);
		s.raw_bytes = bin_var(r);
		s.file_bytes = bin_var(r);
		s.day = (int64_t)bin_u64(r);
		s.time_min = (int64_t)bin_u64(r);
		s.time_max = (int64_t)bin_u64(r);
		if (hashes)
			s.hash = bin_u64(r);
		TSN_TRY(manifest_add(m, &s));
	}
	n = bin_count(r);
	for (uint32_t i = 0; i < n && !r->bad; i++) {
		struct tsn_store_range x = {0};

		x.source = bin_slice(r);
		x.begin = bin_var(r);
		x.end = bin_var(r);
		x.lines = bin_var(r);
		x.hash = bin_u64(r);
		if (ranges != NULL && !r->bad)
			TSN_TRY(ranges_add(ranges, &x));
	}
	return r->bad || bin_left(r) != 0 ? TSN_ECORRUPT : TSN_OK;
}

static enum tsn_code
get_file(struct manifest *m, const char *path, struct tsn_slice file, struct ranges *ranges,
    struct tsn_err *err)
{
	struct pack p = {.offset = HEAD_BYTES};
	enum tsn_code rc;
	struct bin r;
	char *raw;

	if (file.len < HEAD_BYTES || memcmp(file.ptr, MANIFEST_MAGIC, 7) != 0)
		TSN_FAIL(err, TSN_ECORRUPT, "%s: not a manifest of tocsin", path);
	if (pack_other_version(file.ptr, 32, MANIFEST_MAGIC))
		TSN_FAIL(err, TSN_EVERSION, "%s: made by a newer version of tocsin", path);
	if (bin_load64(file.ptr + 32) != pack_hash(file.ptr, 32))
		TSN_FAIL(err, TSN_ECORRUPT, "%s: head fails its checksum", path);
	if (bin_load32(file.ptr + 12) & ~MANIFEST_INCOMPAT)
		TSN_FAIL(err, TSN_EVERSION, "%s: uses features of a newer version of tocsin", path);
	p.packed_len = bin_load32(file.ptr + 16);
	p.raw_len = bin_load32(file.ptr + 20);
	p.hash = bin_load64(file.ptr + 24);
	rc = unpack(file, &p, &raw);
	if (rc == TSN_OK) {
		r = bin_of(raw, p.raw_len);
		rc = get_body(m, &r, bin_load32(file.ptr + 12) & MANIFEST_HASHES, ranges);
		free(raw);
	}
	if (rc == TSN_ENOMEM)
		TSN_FAIL(err, rc, "out of memory");
	if (rc != TSN_OK)
		TSN_FAIL(err, TSN_ECORRUPT, "%s: is damaged", path);
	return TSN_OK;
}

static enum tsn_code
read_named(struct manifest *m, const char *dir, const char *name, struct ranges *ranges,
    struct tsn_err *err)
{
	char path[FILE_PATH_MAX], *buf = NULL;
	uint64_t size;
	enum tsn_code rc;
	int fd;

	*m = (struct manifest){0};
	TSN_TRY(file_path(path, dir, name, err));
	TSN_TRY(file_open(path, O_RDONLY, &fd, err));
	rc = file_size(fd, &size, err);
	if (rc == TSN_OK && size > MANIFEST_BYTES_MAX)
		rc = TSN_ERR(err, TSN_ECORRUPT, "%s: too large", path);
	if (rc == TSN_OK && (buf = malloc(size + 1)) == NULL)
		rc = TSN_ERR(err, TSN_ENOMEM, "out of memory");
	if (rc == TSN_OK)
		rc = file_read_at(fd, 0, buf, size, path, err);
	if (rc == TSN_OK)
		rc = get_file(m, path, (struct tsn_slice){buf, size}, ranges, err);
	free(buf);
	file_close(fd);
	if (rc != TSN_OK)
		manifest_done(m);
	return rc;
}

static enum tsn_code
read_clean(struct manifest *m, const char *dir, const char *name, struct ranges *ranges,
    struct tsn_err *err)
{
	if (ranges != NULL)
		ranges_done(ranges);
	return read_named(m, dir, name, ranges, err);
}

/* The copy comes second: who finds it where there was no manifest looks for that once more. */
static enum tsn_code
read_copy(struct manifest *m, const char *dir, struct ranges *ranges, bool missing,
    bool *ret_copy)
{
	TSN_TRY(read_clean(m, dir, MANIFEST_COPY, ranges, NULL));
	if (missing) {
		manifest_done(m);
		if (read_clean(m, dir, MANIFEST_NAME, ranges, NULL) == TSN_OK)
			return TSN_OK;
		TSN_TRY(read_clean(m, dir, MANIFEST_COPY, ranges, NULL));
	}
	*ret_copy = true;
	return TSN_OK;
}

enum tsn_code
manifest_read(struct manifest *m, const char *dir, struct ranges *ranges, bool *ret_copy,
    struct tsn_err *err)
{
	enum tsn_code rc = read_clean(m, dir, MANIFEST_NAME, ranges, err);

	*ret_copy = false;
	if (rc != TSN_ECORRUPT && rc != TSN_EOF && rc != TSN_EIO && rc != TSN_ENOTFOUND)
		return rc;
	if (read_copy(m, dir, ranges, rc == TSN_ENOTFOUND, ret_copy) == TSN_OK)
		return TSN_OK;
	if (rc != TSN_ENOTFOUND)
		(void)tsn_err_context(err, rc, "the store cannot be opened, nor by its copy");
	return rc;
}

enum tsn_code
manifest_check_copy(const char *dir, struct tsn_err *err)
{
	struct manifest m;
	enum tsn_code rc = read_named(&m, dir, MANIFEST_COPY, NULL, err);

	if (rc == TSN_OK)
		manifest_done(&m);
	return rc == TSN_ENOTFOUND ? TSN_OK : rc;
}

/* ---- writing ---- */

static void
put_ranges(const struct ranges *ranges, struct tsn_buf *out)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < ranges->cap; i++)
		n += ranges->sets[i].count;
	bin_add_var(out, n);
	for (uint32_t i = 0; i < ranges->cap; i++) {
		const struct range_set *set = &ranges->sets[i];

		/* The newest last: that one may be extended. */
		for (uint32_t k = 0; k < set->count; k++) {
			const struct tsn_store_range *x =
			    &set->list[(set->newest + 1 + k) % set->count];

			bin_add_slice(out, x->source);
			bin_add_var(out, x->begin);
			bin_add_var(out, x->end);
			bin_add_var(out, x->lines);
			bin_add_u64(out, x->hash);
		}
	}
}

static bool
has_hashes(const struct manifest *m)
{
	for (uint32_t i = 0; i < m->seg_count; i++)
		if (m->segs[i].hash != 0)
			return true;
	return false;
}

static enum tsn_code
encode(const struct manifest *m, const struct ranges *ranges, struct tsn_buf *file)
{
	struct tsn_buf body TSN_CLEANUP(tsn_buf_done);
	unsigned char head[HEAD_BYTES] = {0};
	struct packer *packer = packer_new(3);
	bool hashes = has_hashes(m);
	enum tsn_code rc;
	struct pack p;

	tsn_buf_init(&body, MANIFEST_BYTES_MAX);
	bin_add_u64(&body, m->generation);
	bin_add_var(&body, m->journal);
	bin_add_var(&body, m->seq);
	bin_add_var(&body, m->next_number);
	bin_add_var(&body, m->seg_count);
	for (uint32_t i = 0; i < m->seg_count; i++) {
		bin_add_var(&body, m->segs[i].number);
		bin_add_var(&body, m->segs[i].rows);
		bin_add_var(&body, m->segs[i].raw_bytes);
		bin_add_var(&body, m->segs[i].file_bytes);
		bin_add_u64(&body, (uint64_t)m->segs[i].day);
		bin_add_u64(&body, (uint64_t)m->segs[i].time_min);
		bin_add_u64(&body, (uint64_t)m->segs[i].time_max);
		if (hashes)
			bin_add_u64(&body, m->segs[i].hash);
	}
	put_ranges(ranges, &body);
	tsn_buf_add(file, head, sizeof head);
	rc = tsn_buf_check(&body);
	if (packer == NULL)
		rc = TSN_ENOMEM;
	if (rc == TSN_OK)
		rc = pack(packer, tsn_buf_get(&body), file, &p);
	packer_free(packer);
	TSN_TRY(rc);
	memcpy(head, MANIFEST_MAGIC, 8);
	bin_store32(head + 12, hashes ? MANIFEST_HASHES : 0);
	bin_store32(head + 16, p.packed_len);
	bin_store32(head + 20, p.raw_len);
	bin_store64(head + 24, p.hash);
	bin_store64(head + 32, pack_hash(head, 32));
	memcpy(file->ptr, head, sizeof head);
	return TSN_OK;
}

static enum tsn_code
write_named(struct tsn_slice file, const char *dir, const char *name, struct tsn_err *err)
{
	char path[FILE_PATH_MAX], fresh[FILE_PATH_MAX];
	enum tsn_code rc;
	int fd;

	TSN_TRY(file_path(path, dir, name, err));
	TSN_TRY(file_path(fresh, dir, MANIFEST_NAME ".new", err));
	TSN_TRY(file_open(fresh, O_WRONLY | O_CREAT | O_TRUNC, &fd, err));
	rc = file_write(fd, file.ptr, file.len, fresh, err);
	if (rc == TSN_OK)
		rc = file_sync(fd, fresh, err);
	file_close(fd);
	return rc == TSN_OK ? file_rename(fresh, path, err) : rc;
}

enum tsn_code
manifest_write(const struct manifest *m, const char *dir, const struct ranges *ranges,
    bool *ret_unsure, struct tsn_err *err)
{
	struct tsn_buf file TSN_CLEANUP(tsn_buf_done);
	enum tsn_code rc;

	*ret_unsure = false;
	tsn_buf_init(&file, MANIFEST_BYTES_MAX);
	rc = encode(m, ranges, &file);
	if (rc != TSN_OK)
		TSN_FAIL(err, rc, "out of memory for the manifest");
	TSN_TRY(write_named(tsn_buf_get(&file), dir, MANIFEST_NAME, err));
	*ret_unsure = true;
	TSN_TRY(file_sync_dir(dir, err));
	*ret_unsure = false;
	/* The copy is for a damaged disk alone: a full one shall not stop a commit that stands. */
	(void)!write_named(tsn_buf_get(&file), dir, MANIFEST_COPY, NULL);
	return TSN_OK;
}

bool
manifest_drop_copy(const char *dir)
{
	char path[FILE_PATH_MAX];

	return file_path(path, dir, MANIFEST_COPY, NULL) == TSN_OK &&
	    file_unlink(path, NULL) == TSN_OK;
}

uint64_t
tsn_store_bytes(const char *dir)
{
	struct manifest m;
	uint64_t bytes = 0;
	bool copy;

	if (manifest_read(&m, dir, NULL, &copy, NULL) != TSN_OK)
		return 0;
	for (uint32_t i = 0; i < m.seg_count; i++)
		bytes += m.segs[i].file_bytes;
	manifest_done(&m);
	return bytes;
}
