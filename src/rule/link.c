/* What rules say of each other: duplicate ids, filters, correlations. */
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "rule/load_int.h"

/* id and name to rule. */
struct names {
	uint32_t *slots;		/* rule index + 1; by id and by short name */
	uint32_t mask;
	struct rule_draft *drafts;
};

static bool
is_called(const struct tsn_rule *r, struct tsn_slice name)
{
	return tsn_slice_eq(r->id, name) ||
	    (r->short_name.len > 0 && tsn_slice_eq(r->short_name, name));
}

/* Index of the rule called so, or UINT32_MAX. */
static uint32_t
find_rule(const struct names *t, struct tsn_slice name)
{
	for (uint64_t at = tsn_hash_slice(name, 0);; at++) {
		uint32_t slot = t->slots[at & t->mask];

		if (slot == 0)
			return UINT32_MAX;
		if (is_called(&t->drafts[slot - 1].rule, name))
			return slot - 1;
	}
}

static void
add_name(struct names *t, struct tsn_slice name, uint32_t index)
{
	uint64_t at = tsn_hash_slice(name, 0);

	while (t->slots[at & t->mask] != 0)
		at++;
	t->slots[at & t->mask] = index + 1;
}

static enum tsn_code
drop(struct rule_draft *d, const struct link_out *out, bool skipped, uint32_t line,
    const char *message)
{
	d->dropped = true;
	d->skipped = skipped;
	return out->problem(out->ctx, skipped ? TSN_PROBLEM_SKIPPED : TSN_PROBLEM_FAILED,
	    d->rule.file, line, message);
}

static enum tsn_code
index_rules(struct names *t, uint32_t count, const struct link_out *out)
{
	for (uint32_t i = 0; i < count; i++) {
		struct rule_draft *d = &t->drafts[i];
		uint32_t other = find_rule(t, d->rule.id);
		char message[512], shown[SHOWN_MAX];

		if (other == UINT32_MAX && d->rule.short_name.len > 0)
			other = find_rule(t, d->rule.short_name);
		if (other != UINT32_MAX) {
			const struct tsn_rule *r = &t->drafts[other].rule;

			(void)snprintf(message, sizeof message,
			    "id or name of another rule: \"%s\" is at %.*s:%u",
			    tsn_slice_escape(d->rule.id, shown, sizeof shown),
			    (int)(r->file.len > 300 ? 300 : r->file.len), r->file.ptr, r->line);
			if (!d->dropped)
				TSN_TRY(drop(d, out, false, d->rule.line, message));
			continue;
		}
		add_name(t, d->rule.id, i);
		if (d->rule.short_name.len > 0)
			add_name(t, d->rule.short_name, i);
	}
	return TSN_OK;
}

static bool
covers(struct tsn_slice wide, struct tsn_slice narrow)
{
	return wide.len == 0 || tsn_slice_eq_nocase(wide, narrow);
}

static enum tsn_code
apply_filter(struct tsn_arena *a, struct filter_draft *f, struct tsn_rule *r)
{
	const struct tsn_pred *both[2] = {r->condition, f->keep};

	if (r->condition == NULL || !covers(f->logsource.category, r->logsource.category) ||
	    !covers(f->logsource.product, r->logsource.product) ||
	    !covers(f->logsource.service, r->logsource.service))
		return TSN_OK;
	r->condition = tsn_pred_group(a, TSN_PRED_AND, both, 2);
	f->used = true;
	return r->condition == NULL ? TSN_ENOMEM : TSN_OK;
}

