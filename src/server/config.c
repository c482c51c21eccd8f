#include "server/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/num.h"
#include "base/time.h"
#include "codec/yaml.h"
#include "os/file.h"
#include "parse/parse.h"

#define FILE_BYTES_MAX (1u << 20)
#define ARENA_BYTES_MAX (32u << 20)
#define SPOOL_BYTES (256u << 20)

enum value_type {
	V_TEXT,		/* const char * */
	V_LIST,		/* struct tsn_config_list: one text or a list of them */
	V_ADDR,		/* struct tsn_addr */
	V_BYTES,	/* uint64_t */
	V_COUNT,	/* uint64_t */
	V_SPAN,		/* int64_t */
	V_ZONE,		/* int32_t */
	V_START,	/* bool: "end" */
	V_TLS,		/* struct tsn_config_tls */
	V_CLIENT,	/* int: enum tsn_tls_client */
	V_SKIP,		/* read elsewhere */
};

struct key {
	const char *name;
	enum value_type type;
	size_t offset;
};

static const struct key top_keys[] = {
	{"data", V_TEXT, offsetof(struct tsn_config, data)},
	{"listen", V_ADDR, offsetof(struct tsn_config, listen)},
	{"rules", V_LIST, offsetof(struct tsn_config, rules)},
	{"triage", V_TEXT, offsetof(struct tsn_config, triage)},
	{"exceptions", V_LIST, offsetof(struct tsn_config, exceptions)},
	{"inputs", V_SKIP, 0},
	{"correlations", V_SKIP, 0},
	{"pipelines", V_SKIP, 0},
	{"pipeline_keys", V_TEXT, offsetof(struct tsn_config, pipeline_keys)},
	{"retention", V_SKIP, 0},
	{"http", V_SKIP, 0},
	{"health", V_SKIP, 0},
};

static const struct key health_keys[] = {
	{"silence", V_SPAN, offsetof(struct tsn_config, silence_ns)},
	{"history", V_SPAN, offsetof(struct tsn_config, history_ns)},
};

static const struct key corr_keys[] = {
	{"memory", V_BYTES, offsetof(struct tsn_config, corr_bytes)},
	{"lateness", V_SPAN, offsetof(struct tsn_config, corr_lateness_ns)},
	{"idle", V_SPAN, offsetof(struct tsn_config, corr_idle_ns)},
};

static const struct key retention_keys[] = {
	{"age", V_SPAN, offsetof(struct tsn_config, retention_ns)},
	{"size", V_BYTES, offsetof(struct tsn_config, retention_bytes)},
	{"disk_free", V_BYTES, offsetof(struct tsn_config, disk_free_min)},
};

static const struct key http_keys[] = {
	{"max_body", V_BYTES, offsetof(struct tsn_config, body_bytes_max)},
	{"max_connections", V_COUNT, offsetof(struct tsn_config, http_connections_max)},
	{"timeout", V_SPAN, offsetof(struct tsn_config, http_timeout_ns)},
	{"token_file", V_TEXT, offsetof(struct tsn_config, token_file)},
	{"tls", V_TLS, offsetof(struct tsn_config, http_tls)},
};

static const struct key tls_keys[] = {
	{"cert", V_TEXT, offsetof(struct tsn_config_tls, cert)},
	{"key", V_TEXT, offsetof(struct tsn_config_tls, key)},
	{"ca", V_TEXT, offsetof(struct tsn_config_tls, ca)},
	{"client", V_CLIENT, offsetof(struct tsn_config_tls, client)},
	{"names", V_LIST, offsetof(struct tsn_config_tls, names)},
};

static const struct key file_keys[] = {
	{"type", V_SKIP, 0},
	{"paths", V_LIST, offsetof(struct tsn_config_input, paths)},
	{"kind", V_TEXT, offsetof(struct tsn_config_input, kind)},
	{"timezone", V_ZONE, offsetof(struct tsn_config_input, tz_offset_sec)},
	{"start", V_START, offsetof(struct tsn_config_input, at_end)},
};

