/* Output elasticsearch: actions of bulk requests. */
#include <stdio.h>
#include <string.h>

#include "codec/json.h"
#include "os/file.h"
#include "pipeline/ship_int.h"

#define HOST_MAX 600
#define TEMPLATE_MAX (8u << 20)

struct out_elastic {
	struct tsn_po po;
	struct tsn_tmpl index, action, id, routing, pipeline, version, version_type, parent;
	struct tsn_tmpl type, dataset, space, upsert, script;
	struct tsn_pref ds_type, ds_dataset, ds_space;
	bool has_id, has_routing, has_pipeline, has_version, has_version_type, has_parent;
	bool stream, stream_fields, stream_routing, as_upsert, has_upsert, has_script, scripted;
	uint64_t conflict_retries;
	struct tsn_buf line;
};

static bool
tmpl_of(struct tsn_pinst *in, const char *option, const char *dflt, struct tsn_tmpl *ret)
{
	return tsn_tmpl_parse(&in->pl->conf->arena, tsn_pi_str(in, option, dflt), ret);
}

/* "host", "host:9200", "http://host:9200/path" */
static enum tsn_code
add_url(struct tsn_pinst *in, struct tsn_slice host, struct tsn_ship_elastic_options *o,
    struct tsn_err *err)
{
	struct tsn_slice path = tsn_pi_str(in, "path", ""), rest = host;
	bool old_tls = tsn_slice_eq(tsn_pi_str(in, "protocol", ""), TSN_SLICE("https"));
	const char *scheme = o->client.tls || old_tls ? "https://" : "http://";
	size_t at = tsn_slice_find(host, TSN_SLICE("://"));
	char url[HOST_MAX];
	uint64_t port = 9200;
	bool has_port, has_path;
	int n;

	if (at != SIZE_MAX) {
		rest = tsn_slice_from(host, at + 3);
		scheme = tsn_slice_starts(host, TSN_SLICE("https")) ? "https://" : "http://";
		o->client.tls |= strcmp(scheme, "https://") == 0;
	}
	has_path = tsn_slice_find_char(rest, '/') != SIZE_MAX;
	has_port = tsn_slice_find_char(rest.len > 0 && rest.ptr[0] == '[' ?
	    tsn_slice_from(rest, tsn_slice_find_char(rest, ']')) : rest, ':') != SIZE_MAX;
	TSN_TRY(tsn_pi_count(in, "port", 9200, 1, 65535, &port, err));
	while (rest.len > 0 && rest.ptr[rest.len - 1] == '/')
		rest.len--;
	n = has_port || (has_path && at != SIZE_MAX) ?
	    snprintf(url, sizeof url, "%s%.*s", scheme, TSN_SLICE_ARG(rest)) :
	    snprintf(url, sizeof url, "%s%.*s:%u", scheme, TSN_SLICE_ARG(rest), (unsigned)port);
	if (n > 0 && (size_t)n < sizeof url && path.len > 0 && !has_path)
		n += snprintf(url + n, sizeof url - (size_t)n, "%s%.*s", path.ptr[0] == '/' ? "" : "/",
		    TSN_SLICE_ARG(path));
	if (n <= 0 || (size_t)n >= sizeof url || rest.len == 0 || o->url_count == TSN_SHIP_HOSTS_MAX)
		return tsn_pi_fail(in, err, "option \"hosts\": expected at most %u of HOST:PORT or "
		    "URLs", TSN_SHIP_HOSTS_MAX);
	o->urls[o->url_count++] =
	    tsn_arena_dup(&in->pl->conf->arena, tsn_slice_of(url, (size_t)n)).ptr;
	return TSN_OK;
}

static enum tsn_code
read_hosts(struct tsn_pinst *in, struct tsn_ship_elastic_options *o, struct tsn_err *err)
{
	const struct tsn_conf_value *v = tsn_pi_get(in, "hosts"), *port = NULL;
	uint32_t count;

	/* the old "port" means hosts too: of the two the one that is no number */
	if (tsn_conf_option_find(in->conf, TSN_SLICE("host")) != NULL)
		v = &tsn_conf_option_find(in->conf, TSN_SLICE("host"))->value;
	else if (tsn_conf_option_find(in->conf, TSN_SLICE("hosts")) == NULL)
		v = NULL;
	(void)port;
	if (v == NULL)
		return add_url(in, TSN_SLICE("localhost"), o, err);
	count = v->type == TSN_CONF_ARRAY ? v->count : 1;
	v = v->type == TSN_CONF_ARRAY ? v->items : v;
	for (uint32_t i = 0; i < count; i++)
		TSN_TRY(add_url(in, v[i].text, o, err));
	return TSN_OK;
}

