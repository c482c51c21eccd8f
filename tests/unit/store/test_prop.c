/*
 * Random events through a store, compared with the events themselves; random predicates over it,
 * with and without what the store skips.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/time.h"
#include "match/eval.h"
#include "store/verify.h"

#define EVENTS 700u
#define ROUNDS 4u
#define PREDS 40u

static struct tsn_keys *keys;
static char dir[64];
static struct tsn_err err;
static uint64_t state;

#define OK(expr)                                               \
	do {                                                   \
		enum tsn_code ok_ = (expr);                    \
		if (ok_ != TSN_OK)                             \
			fail_msg("%s: %d %s", #expr, ok_, err.msg);\
	} while (0)

static uint32_t
rnd(uint32_t n)
{
	state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(state >> 33) % n;
}

static const char *const words[] = {"root", "admin", "Failed", "accepted", "10.0.0.1", "10.0.0.2",
	"192.168.7.77", "22", "4711", "007", "", "a b", "caf\xc3\xa9", "K\xc3\x96LN", "x_y", "0", "-5",
	"99999999999999999999", "C:\\Windows\\cmd.exe", "line\none", "tab\tbed", "ssh2", "3.5", "true",
	"2001:db8::1", "\xff\xfe", "user=root", "\"q\""};

static const char *
word(void)
{
	return words[rnd(TSN_COUNT(words))];
}

struct maker {
	struct tsn_batch *b;
	char text[4096];
	size_t len;
};

static void
put(struct maker *m, const char *s)
{
	size_t n = strlen(s);

	assert_true(m->len + n < sizeof m->text);
	memcpy(m->text + m->len, s, n);
	m->len += n;
}

static struct tsn_key_pick {
	const char *name;
} const names[] = {{"user.name"}, {"source.ip"}, {"source.port"}, {"process.name"}, {"a.b"}, {"a.c.d"},
	{"message"}, {"tags"}};

static tsn_key
pick_key(void)
{
	return tsn_keys_intern(keys, tsn_slice_cstr(names[rnd(TSN_COUNT(names))].name));
}

/* Texts that follow from the time, and such that nearly do. */
static void
put_time(struct maker *m, int64_t ns)
{
	char text[TSN_TIME_TEXT_MAX + 1];

	ns += (int64_t)rnd(3) * 3600 * TSN_NS_PER_SEC + (rnd(5) == 0);
	text[tsn_time_format(ns, text)] = '\0';
	if (rnd(2))
		text[10] = ' ';
	put(m, text);
}

/* A line of words; some of them are fields, some fields lie over others. */
static void
make_line(struct maker *m, struct tsn_event *ev)
{
	size_t starts[16], ends[16];
	uint32_t n = 1 + rnd(10);
	char *text;

	for (uint32_t i = 0; i < n; i++) {
		put(m, rnd(4) ? " " : rnd(2) ? "=" : "port ");
		starts[i] = m->len;
		if (rnd(6) == 0)
			put_time(m, ev->time_ns);
		put(m, word());
		ends[i] = m->len;
	}
	text = tsn_arena_alloc(&m->b->arena, m->len + 1);
	assert_non_null(text);
	memcpy(text, m->text, m->len + 1);
	ev->original = tsn_slice_of(text, m->len);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t to = rnd(3) ? i : i + rnd(n - i);
		struct tsn_slice v = tsn_slice_of(text + starts[i], ends[to] - starts[i]);

		if (rnd(3) == 0)
			continue;
		if (rnd(3) == 0)
			tsn_event_add_num(m->b, pick_key(), v);
		else
			tsn_event_add_str(m->b, pick_key(), v);
	}
}

static void
put_json(struct maker *m, const char *s)
{
	char one[2] = {0};

	put(m, "\"");
	for (; *s != '\0'; s++) {
		one[0] = *s;
		put(m, *s == '\n' ? (rnd(2) ? "\\n" : "\\u000a") : *s == '\t' ? "\\t" :
		    *s == '"' ? "\\\"" : *s == '\\' ? "\\\\" : one);
	}
	put(m, "\"");
}