static const struct key udp_keys[] = {
	{"type", V_SKIP, 0},
	{"listen", V_ADDR, offsetof(struct tsn_config_input, listen)},
	{"kind", V_TEXT, offsetof(struct tsn_config_input, kind)},
	{"timezone", V_ZONE, offsetof(struct tsn_config_input, tz_offset_sec)},
	{"max_message", V_BYTES, offsetof(struct tsn_config_input, message_bytes_max)},
	{"receive_buffer", V_BYTES, offsetof(struct tsn_config_input, receive_buffer)},
	{"spool", V_BYTES, offsetof(struct tsn_config_input, spool_bytes)},
};

static const struct key tcp_keys[] = {
	{"type", V_SKIP, 0},
	{"listen", V_ADDR, offsetof(struct tsn_config_input, listen)},
	{"kind", V_TEXT, offsetof(struct tsn_config_input, kind)},
	{"timezone", V_ZONE, offsetof(struct tsn_config_input, tz_offset_sec)},
	{"max_message", V_BYTES, offsetof(struct tsn_config_input, message_bytes_max)},
	{"max_connections", V_COUNT, offsetof(struct tsn_config_input, connections_max)},
	{"idle_timeout", V_SPAN, offsetof(struct tsn_config_input, idle_ns)},
	{"tls", V_TLS, offsetof(struct tsn_config_input, tls)},
};

static const struct key journald_keys[] = {
	{"type", V_SKIP, 0},
	{"program", V_TEXT, offsetof(struct tsn_config_input, program)},
	{"directory", V_TEXT, offsetof(struct tsn_config_input, directory)},
	{"start", V_START, offsetof(struct tsn_config_input, at_end)},
};

static const struct key audit_keys[] = {
	{"type", V_SKIP, 0},
};

static const struct {
	const char *name;
	enum tsn_config_input_type type;
	const struct key *keys;
	size_t key_count;
} input_types[] = {
	{"file", TSN_CONFIG_FILE, file_keys, TSN_COUNT(file_keys)},
	{"syslog_udp", TSN_CONFIG_SYSLOG_UDP, udp_keys, TSN_COUNT(udp_keys)},
	{"syslog_tcp", TSN_CONFIG_SYSLOG_TCP, tcp_keys, TSN_COUNT(tcp_keys)},
	{"beats", TSN_CONFIG_BEATS, tcp_keys, TSN_COUNT(tcp_keys)},
	{"journald", TSN_CONFIG_JOURNALD, journald_keys, TSN_COUNT(journald_keys)},
	{"audit", TSN_CONFIG_AUDIT, audit_keys, TSN_COUNT(audit_keys)},
};

struct loader {
	struct tsn_config *c;
	const char *name;
	struct tsn_err *err;
};

void
tsn_config_init(struct tsn_config *c)
{
	*c = (struct tsn_config){
		.disk_free_min = UINT64_C(1) << 30,
		.body_bytes_max = UINT64_C(16) << 20,
		.http_connections_max = 256,
		.http_timeout_ns = 60 * TSN_NS_PER_SEC,
		.silence_ns = 600 * TSN_NS_PER_SEC,
		.history_ns = 6 * 3600 * TSN_NS_PER_SEC,
	};
	tsn_arena_init(&c->arena, ARENA_BYTES_MAX);
	if (tsn_addr_parse(TSN_SLICE("127.0.0.1:8650"), &c->listen, NULL) != TSN_OK)
		TSN_ASSERT(false);
}

void
tsn_config_done(struct tsn_config *c)
{
	tsn_arena_done(&c->arena);
}

bool
tsn_config_zone(struct tsn_slice s, int32_t *ret_sec)
{
	uint64_t hour, minute;

	if (tsn_slice_eq_nocase(s, TSN_SLICE("utc")) || tsn_slice_eq_nocase(s, TSN_SLICE("z"))) {
		*ret_sec = 0;
		return true;
	}
	if (s.len < 5 || s.len > 6 || (s.ptr[0] != '+' && s.ptr[0] != '-') ||
	    (s.len == 6 && s.ptr[3] != ':'))
		return false;
	if (tsn_num_parse_u64(tsn_slice_of(s.ptr + 1, 2), &hour) != TSN_OK ||
	    tsn_num_parse_u64(tsn_slice_of(s.ptr + s.len - 2, 2), &minute) != TSN_OK ||
	    hour > 14 || minute > 59)
		return false;
	*ret_sec = (int32_t)(hour * 3600 + minute * 60) * (s.ptr[0] == '-' ? -1 : 1);
	return true;
}

