#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parse_case.h"

#define CSV "2021-01-22 10:03:22.785 CET,\"bob\",\"shop\",1486,\"10.0.0.1:52306\",6009c305.5ce,32878," \
	"\"SELECT\",2021-01-21 19:08:05 CET,14/10903,0,"

static const struct parse_form cases[] = {
	{"2021-12-03 07:14:48.591 UTC [4913] user=user1,db=mydb LOG:  duration: 124.928 ms  statement: "
	    "select 1;", "event.dataset=postgresql.log|@timestamp=2021-12-03T07:14:48.591Z|"
	    "process.pid=4913|user.name=user1|sql.database=mydb|event.duration=124928000|"
	    "sql.query=select 1;|sql.type=SELECT|postgresql.log.query=select 1;|log.level=LOG|"
	    "event.action=query|event.category=database"},
	{"2017-09-06 08:41:41 UTC [36]: [121-1] user=postgres,db=p,app=my app,client=172.23.0.1 LOG:  "
	    "statement: END", "process.pid=36|postgresql.log.session_line_number=121|"
	    "postgresql.log.application_name=my app|source.ip=172.23.0.1|sql.type=TCL"},
	{"2021-02-14 01:34:02 CET [30291]: db=[unknown],user=[unknown],app=[unknown],client=[local] LOG:  "
	    "connection received: host=192.0.2.4 port=4711", "@timestamp=2021-02-14T00:34:02.000Z|"
	    "!user.name|!sql.database|source.ip=192.0.2.4|source.port=4711|"
	    "event.action=connection_received"},
	{"2021-02-14 01:34:02 UTC [1] LOG:  connection authorized: user=bob database=d1 "
	    "application_name=psql", "user.name=bob|sql.database=d1|event.outcome=success|"
	    "event.action=login|postgresql.log.application_name=psql"},
	{"2021-02-14 01:34:02 UTC [1] LOG:  disconnection: session time: 0:00:00.007 user=bob database=d1 "
	    "host=10.1.1.1 port=5", "event.action=logout|source.ip=10.1.1.1|source.port=5|user.name=bob"},
	{"2021-05-27 17:00:00 UTC:10.1.91.65(77):user@my_db:[24743]:LOG: duration: 0.054 ms statement: "
	    "SELECT 2", "source.ip=10.1.91.65|source.port=77|user.name=user|sql.database=my_db|"
	    "process.pid=24743|sql.query=SELECT 2"},
	{"2020-03-11 20:40:43 CET::@:[12760]:LOG:  starting PostgreSQL 12.2", "process.pid=12760|"
	    "!user.name|!source.address|@timestamp=2020-03-11T19:40:43.000Z"},
	{"2025-06-05 17:10:04 MSK [608647-3] [local] bob@shop WARNING: terminating", "process.pid=608647|"
	    "postgresql.log.session_line_number=3|user.name=bob|sql.database=shop|log.level=WARNING|"
	    "@timestamp=2025-06-05T14:10:04.000Z"},
	{"2021-09-28 09:22:18.536 UTC [147] 1.2.3.4 bob@postgres FATAL:  password authentication failed "
	    "for user \"bob\"", "source.ip=1.2.3.4|user.name=bob|event.outcome=failure|"
	    "event.action=login|error.message=password authentication failed for user \"bob\""},
	{"2021-09-28 09:22:18 UTC [147] FATAL:  no pg_hba.conf entry for host \"192.0.2.9\", user \"eve\", "
	    "database \"shop\", SSL off", "source.ip=192.0.2.9|user.name=eve|sql.database=shop|"
	    "event.outcome=failure"},
	{"2021-09-28 09:22:18 UTC [147] FATAL:  role \"eve\" does not exist",
	    "user.name=eve|event.outcome=failure|event.action=login"},
	{"2021-09-28 09:22:18 UTC [147] ERROR:  syntax error at or near \"x\" at character 5",
	    "error.message=syntax error at or near \"x\" at character 5|event.outcome=failure|!event.action"},
	{"2021-09-28 09:22:18 UTC [147] STATEMENT:  select x'\n\tfrom y", "sql.query=select x'\n\tfrom y"},
	{"2021-09-28 09:22:18 UTC [147] DETAIL:  parameters: $1 = '1'",
	    "postgresql.log.detail=parameters: $1 = '1'"},
	{"2021-09-28 09:22:18 UTC [147] LOG:  duration: 0.5 ms  execute fetch from S_1/C_2: select 3",
	    "postgresql.log.query_step=execute fetch from|postgresql.log.query_name=S_1/C_2|"
	    "sql.query=select 3"},
	{"2021-09-28 09:22:18 UTC [147] LOG:  duration: 1.5 ms  plan:\n\tQuery Text: select 4\n\tSeq Scan",
	    "sql.query=select 4\n\tSeq Scan|event.duration=1500000"},
	{"2021-09-28 09:22:18.001 UTC 64bf2ff1.21fc1e 0 VCDB vumuser [local] 2227230 5LOG:  checkpoint",
	    "event.dataset=postgresql.log|message=checkpoint"},
	{"Feb 10 23:15:40 h postgres[10819]: [7-1] db=shop,user=bob,app=psql,client=[local] LOG:  duration:"
	    " 13.997 ms  statement: SELECT a,\nFeb 10 23:15:40 h postgres[10819]: [7-2] #011 b\n"
	    "Feb 10 23:15:40 h postgres[10819]: [7-3]  cut\nFeb 10 23:15:40 h postgres[10819]: [7-4] "
	    "db=shop,user=bob,app=psql,client=[local] HINT:  try",
	    "event.dataset=postgresql.log|host.name=h|process.pid=10819|user.name=bob|sql.database=shop|"
	    "postgresql.log.session_line_number=7|sql.query=SELECT a,\n b cut|postgresql.log.hint=try"},
	{CSV "LOG,00000,\"duration: 26.120 ms  execute S_65: select \"\"x\"\"\",\"parameters: $1\",,,,,,,,"
	    "\"app, 1\"", "event.dataset=postgresql.log|@timestamp=2021-01-22T09:03:22.785Z|user.name=bob|"
	    "sql.database=shop|process.pid=1486|source.ip=10.0.0.1|source.port=52306|"
	    "postgresql.log.session_id=6009c305.5ce|postgresql.log.session_line_number=32878|"
	    "postgresql.log.command_tag=SELECT|sql.query=select \"x\"|postgresql.log.detail=parameters: $1|"
	    "postgresql.log.application_name=app, 1|postgresql.log.sql_state_code=00000|"
	    "event.duration=26120000"},
	{CSV "ERROR,42601,\"syntax error\",,,,,,\"selec\n1\",1,,\"psql\",\"client backend\",,77",
	    "log.level=ERROR|error.message=syntax error|sql.query=selec\n1|"
	    "postgresql.log.query_pos=1|postgresql.log.backend_type=client backend|"
	    "postgresql.log.query_id=77|!postgresql.log.leader_pid"},
	{CSV "LOG,00000,\"cut", "event.kind=pipeline_error|error.message=csvlog: a double quote is not closed"},
	{CSV "LOG,00000,short", "event.kind=pipeline_error"},
	{"2018-09-12 16:09:05.313 3394 LOG C-0x562376c014e0: pgbench/gilles@127.0.0.1:43866 login attempt: "
	    "db=pgbench user=gilles tls=no", "event.dataset=pgbouncer.log|process.pid=3394|user.name=gilles|"
	    "sql.database=pgbench|source.ip=127.0.0.1|source.port=43866|event.action=login|"
	    "pgbouncer.socket=C-0x562376c014e0"},
	{"2018-09-12 16:09:05.313 UTC [3394] WARNING C-0x5: d/u@10.0.0.1:5 pooler error: auth failed",
	    "event.outcome=failure|error.message=pooler error: auth failed|source.ip=10.0.0.1"},
	{"{\"timestamp\":\"2022-10-01 10:00:00.123 UTC\",\"user\":\"bob\",\"dbname\":\"shop\",\"pid\":12,"
	    "\"remote_host\":\"10.0.0.1\",\"remote_port\":4711,\"session_id\":\"6.c\",\"line_num\":3,"
	    "\"ps\":\"SELECT\",\"error_severity\":\"ERROR\",\"state_code\":\"42601\",\"message\":\"bad\","
	    "\"statement\":\"selec \\\"1\\\"\",\"backend_type\":\"client backend\"}",
	    "event.dataset=postgresql.log|@timestamp=2022-10-01T10:00:00.123Z|user.name=bob|"
	    "sql.database=shop|process.pid=12|source.ip=10.0.0.1|source.port=4711|log.level=ERROR|"
	    "error.message=bad|sql.query=selec \"1\"|postgresql.log.sql_state_code=42601|"
	    "postgresql.log.backend_type=client backend|event.outcome=failure"},
	{"{\"logName\":\"projects/x/logs/cloudsql.googleapis.com%2Fpostgres.log\",\"severity\":\"INFO\","
	    "\"textPayload\":\"[24683]: [3-1] db=shop,user=bob LOG:  duration: 2 ms  statement: select 1\","
	    "\"timestamp\":\"2020-05-02T13:01:50.403223Z\"}",
	    "event.dataset=postgresql.log|@timestamp=2020-05-02T13:01:50.403223Z|process.pid=24683|"
	    "user.name=bob|sql.query=select 1|event.duration=2000000|severity=INFO"},
	{"{\"logName\":\"projects/x/logs/stdout\",\"severity\":\"INFO\",\"textPayload\":\"hello\","
	    "\"timestamp\":\"2020-05-02T13:01:50Z\"}",
	    "event.dataset=gcp.log|message=hello|@timestamp=2020-05-02T13:01:50.000Z"},
	{"2018-09-12 16:08:54.776 3394 LOG listening on 127.0.0.1:6432", "event.dataset=pgbouncer.log|"
	    "message=listening on 127.0.0.1:6432"},
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