/* A flat document: plain strings are slices of it, those with escapes are copies. */
static void
make_json(struct maker *m, struct tsn_event *ev)
{
	struct {
		const char *value;
		size_t at;
		tsn_key key;
	} f[12];
	uint32_t n = 1 + rnd(11);
	char *text;

	put(m, "{");
	for (uint32_t i = 0; i < n; i++) {
		f[i].key = pick_key();
		f[i].value = word();
		put(m, i ? ",\"" : "\"");
		put(m, "k\":");
		f[i].at = m->len + 1;
		put_json(m, f[i].value);
	}
	put(m, rnd(5) ? "}" : ",\"x\":\"a\\\\b\"}");
	text = tsn_arena_alloc(&m->b->arena, m->len + 1);
	assert_non_null(text);
	memcpy(text, m->text, m->len + 1);
	ev->original = tsn_slice_of(text, m->len);
	for (uint32_t i = 0; i < n; i++) {
		size_t len = strlen(f[i].value);
		bool same = memcmp(text + f[i].at, f[i].value, len) == 0;

		tsn_event_add_str(m->b, f[i].key, same ? tsn_slice_of(text + f[i].at, len) :
		    tsn_arena_dup(&m->b->arena, tsn_slice_cstr(f[i].value)));
	}
}

static void
make_extras(struct tsn_batch *b)
{
	char copy[64];

	if (rnd(2))
		tsn_event_add_str(b, TSN_F_EVENT_CATEGORY, TSN_SLICE("authentication"));
	if (rnd(3) == 0) {
		(void)snprintf(copy, sizeof copy, "v%u", rnd(100));
		tsn_event_add_str(b, TSN_F_EVENT_ACTION, tsn_arena_dup(&b->arena, tsn_slice_cstr(copy)));
	}
	if (rnd(4) == 0)
		tsn_event_add_int(b, TSN_F_EVENT_SEQUENCE, (int64_t)rnd(1000) - 500, TSN_SLICE_NONE);
	if (rnd(4) == 0)
		tsn_event_add_bool(b, TSN_F_LABELS, rnd(2));
	if (rnd(4) == 0)
		tsn_event_add_time(b, TSN_F_EVENT_START, rnd(100000), TSN_SLICE_NONE);
	if (rnd(5) == 0)
		tsn_event_add(b, &(struct tsn_field){.key = TSN_F_EVENT_END, .type = TSN_T_NULL});
	if (rnd(5) == 0)
		tsn_event_add(b, &(struct tsn_field){.key = TSN_F_EVENT_DURATION,
		    .type = TSN_T_FLOAT, .num.d = rnd(10) / 4.0});
	for (uint32_t n = rnd(4); n > 0; n--)
		tsn_event_append_str(b, TSN_F_RELATED_IP, tsn_slice_cstr(word()));
}

static const struct tsn_source sources[] = {
	{.path = {"/var/log/a", 10}, .id = 1},
	{.path = {"/var/log/b", 10}, .kind = {"k", 1}, .tz_offset_sec = -3600, .id = 2},
	{.address = {"10.1.1.1:514", 12}, .id = 3},
};

static void
make_events(struct tsn_batch *b)
{
	struct maker m = {.b = b};
	uint32_t spread = rnd(3) == 0 ? 30 : 1;

	for (uint32_t i = 0; i < EVENTS; i++) {
		struct tsn_event *ev = tsn_batch_begin(b);

		assert_non_null(ev);
		m.len = 0;
		ev->source = &sources[rnd(TSN_COUNT(sources))];
		ev->time_ns = (int64_t)(i / 2) * TSN_NS_PER_SEC * 600 +
		    (int64_t)rnd(spread) * TSN_NS_PER_DAY / 7;
		ev->created_ns = ev->time_ns + (int64_t)rnd(5) * (rnd(2) ? 1 : 1000000000);
		ev->offset = i * 50 + rnd(3);
		ev->line = rnd(3) ? i + 1 : 0;
		ev->repeat = rnd(9) ? 1 : 1 + rnd(5);
		if (rnd(3))
			ev->dataset = tsn_slice_cstr(rnd(2) ? "system.auth" : "app");
		if (rnd(2))
			make_line(&m, ev);
		else
			make_json(&m, ev);
		make_extras(b);
		if (rnd(20) == 0)
			tsn_event_fail(b, tsn_slice_cstr(word()));
		tsn_batch_seal(b);
	}
}

