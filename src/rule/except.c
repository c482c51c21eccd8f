/* Exceptions: documents with `exception:`, and which rules they are about (rule/exception.h). */
#include <stdio.h>

#include "base/time.h"
#include "rule/load_int.h"

#define EXPECTED_TIME "expected a date such as 2027-01-31, or a time such as 2027-01-31T18:00:00Z"

static const char *const known[] = {"id", "title", "description", "reason", "author", "created",
    "expires", "references", "taxonomy", "exception"};
static const struct tsn_slice words[] = {{"condition", 9}, {"rules", 5}, {"tags", 4}};

static enum tsn_code
check_keys(const struct tsn_yaml *doc, struct tsn_err *err)
{
	char shown[SHOWN_MAX];

	for (const struct tsn_yaml *n = doc->first; n != NULL; n = n->next) {
		const char *near;
		size_t i = 0;

		while (i < TSN_COUNT(known) && !tsn_slice_eq(n->key, tsn_slice_cstr(known[i])))
			i++;
		if (i < TSN_COUNT(known))
			continue;
		near = tsn_rule_int_nearest(n->key, known, TSN_COUNT(known));
		TSN_FAIL_AT(err, TSN_EINVAL, n->key_line, "exception: unknown key \"%s\"%s%s%s",
		    tsn_slice_escape(n->key, shown, sizeof shown), near == NULL ? "" : "; did you mean \"",
		    near == NULL ? "" : near, near == NULL ? "" : "\"?");
	}
	return TSN_OK;
}

/* A text that must be there; `why` says what for. */
static enum tsn_code
read_needed(struct tsn_arena *a, const struct tsn_yaml *doc, const char *key, const char *why,
    struct tsn_slice *ret, struct tsn_err *err)
{
	const struct tsn_yaml *n = tsn_yaml_find(doc, tsn_slice_cstr(key));
	struct tsn_slice text = tsn_slice_trim(tsn_yaml_text(n));

	if (n != NULL && n->kind >= TSN_YAML_SEQ)
		TSN_FAIL_AT(err, TSN_EINVAL, n->key_line, "exception: \"%s\" is %s; expected a text", key,
		    tsn_yaml_kind_name(n));
	if (text.len == 0)
		TSN_FAIL_AT(err, TSN_EINVAL, n == NULL ? doc->first->key_line : n->key_line,
		    "exception without \"%s\": %s", key, why);
	*ret = tsn_arena_dup(a, text);
	return ret->ptr == NULL ? tsn_rule_int_no_memory(err) : TSN_OK;
}

/* "2027-01-31" is its first instant, UTC. */
static bool
parse_time(struct tsn_slice text, int64_t *ret_ns)
{
	char day[32];
	bool zoned;

	if (text.len == 10) {
		(void)snprintf(day, sizeof day, "%.10sT00:00:00Z", text.ptr);
		return tsn_time_parse_rfc3339(tsn_slice_cstr(day), ret_ns, &zoned) == TSN_OK;
	}
	return tsn_time_parse_rfc3339(text, ret_ns, &zoned) == TSN_OK && zoned;
}

static enum tsn_code
read_times(struct tsn_arena *a, const struct tsn_yaml *doc, struct tsn_exception *x,
    struct tsn_err *err)
{
	const struct tsn_yaml *created = tsn_yaml_find(doc, TSN_SLICE("created"));
	const struct tsn_yaml *expires = tsn_yaml_find(doc, TSN_SLICE("expires"));
	struct tsn_slice text;
	char shown[SHOWN_MAX];

	TSN_TRY(read_needed(a, doc, "created", EXPECTED_TIME, &text, err));
	if (!parse_time(text, &x->created_ns))
		TSN_FAIL_AT(err, TSN_EINVAL, created->line, "exception: created is \"%s\"; " EXPECTED_TIME,
		    tsn_slice_escape(text, shown, sizeof shown));
	TSN_TRY(read_needed(a, doc, "expires", EXPECTED_TIME ", or never", &text, err));
	x->expires_ns = INT64_MAX;
	if (tsn_slice_eq_nocase(text, TSN_SLICE("never")))
		return TSN_OK;
	if (!parse_time(text, &x->expires_ns))
		TSN_FAIL_AT(err, TSN_EINVAL, expires->line, "exception: expires is \"%s\"; " EXPECTED_TIME
		    ", or never", tsn_slice_escape(text, shown, sizeof shown));
	if (x->expires_ns <= x->created_ns)
		TSN_FAIL_AT(err, TSN_EINVAL, expires->line,
		    "exception: it expires before it was created");
	return TSN_OK;
}