bool
tsn_config_bytes(struct tsn_slice text, uint64_t *ret_bytes)
{
	static const struct {
		struct tsn_slice name;
		uint64_t factor;
	} units[] = {
		{TSN_SLICE(""), 1},
		{TSN_SLICE("b"), 1},
		{TSN_SLICE("k"), UINT64_C(1) << 10},
		{TSN_SLICE("kib"), UINT64_C(1) << 10},
		{TSN_SLICE("kb"), 1000},
		{TSN_SLICE("m"), UINT64_C(1) << 20},
		{TSN_SLICE("mib"), UINT64_C(1) << 20},
		{TSN_SLICE("mb"), UINT64_C(1000000)},
		{TSN_SLICE("g"), UINT64_C(1) << 30},
		{TSN_SLICE("gib"), UINT64_C(1) << 30},
		{TSN_SLICE("gb"), UINT64_C(1000000000)},
		{TSN_SLICE("t"), UINT64_C(1) << 40},
		{TSN_SLICE("tib"), UINT64_C(1) << 40},
		{TSN_SLICE("tb"), UINT64_C(1000000000000)},
	};
	size_t digits = 0;
	uint64_t n;

	while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
		digits++;
	if (tsn_num_parse_u64(tsn_slice_of(text.ptr, digits), &n) != TSN_OK)
		return false;
	text = tsn_slice_trim(tsn_slice_from(text, digits));
	for (size_t i = 0; i < TSN_COUNT(units); i++)
		if (tsn_slice_eq_nocase(text, units[i].name))
			return !__builtin_mul_overflow(n, units[i].factor, ret_bytes);
	return false;
}