/* A filter on a rule with an old aggregation is one on the events it counts. */
static enum tsn_code
apply_named(struct tsn_arena *a, const struct names *t, struct filter_draft *f, uint32_t at)
{
	const struct rule_draft *d = &t->drafts[at];
	struct tsn_slice id = d->rule.id;

	if (d->corr == NULL)
		return apply_filter(a, f, &t->drafts[at].rule);
	for (uint32_t i = 0; i < d->corr->c.rule_count; i++) {
		struct tsn_slice ref = d->corr->refs[i];
		uint32_t part = find_rule(t, ref);

		if (part != UINT32_MAX && ref.len > id.len && tsn_slice_starts(ref, id) &&
		    ref.ptr[id.len] == '/')
			TSN_TRY(apply_filter(a, f, &t->drafts[part].rule));
	}
	return TSN_OK;
}

static enum tsn_code
apply_filters(struct tsn_arena *a, const struct names *t, uint32_t count,
    struct filter_draft *filters, uint32_t filter_count, const struct link_out *out)
{
	for (uint32_t i = 0; i < filter_count; i++) {
		struct filter_draft *f = &filters[i];
		char message[512], shown[SHOWN_MAX];

		for (uint32_t k = 0; k < f->ref_count; k++) {
			uint32_t at = find_rule(t, f->refs[k]);

			if (at != UINT32_MAX) {
				TSN_TRY(apply_named(a, t, f, at));
				continue;
			}
			(void)snprintf(message, sizeof message, "filter names the rule \"%s\", which is not "
			    "loaded", tsn_slice_escape(f->refs[k], shown, sizeof shown));
			TSN_TRY(out->problem(out->ctx, TSN_PROBLEM_NOTE, f->file, f->line, message));
		}
		for (uint32_t k = 0; f->ref_count == 0 && k < count; k++)
			if (!t->drafts[k].dropped)
				TSN_TRY(apply_filter(a, f, &t->drafts[k].rule));
		if (!f->used)
			TSN_TRY(out->problem(out->ctx, TSN_PROBLEM_NOTE, f->file, f->line,
			    "filter applies to no rule: names and log source fit none"));
	}
	return TSN_OK;
}

static enum tsn_code
resolve_refs(struct tsn_arena *a, const struct names *t, struct rule_draft *d,
    const struct link_out *out)
{
	struct corr_draft *c = d->corr;
	uint32_t *rules = tsn_arena_calloc(a, c->c.rule_count, sizeof *rules);
	char message[512], shown[SHOWN_MAX];

	if (rules == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < c->c.rule_count; i++) {
		rules[i] = find_rule(t, c->refs[i]);
		if (rules[i] == UINT32_MAX) {
			(void)snprintf(message, sizeof message, "correlation names the rule \"%s\", which is "
			    "not loaded", tsn_slice_escape(c->refs[i], shown, sizeof shown));
			return drop(d, out, false, c->line, message);
		}
		for (uint32_t k = 0; k < i; k++)
			if (rules[k] == rules[i])
				return drop(d, out, false, c->line, "correlation names the same rule twice");
	}
	c->c.rules = rules;
	return TSN_OK;
}

static struct tsn_slice
field_of(const struct corr_draft *c, const struct names *t, struct tsn_slice name, uint32_t ref)
{
	const struct tsn_rule *rule = &t->drafts[c->c.rules[ref]].rule;

	for (const struct alias *al = c->aliases; al != NULL; al = al->next)
		if (tsn_slice_eq(al->name, name) && is_called(rule, al->rule))
			return al->field;
	return name;
}

/* Aliases into tables by field and rule. */
static enum tsn_code
resolve_fields(struct tsn_arena *a, const struct names *t, struct corr_draft *c)
{
	uint32_t rules = c->c.rule_count;
	struct tsn_slice *groups = tsn_arena_calloc(a, (size_t)c->c.group_count * rules + 1,
	    sizeof *groups);
	struct tsn_slice *fields = tsn_arena_calloc(a, (size_t)c->c.field_count * rules + 1,
	    sizeof *fields);

	if (groups == NULL || fields == NULL)
		return TSN_ENOMEM;
	for (uint32_t k = 0; k < rules; k++) {
		for (uint32_t i = 0; i < c->c.group_count; i++)
			groups[i * rules + k] = field_of(c, t, c->c.group_by[i], k);
		for (uint32_t i = 0; i < c->c.field_count; i++)
			fields[i * rules + k] = field_of(c, t, c->c.fields[i], k);
	}
	c->c.group_fields = groups;
	c->c.fields = fields;
	return TSN_OK;
}