static enum tsn_code
read_scope(struct tsn_arena *a, const struct tsn_yaml *map, struct except_draft *d,
    struct tsn_err *err)
{
	const struct tsn_yaml *rules = tsn_yaml_find(map, TSN_SLICE("rules"));
	const struct tsn_yaml *tags = tsn_yaml_find(map, TSN_SLICE("tags"));

	TSN_TRY(tsn_rule_int_texts(a, rules, "rules", &d->refs, &d->ref_count, err));
	TSN_TRY(tsn_rule_int_texts(a, tags, "tags", &d->tags, &d->tag_count, err));
	if (d->ref_count + d->tag_count == 0)
		TSN_FAIL_AT(err, TSN_EINVAL, map->key_line,
		    "exception of no rule: expected rules (ids or names, or any), or tags");
	if (d->ref_count == 1 && rules->kind != TSN_YAML_SEQ &&
	    tsn_slice_eq_nocase(d->refs[0], TSN_SLICE("any"))) {
		d->any = true;
		d->ref_count = 0;
	}
	for (uint32_t i = 0; i < d->ref_count; i++)
		if (d->refs[i].len == 0)
			TSN_FAIL_AT(err, TSN_EINVAL, rules->line, "exception: an empty rule name");
	for (uint32_t i = 0; i < d->tag_count; i++)
		if (d->tags[i].len == 0)
			TSN_FAIL_AT(err, TSN_EINVAL, tags->line, "exception: an empty tag");
	return TSN_OK;
}

enum tsn_code
tsn_rule_int_exception(const struct reading *rd, const struct tsn_yaml *doc,
    struct except_draft *ret, struct tsn_err *err)
{
	const struct tsn_yaml *map = tsn_yaml_find(doc, TSN_SLICE("exception")), *condition;
	struct except_draft d = {.x.file = rd->file, .x.line = doc->first->key_line};
	struct tsn_arena *a = rd->arena;
	struct selection *selections;
	struct aggregation agg;
	struct tsn_slice text;
	uint32_t count;

	TSN_TRY(check_keys(doc, err));
	TSN_TRY(read_needed(a, doc, "id", "what it hides is counted under it", &d.x.id, err));
	TSN_TRY(read_needed(a, doc, "reason", "say why these alerts are not wanted", &d.x.reason, err));
	TSN_TRY(read_needed(a, doc, "author", "say who answers for it", &d.x.author, err));
	TSN_TRY(read_times(a, doc, &d.x, err));
	text = tsn_slice_trim(tsn_yaml_text(tsn_yaml_find(doc, TSN_SLICE("title"))));
	d.x.title = text.len == 0 ? d.x.id : tsn_arena_dup(a, text);
	text = tsn_slice_trim(tsn_yaml_text(tsn_yaml_find(doc, TSN_SLICE("taxonomy"))));
	d.x.paths = text.len > 0 && !tsn_slice_eq(text, TSN_SLICE("sigma"));
	if (map->kind != TSN_YAML_MAP)
		TSN_FAIL_AT(err, TSN_EINVAL, map->key_line, "exception is %s; expected a map of rules, "
		    "selections and a condition", tsn_yaml_kind_name(map));
	TSN_TRY(read_scope(a, map, &d, err));
	condition = tsn_yaml_find(map, TSN_SLICE("condition"));
	if (condition == NULL)
		TSN_FAIL_AT(err, TSN_EINVAL, map->key_line, "exception without a condition");
	TSN_TRY(tsn_rule_int_selections(rd, map, words, TSN_COUNT(words), &selections, &count, err));
	TSN_TRY(tsn_rule_int_condition(a, condition, selections, count, &d.x.condition, &agg, err));
	if (agg.function.len > 0)
		TSN_FAIL_AT(err, TSN_EINVAL, condition->line, "an exception does not aggregate");
	if (d.x.title.ptr == NULL)
		return tsn_rule_int_no_memory(err);
	*ret = d;
	return TSN_OK;
}

