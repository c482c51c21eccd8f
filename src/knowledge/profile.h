/*
 * knowledge/profile: where and when each user usually logs in, learned from logins that raised no
 * alert, and kept in SQLite (knowledge.sqlite in the data folder).
 *
 * A login not newer than the newest one known of the same user and address is taken for the same
 * one and changes nothing, so events may be fed again after a crash.  A profile is mature with
 * `mature_successes` logins on `mature_days` different days.  "Usual" address: one seen before, or
 * one in the same /24 (IPv4) or /48 (IPv6) as one.  "Usual" hour: the hour of the week (168 of
 * them, UTC) was seen before.  What is older than 90 days is forgotten (tsn_profile_commit).
 *
 * One handle, one thread.  Learned logins become durable at tsn_profile_commit().
 */
#ifndef TSN_KNOWLEDGE_PROFILE_H
#define TSN_KNOWLEDGE_PROFILE_H

#include <stdint.h>

#include "base/err.h"
#include "base/ip.h"

#define TSN_PROFILE_DAYS 90

struct tsn_profile;

struct tsn_profile_options {
	uint32_t mature_successes;	/* 5 */
	uint32_t mature_days;		/* 3 */
};

/** dir NULL: nothing is kept on disk.  TSN_EIO, TSN_EVERSION as alert/alerts.h. */
TSN_MUST_CHECK enum tsn_code tsn_profile_open(const char *dir,
    const struct tsn_profile_options *options, struct tsn_profile **ret_profile,
    struct tsn_err *err);
void tsn_profile_close(struct tsn_profile *p);

struct tsn_profile_view {
	uint32_t successes;	/* logins that were learned */
	uint32_t days;		/* on so many different days */
	bool mature;
	bool usual_ip;		/* meaningful when mature */
	bool usual_time;	/* meaningful when mature */
};

/** What is known of the user, and whether a login from there at that time would be usual. */
TSN_MUST_CHECK enum tsn_code tsn_profile_look(struct tsn_profile *p, struct tsn_slice user,
    const struct tsn_ip *from, int64_t time_ns, struct tsn_profile_view *ret_view,
    struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code tsn_profile_learn(struct tsn_profile *p, struct tsn_slice user,
    const struct tsn_ip *from, int64_t time_ns, struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code tsn_profile_commit(struct tsn_profile *p, struct tsn_err *err);

#endif
