#include "enrich/enrich.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/num.h"
#include "enrich/enrich_int.h"
#include "os/file.h"
#include "state/window.h"

#define ENRICHERS_MAX 16u
#define FILE_BYTES_MAX (128u << 20)

const struct tsn_enrich_settings tsn_enrich_defaults = {
	.ssh_window_ns = 300 * TSN_NS_PER_SEC,
	.ssh_threshold = 5,
	.ssh_spray_window_ns = 3600 * TSN_NS_PER_SEC,
	.ssh_spray_threshold = 20,
	.mature_successes = 5,
	.mature_days = 3,
	.keys_max = 100000,
};

struct tsn_enrich {
	struct tsn_enrich_settings settings;
	struct tsn_enrich_ctx ctx;
	struct tsn_knowledge *knowledge;
	void *selves[ENRICHERS_MAX];
	uint64_t enriched;
};

/* Reads DIR/knowledge/NAME into text; a file that is not there leaves it empty. */
static enum tsn_code
read_file(const char *data_dir, const char *name, char path[4096], struct tsn_buf *text,
    struct tsn_err *err)
{
	enum tsn_code code;

	if (snprintf(path, 4096, "%s/knowledge/%s", data_dir, name) >= 4096)
		TSN_FAIL(err, TSN_EINVAL, "the name of the data folder is too long");
	tsn_buf_reset(text);
	code = tsn_file_read_all(&tsn_file_system, path, text, err);
	return code == TSN_ENOTFOUND ? TSN_OK : code;
}

static enum tsn_code
set_number(struct tsn_slice value, uint32_t most, uint32_t *ret_number)
{
	uint64_t number;

	if (tsn_num_parse_u64(value, &number) != TSN_OK || number > most)
		return TSN_EPARSE;
	*ret_number = (uint32_t)number;
	return TSN_OK;
}

static enum tsn_code
set_span(struct tsn_slice value, int64_t *ret_ns)
{
	int64_t ns;

	if (tsn_time_parse_span(value, &ns) != TSN_OK || ns <= 0)
		return TSN_EPARSE;
	*ret_ns = ns;
	return TSN_OK;
}

/* Thresholds stay below the entries a window keeps, so that decisions are exact. */
static enum tsn_code
set(struct tsn_enrich_settings *s, struct tsn_slice name, struct tsn_slice value)
{
	if (tsn_slice_eq(name, TSN_SLICE("ssh.window")))
		return set_span(value, &s->ssh_window_ns);
	if (tsn_slice_eq(name, TSN_SLICE("ssh.threshold")))
		return set_number(value, TSN_WINDOW_ENTRIES_MAX - 1, &s->ssh_threshold);
	if (tsn_slice_eq(name, TSN_SLICE("ssh.spray_window")))
		return set_span(value, &s->ssh_spray_window_ns);
	if (tsn_slice_eq(name, TSN_SLICE("ssh.spray_threshold")))
		return set_number(value, TSN_WINDOW_ENTRIES_MAX - 1, &s->ssh_spray_threshold);
	if (tsn_slice_eq(name, TSN_SLICE("ssh.mature_successes")))
		return set_number(value, 1000000, &s->mature_successes);
	if (tsn_slice_eq(name, TSN_SLICE("ssh.mature_days")))
		return set_number(value, TSN_PROFILE_DAYS, &s->mature_days);
	return TSN_ENOTFOUND;
}

static enum tsn_code
read_settings(struct tsn_enrich_settings *s, const char *path, struct tsn_slice text,
    struct tsn_err *err)
{
	for (unsigned line = 1; text.len > 0; line++) {
		size_t end = tsn_slice_find_char(text, '\n'), cut;
		struct tsn_slice one = {text.ptr, end == SIZE_MAX ? text.len : end}, name;
		enum tsn_code code;
		char shown[80];

		text = tsn_slice_from(text, one.len + 1);
		cut = tsn_slice_find_char(one, '#');
		if (cut != SIZE_MAX)
			one.len = cut;
		one = tsn_slice_trim(one);
		if (one.len == 0)
			continue;
		for (cut = 0; cut < one.len && one.ptr[cut] != ' ' && one.ptr[cut] != '\t'; cut++)
			;
		name = tsn_slice_of(one.ptr, cut);
		code = set(s, name, tsn_slice_trim(tsn_slice_from(one, cut)));
		if (code != TSN_OK)
			TSN_FAIL_AT(err, TSN_EPARSE, line, "%s:%u: %s \"%s\"", path, line,
			    code == TSN_ENOTFOUND ?
			    "expected ssh.window, ssh.threshold, ssh.spray_window, ssh.spray_threshold,"
			    " ssh.mature_successes or ssh.mature_days, not" :
			    "expected a number in range or a span such as 5m in",
			    tsn_slice_escape(one, shown, sizeof shown));
	}
	return TSN_OK;
}

