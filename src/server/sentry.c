#include "server/sentry_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/ledger_keep.h"

#define BLIND_BYTES_MAX (1u << 20)
#define GAP_NS (60 * TSN_NS_PER_SEC)

enum tsn_code
tsn_sentry_new(const struct tsn_sentry_options *options, struct tsn_sentry **ret_sentry,
    struct tsn_err *err)
{
	struct tsn_sentry *s = calloc(1, sizeof *s);

	if (s == NULL || pthread_mutex_init(&s->blind_lock, NULL) != 0) {
		free(s);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	s->o = *options;
	s->limits = (struct tsn_habit_limits){.silence_ns = options->silence_ns,
		.history_ns = options->history_ns};
	tsn_buf_init(&s->blind, BLIND_BYTES_MAX);
	*ret_sentry = s;
	return TSN_OK;
}

void
tsn_sentry_free(struct tsn_sentry *s)
{
	if (s == NULL)
		return;
	tsn_buf_done(&s->blind);
	(void)pthread_mutex_destroy(&s->blind_lock);
	free(s->habits);
	free(s);
}

enum tsn_code
tsn_sentry_begin(struct tsn_sentry *s, int64_t now_ns, struct tsn_err *err)
{
	struct tsn_run_note note = tsn_run_note_load(s->o.store);
	char at[TSN_TIME_TEXT_MAX], line[TSN_ERR_MSG_MAX];
	int len;

	s->limits.started_ns = now_ns;
	sentry_load(s);
	if (note.closed || note.last_ns == 0)
		return TSN_OK;
	(void)tsn_time_format(note.last_ns, at);
	len = snprintf(line, sizeof line, "the last run did not end in order; its last commit was at "
	    "%.23sZ: all that was acknowledged is stored; what senders without acknowledgement "
	    "(syslog) sent between then and now may be missing", at);
	s->o.say(s->o.ctx, line);
	return tsn_health_raise(s->o.detection, &(struct tsn_health){.kind = TSN_HEALTH_STOPPED,
	    .source = TSN_SLICE("tocsin"), .id_ns = note.last_ns, .first_ns = note.last_ns,
	    .last_ns = now_ns, .count = 1, .reason = tsn_slice_of(line, (size_t)len)}, err);
}

enum tsn_code
tsn_sentry_commit(struct tsn_sentry *s, int64_t now_ns, bool ending, struct tsn_err *err)
{
	if (ending)
		sentry_keep(s);
	return tsn_run_note_save(s->o.store,
	    &(struct tsn_run_note){.last_ns = now_ns, .closed = ending}, err);
}

/* The gap that goes on with this one, or the place of the oldest. */
static struct gap *
gap_of(struct tsn_sentry *s, const struct tsn_ledger_row *row, enum tsn_drop why, int64_t from_ns)
{
	struct gap *oldest = &s->gaps[0];

	for (size_t i = 0; i < GAPS_MAX; i++) {
		struct gap *g = &s->gaps[i];

		if (g->row == row && g->why == why && from_ns - g->to_ns < GAP_NS)
			return g;
		if (g->to_ns < oldest->to_ns)
			oldest = g;
	}
	*oldest = (struct gap){.row = row, .why = why, .from_ns = from_ns};
	return oldest;
}

static const char *
lost_why(enum tsn_drop why)
{
	static const char *const texts[TSN_DROP__COUNT] = {
		[TSN_DROP_SOCKET] = "the kernel's receive buffer was full",
		[TSN_DROP_OVERSIZE] = "they were too long",
		[TSN_DROP_BAD_FRAME] = "they were no frames of the protocol",
		[TSN_DROP_MEMORY] = "there was no memory",
		[TSN_DROP_STORE] = "the store had no room, and the spool was full",
	};

	return texts[why];
}

void
tsn_sentry_lost(struct tsn_sentry *s, const struct tsn_ledger_row *row, enum tsn_drop why,
    uint64_t count, int64_t from_ns, int64_t to_ns)
{
	struct gap *g = gap_of(s, row, why, from_ns);
	char from[TSN_TIME_TEXT_MAX], to[TSN_TIME_TEXT_MAX], line[TSN_ERR_MSG_MAX];
	struct tsn_err err = {0};
	bool first = g->count == 0;
	int len;

	g->to_ns = to_ns;
	g->count += count;
	(void)tsn_time_format(g->from_ns, from);
	(void)tsn_time_format(to_ns, to);
	len = snprintf(line, sizeof line, "%.200s: %llu records lost between %.23sZ and %.23sZ: %s",
	    row->name, (unsigned long long)g->count, from, to, lost_why(why));
	if (first)
		s->o.say(s->o.ctx, line);
	if (tsn_health_raise(s->o.detection, &(struct tsn_health){.kind = TSN_HEALTH_LOST,
	    .source = tsn_slice_cstr(row->name), .id_ns = g->from_ns, .first_ns = g->from_ns,
	    .last_ns = to_ns, .count = g->count, .reason = tsn_slice_of(line, (size_t)len)},
	    &err) != TSN_OK)
		s->o.say(s->o.ctx, err.msg);
}
