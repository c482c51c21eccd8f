/* Inputs stdin and generator; outputs stdout, file and null. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "os/file.h"
#include "pipeline/impl_int.h"
#include "pipeline/lines_int.h"

static void
add_host(struct tsn_pinst *in, struct tsn_pev *ev, const char *name)
{
	struct tsn_pv host;

	if (tsn_pev_find(ev, TSN_SLICE("host")) != NULL || in->pl->env.host.len == 0)
		return;
	if (!tsn_pi_ecs(in)) {
		(void)tsn_pev_put(ev, TSN_SLICE("host"), tsn_pv_str(in->pl->env.host));
	} else if (tsn_pv_map_new(ev->arena, &host) && tsn_pv_map_put(ev->arena, host.as.map,
	    tsn_slice_cstr(name), tsn_pv_str(in->pl->env.host))) {
		(void)tsn_pev_put(ev, TSN_SLICE("host"), host);
	}
}

static enum tsn_code
stdin_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct tsn_plines *l = tsn_pi_alloc(in, 1, sizeof *l);

	in->state = l;
	if (l == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	tsn_plines_init(l, TSN_SLICE("\n"));
	return tsn_file_open(&tsn_file_system, "-", &l->file, err);
}

static void
stdin_close(struct tsn_pinst *in)
{
	if (in->state != NULL)
		tsn_plines_done(in->state);
}

static enum tsn_code
stdin_step(struct tsn_pinst *in, enum tsn_pstep *ret, struct tsn_err *err)
{
	return tsn_plines_step(in->state, in, true, ret, err);
}

static void
stdin_decorate(struct tsn_pinst *in, struct tsn_pev *ev)
{
	add_host(in, ev, "hostname");
}

const struct tsn_pinput tsn_input_stdin = {.codec = "line", .open = stdin_open,
    .close = stdin_close, .step = stdin_step, .decorate = stdin_decorate};

struct generator {
	const struct tsn_conf_value *lines;
	uint32_t line_count, at;
	uint64_t round, rounds;		/* rounds 0: for ever */
	struct tsn_slice message;
};

static enum tsn_code
generator_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct generator *g = tsn_pi_alloc(in, 1, sizeof *g);
	double count = tsn_pi_num(in, "count", 0);

	in->state = g;
	if (g == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	g->lines = tsn_pi_list(in, "lines", &g->line_count);
	g->message = tsn_pi_str(in, "message", "Hello world!");
	g->rounds = count > 0 && count < 1e18 ? (uint64_t)count : 0;
	return TSN_OK;
}

static enum tsn_code
generator_step(struct tsn_pinst *in, enum tsn_pstep *ret, struct tsn_err *err)
{
	struct generator *g = in->state;

	for (unsigned i = 0; i < 256; i++) {
		if (g->rounds > 0 && g->round >= g->rounds) {
			*ret = TSN_PSTEP_END;
			return TSN_OK;
		}
		TSN_TRY(tsn_pl_record(in, g->line_count > 0 ? g->lines[g->at].text : g->message, err));
		if (++g->at >= g->line_count) {
			g->at = 0;
			g->round++;
		}
	}
	*ret = TSN_PSTEP_MORE;
	return TSN_OK;
}

static void
generator_decorate(struct tsn_pinst *in, struct tsn_pev *ev)
{
	const struct generator *g = in->state;
	struct tsn_pref ref;
	bool ecs = tsn_pi_ecs(in);

	add_host(in, ev, "name");
	if (tsn_pref_parse(ev->arena, ecs ? TSN_SLICE("[event][sequence]") :
	    TSN_SLICE("sequence"), &ref))
		(void)tsn_pev_set(ev, &ref, tsn_pv_int((int64_t)g->round));
}

const struct tsn_pinput tsn_input_generator = {.codec = "plain", .open = generator_open,
    .step = generator_step, .decorate = generator_decorate};

static enum tsn_code
stdout_write(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_err *err)
{
	tsn_buf_reset(&in->pl->out);
	in->codec->desc->codec->encode(in->codec, ev, &in->pl->out);
	if (tsn_buf_check(&in->pl->out) != TSN_OK)
		TSN_FAIL(err, TSN_ELIMIT, "output stdout: the event is too large");
	return in->pl->env.out(in->pl->env.ctx, tsn_buf_get(&in->pl->out), err);
}

