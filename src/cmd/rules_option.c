/* "--rules A B FILE": folders of rules are told from the operands behind them. */
#include <string.h>
#include <sys/stat.h>

#include "cmd/cmd.h"
#include "os/walk.h"

/* Ends the walk at the first rule file. */
static enum tsn_code
is_rule(void *ctx, const char *path, const struct tsn_file_info *info, struct tsn_err *err)
{
	struct tsn_slice name = tsn_slice_cstr(path);

	(void)ctx;
	(void)info;
	(void)err;
	return tsn_slice_ends(name, TSN_SLICE(".yml")) || tsn_slice_ends(name, TSN_SLICE(".yaml")) ?
	    TSN_ECANCELED : TSN_OK;
}

static void
ignore(void *ctx, const char *path, const struct tsn_err *why)
{
	(void)ctx;
	(void)path;
	(void)why;
}

static bool
holds_rules(const char *path)
{
	struct tsn_walk walk = {.file = is_rule, .problem = ignore};
	struct stat st;
	struct tsn_err err;

	if (stat(path, &st) != 0)
		return false;
	if (!S_ISDIR(st.st_mode))
		return is_rule(NULL, path, NULL, &err) != TSN_OK;
	return tsn_walk(&walk, path, &err) == TSN_ECANCELED;
}

void
tsn_cmd_take_rules(struct tsn_option_list *rules, int *argc, char **argv)
{
	int kept = 1;

	for (int i = 1; i < *argc; i++) {
		argv[kept++] = argv[i];
		if (strcmp(argv[i], "--rules") != 0 || i + 1 >= *argc)
			continue;
		argv[kept++] = argv[++i];
		while (i + 1 < *argc && argv[i + 1][0] != '-' && holds_rules(argv[i + 1]) &&
		    rules->count < TSN_COUNT(rules->items))
			rules->items[rules->count++] = argv[++i];
	}
	*argc = kept;
}
