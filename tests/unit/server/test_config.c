#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/time.h"
#include "server/config.h"

static enum tsn_code
parse(struct tsn_config *c, const char *text, struct tsn_err *err)
{
	tsn_config_init(c);
	return tsn_config_parse(c, "f.yaml", tsn_slice_cstr(text), err);
}

static void
test_all_keys(void **state)
{
	static const char text[] =
	    "data: /d\nlisten: '[::1]:99'\nrules: [/r1, /r2]\n"
	    "inputs:\n"
	    "  - type: file\n    paths: /var/log/*.log\n    kind: system.auth\n"
	    "    timezone: '-05:30'\n    start: end\n"
	    "  - type: syslog_udp\n    listen: '*:514'\n    max_message: 8k\n    receive_buffer: 1MB\n"
	    "  - {type: syslog_tcp, listen: 'localhost:515', max_connections: 7, idle_timeout: 5m}\n"
	    "retention: {age: 30d, size: 2GiB, disk_free: 100}\n"
	    "http: {max_body: 1MiB, max_connections: 9, timeout: 30s, token_file: /t}\n";
	struct tsn_config c;
	struct tsn_err err;
	char addr[TSN_ADDR_TEXT_MAX];

	(void)state;
	assert_int_equal(parse(&c, text, &err), TSN_OK);
	assert_string_equal(c.data, "/d");
	assert_int_equal(c.rules.count, 2);
	assert_int_equal(c.input_count, 3);
	assert_string_equal(c.inputs[0].paths.items[0], "/var/log/*.log");
	assert_string_equal(c.inputs[0].kind, "system.auth");
	assert_int_equal(c.inputs[0].tz_offset_sec, -(5 * 3600 + 1800));
	assert_true(c.inputs[0].at_end);
	assert_int_equal(c.inputs[1].message_bytes_max, 8192);
	assert_int_equal(c.inputs[1].receive_buffer, 1000000);
	(void)tsn_addr_text(&c.inputs[1].listen, true, addr);
	assert_string_equal(addr, "0.0.0.0:514");
	assert_int_equal(c.inputs[2].connections_max, 7);
	assert_int_equal(c.inputs[2].idle_ns, 300 * TSN_NS_PER_SEC);
	(void)tsn_addr_text(&c.listen, true, addr);
	assert_string_equal(addr, "[::1]:99");
	assert_int_equal(c.retention_ns, 30 * TSN_NS_PER_DAY);
	assert_int_equal(c.retention_bytes, UINT64_C(2) << 30);
	assert_int_equal(c.disk_free_min, 100);
	assert_int_equal(c.body_bytes_max, 1u << 20);
	assert_int_equal(c.http_connections_max, 9);
	assert_string_equal(c.token_file, "/t");
	tsn_config_done(&c);
}

static const struct {
	const char *text;
	const char *message;
} errors[] = {
	{"dato: x\n", "f.yaml:1: unknown key \"dato\"; known here: data, listen"},
	{"listen: nowhere\n", "f.yaml:1: listen: expected ADDRESS:PORT, found \"nowhere\""},
	{"\n\nlisten: 1.2.3.4:70000\n", "f.yaml:3: listen: expected ADDRESS:PORT"},
	{"inputs: 5\n", "inputs: expected a list"},
	{"inputs:\n  - paths: x\n", "f.yaml:2: an input needs a type"},
	{"inputs:\n  - type: file\n", "f.yaml:2: an input of type file needs paths"},
	{"inputs:\n  - type: syslog_udp\n", "needs listen"},
	{"inputs:\n  - type: file\n    paths: x\n    kind: nope\n",
		"f.yaml:2: kind: no kind of record is called \"nope\""},
	{"inputs:\n  - type: file\n    paths: x\n    start: middle\n", "f.yaml:4: start: expected beg"},
	{"inputs:\n  - type: file\n    paths: {a: b}\n", "paths: expected a text or a list"},
	{"inputs:\n  - type: file\n    paths: x\n    timezone: noon\n", "timezone: expected +HH:MM"},
	{"retention:\n  age: forever\n", "f.yaml:2: age: expected a time such as"},
	{"retention:\n  size: 5 apples\n", "size: expected a size such as"},
	{"http:\n  max_connections: 0\n", "max_connections: expected a number from 1"},
	{"a: [b\n", "f.yaml:"},
	{"data: a\ndata: b\n", "f.yaml:2:"},
	{"data: a\n---\ndata: b\n", "one document only"},
	{"- 1\n", "f.yaml:1: expected keys and values"},
};

static void
test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < TSN_COUNT(errors); i++) {
		struct tsn_config c;
		struct tsn_err err = {0};
		enum tsn_code code = parse(&c, errors[i].text, &err);

		if (code != TSN_EPARSE || strstr(err.msg, errors[i].message) == NULL)
			fail_msg("case %zu: %d %s", i, code, err.msg);
		tsn_config_done(&c);
	}
}

static void
test_empty(void **state)
{
	struct tsn_config c;
	struct tsn_err err;

	(void)state;
	assert_int_equal(parse(&c, "", &err), TSN_OK);
	assert_int_equal(tsn_addr_port(&c.listen), 8650);
	assert_true(tsn_addr_is_loopback(&c.listen));
	tsn_config_done(&c);
	tsn_config_init(&c);
	assert_int_equal(tsn_config_load(&c, "/nonexistent", &err), TSN_ENOTFOUND);
	tsn_config_done(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_keys),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
