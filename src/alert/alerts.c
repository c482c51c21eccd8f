#include "alert/alerts_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/assert.h"

/* user_version of the file: raised when a change would mislead an older program. */
#define SCHEMA_VERSION 1

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS alert("
    " id TEXT PRIMARY KEY, rule_id TEXT NOT NULL, rule_name TEXT NOT NULL, reason TEXT NOT NULL,"
    " level INTEGER NOT NULL, time_ns INTEGER NOT NULL, first_seen_ns INTEGER NOT NULL,"
    " last_seen_ns INTEGER NOT NULL, count INTEGER NOT NULL,"
    " status INTEGER NOT NULL DEFAULT 0, close_reason TEXT NOT NULL DEFAULT '',"
    " doc TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS alert_time ON alert(time_ns);"
    "CREATE INDEX IF NOT EXISTS alert_status ON alert(status, time_ns);"
    "CREATE TABLE IF NOT EXISTS history("
    " alert_id TEXT NOT NULL, at_ns INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL,"
    " reason TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS history_alert ON history(alert_id, at_ns);"
    "CREATE TABLE IF NOT EXISTS risk_hit("
    " alert_id BLOB NOT NULL, entity TEXT NOT NULL, value TEXT NOT NULL, time_ns INTEGER NOT NULL,"
    " score REAL NOT NULL, rule TEXT NOT NULL, PRIMARY KEY(alert_id, entity)) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS risk_hit_time ON risk_hit(time_ns);"
    "CREATE TABLE IF NOT EXISTS risk_fire("
    " id BLOB PRIMARY KEY, entity TEXT NOT NULL, value TEXT NOT NULL, time_ns INTEGER NOT NULL,"
    " first_ns INTEGER NOT NULL) WITHOUT ROWID;"
    "PRAGMA user_version = 1;";

#define COLUMNS "id, rule_id, rule_name, reason, level, time_ns, first_seen_ns, last_seen_ns," \
	" count, status, close_reason, doc"

static const char *const statement_text[STATEMENT__COUNT] = {
	[FIND] = "SELECT count FROM alert WHERE id = ?1",
	[INSERT] = "INSERT INTO alert(id, rule_id, rule_name, reason, level, time_ns, first_seen_ns,"
		   " last_seen_ns, count, doc) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
	[UPDATE] = "UPDATE alert SET rule_id=?2, rule_name=?3, reason=?4, level=?5, time_ns=?6,"
		   " first_seen_ns=?7, last_seen_ns=?8, count=?9, doc=?10 WHERE id=?1",
	[RISK_HIT] = "INSERT OR IGNORE INTO risk_hit VALUES(?1,?2,?3,?4,?5,?6)",
	[RISK_FIRE] = "INSERT OR REPLACE INTO risk_fire VALUES(?1,?2,?3,?4,?5)",
};


const char *
tsn_alert_status_name(enum tsn_alert_status status)
{
	static const char *const names[] = {"open", "acknowledged", "closed"};

	TSN_ASSERT(status < TSN_ALERT_STATUS__COUNT);
	return names[status];
}

static enum tsn_code
open_db(struct tsn_alerts *a, const char *path, bool create, struct tsn_err *err)
{
	TSN_TRY(tsn_db_open(&a->db, &(struct tsn_db_options){.path = path, .name = "alerts.sqlite",
	    .create = create, .version = SCHEMA_VERSION, .schema = schema}, err));
	for (int i = 0; i < STATEMENT__COUNT; i++)
		TSN_TRY(tsn_db_prepare(&a->db, statement_text[i], &a->statements[i], err));
	return TSN_OK;
}

enum tsn_code
tsn_alerts_open(const char *dir, bool create, struct tsn_alerts **ret_alerts, struct tsn_err *err)
{
	char path[4096];
	struct stat st;
	struct tsn_alerts *a;
	enum tsn_code code;

	if (snprintf(path, sizeof path, "%s/alerts.sqlite", dir) >= (int)sizeof path)
		TSN_FAIL(err, TSN_EINVAL, "the name of the data folder is too long");
	if (!create && stat(path, &st) != 0)
		TSN_FAIL(err, errno == ENOENT ? TSN_ENOTFOUND : TSN_EIO,
		    errno == ENOENT ? "%s: no alerts are kept here" : "%s", path);
	a = calloc(1, sizeof *a);
	if (a == NULL)
		return TSN_ENOMEM;
	code = open_db(a, path, create, err);
	if (code != TSN_OK) {
		tsn_alerts_close(a);
		return code;
	}
	*ret_alerts = a;
	return TSN_OK;
}

void
tsn_alerts_close(struct tsn_alerts *a)
{
	if (a == NULL)
		return;
	for (int i = 0; i < STATEMENT__COUNT; i++)
		(void)sqlite3_finalize(a->statements[i]);
	tsn_db_close(&a->db);
	free(a);
}

enum tsn_code
tsn_alerts_put(struct tsn_alerts *a, const struct tsn_alert *alert, bool *ret_new,
    struct tsn_err *err)
{
	sqlite3_stmt *stmt = a->statements[FIND];
	uint64_t count = 0;
	bool known;
	int rc;

	TSN_ASSERT(alert->id.len == 32);
	TSN_TRY(tsn_db_begin(&a->db, err));
	tsn_db_bind_text(stmt, 1, alert->id);
	rc = sqlite3_step(stmt);
	known = rc == SQLITE_ROW;
	if (known)
		count = (uint64_t)sqlite3_column_int64(stmt, 0);
	(void)sqlite3_reset(stmt);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return tsn_db_fail(&a->db, "looking for an alert", err);
	*ret_new = !known;
	if (known && count >= alert->count)
		return TSN_OK;
	stmt = a->statements[known ? UPDATE : INSERT];
	tsn_db_bind_text(stmt, 1, alert->id);
	tsn_db_bind_text(stmt, 2, alert->rule_id);
	tsn_db_bind_text(stmt, 3, alert->rule_name);
	tsn_db_bind_text(stmt, 4, alert->reason);
	(void)sqlite3_bind_int(stmt, 5, alert->level);
	(void)sqlite3_bind_int64(stmt, 6, alert->time_ns);
	(void)sqlite3_bind_int64(stmt, 7, alert->first_seen_ns);
	(void)sqlite3_bind_int64(stmt, 8, alert->last_seen_ns);
	(void)sqlite3_bind_int64(stmt, 9, (sqlite3_int64)alert->count);
	tsn_db_bind_text(stmt, 10, alert->doc);
	rc = sqlite3_step(stmt);
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return rc == SQLITE_DONE ? TSN_OK : tsn_db_fail(&a->db, "writing an alert", err);
}

enum tsn_code
tsn_alerts_commit(struct tsn_alerts *a, struct tsn_err *err)
{
	return tsn_db_commit(&a->db, err);
}

static void
read_row(sqlite3_stmt *stmt, struct tsn_alert *alert)
{
	int status = sqlite3_column_int(stmt, 9);

	*alert = (struct tsn_alert){
		.id = tsn_db_text(stmt, 0),
		.rule_id = tsn_db_text(stmt, 1),
		.rule_name = tsn_db_text(stmt, 2),
		.reason = tsn_db_text(stmt, 3),
		.level = sqlite3_column_int(stmt, 4),
		.time_ns = sqlite3_column_int64(stmt, 5),
		.first_seen_ns = sqlite3_column_int64(stmt, 6),
		.last_seen_ns = sqlite3_column_int64(stmt, 7),
		.count = (uint64_t)sqlite3_column_int64(stmt, 8),
		.status = status < 0 || status >= TSN_ALERT_STATUS__COUNT ?
		    TSN_ALERT_OPEN : (enum tsn_alert_status)status,
		.close_reason = tsn_db_text(stmt, 10),
		.doc = tsn_db_text(stmt, 11),
	};
}

/* Steps through the rows of a statement and finalizes it. */
static enum tsn_code
each_row(struct tsn_alerts *a, sqlite3_stmt *stmt,
    enum tsn_code (*each)(void *ctx, const struct tsn_alert *alert), void *ctx,
    struct tsn_err *err)
{
	enum tsn_code code = TSN_OK;
	struct tsn_alert alert;
	int rc;

	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW && code == TSN_OK) {
		read_row(stmt, &alert);
		code = each(ctx, &alert);
	}
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		code = tsn_db_fail(&a->db, "reading alerts", err);
	(void)sqlite3_finalize(stmt);
	return code;
}

