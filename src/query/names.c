/* Fields that a query names and no event has: most often a name was mistyped. */
#include <stdlib.h>

#include "base/assert.h"
#include "query/query_int.h"

#define ASKED_MAX 64u
#define NEAR_MAX 3u
#define NAME_MAX_BYTES 96u

struct near {
	tsn_key key;
	uint32_t distance;
};

struct asked {
	tsn_key key;
	bool known;
	struct near near[NEAR_MAX];	/* nearest first; key 0: none */
};

struct names {
	const struct tsn_query *q;
	struct asked asked[ASKED_MAX];
	uint32_t count;
	uint32_t unknown;
	bool *seen;			/* by key */
	uint32_t seen_count;
};

/* ---- what is asked for ---- */

static bool
is_made(const struct names *n, tsn_key key)
{
	for (const struct tsn_stage *s = n->q->stages; s != NULL; s = s->next)
		for (uint32_t i = 0; s->op == TSN_STAGE_EVAL && i < s->item_count; i++)
			if (tsn_slice_eq(s->items[i].name, tsn_keys_name(n->q->keys, key)))
				return true;
	return false;
}

static void
ask(struct names *n, tsn_key key)
{
	/* every event has these */
	if (key <= TSN_F_LOG_SOURCE_ADDRESS || key == TSN_KEY_NONE || is_made(n, key))
		return;
	for (uint32_t i = 0; i < n->count; i++)
		if (n->asked[i].key == key)
			return;
	if (n->count < ASKED_MAX)
		n->asked[n->count++] = (struct asked){.key = key};
}

static void
ask_path(void *ctx, const struct tsn_path *path)
{
	ask(ctx, path->key);
}

static void
ask_pred(struct names *n, const struct tsn_pred *p)
{
	struct tsn_path path;

	for (uint32_t i = 0; i < p->kid_count; i++)
		ask_pred(n, p->kids[i]);
	if (p->op == TSN_PRED_ATOM && p->atom.field.len > 0 &&
	    tsn_path_parse(n->q->keys, p->atom.field, &path, NULL) == TSN_OK)
		ask(n, path.key);
}

static void
ask_stages(struct names *n)
{
	for (const struct tsn_stage *s = n->q->stages; s != NULL && s->in->events; s = s->next) {
		if (s->op == TSN_STAGE_DROP)
			continue;
		if (s->cond != NULL)
			tsn_expr_fields(s->cond, ask_path, n);
		for (uint32_t i = 0; i < s->item_count; i++)
			if (s->items[i].expr != NULL)
				tsn_expr_fields(s->items[i].expr, ask_path, n);
		for (uint32_t i = 0; i < s->agg_count; i++)
			if (s->aggs[i].arg != NULL)
				tsn_expr_fields(s->aggs[i].arg, ask_path, n);
	}
}

/* ---- what there is ---- */

static bool
is_asked(void *ctx, tsn_key key)
{
	struct names *n = ctx;

	for (uint32_t i = 0; i < n->count; i++) {
		struct asked *a = &n->asked[i];

		if (a->known || !tsn_keys_under(n->q->keys, key, a->key))
			continue;
		a->known = true;
		n->unknown--;
	}
	return n->unknown > 0;
}

static unsigned char
lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

/* Letters to insert, remove or change; UINT32_MAX: too long to say. */
static uint32_t
distance_of(struct tsn_slice a, struct tsn_slice b)
{
	uint32_t row[NAME_MAX_BYTES + 1], before, next;

	if (a.len > NAME_MAX_BYTES || b.len > NAME_MAX_BYTES)
		return UINT32_MAX;
	for (uint32_t k = 0; k <= b.len; k++)
		row[k] = k;
	for (uint32_t i = 0; i < a.len; i++) {
		before = row[0];
		row[0] = i + 1;
		for (uint32_t k = 0; k < b.len; k++) {
			next = before + (lower(a.ptr[i]) != lower(b.ptr[k]));
			before = row[k + 1];
			next = next < row[k] + 1 ? next : row[k] + 1;
			row[k + 1] = next < before + 1 ? next : before + 1;
		}
	}
	return row[b.len];
}

static struct tsn_slice
last_part(struct tsn_slice name)
{
	size_t at = name.len;

	while (at > 0 && name.ptr[at - 1] != '.')
		at--;
	return tsn_slice_from(name, at);
}

/* A name with the same last part is near too: Image, winlog.event_data.Image. */
static void
compare(struct names *n, struct asked *a, tsn_key key)
{
	struct tsn_slice wanted = tsn_keys_name(n->q->keys, a->key), have = tsn_keys_name(n->q->keys,
	    key);
	uint32_t d = distance_of(wanted, have), k = NEAR_MAX;

	if (distance_of(last_part(wanted), last_part(have)) == 0)
		d = 1;
	if (d > 1 && d > wanted.len / 3)
		return;
	while (k > 0 && (a->near[k - 1].key == 0 || d < a->near[k - 1].distance))
		k--;
	if (k == NEAR_MAX)
		return;
	memmove(&a->near[k + 1], &a->near[k], (NEAR_MAX - 1 - k) * sizeof a->near[0]);
	a->near[k] = (struct near){key, d};
}

static bool
look_near(void *ctx, tsn_key key)
{
	struct names *n = ctx;

	if (key >= n->seen_count || n->seen[key])
		return true;
	n->seen[key] = true;
	for (uint32_t i = 0; i < n->count; i++)
		if (!n->asked[i].known)
			compare(n, &n->asked[i], key);
	return true;
}

static void
tell(const struct names *n, struct tsn_buf *out)
{
	char shown[NAME_MAX_BYTES * 4];

	for (uint32_t i = 0; i < n->count; i++) {
		const struct asked *a = &n->asked[i];

		if (a->known)
			continue;
		tsn_buf_printf(out, "no event has field %s", tsn_slice_escape(tsn_keys_name(n->q->keys,
		    a->key), shown, sizeof shown));
		for (uint32_t k = 0; k < NEAR_MAX && a->near[k].key != 0; k++)
			tsn_buf_printf(out, "%s%s", k == 0 ? "; nearest: " : ", ",
			    tsn_slice_escape(tsn_keys_name(n->q->keys, a->near[k].key), shown,
			    sizeof shown));
		tsn_buf_char(out, '\n');
	}
}

enum tsn_code
tsn_query_unknown_fields(const struct tsn_query *q, struct tsn_store_reader *r, struct tsn_buf *out,
    struct tsn_err *err)
{
	struct names *n = calloc(1, sizeof *n);
	enum tsn_code code;

	if (n == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	n->q = q;
	ask_pred(n, q->filter);
	ask_stages(n);
	n->unknown = n->count;
	code = n->count == 0 ? TSN_OK : tsn_store_reader_fields(r, is_asked, n, err);
	if (code == TSN_OK && n->unknown > 0) {
		n->seen_count = tsn_keys_count(q->keys);
		n->seen = calloc(n->seen_count, sizeof *n->seen);
		code = n->seen == NULL ? TSN_ERR(err, TSN_ENOMEM, "out of memory") :
					 tsn_store_reader_fields(r, look_near, n, err);
		tell(n, out);
	}
	free(n->seen);
	free(n);
	return code;
}
