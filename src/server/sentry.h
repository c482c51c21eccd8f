/*
 * server/sentry: watches over the sources: what was lost and when, how the last run ended, who has
 * fallen silent.  What it finds are alerts (server/health) and lines of the log.
 *
 * One thread, the engine's.
 */
#ifndef TSN_SERVER_SENTRY_H
#define TSN_SERVER_SENTRY_H

#include "server/health.h"

struct tsn_sentry;

struct tsn_sentry_options {
	struct tsn_detection *detection;	/* all borrowed */
	struct tsn_ledger *ledger;
	struct tsn_store *store;
	const char *data_dir;			/* where habits are kept; NULL: nowhere */
	int64_t silence_ns, history_ns;		/* server/habit */
	void (*say)(void *ctx, const char *line);
	void *ctx;
};

TSN_MUST_CHECK enum tsn_code tsn_sentry_new(const struct tsn_sentry_options *options,
    struct tsn_sentry **ret_sentry, struct tsn_err *err);
void tsn_sentry_free(struct tsn_sentry *s);
/** Before the first record: tells of a last run that did not end in order. */
TSN_MUST_CHECK enum tsn_code tsn_sentry_begin(struct tsn_sentry *s, int64_t now_ns,
    struct tsn_err *err);
/** Goes with the next commit of the store; ending: this run ends in order with it. */
TSN_MUST_CHECK enum tsn_code tsn_sentry_commit(struct tsn_sentry *s, int64_t now_ns, bool ending,
    struct tsn_err *err);
/** A gap: losses of one source that follow each other within a minute are one alert. */
void tsn_sentry_lost(struct tsn_sentry *s, const struct tsn_ledger_row *row, enum tsn_drop why,
    uint64_t count, int64_t from_ns, int64_t to_ns);
/** Now and then (each second or so): who has fallen silent, who sends less than usual. */
void tsn_sentry_tick(struct tsn_sentry *s, int64_t now_ns);
/** The rules that see nothing because of it, as JSON; any thread. */
void tsn_sentry_blind(struct tsn_sentry *s, struct tsn_buf *out);

#endif
