/*
 * cmd/rules_windows: what correlations make of the records of a file, in words.
 *
 * Takes the records that their rules fire on, and says for each group how near it came to the
 * threshold; what the engine that detects found of it stands beside.
 */
#ifndef TSN_CMD_RULES_WINDOWS_H
#define TSN_CMD_RULES_WINDOWS_H

#include "rule/correlation.h"
#include "rule/explain.h"

struct tsn_windows;

/** Of the correlation with that index in the set, which outlives it.  NULL: out of memory. */
struct tsn_windows *tsn_windows_new(const struct tsn_ruleset *set, uint32_t rule);
void tsn_windows_free(struct tsn_windows *w);
/** A record that rule number `place` of the correlation fires on. */
void tsn_windows_add(struct tsn_windows *w, uint32_t place, struct tsn_explain *x,
    const struct tsn_event *ev, uint64_t line);
/** The report on stdout. */
void tsn_windows_print(struct tsn_windows *w);

#endif
