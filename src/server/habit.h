/*
 * server/habit: how often and how much a source sends, learned from itself, and when that is
 * broken.
 *
 * Silent: nothing for three times the longest pause it usually makes, and never less than a floor.
 * Low: an hour with less than half of what the same hour of the last days had (their median), and
 * less than any of them.  Both only once there is a history.  Pure: the time is given.
 */
#ifndef TSN_SERVER_HABIT_H
#define TSN_SERVER_HABIT_H

#include <stdbool.h>
#include <stdint.h>

#define TSN_HABIT_DAYS 7u
#define TSN_HABIT_HOURS 24u

struct tsn_habit {
	int64_t first_ns;	/* since when it is known; 0: not yet */
	int64_t last_ns;	/* when the newest record came */
	int64_t gap_ns;		/* the longest usual pause; fades */
	bool silent, low;
	int64_t hour;		/* since 1970, that is being counted; 0: none */
	uint64_t hour_received;	/* at its beginning */
	bool hour_whole;	/* it was watched from its beginning */
	uint32_t counts[TSN_HABIT_HOURS][TSN_HABIT_DAYS];	/* of hours of the day, newest first */
	uint8_t days[TSN_HABIT_HOURS];				/* how many of them are known */
};

struct tsn_habit_limits {
	int64_t silence_ns;	/* the floor */
	int64_t history_ns;	/* nothing is told before it is known for so long */
	int64_t started_ns;	/* of the process: what was not watched is not judged */
};

enum tsn_habit_news {
	TSN_HABIT_NOTHING,
	TSN_HABIT_SILENT,
	TSN_HABIT_BACK,
	TSN_HABIT_LOW,		/* less than half */
	TSN_HABIT_VERY_LOW,	/* less than a tenth */
};

/** What an hour was found to be. */
struct tsn_habit_hour {
	int64_t begin_ns;
	uint64_t count;
	uint32_t median, least, most;	/* of the days before */
};

/** Now and then (seconds): received is the source's count, last_ns when its newest record came. */
enum tsn_habit_news tsn_habit_look(struct tsn_habit *h, const struct tsn_habit_limits *limits,
    uint64_t received, int64_t last_ns, int64_t now_ns, struct tsn_habit_hour *ret_hour);
/** After so long a silence it is told of. */
int64_t tsn_habit_limit_ns(const struct tsn_habit *h, const struct tsn_habit_limits *limits);

#endif
