/* Filter geoip: what a MaxMind database knows of an address. */
#include <maxminddb.h>
#include <stdlib.h>
#include <string.h>

#include "base/ip.h"
#include "pipeline/sock_int.h"

struct geoip {
	MMDB_s db;
	bool open;
	struct tsn_pref source, target;
	struct tsn_slice target_text;
	struct tsn_ptags failed;
	const struct tsn_conf_value *fields;
	uint32_t field_count;
	bool ecs;
};

/* what it is called in the option "fields", in the database, in ECS and before ECS */
static const struct field {
	const char *option, *path[4], *ecs, *old;
} fields[] = {
	{"city_name", {"city", "names", "en"}, "[geo][city_name]", "[city_name]"},
	{"continent_code", {"continent", "code"}, "[geo][continent_code]", "[continent_code]"},
	{"continent_name", {"continent", "names", "en"}, "[geo][continent_name]", "[continent_name]"},
	{"country_code2", {"country", "iso_code"}, "[geo][country_iso_code]", "[country_code2]"},
	{"country_name", {"country", "names", "en"}, "[geo][country_name]", "[country_name]"},
	{"postal_code", {"postal", "code"}, "[geo][postal_code]", "[postal_code]"},
	{"dma_code", {"location", "metro_code"}, "[mmdb][dma_code]", "[dma_code]"},
	{"region_name", {"subdivisions", "0", "names", "en"}, "[geo][region_name]", "[region_name]"},
	{"timezone", {"location", "time_zone"}, "[geo][timezone]", "[timezone]"},
	{"latitude", {"location", "latitude"}, NULL, "[latitude]"},
	{"longitude", {"location", "longitude"}, NULL, "[longitude]"},
	{"asn", {"autonomous_system_number"}, "[as][number]", "[asn]"},
	{"organization", {"autonomous_system_organization"}, "[as][organization][name]", "[as_org]"},
	{"isp", {"isp"}, "[mmdb][isp]", "[isp]"},
	{"domain", {"domain"}, "[domain]", "[domain]"},
	/* flat databases of addresses and countries */
	{"country_code2", {"country_code"}, "[geo][country_iso_code]", "[country_code2]"},
};

static enum tsn_code
geoip_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct geoip *g = tsn_pi_alloc(in, 1, sizeof *g);
	const char *path = tsn_pi_text(in, "database", NULL);
	struct tsn_slice source = tsn_pi_str(in, "source", "");
	int status;

	if (g == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->state = g;
	g->ecs = tsn_pi_ecs(in);
	if (path == NULL)
		return tsn_pi_fail(in, err, "needs the option \"database\": the path of a .mmdb file "
		    "(none is shipped)");
	if (tsn_pi_get(in, "target") != NULL) {
		g->target_text = tsn_pi_str(in, "target", "");
	} else if (!g->ecs) {
		g->target_text = TSN_SLICE("geoip");
	} else if (tsn_slice_ends(source, TSN_SLICE("[ip]"))) {
		g->target_text = tsn_slice_of(source.ptr, source.len - 4);
	} else {
		return tsn_pi_fail(in, err, "needs the option \"target\" (source does not end in [ip])");
	}
	if (!tsn_pi_ref(in, source, &g->source) || !tsn_pi_ref(in, g->target_text, &g->target) ||
	    !tsn_pi_tags(in, "tag_on_failure", "_geoip_lookup_failure", &g->failed))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	g->fields = tsn_pi_list(in, "fields", &g->field_count);
	status = MMDB_open(path, MMDB_MODE_MMAP, &g->db);
	if (status != MMDB_SUCCESS)
		return tsn_pi_fail(in, err, "option \"database\": %s: %s", path, MMDB_strerror(status));
	g->open = true;
	return TSN_OK;
}

static void
geoip_close(struct tsn_pinst *in)
{
	struct geoip *g = in->state;

	if (g != NULL && g->open)
		MMDB_close(&g->db);
}

static bool
value_of(MMDB_entry_s *entry, const char *const path[4], struct tsn_pev *ev, struct tsn_pv *ret)
{
	MMDB_entry_data_s d;
	const char *names[5] = {0};

	for (unsigned i = 0; i < 4; i++)
		names[i] = path[i];
	if (MMDB_aget_value(entry, &d, names) != MMDB_SUCCESS || !d.has_data)
		return false;
	switch (d.type) {
	case MMDB_DATA_TYPE_UTF8_STRING:
		*ret = tsn_pv_str(tsn_arena_dup(ev->arena, tsn_slice_of(d.utf8_string, d.data_size)));
		return ret->as.str.ptr != NULL && d.data_size > 0;
	case MMDB_DATA_TYPE_UINT16:
		*ret = tsn_pv_int(d.uint16);
		return true;
	case MMDB_DATA_TYPE_UINT32:
		*ret = tsn_pv_int(d.uint32);
		return true;
	case MMDB_DATA_TYPE_DOUBLE:
		*ret = (struct tsn_pv){.type = TSN_PV_FLOAT, .as.d = d.double_value};
		return true;
	default:
		return false;
	}
}

