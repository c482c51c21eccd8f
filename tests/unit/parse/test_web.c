#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parse_case.h"

#define T "[10/Oct/2000:13:55:36 -0700] "
#define TAIL T "\"GET / HTTP/1.0\" 200 5"

static const struct parse_form cases[] = {
	{"127.0.0.1 - frank " T "\"GET /apache_pb.gif?a=b#c HTTP/1.0\" 200 2326 "
	    "\"http://www.example.com/start.html\" \"Mozilla/4.08 [en]\"",
	    "@timestamp=2000-10-10T20:55:36.000Z|event.dataset=apache.access|event.category=web|"
	    "event.type=access|event.outcome=success|source.ip=127.0.0.1|source.address=127.0.0.1|"
	    "user.name=frank|http.request.method=GET|http.version=1.0|http.response.status_code=200|"
	    "http.response.body.bytes=2326|url.original=/apache_pb.gif?a=b#c|url.path=/apache_pb.gif|"
	    "url.query=a=b|url.fragment=c|url.extension=gif|user_agent.original=Mozilla/4.08 [en]|"
	    "http.request.referrer=http://www.example.com/start.html|!message|!web.access.extra"},
	{"2001:db8::1 - - " T "\"POST /x HTTP/2.0\" 404 - \"-\" \"-\"",
	    "source.ip=2001:db8::1|event.outcome=failure|!http.response.body.bytes|!user.name|"
	    "!http.request.referrer|!user_agent.original|http.version=2.0|!url.extension"},
	{"host.example - John Doe " TAIL, "source.address=host.example|source.domain=host.example|"
	    "user.name=John Doe|!source.ip|url.path=/"},
	{"www.example.com:443 1.2.3.4 - u " TAIL,
	    "destination.domain=www.example.com|destination.port=443|source.ip=1.2.3.4|user.name=u"},
	{"1.2.3.4, 10.0.0.1, 10.0.0.2 - - " TAIL, "source.ip=1.2.3.4|!user.name|!web.access.identity"},
	{"1.2.3.4:5678 - - " TAIL, "source.ip=1.2.3.4|source.port=5678"},
	{"- - - " TAIL, "!source.address|http.response.status_code=200"},
	{"1.2.3.4 ident \"-\" " TAIL, "web.access.identity=ident"},
	{"1.2.3.4 - - [1/Apr/2014:00:00:01 -0500] \"-\" 408 -",
	    "@timestamp=2014-04-01T05:00:01.000Z|http.response.status_code=408|!url.original|"
	    "!http.request.method"},
	{"1.2.3.4 - - [29/Aug/2023 22:02:58] \"GET / HTTP/1.1\" 200 -",
	    "@timestamp=2023-08-29T22:02:58.000Z|url.path=/"},
	{"1.2.3.4 - - - [31/Jan/2015:14:29:44 ] x.example \"GET / HTTP/1.1\" 200 814 \"-\" \"a\" + 2 3",
	    "destination.domain=x.example|source.ip=1.2.3.4|web.access.extra=+ 2 3"},
	{"1.2.3.4 - - " T "\"\\x03\\x00\\x00/*\\xE0\\x00Cookie: mstshash=A\" 400 47 \"-\" \"-\" \"-\"",
	    "!http.request.method|http.response.status_code=400|!web.access.extra"},
	{"1.2.3.4 - - " T "\"GET /a\\\"b\\\\c\\xc3\\xa9\\xff HTTP/1.1\" 200 1 \"-\" \"x\\\"y\\\"\"",
	    "url.original=/a\"b\\c\xc3\xa9\\xff|user_agent.original=x\"y\"|http.version=1.1"},
	{"1.2.3.4 - - " T "\"GET /a b  c HTTP/1.1\" 200 1", "url.original=/a b  c|http.version=1.1"},
	{"1.2.3.4 - - " T "\"GET /old\" 200 1", "url.path=/old|!http.version"},
	{"1.2.3.4 - - " T "\"CONNECT a.example:25 HTTP/1.1\" 405 1", "url.domain=a.example|url.port=25"},
	{"1.2.3.4 - - " T "\"GET http://u:p@h.example:81/p/q.PHP?x HTTP/1.1\" 200 1",
	    "url.scheme=http|url.domain=h.example|url.port=81|url.path=/p/q.PHP|url.extension=PHP|"
	    "url.query=x"},
	{"1.2.3.4 - - " TAIL " \"-\" \"a\" \"5.6.7.8, 10.0.0.1\"", "network.forwarded_ip=5.6.7.8"},
	{"1.2.3.4 - - " TAIL " \"-\" \"a\" 120 340",
	    "http.request.bytes=120|http.response.bytes=340|web.access.extra=120 340"},
	{"1.2.3.4 - - " T "\"GET / HTTP/1.1\" 200 5 \"-\" \"cut here",
	    "event.kind=pipeline_error|event.dataset=apache.access|!http.response.status_code|"
	    "!source.ip|error.message=access log: a double quote is not closed"},
	{"Mar 24 14:02:50 web1 nginx: 1.2.3.4 - - " TAIL, "event.dataset=nginx.access|host.name=web1|"
	    "source.ip=1.2.3.4|@timestamp=2000-10-10T20:55:36.000Z"},
	{"[Thu Jul 11 01:21:43 2013] [error] [client 194.228.20.113] user bob not found: /x, "
	    "referer: http://r.example/",
	    "@timestamp=2013-07-11T01:21:43.000Z|event.dataset=apache.error|log.level=error|"
	    "source.ip=194.228.20.113|user.name=bob|event.outcome=failure|event.action=web_login|"
	    "http.request.referrer=http://r.example/|message=user bob not found: /x"},
	{"[Sat Jul 20 22:11:44.147674 2013] [authz_owner:error] [pid 17540:tid 140122922129152] "
	    "[client [2001:db8::80da:af6b:8b2c]:51548] AH01637: Authorization failed",
	    "@timestamp=2013-07-20T22:11:44.147674Z|apache.error.module=authz_owner|log.level=error|"
	    "process.pid=17540|process.thread.id=140122922129152|"
	    "source.ip=2001:db8::80da:af6b:8b2c|source.port=51548|error.code=AH01637|"
	    "message=Authorization failed"},
	{"[Thu Feb 02 00:59:02.285651 2017] [core:error] [pid 20009] (13)Permission denied: "
	    "[client ::1:49934] AH00132: denied", "source.ip=::1|source.port=49934|error.code=AH00132|"
	    "error.message=(13)Permission denied|message=denied"},
	{"[Tue Feb 07 08:50:22.679122 2017] [auth_basic:error] [pid 14446] [client 10.101.1.50:33168] "
	    "AH01617: user pup kin: authentication failure for \"/secret/\": Password Mismatch",
	    "user.name=pup kin|event.outcome=failure"},
	{"[Mon Feb 09 16:47:55.974089 2015] [:error] [pid 17675] [client 172.16.10.87] ModSecurity: "
	    "Warning. Operator GE matched. [file \"/x\"] [id \"981205\"] [msg \"Score \\\"4\\\"\"] "
	    "[hostname \"h\"] [uri \"/p\"]", "rule.id=981205|rule.name=Score \"4\"|url.path=/p|"
	    "url.domain=h|event.module=modsecurity|source.ip=172.16.10.87|!apache.error.module"},
	{"[error] [client 64.94.163.159] Client sent malformed Host header",
	    "event.dataset=apache.error|source.ip=64.94.163.159"},
	{"[notice] Apache configured", "event.dataset=apache.error|log.level=notice"},
	{"[1,2]", "event.dataset=generic"},
	{"2014/04/03 22:20:38 [error] 30708#0: *3 user \"scriben dio\": password mismatch, client: "
	    "192.0.2.1, server: , request: \"GET /a HTTP/1.1\", host: \"localhost:8443\"",
	    "event.dataset=nginx.error|@timestamp=2014-04-03T22:20:38.000Z|log.level=error|"
	    "process.pid=30708|process.thread.id=0|nginx.error.connection_id=3|user.name=scriben dio|"
	    "source.ip=192.0.2.1|url.path=/a|url.domain=localhost:8443|event.outcome=failure|"
	    "!destination.domain|message=user \"scriben dio\": password mismatch"},
	{"2015/01/08 11:31:23 [error] 80:2 blah is not found (2: No such file)",
	    "event.dataset=nginx.error|message=blah is not found (2: No such file)"},
	{"Nov 14 22:45:11 test haproxy[760]: ::ffff:192.168.33.1:58430 [14/Nov/2015:22:45:11.608] "
	    "main~ back/<NOSRV> 1/2/-1/-1/+50 401 248 - - PR-- 0/0/0/0/0 0/0 {h} {i} \"GET /x HTTP/1.1\"",
	    "event.dataset=haproxy.log|source.ip=192.168.33.1|source.port=58430|"
	    "@timestamp=2015-11-14T22:45:11.608Z|haproxy.frontend_name=main|haproxy.backend_name=back|"
	    "haproxy.server_name=<NOSRV>|event.duration=50000000|http.response.status_code=401|"
	    "http.response.bytes=248|haproxy.termination_state=PR--|haproxy.headers={h} {i}|url.path=/x"},
	{"Nov 14 22:45:11 test haproxy[760]: 10.0.0.1:5 [14/Nov/2015:22:45:11.608] fe be/s 0/0/5 300 -- "
	    "1/1/1/1/0 0/0", "source.bytes=300|haproxy.termination_state=--|event.duration=5000000"},
	{"Feb 26 23:08:47 h haproxy[7]: 178.203.144.192:50210 [26/Feb/2019:23:08:47.266] in/ssl: "
	    "Connection closed during SSL handshake", "haproxy.frontend_name=in|event.outcome=failure|"
	    "error.message=Connection closed during SSL handshake"},
	{"1461576382.642    161 127.0.0.1 TCP_MISS/200 103701 GET http://www.cnn.com/ u "
	    "DIRECT/199.27.79.73 text/html", "event.dataset=squid.access|source.ip=127.0.0.1|"
	    "@timestamp=2016-04-25T09:26:22.642Z|event.duration=161000000|squid.result_code=TCP_MISS|"
	    "http.response.status_code=200|http.response.bytes=103701|url.domain=www.cnn.com|"
	    "user.name=u|destination.ip=199.27.79.73|squid.hierarchy_status=DIRECT|"
	    "http.response.mime_type=text/html|http.request.method=GET"},
};

