#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parse_case.h"

static const struct parse_form cases[] = {
	{"time=\"2021-09-15T21:17:10.220731Z\" level=error msg=\"a \\\"b\\\"\" namespace=ns-2 reason= n=5 z=05",
	    "event.dataset=kv|@timestamp=2021-09-15T21:17:10.220731Z|log.level=error|message=a \"b\"|"
	    "namespace=ns-2|n=5|z=05|level=error"},
	{"date=2019-05-10 time=11:37:47 devname=\"fw1\" srcip=10.1.100.11 srcport=58012 dstip=192.0.2.3 "
	    "dstport=443 action=\"deny\" user=\"bob\"", "@timestamp=2019-05-10T11:37:47.000Z|source.ip="
	    "10.1.100.11|source.port=58012|destination.ip=192.0.2.3|destination.port=443|"
	    "event.action=deny|user.name=bob|kv.user=bob|host.name=fw1|devname=fw1"},
	{"t=2020-10-19T17:44:33+0200 lvl=eror msg=\"Invalid\" logger=context uname= error=\"Bad\" "
	    "remote_addr=182.56.23.12", "source.ip=182.56.23.12|error.message=Bad|log.level=eror|"
	    "@timestamp=2020-10-19T15:44:33.000Z|!user.name"},
	{"a=1 b=2", "event.dataset=generic"},
	{"a=1 b=2 c=3 and text", "event.dataset=generic|message=a=1 b=2 c=3 and text"},
	{"a=1 b=\"2 c=3", "event.dataset=generic"},
	{"Jan  1 10:00:00 h app[1]: level=info client=10.0.0.1 path=/x", "event.dataset=kv|host.name=h|"
	    "source.ip=10.0.0.1|path=/x|log.level=info"},
};

static void
test_forms(void **state)
{
	(void)state;
	assert_true(parse_case_forms(cases, sizeof cases / sizeof cases[0]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
