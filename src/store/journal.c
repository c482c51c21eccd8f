#include "store/journal_int.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/pack_int.h"

#define JOURNAL_MAGIC "TSNJRNL1"
/* Bits that a reader must know, or not open the file. */
#define JOURNAL_INCOMPAT 0u
#define SEARCH_STEP (1u << 16)

void
journal_name(uint64_t number, char out[64])
{
	(void)snprintf(out, 64, "journal-%08llu", (unsigned long long)number);
}

static enum tsn_code
write_head(struct journal *j, struct tsn_err *err)
{
	unsigned char head[JOURNAL_HEAD_BYTES];

	memcpy(head, JOURNAL_MAGIC, 8);
	bin_store32(head + 8, 0);
	bin_store32(head + 12, JOURNAL_INCOMPAT);
	bin_store64(head + 16, pack_hash(head, 16));
	TSN_TRY(file_write(j->fd, head, sizeof head, j->path, err));
	j->size = sizeof head;
	return file_sync(j->fd, j->path, err);
}

enum tsn_code
journal_create(struct journal *j, const char *dir, uint64_t number, struct tsn_err *err)
{
	char name[64];
	enum tsn_code rc;

	*j = (struct journal){.fd = -1};
	journal_name(number, name);
	TSN_TRY(file_path(j->path, dir, name, err));
	TSN_TRY(file_open(j->path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, &j->fd, err));
	rc = write_head(j, err);
	if (rc == TSN_OK)
		rc = file_sync_dir(dir, err);
	if (rc != TSN_OK)
		journal_close(j);
	return rc;
}

void
journal_close(struct journal *j)
{
	file_close(j->fd);
	j->fd = -1;
}

static enum tsn_code
check_head(int fd, const char *path, uint64_t size, struct tsn_err *err)
{
	unsigned char head[JOURNAL_HEAD_BYTES];

	if (size < sizeof head)
		TSN_FAIL(err, TSN_ECORRUPT, "%s: too short for a journal", path);
	TSN_TRY(file_read_at(fd, 0, head, sizeof head, path, err));
	if (memcmp(head, JOURNAL_MAGIC, 7) != 0)
		TSN_FAIL(err, TSN_ECORRUPT, "%s: not a journal of tocsin", path);
	if (pack_other_version(head, 16, JOURNAL_MAGIC))
		TSN_FAIL(err, TSN_EVERSION, "%s: made by a newer version of tocsin", path);
	if (bin_load64(head + 16) != pack_hash(head, 16))
		TSN_FAIL(err, TSN_ECORRUPT, "%s: header fails its checksum", path);
	if (bin_load32(head + 12) & ~JOURNAL_INCOMPAT)
		TSN_FAIL(err, TSN_EVERSION, "%s: uses features of a newer version of tocsin",
		    path);
	return TSN_OK;
}

/* The next place from `at` where a header stands whose commit lies in the file, or size. */
static enum tsn_code
find_head(int fd, const char *path, uint64_t at, uint64_t size, uint64_t *ret_at,
    struct tsn_err *err)
{
	unsigned char *buf = malloc(SEARCH_STEP + FRAME_HEAD_BYTES);
	struct frame_head head;
	enum tsn_code rc = TSN_OK;

