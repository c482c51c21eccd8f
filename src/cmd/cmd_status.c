/* tocsin status: health of a running server, with the loss ledger per source. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "codec/json.h"
#include "cmd/cmd_list.h"
#include "os/fetch.h"

#define ANSWER_BYTES_MAX (16u << 20)

/* The members of one "sources" entry that the table shows. */
struct row {
	struct tsn_slice source, last_seen;
	uint64_t received, stored, failed, dropped, pending, late, lag_bytes;
	bool silent;
};

/* What is said beside the table. */
struct told {
	bool ready;
	uint64_t hidden;	/* findings that exceptions hid */
	uint64_t blind;		/* rules whose sources are all silent */
};

static uint64_t *
number_of(struct row *row, struct tsn_slice key)
{
	return tsn_slice_eq(key, TSN_SLICE("received")) ? &row->received :
	    tsn_slice_eq(key, TSN_SLICE("stored"))	? &row->stored :
	    tsn_slice_eq(key, TSN_SLICE("failed"))	? &row->failed :
	    tsn_slice_eq(key, TSN_SLICE("pending"))	? &row->pending :
	    tsn_slice_eq(key, TSN_SLICE("late"))	? &row->late :
	    tsn_slice_eq(key, TSN_SLICE("lag_bytes"))	? &row->lag_bytes :
							  NULL;
}

static enum tsn_code
read_drops(struct tsn_json_reader *json, struct row *row, struct tsn_err *err)
{
	enum tsn_json_token t;

	for (;;) {
		TSN_TRY(tsn_json_next(json, &t, err));
		if (t == TSN_JSON_OBJECT_END)
			return TSN_OK;
		if (t == TSN_JSON_NUMBER)
			row->dropped += json->number.as.u;
	}
}

/* Behind the '{' of an object with a ledger's figures. */
static enum tsn_code
read_row(struct tsn_json_reader *json, struct row *row, struct tsn_err *err)
{
	enum tsn_json_token t;

	*row = (struct row){0};
	for (;;) {
		struct tsn_slice key;
		uint64_t *number;

		TSN_TRY(tsn_json_next(json, &t, err));
		if (t == TSN_JSON_OBJECT_END)
			return TSN_OK;
		key = json->text;
		number = number_of(row, key);
		TSN_TRY(tsn_json_next(json, &t, err));
		if (t == TSN_JSON_OBJECT && tsn_slice_eq(key, TSN_SLICE("dropped")))
			TSN_TRY(read_drops(json, row, err));
		else if (t == TSN_JSON_NUMBER && number != NULL)
			*number = json->number.as.u;
		else if (t == TSN_JSON_STRING && tsn_slice_eq(key, TSN_SLICE("source")))
			row->source = json->text;
		else if (t == TSN_JSON_STRING && tsn_slice_eq(key, TSN_SLICE("last_seen")))
			row->last_seen = json->text;
		else if (t == TSN_JSON_BOOL && tsn_slice_eq(key, TSN_SLICE("silent")))
			row->silent = json->boolean;
		else if (t == TSN_JSON_OBJECT || t == TSN_JSON_ARRAY)
			TSN_TRY(tsn_json_pass(json, t, err));
	}
}

/* Behind the '{' of "blind": how many. */
static enum tsn_code
read_blind(struct tsn_json_reader *json, uint64_t *ret_count, struct tsn_err *err)
{
	enum tsn_json_token t;

	for (;;) {
		bool count;

		TSN_TRY(tsn_json_next(json, &t, err));
		if (t == TSN_JSON_OBJECT_END)
			return TSN_OK;
		count = tsn_slice_eq(json->text, TSN_SLICE("count"));
		TSN_TRY(tsn_json_next(json, &t, err));
		if (t == TSN_JSON_NUMBER && count)
			*ret_count = json->number.as.u;
		else if (t == TSN_JSON_OBJECT || t == TSN_JSON_ARRAY)
			TSN_TRY(tsn_json_pass(json, t, err));
	}
}

static void
print_row(const struct row *row, const char *name)
{
	char shown[200];

	(void)printf("%11llu %11llu %9llu %9llu %8llu %8llu %10llu  %-24.*s  %s%s\n",
	    (unsigned long long)row->received, (unsigned long long)row->stored,
	    (unsigned long long)row->failed, (unsigned long long)row->dropped,
	    (unsigned long long)row->pending, (unsigned long long)row->late,
	    (unsigned long long)row->lag_bytes, TSN_SLICE_ARG(row->last_seen),
	    name != NULL ? name : tsn_slice_escape(row->source, shown, sizeof shown),
	    row->silent ? "  SILENT" : "");
}

static enum tsn_code
read_sources(struct tsn_json_reader *json, struct tsn_err *err)
{
	enum tsn_json_token t;
	struct row row;

	for (;;) {
		TSN_TRY(tsn_json_next(json, &t, err));
		if (t == TSN_JSON_ARRAY_END)
			return TSN_OK;
		if (t != TSN_JSON_OBJECT)
			TSN_FAIL(err, TSN_EPARSE, "the answer is none of tocsin's");
		TSN_TRY(read_row(json, &row, err));
		print_row(&row, NULL);
	}
}

