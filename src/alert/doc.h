/*
 * alert/doc: a finding as one ECS document (docs/alerts.md).
 *
 * The document has @timestamp (of the last event), event.kind alert, event.id (the finding's),
 * rule.*, event.severity (1 informational .. 5 critical), threat.*, alert.*; an alert of a single
 * event also has that event's own fields, log.file.path and log.file.line among them.
 */
#ifndef TSN_ALERT_DOC_H
#define TSN_ALERT_DOC_H

#include "alert/alerts.h"
#include "alert/triage.h"
#include "event/doc.h"
#include "rule/finding.h"

struct tsn_alert_writer;

/** NULL when out of memory; keys outlives it. */
struct tsn_alert_writer *tsn_alert_writer_new(struct tsn_keys *keys);
void tsn_alert_writer_free(struct tsn_alert_writer *w);
/** Alerts get event.risk_score and `triage` from now on; borrowed, NULL: they do not. */
void tsn_alert_writer_triage(struct tsn_alert_writer *w, struct tsn_triage *triage);
/** The document that was written last, as fields; until the next one. */
const struct tsn_event *tsn_alert_writer_doc(const struct tsn_alert_writer *w);
/**
 * Makes the alert of a finding: *ret_alert with its document, both valid until the next call.
 * TSN_ENOMEM, TSN_ELIMIT (a document of more than 16 MiB).
 */
TSN_MUST_CHECK enum tsn_code tsn_alert_write(struct tsn_alert_writer *w,
    const struct tsn_finding *finding, struct tsn_alert *ret_alert);

/** "informational", "low", "medium", "high", "critical". */
const char *tsn_alert_level_name(int level);
/** The level of that name, or -1. */
int tsn_alert_level_find(struct tsn_slice name);

#endif
