#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "match/eval.h"

static struct tsn_keys *keys;
static struct tsn_match_scratch scratch;
static const struct tsn_source source = {.path = {"f", 1}};

static tsn_key
key(const char *name)
{
	return tsn_keys_intern(keys, tsn_slice_cstr(name));
}

/* One event with a field of each kind. */
static void
build(struct tsn_batch *b)
{
	struct tsn_event *ev;

	assert_int_equal(tsn_batch_init(b, keys, 4), TSN_OK);
	ev = tsn_batch_begin(b);
	assert_non_null(ev);
	ev->source = &source;
	ev->original = TSN_SLICE("Failed password for Root from 10.1.2.3 port 22");
	ev->time_ns = INT64_C(1794178105) * TSN_NS_PER_SEC;	/* 2026-11-08T22:48:25Z, a Sunday */
	tsn_event_add_str(b, key("user"), TSN_SLICE("Root"));
	tsn_event_add_str(b, key("alias"), TSN_SLICE("ROOT"));
	tsn_event_add_str(b, key("image"), TSN_SLICE("C:\\Windows\\System32\\Cmd.EXE"));
	tsn_event_add_str(b, key("ip"), TSN_SLICE("10.1.2.3"));
	tsn_event_add_str(b, key("name"), TSN_SLICE("ÄRGER Straße"));
	tsn_event_add_str(b, key("empty"), TSN_SLICE(""));
	tsn_event_add_int(b, key("port"), 22, TSN_SLICE("22"));
	tsn_event_add_str(b, key("size"), TSN_SLICE("1.5e3"));
	tsn_event_add_bool(b, key("flag"), true);
	tsn_event_add(b, &(struct tsn_field){.key = key("nil"), .type = TSN_T_NULL});
	tsn_event_add(b, &(struct tsn_field){.key = key("obj"), .type = TSN_T_OBJECT});
	tsn_event_add_str(b, key("deep.a.b"), TSN_SLICE("x"));
	tsn_event_append_str(b, key("list"), TSN_SLICE("alpha"));
	tsn_event_append_str(b, key("list"), TSN_SLICE("alps"));
	tsn_event_append_str(b, key("list"), TSN_SLICE("beta"));
	tsn_batch_seal(b);
}

static enum tsn_code
resolve(void *ctx, struct tsn_slice field, struct tsn_path *ret, uint32_t *ret_count,
    struct tsn_err *err)
{
	(void)ctx;
	*ret_count = 0;
	if (tsn_slice_eq(field, TSN_SLICE("Nobody")))
		return TSN_OK;
	if (tsn_slice_eq(field, TSN_SLICE("Either"))) {
		*ret_count = 2;
		TSN_TRY(tsn_path_parse(keys, TSN_SLICE("missing"), &ret[0], err));
		return tsn_path_parse(keys, TSN_SLICE("user"), &ret[1], err);
	}
	*ret_count = 1;
	return tsn_path_parse(keys, field, ret, err);
}

static bool
eval(const struct tsn_pred *p, const struct tsn_event *ev)
{
	struct tsn_match_env env = {.keys = keys, .resolve = resolve};
	struct tsn_match *m = NULL;
	struct tsn_err err;
	bool value;

	if (tsn_match_compile(p, &env, &m, &err) != TSN_OK)
		fail_msg("%s", err.msg);
	value = tsn_match_eval(m, &scratch, ev);
	assert_int_equal(tsn_match_eval(m, &scratch, ev), value);
	tsn_match_free(m);
	return value;
}

struct atom_case {
	const char *field;
	enum tsn_atom_op op;
	const char *value;
	double number;
	uint32_t flags;
	int want;
};

