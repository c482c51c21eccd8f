/* What a correlation has found, in a sentence. */
#include "detect/corr_int.h"

static const char *const ops[] = {
	[TSN_CORR_GT] = "more than", [TSN_CORR_GTE] = "at least", [TSN_CORR_LT] = "fewer than",
	[TSN_CORR_LTE] = "at most", [TSN_CORR_EQ] = "exactly", [TSN_CORR_NEQ] = "not",
};
/* Of numbers that are no counts. */
static const char *const number_ops[] = {
	[TSN_CORR_GT] = "more than", [TSN_CORR_GTE] = "at least", [TSN_CORR_LT] = "less than",
	[TSN_CORR_LTE] = "at most", [TSN_CORR_EQ] = "exactly", [TSN_CORR_NEQ] = "not",
};
/* Rules that are told by name. */
#define NAMES_MAX 6u

static void
put_span(struct tsn_buf *b, int64_t ns)
{
	static const struct {
		int64_t sec;
		char unit;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	int64_t sec = ns / TSN_NS_PER_SEC;
	unsigned parts = 0;

	for (size_t i = 0; i < TSN_COUNT(units) && parts < 2; i++) {
		if (sec / units[i].sec == 0 && (parts > 0 || units[i].sec > 1))
			continue;
		tsn_buf_i64(b, sec / units[i].sec);
		tsn_buf_char(b, units[i].unit);
		sec %= units[i].sec;
		parts++;
	}
}

static void
put_text(struct tsn_buf *b, struct tsn_slice s)
{
	for (size_t i = 0; i < s.len && i < 120; i++)
		tsn_buf_char(b, (unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f ? ' ' : s.ptr[i]);
}

static void
put_name(struct tsn_detect *d, const struct tsn_correlation *c, uint32_t place)
{
	tsn_buf_char(&d->reason, '"');
	put_text(&d->reason, d->set->rules->rules[c->rules[place]].name);
	tsn_buf_char(&d->reason, '"');
}

/* "then no "A" or "B" within 5m" */
static void
put_absence(struct tsn_detect *d, const struct tsn_correlation *c)
{
	bool all = true, first = true;

	for (uint32_t i = 0; i < c->rule_count; i++)
		all &= c->absent >> i & 1;
	tsn_buf_slice(&d->reason, all ? TSN_SLICE("; then no further ") : TSN_SLICE("; then no "));
	for (uint32_t i = 0; i < c->rule_count; i++) {
		if (!(c->absent >> i & 1))
			continue;
		if (!first)
			tsn_buf_lit(&d->reason, " or ");
		put_name(d, c, i);
		first = false;
	}
}

/* ""A", then no "B", then "C" within 5m" */
static void
put_sequence(struct tsn_detect *d, const struct tsn_correlation *c)
{
	for (uint32_t i = 0; i < c->rule_count; i++) {
		tsn_buf_slice(&d->reason, i == 0 ? TSN_SLICE("; ") : TSN_SLICE(", then "));
		if (c->absent >> i & 1)
			tsn_buf_lit(&d->reason, "no ");
		put_name(d, c, i);
	}
}

/* What is measured: "user.name", or "source.ip and user.name" where pairs are. */
static void
put_fields(struct tsn_detect *d, const struct tsn_correlation *c)
{
	for (uint32_t i = 0; i < c->field_count; i++) {
		if (i > 0)
			tsn_buf_lit(&d->reason, " and ");
		put_text(&d->reason, c->fields[i * c->rule_count]);
	}
}

/* ""A", "B" and "C"" */
static void
put_names(struct tsn_detect *d, const struct tsn_correlation *c, const char *last)
{
	uint32_t shown = c->rule_count > NAMES_MAX ? NAMES_MAX : c->rule_count;

	for (uint32_t i = 0; i < shown; i++) {
		if (i > 0)
			tsn_buf_slice(&d->reason, i + 1 == c->rule_count ? tsn_slice_cstr(last) :
			    TSN_SLICE(", "));
		put_name(d, c, i);
	}
	if (shown < c->rule_count)
		tsn_buf_printf(&d->reason, " and %u more", c->rule_count - shown);
}

/* A condition over rules: ""A" and not ("B" or "C")". */
static void
put_expr(struct tsn_detect *d, const struct tsn_correlation *c, const struct tsn_corr_expr *x,
    uint32_t depth)
{
	struct tsn_buf *b = &d->reason;

	if (x->op == TSN_CORR_EXPR_RULE) {
		put_name(d, c, x->rule);
		return;
	}
	if (x->op == TSN_CORR_EXPR_NOT)
		tsn_buf_lit(b, "no ");
	if (depth > 0 && x->kid_count > 1)
		tsn_buf_char(b, '(');
	for (uint32_t i = 0; i < x->kid_count && depth < CHAIN_MAX; i++) {
		if (i > 0)
			tsn_buf_slice(b, x->op == TSN_CORR_EXPR_AND ? TSN_SLICE(" and ") : TSN_SLICE(" or "));
		put_expr(d, c, x->kids[i], depth + 1);
	}
	if (depth > 0 && x->kid_count > 1)
		tsn_buf_char(b, ')');
}

/* Which of its rules were met, and how. */
static void
put_rules(struct tsn_detect *d, const struct tsn_correlation *c)
{
	bool ordered = c->type == TSN_CORR_TEMPORAL_ORDERED;

	tsn_buf_lit(&d->reason, "; ");
	if (c->expr != NULL)
		put_expr(d, c, c->expr, 0);
	else if (c->bound_count > 0)
		put_names(d, c, " or ");
	else
		put_names(d, c, ordered ? ", then " : " and ");
	if (ordered && c->expr == NULL && c->bound_count == 0)
		tsn_buf_lit(&d->reason, " in this order");
}

/* What was measured, where it is not the number of events that the sentence begins with. */
static void
put_measured(struct tsn_detect *d, const struct tsn_correlation *c, const struct tsn_finding *f,
    double measured)
{
	struct tsn_buf *b = &d->reason;

	if (c->type == TSN_CORR_EVENT_COUNT) {
		if (measured >= (double)f->count)
			return;
		tsn_buf_printf(b, "; %.15g times ", measured);
		put_names(d, c, " or ");
		return;
	}
	tsn_buf_lit(b, "; ");
	if (c->type == TSN_CORR_VALUE_COUNT) {
		tsn_buf_printf(b, "%.15g different values of ", measured);
		put_fields(d, c);
		return;
	}
	if (c->type == TSN_CORR_VALUE_SUM)
		tsn_buf_lit(b, "the sum of ");
	else if (c->type == TSN_CORR_VALUE_AVG)
		tsn_buf_lit(b, "the mean of ");
	else if (c->type == TSN_CORR_VALUE_MEDIAN)
		tsn_buf_lit(b, "the median of ");
	else
		tsn_buf_printf(b, "the percentile %.15g of ", c->percentile);
	put_fields(d, c);
	tsn_buf_printf(b, " is %.15g", measured);
}

static void
put_threshold(struct tsn_detect *d, const struct tsn_correlation *c)
{
	bool counts = c->type == TSN_CORR_EVENT_COUNT || c->type == TSN_CORR_VALUE_COUNT ||
	    c->type == TSN_CORR_TEMPORAL || c->type == TSN_CORR_TEMPORAL_ORDERED;

	for (uint32_t i = 0; i < c->bound_count; i++)
		tsn_buf_printf(&d->reason, "%s%s %.15g", i == 0 ? "; the threshold is " : " and ",
		    (counts ? ops : number_ops)[c->bounds[i].op], c->bounds[i].value);
	tsn_buf_lit(&d->reason, " within ");
	put_span(&d->reason, c->timespan_ns);
}

/* What makes it true, compared with what it asks for. */
static void
put_cause(struct tsn_detect *d, const struct tsn_correlation *c, const struct tsn_finding *f,
    double measured)
{
	struct tsn_buf *b = &d->reason;

	switch (c->type) {
	case TSN_CORR_TEMPORAL:
	case TSN_CORR_TEMPORAL_ORDERED:
		put_rules(d, c);
		break;
	case TSN_CORR_ABSENCE:
		put_absence(d, c);
		break;
	case TSN_CORR_SEQUENCE:
		put_sequence(d, c);
		break;
	case TSN_CORR_LEAKY_BUCKET:
		tsn_buf_printf(b, "; the threshold is more than %.15g%s", c->capacity,
		    c->field_count > 0 ? " different values of " : "");
		put_fields(d, c);
		tsn_buf_lit(b, ", and one drains every ");
		put_span(b, c->leak_ns);
		return;
	case TSN_CORR_FIRST_SEEN:
		tsn_buf_lit(b, "; a value of ");
		put_fields(d, c);
		tsn_buf_lit(b, " that was never seen there before, after at least ");
		put_span(b, c->learn_ns);
		tsn_buf_lit(b, " of learning");
		return;
	case TSN_CORR_EVENT_COUNT:
	case TSN_CORR_VALUE_COUNT:
	case TSN_CORR_VALUE_SUM:
	case TSN_CORR_VALUE_AVG:
	case TSN_CORR_VALUE_PERCENTILE:
	case TSN_CORR_VALUE_MEDIAN:
		put_measured(d, c, f, measured);
		break;
	case TSN_CORR__COUNT:
		break;
	}
	put_threshold(d, c);
}

void
tsn_words_reason(struct tsn_detect *d, const struct tsn_correlation *c, const struct tsn_finding *f,
    double measured)
{
	struct tsn_buf *b = &d->reason;

	tsn_buf_reset(b);
	tsn_buf_u64(b, f->count);
	tsn_buf_slice(b, tsn_slice_cstr(f->count == 1 ? " event" : " events"));
	for (uint32_t i = 0; i < f->group_count; i++) {
		tsn_buf_slice(b, tsn_slice_cstr(i == 0 ? " with " : ", "));
		tsn_buf_slice(b, f->group[i].field);
		tsn_buf_char(b, ' ');
		if (f->group[i].value.len == 0)
			tsn_buf_lit(b, "(none)");
		put_text(b, f->group[i].value);
	}
	if (f->count > 1) {
		tsn_buf_lit(b, " in ");
		put_span(b, time_minus(f->last_seen_ns, f->first_seen_ns));
	}
	if (!c->suppress) {
		put_cause(d, c, f, measured);
		return;
	}
	tsn_buf_lit(b, "; told of once within ");
	put_span(b, c->timespan_ns);
}
