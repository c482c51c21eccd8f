/*
 * The store alone: the lines of a file through the parser (not counted) into a store, committed
 * every COMMIT_MB of text; then read back and, with --check, compared with what the parser said
 * (sums of hashes over all that events carry).
 *
 * usage: bench_store FILE DIR [COMMIT_MB] [--check]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/hash.h"
#include "parse/parse.h"
#include "store/verify.h"

#define BATCH 1024u
#define TEXT_MAX (4ul << 30)

static const struct tsn_source source = {.path = {"/var/log/bench.log", 18}, .id = 1};
static struct tsn_keys *keys;
static struct tsn_err err;

static double
cpu_sec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
must(enum tsn_code rc, const char *what)
{
	if (rc == TSN_OK)
		return;
	fprintf(stderr, "%s: %d %s\n", what, (int)rc, err.msg);
	exit(1);
}

struct input {
	FILE *file;
	char *line;
	size_t cap;
	uint64_t offset, number;
	struct tsn_parser *parser;
};

/* One batch of parsed lines; text holds their bytes. False at the end. */
static bool
next_batch(struct input *in, struct tsn_batch *b, struct tsn_arena *text)
{
	const struct tsn_event *ev;
	ssize_t n;

	tsn_batch_reset(b);
	tsn_arena_reset(text);
	while (!tsn_batch_full(b) && (n = getline(&in->line, &in->cap, in->file)) > 0) {
		size_t len = (size_t)n - (in->line[n - 1] == '\n');
		struct tsn_record rec = {.source = &source, .offset = in->offset,
		    .received_ns = INT64_C(1767225600000000000), .line = ++in->number};

		rec.bytes = tsn_arena_dup(text, (struct tsn_slice){in->line, len});
		if (rec.bytes.ptr == NULL)
			exit(1);
		in->offset += (uint64_t)n;
		must(tsn_parser_record(in->parser, &rec, b, &ev), "parse");
	}
	return b->count > 0;
}

/* Everything an event carries as one number; the sum over all events does not know their order. */
static uint64_t
digest(const struct tsn_event *ev)
{
	uint64_t h = tsn_hash_slice(ev->original, ev->id[0] ^ (uint64_t)ev->time_ns);

	h = tsn_hash_slice(ev->dataset, h ^ ev->id[1] ^ ev->offset);
	h ^= ev->line + ((uint64_t)ev->flags << 32) + ((uint64_t)ev->repeat << 48);
	for (uint32_t i = 0; i < ev->field_count; i++) {
		const struct tsn_field *f = &ev->fields[i];
		bool num = f->type >= TSN_T_INT && f->type <= TSN_T_TIME;

		h = h * 31 + f->key + ((uint64_t)f->type << 40) + ((uint64_t)f->pos << 50) + f->flags;
		if (num)
			h = tsn_hash_bytes((const char *)&f->num, 8, h);
		if (f->ptr != NULL && f->type != TSN_T_NULL)
			h = tsn_hash_bytes(f->ptr, f->len, h);
	}
	for (uint32_t i = 0; i < ev->pos_count; i++)
		h = tsn_hash_bytes((const char *)&ev->pos[i], sizeof ev->pos[i], h);
	return h;
}

static uint64_t
import(struct input *in, const char *dir, uint64_t commit_bytes, double *ret_sec,
    uint64_t *ret_sum)
{
	struct tsn_arena text;
	struct tsn_batch b;
	struct tsn_store *s;
	uint64_t events = 0, committed = 0;
	double sec = 0, from;

	tsn_arena_init(&text, TEXT_MAX);
	must(tsn_batch_init(&b, keys, BATCH), "batch");
	must(tsn_store_open(dir, keys, NULL, &s, &err), "open");
	while (next_batch(in, &b, &text)) {
		for (uint32_t i = 0; i < b.count; i++)
			*ret_sum += digest(&b.events[i]);
		from = cpu_sec();
		must(tsn_store_append(s, &b, &err), "append");
		events += b.count;
		if (in->offset - committed >= commit_bytes) {
			must(tsn_store_commit(s, &err), "commit");
			committed = in->offset;
		}
		sec += cpu_sec() - from;
	}
	from = cpu_sec();
	must(tsn_store_close(s, &err), "close");
	*ret_sec = sec + cpu_sec() - from;
	tsn_batch_done(&b);
	tsn_arena_done(&text);
	return events;
}

