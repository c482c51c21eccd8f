/*
 * server/prove: exceptions must not hide what is known to be an attack.
 *
 * Cases beside rules (server/cases.h) that expect an alert are known true positives.  Those that
 * load a rule with exceptions are run with all exceptions, expired ones as if they were not: what
 * passes without and fails with them refuses the exceptions that hid something.
 */
#ifndef TSN_SERVER_PROVE_H
#define TSN_SERVER_PROVE_H

#include "server/detection.h"

/**
 * paths: the rule folders of the set; none: the shipped rules.  What is refused goes to problem
 * (may be NULL); *ret_refused says how many, and err speaks of the first.  Codes: memory and files.
 */
TSN_MUST_CHECK enum tsn_code tsn_prove_exceptions(const struct tsn_ruleset *set,
    const char *const *paths, uint32_t path_count,
    void (*problem)(void *ctx, const struct tsn_problem *p), void *ctx, uint32_t *ret_refused,
    struct tsn_err *err);
/** The files that exceptions of the set stand in, each once; free() the list, not the names. */
const char **tsn_prove_files(const struct tsn_ruleset *set, uint32_t *ret_count);

#endif
