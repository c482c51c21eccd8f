/* tocsin rules explain: for each record of a file why a rule fires or does not. */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/rules_int.h"
#include "cmd/rules_windows.h"
#include "collect/reader.h"
#include "enrich/enrich.h"
#include "rule/describe.h"
#include "rule/explain.h"
#include "server/detection.h"
#include "server/engine.h"
#include "server/import.h"

#define TEXT_MAX (64u << 20)
/* Of correlations, at the end. */
#define ALERTS_SHOWN 20u

struct state {
	const struct tsn_rules_explain *o;
	struct tsn_loader *loader;
	struct tsn_ruleset *set;
	struct tsn_taxonomy *taxonomy;
	struct tsn_keys *keys;
	struct tsn_explain **tries;	/* one per rule of the set, NULL where there is nothing to try */
	struct tsn_windows **windows;	/* one per correlation that is explained */
	struct tsn_enrich *enrich;
	struct tsn_parser *parser;
	struct tsn_batch batch;
	struct tsn_reader *reader;
	struct tsn_source source;
	struct tsn_buf text;
	uint64_t records, fired, alerts;
};

static bool
is_wanted(const struct state *s, const struct tsn_rule *r)
{
	struct tsn_slice id = tsn_slice_cstr(s->o->id);

	return s->o->id == NULL || tsn_slice_eq(r->id, id) || tsn_slice_eq(r->short_name, id) ||
	    tsn_slice_eq(r->name, id);
}

