/*
 * store/verify: what a store holds and whether it is whole.  For `tsn store stat|verify`; all of it
 * reads alone and works beside a writer.
 */
#ifndef TSN_STORE_VERIFY_H
#define TSN_STORE_VERIFY_H

#include "store/store.h"

/* Bytes that one column takes in the segments. */
struct tsn_store_column_stat {
	tsn_key key;		/* 0: parts of records that are no field; TSN_KEY_NONE: not of slots */
	const char *what;	/* key 0 or NONE: its name for people */
	uint64_t values;
	uint64_t packed_bytes, dictionary_bytes;	/* all of it; its dictionaries alone */
};

struct tsn_store_stat {
	uint64_t segments, events, raw_bytes;	/* raw: of the records */
	uint64_t segment_bytes, journal_bytes, journal_events, directory_bytes, dictionary_bytes;
	uint64_t templates, blocks;
	int64_t time_min, time_max;		/* of segments; min > max when there are none */
	struct tsn_store_column_stat *columns;	/* largest first */
	uint32_t column_count;
	uint64_t damaged;
};

TSN_MUST_CHECK enum tsn_code tsn_store_stat(struct tsn_store_reader *r,
    struct tsn_store_stat *ret_stat, struct tsn_err *err);
void tsn_store_stat_done(struct tsn_store_stat *stat);

/* A file that was set aside. */
struct tsn_store_quarantined {
	const char *file;		/* its name in the folder `quarantine` */
	const char *why;		/* NULL: unknown */
	bool missing;			/* it was not there any more: only what was known of it is */
	bool known;			/* events and times are */
	uint64_t events, bytes;
	int64_t time_min, time_max;
};

struct tsn_store_verify {
	/** Called for each damage; the text names file and place. */
	void (*damage)(void *ctx, const char *what);
	/** Called after each segment; may be NULL.  Return true to stop. */
	bool (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
	uint64_t segments, events, commits;	/* found good */
	uint64_t damaged;
	/** Called for each file that was set aside; may be NULL. */
	void (*aside)(void *ctx, const struct tsn_store_quarantined *x);
	uint64_t quarantined, quarantined_events;	/* files set aside; events known to be in them */
};

/** Every checksum, every block decoded, every row rebuilt.  TSN_OK also when there is damage. */
TSN_MUST_CHECK enum tsn_code tsn_store_verify(const char *dir, struct tsn_keys *keys,
    struct tsn_store_verify *v, struct tsn_err *err);

/** How many files were set aside in the store of this folder; each() may be NULL. */
uint64_t tsn_store_quarantine(const char *store,
    void (*each)(void *ctx, const struct tsn_store_quarantined *x), void *ctx);

#endif