/* What linking needs. */
struct linker {
	struct tsn_arena *arena;
	struct rule_draft *drafts;
	uint32_t draft_count;
	const struct link_out *out;
	struct except_draft *d;
	struct tsn_exception *x;	/* as it stays in the rule set */
	const struct tsn_pred *strange;	/* an atom that a correlation knows nothing of */
};

static enum tsn_code
complain(const struct linker *l, uint32_t line, const char *message)
{
	if (l->out == NULL)
		return TSN_OK;
	l->d->dropped = true;
	return l->out->problem(l->out->ctx, TSN_PROBLEM_FAILED, l->d->x.file, line, message);
}

static enum tsn_code
attach(const struct linker *l, struct tsn_rule *r)
{
	const struct tsn_exception **list;

	for (uint32_t i = 0; i < r->exception_count; i++)
		if (r->exceptions[i] == l->x)
			return TSN_OK;
	list = tsn_arena_calloc(l->arena, r->exception_count + 1, sizeof *list);
	if (list == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < r->exception_count; i++)
		list[i] = r->exceptions[i];
	list[r->exception_count++] = l->x;
	r->exceptions = list;
	l->x->rule_count++;
	return TSN_OK;
}

/* The first atom on anything but the correlation's group-by; depth was bounded when it was read. */
static const struct tsn_pred *
strange_atom(const struct tsn_pred *p, const struct corr_draft *c)
{
	const struct tsn_pred *found = NULL;

	for (uint32_t i = 0; p->op != TSN_PRED_ATOM && i < p->kid_count && found == NULL; i++)
		found = strange_atom(p->kids[i], c);
	if (p->op != TSN_PRED_ATOM)
		return found;
	for (uint32_t i = 0; i < c->c.group_count; i++)
		if (tsn_slice_eq(c->c.group_by[i], p->atom.field))
			return NULL;
	return p;
}

/* The parts that a rule was cut into (old aggregations, suppression) judge its single events. */
static enum tsn_code
apply(struct linker *l, struct rule_draft *d, struct tsn_slice whole, uint32_t depth)
{
	bool parts = false;

	if (d->dropped)
		return TSN_OK;
	if (d->corr == NULL)
		return attach(l, &d->rule);
	for (uint32_t i = 0; i < d->corr->c.rule_count && depth < TSN_RULE_DEPTH_MAX; i++) {
		struct rule_draft *part = &l->drafts[d->corr->c.rules == NULL ? 0 : d->corr->c.rules[i]];
		struct tsn_slice id = part->rule.id;

		if (d->corr->c.rules == NULL || id.len <= whole.len || !tsn_slice_starts(id, whole) ||
		    id.ptr[whole.len] != '/')
			continue;
		parts = true;
		TSN_TRY(apply(l, part, whole, depth + 1));
	}
	if (parts)
		return TSN_OK;
	l->strange = strange_atom(l->x->condition, d->corr);
	return l->strange != NULL ? TSN_OK : attach(l, &d->rule);
}

static enum tsn_code
complain_of_field(struct linker *l, const struct tsn_rule *r, const struct corr_draft *c)
{
	const struct tsn_atom *a = &l->strange->atom;
	char message[TSN_ERR_MSG_MAX], groups[256] = "", field[64], name[SHOWN_MAX];
	size_t at = 0;

	for (uint32_t i = 0; i < c->c.group_count && at + 1 < sizeof groups; i++)
		at += (size_t)snprintf(groups + at, sizeof groups - at, "%s%s", i == 0 ? "" : ", ",
		    tsn_slice_escape(c->c.group_by[i], field, sizeof field));
	(void)snprintf(message, sizeof message, "exception asks for %s%s%s, but of the correlation "
	    "\"%s\" it can ask for what that groups by: %s",
	    a->field.len == 0 ? "words of the record" : "\"",
	    tsn_slice_escape(a->field, field, sizeof field), a->field.len == 0 ? "" : "\"",
	    tsn_slice_escape(r->name, name, sizeof name), c->c.group_count == 0 ? "nothing" : groups);
	return complain(l, (uint32_t)a->at, message);
}

static bool
is_part(const struct linker *l, uint32_t index)
{
	const struct tsn_rule *r = &l->drafts[index].rule;

	/* Parts carry all of their rule but its name and id. */
	for (uint32_t i = 0; i < l->draft_count; i++) {
		const struct tsn_rule *w = &l->drafts[i].rule;

		if (i != index && w->file.ptr == r->file.ptr && w->line == r->line &&
		    r->id.len > w->id.len && tsn_slice_starts(r->id, w->id) && r->id.ptr[w->id.len] == '/')
			return true;
	}
	return false;
}

