/*
 * Input file: the files of its paths (with wildcards), read from the beginning or from their end,
 * and followed as they grow.  Places are remembered by device and inode in the sincedb, when
 * sincedb_path names one.
 */
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "pipeline/impl_int.h"
#include "pipeline/lines_int.h"

#define FILES_MAX 4096u
#define SINCEDB_MAX (4u << 20)

struct in_file {
	struct tsn_plines lines;
	uint64_t dev, ino, start;	/* start: byte at which reading began */
	struct tsn_slice path;
	bool ended;
};

struct in_files {
	struct in_file *files[FILES_MAX];
	uint32_t count;
	struct in_file *current;
	bool beginning, read_mode, looked, exit_after;
	char *sincedb;
	struct tsn_buf known;		/* the sincedb as it was read */
	uint64_t rounds;
};

static enum tsn_code
in_file_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct in_files *f = calloc(1, sizeof *f);
	struct tsn_slice db = tsn_pi_str(in, "sincedb_path", "");

	in->state = f;
	if (f == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	tsn_buf_init(&f->known, SINCEDB_MAX);
	f->read_mode = tsn_slice_eq(tsn_pi_str(in, "mode", "tail"), TSN_SLICE("read"));
	f->beginning = f->read_mode ||
	    tsn_slice_eq(tsn_pi_str(in, "start_position", "end"), TSN_SLICE("beginning"));
	f->exit_after = f->read_mode && tsn_pi_bool(in, "exit_after_read", false);
	if (db.len > 0 && !tsn_slice_eq(db, TSN_SLICE("/dev/null"))) {
		enum tsn_code code;

		f->sincedb = strndup(db.ptr, db.len);
		if (f->sincedb == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		code = tsn_file_read_all(&tsn_file_system, f->sincedb, &f->known, err);
		if (code != TSN_OK && code != TSN_ENOTFOUND)
			return code;
	}
	return TSN_OK;
}

/* "INODE MAJOR-OR-DEVICE 0 OFFSET" lines; SIZE_MAX: not known */
static uint64_t
known_offset(const struct in_files *f, uint64_t dev, uint64_t ino)
{
	struct tsn_slice rest = tsn_buf_get(&f->known);

	while (rest.len > 0) {
		size_t end = tsn_slice_find_char(rest, '\n');
		struct tsn_slice line = tsn_slice_of(rest.ptr, end == SIZE_MAX ? rest.len : end);
		uint64_t v[4] = {0};
		unsigned n = 0;

		rest = tsn_slice_from(rest, line.len + 1);
		while (n < 4 && line.len > 0) {
			size_t blank = tsn_slice_find_char(line, ' ');
			struct tsn_slice word = tsn_slice_of(line.ptr, blank == SIZE_MAX ? line.len : blank);

			if (tsn_num_parse_u64(word, &v[n]) != TSN_OK)
				break;
			line = tsn_slice_from(line, word.len + 1);
			n++;
		}
		if (n == 4 && v[0] == ino && v[1] == dev)
			return v[3];
	}
	return UINT64_MAX;
}

static enum tsn_code
remember(struct in_files *f, struct tsn_err *err)
{
	struct tsn_buf b;
	enum tsn_code code;

	if (f->sincedb == NULL)
		return TSN_OK;
	tsn_buf_init(&b, SINCEDB_MAX);
	for (uint32_t i = 0; i < f->count; i++) {
		const struct in_file *g = f->files[i];

		tsn_buf_printf(&b, "%llu %llu 0 %llu %.*s\n", (unsigned long long)g->ino,
		    (unsigned long long)g->dev, (unsigned long long)(g->start + g->lines.safe),
		    TSN_SLICE_ARG(g->path));
	}
	code = tsn_buf_check(&b) != TSN_OK ? TSN_ERR(err, TSN_ELIMIT, "the sincedb is too large") :
	    tsn_file_write_atomic(&tsn_file_system, f->sincedb, tsn_buf_get(&b), 0600, err);
	tsn_buf_done(&b);
	return code;
}

static void
in_file_close(struct tsn_pinst *in)
{
	struct in_files *f = in->state;

	if (f == NULL)
		return;
	for (uint32_t i = 0; i < f->count; i++) {
		tsn_plines_done(&f->files[i]->lines);
		free(f->files[i]);
	}
	tsn_buf_done(&f->known);
	free(f->sincedb);
	free(f);
}

static enum tsn_code
add_file(struct tsn_pinst *in, const char *path, struct tsn_err *err)
{
	struct in_files *f = in->state;
	struct tsn_file_info info;
	struct in_file *g;
	struct tsn_slice delimiter = tsn_pi_str(in, "delimiter", "\n");
	uint64_t offset;
	enum tsn_code code;

	if (tsn_file_stat_path(path, &info, NULL) != TSN_OK || info.kind != TSN_FILE_REGULAR ||
	    f->count == FILES_MAX)
		return TSN_OK;
	for (uint32_t i = 0; i < f->count; i++)
		if (f->files[i]->ino == info.ino && f->files[i]->dev == info.dev)
			return TSN_OK;
	g = calloc(1, sizeof *g);
	if (g == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	tsn_plines_init(&g->lines, tsn_slice_eq(delimiter, TSN_SLICE("\\n")) ? TSN_SLICE("\n") :
	    delimiter);
	g->dev = info.dev;
	g->ino = info.ino;
	g->path = tsn_arena_dup(&in->pl->conf->arena, tsn_slice_cstr(path));
	code = tsn_file_open(&tsn_file_system, path, &g->lines.file, err);
	if (code != TSN_OK || g->path.ptr == NULL) {
		tsn_plines_done(&g->lines);
		free(g);
		return code == TSN_OK ? TSN_ENOMEM : code;
	}
	offset = known_offset(f, g->dev, g->ino);
	/* a file that was not there at the start is new: all of it counts */
	g->start = offset <= info.size ? offset : f->beginning || f->looked ? 0 : info.size;
	f->files[f->count++] = g;
	return TSN_OK;
}

static enum tsn_code
look(struct tsn_pinst *in, struct tsn_err *err)
{
	struct in_files *f = in->state;
	uint32_t count;
	const struct tsn_conf_value *items = tsn_pi_list(in, "path", &count);
	enum tsn_code code = TSN_OK;

	for (uint32_t i = 0; i < count && code == TSN_OK; i++) {
		struct tsn_slice pattern = tsn_arena_dup(&in->pl->arena, items[i].text);
		glob_t found = {0};

		if (pattern.ptr == NULL)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		if (glob(pattern.ptr, 0, NULL, &found) == 0)
			for (size_t j = 0; j < found.gl_pathc && code == TSN_OK; j++)
				code = add_file(in, found.gl_pathv[j], err);
		globfree(&found);
	}
	f->looked = true;
	return code;
}

/* one block of one file; a file that became shorter is read anew */
static enum tsn_code
read_file(struct tsn_pinst *in, struct in_file *g, enum tsn_pstep *ret, struct tsn_err *err)
{
	struct in_files *f = in->state;
	struct tsn_file_info info;

	TSN_TRY(tsn_file_stat(&g->lines.file, &info, err));
	if (info.size < g->start + g->lines.given) {
		g->start = g->lines.given = g->lines.safe = 0;
		g->lines.looked = 0;
		tsn_buf_reset(&g->lines.held);
	}
	g->lines.seek = true;
	g->lines.from = g->start + g->lines.given + g->lines.held.len;
	if (info.size <= g->lines.from && !f->read_mode) {
		*ret = TSN_PSTEP_IDLE;
		return TSN_OK;
	}
	/* what the codec holds is another file's */
	if (f->current != NULL && f->current != g)
		TSN_TRY(tsn_pl_finish(in, err));
	f->current = g;
	return tsn_plines_step(&g->lines, in, f->read_mode, ret, err);
}

static enum tsn_code
in_file_step(struct tsn_pinst *in, enum tsn_pstep *ret, struct tsn_err *err)
{
	struct in_files *f = in->state;
	bool more = false, all = true;

	/* new files are looked for about every fifteen seconds of idle rounds */
	if (f->rounds++ % 150 == 0)
		TSN_TRY(look(in, err));
	for (uint32_t i = 0; i < f->count; i++) {
		enum tsn_pstep step;

		if (f->files[i]->ended)
			continue;
		do
			TSN_TRY(read_file(in, f->files[i], &step, err));
		while (step == TSN_PSTEP_MORE && f->read_mode && !in->pl->env.stop(in->pl->env.ctx));
		if (step == TSN_PSTEP_END)
			TSN_TRY(tsn_pl_finish(in, err));
		more |= step == TSN_PSTEP_MORE;
		f->files[i]->ended = step == TSN_PSTEP_END;
		all &= f->files[i]->ended;
	}
	*ret = more ? TSN_PSTEP_MORE : f->exit_after && all ? TSN_PSTEP_END : TSN_PSTEP_IDLE;
	return TSN_OK;
}

/* Everything up to here has left the outputs for good. */
static enum tsn_code
in_file_settled(struct tsn_pinst *in, struct tsn_err *err)
{
	struct in_files *f = in->state;

	for (uint32_t i = 0; i < f->count && !tsn_pl_holds(in); i++)
		f->files[i]->lines.safe = f->files[i]->lines.given;
	return remember(f, err);
}

static void
in_file_decorate(struct tsn_pinst *in, struct tsn_pev *ev)
{
	const struct in_files *f = in->state;
	bool ecs = tsn_pi_ecs(in);
	struct tsn_pref ref;

	if (f->current != NULL) {
		ev->placed = true;
		ev->offset = f->current->start + f->current->lines.event_at;
	}
	if (f->current != NULL && tsn_pref_parse(ev->arena, ecs ? TSN_SLICE("[log][file][path]") :
	    TSN_SLICE("path"), &ref) && tsn_pev_get(ev, &ref) == NULL)
		(void)tsn_pev_set(ev, &ref, tsn_pv_str(f->current->path));
	if (in->pl->env.host.len > 0 && tsn_pref_parse(ev->arena, ecs ? TSN_SLICE("[host][name]") :
	    TSN_SLICE("host"), &ref) && tsn_pev_get(ev, &ref) == NULL)
		(void)tsn_pev_set(ev, &ref, tsn_pv_str(in->pl->env.host));
}

const struct tsn_pinput tsn_input_file = {.codec = "plain", .open = in_file_open,
    .close = in_file_close, .step = in_file_step, .decorate = in_file_decorate,
    .settled = in_file_settled};
