/*
 * parse/mysql: what MySQL's logs remember per source: the last time that was written (a line has
 * none when it is the same) and the accounts behind thread ids (a Connect names it, the Query
 * records of that thread do not).
 */
#ifndef TSN_PARSE_MYSQL_H
#define TSN_PARSE_MYSQL_H

#include "parse/parse_int.h"

/** Sessions remembered of one source; more of them displace older ones. */
#define TSN_MYSQL_SESSIONS_MAX 4096u

struct tsn_mysql_session {
	uint64_t id;
	bool used;
	unsigned char user_len, host_len, database_len;
	char user[96];
	char host[64];
	char database[64];
};

struct tsn_mysql_state {
	int64_t time_ns;		/* TSN_TIME_NONE: none yet */
	bool begun, zoned;
	struct tsn_mysql_session *sessions;
	uint32_t cap;			/* a power of two, or 0 */
};

/** Of this record's source; NULL when out of memory. */
struct tsn_mysql_state *tsn_mysql_state(struct tsn_parse_ctx *ctx);
/** The session with this thread id, or NULL. */
struct tsn_mysql_session *tsn_mysql_find(struct tsn_mysql_state *st, uint64_t id);
/** The same, new if need be; NULL when out of memory. */
struct tsn_mysql_session *tsn_mysql_open(struct tsn_mysql_state *st, uint64_t id);
void tsn_mysql_close(struct tsn_mysql_state *st, uint64_t id);

/** "170216 19:10:15", with any number of blanks between and an hour of one digit; bytes taken. */
size_t tsn_mysql_date(struct tsn_date_ctx *ctx, struct tsn_slice s, struct tsn_date *ret);
/** Copies v, cut to cap, and sets *len. */
void tsn_mysql_keep(char *to, size_t cap, unsigned char *len, struct tsn_slice v);
/** The time of the event, remembered for records without one. */
void tsn_mysql_set_time(struct tsn_parse_ctx *ctx, struct tsn_mysql_state *st,
    const struct tsn_date *d);
/** The remembered time. */
void tsn_mysql_same_time(struct tsn_parse_ctx *ctx, const struct tsn_mysql_state *st);
/** "Access denied for user 'root'@'192.0.2.1' (using password: NO)", also inside a longer text:
 * user.name, source.*, event.outcome; true when it is there. */
bool tsn_mysql_put_denied(struct tsn_parse_ctx *ctx, struct tsn_slice text);
/** user.name, and source.* of the host part of an account. */
void tsn_mysql_put_account(struct tsn_parse_ctx *ctx, struct tsn_slice user,
    struct tsn_slice host);

#endif