static bool
wanted(const struct geoip *g, const char *name)
{
	for (uint32_t i = 0; i < g->field_count; i++)
		if (tsn_slice_eq_nocase(g->fields[i].text, tsn_slice_cstr(name)))
			return true;
	return g->fields == NULL;
}

static void
put(const struct geoip *g, struct tsn_pev *ev, const char *name, struct tsn_pv v)
{
	struct tsn_buf b;
	struct tsn_slice text;
	struct tsn_pref ref;

	tsn_buf_init(&b, 4096);
	if (g->target_text.len > 0 && g->target_text.ptr[0] != '[')
		tsn_buf_printf(&b, "[%.*s]", TSN_SLICE_ARG(g->target_text));
	else
		tsn_buf_slice(&b, g->target_text);
	tsn_buf_slice(&b, tsn_slice_cstr(name));
	text = tsn_pl_keep(ev, &b);
	if (text.ptr != NULL && tsn_pref_parse(ev->arena, text, &ref))
		(void)tsn_pev_set(ev, &ref, v);
}

static void
put_location(const struct geoip *g, MMDB_entry_s *entry, struct tsn_pev *ev)
{
	static const char *const lat[4] = {"location", "latitude"}, *const lon[4] = {"location",
	    "longitude"};
	struct tsn_pv map, a, b;

	if (!wanted(g, "location") || !value_of(entry, lat, ev, &a) || !value_of(entry, lon, ev, &b) ||
	    !tsn_pv_map_new(ev->arena, &map))
		return;
	(void)tsn_pv_map_put(ev->arena, map.as.map, TSN_SLICE("lon"), b);
	(void)tsn_pv_map_put(ev->arena, map.as.map, TSN_SLICE("lat"), a);
	put(g, ev, g->ecs ? "[geo][location]" : "[location]", map);
}

/* ECS: "US-CA"; before: "CA" */
static void
put_region(const struct geoip *g, MMDB_entry_s *entry, struct tsn_pev *ev)
{
	static const char *const region[4] = {"subdivisions", "0", "iso_code"};
	static const char *const country[4] = {"country", "iso_code"};
	struct tsn_pv r, c;
	struct tsn_buf b;

	if (!wanted(g, g->ecs ? "region_iso_code" : "region_code") || !value_of(entry, region, ev, &r))
		return;
	if (!g->ecs) {
		put(g, ev, "[region_code]", r);
	} else if (value_of(entry, country, ev, &c)) {
		tsn_buf_init(&b, 64);
		tsn_buf_printf(&b, "%.*s-%.*s", TSN_SLICE_ARG(c.as.str), TSN_SLICE_ARG(r.as.str));
		put(g, ev, "[geo][region_iso_code]", tsn_pv_str(tsn_pl_keep(ev, &b)));
	}
}

static bool
look_up(const struct geoip *g, struct tsn_pev *ev, struct tsn_slice text)
{
	char address[TSN_IP_TEXT_MAX];
	struct tsn_ip ip;
	int failed, error;
	MMDB_lookup_result_s r;
	bool some = false;

	if (tsn_ip_parse(tsn_slice_trim(text), &ip) != TSN_OK)
		return false;
	(void)tsn_ip_format(&ip, address);
	r = MMDB_lookup_string(&g->db, address, &failed, &error);
	if (failed != 0 || error != MMDB_SUCCESS || !r.found_entry)
		return false;
	for (size_t i = 0; i < TSN_COUNT(fields); i++) {
		const char *name = g->ecs ? fields[i].ecs : fields[i].old;
		struct tsn_pv v;

		if (name == NULL || !wanted(g, fields[i].option) ||
		    !value_of(&r.entry, fields[i].path, ev, &v))
			continue;
		put(g, ev, name, v);
		some = true;
	}
	put_location(g, &r.entry, ev);
	put_region(g, &r.entry, ev);
	if (some && wanted(g, "ip"))
		put(g, ev, "[ip]", tsn_pv_str(tsn_arena_dup(ev->arena, tsn_slice_cstr(address))));
	return some;
}

static bool
geoip_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	const struct geoip *g = in->state;
	const struct tsn_pv *v = tsn_pev_get(ev, &g->source);

	if (v != NULL && v->type == TSN_PV_LIST && v->as.list->count > 0)
		v = &v->as.list->items[0];
	if (v != NULL && v->type == TSN_PV_STR && v->as.str.len > 0 && look_up(g, ev, v->as.str))
		return true;
	tsn_pl_tags(ev, g->failed.tags, g->failed.count);
	return false;
}

const struct tsn_pfilter tsn_filter_geoip = {.open = geoip_open, .close = geoip_close,
    .filter = geoip_filter};
