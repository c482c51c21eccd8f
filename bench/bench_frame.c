/*
 * Bytes per CPU-second of framing alone: a file, already in memory, cut into records.
 *
 * usage: bench_frame FILE [ROUNDS] [FEED_BYTES]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "parse/frame.h"

static double
cpu_sec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static size_t
drain(struct tsn_framer *f)
{
	struct tsn_frame fr;
	size_t n = 0;

	while (tsn_framer_next(f, &fr) == TSN_OK)
		n++;
	return n;
}

int
main(int argc, char **argv)
{
	size_t cap = (size_t)256 << 20, len, records = 0;
	unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
	size_t feed = argc > 3 ? strtoul(argv[3], NULL, 10) : (size_t)1 << 20;
	char *buf = malloc(cap);
	FILE *file = argc > 1 ? fopen(argv[1], "rb") : NULL;
	double from, took;

	if (file == NULL || buf == NULL || feed == 0)
		return 2;
	len = fread(buf, 1, cap, file);
	from = cpu_sec();
	for (unsigned r = 0; r < rounds; r++) {
		struct tsn_framer *f = tsn_framer_new(NULL);

		if (f == NULL)
			return 3;
		records = 0;
		for (size_t at = 0; at < len; at += feed) {
			tsn_framer_feed(f, tsn_slice_of(buf + at, len - at < feed ? len - at : feed));
			records += drain(f);
		}
		tsn_framer_flush(f, TSN_FRAME_END);
		records += drain(f);
		tsn_framer_free(f);
	}
	took = (cpu_sec() - from) / rounds;
	printf("%zu records, %zu bytes: %.2f GB/s, %.1f ns a record\n", records, len,
	    (double)len / took / 1e9, took * 1e9 / (double)(records == 0 ? 1 : records));
	fclose(file);
	free(buf);
	return 0;
}
