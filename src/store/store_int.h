/*
 * store/store_int: the writer's state, shared by store.c (append, commit), seal.c (rows to
 * segments) and maintain.c (merging, retention).
 */
#ifndef TSN_STORE_STORE_INT_H
#define TSN_STORE_STORE_INT_H

#include "store/fit_int.h"
#include "store/frame_int.h"
#include "store/journal_int.h"
#include "store/manifest_int.h"
#include "store/rowlog_int.h"
#include "store/segw_int.h"
#include "store/store.h"

#define STORE_LOCK_NAME "LOCK"
#define STORE_QUARANTINE "quarantine"
/* Memory of rows that wait for a segment. */
#define STORE_ROWS_BYTES (12u << 20)
#define STORE_TMPL_BYTES (12u << 20)
#define STORE_TMPL_COUNT 8192u
/* From this much on a commit makes segments, not an entry of the journal. */
#define STORE_SEAL_BYTES (8u << 20)
#define STORE_JOURNAL_BYTES (64u << 20)
#define STORE_ZSTD_LEVEL 6

struct tsn_store {
	char dir[FILE_PATH_MAX];
	struct tsn_store_options options;
	struct tsn_keys *keys;
	int lock_fd;
	struct shape shape;
	struct fit *fit;
	struct tmpl_table tmpls;
	struct sources sources;
	struct ranges ranges;		/* with those not yet committed */
	struct manifest manifest;
	struct journal journal;
	uint64_t seq;			/* of the last commit */

	struct rowlog rows;		/* not in a segment; the first `durable` are in the journal */
	uint32_t durable;
	uint64_t rows_bytes_max;	/* STORE_ROWS_BYTES but in tests */
	uint32_t moved;			/* of these, when a full disk stopped it: already in segw */
	struct frame pending;		/* ranges since the last commit */
	struct frame frame;		/* scratch for a commit's rows */
	struct tsn_buf packed;
	struct val *vals;

	struct segw *segw;		/* being written since the last commit, or NULL */
	struct manifest_seg segw_info;
	struct manifest_seg *fresh;	/* finished since the last commit, not in the manifest */
	uint32_t fresh_count, fresh_cap;
	struct merge_job *merge;	/* at work between calls of tsn_store_maintain, or NULL */
	int64_t sealed_old_ns;		/* when rows were sealed for retention's sake */
	bool must_seal;			/* rows are sorted: not in the order of the journal */
	bool broken;			/* what the folder holds is not known: open again */
	uint64_t damaged;		/* commits or segments that were found damaged */
	char damage[256];		/* the first of them */
};

/* ---- seal.c ---- */

/** Moves all rows in memory into segment files; they count when seal_commit is through. */
TSN_MUST_CHECK enum tsn_code seal_rows(struct tsn_store *s, struct tsn_err *err);
/** The same, and forgets the templates. */
TSN_MUST_CHECK enum tsn_code seal_relieve(struct tsn_store *s, struct tsn_err *err);
/** Finishes the segments, then replaces the manifest and the journal. */
TSN_MUST_CHECK enum tsn_code seal_commit(struct tsn_store *s, struct tsn_err *err);
/** True when rows have left memory for a segment that no manifest names. */
bool seal_pending(const struct tsn_store *s);
/** Path of a segment. */
TSN_MUST_CHECK enum tsn_code seal_path(const struct tsn_store *s, const struct manifest_seg *seg,
    char out[FILE_PATH_MAX], struct tsn_err *err);

/* ---- quarantine.c ---- */

/** Moves a file to the quarantine folder; m: what the manifest says of it, or NULL. */
TSN_MUST_CHECK enum tsn_code quarantine_put(struct tsn_store *s, const char *path,
    const struct manifest_seg *m, const char *why, struct tsn_err *err);

/* ---- maintain.c ---- */

/** Counts a damage and keeps the message of the first. */
void maintain_note(struct tsn_store *s, const char *what);
/**
 * Looks at the chosen segments after a merge of them failed: what cannot be opened is set aside,
 * what is damaged inside is served as far as it can be and not merged again.
 */
TSN_MUST_CHECK enum tsn_code maintain_examine(struct tsn_store *s, const uint32_t *chosen,
    uint32_t n, struct tsn_err *err);

/** Removes what no manifest names; sets damaged segments aside. */
TSN_MUST_CHECK enum tsn_code maintain_tidy(struct tsn_store *s, struct tsn_err *err);

/**
 * The state without the chosen segments and with `fresh` (NULL: none) in the place of the first, or
 * last of all when n is 0.  After a failure the old state is in force, or s->broken.
 */
TSN_MUST_CHECK enum tsn_code maintain_replace(struct tsn_store *s, const uint32_t *chosen,
    uint32_t n, const struct manifest_seg *fresh, struct tsn_err *err);
/** Removes a file that no manifest names. */
void maintain_remove(const struct tsn_store *s, const struct manifest_seg *seg);

/* ---- merge.c ---- */

/** Retention; and merges when there are so many segments that reading would suffer. */
void merge_after_commit(struct tsn_store *s);
/** The longest time that one segment of several days may hold. */
uint64_t merge_span_max(const struct tsn_store *s);

#endif
