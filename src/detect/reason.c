/*
 * The values that decided, in words: "Image 'C:\...\cmd.exe' ends with '\cmd.exe', ...".
 * Bounded: so many tests, each value cut.
 */
#include "detect/corr_int.h"

#include "base/assert.h"
#include "base/compiler.h"

#define TESTS_MAX 6u
#define VALUE_MAX 120u

static const char *const verbs[TSN_ATOM__COUNT] = {
	[TSN_ATOM_EQ] = "is", [TSN_ATOM_PREFIX] = "starts with", [TSN_ATOM_SUFFIX] = "ends with",
	[TSN_ATOM_CONTAINS] = "contains", [TSN_ATOM_WILDCARD] = "matches",
	[TSN_ATOM_REGEX] = "matches the expression", [TSN_ATOM_KEYWORD] = "contains",
	[TSN_ATOM_WORD] = "contains the words", [TSN_ATOM_NUM_EQ] = "equals",
	[TSN_ATOM_LT] = "is below", [TSN_ATOM_LE] = "is at most", [TSN_ATOM_GT] = "is above",
	[TSN_ATOM_GE] = "is at least",
	[TSN_ATOM_BETWEEN] = "lies between", [TSN_ATOM_CIDR] = "is in the network",
	[TSN_ATOM_EXISTS] = "is present", [TSN_ATOM_NULL] = "is absent",
	[TSN_ATOM_FIELD_EQ] = "is the same as", [TSN_ATOM_FIELD_PREFIX] = "starts with",
	[TSN_ATOM_FIELD_SUFFIX] = "ends with", [TSN_ATOM_FIELD_CONTAINS] = "contains",
	[TSN_ATOM_TIME_PART] = "falls in the",
};

/* Log text, kept to one line: control characters and wildcards shown as what they mean. */
static void
put_value(struct tsn_buf *b, struct tsn_slice v)
{
	size_t n = v.len < VALUE_MAX ? v.len : VALUE_MAX;

	while (n < v.len && ((unsigned char)v.ptr[n] & 0xc0) == 0x80)
		n++;
	tsn_buf_char(b, '\'');
	if (!tsn_buf_room(b, n))
		return;
	for (size_t i = 0; i < n; i++) {
		char c = v.ptr[i];

		if (TSN_UNLIKELY((unsigned char)c < 0x20 || c == 0x7f))
			c = c == TSN_WILD_MANY ? '*' : c == TSN_WILD_ONE ? '?' : ' ';
		b->ptr[b->len + i] = c;
	}
	b->len += n;
	if (n < v.len)
		tsn_buf_lit(b, "...");
	tsn_buf_char(b, '\'');
}

/* The first value of the atom's fields that makes it true. */
static bool
deciding_value(struct tsn_detect *d, const struct atom *a, struct tsn_slice *ret)
{
	const struct ref *r = a->ref;

	for (uint32_t i = 0; i < r->count; i++) {
		for (uint32_t n = d->slot_head[r->slots[i]]; n != 0; n = d->next[n - 1]) {
			const struct tsn_field *f = &d->event->fields[n - 1];

			*ret = d->values[n - 1].raw;
			if (tsn_atom_is_pair(a->c.op) ||
			    tsn_atom_test(&a->c, &d->scratch, f, &d->values[n - 1]))
				return true;
		}
	}
	return false;
}

