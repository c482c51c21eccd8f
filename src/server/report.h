/*
 * server/report: the state of the server in words: Prometheus text and JSON.
 */
#ifndef TSN_SERVER_REPORT_H
#define TSN_SERVER_REPORT_H

#include "base/buf.h"
#include "server/detection.h"
#include "server/custodian.h"
#include "server/ledger.h"
#include "server/pipelines.h"

/* Figures beside the ledger, as they are now. */
struct tsn_report {
	const char *version;
	int64_t started_ns;		/* wall clock */
	bool stalled;
	const char *stalled_why;
	uint64_t connections;		/* syslog over TCP, open now */
	uint64_t connections_refused;
	uint64_t bad_frames;
	uint64_t tls_failed;
	uint64_t spooled_bytes;
	struct tsn_slice blind;		/* rules without a source that sends; JSON, may be empty */
	uint64_t files;			/* followed now */
	uint64_t file_restarts;
	uint64_t queue_bytes;		/* of HTTP requests that wait for a commit */
	uint64_t commits;
	uint64_t alerts;		/* raised since the start */
	uint64_t rules;
	uint64_t hidden;		/* findings, by exceptions */
	struct tsn_risk_stats risk;
	uint64_t hits, hits_late, hits_dropped;	/* of correlations: judged, late, after their window */
	uint64_t evicted;		/* groups given up for want of room */
	uint64_t groups, group_bytes;	/* alive */
	struct tsn_custodian_stats store;
};

void tsn_report_metrics(const struct tsn_report *report, struct tsn_ledger *ledger,
    struct tsn_buf *out);
/** exceptions: as tsn_report_exceptions() wrote them. */
void tsn_report_json(const struct tsn_report *report, struct tsn_ledger *ledger,
    struct tsn_slice exceptions, struct tsn_pipelines *pipelines, struct tsn_buf *out);
/** A JSON list: each exception and what it hid since the start. */
void tsn_report_exceptions(const struct tsn_detection *d, struct tsn_buf *out);

#endif
