#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/ip.h"

static void
test_round_trip(void **state)
{
	static const char *const rows[][2] = {
		{"192.0.2.1", "192.0.2.1"}, {"::ffff:192.0.2.1", "192.0.2.1"}, {"::", "::"},
		{"::1", "::1"}, {"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"fe80::1%eth0", "fe80::1"}, {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
		{"1::", "1::"}, {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"}, {"2001:db8::", "2001:db8::"},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(rows); i++) {
		struct tsn_ip ip;
		char out[TSN_IP_TEXT_MAX];

		assert_int_equal(tsn_ip_parse(tsn_slice_cstr(rows[i][0]), &ip), TSN_OK);
		(void)tsn_ip_format(&ip, out);
		assert_string_equal(out, rows[i][1]);
	}
}

static void
test_bad(void **state)
{
	static const char *const rows[] = {"", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4x", ":",
	    ":::", "1:2", "1::2::3", "1:2:3:4:5:6:7:8:9", "12345::", "g::1", "1:", "1.2.3.4:80",
	    "1:2:3:4:5:6:7:1.2.3.4", "1:2:3:4:5:6:7:8::"};
	struct tsn_ip ip;

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(rows); i++)
		assert_int_equal(tsn_ip_parse(tsn_slice_cstr(rows[i]), &ip), TSN_EPARSE);
}

static void
test_networks(void **state)
{
	static const struct {
		const char *net, *ip;
		bool in;
	} rows[] = {
		{"10.0.0.0/8", "10.255.1.2", true}, {"10.0.0.0/8", "11.0.0.1", false},
		{"173.234.31.0/24", "173.234.31.186", true}, {"0.0.0.0/0", "8.8.8.8", true},
		{"0.0.0.0/0", "2001:db8::1", false}, {"2001:db8::/33", "2001:db8:7fff::1", true},
		{"2001:db8::/33", "2001:db8:8000::1", false}, {"::/0", "1.2.3.4", true},
		{"192.0.2.7", "192.0.2.7", true}, {"192.0.2.7/31", "192.0.2.6", true},
	};
	struct tsn_cidr c;
	struct tsn_ip ip;

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(rows); i++) {
		assert_int_equal(tsn_cidr_parse(tsn_slice_cstr(rows[i].net), &c), TSN_OK);
		assert_int_equal(tsn_ip_parse(tsn_slice_cstr(rows[i].ip), &ip), TSN_OK);
		assert_int_equal(tsn_cidr_has(&c, &ip), rows[i].in);
	}
	assert_int_equal(tsn_cidr_parse(TSN_SLICE("10.0.0.0/33"), &c), TSN_EPARSE);
	assert_int_equal(tsn_cidr_parse(TSN_SLICE("10.0.0.0/"), &c), TSN_EPARSE);
	assert_int_equal(tsn_cidr_parse(TSN_SLICE("::/129"), &c), TSN_EPARSE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_networks),
	};

	return cmocka_run_group_tests_name("base_ip", tests, NULL, NULL);
}
