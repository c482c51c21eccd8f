/* The plan in words, and what a report has to say. */
#include <inttypes.h>
#include <stdio.h>

#include "base/assert.h"
#include "query/query_int.h"

#define DEPTH_SHOWN 32u

static void
put_text(struct tsn_buf *out, struct tsn_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == TSN_WILD_MANY || c == TSN_WILD_ONE)
			tsn_buf_char(out, c == TSN_WILD_MANY ? '*' : '?');
		else if ((unsigned char)c < 0x20 || c == 0x7f)
			tsn_buf_printf(out, "\\x%02x", (unsigned char)c);
		else
			tsn_buf_char(out, c);
	}
}

static void
put_time(struct tsn_buf *out, int64_t ns)
{
	char text[TSN_TIME_TEXT_MAX];

	tsn_buf_add(out, text, tsn_time_format(ns, text));
}

static void
put_atom(struct tsn_buf *out, const struct tsn_atom *a)
{
	static const char *const ops[TSN_ATOM__COUNT] = {[TSN_ATOM_EQ] = "is",
	    [TSN_ATOM_PREFIX] = "starts with", [TSN_ATOM_SUFFIX] = "ends with",
	    [TSN_ATOM_CONTAINS] = "contains", [TSN_ATOM_WILDCARD] = "is like",
	    [TSN_ATOM_REGEX] = "matches regex", [TSN_ATOM_KEYWORD] = "contains",
	    [TSN_ATOM_WORD] = "has words", [TSN_ATOM_NUM_EQ] = "equals number", [TSN_ATOM_LT] = "<",
	    [TSN_ATOM_LE] = "<=", [TSN_ATOM_GT] = ">", [TSN_ATOM_GE] = ">=",
	    [TSN_ATOM_BETWEEN] = "lies in", [TSN_ATOM_CIDR] = "is in network",
	    [TSN_ATOM_EXISTS] = "exists", [TSN_ATOM_NULL] = "is null or absent"};

	if (a->field.len == 0)
		tsn_buf_lit(out, "record");
	else
		put_text(out, a->field);
	tsn_buf_printf(out, " %s", ops[a->op] == NULL ? "?" : ops[a->op]);
	if (a->flags & TSN_ATOM_CASED)
		tsn_buf_lit(out, " exactly");
	if (a->op == TSN_ATOM_EXISTS || a->op == TSN_ATOM_NULL)
		return;
	tsn_buf_char(out, ' ');
	if (a->op == TSN_ATOM_BETWEEN)
		tsn_buf_char(out, a->flags & TSN_ATOM_OPEN_LOW ? '{' : '[');
	if (a->flags & TSN_ATOM_TIME)
		put_time(out, a->time_ns);
	else
		put_text(out, a->value);
	if (a->op != TSN_ATOM_BETWEEN)
		return;
	tsn_buf_lit(out, " to ");
	if (a->flags & TSN_ATOM_TIME)
		put_time(out, a->high_ns);
	else
		put_text(out, a->high);
	tsn_buf_char(out, a->flags & TSN_ATOM_OPEN_HIGH ? '}' : ']');
}

static void
put_pred(struct tsn_buf *out, const struct tsn_pred *p, unsigned depth)
{
	for (unsigned i = 0; i <= depth; i++)
		tsn_buf_lit(out, "  ");
	if (depth == DEPTH_SHOWN) {
		tsn_buf_lit(out, "...\n");
		return;
	}
	switch (p->op) {
	case TSN_PRED_TRUE:
		tsn_buf_lit(out, "every event\n");
		return;
	case TSN_PRED_FALSE:
		tsn_buf_lit(out, "no event\n");
		return;
	case TSN_PRED_ATOM:
		put_atom(out, &p->atom);
		tsn_buf_char(out, '\n');
		return;
	case TSN_PRED_AND:
		tsn_buf_lit(out, "all of\n");
		break;
	case TSN_PRED_OR:
		tsn_buf_lit(out, "any of\n");
		break;
	case TSN_PRED_NOT:
		tsn_buf_lit(out, "not\n");
		break;
	}
	for (uint32_t i = 0; i < p->kid_count; i++)
		put_pred(out, p->kids[i], depth + 1);
}