/* Everything an event carries, as one number. */
static uint64_t
digest(const struct tsn_event *ev)
{
	uint64_t h = tsn_hash_slice(ev->original, ev->id[0] ^ (uint64_t)ev->time_ns);

	h = tsn_hash_slice(ev->dataset, h ^ ev->id[1] ^ ev->offset ^ (uint64_t)ev->created_ns);
	h = tsn_hash_slice(ev->source->path, tsn_hash_slice(ev->source->address, h));
	h = tsn_hash_slice(ev->source->kind, h + (uint32_t)ev->source->tz_offset_sec);
	h ^= ev->line + ((uint64_t)ev->flags << 32) + ((uint64_t)ev->repeat << 48);
	for (uint32_t i = 0; i < ev->field_count; i++) {
		const struct tsn_field *f = &ev->fields[i];

		h = h * 31 + f->key + ((uint64_t)f->type << 40) + ((uint64_t)f->pos << 50) + f->flags;
		if (f->type >= TSN_T_INT && f->type <= TSN_T_TIME)
			h = tsn_hash_bytes((const char *)&f->num, 8, h);
		if (f->ptr != NULL)
			h = tsn_hash_bytes(f->ptr, f->len, h + 1);
	}
	for (uint32_t i = 0; i < ev->pos_count; i++)
		h = tsn_hash_bytes((const char *)&ev->pos[i], sizeof ev->pos[i], h);
	return h;
}

struct seen {
	uint64_t sum, count;
	int64_t last;
	bool down;
	const struct tsn_match *match;
	struct tsn_match_scratch scratch;
};

static enum tsn_code
on_rows(void *ctx, const struct tsn_batch *rows, struct tsn_err *e)
{
	struct seen *s = ctx;

	(void)e;
	for (uint32_t i = 0; i < rows->count; i++) {
		const struct tsn_event *ev = &rows->events[i];

		assert_true(s->down ? ev->time_ns <= s->last : ev->time_ns >= s->last);
		s->last = ev->time_ns;
		if (s->match != NULL && !tsn_match_eval(s->match, &s->scratch, ev))
			continue;
		s->sum += digest(ev);
		s->count++;
	}
	return TSN_OK;
}

static void
scan(struct tsn_store_reader *r, struct seen *s, const struct tsn_pred *hint)
{
	struct tsn_store_scan what = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .hint = hint,
	    .newest_first = s->down, .rows = on_rows, .ctx = s};

	s->last = s->down ? INT64_MAX : INT64_MIN;
	s->sum = s->count = 0;
	OK(tsn_store_scan(r, &what, &err));
}

static void
write_store(const struct tsn_batch *b)
{
	struct tsn_store *s;

	OK(tsn_store_open(dir, keys, NULL, &s, &err));
	for (uint32_t at = 0; at < b->count;) {
		struct tsn_batch part = *b;
		uint32_t n = 1 + rnd(200);

		part.events += at;
		part.count = n < b->count - at ? n : b->count - at;
		at += part.count;
		OK(tsn_store_append(s, &part, &err));
		if (rnd(3) == 0)
			OK(tsn_store_commit(s, &err));
		if (rnd(4) == 0)
			OK(tsn_store_seal(s, &err));
		if (rnd(8) == 0) {
			OK(tsn_store_close(s, &err));
			OK(tsn_store_open(dir, keys, NULL, &s, &err));
		}
	}
	OK(tsn_store_close(s, &err));
}

/* ---- predicates ---- */

