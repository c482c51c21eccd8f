/* pipeline/kafka_int: options of Logstash's Kafka client as settings of librdkafka. */
#ifndef TSN_PIPELINE_KAFKA_INT_H
#define TSN_PIPELINE_KAFKA_INT_H

#include "pipeline/ship_int.h"

struct tsn_pkafka {
	const char *settings[TSN_SHIP_KAFKA_SETTINGS_MAX][2];
	uint32_t count;
};

/** What inputs and outputs share: servers, security, times. */
enum tsn_code tsn_pkafka_client(const struct tsn_pinst *in, struct tsn_pkafka *k,
    struct tsn_err *err);
/** Adds one; value is copied. */
enum tsn_code tsn_pkafka_set(const struct tsn_pinst *in, struct tsn_pkafka *k, const char *name,
    struct tsn_slice value, struct tsn_err *err);
/** Adds the option under another name, if it is given. */
enum tsn_code tsn_pkafka_option(const struct tsn_pinst *in, struct tsn_pkafka *k,
    const char *option, const char *name, struct tsn_err *err);

#endif
