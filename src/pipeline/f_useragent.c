/* Filter useragent: browser, system and device, by expressions in the form of uap-core. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "codec/yaml.h"
#include "content/content.h"
#include "os/file.h"
#include "pipeline/rx.h"
#include "pipeline/ship_int.h"

#define FILE_MAX_BYTES (16u << 20)
#define ARENA_MAX (256u << 20)
#define PARTS 4u		/* family and three numbers */
#define CACHE 4096u

struct parser {
	struct tsn_rx *rx;
	struct tsn_slice with[PARTS];	/* replacements, ptr NULL: the group */
};

struct list {
	struct parser *items;
	uint32_t count;
};

struct useragent {
	struct tsn_pref source;
	struct tsn_slice target, prefix;
	struct tsn_arena arena;
	struct list agents, systems, devices;
	bool ecs;
};

static enum tsn_code
read_list(struct useragent *u, const struct tsn_yaml *y, const char *const names[PARTS],
    struct list *l, struct tsn_err *err)
{
	l->items = tsn_arena_calloc(&u->arena, y == NULL ? 1 : y->count + 1, sizeof *l->items);
	if (l->items == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (const struct tsn_yaml *v = y == NULL ? NULL : y->first; v != NULL; v = v->next) {
		struct parser *p = &l->items[l->count];
		const struct tsn_yaml *flag = tsn_yaml_find(v, TSN_SLICE("regex_flag"));
		struct tsn_slice regex = tsn_yaml_text(tsn_yaml_find(v, TSN_SLICE("regex")));
		struct tsn_buf b;
		enum tsn_code code;

		tsn_buf_init(&b, 1u << 20);
		if (tsn_slice_eq(tsn_yaml_text(flag), TSN_SLICE("i")))
			tsn_buf_lit(&b, "(?i)");
		tsn_buf_slice(&b, regex);
		code = regex.len == 0 ? TSN_ERR(err, TSN_EPARSE, "line %u: expected a regex", v->line) :
		    tsn_rx_new(tsn_buf_get(&b), &p->rx, err);
		tsn_buf_done(&b);
		TSN_TRY(code);
		l->count++;
		for (uint32_t i = 0; i < PARTS; i++) {
			const struct tsn_yaml *with = tsn_yaml_find(v, tsn_slice_cstr(names[i]));

			if (with != NULL)
				p->with[i] = tsn_arena_dup(&u->arena, tsn_yaml_text(with));
		}
	}
	return TSN_OK;
}

static enum tsn_code
read_all(struct useragent *u, struct tsn_slice text, struct tsn_err *err)
{
	static const char *const agent[] = {"family_replacement", "v1_replacement", "v2_replacement",
	    "v3_replacement"};
	static const char *const os[] = {"os_replacement", "os_v1_replacement", "os_v2_replacement",
	    "os_v3_replacement"};
	static const char *const device[] = {"device_replacement", "-", "-", "-"};
	const struct tsn_yaml *doc;

	TSN_TRY(tsn_yaml_parse(&u->arena, text, &doc, err));
	TSN_TRY(read_list(u, tsn_yaml_find(doc, TSN_SLICE("user_agent_parsers")), agent, &u->agents,
	    err));
	TSN_TRY(read_list(u, tsn_yaml_find(doc, TSN_SLICE("os_parsers")), os, &u->systems, err));
	return read_list(u, tsn_yaml_find(doc, TSN_SLICE("device_parsers")), device, &u->devices, err);
}

static enum tsn_code
useragent_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct useragent *u = tsn_pi_alloc(in, 1, sizeof *u);
	const char *path = tsn_pi_text(in, "regexes", NULL);
	struct tsn_slice text = TSN_SLICE_NONE;
	struct tsn_err why = {0};
	struct tsn_buf file;
	enum tsn_code code = TSN_OK;

	if (u == NULL || !tsn_pi_ref_option(in, "source", "", &u->source))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->state = u;
	tsn_arena_init(&u->arena, ARENA_MAX);
	u->ecs = tsn_pi_ecs(in);
	u->target = tsn_pi_str(in, "target", u->ecs ? "user_agent" : "");
	u->prefix = tsn_pi_str(in, "prefix", "");
	tsn_buf_init(&file, FILE_MAX_BYTES);
	if (path == NULL) {
		const struct tsn_content_file *own = tsn_content_find(TSN_SLICE("useragent/regexes.yaml"));

		text = own == NULL ? TSN_SLICE_NONE : own->data;
	} else {
		code = tsn_file_read_all(&tsn_file_system, path, &file, &why);
		text = tsn_arena_dup(&u->arena, tsn_buf_get(&file));
	}
	if (code == TSN_OK)
		code = read_all(u, text, &why);
	tsn_buf_done(&file);
	return code == TSN_OK ? TSN_OK : tsn_pi_fail(in, err, "option \"regexes\": %s", why.msg);
}

static void
useragent_close(struct tsn_pinst *in)
{
	struct useragent *u = in->state;

	if (u == NULL)
		return;
	for (unsigned k = 0; k < 3; k++) {
		struct list *l = k == 0 ? &u->agents : k == 1 ? &u->systems : &u->devices;

		for (uint32_t i = 0; i < l->count; i++)
			tsn_rx_free(l->items[i].rx);
	}
	tsn_arena_done(&u->arena);
}

