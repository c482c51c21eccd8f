/* What a correlation has found, in a sentence. */
#include "detect/corr_int.h"

static const char *const what[TSN_CORR__COUNT] = {
	[TSN_CORR_EVENT_COUNT] = "events", [TSN_CORR_VALUE_COUNT] = "different values",
	[TSN_CORR_VALUE_SUM] = "in sum", [TSN_CORR_VALUE_AVG] = "on average",
	[TSN_CORR_VALUE_PERCENTILE] = "at the percentile", [TSN_CORR_VALUE_MEDIAN] = "at the median",
};
static const char *const ops[] = {
	[TSN_CORR_GT] = "more than", [TSN_CORR_GTE] = "at least", [TSN_CORR_LT] = "fewer than",
	[TSN_CORR_LTE] = "at most", [TSN_CORR_EQ] = "exactly", [TSN_CORR_NEQ] = "not",
};

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

void
tsn_words_reason(struct tsn_detect *d, const struct tsn_correlation *c, const struct tsn_finding *f)
{
	struct tsn_buf *b = &d->reason;

	tsn_buf_reset(b);
	tsn_buf_u64(b, f->count);
	tsn_buf_slice(b, tsn_slice_cstr(f->count == 1 ? " event" : " events"));
	for (uint32_t i = 0; i < f->group_count; i++) {
		tsn_buf_slice(b, tsn_slice_cstr(i == 0 ? " with " : ", "));
		tsn_buf_slice(b, f->group[i].field);
		tsn_buf_char(b, ' ');
		put_text(b, f->group[i].value);
	}
	tsn_buf_lit(b, " in ");
	put_span(b, time_minus(f->last_seen_ns, f->first_seen_ns));
	if (c->type == TSN_CORR_TEMPORAL || c->type == TSN_CORR_TEMPORAL_ORDERED) {
		tsn_buf_printf(b, "; %u rules %s within ", c->rule_count,
		    c->type == TSN_CORR_TEMPORAL ? "together" : "one after another");
		put_span(b, c->timespan_ns);
	} else if (c->type == TSN_CORR_ABSENCE || c->type == TSN_CORR_SEQUENCE) {
		if (c->type == TSN_CORR_ABSENCE)
			put_absence(d, c);
		else
			put_sequence(d, c);
		tsn_buf_lit(b, " within ");
		put_span(b, c->timespan_ns);
	} else if (c->type == TSN_CORR_LEAKY_BUCKET) {
		tsn_buf_printf(b, "; threshold %g, one drains every ", c->capacity);
		put_span(b, c->leak_ns);
	} else if (c->type == TSN_CORR_FIRST_SEEN) {
		tsn_buf_lit(b, "; a value never seen before");
	}
	if (c->suppress) {
		tsn_buf_lit(b, "; told of once within ");
		put_span(b, c->timespan_ns);
		return;
	}
	for (uint32_t i = 0; what[c->type] != NULL && i < c->bound_count; i++) {
		tsn_buf_printf(b, "%s%s %.15g", i == 0 ? "; threshold " : " and ", ops[c->bounds[i].op],
		    c->bounds[i].value);
		if (i + 1 == c->bound_count) {
			tsn_buf_printf(b, " %s within ", what[c->type]);
			put_span(b, c->timespan_ns);
		}
	}
}