/* Only what the configuration names is sent: no template of ours overwrites the peer's. */
static enum tsn_code
read_template(struct tsn_pinst *in, struct tsn_ship_elastic_options *o, struct tsn_buf *text,
    struct tsn_err *err)
{
	const char *path = tsn_pi_text(in, "template", NULL);
	char url[300];
	struct tsn_slice name = tsn_pi_str(in, "template_name", "logstash");
	bool legacy = tsn_slice_eq(tsn_pi_str(in, "template_api", "auto"), TSN_SLICE("legacy"));

	if (path == NULL || !tsn_pi_bool(in, "manage_template", true))
		return TSN_OK;
	TSN_TRY(tsn_file_read_all(&tsn_file_system, path, text, err));
	(void)snprintf(url, sizeof url, "/%s/%.*s", legacy ? "_template" : "_index_template",
	    (int)(name.len > 200 ? 200 : name.len), name.ptr);
	o->template_path = tsn_arena_dup(&in->pl->conf->arena, tsn_slice_cstr(url)).ptr;
	o->template_body = tsn_buf_get(text);
	o->template_overwrite = tsn_pi_bool(in, "template_overwrite", false);
	return TSN_OK;
}

static enum tsn_code
read_bulk_path(struct tsn_pinst *in, struct tsn_ship_elastic_options *o, struct tsn_err *err)
{
	uint32_t count;
	const struct tsn_conf_value *pairs = tsn_pi_hash(in, "parameters", &count);
	struct tsn_buf b;
	struct tsn_slice path;

	tsn_buf_init(&b, 4096);
	tsn_buf_slice(&b, tsn_pi_str(in, "bulk_path", "/_bulk"));
	for (uint32_t i = 0; i < count; i++)
		tsn_buf_printf(&b, "%c%.*s=%.*s", i == 0 ? '?' : '&', TSN_SLICE_ARG(pairs[2 * i].text),
		    TSN_SLICE_ARG(pairs[2 * i + 1].text));
	path = tsn_buf_check(&b) != TSN_OK ? TSN_SLICE_NONE :
	    tsn_arena_dup(&in->pl->conf->arena, tsn_buf_get(&b));
	tsn_buf_done(&b);
	o->bulk_path = path.ptr;
	return path.ptr == NULL ? TSN_ERR(err, TSN_ENOMEM, "out of memory") : TSN_OK;
}

static enum tsn_code
open_dest(struct tsn_pinst *in, struct tsn_buf *template, struct tsn_err *err)
{
	struct tsn_ship_elastic_options o = {0};
	struct tsn_ship_dest dest;
	const char *key = tsn_pi_text(in, "api_key", NULL);
	char line[600];
	uint64_t items;

	TSN_TRY(tsn_po_client(in, &o.client, err));
	o.client.timeout_ms = (long)(tsn_pi_span(in, "timeout", 60) / TSN_NS_PER_MS);
	TSN_TRY(tsn_po_headers(in, "custom_headers", &o.client, err));
	if (key != NULL) {
		(void)snprintf(line, sizeof line, "Authorization: ApiKey %s", key);
		o.client.headers[o.client.header_count++] =
		    tsn_arena_dup(&in->pl->conf->arena, tsn_slice_cstr(line)).ptr;
	}
	TSN_TRY(read_hosts(in, &o, err));
	TSN_TRY(read_bulk_path(in, &o, err));
	TSN_TRY(read_template(in, &o, template, err));
	TSN_TRY(tsn_pi_count(in, "flush_size", 500, 1, 65536, &items, err));
	o.batch_items = (uint32_t)items;
	o.gzip = tsn_pi_bool(in, "http_compression", tsn_pi_num(in, "compression_level", 0) > 0);
	TSN_TRY(tsn_ship_elastic(&o, &dest, err));
	dest.retry_min_ns = tsn_pi_span(in, "retry_initial_interval", 2);
	dest.retry_max_ns = tsn_pi_span(in, "retry_max_interval", 64);
	return tsn_po_open(in, &dest, err);
}