enum tsn_code
tsn_alerts_list(struct tsn_alerts *a, const struct tsn_alert_filter *filter,
    enum tsn_code (*each)(void *ctx, const struct tsn_alert *alert), void *ctx,
    struct tsn_err *err)
{
	sqlite3_stmt *stmt;

	TSN_TRY(tsn_db_prepare(&a->db, "SELECT " COLUMNS " FROM alert WHERE (?1 < 0 OR status = ?1)"
	    " AND level >= ?2 AND (?3 = '' OR rule_id = ?3) AND (?4 = 0 OR time_ns >= ?4)"
	    " AND (?5 = 0 OR time_ns < ?5) ORDER BY time_ns DESC, id LIMIT ?6", &stmt, err));
	(void)sqlite3_bind_int(stmt, 1, filter->status);
	(void)sqlite3_bind_int(stmt, 2, filter->level_min);
	tsn_db_bind_text(stmt, 3, filter->rule_id);
	(void)sqlite3_bind_int64(stmt, 4, filter->from_ns);
	(void)sqlite3_bind_int64(stmt, 5, filter->to_ns);
	(void)sqlite3_bind_int64(stmt, 6,
	    filter->limit == 0 || filter->limit > INT64_MAX ? -1 : (sqlite3_int64)filter->limit);
	return each_row(a, stmt, each, ctx, err);
}

