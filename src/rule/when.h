/*
 * rule/when: a detection in Sigma's syntax for those who judge documents of their own.
 */
#ifndef TSN_RULE_WHEN_H
#define TSN_RULE_WHEN_H

#include "codec/yaml.h"
#include "match/pred.h"

/**
 * Selections and `condition` of a map; field names stay as they are written, all modifiers but
 * |expand mean what they mean in rules.  The predicate lives in the arena.  Errors: err->pos is the
 * line.
 */
TSN_MUST_CHECK enum tsn_code tsn_rule_when(struct tsn_arena *arena,
    const struct tsn_yaml *detection, const struct tsn_pred **ret, struct tsn_err *err);

#endif
