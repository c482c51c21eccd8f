#include "collect/tail.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "collect/follow.h"
#include "collect/sniff.h"
#include "os/clock.h"
#include "os/walk.h"

#define RESCAN_NS (TSN_NS_PER_SEC / 2)
/* A file without a name is read on for so long: its writer may still hold it open. */
#define GRACE_NS (5 * TSN_NS_PER_SEC)
#define IDLE_NS TSN_NS_PER_SEC
#define TURN_BYTES (1u << 20)

struct item {
	uint64_t dev, ino;
	struct tsn_follow *follow;	/* NULL: left out */
	uint64_t left_size;		/* left out at this size */
	int64_t active_ns;
	int64_t gone_ns;		/* since when no pattern finds it; 0: found */
	uint64_t told;			/* when it told a range last, in tail->tellings */
	bool seen;
	bool failed;			/* a read error was said */
};

struct tsn_tail {
	struct tsn_tail_options o;
	char **patterns;
	char *kind;
	char *piece;			/* what is being read, of one file at a time */
	struct item *items;
	uint32_t count, cap;
	int64_t scanned_ns;
	uint64_t tellings;
	bool first_scan;
	struct tsn_tail_stats stats;
};

enum tsn_code
tsn_tail_open(const struct tsn_tail_options *options, struct tsn_tail **ret_tail,
    struct tsn_err *err)
{
	struct tsn_tail *t = calloc(1, sizeof *t);

	if (t == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	t->o = *options;
	t->first_scan = true;
	t->patterns = calloc(options->pattern_count, sizeof(*t->patterns));
	t->kind = strndup(options->kind.len > 0 ? options->kind.ptr : "", options->kind.len);
	for (size_t i = 0; t->patterns != NULL && i < options->pattern_count; i++) {
		t->patterns[i] = strdup(options->patterns[i]);
		if (t->patterns[i] == NULL)
			t->kind = NULL;
	}
	t->piece = malloc(TSN_FOLLOW_PIECE_BYTES);
	if (t->patterns == NULL || t->kind == NULL || t->piece == NULL) {
		tsn_tail_close(t);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	t->o.kind = tsn_slice_cstr(t->kind);
	*ret_tail = t;
	return TSN_OK;
}

void
tsn_tail_close(struct tsn_tail *t)
{
	if (t == NULL)
		return;
	for (uint32_t i = 0; i < t->count; i++)
		tsn_follow_close(t->items[i].follow);
	for (size_t i = 0; t->patterns != NULL && i < t->o.pattern_count; i++)
		free(t->patterns[i]);
	free(t->patterns);
	free(t->kind);
	free(t->piece);
	free(t->items);
	free(t);
}

static void
say(struct tsn_tail *t, const char *line)
{
	t->o.sink->say(t->o.sink->ctx, line);
}

static struct item *
find_item(struct tsn_tail *t, uint64_t dev, uint64_t ino)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (t->items[i].ino == ino && t->items[i].dev == dev)
			return &t->items[i];
	return NULL;
}

static struct item *
add_item(struct tsn_tail *t, const struct tsn_file_info *info)
{
	if (t->count == TSN_TAIL_FILES_MAX)
		return NULL;
	if (t->count == t->cap) {
		uint32_t cap = t->cap == 0 ? 16 : t->cap * 2;
		struct item *items = reallocarray(t->items, cap, sizeof *items);

		if (items == NULL)
			return NULL;
		t->items = items;
		t->cap = cap;
	}
	t->items[t->count] = (struct item){.dev = info->dev, .ino = info->ino, .seen = true};
	return &t->items[t->count++];
}

static const struct tsn_source *
source_for(struct tsn_tail *t, struct tsn_slice path)
{
	struct tsn_source like = {
		.path = path, .kind = t->o.kind, .tz_offset_sec = t->o.tz_offset_sec};

	return t->o.sink->source(t->o.sink->ctx, &like, path);
}

/* Do the store's ranges of `name` say that this file was read under that name? */
static bool
was_read_as(struct tsn_tail *t, const char *path, const struct tsn_file_info *info,
    struct tsn_slice name)
{
	const struct tsn_store_range *ranges;
	struct tsn_file file;
	uint64_t offset, line;
	size_t count = 0;
	bool found;

