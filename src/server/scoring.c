/* Triage and risk of the alerts that detection finds. */
#include "server/detection_int.h"

#include "alert/alerts_risk.h"

static enum tsn_code
put_hit(void *ctx, const struct tsn_risk_hit *hit)
{
	struct tsn_detection *d = ctx;

	return d->alerts == NULL ? TSN_OK : tsn_alerts_put_hit(d->alerts, hit, d->err);
}

static enum tsn_code
put_fire(void *ctx, const struct tsn_risk_fire *fire)
{
	struct tsn_detection *d = ctx;

	return d->alerts == NULL ? TSN_OK : tsn_alerts_put_fire(d->alerts, fire, d->err);
}

enum tsn_code
tsn_scoring_open(struct tsn_detection *d, struct tsn_scoring *ret, struct tsn_err *err)
{
	struct tsn_risk_options o = {.once = !d->o.live, .raise = d->raise, .fired = put_fire,
	    .ctx = d};
	enum tsn_code code = TSN_OK;

	*ret = (struct tsn_scoring){0};
	if (d->o.triage == NULL)
		return TSN_OK;
	TSN_TRY(tsn_triage_load(d->o.triage, d->o.keys, &ret->triage, err));
	o.config = tsn_triage_risk(ret->triage);
	if (o.config != NULL)
		code = tsn_risk_new(&o, &ret->risk, err);
	if (code != TSN_OK)
		tsn_scoring_close(ret);
	return code;
}

void
tsn_scoring_close(struct tsn_scoring *s)
{
	tsn_risk_free(s->risk);
	tsn_triage_free(s->triage);
	*s = (struct tsn_scoring){0};
}

enum tsn_code
tsn_scoring_restore(struct tsn_detection *d, struct tsn_err *err)
{
	const struct tsn_risk_config *c;

	if (d->scoring.risk == NULL || d->alerts == NULL || !d->o.live)
		return TSN_OK;
	c = tsn_triage_risk(d->scoring.triage);
	TSN_TRY(tsn_alerts_restore_risk(d->alerts, d->scoring.risk, c->window_ns + c->cooldown_ns,
	    err));
	return tsn_alerts_commit(d->alerts, err);
}

enum tsn_code
tsn_scoring_alert(struct tsn_detection *d, const struct tsn_finding *finding,
    const struct tsn_alert *alert)
{
	/* Over files what has just come true counts, and not how it is told of when it is over. */
	bool fires = finding->early || finding->rule->correlation == NULL || d->o.live;

	if (d->scoring.risk == NULL || finding->update || finding->risk_score > 0 || !fires)
		return TSN_OK;
	return tsn_risk_alert(d->scoring.risk, tsn_alert_writer_doc(d->writer), finding, alert->risk,
	    put_hit, d);
}

bool
tsn_detection_risk_stats(const struct tsn_detection *d, struct tsn_risk_stats *ret)
{
	if (d->scoring.risk == NULL)
		return false;
	tsn_risk_stats_get(d->scoring.risk, ret);
	return true;
}

enum tsn_code
tsn_scoring_advance(struct tsn_detection *d)
{
	int64_t judged = tsn_detect_judged(d->detect);

	/* What happened at the mark itself may still be judged. */
	if (d->scoring.risk == NULL || judged == TSN_TIME_NONE)
		return TSN_OK;
	return tsn_risk_advance(d->scoring.risk, judged - 1);
}

enum tsn_code
tsn_scoring_finish(struct tsn_detection *d)
{
	return d->scoring.risk == NULL ? TSN_OK : tsn_risk_finish(d->scoring.risk);
}
