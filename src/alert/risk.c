#include "alert/risk.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <stdlib.h>

#include "base/buf.h"

#define HITS_MAX 262144u
#define ENTITIES_MAX 100000u
#define ENTRIES_MAX 4096u
#define BUCKETS 65536u
/* Rules whose part is told by name. */
#define RULES_TOLD 3u
#define RULES_KEPT 16u
#define NAME_BUCKETS 1024u
#define SCORE_MAX 1e12

/* A rule's name, kept as long as the table. */
struct name {
	struct name *chain;
	uint64_t hash;
	uint32_t len;
	char text[];
};

struct hit {
	uint64_t alert[2];
	int64_t time_ns;
	double score;
	const struct name *rule;
	uint32_t kind;			/* index into the configuration's entities */
	uint32_t value_len;
	char value[];
};

struct entry {
	uint64_t alert[2];
	int64_t time_ns;
	double counted;			/* what of its score counts */
	const struct name *rule;
};

/* What one rule added to the risk alert that is open. */
struct part {
	const struct name *rule;
	uint64_t count;
	double score;
};

struct entity {
	struct entity *chain;		/* of its bucket */
	struct entity *older, *newer;	/* by last touch */
	uint64_t hash;
	uint32_t kind;
	uint32_t value_len;
	int64_t newest_ns;
	struct entry *entries;		/* by time; those that no risk alert has counted */
	uint32_t count, cap;
	bool fired;
	int64_t fired_ns;		/* the cool-down begins */
	int64_t restored_ns;		/* older hits were counted before a restart */
	uint64_t id[2];
	int64_t first_ns, last_ns;
	double score;
	uint64_t alerts;
	uint64_t ids[TSN_FINDING_EVENTS_MAX][2];
	uint32_t id_count;
	uint64_t last_alert[2];		/* judged last: delivered twice it comes next */
	struct part parts[RULES_KEPT];
	uint32_t part_count;
	char value[TSN_RISK_VALUE_MAX];
};

struct tsn_risk {
	struct tsn_risk_options o;
	struct tsn_rule rule;
	struct hit **heap;
	uint32_t heap_count, heap_cap;
	struct name *names[NAME_BUCKETS];
	struct entity **buckets;
	struct entity *oldest, *newest;
	struct tsn_risk_stats stats;
	int64_t now_ns;			/* hits up to here have been judged */
	struct tsn_buf reason;
};

