#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parse_case.h"

#define H "Nov 30 06:39:00 fw1 "

struct one {
	const char *record, *expect;
};

static const struct one auditd[] = {
	{"type=SYSCALL msg=audit(1700000000.123:77): arch=c000003e syscall=59 success=yes exit=0 "
	    "a0=26 a1=0 items=2 ppid=10 pid=11 auid=1000 uid=0 comm=\"ls\" exe=\"/bin/ls\" key=\"x\"",
	    "@timestamp=2023-11-14T22:13:20.123Z|event.dataset=auditd.log|event.sequence=77|"
	    "auditd.type=SYSCALL|auditd.SYSCALL=execve|auditd.a0=26|auditd.comm=ls|auditd.key=x|"
	    "process.pid=11|process.parent.pid=10|process.name=ls|process.executable=/bin/ls|"
	    "user.id=0|event.outcome=success|!tags"},
	{"node=h7 type=EXECVE msg=audit(1700000000.123:77): argc=3 a0=\"ls\" a1=2D6C a2=\"a b\"",
	    "host.name=h7|auditd.a1=-l|process.command_line=ls -l a b|event.action=executed"},
	{"type=PROCTITLE msg=audit(1700000000.123:77): proctitle=6C73002D6C", "process.title=ls -l"},
	{"type=USER_LOGIN msg=audit(1700000000.123:77): pid=1 uid=0 auid=1 ses=2 msg='op=login "
	    "acct=28756E6B6E6F776E29 exe=\"/usr/sbin/sshd\" hostname=? addr=192.0.2.7 terminal=ssh "
	    "res=failed'\x1dUID=\"root\"", "event.outcome=failure|user.name=(unknown)|source.ip=192.0.2.7|"
	    "auditd.hostname=?|auditd.UID=root|event.action=logged-in|auditd.res=failed"},
	{"type=AVC msg=audit(1700000000.000:7): avc:  denied  { read write } for  pid=3 comm=\"x\" "
	    "tclass=dir", "auditd.seresult=denied|auditd.seperms=read write|event.outcome=failure"},
	{"type=LOGIN msg=audit(1700000000.000:5): login pid=3 uid=0 old auid=4294967295 new auid=0",
	    "auditd.old-auid=4294967295|auditd.auid=0"},
	{H "kernel: [ 12.5] audit: type=1400 audit(1700000000.829:88): apparmor=\"DENIED\" "
	    "operation=\"open\" name=\"/etc/x\" pid=9", "auditd.type=AVC|auditd.apparmor=DENIED|"
	    "file.path=/etc/x|event.sequence=88|host.name=fw1|@timestamp=2023-11-14T22:13:20.829Z"},
	{"type=SYSCALL msg=audit(1700000000.1:2): arch=c00000b7 syscall=221 success=no",
	    "auditd.SYSCALL=execve|event.outcome=failure"},
	{"type=SYSCALL msg=audit(1700000000.1:2): arch=c000003e syscall=99999 a0=1",
	    "!auditd.SYSCALL"},
	{"type=SYSCALL msg=audit(x:2): arch=c000003e", "event.dataset=generic"},
	{"type=X msg=audit(1700000000.1:2): a=\"open", "auditd.a=\"open"},
};

static const struct one packets[] = {
	{H "kernel: [8102.788657] DROP IN=eth0 OUT= MAC=02:00:00:00:00:01:02:00:00:00:00:02:08:00 "
	    "SRC=192.0.2.5 DST=198.51.100.1 LEN=40 TOS=0x00 TTL=49 ID=53123 DF PROTO=TCP SPT=37933 "
	    "DPT=22 WINDOW=2048 RES=0x00 SYN URGP=0 OPT (020405B4)",
	    "event.dataset=iptables.log|event.action=denied|event.type=denied|source.ip=192.0.2.5|"
	    "destination.ip=198.51.100.1|source.port=37933|destination.port=22|network.transport=tcp|"
	    "observer.ingress.interface.name=eth0|!observer.egress.interface.name|"
	    "destination.mac=02:00:00:00:00:01|source.mac=02:00:00:00:00:02|iptables.TTL=49|"
	    "iptables.prefix=DROP|iptables.flags=DF"},
	{H "kernel: [UFW BLOCK] IN=eth0 OUT=eth1 SRC=2001:db8::1 DST=2001:db8::2 LEN=72 PROTO=UDP "
	    "SPT=1 DPT=53 LEN=52", "event.action=denied|source.ip=2001:db8::1|"
	    "iptables.prefix=[UFW BLOCK]|observer.egress.interface.name=eth1|network.transport=udp"},
	{H "kernel: [UFW ALLOW] IN=eth0 OUT= SRC=192.0.2.5 DST=192.0.2.6 PROTO=ICMP TYPE=3 CODE=1 "
	    "[SRC=203.0.113.1 DST=203.0.113.2 PROTO=TCP SPT=9 DPT=8 ]", "event.action=allowed|"
	    "source.ip=192.0.2.5|!source.port|iptables.TYPE=3|network.transport=icmp"},
	{H "filterlog: 53,,,1000000301,em0,match,block,in,4,0x0,,64,420,0,none,6,tcp,460,192.0.2.2,"
	    "198.51.100.15,53742,22,420,PA,29633380,3617062173,65535,,", "event.dataset=pfsense.log|"
	    "event.action=denied|source.ip=192.0.2.2|destination.ip=198.51.100.15|source.port=53742|"
	    "destination.port=22|network.transport=tcp|network.direction=inbound|"
	    "observer.ingress.interface.name=em0"},
	{H "filterlog: 5,,,1,em1,match,pass,out,6,0x00,0x0,64,udp,17,40,2001:db8::1,2001:db8::2,5,53,20",
	    "event.action=allowed|source.ip=2001:db8::1|source.port=5|destination.port=53|"
	    "network.direction=outbound"},
	{H "filterlog: nothing of that kind", "event.dataset=system.syslog"},
	{H "kernel: usb 1-1: new device", "event.dataset=system.syslog|!event.action"},
};

