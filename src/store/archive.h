/*
 * store/archive: sealed segments in another folder, and back.
 *
 * An archive is a folder like a store, without journal and writer: segments, and a manifest that
 * also has the hash of each file.  All that reads stores reads archives too.  As JSON lines
 * (dt=YYYY-MM-DD/NAME.jsonl, and _MANIFEST.jsonl) it is for other programs and does not come back.
 *
 * Each step is durable before the next: a segment is marked in the store (it is not merged from
 * then on), copied, named by the archive's manifest, and only then, if so wished, removed from the
 * store.  After a crash the same call goes on where it was; nothing is there twice.
 */
#ifndef TSN_STORE_ARCHIVE_H
#define TSN_STORE_ARCHIVE_H

#include "store/store.h"

/* One segment was looked at; told to the caller. */
struct tsn_store_archived {
	const char *file;
	uint64_t events, bytes;
	int64_t time_min, time_max;
	enum {
		TSN_ARCHIVED_NOW,	/* copied, restored */
		TSN_ARCHIVED_BEFORE,	/* was there already */
		TSN_ARCHIVED_DAMAGED,	/* left where it is; `why` */
		TSN_ARCHIVED_REMOVED,	/* from the store, after it was copied */
	} what;
	const char *why;
};

struct tsn_store_archive {
	const char *dir;
	int64_t from_ns, to_ns;		/* segments all of whose events are in [from, to) */
	bool jsonl;			/* JSON lines, not segments */
	bool remove;			/* from the store; not with jsonl */
	bool (*canceled)(void *ctx);	/* asked between two segments; may be NULL */
	void (*segment)(void *ctx, const struct tsn_store_archived *segment);	/* may be NULL */
	void *ctx;
	uint64_t across;		/* result: segments that reach over an end of the range */
	uint64_t damaged;		/* result */
};

/** Seals first.  TSN_EBUSY: another process writes to the archive.  TSN_EAGAIN: no room there. */
TSN_MUST_CHECK enum tsn_code tsn_store_archive(struct tsn_store *s, struct tsn_store_archive *a,
    struct tsn_err *err);
/** The way back: segments that touch [from, to) and are not in the store.  `remove`: ignored. */
TSN_MUST_CHECK enum tsn_code tsn_store_restore(struct tsn_store *s, struct tsn_store_archive *a,
    struct tsn_err *err);

#endif
