/* Property: any text is loaded, skipped or failed with a reason; what is loaded is complete. */
#include <stdint.h>
#include <stdlib.h>

#include "rule/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tsn_loader *l = tsn_loader_new();
	struct tsn_rule_report report;
	struct tsn_ruleset *set;

	if (l == NULL)
		return 0;
	if (tsn_loader_add_values(l, TSN_SLICE("known"), TSN_SLICE("a\nb*\n")) == TSN_OK &&
	    tsn_loader_add_text(l, TSN_SLICE("f"), TSN_SLICE("s"),
	    (struct tsn_slice){(const char *)data, size}) == TSN_OK &&
	    tsn_loader_finish(l, &set, &report, NULL) == TSN_OK) {
		for (uint32_t i = 0; i < set->count; i++)
			if ((set->rules[i].condition == NULL) == (set->rules[i].correlation == NULL) ||
			    set->rules[i].id.len == 0 || set->rules[i].name.len == 0)
				abort();
		if (report.failed + report.skipped > report.problem_count)
			abort();
		tsn_ruleset_free(set);
	}
	tsn_loader_free(l);
	return 0;
}
