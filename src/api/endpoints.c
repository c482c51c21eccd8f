/* api/endpoints: all tables, in the order in which paths are tried. */
#include "api/endpoints_int.h"

const struct endpoint *const endpoint_tables[] = {
	ops_endpoints,
	ingest_endpoints,
	alert_endpoints,
	search_endpoints,
	elastic_endpoints,
	NULL,
};
