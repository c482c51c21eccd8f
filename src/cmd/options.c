#include "cmd/cmd.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/num.h"

static void
print_help(const struct tsn_command *cmd, const struct tsn_option *options, uint32_t count)
{
	(void)printf("usage: tocsin %s %s\n\n%s\n", cmd->name, cmd->usage, cmd->doc);
	if (count > 0)
		(void)printf("\noptions:\n");
	for (uint32_t i = 0; i < count; i++) {
		char left[64];

		(void)snprintf(left, sizeof left, "%s%s%s", options[i].name,
		    options[i].arg == NULL ? "" : " ", options[i].arg == NULL ? "" : options[i].arg);
		(void)printf("  %-26s %s\n", left, options[i].doc);
	}
}

/* Edit distance between short names, for "did you mean". */
static size_t
distance(const char *a, const char *b)
{
	size_t row[64], la = strlen(a), lb = strlen(b);

	if (la >= TSN_COUNT(row) || lb >= TSN_COUNT(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			best = best < row[j] + 1 ? best : row[j] + 1;
			row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
		}
	}
	return row[lb];
}

static int
unknown(const struct tsn_command *cmd, const struct tsn_option *options, uint32_t count,
    const char *given)
{
	const char *nearest = NULL;
	size_t best = 4;
	char shown[80];

	for (uint32_t i = 0; i < count; i++) {
		size_t d = distance(given, options[i].name);

		if (d < best) {
			best = d;
			nearest = options[i].name;
		}
	}
	(void)tsn_slice_escape(tsn_slice_cstr(given), shown, sizeof shown);
	if (nearest != NULL)
		return tsn_cmd_usage(cmd, "unknown option %s; did you mean %s?", shown, nearest);
	return tsn_cmd_usage(cmd, "unknown option %s", shown);
}

static int
set_option(const struct tsn_command *cmd, const struct tsn_option *o, const char *value)
{
	struct tsn_option_list *list = o->value;

	switch (o->type) {
	case TSN_OPT_FLAG:
		*(bool *)o->value = true;
		return -1;
	case TSN_OPT_TEXT:
		*(const char **)o->value = value;
		return -1;
	case TSN_OPT_U64:
		if (tsn_num_parse_u64(tsn_slice_cstr(value), o->value) != TSN_OK)
			return tsn_cmd_usage(cmd, "%s wants a whole number, not \"%s\"", o->name, value);
		return -1;
	case TSN_OPT_LIST:
		if (list->count == TSN_COUNT(list->items))
			return tsn_cmd_usage(cmd, "%s is given more than %zu times", o->name,
			    TSN_COUNT(list->items));
		list->items[list->count++] = value;
		return -1;
	}
	return -1;
}

static const struct tsn_option *
find_option(const struct tsn_option *options, uint32_t count, const char *given, size_t len)
{
	for (uint32_t i = 0; i < count; i++)
		if (strlen(options[i].name) == len && memcmp(options[i].name, given, len) == 0)
			return &options[i];
	return NULL;
}

int
tsn_cmd_options(const struct tsn_command *cmd, const struct tsn_option *options,
    uint32_t option_count, int argc, char **argv, int *ret_operands)
{
	int operands = 0;

	for (int i = 1; i < argc; i++) {
		const char *word = argv[i], *value = strchr(word, '=');
		size_t len = value == NULL ? strlen(word) : (size_t)(value - word);
		const struct tsn_option *o;
		int status;

		if (strcmp(word, "--") == 0) {
			while (++i < argc)
				argv[++operands] = argv[i];
			break;
		}
		if (word[0] != '-' || word[1] == '\0') {
			argv[++operands] = argv[i];
			continue;
		}
		if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
			print_help(cmd, options, option_count);
			return TSN_EXIT_DONE;
		}
		o = find_option(options, option_count, word, len);
		if (o == NULL)
			return unknown(cmd, options, option_count, word);
		if (o->type == TSN_OPT_FLAG && value != NULL)
			return tsn_cmd_usage(cmd, "%s takes no argument", o->name);
		if (o->type != TSN_OPT_FLAG && value == NULL && i + 1 == argc)
			return tsn_cmd_usage(cmd, "%s wants %s", o->name, o->arg);
		if (o->type != TSN_OPT_FLAG)
			value = value != NULL ? value + 1 : argv[++i];
		status = set_option(cmd, o, value);
		if (status >= 0)
			return status;
	}
	*ret_operands = operands;
	return -1;
}

int
tsn_cmd_fail(const struct tsn_command *cmd, enum tsn_code code, const struct tsn_err *err)
{
	TSN_ASSERT(code != TSN_OK);
	if (code == TSN_ENOMEM && (err == NULL || err->msg[0] == '\0'))
		(void)fprintf(stderr, "tocsin %s: out of memory\n", cmd->name);
	else if (err != NULL && err->sys_errno != 0 &&
	    strstr(err->msg, strerror(err->sys_errno)) == NULL)
		(void)fprintf(stderr, "tocsin %s: %s: %s\n", cmd->name, err->msg,
		    strerror(err->sys_errno));
	else
		(void)fprintf(stderr, "tocsin %s: %s\n", cmd->name,
		    err == NULL || err->msg[0] == '\0' ? "failed" : err->msg);
	return tsn_err_exit_status(code);
}

int
tsn_cmd_usage(const struct tsn_command *cmd, const char *fmt, ...)
{
	va_list ap;

	(void)fprintf(stderr, "tocsin %s: ", cmd->name);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "; see tocsin %s --help\n", cmd->name);
	return TSN_EXIT_INPUT;
}

const char *
tsn_cmd_data_dir(const char *given)
{
	const char *env = getenv("TOCSIN_DATA");

	if (given != NULL)
		return given;
	if (env != NULL && env[0] != '\0')
		return env;
	if (access("/var/lib/tocsin", W_OK | X_OK) == 0)
		return "/var/lib/tocsin";
	return "./tocsin-data";
}
