#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parse_case.h"

#define H "Nov 30 06:39:00 web1 sshd[22116]: "

static const struct parse_form cases[] = {
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
	{"Dec 10 07:11:42 h sshd[24224]: message repeated 5 times: [ Failed password for root from "
	    "192.0.2.7 port 4239 ssh2]", "event.count=5|event.action=ssh_login|event.outcome=failure|"
	    "user.name=root|source.ip=192.0.2.7|source.port=4239"},
	{"Dec 10 07:11:42 h sshd-session[4]: Accepted password for eve from 192.0.2.7 port 4 ssh2",
	    "process.name=sshd-session|event.outcome=success|sshd.method=password"},
	{H "Failed password for user from 192.0.2.7 port 20000 ssh1: ruser XXX from 10.0.0.1",
	    "source.ip=192.0.2.7|user.name=user"},
	{H "Failed hostbased for dan from 192.0.2.7 port 45785 ssh2: RSA 8c:e3:aa, client user \"dan\", "
	    "client host \"h\"", "sshd.method=hostbased|sshd.key_hash=8c:e3:aa|source.ip=192.0.2.7"},
	{H "Failed keyboard-interactive/pam for invalid user x from 2001:db8::1:1 port 33 ssh2",
	    "sshd.method=keyboard-interactive/pam|source.ip=2001:db8::1:1|sshd.invalid_user=true"},
	{H "Postponed keyboard-interactive for invalid user w from 192.0.2.7 port 5 ssh2 [preauth]",
	    "event.action=ssh_login_step|user.name=w"},
	{H "Invalid user  from 192.0.2.7 port 3", "user.name=|source.ip=192.0.2.7|source.port=3"},
	{H "input_userauth_request: invalid user admin  [preauth]", "user.name=admin |"
	    "event.action=ssh_userauth_request"},
	{H "Received disconnect from 192.0.2.7: 11: Bye Bye [preauth]", "event.action=ssh_disconnect|"
	    "source.ip=192.0.2.7|sshd.reason_code=11|event.reason=Bye Bye"},
	{H "Received disconnect from 192.0.2.7 port 58846:11: Normal Shutdown", "source.port=58846|"
	    "sshd.reason_code=11|event.reason=Normal Shutdown"},
	{H "error: Received disconnect from 192.0.2.7: 3: com.jcraft.jsch.JSchException: Auth fail",
	    "log.level=error|source.ip=192.0.2.7|sshd.reason_code=3"},
	{H "Disconnected from authenticating user root 192.0.2.7 port 33553 [preauth]",
	    "event.action=ssh_disconnect|user.name=root|source.ip=192.0.2.7|source.port=33553"},
	{H "Connection closed by invalid user  192.0.2.7 port 34916 [preauth]", "user.name=|"
	    "sshd.invalid_user=true|source.ip=192.0.2.7|event.action=ssh_connection_closed"},
	{H "Connection closed by authenticating user test 127.0.0.1 192.0.2.7 port 46039 [preauth]",
	    "user.name=test 127.0.0.1|source.ip=192.0.2.7"},
	{H "Connection closed by 192.0.2.7 [preauth]", "source.ip=192.0.2.7|!user.name"},
	{H "Connection reset by 192.0.2.7 port 14282 [preauth]", "event.action=ssh_connection_reset|"
	    "source.port=14282"},
	{H "Connection from 192.0.2.7 port 51280 on 192.0.2.16 port 22 rdomain \"\"",
	    "event.action=ssh_connection|destination.ip=192.0.2.16|destination.port=22"},
	{H "reverse mapping checking getaddrinfo for x.example.org [192.0.2.7] failed - POSSIBLE "
	    "BREAK-IN ATTEMPT!", "event.action=ssh_reverse_mapping|source.ip=192.0.2.7|"
	    "source.domain=x.example.org"},
	{H "Address 192.0.2.7 maps to x.example.org, but this does not map back to the address - "
	    "POSSIBLE BREAK-IN ATTEMPT!", "event.action=ssh_reverse_mapping|source.ip=192.0.2.7"},
	{H "Did not receive identification string from 192.0.2.7 port 35836",
	    "event.action=ssh_no_identification|source.ip=192.0.2.7|source.port=35836"},
	{H "Bad protocol version identification 'GET / from 10.0.0.1' from 192.0.2.7 port 31778",
	    "event.action=ssh_bad_protocol|source.ip=192.0.2.7|source.port=31778"},
	{H "fatal: Unable to negotiate with 192.0.2.7 port 55: no matching cipher found. Their offer: x",
	    "event.action=ssh_negotiation_failed|log.level=critical|source.ip=192.0.2.7|source.port=55|"
	    "event.reason=no matching cipher found. Their offer: x"},
	{H "fatal: Unable to negotiate with 192.0.2.7: no matching host key type found.",
	    "source.ip=192.0.2.7|event.reason=no matching host key type found."},
	{H "error: maximum authentication attempts exceeded for invalid user xxx from 192.0.2.7 port 49 "
	    "ssh2 [preauth]", "event.action=ssh_max_attempts|user.name=xxx|sshd.invalid_user=true|"
	    "source.ip=192.0.2.7"},
	{H "Disconnecting invalid user x y 192.0.2.7 port 49941: Too many authentication failures "
	    "[preauth]", "user.name=x y|source.ip=192.0.2.7|event.reason=Too many authentication failures"},
	{H "Disconnecting: Too many authentication failures for root [preauth]", "user.name=root|"
	    "event.action=ssh_disconnect"},
	{H "User root from 192.0.2.7 not allowed because listed in DenyUsers", "user.name=root|"
	    "source.ip=192.0.2.7|event.action=ssh_user_not_allowed|event.reason=listed in DenyUsers"},
	{H "User root not allowed because account is locked", "user.name=root|!source.ip"},
	{H "ROOT LOGIN REFUSED FROM 192.0.2.7 port 12345 [preauth]", "source.ip=192.0.2.7"},
	{H "error: PAM: Authentication failure for illegal user eve from 192.0.2.7 via 192.0.2.9",
	    "event.provider=pam|user.name=eve|source.ip=192.0.2.7|event.action=pam_authentication|"
	    "sshd.invalid_user=true"},
	{H "PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.7  "
	    "user=root", "event.action=pam_more_failures|event.count=2|source.ip=192.0.2.7"},
	{H "pam_unix(sshd:session): session opened for user eve(uid=1000) by (uid=0)",
	    "event.action=session_opened|user.name=eve|user.id=1000|pam.service=sshd"},
	{H "Server listening on 0.0.0.0 port 22.", "event.action=ssh_listening|destination.port=22"},
	{H "subsystem request for sftp by user eve", "event.action=ssh_subsystem|user.name=eve|"
	    "network.protocol=sftp"},
	{H "Starting session: shell on pts/0 for eve from 192.0.2.7 port 9 id 0",
	    "event.action=ssh_session|user.name=eve|source.ip=192.0.2.7|source.port=9"},
	{H "drop connection #10 from [192.0.2.7]:4711 on [192.0.2.9]:22 past MaxStartups",
	    "event.action=ssh_dropped|source.ip=192.0.2.7|source.port=4711"},
	{H "refused connect from x.example.org (192.0.2.7)", "source.ip=192.0.2.7|event.action=ssh_refused"},
	{H "banner exchange: Connection from 192.0.2.7 port 44105: invalid format",
	    "source.ip=192.0.2.7|event.reason=invalid format"},
	{H "fatal: Timeout before authentication for 192.0.2.7 port 5", "source.ip=192.0.2.7|"
	    "event.action=ssh_timeout"},
	{H "Failed password", "event.dataset=system.auth|!event.action|message=Failed password"},
	{H "something nobody knows", "event.dataset=system.auth|!event.action"},
	{H "[ID 800047 auth.info] Failed password for james from 192.0.2.7 port 54520 ssh2",
	    "user.name=james|source.ip=192.0.2.7"},
	{"Mar  3 00:17:22 [sshd]: Invalid user x from 192.0.2.7", "process.name=sshd|user.name=x"},
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