static const struct atom_case cases[] = {
	{"user", TSN_ATOM_EQ, "rOOT", 0, 0, 1},
	{"user", TSN_ATOM_EQ, "rOOT", 0, TSN_ATOM_CASED, 0},
	{"user", TSN_ATOM_EQ, "Root", 0, TSN_ATOM_CASED, 1},
	{"user", TSN_ATOM_EQ, "roo", 0, 0, 0},
	{"image", TSN_ATOM_SUFFIX, "\\cmd.exe", 0, 0, 1},
	{"image", TSN_ATOM_PREFIX, "c:\\WINDOWS", 0, 0, 1},
	{"image", TSN_ATOM_CONTAINS, "SYSTEM32", 0, 0, 1},
	{"image", TSN_ATOM_CONTAINS, "syswow", 0, 0, 0},
	{"image", TSN_ATOM_CONTAINS, "", 0, 0, 1},
	{"image", TSN_ATOM_WILDCARD, "C:\\\xff\\cm\xfe.exe", 0, 0, 1},
	{"image", TSN_ATOM_WILDCARD, "\xff\xff", 0, 0, 1},
	{"name", TSN_ATOM_EQ, "ärger STRASSE", 0, 0, 0},
	{"name", TSN_ATOM_EQ, "Ärger sTRAßE", 0, 0, 1},
	{"image", TSN_ATOM_REGEX, "cmd\\.exe$", 0, 0, 0},
	{"image", TSN_ATOM_REGEX, "cmd\\.exe$", 0, TSN_ATOM_RE_I, 1},
	{"image", TSN_ATOM_REGEX, "^C:\\\\.+\\\\System\\d\\d", 0, 0, 1},
	{"empty", TSN_ATOM_EQ, "", 0, 0, 1},
	{"missing", TSN_ATOM_EQ, "", 0, 0, 0},
	{"nil", TSN_ATOM_EQ, "", 0, 0, 0},
	{"obj", TSN_ATOM_EQ, "", 0, 0, 0},
	{"port", TSN_ATOM_EQ, "22", 0, 0, 1},
	{"flag", TSN_ATOM_EQ, "TRUE", 0, 0, 1},
	{"port", TSN_ATOM_NUM_EQ, "", 22, 0, 1},
	{"port", TSN_ATOM_LT, "", 22, 0, 0},
	{"port", TSN_ATOM_LE, "", 22, 0, 1},
	{"port", TSN_ATOM_GT, "", 21.5, 0, 1},
	{"port", TSN_ATOM_GE, "", 23, 0, 0},
	{"size", TSN_ATOM_NUM_EQ, "", 1500, 0, 1},
	{"user", TSN_ATOM_GE, "", 0, 0, 0},
	{"ip", TSN_ATOM_CIDR, "10.0.0.0/8", 0, 0, 1},
	{"ip", TSN_ATOM_CIDR, "10.2.0.0/16", 0, 0, 0},
	{"user", TSN_ATOM_CIDR, "::/0", 0, 0, 0},
	{"nil", TSN_ATOM_EXISTS, "", 0, 0, 1},
	{"empty", TSN_ATOM_EXISTS, "", 0, 0, 1},
	{"deep", TSN_ATOM_EXISTS, "", 0, 0, 1},
	{"deep.a", TSN_ATOM_EXISTS, "", 0, 0, 1},
	{"dee", TSN_ATOM_EXISTS, "", 0, 0, 0},
	{"nil", TSN_ATOM_NULL, "", 0, 0, 1},
	{"missing", TSN_ATOM_NULL, "", 0, 0, 1},
	{"empty", TSN_ATOM_NULL, "", 0, 0, 0},
	{"deep", TSN_ATOM_NULL, "", 0, 0, 0},
	{"obj", TSN_ATOM_NULL, "", 0, 0, 0},
	{"list", TSN_ATOM_EQ, "BETA", 0, 0, 1},
	{"list[0]", TSN_ATOM_EQ, "beta", 0, 0, 0},
	{"list[2]", TSN_ATOM_EQ, "beta", 0, 0, 1},
	{"list", TSN_ATOM_CONTAINS, "al", 0, TSN_ATOM_ALL_ELEMENTS, 0},
	{"list", TSN_ATOM_CONTAINS, "a", 0, TSN_ATOM_ALL_ELEMENTS, 1},
	{"missing", TSN_ATOM_CONTAINS, "", 0, TSN_ATOM_ALL_ELEMENTS, 0},
	{"user", TSN_ATOM_FIELD_EQ, "alias", 0, 0, 1},
	{"user", TSN_ATOM_FIELD_EQ, "alias", 0, TSN_ATOM_CASED, 0},
	{"image", TSN_ATOM_FIELD_CONTAINS, "user", 0, 0, 0},
	{"list", TSN_ATOM_FIELD_PREFIX, "list", 0, 0, 1},
	{"user", TSN_ATOM_FIELD_EQ, "missing", 0, 0, 0},
	{"Either", TSN_ATOM_EQ, "root", 0, 0, 1},
	{"Either", TSN_ATOM_NULL, "", 0, 0, 0},
	{"Nobody", TSN_ATOM_EQ, "", 0, 0, 0},
	{"Nobody", TSN_ATOM_NULL, "", 0, 0, 1},
	{"", TSN_ATOM_KEYWORD, "failed PASS", 0, 0, 1},
	{"", TSN_ATOM_KEYWORD, "System32", 0, 0, 1},
	{"", TSN_ATOM_KEYWORD, "fail\xffroot", 0, 0, 1},
	{"", TSN_ATOM_KEYWORD, "nowhere", 0, 0, 0},
	{"", TSN_ATOM_WORD, "failed password", 0, 0, 1},
	{"", TSN_ATOM_WORD, "fail", 0, 0, 0},
	{"image", TSN_ATOM_WORD, "system32", 0, 0, 1},
	{"image", TSN_ATOM_WORD, "system", 0, 0, 0},
	{"", TSN_ATOM_WORD, "cmd.exe", 0, 0, 1},
	{"", TSN_ATOM_REGEX, "port \\d+$", 0, 0, 1},
	{"@timestamp", TSN_ATOM_TIME_PART, "hour", 22, 0, 1},
	{"@timestamp", TSN_ATOM_TIME_PART, "week", 45, 0, 1},
	{"@timestamp", TSN_ATOM_TIME_PART, "year", 2026, 0, 1},
	{"@timestamp", TSN_ATOM_TIME_PART, "month", 12, 0, 0},
	{"@timestamp", TSN_ATOM_TIME_PART, "day", 8, 0, 1},
	{"@timestamp", TSN_ATOM_TIME_PART, "minute", 28, 0, 0},
	{"user", TSN_ATOM_TIME_PART, "minute", 28, 0, 0},
	{"@timestamp", TSN_ATOM_PREFIX, "2026-11-", 0, 0, 1},
};

