/*
 * server/import: files into the engine: single files, folders, standard input.
 *
 * What cannot be read is told through `say` and counted; the others go on.  Committed again and
 * again on the way, so that memory stays bounded and a kill loses only the work since the last
 * commit: importing the same files once more stores the rest, and nothing twice.
 */
#ifndef TSN_SERVER_IMPORT_H
#define TSN_SERVER_IMPORT_H

#include "os/file.h"
#include "parse/frame.h"
#include "server/engine.h"
#include "server/feed.h"

struct tsn_import_options {
	struct tsn_engine *engine;	/* borrowed, like all here */
	struct tsn_store *store;	/* for what is known already; NULL: nothing is */
	const struct tsn_file_ops *ops;
	const char *kind;		/* fixed kind of all records, or NULL */
	int32_t tz_offset_sec;
	enum tsn_frame_mode mode;
	struct tsn_feed *feed;	/* records go through its pipeline; NULL: none */
	bool resume_off;		/* take known records as new */
	/** One line for people: a damaged file, one that was left out. */
	void (*say)(void *ctx, const char *line);
	/** Now and then: bytes done and all bytes of this file (0: unknown). */
	void (*progress)(void *ctx, const char *path, uint64_t done, uint64_t all);
	void *ctx;
};

struct tsn_import {
	struct tsn_import_options o;
	uint64_t files;			/* read, whole or in part */
	uint64_t bytes;			/* decompressed */
	uint64_t skipped_bytes;		/* of records beyond the record limit, cut off */
	uint32_t damaged;		/* compressed data broken or cut: the rest was kept */
	uint32_t unreadable;		/* files and folders that could not be read at all */
	uint32_t binary;		/* files of folders left out: no text */
	uint32_t empty_folders;
	enum tsn_code worst;		/* of the unreadable: trouble of the machine first */
};

void tsn_import_init(struct tsn_import *im, const struct tsn_import_options *options);
/**
 * A file, a folder or "-".  Fails only when nothing more can be done (store, alerts, memory).
 * Everything else is counted.
 */
TSN_MUST_CHECK enum tsn_code tsn_import_path(struct tsn_import *im, const char *path,
    struct tsn_err *err);
/** Exit status of what was counted: 0, 2 bad input, 3 trouble of the machine. */
int tsn_import_exit_status(const struct tsn_import *im);

#endif
