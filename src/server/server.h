/*
 * server/server: everything that runs: store, engine, inputs, HTTP.
 *
 * One thread (the caller's, in tsn_server_turn) runs inputs and engine; HTTP has threads of its own
 * that only meet it in a queue.  Events are acknowledged after the commit that holds them; commits
 * come at once when somebody waits for one, else every second or few megabytes.
 */
#ifndef TSN_SERVER_SERVER_H
#define TSN_SERVER_SERVER_H

#include "alert/alerts.h"
#include "collect/sink.h"
#include "server/config.h"
#include "server/engine.h"

struct tsn_server;

struct tsn_server_options {
	const struct tsn_config *config;	/* borrowed */
	const char *data;			/* the data folder */
	const char *version;			/* of the program */
	void (*say)(void *ctx, const char *line);	/* one line of the log */
	/** Each alert as it is found; NULL: new ones are told through say. */
	enum tsn_code (*alert)(void *ctx, const struct tsn_alert *alert, bool is_new);
	void *ctx;
};

TSN_MUST_CHECK enum tsn_code tsn_server_new(const struct tsn_server_options *options,
    struct tsn_server **ret_server, struct tsn_err *err);
/** Takes what has arrived, commits and closes; accepts NULL.  TSN_OK when all is durable. */
enum tsn_code tsn_server_free(struct tsn_server *s, struct tsn_err *err);

/** One round; waits at most wait_ms when there is nothing to do. */
TSN_MUST_CHECK enum tsn_code tsn_server_turn(struct tsn_server *s, int wait_ms,
    struct tsn_err *err);
/** Rounds until a signal asks for the end. */
TSN_MUST_CHECK enum tsn_code tsn_server_run(struct tsn_server *s, struct tsn_err *err);
/** Has a signal asked for the end? */
bool tsn_server_stopping(const struct tsn_server *s);

/** For inputs of the caller's own, in the same thread. */
const struct tsn_sink *tsn_server_sink(struct tsn_server *s);
struct tsn_engine *tsn_server_engine(struct tsn_server *s);
/** Where it listens for HTTP. */
const struct tsn_addr *tsn_server_addr(const struct tsn_server *s);

#endif