static const struct tsn_pred *
atom_of(struct tsn_arena *a, const struct atom_case *c)
{
	return tsn_pred_atom(a, &(struct tsn_atom){.field = tsn_slice_cstr(c->field), .op = c->op,
	    .value = tsn_slice_cstr(c->value), .number = c->number, .flags = c->flags});
}

static void
test_bounds(void **state)
{
	static const struct {
		const char *field, *low, *high;
		double low_number, high_number;
		uint32_t flags;
		int want;
	} table[] = {
		{"port", "", "", 22, 22, 0, 1},
		{"port", "", "", 22, 30, TSN_ATOM_OPEN_LOW, 0},
		{"port", "", "", 20, 22, TSN_ATOM_OPEN_HIGH, 0},
		{"port", "", "", 20, 22, TSN_ATOM_OPEN_LOW, 1},
		{"user", "", "", -1e300, 1e300, 0, 0},
		{"user", "ROO", "rop", 0, 0, TSN_ATOM_TEXT, 1},
		{"user", "root", "root", 0, 0, TSN_ATOM_TEXT, 1},
		{"user", "root", "z", 0, 0, TSN_ATOM_TEXT | TSN_ATOM_OPEN_LOW, 0},
		{"user", "a", "z", 0, 0, TSN_ATOM_TEXT | TSN_ATOM_CASED, 0},
		{"nil", "", "z", 0, 0, TSN_ATOM_TEXT, 0},
		{"@timestamp", "", "", 0, 0, TSN_ATOM_TIME, 0},
	};
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct tsn_arena a TSN_CLEANUP(tsn_arena_done) = {0};

	(void)state;
	tsn_arena_init(&a, 1 << 20);
	build(&b);
	for (size_t i = 0; i < TSN_COUNT(table); i++)
		assert_int_equal(eval(tsn_pred_atom(&a, &(struct tsn_atom){.op = TSN_ATOM_BETWEEN,
		    .field = tsn_slice_cstr(table[i].field), .value = tsn_slice_cstr(table[i].low),
		    .high = tsn_slice_cstr(table[i].high), .number = table[i].low_number,
		    .high_number = table[i].high_number, .flags = table[i].flags}), &b.events[0]),
		    table[i].want);
	assert_true(eval(tsn_pred_atom(&a, &(struct tsn_atom){.op = TSN_ATOM_BETWEEN,
	    .field = TSN_SLICE("@timestamp"), .time_ns = b.events[0].time_ns,
	    .high_ns = b.events[0].time_ns + 1, .flags = TSN_ATOM_TIME | TSN_ATOM_OPEN_HIGH}),
	    &b.events[0]));
	assert_false(eval(tsn_pred_atom(&a, &(struct tsn_atom){.op = TSN_ATOM_LT,
	    .field = TSN_SLICE("@timestamp"), .time_ns = b.events[0].time_ns,
	    .flags = TSN_ATOM_TIME}), &b.events[0]));
}

static void
test_atoms(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct tsn_arena a TSN_CLEANUP(tsn_arena_done) = {0};

	(void)state;
	tsn_arena_init(&a, 1 << 20);
	build(&b);
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		const struct tsn_pred *p = atom_of(&a, &cases[i]);

		if (eval(p, &b.events[0]) != cases[i].want)
			fail_msg("case %zu: %s op %d '%s'", i, cases[i].field, (int)cases[i].op,
			    cases[i].value);
		assert_int_equal(eval(tsn_pred_not(&a, p), &b.events[0]), !cases[i].want);
	}
}