static enum tsn_code TSN_COLD TSN_PRINTF(3, 4)
fail(const struct loader *l, uint32_t line, const char *fmt, ...)
{
	char msg[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	TSN_FAIL_AT(l->err, TSN_EPARSE, line, "%s:%u: %s", l->name, line, msg);
}

static enum tsn_code
wants(const struct loader *l, const struct tsn_yaml *v, const char *what)
{
	char key[80], shown[80];

	return fail(l, v->line, "%s: expected %s, found %s%s%s",
	    tsn_slice_escape(v->key, key, sizeof key), what,
	    v->text.len > 0 ? "\"" : "", v->text.len > 0 ?
		tsn_slice_escape(v->text, shown, sizeof shown) : tsn_yaml_kind_name(v),
	    v->text.len > 0 ? "\"" : "");
}

static enum tsn_code
read_text(const struct loader *l, const struct tsn_yaml *v, const char **ret_text)
{
	struct tsn_slice copy;

	if (v->kind == TSN_YAML_MAP || v->kind == TSN_YAML_SEQ || v->text.len == 0 ||
	    memchr(v->text.ptr, '\0', v->text.len) != NULL)
		return wants(l, v, "a text");
	copy = tsn_arena_dup(&l->c->arena, v->text);
	if (copy.ptr == NULL)
		TSN_FAIL(l->err, TSN_ENOMEM, "out of memory");
	*ret_text = copy.ptr;
	return TSN_OK;
}

static enum tsn_code
read_list(const struct loader *l, const struct tsn_yaml *v, struct tsn_config_list *list)
{
	const struct tsn_yaml *at = v->kind == TSN_YAML_SEQ ? v->first : v;
	uint32_t count = v->kind == TSN_YAML_SEQ ? v->count : 1;

	if (v->kind == TSN_YAML_MAP || count > TSN_CONFIG_LIST_MAX)
		return wants(l, v, "a text or a list of at most 256");
	list->items = tsn_arena_calloc(&l->c->arena, count, sizeof(*list->items));
	if (list->items == NULL)
		TSN_FAIL(l->err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < count; i++, at = at->next)
		TSN_TRY(read_text(l, at, &list->items[i]));
	list->count = count;
	return TSN_OK;
}

static enum tsn_code
read_addr(const struct loader *l, const struct tsn_yaml *v, struct tsn_addr *addr)
{
	if (tsn_addr_parse(tsn_yaml_text(v), addr, NULL) != TSN_OK)
		return wants(l, v, "ADDRESS:PORT");
	return TSN_OK;
}

static enum tsn_code
read_start(const struct loader *l, const struct tsn_yaml *v, bool *at_end)
{
	struct tsn_slice text = tsn_yaml_text(v);

	*at_end = tsn_slice_eq(text, TSN_SLICE("end"));
	if (!*at_end && !tsn_slice_eq(text, TSN_SLICE("beginning")))
		return wants(l, v, "beginning or end");
	return TSN_OK;
}

static enum tsn_code
read_client(const struct loader *l, const struct tsn_yaml *v, int *client)
{
	static const char *const names[] = {
		[TSN_TLS_CLIENT_NONE] = "none",
		[TSN_TLS_CLIENT_OPTIONAL] = "optional",
		[TSN_TLS_CLIENT_REQUIRED] = "required",
	};

	for (size_t i = 0; i < TSN_COUNT(names); i++)
		if (tsn_slice_eq(tsn_yaml_text(v), tsn_slice_cstr(names[i]))) {
			*client = (int)i;
			return TSN_OK;
		}
	return wants(l, v, "none, optional or required");
}

static enum tsn_code read_map(const struct loader *l, const struct tsn_yaml *map,
    const struct key *keys, size_t count, void *to);

static enum tsn_code
read_tls(const struct loader *l, const struct tsn_yaml *v, struct tsn_config_tls *tls)
{
	tls->client = -1;
	TSN_TRY(read_map(l, v, tls_keys, TSN_COUNT(tls_keys), tls));
	if (tls->cert == NULL)
		return fail(l, v->line, "tls: needs cert, the file of the certificate");
	/* Who names a CA wants certificates of it. */
	if (tls->client < 0)
		tls->client = tls->ca != NULL ? TSN_TLS_CLIENT_REQUIRED : TSN_TLS_CLIENT_NONE;
	if (tls->client != TSN_TLS_CLIENT_NONE && tls->ca == NULL)
		return fail(l, v->line, "tls: client: %s needs ca, the file of who signs them",
		    tls->client == TSN_TLS_CLIENT_REQUIRED ? "required" : "optional");
	if (tls->names.count > 0 && tls->client == TSN_TLS_CLIENT_NONE)
		return fail(l, v->line, "tls: names are those of clients: they need ca");
	return TSN_OK;
}

static enum tsn_code
read_value(const struct loader *l, const struct tsn_yaml *v, enum value_type type, void *to)
{
	switch (type) {
	case V_TEXT:
		return read_text(l, v, to);
	case V_LIST:
		return read_list(l, v, to);
	case V_ADDR:
		return read_addr(l, v, to);
	case V_BYTES:
		if (!tsn_config_bytes(tsn_yaml_text(v), to))
			return wants(l, v, "a size such as 16MiB");
		return TSN_OK;
	case V_COUNT:
		if (tsn_num_parse_u64(tsn_yaml_text(v), to) != TSN_OK || *(uint64_t *)to == 0 ||
		    *(uint64_t *)to > 1000000)
			return wants(l, v, "a number from 1 to 1000000");
		return TSN_OK;
	case V_SPAN:
		if (tsn_time_parse_span(tsn_yaml_text(v), to) != TSN_OK || *(int64_t *)to <= 0)
			return wants(l, v, "a time such as 90s, 5m, 1h or 30d");
		return TSN_OK;
	case V_ZONE:
		if (!tsn_config_zone(tsn_yaml_text(v), to))
			return wants(l, v, "+HH:MM, -HH:MM or UTC");
		return TSN_OK;
	case V_START:
		return read_start(l, v, to);
	case V_TLS:
		return read_tls(l, v, to);
	case V_CLIENT:
		return read_client(l, v, to);
	case V_SKIP:
		return TSN_OK;
	}
	return TSN_OK;
}

static enum tsn_code
unknown_key(const struct loader *l, const struct tsn_yaml *v, const struct key *keys, size_t count)
{
	char names[256] = "", key[80];
	size_t at = 0;

	for (size_t i = 0; i < count && at < sizeof names; i++)
		at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i == 0 ? "" : ", ",
		    keys[i].name);
	return fail(l, v->key_line, "unknown key \"%s\"; known here: %s",
	    tsn_slice_escape(v->key, key, sizeof key), names);
}

