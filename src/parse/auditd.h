/*
 * parse/auditd: tables of the audit parser (internal to parse).
 */
#ifndef TSN_PARSE_AUDITD_H
#define TSN_PARSE_AUDITD_H

#include "base/slice.h"

/** Name of a system call; empty for an architecture or a number that is not in the tables. */
struct tsn_slice tsn_auditd_syscall(uint64_t arch, uint64_t number);

#endif