/* Random trees over atoms whose truth is known, against plain recursion. */
static const struct tsn_pred *
random_tree(struct tsn_arena *a, uint64_t *seed, unsigned depth, bool *ret_value)
{
	const struct tsn_pred *kids[4];
	uint64_t r;
	unsigned n;
	bool and_op;

	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	r = *seed >> 33;
	if (depth == 0 || r % 5 == 0) {
		const struct atom_case *c = &cases[(r >> 8) % TSN_COUNT(cases)];

		*ret_value = c->want;
		return atom_of(a, c);
	}
	if (r % 5 == 1) {
		const struct tsn_pred *kid = random_tree(a, seed, depth - 1, ret_value);

		*ret_value = !*ret_value;
		return tsn_pred_not(a, kid);
	}
	if (r % 31 == 2) {
		*ret_value = r >> 9 & 1;
		return tsn_pred_const(a, *ret_value);
	}
	and_op = r >> 10 & 1;
	n = (unsigned)((r >> 12) % 5);
	*ret_value = and_op;
	for (unsigned i = 0; i < n; i++) {
		bool v;

		kids[i] = random_tree(a, seed, depth - 1, &v);
		*ret_value = and_op ? *ret_value && v : *ret_value || v;
	}
	return tsn_pred_group(a, and_op ? TSN_PRED_AND : TSN_PRED_OR, kids, n);
}

static void
test_trees(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct tsn_arena a TSN_CLEANUP(tsn_arena_done) = {0};
	uint64_t seed = 42;

	(void)state;
	tsn_arena_init(&a, 16 << 20);
	build(&b);
	for (int i = 0; i < 2000; i++) {
		bool want;
		const struct tsn_pred *p = random_tree(&a, &seed, 5, &want);

		assert_non_null(p);
		assert_int_equal(eval(p, &b.events[0]), want);
		tsn_arena_reset(&a);
	}
}

static void
test_errors(void **state)
{
	static const struct atom_case bad[] = {
		{"a", TSN_ATOM_REGEX, "a(b", 0, 0, 0}, {"a", TSN_ATOM_REGEX, "\\C", 0, 0, 0},
		{"a", TSN_ATOM_CIDR, "10.0.0.0/64", 0, 0, 0}, {"a", TSN_ATOM_TIME_PART, "second", 0, 0, 0},
		{"a[", TSN_ATOM_EQ, "x", 0, 0, 0}, {"a", TSN_ATOM_FIELD_EQ, "b[x]", 0, 0, 0},
	};
	struct tsn_arena a TSN_CLEANUP(tsn_arena_done) = {0};
	struct tsn_match_env env = {.keys = keys};
	const struct tsn_pred *p;
	struct tsn_match *m;
	struct tsn_err err;

	(void)state;
	tsn_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < TSN_COUNT(bad); i++) {
		struct tsn_atom atom = atom_of(&a, &bad[i])->atom;

		atom.at = 17;
		assert_int_not_equal(tsn_match_compile(tsn_pred_atom(&a, &atom), &env, &m, &err), TSN_OK);
		assert_int_equal(err.pos, 17);
	}
	p = tsn_pred_const(&a, true);
	for (unsigned i = 0; i <= TSN_MATCH_DEPTH_MAX; i++)
		p = tsn_pred_not(&a, p);
	assert_int_equal(tsn_match_compile(p, &env, &m, &err), TSN_ELIMIT);
}

/* An expression made to explode ends at its limit and is counted. */
static void
test_regex_limit(void **state)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct tsn_arena a TSN_CLEANUP(tsn_arena_done) = {0};
	uint64_t before = scratch.regex_limit_hits;
	struct tsn_event *ev;
	char text[64];

	(void)state;
	tsn_arena_init(&a, 1 << 20);
	memset(text, 'a', sizeof text);
	assert_int_equal(tsn_batch_init(&b, keys, 1), TSN_OK);
	ev = tsn_batch_begin(&b);
	assert_non_null(ev);
	ev->source = &source;
	tsn_event_add_str(&b, key("v"), (struct tsn_slice){text, sizeof text});
	tsn_batch_seal(&b);
	assert_false(eval(tsn_pred_atom(&a, &(struct tsn_atom){.field = TSN_SLICE("v"),
	    .op = TSN_ATOM_REGEX, .value = TSN_SLICE("^(a+)+(b|c|(a*)*d)$")}), &b.events[0]));
	assert_true(scratch.regex_limit_hits > before);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_atoms),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_trees),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_regex_limit),
	};
	int failed = 1;

	keys = tsn_keys_new();
	if (keys != NULL && tsn_match_scratch_init(&scratch) == TSN_OK)
		failed = cmocka_run_group_tests_name("match_eval", tests, NULL, NULL);
	tsn_match_scratch_done(&scratch);
	tsn_keys_free(keys);
	return failed;
}
