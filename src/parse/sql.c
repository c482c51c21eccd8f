#include "parse/sql.h"

#define W(word, type) {{word, sizeof word - 1}, {type, sizeof type - 1}}

struct word {
	struct tsn_slice word, type;
};

static const struct word words[] = {
	W("SELECT", "SELECT"), W("VALUES", "SELECT"), W("TABLE", "SELECT"),
	W("INSERT", "INSERT"), W("REPLACE", "INSERT"),
	W("UPDATE", "UPDATE"), W("DELETE", "DELETE"), W("WITH", "CTE"),
	W("CREATE", "DDL"), W("ALTER", "DDL"), W("DROP", "DDL"),
	W("TRUNCATE", "DDL"), W("RENAME", "DDL"),
	W("GRANT", "DCL"), W("REVOKE", "DCL"),
	W("BEGIN", "TCL"), W("COMMIT", "TCL"), W("ROLLBACK", "TCL"), W("START", "TCL"), W("END", "TCL"),
	W("SAVEPOINT", "TCL"), W("RELEASE", "TCL"), W("ABORT", "TCL"),
	W("DECLARE", "CURSOR"), W("FETCH", "CURSOR"), W("CLOSE", "CURSOR"), W("MOVE", "CURSOR"),
};

static bool
is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ';' || c == '(';
}

/* Blanks, brackets and comments before the first word. */
static struct tsn_slice
skip_lead(struct tsn_slice q)
{
	for (;;) {
		size_t end;

		while (q.len > 0 && is_blank(q.ptr[0]))
			q = tsn_slice_from(q, 1);
		if (TSN_STARTS(q, "/*") && !TSN_STARTS(q, "/*!")) {
			end = tsn_slice_find(tsn_slice_from(q, 2), TSN_SLICE("*/"));
			q = tsn_slice_from(q, end == SIZE_MAX ? q.len : end + 4);
		} else if (TSN_STARTS(q, "/*!")) {	/* MySQL runs what stands inside */
			q = tsn_slice_from(q, 3);
			while (q.len > 0 && tsn_is_digit(q.ptr[0]))
				q = tsn_slice_from(q, 1);
		} else if (TSN_STARTS(q, "--") || TSN_STARTS(q, "#")) {
			end = tsn_slice_find_char(q, '\n');
			q = tsn_slice_from(q, end == SIZE_MAX ? q.len : end + 1);
		} else {
			return q;
		}
	}
}

static struct tsn_slice
first_word(struct tsn_slice q)
{
	size_t n = 0;

	while (n < q.len && is_letter(q.ptr[n]))
		n++;
	return tsn_slice_of(q.ptr, n);
}

/* COPY t FROM ... or COPY (...) TO ...: the first of the two words outside brackets. */
static struct tsn_slice
copy_type(struct tsn_slice q)
{
	int depth = 0;

	for (size_t i = 0; i < q.len; i++) {
		struct tsn_slice w;

		if (q.ptr[i] == '(')
			depth++;
		else if (q.ptr[i] == ')')
			depth--;
		if (depth > 0 || i == 0 || !is_letter(q.ptr[i]) || is_letter(q.ptr[i - 1]))
			continue;
		w = first_word(tsn_slice_from(q, i));
		if (tsn_slice_eq_nocase(w, TSN_SLICE("FROM")))
			return TSN_SLICE("COPY FROM");
		if (tsn_slice_eq_nocase(w, TSN_SLICE("TO")))
			return TSN_SLICE("COPY TO");
		i += w.len - 1;
	}
	return TSN_SLICE("OTHER");
}

struct tsn_slice
tsn_sql_type(struct tsn_slice query)
{
	struct tsn_slice q = skip_lead(query), w = first_word(q);

	for (size_t i = 0; i < TSN_COUNT(words); i++)
		if (w.len == words[i].word.len && (w.ptr[0] & 0x5f) == words[i].word.ptr[0] &&
		    tsn_slice_eq_nocase(w, words[i].word))
			return words[i].type;
	if (tsn_slice_eq_nocase(w, TSN_SLICE("COPY")))
		return copy_type(tsn_slice_from(q, w.len));
	return TSN_SLICE("OTHER");
}

void
tsn_sql_put_query(struct tsn_parse_ctx *ctx, struct tsn_slice query)
{
	query = tsn_slice_trim(query);
	if (query.len == 0)
		return;
	tsn_put_str(ctx, TSN_F_SQL_QUERY, query);
	tsn_put_str(ctx, TSN_F_SQL_TYPE, tsn_sql_type(query));
}

void
tsn_sql_put_event(struct tsn_parse_ctx *ctx, struct tsn_slice type, struct tsn_slice action,
    struct tsn_slice outcome)
{
	TSN_PUT_LIT(ctx, TSN_F_EVENT_CATEGORY, "database");
	tsn_put_some(ctx, TSN_F_EVENT_TYPE, type);
	tsn_put_some(ctx, TSN_F_EVENT_ACTION, action);
	tsn_put_some(ctx, TSN_F_EVENT_OUTCOME, outcome);
}

void
tsn_sql_put_number(struct tsn_parse_ctx *ctx, tsn_key key, struct tsn_slice v)
{
	struct tsn_field f = {.ptr = v.ptr, .len = (uint32_t)v.len, .key = key, .type = TSN_T_FLOAT};

	if (tsn_slice_find_char(v, '.') != SIZE_MAX && tsn_num_parse_f64(v, &f.num.d) == TSN_OK)
		tsn_put(ctx, &f);
	else
		tsn_put_num(ctx, key, v);
}
