#include "rule/describe.h"

#include "base/assert.h"
#include "base/time.h"
#include "rule/correlation.h"

static void
put_span(struct tsn_buf *b, int64_t ns)
{
	static const struct {
		int64_t sec;
		char unit;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	size_t i = 0;

	while (i + 1 < TSN_COUNT(units) && (ns / TSN_NS_PER_SEC) % units[i].sec != 0)
		i++;
	tsn_buf_i64(b, ns / TSN_NS_PER_SEC / units[i].sec);
	tsn_buf_char(b, units[i].unit);
}

static void
put_bounds(struct tsn_buf *b, const struct tsn_correlation *c)
{
	static const char *const ops[] = {
		[TSN_CORR_GT] = "more than", [TSN_CORR_GTE] = "at least", [TSN_CORR_LT] = "fewer than",
		[TSN_CORR_LTE] = "at most", [TSN_CORR_EQ] = "exactly", [TSN_CORR_NEQ] = "not",
	};

	for (uint32_t i = 0; i < c->bound_count; i++)
		tsn_buf_printf(b, "%s%s %.15g", i == 0 ? "" : " and ", ops[c->bounds[i].op],
		    c->bounds[i].value);
}

static void
put_fields(struct tsn_buf *b, const struct tsn_slice *fields, uint32_t count, uint32_t stride)
{
	for (uint32_t i = 0; i < count; i++) {
		if (i > 0)
			tsn_buf_lit(b, ", ");
		tsn_buf_slice(b, fields[i * stride]);
	}
}

/* What is measured: "different values of user.name". */
static void
put_measure(struct tsn_buf *b, const struct tsn_correlation *c)
{
	static const char *const what[TSN_CORR__COUNT] = {
		[TSN_CORR_VALUE_COUNT] = "the number of different values of ",
		[TSN_CORR_VALUE_SUM] = "the sum of ", [TSN_CORR_VALUE_AVG] = "the average of ",
		[TSN_CORR_VALUE_PERCENTILE] = "a percentile of ",
		[TSN_CORR_VALUE_MEDIAN] = "the median of ",
	};

	tsn_buf_slice(b, tsn_slice_cstr(what[c->type]));
	put_fields(b, c->fields, c->field_count, c->rule_count);
	if (c->type == TSN_CORR_VALUE_PERCENTILE)
		tsn_buf_printf(b, " (%.15g)", c->percentile);
	tsn_buf_lit(b, " is ");
	put_bounds(b, c);
}

static void
put_temporal(struct tsn_buf *b, const struct tsn_correlation *c)
{
	if (c->expr != NULL) {
		tsn_buf_lit(b, "its condition is true of the rules that match");
	} else if (c->bound_count > 0) {
		put_bounds(b, c);
		tsn_buf_lit(b, " of its rules match");
	} else {
		tsn_buf_lit(b, "all of its rules match");
	}
	if (c->type == TSN_CORR_TEMPORAL_ORDERED)
		tsn_buf_lit(b, ", one after another");
}

static void
put_condition(struct tsn_buf *b, const struct tsn_correlation *c)
{
	switch (c->type) {
	case TSN_CORR_EVENT_COUNT:
		put_bounds(b, c);
		tsn_buf_lit(b, " events of its rules come");
		break;
	case TSN_CORR_TEMPORAL:
	case TSN_CORR_TEMPORAL_ORDERED:
		put_temporal(b, c);
		break;
	case TSN_CORR_LEAKY_BUCKET:
		tsn_buf_printf(b, "more than %.15g events%s are in a bucket that loses one every ",
		    c->capacity, c->field_count > 0 ? " with different values" : "");
		put_span(b, c->leak_ns);
		return;
	case TSN_CORR_FIRST_SEEN:
		put_fields(b, c->fields, c->field_count, c->rule_count);
		tsn_buf_lit(b, " has a value that was never seen, after learning for ");
		put_span(b, c->learn_ns);
		return;
	case TSN_CORR_ABSENCE:
		tsn_buf_lit(b, "one of its rules matches, and none of those marked absent after it");
		break;
	case TSN_CORR_SEQUENCE:
		tsn_buf_lit(b, "its rules match in this order, and those marked absent do not where they "
		    "stand");
		break;
	case TSN_CORR_VALUE_COUNT:
	case TSN_CORR_VALUE_SUM:
	case TSN_CORR_VALUE_AVG:
	case TSN_CORR_VALUE_PERCENTILE:
	case TSN_CORR_VALUE_MEDIAN:
	case TSN_CORR__COUNT:
		put_measure(b, c);
		break;
	}
	tsn_buf_lit(b, ", within ");
	put_span(b, c->timespan_ns);
}

void
tsn_describe_correlation(const struct tsn_ruleset *set, const struct tsn_rule *rule,
    struct tsn_buf *out)
{
	const struct tsn_correlation *c = rule->correlation;

	TSN_ASSERT(c != NULL);
	tsn_buf_slice(out, rule->name);
	tsn_buf_lit(out, " is a correlation. It is true when ");
	put_condition(out, c);
	if (c->group_count > 0) {
		tsn_buf_lit(out, ", for each ");
		put_fields(out, c->group_by, c->group_count, 1);
	}
	if (c->suppress) {
		tsn_buf_lit(out, "; it is told of once within ");
		put_span(out, c->timespan_ns);
	}
	tsn_buf_lit(out, ". It sees the records that these rules fire on:\n");
	for (uint32_t i = 0; i < c->rule_count; i++) {
		const struct tsn_rule *other = &set->rules[c->rules[i]];

		tsn_buf_lit(out, "  ");
		tsn_buf_slice(out, other->name);
		tsn_buf_lit(out, " (");
		tsn_buf_slice(out, other->id);
		tsn_buf_slice(out, c->absent >> i & 1 ? TSN_SLICE("), absent\n") : TSN_SLICE(")\n"));
	}
}
