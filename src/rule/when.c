#include "rule/when.h"

#include "rule/load_int.h"

enum tsn_code
tsn_rule_when(struct tsn_arena *arena, const struct tsn_yaml *detection,
    const struct tsn_pred **ret, struct tsn_err *err)
{
	static const struct tsn_slice words[] = {{"condition", 9}};
	const struct tsn_yaml *condition = tsn_yaml_find(detection, words[0]);
	struct reading rd = {.arena = arena};
	struct selection *selections;
	struct aggregation agg;
	uint32_t count;

	if (detection->kind != TSN_YAML_MAP)
		TSN_FAIL_AT(err, TSN_EINVAL, detection->line,
		    "detection is %s; expected a map of selections and a condition",
		    tsn_yaml_kind_name(detection));
	if (condition == NULL)
		TSN_FAIL_AT(err, TSN_EINVAL, detection->line, "detection without a condition");
	TSN_TRY(tsn_rule_int_selections(&rd, detection, words, TSN_COUNT(words), &selections, &count,
	    err));
	TSN_TRY(tsn_rule_int_condition(arena, condition, selections, count, ret, &agg, err));
	if (agg.function.len > 0)
		TSN_FAIL_AT(err, TSN_EINVAL, condition->line, "the condition aggregates");
	return TSN_OK;
}
