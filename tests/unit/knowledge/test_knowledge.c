#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "knowledge/knowledge.h"

static struct tsn_ip
ip(const char *text)
{
	struct tsn_ip out;

	assert_int_equal(tsn_ip_parse(tsn_slice_cstr(text), &out), TSN_OK);
	return out;
}

static const char *
category(struct tsn_knowledge *k, const char *text, int64_t now_ns)
{
	static char out[32];
	struct tsn_ip at = ip(text);
	const struct tsn_net *net = tsn_knowledge_intel(k, &at, now_ns);

	(void)snprintf(out, sizeof out, "%.*s", net == NULL ? 0 : (int)net->category.len,
	    net == NULL ? "" : net->category.ptr);
	return out;
}

static void
test_intel(void **state)
{
	struct tsn_knowledge *k = tsn_knowledge_new();
	struct tsn_err err;

	(void)state;
	assert_non_null(k);
	assert_int_equal(tsn_knowledge_add(k, TSN_KNOWLEDGE_INTEL, TSN_SLICE("intel.txt"),
	    TSN_SLICE("# list\n198.51.100.0/24 vpn\n198.51.100.7\ttor lists 90 2020-01-01\r\n"
		      "203.0.113.9 5\n2001:db8::/32 bot x\n"), &err), TSN_OK);
	assert_int_equal(tsn_knowledge_add(k, TSN_KNOWLEDGE_ALLOW, TSN_SLICE("allow.txt"),
	    TSN_SLICE("198.51.100.8\n"), &err), TSN_OK);
	assert_string_equal(category(k, "198.51.100.7", 0), "tor");
	assert_string_equal(category(k, "198.51.100.7", 1600000000 * TSN_NS_PER_SEC), "vpn");
	assert_string_equal(category(k, "198.51.100.8", 0), "");
	assert_string_equal(category(k, "203.0.113.9", 0), "listed");
	assert_string_equal(category(k, "2001:db8::5", 0), "bot");
	assert_string_equal(category(k, "192.0.2.1", 0), "");
	tsn_knowledge_free(k);
}

static void
test_bad_lines_are_named(void **state)
{
	static const struct {
		enum tsn_knowledge_file which;
		const char *text, *want;
	} rows[] = {
		{TSN_KNOWLEDGE_INTEL, "1.2.3.4 tor\n1.2.3.400 tor\n", "f:2: expected an address or network"},
		{TSN_KNOWLEDGE_INTEL, "1.2.3.4 tor x 101", "f:1: expected a confidence"},
		{TSN_KNOWLEDGE_INTEL, "1.2.3.4 tor x 1 soon", "f:1: expected a date"},
		{TSN_KNOWLEDGE_ALLOW, "1.2.3.4 5.6.7.8", "f:1: expected one network a line"},
		{TSN_KNOWLEDGE_BASTIONS, "web1", "f:1: expected HOST NETWORK"},
		{TSN_KNOWLEDGE_BASTIONS, "\n\nweb1 x/8", "f:3: expected an address"},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(rows); i++) {
		struct tsn_knowledge *k = tsn_knowledge_new();
		struct tsn_err err = {0};

		assert_int_equal(tsn_knowledge_add(k, rows[i].which, TSN_SLICE("f"),
		    tsn_slice_cstr(rows[i].text), &err), TSN_EPARSE);
		assert_memory_equal(err.msg, rows[i].want, strlen(rows[i].want));
		tsn_knowledge_free(k);
	}
}

static void
test_bastions(void **state)
{
	struct tsn_knowledge *k = tsn_knowledge_new();
	struct tsn_ip in = ip("10.0.0.5"), out = ip("192.0.2.1");

	(void)state;
	assert_int_equal(tsn_knowledge_add(k, TSN_KNOWLEDGE_BASTIONS, TSN_SLICE("b"),
	    TSN_SLICE("db-* 10.0.0.0/28 10.1.0.1\n"), NULL), TSN_OK);
	assert_int_equal(tsn_knowledge_bastion(k, TSN_SLICE("DB-01"), &in), TSN_BASTION_YES);
	assert_int_equal(tsn_knowledge_bastion(k, TSN_SLICE("db-01"), &out), TSN_BASTION_NO);
	assert_int_equal(tsn_knowledge_bastion(k, TSN_SLICE("web-01"), &out), TSN_BASTION_UNKNOWN);
	tsn_knowledge_free(k);
}

static void
test_many_networks(void **state)
{
	struct tsn_nets *n = tsn_nets_new();
	struct tsn_net net = {.valid_until_ns = INT64_MAX};

	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		char text[32];

		(void)snprintf(text, sizeof text, "%u.%u.%u.7", 1 + i / 65536, i / 256 % 256, i % 256);
		net.cidr = (struct tsn_cidr){ip(text), 128};
		assert_int_equal(tsn_nets_add(n, &net), TSN_OK);
	}
	assert_int_equal(tsn_nets_count(n), 100000);
	assert_non_null(tsn_nets_find(n, &net.cidr.ip, 0));
	tsn_nets_free(n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_intel),
		cmocka_unit_test(test_bad_lines_are_named),
		cmocka_unit_test(test_bastions),
		cmocka_unit_test(test_many_networks),
	};

	return cmocka_run_group_tests_name("knowledge_knowledge", tests, NULL, NULL);
}
