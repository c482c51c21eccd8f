/*
 * rule/describe: what a correlation asks for, in words.
 */
#ifndef TSN_RULE_DESCRIBE_H
#define TSN_RULE_DESCRIBE_H

#include "base/buf.h"
#include "rule/rule.h"

/** Appends a sentence on a rule with a correlation, and a line for each rule it refers to. */
void tsn_describe_correlation(const struct tsn_ruleset *set, const struct tsn_rule *rule,
    struct tsn_buf *out);

#endif
