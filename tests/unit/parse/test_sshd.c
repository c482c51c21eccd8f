#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parse_case.h"

#define H "Nov 30 06:39:00 web1 sshd[22116]: "

static const struct {
	const char *record, *expect;
} cases[] = {
	{H "Failed password for root from 192.0.2.7 port 4711 ssh2",
	    "@timestamp=2025-11-30T06:39:00.000Z|host.name=web1|process.name=sshd|process.pid=22116|"
	    "event.dataset=system.auth|event.category=authentication|event.action=ssh_login|"
	    "event.outcome=failure|event.type=start|source.ip=192.0.2.7|source.port=4711|user.name=root|"
	    "sshd.method=password|!sshd.invalid_user|"
	    "message=Failed password for root from 192.0.2.7 port 4711 ssh2"},
	{H "Failed password for invalid user a b from 192.0.2.7 port 4711 ssh2",
	    "user.name=a b|sshd.invalid_user=true|event.outcome=failure"},
	{H "Accepted publickey for eve from 2001:db8::1 port 22 ssh2: RSA SHA256:abc",
	    "event.outcome=success|source.ip=2001:db8::1|sshd.key_type=RSA|sshd.key_hash=SHA256:abc"},
	{H "Invalid user admin  from 192.0.2.7", "user.name=admin |event.action=ssh_invalid_user"},
	{H "Invalid user x from 10.0.0.1 port 1 ssh2 from 192.0.2.7 port 99",
	    "user.name=x from 10.0.0.1 port 1 ssh2|source.ip=192.0.2.7|source.port=99"},
	{H "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= "
	    "rhost=192.0.2.7  user=root", "event.provider=pam|event.action=pam_authentication|"
	    "event.outcome=failure|source.ip=192.0.2.7|user.name=root|pam.tty=ssh"},
	{"Jun 14 15:16:01 combo sshd(pam_unix)[19939]: authentication failure; logname= uid=0 euid=0 "
	    "tty=NODEVssh ruser= rhost=218.188.2.4 ", "process.name=sshd|process.pid=19939|"
	    "source.ip=218.188.2.4|!user.name|event.provider=pam"},
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
