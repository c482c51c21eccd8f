/* api/endpoints: all tables, in the order in which paths are tried. */
#include "api/endpoints_int.h"

const struct endpoint *const endpoint_tables[] = {
	ops_endpoints,
	ingest_endpoints,
	hec_endpoints,
	loki_endpoints,
	otlp_endpoints,
	alert_endpoints,
	search_endpoints,
	saved_endpoints,
	elastic_endpoints,
	NULL,
};

enum form
endpoint_form(const struct endpoint *table)
{
	if (table == hec_endpoints)
		return FORM_SPLUNK;
	if (table == otlp_endpoints)
		return FORM_OTLP;
	return table == loki_endpoints ? FORM_LOKI : FORM_PROBLEM;
}
