#include "corr_lib.h"

struct tsn_keys *keys;
static const struct tsn_source sources[2] = {{.path = {"f", 1}, .id = 1}, {.path = {"g", 1}, .id = 2}};

enum tsn_code
on_finding(void *ctx, const struct tsn_finding *f)
{
	struct result *r = ctx;
	struct told *t = &r->told[r->count];

	if (f->rule->correlation == NULL)
		return TSN_OK;
	r->count++;
	assert_true(r->count < FOUND_MAX);
	*t = (struct told){.id = {f->id[0], f->id[1]}, .count = f->count, .update = f->update,
	    .first = f->first_seen_ns / SEC, .last = f->last_seen_ns / SEC};
	if (f->group_count > 0)
		(void)snprintf(t->user, sizeof t->user, "%.*s", TSN_SLICE_ARG(f->group[0].value));
	(void)snprintf(t->title, sizeof t->title, "%.*s", TSN_SLICE_ARG(f->rule->name));
	(void)snprintf(t->reason, sizeof t->reason, "%.*s", TSN_SLICE_ARG(f->reason));
	return TSN_OK;
}

static const char base[] =
    "title: base\nid: b\nname: fail\nlogsource: {product: t}\n"
    "detection: {sel: {what: fail}, condition: sel}\n---\n"
    "title: base2\nid: c\nname: ok\nlogsource: {product: t}\n"
    "detection: {sel: {what: ok}, condition: sel}\n---\n"
    "title: base3\nid: d\nname: out\nlogsource: {product: t}\n"
    "detection: {sel: {what: out}, condition: sel}\n---\n";

struct tsn_ruleset *
load(const char *correlation)
{
	struct tsn_loader *l = tsn_loader_new();
	struct tsn_ruleset *set;
	struct tsn_rule_report report;
	char text[4096];

	(void)snprintf(text, sizeof text, "%s%s", base, correlation);
	assert_non_null(l);
	assert_int_equal(tsn_loader_add_text(l, TSN_SLICE("t.yml"), TSN_SLICE("test"),
	    tsn_slice_cstr(text)), TSN_OK);
	assert_int_equal(tsn_loader_finish(l, &set, &report, NULL), TSN_OK);
	for (uint32_t i = 0; i < report.problem_count; i++)
		if (report.problems[i].kind != TSN_PROBLEM_NOTE)
			fail_msg("%.*s", TSN_SLICE_ARG(report.problems[i].message));
	tsn_loader_free(l);
	return set;
}

/* The same happening is the same record, wherever it is delivered. */
void
add(struct tsn_batch *b, const struct happening *h, int64_t created_ns)
{
	struct tsn_event *ev = tsn_batch_begin(b);
	static char originals[EVENTS_MAX * 2][64];
	char *text = originals[b->count];

	assert_non_null(ev);
	ev->source = &sources[h->user != NULL && h->user[0] == 'b'];
	ev->time_ns = h->at * SEC;
	ev->created_ns = created_ns;
	(void)snprintf(text, 64, "%lld %s %s %s", (long long)h->at, h->what, h->user, h->value);
	ev->original = tsn_slice_cstr(text);
	tsn_event_add_str(b, tsn_keys_intern(keys, TSN_SLICE("product")), TSN_SLICE("t"));
	tsn_event_add_str(b, tsn_keys_intern(keys, TSN_SLICE("what")), tsn_slice_cstr(h->what));
	if (h->user != NULL)
		tsn_event_add_str(b, tsn_keys_intern(keys, TSN_SLICE("user")), tsn_slice_cstr(h->user));
	if (h->value != NULL)
		tsn_event_add_str(b, tsn_keys_intern(keys, TSN_SLICE("value")), tsn_slice_cstr(h->value));
	tsn_batch_seal(b);
}

int
by_id(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(uint64_t[2]));
}

void
run(const struct tsn_ruleset *set, const struct happening *list, unsigned count, unsigned cut,
    const struct tsn_detect_options *options, struct result *ret)
{
	struct tsn_taxonomy *t = tsn_taxonomy_new();
	struct tsn_detect *d;
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};

	assert_non_null(t);
	ret->count = 0;
	assert_int_equal(tsn_batch_init(&b, keys, EVENTS_MAX * 2), TSN_OK);
	assert_int_equal(tsn_detect_new(set, t, keys, options, &d, NULL), TSN_OK);
	for (unsigned i = 0; i < count; i++) {
		add(&b, &list[i], list[i].at * SEC);
		if (i + 1 == count || (cut > 0 && (i + 1) % cut == 0)) {
			assert_int_equal(tsn_detect_batch(d, &b, on_finding, ret), TSN_OK);
			tsn_batch_reset(&b);
		}
	}
	assert_int_equal(tsn_detect_finish(d, on_finding, ret), TSN_OK);
	tsn_detect_free(d);
	tsn_taxonomy_free(t);
}

