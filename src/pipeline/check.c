/* Checking a configuration against the descriptors. */
#include <string.h>

#include "base/num.h"
#include "pipeline/plugin.h"

#define WORD_MAX 48u

struct check_in {
	const struct tsn_conf *conf;
	struct tsn_check *check;
};

static void
begin(struct check_in *in, uint32_t at, bool error)
{
	uint32_t line, column;

	tsn_conf_place(in->conf, at, &line, &column);
	tsn_buf_slice(&in->check->text, in->conf->name);
	tsn_buf_printf(&in->check->text, ":%u:%u: %s: ", line, column, error ? "error" : "warning");
	if (error)
		in->check->errors++;
	else
		in->check->warnings++;
}

static void
add_name(struct check_in *in, struct tsn_slice name)
{
	char text[160];

	tsn_buf_printf(&in->check->text, "\"%s\"", tsn_slice_escape(name, text, sizeof text));
}

/* Damerau's distance without transpositions across others, of short words */
static unsigned
distance(struct tsn_slice a, struct tsn_slice b)
{
	unsigned rows[3][WORD_MAX + 1];

	if (a.len > WORD_MAX || b.len > WORD_MAX)
		return WORD_MAX;
	for (unsigned j = 0; j <= b.len; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= a.len; i++) {
		unsigned *row = rows[i % 3], *up = rows[(i + 2) % 3], *upup = rows[(i + 1) % 3];

		row[0] = i;
		for (unsigned j = 1; j <= b.len; j++) {
			unsigned best = up[j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);

			if (up[j] + 1 < best)
				best = up[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] &&
			    a.ptr[i - 2] == b.ptr[j - 1] && upup[j - 2] + 1 < best)
				best = upup[j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[a.len % 3][b.len];
}

struct nearest {
	struct tsn_slice name;
	const char *best;
	unsigned distance;
};

static void
nearer(struct nearest *n, const char *candidate)
{
	unsigned d = distance(n->name, tsn_slice_cstr(candidate));

	if (d < n->distance) {
		n->distance = d;
		n->best = candidate;
	}
}

static void
end_nearest(struct check_in *in, const struct nearest *n)
{
	/* half of the word may differ, no more: a far guess helps nobody */
	if (n->best != NULL && n->distance <= n->name.len / 2 + 1)
		tsn_buf_printf(&in->check->text, "; the nearest is \"%s\"", n->best);
	tsn_buf_char(&in->check->text, '\n');
}

static bool
scalar(const struct tsn_conf_value *v)
{
	return v->type == TSN_CONF_STRING || v->type == TSN_CONF_WORD || v->type == TSN_CONF_NUMBER;
}

static bool
chosen(const char *choices, struct tsn_slice text)
{
	while (*choices != '\0') {
		size_t n = strcspn(choices, "|");

		if (tsn_slice_eq(tsn_slice_of(choices, n), text))
			return true;
		choices += n + (choices[n] == '|');
	}
	return false;
}

/* what was expected, or NULL when the value is right */
static const char *
wrong(const struct tsn_popt *o, const struct tsn_conf_value *v)
{
	double d;

	switch (o->type) {
	case TSN_PO_STRING:
		if (v->type == TSN_CONF_ARRAY && v->count == 1 && scalar(&v->items[0]))
			return NULL;
		return scalar(v) ? NULL : "a string";
	case TSN_PO_NUMBER:
		if (!scalar(v))
			return "a number";
		return v->type == TSN_CONF_NUMBER || tsn_num_parse_f64(v->text, &d) == TSN_OK ? NULL :
		    "a number";
	case TSN_PO_BOOL:
		return scalar(v) && chosen("true|false", v->text) ? NULL : "true or false";
	case TSN_PO_ARRAY:
		return v->type == TSN_CONF_HASH || v->type == TSN_CONF_PLUGIN ? "an array" : NULL;
	case TSN_PO_HASH:
		return v->type == TSN_CONF_HASH || (v->type == TSN_CONF_ARRAY && v->count % 2 == 0) ?
		    NULL : "a hash: { \"name\" => \"value\" }";
	case TSN_PO_CODEC:
		return v->type == TSN_CONF_PLUGIN || scalar(v) ? NULL : "a codec's name";
	case TSN_PO_ANY:
	default:
		return NULL;
	}
}

static void check_plugin(struct check_in *in, const struct tsn_conf_plugin *p);

static void
check_codec(struct check_in *in, const struct tsn_conf_value *v)
{
	struct tsn_conf_plugin named = {.kind = TSN_PLUGIN_CODEC, .at = v->at, .name = v->text};

	check_plugin(in, v->type == TSN_CONF_PLUGIN ? v->plugin : &named);
}

static void
unknown_option(struct check_in *in, const struct tsn_plugin *d, const struct tsn_conf_option *o)
{
	struct nearest n = {.name = o->name, .distance = WORD_MAX};

	begin(in, o->at, true);
	tsn_buf_lit(&in->check->text, "unknown option ");
	add_name(in, o->name);
	tsn_buf_printf(&in->check->text, " of %s %s", tsn_plugin_kind_name(d->kind), d->name);
	for (const struct tsn_popt *k = d->options; k->name != NULL; k++)
		nearer(&n, k->name);
	for (const struct tsn_popt *k = tsn_plugin_common(d->kind); k->name != NULL; k++)
		nearer(&n, k->name);
	end_nearest(in, &n);
}

static void
check_option(struct check_in *in, const struct tsn_plugin *d, const struct tsn_conf_option *o)
{
	const struct tsn_popt *k = tsn_plugin_option(d, o->name);
	struct tsn_buf *text = &in->check->text;
	const char *expected;

	if (k == NULL) {
		unknown_option(in, d, o);
		return;
	}
	if (k->modern != NULL) {
		begin(in, o->at, false);
		tsn_buf_printf(text, "option \"%s\" of %s %s is an old name; ", k->name,
		    tsn_plugin_kind_name(d->kind), d->name);
		if (k->modern[0] == '\0')
			tsn_buf_lit(text, "it has no effect any more\n");
		else
			tsn_buf_printf(text, "today it is \"%s\"\n", k->modern);
	}
	expected = wrong(k, &o->value);
	if (expected == NULL && k->choices != NULL && scalar(&o->value) &&
	    !chosen(k->choices, o->value.text))
		expected = k->choices;
	if (expected != NULL) {
		begin(in, o->value.at, true);
		tsn_buf_printf(text, "option \"%s\" of %s %s: expected %s%s\n", k->name,
		    tsn_plugin_kind_name(d->kind), d->name, expected == k->choices ? "one of " : "",
		    expected);
	} else if (k->type == TSN_PO_CODEC) {
		check_codec(in, &o->value);
	}
}

/* also by an old name that means it */
static bool
given(const struct tsn_plugin *d, const struct tsn_conf_plugin *p, const char *name)
{
	for (const struct tsn_conf_option *o = p->options; o != NULL; o = o->next) {
		const struct tsn_popt *k = tsn_plugin_option(d, o->name);

		if (k != NULL && (strcmp(k->name, name) == 0 ||
		    (k->modern != NULL && strcmp(k->modern, name) == 0)))
			return true;
	}
	return false;
}

static void
unknown_plugin(struct check_in *in, const struct tsn_conf_plugin *p)
{
	struct nearest n = {.name = p->name, .distance = WORD_MAX};

	begin(in, p->at, true);
	tsn_buf_printf(&in->check->text, "unknown %s ", tsn_plugin_kind_name(p->kind));
	add_name(in, p->name);
	for (const struct tsn_plugin *const *k = tsn_plugins(p->kind); *k != NULL; k++)
		nearer(&n, (*k)->name);
	end_nearest(in, &n);
}

static void
check_plugin(struct check_in *in, const struct tsn_conf_plugin *p)
{
	const struct tsn_plugin *d = tsn_plugin_find(p->kind, p->name);

	if (d == NULL) {
		unknown_plugin(in, p);
		return;
	}
	if (d->refused != NULL) {
		begin(in, p->at, true);
		tsn_buf_printf(&in->check->text, "%s %s is refused: %s\n", tsn_plugin_kind_name(p->kind),
		    d->name, d->refused);
		return;
	}
	if (d->modern != NULL) {
		begin(in, p->at, false);
		tsn_buf_printf(&in->check->text, "%s %s is an old name; today it is %s\n",
		    tsn_plugin_kind_name(p->kind), d->name, d->modern);
	}
	for (const struct tsn_conf_option *o = p->options; o != NULL; o = o->next)
		check_option(in, d, o);
	for (const struct tsn_popt *k = d->options; k->name != NULL; k++)
		if (k->required && !given(d, p, k->name)) {
			begin(in, p->at, true);
			tsn_buf_printf(&in->check->text, "%s %s needs the option \"%s\"\n",
			    tsn_plugin_kind_name(p->kind), d->name, k->name);
		}
}

/* depth is bounded by the reader (TSN_CONF_DEPTH_MAX) */
static void
check_nodes(struct check_in *in, const struct tsn_conf_node *n)
{
	for (; n != NULL; n = n->next) {
		if (n->plugin != NULL)
			check_plugin(in, n->plugin);
		for (const struct tsn_conf_branch *b = n->branches; b != NULL; b = b->next)
			check_nodes(in, b->body);
	}
}

void
tsn_check_run(const struct tsn_conf *c, struct tsn_check *check)
{
	struct check_in in = {c, check};

	for (unsigned k = 0; k < 3; k++)
		check_nodes(&in, c->sections[k]);
}