static const struct one cef[] = {
	{"CEF:0|Acme|Wall\\|x|1.0|100|worm \\\\ stopped|10|src=192.0.2.1 spt=1232 dst=192.0.2.2 "
	    "act=blocked a \\= b msg=two\\nlines cs1Label=x cs1=",
	    "event.dataset=cef.log|observer.vendor=Acme|event.code=100|"
	    "cef.severity=10|source.ip=192.0.2.1|source.port=1232|destination.ip=192.0.2.2"},
	{"CEF:0|A|B|1|2|name|3|rt=Nov 14 2023 22:13:20 suser=eve duser=root proto=TCP",
	    "@timestamp=2023-11-14T22:13:20.000Z|user.name=eve|user.target.name=root|"
	    "network.transport=tcp|cef.extensions.proto=TCP|tags=time_zone_assumed"},
	{"CEF:0|A|B|1|2|name|3|rt=1700000000123", "@timestamp=2023-11-14T22:13:20.123Z|!tags"},
	{H "CEF:0|A|B|1|2|name|3|src=192.0.2.1", "host.name=fw1|source.ip=192.0.2.1|"
	    "event.dataset=cef.log"},
	{"CEF:0|A|B", "event.kind=pipeline_error"},
	{"LEEF:1.0|Lan|Watch|1.0|41|src=192.0.2.1\tdst=192.0.2.2\tusrName=joe black\tsev=5",
	    "event.dataset=leef.log|event.code=41|leef.sev=5|user.name=joe black|source.ip=192.0.2.1"},
	{"LEEF:2.0|Lan|Watch|1.0|41|^|src=192.0.2.1^usrName=a=b", "leef.usrName=a=b"},
	{"LEEF:2.0|Lan|Watch|1.0|41|0x5e|src=192.0.2.1^usrName=joe", "user.name=joe"},
	{"LEEF:2.0|Lan|Watch|1.0|41|cat=System\tusrName=joe", "leef.cat=System|user.name=joe"},
	{"LEEF:2.0|Lan", "event.kind=pipeline_error"},
};

static const struct one cisco[] = {
	{"<166>" H "%ASA-6-302013: Built inbound TCP connection 76 for outside:192.0.2.9/5420 "
	    "(192.0.2.9/5420) to inside:198.51.100.8/443 (203.0.113.8/443) (joe)",
	    "event.dataset=cisco_asa.log|event.code=302013|event.action=built|source.ip=192.0.2.9|"
	    "source.port=5420|destination.ip=198.51.100.8|destination.port=443|network.transport=tcp|"
	    "network.direction=inbound|observer.ingress.interface.name=outside|event.severity=6"},
	{H "%ASA-6-302013: Built outbound TCP connection 7 for outside:203.0.113.1/80 "
	    "(203.0.113.1/80) to inside:192.0.2.2/5565 (198.51.100.4/4062)",
	    "source.ip=192.0.2.2|source.port=5565|destination.ip=203.0.113.1|destination.port=80"},
	{"<164>Aug 05 2016 01:02:25: %ASA-4-106023: Deny udp src Inside:192.0.2.88/42350 dst "
	    "Outside:198.51.100.53/53 by access-group \"in\" [0x0, 0x0]",
	    "@timestamp=2016-08-05T01:02:25.000Z|event.action=denied|event.outcome=failure|"
	    "source.ip=192.0.2.88|destination.port=53|network.transport=udp|!host.name"},
	{H "%SEC-6-IPACCESSLOGP: list 102 denied tcp 192.0.2.56(3067) -> 198.51.100.7(139), 1 packet",
	    "event.dataset=cisco_ios.log|event.code=IPACCESSLOGP|source.ip=192.0.2.56|source.port=3067|"
	    "destination.ip=198.51.100.7|destination.port=139|event.outcome=failure"},
	{"<189>29: *Apr 17 22:40:05.345 UTC: %SYS-5-CONFIG_I: Configured from console by admin",
	    "@timestamp=2025-04-17T22:40:05.345Z|event.action=configured|!tags"},
	{"<189>29: r1: 000123: Apr 17 22:40:05: %SEC_LOGIN-4-LOGIN_FAILED: Login failed [user: eve] "
	    "[Source: 192.0.2.4] [localport: 22]", "host.name=r1|user.name=eve|source.ip=192.0.2.4|"
	    "event.action=login|event.outcome=failure"},
	{H "%AAA-5-USER_LOGGED: User joe executed: ping 192.0.2.20 repeat 5", "user.name=joe|"
	    "!source.ip|event.code=USER_LOGGED"},
	{"%%ASA-6-605004: Login denied from 192.0.2.1/56332 to outside:198.51.100.2/ssh for user "
	    "\"eve\"", "source.ip=192.0.2.1|destination.ip=198.51.100.2|user.name=eve"},
};

