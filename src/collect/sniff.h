/*
 * collect/sniff: is this file of a folder worth reading as logs?
 *
 * Only for files that nobody named: a folder also holds pictures, programs and databases.
 */
#ifndef TSN_COLLECT_SNIFF_H
#define TSN_COLLECT_SNIFF_H

#include "os/file.h"

/** NULL when the first bytes may be a log (text, Windows event log), else what it is. */
const char *tsn_sniff(struct tsn_slice head);
/** The same for the beginning of a file; compressed files are looked into. */
TSN_MUST_CHECK enum tsn_code tsn_sniff_file(const struct tsn_file_ops *ops, const char *path,
    const char **ret_what, struct tsn_err *err);

#endif
