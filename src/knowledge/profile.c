#include "knowledge/profile.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/time.h"
#include "db/db.h"

#define SCHEMA_VERSION 1

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS user(name BLOB PRIMARY KEY, successes INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS user_ip(name BLOB, ip BLOB, net BLOB NOT NULL,"
    " last_ns INTEGER NOT NULL, PRIMARY KEY(name, ip)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS user_net ON user_ip(name, net);"
    "CREATE TABLE IF NOT EXISTS user_hour(name BLOB, hour INTEGER, last_ns INTEGER NOT NULL,"
    " PRIMARY KEY(name, hour)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS user_day(name BLOB, day INTEGER, PRIMARY KEY(name, day))"
    " WITHOUT ROWID;"
    "PRAGMA user_version = 1;";

enum statement { LOOK, NEWEST, USER, IP, HOUR, DAY, STATEMENT__COUNT };

static const char *const statement_text[STATEMENT__COUNT] = {
	[LOOK] = "SELECT (SELECT successes FROM user WHERE name=?1),"
		 " (SELECT count(*) FROM user_day WHERE name=?1),"
		 " EXISTS(SELECT 1 FROM user_ip WHERE name=?1 AND net=?2),"
		 " EXISTS(SELECT 1 FROM user_hour WHERE name=?1 AND hour=?3)",
	[NEWEST] = "SELECT last_ns FROM user_ip WHERE name=?1 AND ip=?2",
	[USER] = "INSERT INTO user VALUES(?1, 1)"
		 " ON CONFLICT(name) DO UPDATE SET successes = successes + 1",
	[IP] = "INSERT INTO user_ip VALUES(?1, ?2, ?3, ?4)"
	       " ON CONFLICT(name, ip) DO UPDATE SET last_ns = excluded.last_ns",
	[HOUR] = "INSERT INTO user_hour VALUES(?1, ?2, ?3)"
		 " ON CONFLICT(name, hour) DO UPDATE SET last_ns = max(last_ns, excluded.last_ns)",
	[DAY] = "INSERT OR IGNORE INTO user_day VALUES(?1, ?2)",
};

struct tsn_profile {
	struct tsn_db db;
	sqlite3_stmt *statements[STATEMENT__COUNT];
	struct tsn_profile_options options;
	int64_t newest_ns;	/* newest login learned since opening: the clock of forgetting */
};

static enum tsn_code
open_db(struct tsn_profile *p, const char *path, struct tsn_err *err)
{
	TSN_TRY(tsn_db_open(&p->db, &(struct tsn_db_options){.path = path, .name = "knowledge.sqlite",
	    .create = true, .version = SCHEMA_VERSION, .schema = schema}, err));
	for (int i = 0; i < STATEMENT__COUNT; i++)
		TSN_TRY(tsn_db_prepare(&p->db, statement_text[i], &p->statements[i], err));
	return TSN_OK;
}

enum tsn_code
tsn_profile_open(const char *dir, const struct tsn_profile_options *options,
    struct tsn_profile **ret_profile, struct tsn_err *err)
{
	char path[4096] = ":memory:";
	struct tsn_profile *p;
	enum tsn_code code;

	if (dir != NULL &&
	    snprintf(path, sizeof path, "%s/knowledge.sqlite", dir) >= (int)sizeof path)
		TSN_FAIL(err, TSN_EINVAL, "the name of the data folder is too long");
	p = calloc(1, sizeof *p);
	if (p == NULL)
		return TSN_ENOMEM;
	p->options = *options;
	p->newest_ns = TSN_TIME_NONE;
	code = open_db(p, path, err);
	if (code != TSN_OK) {
		tsn_profile_close(p);
		return code;
	}
	*ret_profile = p;
	return TSN_OK;
}

void
tsn_profile_close(struct tsn_profile *p)
{
	if (p == NULL)
		return;
	for (int i = 0; i < STATEMENT__COUNT; i++)
		(void)sqlite3_finalize(p->statements[i]);
	tsn_db_close(&p->db);
	free(p);
}

static struct tsn_ip
net_of(const struct tsn_ip *ip)
{
	return tsn_ip_mask(ip, tsn_ip_is_v4(ip) ? 96 + 24 : 48);
}

static int
hour_of_week(int64_t time_ns)
{
	struct tsn_civil c;

	tsn_time_to_civil(time_ns, &c);
	return tsn_time_weekday(time_ns) * 24 + c.hour;
}

enum tsn_code
tsn_profile_look(struct tsn_profile *p, struct tsn_slice user, const struct tsn_ip *from,
    int64_t time_ns, struct tsn_profile_view *ret_view, struct tsn_err *err)
{
	sqlite3_stmt *stmt = p->statements[LOOK];
	struct tsn_ip net = net_of(from);
	enum tsn_code code = TSN_OK;

	tsn_db_bind_blob(stmt, 1, user.ptr, user.len);
	tsn_db_bind_blob(stmt, 2, net.bytes, sizeof net.bytes);
	(void)sqlite3_bind_int(stmt, 3, hour_of_week(time_ns));
	if (sqlite3_step(stmt) == SQLITE_ROW) {
		ret_view->successes = (uint32_t)sqlite3_column_int64(stmt, 0);
		ret_view->days = (uint32_t)sqlite3_column_int64(stmt, 1);
		ret_view->usual_ip = sqlite3_column_int(stmt, 2) != 0;
		ret_view->usual_time = sqlite3_column_int(stmt, 3) != 0;
		ret_view->mature = ret_view->successes >= p->options.mature_successes &&
		    ret_view->days >= p->options.mature_days;
	} else {
		code = tsn_db_fail(&p->db, "reading a profile", err);
	}
	(void)sqlite3_reset(stmt);
	return code;
}

static enum tsn_code
step(struct tsn_profile *p, enum statement which, struct tsn_err *err)
{
	return tsn_db_step(&p->db, p->statements[which], "writing a profile", err);
}

static bool
known_already(struct tsn_profile *p, struct tsn_slice user, const struct tsn_ip *from,
    int64_t time_ns)
{
	sqlite3_stmt *stmt = p->statements[NEWEST];
	bool known;

	tsn_db_bind_blob(stmt, 1, user.ptr, user.len);
	tsn_db_bind_blob(stmt, 2, from->bytes, sizeof from->bytes);
	known = sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int64(stmt, 0) >= time_ns;
	(void)sqlite3_reset(stmt);
	return known;
}

enum tsn_code
tsn_profile_learn(struct tsn_profile *p, struct tsn_slice user, const struct tsn_ip *from,
    int64_t time_ns, struct tsn_err *err)
{
	struct tsn_ip net = net_of(from);

	if (known_already(p, user, from, time_ns))
		return TSN_OK;
	TSN_TRY(tsn_db_begin(&p->db, err));
	tsn_db_bind_blob(p->statements[USER], 1, user.ptr, user.len);
	TSN_TRY(step(p, USER, err));
	tsn_db_bind_blob(p->statements[IP], 1, user.ptr, user.len);
	tsn_db_bind_blob(p->statements[IP], 2, from->bytes, sizeof from->bytes);
	tsn_db_bind_blob(p->statements[IP], 3, net.bytes, sizeof net.bytes);
	(void)sqlite3_bind_int64(p->statements[IP], 4, time_ns);
	TSN_TRY(step(p, IP, err));
	tsn_db_bind_blob(p->statements[HOUR], 1, user.ptr, user.len);
	(void)sqlite3_bind_int(p->statements[HOUR], 2, hour_of_week(time_ns));
	(void)sqlite3_bind_int64(p->statements[HOUR], 3, time_ns);
	TSN_TRY(step(p, HOUR, err));
	tsn_db_bind_blob(p->statements[DAY], 1, user.ptr, user.len);
	(void)sqlite3_bind_int64(p->statements[DAY], 2,
	    tsn_time_floor(time_ns, TSN_NS_PER_DAY) / TSN_NS_PER_DAY);
	TSN_TRY(step(p, DAY, err));
	if (time_ns > p->newest_ns)
		p->newest_ns = time_ns;
	return TSN_OK;
}

static enum tsn_code
forget(struct tsn_profile *p, struct tsn_err *err)
{
	int64_t before_ns = p->newest_ns - TSN_PROFILE_DAYS * TSN_NS_PER_DAY;
	char sql[256];

	(void)snprintf(sql, sizeof sql, "DELETE FROM user_ip WHERE last_ns < %lld;"
	    "DELETE FROM user_hour WHERE last_ns < %lld; DELETE FROM user_day WHERE day < %lld;",
	    (long long)before_ns, (long long)before_ns, (long long)(before_ns / TSN_NS_PER_DAY));
	return tsn_db_exec(&p->db, sql, "forgetting old logins", err);
}

enum tsn_code
tsn_profile_commit(struct tsn_profile *p, struct tsn_err *err)
{
	if (!p->db.writing)
		return TSN_OK;
	TSN_TRY(forget(p, err));
	return tsn_db_commit(&p->db, err);
}