	ranges = t->o.sink->ranges(t->o.sink->ctx, name, &count);
	if (count == 0 || info->size == 0 || tsn_file_open(t->o.ops, path, &file, NULL) != TSN_OK)
		return false;
	found = tsn_follow_find(&file, info->size, ranges, count, &offset, &line, NULL) == TSN_OK;
	tsn_file_close(&file);
	return found;
}

/*
 * "auth.log.1" and "auth.log-20261121" may be what "auth.log" was: their names are cut at each '.'
 * and '-' behind the folder, longest first.
 */
static struct tsn_slice
former_name(struct tsn_tail *t, const char *path, const struct tsn_file_info *info)
{
	struct tsn_slice whole = tsn_slice_cstr(path);
	size_t folder = whole.len;

	while (folder > 0 && path[folder - 1] != '/')
		folder--;
	if (was_read_as(t, path, info, whole))
		return whole;
	for (size_t i = whole.len; i-- > folder + 1;) {
		struct tsn_slice name = tsn_slice_of(path, i);

		if ((path[i] == '.' || path[i] == '-') && was_read_as(t, path, info, name))
			return name;
	}
	return whole;
}

/* Said once per file: left-out files keep their place in the list. */
static void
leave_out(struct tsn_tail *t, struct item *item, const char *path, const char *why)
{
	char shown[256], line[512];

	(void)tsn_slice_escape(tsn_slice_cstr(path), shown, sizeof shown);
	(void)snprintf(line, sizeof line, "%s: not followed: %s", shown, why);
	say(t, line);
	t->stats.left_out++;
	item->follow = NULL;
}

/* Since when a name is followed: the time in the empty range of its source, 0 when it is not. */
static int64_t
followed_since(struct tsn_tail *t, struct tsn_slice name)
{
	size_t count = 0;
	const struct tsn_store_range *ranges = t->o.sink->ranges(t->o.sink->ctx, name, &count);

	for (size_t i = 0; i < count; i++)
		if (ranges[i].end == ranges[i].begin)
			return (int64_t)ranges[i].hash;
	return 0;
}

static enum tsn_code
mark_followed(struct tsn_tail *t, struct tsn_slice name)
{
	struct tsn_store_range mark = {.source = name, .hash = (uint64_t)tsn_clock_real_ns()};

	if (followed_since(t, name) != 0)
		return TSN_OK;
	return t->o.sink->range(t->o.sink->ctx, &mark);
}

static enum tsn_code
begin_file(struct tsn_tail *t, struct item *item, const char *path,
    const struct tsn_file_info *info, struct tsn_slice name, struct tsn_err *err)
{
	struct tsn_follow_options o = {.ops = t->o.ops, .sink = t->o.sink, .path = path,
		.piece = t->piece, .at_end = t->o.at_end && t->first_scan};
	enum tsn_code code;
	struct tsn_err why;

	o.source = source_for(t, name);
	if (o.source == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	item->left_size = info->size;
	code = tsn_follow_open(&o, &item->follow, &why);
	if (code == TSN_ENOMEM)
		TSN_FAIL(err, code, "out of memory");
	if (code != TSN_OK) {
		leave_out(t, item, path, why.msg);
		return TSN_OK;
	}
	t->stats.opened++;
	return mark_followed(t, name);
}

/* Compressed files are finished logs: import reads them. */
static const char *
why_not(struct tsn_tail *t, const char *path, const struct tsn_file_info *info,
    struct tsn_err *why)
{
	struct tsn_file file;
	char bytes[512];
	size_t len;

	if (info->kind != TSN_FILE_REGULAR)
		return "not a regular file";
	if (tsn_file_open(t->o.ops, path, &file, why) != TSN_OK)
		return why->msg;
	if (tsn_file_pread(&file, bytes, sizeof bytes, 0, &len, why) != TSN_OK) {
		tsn_file_close(&file);
		return why->msg;
	}
	tsn_file_close(&file);
	if (tsn_slice_starts(tsn_slice_of(bytes, len), TSN_SLICE("\x1f\x8b")) ||
	    tsn_slice_starts(tsn_slice_of(bytes, len), TSN_SLICE("\x28\xb5\x2f\xfd")) ||
	    tsn_slice_starts(tsn_slice_of(bytes, len), TSN_SLICE("\xfd" "7zXZ")))
		return "compressed (tocsin import reads it)";
	return tsn_sniff(tsn_slice_of(bytes, len));
}

static enum tsn_code
consider(struct tsn_tail *t, const char *path, struct tsn_err *err)
{
	struct tsn_file_info info;
	struct item *item;
	struct tsn_err why;
	const char *no;

	if (tsn_file_stat_path(path, &info, &why) != TSN_OK)
		return TSN_OK;		/* gone since the pattern found it */
	item = find_item(t, info.dev, info.ino);
	if (item != NULL && (item->follow != NULL || info.size == item->left_size)) {
		item->seen = true;
		return TSN_OK;
	}
	if (info.size == 0 && item == NULL && !t->first_scan && info.kind == TSN_FILE_REGULAR)
		return TSN_OK;		/* nothing to see yet */
	if (item == NULL)
		item = add_item(t, &info);
	if (item == NULL)
		return TSN_OK;		/* as many as there may be; tried again at the next scan */
	item->seen = true;
	no = why_not(t, path, &info, &why);
	if (no != NULL) {
		if (item->left_size == 0)
			leave_out(t, item, path, no);
		item->left_size = info.size;
		return TSN_OK;
	}
	return begin_file(t, item, path, &info, former_name(t, path, &info), err);
}

/*
 * At start: the file under a name we know may be another one than we read.  What we read may stand
 * beside it under a longer name, not read to its end, and files that came and went in between too;
 * no pattern need find them.  What is older than our acquaintance with the name is not ours.
 */
static enum tsn_code
look_beside(struct tsn_tail *t, const char *path, struct tsn_err *err)
{
	char pattern[4096];
	glob_t found;
	enum tsn_code code = TSN_OK;
	int64_t since = followed_since(t, tsn_slice_cstr(path));

	if (since == 0 || strpbrk(path, "*?[{\\") != NULL ||
	    snprintf(pattern, sizeof pattern, "%s[.-]*", path) >= (int)sizeof pattern)
		return TSN_OK;
	if (glob(pattern, 0, NULL, &found) != 0)
		return TSN_OK;
	for (size_t i = 0; i < found.gl_pathc && code == TSN_OK; i++) {
		struct tsn_file_info info;
		struct tsn_err why;
		struct item *item;

		if (tsn_file_stat_path(found.gl_pathv[i], &info, NULL) != TSN_OK ||
		    info.mtime_ns < since || find_item(t, info.dev, info.ino) != NULL ||
		    why_not(t, found.gl_pathv[i], &info, &why) != NULL)
			continue;
		item = add_item(t, &info);
		if (item != NULL)
			code = begin_file(t, item, found.gl_pathv[i], &info, tsn_slice_cstr(path), err);
	}
	globfree(&found);
	return code;
}

static enum tsn_code
scan_pattern(struct tsn_tail *t, const char *pattern, struct tsn_err *err)
{
	glob_t found;
	enum tsn_code code = TSN_OK;
	int rc = glob(pattern, GLOB_BRACE, NULL, &found);

	if (rc == GLOB_NOSPACE)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (rc != 0)
		return TSN_OK;
	for (size_t i = 0; i < found.gl_pathc && code == TSN_OK; i++) {
		if (t->first_scan)
			code = look_beside(t, found.gl_pathv[i], err);
		if (code == TSN_OK)
			code = consider(t, found.gl_pathv[i], err);
	}
	globfree(&found);
	return code;
}

static enum tsn_code
scan(struct tsn_tail *t, int64_t mono_ns, struct tsn_err *err)
{
	t->scanned_ns = mono_ns;
	for (uint32_t i = 0; i < t->count; i++)
		t->items[i].seen = false;
	for (size_t i = 0; i < t->o.pattern_count; i++)
		TSN_TRY(scan_pattern(t, t->patterns[i], err));
	t->first_scan = false;
	for (uint32_t i = 0; i < t->count; i++) {
		if (t->items[i].seen)
			t->items[i].gone_ns = 0;
		else if (t->items[i].gone_ns == 0)
			t->items[i].gone_ns = mono_ns;
	}
	return TSN_OK;
}

/* Has another file of the same source told a range since this one did? */
static bool
stands_apart(const struct tsn_tail *t, const struct item *item)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (&t->items[i] != item && t->items[i].follow != NULL &&
		    tsn_follow_source(t->items[i].follow) == tsn_follow_source(item->follow) &&
		    t->items[i].told > item->told)
			return true;
	return false;
}

static enum tsn_code
tell_range(struct tsn_tail *t, struct item *item, struct tsn_err *err)
{
	bool told;

	TSN_TRY(tsn_follow_range(item->follow, stands_apart(t, item), &told, err));
	if (told)
		item->told = ++t->tellings;
	return TSN_OK;
}

static enum tsn_code
finish_item(struct tsn_tail *t, struct item *item, struct tsn_err *err)
{
	if (item->follow != NULL) {
		TSN_TRY(tsn_follow_end(item->follow, err));
		TSN_TRY(tell_range(t, item, err));
		t->stats.finished++;
		t->stats.restarts += tsn_follow_restarts(item->follow);
		tsn_follow_close(item->follow);
	}
	*item = t->items[--t->count];
	return TSN_OK;
}

static enum tsn_code
read_item(struct tsn_tail *t, struct item *item, int64_t mono_ns, bool *more, struct tsn_err *err)
{
	const struct tsn_sink *sink = t->o.sink;
	uint64_t before = tsn_follow_offset(item->follow), size;
	struct tsn_err why;
	enum tsn_code code = tsn_follow_read(item->follow, TURN_BYTES, &why);

	if (code == TSN_EIO || code == TSN_EDENIED) {
		if (!item->failed)
			say(t, why.msg);
		item->failed = true;
		return TSN_OK;
	}
	if (code != TSN_OK && code != TSN_EAGAIN) {
		if (err != NULL)
			*err = why;
		return code;
	}
	item->failed = false;
	*more |= code == TSN_OK;
	if (tsn_follow_offset(item->follow) != before)
		item->active_ns = mono_ns;
	else if (mono_ns - item->active_ns >= IDLE_NS)
		TSN_TRY(tsn_follow_idle(item->follow, err));
	size = tsn_follow_info(item->follow)->size;
	before = tsn_follow_offset(item->follow);
	sink->lag(sink->ctx, tsn_follow_source(item->follow), size > before ? size - before : 0);
	return TSN_OK;
}

enum tsn_code
tsn_tail_turn(struct tsn_tail *t, int64_t mono_ns, bool *ret_more, struct tsn_err *err)
{
	bool more = false;

	if (t->first_scan || mono_ns - t->scanned_ns >= RESCAN_NS)
		TSN_TRY(scan(t, mono_ns, err));
	for (uint32_t i = 0; i < t->count;) {
		struct item *item = &t->items[i];
		bool item_more = false;

		if (item->follow != NULL)
			TSN_TRY(read_item(t, item, mono_ns, &item_more, err));
		more |= item_more;
		if (!item_more && item->gone_ns != 0 && mono_ns - item->gone_ns >= GRACE_NS &&
		    mono_ns - item->active_ns >= GRACE_NS)
			TSN_TRY(finish_item(t, item, err));
		else
			i++;
	}
	*ret_more = more;
	return TSN_OK;
}

enum tsn_code
tsn_tail_ranges(struct tsn_tail *t, struct tsn_err *err)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (t->items[i].follow != NULL)
			TSN_TRY(tell_range(t, &t->items[i], err));
	return TSN_OK;
}

struct tsn_tail_stats
tsn_tail_stats_get(const struct tsn_tail *t)
{
	struct tsn_tail_stats s = t->stats;

	for (uint32_t i = 0; i < t->count; i++)
		if (t->items[i].follow != NULL) {
			s.files++;
			s.restarts += tsn_follow_restarts(t->items[i].follow);
		}
	return s;
}
