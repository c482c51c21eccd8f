/*
 * store/store: events on disk: append, sync, read, verify.
 *
 * One writer per data folder (a lock file says so), many readers, in other processes too.  Events
 * appended since the last commit are in memory only; tsn_store_commit() returns after they are
 * written and synced, together with the ranges of the sources they came from: both or neither.
 * A reader sees the commits that were complete when it was opened.  The format stands in
 * docs/format/; it may change behind this interface, with a reader kept for every version.
 */
#ifndef TSN_STORE_STORE_H
#define TSN_STORE_STORE_H

#include "event/event.h"
#include "match/pred.h"

struct tsn_store;		/* the writer */
struct tsn_store_reader;

/** A run of bytes of one source whose records are stored.  An empty one is its writer's note. */
struct tsn_store_range {
	struct tsn_slice source;	/* path or network name */
	uint64_t begin, end;		/* offsets */
	uint64_t lines;			/* line breaks in it, so that line numbers go on behind it */
	uint64_t hash;			/* XXH3-64 of the bytes, so that a changed file is noticed */
	bool extends;			/* replaces the newest range of this source, with the same begin:
					 * a file that is followed grows by many small commits */
};

/* What retention removes; told before and after. */
struct tsn_store_drop {
	bool done;
	const char *file;
	uint64_t events, bytes;		/* bytes on disk */
	int64_t time_min, time_max;
	const char *why;		/* "size" or "age" */
};

struct tsn_store_options {
	uint64_t retention_bytes;	/* oldest days go when the store is larger; 0: never */
	int64_t retention_ns;		/* days older than this go; 0: never */
	uint64_t disk_free_min;		/* appends return TSN_EAGAIN below this */
	void (*dropping)(void *ctx, const struct tsn_store_drop *drop);	/* may be NULL */
	void *ctx;
};

/**
 * Opens or makes the store in `dir`.  TSN_EBUSY: another writer has it; TSN_EVERSION: made by a
 * newer program; TSN_EIO, TSN_EDENIED.  Damaged segments are set aside and counted, not fatal.
 */
TSN_MUST_CHECK enum tsn_code tsn_store_open(const char *dir, struct tsn_keys *keys,
    const struct tsn_store_options *options, struct tsn_store **ret_store, struct tsn_err *err);
/** Commits what is pending and closes; accepts NULL. */
TSN_MUST_CHECK enum tsn_code tsn_store_close(struct tsn_store *s, struct tsn_err *err);
/**
 * Closes without a commit: after a failure between events and their range, so that the source can
 * give both again.  Accepts NULL.
 */
void tsn_store_abandon(struct tsn_store *s);
/** Takes the sealed events of the batch (copies what it needs). TSN_EAGAIN: disk nearly full. */
TSN_MUST_CHECK enum tsn_code tsn_store_append(struct tsn_store *s, const struct tsn_batch *b,
    struct tsn_err *err);
/** Says that all records of these bytes have been appended (or are no events). */
TSN_MUST_CHECK enum tsn_code tsn_store_append_range(struct tsn_store *s,
    const struct tsn_store_range *range, struct tsn_err *err);
/** Forgets the ranges of a source (the file behind the name is another one now). */
TSN_MUST_CHECK enum tsn_code tsn_store_forget_ranges(struct tsn_store *s, struct tsn_slice source,
    struct tsn_err *err);
/** Makes everything appended durable: group commit. */
TSN_MUST_CHECK enum tsn_code tsn_store_commit(struct tsn_store *s, struct tsn_err *err);
/** The same, and moves everything out of the journal into segments. */
TSN_MUST_CHECK enum tsn_code tsn_store_seal(struct tsn_store *s, struct tsn_err *err);
/**
 * One step of housekeeping: retention (now_ns is the present), or small segments of one day made
 * one.  *ret_more: there is more to do, call again when there is time.  Meant for moments of rest
 * and for the end of an import.  Retention is also looked after when the store is opened and when
 * a commit makes segments, and so is merging once segments have become many.
 */
TSN_MUST_CHECK enum tsn_code tsn_store_maintain(struct tsn_store *s, int64_t now_ns,
    bool *ret_more, struct tsn_err *err);
/**
 * Retention alone, one segment: for the time when a full disk keeps everything else waiting.
 * *ret_more: one went, there may be more.
 */
TSN_MUST_CHECK enum tsn_code tsn_store_retain(struct tsn_store *s, int64_t now_ns, bool *ret_more,
    struct tsn_err *err);
/** Stored ranges of one source in the order of begin; valid until the next append or commit. */
const struct tsn_store_range *tsn_store_ranges(const struct tsn_store *s, struct tsn_slice source,
    size_t *ret_count);

