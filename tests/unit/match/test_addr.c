#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "match/addr.h"

static void
test_addresses(void **state)
{
	static const struct {
		const char *text;
		int ok;
	} cases[] = {
		{"10.0.0.1", 1}, {"255.255.255.255", 1}, {"256.0.0.1", 0}, {"1.2.3", 0}, {"1.2.3.4.5", 0},
		{"::1", 1}, {"2001:db8::1", 1}, {"fe80::1%eth0", 1}, {"::ffff:1.2.3.4", 1}, {"", 0},
		{"1", 0}, {":::1", 0}, {"1.2.3.4 ", 0}, {"0001.2.3.4", 0},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee", 0},
	};
	unsigned char addr[16];

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++)
		assert_int_equal(tsn_addr_parse(tsn_slice_cstr(cases[i].text), addr), cases[i].ok);
}

static void
test_networks(void **state)
{
	static const struct {
		const char *net, *addr;
		int in;	/* -1: no network */
	} cases[] = {
		{"10.0.0.0/8", "10.255.1.2", 1}, {"10.0.0.0/8", "11.0.0.0", 0},
		{"192.168.1.128/25", "192.168.1.127", 0}, {"192.168.1.128/25", "192.168.1.200", 1},
		{"0.0.0.0/0", "1.2.3.4", 1}, {"0.0.0.0/0", "2001:db8::1", 0}, {"1.2.3.4", "1.2.3.4", 1},
		{"1.2.3.0/24", "::ffff:1.2.3.9", 1}, {"2001:db8::/32", "2001:db8:ffff::1", 1},
		{"2001:db8::/32", "2001:db9::1", 0}, {"::/0", "::1", 1}, {"10.0.0.0/33", "", -1},
		{"10.0.0.0/-1", "", -1}, {"10.0.0/8", "", -1}, {"::/129", "", -1}, {"x/8", "", -1},
		{"10.0.0.0/", "", -1}, {"10.1.2.3/8", "10.9.9.9", 1},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		unsigned char net[16], addr[16];
		uint8_t bits = 0;
		bool ok = tsn_addr_parse_net(tsn_slice_cstr(cases[i].net), net, &bits);

		assert_int_equal(ok, cases[i].in >= 0);
		if (!ok)
			continue;
		assert_true(tsn_addr_parse(tsn_slice_cstr(cases[i].addr), addr));
		assert_int_equal(tsn_addr_in(addr, net, bits), cases[i].in);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_networks),
	};

	return cmocka_run_group_tests_name("match_addr", tests, NULL, NULL);
}
