/*
 * Property: whatever the text of a configuration file, it is taken or refused with a message that
 * begins with the file's name and a line.
 */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "server/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tsn_config c;
	struct tsn_err err = {0};
	enum tsn_code code;

	tsn_config_init(&c);
	code = tsn_config_parse(&c, "f", tsn_slice_of((const char *)data, size), &err);
	if (code == TSN_EPARSE)
		TSN_ASSERT(strncmp(err.msg, "f:", 2) == 0 && err.msg[2] >= '0' && err.msg[2] <= '9');
	else
		TSN_ASSERT(code == TSN_OK || code == TSN_ENOMEM);
	TSN_ASSERT(c.input_count <= TSN_CONFIG_INPUTS_MAX);
	tsn_config_done(&c);
	return 0;
}