/* Rules called so: by id, by name, by title. */
static enum tsn_code
apply_named(struct linker *l, struct tsn_slice name)
{
	char message[TSN_ERR_MSG_MAX], shown[SHOWN_MAX];
	bool any = false;

	for (uint32_t i = 0; i < l->draft_count; i++) {
		struct rule_draft *d = &l->drafts[i];
		const struct tsn_rule *r = &d->rule;

		if (!tsn_slice_eq(r->id, name) && !tsn_slice_eq(r->short_name, name) &&
		    (!tsn_slice_eq(r->name, name) || is_part(l, i)))
			continue;
		any = any || !d->dropped;
		l->strange = NULL;
		TSN_TRY(apply(l, d, r->id, 0));
		if (l->strange != NULL)
			return complain_of_field(l, r, d->corr);
	}
	if (any)
		return TSN_OK;
	(void)snprintf(message, sizeof message, "exception names the rule \"%s\", which is not loaded",
	    tsn_slice_escape(name, shown, sizeof shown));
	return complain(l, l->d->x.line, message);
}

static bool
has_tag(const struct tsn_rule *r, struct tsn_slice tag)
{
	for (uint32_t i = 0; i < r->tag_count; i++)
		if (tsn_slice_eq_nocase(r->tags[i], tag))
			return true;
	return false;
}

/* Rules with the tag (empty: all); of correlations those that group by what is asked for. */
static enum tsn_code
apply_tagged(struct linker *l, struct tsn_slice tag)
{
	char message[TSN_ERR_MSG_MAX], shown[SHOWN_MAX];
	uint32_t before = l->x->rule_count;

	for (uint32_t i = 0; i < l->draft_count; i++)
		if (tag.len == 0 || has_tag(&l->drafts[i].rule, tag))
			TSN_TRY(apply(l, &l->drafts[i], l->drafts[i].rule.id, 0));
	if (l->x->rule_count > before)
		return TSN_OK;
	(void)snprintf(message, sizeof message, tag.len == 0 ? "exception applies to no rule%s"
	    : "exception names the tag \"%s\", which no rule has that it can apply to",
	    tsn_slice_escape(tag, shown, sizeof shown));
	return complain(l, l->d->x.line, message);
}

static enum tsn_code
link_one(struct linker *l, uint32_t index, const struct except_draft *all)
{
	char message[TSN_ERR_MSG_MAX];

	for (uint32_t i = 0; i < index; i++) {
		if (!tsn_slice_eq(all[i].x.id, l->d->x.id))
			continue;
		(void)snprintf(message, sizeof message, "id of another exception, which is at %.*s:%u",
		    (int)(all[i].x.file.len > 300 ? 300 : all[i].x.file.len), all[i].x.file.ptr,
		    all[i].x.line);
		return complain(l, l->d->x.line, message);
	}
	for (uint32_t i = 0; i < l->d->ref_count && !l->d->dropped; i++)
		TSN_TRY(apply_named(l, l->d->refs[i]));
	for (uint32_t i = 0; i < l->d->tag_count && !l->d->dropped; i++)
		TSN_TRY(apply_tagged(l, l->d->tags[i]));
	return l->d->any && !l->d->dropped ? apply_tagged(l, TSN_SLICE_NONE) : TSN_OK;
}

enum tsn_code
tsn_rule_int_link_exceptions(struct tsn_arena *a, struct rule_draft *drafts, uint32_t draft_count,
    struct except_draft *exceptions, uint32_t count, const struct link_out *out,
    const struct tsn_exception ***ret_list)
{
	struct linker l = {.arena = a, .drafts = drafts, .draft_count = draft_count, .out = out};
	const struct tsn_exception **list = tsn_arena_calloc(a, count + 1, sizeof *list);

	if (list == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		l.d = &exceptions[i];
		l.x = tsn_arena_calloc(a, 1, sizeof *l.x);
		if (l.x == NULL)
			return TSN_ENOMEM;
		*l.x = l.d->x;
		l.x->index = i;
		list[i] = l.x;
		TSN_TRY(link_one(&l, i, exceptions));
	}
	*ret_list = list;
	return TSN_OK;
}
