#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "parse/grok.h"

static struct tsn_grok_set *set;

static int
open_set(void **state)
{
	(void)state;
	set = tsn_grok_set_new();
	TSN_ASSERT(set != NULL);
	TSN_ASSERT(tsn_grok_set_add_builtin(set, false, NULL) == TSN_OK);
	return 0;
}

static int
close_set(void **state)
{
	(void)state;
	tsn_grok_set_free(set);
	return 0;
}

/* "field=text" or "field:int=text", joined by '|'; "-" for no match, "!" when given up. */
static void
render(const char *pattern, struct tsn_slice text, const struct tsn_grok_options *opt, char *out,
    size_t cap)
{
	static const char *const types[] = {"", ":int", ":float"};
	struct tsn_slice p = tsn_slice_cstr(pattern);
	const struct tsn_grok_field *fields;
	struct tsn_grok_scratch *s;
	struct tsn_grok_result r;
	struct tsn_err err = {0};
	struct tsn_grok *g;
	enum tsn_code code;
	size_t n = 0, count;

	if (tsn_grok_compile(set, &p, 1, opt, &g, &err) != TSN_OK) {
		(void)snprintf(out, cap, "error: %s", err.msg);
		return;
	}
	s = tsn_grok_scratch_new(g);
	TSN_ASSERT(s != NULL);
	fields = tsn_grok_fields(g, &count);
	code = tsn_grok_match(g, s, text, 0, &r);
	(void)snprintf(out, cap, "%s", code == TSN_OK ? "" : code == TSN_ELIMIT ? "!" : "-");
	for (uint32_t i = 0; code == TSN_OK && i < r.count && n < cap; i++) {
		const struct tsn_grok_field *f = &fields[r.captures[i].field];

		n += (size_t)snprintf(out + n, cap - n, "%s%.*s%s=%.*s", i == 0 ? "" : "|",
		    TSN_SLICE_ARG(f->name), types[f->type], TSN_SLICE_ARG(r.captures[i].text));
	}
	tsn_grok_scratch_free(s);
	tsn_grok_free(g);
}

