#include "cmd/rules_windows.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/num.h"

#define HITS_MAX 1000000u
#define KEY_MAX 600u
#define GROUPS_SHOWN 20u

struct hit {
	int64_t time_ns;
	uint64_t line;
	uint64_t value;
	double number;
	uint32_t weight;
	uint32_t place;
	uint32_t key;		/* where the group's text begins */
};

struct tsn_windows {
	const struct tsn_ruleset *set;
	const struct tsn_rule *rule;
	const struct tsn_correlation *c;
	struct hit *hits;
	uint32_t count, cap;
	struct tsn_buf keys;	/* texts of groups, NUL behind each */
	uint64_t no_group, first_no_group;
	uint64_t no_value, first_no_value;
	bool cut;
};

/* The best window of a group: what it measured, from which hit to which. */
struct best {
	double measured;
	uint32_t from, to;
	uint64_t places;
};

struct tsn_windows *
tsn_windows_new(const struct tsn_ruleset *set, uint32_t rule)
{
	struct tsn_windows *w = calloc(1, sizeof *w);

	if (w == NULL)
		return NULL;
	w->set = set;
	w->rule = &set->rules[rule];
	w->c = w->rule->correlation;
	tsn_buf_init(&w->keys, 256u << 20);
	return w;
}

void
tsn_windows_free(struct tsn_windows *w)
{
	if (w == NULL)
		return;
	tsn_buf_done(&w->keys);
	free(w->hits);
	free(w);
}

/* "source.ip 203.0.113.7, user.name root"; false when a field is not there. */
static bool
group_text(const struct tsn_windows *w, uint32_t place, struct tsn_explain *x,
    const struct tsn_event *ev, char out[KEY_MAX])
{
	const struct tsn_correlation *c = w->c;
	size_t at = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < c->group_count && at + 1 < KEY_MAX; i++) {
		char scratch[TSN_TIME_TEXT_MAX], name[100], value[200];
		struct tsn_slice v = tsn_explain_value(x, ev, c->group_fields[i * c->rule_count + place],
		    scratch);

		if (v.ptr == NULL && !c->suppress)
			return false;
		at += (size_t)snprintf(out + at, KEY_MAX - at, "%s%s %s", i == 0 ? "" : ", ",
		    tsn_slice_escape(c->group_by[i], name, sizeof name),
		    v.len == 0 ? "(none)" : tsn_slice_escape(v, value, sizeof value));
	}
	return true;
}

static bool
read_value(const struct tsn_windows *w, uint32_t place, struct tsn_explain *x,
    const struct tsn_event *ev, struct hit *h)
{
	const struct tsn_correlation *c = w->c;
	bool sums = c->type >= TSN_CORR_VALUE_SUM && c->type <= TSN_CORR_VALUE_MEDIAN;

	h->value = 1;
	for (uint32_t i = 0; i < c->field_count; i++) {
		char scratch[TSN_TIME_TEXT_MAX];
		struct tsn_slice v = tsn_explain_value(x, ev, c->fields[i * c->rule_count + place],
		    scratch);

		if (v.ptr == NULL || (sums && tsn_num_parse_f64(tsn_slice_trim(v), &h->number) != TSN_OK))
			return false;
		h->value = tsn_hash_slice(v, h->value);
	}
	return true;
}

void
tsn_windows_add(struct tsn_windows *w, uint32_t place, struct tsn_explain *x,
    const struct tsn_event *ev, uint64_t line)
{
	struct hit h = {.time_ns = ev->time_ns, .line = line, .weight = ev->repeat, .place = place};
	char key[KEY_MAX];

	if (!group_text(w, place, x, ev, key)) {
		if (w->no_group++ == 0)
			w->first_no_group = line;
		return;
	}
	if (!read_value(w, place, x, ev, &h)) {
		if (w->no_value++ == 0)
			w->first_no_value = line;
		return;
	}
	if (w->count == w->cap) {
		uint32_t cap = w->cap == 0 ? 64 : 2 * w->cap;
		struct hit *more = w->count >= HITS_MAX ? NULL : realloc(w->hits, cap * sizeof *more);

		if (more == NULL) {
			w->cut = true;
			return;
		}
		w->hits = more;
		w->cap = cap;
	}
	h.key = (uint32_t)w->keys.len;
	tsn_buf_add(&w->keys, key, strlen(key) + 1);
	if (tsn_buf_check(&w->keys) == TSN_OK)
		w->hits[w->count++] = h;
}

