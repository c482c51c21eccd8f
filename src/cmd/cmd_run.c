/* tocsin run: the server. */
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "cmd/cmd_list.h"
#include "os/clock.h"
#include "server/server.h"

static void
say(void *ctx, const char *line)
{
	char at[TSN_TIME_TEXT_MAX];
	size_t len = tsn_time_format(tsn_clock_real_ns(), at);

	(void)ctx;
	(void)fprintf(stderr, "%.*s %s\n", (int)len, at, line);
}

static int
serve(struct tsn_config *config, const char *data)
{
	struct tsn_server_options o = {.config = config, .data = data,
		.version = TSN_VERSION, .say = say};
	struct tsn_server *server;
	struct tsn_err err = {0};
	enum tsn_code code = tsn_server_new(&o, &server, &err), closed;

	if (code != TSN_OK)
		return tsn_cmd_fail(&tsn_cmd_run, code, &err);
	say(NULL, "running");
	code = tsn_server_run(server, &err);
	say(NULL, code == TSN_OK ? "stopping" : err.msg);
	closed = tsn_server_free(server, code == TSN_OK ? &err : NULL);
	if (code == TSN_OK)
		code = closed;
	return code == TSN_OK ? TSN_EXIT_DONE : tsn_cmd_fail(&tsn_cmd_run, code, &err);
}

static int
run(int argc, char **argv)
{
	const char *config_path = NULL, *data = NULL, *listen = NULL;
	struct tsn_config config;
	struct tsn_err err = {0};
	enum tsn_code code = TSN_OK;
	int operands;
	const struct tsn_option options[] = {
		{"--config", TSN_OPT_TEXT, &config_path, "FILE", "inputs and settings (YAML)"},
		{"--data", TSN_OPT_TEXT, &data, "DIR", "the data folder"},
		{"--listen", TSN_OPT_TEXT, &listen, "ADDR:PORT", "for HTTP; default 127.0.0.1:8650"},
	};
	int status =
	    tsn_cmd_options(&tsn_cmd_run, options, TSN_COUNT(options), argc, argv, &operands);

	if (status >= 0)
		return status;
	if (operands > 0)
		return tsn_cmd_usage(&tsn_cmd_run, "takes no operands");
	tsn_config_init(&config);
	if (config_path != NULL)
		code = tsn_config_load(&config, config_path, &err);
	if (code == TSN_OK && listen != NULL)
		code = tsn_addr_parse(tsn_slice_cstr(listen), &config.listen, &err);
	status = code != TSN_OK ? tsn_cmd_fail(&tsn_cmd_run, code, &err) :
				  serve(&config, tsn_cmd_data_dir(data != NULL ? data : config.data));
	tsn_config_done(&config);
	return status;
}

const struct tsn_command tsn_cmd_run = {
	.name = "run",
	.usage = "[--config FILE] [--data DIR] [--listen ADDR:PORT]",
	.doc = "the server: inputs, detection, store, alerts, HTTP",
	.run = run,
};
