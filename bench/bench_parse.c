/*
 * Events per CPU-second of the parser alone: the lines of a file, already in memory, through
 * tsn_parser_record in batches of 1024.
 *
 * usage: bench_parse FILE [ROUNDS] [--kinds]
 * --kinds: number of events per dataset and action instead.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "parse/parse.h"

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

struct count {
	char name[96];
	uint64_t events, fields;
};

static struct count counts[512];

static void
count_event(const struct tsn_event *ev)
{
	struct tsn_slice action = tsn_event_str(ev, TSN_F_EVENT_ACTION);
	char name[96];
	size_t i = 0;

	snprintf(name, sizeof name, "%.*s %.*s%s", TSN_SLICE_ARG(ev->dataset), TSN_SLICE_ARG(action),
	    ev->flags & TSN_EV_ERROR ? " (error)" : "");
	while (i < 511 && counts[i].name[0] != '\0' && strcmp(counts[i].name, name) != 0)
		i++;
	memcpy(counts[i].name, name, sizeof name);
	counts[i].events++;
	counts[i].fields += ev->field_count;
}

static uint64_t
run(struct tsn_parser *p, struct tsn_batch *b, struct tsn_slice text, bool kinds)
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
		if (tsn_batch_full(b))
			tsn_batch_reset(b);
		if (tsn_parser_record(p, &rec, b, &ev) != TSN_OK)
			abort();
		if (kinds && ev != NULL)
			count_event(ev);
		n++;
		at = stop + 1;
	}
	tsn_batch_reset(b);
	return n;
}

int
main(int argc, char **argv)
{
	struct tsn_slice text = read_file(argc > 1 ? argv[1] : "/dev/null");
	int rounds = argc > 2 && argv[2][0] != '-' ? (int)strtol(argv[2], NULL, 10) : 3;
	bool kinds = argc > 2 && strcmp(argv[argc - 1], "--kinds") == 0;
	struct tsn_keys *keys = tsn_keys_new();
	struct tsn_parser *p = keys == NULL ? NULL : tsn_parser_new(keys);
	struct tsn_batch b;
	struct rusage use;

	if (text.ptr == NULL || p == NULL || tsn_batch_init(&b, keys, BATCH) != TSN_OK) {
		fprintf(stderr, "usage: bench_parse FILE [ROUNDS] [--kinds]\n");
		return 2;
	}
	for (int i = 0; i < (kinds ? 1 : rounds); i++) {
		double from = cpu_sec(), sec;
		uint64_t n = run(p, &b, text, kinds);

		sec = cpu_sec() - from;
		if (n == 0 || kinds)
			continue;
		printf("%llu events, %.0f ns each, %.2f M events per CPU-second, %.0f MB/s\n",
		    (unsigned long long)n, sec * 1e9 / (double)n, (double)n / sec / 1e6,
		    (double)text.len / sec / 1e6);
	}
	for (size_t i = 0; i < 511 && counts[i].name[0] != '\0'; i++)
		printf("%8llu %5.1f %s\n", (unsigned long long)counts[i].events,
		    (double)counts[i].fields / (double)counts[i].events, counts[i].name);
	getrusage(RUSAGE_SELF, &use);
	printf("peak RSS %ld kB (%zu kB of it the file)\n", use.ru_maxrss, text.len / 1024);
	tsn_batch_done(&b);
	tsn_parser_free(p);
	tsn_keys_free(keys);
	free((void *)(uintptr_t)text.ptr);
	return 0;
}