static const struct tsn_pred *
make_atom(struct tsn_arena *a)
{
	static const enum tsn_atom_op ops[] = {TSN_ATOM_EQ, TSN_ATOM_PREFIX, TSN_ATOM_SUFFIX,
		TSN_ATOM_CONTAINS, TSN_ATOM_EXISTS, TSN_ATOM_NULL, TSN_ATOM_NUM_EQ, TSN_ATOM_LT,
		TSN_ATOM_WORD, TSN_ATOM_KEYWORD, TSN_ATOM_CIDR, TSN_ATOM_WILDCARD, TSN_ATOM_REGEX};
	static const char *const phrases[] = {"port 22", "=root", " port", "root ", "10.0.0.1 10.0",
		".0.0.1", "0.0.0", "a b", "70-01-01", "01T00:00", "00:0", "t r", "r=root", "k\":\"root\"",
		"user", "7.77 port", "K\xc3\xb6ln", "oot", "\xff" "0\xff" "1\xff" "0\xff"};
	static const char *const regexes[] = {"ro+t", "adm[a-i]n", "Fail.* ", "port (a b|22) ?root",
		"root|admin", "\\d+ root", "10\\.0\\.0\\.[12]", "(?i)FAILED", "ro{1,2}t", "us?er=", "x{0}oot",
		"a.b", "port 22$", "[]x]?ssh2"};
	static const char *const fields[] = {"user.name", "source.ip", "source.port", "a", "a.b",
		"a.c.d", "message", "tags", "related.ip", "event.action", "event.category",
		"related.ip[0]", "labels", "event.sequence"};
	struct tsn_atom atom = {.op = ops[rnd(TSN_COUNT(ops))], .number = rnd(30),
	    .value = tsn_slice_cstr(word()), .flags = rnd(4) ? 0 : TSN_ATOM_CASED};
	bool record = (atom.op == TSN_ATOM_WORD && rnd(4)) || atom.op == TSN_ATOM_KEYWORD;

	if (!record)
		atom.field = tsn_slice_cstr(fields[rnd(TSN_COUNT(fields))]);
	if (atom.op == TSN_ATOM_CIDR)
		atom.value = TSN_SLICE("10.0.0.0/31");
	if (atom.op == TSN_ATOM_WILDCARD || (record && rnd(3) == 0)) {
		static const char *const wild[] = {"ro\xff", "\xff.0.0.\xfe", ("\xff" "o\xff"), "fai\xff",
			"port \xff"};

		atom.value = tsn_slice_cstr(wild[rnd(TSN_COUNT(wild))]);
	}
	if (!record && rnd(4) == 0 && (atom.op == TSN_ATOM_CONTAINS || atom.op == TSN_ATOM_WORD ||
	    atom.op == TSN_ATOM_REGEX))
		atom.field = TSN_SLICE("event.original");
	if (record || tsn_slice_eq(atom.field, TSN_SLICE("event.original")))
		if (rnd(3))
			atom.value = tsn_slice_cstr(phrases[rnd(TSN_COUNT(phrases))]);
	if (atom.op == TSN_ATOM_REGEX) {
		atom.value = tsn_slice_cstr(regexes[rnd(TSN_COUNT(regexes))]);
		atom.flags = rnd(2) ? 0 : TSN_ATOM_RE_I;
	}
	return tsn_pred_atom(a, &atom);
}

static const struct tsn_pred *
make_pred(struct tsn_arena *a, uint32_t depth)
{
	const struct tsn_pred *kids[3];
	uint32_t n = 1 + rnd(3), kind = depth == 0 ? 3 : rnd(4);

	if (kind == 3)
		return make_atom(a);
	for (uint32_t i = 0; i < n; i++)
		kids[i] = make_pred(a, depth - 1);
	if (kind == 2)
		return tsn_pred_not(a, kids[0]);
	return tsn_pred_group(a, kind == 0 ? TSN_PRED_AND : TSN_PRED_OR, kids, n);
}

static void
show(const struct tsn_pred *p, uint32_t depth)
{
	char value[64], field[64];

	if (p->op == TSN_PRED_ATOM)
		print_message("# %*sop %d flags %u field '%s' value '%s' number %g\n", (int)depth * 2, "",
		    (int)p->atom.op, p->atom.flags,
		    tsn_slice_escape(p->atom.field, field, sizeof field),
		    tsn_slice_escape(p->atom.value, value, sizeof value), p->atom.number);
	else
		print_message("# %*snode %d\n", (int)depth * 2, "", (int)p->op);
	for (uint32_t i = 0; i < p->kid_count; i++)
		show(p->kids[i], depth + 1);
}

/* What comes counted together: matches by the value of a field, with a span or without. */
struct counted {
	struct seen *seen;
	tsn_key key;
	uint64_t count, sum;
};

static void
count_event(struct counted *c, const struct tsn_event *ev, uint64_t n, int64_t span)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < ev->field_count; i++)
		if (ev->fields[i].key == c->key)
			sum += tsn_hash_bytes(ev->fields[i].ptr == NULL ? "" : ev->fields[i].ptr,
			    ev->fields[i].len, ev->fields[i].type) ^ (uint64_t)ev->fields[i].num.u;
	c->count += n;
	c->sum += (sum ^ (span > 0 ? (uint64_t)tsn_time_floor(ev->time_ns, span) : 0)) * n;
}

static int64_t the_span;

static enum tsn_code
count_rows(void *ctx, const struct tsn_batch *rows, struct tsn_err *e)
{
	struct counted *c = ctx;

	(void)e;
	for (uint32_t i = 0; i < rows->count; i++)
		if (tsn_match_eval(c->seen->match, &c->seen->scratch, &rows->events[i]))
			count_event(c, &rows->events[i], 1, the_span);
	return TSN_OK;
}