static enum tsn_code
read_map(const struct loader *l, const struct tsn_yaml *map, const struct key *keys, size_t count,
    void *to)
{
	if (map->kind != TSN_YAML_MAP)
		return fail(l, map->line, "expected keys and values, found %s",
		    tsn_yaml_kind_name(map));
	for (const struct tsn_yaml *v = map->first; v != NULL; v = v->next) {
		size_t i = 0;

		while (i < count && !tsn_slice_eq(v->key, tsn_slice_cstr(keys[i].name)))
			i++;
		if (i == count)
			return unknown_key(l, v, keys, count);
		TSN_TRY(read_value(l, v, keys[i].type, (char *)to + keys[i].offset));
	}
	return TSN_OK;
}

static enum tsn_code
read_input(const struct loader *l, const struct tsn_yaml *v, struct tsn_config_input *in)
{
	struct tsn_slice type = tsn_yaml_text(tsn_yaml_find(v, TSN_SLICE("type")));
	struct tsn_err why;

	in->line = v->line;
	for (size_t i = 0; i < TSN_COUNT(input_types); i++) {
		if (!tsn_slice_eq(type, tsn_slice_cstr(input_types[i].name)))
			continue;
		in->type = input_types[i].type;
		in->spool_bytes = SPOOL_BYTES;
		TSN_TRY(read_map(l, v, input_types[i].keys, input_types[i].key_count, in));
		if (tsn_parser_check_kind(tsn_slice_cstr(in->kind), &why) != TSN_OK)
			return fail(l, v->line, "kind: %s", why.msg);
		if (in->type == TSN_CONFIG_FILE && in->paths.count == 0)
			return fail(l, v->line, "an input of type file needs paths");
		if (in->type != TSN_CONFIG_FILE && in->type != TSN_CONFIG_JOURNALD &&
		    in->type != TSN_CONFIG_AUDIT && in->listen.len == 0)
			return fail(l, v->line, "an input of type %s needs listen: ADDRESS:PORT",
			    input_types[i].name);
		return TSN_OK;
	}
	return fail(l, v->line, "an input needs a type: file, syslog_udp, syslog_tcp, "
	    "beats, journald or audit");
}

static enum tsn_code
read_inputs(const struct loader *l, const struct tsn_yaml *list)
{
	uint32_t i = 0;

	if (list->kind != TSN_YAML_SEQ || list->count > TSN_CONFIG_INPUTS_MAX)
		return fail(l, list->line, "inputs: expected a list of at most %u",
		    TSN_CONFIG_INPUTS_MAX);
	l->c->inputs = tsn_arena_calloc(&l->c->arena, list->count + 1, sizeof(*l->c->inputs));
	if (l->c->inputs == NULL)
		TSN_FAIL(l->err, TSN_ENOMEM, "out of memory");
	for (const struct tsn_yaml *v = list->first; v != NULL; v = v->next)
		TSN_TRY(read_input(l, v, &l->c->inputs[i++]));
	l->c->input_count = i;
	return TSN_OK;
}

static const struct key pipeline_map[] = {
	{"name", V_TEXT, offsetof(struct tsn_config_pipeline, name)},
	{"path", V_TEXT, offsetof(struct tsn_config_pipeline, path)},
	{"queue", V_BYTES, offsetof(struct tsn_config_pipeline, queue_bytes)},
};

