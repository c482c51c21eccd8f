/*
 * pipeline/tmpl: text with %{field}, %{[a][b]}, %{+YYYY.MM.dd}, %{+%s} and %{{TIME_NOW}} in it.
 * A field that is not there leaves its %{...} as written.
 */
#ifndef TSN_PIPELINE_TMPL_H
#define TSN_PIPELINE_TMPL_H

#include "pipeline/pev.h"

struct tsn_tmpl_part;

struct tsn_tmpl {
	struct tsn_slice text;		/* as written */
	struct tsn_tmpl_part *parts;	/* NULL: no %{ in it */
	uint32_t count;
};

/** Compiled into the arena; text outlives it.  false: out of memory. */
bool tsn_tmpl_parse(struct tsn_arena *a, struct tsn_slice text, struct tsn_tmpl *ret);
void tsn_tmpl_write(const struct tsn_tmpl *t, const struct tsn_pev *ev, struct tsn_buf *out);
/** The text in the event's arena; ptr NULL when that is exhausted. */
struct tsn_slice tsn_tmpl_text(const struct tsn_tmpl *t, const struct tsn_pev *ev);

#endif