static const struct {
	const char *pattern, *text, *expect;
} cases[] = {
	{"%{WORD:a} %{INT:b:int}", "x one 2 y", "a=one|b:int=2"},
	{"%{WORD:[a][b]}/%{NUMBER:[a][c]:float}", "one/2.5", "[a][b]=one|[a][c]:float=2.5"},
	{"%{WORD:a} %{WORD:a}", "one two", "a=one|a=two"},
	{"%{WORD:a} %{NOTSPACE:b} %{WORD:a}", "one two three", "a=one|a=three|b=two"},
	{"(?<a>\\d+)-(?<b>\\h+)", "12-beef", "a=12|b=beef"},
	{"(?<[x][y]>..)", "abc", "[x][y]=ab"},
	{"(?'a'x)", "x", "a=x"},
	{"^%{DATA:a}=%{GREEDYDATA:b}$", "k=v=w", "a=k|b=v=w"},
	{"a%{DATA:x}b", "ab", ""},
	{"%{WORD:a}( %{WORD:b})?", "one", "a=one"},
	{"(x)(?<a>y)", "xy", "a=y"},
	{"^b$", "a\nb\nc", ""},
	{"a.b", "a\nb", "-"},
	{"(?m)a.b", "a\nb", ""},
	{"(?<q>['\"]).*\\k<q>", "x 'y' z", "q='"},
	{"[[:alpha:]&x]+%{WORD:w}", "\303\244b", "w=b"},
	{"(?<a>\\p{Alpha}+)1", "\303\244b1", "a=\303\244b"},
	{"(?<a>[a[bc]]+)", "xxabcd", "a=abc"},
	{"x{,2}y", "xxy", ""},
	{"5% %{WORD:a}", "5% x", "a=x"},
	{"100%{}", "100%{}", "error: "},
	{"%{WORDS:a}", "x", "error: grok pattern %{WORDS} is not defined; the nearest is WORD"},
	{"%{NOPE_NOPE_NOPE}", "x", "error: grok pattern %{NOPE_NOPE_NOPE} is not defined"},
	{"(?<a>x", "x", "error: grok pattern: missing closing parenthesis"},
	{"[a", "x", "error: grok pattern: a class [ ] does not end"},
	{"[a&&b]", "x", "error: grok pattern: intersections"},
	{"x\\", "x", "error: grok pattern ends with a backslash"},
	{"(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "!"},
	{"%{CISCOFW106015}", "Deny TCP (no connection) from 192.0.2.1/443 to 198.51.100.2/52000 flags "
	    "FIN ACK  on interface outside", "action=Deny|protocol=TCP|policy_id=no connection|"
	    "src_ip=192.0.2.1|src_port=443|dst_ip=198.51.100.2|dst_port=52000|tcp_flags=FIN ACK |"
	    "interface=outside"},
	{"%{CRONLOG}", "Jan  1 00:00:01 h CRON[12]: (root) CMD (run-parts)", "timestamp=Jan  1 00:00:01|"
	    "logsource=h|program=CRON|pid=12|user=root|action=CMD|message=run-parts"},
	{"%{POSTGRESQL}", "10/11/2020 12:00:01 UTC me 5f.1 77", "timestamp=10/11/2020 12:00:01|user_id=me|"
	    "connection_id=5f.1|pid=77"},
	{"%{SQUID3}", "1286536308.779    180 192.0.2.2 TCP_MISS/200 411 GET http://a.example/ - "
	    "DIRECT/192.0.2.9 text/html", "timestamp=1286536308.779|duration=180|"
	    "client_address=192.0.2.2|cache_result=TCP_MISS|status_code=200|bytes=411|"
	    "request_method=GET|url=http://a.example/|hierarchy_code=DIRECT|server=192.0.2.9|"
	    "content_type=text/html"},
	{"%{JAVASTACKTRACEPART}", "    at a.b.C.run(C.java:12)",
	    "class=a.b.C|method=run|file=C.java|line=12"},
	{"%{RUBY_LOGGER}", "I, [2020-01-02T03:04:05.678 #99]  INFO -- app: started",
	    "timestamp=2020-01-02T03:04:05.678|pid=99|loglevel=INFO|progname=app|message=started"},
	{"%{MONGO3_LOG}", "2020-01-02T03:04:05.678+0100 I NETWORK  [conn1] end connection",
	    "timestamp=2020-01-02T03:04:05.678+0100|severity=I|component=NETWORK|context=conn1|"
	    "message=end connection"},
	{"%{HAPROXYTCP}", "Dec  9 13:01:26 lb haproxy[28029]: 127.0.0.1:39759 "
	    "[09/Dec/2013:12:59:46.633] fe be/srv 0/0/15007 212 -- 1/2/3/4/0 5/6",
	    "syslog_timestamp=Dec  9 13:01:26|syslog_server=lb|program=haproxy|pid=28029|"
	    "client_ip=127.0.0.1|client_port=39759|accept_date=09/Dec/2013:12:59:46.633|"
	    "haproxy_monthday=09|haproxy_month=Dec|haproxy_year=2013|haproxy_time=12:59:46|"
	    "haproxy_hour=12|haproxy_minute=59|haproxy_second=46|haproxy_milliseconds=633|"
	    "frontend_name=fe|backend_name=be|server_name=srv|time_queue=0|time_backend_connect=0|"
	    "time_duration=15007|bytes_read=212|termination_state=--|actconn=1|feconn=2|beconn=3|"
	    "srvconn=4|retries=0|srv_queue=5|backend_queue=6"},
	{"%{RT_FLOW3}", "RT_FLOW_SESSION_DENY: session denied 192.0.2.1/1->192.0.2.2/53 junos-dns 17(0) "
	    "p1 trust untrust", "event=RT_FLOW_SESSION_DENY|src-ip=192.0.2.1|src-port=1|"
	    "dst-ip=192.0.2.2|dst-port=53|service=junos-dns|protocol-id=17|policy-name=p1|"
	    "from-zone=trust|to-zone=untrust"},
	{"%{BACULA_LOGLINE}", "09-Nov 01:00 bak-dir JobId 7: No Files found to prune.",
	    "bts=09-Nov 01:00|hostname=bak-dir|jobid=7"},
	{"%{BIND9}", "19-Feb-2018 18:06:56.652 queries: INFO: client 192.0.2.1#6344 (a.example): query: "
	    "a.example IN A + (192.0.2.53)", "timestamp=19-Feb-2018 18:06:56.652|loglevel=INFO|"
	    "clientip=192.0.2.1|clientport=6344|query=a.example|query=a.example|querytype=A|"
	    "dns=192.0.2.53"},
	{"%{RAILS3HEAD}", "Started GET \"/x?a=1\" for 192.0.2.1 at 2020-01-02 03:04:05 +0000", "verb=GET|"
	    "request=/x?a=1|clientip=192.0.2.1|timestamp=2020-01-02 03:04:05 +0000"},
	{"%{URI:u}", "see https://me@a.example:81/p?q=1 now", "u=https://me@a.example:81/p?q=1|port=81"},
	{"%{IPV6:i}", "to 2001:db8::1 end", "i=2001:db8::1"},
	{"%{MAC:m} %{UUID:u}", "00:11:22:33:44:55 01234567-89ab-cdef-0123-456789abcdef",
	    "m=00:11:22:33:44:55|u=01234567-89ab-cdef-0123-456789abcdef"},
	{"%{SYSLOGTIMESTAMP:t} %{SYSLOGHOST:h} %{DATA:p}(?:\\[%{POSINT:pid}\\])?: %{GREEDYDATA:m}",
	    "Dec 23 12:11:43 louis postfix/smtpd[31499]: connect from unknown[95.75.93.154]",
	    "t=Dec 23 12:11:43|h=louis|p=postfix/smtpd|pid=31499|m=connect from unknown[95.75.93.154]"},
};

static void
meaning(void **state)
{
	static const struct tsn_grok_options regex_only = {.regex_only = true};
	char out[1024];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct tsn_slice text = tsn_slice_cstr(cases[i].text);

		for (int plain = 0; plain < 2; plain++) {
			render(cases[i].pattern, text, plain ? &regex_only : NULL, out, sizeof out);
			if (strncmp(cases[i].expect, "error", 5) == 0)
				out[strnlen(cases[i].expect, sizeof out - 1)] = '\0';
			if (strcmp(cases[i].expect, "error: ") == 0)
				continue;
			assert_string_equal(out, cases[i].expect);
		}
	}
}

