/* cmd/pipeline_store: store and detection behind output tocsin of `pipeline run`. */
#ifndef TSN_CMD_PIPELINE_STORE_H
#define TSN_CMD_PIPELINE_STORE_H

#include "pipeline/run.h"

struct tsn_cmd_store;

/** Is there an output tocsin in it? */
bool tsn_cmd_store_wanted(const struct tsn_conf *conf);
/** data: the folder, or NULL: what the output says, or the default.  Fills env's callbacks. */
TSN_MUST_CHECK enum tsn_code tsn_cmd_store_open(struct tsn_conf *conf, const char *data,
    struct tsn_pl_env *env, struct tsn_cmd_store **ret, struct tsn_err *err);
/** Commits; accepts NULL. */
enum tsn_code tsn_cmd_store_close(struct tsn_cmd_store *s, struct tsn_err *err);
/** Lines for the summary. */
void tsn_cmd_store_report(const struct tsn_cmd_store *s, struct tsn_buf *out);

#endif