const struct tsn_detect_options once = {.lateness_ns = TSN_DETECT_SORTED, .once = true};

#define CORR(body) "title: corr\nid: k\ncorrelation:\n" body
#define F(at) {at, "fail", "u", "1"}
#define OK(at) {at, "ok", "u", "1"}
#define OUT(at) {at, "out", "u", "1"}
#define MANY "title: many\nid: m\nname: many\ncorrelation: {type: event_count, rules: [fail], " \
    "group-by: [user], timespan: 10s, condition: {gte: 3}}\n---\n"
#define ABSENCE CORR("  type: absence\n  rules: [fail, ok]\n  absent: [ok]\n  group-by: [user]\n" \
    "  timespan: 10s\n")
#define SILENCE CORR("  type: absence\n  rules: [fail]\n  absent: [fail]\n  group-by: [user]\n" \
    "  timespan: 10s\n")
#define GAP CORR("  type: sequence\n  rules: [fail, ok, out]\n  absent: [ok]\n  group-by: [user]\n" \
    "  timespan: 10s\n")
#define UNLED CORR("  type: sequence\n  rules: [ok, fail, out]\n  absent: [ok]\n" \
    "  group-by: [user]\n  timespan: 10s\n")
#define TAIL CORR("  type: sequence\n  rules: [fail, ok, out]\n  absent: [out]\n" \
    "  group-by: [user]\n  timespan: 10s\n")