/* Finds the one full id that begins with `id`; out has room for 33 bytes. */
static enum tsn_code
resolve(struct tsn_alerts *a, struct tsn_slice id, char out[33], struct tsn_err *err)
{
	sqlite3_stmt *stmt;
	char shown[64];
	int found = 0;

	if (id.len < 6 || id.len > 32)
		TSN_FAIL(err, TSN_EINVAL, "\"%s\" is no alert id: expected 6 to 32 hex digits",
		    tsn_slice_escape(id, shown, sizeof shown));
	TSN_TRY(tsn_db_prepare(&a->db, "SELECT id FROM alert WHERE substr(id, 1, ?2) = ?1 LIMIT 2",
	    &stmt, err));
	tsn_db_bind_text(stmt, 1, id);
	(void)sqlite3_bind_int64(stmt, 2, (sqlite3_int64)id.len);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		struct tsn_slice full = tsn_db_text(stmt, 0);

		found++;
		if (full.len <= 32)
			memcpy(out, full.ptr, full.len + 1);
	}
	(void)sqlite3_finalize(stmt);
	if (found == 1)
		return TSN_OK;
	TSN_FAIL(err, found == 0 ? TSN_ENOTFOUND : TSN_EINVAL,
	    found == 0 ? "no alert %s" : "%s begins the id of more than one alert",
	    tsn_slice_escape(id, shown, sizeof shown));
}

enum tsn_code
tsn_alerts_get(struct tsn_alerts *a, struct tsn_slice id,
    enum tsn_code (*each)(void *ctx, const struct tsn_alert *alert), void *ctx,
    struct tsn_err *err)
{
	sqlite3_stmt *stmt;
	char full[33];

	TSN_TRY(resolve(a, id, full, err));
	TSN_TRY(tsn_db_prepare(&a->db, "SELECT " COLUMNS " FROM alert WHERE id = ?1", &stmt, err));
	tsn_db_bind_text(stmt, 1, tsn_slice_cstr(full));
	return each_row(a, stmt, each, ctx, err);
}

static enum tsn_code
write_status(struct tsn_alerts *a, const char *full, enum tsn_alert_status status,
    struct tsn_slice reason, struct tsn_slice who, int64_t now_ns, struct tsn_err *err)
{
	sqlite3_stmt *stmt;
	int rc;

