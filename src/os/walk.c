#include "os/walk.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/fail.h"

struct names {
	char **list;
	size_t count, cap;
};

struct level {
	uint64_t dev, ino;
};

struct state {
	struct tsn_walk *w;
	struct level above[TSN_WALK_DEPTH_MAX];
	uint64_t entries;
};

static void
names_done(struct names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->list[i]);
	free(n->list);
}

static int
names_order(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
names_add(struct names *n, const char *name)
{
	if (n->count == n->cap) {
		size_t cap = n->cap == 0 ? 64 : n->cap * 2;
		char **list = reallocarray(n->list, cap, sizeof *list);

		if (list == NULL)
			return false;
		n->list = list;
		n->cap = cap;
	}
	n->list[n->count] = strdup(name);
	if (n->list[n->count] == NULL)
		return false;
	n->count++;
	return true;
}

static enum tsn_code
read_names(struct state *s, const char *path, struct names *ret_names, struct tsn_err *err)
{
	DIR *dir = opendir(path);
	enum tsn_code code = TSN_OK;

	if (dir == NULL)
		return tsn_os_fail(err, errno, "cannot read folder", path);
	for (;;) {
		struct dirent *e;

		errno = 0;
		e = readdir(dir);
		if (e == NULL) {
			if (errno != 0)
				code = tsn_os_fail(err, errno, "cannot read folder", path);
			break;
		}
		if (e->d_name[0] == '.') {
			if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
				s->w->hidden++;
			continue;
		}
		if (++s->entries > TSN_WALK_ENTRIES_MAX) {
			code = TSN_ERR(err, TSN_ELIMIT, "%s: more than %d entries", path,
			    TSN_WALK_ENTRIES_MAX);
			break;
		}
		if (!names_add(ret_names, e->d_name)) {
			code = TSN_ERR(err, TSN_ENOMEM, "out of memory");
			break;
		}
	}
	(void)closedir(dir);
	if (code == TSN_OK && ret_names->count > 1)
		qsort(ret_names->list, ret_names->count, sizeof *ret_names->list, names_order);
	return code;
}

static bool
is_above(const struct state *s, unsigned depth, const struct tsn_file_info *info)
{
	for (unsigned i = 0; i < depth; i++)
		if (s->above[i].dev == info->dev && s->above[i].ino == info->ino)
			return true;
	return false;
}

static enum tsn_code
problem(struct state *s, const char *path, const struct tsn_err *why)
{
	if (s->w->problem != NULL)
		s->w->problem(s->w->ctx, path, why);
	return TSN_OK;
}

static enum tsn_code folder(struct state *s, const char *path, unsigned depth,
    struct tsn_err *err);

static enum tsn_code
entry(struct state *s, const char *path, unsigned depth, struct tsn_err *err)
{
	struct tsn_file_info info;
	struct tsn_err why;

	if (tsn_file_stat_path(path, &info, &why) != TSN_OK)
		return problem(s, path, &why);
	if (info.kind == TSN_FILE_DIR) {
		if (is_above(s, depth, &info))
			return TSN_OK;
		if (depth >= TSN_WALK_DEPTH_MAX) {
			(void)TSN_ERR(&why, TSN_ELIMIT, "%s: folders nested deeper than %d", path,
			    TSN_WALK_DEPTH_MAX);
			return problem(s, path, &why);
		}
		s->above[depth] = (struct level){info.dev, info.ino};
		return folder(s, path, depth + 1, err);
	}
	if (info.kind != TSN_FILE_REGULAR)
		return TSN_OK;		/* a pipe or device in a folder is no log */
	s->w->files++;
	return s->w->file(s->w->ctx, path, &info, err);
}

static enum tsn_code
folder(struct state *s, const char *path, unsigned depth, struct tsn_err *err)
{
	struct names names = {0};
	struct tsn_err why;
	enum tsn_code code = read_names(s, path, &names, &why);
	size_t len = strlen(path);

	if (code != TSN_OK) {
		names_done(&names);
		if (code == TSN_ENOMEM || code == TSN_ELIMIT) {
			if (err != NULL)
				*err = why;
			return code;
		}
		return problem(s, path, &why);
	}
	for (size_t i = 0; i < names.count && code == TSN_OK; i++) {
		char *child = NULL;

		if (asprintf(&child, "%s%s%s", path, len > 0 && path[len - 1] == '/' ? "" : "/",
			names.list[i]) < 0) {
			code = TSN_ERR(err, TSN_ENOMEM, "out of memory");
			break;
		}
		code = entry(s, child, depth, err);
		free(child);
	}
	names_done(&names);
	return code;
}

enum tsn_code
tsn_walk(struct tsn_walk *w, const char *root, struct tsn_err *err)
{
	struct state s = {.w = w};
	struct tsn_file_info info;

	w->hidden = 0;
	w->files = 0;
	TSN_TRY(tsn_file_stat_path(root, &info, err));
	if (info.kind != TSN_FILE_DIR)
		TSN_FAIL(err, TSN_EINVAL, "%s: not a folder", root);
	s.above[0] = (struct level){info.dev, info.ino};
	return folder(&s, root, 1, err);
}