static void
test_forms(void **state)
{
	(void)state;
	assert_true(parse_case_forms(cases, sizeof cases / sizeof cases[0]));
}

static void
test_w3c(void **state)
{
	static struct parse_case c;

	(void)state;
	parse_case_open(&c);
	assert_true(parse_case_expect(&c, "2015-03-11 22:01:59 1.2.3.4 GET /a.cfm x=1 80 - 5.6.7.8 "
	    "Mozilla/5.0+(X) - 404 0 2 15", "event.dataset=iis.access|source.ip=5.6.7.8|"
	    "destination.ip=1.2.3.4|url.path=/a.cfm|url.query=x=1|url.original=/a.cfm?x=1|"
	    "http.response.status_code=404|user_agent.original=Mozilla/5.0 (X)|event.duration=15000000|"
	    "@timestamp=2015-03-11T22:01:59.000Z|iis.access.win32_status=2|!user.name|"
	    "!http.request.referrer"));
	assert_null(parse_case_run(&c, TSN_SLICE("#Software: Microsoft HTTP Server API 2.0")));
	assert_null(parse_case_run(&c, TSN_SLICE("#Fields: date time c-ip cs-username s-ip s-port "
	    "cs-method cs-uri-stem cs-uri-query sc-status cs(User-Agent) x-odd")));
	assert_true(parse_case_expect(&c, "2002-05-02 17:42:15 172.22.255.255 bob 172.30.255.255 80 GET "
	    "/images/picture.jpg - 200 \"a \"\"b\"\" c\" z", "source.ip=172.22.255.255|user.name=bob|"
	    "destination.port=80|url.original=/images/picture.jpg|url.extension=jpg|"
	    "http.response.status_code=200|user_agent.original=a \"\"b\"\" c"));
	parse_case_close(&c);
}

