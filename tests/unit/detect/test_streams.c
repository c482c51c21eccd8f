/*
 * Property: of a stream of events the same alerts come with the same ids, counts and times, whatever
 * the order within the lateness, the cut into batches, the deliveries that are repeated, and the
 * points at which the engine is killed.  What the engine says of the whole stream, sorted, is what
 * must come of all of them.
 *
 * Of a killed engine there is what was durable: the events up to the last commit (the store), the
 * alerts of up to then, and a snapshot that is older, or none.  What was not committed, and some of
 * what was, is delivered again.
 *
 * TOCSIN_STREAMS is the number of streams, TOCSIN_SEED the first one's seed; each seed is one stream.
 */
#include "corr_lib.h"

#include "base/buf.h"

#define DELIVERIES_MAX (EVENTS_MAX * 2)
#define LATENESS 20
#define STREAMS 1500u
#define SEED 1000u

static uint64_t state;

static unsigned
next(unsigned below)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(state >> 33) % below;
}

struct delivery {
	struct happening what;
	int64_t when;			/* order of delivery */
	int64_t created_ns;		/* newest event time so far: the clock */
};

struct stream {
	struct happening list[EVENTS_MAX];
	unsigned count;
	struct delivery sent[DELIVERIES_MAX];
	unsigned sent_count;
};

/* An engine that is killed now and then, and what outlives it. */
struct life {
	const struct tsn_ruleset *set;
	struct tsn_taxonomy *taxonomy;
	struct tsn_detect *d;
	const struct stream *s;
	unsigned committed;		/* deliveries in the store */
	struct result told;		/* by alerts that are durable */
	struct result pending;		/* told since the last commit */
	struct tsn_buf snapshot;
	unsigned kills, resumed;
};

static void
make_stream(struct stream *s)
{
	static const char *const users[] = {"a", "b", "c"}, *const values[] = {"1", "2", "3", "4"};
	static const char *const whats[] = {"fail", "fail", "fail", "ok", "out"};
	unsigned step = 2 + next(8);
	int64_t at = 1000;

	s->count = 30 + next(90);
	for (unsigned i = 0; i < s->count; i++) {
		at += next(30) == 0 ? next(60) : next(step);
		s->list[i] = (struct happening){at, whats[next(5)], users[next(3)], values[next(4)]};
	}
}

static int
by_when(const void *a, const void *b)
{
	const struct delivery *x = a, *y = b;

	return x->when < y->when ? -1 : x->when > y->when;
}

/* Each event once and some again, none later than the lateness allows. */
static void
deliver(struct stream *s)
{
	int64_t newest = 0;

	s->sent_count = 0;
	for (unsigned i = 0; i < s->count; i++) {
		unsigned times = 1 + (next(5) == 0 ? 1u : 0u) + (next(20) == 0 ? 1u : 0u);

		for (; times > 0 && s->sent_count < DELIVERIES_MAX; times--)
			s->sent[s->sent_count++] = (struct delivery){.what = s->list[i],
			    .when = (s->list[i].at + (int64_t)next(LATENESS)) * 1000 + (int64_t)next(1000)};
	}
	qsort(s->sent, s->sent_count, sizeof s->sent[0], by_when);
	for (unsigned i = 0; i < s->sent_count; i++) {
		newest = s->sent[i].what.at > newest ? s->sent[i].what.at : newest;
		s->sent[i].created_ns = newest * SEC;
	}
}

/* As the alert queue: one entry an id, with the highest count. */
static void
merge(struct result *to, const struct result *from)
{
	for (unsigned i = 0; i < from->count; i++) {
		unsigned k = 0;

		while (k < to->count && by_id(to->told[k].id, from->told[i].id) != 0)
			k++;
		if (k == to->count)
			to->count++;
		else if (to->told[k].count > from->told[i].count)
			continue;
		assert_true(k < FOUND_MAX);
		to->told[k] = from->told[i];
	}
}

static void
begin(struct life *l)
{
	static const struct tsn_detect_options live = {.lateness_ns = LATENESS * SEC};

	assert_int_equal(tsn_detect_new(l->set, l->taxonomy, keys, &live, &l->d, NULL), TSN_OK);
}

static void
commit(struct life *l, unsigned sent)
{
	merge(&l->told, &l->pending);
	l->pending.count = 0;
	l->committed = sent;
	if (next(3) > 0 || tsn_detect_mark(l->d) == INT64_MIN)
		return;
	tsn_buf_reset(&l->snapshot);
	assert_int_equal(tsn_detect_save(l->d, &l->snapshot), TSN_OK);
}

static int
by_time(const void *a, const void *b)
{
	const struct delivery *x = a, *y = b;

	return x->what.at < y->what.at ? -1 : x->what.at > y->what.at;
}

/* What the store holds, from where the snapshot ends. */
static void
read_back(struct life *l)
{
	static struct delivery rows[DELIVERIES_MAX];
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};
	int64_t from = tsn_detect_resume_ns(l->d);

	assert_int_equal(tsn_batch_init(&b, keys, DELIVERIES_MAX), TSN_OK);
	memcpy(rows, l->s->sent, l->committed * sizeof rows[0]);
	qsort(rows, l->committed, sizeof rows[0], by_time);
	tsn_detect_replay_begin(l->d, NULL, 0);
	for (unsigned i = 0; i < l->committed; i++) {
		if (rows[i].what.at * SEC >= from)
			add(&b, &rows[i].what, rows[i].created_ns);
		if (b.count > 0 && (i + 1 == l->committed || next(10) == 0)) {
			assert_int_equal(tsn_detect_batch(l->d, &b, on_finding, &l->pending), TSN_OK);
			tsn_batch_reset(&b);
		}
	}
	tsn_detect_replay_end(l->d, l->committed == 0 ? 0 : l->s->sent[l->committed - 1].created_ns);
}

