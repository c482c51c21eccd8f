/*
 * rule/same: rules that say the same thing.
 *
 * The sum of a rule is of its log source and its condition, whatever the names of selections, the
 * order of parts, of values and of keys, repetitions and, unless case matters, the case of values;
 * of a correlation of the sums of its rules and of all that decides.  Titles, ids, levels and
 * exceptions are no part of it.
 */
#ifndef TSN_RULE_SAME_H
#define TSN_RULE_SAME_H

#include "rule/correlation.h"
#include "rule/rule.h"

/** False when the rule is too deep or too large to say, or memory is exhausted. */
bool tsn_rule_sum(const struct tsn_ruleset *set, uint32_t rule, uint64_t ret_sum[2]);

#endif