enum tsn_code
tsn_risk_new(const struct tsn_risk_options *o, struct tsn_risk **ret, struct tsn_err *err)
{
	struct tsn_risk *r = calloc(1, sizeof *r);

	if (r != NULL)
		r->buckets = calloc(BUCKETS, sizeof(struct entity *));
	if (r == NULL || r->buckets == NULL) {
		free(r);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	r->o = *o;
	r->now_ns = TSN_TIME_NONE;
	r->rule = (struct tsn_rule){.id = TSN_SLICE("tocsin.risk"), .version = TSN_SLICE("1"),
	    .name = TSN_SLICE("Risk of an entity"), .ruleset = TSN_SLICE("tocsin"),
	    .level = o->config->level, .generate = true};
	tsn_buf_init(&r->reason, 4096);
	*ret = r;
	return TSN_OK;
}

static void
unlink_entity(struct tsn_risk *r, struct entity *e)
{
	*(e->older == NULL ? &r->oldest : &e->older->newer) = e->newer;
	*(e->newer == NULL ? &r->newest : &e->newer->older) = e->older;
	e->older = e->newer = NULL;
}

static void
free_entity(struct tsn_risk *r, struct entity *e)
{
	struct entity **at = &r->buckets[e->hash % BUCKETS];

	while (*at != e)
		at = &(*at)->chain;
	*at = e->chain;
	unlink_entity(r, e);
	r->stats.entities--;
	free(e->entries);
	free(e);
}

void
tsn_risk_free(struct tsn_risk *r)
{
	if (r == NULL)
		return;
	while (r->oldest != NULL)
		free_entity(r, r->oldest);
	for (uint32_t i = 0; i < r->heap_count; i++)
		free(r->heap[i]);
	for (uint32_t i = 0; i < NAME_BUCKETS; i++)
		while (r->names[i] != NULL) {
			struct name *next = r->names[i]->chain;

			free(r->names[i]);
			r->names[i] = next;
		}
	free(r->heap);
	free(r->buckets);
	tsn_buf_done(&r->reason);
	free(r);
}

const struct tsn_rule *
tsn_risk_rule(const struct tsn_risk *r)
{
	return &r->rule;
}

void
tsn_risk_stats_get(const struct tsn_risk *r, struct tsn_risk_stats *ret)
{
	*ret = r->stats;
}

static int64_t
plus(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static int64_t
minus(int64_t a, int64_t b)
{
	int64_t d;

	return __builtin_sub_overflow(a, b, &d) ? INT64_MIN : d;
}

/* Names of users and hosts differ in case alone where they are the same. */
static uint64_t
hash_value(uint32_t kind, const char *value, uint32_t len)
{
	char folded[TSN_RISK_VALUE_MAX];

	for (uint32_t i = 0; i < len; i++)
		folded[i] = tsn_lower(value[i]);
	return XXH3_64bits_withSeed(folded, len, kind + 1);
}

static bool
same_value(const struct entity *e, const char *value, uint32_t len)
{
	return tsn_slice_eq_nocase(tsn_slice_of(e->value, e->value_len), tsn_slice_of(value, len));
}

/* Tells of what is open as it is now. */
static void
put_span(struct tsn_buf *b, int64_t ns)
{
	int64_t sec = ns / TSN_NS_PER_SEC;

	if (sec >= 2 * 86400)
		tsn_buf_printf(b, "%lld days", (long long)(sec / 86400));
	else if (sec >= 2 * 3600)
		tsn_buf_printf(b, "%lld hours", (long long)(sec / 3600));
	else if (sec >= 120)
		tsn_buf_printf(b, "%lld minutes", (long long)(sec / 60));
	else
		tsn_buf_printf(b, "%lld second%s", (long long)sec, sec == 1 ? "" : "s");
}

static void
put_text(struct tsn_buf *b, const char *text, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		tsn_buf_char(b, (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i]);
}

static int
by_score(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	if (x->score > y->score || x->score < y->score)
		return x->score > y->score ? -1 : 1;
	return x->rule->hash < y->rule->hash ? -1 : x->rule->hash > y->rule->hash;
}

/* "user.name root: 7 alerts with a risk of 130 in 3 hours; at least 100 within 24 hours ...". */
static struct tsn_slice
reason_of(struct tsn_risk *r, struct entity *e)
{
	const struct tsn_risk_config *c = r->o.config;
	struct tsn_buf *b = &r->reason;
	struct part parts[RULES_KEPT];

	memcpy(parts, e->parts, sizeof parts);
	qsort(parts, e->part_count, sizeof *parts, by_score);
	tsn_buf_reset(b);
	tsn_buf_slice(b, c->entities[e->kind].name);
	tsn_buf_lit(b, " \"");
	put_text(b, e->value, e->value_len);
	tsn_buf_printf(b, "\" has a risk of %.15g from %llu alert%s in ", e->score,
	    (unsigned long long)e->alerts, e->alerts == 1 ? "" : "s");
	put_span(b, minus(e->last_ns, e->first_ns));
	tsn_buf_printf(b, "; told of from %.15g within ", c->threshold);
	put_span(b, c->window_ns);
	for (uint32_t i = 0; i < e->part_count && i < RULES_TOLD; i++) {
		tsn_buf_slice(b, i == 0 ? TSN_SLICE("; most by ") : TSN_SLICE(", "));
		put_text(b, parts[i].rule->text, parts[i].rule->len);
		tsn_buf_printf(b, " (%llu, %.15g)", (unsigned long long)parts[i].count, parts[i].score);
	}
	return tsn_buf_get(b);
}

static enum tsn_code
tell(struct tsn_risk *r, struct entity *e, bool update)
{
	const struct tsn_finding_group group = {r->o.config->entities[e->kind].name,
	    tsn_slice_of(e->value, e->value_len)};

	return r->o.raise(r->o.ctx, &(struct tsn_finding){.rule = &r->rule, .id = {e->id[0], e->id[1]},
	    .first_seen_ns = e->first_ns, .last_seen_ns = e->last_ns, .count = e->alerts,
	    .group = &group, .group_count = 1, .event_count = e->id_count,
	    .events = (const uint64_t(*)[2])e->ids, .update = update, .risk_score = e->score,
	    .reason = reason_of(r, e)});
}

/* The cool-down is over. */
static enum tsn_code
close_fire(struct tsn_risk *r, struct entity *e)
{
	enum tsn_code code = r->o.once ? tell(r, e, false) : TSN_OK;

	e->fired = false;
	e->count = 0;
	e->part_count = e->id_count = 0;
	return code;
}

/* Entities that nothing can belong to any more; the oldest first. */
static enum tsn_code
expire(struct tsn_risk *r)
{
	const struct tsn_risk_config *c = r->o.config;
	int64_t keep = plus(c->window_ns, c->cooldown_ns);
	struct entity *e;

	while ((e = r->oldest) != NULL && (plus(e->newest_ns, keep) < r->now_ns ||
	    r->stats.entities > ENTITIES_MAX)) {
		r->stats.evicted += plus(e->newest_ns, keep) >= r->now_ns;
		if (e->fired)
			TSN_TRY(close_fire(r, e));
		free_entity(r, e);
	}
	return TSN_OK;
}

static struct entity *
get_entity(struct tsn_risk *r, uint32_t kind, const char *value, uint32_t len)
{
	uint64_t hash = hash_value(kind, value, len);
	struct entity *e = r->buckets[hash % BUCKETS];

	while (e != NULL && (e->hash != hash || e->kind != kind || !same_value(e, value, len)))
		e = e->chain;
	if (e == NULL) {
		e = calloc(1, sizeof *e);
		if (e == NULL)
			return NULL;
		e->hash = hash;
		e->kind = kind;
		e->newest_ns = e->restored_ns = TSN_TIME_NONE;
		e->value_len = len;
		memcpy(e->value, value, len);
		e->chain = r->buckets[hash % BUCKETS];
		r->buckets[hash % BUCKETS] = e;
		r->stats.entities++;
	} else {
		unlink_entity(r, e);
	}
	e->older = r->newest;
	*(r->newest == NULL ? &r->oldest : &r->newest->newer) = e;
	r->newest = e;
	return e;
}

static bool
knows(const struct entity *e, const uint64_t alert[2])
{
	if (e->last_alert[0] == alert[0] && e->last_alert[1] == alert[1])
		return true;
	for (uint32_t i = 0; i < e->count; i++)
		if (e->entries[i].alert[0] == alert[0] && e->entries[i].alert[1] == alert[1])
			return true;
	for (uint32_t i = 0; e->fired && i < e->id_count; i++)
		if (e->ids[i][0] == alert[0] && e->ids[i][1] == alert[1])
			return true;
	return false;
}

/* Adds to the risk alert that is open; what one rule may add is limited. */
static void
absorb(const struct tsn_risk_config *c, struct entity *e, const struct entry *x)
{
	double score = x->counted;
	uint32_t i = 0;

	while (i < e->part_count && e->parts[i].rule != x->rule)
		i++;
	if (i == e->part_count && i < RULES_KEPT)
		e->parts[e->part_count++] = (struct part){.rule = x->rule};
	if (i < RULES_KEPT) {
		if (c->rule_max > 0 && e->parts[i].score + score > c->rule_max)
			score = e->parts[i].score >= c->rule_max ? 0 : c->rule_max - e->parts[i].score;
		e->parts[i].count++;
		e->parts[i].score += score;
	}
	e->alerts++;
	e->score += score;
	e->first_ns = x->time_ns < e->first_ns ? x->time_ns : e->first_ns;
	e->last_ns = x->time_ns > e->last_ns ? x->time_ns : e->last_ns;
	if (e->id_count < TSN_FINDING_EVENTS_MAX)
		memcpy(e->ids[e->id_count++], x->alert, sizeof e->ids[0]);
}

static void
drop_before(struct entity *e, int64_t time_ns)
{
	uint32_t n = 0;

	while (n < e->count && e->entries[n].time_ns <= time_ns)
		n++;
	if (n > 0)
		memmove(e->entries, e->entries + n, (e->count - n) * sizeof *e->entries);
	e->count -= n;
}

/* In its place by time; what one rule may add is limited. */
static enum tsn_code
insert(const struct tsn_risk_config *c, struct entity *e, struct entry x)
{
	double so_far = 0;
	uint32_t at;

	if (e->count == ENTRIES_MAX)
		drop_before(e, e->entries[0].time_ns);
	if (e->count == e->cap) {
		uint32_t cap = e->cap == 0 ? 8 : 2 * e->cap;
		struct entry *more = realloc(e->entries, cap * sizeof *more);

		if (more == NULL)
			return TSN_ENOMEM;
		e->entries = more;
		e->cap = cap;
	}
	for (uint32_t i = 0; c->rule_max > 0 && i < e->count; i++)
		if (e->entries[i].rule == x.rule)
			so_far += e->entries[i].counted;
	if (c->rule_max > 0 && so_far + x.counted > c->rule_max)
		x.counted = so_far >= c->rule_max ? 0 : c->rule_max - so_far;
	for (at = e->count; at > 0 && e->entries[at - 1].time_ns > x.time_ns; at--)
		e->entries[at] = e->entries[at - 1];
	e->entries[at] = x;
	e->count++;
	return TSN_OK;
}

static void
make_id(const struct tsn_risk *r, struct entity *e, const struct entry *x)
{
	struct tsn_slice name = r->o.config->entities[e->kind].name;
	uint64_t parts[5] = {XXH3_64bits(name.ptr, name.len), e->hash, x->alert[0], x->alert[1],
	    (uint64_t)x->time_ns};
	XXH128_hash_t id = XXH3_128bits(parts, sizeof parts);

	e->id[0] = id.high64;
	e->id[1] = id.low64;
}

/* The threshold is reached by this one. */
static enum tsn_code
fire(struct tsn_risk *r, struct entity *e, const struct entry *x)
{
	e->fired = true;
	e->fired_ns = x->time_ns;
	e->first_ns = e->entries[0].time_ns;
	e->last_ns = x->time_ns;
	e->score = 0;
	e->alerts = 0;
	e->part_count = e->id_count = 0;
	make_id(r, e, x);
	for (uint32_t i = 0; i < e->count; i++)
		absorb(r->o.config, e, &e->entries[i]);
	e->count = 0;
	if (r->o.fired != NULL)
		TSN_TRY(r->o.fired(r->o.ctx, &(struct tsn_risk_fire){.id = {e->id[0], e->id[1]},
		    .time_ns = e->fired_ns, .first_ns = e->first_ns,
		    .entity = r->o.config->entities[e->kind].name,
		    .value = tsn_slice_of(e->value, e->value_len)}));
	return r->o.once ? TSN_OK : tell(r, e, false);
}

static enum tsn_code
count_in(struct tsn_risk *r, struct entity *e, const struct entry *x)
{
	const struct tsn_risk_config *c = r->o.config;
	int64_t from = minus(e->newest_ns, c->window_ns);
	double sum = 0;

	drop_before(e, from);
	if (x->time_ns <= from)
		return TSN_OK;
	TSN_TRY(insert(c, e, *x));
	for (uint32_t i = 0; i < e->count; i++)
		sum += e->entries[i].counted;
	return sum >= c->threshold ? fire(r, e, x) : TSN_OK;
}

static enum tsn_code
judge(struct tsn_risk *r, const struct hit *h)
{
	const struct tsn_risk_config *c = r->o.config;
	struct entity *e = get_entity(r, h->kind, h->value, h->value_len);
	struct entry x = {.alert = {h->alert[0], h->alert[1]}, .time_ns = h->time_ns,
	    .counted = h->score, .rule = h->rule};

	if (e == NULL)
		return TSN_ENOMEM;
	if (knows(e, x.alert) || x.time_ns < e->restored_ns)
		return TSN_OK;
	e->last_alert[0] = x.alert[0];
	e->last_alert[1] = x.alert[1];
	r->stats.hits++;
	r->stats.late += x.time_ns < r->now_ns;
	r->now_ns = x.time_ns > r->now_ns ? x.time_ns : r->now_ns;
	if (e->fired && x.time_ns >= plus(e->fired_ns, c->cooldown_ns))
		TSN_TRY(close_fire(r, e));
	e->newest_ns = x.time_ns > e->newest_ns ? x.time_ns : e->newest_ns;
	if (!e->fired)
		TSN_TRY(count_in(r, e, &x));
	else if (x.time_ns > minus(e->fired_ns, c->window_ns)) {
		absorb(c, e, &x);
		/* What is known from before a restart was told. */
		if (!r->o.once && x.time_ns > e->fired_ns)
			TSN_TRY(tell(r, e, true));
	}
	return expire(r);
}

static bool
before(const struct hit *a, const struct hit *b)
{
	int order;

	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns;
	if (a->alert[0] != b->alert[0])
		return a->alert[0] < b->alert[0];
	if (a->alert[1] != b->alert[1])
		return a->alert[1] < b->alert[1];
	if (a->kind != b->kind)
		return a->kind < b->kind;
	order = memcmp(a->value, b->value, a->value_len < b->value_len ? a->value_len : b->value_len);
	return order != 0 ? order < 0 : a->value_len < b->value_len;
}

static void
push(struct tsn_risk *r, struct hit *h)
{
	uint32_t at = r->heap_count++;

	for (; at > 0 && before(h, r->heap[(at - 1) / 2]); at = (at - 1) / 2)
		r->heap[at] = r->heap[(at - 1) / 2];
	r->heap[at] = h;
}

static struct hit *
pop(struct tsn_risk *r)
{
	struct hit *top = r->heap[0], *last = r->heap[--r->heap_count];
	uint32_t at = 0;

	for (;;) {
		uint32_t kid = at * 2 + 1;

		if (kid + 1 < r->heap_count && before(r->heap[kid + 1], r->heap[kid]))
			kid++;
		if (kid >= r->heap_count || !before(r->heap[kid], last))
			break;
		r->heap[at] = r->heap[kid];
		at = kid;
	}
	if (r->heap_count > 0)
		r->heap[at] = last;
	return top;
}

static enum tsn_code
judge_first(struct tsn_risk *r)
{
	struct hit *h = pop(r);
	enum tsn_code code = judge(r, h);

	free(h);
	return code;
}

static const struct name *
intern(struct tsn_risk *r, struct tsn_slice rule)
{
	uint32_t len = rule.len > TSN_RISK_RULE_MAX ? TSN_RISK_RULE_MAX : (uint32_t)rule.len;
	uint64_t hash = XXH3_64bits(len == 0 ? "" : rule.ptr, len);
	struct name *n = r->names[hash % NAME_BUCKETS];

	while (n != NULL && n->hash != hash)
		n = n->chain;
	if (n != NULL)
		return n;
	n = malloc(sizeof *n + len + 1);
	if (n == NULL)
		return NULL;
	*n = (struct name){.chain = r->names[hash % NAME_BUCKETS], .hash = hash, .len = len};
	if (len > 0)
		memcpy(n->text, rule.ptr, len);
	r->names[hash % NAME_BUCKETS] = n;
	return n;
}

/* UINT32_MAX: none of the configuration's. */
static uint32_t
kind_of(const struct tsn_risk *r, struct tsn_slice entity)
{
	for (uint32_t i = 0; i < r->o.config->entity_count; i++)
		if (tsn_slice_eq(r->o.config->entities[i].name, entity))
			return i;
	return UINT32_MAX;
}

enum tsn_code
tsn_risk_add(struct tsn_risk *r, const struct tsn_risk_hit *hit)
{
	uint32_t kind = kind_of(r, hit->entity);
	uint32_t len = hit->value.len > TSN_RISK_VALUE_MAX ? TSN_RISK_VALUE_MAX :
	    (uint32_t)hit->value.len;
	const struct name *rule;
	struct hit *h;

	if (kind == UINT32_MAX || len == 0 || !(hit->score > 0))
		return TSN_OK;
	if (r->heap_count == r->heap_cap) {
		uint32_t cap = r->heap_cap == 0 ? 64 : 2 * r->heap_cap;
		struct hit **more = reallocarray(r->heap, cap, sizeof(struct hit *));

		if (more == NULL)
			return TSN_ENOMEM;
		r->heap = more;
		r->heap_cap = cap;
	}
	rule = intern(r, hit->rule);
	h = malloc(sizeof *h + len);
	if (rule == NULL || h == NULL) {
		free(h);
		return TSN_ENOMEM;
	}
	*h = (struct hit){.alert = {hit->alert[0], hit->alert[1]}, .time_ns = hit->time_ns,
	    .score = hit->score, .rule = rule, .kind = kind, .value_len = len};
	memcpy(h->value, hit->value.ptr, len);
	push(r, h);
	/* When no more can wait the oldest is judged before its time. */
	return r->heap_count > HITS_MAX ? judge_first(r) : TSN_OK;
}

enum tsn_code
tsn_risk_alert(struct tsn_risk *r, const struct tsn_event *doc, const struct tsn_finding *finding,
    double score, enum tsn_code (*each)(void *ctx, const struct tsn_risk_hit *hit), void *ctx)
{
	const struct tsn_risk_config *c = r->o.config;

	/* Sums stay numbers. */
	score = score > SCORE_MAX ? SCORE_MAX : score;
	for (uint32_t i = 0; i < c->entity_count && score > 0; i++) {
		const struct tsn_field *f = NULL;
		char scratch[TSN_TIME_TEXT_MAX];
		struct tsn_risk_hit hit = {.alert = {finding->id[0], finding->id[1]}, .score = score,
		    .time_ns = finding->fired_ns, .entity = c->entities[i].name,
		    .rule = finding->rule->name};

		for (uint32_t k = 0; k < c->entities[i].key_count && f == NULL; k++)
			f = tsn_event_find(doc, c->entities[i].keys[k]);
		if (f == NULL)
			continue;
		hit.value = tsn_slice_trim(tsn_field_text(f, scratch));
		if (hit.value.len == 0 || tsn_slice_eq(hit.value, TSN_SLICE("-")))
			continue;
		if (hit.value.len > TSN_RISK_VALUE_MAX)
			hit.value.len = TSN_RISK_VALUE_MAX;
		TSN_TRY(tsn_risk_add(r, &hit));
		if (each != NULL)
			TSN_TRY(each(ctx, &hit));
	}
	return TSN_OK;
}

enum tsn_code
tsn_risk_restore(struct tsn_risk *r, const struct tsn_risk_fire *fire)
{
	uint32_t kind = kind_of(r, fire->entity);
	struct entity *e;

	if (kind == UINT32_MAX || fire->value.len == 0 || fire->value.len > TSN_RISK_VALUE_MAX)
		return TSN_OK;
	e = get_entity(r, kind, fire->value.ptr, (uint32_t)fire->value.len);
	if (e == NULL)
		return TSN_ENOMEM;
	if (e->fired && e->fired_ns >= fire->time_ns)
		return TSN_OK;
	e->fired = true;
	e->id[0] = fire->id[0];
	e->id[1] = fire->id[1];
	e->fired_ns = e->last_ns = e->newest_ns = fire->time_ns;
	e->first_ns = fire->first_ns;
	e->restored_ns = fire->first_ns;
	return TSN_OK;
}

enum tsn_code
tsn_risk_advance(struct tsn_risk *r, int64_t mark_ns)
{
	while (r->heap_count > 0 && r->heap[0]->time_ns <= mark_ns)
		TSN_TRY(judge_first(r));
	return TSN_OK;
}

enum tsn_code
tsn_risk_finish(struct tsn_risk *r)
{
	while (r->heap_count > 0)
		TSN_TRY(judge_first(r));
	while (r->oldest != NULL) {
		if (r->oldest->fired)
			TSN_TRY(close_fire(r, r->oldest));
		free_entity(r, r->oldest);
	}
	return TSN_OK;
}
