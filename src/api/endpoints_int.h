/* api/endpoints_int: the tables of the files of this part. */
#ifndef TSN_API_ENDPOINTS_INT_H
#define TSN_API_ENDPOINTS_INT_H

#include "api/http_int.h"

extern const struct endpoint ops_endpoints[];
extern const struct endpoint ingest_endpoints[];
extern const struct endpoint hec_endpoints[];
extern const struct endpoint loki_endpoints[];
extern const struct endpoint otlp_endpoints[];
extern const struct endpoint elastic_endpoints[];
extern const struct endpoint alert_endpoints[];
extern const struct endpoint search_endpoints[];
extern const struct endpoint saved_endpoints[];

/* ingest.c */
/** Takes the documents of an Elasticsearch bulk request. */
enum answer ingest_bulk(struct request *r);

#endif
