/*
 * JSON lines: events per CPU-second and MB/s of flattening alone, or with --parse of all that a
 * record goes through until its event is sealed.
 * usage: bench_json [--parse] FILE...   (each file is gone over until a second is spent)
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "event/doc.h"
#include "parse/parse.h"

#define BYTES_MAX (256u << 20)
#define BATCH 256u

static double
cpu_seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static char *
read_file(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "rbe");
	char *text = f == NULL ? NULL : malloc(BYTES_MAX);

	if (text != NULL)
		*ret_len = fread(text, 1, BYTES_MAX, f);
	if (f != NULL)
		(void)fclose(f);
	return text;
}

static struct tsn_parser *parser;	/* NULL: flattening alone */

struct count {
	uint64_t events, bytes, fields, refused;
};

static void
round_over(struct tsn_doc *doc, struct tsn_batch *b, struct tsn_slice text, struct count *n)
{
	static const struct tsn_source source = {.path = {"/bench", 6}};

	while (text.len > 0) {
		size_t end = tsn_slice_find_char(text, '\n');
		struct tsn_slice line = {text.ptr, end == SIZE_MAX ? text.len : end};
		struct tsn_event *ev;

		if (b->count == BATCH)
			tsn_batch_reset(b);
		n->events++;
		n->bytes += line.len + 1;
		text = tsn_slice_from(text, line.len + 1);
		if (parser != NULL) {
			struct tsn_record rec = {.bytes = line, .offset = n->bytes, .line = n->events,
			    .received_ns = TSN_NS_PER_DAY, .source = &source};
			const struct tsn_event *sealed;

			if (tsn_parser_record(parser, &rec, b, &sealed) != TSN_OK)
				return;
			n->fields += sealed == NULL ? 0 : sealed->field_count;
			n->refused += sealed != NULL && (sealed->flags & TSN_EV_ERROR) != 0;
			continue;
		}
		ev = tsn_batch_begin(b);
		if (ev == NULL)
			return;
		ev->source = &source;
		if (tsn_doc_flatten(doc, b, TSN_KEY_ROOT, NULL, line, NULL) != TSN_OK)
			n->refused++;
		n->fields += ev->field_count - 9;
		b->open = NULL;
		b->count++;
	}
}

int
main(int argc, char **argv)
{
	struct tsn_keys *keys = tsn_keys_new();
	struct tsn_doc *doc = tsn_doc_new(keys);
	struct tsn_batch b;

	if (keys == NULL || doc == NULL || tsn_batch_init(&b, keys, BATCH) != TSN_OK)
		return EXIT_FAILURE;
	for (int i = 1; i < argc; i++) {
		size_t len = 0;
		char *text;
		struct count n = {0};
		double begin = cpu_seconds(), spent;

		if (strcmp(argv[i], "--parse") == 0) {
			parser = tsn_parser_new(keys);
			continue;
		}
		text = read_file(argv[i], &len);

		if (text == NULL || len == 0) {
			fprintf(stderr, "bench_json: cannot read %s\n", argv[i]);
			return EXIT_FAILURE;
		}
		do {
			round_over(doc, &b, (struct tsn_slice){text, len}, &n);
			spent = cpu_seconds() - begin;
		} while (spent < 1);
		printf("%-60s %10.0f events/s %8.1f MB/s %6.1f ns/event %5.1f fields/event %llu refused\n",
		    argv[i], (double)n.events / spent, (double)n.bytes / spent / 1e6,
		    spent * 1e9 / (double)n.events, (double)n.fields / (double)n.events,
		    (unsigned long long)n.refused);
		free(text);
	}
	tsn_batch_done(&b);
	tsn_parser_free(parser);
	tsn_doc_free(doc);
	tsn_keys_free(keys);
	return EXIT_SUCCESS;
}
