/* Who has fallen silent or low, and which rules see nothing because of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "codec/json.h"
#include "os/clock.h"
#include "server/sentry_int.h"

#define LOOK_NS (2 * TSN_NS_PER_SEC)
#define HOUR_NS (3600 * TSN_NS_PER_SEC)
#define BLIND_NAMED 1000u
#define WORDS (TSN_LEDGER_VIEWS / 64)

struct tsn_ledger_row *
sentry_row(const struct tsn_sentry *s, uint32_t i)
{
	struct tsn_ledger *l = s->o.ledger;
	struct tsn_ledger_row *row;

	(void)pthread_mutex_lock(&l->lock);
	row = i < l->count ? l->rows[i] : NULL;
	(void)pthread_mutex_unlock(&l->lock);
	return row;
}

enum tsn_code
sentry_grow(struct tsn_sentry *s, uint32_t count)
{
	if (count > s->cap) {
		uint32_t cap = s->cap == 0 ? 16 : s->cap * 2;
		struct tsn_habit *habits;

		if (cap < count)
			cap = count;
		habits = reallocarray(s->habits, cap, sizeof *habits);
		if (habits == NULL)
			return TSN_ENOMEM;
		s->habits = habits;
		s->cap = cap;
	}
	if (count > s->count) {
		memset(&s->habits[s->count], 0, (count - s->count) * sizeof *s->habits);
		s->count = count;
	}
	return TSN_OK;
}

struct blindness {
	const struct tsn_sentry *s;
	uint64_t any[WORDS], awake[WORDS];	/* views that some source sends; that one does now */
	uint8_t *rules;				/* bit 0: a view of it is sent, bit 1: by one awake */
};

static void
look_at_binding(void *ctx, uint32_t rule, uint32_t view)
{
	struct blindness *b = ctx;

	if (view >= TSN_LEDGER_VIEWS)
		return;
	b->rules[rule] |= (uint8_t)((b->any[view / 64] >> view % 64 & 1) |
	    (b->awake[view / 64] >> view % 64 & 1) << 1);
}

/* For each rule: does anybody send what it is about, and is one of them awake? */
static bool
find_blind(struct tsn_sentry *s, struct blindness *b)
{
	struct tsn_detect *engine = tsn_detection_engine(s->o.detection);
	const uint64_t *counts;
	const struct tsn_ruleset *rules = tsn_detection_rules(s->o.detection, &counts);

	*b = (struct blindness){.s = s};
	b->rules = calloc((size_t)rules->count + 1, 1);
	if (b->rules == NULL)
		return false;
	for (uint32_t i = 0; i < s->count; i++) {
		const struct tsn_ledger_row *row = sentry_row(s, i);

		for (size_t w = 0; w < WORDS; w++) {
			b->any[w] |= row->views[w];
			b->awake[w] |= s->habits[i].silent ? 0 : row->views[w];
		}
	}
	tsn_detect_each_binding(engine, look_at_binding, b);
	return true;
}

/* Those that only this source feeds: what its alert says. */
static uint32_t
count_blind(struct tsn_sentry *s, char *names, size_t names_size)
{
	const uint64_t *counts;
	const struct tsn_ruleset *rules = tsn_detection_rules(s->o.detection, &counts);
	struct blindness b;
	uint32_t blind = 0;
	size_t at = 0;

	names[0] = '\0';
	if (!find_blind(s, &b))
		return 0;
	for (uint32_t i = 0; i < rules->count; i++) {
		if (b.rules[i] != 1)
			continue;
		if (blind++ < 3 && at < names_size)
			at += (size_t)snprintf(names + at, names_size - at, "%s\"%.*s\"", at == 0 ? "" : ", ",
			    (int)(rules->rules[i].name.len > 80 ? 80 : rules->rules[i].name.len),
			    rules->rules[i].name.len > 0 ? rules->rules[i].name.ptr : "");
	}
	free(b.rules);
	return blind;
}

static void
write_blind(struct tsn_sentry *s)
{
	const uint64_t *counts;
	const struct tsn_ruleset *rules = tsn_detection_rules(s->o.detection, &counts);
	uint32_t blind = 0, named = 0;
	struct blindness b;

	if (!find_blind(s, &b))
		return;
	for (uint32_t i = 0; i < rules->count; i++)
		blind += b.rules[i] == 1;
	(void)pthread_mutex_lock(&s->blind_lock);
	tsn_buf_reset(&s->blind);
	tsn_buf_printf(&s->blind, "{\"count\":%u,\"rules\":[", blind);
	for (uint32_t i = 0; i < rules->count && named < BLIND_NAMED; i++) {
		if (b.rules[i] != 1)
			continue;
		tsn_buf_printf(&s->blind, "%s{\"id\":", named++ == 0 ? "" : ",");
		tsn_json_write_string(&s->blind, rules->rules[i].id);
		tsn_buf_lit(&s->blind, ",\"name\":");
		tsn_json_write_string(&s->blind, rules->rules[i].name);
		tsn_buf_char(&s->blind, '}');
	}
	tsn_buf_lit(&s->blind, "]}");
	(void)pthread_mutex_unlock(&s->blind_lock);
	free(b.rules);
}

static const char *
span_text(int64_t ns, char out[32])
{
	int64_t sec = ns / TSN_NS_PER_SEC;

	if (sec < 120)
		(void)snprintf(out, 32, "%lld s", (long long)sec);
	else if (sec < 7200)
		(void)snprintf(out, 32, "%lld min", (long long)sec / 60);
	else
		(void)snprintf(out, 32, "%lld h", (long long)sec / 3600);
	return out;
}

