/* What risk must know after a restart, in the file of the alert queue. */
#include "alert/alerts_int.h"

enum tsn_code
tsn_alerts_put_hit(struct tsn_alerts *a, const struct tsn_risk_hit *hit, struct tsn_err *err)
{
	sqlite3_stmt *stmt = a->statements[RISK_HIT];

	TSN_TRY(tsn_db_begin(&a->db, err));
	tsn_db_bind_blob(stmt, 1, hit->alert, sizeof hit->alert);
	tsn_db_bind_text(stmt, 2, hit->entity);
	tsn_db_bind_text(stmt, 3, hit->value);
	(void)sqlite3_bind_int64(stmt, 4, hit->time_ns);
	(void)sqlite3_bind_double(stmt, 5, hit->score);
	tsn_db_bind_text(stmt, 6, hit->rule);
	return tsn_db_step(&a->db, stmt, "writing a risk", err);
}

enum tsn_code
tsn_alerts_put_fire(struct tsn_alerts *a, const struct tsn_risk_fire *fire, struct tsn_err *err)
{
	sqlite3_stmt *stmt = a->statements[RISK_FIRE];

	TSN_TRY(tsn_db_begin(&a->db, err));
	tsn_db_bind_blob(stmt, 1, fire->id, sizeof fire->id);
	tsn_db_bind_text(stmt, 2, fire->entity);
	tsn_db_bind_text(stmt, 3, fire->value);
	(void)sqlite3_bind_int64(stmt, 4, fire->time_ns);
	(void)sqlite3_bind_int64(stmt, 5, fire->first_ns);
	return tsn_db_step(&a->db, stmt, "writing a risk alert", err);
}

static bool
read_id(sqlite3_stmt *stmt, int at, uint64_t ret[2])
{
	const void *id = sqlite3_column_blob(stmt, at);

	if (id == NULL || sqlite3_column_bytes(stmt, at) != 16)
		return false;
	memcpy(ret, id, 16);
	return true;
}

static enum tsn_code
restore_fires(struct tsn_alerts *a, struct tsn_risk *risk, int64_t from_ns, struct tsn_err *err)
{
	enum tsn_code code = TSN_OK;
	sqlite3_stmt *stmt;
	int rc = SQLITE_DONE;

	TSN_TRY(tsn_db_prepare(&a->db, "SELECT id, entity, value, time_ns, first_ns FROM risk_fire"
	    " WHERE time_ns >= ?1 ORDER BY time_ns", &stmt, err));
	(void)sqlite3_bind_int64(stmt, 1, from_ns);
	while (code == TSN_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct tsn_risk_fire fire = {.entity = tsn_db_text(stmt, 1),
		    .value = tsn_db_text(stmt, 2), .time_ns = sqlite3_column_int64(stmt, 3),
		    .first_ns = sqlite3_column_int64(stmt, 4)};

		if (read_id(stmt, 0, fire.id))
			code = tsn_risk_restore(risk, &fire);
	}
	if (code == TSN_OK && rc != SQLITE_DONE)
		code = tsn_db_fail(&a->db, "reading risk alerts", err);
	(void)sqlite3_finalize(stmt);
	return code;
}

static enum tsn_code
restore_hits(struct tsn_alerts *a, struct tsn_risk *risk, int64_t from_ns, struct tsn_err *err)
{
	enum tsn_code code = TSN_OK;
	sqlite3_stmt *stmt;
	int rc = SQLITE_DONE;

	TSN_TRY(tsn_db_prepare(&a->db, "SELECT alert_id, entity, value, time_ns, score, rule"
	    " FROM risk_hit WHERE time_ns >= ?1 ORDER BY time_ns", &stmt, err));
	(void)sqlite3_bind_int64(stmt, 1, from_ns);
	while (code == TSN_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct tsn_risk_hit hit = {.entity = tsn_db_text(stmt, 1), .value = tsn_db_text(stmt, 2),
		    .time_ns = sqlite3_column_int64(stmt, 3), .score = sqlite3_column_double(stmt, 4),
		    .rule = tsn_db_text(stmt, 5)};

		if (read_id(stmt, 0, hit.alert))
			code = tsn_risk_add(risk, &hit);
	}
	if (code == TSN_OK && rc != SQLITE_DONE)
		code = tsn_db_fail(&a->db, "reading risks", err);
	(void)sqlite3_finalize(stmt);
	return code;
}

enum tsn_code
tsn_alerts_restore_risk(struct tsn_alerts *a, struct tsn_risk *risk, int64_t span_ns,
    struct tsn_err *err)
{
	sqlite3_stmt *stmt;
	int64_t newest, from;
	char sql[160];
	bool any;

	TSN_TRY(tsn_db_prepare(&a->db, "SELECT max(time_ns) FROM risk_hit", &stmt, err));
	any = sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL;
	newest = any ? sqlite3_column_int64(stmt, 0) : 0;
	(void)sqlite3_finalize(stmt);
	if (!any)
		return TSN_OK;
	if (__builtin_sub_overflow(newest, span_ns, &from))
		from = INT64_MIN;
	TSN_TRY(tsn_db_begin(&a->db, err));
	(void)snprintf(sql, sizeof sql, "DELETE FROM risk_hit WHERE time_ns < %lld;"
	    "DELETE FROM risk_fire WHERE time_ns < %lld", (long long)from, (long long)from);
	TSN_TRY(tsn_db_exec(&a->db, sql, "forgetting old risks", err));
	TSN_TRY(restore_fires(a, risk, from, err));
	return restore_hits(a, risk, from, err);
}
