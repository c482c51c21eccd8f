/*
 * Updates per CPU-second of one event_count correlation, and memory per group: events are made in
 * batches of 1024 and detected; what making them costs is measured alone and taken off.
 *
 * usage: bench_corr [GROUPS [EVENTS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "detect/detect.h"
#include "rule/load.h"

#define BATCH 1024u

static const char rules[] =
    "title: base\nid: b\nname: fail\nlogsource: {product: t}\n"
    "detection: {sel: {what: fail}, condition: sel}\n---\n"
    "title: corr\nid: k\ncorrelation:\n  type: event_count\n  rules: [fail]\n  group-by: [user]\n"
    "  timespan: 1h\n  condition: {gte: 1000}\n";

static double
cpu_sec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static enum tsn_code
on_finding(void *ctx, const struct tsn_finding *finding)
{
	(void)ctx;
	(void)finding;
	return TSN_OK;
}

static void
make(struct tsn_batch *b, uint64_t n, uint64_t groups, const tsn_key keys[3], char (*names)[16])
{
	static const struct tsn_source source = {.path = {"bench", 5}, .id = 1};
	struct tsn_event *ev = tsn_batch_begin(b);
	int len = snprintf(names[b->count], 16, "u%llu",
	    (unsigned long long)(n * 2654435761u % groups));

	if (ev == NULL)
		abort();
	ev->source = &source;
	ev->offset = n;
	ev->original = (struct tsn_slice){names[b->count], (size_t)len};
	ev->time_ns = ev->created_ns = INT64_C(1700000000000000000) + (int64_t)n * 1000000;
	tsn_event_add_str(b, keys[0], TSN_SLICE("t"));
	tsn_event_add_str(b, keys[1], TSN_SLICE("fail"));
	tsn_event_add_str(b, keys[2], ev->original);
	tsn_batch_seal(b);
}

static double
run(struct tsn_detect *d, struct tsn_keys *keys, uint64_t groups, uint64_t events)
{
	const tsn_key names[3] = {tsn_keys_intern(keys, TSN_SLICE("product")),
	    tsn_keys_intern(keys, TSN_SLICE("what")), tsn_keys_intern(keys, TSN_SLICE("user"))};
	static char texts[BATCH][16];
	struct tsn_batch b;
	double from = cpu_sec();

	if (tsn_batch_init(&b, keys, BATCH) != TSN_OK)
		abort();
	for (uint64_t n = 0; n < events; n++) {
		make(&b, n, groups, names, texts);
		if (!tsn_batch_full(&b))
			continue;
		if (d != NULL && tsn_detect_batch(d, &b, on_finding, NULL) != TSN_OK)
			abort();
		tsn_batch_reset(&b);
	}
	tsn_batch_done(&b);
	return cpu_sec() - from;
}

int
main(int argc, char **argv)
{
	uint64_t groups = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
	uint64_t events = argc > 2 ? strtoull(argv[2], NULL, 10) : 3000000;
	struct tsn_detect_options options = {.state_bytes = (size_t)2 << 30, .lateness_ns = 1};
	struct tsn_loader *loader = tsn_loader_new();
	struct tsn_taxonomy *taxonomy = tsn_taxonomy_new();
	struct tsn_keys *keys = tsn_keys_new();
	struct tsn_detect_corr_stats stats;
	struct tsn_rule_report report;
	struct tsn_ruleset *set;
	struct tsn_detect *d;
	struct rusage use;
	double making, all;

	if (loader == NULL || taxonomy == NULL || keys == NULL ||
	    tsn_loader_add_text(loader, TSN_SLICE("bench.yml"), TSN_SLICE("bench"),
		TSN_SLICE(rules)) != TSN_OK ||
	    tsn_loader_finish(loader, &set, &report, NULL) != TSN_OK ||
	    tsn_detect_new(set, taxonomy, keys, &options, &d, NULL) != TSN_OK)
		return 1;
	making = run(NULL, keys, groups, events);
	all = run(d, keys, groups, events);
	for (uint32_t i = 0; i < set->count; i++)
		if (tsn_detect_corr_stats(d, i, &stats))
			printf("%llu updates of %llu groups: %.2f M per CPU-second (%.2f M with making the "
			    "events), %llu bytes per group, %llu evicted, %llu late\n",
			    (unsigned long long)stats.hits, (unsigned long long)stats.groups,
			    (double)stats.hits / (all - making) / 1e6, (double)stats.hits / all / 1e6,
			    (unsigned long long)(stats.bytes / (stats.groups == 0 ? 1 : stats.groups)),
			    (unsigned long long)stats.evicted, (unsigned long long)stats.late);
	getrusage(RUSAGE_SELF, &use);
	printf("peak RSS %ld kB\n", use.ru_maxrss);
	tsn_detect_free(d);
	tsn_ruleset_free(set);
	tsn_loader_free(loader);
	tsn_taxonomy_free(taxonomy);
	tsn_keys_free(keys);
	return 0;
}
