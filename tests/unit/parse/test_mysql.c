#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "parse_case.h"

#define TAB "\t"

/* In order: the general log remembers times and accounts from line to line. */
static const struct parse_form cases[] = {
	{"/usr/sbin/mysqld, Version: 5.7.12-log ((Ubuntu)). started with:",
	    "event.dataset=mysql.server|event.action=server_start|service.version=5.7.12-log"},
	{"051007   1:55:24" TAB "     42 Connect     root@10.0.0.9 on db1",
	    "event.dataset=mysql.general|@timestamp=2005-10-07T01:55:24.000Z|event.action=login|"
	    "event.outcome=success|mysql.thread_id=42|mysql.command=Connect|user.name=root|"
	    "source.ip=10.0.0.9|sql.database=db1|event.category=database"},
	{TAB TAB "     42 Query       SELECT foo \n FROM tbl\n", "@timestamp=2005-10-07T01:55:24.000Z|"
	    "sql.query=SELECT foo \n FROM tbl|sql.type=SELECT|user.name=root|source.ip=10.0.0.9|"
	    "sql.database=db1|event.action=query|!mysql.argument"},
	{TAB TAB "     42 Init DB     other", "sql.database=other|event.action=use_database"},
	{TAB TAB "     58 Query       SELECT 2", "!user.name|!sql.database|sql.query=SELECT 2"},
	{"               " TAB "     42 Quit       ", "event.action=logout|user.name=root|sql.database=other"},
	{TAB TAB "     42 Query       SELECT 1", "!user.name"},
	{"2016-06-07T19:07:02.558338Z" TAB "    3 Connect" TAB "php my@admin@localhost on  using Socket",
	    "@timestamp=2016-06-07T19:07:02.558338Z|user.name=php my@admin|source.domain=localhost|"
	    "!sql.database"},
	{"2016-06-07T19:07:03.000000+02:00    3 Execute" TAB "[1] SELECT \"x\"",
	    "@timestamp=2016-06-07T17:07:03.000Z|sql.query=SELECT \"x\"|user.name=php my@admin"},
	{"2016-06-07T19:07:04.000000Z    9 Connect" TAB
	    "Access denied for user 'o'@'x'@'192.0.2.9' (using password: YES)",
	    "event.outcome=failure|event.action=login|user.name=o'@'x|source.ip=192.0.2.9"},
	{"2017-02-16T23:29:00.813Z localhost 170216 19:10:15 37 Connect debian-sys-maint@localhost on ",
	    "@timestamp=2017-02-16T23:29:00.813Z|host.name=localhost|user.name=debian-sys-maint|"
	    "mysql.thread_id=37|event.dataset=mysql.general"},
	{"2017-02-16T23:29:00.900Z localhost 37 Query SHOW VARIABLES LIKE 'pid_file'",
	    "sql.query=SHOW VARIABLES LIKE 'pid_file'|sql.type=OTHER|user.name=debian-sys-maint"},
	{"# Time: 071015 21:43:52\n# User@Host: root[admin] @ web1 [10.0.0.1]  Id:     3\n"
	    "# Query_time: 2.5  Lock_time: 0.1 Rows_sent: 1  Rows_examined:7\n"
	    "# Schema:  Last_errno: 0 Killed: 1\n# QC_Hit: No  Full_scan: Yes\nuse `te st`;\n"
	    "SET insert_id=5,timestamp=1192484632;\nselect sleep(2)\n# note\nfrom n;",
	    "event.dataset=mysql.slowlog|@timestamp=2007-10-15T21:43:52.000Z|user.name=root|"
	    "mysql.slowlog.current_user=admin|source.ip=10.0.0.1|source.domain=web1|mysql.thread_id=3|"
	    "event.duration=2500000000|mysql.slowlog.lock_time=0.1|mysql.slowlog.rows_examined=7|"
	    "mysql.slowlog.last_errno=0|mysql.slowlog.killed=1|mysql.slowlog.query_cache_hit=false|"
	    "mysql.slowlog.full_scan=true|sql.database=te st|sql.query=select sleep(2)\n# note\nfrom n;|"
	    "sql.type=SELECT"},
	{"# User@Host: [SQL_SLAVE] @  []\n# Query_time: 1\n# administrator command: Quit;",
	    "@timestamp=2007-10-15T21:43:52.000Z|user.name=SQL_SLAVE|!source.address|"
	    "mysql.slowlog.admin_command=Quit|!sql.query"},
	{"# Time: 2021-01-01T10:00:00.5Z # User@Host: a[a] @ b []  Id: 7\nDELETE FROM t;",
	    "@timestamp=2021-01-01T10:00:00.500Z|user.name=a|source.domain=b|sql.type=DELETE|"
	    "mysql.thread_id=7"},
	{"130324  0:04:00 [Warning] Access denied for user 'root'@'192.168.1.35' (using password: NO)",
	    "event.dataset=mysql.error|@timestamp=2013-03-24T00:04:00.000Z|event.outcome=failure|"
	    "user.name=root|source.ip=192.168.1.35|log.level=warning"},
	{"2015-10-07  8:25:38 139845235329792 [Warning] text", "@timestamp=2015-10-07T08:25:38.000Z|"
	    "mysql.thread_id=139845235329792|message=text|!user.name"},
	{"2019-01-03T08:50:04.634875Z 113 [Note] [MY-010926] [Server] Access denied for user "
	    "'root'@'192.0.2.1' (using password: NO)", "error.code=MY-010926|mysql.error.subsystem=Server|"
	    "mysql.thread_id=113|event.outcome=failure|log.level=note"},
	{"2019-01-03T08:50:04.634875Z 113 [Note] x Access denied for user 'root'@'192.0.2.1' (y)",
	    "!event.outcome|!user.name"},
	{"Sep 16 21:30:32 h mysqld: 130916 21:30:32 [Warning] Access denied for user 'a'@'74.207.241.159'"
	    " (using password: NO)", "event.dataset=mysql.error|host.name=h|source.ip=74.207.241.159"},
	{"\"Feb 16 06:32:50 \"" TAB "\"127.0.0.1\" \"root@localhost\" \"select \"x\" from user where id=1\"",
	    "event.dataset=sql.audit|@timestamp=2025-02-16T06:32:50.000Z|source.ip=127.0.0.1|"
	    "sql.account=root@localhost|user.name=root|sql.query=select \"x\" from user where id=1|"
	    "sql.type=SELECT|event.action=query"},
	{"\"Feb 16 06:32:50 \"" TAB "\"127.0.0.1\" \"root@localhost\" \"select ",
	    "event.kind=pipeline_error"},
};

