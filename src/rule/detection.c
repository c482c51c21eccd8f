/* The selections of a detection: maps, lists of maps, keywords. */
#include "rule/load_int.h"

static enum tsn_code read_part(const struct reading *rd, const struct tsn_yaml *node,
    uint32_t depth, const struct tsn_pred **ret, struct tsn_err *err);

static enum tsn_code
read_map(const struct reading *rd, const struct tsn_yaml *map, const struct tsn_pred **ret,
    struct tsn_err *err)
{
	const struct tsn_pred **list = tsn_arena_calloc(rd->arena, map->count + 1, sizeof *list);
	uint32_t count = 0;

	if (list == NULL)
		return TSN_ENOMEM;
	if (map->count == 0)
		TSN_FAIL_AT(err, TSN_EINVAL, map->line, "an empty map selects nothing");
	for (const struct tsn_yaml *n = map->first; n != NULL; n = n->next) {
		TSN_TRY(tsn_rule_int_item(rd, n->key, n, n->key_line, &list[count], err));
		count++;
	}
	*ret = tsn_pred_group(rd->arena, TSN_PRED_AND, list, count);
	return *ret == NULL ? TSN_ENOMEM : TSN_OK;
}

static enum tsn_code
read_list(const struct reading *rd, const struct tsn_yaml *seq, uint32_t depth,
    const struct tsn_pred **ret, struct tsn_err *err)
{
	const struct tsn_pred **list = tsn_arena_calloc(rd->arena, seq->count + 1, sizeof *list);
	uint32_t count = 0;

	if (list == NULL)
		return TSN_ENOMEM;
	if (seq->count == 0)
		TSN_FAIL_AT(err, TSN_EINVAL, seq->line, "an empty list selects nothing");
	for (const struct tsn_yaml *n = seq->first; n != NULL; n = n->next)
		TSN_TRY(read_part(rd, n, depth + 1, &list[count++], err));
	*ret = tsn_pred_group(rd->arena, TSN_PRED_OR, list, count);
	return *ret == NULL ? TSN_ENOMEM : TSN_OK;
}

static enum tsn_code
read_part(const struct reading *rd, const struct tsn_yaml *node, uint32_t depth,
    const struct tsn_pred **ret, struct tsn_err *err)
{
	if (depth > TSN_RULE_DEPTH_MAX)
		TSN_FAIL_AT(err, TSN_ELIMIT, node->line, "nested deeper than %u levels",
		    TSN_RULE_DEPTH_MAX);
	if (node->kind == TSN_YAML_MAP)
		return read_map(rd, node, ret, err);
	if (node->kind == TSN_YAML_SEQ)
		return read_list(rd, node, depth, ret, err);
	if (node->kind == TSN_YAML_NULL)
		TSN_FAIL_AT(err, TSN_EINVAL, node->line,
		    "expected a map of fields, or a keyword; found nothing");
	return tsn_rule_int_item(rd, TSN_SLICE_NONE, node, node->line, ret, err);
}

enum tsn_code
tsn_rule_int_selection(const struct reading *rd, const struct tsn_yaml *node,
    const struct tsn_pred **ret_pred, struct tsn_err *err)
{
	enum tsn_code code = read_part(rd, node, 0, ret_pred, err);

	return code == TSN_ENOMEM ? tsn_rule_int_no_memory(err) : code;
}

static bool
is_except(const struct tsn_slice *except, uint32_t count, struct tsn_slice key)
{
	for (uint32_t i = 0; i < count; i++)
		if (tsn_slice_eq(except[i], key))
			return true;
	return false;
}

enum tsn_code
tsn_rule_int_selections(const struct reading *rd, const struct tsn_yaml *detection,
    const struct tsn_slice *except, uint32_t except_count, struct selection **ret_list,
    uint32_t *ret_count, struct tsn_err *err)
{
	struct selection *list = tsn_arena_calloc(rd->arena, detection->count + 1, sizeof *list);
	uint32_t count = 0;

	if (list == NULL)
		return TSN_ENOMEM;
	for (const struct tsn_yaml *n = detection->first; n != NULL; n = n->next) {
		const struct tsn_pred *made;
		struct tsn_pred *named;
		struct selection *s = &list[count];

		if (is_except(except, except_count, n->key))
			continue;
		s->name = tsn_arena_dup(rd->arena, n->key);
		s->line = n->key_line;
		TSN_TRY(read_part(rd, n, 0, &made, err));
		/* A node of its own carries the name, so that a shared one never has two. */
		named = tsn_arena_calloc(rd->arena, 1, sizeof *named);
		if (named == NULL || s->name.ptr == NULL)
			return TSN_ENOMEM;
		*named = *made;
		named->name = s->name;
		s->pred = named;
		count++;
	}
	if (count == 0)
		TSN_FAIL_AT(err, TSN_EINVAL, detection->line, "no selection beside the condition");
	*ret_list = list;
	*ret_count = count;
	return TSN_OK;
}
