/* "--rules A B FILE": folders of rules are told from the operands behind them. */
#include <string.h>
#include <sys/stat.h>

#include "cmd/cmd.h"
#include "os/walk.h"

struct seen {
	bool rules;	/* a rule file */
	bool others;	/* a file that is neither a rule nor goes along with rules */
};

static bool
ends(struct tsn_slice name, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (tsn_slice_ends(name, tsn_slice_cstr(list[i])))
			return true;
	return false;
}

/* Ends the walk at the first file that no rule folder has: then it is a folder of logs. */
static enum tsn_code
look_at(void *ctx, const char *path, const struct tsn_file_info *info, struct tsn_err *err)
{
	static const char *const rules[] = {".yml", ".yaml"};
	static const char *const beside[] = {".md", ".txt", ".lst", "LICENSE", "README"};
	struct tsn_slice name = tsn_slice_cstr(path);
	struct seen *seen = ctx;

	(void)info;
	(void)err;
	if (ends(name, rules, TSN_COUNT(rules)))
		seen->rules = true;
	else if (!ends(name, beside, TSN_COUNT(beside)))
		seen->others = true;
	return seen->others ? TSN_ECANCELED : TSN_OK;
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
	struct seen seen = {0};
	struct tsn_walk walk = {.file = look_at, .problem = ignore, .ctx = &seen};
	struct stat st;
	struct tsn_err err;

	if (stat(path, &st) != 0)
		return false;
	/* A folder that cannot be read to its end is left to those who read files: they tell why. */
	if (!S_ISDIR(st.st_mode))
		return look_at(&seen, path, NULL, &err) == TSN_OK && seen.rules;
	return tsn_walk(&walk, path, &err) == TSN_OK && seen.rules && !seen.others;
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