/** Calls each() for every source with ranges whose name begins so, in no order. */
void tsn_store_range_sources(const struct tsn_store *s, struct tsn_slice prefix,
    void (*each)(void *ctx, struct tsn_slice source), void *ctx);

/**
 * How many commits or segments were found damaged when the store was opened or merged (such as
 * cannot be opened are set aside in the folder `quarantine`), and what the first was.
 */
uint64_t tsn_store_damage(const struct tsn_store *s, struct tsn_slice *ret_first);

/** A snapshot of the store in `dir` for reading; TSN_ENOTFOUND when there is none. */
TSN_MUST_CHECK enum tsn_code tsn_store_reader_open(const char *dir, struct tsn_keys *keys,
    struct tsn_store_reader **ret_reader, struct tsn_err *err);
void tsn_store_reader_close(struct tsn_store_reader *r);
/**
 * The segments of an archive (store/archive.h) beside those of the store, but for such as the
 * store still has.  Before the first scan.  TSN_ENOTFOUND, TSN_EINVAL: it is no archive.
 * TSN_EAGAIN: the store was changed since the reader was opened, and events may be in both: close
 * it and begin again.
 */
TSN_MUST_CHECK enum tsn_code tsn_store_reader_add(struct tsn_store_reader *r, const char *dir,
    struct tsn_err *err);
/**
 * How many damaged places were met so far, and what the first was: their events are missing in what
 * scans give, the rest is served.  To be asked after a scan, and told to the user.
 */
uint64_t tsn_store_reader_damage(const struct tsn_store_reader *r, struct tsn_slice *ret_first);

/**
 * What was stored after this snapshot was taken is, in a later one, in the journal or in segments
 * whose number is at least this one (where older events may be too).
 */
uint64_t tsn_store_reader_mark(const struct tsn_store_reader *r);
/**
 * Tells the keys of fields that stored events have, some of them more than once, until `field`
 * returns false.  The directories of segments are read; TSN_ENOMEM.
 */
TSN_MUST_CHECK enum tsn_code tsn_store_reader_fields(struct tsn_store_reader *r,
    bool (*field)(void *ctx, tsn_key key), void *ctx, struct tsn_err *err);
/** Bytes of the segments of the store in `dir`; 0 when there is none. */
uint64_t tsn_store_bytes(const char *dir);

/** As tsn_store_ranges, of the snapshot. */
const struct tsn_store_range *tsn_store_reader_ranges(const struct tsn_store_reader *r,
    struct tsn_slice source, size_t *ret_count);

/* How much of the store a scan could do without. */
struct tsn_store_scan_stats {
	uint64_t segments, segments_time;	/* all; outside of the time range */
	uint64_t segments_none, segments_sum;	/* nothing matches; counted by directory alone */
	uint64_t segments_open;			/* their blocks were looked at */
	uint64_t blocks, blocks_time;		/* of these: all; outside of the time range */
	uint64_t blocks_none, blocks_sum;	/* no row matches; counted by columns alone */
	uint64_t blocks_rows;			/* some rows were made */
	uint64_t rows;				/* rows made, those of the journal included */
};

struct tsn_store_scan {
	int64_t from_ns, to_ns;		/* @timestamp in [from, to) */
	const struct tsn_pred *hint;	/* what cannot match may be skipped; may be NULL */
	const tsn_key *fields;		/* only these fields are needed; NULL: all, with event.original */
	uint32_t field_count;
	bool newest_first;
	bool (*canceled)(void *ctx);	/* asked now and then; may be NULL */
	/** Rows of one block as a batch, valid during the call; TSN_EOF ends the scan early. */
	enum tsn_code (*rows)(void *ctx, const struct tsn_batch *rows, struct tsn_err *err);
	/**
	 * For those who count: rows that are known to make the hint true and do not differ in these
	 * fields (nor, with a span, in tsn_time_floor of their time) may come as one event that has
	 * these fields alone, and how many they are.  The others come as rows; the order of time is
	 * kept among those only.  TSN_EOF ends the scan.  NULL: all come as rows.
	 */
	enum tsn_code (*tally)(void *ctx, const struct tsn_batch *rows, const uint64_t *counts,
	    struct tsn_err *err);
	const tsn_key *tally_fields;
	uint32_t tally_field_count;
	int64_t tally_span_ns;		/* 0: none */
	uint64_t since;			/* segments of smaller numbers are left out: see tsn_store_mark */
	struct tsn_store_scan_stats *stats;	/* added to; may be NULL */
	void *ctx;
};

/** Calls rows() for each block in order of time; rows inside one are in order of time too. */
TSN_MUST_CHECK enum tsn_code tsn_store_scan(struct tsn_store_reader *r,
    const struct tsn_store_scan *scan, struct tsn_err *err);

#endif
