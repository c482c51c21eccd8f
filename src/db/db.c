#include "db/db.h"

#include <errno.h>

#define BUSY_MS 10000

enum tsn_code
tsn_db_fail(const struct tsn_db *db, const char *doing, struct tsn_err *err)
{
	int rc = sqlite3_errcode(db->handle) & 0xff;

	/* SQLite keeps the errno of what failed; the thread's may be of anything. */
	errno = rc == SQLITE_BUSY ? 0 : sqlite3_system_errno(db->handle);
	TSN_FAIL(err, rc == SQLITE_BUSY ? TSN_EBUSY : rc == SQLITE_NOMEM ? TSN_ENOMEM : TSN_EIO,
	    "%s: %s: %s", db->name, doing, sqlite3_errmsg(db->handle));
}

enum tsn_code
tsn_db_exec(struct tsn_db *db, const char *sql, const char *doing, struct tsn_err *err)
{
	if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		return tsn_db_fail(db, doing, err);
	return TSN_OK;
}

enum tsn_code
tsn_db_prepare(struct tsn_db *db, const char *sql, sqlite3_stmt **ret_stmt, struct tsn_err *err)
{
	if (sqlite3_prepare_v2(db->handle, sql, -1, ret_stmt, NULL) != SQLITE_OK)
		return tsn_db_fail(db, "preparing a statement", err);
	return TSN_OK;
}

static enum tsn_code
check_version(struct tsn_db *db, const struct tsn_db_options *o, struct tsn_err *err)
{
	sqlite3_stmt *stmt;
	int version = 0;

	TSN_TRY(tsn_db_prepare(db, "PRAGMA user_version", &stmt, err));
	if (sqlite3_step(stmt) == SQLITE_ROW)
		version = sqlite3_column_int(stmt, 0);
	(void)sqlite3_finalize(stmt);
	if (version > o->version)
		TSN_FAIL(err, TSN_EVERSION, "%s has version %d, this program knows up to %d; use a newer"
		    " tocsin", o->path, version, o->version);
	return TSN_OK;
}

enum tsn_code
tsn_db_open(struct tsn_db *db, const struct tsn_db_options *o, struct tsn_err *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (o->create ? SQLITE_OPEN_CREATE : 0);

	*db = (struct tsn_db){.name = o->name};
	if (sqlite3_open_v2(o->path, &db->handle, flags, NULL) != SQLITE_OK)
		return tsn_db_fail(db, "opening", err);
	(void)sqlite3_busy_timeout(db->handle, BUSY_MS);
	TSN_TRY(check_version(db, o, err));
	TSN_TRY(tsn_db_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
	    " PRAGMA foreign_keys=ON;", "opening", err));
	return tsn_db_exec(db, o->schema, "making the tables", err);
}

void
tsn_db_close(struct tsn_db *db)
{
	(void)sqlite3_close(db->handle);
	*db = (struct tsn_db){0};
}

enum tsn_code
tsn_db_begin(struct tsn_db *db, struct tsn_err *err)
{
	if (db->writing)
		return TSN_OK;
	TSN_TRY(tsn_db_exec(db, "BEGIN IMMEDIATE", "beginning to write", err));
	db->writing = true;
	return TSN_OK;
}

enum tsn_code
tsn_db_commit(struct tsn_db *db, struct tsn_err *err)
{
	if (!db->writing)
		return TSN_OK;
	TSN_TRY(tsn_db_exec(db, "COMMIT", "committing", err));
	db->writing = false;
	return TSN_OK;
}

void
tsn_db_rollback(struct tsn_db *db)
{
	(void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	db->writing = false;
}

enum tsn_code
tsn_db_step(struct tsn_db *db, sqlite3_stmt *stmt, const char *doing, struct tsn_err *err)
{
	int rc = sqlite3_step(stmt);
	enum tsn_code code = rc == SQLITE_DONE ? TSN_OK : tsn_db_fail(db, doing, err);

	(void)sqlite3_reset(stmt);
	return code;
}

void
tsn_db_bind_text(sqlite3_stmt *stmt, int at, struct tsn_slice s)
{
	(void)sqlite3_bind_text64(stmt, at, s.ptr == NULL ? "" : s.ptr, s.len, SQLITE_STATIC,
	    SQLITE_UTF8);
}

void
tsn_db_bind_blob(sqlite3_stmt *stmt, int at, const void *ptr, size_t len)
{
	(void)sqlite3_bind_blob64(stmt, at, len == 0 ? "" : ptr, len, SQLITE_STATIC);
}

struct tsn_slice
tsn_db_text(sqlite3_stmt *stmt, int at)
{
	const char *text = (const char *)sqlite3_column_text(stmt, at);

	return text == NULL ? TSN_SLICE("") :
			      tsn_slice_of(text, (size_t)sqlite3_column_bytes(stmt, at));
}
