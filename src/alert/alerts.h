/*
 * alert/alerts: the alert queue, kept in SQLite (alerts.sqlite in the data folder).
 *
 * An alert is one JSON document (alert/doc.h) under its deterministic id, with a state that people
 * change.  Putting the same id again is no second alert: the document with the higher count stays,
 * and what people did to it is kept.  Puts are grouped: they become durable at tsn_alerts_commit().
 * Many processes may have the file open; writes wait up to ten seconds for each other.
 *
 * One handle, one thread.  Errors: TSN_EIO (disk, damaged file), TSN_EVERSION (made by a newer
 * program), TSN_ENOTFOUND (no such alert or no file), TSN_EBUSY.
 */
#ifndef TSN_ALERT_ALERTS_H
#define TSN_ALERT_ALERTS_H

#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum tsn_alert_status {
	TSN_ALERT_OPEN,
	TSN_ALERT_ACKNOWLEDGED,
	TSN_ALERT_CLOSED,
	TSN_ALERT_STATUS__COUNT
};

struct tsn_alert {
	struct tsn_slice id;		/* 32 hex digits */
	struct tsn_slice rule_id;
	struct tsn_slice rule_name;
	struct tsn_slice reason;	/* alert.reason */
	int level;			/* enum tsn_level */
	int64_t time_ns;		/* @timestamp */
	int64_t first_seen_ns, last_seen_ns;
	uint64_t count;
	enum tsn_alert_status status;
	struct tsn_slice close_reason;	/* why it was closed; empty while it is not */
	double risk;			/* event.risk_score as it was written; 0: none */
	struct tsn_slice doc;		/* the whole document as JSON */
};

struct tsn_alerts;

/** Opens the queue in `dir`; create: make it when it is not there (TSN_ENOTFOUND otherwise). */
TSN_MUST_CHECK enum tsn_code tsn_alerts_open(const char *dir, bool create,
    struct tsn_alerts **ret_alerts, struct tsn_err *err);
/** Rolls back what was not committed; accepts NULL. */
void tsn_alerts_close(struct tsn_alerts *a);

/** Adds or updates; *ret_new tells whether the id was unknown.  Strings are copied. */
TSN_MUST_CHECK enum tsn_code tsn_alerts_put(struct tsn_alerts *a, const struct tsn_alert *alert,
    bool *ret_new, struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code tsn_alerts_commit(struct tsn_alerts *a, struct tsn_err *err);

struct tsn_alert_filter {
	int status;		/* enum tsn_alert_status, or -1 for all */
	int level_min;		/* enum tsn_level */
	uint64_t limit;		/* 0: all */
	struct tsn_slice rule_id;	/* empty: all */
	int64_t from_ns, to_ns;	/* @timestamp in [from, to); 0, 0: all */
};

/** Calls each(ctx, alert) newest first; a return other than TSN_OK ends the listing with it. */
TSN_MUST_CHECK enum tsn_code tsn_alerts_list(struct tsn_alerts *a,
    const struct tsn_alert_filter *filter,
    enum tsn_code (*each)(void *ctx, const struct tsn_alert *alert), void *ctx,
    struct tsn_err *err);
/** One alert by id or by a prefix of at least 6 digits that only one alert has. */
TSN_MUST_CHECK enum tsn_code tsn_alerts_get(struct tsn_alerts *a, struct tsn_slice id,
    enum tsn_code (*each)(void *ctx, const struct tsn_alert *alert), void *ctx,
    struct tsn_err *err);
/**
 * Changes the state and writes who did it and why into the history; durable on return.
 * TSN_EINVAL: closing without a reason.
 */
TSN_MUST_CHECK enum tsn_code tsn_alerts_set_status(struct tsn_alerts *a, struct tsn_slice id,
    enum tsn_alert_status status, struct tsn_slice reason, struct tsn_slice who, int64_t now_ns,
    struct tsn_err *err);
/** Calls each() with the history of one alert, oldest first. */
TSN_MUST_CHECK enum tsn_code tsn_alerts_history(struct tsn_alerts *a, struct tsn_slice id,
    enum tsn_code (*each)(void *ctx, int64_t at_ns, struct tsn_slice who, struct tsn_slice what,
	struct tsn_slice reason), void *ctx, struct tsn_err *err);
/** How many alerts there are with this status (-1: all). */
TSN_MUST_CHECK enum tsn_code tsn_alerts_count(struct tsn_alerts *a, int status,
    uint64_t *ret_count, struct tsn_err *err);

const char *tsn_alert_status_name(enum tsn_alert_status status);

#endif
