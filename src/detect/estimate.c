/*
 * How often an atom will be true can only be guessed before there are events.  The rules themselves
 * are the best witness: a text that many rules name (".exe", "powershell") is common in logs, one
 * that a single rule names is rare.
 */
#include "detect/detect_int.h"

static void
count_grams(struct census *census, const struct atom *a)
{
	struct tsn_slice t = a->literal;

	for (size_t i = 0; i + GRAM_MAX <= t.len && i < 256; i++)
		*census_at(census, t.ptr + i) += a->uses;
}

/* A byte beyond ASCII with another behind it. */
static bool
is_wide(struct tsn_slice t)
{
	for (size_t i = 0; i + 1 < t.len; i++)
		if ((unsigned char)t.ptr[i] >= 0x80)
			return true;
	return false;
}

static uint8_t
place_anywhere(const struct atom *a)
{
	if (is_wide(a->literal))
		return PLACE_WIDE;
	if (a->literal.len >= GRAM_MAX)
		return PLACE_GRAMS;
	return a->literal.len >= GRAM_MIN ? PLACE_SHORT : PLACE_DIRECT;
}

static void
place_text(struct atom *a)
{
	bool plain = !(a->c.flags & (TSN_ATOM_CASED | TSN_ATOM_ALL_ELEMENTS)) && !a->ref->indexed;

	a->exact = plain && a->c.op != TSN_ATOM_WILDCARD && a->c.op != TSN_ATOM_REGEX &&
	    !(a->c.op == TSN_ATOM_KEYWORD && a->c.wild);
	if (a->ref->record) {
		a->place = PLACE_NONE;
		if (a->c.op == TSN_ATOM_KEYWORD || a->c.op == TSN_ATOM_REGEX)
			a->place = place_anywhere(a);
		if (a->place == PLACE_DIRECT)
			a->exact = false;
		return;
	}
	a->place = PLACE_DIRECT;
	if (a->c.op == TSN_ATOM_EQ)
		a->place = PLACE_EQ;
	else if (a->literal.len > 0 && a->c.op == TSN_ATOM_SUFFIX)
		a->place = PLACE_SUFFIX;
	else if (a->literal.len > 0 && a->c.op == TSN_ATOM_PREFIX)
		a->place = PLACE_PREFIX;
	else if (a->c.op != TSN_ATOM_WORD)
		a->place = place_anywhere(a);
	if (a->place == PLACE_DIRECT)
		a->exact = false;
}

/* What a literal of len bytes, whose rarest gram is used `seen` times by rules, is taken for. */
static float
rarity(size_t len, uint32_t seen)
{
	static const float by_len[] = {0.9f, 0.6f, 0.4f, 0.2f, 0.02f, 0.008f, 0.004f, 0.002f};
	float least = len < TSN_COUNT(by_len) ? by_len[len] : 0.0005f;
	float common = (float)seen * 0.0008f;

	if (common > 0.9f)
		common = 0.9f;
	return common > least ? common : least;
}

static float
truth_of(struct census *census, const struct atom *a)
{
	uint32_t seen = UINT32_MAX;
	struct tsn_slice t = a->literal;
	float r;

	for (size_t i = 0; i + GRAM_MAX <= t.len && i < 256; i++)
		if (*census_at(census, t.ptr + i) < seen)
			seen = *census_at(census, t.ptr + i);
	r = rarity(t.len, seen == UINT32_MAX ? 0 : seen);
	switch ((int)a->c.op) {
	case TSN_ATOM_EQ:
	case TSN_ATOM_PREFIX:
	case TSN_ATOM_SUFFIX:
		/* At one place only: rarer than anywhere. */
		return t.len == 0 ? 0.1f : r < 0.3f ? r * 0.6f : r;
	case TSN_ATOM_CONTAINS:
	case TSN_ATOM_WILDCARD:
	case TSN_ATOM_KEYWORD:
	case TSN_ATOM_REGEX:
	case TSN_ATOM_WORD:
		return t.len == 0 ? 0.5f : r;
	case TSN_ATOM_EXISTS:
		return 0.7f;
	case TSN_ATOM_NULL:
		return 0.4f;
	case TSN_ATOM_CIDR:
		return 0.1f;
	default:
		return 0.3f;
	}
}

double
tsn_plan_cost(const struct atom *a)
{
	double each = a->ref->record ? 40 : 1;

	if (a->place != PLACE_NONE && a->exact)
		return 1;
	switch ((int)a->c.op) {
	case TSN_ATOM_EQ:
	case TSN_ATOM_PREFIX:
	case TSN_ATOM_SUFFIX:
		return 4 * each;
	case TSN_ATOM_CONTAINS:
	case TSN_ATOM_KEYWORD:
	case TSN_ATOM_WORD:
		return 20 * each;
	case TSN_ATOM_WILDCARD:
		return 40 * each;
	case TSN_ATOM_REGEX:
		return 150 * each;
	case TSN_ATOM_EXISTS:
		return 40;
	default:
		return 15;
	}
}

void
tsn_plan_estimate(struct plan *p, struct census *census)
{
	for (uint32_t i = 0; i < p->atom_count; i++)
		count_grams(census, &p->atoms[i]);
	for (uint32_t i = 0; i < p->atom_count; i++) {
		struct atom *a = &p->atoms[i];

		a->truth = truth_of(census, a);
		if (tsn_atom_is_text(a->c.op))
			place_text(a);
		else if (!a->ref->record && a->c.op != TSN_ATOM_EXISTS && a->c.op != TSN_ATOM_NULL)
			a->place = PLACE_DIRECT;
	}
}
