/* sprintf: the text is cut once, into literals, fields and dates. */
#include "pipeline/tmpl.h"

#include "pipeline/joda.h"

#define TEXT_MAX (64u << 20)

enum part_kind { LITERAL, FIELD, DATE, EPOCH };

struct tsn_tmpl_part {
	enum part_kind kind;
	struct tsn_slice text;		/* the literal, the date's pattern, or all of %{...} */
	struct tsn_pref ref;
};

static bool
parse_part(struct tsn_arena *a, struct tsn_slice whole, struct tsn_tmpl_part *part)
{
	struct tsn_slice inner = tsn_slice_of(whole.ptr + 2, whole.len - 3);

	*part = (struct tsn_tmpl_part){.kind = FIELD, .text = whole};
	if (tsn_slice_eq(inner, TSN_SLICE("+%s"))) {
		part->kind = EPOCH;
		return true;
	}
	if (inner.ptr[0] == '+') {
		part->kind = DATE;
		part->text = tsn_slice_from(inner, 1);
		return true;
	}
	if (inner.len > 2 && inner.ptr[0] == '{') {
		part->kind = DATE;
		part->text = tsn_slice_of(inner.ptr + 1, inner.len - 2);
		return true;
	}
	return tsn_pref_parse(a, inner, &part->ref);
}

bool
tsn_tmpl_parse(struct tsn_arena *a, struct tsn_slice text, struct tsn_tmpl *ret)
{
	uint32_t cap = 1;

	*ret = (struct tsn_tmpl){.text = text};
	for (size_t i = 0; i + 1 < text.len; i++)
		cap += text.ptr[i] == '%' && text.ptr[i + 1] == '{' ? 2 : 0;
	if (cap == 1)
		return true;
	ret->parts = tsn_arena_calloc(a, cap, sizeof *ret->parts);
	if (ret->parts == NULL)
		return false;
	for (size_t at = 0; at < text.len;) {
		struct tsn_slice rest = tsn_slice_from(text, at);
		size_t open = tsn_slice_find(rest, TSN_SLICE("%{"));
		size_t close = open == SIZE_MAX ? SIZE_MAX :
		    tsn_slice_find_char(tsn_slice_from(rest, open), '}');
		size_t literal = close == SIZE_MAX || close < 3 ? rest.len : open;

		/* %{{PATTERN}} ends with two braces */
		if (close != SIZE_MAX && close >= 3 && literal == open) {
			bool twice = rest.ptr[open + 2] == '{' && open + close + 1 < rest.len &&
			    rest.ptr[open + close + 1] == '}';

			close += twice;
		}
		if (literal > 0)
			ret->parts[ret->count++] = (struct tsn_tmpl_part){
			    .text = tsn_slice_of(rest.ptr, literal)};
		at += literal;
		if (literal < rest.len || (literal == 0 && close != SIZE_MAX)) {
			if (!parse_part(a, tsn_slice_of(rest.ptr + literal, close + 1),
			    &ret->parts[ret->count++]))
				return false;
			at += close + 1;
		}
	}
	return true;
}

static void
write_part(const struct tsn_tmpl_part *p, const struct tsn_pev *ev, struct tsn_buf *out)
{
	const struct tsn_pv *v;

	if (p->kind == LITERAL) {
		tsn_buf_slice(out, p->text);
		return;
	}
	v = p->kind == FIELD ? tsn_pev_get(ev, &p->ref) :
	    tsn_pev_find(ev, TSN_SLICE("@timestamp"));
	if (p->kind == FIELD) {
		if (v == NULL || v->type == TSN_PV_NULL)
			tsn_buf_slice(out, p->text);
		else
			tsn_pv_write_text(v, out);
	} else if (v != NULL && v->type == TSN_PV_TIME) {
		if (p->kind == EPOCH)
			tsn_buf_i64(out, tsn_time_floor(v->as.i, TSN_NS_PER_SEC) / TSN_NS_PER_SEC);
		else
			tsn_joda_write(p->text, v->as.i, out);
	}
}

void
tsn_tmpl_write(const struct tsn_tmpl *t, const struct tsn_pev *ev, struct tsn_buf *out)
{
	if (t->parts == NULL)
		tsn_buf_slice(out, t->text);
	for (uint32_t i = 0; i < t->count; i++)
		write_part(&t->parts[i], ev, out);
}

struct tsn_slice
tsn_tmpl_text(const struct tsn_tmpl *t, const struct tsn_pev *ev)
{
	struct tsn_slice s = t->text;
	struct tsn_buf out;

	if (t->parts == NULL)
		return s;
	tsn_buf_init(&out, TEXT_MAX);
	tsn_tmpl_write(t, ev, &out);
	s = tsn_buf_check(&out) == TSN_OK ? tsn_arena_dup(ev->arena, out.len > 0 ? tsn_buf_get(&out) :
	    TSN_SLICE("")) : TSN_SLICE_NONE;
	tsn_buf_done(&out);
	return s;
}
