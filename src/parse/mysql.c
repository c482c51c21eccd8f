#include "parse/mysql.h"

#include <stdlib.h>

#include "parse/sql.h"
#include "parse/web.h"

static const char owner;

static void
state_done(void *p)
{
	struct tsn_mysql_state *st = p;

	free(st->sessions);
}

struct tsn_mysql_state *
tsn_mysql_state(struct tsn_parse_ctx *ctx)
{
	struct tsn_mysql_state *st = tsn_parse_state(ctx, &owner, sizeof *st, state_done);

	if (st != NULL && !st->begun) {
		st->begun = true;
		st->time_ns = TSN_TIME_NONE;
	}
	return st;
}

struct tsn_mysql_session *
tsn_mysql_find(struct tsn_mysql_state *st, uint64_t id)
{
	struct tsn_mysql_session *s;

	if (st == NULL || st->cap == 0)
		return NULL;
	s = &st->sessions[id & (st->cap - 1)];
	return s->used && s->id == id ? s : NULL;
}

/* Thread ids are handed out in order: those alive share a place only when the table is small. */
static bool
grow(struct tsn_mysql_state *st)
{
	uint32_t cap = st->cap == 0 ? 16 : st->cap * 2;
	struct tsn_mysql_session *to = calloc(cap, sizeof *to);

	if (to == NULL)
		return false;
	for (uint32_t i = 0; i < st->cap; i++)
		if (st->sessions[i].used)
			to[st->sessions[i].id & (cap - 1)] = st->sessions[i];
	free(st->sessions);
	st->sessions = to;
	st->cap = cap;
	return true;
}

struct tsn_mysql_session *
tsn_mysql_open(struct tsn_mysql_state *st, uint64_t id)
{
	struct tsn_mysql_session *s;

	if (st == NULL || (st->cap == 0 && !grow(st)))
		return NULL;
	s = &st->sessions[id & (st->cap - 1)];
	while (s->used && s->id != id && st->cap < TSN_MYSQL_SESSIONS_MAX && grow(st))
		s = &st->sessions[id & (st->cap - 1)];
	if (!s->used || s->id != id)
		*s = (struct tsn_mysql_session){.id = id, .used = true};
	return s;
}

void
tsn_mysql_close(struct tsn_mysql_state *st, uint64_t id)
{
	struct tsn_mysql_session *s = tsn_mysql_find(st, id);

	if (s != NULL)
		s->used = false;
}

size_t
tsn_mysql_date(struct tsn_date_ctx *ctx, struct tsn_slice s, struct tsn_date *ret)
{
	struct tsn_scan c = tsn_scan_of(s);
	char fixed[15];
	size_t digits = 0;
	const char *clock;

	if (tsn_scan_digits(&c).len != 6)
		return 0;
	tsn_scan_blanks(&c);
	clock = c.at;
	digits = tsn_scan_digits(&c).len;
	if (clock == s.ptr + 6 || digits < 1 || digits > 2 || tsn_scan_left(&c) < 6)
		return 0;
	memcpy(fixed, s.ptr, 6);
	fixed[6] = ' ';
	fixed[7] = '0';
	memcpy(fixed + 9 - digits, clock, digits);
	memcpy(fixed + 9, c.at, 6);
	if (tsn_date_mysql(ctx, tsn_slice_of(fixed, sizeof fixed), ret) != sizeof fixed)
		return 0;
	return (size_t)(c.at + 6 - s.ptr);
}

void
tsn_mysql_keep(char *to, size_t cap, unsigned char *len, struct tsn_slice v)
{
	size_t n = v.len < cap ? v.len : cap;

	if (n > 0)
		memcpy(to, v.ptr, n);
	*len = (unsigned char)n;
}

void
tsn_mysql_set_time(struct tsn_parse_ctx *ctx, struct tsn_mysql_state *st, const struct tsn_date *d)
{
	tsn_parse_set_time(ctx, d);
	if (st != NULL && d->ns != TSN_TIME_NONE) {
		st->time_ns = d->ns;
		st->zoned = d->zoned;
	}
}

void
tsn_mysql_same_time(struct tsn_parse_ctx *ctx, const struct tsn_mysql_state *st)
{
	struct tsn_date d = {TSN_TIME_NONE, false};

	if (st == NULL)
		return;
	d.ns = st->time_ns;
	d.zoned = st->zoned;
	tsn_parse_set_time(ctx, &d);
}

void
tsn_mysql_put_account(struct tsn_parse_ctx *ctx, struct tsn_slice user, struct tsn_slice host)
{
	tsn_put_some(ctx, TSN_F_USER_NAME, user);
	tsn_web_put_client(ctx, host);
}

bool
tsn_mysql_put_denied(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	size_t at = tsn_slice_find(text, TSN_SLICE("Access denied for user '"));
	struct tsn_slice rest, user;
	size_t mid, end;

	if (at == SIZE_MAX)
		return false;
	rest = tsn_slice_from(text, at + 24);
	mid = tsn_slice_find(rest, TSN_SLICE("'@'"));
	if (mid == SIZE_MAX)
		return false;
	/* a name may hold "'@'" too: the last one is the separator, before " (using password" */
	end = tsn_slice_rfind(rest, TSN_SLICE("' ("));
	if (end == SIZE_MAX)
		end = tsn_slice_rfind(rest, TSN_SLICE("'"));
	user = tsn_slice_of(rest.ptr, end == SIZE_MAX ? rest.len : end);
	mid = tsn_slice_rfind(user, TSN_SLICE("'@'"));
	if (mid == SIZE_MAX)
		return false;
	TSN_SQL_EVENT(ctx, "start", "login", "failure");
	tsn_mysql_put_account(ctx, tsn_slice_of(user.ptr, mid), tsn_slice_from(user, mid + 3));
	return true;
}
