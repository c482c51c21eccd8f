/* Exceptions: what a rule finds that is known and wanted is counted, and is no finding. */
#include "detect/compile_int.h"
#include "detect/corr_int.h"

struct resolver {
	struct compiler *c;
	const struct tsn_view *view;	/* NULL: names are paths */
};

static enum tsn_code
resolve(void *ctx, struct tsn_slice field, struct tsn_path *ret_paths, uint32_t *ret_count,
    struct tsn_err *err)
{
	struct resolver *r = ctx;
	struct tsn_slice texts[TSN_VIEW_PATHS_MAX];
	uint32_t count = 1;

	texts[0] = field;
	if (r->view != NULL)
		count = tsn_view_resolve(r->view, field, &r->c->p->arena, texts);
	if (count == 0)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < count; i++)
		TSN_TRY(tsn_path_parse(r->c->set->keys, texts[i], &ret_paths[i], err));
	*ret_count = count;
	return TSN_OK;
}

enum tsn_code
tsn_except_compile(struct compiler *c, struct unit *u)
{
	const struct tsn_rule *rule = &c->set->rules->rules[u->rule];

	if (rule->exception_count == 0)
		return TSN_OK;
	u->excepts = tsn_arena_calloc(&c->p->arena, rule->exception_count, sizeof *u->excepts);
	if (u->excepts == NULL)
		TSN_FAIL(c->err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < rule->exception_count; i++) {
		const struct tsn_exception *x = rule->exceptions[i];
		struct resolver r = {c, x->paths ? NULL : u->view};
		struct tsn_match_env env = {.keys = c->set->keys, .resolve = resolve, .ctx = &r};

		TSN_TRY(tsn_match_compile(x->condition, &env, &u->excepts[i].when, c->err));
		u->excepts[i].exception = x;
		u->except_count++;
	}
	return TSN_OK;
}

enum tsn_code
tsn_except_compile_corr(struct set *set, struct corr_def *def, struct tsn_err *err)
{
	const struct tsn_rule *rule = &set->rules->rules[def->rule];
	struct tsn_match_env env = {.keys = set->keys};

	if (rule->exception_count == 0)
		return TSN_OK;
	def->excepts = tsn_arena_calloc(&set->arena, rule->exception_count, sizeof *def->excepts);
	def->group_keys = tsn_arena_calloc(&set->arena, def->c->group_count + 1, sizeof(tsn_key));
	if (def->excepts == NULL || def->group_keys == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < def->c->group_count; i++) {
		struct tsn_path path;

		TSN_TRY(tsn_path_parse(set->keys, def->c->group_by[i], &path, err));
		def->group_keys[i] = path.key;
	}
	for (uint32_t i = 0; i < rule->exception_count; i++) {
		TSN_TRY(tsn_match_compile(rule->exceptions[i]->condition, &env, &def->excepts[i].when,
		    err));
		def->excepts[i].exception = rule->exceptions[i];
		def->except_count++;
	}
	return TSN_OK;
}

enum tsn_code
tsn_except_check(const struct set *set, struct tsn_err *err)
{
	struct tsn_match_env env = {.keys = set->keys};

	for (uint32_t i = 0; i < set->rules->exception_count; i++) {
		const struct tsn_exception *x = set->rules->exceptions[i];
		struct tsn_match *m = NULL;
		enum tsn_code code = tsn_match_compile(x->condition, &env, &m, err);

		tsn_match_free(m);
		if (code != TSN_OK)
			return tsn_err_context(err, code, "%.*s:%u: exception", TSN_SLICE_ARG(x->file),
			    x->line);
	}
	return TSN_OK;
}

void
tsn_except_done(struct except *list, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		tsn_match_free(list[i].when);
}

/* Counts each exception that is true; what is read back was counted when it came. */
static bool
judge(struct tsn_detect *d, const struct except *list, uint32_t count, const struct tsn_event *ev,
    int64_t time_ns)
{
	bool any = false;

	for (uint32_t i = 0; i < count; i++) {
		const struct tsn_exception *x = list[i].exception;
		struct tsn_detect_except_stats *s = &d->except_stats[x->index];

		if ((time_ns >= x->expires_ns && !d->set->options.exceptions_forever) ||
		    !tsn_match_eval(list[i].when, &d->scratch, ev))
			continue;
		any = true;
		if (d->corr.replay)
			continue;
		if (s->hidden++ == 0 || time_ns < s->first_ns)
			s->first_ns = time_ns;
		if (s->hidden == 1 || time_ns > s->last_ns)
			s->last_ns = time_ns;
	}
	d->stats.hidden += any && !d->corr.replay;
	return any;
}

bool
tsn_except_event(struct tsn_detect *d, const struct unit *u)
{
	return judge(d, u->excepts, u->except_count, d->event, d->event->time_ns);
}

bool
tsn_except_group(struct tsn_detect *d, const struct corr_def *def, const struct group *g)
{
	struct tsn_field fields[TSN_CORR_GROUP_MAX];
	struct tsn_event ev = {.fields = fields, .time_ns = g->start_ns, .original = {"", 0}};
	uint32_t at = 0, len;

	for (uint32_t i = 0; i < def->c->group_count && at + 4 <= g->key_len; i++) {
		memcpy(&len, g->key + at, 4);
		fields[ev.field_count++] = (struct tsn_field){.key = def->group_keys[i],
		    .type = TSN_T_STR, .ptr = g->key + at + 4, .len = len};
		at += 4 + len;
	}
	return judge(d, def->excepts, def->except_count, &ev, g->start_ns);
}

bool
tsn_detect_exception_stats(const struct tsn_detect *d, uint32_t index,
    struct tsn_detect_except_stats *ret)
{
	if (index >= d->set->rules->exception_count)
		return false;
	*ret = d->except_stats[index];
	return true;
}
