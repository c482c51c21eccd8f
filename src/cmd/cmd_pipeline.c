/* tocsin pipeline check|run: Logstash configurations. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd_list.h"
#include "os/clock.h"
#include "os/file.h"
#include "pipeline/run.h"

static volatile sig_atomic_t stopping;

static const char *
environment(void *ctx, const char *name)
{
	(void)ctx;
	return getenv(name);
}

static enum tsn_code
load(const char *path, struct tsn_conf *ret_conf, struct tsn_err *err)
{
	struct tsn_buf text;
	enum tsn_code code;

	tsn_buf_init(&text, TSN_CONF_BYTES_MAX + 1);
	code = tsn_file_read_all(&tsn_file_system, path, &text, err);
	if (code == TSN_OK)
		code = tsn_conf_parse(tsn_slice_cstr(path), tsn_buf_get(&text), environment, NULL,
		    ret_conf, err);
	tsn_buf_done(&text);
	return code;
}

static int
check(const char *path)
{
	struct tsn_check check = {0};
	struct tsn_conf conf;
	struct tsn_err err = {0};
	enum tsn_code code = load(path, &conf, &err);

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

static int64_t
now(void *ctx)
{
	(void)ctx;
	return tsn_clock_real_ns();
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
	tsn_clock_sleep_ms(100);
}

static enum tsn_code
out(void *ctx, struct tsn_slice text, struct tsn_err *err)
{
	(void)ctx;
	if (text.len > 0 && fwrite(text.ptr, 1, text.len, stdout) != text.len)
		TSN_FAIL(err, TSN_EIO, "cannot write to standard output");
	return TSN_OK;
}

/* errors of the check go to stderr: standard output is the events' */
static int
run_checked(const char *path, struct tsn_conf *conf)
{
	char host[256] = "";
	struct tsn_check check = {0};
	struct tsn_pl_env env = {.now_ns = now, .out = out, .stop = stop, .idle = idle};
	struct tsn_pipeline *pl = NULL;
	struct tsn_err err = {0};
	enum tsn_code code;

	tsn_buf_init(&check.text, 16u << 20);
	tsn_check_run(conf, &check);
	(void)fwrite(check.text.ptr, 1, check.text.len, stderr);
	tsn_buf_done(&check.text);
	if (check.errors > 0) {
		(void)fprintf(stderr, "tocsin pipeline: %s has %u error%s\n", path, check.errors,
		    check.errors == 1 ? "" : "s");
		return TSN_EXIT_INPUT;
	}
	if (gethostname(host, sizeof host - 1) == 0)
		env.host = tsn_slice_cstr(host);
	code = tsn_pipeline_new(conf, &env, false, &pl, &err);
	if (code == TSN_OK)
		code = tsn_pipeline_run(pl, &err);
	if (code == TSN_OK && fflush(stdout) != 0)
		code = TSN_ERR(&err, TSN_EIO, "cannot write to standard output");
	if (pl != NULL && tsn_pipeline_counts(pl).failed > 0)
		(void)fprintf(stderr, "tocsin pipeline: %llu events were too large or too many\n",
		    (unsigned long long)tsn_pipeline_counts(pl).failed);
	tsn_pipeline_free(pl);
	return code == TSN_OK ? TSN_EXIT_DONE : tsn_cmd_fail(&tsn_cmd_pipeline, code, &err);
}

static int
run_file(const char *path)
{
	struct sigaction sa = {.sa_handler = on_signal};
	struct tsn_conf conf;
	struct tsn_err err = {0};
	enum tsn_code code = load(path, &conf, &err);
	int status;

	if (code != TSN_OK)
		return tsn_cmd_fail(&tsn_cmd_pipeline, code, &err);
	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	status = run_checked(path, &conf);
	tsn_conf_done(&conf);
	return status;
}

static int
run(int argc, char **argv)
{
	int operands, worst = TSN_EXIT_DONE;
	int status = tsn_cmd_options(&tsn_cmd_pipeline, NULL, 0, argc, argv, &operands);

	if (status >= 0)
		return status;
	if (operands == 2 && strcmp(argv[1], "run") == 0)
		return run_file(argv[2]);
	if (operands < 2 || strcmp(argv[1], "check") != 0)
		return tsn_cmd_usage(&tsn_cmd_pipeline, "expected check FILE... or run FILE");
	for (int i = 2; i <= operands; i++) {
		status = check(argv[i]);
		worst = status > worst ? status : worst;
	}
	return worst;
}

const struct tsn_command tsn_cmd_pipeline = {
	.name = "pipeline",
	.usage = "check FILE... | run FILE",
	.doc = "check and run Logstash configurations",
	.run = run,
};
