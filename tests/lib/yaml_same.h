/* Compares two trees of codec/yaml; "" when they are the same, else what differs. */
#ifndef TSN_TESTS_YAML_SAME_H
#define TSN_TESTS_YAML_SAME_H

#include <stdio.h>

#include "codec/yaml.h"

static const char *
yaml_differs(const struct tsn_yaml *a, const struct tsn_yaml *b, unsigned depth, char out[200])
{
	out[0] = '\0';
	if (depth > 200)
		return out;
	for (; a != NULL && b != NULL; a = a->next, b = b->next) {
		if (a->kind != b->kind || a->count != b->count || a->weight != b->weight ||
		    !tsn_slice_eq(a->text, b->text) || !tsn_slice_eq(a->key, b->key) ||
		    (a->key.ptr != NULL && a->key_line != b->key_line) ||
		    (a->kind == TSN_YAML_STR && a->text.len > 0 &&
			memchr(a->text.ptr, '\n', a->text.len) == NULL && a->line != b->line)) {
			(void)snprintf(out, 200, "line %u/%u kind %d/%d \"%.40s\"/\"%.40s\"", a->line, b->line,
			    (int)a->kind, (int)b->kind, a->text.len == 0 ? "" : a->text.ptr,
			    b->text.len == 0 ? "" : b->text.ptr);
			return out;
		}
		if (yaml_differs(a->first, b->first, depth + 1, out)[0] != '\0')
			return out;
	}
	if (a != b)
		(void)snprintf(out, 200, "one list is longer (line %u)", a != NULL ? a->line : b->line);
	return out;
}

#endif
