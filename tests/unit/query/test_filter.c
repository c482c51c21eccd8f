#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "query_mem.h"

static const char docs[] =
    "{\"n\":1,\"user\":{\"name\":\"root\"},\"source\":{\"ip\":\"10.1.2.3\",\"port\":22},"
    "\"message\":\"Failed password for root from 10.1.2.3 port 22\",\"tags\":[\"a\",\"b\"]}\n"
    "{\"n\":2,\"user\":{\"name\":\"Admin\"},\"source\":{\"ip\":\"192.168.0.7\",\"port\":\"8080\"},"
    "\"message\":\"Accepted publickey for Admin\",\"ok\":true,\"v\":5}\n"
    "{\"n\":3,\"user\":{\"name\":\"\"},\"path\":\"C:\\\\Windows\\\\System32\\\\cmd.exe\","
    "\"message\":\"time 12:34:56 user=root failed_login\",\"v\":5.0,\"nul\":null}\n"
    "{\"n\":4,\"source\":{\"ip\":\"2001:db8::1\"},\"list\":[{\"a\":1,\"b\":\"x\"},{\"a\":300,"
    "\"b\":\"y\"}],\"v\":\"5\",\"empty\":[],\"obj\":{},\"url\":{\"path\":\"/admin/login\"}}\n"
    "{\"n\":5,\"@timestamp\":\"2026-01-01T12:00:00.500Z\",\"user\":{\"name\":\"web-1 (x)\"},"
    "\"v\":\"50\",\"text\":\"line one\\nline \\\"two\\\"\",\"when\":\"2025-06-01T00:00:00Z\"}\n"
    "{\"n\":6,\"user\":{\"name\":\"*\"},\"v\":-7,\"big\":9007199254740993,\"and\":1,"
    "\"message\":\"\xc3\x84pfel \xd0\x9f\xd1\x80\xd0\xb8\"}\n";

