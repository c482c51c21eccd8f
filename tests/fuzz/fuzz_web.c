/*
 * Property: any bytes, taken for logs of web servers and proxies, become events that can be read;
 * nothing crashes, nothing is read outside the record.
 */
#include "parse_kinds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const kinds[] = {
		"apache.access", "apache.error", "nginx.error", "squid.access", "kv",
		"iis.access", "haproxy.log",
	};

	fuzz_parse_kinds(kinds, TSN_COUNT(kinds), data, size);
	return 0;
}
