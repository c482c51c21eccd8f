#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parse_case.h"

#define H "Nov 30 06:39:00 web1 "

static const struct parse_form cases[] = {
	{H "sudo:     mike : TTY=pts/0 ; PWD=/home/mike ; USER=root ; COMMAND=/bin/sh -c a ; b",
	    "event.dataset=system.auth|event.action=sudo_command|event.outcome=success|user.name=mike|"
	    "user.effective.name=root|sudo.tty=pts/0|process.working_directory=/home/mike|"
	    "process.command_line=/bin/sh -c a ; b|process.executable=/bin/sh"},
	{H "sudo:  eve : user NOT in sudoers ; TTY=ttypZ ; PWD=/ ; USER=root ; COMMAND=/bin/ls",
	    "event.outcome=failure|event.reason=user NOT in sudoers|user.name=eve"},
	{H "sudo: pam_unix(sudo:session): session opened for user root(uid=0) by mike(uid=1000)",
	    "event.action=session_opened|user.name=root|user.id=0|source.user.name=mike|"
	    "pam.service=sudo|pam.type=session"},
	{H "su[1]: Successful su for root by mike", "event.action=su|event.outcome=success|"
	    "user.name=mike|user.effective.name=root"},
	{H "su: FAILED su for root by mike", "event.outcome=failure|user.name=mike"},
	{H "su: + pts/0 mike:root", "event.outcome=success|user.name=mike|user.effective.name=root|"
	    "sudo.tty=pts/0"},
	{H "su: - pts/0 mike:root", "event.outcome=failure|user.name=mike|user.effective.name=root"},
	{H "su: FAILED SU (to root) mmoorcro on pts/0", "event.outcome=failure|user.name=mmoorcro|"
	    "user.effective.name=root|sudo.tty=pts/0"},
	{H "su: BAD SU eve to root on /dev/ttyp1", "event.outcome=failure|user.name=eve"},
	{H "su: dcid to root on /dev/ttyp1", "event.outcome=success|user.name=dcid"},
	{H "su: 'su root' failed for lonvick on /dev/pts/8", "event.outcome=failure|"
	    "user.name=lonvick|user.effective.name=root|sudo.tty=/dev/pts/8"},
	{H "su(pam_unix)[14592]: session opened for user news by (uid=0)", "event.provider=pam|"
	    "event.action=session_opened|user.name=news|pam.service=su"},
	{H "useradd[5]: new user: name=test, UID=0, GID=1001, home=/home/test, shell=/bin/bash",
	    "event.action=user_created|event.category=iam|user.name=test|user.id=0|group.id=1001|"
	    "account.home=/home/test|account.shell=/bin/bash"},
	{H "groupadd[5]: new group: name=x, GID=7", "event.action=group_created|group.name=x|group.id=7"},
	{H "usermod[5]: add 'eve' to group 'wheel'", "event.action=group_member_added|user.name=eve|"
	    "group.name=wheel"},
	{H "usermod[5]: add `eve' to shadow group `wheel'", "user.name=eve|group.name=wheel"},
	{H "userdel[5]: delete user 'eve'", "event.action=user_deleted|user.name=eve"},
	{H "passwd[5]: password for 'eve' changed by 'root'", "event.action=password_changed|"
	    "user.name=eve|source.user.name=root"},
	{H "passwd[5]: pam_unix(passwd:chauthtok): password changed for eve",
	    "event.action=password_changed|user.name=eve"},
	{H "gpasswd[5]: user eve added by root to group sudo", "user.name=eve|group.name=sudo|"
	    "source.user.name=root"},
	{H "CRON[7]: (root) CMD (command -v x > /dev/null && x 1 (2))", "event.dataset=system.cron|"
	    "event.action=cron_command|user.name=root|"
	    "process.command_line=command -v x > /dev/null && x 1 (2)"},
	{H "CRON[7]: pam_unix(cron:session): session closed for user root",
	    "event.action=session_closed|user.name=root|event.dataset=system.auth"},
	{H "crontab[7]: (eve) REPLACE (eve)", "event.action=crontab_changed|user.name=eve"},
	{H "systemd-logind[9]: New session 12 of user eve.", "user.name=eve|session.id=12"},
	{H "systemd[1]: Started OpenBSD Secure Shell server.", "event.action=service_started|"
	    "service.name=OpenBSD Secure Shell server|event.dataset=system.syslog"},
	{H "systemd[1]: nginx.service: Failed with result 'exit-code'.",
	    "event.action=service_failed|service.name=nginx.service"},
	{H "gdm[3]: pam_unix(gdm:auth): authentication failure; logname= uid=0 euid=0 tty=:0 ruser= "
	    "rhost=  user=eve", "user.name=eve|event.outcome=failure|!source.ip|pam.tty=:0"},
	{H "daemon: pam_unix(auth): authentication failure; logname= uid=0 euid=0 tty=xxx ruser=test "
	    "rhost=192.0.2.151 rhost=192.0.2.1", "source.ip=192.0.2.1|pam.ruser=test rhost=192.0.2.151"},
	{H "daemon: pam_unix(auth): authentication failure; logname= uid=0 euid=0 tty=xxx ruser= "
	    "rhost=192.0.2.2 user=test rhost=192.0.2.152", "source.ip=192.0.2.2|"
	    "user.name=test rhost=192.0.2.152"},
	{H "CRON[1]: (pam_unix) session opened for user root by (uid=0)", "user.name=root"},
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