/* What a filter matches, as the numbers of the documents, oldest first. */
static const struct {
	const char *query;
	const char *want;
} cases[] = {
	{"*", "123456"}, {"", "123456"}, {"root", "13"}, {"ROOT", "13"}, {"roo", ""}, {"roo*", "13"},
	{"\"Failed password\"", "1"}, {"\"password failed\"", ""}, {"failed", "1"}, {"fail*", "13"},
	{"failed root", "1"}, {"failed or accepted", "12"}, {"failed and not root", ""},
	{"not root", "2456"}, {"NOT root AND NOT admin", "56"}, {"!root", "2456"},
	{"user.name:root", "1"}, {"user.name:ROOT", "1"}, {"user.name == ROOT", ""},
	{"user.name == \"root\"", "1"}, {"user.name:(root or admin)", "12"},
	{"user.name:(root admin)", ""}, {"user.name:(not root)", "23456"},
	{"user.name != root", "23456"}, {"user.name:*", "12356"}, {"not user.name:*", "4"},
	{"user.name:\"\"", "3"}, {"user.name:a*", "2"}, {"user.name:?dmin", "2"},
	{"user.name:\\*", "6"}, {"user.name:\"*\"", "6"}, {"user.name:\"web-1 (x)\"", "5"},
	{"user.name:web-1\\ \\(x\\)", "5"}, {"user.name:web-1*", "5"}, {"user:*", "12356"},
	{"message:failed", "1"}, {"message:*password*", "1"}, {"message:\"for root\"", "1"},
	{"message == \"Accepted publickey for Admin\"", "2"}, {"message:*", "1236"},
	{"source.ip:10.0.0.0/8", "1"}, {"source.ip:\"192.168.0.0/16\"", "2"},
	{"source.ip:2001:db8::/32", "4"}, {"source.ip:2001:DB8:0::1", "4"},
	{"source.ip:(10.0.0.0/8 or 192.168.0.7)", "12"}, {"10.1.2.3", "1"}, {"1.2.3", "1"},
	{"12:34:56", "3"}, {"2001:db8::1", "4"}, {"user.name=root", "1"},
	{"\"user=root\"", "3"}, {"source.port:22", "1"}, {"source.port:8080", "2"},
	{"source.port:8080.0", "2"}, {"source.port >= 22", "12"}, {"source.port > 22", "2"},
	{"source.port < 8080", "1"}, {"source.port:>=8080", "2"}, {"source.port:[22 to 8080]", "12"},
	{"source.port:{22 to 8080]", "2"}, {"source.port:[22 TO 8080}", "1"},
	{"source.port:[* to 100]", "1"}, {"source.port:[* to *]", "12"},
	{"v:5", "234"}, {"v:5.0", "234"}, {"v == 5", "234"}, {"v:50", "5"}, {"v:-7", "6"},
	{"v < 0", "6"}, {"v:[4 to 6]", "234"}, {"ok:true", "2"}, {"ok:false", ""},
	{"tags:a", "1"}, {"tags[0]:a", "1"}, {"tags[1]:a", ""}, {"tags[1]:b", "1"}, {"tags[2]:*", ""},
	{"tags:(a and b)", "1"}, {"list.a:300", "4"}, {"list[1].a:300", "4"}, {"list[0].a:300", ""},
	{"list.a:[2 to 299]", ""}, {"list.a:[2 to 300]", "4"}, {"list:*", "4"}, {"list[1]:*", "4"},
	{"list[2]:*", ""}, {"empty:*", "4"}, {"obj:*", "4"}, {"nul:*", "3"}, {"nul:null", "3"},
	{"nope:null", ""}, {"not nope:*", "123456"}, {"nul:\"\"", ""},
	{"path:\"C:\\Windows\\System32\\cmd.exe\"", "3"},
	{"path:\"c:\\\\windows\\\\system32\\\\CMD.EXE\"", "3"}, {"path:*\\\\cmd.exe", "3"},
	{"path:*\\cmd.exe", "3"}, {"text:\"line one\\nline \\\"two\\\"\"", "5"},
	{"user.name:/^ro+t$/", "1"}, {"user.name:/^RO+T$/", ""}, {"user.name:/^RO+T$/i", "1"},
	{"message:/Failed .* from/", "1"}, {"message:/time 12\\:/ n:3", "3"},
	{"message:/Failed .* from/ and not message:/zz/", "1"}, {"url.path:/admin/login", "4"},
	{"url.path:\"/admin/login\"", "4"}, {"url.path:/adm.*/", "4"},
	{"url.path:/nope or url.path:/admin/login", "4"}, {"url.path:/\\/admin\\//", "4"},
	{"@timestamp:2026-01-01", "123456"}, {"@timestamp >= 2026-01-01T12:00:00Z", "56"},
	{"@timestamp < 2026-01-01T12:00:00Z", "1234"}, {"@timestamp:\"2026-01-01T12:00:00Z\"", "5"},
	{"@timestamp > now-13h", "56"}, {"@timestamp:[2026-01-01 to 2026-01-01]", "123456"},
	{"@timestamp > 2026-01-01", ""}, {"@timestamp >= 2026-01-02 or n:1", "1"},
	{"not @timestamp >= \"2026-01-01 12:00:00\"", "1234"}, {"when < 2025-07-01", "5"},
	{"when:2025-06-01", "5"}, {"when:[2025-01-01 to 2025-12-31]", "5"}, {"when > 2025-07-01", ""},
	{"source.ip:[10.1.2.0 to 10.1.2.3]", "1"}, {"source.ip:[10.1.2.0 to 10.1.2.3}", ""},
	{"source.ip:{10.1.2.3 to 200.0.0.0]", "2"}, {"source.ip >= 10.1.2.3", "12"},
	{"source.ip < 100.0.0.0", "1"}, {"source.ip > 192.168.0.6", "2"},
	{"source.ip <= 255.255.255.255", "12"}, {"source.ip > 255.255.255.255", ""},
	{"source.ip >= 2001::", "4"}, {"source.ip:[2001:db8:: to 2001:db8::f]", "4"},
	{"source.ip:[10.9.0.0 to 10.1.0.0]", ""}, {"source.ip:[* to 10.1.2.3]", "1"},
	{"user.name:[a to c]", "2"}, {"user.name >= s", "5"}, {"big:9007199254740993", "6"},
	{"big:9007199254740992", ""}, {"and:1", "6"}, {"(n:1 or n:2) and (n:2 or n:3)", "2"},
	{"n:1 or n:2 and n:3", "1"}, {"n:1 || n:2 && n:2", "12"}, {"\xc3\xa4PFEL", "6"},
	{"\xd0\xbf\xd0\xa0\xd0\xb8", "6"}, {"pfel", ""}, {"n:(1 or (2 and not 3))", "12"},
	{"n:1 n:1 and n:1", "1"}, {"  n:1  ", "1"}, {"n : 1", "1"}, {"n>=6", "6"},
};