/* The rule, and those a correlation refers to. */
static enum tsn_code
try_rule(struct state *s, uint32_t index, uint32_t depth, struct tsn_err *err)
{
	const struct tsn_rule *r = &s->set->rules[index];

	if (r->condition != NULL)
		return s->tries[index] != NULL ? TSN_OK
		    : tsn_explain_new(r, s->taxonomy, s->keys, &s->tries[index], err);
	s->windows[index] = tsn_windows_new(s->set, index);
	if (s->windows[index] == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	tsn_buf_reset(&s->text);
	tsn_describe_correlation(s->set, r, &s->text);
	(void)fwrite(s->text.ptr, 1, s->text.len, stdout);
	for (uint32_t i = 0; i < r->correlation->rule_count && depth < TSN_RULE_DEPTH_MAX; i++)
		TSN_TRY(try_rule(s, r->correlation->rules[i], depth + 1, err));
	return TSN_OK;
}

static enum tsn_code
load_rules(struct state *s, struct tsn_err *err)
{
	struct tsn_rule_report report;
	uint32_t wanted = 0;

	s->loader = tsn_loader_new();
	s->taxonomy = tsn_taxonomy_new();
	if (s->loader == NULL || s->taxonomy == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	TSN_TRY(tsn_taxonomy_add_content(s->taxonomy, err));
	if (s->o->values != NULL)
		TSN_TRY(tsn_loader_add_values_dir(s->loader, s->o->values, err));
	TSN_TRY(tsn_loader_add_path(s->loader, s->o->rule, err));
	for (uint32_t i = 0; i < s->o->exceptions->count; i++)
		TSN_TRY(tsn_loader_add_exceptions(s->loader, s->o->exceptions->items[i], err));
	TSN_TRY(tsn_loader_finish(s->loader, &s->set, &report, err));
	for (uint32_t i = 0; i < report.problem_count; i++)
		tsn_rules_print(stderr, &report.problems[i]);
	s->tries = calloc(s->set->count + 1, sizeof(struct tsn_explain *));
	s->windows = calloc(s->set->count + 1, sizeof(struct tsn_windows *));
	if (s->tries == NULL || s->windows == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < s->set->count; i++) {
		/* Parts of a correlation are tried when it is. */
		if (!is_wanted(s, &s->set->rules[i]))
			continue;
		TSN_TRY(try_rule(s, i, 0, err));
		wanted++;
	}
	if (wanted == 0)
		TSN_FAIL(err, TSN_EINVAL, "%s holds no rule that can be tried%s%s", s->o->rule,
		    s->o->id == NULL ? "" : " called ", s->o->id == NULL ? "" : s->o->id);
	return TSN_OK;
}

/* The correlations that count what this rule fires on. */
static void
feed_windows(struct state *s, uint32_t rule, const struct tsn_event *ev, uint64_t line)
{
	for (uint32_t i = 0; i < s->set->count; i++) {
		const struct tsn_correlation *c = s->set->rules[i].correlation;

		for (uint32_t k = 0; s->windows[i] != NULL && k < c->rule_count; k++)
			if (c->rules[k] == rule)
				tsn_windows_add(s->windows[i], k, s->tries[rule], ev, line);
	}
}

static enum tsn_code
print_alert(void *ctx, const struct tsn_alert *alert, bool is_new)
{
	struct state *s = ctx;
	char reason[1200];

	(void)is_new;
	for (uint32_t i = 0; i < s->set->count; i++) {
		if (s->windows[i] == NULL || !tsn_slice_eq(s->set->rules[i].id, alert->rule_id))
			continue;
		if (s->alerts++ >= ALERTS_SHOWN)
			continue;
		(void)printf("    alert %.8s: %s\n", alert->id.ptr,
		    tsn_slice_escape_line(alert->reason, reason, sizeof reason));
	}
	return TSN_OK;
}

static void
say(void *ctx, const char *line)
{
	(void)ctx;
	(void)fprintf(stderr, "tocsin rules explain: %s\n", line);
}

/* The same records by the engine that detects: what came of it is the answer. */
static enum tsn_code
run_engine(struct state *s, struct tsn_detection *d, struct tsn_err *err)
{
	struct tsn_engine *engine = NULL;
	struct tsn_import im;
	enum tsn_code code;

	TSN_TRY(tsn_engine_new(&(struct tsn_engine_options){.keys = s->keys,
	    .detect = tsn_detection_stage(d)}, &engine, err));
	tsn_import_init(&im, &(struct tsn_import_options){.engine = engine, .ops = &tsn_file_system,
	    .kind = s->o->kind, .say = say});
	code = tsn_import_path(&im, s->o->file, err);
	if (code == TSN_OK)
		code = tsn_engine_flush(engine, err);
	if (code == TSN_OK)
		code = tsn_detection_finish(d, err);
	tsn_engine_free(engine);
	return code;
}

static enum tsn_code
explain_windows(struct state *s, struct tsn_err *err)
{
	struct tsn_detection_exception x;
	struct tsn_detection *d = NULL;
	enum tsn_code code;
	bool any = false;

	for (uint32_t i = 0; i < s->set->count; i++) {
		any |= s->windows[i] != NULL;
		if (s->windows[i] != NULL)
			tsn_windows_print(s->windows[i]);
	}
	if (!any || s->o->limit > 0)
		return TSN_OK;
	(void)printf("detection over the whole file:\n");
	TSN_TRY(tsn_detection_new(&(struct tsn_detection_options){.keys = s->keys,
	    .rules = &s->o->rule, .rule_count = 1, .exceptions = s->o->exceptions->items,
	    .exception_count = s->o->exceptions->count, .trial = true, .each = print_alert, .ctx = s},
	    &d, err));
	code = run_engine(s, d, err);
	if (s->alerts > ALERTS_SHOWN)
		(void)printf("    and %llu more alerts\n", (unsigned long long)(s->alerts - ALERTS_SHOWN));
	if (code == TSN_OK && s->alerts == 0)
		(void)printf("    no alert\n");
	for (uint32_t i = 0; code == TSN_OK && tsn_detection_exception(d, i, &x); i++)
		if (x.stats.hidden > 0)
			(void)printf("    exception \"%.*s\" hid %llu findings\n",
			    TSN_SLICE_ARG(x.exception->id), (unsigned long long)x.stats.hidden);
	tsn_detection_free(d);
	return code;
}

static enum tsn_code
explain_record(struct state *s, const struct tsn_record *rec, struct tsn_err *err)
{
	const struct tsn_event *ev;
	enum tsn_code code;
	bool fires;

	tsn_batch_reset(&s->batch);
	code = tsn_parser_record(s->parser, rec, &s->batch, &ev);
	if (code != TSN_OK || ev == NULL)
		return code == TSN_ENOMEM ? code : TSN_OK;
	TSN_TRY(tsn_enrich_event(s->enrich, &s->batch, err));
	ev = &s->batch.events[0];
	s->records++;
	for (uint32_t i = 0; i < s->set->count; i++) {
		if (s->tries[i] == NULL)
			continue;
		tsn_buf_reset(&s->text);
		TSN_TRY(tsn_explain_write(s->tries[i], ev, &s->text, &fires, err));
		s->fired += fires;
		if (fires)
			feed_windows(s, i, ev, rec->line);
		(void)printf("%s:%llu: ", s->o->file, (unsigned long long)rec->line);
		(void)fwrite(s->text.ptr, 1, s->text.len, stdout);
	}
	return TSN_OK;
}

static enum tsn_code
explain_file(struct state *s, struct tsn_err *err)
{
	struct tsn_reader_options options = {.ops = &tsn_file_system, .source = &s->source,
	    .path = s->o->file, .mode = TSN_FRAME_AUTO};
	struct tsn_record rec;
	enum tsn_code code;
	bool known;

	TSN_TRY(tsn_reader_open(&options, &s->reader, err));
	while ((code = tsn_reader_fill(s->reader, err)) == TSN_OK) {
		while ((code = tsn_reader_next(s->reader, &rec, &known)) == TSN_OK) {
			TSN_TRY(explain_record(s, &rec, err));
			if (s->o->limit > 0 && s->records == s->o->limit)
				return TSN_OK;
		}
		if (code != TSN_EAGAIN)
			TSN_FAIL(err, code, "out of memory");
	}
	if (code == TSN_EOF && tsn_reader_damage(s->reader) != NULL) {
		*err = *tsn_reader_damage(s->reader);
		return err->code;
	}
	return code == TSN_EOF ? TSN_OK : code;
}

static enum tsn_code
run(struct state *s, struct tsn_err *err)
{
	s->keys = tsn_keys_new();
	s->parser = s->keys == NULL ? NULL : tsn_parser_new(s->keys);
	if (s->parser == NULL || tsn_batch_init(&s->batch, s->keys, 1) != TSN_OK)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	TSN_TRY(load_rules(s, err));
	s->source = (struct tsn_source){.path = tsn_slice_cstr(s->o->file),
	    .kind = tsn_slice_cstr(s->o->kind), .id = 1};
	if (s->o->kind != NULL && tsn_parser_find(s->source.kind) == NULL)
		TSN_FAIL(err, TSN_EINVAL, "no kind of record is called \"%s\"", s->o->kind);
	TSN_TRY(tsn_enrich_new(NULL, &tsn_enrich_defaults, &s->enrich, err));
	TSN_TRY(explain_file(s, err));
	return explain_windows(s, err);
}

int
tsn_rules_explain(const struct tsn_command *cmd, const struct tsn_rules_explain *o)
{
	struct state s = {.o = o};
	struct tsn_err err = {0};
	enum tsn_code code;

	tsn_buf_init(&s.text, TEXT_MAX);
	code = run(&s, &err);
	if (code == TSN_OK)
		(void)fprintf(stderr, "%llu records, the rules fired %llu times\n",
		    (unsigned long long)s.records, (unsigned long long)s.fired);
	tsn_reader_close(s.reader);
	for (uint32_t i = 0; s.tries != NULL && i < s.set->count; i++)
		tsn_explain_free(s.tries[i]);
	for (uint32_t i = 0; s.windows != NULL && i < s.set->count; i++)
		tsn_windows_free(s.windows[i]);
	free(s.tries);
	free(s.windows);
	tsn_enrich_free(s.enrich);
	tsn_ruleset_free(s.set);
	tsn_loader_free(s.loader);
	tsn_taxonomy_free(s.taxonomy);
	tsn_parser_free(s.parser);
	tsn_batch_done(&s.batch);
	tsn_keys_free(s.keys);
	tsn_buf_done(&s.text);
	return code == TSN_OK ? TSN_EXIT_DONE : tsn_cmd_fail(cmd, code, &err);
}
