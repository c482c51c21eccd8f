/* What a rule says of itself beside its detection. */
#include "base/num.h"
#include "rule/load_int.h"

#define TEXTS_MAX 1000u

/* Edit distance, for short words. */
static size_t
distance(struct tsn_slice a, struct tsn_slice b)
{
	size_t row[32];

	if (a.len >= TSN_COUNT(row) || b.len >= TSN_COUNT(row))
		return SIZE_MAX;
	for (size_t j = 0; j <= b.len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t best = diagonal + (tsn_lower(a.ptr[i - 1]) != tsn_lower(b.ptr[j - 1]));

			diagonal = row[j];
			best = best < row[j] + 1 ? best : row[j] + 1;
			row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
		}
	}
	return row[b.len];
}

const char *
tsn_rule_int_nearest(struct tsn_slice s, const char *const *names, size_t count)
{
	const char *nearest = NULL;
	size_t best = s.len / 2 + 2;

	for (size_t i = 0; i < count; i++) {
		size_t d = distance(s, tsn_slice_cstr(names[i]));

		if (d < best && d < strlen(names[i])) {
			best = d;
			nearest = names[i];
		}
	}
	return nearest;
}

static enum tsn_code
copy_text(struct tsn_arena *a, struct tsn_slice text, struct tsn_slice *ret, struct tsn_err *err)
{
	if (text.len == 0) {
		*ret = TSN_SLICE_NONE;
		return TSN_OK;
	}
	*ret = tsn_arena_dup(a, text);
	return ret->ptr == NULL ? tsn_rule_int_no_memory(err) : TSN_OK;
}

/* A scalar under `key`, empty when there is none. */
static enum tsn_code
read_text(struct tsn_arena *a, const struct tsn_yaml *doc, const char *key, struct tsn_slice *ret,
    struct tsn_err *err)
{
	const struct tsn_yaml *n = tsn_yaml_find(doc, tsn_slice_cstr(key));

	if (n != NULL && n->kind >= TSN_YAML_SEQ)
		TSN_FAIL_AT(err, TSN_EINVAL, n->key_line, "\"%s\" is %s; expected a string", key,
		    tsn_yaml_kind_name(n));
	return copy_text(a, tsn_slice_trim(tsn_yaml_text(n)), ret, err);
}

enum tsn_code
tsn_rule_int_texts(struct tsn_arena *a, const struct tsn_yaml *node, const char *what,
    struct tsn_slice **ret_texts, uint32_t *ret_count, struct tsn_err *err)
{
	uint32_t count = node == NULL || node->kind == TSN_YAML_NULL ? 0
	    : node->kind == TSN_YAML_SEQ ? node->count : 1;
	const struct tsn_yaml *n;
	struct tsn_slice *list;

	*ret_texts = NULL;
	*ret_count = 0;
	if (count == 0)
		return TSN_OK;
	if (node->kind == TSN_YAML_MAP)
		TSN_FAIL_AT(err, TSN_EINVAL, node->line, "\"%s\" is a map; expected a list of strings",
		    what);
	if (count > TEXTS_MAX)
		TSN_FAIL_AT(err, TSN_ELIMIT, node->line, "\"%s\" has more than %u entries", what,
		    TEXTS_MAX);
	list = tsn_arena_calloc(a, count, sizeof *list);
	if (list == NULL)
		return tsn_rule_int_no_memory(err);
	n = node->kind == TSN_YAML_SEQ ? node->first : node;
	for (uint32_t i = 0; i < count; i++, n = n->next) {
		if (n->kind >= TSN_YAML_SEQ)
			TSN_FAIL_AT(err, TSN_EINVAL, n->line, "\"%s\" holds %s; expected strings", what,
			    tsn_yaml_kind_name(n));
		TSN_TRY(copy_text(a, tsn_yaml_text(n), &list[i], err));
	}
	*ret_texts = list;
	*ret_count = count;
	return TSN_OK;
}

static enum tsn_code
read_texts(struct tsn_arena *a, const struct tsn_yaml *doc, const char *key,
    struct tsn_slice **ret_texts, uint32_t *ret_count, struct tsn_err *err)
{
	return tsn_rule_int_texts(a, tsn_yaml_find(doc, tsn_slice_cstr(key)), key, ret_texts, ret_count,
	    err);
}

static enum tsn_code
read_level(const struct tsn_yaml *doc, enum tsn_level *ret, struct tsn_err *err)
{
	static const char *const levels[] = {"informational", "low", "medium", "high", "critical"};
	const struct tsn_yaml *n = tsn_yaml_find(doc, TSN_SLICE("level"));
	struct tsn_slice text = tsn_slice_trim(tsn_yaml_text(n));
	char shown[SHOWN_MAX];

	*ret = TSN_LEVEL_MEDIUM;
	if (text.len == 0)
		return TSN_OK;
	for (uint32_t i = 0; i < TSN_LEVEL__COUNT; i++)
		if (tsn_slice_eq_nocase(text, tsn_slice_cstr(levels[i]))) {
			*ret = (enum tsn_level)i;
			return TSN_OK;
		}
	TSN_FAIL_AT(err, TSN_EINVAL, n->line,
	    "level is \"%s\"; expected informational, low, medium, high or critical",
	    tsn_slice_escape(text, shown, sizeof shown));
}

