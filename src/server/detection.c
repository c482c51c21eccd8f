#include "server/detection_int.h"

#include <stdlib.h>

#include "base/assert.h"
#include "content/content.h"
#include "os/clock.h"
#include "server/prove.h"

/* Every file below `folder` of the shipped content. */
static enum tsn_code
each_content(struct tsn_slice folder, struct tsn_slice ends,
    enum tsn_code (*add)(void *to, const struct tsn_content_file *file, struct tsn_err *err),
    void *to, struct tsn_err *err)
{
	size_t count;
	const struct tsn_content_file *files = tsn_content_below(folder, &count);

	for (size_t i = 0; i < count; i++)
		if (tsn_slice_ends(files[i].name, ends))
			TSN_TRY(add(to, &files[i], err));
	return TSN_OK;
}

static enum tsn_code
add_taxonomy(void *to, const struct tsn_content_file *file, struct tsn_err *err)
{
	return tsn_taxonomy_add(to, file->name, file->data, err);
}

static enum tsn_code
add_shipped(void *to, const struct tsn_content_file *file, struct tsn_err *err)
{
	(void)err;
	if (tsn_slice_ends(file->name, TSN_SLICE(".test.yml")))
		return TSN_OK;
	return tsn_loader_add_text(to, file->name, TSN_SLICE("tocsin"), file->data);
}

static enum tsn_code
add_rules(struct tsn_detection *d, struct tsn_loader *loader, struct tsn_err *err)
{
	if (d->o.trial)
		tsn_loader_set_trial(loader);
	if (d->o.rule_count == 0)
		TSN_TRY(each_content(TSN_SLICE("rules/"), TSN_SLICE(".yml"), add_shipped, loader, err));
	for (uint32_t i = 0; i < d->o.rule_count; i++) {
		const struct tsn_content_file *file = !d->o.shipped ? NULL :
		    tsn_content_find(tsn_slice_cstr(d->o.rules[i]));

		if (d->o.shipped && file == NULL)
			TSN_FAIL(err, TSN_ENOTFOUND, "no shipped file is called %s", d->o.rules[i]);
		TSN_TRY(d->o.shipped ? add_shipped(loader, file, err) :
		    tsn_loader_add_path(loader, d->o.rules[i], err));
	}
	for (uint32_t i = 0; i < d->o.exception_count; i++)
		TSN_TRY(tsn_loader_add_exceptions(loader, d->o.exceptions[i], err));
	return TSN_OK;
}

static enum tsn_code
load_rules(struct tsn_detection *d, struct tsn_loader *loader, struct tsn_err *err)
{
	const struct tsn_rule_report *report = &d->report;

	uint32_t refused = 0;

	TSN_TRY(add_rules(d, loader, err));
	TSN_TRY(tsn_loader_finish(loader, &d->rules, &d->report, err));
	if (report->loaded + report->skipped + report->failed == 0)
		TSN_FAIL(err, TSN_ENOTFOUND, "%s: no rules in it (.yml and .yaml files with detections)",
		    d->o.rules[0]);
	for (uint32_t i = 0; d->o.problem != NULL && i < report->problem_count; i++)
		d->o.problem(d->o.ctx, &report->problems[i]);
	for (uint32_t i = 0; i < report->problem_count; i++) {
		const struct tsn_problem *p = &report->problems[i];

		if (p->kind == TSN_PROBLEM_FAILED)
			TSN_FAIL(err, TSN_EPARSE, "%.*s:%u: %.*s", TSN_SLICE_ARG(p->file), p->line,
			    TSN_SLICE_ARG(p->message));
	}
	if (d->o.trial)
		return TSN_OK;
	TSN_TRY(tsn_prove_exceptions(d->rules, d->o.rules, d->o.rule_count, d->o.problem, d->o.ctx,
	    &refused, err));
	return refused > 0 ? TSN_EINVAL : TSN_OK;
}

