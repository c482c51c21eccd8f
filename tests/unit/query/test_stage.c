#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "query_mem.h"

static const char docs[] =
    "{\"n\":1,\"user\":\"root\",\"b\":10,\"tags\":[\"x\",\"y\"],\"@timestamp\":\"2026-01-01T00:10:00Z\"}\n"
    "{\"n\":2,\"user\":\"bob\",\"b\":20.5,\"tags\":[\"x\"],\"@timestamp\":\"2026-01-01T00:50:00Z\"}\n"
    "{\"n\":3,\"user\":\"root\",\"b\":30,\"o\":{\"a\":1,\"c\":[1,2]},\"@timestamp\":\"2026-01-01T01:05:00Z\"}\n"
    "{\"n\":4,\"user\":\"Root\",\"b\":\"40\",\"ip\":\"10.0.0.9\",\"@timestamp\":\"2026-01-01T01:10:00Z\"}\n"
    "{\"n\":5,\"b\":5,\"ip\":\"10.0.0.10\",\"@timestamp\":\"2026-01-01T02:00:00Z\"}\n";

static const struct {
	const char *query;
	const char *want;
} cases[] = {
	{"* | stats count()", "{\"count()\":5}\n"},
	{"nope | stats count() as n, sum(b), avg(b), min(b), dc(b), values(b), p50(b), first(b)",
	    "{\"n\":0,\"sum(b)\":0,\"avg(b)\":null,\"min(b)\":null,\"dc(b)\":0,\"values(b)\":[],"
	    "\"p50(b)\":null,\"first(b)\":null}\n"},
	{"* | stats count() as n by user",
	    "{\"user\":\"bob\",\"n\":1}\n{\"user\":\"Root\",\"n\":1}\n{\"user\":\"root\",\"n\":2}\n"},
	{"* | stats count by tags", "{\"tags\":\"x\",\"count\":2}\n{\"tags\":\"y\",\"count\":1}\n"},
	{"* | stats sum(b) as s, avg(b) as a, min(b) as l, max(b) as h, dc(user) as d",
	    "{\"s\":105.5,\"a\":21.1,\"l\":5,\"h\":\"40\",\"d\":3}\n"},
	{"user:root | stats sum(n), count(ip)", "{\"sum(n)\":8,\"count(ip)\":1}\n"},
	{"* | stats median(n) as m, p25(n), p100(n), percentile(n, 10) as t",
	    "{\"m\":3,\"p25(n)\":2,\"p100(n)\":5,\"t\":1.4}\n"},
	{"* | stats first(n) as f, last(n) as l, values(tags) as v",
	    "{\"f\":1,\"l\":5,\"v\":[\"x\",\"y\"]}\n"},
	{"* | stats count() as n by span=1h",
	    "{\"@timestamp\":\"2026-01-01T00:00:00.000Z\",\"n\":2}\n"
	    "{\"@timestamp\":\"2026-01-01T01:00:00.000Z\",\"n\":2}\n"
	    "{\"@timestamp\":\"2026-01-01T02:00:00.000Z\",\"n\":1}\n"},
	{"* | stats count() as n by user span=1h | where n > 1",
	    ""},
	{"* | stats count() as n span=1d", "{\"@timestamp\":\"2026-01-01T00:00:00.000Z\",\"n\":5}\n"},
	{"* | stats count() by lower(user) as u", "{\"u\":\"bob\",\"count()\":1}\n{\"u\":\"root\",\"count()\":3}\n"},
	{"* | stats count() by user | where count() >= 2", "{\"user\":\"root\",\"count()\":2}\n"},
	{"* | stats count() by user | sort -count(), user | head 1", "{\"user\":\"root\",\"count()\":2}\n"},
	{"* | top 2 user", "{\"user\":\"root\",\"count\":2}\n{\"user\":\"bob\",\"count\":1}\n"},
	{"* | rare 1 tags", "{\"tags\":\"y\",\"count\":1}\n"},
	{"* | fields n", "{\"n\":5}\n{\"n\":4}\n{\"n\":3}\n{\"n\":2}\n{\"n\":1}\n"},
	{"* | sort b | fields n", "{\"n\":5}\n{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n{\"n\":4}\n"},
	{"* | sort -b | head 2 | fields n,b", "{\"n\":4,\"b\":\"40\"}\n{\"n\":3,\"b\":30}\n"},
	{"* | sort ip | fields n", "{\"n\":4}\n{\"n\":5}\n{\"n\":3}\n{\"n\":2}\n{\"n\":1}\n"},
	{"* | sort user, -n | fields n", "{\"n\":2}\n{\"n\":4}\n{\"n\":3}\n{\"n\":1}\n{\"n\":5}\n"},
	{"* | sort by n desc | head 1 | fields n", "{\"n\":5}\n"},
	{"* | head 2 | fields n", "{\"n\":5}\n{\"n\":4}\n"}, {"* | head 0 | fields n", ""},
	{"* | tail 2 | fields n", "{\"n\":2}\n{\"n\":1}\n"}, {"* | tail 0 | fields n", ""},
	{"* | where n < 4 | tail 2 | sort n | fields n", "{\"n\":1}\n{\"n\":2}\n"},
	{"n:1 | eval x = 1e3, y = 2.5E-1 * 4, z = pow(10, 400) | fields x, y, z",
	    "{\"x\":1000,\"y\":1,\"z\":null}\n"},
	{"* | tail 9 | tail 1 | fields n", "{\"n\":1}\n"}, {"* | head 3 | tail 2 | fields n", "{\"n\":4}\n{\"n\":3}\n"},
	{"* | tail 3 | head 1 | stats last(n) as l, first(n) as f", "{\"l\":3,\"f\":3}\n"},
	{"* | sort -n | eval m = n + 1 | fields m | head 2", "{\"m\":6}\n{\"m\":5}\n"},
	{"n:1 | eval @timestamp = time(\"2026-02-03\") | stats count() span=1d",
	    "{\"@timestamp\":\"2026-02-03T00:00:00.000Z\",\"count()\":1}\n"},
	{"* | dedup user | fields n", "{\"n\":5}\n{\"n\":4}\n{\"n\":3}\n{\"n\":2}\n"},
	{"user:* | dedup 1 tags | fields n", "{\"n\":4}\n{\"n\":2}\n{\"n\":1}\n"},
	{"n:3 | fields o, o.a, o.c, o.c[1], nope",
	    "{\"o\":{\"a\":1,\"c\":[1,2]},\"o.a\":1,\"o.c\":[1,2],\"o.c[1]\":2,\"nope\":null}\n"},
	{"n:1 | eval x = b * 2 + 1, y = x / 2, z = \"a\" + user | fields x,y,z",
	    "{\"x\":21,\"y\":10.5,\"z\":\"aroot\"}\n"},
	{"n:3 | eval o = len(user), p.q = tags | fields - @timestamp, event, log | fields o, p.q, b",
	    "{\"o\":4,\"p.q\":null,\"b\":30}\n"},
	{"* | stats sum(b) as s, count() as n | eval r = round(s / n, 1) | fields - s",
	    "{\"n\":5,\"r\":21.1}\n"},
	{"* | where b > 20 and not user = \"bob\" | fields n", "{\"n\":4}\n{\"n\":3}\n"},
	{"* | where user in (\"BOB\", \"x\") or n == 5 | fields n", "{\"n\":5}\n{\"n\":2}\n"},
	{"* | where user == \"Root\" | fields n", "{\"n\":4}\n"},
	{"* | where user not in (\"root\") | fields n", "{\"n\":5}\n{\"n\":2}\n"},
	{"* | where user:r* and n < 4 | fields n", "{\"n\":3}\n{\"n\":1}\n"},
	{"* | where user:/^R/ | fields n", "{\"n\":4}\n"},
	{"* | where tags == \"y\" | fields n", "{\"n\":1}\n"},
	{"* | where user == null | fields n", "{\"n\":5}\n"},
	{"* | where isnull(ip) and contains(user, \"OO\") | fields n", "{\"n\":3}\n{\"n\":1}\n"},
	{"* | where cidr(ip, \"10.0.0.8/30\") and ip != \"10.0.0.9\" | fields n", "{\"n\":5}\n"},
	{"* | where hour(@timestamp) == 1 | fields n", "{\"n\":4}\n{\"n\":3}\n"},
	{"* | where @timestamp >= \"2026-01-01T01:10:00Z\" | fields n", "{\"n\":5}\n{\"n\":4}\n"},
	{"* | where now() - @timestamp > 23h | fields n", "{\"n\":2}\n{\"n\":1}\n"},
	{"* | where n % 2 = 0 | fields n", "{\"n\":4}\n{\"n\":2}\n"},
	{"n:1 | eval x = substr(user, 1, 2), y = upper(user), z = split(\"a,b\", \",\") | fields x,y,z",
	    "{\"x\":\"oo\",\"y\":\"ROOT\",\"z\":[\"a\",\"b\"]}\n"},
	{"n:1 | eval x = if(b > 5, \"big\", \"small\"), y = coalesce(nope, 7), z = bucket(b, 4) | fields x,y,z",
	    "{\"x\":\"big\",\"y\":7,\"z\":8}\n"},
	{"n:1 | eval x = 1 / 0, y = nope + 1, z = -b, w = 7 / 2 | fields x,y,z,w",
	    "{\"x\":null,\"y\":null,\"z\":-10,\"w\":3.5}\n"},
	{"n:1 | eval x = @timestamp + 90m, y = replace(user, \"o\", \"00\") | fields x, y",
	    "{\"x\":\"2026-01-01T01:40:00.000Z\",\"y\":\"r0000t\"}\n"},
	{"* | stats count() as n by user | stats sum(n) as s, count() as c", "{\"s\":4,\"c\":3}\n"},
	{"* | stats count() as n by user, tags", "{\"user\":\"bob\",\"tags\":\"x\",\"n\":1}\n"
	    "{\"user\":\"root\",\"tags\":\"x\",\"n\":1}\n{\"user\":\"root\",\"tags\":\"y\",\"n\":1}\n"},
};

