/* api/alerts: the alert queue. */
#include "api/endpoints_int.h"

#include <string.h>

#include "alert/alerts.h"
#include "alert/doc.h"
#include "codec/json.h"
#include "os/clock.h"

#define LIST_MAX 10000u

struct listing {
	struct request *r;
	uint64_t count;
};

static enum tsn_code
write_alert(void *ctx, const struct tsn_alert *a)
{
	struct listing *l = ctx;
	struct tsn_buf *out = &l->r->out;

	tsn_buf_slice(out, l->count++ == 0 ? TSN_SLICE("") : TSN_SLICE(","));
	tsn_buf_printf(out, "{\"status\":\"%s\",\"close_reason\":",
	    tsn_alert_status_name(a->status));
	tsn_json_write_string(out, a->close_reason);
	tsn_buf_lit(out, ",\"alert\":");
	tsn_buf_slice(out, a->doc);
	tsn_buf_lit(out, "}");
	return tsn_buf_check(out);
}

/* Opens the queue; no queue yet is an empty one. */
static enum tsn_code
open_queue(struct request *r, struct tsn_alerts **ret_alerts, struct tsn_err *err)
{
	return tsn_alerts_open(r->http->o.backend->data_dir, false, ret_alerts, err);
}

static bool
read_filter(struct request *r, struct tsn_alert_filter *f)
{
	struct tsn_slice status = request_arg(r, "status"), level = request_arg(r, "level");

	f->status = -1;
	f->rule_id = request_arg(r, "rule");
	if (!request_number(r, "limit", 100, &f->limit) || f->limit == 0 || f->limit > LIST_MAX) {
		(void)problem(r, 400, "Bad request", "limit: expected a number from 1 to %u",
		    LIST_MAX);
		return false;
	}
	for (int i = 0; i < TSN_ALERT_STATUS__COUNT && status.len > 0; i++)
		if (tsn_slice_eq(status,
			tsn_slice_cstr(tsn_alert_status_name((enum tsn_alert_status)i))))
			f->status = i;
	if (status.len > 0 && f->status < 0) {
		(void)problem(r, 400, "Bad request", "status: expected %s, %s or %s",
		    tsn_alert_status_name(TSN_ALERT_OPEN),
		    tsn_alert_status_name(TSN_ALERT_ACKNOWLEDGED),
		    tsn_alert_status_name(TSN_ALERT_CLOSED));
		return false;
	}
	f->level_min = level.len == 0 ? 0 : tsn_alert_level_find(level);
	if (f->level_min < 0) {
		(void)problem(r, 400, "Bad request",
		    "level: expected informational, low, medium, high or critical");
		return false;
	}
	return true;
}

static enum answer
list(struct request *r)
{
	struct tsn_alert_filter filter = {0};
	struct listing l = {.r = r};
	struct tsn_alerts *alerts;
	struct tsn_err err = {0};
	enum tsn_code code;

	if (!read_filter(r, &filter))
		return ANSWER_NOW;
	tsn_buf_lit(&r->out, "{\"alerts\":[");
	code = open_queue(r, &alerts, &err);
	if (code == TSN_OK) {
		code = tsn_alerts_list(alerts, &filter, write_alert, &l, &err);
		tsn_alerts_close(alerts);
	}
	if (code != TSN_OK && code != TSN_ENOTFOUND)
		return problem_of(r, code, &err);
	tsn_buf_printf(&r->out, "],\"count\":%llu}\n", (unsigned long long)l.count);
	return answer_json(r, 200);
}

static enum tsn_code
write_history(void *ctx, int64_t at_ns, struct tsn_slice who, struct tsn_slice what,
    struct tsn_slice reason)
{
	struct listing *l = ctx;
	struct tsn_buf *out = &l->r->out;
	char at[TSN_TIME_TEXT_MAX];
	size_t len = tsn_time_format(at_ns, at);

	tsn_buf_printf(out, "%s{\"at\":\"%.*s\",\"who\":", l->count++ == 0 ? "" : ",", (int)len, at);
	tsn_json_write_string(out, who);
	tsn_buf_lit(out, ",\"what\":");
	tsn_json_write_string(out, what);
	tsn_buf_lit(out, ",\"reason\":");
	tsn_json_write_string(out, reason);
	tsn_buf_lit(out, "}");
	return tsn_buf_check(out);
}