static bool
read_names(struct tsn_pinst *in, struct out_elastic *e)
{
	struct tsn_slice stream = tsn_pi_str(in, "data_stream", "auto");

	e->stream = tsn_slice_eq(stream, TSN_SLICE("true")) ||
	    (tsn_slice_eq(stream, TSN_SLICE("auto")) && (tsn_pi_get(in, "data_stream_type") != NULL ||
	    tsn_pi_get(in, "data_stream_dataset") != NULL ||
	    tsn_pi_get(in, "data_stream_namespace") != NULL));
	e->stream_fields = tsn_pi_bool(in, "data_stream_sync_fields", true);
	e->stream_routing = tsn_pi_bool(in, "data_stream_auto_routing", true);
	return tmpl_of(in, "index", "logstash-%{+yyyy.MM.dd}", &e->index) &&
	    tmpl_of(in, "data_stream_type", "logs", &e->type) &&
	    tmpl_of(in, "data_stream_dataset", "generic", &e->dataset) &&
	    tmpl_of(in, "data_stream_namespace", "default", &e->space) &&
	    tsn_pi_ref(in, TSN_SLICE("[data_stream][type]"), &e->ds_type) &&
	    tsn_pi_ref(in, TSN_SLICE("[data_stream][dataset]"), &e->ds_dataset) &&
	    tsn_pi_ref(in, TSN_SLICE("[data_stream][namespace]"), &e->ds_space);
}

static enum tsn_code
elastic_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct out_elastic *e = tsn_pi_alloc(in, 1, sizeof *e);
	struct tsn_buf template;
	enum tsn_code code;

	if (e == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->state = e;
	tsn_buf_init(&e->line, TSN_PL_BYTES_MAX);
	if (!read_names(in, e) || !tmpl_of(in, "action", e->stream ? "create" : "index", &e->action) ||
	    !tmpl_of(in, "document_id", "", &e->id) || !tmpl_of(in, "routing", "", &e->routing) ||
	    !tmpl_of(in, "pipeline", "", &e->pipeline) || !tmpl_of(in, "version", "", &e->version) ||
	    !tmpl_of(in, "version_type", "", &e->version_type) ||
	    !tmpl_of(in, "parent", "", &e->parent) || !tmpl_of(in, "upsert", "", &e->upsert) ||
	    !tmpl_of(in, "script", "", &e->script))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	e->has_id = e->id.text.len > 0;
	e->has_routing = e->routing.text.len > 0;
	e->has_pipeline = e->pipeline.text.len > 0;
	e->has_version = e->version.text.len > 0;
	e->has_version_type = e->version_type.text.len > 0;
	e->has_parent = e->parent.text.len > 0;
	e->has_upsert = e->upsert.text.len > 0;
	e->has_script = e->script.text.len > 0;
	e->as_upsert = tsn_pi_bool(in, "doc_as_upsert", false);
	e->scripted = tsn_pi_bool(in, "scripted_upsert", false);
	TSN_TRY(tsn_pi_count(in, "retry_on_conflict", 1, 0, 1000, &e->conflict_retries, err));
	tsn_buf_init(&template, TEMPLATE_MAX);
	code = open_dest(in, &template, err);
	tsn_buf_done(&template);
	return code;
}

static void
elastic_close(struct tsn_pinst *in)
{
	struct out_elastic *e = in->state;

	if (e == NULL)
		return;
	tsn_po_close(in);
	tsn_buf_done(&e->line);
}

static void
member(struct out_elastic *e, const char *name, const struct tsn_tmpl *t, const struct tsn_pev *ev)
{
	struct tsn_slice text = tsn_tmpl_text(t, ev);

	tsn_buf_printf(&e->line, ",\"%s\":", name);
	tsn_json_write_string(&e->line, text.ptr == NULL ? TSN_SLICE("") : text);
}

/* one of the three parts of a data stream's name: the event's own, else the option's */
static struct tsn_slice
stream_part(const struct out_elastic *e, struct tsn_pev *ev, const struct tsn_pref *ref,
    const struct tsn_tmpl *dflt)
{
	const struct tsn_pv *v = e->stream_routing ? tsn_pev_get(ev, ref) : NULL;
	struct tsn_slice text = v != NULL && v->type == TSN_PV_STR ? v->as.str :
	    tsn_tmpl_text(dflt, ev);

	if (e->stream_fields && v == NULL && text.ptr != NULL)
		(void)tsn_pev_set(ev, ref, tsn_pv_str(text));
	return text;
}

