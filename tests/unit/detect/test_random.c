#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "detect/detect.h"
#include "match/eval.h"

/*
 * Property: whatever the rules and the events, the engine finds exactly what evaluating each rule
 * on each event finds.  Small alphabets, so that values and literals meet.
 */
#define RULES 60u
#define EVENTS 200u
#define ROUNDS 18

static struct tsn_keys *keys;
static uint64_t seed;
static const struct tsn_source source = {.path = {"f", 1}};
static const char *const fields[] = {"A", "B", "C", "D.e", "D.f", "G"};

/* In some rounds literals are long (the index then looks at fewer places); values hold them. */
#define POOL 64u
static uint32_t literal_parts;
static struct tsn_slice pool[POOL];
static uint32_t pooled;

static uint32_t
next(uint32_t below)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % below;
}

static struct tsn_slice
text(struct tsn_arena *a, uint32_t len_max, bool wild)
{
	static const char *const parts[] = {"a", "B", "b", "\\", ".exe", "ab", "Ä", "ä", "cmd", "1", "ω",
	    "\xff", "\xfe"};
	char buf[128];
	size_t n = 0;

	for (uint32_t i = next(len_max + 1); i > 0; i--) {
		const char *p = parts[next(wild ? 13 : 11)];

		memcpy(buf + n, p, strlen(p));
		n += strlen(p);
	}
	return n == 0 ? TSN_SLICE("") : tsn_arena_dup(a, (struct tsn_slice){buf, n});
}

/* A literal of a rule, remembered. */
static struct tsn_slice
literal(struct tsn_arena *a, uint32_t len_max, bool wild)
{
	struct tsn_slice head = text(a, len_max, wild), rest = TSN_SLICE(""), v;
	char buf[256];

	/* what is beyond ASCII is looked for otherwise */
	if (literal_parts > 0 && next(4) > 0)
		head = TSN_SLICE("");
	while (rest.len < literal_parts || (literal_parts > 0 && !tsn_slice_is_ascii(rest)))
		rest = text(a, literal_parts, false);
	memcpy(buf, head.ptr, head.len);
	memcpy(buf + head.len, rest.ptr, rest.len);
	v = tsn_arena_dup(a, (struct tsn_slice){buf, head.len + rest.len});
	if (!wild)
		pool[pooled++ % POOL] = v;
	return v;
}

/* A value, often with a literal somewhere in it in another case. */
static struct tsn_slice
value(struct tsn_arena *a, uint32_t len_max)
{
	struct tsn_slice head = text(a, len_max, false), in, tail;
	char buf[512];
	size_t n = head.len;

	if (literal_parts == 0 || pooled == 0 || next(3) == 0)
		return head;
	in = pool[next(pooled < POOL ? pooled : POOL)];
	tail = text(a, len_max, false);
	memcpy(buf, head.ptr, head.len);
	for (size_t i = 0; i < in.len; i++)
		buf[n++] = (char)(in.ptr[i] >= 'a' && in.ptr[i] <= 'z' && next(2) ? in.ptr[i] - 32 :
		    in.ptr[i]);
	memcpy(buf + n, tail.ptr, tail.len);
	return tsn_arena_dup(a, (struct tsn_slice){buf, n + tail.len});
}

static const struct tsn_pred *
random_atom(struct tsn_arena *a)
{
	/* the first two hold no literal that would be the shortest */
	static const char *const regexes[] = {"^a", "a.{0,3}b", "cmd", "b+\\.exe$", "(?i)CMD|ab", "[0-9]cmd",
	    "ab?c?cmd", "\\.exe"};
	static const uint32_t flags[] = {0, 0, 0, TSN_ATOM_CASED, TSN_ATOM_ALL_ELEMENTS};
	struct tsn_atom atom = {.field = tsn_slice_cstr(fields[next(6)]),
	    .op = (enum tsn_atom_op)next(TSN_ATOM_TIME_PART), .flags = flags[next(5)]};

	switch ((int)atom.op) {
	case TSN_ATOM_REGEX:
		atom.value = tsn_slice_cstr(regexes[next(literal_parts > 0 ? 2 : 8)]);
		break;
	case TSN_ATOM_KEYWORD:
		atom.field = TSN_SLICE("");
		atom.value = literal(a, 3, next(2));
		break;
	case TSN_ATOM_WORD:
	case TSN_ATOM_WILDCARD:
		atom.value = literal(a, 4, true);
		break;
	case TSN_ATOM_CIDR:
		atom.value = TSN_SLICE("10.0.0.0/8");
		break;
	case TSN_ATOM_FIELD_EQ:
	case TSN_ATOM_FIELD_PREFIX:
	case TSN_ATOM_FIELD_SUFFIX:
	case TSN_ATOM_FIELD_CONTAINS:
		atom.value = tsn_slice_cstr(fields[next(6)]);
		break;
	default:
		atom.value = literal(a, 3, false);
		atom.number = next(3);
		atom.high_number = next(4);
		break;
	}
	if (next(20) == 0)
		atom.field = TSN_SLICE("B[1]");
	if (next(30) == 0)
		atom.field = TSN_SLICE("D");
	return tsn_pred_atom(a, &atom);
}