static struct tsn_windows *sorting;

static int
by_group(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;
	int order = strcmp(sorting->keys.ptr + x->key, sorting->keys.ptr + y->key);

	if (order != 0)
		return order;
	return x->time_ns < y->time_ns ? -1 : x->time_ns > y->time_ns ? 1 : x->line < y->line ? -1 :
	    x->line > y->line;
}

/* What the correlation measures over hits [from, to], where that grows with each. */
static double
measure(const struct tsn_windows *w, uint32_t from, uint32_t to, uint64_t *ret_places)
{
	double sum = 0;

	*ret_places = 0;
	for (uint32_t i = from; i <= to; i++) {
		const struct hit *h = &w->hits[i];
		bool seen = false;

		*ret_places |= 1ull << h->place % 64;
		if (w->c->type == TSN_CORR_VALUE_COUNT) {
			for (uint32_t k = from; k < i && !seen; k++)
				seen = w->hits[k].value == h->value;
			sum += !seen;
		} else {
			sum += w->c->type == TSN_CORR_VALUE_SUM ? h->number : h->weight;
		}
	}
	if (w->c->type == TSN_CORR_TEMPORAL || w->c->type == TSN_CORR_TEMPORAL_ORDERED)
		sum = __builtin_popcountll(*ret_places);
	return sum;
}

/* Windows end with each hit; very long ones are not measured anew each time. */
static struct best
find_best(const struct tsn_windows *w, uint32_t begin, uint32_t end)
{
	struct best best = {.measured = -1};
	uint32_t from = begin, step = (end - begin) / 2000 + 1;

	for (uint32_t to = begin; to < end; to++) {
		uint64_t places;
		double v;

		while (w->hits[to].time_ns - w->hits[from].time_ns > w->c->timespan_ns)
			from++;
		if ((to - begin) % step != 0 && to + 1 < end)
			continue;
		v = measure(w, from, to, &places);
		if (v > best.measured)
			best = (struct best){v, from, to, places};
	}
	return best;
}

static void
print_span(int64_t ns)
{
	long long sec = (long long)(ns / 1000000000);

	if (sec % 86400 == 0 && sec > 0)
		(void)printf("%lldd", sec / 86400);
	else if (sec % 3600 == 0 && sec > 0)
		(void)printf("%lldh", sec / 3600);
	else if (sec % 60 == 0 && sec > 0)
		(void)printf("%lldm", sec / 60);
	else
		(void)printf("%llds", sec);
}

static void
print_threshold(const struct tsn_windows *w)
{
	static const char *const ops[] = {
		[TSN_CORR_GT] = "more than", [TSN_CORR_GTE] = "at least", [TSN_CORR_LT] = "less than",
		[TSN_CORR_LTE] = "at most", [TSN_CORR_EQ] = "exactly", [TSN_CORR_NEQ] = "not",
	};

	for (uint32_t i = 0; i < w->c->bound_count; i++)
		(void)printf("%s %s %.15g", i == 0 ? ";" : " and", ops[w->c->bounds[i].op],
		    w->c->bounds[i].value);
	if (w->c->bound_count > 0)
		(void)printf(" is asked for");
}

