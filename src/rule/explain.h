/*
 * rule/explain: one rule tried on single events, with the reason in words.
 *
 * The slow and plain way to the same answer that detect gives: each view's condition, then the
 * rule's, then every part of its tree by itself.  For people who ask why a rule fired or not, and
 * for tests that compare engines.
 *
 * Owner: the caller.  Rule, taxonomy and keys outlive it.  One thread.
 */
#ifndef TSN_RULE_EXPLAIN_H
#define TSN_RULE_EXPLAIN_H

#include "base/buf.h"
#include "event/event.h"
#include "rule/rule.h"
#include "rule/taxonomy.h"

struct tsn_explain;

/**
 * The rule's condition is not NULL (correlations are explained through the rules they refer to).
 * TSN_ENOMEM, TSN_ELIMIT (a tree too large), or what makes an atom impossible, with file and line.
 */
TSN_MUST_CHECK enum tsn_code tsn_explain_new(const struct tsn_rule *rule, struct tsn_taxonomy *t,
    struct tsn_keys *keys, struct tsn_explain **ret, struct tsn_err *err);
/** Accepts NULL. */
void tsn_explain_free(struct tsn_explain *x);
/** True when the rule fires on the event, in any of its views, and no exception hides it. */
bool tsn_explain_fires(struct tsn_explain *x, const struct tsn_event *ev);
/** The first value of a field as the rule calls it, of an event the rule is true of; or empty. */
struct tsn_slice tsn_explain_value(struct tsn_explain *x, const struct tsn_event *ev,
    struct tsn_slice field, char scratch[TSN_TIME_TEXT_MAX]);
/**
 * The same in words: every view, and in views that hold the event every part of the condition with
 * its value and what the event has there.  TSN_ENOMEM, TSN_ELIMIT.
 */
TSN_MUST_CHECK enum tsn_code tsn_explain_write(struct tsn_explain *x, const struct tsn_event *ev,
    struct tsn_buf *out, bool *ret_fires, struct tsn_err *err);

#endif
