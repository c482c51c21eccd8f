#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parse_case.h"

#define SSHD "sshd[1234]: Failed password for root from 203.0.113.77 port 4000 ssh2"
#define LOGIN "event.dataset=system.auth|event.action=ssh_login|event.outcome=failure|" \
	"user.name=root|source.ip=203.0.113.77|process.name=sshd|process.pid=1234|"
#define ACCESS "1.2.3.4 - - [20/Nov/2025:12:00:00 +0100] \\\"GET /a?b HTTP/1.1\\\" 404 1 " \
	"\\\"-\\\" \\\"curl\\\""

static const struct {
	const char *record, *expect;
} cases[] = {
	/* Filebeat: its fields stay; the line's own time, its zone shown by the time of reading */
	{"{\"@timestamp\":\"2025-11-20T13:00:02.000Z\",\"message\":\"Nov 20 14:00:01 web-03 " SSHD "\","
	    "\"agent\":{\"type\":\"filebeat\"},\"host\":{\"name\":\"web-03.corp\"},\"tags\":[\"prod\"]}",
	    LOGIN "@timestamp=2025-11-20T13:00:01.000Z|agent.type=filebeat|host.name=web-03.corp|"
	    "tags=prod"},
	/* read too late to tell the zone: the source's */
	{"{\"@timestamp\":\"2025-11-20T13:05:02.000Z\",\"message\":\"Nov 20 14:00:01 web-03 " SSHD "\","
	    "\"agent\":{\"type\":\"filebeat\"}}", LOGIN "@timestamp=2025-11-20T14:00:01.000Z"},
	{"{\"@timestamp\":\"2025-11-20T13:00:02Z\",\"message\":\"" ACCESS "\"}",
	    "event.dataset=apache.access|source.ip=1.2.3.4|url.path=/a|http.response.status_code=404|"
	    "@timestamp=2025-11-20T11:00:00.000Z"},
	{"{\"@timestamp\":\"2025-11-20T13:00:02Z\",\"message\":\"words of a program\","
	    "\"agent\":{\"type\":\"filebeat\"}}",
	    "event.dataset=json|message=words of a program|@timestamp=2025-11-20T13:00:02.000Z"},
	/* what only begins as JSON stays text */
	{"{\"message\":\"{\\\"a\\\":1,\",\"agent\":\"x\"}", "event.dataset=json|message={\"a\":1,|"
	    "!event.kind|!a"},
	{"{\"@timestamp\":\"2025-11-20T13:00:00Z\",\"host\":\"web-04\",\"ident\":\"sshd\",\"pid\":\"1234\","
	    "\"message\":\"Failed password for root from 203.0.113.77 port 4000 ssh2\"}",
	    LOGIN "host.name=web-04"},
	{"{\"@timestamp\":\"2025-11-20T13:00:00Z\",\"host\":\"web-05\",\"syslogtag\":\"sshd[1234]:\","
	    "\"message\":\" Failed password for root from 203.0.113.77 port 4000 ssh2\"}",
	    LOGIN "host.name=web-05"},
	{"{\"date\":1763632800.5,\"log\":\"Nov 20 10:00:00 web-03 " SSHD "\"}",
	    LOGIN "host.name=web-03|@timestamp=2025-11-20T10:00:00.000Z"},
	/* Docker */
	{"{\"log\":\"" ACCESS "\\n\",\"stream\":\"stdout\",\"time\":\"2025-11-20T11:00:00.5Z\"}",
	    "event.dataset=apache.access|url.query=b|@timestamp=2025-11-20T11:00:00.000Z"},
	{"{\"log\":\"plain\\n\",\"stream\":\"stderr\",\"time\":\"2025-11-20T11:00:00.5Z\"}",
	    "event.dataset=json|message=plain|stream=stderr|@timestamp=2025-11-20T11:00:00.500Z"},
	{"{\"log\":\"{\\\"level\\\":\\\"info\\\",\\\"msg\\\":\\\"up\\\"}\\n\",\"stream\":\"stdout\","
	    "\"time\":\"2025-11-20T11:00:00Z\"}", "level=info|msg=up|stream=stdout|!message"},
	/* a header line inside is no framing of the file */
	{"{\"message\":\"#fields\\tts\\tuid\",\"agent\":{\"type\":\"filebeat\"}}",
	    "event.dataset=json|agent.type=filebeat"},
	/* the journal */
	{"{\"__REALTIME_TIMESTAMP\":\"1763632800123456\",\"_HOSTNAME\":\"web-02\",\"_PID\":\"1234\","
	    "\"SYSLOG_IDENTIFIER\":\"sshd\",\"_EXE\":\"/usr/sbin/sshd\",\"_CMDLINE\":\"sshd: root\","
	    "\"MESSAGE\":\"Failed password for root from 203.0.113.77 port 4000 ssh2\"}",
	    LOGIN "host.name=web-02|@timestamp=2025-11-20T10:00:00.123456Z|_HOSTNAME=web-02|"
	    "process.executable=/usr/sbin/sshd|process.command_line=sshd: root"},
	{"{\"__REALTIME_TIMESTAMP\":\"1763632800123456\",\"_COMM\":\"bin\",\"MESSAGE\":[72,105,27]}",
	    "event.dataset=system.syslog|process.name=bin|message=Hi\x1b"},
	{"{\"__REALTIME_TIMESTAMP\":\"1763632800123456\",\"MESSAGE\":[72,-1,\"x\"]}",
	    "event.dataset=json"},
	{"{\"__REALTIME_TIMESTAMP\":\"1763632800123456\",\"MESSAGE\":null}", "event.dataset=json"},
	/* containers */
	{"2025-11-20T12:00:00.5+01:00 stdout F 1.2.3.4 - - [20/Nov/2025:12:00:00 +0100] "
	    "\"GET /a HTTP/1.1\" 200 1 \"-\" \"curl\"", "event.dataset=apache.access|source.ip=1.2.3.4|"
	    "stream=stdout|@timestamp=2025-11-20T11:00:00.000Z"},
	{"2025-11-20T11:00:00.123456789Z stderr F words: of a program", "event.dataset=container.log|"
	    "message=words: of a program|stream=stderr|@timestamp=2025-11-20T11:00:00.123456789Z"},
	{"2025-11-20T11:00:00.123456789Z stderr P {\"cut\":", "event.dataset=container.log|"
	    "message={\"cut\":|log.flags=partial|!event.kind"},
	{"2025-11-20T11:00:00.123456789Z stderr F", "event.dataset=container.log|message="},
	/* clouds */
	{"{\"eventVersion\":\"1.08\",\"userIdentity\":{\"type\":\"IAMUser\",\"userName\":\"alice\"},"
	    "\"eventTime\":\"2025-11-20T10:00:00Z\",\"eventSource\":\"signin.amazonaws.com\","
	    "\"eventName\":\"ConsoleLogin\",\"sourceIPAddress\":\"203.0.113.7\","
	    "\"responseElements\":{\"ConsoleLogin\":\"Failure\"}}",
	    "event.dataset=aws.cloudtrail|event.action=ConsoleLogin|event.outcome=failure|"
	    "user.name=alice|source.ip=203.0.113.7|eventName=ConsoleLogin|"
	    "event.category=authentication|@timestamp=2025-11-20T10:00:00.000Z"},
	{"{\"eventVersion\":\"1.08\",\"eventSource\":\"s3.amazonaws.com\",\"eventName\":\"GetObject\","
	    "\"sourceIPAddress\":\"config.amazonaws.com\"}",
	    "source.domain=config.amazonaws.com|!source.ip|event.outcome=success|!user.name"},
	{"{\"kind\":\"Event\",\"auditID\":\"a\",\"requestURI\":\"/api/v1/secrets?x\",\"verb\":\"list\","
	    "\"user\":{\"username\":\"bob\"},\"sourceIPs\":[\"10.0.0.9\",\"10.0.0.1\"],"
	    "\"responseStatus\":{\"code\":403},\"requestReceivedTimestamp\":\"2025-11-20T11:00:00.1Z\"}",
	    "event.dataset=kubernetes.audit|event.action=list|user.name=bob|source.ip=10.0.0.9|"
	    "http.response.status_code=403|event.outcome=failure|url.path=/api/v1/secrets|"
	    "@timestamp=2025-11-20T11:00:00.100Z"},
	{"{\"time_local\":\"20/Nov/2025:13:00:03 +0100\",\"remote_addr\":\"203.0.113.11\","
	    "\"remote_user\":\"\",\"request\":\"GET /x?y=2 HTTP/1.1\",\"status\":\"404\","
	    "\"body_bytes_sent\":\"12\"}",
	    "event.dataset=nginx.access|source.ip=203.0.113.11|http.request.method=GET|url.path=/x|"
	    "url.query=y=2|http.response.status_code=404|http.response.body.bytes=12|!user.name|"
	    "@timestamp=2025-11-20T12:00:03.000Z"},
};

static void
test_cases(void **state)
{
	static struct parse_case c;
	bool ok = true;

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		parse_case_open(&c);
		ok = parse_case_expect(&c, cases[i].record, cases[i].expect) && ok;
		parse_case_close(&c);
	}
	/* and mixed in one source */
	parse_case_open(&c);
	for (size_t i = 0; i < TSN_COUNT(cases); i++)
		ok = parse_case_expect(&c, cases[i].record, cases[i].expect) && ok;
	parse_case_close(&c);
	assert_true(ok);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