const struct corr_case cases[] = {
	{"count", CORR("  type: event_count\n  rules: [fail]\n  group-by: [user]\n  timespan: 10s\n"
		       "  condition: {gte: 3}\n"),
	    {F(1), F(2), {3, "fail", "v", "1"}, F(9), F(10), F(12), F(13)}, "u 4 1-10;"},
	{"count slides", CORR("  type: event_count\n  rules: [fail]\n  group-by: [user]\n"
			      "  timespan: 10s\n  condition: {gt: 2}\n"),
	    {F(1), F(8), F(12), F(16)}, "u 3 8-16;"},
	{"count fires again", CORR("  type: event_count\n  rules: [fail]\n  group-by: [user]\n"
				   "  timespan: 10s\n  condition: {gte: 2}\n"),
	    {F(1), F(2), F(3), F(11), F(12), F(30)}, "u 3 1-3;u 2 11-12;"},
	{"count below", CORR("  type: event_count\n  rules: [fail]\n  group-by: [user]\n"
			     "  timespan: 10s\n  condition: {lt: 3}\n"),
	    {F(1), F(2), F(3), F(20), F(21)}, "u 2 20-21;"},
	{"count equal", CORR("  type: event_count\n  rules: [fail]\n  group-by: [user]\n"
			     "  timespan: 10s\n  condition: {eq: 2}\n"),
	    {F(1), F(2), F(3), F(20), F(21)}, "u 2 20-21;"},
	{"values", CORR("  type: value_count\n  rules: [fail]\n  group-by: [user]\n  timespan: 10s\n"
			"  condition: {field: value, gte: 3}\n"),
	    {F(1), F(2), {3, "fail", "u", "2"}, F(4), {5, "fail", "u", "3"}, {6, "fail", "u", NULL}},
	    "u 5 1-5;"},
	{"values slide out", CORR("  type: value_count\n  rules: [fail]\n  group-by: [user]\n"
				  "  timespan: 10s\n  condition: {field: value, gte: 2}\n"),
	    {F(1), {12, "fail", "u", "2"}, {13, "fail", "u", "2"}, F(22)}, "u 3 12-22;"},
	{"temporal", CORR("  type: temporal\n  rules: [fail, ok]\n  group-by: [user]\n  timespan: 10s\n"),
	    {{1, "ok", "u", "1"}, F(5), {6, "ok", "v", "1"}, {40, "ok", "u", "1"}, F(51)}, "u 2 1-5;"},
	{"temporal ordered", CORR("  type: temporal_ordered\n  rules: [fail, ok]\n  group-by: [user]\n"
				  "  timespan: 10s\n"),
	    {{1, "ok", "u", "1"}, F(5), {9, "ok", "u", "1"}}, "u 2 5-9;"},
	{"temporal wrong order", CORR("  type: temporal_ordered\n  rules: [fail, ok]\n"
				      "  group-by: [user]\n  timespan: 10s\n"),
	    {{1, "ok", "u", "1"}, F(5)}, ""},
	{"sum", CORR("  type: value_sum\n  rules: [fail]\n  group-by: [user]\n  timespan: 10s\n"
		     "  condition: {field: value, gt: 100}\n"),
	    {{1, "fail", "u", "60"}, {2, "fail", "u", "x"}, {3, "fail", "u", "40"}, {4, "fail", "u", "1"}},
	    "u 3 1-4;"},
	{"average", CORR("  type: value_avg\n  rules: [fail]\n  group-by: [user]\n  timespan: 10s\n"
			 "  condition: {field: value, gte: 50}\n"),
	    {{1, "fail", "u", "90"}, {2, "fail", "u", "20"}, {3, "fail", "u", "30"},
		{20, "fail", "u", "10"}}, ""},
	{"average holds", CORR("  type: value_avg\n  rules: [fail]\n  group-by: [user]\n"
			       "  timespan: 10s\n  condition: {field: value, gte: 50}\n"),
	    {{1, "fail", "u", "90"}, {2, "fail", "u", "20"}, {3, "fail", "u", "40"},
		{20, "fail", "u", "10"}}, "u 3 1-3;"},
	{"leaky bucket", CORR("  type: leaky_bucket\n  rules: [fail]\n  group-by: [user]\n"
			      "  capacity: 2\n  leakspeed: 10s\n"),
	    {F(1), F(2), F(3), F(4), F(5), F(20), F(27)}, "u 3 1-3;"},
	{"leaky bucket drains", CORR("  type: leaky_bucket\n  rules: [fail]\n  group-by: [user]\n"
				     "  capacity: 2\n  leakspeed: 10s\n"),
	    {F(1), F(11), F(21), F(31), F(41)}, ""},
	{"leaky bucket of different values", CORR("  type: leaky_bucket\n  rules: [fail]\n"
	    "  group-by: [user]\n  capacity: 2\n  leakspeed: 10s\n  condition: {field: value}\n"),
	    {{1, "fail", "u", "1"}, {2, "fail", "u", "1"}, {3, "fail", "u", "2"},
		{4, "fail", "u", "2"}, {5, "fail", "u", "1"}, {6, "fail", "u", "3"},
		{7, "fail", "u", "1"}}, "u 3 1-6;"},
	{"leaky bucket of different values drains", CORR("  type: leaky_bucket\n  rules: [fail]\n"
	    "  group-by: [user]\n  capacity: 2\n  leakspeed: 10s\n  condition: {field: value}\n"),
	    {{1, "fail", "u", "1"}, {2, "fail", "u", "2"}, {30, "fail", "u", "1"},
		{31, "fail", "u", "2"}, {32, "fail", "u", "2"}}, ""},
	{"first seen", CORR("  type: first_seen\n  rules: [fail]\n  group-by: [user]\n"
			    "  condition: {field: value}\n  learning: 10s\n"),
	    {F(1), {5, "fail", "u", "2"}, {20, "fail", "u", "2"}, {21, "fail", "u", "3"},
		{22, "fail", "u", "3"}}, "u 1 21-21;"},
	{"absence", ABSENCE, {F(1), F(3), {20, "ok", "u", "1"}, F(30), OK(31), F(40)}, "u 2 1-3;u 1 40-40;"},
	{"absence: answered just in time", ABSENCE, {F(1), OK(10)}, ""},
	{"absence: answered too late", ABSENCE, {F(1), OK(11)}, "u 1 1-1;"},
	{"absence: the first answer counts for all before", ABSENCE, {F(1), F(3), OK(4), F(5), OK(15)},
	    "u 1 5-5;"},
	{"absence: of one instant as in the order written", ABSENCE, {OK(1), F(1)}, ""},
	{"absence: answered by another", ABSENCE, {F(1), {2, "ok", "v", "1"}}, "u 1 1-1;"},
	{"absence: at the end of input", ABSENCE, {F(1)}, "u 1 1-1;"},
	{"absence of the same: silence", SILENCE, {F(1), F(9), F(18), F(29), F(30)}, "u 1 18-18;u 1 30-30;"},
	{"sequence with a missing step", GAP, {F(1), OUT(5), F(20), OK(21), OUT(22)}, "u 2 1-5;"},
	{"sequence: begun anew after what must not come", GAP, {F(1), OK(2), F(3), OUT(4)}, "u 2 3-4;"},
	{"sequence: of one instant as in the order written", GAP, {OUT(1), OK(1), F(1)}, ""},
	{"sequence: of one instant", GAP, {OUT(1), F(1)}, "u 2 1-1;"},
	{"sequence: too far apart", GAP, {F(1), OUT(12)}, ""},
	{"sequence: the newest beginning", GAP, {F(1), F(8), OUT(15), OUT(17), OUT(18)}, "u 3 8-17;"},
	{"sequence: what must not lead", UNLED, {OK(1), F(5), OUT(6), F(20), OUT(21)}, "u 2 20-21;"},
	{"sequence: what must not follow", TAIL, {F(1), OK(5), OUT(9), F(20), OK(25), OUT(30)},
	    "u 2 20-25;"},
	{"sequence: the first that is complete", TAIL, {F(1), OK(2), F(3), OK(4)}, "u 4 1-4;"},
	{"temporal: two of three", CORR("  type: temporal\n  rules: [fail, ok, out]\n  group-by: [user]\n"
	    "  timespan: 10s\n  condition: {gte: 2}\n"), {F(1), F(2), OK(3), F(20), F(21)}, "u 3 1-3;"},
	{"temporal ordered: two of three", CORR("  type: temporal_ordered\n  rules: [fail, ok, out]\n"
	    "  group-by: [user]\n  timespan: 10s\n  condition: {gte: 2}\n"),
	    {OK(1), F(2), OUT(3)}, "u 3 1-3;"},
	{"chain: events underneath, those that came later too", MANY CORR("  type: temporal_ordered\n"
	    "  rules: [many, ok]\n  group-by: [user]\n  timespan: 30s\n"),
	    {F(1), F(2), F(3), F(4), OK(8), F(9)}, "u 6 1-9;"},
	{"chain: windows are counted, events told", MANY CORR("  type: event_count\n  rules: [many]\n"
	    "  group-by: [user]\n  timespan: 60s\n  condition: {gte: 2}\n"),
	    {F(1), F(2), F(3), F(4), F(20), F(21), F(22), F(50)}, "u 7 1-22;"},
	{"chain of three", MANY "title: mid\nid: i\nname: mid\ncorrelation: {type: temporal, "
	    "rules: [many, ok], group-by: [user], timespan: 30s}\n---\n" CORR("  type: sequence\n"
	    "  rules: [mid, ok, out]\n  absent: [ok]\n  group-by: [user]\n  timespan: 60s\n"),
	    {OK(1), F(2), F(3), F(4), F(5), OUT(9)}, "u 6 1-9;"},
	{"chain: an event that two windows hold is one", MANY "title: values\nid: v\nname: values\n"
	    "correlation: {type: value_count, rules: [fail], group-by: [user], timespan: 10s, "
	    "condition: {field: value, gte: 2}}\n---\n" CORR("  type: temporal\n"
	    "  rules: [many, values]\n  group-by: [user]\n  timespan: 30s\n"),
	    {F(1), {2, "fail", "u", "2"}, F(3)}, "u 3 1-3;"},
	{"chain: a window that is judged at its end counts from there", "title: few\nid: m\nname: few\n"
	    "correlation: {type: event_count, rules: [fail], group-by: [user], timespan: 10s, "
	    "condition: {lt: 3}}\n---\n" CORR("  type: temporal_ordered\n  rules: [few, ok]\n"
	    "  group-by: [user]\n  timespan: 30s\n"),
	    {F(1), F(2), OK(5), OK(12), F(60)}, "u 3 1-12;"},
	{"chain: absence of an answer to many", MANY CORR("  type: absence\n  rules: [many, ok]\n"
	    "  absent: [ok]\n  group-by: [user]\n  timespan: 10s\n"),
	    {F(1), F(2), F(3), OK(3), F(20), F(21), F(22)}, "u 3 20-22;"},
	{"no group field", CORR("  type: event_count\n  rules: [fail]\n  group-by: [user]\n"
				"  timespan: 10s\n  condition: {gte: 2}\n"),
	    {{1, "fail", NULL, "1"}, {2, "fail", NULL, "1"}}, ""},
	{"one group", CORR("  type: event_count\n  rules: [fail, ok]\n  timespan: 10s\n"
			   "  condition: {gte: 3}\n"),
	    {F(1), {2, "ok", "v", "1"}, {3, "fail", NULL, NULL}}, " 3 1-3;"},
};

const unsigned case_count = TSN_COUNT(cases);