	TSN_TRY(tsn_db_prepare(&a->db, "UPDATE alert SET status = ?2, close_reason = ?3 WHERE id = ?1",
	    &stmt, err));
	tsn_db_bind_text(stmt, 1, tsn_slice_cstr(full));
	(void)sqlite3_bind_int(stmt, 2, (int)status);
	tsn_db_bind_text(stmt, 3, status == TSN_ALERT_CLOSED ? reason : TSN_SLICE(""));
	rc = sqlite3_step(stmt);
	(void)sqlite3_finalize(stmt);
	if (rc != SQLITE_DONE)
		return tsn_db_fail(&a->db, "changing an alert", err);
	TSN_TRY(tsn_db_prepare(&a->db, "INSERT INTO history VALUES(?1, ?2, ?3, ?4, ?5)", &stmt, err));
	tsn_db_bind_text(stmt, 1, tsn_slice_cstr(full));
	(void)sqlite3_bind_int64(stmt, 2, now_ns);
	tsn_db_bind_text(stmt, 3, who);
	tsn_db_bind_text(stmt, 4, tsn_slice_cstr(tsn_alert_status_name(status)));
	tsn_db_bind_text(stmt, 5, reason);
	rc = sqlite3_step(stmt);
	(void)sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? TSN_OK : tsn_db_fail(&a->db, "writing the history", err);
}

enum tsn_code
tsn_alerts_set_status(struct tsn_alerts *a, struct tsn_slice id, enum tsn_alert_status status,
    struct tsn_slice reason, struct tsn_slice who, int64_t now_ns, struct tsn_err *err)
{
	char full[33];
	enum tsn_code code;

	TSN_ASSERT(status < TSN_ALERT_STATUS__COUNT);
	if (status == TSN_ALERT_CLOSED && tsn_slice_trim(reason).len == 0)
		TSN_FAIL(err, TSN_EINVAL, "closing an alert needs a reason");
	TSN_TRY(tsn_db_begin(&a->db, err));
	code = resolve(a, id, full, err);
	if (code == TSN_OK)
		code = write_status(a, full, status, reason, who, now_ns, err);
	if (code == TSN_OK)
		return tsn_alerts_commit(a, err);
	tsn_db_rollback(&a->db);
	return code;
}

enum tsn_code
tsn_alerts_history(struct tsn_alerts *a, struct tsn_slice id,
    enum tsn_code (*each)(void *ctx, int64_t at_ns, struct tsn_slice who, struct tsn_slice what,
	struct tsn_slice reason), void *ctx, struct tsn_err *err)
{
	enum tsn_code code = TSN_OK;
	sqlite3_stmt *stmt;
	char full[33];

	TSN_TRY(resolve(a, id, full, err));
	TSN_TRY(tsn_db_prepare(&a->db, "SELECT at_ns, who, what, reason FROM history"
	    " WHERE alert_id = ?1 ORDER BY at_ns, rowid", &stmt, err));
	tsn_db_bind_text(stmt, 1, tsn_slice_cstr(full));
	while (code == TSN_OK && sqlite3_step(stmt) == SQLITE_ROW)
		code = each(ctx, sqlite3_column_int64(stmt, 0), tsn_db_text(stmt, 1), tsn_db_text(stmt, 2),
		    tsn_db_text(stmt, 3));
	(void)sqlite3_finalize(stmt);
	return code;
}

enum tsn_code
tsn_alerts_count(struct tsn_alerts *a, int status, uint64_t *ret_count, struct tsn_err *err)
{
	sqlite3_stmt *stmt;
	enum tsn_code code = TSN_OK;

	TSN_TRY(tsn_db_prepare(&a->db, "SELECT count(*) FROM alert WHERE ?1 < 0 OR status = ?1", &stmt,
	    err));
	(void)sqlite3_bind_int(stmt, 1, status);
	if (sqlite3_step(stmt) == SQLITE_ROW)
		*ret_count = (uint64_t)sqlite3_column_int64(stmt, 0);
	else
		code = tsn_db_fail(&a->db, "counting alerts", err);
	(void)sqlite3_finalize(stmt);
	return code;
}