static enum answer
write_one(struct request *r, struct tsn_alerts *alerts)
{
	struct listing one = {.r = r}, history = {.r = r};
	struct tsn_err err = {0};
	enum tsn_code code;

	tsn_buf_lit(&r->out, "{\"alerts\":[");
	code = tsn_alerts_get(alerts, r->parts[0], write_alert, &one, &err);
	tsn_buf_lit(&r->out, "],\"history\":[");
	if (code == TSN_OK)
		code = tsn_alerts_history(alerts, r->parts[0], write_history, &history, &err);
	tsn_buf_lit(&r->out, "]}\n");
	return code == TSN_OK ? answer_json(r, 200) : problem_of(r, code, &err);
}

static enum answer
show(struct request *r)
{
	struct tsn_alerts *alerts;
	struct tsn_err err = {0};
	enum tsn_code code = open_queue(r, &alerts, &err);
	enum answer answer;

	if (code != TSN_OK)
		return problem_of(r, code, &err);
	answer = write_one(r, alerts);
	tsn_alerts_close(alerts);
	return answer;
}

/* {"reason": "..."}; the body may be empty. */
static enum tsn_code
read_reason(struct request *r, struct tsn_arena *arena, struct tsn_slice *ret_reason,
    struct tsn_err *err)
{
	struct tsn_slice body = tsn_slice_trim(tsn_buf_get(&r->body.bytes));
	struct tsn_json_reader json;
	enum tsn_json_token t;

	*ret_reason = TSN_SLICE_NONE;
	if (body.len == 0)
		return TSN_OK;
	tsn_json_reader_init(&json, body, arena);
	TSN_TRY(tsn_json_next(&json, &t, err));
	if (t != TSN_JSON_OBJECT)
		TSN_FAIL(err, TSN_EPARSE, "expected {\"reason\": \"...\"}");
	for (;;) {
		bool wanted;

		TSN_TRY(tsn_json_next(&json, &t, err));
		if (t == TSN_JSON_OBJECT_END)
			return TSN_OK;
		wanted = tsn_slice_eq(json.text, TSN_SLICE("reason"));
		TSN_TRY(tsn_json_next(&json, &t, err));
		if (!wanted || t != TSN_JSON_STRING)
			TSN_FAIL(err, TSN_EPARSE, "expected {\"reason\": \"...\"}");
		*ret_reason = json.text;
	}
}

static enum answer
set_status(struct request *r, enum tsn_alert_status status)
{
	struct tsn_arena arena;
	struct tsn_alerts *alerts;
	struct tsn_slice reason;
	struct tsn_err err = {0};
	enum tsn_code code;
	enum answer answer = ANSWER_NOW;

	tsn_arena_init(&arena, 1u << 20);
	code = read_reason(r, &arena, &reason, &err);
	if (code == TSN_OK)
		code = open_queue(r, &alerts, &err);
	if (code == TSN_OK) {
		code = tsn_alerts_set_status(alerts, r->parts[0], status, reason, TSN_SLICE("api"),
		    tsn_clock_real_ns(), &err);
		if (code == TSN_OK)
			answer = write_one(r, alerts);
		tsn_alerts_close(alerts);
	}
	tsn_arena_done(&arena);
	return code == TSN_OK ? answer : problem_of(r, code, &err);
}

static enum answer
acknowledge(struct request *r)
{
	return set_status(r, TSN_ALERT_ACKNOWLEDGED);
}

static enum answer
close_alert(struct request *r)
{
	return set_status(r, TSN_ALERT_CLOSED);
}

static enum answer
open_again(struct request *r)
{
	return set_status(r, TSN_ALERT_OPEN);
}

const struct endpoint alert_endpoints[] = {
	{"GET", "/api/v1/alerts", TSN_ROLE_VIEWER, false, true, "alerts, newest first",
	    "status=open, acknowledged or closed;level=lowest level;rule=rule.id;limit=at most", list},
	{"GET", "/api/v1/alerts/{id}", TSN_ROLE_VIEWER, false, true,
	    "one alert with its history", NULL, show},
	{"POST", "/api/v1/alerts/{id}/acknowledge", TSN_ROLE_ANALYST, true, true,
	    "somebody looks at it", NULL, acknowledge},
	{"POST", "/api/v1/alerts/{id}/close", TSN_ROLE_ANALYST, true, true,
	    "it is dealt with; the body holds the reason", NULL, close_alert},
	{"POST", "/api/v1/alerts/{id}/reopen", TSN_ROLE_ANALYST, true, true,
	    "it is not dealt with after all", NULL, open_again},
	{0},
};