static void
test_cases(void **state)
{
	struct tsn_buf out;
	struct query_mem m;
	int bad = 0;

	(void)state;
	query_mem_init(&m);
	query_mem_load(&m, docs);
	tsn_buf_init(&out, 1u << 20);
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		query_mem_answer(&m, cases[i].query, &out);
		if (strcmp(out.ptr, cases[i].want) != 0) {
			print_error("%s:\nwant %s\n got %s\n", cases[i].query, cases[i].want, out.ptr);
			bad++;
		}
	}
	tsn_buf_done(&out);
	query_mem_done(&m);
	assert_int_equal(bad, 0);
}

static void
test_limit(void **state)
{
	struct tsn_buf out;
	struct query_mem m;

	(void)state;
	query_mem_init(&m);
	query_mem_load(&m, docs);
	tsn_buf_init(&out, 1u << 20);
	m.limit = 5;
	query_mem_answer(&m, "* | fields n", &out);
	assert_false(m.report.limited);
	assert_int_equal(m.report.rows, 5);
	m.limit = 4;
	query_mem_answer(&m, "* | fields n", &out);
	assert_true(m.report.limited);
	assert_int_equal(m.report.rows, 4);
	m.limit = 2;
	query_mem_answer(&m, "* | stats count() by user", &out);
	assert_true(m.report.limited);
	assert_int_equal(m.report.ungrouped, 1);
	m.limit = 0;
	query_mem_answer(&m, "*", &out);
	assert_int_equal(m.report.rows, 5);
	assert_int_equal(m.report.matched, 5);
	tsn_buf_done(&out);
	query_mem_done(&m);
}

static void
test_formats(void **state)
{
	struct tsn_buf out;
	struct query_mem m;

	(void)state;
	query_mem_init(&m);
	query_mem_load(&m, "{\"a\":\"x,\\\"y\\\"\\r\\n\",\"b\":[1,\"2\"],\"c\":\"\",\"d\":null,\"e\":\"\\u001b[31m\","
	    "\"f\":1.50}\n");
	tsn_buf_init(&out, 1u << 20);
	m.format = TSN_WRITE_CSV;
	query_mem_answer(&m, "* | fields a,b,c,d,f", &out);
	assert_string_equal(out.ptr, "a,b,c,d,f\r\n\"x,\"\"y\"\"\r\n\",\"[1,\"\"2\"\"]\",\"\",,1.5\r\n");
	m.format = TSN_WRITE_TABLE;
	query_mem_answer(&m, "* | fields e,f", &out);
	assert_string_equal(out.ptr, "e           f\n\\x1b[31m  1.5\n");
	tsn_buf_done(&out);
	query_mem_done(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_formats),
	};

	return cmocka_run_group_tests_name("query_stage", tests, NULL, NULL);
}
