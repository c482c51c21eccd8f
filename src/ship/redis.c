/* A list (RPUSH) or channel (PUBLISH) of Redis, a batch in one round trip. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "os/clock.h"
#include "ship/dest.h"

#define HOST_MAX 256u

struct redis {
	struct tsn_ship_redis_options o;
	char *hosts[TSN_SHIP_HOSTS_MAX];
	char *password;
	uint32_t at;
	redisContext *c;
	uint64_t fd_looked_ns;
};

static void
drop_connection(struct redis *r)
{
	if (r->c != NULL)
		redisFree(r->c);
	r->c = NULL;
}

static bool
ask(struct redis *r, struct tsn_err *why, const char *what, int argc, const char **argv)
{
	redisReply *reply = redisCommandArgv(r->c, argc, argv, NULL);
	bool ok = reply != NULL && reply->type != REDIS_REPLY_ERROR;

	if (!ok)
		(void)TSN_ERR(why, TSN_EIO, "redis: %s: %s", what, reply != NULL ? reply->str :
		    r->c->errstr);
	if (reply != NULL)
		freeReplyObject(reply);
	return ok;
}

static bool
connect_redis(struct redis *r, struct tsn_err *why)
{
	char host[HOST_MAX], db[16];
	const char *auth[] = {"AUTH", r->password}, *select[] = {"SELECT", db};
	struct timeval timeout = {.tv_sec = r->o.timeout_ms / 1000,
		.tv_usec = r->o.timeout_ms % 1000 * 1000};
	uint64_t port = r->o.port;
	char *colon;

	(void)snprintf(host, sizeof host, "%s", r->hosts[r->at]);
	colon = strrchr(host, ':');
	if (colon != NULL && strchr(host, ':') == colon) {
		*colon = '\0';
		if (tsn_num_parse_u64(tsn_slice_cstr(colon + 1), &port) != TSN_OK || port > 65535)
			port = r->o.port;
	}
	r->at = (r->at + 1) % r->o.host_count;
	r->c = redisConnectWithTimeout(host, (int)port, timeout);
	if (r->c == NULL || r->c->err != 0) {
		(void)TSN_ERR(why, TSN_EIO, "redis %s:%llu: %s", host, (unsigned long long)port,
		    r->c == NULL ? "out of memory" : r->c->errstr);
		drop_connection(r);
		return false;
	}
	(void)redisSetTimeout(r->c, timeout);
	(void)snprintf(db, sizeof db, "%d", r->o.db);
	if ((r->password != NULL && !ask(r, why, "AUTH", 2, auth)) ||
	    (r->o.db != 0 && !ask(r, why, "SELECT", 2, select))) {
		drop_connection(r);
		return false;
	}
	return true;
}

/* A list that nobody empties is not made longer. */
static bool
congested(struct redis *r, const struct tsn_ship_item *item, struct tsn_err *why)
{
	redisReply *reply;
	bool full;

	if (r->o.congestion_threshold == 0 || r->o.channel)
		return false;
	reply = redisCommand(r->c, "LLEN %b", item->parts[0].ptr, item->parts[0].len);
	full = reply != NULL && reply->type == REDIS_REPLY_INTEGER &&
	    (uint64_t)reply->integer >= r->o.congestion_threshold;
	if (reply != NULL)
		freeReplyObject(reply);
	if (full)
		(void)TSN_ERR(why, TSN_EAGAIN, "redis: the list has reached congestion_threshold");
	return full;
}

static void
read_replies(struct redis *r, struct tsn_ship_batch *b, struct tsn_err *why)
{
	for (uint32_t i = 0; i < b->count; i++) {
		redisReply *reply = NULL;

		if (redisGetReply(r->c, (void **)&reply) != REDIS_OK) {
			(void)TSN_ERR(why, TSN_EIO, "redis: %s", r->c->errstr);
			drop_connection(r);
			return;
		}
		if (reply->type != REDIS_REPLY_ERROR) {
			b->items[i].result = TSN_SHIP_DONE;
		} else if (strncmp(reply->str, "WRONGTYPE", 9) == 0) {
			b->items[i].result = TSN_SHIP_REFUSED;
			b->items[i].reason = tsn_arena_dup(b->arena, tsn_slice_cstr(reply->str));
		} else {
			(void)TSN_ERR(why, TSN_EIO, "redis: %s", reply->str);
		}
		freeReplyObject(reply);
	}
}

static void
send_redis(void *state, struct tsn_ship_batch *b, struct tsn_err *why)
{
	struct redis *r = state;

	if (r->c == NULL && !connect_redis(r, why))
		return;
	if (congested(r, &b->items[0], why))
		return;
	for (uint32_t i = 0; i < b->count; i++) {
		const char *argv[] = {r->o.channel ? "PUBLISH" : "RPUSH", b->items[i].parts[0].ptr,
		    b->items[i].parts[1].ptr};
		const size_t len[] = {strlen(argv[0]), b->items[i].parts[0].len,
		    b->items[i].parts[1].len};

		if (redisAppendCommandArgv(r->c, 3, argv, len) != REDIS_OK) {
			(void)TSN_ERR(why, TSN_ENOMEM, "redis: %s", r->c->errstr);
			drop_connection(r);
			return;
		}
	}
	read_replies(r, b, why);
}

static void
close_redis(void *state)
{
	struct redis *r = state;

	drop_connection(r);
	for (uint32_t i = 0; i < r->o.host_count; i++)
		free(r->hosts[i]);
	free(r->password);
	free(r);
}

enum tsn_code
tsn_ship_redis(const struct tsn_ship_redis_options *o, struct tsn_ship_dest *ret,
    struct tsn_err *err)
{
	struct redis *r = calloc(1, sizeof *r);

	if (r == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	r->o = *o;
	for (uint32_t i = 0; i < o->host_count; i++)
		r->hosts[i] = strdup(o->hosts[i]);
	r->password = o->password == NULL ? NULL : strdup(o->password);
	*ret = (struct tsn_ship_dest){.send = send_redis, .close = close_redis, .state = r,
		.batch_items = o->batch_items, .linger_ns = o->batch_ns, .retry_min_ns = o->reconnect_ns};
	return TSN_OK;
}
