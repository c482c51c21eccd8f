/*
 * parse/grok_filter: which patterns of a list can match a text at all (internal to grok).
 *
 * Of the literal that every match of a pattern holds two runs of four bytes are known.  One pass
 * over the text finds which runs of all patterns stand in it; a pattern is tried only where both of
 * its runs do.  A list of patterns so costs one pass and the few that remain.
 */
#ifndef TSN_PARSE_GROK_FILTER_H
#define TSN_PARSE_GROK_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

#define GROK_RUN_LEN 4u
#define GROK_RUN_BITS 12u
#define GROK_RUNS (1u << GROK_RUN_BITS)

struct grok_link {
	uint16_t pattern;
	uint16_t next;			/* 1-based; 0: the last that waits for the run */
	uint8_t which;
};

struct grok_filter {
	uint64_t wanted[GROK_RUNS / 64];	/* runs that some pattern waits for */
	uint16_t *heads;		/* by run: 1-based first link */
	struct grok_link *links;
	uint32_t link_count;
	uint32_t words;			/* of a set of patterns */
	uint64_t *always;		/* patterns of which no literal is known */
};

/* What was found in the text at hand; one a thread. */
struct grok_sieve {
	uint64_t *found[2];
	uint32_t *seen;			/* by run: the last text that had it */
	uint32_t text;
};

/** False: out of memory; grok_filter_done frees what there is.  A zeroed filter has no use. */
bool grok_filter_init(struct grok_filter *f, uint32_t patterns);
void grok_filter_done(struct grok_filter *f);
/** Each pattern once; literal: of every match, empty when none is known. */
void grok_filter_add(struct grok_filter *f, uint32_t pattern, struct tsn_slice literal);

/** False: out of memory; grok_sieve_done frees what there is. */
bool grok_sieve_init(struct grok_sieve *s, const struct grok_filter *f);
void grok_sieve_done(struct grok_sieve *s);
/** Goes over the text. */
void grok_filter_look(const struct grok_filter *f, struct grok_sieve *s, struct tsn_slice text);

/** Patterns 64 * word .. 64 * word + 63 that can match the text, as bits. */
static inline uint64_t
grok_filter_may(const struct grok_filter *f, const struct grok_sieve *s, uint32_t word)
{
	return f->always[word] | (s->found[0][word] & s->found[1][word]);
}

#endif
