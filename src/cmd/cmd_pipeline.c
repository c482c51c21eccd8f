/* tocsin pipeline check|run: Logstash configurations. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_list.h"
#include "cmd/pipeline_option.h"
#include "cmd/pipeline_store.h"

static volatile sig_atomic_t stopping;

struct options {
	const char *data, *keys;
	bool quiet;
};

static int
check(const char *path, const struct options *o)
{
	struct tsn_check check = {0};
	struct tsn_conf conf;
	struct tsn_err err = {0};
	enum tsn_code code = tsn_cmd_pipeline_load(path, o->keys, &conf, &err);

	if (code == TSN_EPARSE || code == TSN_ELIMIT) {
		(void)printf("%s\n%s: 1 error, 0 warnings\n", err.msg, path);
		return TSN_EXIT_NO;
	}
	if (code != TSN_OK)
		return tsn_cmd_fail(&tsn_cmd_pipeline, code, &err);
	tsn_buf_init(&check.text, 16u << 20);
	tsn_check_run(&conf, &check);
	(void)fwrite(check.text.ptr, 1, check.text.len, stdout);
	(void)printf("%s: %u plugins, %u error%s, %u warning%s\n", path, conf.plugin_count,
	    check.errors, check.errors == 1 ? "" : "s", check.warnings,
	    check.warnings == 1 ? "" : "s");
	tsn_buf_done(&check.text);
	tsn_conf_done(&conf);
	return check.errors == 0 ? TSN_EXIT_DONE : TSN_EXIT_NO;
}

static void
on_signal(int number)
{
	(void)number;
	stopping = 1;
}

static bool
stop(void *ctx)
{
	(void)ctx;
	return stopping != 0;
}

static void
idle(void *ctx)
{
	(void)ctx;
	(void)fflush(stdout);
}

static enum tsn_code
out(void *ctx, struct tsn_slice text, struct tsn_err *err)
{
	(void)ctx;
	if (text.len > 0 && fwrite(text.ptr, 1, text.len, stdout) != text.len)
		TSN_FAIL(err, TSN_EIO, "cannot write to standard output");
	return TSN_OK;
}

static void
summary(struct tsn_pipeline *pl, const struct tsn_cmd_store *store)
{
	struct tsn_buf text;

	tsn_buf_init(&text, 1u << 20);
	tsn_pipeline_report(pl, &text);
	if (store != NULL)
		tsn_cmd_store_report(store, &text);
	(void)fwrite(text.ptr, 1, text.len, stderr);
	tsn_buf_done(&text);
}

static int
run_conf(struct tsn_conf *conf, const struct options *o)
{
	struct tsn_pl_env env = tsn_cmd_pipeline_env();
	struct tsn_cmd_store *store = NULL;
	struct tsn_pipeline *pl = NULL;
	struct tsn_err err = {0};
	enum tsn_code code = TSN_OK, closed;

	env.out = out;
	env.stop = stop;
	env.idle = idle;
	env.folder = o->data;
	if (tsn_cmd_store_wanted(conf))
		code = tsn_cmd_store_open(conf, o->data, &env, &store, &err);
	if (code == TSN_OK)
		code = tsn_pipeline_new(conf, &env, false, &pl, &err);
	if (code == TSN_OK)
		code = tsn_pipeline_run(pl, &err);
	if (code == TSN_OK && fflush(stdout) != 0)
		code = TSN_ERR(&err, TSN_EIO, "cannot write to standard output");
	if (pl != NULL && !o->quiet)
		summary(pl, store);
	tsn_pipeline_free(pl);
	closed = tsn_cmd_store_close(store, code == TSN_OK ? &err : NULL);
	code = code == TSN_OK ? closed : code;
	return code == TSN_OK ? TSN_EXIT_DONE : tsn_cmd_fail(&tsn_cmd_pipeline, code, &err);
}

static int
run_file(const char *path, const struct options *o)
{
	struct sigaction sa = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
	struct tsn_conf conf;
	struct tsn_err err = {0};
	enum tsn_code code = tsn_cmd_pipeline_load_checked(path, o->keys, &conf, &err);
	int status;

	if (code != TSN_OK)
		return tsn_cmd_fail(&tsn_cmd_pipeline, code, &err);
	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	status = run_conf(&conf, o);
	tsn_conf_done(&conf);
	return status;
}

static int
run(int argc, char **argv)
{
	struct options o = {0};
	const struct tsn_option options[] = {
		{"--data", TSN_OPT_TEXT, &o.data, "DIR",
		    "the data folder: queues of outputs, and the store of output tocsin"},
		{"--keys", TSN_OPT_TEXT, &o.keys, "FILE", "values of ${NAME} (default $TOCSIN_KEYS)"},
		{"--quiet", TSN_OPT_FLAG, &o.quiet, NULL, "no summary at the end"},
	};
	int operands, worst = TSN_EXIT_DONE;
	int status = tsn_cmd_options(&tsn_cmd_pipeline, options, TSN_COUNT(options), argc, argv,
	    &operands);

	if (status >= 0)
		return status;
	if (operands == 2 && strcmp(argv[1], "run") == 0)
		return run_file(argv[2], &o);
	if (operands < 2 || strcmp(argv[1], "check") != 0)
		return tsn_cmd_usage(&tsn_cmd_pipeline, "expected check FILE... or run FILE");
	for (int i = 2; i <= operands; i++) {
		status = check(argv[i], &o);
		worst = status > worst ? status : worst;
	}
	return worst;
}

const struct tsn_command tsn_cmd_pipeline = {
	.name = "pipeline",
	.usage = "check FILE... | run [--data DIR] FILE",
	.doc = "check and run Logstash configurations",
	.run = run,
};
