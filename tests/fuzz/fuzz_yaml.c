/* Property: whatever the fast YAML reader takes, libfyaml takes too, and both give the same tree. */
#include <stdint.h>
#include <stdlib.h>

#include "codec/yaml_int.h"
#include "yaml_same.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tsn_slice text = {(const char *)data, size};
	const struct tsn_yaml *fast = NULL, *full = NULL;
	struct tsn_arena a;
	enum tsn_code code;
	char why[200];

	tsn_arena_init(&a, 64u << 20);
	code = tsn_yaml_int_fast(&a, text, &fast);
	if (code == TSN_OK) {
		if (tsn_yaml_parse_full(&a, text, &full, NULL) != TSN_OK ||
		    yaml_differs(fast, full, 0, why)[0] != '\0')
			abort();
	} else if (code != TSN_EAGAIN && code != TSN_ENOMEM) {
		abort();
	}
	code = tsn_yaml_parse(&a, text, &full, NULL);
	if (code == TSN_OK && full == NULL && fast != NULL)
		abort();
	tsn_arena_done(&a);
	return 0;
}