static enum tsn_code
print_table(struct tsn_slice answer, struct told *told, struct tsn_err *err)
{
	struct tsn_arena arena;
	struct tsn_json_reader json;
	enum tsn_json_token t;
	enum tsn_code code;
	struct row row;

	tsn_arena_init(&arena, ANSWER_BYTES_MAX);
	tsn_json_reader_init(&json, answer, &arena);
	code = tsn_json_next(&json, &t, err);
	if (code == TSN_OK && t != TSN_JSON_OBJECT)
		code = TSN_ERR(err, TSN_EPARSE, "the answer is none of tocsin's");
	(void)printf("%11s %11s %9s %9s %8s %8s %10s  %-24s  %s\n", "received", "stored", "failed",
	    "dropped", "pending", "late", "waiting", "last seen", "source");
	while (code == TSN_OK && (code = tsn_json_next(&json, &t, err)) == TSN_OK &&
	    t == TSN_JSON_KEY) {
		struct tsn_slice key = json.text;

		code = tsn_json_next(&json, &t, err);
		if (code != TSN_OK)
			break;
		if (t == TSN_JSON_OBJECT && tsn_slice_eq(key, TSN_SLICE("total"))) {
			code = read_row(&json, &row, err);
			if (code == TSN_OK)
				print_row(&row, "(all)");
		} else if (t == TSN_JSON_ARRAY && tsn_slice_eq(key, TSN_SLICE("sources"))) {
			code = read_sources(&json, err);
		} else if (t == TSN_JSON_STRING && json.text.len > 0 &&
		    tsn_slice_eq(key, TSN_SLICE("store_says"))) {
			char shown[1000];

			(void)fprintf(stderr, "tocsin status: store: %s\n",
			    tsn_slice_escape(json.text, shown, sizeof shown));
		} else if (t == TSN_JSON_BOOL && tsn_slice_eq(key, TSN_SLICE("ready"))) {
			told->ready = json.boolean;
		} else if (t == TSN_JSON_NUMBER && tsn_slice_eq(key, TSN_SLICE("hidden"))) {
			told->hidden = json.number.as.u;
		} else if (t == TSN_JSON_OBJECT && tsn_slice_eq(key, TSN_SLICE("blind"))) {
			code = read_blind(&json, &told->blind, err);
		} else if (t == TSN_JSON_OBJECT || t == TSN_JSON_ARRAY) {
			code = tsn_json_pass(&json, t, err);
		}
	}
	tsn_arena_done(&arena);
	return code;
}

static enum tsn_code
status(const char *url, const char *token, const char *ca, bool as_json, struct told *told,
    struct tsn_err *err)
{
	struct tsn_buf answer TSN_CLEANUP(tsn_buf_done) = {0};

	tsn_buf_init(&answer, ANSWER_BYTES_MAX);
	TSN_TRY(tsn_fetch(url, "/api/v1/status", token, ca, &answer, err));
	if (!as_json)
		return print_table(tsn_buf_get(&answer), told, err);
	told->ready = tsn_slice_find(tsn_buf_get(&answer), TSN_SLICE("\"ready\":true")) != SIZE_MAX;
	(void)fwrite(answer.ptr, 1, answer.len, stdout);
	return TSN_OK;
}

static int
run(int argc, char **argv)
{
	const char *url = "http://127.0.0.1:8650", *token = NULL, *ca = NULL;
	struct told told = {0};
	bool as_json = false;
	struct tsn_err err = {0};
	enum tsn_code code;
	int operands;
	const struct tsn_option options[] = {
		{"--url", TSN_OPT_TEXT, &url, "URL", "of the server; default http://127.0.0.1:8650"},
		{"--token", TSN_OPT_TEXT, &token, "TOKEN", "of the role viewer, where tokens are used"},
		{"--ca", TSN_OPT_TEXT, &ca, "FILE", "https: certificates that verify the server's"},
		{"--json", TSN_OPT_FLAG, &as_json, NULL, "the whole state as JSON"},
	};
	int result =
	    tsn_cmd_options(&tsn_cmd_status, options, TSN_COUNT(options), argc, argv, &operands);

	if (result >= 0)
		return result;
	if (operands > 0)
		return tsn_cmd_usage(&tsn_cmd_status, "takes no operands");
	code = status(url, token, ca, as_json, &told, &err);
	if (code == TSN_EDENIED && token == NULL)
		(void)fprintf(stderr, "tocsin status: give the token by --token\n");
	if (code != TSN_OK)
		return tsn_cmd_fail(&tsn_cmd_status, code, &err);
	if (told.hidden > 0)
		(void)fprintf(stderr, "tocsin status: exceptions hid %llu findings since the start; --json "
		    "says which\n", (unsigned long long)told.hidden);
	if (told.blind > 0)
		(void)fprintf(stderr, "tocsin status: %llu rules see nothing: their sources are silent; "
		    "--json says which\n", (unsigned long long)told.blind);
	if (!told.ready)
		(void)fprintf(stderr, "tocsin status: intake waits: the store has no room\n");
	return told.ready ? TSN_EXIT_DONE : TSN_EXIT_NO;
}

const struct tsn_command tsn_cmd_status = {
	.name = "status",
	.usage = "[--url URL] [--json]",
	.doc = "health of a running server, with the ledger of each source",
	.run = run,
};