static void
run_cases(bool store, bool sealed)
{
	struct tsn_buf out;
	struct query_mem m;
	int bad = 0;

	query_mem_init(&m);
	query_mem_load(&m, docs);
	if (store)
		query_mem_use_store(&m, sealed);
	tsn_buf_init(&out, 1u << 20);
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		char query[300], got[64] = "";
		size_t n = 0;

		(void)snprintf(query, sizeof query, "%s | sort n | fields n", cases[i].query);
		query_mem_answer(&m, query, &out);
		for (const char *p = out.ptr; *p != '\0' && n < sizeof got - 1; p++)
			if (*p >= '0' && *p <= '9')
				got[n++] = *p;
		if (strncmp(out.ptr, "error", 5) == 0 || strcmp(got, cases[i].want) != 0) {
			print_error("%s: want %s, got %s\n", cases[i].query, cases[i].want,
			    out.ptr[0] == 'e' ? out.ptr : got);
			bad++;
		}
	}
	tsn_buf_done(&out);
	query_mem_done(&m);
	assert_int_equal(bad, 0);
}

static void
test_cases(void **state)
{
	(void)state;
	run_cases(false, false);
}

static void
test_cases_store(void **state)
{
	(void)state;
	run_cases(true, false);
	run_cases(true, true);
}

static const struct {
	const char *query;
	const char *want;	/* begin of the message */
} errors[] = {
	{"user.name:", "column 11: expected a value"},
	{"(root", "column 6: expected ')', found the end of the query"},
	{"root)", "column 5: expected '|' or the end of the query, found \")\""},
	{"\"root", "column 1: expected a closing \" for this one"},
	{"a:[1 2]", "column 6: expected \"to\""},
	{"a:[1 to 2", "column 10: expected ']' or '}'"},
	{"a:[1* to 2]", "column 4: expected a bound"},
	{"and", "column 1"}, {"a and", "column 6: expected"}, {"a or or b", "column 6"},
	{"not", "column 4: expected"}, {"@timestamp > yesterday", "column 14: expected a time"},
	{"@timestamp:[2026 to x]", "column 21: expected a time"}, {"a*:1", "column 1: expected a field"},
	{"a[x]:1", "column 3: expected a number between"}, {"a:/(/", "column 3"},
	{"rhost=", "column 7: expected a value"}, {"\xc3\xa4 \xc3\xa4:", "column 5: expected a value"},
	{"a >= b*", "column 6: expected a number"}, {"\xff", "expected the query to be UTF-8"},
	{"a:()", "column 4"}, {"| nope", "column 3: expected a stage"}, {"a |", "column 4: expected a stage"},
	{"a b | stats count() as n | where m > 1", "column 34: expected a column of the rows here (n)"},
	{"* | stats foo(x)", "column 11: expected count"}, {"* | where x >", "column 14: expected"},
	{"* | where frob(x)", "column 11: expected a function"}, {"* | head x", "column 10: expected"},
	{"* | where substr(x)", "column 11: expected substr("}, {"* | stats sum", "column 14"},
	{"* | stats count() by x span=foo", "column 29: expected a span"},
	{"* | where matches(x, \"(\")", "column"}, {"* | eval x", "column 11: expected '='"},
	{"* | sort", "column 9: expected a field"},
	{"* | top 3 user by host", "column 16: expected a field name"}, {"* | fields", "column 11: expected a field"},
	{"* | stats count() count()", "column 5: expected a different name"},
};

