/*
 * The store alone: the lines of a file through the parser (not counted) into a store, committed
 * every COMMIT_MB of text; then read back and, with --check, compared field by field with what the
 * parser says of the same line.
 *
 * usage: bench_store FILE DIR [COMMIT_MB] [--check]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "parse/parse.h"
#include "store/store.h"

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

static uint64_t
import(struct input *in, const char *dir, uint64_t commit_bytes, double *ret_sec)
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
	struct input in;
	struct tsn_batch batch;
	struct tsn_arena text;
	uint32_t at;
	uint64_t events, bad;
	bool compare;
};

static bool
equal(const struct tsn_event *a, const struct tsn_event *b)
{
	if (!tsn_slice_eq(a->original, b->original) || a->time_ns != b->time_ns ||
	    a->offset != b->offset || a->line != b->line || a->flags != b->flags ||
	    a->repeat != b->repeat || memcmp(a->id, b->id, sizeof a->id) != 0 ||
	    !tsn_slice_eq(a->dataset, b->dataset) || a->field_count != b->field_count ||
	    a->pos_count != b->pos_count)
		return false;
	for (uint32_t i = 0; i < a->field_count; i++) {
		const struct tsn_field *x = &a->fields[i], *y = &b->fields[i];
		bool num = x->type >= TSN_T_INT && x->type <= TSN_T_TIME;

		if (x->key != y->key || x->type != y->type || x->pos != y->pos ||
		    x->flags != y->flags || (num && x->num.u != y->num.u) ||
		    (x->ptr != NULL && x->type != TSN_T_NULL && (y->ptr == NULL ||
		    !tsn_slice_eq((struct tsn_slice){x->ptr, x->len},
			(struct tsn_slice){y->ptr, y->len}))))
			return false;
	}
	return a->pos_count == 0 || memcmp(a->pos, b->pos, a->pos_count * sizeof *a->pos) == 0;
}

/* Lines of one file come back in the order of its offsets when its times rise. */
static enum tsn_code
on_rows(void *ctx, const struct tsn_batch *rows, struct tsn_err *e)
{
	struct check *c = ctx;

	(void)e;
	c->events += rows->count;
	for (uint32_t i = 0; c->compare && i < rows->count; i++) {
		if (c->at == c->batch.count) {
			if (!next_batch(&c->in, &c->batch, &c->text))
				return TSN_EOF;
			c->at = 0;
		}
		if (!equal(&c->batch.events[c->at++], &rows->events[i]) && c->bad++ < 3)
			fprintf(stderr, "differs: %.*s\n", TSN_SLICE_ARG(rows->events[i].original));
	}
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
	printf("scan %s: %llu events, %.3f s, %llu differ\n", field == NULL ? "all" : field,
	    (unsigned long long)c->events, cpu_sec() - from, (unsigned long long)c->bad);
	c->events = 0;
}

int
main(int argc, char **argv)
{
	struct input in = {0};
	struct check c = {0};
	struct rusage use;
	double sec;
	uint64_t n, mb = 64;

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
	n = import(&in, argv[2], mb << 20, &sec);
	getrusage(RUSAGE_SELF, &use);
	printf("%llu events, %llu bytes: %.3f s, %.0f ns each, %.0f MB/s, peak RSS %ld kB\n",
	    (unsigned long long)n, (unsigned long long)in.offset, sec, sec * 1e9 / (double)n,
	    (double)in.offset / sec / 1e6, use.ru_maxrss);
	fclose(in.file);
	tsn_parser_free(in.parser);
	c.in.file = fopen(argv[1], "rb");
	c.in.parser = tsn_parser_new(keys);
	c.compare = strcmp(argv[argc - 1], "--check") == 0;
	tsn_arena_init(&c.text, TEXT_MAX);
	must(tsn_batch_init(&c.batch, keys, BATCH), "batch");
	scan(&c, argv[2], NULL, false);
	c.compare = false;
	scan(&c, argv[2], "source.ip", true);
	return c.bad > 0;
}
