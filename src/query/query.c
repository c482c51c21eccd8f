#include "query/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "codec/utf8.h"
#include "query/query_int.h"

#define QUERY_ARENA_MAX (16u << 20)

/* Columns are counted in characters, from 1. */
static unsigned
column_of(struct tsn_slice text, uint64_t at)
{
	unsigned column = 1;

	for (uint64_t i = 0; i < at && i < text.len; i++)
		column += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	return column;
}

static enum tsn_code
parse(struct tsn_query *q, struct tsn_err *err)
{
	struct tsn_qparse p = {.text = q->text, .arena = &q->arena, .keys = q->keys,
	    .now_ns = q->now_ns, .atoms = &q->atoms, .err = err};

	TSN_TRY(tsn_filter_parse(&p, &q->filter));
	TSN_TRY(tsn_stage_parse(&p, &q->stages));
	TSN_TRY(tsn_plan_range(&p, q));
	TSN_TRY(tsn_match_compile(q->rest, &(struct tsn_match_env){.keys = q->keys}, &q->match, err));
	TSN_TRY(tsn_plan_fields(&p, q));
	return tsn_plan_tally(&p, q);
}

enum tsn_code
tsn_query_parse(struct tsn_slice text, const struct tsn_query_env *env,
    struct tsn_query **ret_query, struct tsn_err *err)
{
	struct tsn_err inner = {.pos = TSN_POS_NONE};
	struct tsn_query *q;
	enum tsn_code code;

	TSN_ASSERT(env->keys != NULL);
	if (text.len > TSN_QUERY_BYTES_MAX)
		TSN_FAIL(err, TSN_ELIMIT, "the query is longer than %u bytes", TSN_QUERY_BYTES_MAX);
	if (!tsn_utf8_valid(text))
		TSN_FAIL(err, TSN_EPARSE, "expected the query to be UTF-8 text");
	q = calloc(1, sizeof *q);
	if (q == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	tsn_arena_init(&q->arena, QUERY_ARENA_MAX);
	q->keys = env->keys;
	q->now_ns = env->now_ns;
	q->text = tsn_arena_dup(&q->arena, text);
	code = q->text.ptr == NULL ? TSN_ERR(&inner, TSN_ENOMEM, "out of memory") : parse(q, &inner);
	if (code != TSN_OK) {
		tsn_query_free(q);
		if (err == NULL)
			return code;
		*err = inner;
		if (err->pos != TSN_POS_NONE)
			return tsn_err_context(err, code, "column %u", column_of(text, err->pos));
		return code;
	}
	*ret_query = q;
	return TSN_OK;
}

void
tsn_query_free(struct tsn_query *q)
{
	if (q == NULL)
		return;
	for (struct tsn_qatom *a = q->atoms; a != NULL; a = a->next)
		tsn_atom_done(&a->atom);
	tsn_match_free(q->match);
	tsn_arena_done(&q->arena);
	free(q);
}

enum tsn_code
tsn_query_time(struct tsn_slice text, int64_t now_ns, int64_t *ret_ns)
{
	struct tsn_timespan span;

	TSN_TRY(tsn_literal_time(text, now_ns, &span));
	*ret_ns = span.begin_ns;
	return TSN_OK;
}

bool
tsn_query_gives_events(const struct tsn_query *q)
{
	const struct tsn_stage *s = q->stages;

	while (s != NULL && s->next != NULL)
		s = s->next;
	return s == NULL || s->out->events;
}
