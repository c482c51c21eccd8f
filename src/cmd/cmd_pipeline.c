/* tocsin pipeline check|run: Logstash configurations. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_list.h"
#include "os/file.h"
#include "pipeline/plugin.h"

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

static int
run(int argc, char **argv)
{
	int operands, worst = TSN_EXIT_DONE;
	int status = tsn_cmd_options(&tsn_cmd_pipeline, NULL, 0, argc, argv, &operands);

	if (status >= 0)
		return status;
	if (operands < 2 || strcmp(argv[1], "check") != 0)
		return tsn_cmd_usage(&tsn_cmd_pipeline, "expected check and a FILE");
	for (int i = 2; i <= operands; i++) {
		status = check(argv[i]);
		worst = status > worst ? status : worst;
	}
	return worst;
}

const struct tsn_command tsn_cmd_pipeline = {
	.name = "pipeline",
	.usage = "check FILE...",
	.doc = "check Logstash configurations",
	.run = run,
};
