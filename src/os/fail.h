/*
 * os/fail: a system call's errno as an error: "cannot open /x: No such file or directory".
 */
#ifndef TSN_OS_FAIL_H
#define TSN_OS_FAIL_H

#include "base/err.h"

/** The code that fits errno_value (TSN_ENOTFOUND, TSN_EDENIED, TSN_EAGAIN, TSN_EIO, ...). */
enum tsn_code tsn_os_code(int errno_value);
/** Fills *err with "what subject: reason" and returns the code; subject is escaped. */
TSN_COLD enum tsn_code tsn_os_fail(struct tsn_err *err, int errno_value, const char *what,
    const char *subject);

#endif
