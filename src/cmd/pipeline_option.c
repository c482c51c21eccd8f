#include "cmd/pipeline_option.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"

static const char *
variable(void *ctx, const char *name)
{
	const char *value = getenv(name);

	return value != NULL ? value : tsn_pl_keys_find(ctx, name);
}

enum tsn_code
tsn_cmd_pipeline_load(const char *path, const char *key_file, struct tsn_conf *ret_conf,
    struct tsn_err *err)
{
	struct tsn_pl_keys keys = {0};
	struct tsn_buf text;
	enum tsn_code code;

	if (key_file == NULL)
		key_file = getenv("TOCSIN_KEYS");
	if (key_file != NULL)
		TSN_TRY(tsn_pl_keys_load(&keys, key_file, err));
	tsn_buf_init(&text, TSN_CONF_BYTES_MAX + 1);
	code = tsn_file_read_all(&tsn_file_system, path, &text, err);
	if (code == TSN_OK)
		code = tsn_conf_parse(tsn_slice_cstr(path), tsn_buf_get(&text), variable, &keys,
		    ret_conf, err);
	tsn_buf_done(&text);
	tsn_pl_keys_done(&keys);
	return code;
}

enum tsn_code
tsn_cmd_pipeline_load_checked(const char *path, const char *key_file, struct tsn_conf *ret_conf,
    struct tsn_err *err)
{
	struct tsn_check check = {0};

	TSN_TRY(tsn_cmd_pipeline_load(path, key_file, ret_conf, err));
	tsn_buf_init(&check.text, 16u << 20);
	tsn_check_run(ret_conf, &check);
	(void)fwrite(check.text.ptr, 1, check.text.len, stderr);
	tsn_buf_done(&check.text);
	if (check.errors == 0)
		return TSN_OK;
	tsn_conf_done(ret_conf);
	TSN_FAIL(err, TSN_EINVAL, "%s has %u error%s", path, check.errors,
	    check.errors == 1 ? "" : "s");
}

static int64_t
now(void *ctx)
{
	(void)ctx;
	return tsn_clock_real_ns();
}

static void
say(void *ctx, const char *line)
{
	(void)ctx;
	(void)fprintf(stderr, "tocsin pipeline: %s\n", line);
}

struct tsn_pl_env
tsn_cmd_pipeline_env(void)
{
	static char host[256];

	if (gethostname(host, sizeof host - 1) != 0)
		host[0] = '\0';
	return (struct tsn_pl_env){.now_ns = now, .say = say, .host = tsn_slice_cstr(host)};
}

enum tsn_code
tsn_cmd_filters_open(struct tsn_cmd_filters *f, const char *path, struct tsn_err *err)
{
	struct tsn_pl_env env = tsn_cmd_pipeline_env();

	TSN_TRY(tsn_cmd_pipeline_load_checked(path, NULL, &f->conf, err));
	f->has_conf = true;
	return tsn_pipeline_new(&f->conf, &env, true, &f->pipeline, err);
}

void
tsn_cmd_filters_close(struct tsn_cmd_filters *f)
{
	tsn_pipeline_free(f->pipeline);
	if (f->has_conf)
		tsn_conf_done(&f->conf);
}
