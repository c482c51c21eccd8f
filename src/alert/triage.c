#include "alert/triage_int.h"

#include <math.h>
#include <stdlib.h>

#include "base/num.h"

#define VALUE_MAX 200u

double
tsn_triage_aggregate(enum tsn_triage_aggregator aggregator, const double *scores, uint32_t count,
    bool negative_trumps)
{
	double sum = 0, most = 0, least = HUGE_VAL, positive = 0;
	uint32_t above = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (negative_trumps && scores[i] < 0)
			return -HUGE_VAL;
		sum += scores[i];
		most = scores[i] > most ? scores[i] : most;
		least = scores[i] < least ? scores[i] : least;
		if (scores[i] > 0) {
			positive += scores[i];
			above++;
		}
	}
	if (count == 0)
		return 0;
	switch (aggregator) {
	case TSN_TRIAGE_MAX:
		return most;
	case TSN_TRIAGE_MIN:
		return least;
	case TSN_TRIAGE_SUM:
		return sum;
	case TSN_TRIAGE_MEAN:
		return sum / count;
	case TSN_TRIAGE_POSITIVE_MEAN:
		return above == 0 ? 0 : positive / above;
	}
	return sum;
}

uint32_t
tsn_triage_rule_count(const struct tsn_triage *t)
{
	return t->rule_count;
}

const struct tsn_risk_config *
tsn_triage_risk(const struct tsn_triage *t)
{
	return t->has_risk ? &t->risk : NULL;
}

/* The field of that name, or the group's. */
static const struct tsn_field *
find(const struct tsn_triage *t, const struct tsn_event *ev, struct tsn_slice name)
{
	tsn_key key = tsn_keys_find(t->keys, name);
	const struct tsn_field *f = key == TSN_KEY_NONE ? NULL : tsn_event_find(ev, key);

	if (f != NULL)
		return f;
	key = tsn_keys_child(t->keys, TSN_F_ALERT_GROUP, name);
	return key == TSN_KEY_NONE ? NULL : tsn_event_find(ev, key);
}

static void
put_field(struct tsn_triage *t, const struct tsn_event *ev, struct tsn_slice name)
{
	const struct tsn_field *f = find(t, ev, name);
	char scratch[TSN_TIME_TEXT_MAX];
	struct tsn_slice text;

	if (f == NULL) {
		tsn_buf_lit(&t->text, "(no ");
		tsn_buf_slice(&t->text, name);
		tsn_buf_char(&t->text, ')');
		return;
	}
	text = tsn_field_text(f, scratch);
	tsn_buf_add(&t->text, text.ptr, text.len > VALUE_MAX ? VALUE_MAX : text.len);
	if (text.len > VALUE_MAX)
		tsn_buf_lit(&t->text, "...");
}

/* "user {user.name} from {source.ip}"; a brace that closes nowhere is one. */
static struct tsn_slice
fill_in(struct tsn_triage *t, const struct tsn_event *ev, struct tsn_slice text)
{
	tsn_buf_reset(&t->text);
	for (size_t i = 0; i < text.len; i++) {
		struct tsn_slice rest = tsn_slice_from(text, i + 1);
		size_t end = text.ptr[i] == '{' ? tsn_slice_find_char(rest, '}') : SIZE_MAX;

		if (end == SIZE_MAX || end == 0) {
			tsn_buf_char(&t->text, text.ptr[i]);
			continue;
		}
		put_field(t, ev, tsn_slice_of(rest.ptr, end));
		i += end + 1;
	}
	return tsn_arena_dup(&t->scratch, tsn_buf_get(&t->text));
}

static double
score_of(const struct triage_rule *r, const struct tsn_event *ev)
{
	const struct tsn_field *f = r->score_key == TSN_KEY_NONE ? NULL :
	    tsn_event_find(ev, r->score_key);
	char scratch[TSN_TIME_TEXT_MAX];
	double v;

	if (r->score_key == TSN_KEY_NONE)
		return r->score;
	if (f == NULL || tsn_num_parse_f64(tsn_slice_trim(tsn_field_text(f, scratch)), &v) != TSN_OK ||
	    isnan(v))
		return 0;
	return v;
}

enum tsn_code
tsn_triage_judge(struct tsn_triage *t, const struct tsn_event *alert, struct tsn_triage_result *ret)
{
	struct tsn_triage_match *matches;
	double *scores;
	uint32_t n = 0;

	*ret = (struct tsn_triage_result){.judged = t->has_rules};
	tsn_arena_reset(&t->scratch);
	tsn_arena_reset(&t->match.arena);
	matches = tsn_arena_alloc(&t->scratch, (t->rule_count + 1) * sizeof *matches);
	scores = tsn_arena_alloc(&t->scratch, (t->rule_count + 1) * sizeof *scores);
	if (matches == NULL || scores == NULL)
		return TSN_ENOMEM;
	for (uint32_t i = 0; i < t->rule_count; i++) {
		const struct triage_rule *r = &t->rules[i];

		if (!tsn_match_eval(r->when, &t->match, alert))
			continue;
		scores[n] = score_of(r, alert);
		matches[n] = (struct tsn_triage_match){.name = r->name, .comment = r->comment,
		    .score = scores[n]};
		if (r->reason.len > 0)
			matches[n].reason = fill_in(t, alert, r->reason);
		if (r->reason.len > 0 && matches[n].reason.ptr == NULL)
			return TSN_ENOMEM;
		n++;
	}
	ret->score = tsn_triage_aggregate(t->aggregator, scores, n, t->negative_trumps);
	ret->matches = matches;
	ret->match_count = n;
	return TSN_OK;
}

void
tsn_triage_free(struct tsn_triage *t)
{
	if (t == NULL)
		return;
	for (uint32_t i = 0; i < t->rule_count; i++)
		tsn_match_free(t->rules[i].when);
	tsn_match_scratch_done(&t->match);
	tsn_buf_done(&t->text);
	tsn_arena_done(&t->arena);
	tsn_arena_done(&t->scratch);
	free(t);
}