static const struct tsn_pred *
random_tree(struct tsn_arena *a, uint32_t depth)
{
	const struct tsn_pred *kids[6];
	uint32_t n;

	if (depth == 0 || next(4) == 0)
		return random_atom(a);
	if (next(5) == 0)
		return tsn_pred_not(a, random_tree(a, depth - 1));
	if (next(40) == 0)
		return tsn_pred_const(a, next(2));
	n = next(6);
	for (uint32_t i = 0; i < n; i++)
		kids[i] = random_tree(a, depth - 1);
	return tsn_pred_group(a, next(2) ? TSN_PRED_AND : TSN_PRED_OR, kids, n);
}

static void
random_event(struct tsn_batch *b, struct tsn_arena *a)
{
	struct tsn_event *ev = tsn_batch_begin(b);

	assert_non_null(ev);
	ev->source = &source;
	ev->offset = b->count;
	ev->original = next(2) ? value(a, 8) : TSN_SLICE("{\"a\":\"cmd\"}");
	for (uint32_t i = next(9); i > 0; i--) {
		tsn_key key = tsn_keys_intern(keys, tsn_slice_cstr(fields[next(6)]));

		switch (next(8)) {
		case 0:
			tsn_event_add_int(b, key, next(3), TSN_SLICE_NONE);
			break;
		case 1:
			tsn_event_add(b, &(struct tsn_field){.key = key, .type = TSN_T_NULL});
			break;
		case 2:
			tsn_event_add_bool(b, key, next(2));
			break;
		case 3:
			tsn_event_append_str(b, key, value(a, 4));
			break;
		case 4:
			tsn_event_add_str(b, key, TSN_SLICE("10.1.2.3"));
			break;
		default:
			tsn_event_add_str(b, key, value(a, 6));
			break;
		}
	}
	tsn_event_add_str(b, tsn_keys_intern(keys, TSN_SLICE("product")), TSN_SLICE("test"));
	tsn_batch_seal(b);
}

struct matrix {
	const struct tsn_ruleset *set;
	const struct tsn_batch *batch;
	uint8_t found[EVENTS][RULES];
};

static enum tsn_code
on_finding(void *ctx, const struct tsn_finding *f)
{
	struct matrix *m = ctx;

	m->found[f->event - m->batch->events][f->rule - m->set->rules]++;
	return TSN_OK;
}

static void
compare(const struct matrix *m, int round)
{
	struct tsn_match_env env = {.keys = keys};
	struct tsn_match_scratch s;

	assert_int_equal(tsn_match_scratch_init(&s), TSN_OK);
	for (uint32_t r = 0; r < RULES; r++) {
		struct tsn_match *match;

		assert_int_equal(tsn_match_compile(m->set->rules[r].condition, &env, &match, NULL), TSN_OK);
		for (uint32_t e = 0; e < EVENTS; e++)
			if (m->found[e][r] != tsn_match_eval(match, &s, &m->batch->events[e]))
				fail_msg("round %d rule %u event %u: engine %u", round, r, e, m->found[e][r]);
		tsn_match_free(match);
	}
	tsn_match_scratch_done(&s);
}

static void
test_same_as_each_alone(void **state)
{
	static struct matrix m;

	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct tsn_ruleset set = {.count = RULES};
		static struct tsn_rule rules[RULES];
		struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
		struct tsn_taxonomy *t = tsn_taxonomy_new();
		struct tsn_detect *d;
		struct tsn_detect_stats stats;

		seed = 1000 + (uint64_t)round;
		literal_parts = (uint32_t)(round % 3) * 5;
		pooled = 0;
		assert_non_null(t);
		tsn_arena_init(&set.arena, 64 << 20);
		set.rules = rules;
		for (uint32_t i = 0; i < RULES; i++)
			rules[i] = (struct tsn_rule){.id = TSN_SLICE("r"), .generate = true,
			    .logsource = {.product = next(2) ? TSN_SLICE("test") : TSN_SLICE("")},
			    .condition = random_tree(&set.arena, 3)};
		assert_int_equal(tsn_batch_init(&b, keys, EVENTS), TSN_OK);
		for (uint32_t i = 0; i < EVENTS; i++)
			random_event(&b, &set.arena);
		m = (struct matrix){.set = &set, .batch = &b};
		assert_int_equal(tsn_detect_new(&set, t, keys,
		    &(struct tsn_detect_options){.reasons = round % 2}, &d, NULL), TSN_OK);
		assert_int_equal(tsn_detect_batch(d, &b, on_finding, &m), TSN_OK);
		tsn_detect_stats(d, &stats);
		assert_int_equal(stats.rules_broken, 0);
		assert_true(stats.findings > 300);
		compare(&m, round);
		tsn_detect_free(d);
		tsn_taxonomy_free(t);
		tsn_arena_done(&set.arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as_each_alone),
	};
	int failed;

	keys = tsn_keys_new();
	failed = keys == NULL ? 1 : cmocka_run_group_tests_name("detect_random", tests, NULL, NULL);
	tsn_keys_free(keys);
	return failed;
}
