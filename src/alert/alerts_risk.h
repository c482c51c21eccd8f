/*
 * alert/alerts_risk: what risk (alert/risk.h) must know after a restart, kept in alerts.sqlite.
 *
 * Hits and risk alerts become durable with the alerts they are of (tsn_alerts_commit).
 */
#ifndef TSN_ALERT_ALERTS_RISK_H
#define TSN_ALERT_ALERTS_RISK_H

#include "alert/alerts.h"
#include "alert/risk.h"

/** A hit that is there already stays as it is. */
TSN_MUST_CHECK enum tsn_code tsn_alerts_put_hit(struct tsn_alerts *a,
    const struct tsn_risk_hit *hit, struct tsn_err *err);
TSN_MUST_CHECK enum tsn_code tsn_alerts_put_fire(struct tsn_alerts *a,
    const struct tsn_risk_fire *fire, struct tsn_err *err);
/** Gives what is not older than span_ns before the newest hit to `risk`, and forgets the rest. */
TSN_MUST_CHECK enum tsn_code tsn_alerts_restore_risk(struct tsn_alerts *a, struct tsn_risk *risk,
    int64_t span_ns, struct tsn_err *err);

#endif