static void
test_forms(void **state)
{
	static struct parse_case c;

	(void)state;
	assert_true(parse_case_forms(cases, sizeof cases / sizeof cases[0]));
	parse_case_open(&c);
	assert_null(parse_case_run(&c, TSN_SLICE("Tcp port: 3306  Unix socket: /x")));
	parse_case_close(&c);
}

/* More sessions than are remembered: the account is right or absent, never another's. */
static void
test_sessions(void **state)
{
	static struct parse_case c;
	char text[128];

	(void)state;
	parse_case_open(&c);
	for (unsigned i = 1; i <= 6000; i++) {
		int n = snprintf(text, sizeof text, "2016-06-07T19:07:02Z\t%u Connect\tu%u@h on d", i, i);

		(void)parse_case_run(&c, tsn_slice_of(text, (size_t)n));
	}
	for (unsigned i = 1; i <= 6000; i++) {
		int n = snprintf(text, sizeof text, "2016-06-07T19:07:02Z\t%u Query\tselect 1", i);
		const char *user;

		(void)parse_case_run(&c, tsn_slice_of(text, (size_t)n));
		user = parse_case_get(&c, "user.name");
		snprintf(text, sizeof text, "u%u", i);
		if (i > 6000 - 4096)
			assert_string_equal(user, text);
		else
			assert_null(user);
	}
	parse_case_close(&c);
}

static void
test_type(void **state)
{
	static const struct { const char *query, *type; } rows[] = {
		{"select 1", "SELECT"}, {" ( SELECT 1)", "SELECT"}, {"/* x */ -- y\n insert into t", "INSERT"},
		{"/*!40000 ALTER TABLE t */", "DDL"}, {"with a as (select 1) delete from t", "CTE"},
		{"copy (select x from y) to stdout", "COPY TO"}, {"COPY t FROM '/x'", "COPY FROM"},
		{"COPY fromage TO '/x'", "COPY TO"}, {"COMMIT;", "TCL"}, {"FETCH 1 FROM c", "CURSOR"},
		{"grant all on x to y", "DCL"}, {"explain select 1", "OTHER"}, {"selects", "OTHER"},
		{"", ""}, {"/*", "OTHER"}, {"#", "OTHER"},
	};
	static struct parse_case c;

	(void)state;
	parse_case_open(&c);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char text[256];
		int n = snprintf(text, sizeof text, "\"Feb 16 06:32:50 \" \"1.1.1.1\" \"a@b\" \"%s\"",
		    rows[i].query);
		const char *got;

		(void)parse_case_run(&c, tsn_slice_of(text, (size_t)n));
		got = parse_case_get(&c, "sql.type");
		assert_string_equal(got == NULL ? "" : got, rows[i].type);
	}
	parse_case_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
