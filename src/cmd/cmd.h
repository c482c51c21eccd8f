/*
 * cmd/cmd: the command line.  One command is one file cmd_NAME.c with one descriptor, listed in
 * list.c.  Here stand the option tables they share, so that --help, errors and exit statuses are
 * the same everywhere.
 *
 * Exit status: 0 done, 1 the answer is no, 2 bad usage or bad input, 3 trouble of the machine.
 * Machine-readable output goes to stdout, everything else to stderr.
 */
#ifndef TSN_CMD_CMD_H
#define TSN_CMD_CMD_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum {
	TSN_EXIT_DONE = 0,
	TSN_EXIT_NO = 1,
	TSN_EXIT_INPUT = 2,
	TSN_EXIT_MACHINE = 3,
};

struct tsn_command {
	const char *name;
	const char *usage;	/* "[--data DIR] FILE...": what follows the name */
	const char *doc;	/* one line */
	int (*run)(int argc, char **argv);	/* argv[0] is the command's name */
};

/** All commands, NULL-terminated. */
extern const struct tsn_command *const tsn_commands[];

enum tsn_option_type {
	TSN_OPT_FLAG,	/* bool *: set to true */
	TSN_OPT_TEXT,	/* const char ** */
	TSN_OPT_U64,	/* uint64_t * */
	TSN_OPT_LIST,	/* struct tsn_option_list *: may be given often, or take several words */
};

struct tsn_option_list {
	const char *items[256];
	uint32_t count;
};

struct tsn_option {
	const char *name;	/* "--limit" */
	enum tsn_option_type type;
	void *value;
	const char *arg;	/* name of the argument in --help; NULL for flags */
	const char *doc;
};

/**
 * Reads options and operands in any order; "--name=value" and "--name value"; "--" ends options; a
 * lone "-" is an operand.  Operands (pointers into argv) are moved to argv[1 .. *ret_operands].
 * Returns -1 when the command shall go on, else the exit status (--help: 0; an unknown option or a
 * missing argument: 2, told on stderr with the nearest known option).
 */
int tsn_cmd_options(const struct tsn_command *cmd, const struct tsn_option *options,
    uint32_t option_count, int argc, char **argv, int *ret_operands);

/**
 * "--rules A B FILE": what follows --rules and holds rule files (*.yml, *.yaml) and no logs is
 * one more rule folder.  Takes those out of argv into the list, before tsn_cmd_options().
 */
void tsn_cmd_take_rules(struct tsn_option_list *rules, int *argc, char **argv);

/** Says "tocsin NAME: message" on stderr and returns the exit status of the code. */
int tsn_cmd_fail(const struct tsn_command *cmd, enum tsn_code code, const struct tsn_err *err);
/** Says "tocsin NAME: message; see tocsin NAME --help" and returns 2. */
int tsn_cmd_usage(const struct tsn_command *cmd, const char *fmt, ...) TSN_PRINTF(2, 3);

/**
 * The data folder: `given` (--data), else $TOCSIN_DATA, else /var/lib/tocsin where that exists and
 * is writable, else ./tocsin-data.  Nothing is made.
 */
const char *tsn_cmd_data_dir(const char *given);

#endif