const struct tsn_poutput tsn_output_stdout = {.codec = "rubydebug", .vital = true,
    .write = stdout_write};

static enum tsn_code
null_write(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_err *err)
{
	(void)in;
	(void)ev;
	(void)err;
	return TSN_OK;
}

const struct tsn_poutput tsn_output_null = {.write = null_write};

#define OPEN_MAX 64u
#define PATH_BYTES_MAX 4096u

struct out_file {
	char *path;
	int fd;
	gzFile gz;
	struct tsn_buf held;
	uint64_t used;
};

struct out_files {
	struct tsn_tmpl path;
	struct out_file files[OPEN_MAX];
	uint32_t count;
	uint64_t clock;
	bool gzip, overwrite, flush_each;
	mode_t file_mode, dir_mode;
	struct tsn_slice root;		/* of the path, up to its first %{ */
};

static mode_t
mode_option(struct tsn_pinst *in, const char *name, mode_t dflt)
{
	double d = tsn_pi_num(in, name, -1);

	return d < 0 || d > 4095 ? dflt : (mode_t)d;
}

static enum tsn_code
file_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct out_files *f = tsn_pi_alloc(in, 1, sizeof *f);
	struct tsn_slice path = tsn_pi_str(in, "path", "");
	size_t dynamic;

	in->state = f;
	if (f == NULL || !tsn_tmpl_parse(&in->pl->conf->arena, path, &f->path))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	f->gzip = tsn_pi_bool(in, "gzip", false);
	f->overwrite = tsn_slice_eq(tsn_pi_str(in, "write_behavior", "append"), TSN_SLICE("overwrite"));
	f->flush_each = tsn_pi_num(in, "flush_interval", 2) <= 0;
	f->file_mode = mode_option(in, "file_mode", 0640);
	f->dir_mode = mode_option(in, "dir_mode", 0750);
	dynamic = tsn_slice_find(path, TSN_SLICE("%{"));
	f->root = tsn_slice_of(path.ptr, dynamic == SIZE_MAX ? path.len : dynamic);
	if (path.len == 0 || dynamic == 0)
		return tsn_pi_fail(in, err, "option \"path\": expected a path that begins with a folder");
	return TSN_OK;
}