/* What an address says behind its escapes; valid UTF-8 always, and nothing where nothing changes. */
static void
test_decoded(void **state)
{
#define GET(url) "10.0.0.1 - - [16/Feb/2025:06:32:50 +0000] \"GET " url " HTTP/1.1\" 200 5"
	static const struct parse_form decoded[] = {
		{GET("/a?id=1%27%20or+1%3D1"), "url.decoded=/a?id=1' or 1=1|url.original=/a?id=1%27%20or+1%3D1"},
		{GET("/a+b?x=y"), "!url.decoded"},
		{GET("/a+b%20c?x+y"), "url.decoded=/a+b c?x y"},
		{GET("/%252e%252e%25252f"), "url.decoded=/../"},
		{GET("/%2525252e"), "url.decoded=/%2e"},
		{GET("/%u0027%u4E2D%ud800"), "url.decoded=/'\xe4\xb8\xad%ud800"},
		{GET("/%e4%b8%ad%ff%C3"), "url.decoded=/\xe4\xb8\xad%FF%C3"},
		{GET("/100%"), "!url.decoded"},
		{GET("/%4"), "!url.decoded"},
		{GET("/%zz%"), "!url.decoded"},
		{GET("/plain?a=b"), "!url.decoded"},
	};
#undef GET
	(void)state;
	assert_true(parse_case_forms(decoded, sizeof decoded / sizeof decoded[0]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_w3c),
		cmocka_unit_test(test_decoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
