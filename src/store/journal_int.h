/*
 * store/journal: commits one behind the other in one file, each a frame (store/frame).
 *
 * A commit is durable when journal_append returned.  What a crash leaves half written at the end
 * is no commit; the writer cuts it off when it opens the journal again.
 */
#ifndef TSN_STORE_JOURNAL_INT_H
#define TSN_STORE_JOURNAL_INT_H

#include "store/file_int.h"
#include "store/frame_int.h"

#define JOURNAL_HEAD_BYTES 24u

struct journal {
	char path[FILE_PATH_MAX];
	int fd;
	uint64_t size;
	bool broken;		/* a write or sync failed: what is on disk is not known */
};

/* What a walk over a journal met. */
struct journal_state {
	uint64_t good_end;	/* behind the last commit */
	uint64_t last_seq;
	uint64_t commits;
	uint64_t damaged;	/* commits that fail their checksum, with others behind them */
	uint64_t torn_bytes;	/* behind good_end */
};

typedef enum tsn_code journal_fn(void *ctx, const struct frame_head *head, const void *packed,
    struct tsn_err *err);

/** Makes a new, empty, synced journal. */
TSN_MUST_CHECK enum tsn_code journal_create(struct journal *j, const char *dir, uint64_t number,
    struct tsn_err *err);
/** Opens one for appending; calls fn for each commit. */
TSN_MUST_CHECK enum tsn_code journal_open(struct journal *j, const char *dir, uint64_t number,
    journal_fn *fn, void *ctx, struct journal_state *ret_state, struct tsn_err *err);
void journal_close(struct journal *j);
/** Writes and syncs.  After a failed sync the journal takes nothing more (TSN_EIO). */
TSN_MUST_CHECK enum tsn_code journal_append(struct journal *j, struct tsn_slice frame,
    struct tsn_err *err);
/** Walks the first `size` bytes of the file for reading. TSN_ECORRUPT, TSN_EVERSION: no journal. */
TSN_MUST_CHECK enum tsn_code journal_walk(int fd, const char *path, uint64_t size, journal_fn *fn,
    void *ctx, struct journal_state *ret_state, struct tsn_err *err);
void journal_name(uint64_t number, char out[64]);

#endif
