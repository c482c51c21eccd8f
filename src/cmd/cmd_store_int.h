/* cmd/cmd_store_int: `tsn store`, between its files. */
#ifndef TSN_CMD_CMD_STORE_INT_H
#define TSN_CMD_CMD_STORE_INT_H

#include "cmd/cmd_list.h"

struct store_options {
	const char *data, *dir;
	const char *from, *to;		/* folder or time, as the word says */
	const char *after, *before, *format, *columns;
	bool remove;
};

/** NULL leaves *ret_ns as it is.  Returns -1, or the exit status after telling what is wrong. */
int cmd_store_time(const char *text, int64_t *ret_ns);
int cmd_store_archive(const struct store_options *o);
int cmd_store_restore(const struct store_options *o);

#endif
