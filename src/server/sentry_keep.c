/* The habits of sources over restarts: habits.json in the data folder, written each hour. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "codec/json.h"
#include "os/file.h"
#include "server/sentry_int.h"

#define NAME "habits.json"
#define FILE_BYTES_MAX (16u << 20)
#define PATH_BYTES 4096u
#define WORDS (TSN_LEDGER_VIEWS / 64)
/* view count, first, last, gap, views, then for each hour: days and counts */
#define NUMBERS (4 + WORDS + TSN_HABIT_HOURS * (1 + TSN_HABIT_DAYS))

static bool
path_of(const struct tsn_sentry *s, char path[PATH_BYTES])
{
	return s->o.data_dir != NULL &&
	    snprintf(path, PATH_BYTES, "%s/" NAME, s->o.data_dir) < (int)PATH_BYTES;
}

static uint32_t
view_count(const struct tsn_sentry *s)
{
	return tsn_detect_view_count(tsn_detection_engine(s->o.detection));
}

static void
write_one(const struct tsn_sentry *s, uint32_t i, struct tsn_buf *out)
{
	const struct tsn_habit *h = &s->habits[i];
	const struct tsn_ledger_row *row = sentry_row(s, i);

	tsn_json_write_string(out, tsn_slice_cstr(row->name));
	tsn_buf_printf(out, ":[%u,%lld,%lld,%lld", view_count(s), (long long)h->first_ns,
	    (long long)h->last_ns, (long long)h->gap_ns);
	for (size_t w = 0; w < WORDS; w++)
		tsn_buf_printf(out, ",%llu", (unsigned long long)row->views[w]);
	for (size_t hour = 0; hour < TSN_HABIT_HOURS; hour++) {
		tsn_buf_printf(out, ",%u", h->days[hour]);
		for (size_t day = 0; day < TSN_HABIT_DAYS; day++)
			tsn_buf_printf(out, ",%u", h->counts[hour][day]);
	}
	tsn_buf_char(out, ']');
}

void
sentry_keep(struct tsn_sentry *s)
{
	struct tsn_buf out TSN_CLEANUP(tsn_buf_done) = {0};
	struct tsn_err err = {0};
	char path[PATH_BYTES];
	bool first = true;

	if (!path_of(s, path))
		return;
	tsn_buf_init(&out, FILE_BYTES_MAX);
	tsn_buf_lit(&out, "{\"version\":1,\"sources\":{");
	for (uint32_t i = 0; i < s->count; i++) {
		if (s->habits[i].first_ns == 0)
			continue;
		if (!first)
			tsn_buf_char(&out, ',');
		tsn_buf_char(&out, '\n');
		first = false;
		write_one(s, i, &out);
	}
	tsn_buf_lit(&out, "}}\n");
	if (tsn_buf_check(&out) != TSN_OK ||
	    tsn_file_write_atomic(&tsn_file_system, path, tsn_buf_get(&out), 0600, &err) != TSN_OK)
		s->o.say(s->o.ctx, err.msg[0] != '\0' ? err.msg : "habits of sources: out of memory");
}

static void
take_numbers(struct tsn_sentry *s, struct tsn_slice name, const uint64_t v[NUMBERS])
{
	struct tsn_ledger_row *row = tsn_ledger_row(s->o.ledger, name), *at;
	const uint64_t *hours = v + 4 + WORDS;
	struct tsn_habit *h = NULL;

	for (uint32_t i = 0; row != NULL && (at = sentry_row(s, i)) != NULL; i++)
		if (at == row && sentry_grow(s, i + 1) == TSN_OK)
			h = &s->habits[i];
	if (h == NULL)
		return;
	h->first_ns = (int64_t)v[1];
	h->last_ns = (int64_t)v[2];
	h->gap_ns = (int64_t)v[3];
	if (v[0] == view_count(s))
		memcpy(row->views, v + 4, sizeof row->views);
	for (size_t hour = 0; hour < TSN_HABIT_HOURS; hour++) {
		const uint64_t *from = hours + hour * (1 + TSN_HABIT_DAYS);

		h->days[hour] = (uint8_t)(from[0] > TSN_HABIT_DAYS ? 0 : from[0]);
		for (size_t day = 0; day < TSN_HABIT_DAYS; day++)
			h->counts[hour][day] = (uint32_t)from[1 + day];
	}
}

/* Behind the '[' of one source. */
static enum tsn_code
read_numbers(struct tsn_json_reader *json, uint64_t v[NUMBERS])
{
	enum tsn_json_token t;

	for (size_t n = 0;; n++) {
		TSN_TRY(tsn_json_next(json, &t, NULL));
		if (t == TSN_JSON_ARRAY_END)
			return n == NUMBERS ? TSN_OK : TSN_EPARSE;
		if (t != TSN_JSON_NUMBER || json->number.kind == TSN_JSON_FLOAT || n >= NUMBERS)
			return TSN_EPARSE;
		v[n] = json->number.as.u;
	}
}

static enum tsn_code
read_sources(struct tsn_sentry *s, struct tsn_json_reader *json)
{
	uint64_t v[NUMBERS];
	enum tsn_json_token t;

	for (;;) {
		struct tsn_slice name;

		TSN_TRY(tsn_json_next(json, &t, NULL));
		if (t != TSN_JSON_KEY)
			return t == TSN_JSON_OBJECT_END ? TSN_OK : TSN_EPARSE;
		name = json->text;
		TSN_TRY(tsn_json_next(json, &t, NULL));
		if (t != TSN_JSON_ARRAY)
			return TSN_EPARSE;
		TSN_TRY(read_numbers(json, v));
		take_numbers(s, name, v);
	}
}

static enum tsn_code
read_file(struct tsn_sentry *s, struct tsn_slice text, struct tsn_arena *arena)
{
	struct tsn_json_reader json;
	enum tsn_json_token t;

	tsn_json_reader_init(&json, text, arena);
	TSN_TRY(tsn_json_next(&json, &t, NULL));
	if (t != TSN_JSON_OBJECT)
		return TSN_EPARSE;
	for (;;) {
		bool sources;

		TSN_TRY(tsn_json_next(&json, &t, NULL));
		if (t != TSN_JSON_KEY)
			return t == TSN_JSON_OBJECT_END ? TSN_OK : TSN_EPARSE;
		sources = tsn_slice_eq(json.text, TSN_SLICE("sources"));
		if (!sources) {
			TSN_TRY(tsn_json_pass(&json, t, NULL));
			continue;
		}
		TSN_TRY(tsn_json_next(&json, &t, NULL));
		if (t != TSN_JSON_OBJECT)
			return TSN_EPARSE;
		TSN_TRY(read_sources(s, &json));
	}
}

void
sentry_load(struct tsn_sentry *s)
{
	struct tsn_buf text TSN_CLEANUP(tsn_buf_done) = {0};
	struct tsn_arena arena;
	struct tsn_err err = {0};
	char path[PATH_BYTES];
	enum tsn_code code;

	if (!path_of(s, path))
		return;
	tsn_buf_init(&text, FILE_BYTES_MAX);
	tsn_arena_init(&arena, FILE_BYTES_MAX);
	code = tsn_file_read_all(&tsn_file_system, path, &text, &err);
	if (code == TSN_OK)
		code = read_file(s, tsn_buf_get(&text), &arena);
	if (code != TSN_OK && code != TSN_ENOTFOUND)
		s->o.say(s->o.ctx, "habits.json cannot be used: habits of sources are learned anew");
	tsn_arena_done(&arena);
}