static enum tsn_code
flush_file(struct out_file *o, struct tsn_err *err)
{
	size_t at = 0;

	if (tsn_buf_check(&o->held) != TSN_OK)
		TSN_FAIL(err, TSN_ELIMIT, "output file: out of memory for %s", o->path);
	while (at < o->held.len) {
		ssize_t n;

		if (o->gz != NULL)
			n = gzwrite(o->gz, o->held.ptr + at, (unsigned)(o->held.len - at));
		else
			n = tsn_file_system.write(o->fd, o->held.ptr + at, o->held.len - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			TSN_FAIL(err, TSN_EIO, "output file: cannot write %s: %s", o->path, strerror(errno));
		at += (size_t)n;
	}
	tsn_buf_reset(&o->held);
	if (o->gz != NULL && gzflush(o->gz, Z_SYNC_FLUSH) != Z_OK)
		TSN_FAIL(err, TSN_EIO, "output file: cannot write %s", o->path);
	return TSN_OK;
}

static enum tsn_code
close_file(struct out_file *o, struct tsn_err *err)
{
	enum tsn_code code = flush_file(o, err);

	if (o->gz != NULL)
		(void)gzclose(o->gz);
	else
		(void)tsn_file_system.close(o->fd);
	tsn_buf_done(&o->held);
	free(o->path);
	return code;
}

static void
make_folders(const char *path, mode_t mode)
{
	char part[PATH_BYTES_MAX];

	for (size_t i = 0; i < sizeof part - 1 && path[i] != '\0'; i++) {
		part[i] = path[i];
		if (path[i] == '/' && i > 0) {
			part[i] = '\0';
			(void)mkdir(part, mode);
			part[i] = '/';
		}
	}
}

/* a field's text may not lead out of the folder that the configuration names */
static bool
stays_inside(struct tsn_slice path)
{
	for (size_t i = 0; i + 1 < path.len; i++)
		if (path.ptr[i] == '.' && path.ptr[i + 1] == '.' && (i == 0 || path.ptr[i - 1] == '/') &&
		    (i + 2 == path.len || path.ptr[i + 2] == '/'))
			return false;
	return memchr(path.ptr, '\0', path.len) == NULL;
}

static enum tsn_code
new_file(struct out_files *f, const char *path, struct out_file *o, struct tsn_err *err)
{
	*o = (struct out_file){.path = strdup(path)};
	if (o->path == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	make_folders(path, f->dir_mode);
	o->fd = tsn_file_system.open(path, O_WRONLY | O_CREAT | O_CLOEXEC |
	    (f->overwrite ? O_TRUNC : O_APPEND), f->file_mode);
	if (o->fd >= 0 && f->gzip)
		o->gz = gzdopen(o->fd, "ab");
	if (o->fd < 0 || (f->gzip && o->gz == NULL)) {
		enum tsn_code code = TSN_ERR(err, errno == EACCES ? TSN_EDENIED : TSN_EIO,
		    "output file: cannot write %s: %s", path, strerror(errno));

		if (o->fd >= 0)
			(void)tsn_file_system.close(o->fd);
		free(o->path);
		return code;
	}
	tsn_buf_init(&o->held, TSN_PL_BYTES_MAX);
	return TSN_OK;
}

static enum tsn_code
find_file(struct out_files *f, const char *path, struct out_file **ret, struct tsn_err *err)
{
	struct out_file *oldest = &f->files[0];

	for (uint32_t i = 0; i < f->count; i++) {
		if (strcmp(f->files[i].path, path) == 0) {
			*ret = &f->files[i];
			return TSN_OK;
		}
		if (f->files[i].used < oldest->used)
			oldest = &f->files[i];
	}
	if (f->count == OPEN_MAX) {
		struct out_file closing = *oldest;

		*oldest = f->files[--f->count];
		TSN_TRY(close_file(&closing, err));
	}
	TSN_TRY(new_file(f, path, &f->files[f->count], err));
	*ret = &f->files[f->count++];
	return TSN_OK;
}

static enum tsn_code
file_write(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_err *err)
{
	struct out_files *f = in->state;
	struct tsn_slice path = tsn_tmpl_text(&f->path, ev);
	struct out_file *o;
	struct tsn_pv failed = tsn_pv_str(tsn_pi_str(in, "filename_failure", "_filepath_failures"));

	if (path.ptr == NULL || path.len >= PATH_BYTES_MAX)
		TSN_FAIL(err, TSN_ELIMIT, "output file: the path is too long");
	if (!stays_inside(path)) {
		struct tsn_buf b;

		tsn_buf_init(&b, PATH_BYTES_MAX);
		tsn_buf_slice(&b, f->root);
		while (b.len > 0 && b.ptr[b.len - 1] != '/')
			b.len--;
		tsn_buf_slice(&b, failed.as.str);
		path = tsn_pl_keep(ev, &b);
	}
	path = path.ptr == NULL ? path : tsn_arena_dup(ev->arena, path);
	if (path.ptr == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "output file: out of memory");
	TSN_TRY(find_file(f, path.ptr, &o, err));
	o->used = ++f->clock;
	in->codec->desc->codec->encode(in->codec, ev, &o->held);
	return f->flush_each || o->held.len > 65536 ? flush_file(o, err) : TSN_OK;
}

static enum tsn_code
file_flush(struct tsn_pinst *in, bool *ret_settled, struct tsn_err *err)
{
	struct out_files *f = in->state;

	(void)ret_settled;

	for (uint32_t i = 0; i < f->count; i++)
		TSN_TRY(flush_file(&f->files[i], err));
	return TSN_OK;
}

static void
file_close(struct tsn_pinst *in)
{
	struct out_files *f = in->state;

	while (f != NULL && f->count > 0)
		(void)close_file(&f->files[--f->count], NULL);
}

const struct tsn_poutput tsn_output_file = {.codec = "json_lines", .open = file_open,
    .close = file_close, .write = file_write, .flush = file_flush};
