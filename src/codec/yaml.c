#include "codec/yaml.h"

#include <math.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/num.h"
#include "codec/yaml_int.h"

const char *
tsn_yaml_kind_name(const struct tsn_yaml *node)
{
	static const char *const names[] = {
		[TSN_YAML_NULL] = "null",
		[TSN_YAML_BOOL] = "a boolean",
		[TSN_YAML_INT] = "a number",
		[TSN_YAML_FLOAT] = "a number",
		[TSN_YAML_STR] = "a string",
		[TSN_YAML_SEQ] = "a list",
		[TSN_YAML_MAP] = "a map",
	};

	return node == NULL ? "nothing" : names[node->kind];
}

const struct tsn_yaml *
tsn_yaml_find(const struct tsn_yaml *map, struct tsn_slice key)
{
	if (map == NULL || map->kind != TSN_YAML_MAP)
		return NULL;
	for (const struct tsn_yaml *n = map->first; n != NULL; n = n->next)
		if (tsn_slice_eq(n->key, key))
			return n;
	return NULL;
}

struct tsn_slice
tsn_yaml_text(const struct tsn_yaml *node)
{
	if (node == NULL || node->kind == TSN_YAML_NULL || node->kind >= TSN_YAML_SEQ)
		return TSN_SLICE_NONE;
	return node->text;
}

struct tsn_yaml *
tsn_yaml_int_node(struct tsn_arena *a, enum tsn_yaml_kind kind, uint32_t line)
{
	struct tsn_yaml *n = tsn_arena_alloc(a, sizeof *n);

	if (n == NULL)
		return NULL;
	*n = (struct tsn_yaml){.kind = kind, .line = line, .weight = 1};
	return n;
}

static bool
is_word(struct tsn_slice s, const char *low, const char *title, const char *up)
{
	return tsn_slice_eq(s, tsn_slice_cstr(low)) || tsn_slice_eq(s, tsn_slice_cstr(title)) ||
	    tsn_slice_eq(s, tsn_slice_cstr(up));
}

static bool
resolve_octal(struct tsn_slice s, int64_t *ret)
{
	int64_t v = 0;

	if (s.len < 3 || s.len > 22 || s.ptr[0] != '0' || s.ptr[1] != 'o')
		return false;
	for (size_t i = 2; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '7')
			return false;
		v = v * 8 + (s.ptr[i] - '0');
	}
	*ret = v;
	return true;
}

static bool
resolve_special_float(struct tsn_slice s, double *ret)
{
	struct tsn_slice t = s;

	if (is_word(s, ".nan", ".NaN", ".__builtin_nan("")")) {
		*ret = __builtin_nan("");
		return true;
	}
	if (t.len > 0 && (t.ptr[0] == '-' || t.ptr[0] == '+'))
		t = tsn_slice_from(t, 1);
	if (!is_word(t, ".inf", ".Inf", ".INF"))
		return false;
	*ret = s.ptr[0] == '-' ? -HUGE_VAL : HUGE_VAL;
	return true;
}

static void
resolve_number(struct tsn_yaml *n)
{
	struct tsn_slice s = n->text;
	uint64_t hex;

	if (tsn_num_parse_i64(s, &n->num.i) == TSN_OK || resolve_octal(s, &n->num.i)) {
		n->kind = TSN_YAML_INT;
	} else if (s.len > 2 && s.ptr[0] == '0' && s.ptr[1] == 'x') {
		if (tsn_num_parse_hex(s, &hex) != TSN_OK)
			return;
		n->kind = hex <= INT64_MAX ? TSN_YAML_INT : TSN_YAML_FLOAT;
		if (hex <= INT64_MAX)
			n->num.i = (int64_t)hex;
		else
			n->num.d = (double)hex;
	} else if (tsn_num_parse_f64(s, &n->num.d) == TSN_OK ||
	    resolve_special_float(s, &n->num.d)) {
		n->kind = TSN_YAML_FLOAT;
	}
}

void
tsn_yaml_int_resolve(struct tsn_yaml *n)
{
	struct tsn_slice s = n->text;
	char c = s.len > 0 ? s.ptr[0] : '~';

	n->kind = TSN_YAML_STR;
	if ((c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.') {
		resolve_number(n);
	} else if (c == '~' || c == 'n' || c == 'N') {
		if (s.len <= 1 ? c == '~' : is_word(s, "null", "Null", "NULL"))
			n->kind = TSN_YAML_NULL;
	} else if (c == 't' || c == 'T' || c == 'f' || c == 'F') {
		bool yes = is_word(s, "true", "True", "TRUE");

		if (!yes && !is_word(s, "false", "False", "FALSE"))
			return;
		n->kind = TSN_YAML_BOOL;
		n->num.i = yes;
	}
}

static enum tsn_code
twice(const struct tsn_yaml *n, const struct tsn_yaml *before, struct tsn_err *err)
{
	char shown[80];

	TSN_FAIL_AT(err, TSN_EPARSE, n->key_line,
	    "key \"%s\" stands twice in one map, first in line %u",
	    tsn_slice_escape(n->key, shown, sizeof shown), before->key_line);
}

static enum tsn_code
keys_of_large(struct tsn_arena *a, const struct tsn_yaml *map, struct tsn_err *err)
{
	const struct tsn_yaml **table;
	size_t cap = 64, at;

	while (cap < 2 * (size_t)map->count)
		cap *= 2;
	table = tsn_arena_calloc(a, cap, sizeof *table);
	if (table == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (const struct tsn_yaml *n = map->first; n != NULL; n = n->next) {
		at = tsn_hash_slice(n->key, 0) & (cap - 1);
		for (; table[at] != NULL; at = (at + 1) & (cap - 1))
			if (tsn_slice_eq(table[at]->key, n->key))
				return twice(n, table[at], err);
		table[at] = n;
	}
	return TSN_OK;
}

enum tsn_code
tsn_yaml_int_keys(struct tsn_arena *a, const struct tsn_yaml *map, struct tsn_err *err)
{
	TSN_ASSERT(map->kind == TSN_YAML_MAP);
	if (map->count > 16)
		return keys_of_large(a, map, err);
	for (const struct tsn_yaml *n = map->first; n != NULL; n = n->next)
		for (const struct tsn_yaml *m = map->first; m != n; m = m->next)
			if (tsn_slice_eq(m->key, n->key))
				return twice(n, m, err);
	return TSN_OK;
}

enum tsn_code
tsn_yaml_parse(struct tsn_arena *a, struct tsn_slice text, const struct tsn_yaml **ret_first,
    struct tsn_err *err)
{
	enum tsn_code code = TSN_EAGAIN;

	if (text.len <= TSN_YAML_BYTES_MAX)
		code = tsn_yaml_int_fast(a, text, ret_first);
	if (code == TSN_ENOMEM)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (code != TSN_EAGAIN)
		return code;
	return tsn_yaml_parse_full(a, text, ret_first, err);
}
