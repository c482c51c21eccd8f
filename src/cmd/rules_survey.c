/* tocsin rules check on events: which rules can never fire on them, and which are expensive. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/rules_int.h"
#include "detect/survey.h"
#include "enrich/enrich.h"
#include "server/engine.h"
#include "server/import.h"
#include "store/store.h"

#define EVENTS_DEFAULT 200000u
#define TOP_DEFAULT 10u

struct state {
	const struct tsn_rules_survey *o;
	const struct tsn_ruleset *set;
	struct tsn_keys *keys;
	struct tsn_detect *detect;
	struct tsn_survey *survey;
	struct tsn_enrich *enrich;
	uint64_t events_max;
};

static void
say(void *ctx, const char *line)
{
	(void)ctx;
	(void)fprintf(stderr, "tocsin rules check: %s\n", line);
}

static enum tsn_code
on_event(void *ctx, struct tsn_batch *batch, struct tsn_err *err)
{
	struct state *s = ctx;

	return tsn_enrich_event(s->enrich, batch, err);
}

/* TSN_EOF: enough. */
static enum tsn_code
on_batch(void *ctx, const struct tsn_batch *batch, struct tsn_err *err)
{
	struct state *s = ctx;

	(void)err;
	if (tsn_survey_events(s->survey) >= s->events_max)
		return TSN_EOF;
	return tsn_survey_batch(s->survey, batch);
}

static enum tsn_code
on_commit(void *ctx, struct tsn_err *err)
{
	(void)ctx;
	(void)err;
	return TSN_OK;
}

static enum tsn_code
survey_files(struct state *s, struct tsn_err *err)
{
	const struct tsn_engine_stage stage = {.event = on_event, .batch = on_batch,
	    .commit = on_commit, .ctx = s};
	struct tsn_engine *engine = NULL;
	struct tsn_import im;
	enum tsn_code code;

	TSN_TRY(tsn_enrich_new(NULL, &tsn_enrich_defaults, &s->enrich, err));
	TSN_TRY(tsn_engine_new(&(struct tsn_engine_options){.keys = s->keys, .detect = &stage}, &engine,
	    err));
	tsn_import_init(&im, &(struct tsn_import_options){.engine = engine, .ops = &tsn_file_system,
	    .kind = s->o->kind, .say = say});
	code = TSN_OK;
	for (uint32_t i = 0; i < s->o->samples->count && code == TSN_OK; i++)
		code = tsn_import_path(&im, s->o->samples->items[i], err);
	if (code == TSN_OK)
		code = tsn_engine_flush(engine, err);
	tsn_engine_free(engine);
	if (code == TSN_OK && im.unreadable > 0)
		TSN_FAIL(err, TSN_EINVAL, "a sample cannot be read");
	return code == TSN_EOF ? TSN_OK : code;
}

static enum tsn_code
survey_store(struct state *s, struct tsn_err *err)
{
	struct tsn_store_reader *reader;
	struct tsn_store_scan scan = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .newest_first = true,
	    .rows = on_batch, .ctx = s};
	enum tsn_code code;

	TSN_TRY(tsn_store_reader_open(s->o->data, s->keys, &reader, err));
	code = tsn_store_scan(reader, &scan, err);
	tsn_store_reader_close(reader);
	return code == TSN_EOF ? TSN_OK : code;
}

static void
print_dead(const struct state *s, const struct tsn_rule *r, const struct tsn_survey_result *res)
{
	char file[600], field[128], other[200];

	(void)printf("%s:%llu: note: never fires on these events: ",
	    tsn_slice_escape(r->file, file, sizeof file),
	    (unsigned long long)(res->line > 0 ? res->line : r->line));
	if (res->verdict == TSN_SURVEY_NO_SOURCE)
		(void)printf("none is of its log source (category \"%.*s\", product \"%.*s\", service "
		    "\"%.*s\")\n", TSN_SLICE_ARG(r->logsource.category),
		    TSN_SLICE_ARG(r->logsource.product), TSN_SLICE_ARG(r->logsource.service));
	else if (res->verdict == TSN_SURVEY_NO_FIELD)
		(void)printf("none of its log source has a field \"%s\"\n",
		    tsn_slice_escape(res->field, field, sizeof field));
	else
		(void)printf("its rule \"%s\" never does\n",
		    tsn_slice_escape(s->set->rules[res->rule].name, other, sizeof other));
}

