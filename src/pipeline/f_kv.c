/* Filter kv. */
#include <string.h>

#include "pipeline/impl_int.h"
#include "pipeline/rx.h"

#define RECURSION_MAX 8u

/* What parts fields, or names from values: characters, or a regex. */
struct splitter {
	struct tsn_slice chars;
	struct tsn_rx *rx;
};

struct kv {
	struct splitter field, value;
	struct tsn_pref source, target;
	bool has_target, brackets, duplicates, empty, recursive, lenient;
	struct tsn_slice trim_key, trim_value, remove_key, remove_value;
	char change_key, change_value;	/* l, u, c or 0 */
	struct tsn_tmpl prefix;
	struct tsn_tmpl *include, *exclude;
	uint32_t include_count, exclude_count;
	struct tsn_ppair *defaults;
	uint32_t default_count;
};

struct scan {
	const struct splitter *by;
	struct tsn_slice text;
	size_t start, len;	/* the next match of by->rx at or behind the cursor */
	bool none;
};

/* bytes of the split that begins at `at`, 0 when none does */
static size_t
split_at(struct scan *s, size_t at)
{
	struct tsn_slice m;

	if (at >= s->text.len)
		return 0;
	if (s->by->rx == NULL)
		return s->by->chars.len > 0 &&
		    memchr(s->by->chars.ptr, s->text.ptr[at], s->by->chars.len) != NULL;
	while (!s->none && (s->len == 0 || s->start < at)) {
		s->none = !tsn_rx_match(s->by->rx, s->text, at);
		m = s->none ? TSN_SLICE_NONE : tsn_rx_group(s->by->rx, s->text, 0);
		s->none |= m.ptr == NULL || m.len == 0;
		if (!s->none) {
			s->start = (size_t)(m.ptr - s->text.ptr);
			s->len = m.len;
		}
	}
	return !s->none && s->start == at ? s->len : 0;
}

/* "\t" and its like, which the configuration's language leaves as they stand */
static struct tsn_slice
unescape(struct tsn_pinst *in, struct tsn_slice s)
{
	char *out = tsn_pi_alloc(in, s.len + 1, 1);
	size_t n = 0;

	for (size_t i = 0; out != NULL && i < s.len; i++) {
		if (s.ptr[i] == '\\' && i + 1 < s.len) {
			i++;
			out[n++] = s.ptr[i] == 't' ? '\t' : s.ptr[i] == 'n' ? '\n' : s.ptr[i] == 'r' ? '\r' :
			    s.ptr[i];
		} else {
			out[n++] = s.ptr[i];
		}
	}
	return tsn_slice_of(out, out == NULL ? 0 : n);
}

static enum tsn_code
open_splitter(struct tsn_pinst *in, const char *chars, const char *dflt, const char *pattern,
    struct splitter *s, struct tsn_err *err)
{
	struct tsn_err why = {0};

	s->chars = unescape(in, tsn_pi_str(in, chars, dflt));
	if (tsn_pi_get(in, pattern) == NULL)
		return TSN_OK;
	if (tsn_rx_new(tsn_pi_str(in, pattern, ""), &s->rx, &why) != TSN_OK)
		return tsn_pi_fail(in, err, "option \"%s\": %s", pattern, why.msg);
	return TSN_OK;
}

static char
change_option(struct tsn_pinst *in, const char *name)
{
	struct tsn_slice s = tsn_pi_str(in, name, "");

	return s.len > 0 ? s.ptr[0] : '\0';
}

static enum tsn_code
kv_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct kv *k = tsn_pi_alloc(in, 1, sizeof *k);

	in->state = k;
	if (k == NULL || !tsn_pi_ref_option(in, "source", "message", &k->source) ||
	    !tsn_pi_ref_option(in, "target", "", &k->target) ||
	    !tsn_pi_tmpls(in, "include_keys", &k->include, &k->include_count) ||
	    !tsn_pi_tmpls(in, "exclude_keys", &k->exclude, &k->exclude_count) ||
	    !tsn_pi_pairs(in, "default_keys", &k->defaults, &k->default_count) ||
	    !tsn_tmpl_parse(&in->pl->conf->arena, tsn_pi_str(in, "prefix", ""), &k->prefix))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	k->has_target = tsn_pi_get(in, "target") != NULL;
	k->brackets = tsn_pi_bool(in, "include_brackets", true);
	k->duplicates = tsn_pi_bool(in, "allow_duplicate_values", true);
	k->empty = tsn_pi_bool(in, "allow_empty_values", false);
	k->recursive = tsn_pi_bool(in, "recursive", false);
	k->lenient = tsn_slice_eq(tsn_pi_str(in, "whitespace", "lenient"), TSN_SLICE("lenient"));
	k->trim_key = unescape(in, tsn_pi_str(in, "trim_key", ""));
	k->trim_value = unescape(in, tsn_pi_str(in, "trim_value", ""));
	k->remove_key = unescape(in, tsn_pi_str(in, "remove_char_key", ""));
	k->remove_value = unescape(in, tsn_pi_str(in, "remove_char_value", ""));
	k->change_key = change_option(in, "transform_key");
	k->change_value = change_option(in, "transform_value");
	TSN_TRY(open_splitter(in, "field_split", " ", "field_split_pattern", &k->field, err));
	return open_splitter(in, "value_split", "=", "value_split_pattern", &k->value, err);
}