static void
test_errors(void **state)
{
	struct tsn_buf out;
	struct query_mem m;
	int bad = 0;

	(void)state;
	query_mem_init(&m);
	tsn_buf_init(&out, 1u << 20);
	for (size_t i = 0; i < TSN_COUNT(errors); i++) {
		query_mem_answer(&m, errors[i].query, &out);
		if (strncmp(out.ptr, "error: ", 7) != 0 ||
		    strncmp(out.ptr + 7, errors[i].want, strlen(errors[i].want)) != 0) {
			print_error("%s: want %s, got %s\n", errors[i].query, errors[i].want, out.ptr);
			bad++;
		}
	}
	tsn_buf_done(&out);
	query_mem_done(&m);
	assert_int_equal(bad, 0);
}

/* Deep and long queries are refused, not obeyed until the stack ends. */
static void
test_bounds(void **state)
{
	static const char *const units[] = {"(", "not ", "a:(", "a ", "a or ", "| head ", "| where 1+",
	    "| where -", "| where (", "1+", "\"", "a:[", "| eval a=1"};
	struct tsn_buf out, query;
	struct query_mem m;

	(void)state;
	query_mem_init(&m);
	tsn_buf_init(&out, 1u << 20);
	tsn_buf_init(&query, 1u << 20);
	for (size_t i = 0; i < TSN_COUNT(units); i++) {
		tsn_buf_reset(&query);
		if (i == 9)
			tsn_buf_lit(&query, "* | where ");
		while (query.len + 16 < TSN_QUERY_BYTES_MAX)
			tsn_buf_slice(&query, tsn_slice_cstr(units[i]));
		tsn_buf_char(&query, '\0');
		query_mem_answer(&m, query.ptr, &out);
	}
	tsn_buf_reset(&query);
	while (query.len <= TSN_QUERY_BYTES_MAX)
		tsn_buf_lit(&query, "a ");
	tsn_buf_char(&query, '\0');
	query_mem_answer(&m, query.ptr, &out);
	assert_non_null(strstr(out.ptr, "longer than"));
	tsn_buf_done(&query);
	tsn_buf_done(&out);
	query_mem_done(&m);
}

/* Searches leave a quarter of the key table to events. */
static void
test_names(void **state)
{
	struct tsn_buf out, query;
	struct query_mem m;
	unsigned n = 0;

	(void)state;
	query_mem_init(&m);
	query_mem_load(&m, docs);
	tsn_buf_init(&out, 1u << 20);
	tsn_buf_init(&query, 1u << 20);
	for (unsigned round = 0; round < 40; round++) {
		tsn_buf_reset(&query);
		while (query.len < 40000)
			tsn_buf_printf(&query, "n%u:1 ", n++);
		tsn_buf_char(&query, '\0');
		query_mem_answer(&m, query.ptr, &out);
	}
	assert_non_null(strstr(out.ptr, "too many names"));
	assert_true(tsn_keys_count(m.keys) < TSN_KEYS_MAX / 5 * 4);
	query_mem_answer(&m, "user.name:root and list[1].a:* or n:1 | fields n", &out);
	assert_string_equal(out.ptr, "{\"n\":1}\n");
	tsn_buf_done(&query);
	tsn_buf_done(&out);
	query_mem_done(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_cases_store),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("query_filter", tests, NULL, NULL);
}
