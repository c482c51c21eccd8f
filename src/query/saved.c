#include "query/saved.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/utf8.h"
#include "db/db.h"

#define FILE_NAME "searches.sqlite"
#define PATH_BYTES 4096u
#define SEARCHES_MAX 10000

struct tsn_saved {
	struct tsn_db db;
};

enum tsn_code
tsn_saved_open(const char *dir, bool create, struct tsn_saved **ret_saved, struct tsn_err *err)
{
	char path[PATH_BYTES];
	struct tsn_db_options o = {.path = path, .name = FILE_NAME, .create = create, .version = 1,
	    .schema = "CREATE TABLE IF NOT EXISTS search (name TEXT PRIMARY KEY, query TEXT NOT NULL,"
		      " owner TEXT NOT NULL, created_ns INTEGER NOT NULL, changed_ns INTEGER NOT NULL)"
		      " WITHOUT ROWID; PRAGMA user_version = 1;"};
	struct tsn_saved *s;
	enum tsn_code code;

	if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, FILE_NAME) >= sizeof path)
		TSN_FAIL(err, TSN_EINVAL, "the name of the data folder is too long");
	s = calloc(1, sizeof *s);
	if (s == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	code = tsn_db_open(&s->db, &o, err);
	if (code != TSN_OK)
		tsn_saved_close(s);
	else
		*ret_saved = s;
	return code;
}

void
tsn_saved_close(struct tsn_saved *s)
{
	if (s == NULL)
		return;
	tsn_db_close(&s->db);
	free(s);
}

static enum tsn_code
check_name(struct tsn_slice name, struct tsn_err *err)
{
	bool good = name.len > 0 && name.len <= TSN_SAVED_NAME_MAX && tsn_utf8_valid(name);

	for (size_t i = 0; i < name.len && good; i++)
		good = (unsigned char)name.ptr[i] >= 0x20 && name.ptr[i] != 0x7f && name.ptr[i] != '/';
	if (!good)
		TSN_FAIL(err, TSN_EINVAL, "the name of a search has 1 to %u bytes of text without '/'",
		    TSN_SAVED_NAME_MAX);
	return TSN_OK;
}

static enum tsn_code
count_all(struct tsn_saved *s, int *ret_count, struct tsn_err *err)
{
	sqlite3_stmt *stmt;

	TSN_TRY(tsn_db_prepare(&s->db, "SELECT count(*) FROM search", &stmt, err));
	*ret_count = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int(stmt, 0) : 0;
	(void)sqlite3_finalize(stmt);
	return TSN_OK;
}

enum tsn_code
tsn_saved_put(struct tsn_saved *s, const struct tsn_saved_search *x, struct tsn_err *err)
{
	sqlite3_stmt *stmt;
	enum tsn_code code;
	int count;

	TSN_TRY(check_name(x->name, err));
	TSN_TRY(count_all(s, &count, err));
	if (count >= SEARCHES_MAX)
		TSN_FAIL(err, TSN_ELIMIT, "%d searches are saved already", count);
	TSN_TRY(tsn_db_prepare(&s->db, "INSERT INTO search VALUES (?1, ?2, ?3, ?4, ?4)"
	    " ON CONFLICT (name) DO UPDATE SET query = ?2, changed_ns = ?4", &stmt, err));
	code = tsn_db_begin(&s->db, err);
	if (code == TSN_OK) {
		tsn_db_bind_text(stmt, 1, x->name);
		tsn_db_bind_text(stmt, 2, x->query);
		tsn_db_bind_text(stmt, 3, x->owner);
		(void)sqlite3_bind_int64(stmt, 4, x->changed_ns);
		code = tsn_db_step(&s->db, stmt, "saving a search", err);
	}
	if (code == TSN_OK)
		code = tsn_db_commit(&s->db, err);
	(void)sqlite3_finalize(stmt);
	if (code != TSN_OK)
		tsn_db_rollback(&s->db);
	return code;
}

enum tsn_code
tsn_saved_remove(struct tsn_saved *s, struct tsn_slice name, struct tsn_err *err)
{
	sqlite3_stmt *stmt;
	enum tsn_code code;
	int changed = 0;

	TSN_TRY(tsn_db_prepare(&s->db, "DELETE FROM search WHERE name = ?1", &stmt, err));
	code = tsn_db_begin(&s->db, err);
	if (code == TSN_OK) {
		tsn_db_bind_text(stmt, 1, name);
		code = tsn_db_step(&s->db, stmt, "removing a search", err);
		changed = sqlite3_changes(s->db.handle);
	}
	if (code == TSN_OK)
		code = tsn_db_commit(&s->db, err);
	(void)sqlite3_finalize(stmt);
	if (code != TSN_OK)
		tsn_db_rollback(&s->db);
	if (code == TSN_OK && changed == 0)
		TSN_FAIL(err, TSN_ENOTFOUND, "no search of this name is saved");
	return code;
}

enum tsn_code
tsn_saved_tell(struct tsn_saved *s, struct tsn_slice name,
    enum tsn_code (*tell)(void *ctx, const struct tsn_saved_search *x), void *ctx,
    struct tsn_err *err)
{
	enum tsn_code code = TSN_OK;
	sqlite3_stmt *stmt;
	int rc = SQLITE_DONE;
	bool any = false;

	TSN_TRY(tsn_db_prepare(&s->db, "SELECT name, query, owner, created_ns, changed_ns FROM search"
	    " WHERE ?1 = '' OR name = ?1 ORDER BY name", &stmt, err));
	tsn_db_bind_text(stmt, 1, name);
	while (code == TSN_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct tsn_saved_search x = {.name = tsn_db_text(stmt, 0), .query = tsn_db_text(stmt, 1),
		    .owner = tsn_db_text(stmt, 2), .created_ns = sqlite3_column_int64(stmt, 3),
		    .changed_ns = sqlite3_column_int64(stmt, 4)};

		any = true;
		code = tell(ctx, &x);
	}
	if (code == TSN_OK && rc != SQLITE_DONE)
		code = tsn_db_fail(&s->db, "reading searches", err);
	(void)sqlite3_finalize(stmt);
	if (code == TSN_OK && !any && name.len > 0)
		TSN_FAIL(err, TSN_ENOTFOUND, "no search of this name is saved");
	return code;
}