static void
put_stage(struct tsn_buf *out, const struct tsn_stage *s, uint64_t limit)
{
	tsn_buf_printf(out, "%s", tsn_stage_name(s->op));
	if (s->cond != NULL) {
		tsn_buf_char(out, ' ');
		put_text(out, s->cond->text);
	}
	for (uint32_t i = 0; i < s->agg_count; i++) {
		tsn_buf_printf(out, "%s", i == 0 ? " " : ", ");
		put_text(out, s->out->names[s->aggs[i].slot]);
	}
	if (s->agg_count > 0 && s->item_count > 0)
		tsn_buf_lit(out, " by");
	for (uint32_t i = 0; i < s->item_count; i++) {
		tsn_buf_printf(out, "%s", i == 0 ? " " : ", ");
		if (s->items[i].descending)
			tsn_buf_char(out, '-');
		put_text(out, s->items[i].name);
		if (s->op == TSN_STAGE_EVAL) {
			tsn_buf_lit(out, " = ");
			put_text(out, s->items[i].expr->text);
		}
	}
	if (s->span_ns > 0)
		tsn_buf_printf(out, " in buckets of %" PRId64 " s", s->span_ns / TSN_NS_PER_SEC);
	if (s->op == TSN_STAGE_HEAD || s->op == TSN_STAGE_TAIL)
		tsn_buf_printf(out, " %" PRIu64, s->n);
	if (s->op == TSN_STAGE_SORT && tsn_plan_sort_limit(s, limit) != UINT64_MAX)
		tsn_buf_printf(out, " (keeps the first %" PRIu64 " only)", tsn_plan_sort_limit(s, limit));
	tsn_buf_char(out, '\n');
}

void
tsn_query_explain(const struct tsn_query *q, const struct tsn_query_options *options,
    struct tsn_buf *out)
{
	bool ranged = options->from_ns != 0 || options->to_ns != 0;
	int64_t from = ranged && options->from_ns > q->from_ns ? options->from_ns : q->from_ns;
	int64_t to = ranged && options->to_ns < q->to_ns ? options->to_ns : q->to_ns;

	tsn_buf_printf(out, "scan %s first", tsn_plan_oldest_first(q) ? "oldest" : "newest");
	if (from != INT64_MIN) {
		tsn_buf_lit(out, ", from ");
		put_time(out, from);
	}
	if (to != INT64_MAX) {
		tsn_buf_lit(out, ", before ");
		put_time(out, to);
	}
	if (q->fields == NULL)
		tsn_buf_lit(out, ", all fields");
	else
		tsn_buf_printf(out, ", %u field(s):", q->field_count);
	for (uint32_t i = 0; q->fields != NULL && i < q->field_count; i++) {
		tsn_buf_char(out, ' ');
		put_text(out, tsn_keys_name(q->keys, q->fields[i]));
	}
	tsn_buf_lit(out, "\nkeep\n");
	put_pred(out, q->rest, 0);
	for (const struct tsn_stage *s = q->stages; s != NULL; s = s->next)
		put_stage(out, s, tsn_plan_row_limit(q, options));
	tsn_buf_printf(out, "give %s\n", tsn_query_gives_events(q) ? "events" : "rows");
}

static void
put_count(struct tsn_buf *out, uint64_t n, const char *what)
{
	if (n > 0)
		tsn_buf_printf(out, ", %" PRIu64 " %s", n, what);
}

void
tsn_query_explain_scan(const struct tsn_store_scan_stats *s, struct tsn_buf *out)
{
	tsn_buf_printf(out, "segments: %" PRIu64, s->segments);
	put_count(out, s->segments_time, "outside of the time range");
	put_count(out, s->segments_none, "without a match by templates and dictionaries");
	put_count(out, s->segments_sum, "counted from directory and dictionaries");
	put_count(out, s->segments_open, "opened");
	put_count(out, s->segments - s->segments_time - s->segments_none - s->segments_sum -
	    s->segments_open, "not needed any more");
	tsn_buf_printf(out, "\nblocks of opened segments: %" PRIu64, s->blocks);
	put_count(out, s->blocks_time, "outside of the time range");
	put_count(out, s->blocks_none, "without a matching row");
	put_count(out, s->blocks_sum, "counted from columns");
	put_count(out, s->blocks_rows, "with rows made into events");
	put_count(out, s->blocks - s->blocks_time - s->blocks_none - s->blocks_sum - s->blocks_rows,
	    "not needed any more");
	tsn_buf_printf(out, "\nrows made into events: %" PRIu64 "\n", s->rows);
}

void
tsn_query_notes(const struct tsn_query_report *r, const struct tsn_query_options *options,
    struct tsn_buf *out)
{
	if (r->limited)
		tsn_buf_printf(out, "there are more: %" PRIu64 " shown (--limit %s)\n", r->rows,
		    options->limit == UINT64_MAX ? "N, or 0 for all" : "0 for all");
	if (r->ungrouped > 0)
		tsn_buf_printf(out, "%" PRIu64 " event(s) without a value of the fields grouped by are in "
		    "no group\n", r->ungrouped);
	if (r->estimated)
		tsn_buf_lit(out, "a distinct count is an estimate (HyperLogLog, standard error 0.8 %)\n");
	if (r->estimated_percentile)
		tsn_buf_lit(out, "a percentile is an estimate (within 0.5 % of the value)\n");
	if (r->regex_limit_hits > 0)
		tsn_buf_printf(out, "%" PRIu64 " value(s) were too costly for a regular expression and "
		    "counted as not matching\n", r->regex_limit_hits);
	if (r->memory_fails > 0)
		tsn_buf_printf(out, "%" PRIu64 " value(s) were too large to look at and counted as null\n",
		    r->memory_fails);
	if (out->len > 0 && out->ptr[out->len - 1] == '\n')
		out->len--;
}
