/*
 * Events per CPU-second of parsing and detection: the lines of files, already in memory, through
 * tsn_parser_record and tsn_detect_batch in batches of 1024.
 *
 * usage: bench_detect RULES_DIR ROUNDS [--counts] [--no-detect] [--flatten] [--pairs] FILE...
 * --counts: findings per rule.  --no-detect: parsing alone, for comparison.  --flatten: the lines
 * are JSON of no known kind; they are flattened without recognition.  --pairs: line and rule of each
 * finding, for comparison with other engines.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "content/content.h"
#include "detect/detect.h"
#include "event/doc.h"
#include "parse/parse.h"
#include "rule/load.h"

#define BATCH 1024u

static double
cpu_sec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct tsn_slice
read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct tsn_slice v = {NULL, 0};
	char *buf;
	long size;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0)
		goto out;
	rewind(f);
	buf = malloc((size_t)size + 1);
	if (buf != NULL)
		v = (struct tsn_slice){buf, fread(buf, 1, (size_t)size, f)};
out:
	if (f != NULL)
		fclose(f);
	return v;
}

static uint64_t findings;
static bool pairs;

static enum tsn_code
on_finding(void *ctx, const struct tsn_finding *finding)
{
	(void)ctx;
	findings += finding->count > 0;
	if (pairs)
		printf("%llu\t%.*s\n", (unsigned long long)finding->event->line,
		    TSN_SLICE_ARG(finding->rule->id));
	return TSN_OK;
}

struct bench {
	struct tsn_keys *keys;
	struct tsn_parser *parser;
	struct tsn_batch batch;
	struct tsn_detect *detect;
	struct tsn_doc *doc;
	bool no_detect;
	bool flatten;
};

/* A JSON document of no known kind, without asking which kind it is. */
static enum tsn_code
flatten(struct bench *b, const struct tsn_record *rec)
{
	struct tsn_event *ev = tsn_batch_begin(&b->batch);

	if (ev == NULL)
		return TSN_ELIMIT;
	ev->source = rec->source;
	ev->original = rec->bytes;
	ev->offset = rec->offset;
	ev->line = rec->line;
	ev->created_ns = rec->received_ns;
	TSN_TRY(tsn_doc_flatten(b->doc, &b->batch, TSN_KEY_ROOT, NULL, rec->bytes, NULL));
	tsn_batch_seal(&b->batch);
	return TSN_OK;
}

static void
flush(struct bench *b)
{
	if (!b->no_detect &&
	    tsn_detect_batch(b->detect, &b->batch, on_finding, NULL) != TSN_OK)
		abort();
	tsn_batch_reset(&b->batch);
}

static uint64_t
run(struct bench *b, struct tsn_slice text)
{
	static const struct tsn_source source = {.path = {"/var/log/bench.log", 18}, .id = 1};
	struct tsn_record rec = {.source = &source, .received_ns = INT64_C(1767225600000000000)};
	const char *at = text.ptr, *end = text.ptr + text.len;
	const struct tsn_event *ev;
	uint64_t n = 0;

	while (at < end) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		const char *stop = nl == NULL ? end : nl;

		rec.bytes = (struct tsn_slice){at, (size_t)(stop - at)};
		rec.offset = (uint64_t)(at - text.ptr);
		rec.line++;
		if (tsn_batch_full(&b->batch))
			flush(b);
		if ((b->flatten ? flatten(b, &rec) :
		    tsn_parser_record(b->parser, &rec, &b->batch, &ev)) != TSN_OK)
			abort();
		n++;
		at = stop + 1;
	}
	flush(b);
	return n;
}

static void
measure(struct bench *b, const char *path, int rounds)
{
	struct tsn_slice text = read_file(path);
	const char *name = strrchr(path, '/');
	double best = 1e9;
	uint64_t n = 0, found = 0;

	if (text.ptr == NULL)
		abort();
	for (int i = 0; i < rounds; i++) {
		double from = cpu_sec(), sec;

		findings = 0;
		n = run(b, text);
		sec = cpu_sec() - from;
		best = sec < best ? sec : best;
		found = findings;
	}
	printf("%-28s %7llu events %8llu findings %7.0f ns each %8.0f k events/s %6.0f MB/s\n",
	    name == NULL ? path : name + 1, (unsigned long long)n, (unsigned long long)found,
	    best * 1e9 / (double)n, (double)n / best / 1e3, (double)text.len / best / 1e6);
	free((void *)(uintptr_t)text.ptr);
}

