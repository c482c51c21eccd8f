/* api/shipper_int: what requests with single good and bad records share (loki, otlp). */
#ifndef TSN_API_SHIPPER_INT_H
#define TSN_API_SHIPPER_INT_H

#include "api/intake_int.h"

struct shipper {
	struct intake base;		/* first */
	struct tsn_buf text;		/* JSON that is being built */
	struct tsn_slice shared;	/* of the records that follow */
	tsn_key time_key;
	uint32_t good, bad;
	const char *bad_why;		/* of the first */
	enum answer refused;		/* ANSWER_NOW: no room, the answer is filled in */
};

struct shipper *shipper_new(struct request *r, tsn_key time_key,
    void (*answer)(struct intake *in));
/** What text holds becomes a slice that stays; empties text. */
bool shipper_take_text(struct shipper *s, struct tsn_slice *ret);
/** A record with what stands beside it. False: the answer is filled in. */
bool shipper_good(struct shipper *s, struct tsn_slice bytes, struct tsn_slice own,
    int64_t time_ns);
/** Bytes that could not be decoded: kept with the reason (static text). */
bool shipper_bad(struct shipper *s, struct tsn_slice bytes, const char *why);
bool shipper_refuse(struct shipper *s);

#endif
