/* api/hec_int: Splunk's HTTP event collector: what its files share. */
#ifndef TSN_API_HEC_INT_H
#define TSN_API_HEC_INT_H

#include "api/intake_int.h"

enum hec_code {
	HEC_SUCCESS = 0,
	HEC_TOKEN_REQUIRED = 2,
	HEC_BAD_AUTHORIZATION = 3,
	HEC_BAD_TOKEN = 4,
	HEC_NO_DATA = 5,
	HEC_BAD_FORMAT = 6,
	HEC_INTERNAL = 8,
	HEC_BUSY = 9,
	HEC_NO_CHANNEL = 10,
	HEC_BAD_CHANNEL = 11,
	HEC_EVENT_REQUIRED = 12,
	HEC_EVENT_BLANK = 13,
	HEC_HEALTHY = 17,
	HEC_UNHEALTHY = 18,
};

/** The answer with that code; detail may be NULL; event: number of the bad one, or -1. */
enum answer hec_answer(struct request *r, unsigned status, enum hec_code code, const char *detail,
    int64_t event);
const char *hec_text(enum hec_code code);

/* hec_ack.c */
/** The channel of the request, by header or parameter; false: the answer is filled in. */
bool hec_channel(struct request *r, bool needed, struct tsn_slice *ret_channel);
/** A number for a request that has been committed. */
uint64_t hec_ack_new(struct request *r, struct tsn_slice channel);
enum answer hec_acks(struct request *r);

#endif
