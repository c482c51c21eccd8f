/* api/endpoints: all tables, in the order in which paths are tried. */
#include "api/endpoints_int.h"

const struct endpoint *const endpoint_tables[] = {
	ops_endpoints,
	ingest_endpoints,
	hec_endpoints,
	alert_endpoints,
	search_endpoints,
	elastic_endpoints,
	NULL,
};

enum form
endpoint_form(const struct endpoint *table)
{
	return table == hec_endpoints ? FORM_SPLUNK : FORM_PROBLEM;
}
