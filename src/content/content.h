/*
 * content/content: the files below content/ (rules, taxonomy, word lists, demo logs), carried
 * inside the program so that it needs nothing beside it.  Constant for the life of the process.
 */
#ifndef TSN_CONTENT_CONTENT_H
#define TSN_CONTENT_CONTENT_H

#include "base/slice.h"

struct tsn_content_file {
	struct tsn_slice name;	/* path below content/: "rules/linux/ssh.yml" */
	struct tsn_slice data;
};

extern const struct tsn_content_file tsn_content_files[];	/* sorted by name */
extern const size_t tsn_content_file_count;

/** The file of that name, or NULL. */
const struct tsn_content_file *tsn_content_find(struct tsn_slice name);
/** The files below a folder ("rules/"): first one and how many follow each other. */
const struct tsn_content_file *tsn_content_below(struct tsn_slice folder, size_t *ret_count);

#endif
