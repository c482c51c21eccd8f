#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parse_case.h"

static const struct {
	const char *record, *expect;
} cases[] = {
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
	static struct parse_case c;
	bool ok = true;

	(void)state;
	parse_case_open(&c);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ok &= parse_case_expect(&c, cases[i].record, cases[i].expect);
	parse_case_close(&c);
	assert_true(ok);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
