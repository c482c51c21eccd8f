#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parse_case.h"

static const struct parse_form cases[] = {
	{"<34>Oct 11 22:14:15 mymachine su: 'su root' failed for lonvick on /dev/pts/8",
	    "@timestamp=2025-10-11T22:14:15.000Z|host.name=mymachine|process.name=su|"
	    "log.syslog.priority=34|log.syslog.facility.name=auth|log.syslog.severity.name=critical"},
	{"Dec 12 06:50:25    foo[36669]: bar", "!host.name|process.name=foo|process.pid=36669|message=bar"},
	{"2024-02-03T04:05:06.789+01:00 h1 prog[7]: hello", "@timestamp=2024-02-03T03:05:06.789Z|"
	    "host.name=h1|process.name=prog|message=hello|event.dataset=system.syslog"},
	{"Feb 30 04:05:06 h1 prog: x", "tags=time_unknown|message=x"},
	{"Feb 29 04:05:06 h1 prog: x", "@timestamp=2024-02-29T04:05:06.000Z"},
	{"Jun  9 06:06:20 combo syslogd 1.4.1: restart.", "process.name=syslogd|message=restart."},
	{"just some text", "message=just some text|event.dataset=generic|tags=time_unknown"},
	{"", "message=|event.dataset=generic"},
	{"<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 "
	    "[exampleSDID@32473 iut=\"3\" eventID=\"10\\\"11\"] An application event",
	    "@timestamp=2003-10-11T22:14:15.003Z|host.name=mymachine.example.com|process.name=evntslog|"
	    "log.syslog.msgid=ID47|log.syslog.structured_data.exampleSDID@32473.iut=3|"
	    "log.syslog.structured_data.exampleSDID@32473.eventID=10\"11|message=An application event"},
	{"<165>1 2003-10-11T22:14:15.003 h a - - -", "event.kind=pipeline_error"},
};

static void
test_forms(void **state)
{
	(void)state;
	assert_true(parse_case_forms(cases, sizeof cases / sizeof cases[0]));
}

static void
test_kinds(void **state)
{
	static const char *const names[][2] = {{"system.syslog", "system.syslog"},
	    {"syslog", "system.syslog"}, {"sshd", "system.auth"}, {"auditd", "auditd.log"},
	    {"cef", "cef.log"}, {"iptables", "iptables.log"}, {"apache", NULL}, {"", NULL},
	    {"no such kind", NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const struct tsn_parser_desc *d = tsn_parser_find(tsn_slice_cstr(names[i][0]));

		if (names[i][1] == NULL)
			assert_null(d);
		else
			assert_true(d != NULL && strcmp(d->kind, names[i][1]) == 0);
	}
}

/* A source that names its kind: its records are that or errors. */
static void
test_fixed(void **state)
{
	static struct parse_case c;

	(void)state;
	parse_case_open(&c);
	c.source.kind = TSN_SLICE("cef.log");
	assert_true(parse_case_expect(&c, "CEF:0|a|b|c|d|e|f|src=192.0.2.1", "source.ip=192.0.2.1"));
	assert_true(parse_case_expect(&c, "Nov 30 06:39:00 h x: y", "event.kind=pipeline_error|"
	    "event.dataset=cef.log"));
	c.source.kind = TSN_SLICE("sshd");
	assert_true(parse_case_expect(&c, "Nov 30 06:39:00 h sshd[1]: Invalid user x from 192.0.2.1",
	    "user.name=x|event.dataset=system.auth"));
	parse_case_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms),
	    cmocka_unit_test(test_kinds), cmocka_unit_test(test_fixed)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