static enum tsn_code
load(struct tsn_enrich *e, const char *data_dir, struct tsn_err *err)
{
	struct tsn_buf text TSN_CLEANUP(tsn_buf_done) = {0};
	char path[4096];

	tsn_buf_init(&text, FILE_BYTES_MAX);
	for (int i = 0; i < TSN_KNOWLEDGE__COUNT; i++) {
		TSN_TRY(read_file(data_dir, tsn_knowledge_file_name((enum tsn_knowledge_file)i), path,
		    &text, err));
		TSN_TRY(tsn_knowledge_add(e->knowledge, (enum tsn_knowledge_file)i,
		    tsn_slice_cstr(path), tsn_buf_get(&text), err));
	}
	TSN_TRY(read_file(data_dir, "settings.txt", path, &text, err));
	return read_settings(&e->settings, path, tsn_buf_get(&text), err);
}

static enum tsn_code
make(struct tsn_enrich *e, const char *data_dir, struct tsn_err *err)
{
	e->knowledge = tsn_knowledge_new();
	if (e->knowledge == NULL)
		return TSN_ENOMEM;
	if (data_dir != NULL)
		TSN_TRY(load(e, data_dir, err));
	TSN_TRY(tsn_profile_open(data_dir, &(struct tsn_profile_options){
	    .mature_successes = e->settings.mature_successes,
	    .mature_days = e->settings.mature_days}, &e->ctx.profile, err));
	e->ctx.settings = &e->settings;
	e->ctx.knowledge = e->knowledge;
	for (unsigned i = 0; tsn_enrichers[i] != NULL; i++) {
		TSN_ASSERT(i < ENRICHERS_MAX);
		e->selves[i] = tsn_enrichers[i]->make(&e->ctx);
		if (e->selves[i] == NULL)
			return TSN_ENOMEM;
	}
	return TSN_OK;
}

enum tsn_code
tsn_enrich_new(const char *data_dir, const struct tsn_enrich_settings *settings,
    struct tsn_enrich **ret_enrich, struct tsn_err *err)
{
	struct tsn_enrich *e = calloc(1, sizeof *e);
	enum tsn_code code;

	if (e == NULL)
		return TSN_ENOMEM;
	e->settings = *settings;
	code = make(e, data_dir, err);
	if (code != TSN_OK) {
		tsn_enrich_free(e);
		return code;
	}
	*ret_enrich = e;
	return TSN_OK;
}

void
tsn_enrich_free(struct tsn_enrich *e)
{
	if (e == NULL)
		return;
	for (unsigned i = 0; tsn_enrichers[i] != NULL; i++)
		if (e->selves[i] != NULL)
			tsn_enrichers[i]->done(e->selves[i]);
	tsn_profile_close(e->ctx.profile);
	tsn_knowledge_free(e->knowledge);
	free(e);
}

enum tsn_code
tsn_enrich_event(struct tsn_enrich *e, struct tsn_batch *batch, struct tsn_err *err)
{
	bool any = false;

	TSN_ASSERT(batch->count > 0 && batch->open == NULL);
	for (unsigned i = 0; tsn_enrichers[i] != NULL; i++) {
		bool added = false;

		TSN_TRY(tsn_enrichers[i]->event(e->selves[i], &e->ctx, batch, &added, err));
		any |= added;
	}
	e->enriched += any;
	return TSN_OK;
}

int64_t
tsn_enrich_span(const struct tsn_enrich *e)
{
	int64_t most = 0, span;

	for (unsigned i = 0; tsn_enrichers[i] != NULL; i++) {
		span = tsn_enrichers[i]->span_ns(&e->ctx);
		most = span > most ? span : most;
	}
	return most;
}

const char *
tsn_enrich_dataset(unsigned number)
{
	return tsn_enrichers[number] == NULL ? NULL : tsn_enrichers[number]->dataset;
}

enum tsn_code
tsn_enrich_replay(struct tsn_enrich *e, const struct tsn_event *ev, struct tsn_err *err)
{
	for (unsigned i = 0; tsn_enrichers[i] != NULL; i++)
		TSN_TRY(tsn_enrichers[i]->replay(e->selves[i], ev, err));
	return TSN_OK;
}

enum tsn_code
tsn_enrich_commit(struct tsn_enrich *e, struct tsn_err *err)
{
	return tsn_profile_commit(e->ctx.profile, err);
}

struct tsn_enrich_stats
tsn_enrich_stats_get(const struct tsn_enrich *e)
{
	struct tsn_enrich_stats stats = {.enriched = e->enriched};

	for (unsigned i = 0; tsn_enrichers[i] != NULL; i++)
		stats.forgotten += tsn_enrichers[i]->forgotten(e->selves[i]);
	return stats;
}