static struct tsn_taxonomy *
taxonomy_of_content(void)
{
	struct tsn_taxonomy *t = tsn_taxonomy_new();
	const struct tsn_content_file *f;
	struct tsn_err err;
	size_t n;

	if (t == NULL)
		abort();
	f = tsn_content_below(TSN_SLICE("taxonomy/"), &n);
	for (size_t i = 0; i < n; i++) {
		if (!tsn_slice_ends(f[i].name, TSN_SLICE(".yml")))
			continue;
		if (tsn_taxonomy_add(t, f[i].name, f[i].data, &err) != TSN_OK) {
			fprintf(stderr, "%s\n", err.msg);
			exit(2);
		}
	}
	return t;
}

int
main(int argc, char **argv)
{
	struct bench b = {.keys = tsn_keys_new()};
	struct tsn_loader *loader = tsn_loader_new();
	struct tsn_ruleset *rules = NULL;
	struct tsn_rule_report report;
	struct tsn_taxonomy *taxonomy = taxonomy_of_content();
	struct tsn_detect_stats stats;
	struct tsn_err err = {0};
	struct rusage use;
	bool counts = false;
	double from = cpu_sec(), loaded, made;
	int rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 0, first = 3;

	for (; first < argc && strncmp(argv[first], "--", 2) == 0; first++) {
		counts |= strcmp(argv[first], "--counts") == 0;
		pairs |= strcmp(argv[first], "--pairs") == 0;
		b.no_detect |= strcmp(argv[first], "--no-detect") == 0;
		b.flatten |= strcmp(argv[first], "--flatten") == 0;
	}
	b.doc = b.keys == NULL ? NULL : tsn_doc_new(b.keys);
	if (rounds < 1 || b.doc == NULL || loader == NULL ||
	    (b.parser = tsn_parser_new(b.keys)) == NULL ||
	    tsn_batch_init(&b.batch, b.keys, BATCH) != TSN_OK ||
	    tsn_loader_add_path(loader, argv[1], &err) != TSN_OK ||
	    tsn_loader_finish(loader, &rules, &report, &err) != TSN_OK) {
		fprintf(stderr, "usage: bench_detect RULES_DIR ROUNDS [--counts] [--no-detect] [--flatten] [--pairs] FILE...\n"
		    "%s\n", err.msg);
		return 2;
	}
	loaded = cpu_sec();
	tsn_loader_free(loader);
	if (tsn_detect_new(rules, taxonomy, b.keys, NULL, &b.detect, &err) != TSN_OK) {
		fprintf(stderr, "%s\n", err.msg);
		return 2;
	}
	made = cpu_sec();
	printf("%u rules read in %.1f ms, engine made in %.1f ms\n", rules->count,
	    (loaded - from) * 1e3, (made - loaded) * 1e3);
	for (int i = first; i < argc; i++)
		measure(&b, argv[i], rounds);
	tsn_detect_stats(b.detect, &stats);
	getrusage(RUSAGE_SELF, &use);
	printf("%llu events, %llu without rules, %llu findings, %llu conditions run, %u plans "
	    "compiled in %.1f ms, %u rules broken, peak RSS %ld kB\n",
	    (unsigned long long)stats.events, (unsigned long long)stats.events_unrouted,
	    (unsigned long long)stats.findings, (unsigned long long)stats.rules_looked_at, stats.plans,
	    (double)stats.compile_ns / 1e6, stats.rules_broken, use.ru_maxrss);
	for (uint32_t i = 0; counts && i < rules->count; i++)
		if (tsn_detect_rule_counts(b.detect)[i] > 0)
			printf("%8llu %.*s %.*s\n", (unsigned long long)tsn_detect_rule_counts(b.detect)[i],
			    TSN_SLICE_ARG(rules->rules[i].id), TSN_SLICE_ARG(rules->rules[i].name));
	tsn_detect_free(b.detect);
	tsn_doc_free(b.doc);
	tsn_batch_done(&b.batch);
	tsn_parser_free(b.parser);
	tsn_taxonomy_free(taxonomy);
	tsn_ruleset_free(rules);
	tsn_keys_free(b.keys);
	return 0;
}
