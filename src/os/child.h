/*
 * os/child: a program of the system run beside ours, whose output is read.  Never through a shell.
 */
#ifndef TSN_OS_CHILD_H
#define TSN_OS_CHILD_H

#include "base/err.h"

struct tsn_child {
	int pid;	/* 0: none */
	int out_fd;	/* its standard output; does not block */
};

/** argv ends with NULL; argv[0] is looked for on PATH.  Standard input and errors are /dev/null. */
TSN_MUST_CHECK enum tsn_code tsn_child_start(const char *const *argv, struct tsn_child *ret_child,
    struct tsn_err *err);
/** Ends it if it runs, and waits; accepts one that was never started. *ret_status may be NULL. */
void tsn_child_stop(struct tsn_child *c, int *ret_status);

#endif
