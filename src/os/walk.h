/*
 * os/walk: all files below a folder, in the order of their names.
 *
 * Links are followed; one that leads back to a folder it lies in is left out.  Names that begin
 * with a dot are left out.  Bounded in depth and in the number of entries.
 */
#ifndef TSN_OS_WALK_H
#define TSN_OS_WALK_H

#include "os/file.h"

#define TSN_WALK_DEPTH_MAX 64
#define TSN_WALK_ENTRIES_MAX 1000000

struct tsn_walk {
	/** A file (never a folder); what it returns other than TSN_OK ends the walk. */
	enum tsn_code (*file)(void *ctx, const char *path, const struct tsn_file_info *info,
	    struct tsn_err *err);
	/** A folder or entry that cannot be read, with the reason; the walk goes on. */
	void (*problem)(void *ctx, const char *path, const struct tsn_err *why);
	void *ctx;
	uint64_t hidden;	/* out: how many hidden names were left out */
	uint64_t files;		/* out: how many files were reported */
};

TSN_MUST_CHECK enum tsn_code tsn_walk(struct tsn_walk *w, const char *root, struct tsn_err *err);

#endif
