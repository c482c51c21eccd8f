/* cmd/pipeline_option: reading a Logstash configuration for a command. */
#ifndef TSN_CMD_PIPELINE_OPTION_H
#define TSN_CMD_PIPELINE_OPTION_H

#include "pipeline/keys.h"
#include "pipeline/run.h"

/** Variables: of the environment, then of the key file (a path or NULL: $TOCSIN_KEYS). */
TSN_MUST_CHECK enum tsn_code tsn_cmd_pipeline_load(const char *path, const char *key_file,
    struct tsn_conf *ret_conf, struct tsn_err *err);
/** The same, and checked: problems go to standard error.  TSN_EINVAL: there is an error. */
TSN_MUST_CHECK enum tsn_code tsn_cmd_pipeline_load_checked(const char *path, const char *key_file,
    struct tsn_conf *ret_conf, struct tsn_err *err);
/** What every command's pipeline gets: clock, host, say on standard error. */
struct tsn_pl_env tsn_cmd_pipeline_env(void);

/* A pipeline's filters for import and detect. */
struct tsn_cmd_filters {
	struct tsn_conf conf;
	bool has_conf;
	struct tsn_pipeline *pipeline;
};

TSN_MUST_CHECK enum tsn_code tsn_cmd_filters_open(struct tsn_cmd_filters *f, const char *path,
    struct tsn_err *err);
void tsn_cmd_filters_close(struct tsn_cmd_filters *f);

#endif