static enum tsn_code
check_aliases(const struct names *t, struct rule_draft *d, const struct link_out *out)
{
	const struct corr_draft *c = d->corr;
	char message[512], shown[SHOWN_MAX];

	for (const struct alias *al = c->aliases; al != NULL; al = al->next) {
		bool known = false;

		for (uint32_t i = 0; i < c->c.rule_count; i++)
			known |= is_called(&t->drafts[c->c.rules[i]].rule, al->rule);
		if (known)
			continue;
		(void)snprintf(message, sizeof message, "alias names the rule \"%s\", which is not one of "
		    "the correlation's", tsn_slice_escape(al->rule, shown, sizeof shown));
		return drop(d, out, false, al->line, message);
	}
	return TSN_OK;
}

/* A window has the values it is grouped by, and no others. */
static enum tsn_code
note_groups(const struct names *t, const struct rule_draft *d, const struct link_out *out)
{
	const struct tsn_correlation *c = &d->corr->c;
	char message[512], field[SHOWN_MAX], name[SHOWN_MAX];

	for (uint32_t j = 0; j < c->rule_count; j++) {
		const struct rule_draft *other = &t->drafts[c->rules[j]];

		for (uint32_t i = 0; other->corr != NULL && i < c->group_count; i++) {
			struct tsn_slice wanted = c->group_fields[i * c->rule_count + j];
			bool known = false;

			for (uint32_t k = 0; k < other->corr->c.group_count; k++)
				known |= tsn_slice_eq(other->corr->c.group_by[k], wanted);
			if (known)
				continue;
			(void)snprintf(message, sizeof message, "group-by \"%s\" is not in the group-by of the "
			    "correlation \"%s\": its windows belong to no group here",
			    tsn_slice_escape(wanted, field, sizeof field),
			    tsn_slice_escape(other->rule.name, name, sizeof name));
			TSN_TRY(out->problem(out->ctx, TSN_PROBLEM_NOTE, d->rule.file, d->corr->line, message));
		}
	}
	return TSN_OK;
}

/* Levels of correlations from here down, 0 of a plain rule; LEVELS_BAD: a circle, or too many. */
#define LEVELS_NEW 0u
#define LEVELS_ON_WAY 254u
#define LEVELS_BAD 255u

static unsigned char
levels_of(const struct names *t, uint32_t index, unsigned char *state, uint32_t depth)
{
	const struct rule_draft *d = &t->drafts[index];
	unsigned char most = 0;

	if (d->corr == NULL || d->corr->c.rules == NULL)
		return 0;
	if (state[index] == LEVELS_ON_WAY || depth > TSN_CORR_CHAIN_MAX)
		return LEVELS_BAD;
	if (state[index] != LEVELS_NEW)
		return state[index];
	state[index] = LEVELS_ON_WAY;
	for (uint32_t i = 0; i < d->corr->c.rule_count && most != LEVELS_BAD; i++) {
		unsigned char levels = levels_of(t, d->corr->c.rules[i], state, depth + 1);

		most = levels > most ? levels : most;
	}
	state[index] = LEVELS_NEW;
	/* What is found bad from above may be good by itself: it is looked at again. */
	if (most != LEVELS_BAD && most < TSN_CORR_CHAIN_MAX)
		state[index] = (unsigned char)(most + 1);
	return most < TSN_CORR_CHAIN_MAX ? (unsigned char)(most + 1) : LEVELS_BAD;
}