static void
options(void **state)
{
	static const struct tsn_grok_options all = {.all_captures = true},
	    keep = {.keep_empty_captures = true};
	char out[256];

	(void)state;
	render("%{WORD} %{INT:n}", TSN_SLICE("one 2"), &all, out, sizeof out);
	assert_string_equal(out, "WORD=one|n=2");
	render("a%{DATA:x}b(?<c>c)?", TSN_SLICE("ab"), &keep, out, sizeof out);
	assert_string_equal(out, "x=");
}

static void
definitions(void **state)
{
	struct tsn_err err = {0};
	char out[256];

	(void)state;
	assert_int_equal(tsn_grok_set_add_text(set, TSN_SLICE("my"),
	    TSN_SLICE("# own\n\nMYID [A-Z]{2}\\d+\nMYPAIR %{MYID:l}/%{MYID:r}\nLOOP_A x%{LOOP_B}\n"
	    "LOOP_B y%{LOOP_A}\r\n"), &err), TSN_OK);
	render("%{MYPAIR}", TSN_SLICE("AB1/CD22"), NULL, out, sizeof out);
	assert_string_equal(out, "l=AB1|r=CD22");
	render("%{LOOP_A}", TSN_SLICE("x"), NULL, out, sizeof out);
	assert_string_equal(out, "error: grok pattern LOOP_A contains itself");
	assert_int_equal(tsn_grok_set_add_text(set, TSN_SLICE("bad"), TSN_SLICE("A b\nB-C d\n"), &err),
	    TSN_EPARSE);
	assert_string_equal(err.msg,
	    "bad:2: \"B-C\" is no name of a grok pattern: up to 128 letters, digits and _");
	/* A definition made anew is used by what the program carries. */
	assert_int_equal(tsn_grok_set_add(set, TSN_SLICE("SYSLOGHOST"), TSN_SLICE("<\\w+>"), &err),
	    TSN_OK);
	render("%{SYSLOGHOST:h} %{WORD:w}", TSN_SLICE("a <b> c"), NULL, out, sizeof out);
	assert_string_equal(out, "h=<b>|w=c");
	close_set(NULL);
	open_set(NULL);
}