static void
put_atom(struct tsn_detect *d, const struct atom *a, const struct tsn_atom *written)
{
	struct tsn_buf *b = &d->reason;
	struct tsn_slice value;

	if (a->ref->record) {
		tsn_buf_lit(b, "the record");
	} else {
		tsn_buf_slice(b, written->field);
		if (a->c.op != TSN_ATOM_NULL && a->c.op != TSN_ATOM_EQ && deciding_value(d, a, &value)) {
			tsn_buf_char(b, ' ');
			put_value(b, value);
		}
	}
	tsn_buf_char(b, ' ');
	tsn_buf_slice(b, tsn_slice_cstr(verbs[a->c.op]));
	if (a->c.op == TSN_ATOM_EXISTS || a->c.op == TSN_ATOM_NULL)
		return;
	tsn_buf_char(b, ' ');
	if (a->c.order != NULL && !(written->flags & (TSN_ATOM_TEXT | TSN_ATOM_TIME))) {
		if (a->c.op == TSN_ATOM_TIME_PART) {
			tsn_buf_slice(b, written->value);
			tsn_buf_char(b, ' ');
		}
		tsn_buf_printf(b, "%.15g", written->number);
		if (a->c.op == TSN_ATOM_BETWEEN)
			tsn_buf_printf(b, " and %.15g", written->high_number);
	} else if (tsn_atom_is_pair(a->c.op)) {
		tsn_buf_slice(b, written->value);
	} else {
		put_value(b, written->value);
	}
}

struct walk {
	struct tsn_detect *d;
	const struct unit *u;
	uint32_t at;		/* next of the unit's atoms */
	uint32_t told;
};

static uint32_t
count_atoms(const struct tsn_pred *p)
{
	uint32_t n = p->op == TSN_PRED_ATOM;

	for (uint32_t i = 0; p->op != TSN_PRED_ATOM && i < p->kid_count; i++)
		n += count_atoms(p->kids[i]);
	return n;
}

/* The value of a condition of the event at hand; moves over its atoms. */
static bool
value_of(struct walk *w, const struct tsn_pred *p)
{
	bool value;

	switch (p->op) {
	case TSN_PRED_TRUE:
	case TSN_PRED_FALSE:
		return p->op == TSN_PRED_TRUE;
	case TSN_PRED_ATOM:
		return tsn_run_atom(w->d, w->u->atoms[w->at++]);
	case TSN_PRED_NOT:
		return !value_of(w, p->kids[0]);
	case TSN_PRED_AND:
	case TSN_PRED_OR:
		break;
	}
	value = p->op == TSN_PRED_AND;
	for (uint32_t i = 0; i < p->kid_count; i++) {
		bool kid = value_of(w, p->kids[i]);

		value = p->op == TSN_PRED_AND ? value && kid : value || kid;
	}
	return value;
}

/* Tells what makes p true: all kids of an AND, the first true kid of an OR. */
static void
tell(struct walk *w, const struct tsn_pred *p)
{
	uint32_t start;

	if (p->op == TSN_PRED_ATOM) {
		if (w->told++ < TESTS_MAX) {
			if (w->told > 1)
				tsn_buf_lit(&w->d->reason, ", ");
			put_atom(w->d, &w->d->plan->atoms[w->u->atoms[w->at]], &p->atom);
		}
		w->at++;
		return;
	}
	if (p->op == TSN_PRED_NOT || p->op == TSN_PRED_TRUE || p->op == TSN_PRED_FALSE) {
		w->at += count_atoms(p);
		return;
	}
	start = w->at;
	for (uint32_t i = 0, told = 0; i < p->kid_count; i++) {
		start = w->at;
		if (p->op == TSN_PRED_OR && (told > 0 || !value_of(w, p->kids[i]))) {
			w->at = start + count_atoms(p->kids[i]);
			continue;
		}
		told++;
		w->at = start;
		tell(w, p->kids[i]);
	}
}

struct tsn_slice
tsn_emit_reason(struct tsn_detect *d, const struct unit *u)
{
	struct walk w = {.d = d, .u = u};

	tsn_buf_reset(&d->reason);
	tell(&w, d->set->rules->rules[u->rule].condition);
	if (w.told > TESTS_MAX)
		tsn_buf_printf(&d->reason, " and %u more", (unsigned)(w.told - TESTS_MAX));
	if (w.told == 0)
		tsn_buf_lit(&d->reason, "nothing that the rule excludes");
	return tsn_buf_get(&d->reason);
}