static enum tsn_code
link_correlation(struct tsn_arena *a, const struct names *t, struct rule_draft *d,
    const struct link_out *out)
{
	struct corr_draft *c = d->corr;
	struct tsn_err err = {0};
	enum tsn_code code;

	TSN_TRY(resolve_refs(a, t, d, out));
	if (d->dropped)
		return TSN_OK;
	TSN_TRY(check_aliases(t, d, out));
	if (d->dropped)
		return TSN_OK;
	TSN_TRY(resolve_fields(a, t, c));
	TSN_TRY(note_groups(t, d, out));
	if (c->expr_text.len > 0) {
		code = tsn_rule_int_corr_expr(a, c->expr_text, c->line, c->refs, c->c.rule_count,
		    &c->c.expr, &err);
		if (code == TSN_ENOMEM)
			return code;
		if (code != TSN_OK)
			return drop(d, out, false, c->line, err.msg);
	}
	d->rule.correlation = &c->c;
	return TSN_OK;
}

/* A correlation falls with what it refers to; again until nothing falls. */
static enum tsn_code
drop_dependents(const struct names *t, uint32_t count, const struct link_out *out)
{
	bool again = true;

	while (again) {
		again = false;
		for (uint32_t i = 0; i < count; i++) {
			struct rule_draft *d = &t->drafts[i];

			if (d->dropped || d->corr == NULL)
				continue;
			for (uint32_t k = 0; k < d->corr->c.rule_count && !d->dropped; k++) {
				const struct rule_draft *other = &t->drafts[d->corr->c.rules[k]];

				if (!other->dropped)
					continue;
				TSN_TRY(drop(d, out, other->skipped, d->corr->line, other->skipped
				    ? "correlation of a rule that was skipped"
				    : "correlation of a rule that failed"));
				again = true;
			}
		}
	}
	return TSN_OK;
}

static void
set_generate(const struct names *t, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct rule_draft *d = &t->drafts[i];

		if (d->dropped || d->corr == NULL)
			continue;
		for (uint32_t k = 0; k < d->corr->c.rule_count; k++) {
			struct rule_draft *other = &t->drafts[d->corr->c.rules[k]];

			other->referred = true;
			other->wanted |= d->corr->c.generate;
		}
	}
	for (uint32_t i = 0; i < count; i++)
		if (t->drafts[i].referred && !t->drafts[i].wanted)
			t->drafts[i].rule.generate = false;
}

enum tsn_code
tsn_rule_int_link(struct tsn_arena *a, struct rule_draft *drafts, uint32_t draft_count,
    struct filter_draft *filters, uint32_t filter_count, const struct link_out *out,
    struct tsn_err *err)
{
	struct names t = {.mask = 63, .drafts = drafts};
	unsigned char *state = calloc(draft_count + 1, 1);
	enum tsn_code code = TSN_OK;

	while (t.mask < 4 * (uint64_t)draft_count)
		t.mask = 2 * t.mask + 1;
	t.slots = calloc((size_t)t.mask + 1, sizeof *t.slots);
	if (t.slots == NULL || state == NULL)
		code = TSN_ENOMEM;
	if (code == TSN_OK)
		code = index_rules(&t, draft_count, out);
	if (code == TSN_OK)
		code = apply_filters(a, &t, draft_count, filters, filter_count, out);
	for (uint32_t i = 0; i < draft_count && code == TSN_OK; i++)
		if (!drafts[i].dropped && drafts[i].corr != NULL)
			code = link_correlation(a, &t, &drafts[i], out);
	for (uint32_t i = 0; i < draft_count && code == TSN_OK; i++)
		if (!drafts[i].dropped && levels_of(&t, i, state, 0) == LEVELS_BAD)
			code = drop(&drafts[i], out, false, drafts[i].rule.line,
			    "correlations refer to each other in a circle, or in a chain of more than 16");
	if (code == TSN_OK)
		code = drop_dependents(&t, draft_count, out);
	if (code == TSN_OK)
		set_generate(&t, draft_count);
	free(state);
	free(t.slots);
	return code == TSN_ENOMEM ? tsn_rule_int_no_memory(err) : code;
}