static void
expansion_is_bounded(void **state)
{
	char name[16], regex[256], out[256];

	(void)state;
	for (int i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof name, "BOMB%d", i);
		(void)snprintf(regex, sizeof regex, i == 0 ? "x" : "%%{BOMB%d}%%{BOMB%d}", i - 1, i - 1);
		assert_int_equal(tsn_grok_set_add(set, tsn_slice_cstr(name), tsn_slice_cstr(regex), NULL),
		    TSN_OK);
	}
	render("%{BOMB39}", TSN_SLICE("x"), NULL, out, sizeof out);
	assert_string_equal(out,
	    "error: grok pattern is longer than 262144 bytes when its names are put in");
}

/* Every definition that is shipped compiles, in both sets. */
static void
shipped(void **state)
{
	(void)state;
	for (int ecs = 0; ecs < 2; ecs++) {
		struct tsn_grok_set *s = tsn_grok_set_new();
		unsigned wrong = 0;

		TSN_ASSERT(s != NULL);
		assert_int_equal(tsn_grok_set_add_builtin(s, ecs == 1, NULL), TSN_OK);
		assert_true(tsn_grok_set_count(s) > 50);
		for (size_t i = 0; i < tsn_grok_set_count(s); i++) {
			struct tsn_slice name, regex, p;
			struct tsn_err err = {0};
			struct tsn_grok *g;
			char ref[160];

			tsn_grok_set_get(s, i, &name, &regex);
			(void)snprintf(ref, sizeof ref, "%%{%.*s}", TSN_SLICE_ARG(name));
			p = tsn_slice_cstr(ref);
			if (tsn_grok_compile(s, &p, 1, NULL, &g, &err) != TSN_OK) {
				print_message("%s: %s\n", ref, err.msg);
				wrong++;
				continue;
			}
			tsn_grok_free(g);
		}
		tsn_grok_set_free(s);
		assert_int_equal(wrong, 0);
	}
}

/* A list is tried in its order, from where it was asked, however many stand before. */
static void
lists(void **state)
{
	static char texts[150][64];
	struct tsn_slice patterns[150];
	struct tsn_grok_result r;
	struct tsn_grok_scratch *s;
	struct tsn_grok *g;

	(void)state;
	for (uint32_t i = 0; i < 150; i++) {
		/* some without a literal, some with a short one, most with their own */
		(void)snprintf(texts[i], sizeof texts[i], i % 50 == 49 ? "^%%{WORD:w}$" : i % 50 == 48 ?
		    "^%%{WORD:w} a%%{INT:n}$" : "daemon%u: %%{WORD:w} of %u", i, i);
		patterns[i] = tsn_slice_cstr(texts[i]);
	}
	assert_int_equal(tsn_grok_compile(set, patterns, 150, NULL, &g, NULL), TSN_OK);
	s = tsn_grok_scratch_new(g);
	assert_non_null(s);
	for (uint32_t i = 0; i < 150; i++) {
		char text[64];
		uint32_t first = i % 50 == 49 ? 49 : i % 50 == 48 ? 48 : i;

		(void)snprintf(text, sizeof text, i % 50 == 49 ? "word" : i % 50 == 48 ? "word a7" :
		    "daemon%u: word of %u", i, i);
		assert_int_equal(tsn_grok_match(g, s, tsn_slice_cstr(text), 0, &r), TSN_OK);
		assert_int_equal(r.pattern, first);
		assert_int_equal(tsn_grok_match(g, s, tsn_slice_cstr(text), i, &r), TSN_OK);
		assert_int_equal(r.pattern, i);
		if (i % 50 < 48)
			assert_int_equal(tsn_grok_match(g, s, tsn_slice_cstr(text), i + 1, &r),
			    TSN_ENOTFOUND);
	}
	tsn_grok_scratch_free(s);
	tsn_grok_free(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(meaning),
		cmocka_unit_test(options),
		cmocka_unit_test(definitions),
		cmocka_unit_test(expansion_is_bounded),
		cmocka_unit_test(shipped),
		cmocka_unit_test(lists),
	};

	return cmocka_run_group_tests(tests, open_set, close_set);
}