static struct tsn_slice
index_of(const struct out_elastic *e, struct tsn_pev *ev)
{
	struct tsn_buf b;

	if (!e->stream)
		return tsn_tmpl_text(&e->index, ev);
	tsn_buf_init(&b, 1024);
	tsn_buf_slice(&b, stream_part(e, ev, &e->ds_type, &e->type));
	tsn_buf_char(&b, '-');
	tsn_buf_slice(&b, stream_part(e, ev, &e->ds_dataset, &e->dataset));
	tsn_buf_char(&b, '-');
	tsn_buf_slice(&b, stream_part(e, ev, &e->ds_space, &e->space));
	return tsn_pl_keep(ev, &b);
}

static void
write_action(struct out_elastic *e, struct tsn_slice action, struct tsn_pev *ev)
{
	struct tsn_slice index = index_of(e, ev);

	tsn_buf_reset(&e->line);
	tsn_buf_char(&e->line, '{');
	tsn_json_write_string(&e->line, action);
	tsn_buf_lit(&e->line, ":{\"_index\":");
	tsn_json_write_string(&e->line, index.ptr == NULL ? TSN_SLICE("") : index);
	if (e->has_id)
		member(e, "_id", &e->id, ev);
	if (e->has_routing || e->has_parent)
		member(e, "routing", e->has_routing ? &e->routing : &e->parent, ev);
	if (e->has_pipeline)
		member(e, "pipeline", &e->pipeline, ev);
	if (e->has_version)
		member(e, "version", &e->version, ev);
	if (e->has_version_type)
		member(e, "version_type", &e->version_type, ev);
	if (tsn_slice_eq(action, TSN_SLICE("update")) && e->conflict_retries > 0)
		tsn_buf_printf(&e->line, ",\"retry_on_conflict\":%llu",
		    (unsigned long long)e->conflict_retries);
	tsn_buf_lit(&e->line, "}}");
}

/* {"doc":...} or {"script":...} */
static void
write_update(struct tsn_pinst *in, struct out_elastic *e, struct tsn_pev *ev)
{
	struct tsn_buf *b = &e->po.text;
	struct tsn_slice upsert = e->has_upsert ? tsn_tmpl_text(&e->upsert, ev) : TSN_SLICE_NONE;

	if (e->has_script) {
		tsn_buf_lit(b, "{\"script\":{");
		tsn_buf_lit(b, "\"lang\":");
		tsn_json_write_string(b, tsn_pi_str(in, "script_lang", "painless"));
		tsn_buf_printf(b, ",\"%s\":", tsn_slice_eq(tsn_pi_str(in, "script_type", "inline"),
		    TSN_SLICE("indexed")) ? "id" : "source");
		tsn_json_write_string(b, tsn_tmpl_text(&e->script, ev));
		tsn_buf_lit(b, ",\"params\":{");
		tsn_json_write_string(b, tsn_pi_str(in, "script_var_name", "event"));
		tsn_buf_char(b, ':');
		tsn_pv_write_json(&ev->root, b);
		tsn_buf_lit(b, "}}");
		if (e->scripted)
			tsn_buf_lit(b, ",\"scripted_upsert\":true,\"upsert\":{}");
	} else {
		tsn_buf_lit(b, "{\"doc\":");
		tsn_pv_write_json(&ev->root, b);
	}
	if (e->as_upsert)
		tsn_buf_lit(b, ",\"doc_as_upsert\":true");
	if (upsert.len > 0 && !(e->has_script && e->scripted)) {
		tsn_buf_lit(b, ",\"upsert\":");
		tsn_buf_slice(b, upsert);
	}
	tsn_buf_char(b, '}');
}

static enum tsn_code
elastic_write(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_err *err)
{
	struct out_elastic *e = in->state;
	struct tsn_slice action = tsn_tmpl_text(&e->action, ev), parts[2];

	if (action.ptr == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "the event is too large");
	write_action(e, action, ev);
	tsn_buf_reset(&e->po.text);
	if (tsn_slice_eq(action, TSN_SLICE("update")))
		write_update(in, e, ev);
	else if (!tsn_slice_eq(action, TSN_SLICE("delete")))
		tsn_pv_write_json(&ev->root, &e->po.text);
	if (tsn_buf_check(&e->line) != TSN_OK || tsn_buf_check(&e->po.text) != TSN_OK)
		TSN_FAIL(err, TSN_ELIMIT, "the event is too large");
	parts[0] = tsn_buf_get(&e->line);
	parts[1] = tsn_buf_get(&e->po.text);
	return tsn_po_put(in, parts, 2, err);
}

const struct tsn_poutput tsn_output_elasticsearch = {.open = elastic_open, .close = elastic_close,
    .write = elastic_write, .flush = tsn_po_flush, .counts = tsn_po_counts};
