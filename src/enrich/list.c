/* The enrichers, in the order in which an event meets them. */
#include "enrich/enrich_int.h"

const struct tsn_enricher_desc *const tsn_enrichers[] = {
	&tsn_enricher_ssh_login,
	NULL,
};
