/* enrich/enrich_int: what the enrichers share. */
#ifndef TSN_ENRICH_ENRICH_INT_H
#define TSN_ENRICH_ENRICH_INT_H

#include "enrich/enrich.h"
#include "knowledge/profile.h"

struct tsn_enrich_ctx {
	const struct tsn_enrich_settings *settings;
	const struct tsn_knowledge *knowledge;
	struct tsn_profile *profile;
};

struct tsn_enricher_desc {
	const char *name;
	const char *doc;
	/** NULL when out of memory. */
	void *(*make)(const struct tsn_enrich_ctx *ctx);
	void (*done)(void *self);
	/** Adds fields to the newest event of the batch; *ret_added says whether it did. */
	enum tsn_code (*event)(void *self, const struct tsn_enrich_ctx *ctx,
	    struct tsn_batch *batch, bool *ret_added, struct tsn_err *err);
	const char *dataset;	/* of the events it sees */
	/** How far back its state reaches. */
	int64_t (*span_ns)(const struct tsn_enrich_ctx *ctx);
	/** Brings the state forth that event() did; nothing else. */
	enum tsn_code (*replay)(void *self, const struct tsn_event *ev, struct tsn_err *err);
	/** Keys that were forgotten for want of room. */
	uint64_t (*forgotten)(const void *self);
};

extern const struct tsn_enricher_desc *const tsn_enrichers[];	/* NULL-terminated */
extern const struct tsn_enricher_desc tsn_enricher_ssh_login;

#endif
