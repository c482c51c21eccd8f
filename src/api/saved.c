/* api/saved: searches kept under a name. */
#include "api/endpoints_int.h"

#include "codec/json.h"
#include "os/clock.h"
#include "query/query.h"
#include "query/saved.h"

struct listing {
	struct request *r;
	uint64_t count;
};

static void
put_time(struct tsn_buf *out, const char *name, int64_t ns)
{
	char text[TSN_TIME_TEXT_MAX];

	tsn_buf_printf(out, ",\"%s\":\"%.*s\"", name, (int)tsn_time_format(ns, text), text);
}

static enum tsn_code
write_search(void *ctx, const struct tsn_saved_search *x)
{
	struct listing *l = ctx;
	struct tsn_buf *out = &l->r->out;

	tsn_buf_slice(out, l->count++ == 0 ? TSN_SLICE("{\"name\":") : TSN_SLICE(",{\"name\":"));
	tsn_json_write_string(out, x->name);
	tsn_buf_lit(out, ",\"query\":");
	tsn_json_write_string(out, x->query);
	tsn_buf_lit(out, ",\"owner\":");
	tsn_json_write_string(out, x->owner);
	put_time(out, "created", x->created_ns);
	put_time(out, "changed", x->changed_ns);
	tsn_buf_char(out, '}');
	return tsn_buf_check(out);
}

static enum answer
tell(struct request *r, struct tsn_slice name, bool list)
{
	struct listing l = {.r = r};
	struct tsn_err err = {.pos = TSN_POS_NONE};
	struct tsn_saved *s = NULL;
	enum tsn_code code = tsn_saved_open(r->http->o.backend->data_dir, true, &s, &err);

	if (list)
		tsn_buf_lit(&r->out, "{\"searches\":[");
	if (code == TSN_OK)
		code = tsn_saved_tell(s, name, write_search, &l, &err);
	tsn_saved_close(s);
	if (code != TSN_OK)
		return problem_of(r, code, &err);
	if (list)
		tsn_buf_lit(&r->out, "]}");
	tsn_buf_char(&r->out, '\n');
	return answer_json(r, 200);
}

static enum answer
list_all(struct request *r)
{
	return tell(r, TSN_SLICE(""), true);
}

static enum answer
show(struct request *r)
{
	return tell(r, r->parts[0], false);
}

/* Only what can be run is kept. */
static enum tsn_code
check_query(struct request *r, struct tsn_slice text, struct tsn_err *err)
{
	struct tsn_query_env env = {.keys = r->http->o.backend->keys, .now_ns = tsn_clock_real_ns()};
	struct tsn_query *q;

	TSN_TRY(tsn_query_parse(text, &env, &q, err));
	tsn_query_free(q);
	return TSN_OK;
}

static enum answer
save(struct request *r)
{
	struct tsn_slice text = tsn_slice_trim(tsn_buf_get(&r->body.bytes));
	struct tsn_slice owner = request_arg(r, "owner");
	struct tsn_saved_search x = {.name = r->parts[0], .query = text,
	    .owner = owner.len > 0 ? owner : TSN_SLICE("api"), .changed_ns = tsn_clock_real_ns()};
	struct tsn_err err = {.pos = TSN_POS_NONE};
	struct tsn_saved *s = NULL;
	enum tsn_code code;

	if (text.len == 0)
		return problem(r, 400, "Bad request", "expected a query as the body");
	code = check_query(r, text, &err);
	if (code == TSN_OK)
		code = tsn_saved_open(r->http->o.backend->data_dir, true, &s, &err);
	if (code == TSN_OK)
		code = tsn_saved_put(s, &x, &err);
	tsn_saved_close(s);
	return code == TSN_OK ? tell(r, r->parts[0], false) : problem_of(r, code, &err);
}

static enum answer
forget(struct request *r)
{
	struct tsn_err err = {.pos = TSN_POS_NONE};
	struct tsn_saved *s = NULL;
	enum tsn_code code = tsn_saved_open(r->http->o.backend->data_dir, true, &s, &err);

	if (code == TSN_OK)
		code = tsn_saved_remove(s, r->parts[0], &err);
	tsn_saved_close(s);
	if (code != TSN_OK)
		return problem_of(r, code, &err);
	tsn_buf_lit(&r->out, "{\"removed\":true}\n");
	return answer_json(r, 200);
}

const struct endpoint saved_endpoints[] = {
	{"GET", "/api/v1/searches", TSN_ROLE_VIEWER, false, true, "saved searches, by name", NULL,
	    list_all},
	{"GET", "/api/v1/searches/{name}", TSN_ROLE_VIEWER, false, true, "one saved search", NULL,
	    show},
	{"POST", "/api/v1/searches/{name}", TSN_ROLE_ANALYST, true, true,
	    "saves a search, or changes its query; the body is the query", "owner=whose it is", save},
	{"POST", "/api/v1/searches/{name}/forget", TSN_ROLE_ANALYST, true, true,
	    "removes a saved search", NULL, forget},
	{0},
};
