/*
 * store/export: the records of a store as files again.
 *
 * Each file is written below a folder under its own path.  The bytes between two records (line
 * ends) follow from offsets and line numbers; whether the result is what was read is known from the
 * hash that was kept with the ranges, and told per file.  Records of the network go to one file per
 * peer, one per line.
 */
#ifndef TSN_STORE_EXPORT_H
#define TSN_STORE_EXPORT_H

#include "store/store.h"

struct tsn_store_exported {
	struct tsn_slice source;	/* path or address */
	const char *file;		/* what was written */
	uint64_t records, bytes;
	enum tsn_export_check { TSN_EXPORT_SAME, TSN_EXPORT_DIFFERS, TSN_EXPORT_UNKNOWN } check;
};

struct tsn_store_export {
	const char *dir;		/* made if need be; files in it must not exist yet */
	int64_t from_ns, to_ns;
	void (*file)(void *ctx, const struct tsn_store_exported *file);	/* at the end, for each */
	void *ctx;
};

TSN_MUST_CHECK enum tsn_code tsn_store_export(struct tsn_store_reader *r,
    const struct tsn_store_export *e, struct tsn_err *err);

#endif
