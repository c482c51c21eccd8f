/* The commands in the order of `tocsin --help`. */
#include "cmd/cmd_list.h"

const struct tsn_command *const tsn_commands[] = {
	&tsn_cmd_run,
	&tsn_cmd_demo,
	&tsn_cmd_import,
	&tsn_cmd_detect,
	&tsn_cmd_hunt,
	&tsn_cmd_search,
	&tsn_cmd_alerts,
	&tsn_cmd_rules,
	&tsn_cmd_pipeline,
	&tsn_cmd_store,
	&tsn_cmd_status,
	&tsn_cmd_version,
	NULL,
};