static void
kv_close(struct tsn_pinst *in)
{
	struct kv *k = in->state;

	if (k == NULL)
		return;
	tsn_rx_free(k->field.rx);
	tsn_rx_free(k->value.rx);
}

static bool
one_of(struct tsn_slice chars, char c)
{
	return chars.len > 0 && memchr(chars.ptr, c, chars.len) != NULL;
}

/* trimmed, without the characters to remove, in the wanted case */
static struct tsn_slice
clean(struct tsn_pev *ev, struct tsn_slice s, struct tsn_slice trim, struct tsn_slice removed,
    char change)
{
	char *out;
	size_t n = 0;

	while (s.len > 0 && one_of(trim, s.ptr[0]))
		s = tsn_slice_from(s, 1);
	while (s.len > 0 && one_of(trim, s.ptr[s.len - 1]))
		s.len--;
	if (removed.len == 0 && change == '\0')
		return s;
	out = tsn_arena_alloc(ev->arena, s.len + 1);
	for (size_t i = 0; out != NULL && i < s.len; i++) {
		char c = s.ptr[i];

		if (one_of(removed, c))
			continue;
		if (change == 'u' || (change == 'c' && n == 0))
			c = (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
		else if (change != '\0')
			c = tsn_lower(c);
		out[n++] = c;
	}
	return out == NULL ? TSN_SLICE("") : tsn_slice_of(out, n);
}

static bool
named(const struct tsn_tmpl *names, uint32_t count, struct tsn_pev *ev, struct tsn_slice name)
{
	for (uint32_t i = 0; i < count; i++)
		if (tsn_slice_eq(tsn_tmpl_text(&names[i], ev), name))
			return true;
	return false;
}

static bool scan_text(const struct kv *k, struct tsn_pev *ev, struct tsn_slice text,
    struct tsn_pv_map *into, uint32_t depth);

static void
add_pair(const struct kv *k, struct tsn_pev *ev, struct tsn_slice key, struct tsn_slice value,
    struct tsn_pv_map *into, uint32_t depth)
{
	struct tsn_pv v, *old, list;
	struct tsn_slice prefix = tsn_tmpl_text(&k->prefix, ev);

	key = clean(ev, key, k->trim_key, k->remove_key, k->change_key);
	if (key.len == 0 || (value.len == 0 && !k->empty))
		return;
	if ((k->include_count > 0 && !named(k->include, k->include_count, ev, key)) ||
	    named(k->exclude, k->exclude_count, ev, key))
		return;
	v = tsn_pv_str(clean(ev, value, k->trim_value, k->remove_value, k->change_value));
	if (prefix.len > 0) {
		char *joined = tsn_arena_alloc(ev->arena, prefix.len + key.len + 1);

		if (joined == NULL)
			return;
		memcpy(joined, prefix.ptr, prefix.len);
		memcpy(joined + prefix.len, key.ptr, key.len);
		key = tsn_slice_of(joined, prefix.len + key.len);
	}
	if (k->recursive && depth < RECURSION_MAX && tsn_pv_map_new(ev->arena, &list) &&
	    scan_text(k, ev, v.as.str, list.as.map, depth + 1))
		v = list;
	old = tsn_pv_map_find(into, key);
	if (old == NULL) {
		(void)tsn_pv_map_put(ev->arena, into, key, v);
		return;
	}
	if (!k->duplicates && old->type != TSN_PV_LIST && tsn_pv_equal(old, &v))
		return;
	if (old->type != TSN_PV_LIST) {
		if (!tsn_pv_list_new(ev->arena, &list) ||
		    !tsn_pv_list_add(ev->arena, list.as.list, *old))
			return;
		*old = list;
	}
	for (uint32_t i = 0; !k->duplicates && i < old->as.list->count; i++)
		if (tsn_pv_equal(&old->as.list->items[i], &v))
			return;
	(void)tsn_pv_list_add(ev->arena, old->as.list, v);
}

/* a value in quotes or brackets at text[at]; *at moves behind it */
static bool
wrapped(const struct kv *k, struct tsn_slice text, size_t *at, struct tsn_slice *ret)
{
	static const char open[] = "\"'([<", close[] = "\"')]>";
	const char *which = *at < text.len && text.ptr[*at] != '\0' ?
	    strchr(open, text.ptr[*at]) : NULL;
	char end;
	size_t i = *at + 1;

	if (which == NULL || (which - open >= 2 && !k->brackets))
		return false;
	end = close[which - open];
	while (i < text.len && text.ptr[i] != end)
		i += text.ptr[i] == '\\' && i + 1 < text.len ? 2 : 1;
	if (i >= text.len)
		return false;
	*ret = tsn_slice_of(text.ptr + *at + 1, i - *at - 1);
	*at = i + 1;
	return true;
}

static size_t
skip_blank(const struct kv *k, struct tsn_slice text, size_t at)
{
	while (k->lenient && at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\t'))
		at++;
	return at;
}

/* true when there was a pair */
static bool
scan_text(const struct kv *k, struct tsn_pev *ev, struct tsn_slice text, struct tsn_pv_map *into,
    uint32_t depth)
{
	struct scan fields = {.by = &k->field, .text = text}, values = {.by = &k->value, .text = text};
	size_t at = 0, n;
	bool any = false;

	while (at < text.len) {
		size_t start, end;
		struct tsn_slice value;

		if ((n = split_at(&fields, at)) > 0) {
			at += n;
			continue;
		}
		start = at;
		while (at < text.len && split_at(&fields, at) == 0 && split_at(&values, at) == 0)
			at++;
		end = at;
		if (at >= text.len || split_at(&values, at) == 0) {
			size_t behind = skip_blank(k, text, at);

			if (behind >= text.len || split_at(&values, behind) == 0)
				continue;
			at = behind;
		}
		n = split_at(&values, at);
		at += n;
		at = skip_blank(k, text, at);
		if (!wrapped(k, text, &at, &value)) {
			size_t from = at;

			while (at < text.len && split_at(&fields, at) == 0)
				at++;
			value = tsn_slice_of(text.ptr + from, at - from);
		}
		if (end > start) {
			add_pair(k, ev, tsn_slice_of(text.ptr + start, end - start), value, into, depth);
			any = true;
		}
	}
	return any;
}

static bool
store(const struct kv *k, struct tsn_pev *ev, struct tsn_pv found)
{
	if (k->has_target)
		return tsn_pev_set(ev, &k->target, found);
	for (uint32_t i = 0; i < found.as.map->count; i++) {
		struct tsn_pref ref;

		if (!tsn_pref_parse(ev->arena, found.as.map->members[i].name, &ref) ||
		    !tsn_pev_set(ev, &ref, found.as.map->members[i].value))
			return false;
	}
	return true;
}

static bool
kv_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	const struct kv *k = in->state;
	const struct tsn_pv *v = tsn_pev_get(ev, &k->source);
	struct tsn_pv found;
	struct tsn_pref scratch;

	if (v == NULL || !tsn_pv_map_new(ev->arena, &found))
		return false;
	if (v->type == TSN_PV_STR)
		(void)scan_text(k, ev, v->as.str, found.as.map, 0);
	for (uint32_t i = 0; v->type == TSN_PV_LIST && i < v->as.list->count; i++)
		if (v->as.list->items[i].type == TSN_PV_STR)
			(void)scan_text(k, ev, v->as.list->items[i].as.str, found.as.map, 0);
	for (uint32_t i = 0; i < k->default_count; i++) {
		const struct tsn_pref *ref = tsn_pname_ref(&k->defaults[i].name, ev, &scratch);
		struct tsn_slice name = ref == NULL ? TSN_SLICE("") : ref->text;

		if (k->defaults[i].count > 0 && tsn_pv_map_find(found.as.map, name) == NULL)
			(void)tsn_pv_map_put(ev->arena, found.as.map, name,
			    tsn_pv_str(tsn_tmpl_text(&k->defaults[i].values[0], ev)));
	}
	return found.as.map->count > 0 && store(k, ev, found);
}

const struct tsn_pfilter tsn_filter_kv = {.open = kv_open,
    .close = kv_close, .filter = kv_filter};
