/*
 * server/custodian: what the store does by itself, told and counted: what retention removes, damage
 * that was found, waiting for room.  Lines go to say(), figures to the report, and with a detection
 * the same become alerts (server/health).
 *
 * One thread, the store's writer's.
 */
#ifndef TSN_SERVER_CUSTODIAN_H
#define TSN_SERVER_CUSTODIAN_H

#include "server/detection.h"
#include "store/verify.h"

struct tsn_custodian_stats {
	uint64_t segments_dropped, events_dropped, bytes_dropped;	/* by retention, since the start */
	int64_t dropped_to_ns;		/* times of the newest event that went; 0: none did */
	uint64_t damaged;		/* places found since the start */
	char damage[256];		/* the first */
	uint64_t aside, aside_events;	/* files set aside, and events known to be in them */
	uint64_t waits;			/* how often intake waited for room */
	int64_t waited_ns;
};

struct tsn_custodian {
	const char *data;		/* borrowed, like the detection; NULL: no alerts */
	struct tsn_detection *detection;
	void (*say)(void *ctx, const char *line);
	void *ctx;
	struct tsn_custodian_stats stats;
	uint64_t events_told;		/* of events_dropped: in alerts */
	uint64_t events_before;		/* in those of earlier hours */
	int64_t hour_ns;		/* of the alert that is growing */
	bool looked;
	int64_t waiting_ns;		/* since when intake waits; 0: it does not */
	int64_t waited_from_ns, waited_to_ns;	/* a wait that no alert tells of yet */
};

/**
 * Bytes a store in this folder may have when nobody says: half of the disk, but no more than leaves
 * a fifth of what there is for it now.
 */
uint64_t tsn_custodian_default_bytes(const char *data);
/** The callback of struct tsn_store_options; ctx is the custodian. */
void tsn_custodian_dropping(void *custodian, const struct tsn_store_drop *drop);
/** After the store was opened, and each second: tells of damage found since the last call. */
TSN_MUST_CHECK enum tsn_code tsn_custodian_look(struct tsn_custodian *k,
    const struct tsn_store *store, int64_t now_ns, struct tsn_err *err);
/** Intake waits, or goes on. */
void tsn_custodian_waits(struct tsn_custodian *k, bool waits, int64_t now_ns);

#endif
