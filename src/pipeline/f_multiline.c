/* Filter multiline: joins events of one stream, as the codec of that name joins lines. */
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "pipeline/rx.h"
#include "pipeline/impl_int.h"

#define STREAMS_MAX 1024u
#define TEXT_MAX (16u << 20)
#define LINES_MAX 10000u

struct stream {
	char *name;
	size_t len;
	struct tsn_arena arena;		/* of the first event */
	struct tsn_pev *first;		/* NULL: nothing is held */
	struct tsn_buf text;
	uint32_t lines;
	int64_t since_ns;
};

struct multiline {
	struct tsn_rx *rx;
	struct tsn_pref source;
	struct tsn_tmpl identity;
	bool negate, next, duplicates;
	int64_t max_age_ns;
	struct stream *streams[STREAMS_MAX];
	uint32_t count;
};

static enum tsn_code
multiline_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct multiline *m = calloc(1, sizeof *m);
	struct tsn_err why = {0};

	in->state = m;
	if (m == NULL || !tsn_pi_ref_option(in, "source", "message", &m->source) ||
	    !tsn_tmpl_parse(&in->pl->conf->arena, tsn_pi_str(in, "stream_identity",
	    "%{host}.%{path}.%{type}"), &m->identity))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	m->negate = tsn_pi_bool(in, "negate", false);
	m->next = tsn_slice_eq(tsn_pi_str(in, "what", ""), TSN_SLICE("next"));
	m->duplicates = tsn_pi_bool(in, "allow_duplicates", true);
	m->max_age_ns = (int64_t)(tsn_pi_num(in, "max_age", 5) * 1e9);
	if (tsn_rx_new(tsn_pi_str(in, "pattern", ""), &m->rx, &why) != TSN_OK)
		return tsn_pi_fail(in, err, "option \"pattern\": %s", why.msg);
	return TSN_OK;
}

static void
multiline_close(struct tsn_pinst *in)
{
	struct multiline *m = in->state;

	if (m == NULL)
		return;
	for (uint32_t i = 0; i < m->count; i++) {
		tsn_arena_done(&m->streams[i]->arena);
		tsn_buf_done(&m->streams[i]->text);
		free(m->streams[i]->name);
		free(m->streams[i]);
	}
	tsn_rx_free(m->rx);
	free(m);
}

static struct stream *
find(struct multiline *m, struct tsn_slice name)
{
	struct stream *s;

	for (uint32_t i = 0; i < m->count; i++)
		if (m->streams[i]->len == name.len &&
		    memcmp(m->streams[i]->name, name.ptr, name.len) == 0)
			return m->streams[i];
	s = m->count == STREAMS_MAX ? NULL : calloc(1, sizeof *s);
	if (s == NULL)
		return NULL;
	s->name = strndup(name.ptr, name.len);
	s->len = name.len;
	tsn_arena_init(&s->arena, 4 * TEXT_MAX);
	tsn_buf_init(&s->text, TEXT_MAX);
	m->streams[m->count++] = s;
	return s;
}

static bool
hold(struct stream *s, const struct tsn_pev *ev, struct tsn_slice text)
{
	if (s->first == NULL) {
		struct tsn_pev *own = tsn_pev_new(&s->arena);

		if (own == NULL || !tsn_pv_copy(&s->arena, &ev->root, &own->root) ||
		    !tsn_pv_copy(&s->arena, &ev->meta, &own->meta))
			return false;
		own->born_ns = ev->born_ns;
		own->offset = ev->offset;
		own->placed = ev->placed;
		own->parsed = ev->parsed;
		s->first = own;
		s->since_ns = tsn_clock_mono_ns();
	} else {
		tsn_buf_char(&s->text, '\n');
	}
	tsn_buf_slice(&s->text, text);
	s->lines++;
	return true;
}

/* What is held becomes an event behind the filter. */
static void
give(struct tsn_pinst *in, struct stream *s)
{
	const struct multiline *m = in->state;
	struct tsn_pev *ev = tsn_pev_new(&in->pl->arena);
	struct tsn_slice text;

	if (s->first == NULL)
		return;
	text = tsn_arena_dup(&in->pl->arena, tsn_buf_get(&s->text));
	if (ev != NULL && text.ptr != NULL && tsn_pv_copy(ev->arena, &s->first->root, &ev->root) &&
	    tsn_pv_copy(ev->arena, &s->first->meta, &ev->meta)) {
		ev->born_ns = s->first->born_ns;
		ev->offset = s->first->offset;
		ev->placed = s->first->placed;
		ev->parsed = s->first->parsed;
		if (s->lines > 1) {
			(void)tsn_pev_set(ev, &m->source, tsn_pv_str(text));
			(void)tsn_pev_tag(ev, TSN_SLICE("multiline"));
		}
		tsn_pl_matched(in, ev);
		(void)tsn_pl_emit(in, ev);
	}
	s->first = NULL;
	s->lines = 0;
	tsn_arena_reset(&s->arena);
	tsn_buf_reset(&s->text);
}

static bool
multiline_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	struct multiline *m = in->state;
	const struct tsn_pv *v = tsn_pev_get(ev, &m->source);
	struct tsn_slice name = tsn_tmpl_text(&m->identity, ev);
	struct stream *s;
	bool match;

	if (v == NULL || v->type != TSN_PV_STR || name.ptr == NULL || (s = find(m, name)) == NULL)
		return false;
	match = tsn_rx_match(m->rx, v->as.str, 0) != m->negate;
	if (!m->next && !match)
		give(in, s);
	if (!hold(s, ev, v->as.str)) {
		give(in, s);
		return false;
	}
	ev->cancelled = true;
	if ((m->next && !match) || s->lines >= LINES_MAX || s->text.len >= TEXT_MAX / 2)
		give(in, s);
	return false;
}

static void
multiline_tick(struct tsn_pinst *in, bool last)
{
	struct multiline *m = in->state;
	int64_t now = tsn_clock_mono_ns();

	for (uint32_t i = 0; i < m->count; i++)
		if (last || now - m->streams[i]->since_ns > m->max_age_ns)
			give(in, m->streams[i]);
}

const struct tsn_pfilter tsn_filter_multiline = {.open = multiline_open,
    .close = multiline_close, .filter = multiline_filter, .tick = multiline_tick};
