/*
 * db/db: files of SQLite, the same way for all that keep one in the data folder.
 *
 * A file has a version (user_version): one made by a newer program is refused (TSN_EVERSION).
 * Writes are grouped: tsn_db_begin() opens a transaction if none is open, tsn_db_commit() makes it
 * durable.  Many processes may have the file open; writes wait up to ten seconds for each other.
 *
 * Owner: the caller, of a struct tsn_db and of the statements it prepares.  One thread a handle.
 * Errors: TSN_EIO (disk, damaged file; with errno where the system said one), TSN_EBUSY,
 * TSN_EVERSION.  Messages begin with the file's name.
 */
#ifndef TSN_DB_DB_H
#define TSN_DB_DB_H

#include <sqlite3.h>

#include "base/err.h"
#include "base/slice.h"

struct tsn_db {
	sqlite3 *handle;
	const char *name;		/* "alerts.sqlite": for messages */
	bool writing;			/* a transaction is open */
};

struct tsn_db_options {
	const char *path;		/* ":memory:" too */
	const char *name;		/* outlives the handle */
	bool create;			/* make the file when it is not there */
	int version;			/* the newest that this program knows; the schema sets it */
	const char *schema;		/* "CREATE TABLE IF NOT EXISTS ...; PRAGMA user_version = N;" */
};

/** On failure, too, the handle is to be closed. */
TSN_MUST_CHECK enum tsn_code tsn_db_open(struct tsn_db *db, const struct tsn_db_options *o,
    struct tsn_err *err);
/** After all statements are finalized; accepts a zeroed handle. */
void tsn_db_close(struct tsn_db *db);
/** What SQLite said last, as an error; `doing` is "writing an alert". */
TSN_COLD enum tsn_code tsn_db_fail(const struct tsn_db *db, const char *doing,
    struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code tsn_db_exec(struct tsn_db *db, const char *sql, const char *doing,
    struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code tsn_db_prepare(struct tsn_db *db, const char *sql,
    sqlite3_stmt **ret_stmt, struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code tsn_db_begin(struct tsn_db *db, struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code tsn_db_commit(struct tsn_db *db, struct tsn_err *err);
void tsn_db_rollback(struct tsn_db *db);
/** Runs a statement that gives no rows, and resets it. */
TSN_MUST_CHECK enum tsn_code tsn_db_step(struct tsn_db *db, sqlite3_stmt *stmt,
    const char *doing, struct tsn_err *err);

/** The bytes stay the caller's and must live until the statement is reset. */
void tsn_db_bind_text(sqlite3_stmt *stmt, int at, struct tsn_slice s);
void tsn_db_bind_blob(sqlite3_stmt *stmt, int at, const void *ptr, size_t len);
/** A column as text, empty for NULL; valid until the next step. */
struct tsn_slice tsn_db_text(sqlite3_stmt *stmt, int at);

#endif