	if (buf == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	*ret_at = size;
	for (; *ret_at == size && at + FRAME_HEAD_BYTES <= size; at += SEARCH_STEP) {
		uint64_t left = size - at;
		size_t n = left < SEARCH_STEP + FRAME_HEAD_BYTES ? (size_t)left :
								   SEARCH_STEP + FRAME_HEAD_BYTES;

		rc = file_read_at(fd, at, buf, n, path, err);
		if (rc != TSN_OK)
			break;
		for (size_t i = 0; i + FRAME_HEAD_BYTES <= n && i < SEARCH_STEP; i++) {
			if (buf[i] == 'T' && frame_check_head(buf + i, &head) == TSN_OK &&
			    head.packed_len <= size - at - i - FRAME_HEAD_BYTES) {
				*ret_at = at + i;
				break;
			}
		}
	}
	free(buf);
	return rc;
}

/* Reads the commit at `at`; TSN_ECORRUPT when there is none, *ret_torn when it is only cut. */
static enum tsn_code
read_commit(int fd, const char *path, uint64_t at, uint64_t size, struct frame_head *head,
    char **packed, bool *ret_torn, struct tsn_err *err)
{
	unsigned char raw[FRAME_HEAD_BYTES];
	char *fresh;

	*ret_torn = size - at < sizeof raw;
	if (*ret_torn)
		return TSN_ECORRUPT;
	TSN_TRY(file_read_at(fd, at, raw, sizeof raw, path, err));
	TSN_TRY(frame_check_head(raw, head));
	*ret_torn = head->packed_len > size - at - sizeof raw;
	if (*ret_torn)
		return TSN_ECORRUPT;
	fresh = realloc(*packed, (size_t)head->packed_len + 1);
	if (fresh == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	*packed = fresh;
	TSN_TRY(file_read_at(fd, at + sizeof raw, fresh, head->packed_len, path, err));
	return pack_hash(fresh, head->packed_len) == head->packed_hash ? TSN_OK : TSN_ECORRUPT;
}

enum tsn_code
journal_walk(int fd, const char *path, uint64_t size, journal_fn *fn, void *ctx,
    struct journal_state *ret_state, struct tsn_err *err)
{
	struct journal_state st = {.good_end = JOURNAL_HEAD_BYTES};
	uint64_t at = JOURNAL_HEAD_BYTES, bad = 0;
	struct frame_head head;
	char *packed = NULL;
	enum tsn_code rc;
	bool torn = false;

	TSN_TRY(check_head(fd, path, size, err));
	while (at < size) {
		rc = read_commit(fd, path, at, size, &head, &packed, &torn, err);
		if (rc == TSN_ECORRUPT) {
			bad++;
			rc = find_head(fd, path, at + 1, size, &at, err);
			if (rc != TSN_OK)
				goto out;
			continue;
		}
		if (rc == TSN_OK)
			rc = fn(ctx, &head, packed, err);
		if (rc == TSN_ECORRUPT) {
			bad++;
			rc = TSN_OK;
		}
		if (rc != TSN_OK)
			goto out;
		st.damaged += bad;
		bad = 0;
		st.commits++;
		st.last_seq = head.seq;
		at += FRAME_HEAD_BYTES + head.packed_len;
		st.good_end = at;
	}
	/* What a crash cuts off begins well; anything else was whole once. */
	if (bad > 0 && !torn)
		st.damaged += bad;
	st.torn_bytes = size - st.good_end;
	*ret_state = st;
	rc = TSN_OK;
out:
	free(packed);
	return rc;
}

enum tsn_code
journal_open(struct journal *j, const char *dir, uint64_t number, journal_fn *fn, void *ctx,
    struct journal_state *ret_state, struct tsn_err *err)
{
	char name[64];
	enum tsn_code rc;

	*j = (struct journal){.fd = -1};
	journal_name(number, name);
	TSN_TRY(file_path(j->path, dir, name, err));
	TSN_TRY(file_open(j->path, O_RDWR | O_APPEND, &j->fd, err));
	rc = file_size(j->fd, &j->size, err);
	if (rc == TSN_OK)
		rc = journal_walk(j->fd, j->path, j->size, fn, ctx, ret_state, err);
	if (rc == TSN_OK && ret_state->torn_bytes > 0) {
		j->size = ret_state->good_end;
		rc = file_truncate(j->fd, j->size, j->path, err);
		if (rc == TSN_OK)
			rc = file_sync(j->fd, j->path, err);
	}
	if (rc != TSN_OK)
		journal_close(j);
	return rc;
}

/* A short write is cut off again, so that a full disk is only "not now". */
enum tsn_code
journal_append(struct journal *j, struct tsn_slice frame, struct tsn_err *err)
{
	enum tsn_code rc;

	if (j->broken)
		TSN_FAIL_PLAIN(err, TSN_EIO, "%s: an earlier write failed; open the store again",
		    j->path);
	rc = file_write(j->fd, frame.ptr, frame.len, j->path, err);
	if (rc != TSN_OK) {
		if (file_truncate(j->fd, j->size, j->path, NULL) != TSN_OK)
			j->broken = true;
		return rc;
	}
	rc = file_sync(j->fd, j->path, err);
	if (rc != TSN_OK) {
		/* Which pages reached the disk is unknown now, and the kernel may have dropped
		 * them: only a fresh look at the file tells. */
		j->broken = true;
		return rc == TSN_EAGAIN ? TSN_EIO : rc;
	}
	j->size += frame.len;
	return TSN_OK;
}
