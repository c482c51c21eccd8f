/* server/sentry: inside: losses (sentry.c), habits (sentry_habit.c), their file (sentry_keep.c). */
#ifndef TSN_SERVER_SENTRY_INT_H
#define TSN_SERVER_SENTRY_INT_H

#include "base/buf.h"
#include "server/habit.h"
#include "server/sentry.h"

#define GAPS_MAX 64u

struct gap {
	const struct tsn_ledger_row *row;	/* NULL: free */
	enum tsn_drop why;
	int64_t from_ns, to_ns;
	uint64_t count;
};

struct tsn_sentry {
	struct tsn_sentry_options o;
	struct gap gaps[GAPS_MAX];
	struct tsn_habit *habits;	/* one a row of the ledger, in its order */
	uint32_t count, cap;
	const struct tsn_detect *engine;	/* whose views the rows' bits are */
	struct tsn_habit_limits limits;
	int64_t looked_ns, kept_hour;
	bool changed;			/* who is silent, since blind was made */
	uint64_t rules_known;		/* rules whose sources were known when it was made */
	struct tsn_buf blind;		/* JSON; under blind_lock */
	pthread_mutex_t blind_lock;
};

/** The row with that index, or NULL; rows live as long as the ledger. */
struct tsn_ledger_row *sentry_row(const struct tsn_sentry *s, uint32_t i);
/** As many habits as there are rows. */
TSN_MUST_CHECK enum tsn_code sentry_grow(struct tsn_sentry *s, uint32_t count);
/** Habits of former runs; a file that cannot be used is as good as none. */
void sentry_load(struct tsn_sentry *s);
void sentry_keep(struct tsn_sentry *s);

#endif