static const struct one servers[] = {
	{H "dovecot: imap-login: Disconnected (auth failed, 7 attempts in 11 secs): user=<eve>, "
	    "method=PLAIN, rip=192.0.2.1, lip=192.0.2.2, session=<x>", "event.outcome=failure|"
	    "event.action=login|user.name=eve|source.ip=192.0.2.1"},
	{H "dovecot: imap-login: Login: user=<eve>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.2",
	    "event.outcome=success|user.name=eve"},
	{H "dovecot: auth-worker(7): pam(eve,192.0.2.1,<s>): unknown user", "user.name=eve|"
	    "source.ip=192.0.2.1|event.outcome=failure"},
	{H "postfix/smtpd[2]: warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: x",
	    "source.ip=192.0.2.1|!source.domain|event.outcome=failure"},
	{H "postfix/smtpd[2]: NOQUEUE: reject: RCPT from mx.example.org[192.0.2.1]: 554 5.7.1 <a@b>: "
	    "Relay access denied", "source.ip=192.0.2.1|source.domain=mx.example.org|"
	    "event.action=mail_rejected"},
	{H "vsftpd[2]: [eve] FAIL LOGIN: Client \"192.0.2.1\"", "source.ip=192.0.2.1|"
	    "event.outcome=failure|event.action=login"},
	{"Wed Jul 27 18:32:27 2016 [pid 2] [eve] OK LOGIN: Client \"192.0.2.1\"",
	    "event.dataset=vsftpd.log|user.name=eve|source.ip=192.0.2.1|event.outcome=success|"
	    "@timestamp=2016-07-27T18:32:27.000Z"},
	{H "proftpd[2]: h (192.0.2.1[192.0.2.1]) - USER eve (Login failed): Incorrect password",
	    "user.name=eve|source.ip=192.0.2.1|event.outcome=failure"},
	{H "named[2]: client @0x7f2b68014d40 192.0.2.1#80 (sl): query (cache) 'sl/ANY/IN' denied",
	    "source.ip=192.0.2.1|source.port=80|dns.question.name=sl|dns.question.type=ANY|"
	    "event.action=query_denied"},
	{H "dropbear[2]: Bad password attempt for 'eve' from 192.0.2.1:5543", "user.name=eve|"
	    "source.ip=192.0.2.1|source.port=5543|event.outcome=failure"},
	{H "xinetd[2]: FAIL: telnet address from=192.0.2.1", "source.ip=192.0.2.1"},
	{H "ftpd[2]: connection from 192.0.2.1 (h.example.org) at Sat Nov  9 09:09:09 2005",
	    "source.ip=192.0.2.1|event.action=connected"},
	{H "pvedaemon[3]: authentication failure; rhost=::ffff:192.0.2.1 user=root@pam msg=no such user",
	    "source.ip=192.0.2.1|event.outcome=failure|user.name=root@pam"},
	{H "smb[2]: Auth: [SMB2,(null)] user []\\[eve] at [x] with [NTLMv2] status "
	    "[NT_STATUS_NO_SUCH_USER] remote host [ipv4:192.0.2.1:62419] mapped to []\\[eve].",
	    "source.ip=192.0.2.1|source.port=62419|event.outcome=failure"},
	{"11-Aug-2013 03:36:11.372 error: client 192.0.2.1#52115: zone transfer 'x.org/AXFR/IN' denied",
	    "event.dataset=bind.log|source.ip=192.0.2.1|dns.question.name=x.org"},
	{"web1 sshd[7]: Failed password for eve from 192.0.2.1 port 9 ssh2", "host.name=web1|"
	    "user.name=eve|tags=time_unknown"},
	{"[2023-11-14 22:13:20] something", "@timestamp=2023-11-14T22:13:20.000Z|"
	    "event.dataset=generic"},
};

static void
check(const struct one *cases, size_t count)
{
	static struct parse_case c;
	bool ok = true;

	parse_case_open(&c);
	for (size_t i = 0; i < count; i++)
		ok &= parse_case_expect(&c, cases[i].record, cases[i].expect);
	parse_case_close(&c);
	assert_true(ok);
}

#define GROUP(name) \
	static void test_##name(void **state) \
	{ \
		(void)state; \
		check(name, sizeof name / sizeof name[0]); \
	}
GROUP(auditd)
GROUP(packets)
GROUP(cef)
GROUP(cisco)
GROUP(servers)

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_auditd),
	    cmocka_unit_test(test_packets), cmocka_unit_test(test_cef),
	    cmocka_unit_test(test_cisco), cmocka_unit_test(test_servers)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