static enum tsn_code
make_engine(struct tsn_detection *d, struct tsn_err *err)
{
	struct tsn_detect_options options = {.reasons = true, .once = !d->o.live,
	    .lateness_ns = d->o.live ? d->o.lateness_ns : TSN_DETECT_SORTED, .idle_ns = d->o.idle_ns,
	    .state_bytes = d->o.state_bytes, .exceptions_forever = d->o.exceptions_forever};
	struct tsn_loader *loader = tsn_loader_new();
	enum tsn_code code;

	d->taxonomy = tsn_taxonomy_new();
	if (loader == NULL || d->taxonomy == NULL) {
		tsn_loader_free(loader);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	code = tsn_scoring_open(d, &d->scoring, err);
	tsn_alert_writer_triage(d->writer, d->scoring.triage);
	options.watch = d->scoring.risk != NULL;
	options.early = options.watch && options.once;
	if (code == TSN_OK)
		code = each_content(TSN_SLICE("taxonomy/"), TSN_SLICE(".yml"), add_taxonomy, d->taxonomy,
		    err);
	if (code == TSN_OK)
		code = load_rules(d, loader, err);
	d->report.problems = NULL;
	tsn_loader_free(loader);
	if (code != TSN_OK)
		return code;
	free(d->evicted);
	d->evicted = calloc((size_t)d->rules->count + 1, sizeof *d->evicted);
	if (d->evicted == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return tsn_detect_new(d->rules, d->taxonomy, d->o.keys, &options, &d->detect, err);
}

static enum tsn_code
on_finding(void *ctx, const struct tsn_finding *finding)
{
	struct tsn_detection *d = ctx;
	struct tsn_alert alert;
	bool is_new = true;

	if (d->replay && finding->risk_score <= 0 && tsn_readback_known(d, finding))
		return TSN_OK;
	TSN_TRY(tsn_alert_write(d->writer, finding, &alert));
	TSN_TRY(tsn_scoring_alert(d, finding, &alert));
	if (finding->early)
		return TSN_OK;
	if (d->alerts != NULL)
		TSN_TRY(tsn_alerts_put(d->alerts, &alert, &is_new, d->err));
	d->found += !finding->update;
	d->found_new += is_new;
	return d->o.each == NULL ? TSN_OK : d->o.each(d->o.ctx, &alert, is_new);
}

static enum tsn_code
on_event(void *ctx, struct tsn_batch *batch, struct tsn_err *err)
{
	struct tsn_detection *d = ctx;

	return tsn_enrich_event(d->enrich, batch, err);
}

static enum tsn_code
on_batch(void *ctx, const struct tsn_batch *batch, struct tsn_err *err)
{
	struct tsn_detection *d = ctx;
	struct tsn_err local = {0};
	enum tsn_code code;

	d->err = err == NULL ? &local : err;
	code = tsn_detect_batch(d->detect, batch, on_finding, d);
	d->err = NULL;
	return code;
}

static void
sample(void *ctx, const struct tsn_event *ev, struct tsn_ledger_row *row)
{
	struct tsn_detection *d = ctx;

	if (tsn_detect_view_count(d->detect) <= TSN_LEDGER_VIEWS)
		(void)!tsn_detect_event_views(d->detect, ev, row->views);
}

static int64_t
mark(void *ctx)
{
	const struct tsn_detection *d = ctx;

	return tsn_detect_mark(d->detect);
}

enum tsn_code
tsn_detection_rows(struct tsn_detection *d, const struct tsn_batch *batch, struct tsn_err *err)
{
	return on_batch(d, batch, err);
}

static void
drop_rules(struct tsn_detection *d)
{
	tsn_detect_free(d->detect);
	tsn_ruleset_free(d->rules);
	tsn_taxonomy_free(d->taxonomy);
	tsn_alert_writer_free(d->writer);
	tsn_scoring_close(&d->scoring);
	free(d->evicted);
}

enum tsn_code
tsn_detection_reload(struct tsn_detection *d, uint64_t events_max,
    struct tsn_detection_read *ret, struct tsn_err *err)
{
	struct tsn_detection old = *d;
	enum tsn_code code = TSN_OK;

	*ret = (struct tsn_detection_read){0};
	d->detect = NULL;
	d->rules = NULL;
	d->taxonomy = NULL;
	d->evicted = NULL;
	d->scoring = (struct tsn_scoring){0};
	/* The writer remembers rules by their place. */
	d->writer = tsn_alert_writer_new(d->o.keys);
	if (d->writer == NULL)
		code = TSN_ERR(err, TSN_ENOMEM, "out of memory");
	if (code == TSN_OK)
		code = make_engine(d, err);
	if (code == TSN_OK)
		code = tsn_scoring_restore(d, err);
	d->state_stands = true;
	if (code == TSN_OK && d->o.live)
		code = tsn_keep_move(old.detect, d->detect, err);
	if (code == TSN_OK && d->o.data_dir != NULL && d->o.live)
		code = tsn_detection_read_back(d, events_max, ret, err);
	d->state_stands = false;
	if (code != TSN_OK) {
		drop_rules(d);
		d->detect = old.detect;
		d->rules = old.rules;
		d->taxonomy = old.taxonomy;
		d->writer = old.writer;
		d->evicted = old.evicted;
		d->scoring = old.scoring;
		d->report = old.report;
		return code;
	}
	drop_rules(&old);
	return TSN_OK;
}

bool
tsn_detection_mark(struct tsn_detection *d, const struct tsn_rule *rule, bool *marks,
    enum tsn_code *code)
{
	const struct tsn_view *views[TSN_VIEWS_PER_RULE_MAX];
	uint32_t count;

	if (rule->condition == NULL)
		return true;
	*code = tsn_taxonomy_find(d->taxonomy, &rule->logsource, rule->taxonomy, views, &count);
	for (uint32_t i = 0; *code == TSN_OK && i < count; i++) {
		if (views[i]->when == NULL || views[i]->when->op == TSN_PRED_TRUE ||
		    views[i]->index >= HINT_VIEWS_MAX)
			return false;
		marks[views[i]->index] = true;
	}
	return *code == TSN_OK;
}

enum tsn_code
tsn_detection_hint(struct tsn_detection *d, struct tsn_arena *arena,
    const struct tsn_pred **ret_pred)
{
	bool *marks = tsn_arena_calloc(arena, HINT_VIEWS_MAX, sizeof *marks);
	const struct tsn_pred **kids;
	enum tsn_code code = TSN_OK;
	uint32_t count = 0;

	*ret_pred = NULL;
	if (marks == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < d->rules->count; i++)
		if (!tsn_detection_mark(d, &d->rules->rules[i], marks, &code))
			return code;
	kids = tsn_arena_calloc(arena, HINT_VIEWS_MAX, sizeof *kids);
	if (kids == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < tsn_taxonomy_view_count(d->taxonomy); i++)
		if (marks[i])
			kids[count++] = tsn_taxonomy_view(d->taxonomy, i)->when;
	*ret_pred = tsn_pred_group(arena, TSN_PRED_OR, kids, count);
	return *ret_pred == NULL ? TSN_ENOMEM : TSN_OK;
}

enum tsn_code
tsn_detection_finish(struct tsn_detection *d, struct tsn_err *err)
{
	struct tsn_err local = {0};
	enum tsn_code code;

	d->err = err == NULL ? &local : err;
	code = tsn_detect_finish(d->detect, on_finding, d);
	if (code == TSN_OK)
		code = tsn_scoring_finish(d);
	d->err = NULL;
	return code;
}

enum tsn_code
tsn_detection_raise(struct tsn_detection *d, const struct tsn_finding *finding,
    struct tsn_err *err)
{
	struct tsn_err local = {0};
	enum tsn_code code;

	d->err = err == NULL ? &local : err;
	code = on_finding(d, finding);
	d->err = NULL;
	return code;
}

enum tsn_code
tsn_detection_tick(struct tsn_detection *d, struct tsn_err *err)
{
	struct tsn_err local = {0};
	enum tsn_code code;

	d->err = err == NULL ? &local : err;
	code = tsn_detect_tick(d->detect, tsn_clock_real_ns(), on_finding, d);
	if (code == TSN_OK)
		code = tsn_scoring_advance(d);
	if (code == TSN_OK)
		code = tsn_health_check(d, tsn_clock_real_ns(), on_finding);
	d->err = NULL;
	TSN_TRY(code);
	return d->alerts == NULL ? TSN_OK : tsn_alerts_commit(d->alerts, err);
}

/* Alerts first: what a profile has learned must not hide an alert that was not kept yet. */
static enum tsn_code
on_commit(void *ctx, struct tsn_err *err)
{
	struct tsn_detection *d = ctx;
	enum tsn_code code = TSN_OK;

	d->err = err;
	if (d->o.live)
		code = tsn_detect_tick(d->detect, tsn_clock_real_ns(), on_finding, d);
	if (code == TSN_OK && d->o.live)
		code = tsn_scoring_advance(d);
	if (code == TSN_OK && d->alerts != NULL)
		code = tsn_health_check(d, tsn_clock_real_ns(), on_finding);
	d->err = NULL;
	TSN_TRY(code);
	if (d->alerts != NULL)
		TSN_TRY(tsn_alerts_commit(d->alerts, err));
	return tsn_enrich_commit(d->enrich, err);
}

static enum tsn_code
detection_init(struct tsn_detection *d, struct tsn_err *err)
{
	d->writer = tsn_alert_writer_new(d->o.keys);
	if (d->writer == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	d->raise = on_finding;
	TSN_TRY(make_engine(d, err));
	TSN_TRY(tsn_enrich_new(d->o.data_dir, &tsn_enrich_defaults, &d->enrich, err));
	if (d->o.data_dir != NULL)
		TSN_TRY(tsn_alerts_open(d->o.data_dir, true, &d->alerts, err));
	TSN_TRY(tsn_scoring_restore(d, err));
	d->stage = (struct tsn_engine_stage){
		.event = on_event, .batch = on_batch, .sample = d->o.live ? sample : NULL,
		.commit = on_commit, .mark = mark,
		.ctx = d};
	return TSN_OK;
}

enum tsn_code
tsn_detection_new(const struct tsn_detection_options *options,
    struct tsn_detection **ret_detection, struct tsn_err *err)
{
	struct tsn_detection *d = calloc(1, sizeof *d);
	enum tsn_code code;

	if (d == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	d->o = *options;
	code = detection_init(d, err);
	if (code != TSN_OK) {
		tsn_detection_free(d);
		return code;
	}
	*ret_detection = d;
	return TSN_OK;
}

void
tsn_detection_free(struct tsn_detection *d)
{
	if (d == NULL)
		return;
	tsn_detect_free(d->detect);
	tsn_ruleset_free(d->rules);
	tsn_taxonomy_free(d->taxonomy);
	tsn_enrich_free(d->enrich);
	tsn_alerts_close(d->alerts);
	tsn_scoring_close(&d->scoring);
	tsn_alert_writer_free(d->writer);
	free(d->evicted);
	free(d);
}

const struct tsn_engine_stage *
tsn_detection_stage(const struct tsn_detection *d)
{
	return &d->stage;
}

void
tsn_detection_stats_get(const struct tsn_detection *d, struct tsn_detection_stats *ret_stats)
{
	*ret_stats = (struct tsn_detection_stats){.alerts = d->found, .alerts_new = d->found_new,
	    .report = d->report, .enrich = tsn_enrich_stats_get(d->enrich)};
	tsn_detect_stats(d->detect, &ret_stats->detect);
}

void
tsn_detection_corr_stats(const struct tsn_detection *d, struct tsn_detect_corr_stats *ret)
{
	struct tsn_detect_corr_stats one;

	*ret = (struct tsn_detect_corr_stats){0};
	for (uint32_t i = 0; i < d->rules->count; i++) {
		if (!tsn_detect_corr_stats(d->detect, i, &one))
			continue;
		ret->hits += one.hits;
		ret->late += one.late;
		ret->late_dropped += one.late_dropped;
		ret->duplicates += one.duplicates;
		ret->evicted += one.evicted;
		ret->entries_dropped += one.entries_dropped;
		ret->groups += one.groups;
		ret->bytes += one.bytes;
	}
}

bool
tsn_detection_exception(const struct tsn_detection *d, uint32_t index,
    struct tsn_detection_exception *ret)
{
	if (!tsn_detect_exception_stats(d->detect, index, &ret->stats))
		return false;
	ret->exception = d->rules->exceptions[index];
	return true;
}

struct tsn_detect *
tsn_detection_engine(struct tsn_detection *d)
{
	return d->detect;
}

const struct tsn_ruleset *
tsn_detection_rules(const struct tsn_detection *d, const uint64_t **ret_counts)
{
	*ret_counts = tsn_detect_rule_counts(d->detect);
	return d->rules;
}