struct priced {
	uint32_t rule;
	struct tsn_survey_result r;
};

static int
by_cost(const void *a, const void *b)
{
	const struct priced *x = a, *y = b;

	if (x->r.cost_ns != y->r.cost_ns)
		return x->r.cost_ns > y->r.cost_ns ? -1 : 1;
	return x->rule < y->rule ? -1 : x->rule > y->rule;
}

static void
print_costs(const struct state *s, struct priced *list, uint32_t count, double all_ns)
{
	double events = (double)tsn_survey_events(s->survey);
	uint64_t top = s->o->top == 0 ? TOP_DEFAULT : s->o->top;

	if (count > 0)
		qsort(list, count, sizeof *list, by_cost);
	for (uint32_t i = 0; i < count && i < top && list[i].r.looked_at > 0; i++) {
		const struct tsn_rule *r = &s->set->rules[list[i].rule];
		const struct tsn_survey_result *c = &list[i].r;
		char file[600], name[160];

		(void)printf("%s:%u: note: cost %u of %u: %.1f ns per event, %.1f %% of all rules; its "
		    "condition was judged for %.2f %% of the events and true for %llu: %s\n",
		    tsn_slice_escape(r->file, file, sizeof file), r->line, i + 1, count,
		    (double)c->cost_ns / events, 100 * (double)c->cost_ns / (all_ns > 0 ? all_ns : 1),
		    100 * (double)c->looked_at / events, (unsigned long long)c->fired,
		    tsn_slice_escape(r->name, name, sizeof name));
	}
}

static enum tsn_code
report(struct state *s, struct tsn_err *err)
{
	struct priced *list = calloc((size_t)s->set->count + 1, sizeof *list);
	uint32_t count = 0, dead = 0, generating = 0;
	double all_ns = 0;

	if (list == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < s->set->count; i++) {
		struct tsn_survey_result res;

		tsn_survey_rule(s->survey, i, &res);
		all_ns += (double)res.cost_ns;
		if (s->set->rules[i].condition != NULL)
			list[count++] = (struct priced){i, res};
		generating += s->set->rules[i].generate;
		if (res.verdict == TSN_SURVEY_MAY || !s->set->rules[i].generate)
			continue;
		dead++;
		print_dead(s, &s->set->rules[i], &res);
	}
	print_costs(s, list, count, all_ns);
	(void)printf("%llu events looked at: %u of %u rules can fire on such, %u never do; conditions "
	    "cost %.0f ns per event\n", (unsigned long long)tsn_survey_events(s->survey),
	    generating - dead, generating, dead, all_ns / (double)tsn_survey_events(s->survey));
	free(list);
	return TSN_OK;
}

static enum tsn_code
survey(struct state *s, struct tsn_taxonomy *t, struct tsn_err *err)
{
	TSN_TRY(tsn_detect_new(s->set, t, s->keys, NULL, &s->detect, err));
	s->survey = tsn_survey_new(s->detect);
	if (s->survey == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (s->o->data != NULL)
		TSN_TRY(survey_store(s, err));
	if (s->o->samples->count > 0)
		TSN_TRY(survey_files(s, err));
	if (tsn_survey_events(s->survey) == 0)
		TSN_FAIL(err, TSN_EINVAL, "no events to look at in %s", s->o->data != NULL ? s->o->data
		    : s->o->samples->items[0]);
	return report(s, err);
}

enum tsn_code
tsn_rules_survey(const struct tsn_ruleset *set, struct tsn_taxonomy *taxonomy,
    const struct tsn_rules_survey *o, struct tsn_err *err)
{
	struct state s = {.o = o, .set = set, .keys = tsn_keys_new(),
	    .events_max = o->events_max == 0 ? EVENTS_DEFAULT : o->events_max};
	enum tsn_code code;

	if (s.keys == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	code = survey(&s, taxonomy, err);
	tsn_survey_free(s.survey);
	tsn_detect_free(s.detect);
	tsn_enrich_free(s.enrich);
	tsn_keys_free(s.keys);
	return code;
}
