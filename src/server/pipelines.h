/*
 * server/pipelines: Logstash configurations inside the server, each in a thread of its own.
 *
 * One pipeline's trouble is its own: a slow output fills its queue and then holds its own inputs; a
 * pipeline that breaks is told about and begun again.  Output tocsin hands events to the engine's
 * queue; what was handed over counts as delivered after the commit that holds it.
 */
#ifndef TSN_SERVER_PIPELINES_H
#define TSN_SERVER_PIPELINES_H

#include "collect/queue.h"
#include "pipeline/run.h"
#include "server/config.h"

struct tsn_pipelines;

struct tsn_pipelines_options {
	const struct tsn_config *config;	/* all borrowed */
	const char *data;			/* queues are below DATA/pipelines/NAME */
	struct tsn_queue *queue;
	/** Any thread. */
	const struct tsn_source *(*source)(void *ctx, const struct tsn_source *like,
	    struct tsn_slice name);
	void (*say)(void *ctx, const char *line);
	void *ctx;
};

/** Reads, checks, opens and starts all.  TSN_EINVAL, TSN_EPARSE: a configuration is wrong. */
TSN_MUST_CHECK enum tsn_code tsn_pipelines_open(const struct tsn_pipelines_options *options,
    struct tsn_pipelines **ret, struct tsn_err *err);
/** Asks all to stop; they may still hand events over.  Accepts NULL. */
void tsn_pipelines_stop(struct tsn_pipelines *p);
/** True when all have ended. */
bool tsn_pipelines_stopped(const struct tsn_pipelines *p);
/** After they have stopped; accepts NULL. */
void tsn_pipelines_free(struct tsn_pipelines *p);
/** A JSON array: name, state, counts, outputs. */
void tsn_pipelines_json(struct tsn_pipelines *p, struct tsn_buf *out);
/** Prometheus text. */
void tsn_pipelines_metrics(struct tsn_pipelines *p, struct tsn_buf *out);

#endif