/* Returns from where delivery goes on. */
static unsigned
kill_engine(struct life *l)
{
	unsigned again = next(4);

	/* Alerts are made durable before events: they may have been already. */
	if (next(2))
		merge(&l->told, &l->pending);
	l->pending.count = 0;
	tsn_detect_free(l->d);
	begin(l);
	l->kills++;
	if (l->snapshot.len > 0) {
		assert_int_equal(tsn_detect_resume(l->d, tsn_buf_get(&l->snapshot), NULL), TSN_OK);
		l->resumed++;
	}
	read_back(l);
	return l->committed > again ? l->committed - again : 0;
}

static void
live(struct life *l, bool kills)
{
	struct tsn_batch b TSN_CLEANUP(tsn_batch_done) = {0};

	assert_int_equal(tsn_batch_init(&b, keys, 16), TSN_OK);
	begin(l);
	for (unsigned sent = 0; sent < l->s->sent_count;) {
		unsigned cut = 1 + next(9);

		for (; cut > 0 && sent < l->s->sent_count; cut--, sent++)
			add(&b, &l->s->sent[sent].what, l->s->sent[sent].created_ns);
		assert_int_equal(tsn_detect_batch(l->d, &b, on_finding, &l->pending), TSN_OK);
		tsn_batch_reset(&b);
		if (next(6) == 0)
			assert_int_equal(tsn_detect_tick(l->d, l->s->sent[sent - 1].created_ns, on_finding,
			    &l->pending), TSN_OK);
		if (next(3) == 0)
			commit(l, sent);
		if (kills && next(12) == 0)
			sent = kill_engine(l);
	}
	assert_int_equal(tsn_detect_finish(l->d, on_finding, &l->pending), TSN_OK);
	merge(&l->told, &l->pending);
	tsn_detect_free(l->d);
}

static void
compare(const struct corr_case *c, uint64_t seed, const char *what, struct result *want,
    struct result *got)
{
	qsort(want->told, want->count, sizeof want->told[0], by_id);
	qsort(got->told, got->count, sizeof got->told[0], by_id);
	if (want->count != got->count)
		fail_msg("seed %llu, %s, %s: %u alerts, %u expected", (unsigned long long)seed, c->name, what,
		    got->count, want->count);
	for (unsigned i = 0; i < want->count; i++) {
		const struct told *w = &want->told[i], *g = &got->told[i];

		if (by_id(w->id, g->id) != 0 || w->count != g->count || w->first != g->first ||
		    w->last != g->last || strcmp(w->user, g->user) != 0)
			fail_msg("seed %llu, %s, %s: %s %llu %lld-%lld, expected %s %llu %lld-%lld",
			    (unsigned long long)seed, c->name, what, g->user, (unsigned long long)g->count,
			    (long long)g->first, (long long)g->last, w->user, (unsigned long long)w->count,
			    (long long)w->first, (long long)w->last);
	}
}

/* Files: any order at all. */
static void
shuffle(struct stream *s)
{
	for (unsigned i = s->sent_count; i > 1; i--) {
		unsigned k = next(i);
		struct delivery x = s->sent[i - 1];

		s->sent[i - 1] = s->sent[k];
		s->sent[k] = x;
	}
}

static void
one_stream(const struct corr_case *c, uint64_t seed, uint64_t sums[3])
{
	static struct stream s;
	static struct result want, got;
	static struct happening list[DELIVERIES_MAX];
	static struct life l;

	state = seed * 2654435761u + 1;
	make_stream(&s);
	deliver(&s);
	l = (struct life){.set = load(c->yaml), .taxonomy = tsn_taxonomy_new(), .s = &s};
	assert_non_null(l.taxonomy);
	run(l.set, s.list, s.count, 0, &once, &want);
	tsn_buf_init(&l.snapshot, 64 << 20);
	live(&l, true);
	compare(c, seed, "live", &want, &l.told);
	shuffle(&s);
	for (unsigned i = 0; i < s.sent_count; i++)
		list[i] = s.sent[i].what;
	run(l.set, list, s.sent_count, 1 + next(7), &once, &got);
	compare(c, seed, "files", &want, &got);
	sums[0] += want.count;
	sums[1] += l.kills;
	sums[2] += l.resumed;
	tsn_buf_done(&l.snapshot);
	tsn_taxonomy_free(l.taxonomy);
	tsn_ruleset_free((struct tsn_ruleset *)(uintptr_t)l.set);
}

static uint64_t
number_of(const char *name, uint64_t other)
{
	const char *text = getenv(name);

	return text == NULL ? other : strtoull(text, NULL, 10);
}

static void
test_streams(void **unused)
{
	uint64_t count = number_of("TOCSIN_STREAMS", STREAMS), seed = number_of("TOCSIN_SEED", SEED);
	uint64_t sums[3] = {0};

	(void)unused;
	for (uint64_t i = 0; i < count; i++)
		one_stream(&cases[(seed + i) % case_count], seed + i, sums);
	print_message("# %llu streams, seeds %llu to %llu, %u correlations: %llu alerts, %llu kills, %llu "
	    "with a snapshot\n", (unsigned long long)count, (unsigned long long)seed,
	    (unsigned long long)(seed + count - 1), case_count, (unsigned long long)sums[0],
	    (unsigned long long)sums[1], (unsigned long long)sums[2]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams),
	};
	int failed;

	keys = tsn_keys_new();
	failed = keys == NULL ? 1 : cmocka_run_group_tests_name("detect_streams", tests, NULL, NULL);
	tsn_keys_free(keys);
	return failed;
}
