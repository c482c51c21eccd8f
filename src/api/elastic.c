/*
 * api/elastic: what shippers ask of Elasticsearch before they send: who are you, what licence, may
 * I put my templates here.  tocsin needs none, so they are acknowledged and not kept.
 */
#include "api/endpoints_int.h"

#include "codec/json.h"

static enum answer
elastic_json(struct request *r, unsigned status, const char *text)
{
	r->elastic = true;
	tsn_buf_slice(&r->out, tsn_slice_cstr(text));
	return answer_json(r, status);
}

static enum answer
version(struct request *r)
{
	return elastic_json(r, 200,
	    "{\"name\":\"tocsin\",\"cluster_name\":\"tocsin\","
	    "\"cluster_uuid\":\"dG9jc2luLW9uZS1ub2RlLQ\",\"version\":{\"number\":\"8.17.0\","
	    "\"build_flavor\":\"default\",\"build_type\":\"tar\",\"build_hash\":\"tocsin\","
	    "\"build_date\":\"2024-12-11T12:08:05.663969764Z\",\"build_snapshot\":false,"
	    "\"lucene_version\":\"9.12.0\",\"minimum_wire_compatibility_version\":\"7.17.0\","
	    "\"minimum_index_compatibility_version\":\"7.0.0\"},"
	    "\"tagline\":\"You Know, for Search\"}\n");
}

static enum answer
license(struct request *r)
{
	return elastic_json(r, 200,
	    "{\"license\":{\"status\":\"active\",\"uid\":\"6f5b1f9c-0000-4000-8000-000000000000\","
	    "\"type\":\"basic\",\"mode\":\"basic\",\"issue_date\":\"2024-01-01T00:00:00.000Z\","
	    "\"issue_date_in_millis\":1704067200000,\"max_nodes\":1000,"
	    "\"issued_to\":\"tocsin\",\"issuer\":\"elasticsearch\"}}\n");
}

static enum answer
xpack(struct request *r)
{
	return elastic_json(r, 200,
	    "{\"build\":{\"hash\":\"tocsin\",\"date\":\"2024-12-11T12:08:05.663Z\"},"
	    "\"license\":{\"uid\":\"6f5b1f9c-0000-4000-8000-000000000000\",\"type\":\"basic\","
	    "\"mode\":\"basic\",\"status\":\"active\"},\"features\":{\"ilm\":{\"available\":true,"
	    "\"enabled\":true},\"security\":{\"available\":true,\"enabled\":false}},"
	    "\"tagline\":\"You know, for X\"}\n");
}

static enum answer
health(struct request *r)
{
	return elastic_json(r, 200,
	    "{\"cluster_name\":\"tocsin\",\"status\":\"green\",\"timed_out\":false,"
	    "\"number_of_nodes\":1,\"number_of_data_nodes\":1,\"active_primary_shards\":1,"
	    "\"active_shards\":1,\"relocating_shards\":0,\"initializing_shards\":0,"
	    "\"unassigned_shards\":0}\n");
}

static enum answer
nodes(struct request *r)
{
	char text[TSN_ADDR_TEXT_MAX];

	r->elastic = true;
	(void)tsn_addr_text(&r->http->addr, true, text);
	tsn_buf_printf(&r->out, "{\"_nodes\":{\"total\":1,\"successful\":1,\"failed\":0},"
	    "\"cluster_name\":\"tocsin\",\"nodes\":{\"tocsin\":{\"name\":\"tocsin\","
	    "\"version\":\"8.17.0\",\"roles\":[\"data\",\"ingest\",\"master\"],"
	    "\"http\":{\"publish_address\":\"%s\"}}}}\n", text);
	return answer_json(r, 200);
}

static enum answer
acknowledge(struct request *r)
{
	return elastic_json(r, 200, "{\"acknowledged\":true}\n");
}

static enum answer
acknowledge_index(struct request *r)
{
	r->elastic = true;
	tsn_buf_lit(&r->out, "{\"acknowledged\":true,\"shards_acknowledged\":true,\"index\":");
	tsn_json_write_string(&r->out, r->parts[0]);
	tsn_buf_lit(&r->out, "}\n");
	return answer_json(r, 200);
}

static enum answer
exists(struct request *r)
{
	return elastic_json(r, 200, "{}\n");
}

static enum answer
absent(struct request *r)
{
	return elastic_json(r, 404, "{\"error\":{\"type\":\"resource_not_found_exception\","
				    "\"reason\":\"not kept here\"},\"status\":404}\n");
}

#define KIND(path)                                                          \
	{"GET", path, TSN_ROLE_INGEST, false, false, NULL, NULL, absent},   \
	{"PUT", path, TSN_ROLE_INGEST, true, false, NULL, NULL, acknowledge},\
	{"POST", path, TSN_ROLE_INGEST, true, false, NULL, NULL, acknowledge}

const struct endpoint elastic_endpoints[] = {
	{"GET", "/", TSN_ROLE_NONE, false, false, NULL, NULL, version},
	{"GET", "/_license", TSN_ROLE_INGEST, false, false, NULL, NULL, license},
	{"GET", "/_xpack", TSN_ROLE_INGEST, false, false, NULL, NULL, xpack},
	{"GET", "/_xpack/license", TSN_ROLE_INGEST, false, false, NULL, NULL, license},
	{"GET", "/_cluster/health", TSN_ROLE_INGEST, false, false, NULL, NULL, health},
	{"GET", "/_nodes", TSN_ROLE_INGEST, false, false, NULL, NULL, nodes},
	{"GET", "/_nodes/http", TSN_ROLE_INGEST, false, false, NULL, NULL, nodes},
	{"GET", "/_nodes/_all/http", TSN_ROLE_INGEST, false, false, NULL, NULL, nodes},
	KIND("/_ilm/policy/{name}"),
	KIND("/_index_template/{name}"),
	KIND("/_component_template/{name}"),
	KIND("/_template/{name}"),
	KIND("/_ingest/pipeline/{name}"),
	KIND("/_data_stream/{name}"),
	KIND("/_alias/{name}"),
	KIND("/{index}/_mapping"),
	KIND("/{index}/_settings"),
	{"HEAD", "/{index}", TSN_ROLE_INGEST, false, false, NULL, NULL, exists},
	{"PUT", "/{index}", TSN_ROLE_INGEST, true, false, NULL, NULL, acknowledge_index},
	{0},
};