static enum tsn_code
read_related(struct tsn_arena *a, const struct tsn_yaml *doc, struct tsn_rule *rule,
    struct tsn_err *err)
{
	const struct tsn_yaml *list = tsn_yaml_find(doc, TSN_SLICE("related"));

	if (list == NULL || list->kind == TSN_YAML_NULL)
		return TSN_OK;
	if (list->kind != TSN_YAML_SEQ || list->count > TEXTS_MAX)
		TSN_FAIL_AT(err, TSN_EINVAL, list->key_line,
		    "\"related\" is %s; expected a list of id and type", tsn_yaml_kind_name(list));
	rule->related = tsn_arena_calloc(a, list->count + 1, sizeof *rule->related);
	if (rule->related == NULL)
		return tsn_rule_int_no_memory(err);
	for (const struct tsn_yaml *n = list->first; n != NULL; n = n->next) {
		struct tsn_rule_relation *r = &rule->related[rule->related_count++];

		TSN_TRY(read_text(a, n, "id", &r->id, err));
		TSN_TRY(read_text(a, n, "type", &r->type, err));
	}
	return TSN_OK;
}

/* A rule without an id is known by its place. */
static enum tsn_code
make_id(const struct reading *rd, struct tsn_rule *rule, struct tsn_err *err)
{
	struct tsn_buf b;

	if (rule->id.len > 0)
		return TSN_OK;
	tsn_buf_init(&b, 1u << 16);
	tsn_buf_slice(&b, rd->file);
	if (rd->document > 1)
		tsn_buf_printf(&b, "#%u", rd->document);
	if (tsn_buf_check(&b) == TSN_OK)
		rule->id = tsn_arena_dup(rd->arena, tsn_buf_get(&b));
	tsn_buf_done(&b);
	return rule->id.ptr == NULL ? tsn_rule_int_no_memory(err) : TSN_OK;
}

enum tsn_code
tsn_rule_int_meta(const struct reading *rd, const struct tsn_yaml *doc, struct tsn_rule *rule,
    struct tsn_err *err)
{
	struct tsn_arena *a = rd->arena;
	struct tsn_slice date;

	rule->file = rd->file;
	rule->ruleset = rd->ruleset;
	rule->line = doc->first == NULL ? doc->line : doc->first->key_line;
	rule->generate = true;
	TSN_TRY(read_text(a, doc, "title", &rule->name, err));
	if (rule->name.len == 0)
		TSN_FAIL_AT(err, TSN_EINVAL, rule->line, "no title");
	TSN_TRY(read_text(a, doc, "id", &rule->id, err));
	TSN_TRY(read_text(a, doc, "name", &rule->short_name, err));
	TSN_TRY(read_text(a, doc, "modified", &rule->version, err));
	TSN_TRY(read_text(a, doc, "date", &date, err));
	if (rule->version.len == 0)
		rule->version = date.len > 0 ? date : TSN_SLICE("1");
	TSN_TRY(read_text(a, doc, "status", &rule->status, err));
	TSN_TRY(read_text(a, doc, "description", &rule->description, err));
	TSN_TRY(read_text(a, doc, "license", &rule->license, err));
	TSN_TRY(read_text(a, doc, "taxonomy", &rule->taxonomy, err));
	TSN_TRY(read_level(doc, &rule->level, err));
	TSN_TRY(read_texts(a, doc, "references", &rule->references, &rule->reference_count, err));
	TSN_TRY(read_texts(a, doc, "tags", &rule->tags, &rule->tag_count, err));
	TSN_TRY(read_texts(a, doc, "falsepositives", &rule->falsepositives,
	    &rule->falsepositive_count, err));
	TSN_TRY(read_texts(a, doc, "fields", &rule->fields, &rule->field_count, err));
	TSN_TRY(read_texts(a, doc, "scope", &rule->scope, &rule->scope_count, err));
	TSN_TRY(read_related(a, doc, rule, err));
	if (tsn_yaml_find(doc, TSN_SLICE("author")) != NULL &&
	    tsn_yaml_find(doc, TSN_SLICE("author"))->kind < TSN_YAML_SEQ)
		TSN_TRY(read_text(a, doc, "author", &rule->author, err));
	return make_id(rd, rule, err);
}

enum tsn_code
tsn_rule_int_logsource(struct tsn_arena *a, const struct tsn_yaml *node, uint32_t line,
    struct tsn_logsource *ret, struct tsn_err *err)
{
	if (node == NULL)
		TSN_FAIL_AT(err, TSN_EINVAL, line, "no logsource");
	if (node->kind != TSN_YAML_MAP)
		TSN_FAIL_AT(err, TSN_EINVAL, node->key_line,
		    "logsource is %s; expected a map of category, product, service",
		    tsn_yaml_kind_name(node));
	TSN_TRY(read_text(a, node, "category", &ret->category, err));
	TSN_TRY(read_text(a, node, "product", &ret->product, err));
	TSN_TRY(read_text(a, node, "service", &ret->service, err));
	return read_text(a, node, "definition", &ret->definition, err);
}
