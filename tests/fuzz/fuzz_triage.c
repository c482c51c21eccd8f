/*
 * Property: whatever the text of a triage file, it is taken or refused with a message that begins
 * with the file's name and a line; what is taken judges an alert, and its score is a number.
 */
#include <stdint.h>
#include <string.h>

#include <math.h>

#include "alert/triage.h"
#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
judge(struct tsn_triage *t, struct tsn_keys *keys)
{
	struct tsn_field fields[3] = {
		{.key = TSN_F_USER_NAME, .type = TSN_T_STR, .ptr = "root", .len = 4},
		{.key = TSN_F_EVENT_SEVERITY, .type = TSN_T_INT, .num.i = 4},
		{.key = tsn_keys_child(keys, TSN_F_ALERT_GROUP, TSN_SLICE("source.ip")),
		    .type = TSN_T_STR, .ptr = "192.0.2.7", .len = 9},
	};
	const struct tsn_event ev = {.fields = fields, .field_count = 3, .original = {"", 0}};
	struct tsn_triage_result r;

	if (tsn_triage_judge(t, &ev, &r) != TSN_OK)
		return;
	TSN_ASSERT(!isnan(r.score));
	TSN_ASSERT(r.match_count <= tsn_triage_rule_count(t));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tsn_keys *keys = tsn_keys_new();
	struct tsn_triage *t = NULL;
	struct tsn_err err = {0};
	enum tsn_code code;

	if (keys == NULL)
		return 0;
	code = tsn_triage_parse("f", tsn_slice_of((const char *)data, size), keys, &t, &err);
	if (code == TSN_OK)
		judge(t, keys);
	else if (code == TSN_EPARSE)
		TSN_ASSERT(strncmp(err.msg, "f:", 2) == 0 && err.msg[2] >= '0' && err.msg[2] <= '9');
	else
		TSN_ASSERT(code == TSN_ENOMEM);
	tsn_triage_free(t);
	tsn_keys_free(keys);
	return 0;
}
