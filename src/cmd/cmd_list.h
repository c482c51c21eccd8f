/* cmd/cmd_list: the descriptor of each command, one line each; list.c gives them their order. */
#ifndef TSN_CMD_CMD_LIST_H
#define TSN_CMD_CMD_LIST_H

#include "cmd/cmd.h"

extern const struct tsn_command tsn_cmd_alerts;
extern const struct tsn_command tsn_cmd_demo;
extern const struct tsn_command tsn_cmd_detect;
extern const struct tsn_command tsn_cmd_hunt;
extern const struct tsn_command tsn_cmd_import;
extern const struct tsn_command tsn_cmd_run;
extern const struct tsn_command tsn_cmd_status;
extern const struct tsn_command tsn_cmd_pipeline;
extern const struct tsn_command tsn_cmd_rules;
extern const struct tsn_command tsn_cmd_search;
extern const struct tsn_command tsn_cmd_store;
extern const struct tsn_command tsn_cmd_version;

#endif
