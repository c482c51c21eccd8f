/*
 * server/health: alerts of tocsin about itself and its sources: records lost, a run that did not
 * end in order, silence.  They stand in the alert queue beside those of rules, with ids that follow
 * from what they are about, so that the same trouble is one alert that grows.
 */
#ifndef TSN_SERVER_HEALTH_H
#define TSN_SERVER_HEALTH_H

#include "server/detection.h"

enum tsn_health_kind {
	TSN_HEALTH_LOST,	/* tocsin.health.records_lost: gone before they could be taken */
	TSN_HEALTH_STOPPED,	/* tocsin.health.unclean_stop */
	TSN_HEALTH_SILENT,	/* tocsin.health.source_silent */
	TSN_HEALTH_LOW,		/* tocsin.health.volume_drop */
	TSN_HEALTH_DAMAGED,	/* tocsin.health.store_damaged */
	TSN_HEALTH_FULL,	/* tocsin.health.store_full: intake waited for room */
	TSN_HEALTH_RETENTION,	/* tocsin.health.retention: old events were removed */
	TSN_HEALTH__COUNT
};

struct tsn_health {
	enum tsn_health_kind kind;
	bool severe;			/* a level higher than usual */
	struct tsn_slice source;	/* as in the ledger */
	int64_t id_ns;			/* with kind and source: what makes it another alert */
	int64_t first_ns, last_ns;
	uint64_t count;			/* a higher one replaces the alert of the same id */
	struct tsn_slice reason;	/* one plain sentence */
};

/** Raises it; durable with the next commit of the detection. */
TSN_MUST_CHECK enum tsn_code tsn_health_raise(struct tsn_detection *d, const struct tsn_health *h,
    struct tsn_err *err);

#endif
