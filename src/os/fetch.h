/*
 * os/fetch: one HTTP GET of a server of our own, for commands that ask it something.
 */
#ifndef TSN_OS_FETCH_H
#define TSN_OS_FETCH_H

#include "base/buf.h"
#include "base/err.h"

/**
 * base is "http://ADDRESS:PORT" or "https://..."; token may be NULL, and so may ca_file: the
 * certificates by which the server's is verified, instead of the system's.  The body of a 200
 * answer is appended to out;
 * other answers are TSN_EDENIED (401, 403) or TSN_EIO with the status.  Waits 10 seconds at most.
 */
TSN_MUST_CHECK enum tsn_code tsn_fetch(const char *base, const char *path, const char *token,
    const char *ca_file, struct tsn_buf *out, struct tsn_err *err);

#endif
