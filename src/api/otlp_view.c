#include "api/otlp_view.h"

#include <math.h>

#include "base/num.h"

void
otlp_view(struct otlp_view *v, bool json, const struct otlp_member *schema,
    struct tsn_slice message, struct tsn_arena *arena)
{
	*v = (struct otlp_view){.json = json, .schema = schema, .left = message, .arena = arena};
	if (!json)
		return;
	v->failed = tsn_json_walk_kind(message) != '{';
	tsn_json_walk(&v->members, message, arena);
}

static bool
fail(struct otlp_view *v)
{
	v->failed = true;
	return false;
}

static bool
read_double(struct tsn_slice text, double *ret)
{
	if (tsn_slice_eq(text, TSN_SLICE("NaN")))
		*ret = (double)NAN;
	else if (tsn_slice_eq(text, TSN_SLICE("Infinity")))
		*ret = (double)INFINITY;
	else if (tsn_slice_eq(text, TSN_SLICE("-Infinity")))
		*ret = -(double)INFINITY;
	else
		return tsn_num_parse_f64(text, ret) == TSN_OK;
	return true;
}

static bool
json_value(struct otlp_view *v, const struct otlp_member *m, struct tsn_slice value,
    struct otlp_field *f)
{
	char kind = tsn_json_walk_kind(value);
	bool plain = kind != '{' && kind != '[', ok = false;
	struct tsn_slice text = tsn_json_walk_text(value, v->arena);

	f->number = m->number;
	f->kind = m->kind;
	f->bytes = m->kind == OTLP_MESSAGE ? value : text;
	switch (m->kind) {
	case OTLP_UINT:
		ok = plain && tsn_num_parse_u64(text, &f->as.u) == TSN_OK;
		break;
	case OTLP_INT:
		ok = plain && tsn_num_parse_i64(text, &f->as.i) == TSN_OK;
		break;
	case OTLP_DOUBLE:
		ok = plain && read_double(text, &f->as.d);
		break;
	case OTLP_BOOL:
		f->as.b = kind == 't';
		ok = kind == 't' || kind == 'f';
		break;
	case OTLP_TEXT:
	case OTLP_BYTES:
		ok = kind == '"';
		break;
	case OTLP_MESSAGE:
		ok = kind == '{';
		break;
	}
	return ok || fail(v);
}

static const struct otlp_member *
member_by_name(const struct otlp_view *v, struct tsn_slice name)
{
	for (const struct otlp_member *m = v->schema; m->name != NULL; m++)
		if (tsn_slice_eq(name, tsn_slice_cstr(m->name)))
			return m;
	return NULL;
}

static bool
json_next(struct otlp_view *v, struct otlp_field *f)
{
	struct tsn_slice name, value;

	for (;;) {
		const struct otlp_member *m;

		if (v->list != NULL && tsn_json_walk_next(&v->elements, &name, &value))
			return json_value(v, v->list, value, f);
		v->list = NULL;
		if (!tsn_json_walk_next(&v->members, &name, &value))
			return false;
		m = member_by_name(v, name);
		if (m == NULL || tsn_slice_eq(value, TSN_SLICE("null")))
			continue;
		if (!m->list)
			return json_value(v, m, value, f);
		if (tsn_json_walk_kind(value) != '[')
			return fail(v);
		tsn_json_walk(&v->elements, value, v->arena);
		v->list = m;
	}
}

static bool
proto_value(struct otlp_view *v, const struct otlp_member *m, const struct tsn_proto_field *p,
    struct otlp_field *f)
{
	bool bytes = m->kind == OTLP_TEXT || m->kind == OTLP_BYTES || m->kind == OTLP_MESSAGE;

	if (bytes != (p->wire == TSN_PROTO_BYTES) ||
	    (m->kind == OTLP_DOUBLE && p->wire != TSN_PROTO_FIXED64))
		return fail(v);
	f->number = m->number;
	f->kind = m->kind;
	f->bytes = p->bytes;
	f->as.u = p->value;
	if (m->kind == OTLP_BOOL)
		f->as.b = p->value != 0;
	return true;
}

static bool
proto_next(struct otlp_view *v, struct otlp_field *f)
{
	struct tsn_proto_field p;
	enum tsn_code code;

	while ((code = tsn_proto_next(&v->left, &p)) == TSN_OK)
		for (const struct otlp_member *m = v->schema; m->name != NULL; m++)
			if (m->number == p.number)
				return proto_value(v, m, &p, f);
	return code == TSN_ENOTFOUND ? false : fail(v);
}

bool
otlp_next(struct otlp_view *v, struct otlp_field *ret_field)
{
	*ret_field = (struct otlp_field){0};
	if (v->failed)
		return false;
	return v->json ? json_next(v, ret_field) : proto_next(v, ret_field);
}