/* "met: "a"; not met: "b"" */
static void
print_places(const struct tsn_windows *w, uint64_t places)
{
	for (int met = 1; met >= 0; met--) {
		bool first = true;

		for (uint32_t i = 0; i < w->c->rule_count; i++) {
			if ((places >> i % 64 & 1) != (unsigned)met)
				continue;
			(void)printf("%s\"%.*s\"", !first ? ", " : met ? "; met: " : "; not met: ",
			    TSN_SLICE_ARG(w->set->rules[w->c->rules[i]].name));
			first = false;
		}
	}
}

static void
print_group(const struct tsn_windows *w, uint32_t begin, uint32_t end)
{
	const struct tsn_correlation *c = w->c;
	const char *key = w->keys.ptr + w->hits[begin].key;
	bool sliding = c->type == TSN_CORR_EVENT_COUNT || c->type == TSN_CORR_VALUE_COUNT ||
	    c->type == TSN_CORR_VALUE_SUM || c->type == TSN_CORR_TEMPORAL ||
	    c->type == TSN_CORR_TEMPORAL_ORDERED;
	struct best b;

	(void)printf("    %s%s%u record%s", key, key[0] == '\0' ? "" : ": ", end - begin,
	    end - begin == 1 ? "" : "s");
	if (!sliding || c->suppress) {
		(void)printf("\n");
		return;
	}
	b = find_best(w, begin, end);
	if (c->type == TSN_CORR_TEMPORAL || c->type == TSN_CORR_TEMPORAL_ORDERED)
		print_places(w, b.places);
	else
		(void)printf("; at most %.15g%s", b.measured, c->type == TSN_CORR_VALUE_COUNT ?
		    " different values" : c->type == TSN_CORR_VALUE_SUM ? " in sum" : "");
	(void)printf(" within ");
	print_span(c->timespan_ns);
	(void)printf(" (lines %llu to %llu)", (unsigned long long)w->hits[b.from].line,
	    (unsigned long long)w->hits[b.to].line);
	print_threshold(w);
	(void)printf("\n");
}

static void
print_left_out(const struct tsn_windows *w)
{
	if (w->no_group > 0)
		(void)printf("    %llu record%s without a field of the group belong to none, the first at "
		    "line %llu\n", (unsigned long long)w->no_group, w->no_group == 1 ? "" : "s",
		    (unsigned long long)w->first_no_group);
	if (w->no_value > 0)
		(void)printf("    %llu record%s without the counted field (or number) count nothing, the "
		    "first at line %llu\n", (unsigned long long)w->no_value, w->no_value == 1 ? "" : "s",
		    (unsigned long long)w->first_no_value);
	if (w->cut)
		(void)printf("    further records were not looked at\n");
}

void
tsn_windows_print(struct tsn_windows *w)
{
	const struct tsn_correlation *c = w->c;
	uint32_t groups = 0;

	(void)printf("window of \"%.*s\": %s", TSN_SLICE_ARG(w->rule->name),
	    c->suppress ? "findings of one group are one alert for " : "");
	if (c->timespan_ns > 0)
		print_span(c->timespan_ns);
	(void)printf("%s", c->group_count == 0 ? "; all records are one group" :
	    "; one group for each ");
	for (uint32_t i = 0; i < c->group_count; i++)
		(void)printf("%s%.*s", i == 0 ? "" : ", ", TSN_SLICE_ARG(c->group_by[i]));
	if (!c->suppress)
		print_threshold(w);
	(void)printf("\n");
	if (w->count == 0)
		(void)printf("    no record counts\n");
	sorting = w;
	if (w->count > 0)
		qsort(w->hits, w->count, sizeof *w->hits, by_group);
	for (uint32_t begin = 0, end; begin < w->count; begin = end) {
		const char *key = w->keys.ptr + w->hits[begin].key;

		end = begin + 1;
		while (end < w->count && strcmp(w->keys.ptr + w->hits[end].key, key) == 0)
			end++;
		if (groups++ < GROUPS_SHOWN)
			print_group(w, begin, end);
	}
	if (groups > GROUPS_SHOWN)
		(void)printf("    and %u more groups\n", groups - GROUPS_SHOWN);
	print_left_out(w);
}