struct check {
	uint64_t events, sum;
	bool sums;
};

static enum tsn_code
on_rows(void *ctx, const struct tsn_batch *rows, struct tsn_err *e)
{
	struct check *c = ctx;

	(void)e;
	c->events += rows->count;
	for (uint32_t i = 0; c->sums && i < rows->count; i++)
		c->sum += digest(&rows->events[i]);
	return TSN_OK;
}

static void
scan(struct check *c, const char *dir, const char *field, bool newest_first)
{
	tsn_key key = field == NULL ? TSN_KEY_NONE :
	    tsn_keys_intern(keys, tsn_slice_cstr(field));
	struct tsn_store_scan what = {.from_ns = INT64_MIN, .to_ns = INT64_MAX, .rows = on_rows,
	    .ctx = c, .fields = field == NULL ? NULL : &key, .field_count = field != NULL,
	    .newest_first = newest_first};
	struct tsn_store_reader *r;
	struct tsn_slice damage;
	double from = cpu_sec();

	must(tsn_store_reader_open(dir, keys, &r, &err), "read");
	must(tsn_store_scan(r, &what, &err), "scan");
	if (tsn_store_reader_damage(r, &damage) > 0)
		fprintf(stderr, "damage: %.*s\n", TSN_SLICE_ARG(damage));
	tsn_store_reader_close(r);
	printf("scan %s: %llu events, %.3f s\n", field == NULL ? "all" : field,
	    (unsigned long long)c->events, cpu_sec() - from);
	c->events = 0;
}

static void
sizes(const char *dir)
{
	struct tsn_store_reader *r;
	struct tsn_store_stat st;

	must(tsn_store_reader_open(dir, keys, &r, &err), "read");
	must(tsn_store_stat(r, &st, &err), "stat");
	printf("%llu segments, %llu bytes; directories %llu, dictionaries %llu, templates %llu\n",
	    (unsigned long long)st.segments, (unsigned long long)st.segment_bytes,
	    (unsigned long long)st.directory_bytes, (unsigned long long)st.dictionary_bytes,
	    (unsigned long long)st.templates);
	for (uint32_t i = 0; i < st.column_count && i < 20; i++) {
		const struct tsn_store_column_stat *c = &st.columns[i];
		struct tsn_slice name = c->what != NULL ? tsn_slice_cstr(c->what) :
		    tsn_keys_name(keys, c->key);

		printf("%10llu bytes %10llu values  %.*s\n", (unsigned long long)c->packed_bytes,
		    (unsigned long long)c->values, TSN_SLICE_ARG(name));
	}
	tsn_store_stat_done(&st);
	tsn_store_reader_close(r);
}

int
main(int argc, char **argv)
{
	struct input in = {0};
	struct check c = {0};
	struct rusage use;
	double sec;
	uint64_t n, sum = 0, mb = 64;

	if (argc < 3 || (in.file = fopen(argv[1], "rb")) == NULL) {
		fprintf(stderr, "usage: bench_store FILE DIR [COMMIT_MB] [--check]\n");
		return 2;
	}
	if (argc > 3 && argv[3][0] != '-')
		mb = strtoull(argv[3], NULL, 10);
	keys = tsn_keys_new();
	in.parser = keys == NULL ? NULL : tsn_parser_new(keys);
	if (in.parser == NULL)
		return 3;
	n = import(&in, argv[2], mb << 20, &sec, &sum);
	getrusage(RUSAGE_SELF, &use);
	printf("%llu events, %llu bytes: %.3f s, %.0f ns each, %.0f MB/s, peak RSS %ld kB\n",
	    (unsigned long long)n, (unsigned long long)in.offset, sec, sec * 1e9 / (double)n,
	    (double)in.offset / sec / 1e6, use.ru_maxrss);
	fclose(in.file);
	tsn_parser_free(in.parser);
	c.sums = strcmp(argv[argc - 1], "--check") == 0;
	scan(&c, argv[2], NULL, false);
	if (c.sums)
		printf("read back: %s\n", c.sum == sum ? "equal" : "DIFFERENT");
	c.sums = false;
	scan(&c, argv[2], "source.ip", true);
	sizes(argv[2]);
	return 0;
}
