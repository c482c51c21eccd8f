/* api/ops: health, metrics, state, and the document that describes the API. */
#include "api/endpoints_int.h"

#include <string.h>

#include "codec/json.h"

static enum answer
healthz(struct request *r)
{
	return answer_text(r, 200, "text/plain", "ok\n");
}

static enum answer
readyz(struct request *r)
{
	const struct tsn_backend *b = r->http->o.backend;
	const char *why = b->not_ready(b->ctx);

	if (why == NULL)
		return answer_text(r, 200, "text/plain", "ready\n");
	return problem(r, 503, "Not ready", "%s", why);
}

static enum answer
metrics(struct request *r)
{
	const struct tsn_backend *b = r->http->o.backend;

	b->metrics(b->ctx, &r->out);
	r->status = 200;
	r->type = "text/plain; version=0.0.4; charset=utf-8";
	return ANSWER_NOW;
}

static enum answer
status(struct request *r)
{
	const struct tsn_backend *b = r->http->o.backend;

	b->status(b->ctx, &r->out);
	return answer_json(r, 200);
}

static enum answer
reload_rules(struct request *r)
{
	const struct tsn_backend *b = r->http->o.backend;
	struct tsn_err err = {0};
	uint64_t rules;
	enum tsn_code code = b->reload_rules(b->ctx, &rules, &err);

	if (code == TSN_EPARSE || code == TSN_ENOTFOUND)
		return problem(r, 422, "The rules were refused", "the old ones stay: %s", err.msg);
	if (code != TSN_OK)
		return problem_of(r, code, &err);
	tsn_buf_printf(&r->out, "{\"rules\":%llu}\n", (unsigned long long)rules);
	return answer_json(r, 200);
}

static void
write_parameter(struct tsn_buf *out, struct tsn_slice name, const char *in, struct tsn_slice doc)
{
	tsn_buf_lit(out, "{\"name\":");
	tsn_json_write_string(out, name);
	tsn_buf_printf(out, ",\"in\":\"%s\",\"required\":%s,\"description\":", in,
	    strcmp(in, "path") == 0 ? "true" : "false");
	tsn_json_write_string(out, doc);
	tsn_buf_lit(out, ",\"schema\":{\"type\":\"string\"}}");
}

static void
write_parameters(struct tsn_buf *out, const struct endpoint *e)
{
	struct tsn_slice query = tsn_slice_cstr(e->query);
	const char *separator = "";

	tsn_buf_lit(out, ",\"parameters\":[");
	for (const char *p = strchr(e->path, '{'); p != NULL; p = strchr(p + 1, '{')) {
		tsn_buf_slice(out, tsn_slice_cstr(separator));
		write_parameter(out, tsn_slice_of(p + 1, strcspn(p + 1, "}")), "path",
		    TSN_SLICE("part of the path"));
		separator = ",";
	}
	while (query.len > 0) {
		size_t end = tsn_slice_find_char(query, ';'), equal;
		struct tsn_slice one = tsn_slice_of(query.ptr, end == SIZE_MAX ? query.len : end);

		equal = tsn_slice_find_char(one, '=');
		tsn_buf_slice(out, tsn_slice_cstr(separator));
		write_parameter(out, tsn_slice_of(one.ptr, equal), "query",
		    tsn_slice_from(one, equal + 1));
		separator = ",";
		query = tsn_slice_from(query, one.len + 1);
	}
	tsn_buf_lit(out, "]");
}

static void
write_operation(struct tsn_buf *out, const struct endpoint *e)
{
	char method[8];
	size_t i;

	for (i = 0; e->method[i] != '\0' && i + 1 < sizeof method; i++)
		method[i] = tsn_lower(e->method[i]);
	method[i] = '\0';
	tsn_buf_printf(out, "\"%s\":{\"summary\":", method);
	tsn_json_write_string(out, tsn_slice_cstr(e->summary));
	tsn_buf_printf(out, ",\"x-role\":\"%s\"", role_name(e->role));
	write_parameters(out, e);
	if (e->role != TSN_ROLE_NONE)
		tsn_buf_lit(out, ",\"security\":[{\"token\":[]}]");
	if (e->takes_body)
		tsn_buf_lit(out, ",\"requestBody\":{\"content\":{\"application/json\":{}}}");
	tsn_buf_lit(out, ",\"responses\":{\"200\":{\"description\":\"done\"},"
			 "\"default\":{\"description\":\"what went wrong\",\"content\":{"
			 "\"application/problem+json\":{\"schema\":{\"$ref\":"
			 "\"#/components/schemas/Problem\"}}}}}}");
}

/* Operations of one path stand together, whatever the order of the tables. */
static bool
is_first_of_path(const struct endpoint *e)
{
	for (const struct endpoint *const *t = endpoint_tables; *t != NULL; t++)
		for (const struct endpoint *x = *t; x->path != NULL; x++)
			if (x->summary != NULL && strcmp(x->path, e->path) == 0)
				return x == e;
	return false;
}

static void
write_path(struct tsn_buf *out, const struct endpoint *e, const char *separator)
{
	const char *comma = "";

	tsn_buf_printf(out, "%s\"%s\":{", separator, e->path);
	for (const struct endpoint *const *t = endpoint_tables; *t != NULL; t++)
		for (const struct endpoint *x = *t; x->path != NULL; x++) {
			if (x->summary == NULL || strcmp(x->path, e->path) != 0)
				continue;
			tsn_buf_slice(out, tsn_slice_cstr(comma));
			write_operation(out, x);
			comma = ",";
		}
	tsn_buf_lit(out, "}");
}

static enum answer
openapi(struct request *r)
{
	const char *separator = "";
	struct tsn_buf *out = &r->out;

	tsn_buf_lit(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"tocsin\",\"version\":");
	tsn_json_write_string(out, tsn_slice_cstr(r->http->o.backend->version));
	tsn_buf_lit(out, "},\"paths\":{");
	for (const struct endpoint *const *t = endpoint_tables; *t != NULL; t++)
		for (const struct endpoint *e = *t; e->path != NULL; e++)
			if (e->summary != NULL && is_first_of_path(e)) {
				write_path(out, e, separator);
				separator = ",";
			}
	tsn_buf_lit(out, "},\"components\":{\"securitySchemes\":{\"token\":{\"type\":\"http\","
			 "\"scheme\":\"bearer\"}},\"schemas\":{\"Problem\":{\"type\":\"object\","
			 "\"properties\":{\"type\":{\"type\":\"string\"},\"title\":{\"type\":\"string\"},"
			 "\"status\":{\"type\":\"integer\"},\"detail\":{\"type\":\"string\"},"
			 "\"instance\":{\"type\":\"string\"}}}}}}\n");
	return answer_json(r, 200);
}

const struct endpoint ops_endpoints[] = {
	{"GET", "/healthz", TSN_ROLE_NONE, false, false, "is the process alive", NULL, healthz},
	{"GET", "/readyz", TSN_ROLE_NONE, false, false, "does it take records", NULL, readyz},
	{"GET", "/metrics", TSN_ROLE_VIEWER, false, false, "figures for Prometheus", NULL, metrics},
	{"GET", "/api/v1/status", TSN_ROLE_VIEWER, false, false,
	    "state of the server with the ledger of each source", NULL, status},
	{"POST", "/api/v1/rules/reload", TSN_ROLE_ADMIN, true, true,
	    "read the rules anew; broken ones are refused as a whole", NULL, reload_rules},
	{"GET", "/api/v1/openapi.json", TSN_ROLE_NONE, false, false, "this document", NULL, openapi},
	{0},
};