static enum tsn_code
read_pipeline(const struct loader *l, const struct tsn_yaml *v, uint32_t i)
{
	struct tsn_config_pipeline *p = &l->c->pipelines[i];

	TSN_TRY(read_map(l, v, pipeline_map, TSN_COUNT(pipeline_map), p));
	if (p->name == NULL || p->path == NULL)
		return fail(l, v->line, "a pipeline needs a name and a path");
	if (p->name[strspn(p->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789_-")] != '\0' || strlen(p->name) > 64)
		return fail(l, v->line, "name: expected at most 64 letters, digits, - and _");
	for (uint32_t k = 0; k < i; k++)
		if (strcmp(l->c->pipelines[k].name, p->name) == 0)
			return fail(l, v->line, "two pipelines are called %s", p->name);
	return TSN_OK;
}

static enum tsn_code
read_pipelines(const struct loader *l, const struct tsn_yaml *list)
{
	uint32_t i = 0;

	if (list->kind != TSN_YAML_SEQ || list->count > TSN_CONFIG_PIPELINES_MAX)
		return fail(l, list->line, "pipelines: expected a list of at most %u",
		    TSN_CONFIG_PIPELINES_MAX);
	l->c->pipelines = tsn_arena_calloc(&l->c->arena, list->count + 1, sizeof(*l->c->pipelines));
	if (l->c->pipelines == NULL)
		TSN_FAIL(l->err, TSN_ENOMEM, "out of memory");
	for (const struct tsn_yaml *v = list->first; v != NULL; v = v->next)
		TSN_TRY(read_pipeline(l, v, i++));
	l->c->pipeline_count = i;
	return TSN_OK;
}

static enum tsn_code
read_top(const struct loader *l, const struct tsn_yaml *top)
{
	const struct tsn_yaml *v;

	TSN_TRY(read_map(l, top, top_keys, TSN_COUNT(top_keys), l->c));
	if ((v = tsn_yaml_find(top, TSN_SLICE("retention"))) != NULL)
		TSN_TRY(read_map(l, v, retention_keys, TSN_COUNT(retention_keys), l->c));
	if ((v = tsn_yaml_find(top, TSN_SLICE("correlations"))) != NULL)
		TSN_TRY(read_map(l, v, corr_keys, TSN_COUNT(corr_keys), l->c));
	if ((v = tsn_yaml_find(top, TSN_SLICE("http"))) != NULL)
		TSN_TRY(read_map(l, v, http_keys, TSN_COUNT(http_keys), l->c));
	if ((v = tsn_yaml_find(top, TSN_SLICE("health"))) != NULL)
		TSN_TRY(read_map(l, v, health_keys, TSN_COUNT(health_keys), l->c));
	if ((v = tsn_yaml_find(top, TSN_SLICE("inputs"))) != NULL)
		TSN_TRY(read_inputs(l, v));
	if ((v = tsn_yaml_find(top, TSN_SLICE("pipelines"))) != NULL)
		TSN_TRY(read_pipelines(l, v));
	return TSN_OK;
}

enum tsn_code
tsn_config_parse(struct tsn_config *c, const char *name, struct tsn_slice text,
    struct tsn_err *err)
{
	struct loader l = {.c = c, .name = name, .err = err};
	const struct tsn_yaml *doc;
	struct tsn_err why;
	enum tsn_code code = tsn_yaml_parse(&c->arena, text, &doc, &why);

	if (code == TSN_EPARSE || code == TSN_ELIMIT)
		TSN_FAIL_AT(err, TSN_EPARSE, why.pos, "%s:%llu: %s", name,
		    (unsigned long long)(why.pos == TSN_POS_NONE ? 1 : why.pos), why.msg);
	if (code != TSN_OK)
		TSN_FAIL(err, code, "%s", why.msg);
	if (doc == NULL || doc->kind == TSN_YAML_NULL)
		return TSN_OK;
	if (doc->next != NULL)
		return fail(&l, doc->next->line, "one document only");
	return read_top(&l, doc);
}

enum tsn_code
tsn_config_load(struct tsn_config *c, const char *path, struct tsn_err *err)
{
	struct tsn_buf text TSN_CLEANUP(tsn_buf_done) = {0};
	struct tsn_slice copy;

	tsn_buf_init(&text, FILE_BYTES_MAX);
	TSN_TRY(tsn_file_read_all(&tsn_file_system, path, &text, err));
	copy = tsn_arena_dup(&c->arena, tsn_buf_get(&text));
	if (copy.ptr == NULL && text.len > 0)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return tsn_config_parse(c, path, copy, err);
}