static enum tsn_code
count_tally(void *ctx, const struct tsn_batch *rows, const uint64_t *counts, struct tsn_err *e)
{
	(void)e;
	for (uint32_t i = 0; i < rows->count; i++)
		count_event(ctx, &rows->events[i], counts[i], the_span);
	return TSN_OK;
}

static void
check_tally(struct tsn_store_reader *r, struct seen *seen, const struct tsn_pred *p)
{
	struct counted c[2] = {{.seen = seen, .key = rnd(3) ? pick_key() : TSN_F_TIMESTAMP}};
	struct tsn_store_scan scan = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .rows = count_rows,
	    .tally_fields = &c[0].key, .tally_field_count = 1};

	c[1] = c[0];
	the_span = rnd(2) ? 0 : 1000;
	if (rnd(4) == 0) {
		scan.from_ns = rnd(50000);
		scan.to_ns = scan.from_ns + rnd(50000) + 1;
	}
	for (int i = 0; i < 2; i++) {
		scan.ctx = &c[i];
		scan.hint = i == 0 ? NULL : p;
		scan.tally = i == 0 ? NULL : count_tally;
		scan.tally_span_ns = the_span;
		OK(tsn_store_scan(r, &scan, &err));
	}
	if (c[0].count != c[1].count || c[0].sum != c[1].sum) {
		show(p, 0);
		fail_msg("%llu events one by one, %llu counted", (unsigned long long)c[0].count,
		    (unsigned long long)c[1].count);
	}
}

static void
check_preds(struct tsn_store_reader *r)
{
	struct tsn_match_env env = {.keys = keys};
	struct seen plain = {0};

	OK(tsn_match_scratch_init(&plain.scratch));
	for (uint32_t i = 0; i < PREDS; i++) {
		struct tsn_arena a;
		const struct tsn_pred *p;
		struct tsn_match *m;
		uint64_t sum, count;

		tsn_arena_init(&a, 1 << 20);
		p = make_pred(&a, 3);
		assert_non_null(p);
		OK(tsn_match_compile(p, &env, &m, &err));
		plain.match = m;
		scan(r, &plain, NULL);
		sum = plain.sum;
		count = plain.count;
		scan(r, &plain, p);
		if (plain.sum != sum || plain.count != count) {
			show(p, 0);
			fail_msg("predicate %u: %llu events, with hint %llu", i,
			    (unsigned long long)count, (unsigned long long)plain.count);
		}
		check_tally(r, &plain, p);
		tsn_match_free(m);
		tsn_arena_done(&a);
	}
	tsn_match_scratch_done(&plain.scratch);
}

static void
remove_dir(void)
{
	char cmd[128];

	assert_true(snprintf(cmd, sizeof cmd, "rm -rf %s", dir) > 0);
	assert_int_equal(system(cmd), 0);
}

static void
check_round(uint64_t seed)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	struct tsn_store_verify v = {0};
	struct tsn_store_reader *r;
	struct seen s = {0};
	uint64_t sum = 0;

	state = seed;
	OK(tsn_batch_init(&b, keys, EVENTS));
	make_events(&b);
	for (uint32_t i = 0; i < b.count; i++)
		sum += digest(&b.events[i]);
	write_store(&b);
	OK(tsn_store_reader_open(dir, keys, &r, &err));
	for (int down = 0; down < 2; down++) {
		s.down = down;
		scan(r, &s, NULL);
		assert_int_equal(s.count, b.count);
		assert_true(s.sum == sum);
	}
	check_preds(r);
	tsn_store_reader_close(r);
	OK(tsn_store_verify(dir, keys, &v, &err));
	assert_int_equal(v.damaged, 0);
	assert_int_equal(v.events, b.count);
}

static void
test_random(void **ignored)
{
	const char *text = getenv("TOCSIN_SEED");
	uint64_t seed = text == NULL ? 1 : strtoull(text, NULL, 10);

	(void)ignored;
	for (uint32_t i = 0; i < ROUNDS; i++) {
		(void)snprintf(dir, sizeof dir, "/tmp/tsn-store-XXXXXX");
		assert_non_null(mkdtemp(dir));
		print_message("# seed %llu\n", (unsigned long long)(seed + i));
		check_round(seed + i);
		remove_dir();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
	int failed;

	keys = tsn_keys_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	tsn_keys_free(keys);
	return failed;
}