/* "$1" in a replacement stands for a group */
static struct tsn_slice
part(const struct parser *p, struct tsn_slice text, uint32_t i, struct tsn_pev *ev)
{
	struct tsn_slice with = p->with[i];
	struct tsn_buf b;

	if (with.ptr == NULL)
		return i + 1 < tsn_rx_group_count(p->rx) + 1 ? tsn_rx_group(p->rx, text, i + 1) :
		    TSN_SLICE_NONE;
	if (tsn_slice_find_char(with, '$') == SIZE_MAX)
		return with;
	tsn_buf_init(&b, 4096);
	for (size_t k = 0; k < with.len; k++) {
		if (with.ptr[k] == '$' && k + 1 < with.len && with.ptr[k + 1] >= '1' &&
		    with.ptr[k + 1] <= '9')
			tsn_buf_slice(&b, tsn_rx_group(p->rx, text, (uint32_t)(with.ptr[++k] - '0')));
		else
			tsn_buf_char(&b, with.ptr[k]);
	}
	return tsn_slice_trim(tsn_pl_keep(ev, &b));
}

static bool
look_up(const struct list *l, struct tsn_slice text, struct tsn_pev *ev,
    struct tsn_slice ret[PARTS])
{
	for (uint32_t i = 0; i < l->count; i++) {
		if (!tsn_rx_match(l->items[i].rx, text, 0))
			continue;
		for (uint32_t k = 0; k < PARTS; k++)
			ret[k] = part(&l->items[i], text, k, ev);
		return true;
	}
	for (uint32_t k = 0; k < PARTS; k++)
		ret[k] = TSN_SLICE_NONE;
	ret[0] = TSN_SLICE("Other");
	return false;
}

static void
put(const struct useragent *u, struct tsn_pev *ev, const char *name, struct tsn_slice value)
{
	struct tsn_buf b;
	struct tsn_slice text;
	struct tsn_pref ref;

	if (value.len == 0)
		return;
	tsn_buf_init(&b, 4096);
	if (u->target.len > 0 && u->target.ptr[0] != '[')
		tsn_buf_printf(&b, "[%.*s]", TSN_SLICE_ARG(u->target));
	else
		tsn_buf_slice(&b, u->target);
	if (u->ecs)
		tsn_buf_slice(&b, tsn_slice_cstr(name));
	else
		tsn_buf_printf(&b, u->target.len > 0 ? "[%.*s%s]" : "%.*s%s", TSN_SLICE_ARG(u->prefix),
		    name);
	text = tsn_pl_keep(ev, &b);
	if (text.ptr != NULL && tsn_pref_parse(ev->arena, text, &ref))
		(void)tsn_pev_set(ev, &ref, tsn_pv_str(text.ptr == NULL ? TSN_SLICE("") :
		    tsn_arena_dup(ev->arena, value)));
}

static struct tsn_slice
joined(struct tsn_pev *ev, const struct tsn_slice *parts, bool with_name)
{
	struct tsn_buf b;

	tsn_buf_init(&b, 4096);
	if (with_name)
		tsn_buf_slice(&b, parts[0]);
	for (uint32_t k = 1; k < PARTS && parts[k].len > 0; k++) {
		if (b.len > 0)
			tsn_buf_char(&b, k == 1 ? ' ' : '.');
		tsn_buf_slice(&b, parts[k]);
	}
	return tsn_pl_keep(ev, &b);
}

static bool
useragent_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	const struct useragent *u = in->state;
	const struct tsn_pv *v = tsn_pev_get(ev, &u->source);
	struct tsn_slice agent[PARTS], os[PARTS], device[PARTS], text;

	if (v != NULL && v->type == TSN_PV_LIST && v->as.list->count > 0)
		v = &v->as.list->items[0];
	if (v == NULL || v->type != TSN_PV_STR || v->as.str.len == 0)
		return false;
	text = v->as.str;
	(void)look_up(&u->agents, text, ev, agent);
	(void)look_up(&u->systems, text, ev, os);
	(void)look_up(&u->devices, text, ev, device);
	if (u->ecs) {
		put(u, ev, "[original]", text);
		put(u, ev, "[name]", agent[0]);
		put(u, ev, "[version]", joined(ev, agent, false));
		put(u, ev, "[os][name]", os[0]);
		put(u, ev, "[os][version]", joined(ev, os, false));
		put(u, ev, "[os][full]", os[1].len > 0 ? joined(ev, os, true) : TSN_SLICE_NONE);
		put(u, ev, "[device][name]", device[0]);
		return true;
	}
	put(u, ev, "name", agent[0]);
	put(u, ev, "version", joined(ev, agent, false));
	put(u, ev, "major", agent[1]);
	put(u, ev, "minor", agent[2]);
	put(u, ev, "patch", agent[3]);
	put(u, ev, "os", os[0]);
	put(u, ev, "os_name", os[0]);
	put(u, ev, "os_version", joined(ev, os, false));
	put(u, ev, "os_major", os[1]);
	put(u, ev, "os_minor", os[2]);
	put(u, ev, "os_patch", os[3]);
	put(u, ev, "os_full", os[1].len > 0 ? joined(ev, os, true) : TSN_SLICE_NONE);
	put(u, ev, "device", device[0]);
	return true;
}

const struct tsn_pfilter tsn_filter_useragent = {.open = useragent_open,
    .close = useragent_close, .filter = useragent_filter};
