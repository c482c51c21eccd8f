#include "parse/grok_filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/compiler.h"

/* A pattern waits for two runs: of the beginning and of the end of its literal. */
enum {
	HEAD,
	TAIL,
};

static inline uint32_t
run_at(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return (v * UINT32_C(0x9e3779b1)) >> (32 - GROK_RUN_BITS);
}

bool
grok_filter_init(struct grok_filter *f, uint32_t patterns)
{
	*f = (struct grok_filter){.words = patterns / 64 + 1};
	f->links = calloc(2 * (size_t)patterns + 1, sizeof *f->links);
	f->always = calloc(f->words, sizeof *f->always);
	f->heads = calloc(GROK_RUNS, sizeof *f->heads);
	return f->links != NULL && f->always != NULL && f->heads != NULL;
}

void
grok_filter_done(struct grok_filter *f)
{
	free(f->links);
	free(f->always);
	free(f->heads);
	*f = (struct grok_filter){0};
}

static void
wait_for(struct grok_filter *f, uint32_t pattern, uint8_t which, uint32_t run)
{
	f->links[f->link_count] = (struct grok_link){(uint16_t)pattern, f->heads[run], which};
	f->heads[run] = (uint16_t)++f->link_count;
	f->wanted[run / 64] |= UINT64_C(1) << run % 64;
}

void
grok_filter_add(struct grok_filter *f, uint32_t pattern, struct tsn_slice literal)
{
	if (f->heads == NULL)
		return;
	TSN_ASSERT(pattern < f->words * 64);
	if (literal.len < GROK_RUN_LEN) {
		f->always[pattern / 64] |= UINT64_C(1) << pattern % 64;
		return;
	}
	wait_for(f, pattern, HEAD, run_at(literal.ptr));
	wait_for(f, pattern, TAIL, run_at(literal.ptr + literal.len - GROK_RUN_LEN));
}

bool
grok_sieve_init(struct grok_sieve *s, const struct grok_filter *f)
{
	if (f->heads == NULL)
		return true;
	s->found[HEAD] = calloc(2 * (size_t)f->words, sizeof *s->found[HEAD]);
	s->seen = calloc(GROK_RUNS, sizeof *s->seen);
	if (s->found[HEAD] == NULL || s->seen == NULL)
		return false;
	s->found[TAIL] = s->found[HEAD] + f->words;
	return true;
}

void
grok_sieve_done(struct grok_sieve *s)
{
	free(s->found[HEAD]);
	free(s->seen);
}

static void
wake(const struct grok_filter *f, struct grok_sieve *s, uint32_t run)
{
	if (s->seen[run] == s->text)
		return;
	s->seen[run] = s->text;
	for (uint32_t n = f->heads[run]; n != 0; n = f->links[n - 1].next) {
		const struct grok_link *l = &f->links[n - 1];

		s->found[l->which][l->pattern / 64] |= UINT64_C(1) << l->pattern % 64;
	}
}

void
grok_filter_look(const struct grok_filter *f, struct grok_sieve *s, struct tsn_slice text)
{
	memset(s->found[HEAD], 0, 2 * (size_t)f->words * sizeof *s->found[HEAD]);
	if (++s->text == 0) {
		memset(s->seen, 0, GROK_RUNS * sizeof *s->seen);
		s->text = 1;
	}
	for (size_t i = 0; i + GROK_RUN_LEN <= text.len; i++) {
		uint32_t run = run_at(text.ptr + i);

		if (TSN_UNLIKELY(f->wanted[run / 64] >> run % 64 & 1))
			wake(f, s, run);
	}
}