static void
raise(struct tsn_sentry *s, const struct tsn_health *h)
{
	struct tsn_err err = {0};
	char line[TSN_ERR_MSG_MAX];

	(void)snprintf(line, sizeof line, "%.*s", TSN_SLICE_ARG(h->reason));
	s->o.say(s->o.ctx, line);
	if (tsn_health_raise(s->o.detection, h, &err) != TSN_OK)
		s->o.say(s->o.ctx, err.msg);
}

static void
tell_silent(struct tsn_sentry *s, const struct tsn_ledger_row *row, const struct tsn_habit *h,
    int64_t now_ns)
{
	char at[TSN_TIME_TEXT_MAX], span[32], usual[32], names[280], line[900];
	uint32_t blind = count_blind(s, names, sizeof names);
	int len;

	(void)tsn_time_format(row->last_seen_ns, at);
	len = snprintf(line, sizeof line, "%.200s is silent since %.19sZ (%s); its longest pause is "
	    "usually %s", row->name, at, span_text(now_ns - row->last_seen_ns, span),
	    span_text(h->gap_ns, usual));
	if (blind > 0)
		len += snprintf(line + len, sizeof line - (size_t)len,
		    "; %u rules see nothing now: %s%s", blind, names, blind > 3 ? ", ..." : "");
	raise(s, &(struct tsn_health){.kind = TSN_HEALTH_SILENT, .severe = blind > 0,
	    .source = tsn_slice_cstr(row->name), .id_ns = row->last_seen_ns,
	    .first_ns = row->last_seen_ns, .last_ns = now_ns, .count = 1,
	    .reason = tsn_slice_of(line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1)});
}

static void
tell_low(struct tsn_sentry *s, const struct tsn_ledger_row *row,
    const struct tsn_habit_hour *hour, bool severe)
{
	char at[TSN_TIME_TEXT_MAX], line[600];
	int len;

	(void)tsn_time_format(hour->begin_ns, at);
	len = snprintf(line, sizeof line, "%.200s sent %llu records in the hour from %.16sZ; on the "
	    "days before it were %u to %u in that hour, usually %u", row->name,
	    (unsigned long long)hour->count, at, hour->least, hour->most, hour->median);
	raise(s, &(struct tsn_health){.kind = TSN_HEALTH_LOW, .severe = severe,
	    .source = tsn_slice_cstr(row->name), .id_ns = hour->begin_ns, .first_ns = hour->begin_ns,
	    .last_ns = hour->begin_ns + HOUR_NS, .count = hour->count > 0 ? hour->count : 1,
	    .reason = tsn_slice_of(line, (size_t)len)});
}

static void
look_at(struct tsn_sentry *s, uint32_t i, struct tsn_ledger_row *row, int64_t now_ns)
{
	struct tsn_habit *h = &s->habits[i];
	int64_t silent_since = h->last_ns;
	struct tsn_habit_hour hour;
	enum tsn_habit_news news = tsn_habit_look(h, &s->limits, row->received, row->last_seen_ns,
	    now_ns, &hour);
	char line[400], span[32];

	if (news == TSN_HABIT_SILENT) {
		tell_silent(s, row, h, now_ns);
	} else if (news == TSN_HABIT_BACK) {
		(void)snprintf(line, sizeof line, "%.200s sends again after %s", row->name,
		    span_text(h->last_ns - silent_since, span));
		s->o.say(s->o.ctx, line);
	} else if (news == TSN_HABIT_LOW || news == TSN_HABIT_VERY_LOW) {
		tell_low(s, row, &hour, news == TSN_HABIT_VERY_LOW);
	}
	s->changed |= news == TSN_HABIT_SILENT || news == TSN_HABIT_BACK;
	(void)pthread_mutex_lock(&s->o.ledger->lock);
	row->silent = h->silent;
	row->low = h->low;
	(void)pthread_mutex_unlock(&s->o.ledger->lock);
}

/* The bits of the rows speak of the views of one engine; another has other ones. */
static void
follow_reload(struct tsn_sentry *s)
{
	const struct tsn_detect *engine = tsn_detection_engine(s->o.detection);

	if (s->engine == engine)
		return;
	for (uint32_t i = 0; s->engine != NULL && i < s->count; i++) {
		struct tsn_ledger_row *row = sentry_row(s, i);

		memset(row->views, 0, sizeof row->views);
		row->samples = 0;
	}
	s->engine = engine;
	s->changed = true;
}

void
tsn_sentry_tick(struct tsn_sentry *s, int64_t now_ns)
{
	struct tsn_ledger_row *row;

	if (now_ns - s->looked_ns < LOOK_NS && now_ns >= s->looked_ns)
		return;
	s->looked_ns = now_ns;
	follow_reload(s);
	for (uint32_t i = 0; (row = sentry_row(s, i)) != NULL; i++) {
		if (sentry_grow(s, i + 1) != TSN_OK)
			return;
		/* Losses whose sender is not known are a row of their own: no source. */
		if (row->bytes > 0)
			look_at(s, i, row, now_ns);
	}
	if (s->changed)
		write_blind(s);
	s->changed = false;
	if (now_ns / HOUR_NS != s->kept_hour && s->kept_hour != 0)
		sentry_keep(s);
	s->kept_hour = now_ns / HOUR_NS;
}

void
tsn_sentry_blind(struct tsn_sentry *s, struct tsn_buf *out)
{
	(void)pthread_mutex_lock(&s->blind_lock);
	if (s->blind.len > 0)
		tsn_buf_slice(out, tsn_buf_get(&s->blind));
	else
		tsn_buf_lit(out, "{\"count\":0,\"rules\":[]}");
	(void)pthread_mutex_unlock(&s->blind_lock);
}
