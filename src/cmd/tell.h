/* What commands that load rules and find things say: problems of rules, alerts. */
#ifndef TSN_CMD_TELL_H
#define TSN_CMD_TELL_H

#include "alert/alerts.h"
#include "rule/load.h"

/** A rule that failed, on standard error, its file name escaped; others say nothing. */
void tsn_cmd_tell_problem(void *ctx, const struct tsn_problem *p);
/** The document as one line on standard output; TSN_EIO when it cannot be written. */
enum tsn_code tsn_cmd_print_alert(void *ctx, const struct tsn_alert *alert, bool is_new);

#endif
