/*
 * Property: any bytes are a configuration or give a message with a place inside the text; what
 * parses can be checked, and each line of the check names the file.
 */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "pipeline/plugin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *
env(void *ctx, const char *name)
{
	(void)ctx;
	return strcmp(name, "A") == 0 ? "value of A" : NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tsn_err err = {.pos = TSN_POS_NONE};
	struct tsn_check check = {0};
	struct tsn_conf conf;
	uint32_t lines = 0;

	if (tsn_conf_parse(TSN_SLICE("f.conf"), tsn_slice_of((const char *)data, size), env, NULL, &conf,
	    &err) != TSN_OK) {
		TSN_ASSERT(strncmp(err.msg, "f.conf:", 7) == 0 && err.pos <= size);
		return 0;
	}
	tsn_buf_init(&check.text, 64u << 20);
	tsn_check_run(&conf, &check);
	for (size_t i = 0; i < check.text.len; i++)
		lines += check.text.ptr[i] == '\n';
	TSN_ASSERT(lines == check.errors + check.warnings);
	tsn_buf_done(&check.text);
	tsn_conf_done(&conf);
	return 0;
}
