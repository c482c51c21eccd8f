#include "server/server.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/http.h"
#include "base/assert.h"
#include "collect/queue.h"
#include "os/clock.h"
#include "os/loop.h"
#include "server/detection.h"
#include "server/inputs.h"
#include "server/intake.h"
#include "server/custodian.h"
#include "server/pipelines.h"
#include "server/report.h"
#include "server/sentry.h"

#define COMMIT_NS (TSN_NS_PER_SEC / 2)
#define COMMIT_BYTES (8u << 20)
#define TAIL_MS 100
#define TICK_NS TSN_NS_PER_SEC
/* Events that are read back at a start. */
#define READ_BACK_MAX 2000000u
/* Of correlations: some hundred bytes each. */
#define METRICS_BYTES_MAX (4u << 20)
#define HOUSE_NS (5 * TSN_NS_PER_SEC)
#define PIPELINES_STOP_NS (20 * TSN_NS_PER_SEC)
#define HOUSE_LATEST_NS (60 * TSN_NS_PER_SEC)
/* Requests whose records are not durable yet may hold so much memory. */
#define QUEUE_BYTES (48u << 20)

struct tsn_server {
	struct tsn_server_options o;
	struct tsn_keys *keys;
	struct tsn_store *store;
	struct tsn_detection *detection;
	struct tsn_engine *engine;
	struct tsn_intake *intake;
	struct tsn_sentry *sentry;
	struct tsn_loop *loop;
	struct tsn_queue queue;
	bool queue_ready;
	struct tsn_watch signals, wake;
	struct tsn_inputs inputs;
	struct tsn_pipelines *pipelines;
	struct tsn_backend backend;
	struct tsn_http *http;
	struct tsn_addr addr;		/* of HTTP */
	/* The figures for other threads, renewed each second. */
	pthread_mutex_t report_lock;
	struct tsn_report report;
	struct tsn_block *waiting, **waiting_last;	/* taken, not durable */
	/* Asked by HTTP or SIGHUP, done by the loop; under report_lock, told by reload_done. */
	pthread_cond_t reload_done;
	uint64_t reloads_wanted, reloads;
	enum tsn_code reload_code;
	char reload_said[TSN_ERR_MSG_MAX];
	bool hung_up, ended;
	struct tsn_buf exceptions;	/* as JSON; under report_lock */
	struct tsn_buf correlations;	/* their metrics; under report_lock */
	uint64_t commits;
	int64_t kept_house_ns;
	bool house_more;
	struct tsn_custodian custodian;
	int64_t house_failed_ns;	/* when that was said last */
	int64_t ticked_ns, committed_ns;
	bool turned;
	bool ending;	/* in order */
	bool stop;
};

static void TSN_PRINTF(2, 3)
say(struct tsn_server *s, const char *fmt, ...)
{
	char line[TSN_ERR_MSG_MAX + 128];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	s->o.say(s->o.ctx, line);
}

static enum tsn_code
say_alert(void *ctx, const struct tsn_alert *alert, bool is_new)
{
	struct tsn_server *s = ctx;
	char reason[TSN_ERR_MSG_MAX];

	if (s->o.alert != NULL)
		return s->o.alert(s->o.ctx, alert, is_new);
	if (is_new)
		say(ctx, "alert %.8s %s: %s", alert->id.ptr, tsn_alert_level_name(alert->level),
		    tsn_slice_escape_line(alert->reason, reason, sizeof reason));
	return TSN_OK;
}

static void
say_problem(void *ctx, const struct tsn_problem *p)
{
	if (p->kind == TSN_PROBLEM_FAILED)
		say(ctx, "%.*s:%u: %.*s", TSN_SLICE_ARG(p->file), p->line, TSN_SLICE_ARG(p->message));
}

static void
intake_say(void *ctx, const char *line)
{
	say(ctx, "%s", line);
}

static void
intake_waits(void *ctx, bool waits)
{
	struct tsn_server *s = ctx;

	tsn_custodian_waits(&s->custodian, waits, tsn_clock_real_ns());
}

static void
intake_lost(void *ctx, const struct tsn_ledger_row *row, enum tsn_drop why, uint64_t count,
    int64_t from_ns, int64_t to_ns)
{
	struct tsn_server *s = ctx;

	tsn_sentry_lost(s->sentry, row, why, count, from_ns, to_ns);
}

static void
signal_ready(void *ctx, uint32_t events)
{
	struct tsn_server *s = ctx;
	int number;

	(void)events;
	while ((number = tsn_signals_read(s->signals.fd)) != 0)
		if (number == SIGTERM || number == SIGINT)
			s->stop = true;
		else if (number == SIGHUP)
			s->hung_up = true;
}

/* While the store is full the loop does not turn: look for signals directly. */
static bool
asked_to_stop(void *ctx)
{
	struct tsn_server *s = ctx;

	signal_ready(s, 0);
	return s->stop;
}

static void
wake_ready(void *ctx, uint32_t events)
{
	struct tsn_server *s = ctx;

	(void)events;
	tsn_wake_clear(s->wake.fd);
}

static enum tsn_code
open_loop(struct tsn_server *s, struct tsn_err *err)
{
	int fd;

	TSN_TRY(tsn_loop_new(&s->loop, err));
	TSN_TRY(tsn_signals_open(&fd, err));
	s->signals = (struct tsn_watch){.fd = fd, .ready = signal_ready, .ctx = s};
	TSN_TRY(tsn_loop_add(s->loop, &s->signals, TSN_WATCH_READ, err));
	TSN_TRY(tsn_queue_init(&s->queue, QUEUE_BYTES, (uint64_t)tsn_clock_real_ns(), err));
	s->queue_ready = true;
	s->wake = (struct tsn_watch){.fd = s->queue.wake_fd, .ready = wake_ready, .ctx = s};
	return tsn_loop_add(s->loop, &s->wake, TSN_WATCH_READ, err);
}

static enum tsn_code
open_engine(struct tsn_server *s, struct tsn_err *err)
{
	const struct tsn_config *c = s->o.config;
	struct tsn_store_options so = {.retention_bytes = c->retention_bytes,
		.retention_ns = c->retention_ns, .disk_free_min = c->disk_free_min,
		.dropping = tsn_custodian_dropping, .ctx = &s->custodian};
	struct tsn_engine_options eo = {0};
	struct tsn_intake_options io = {.say = intake_say, .lost = intake_lost,
		.waits = intake_waits, .stop = asked_to_stop,
		.ctx = s};

	s->keys = tsn_keys_new();
	if (s->keys == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (so.retention_bytes == 0 && so.retention_ns == 0)
		so.retention_bytes = tsn_custodian_default_bytes(s->o.data);
	s->custodian = (struct tsn_custodian){.data = s->o.data, .say = intake_say, .ctx = s};
	TSN_TRY(tsn_store_open(s->o.data, s->keys, &so, &s->store, err));
	TSN_TRY(tsn_detection_new(&(struct tsn_detection_options){.keys = s->keys, .live = true,
	    .data_dir = s->o.data, .rules = c->rules.items, .rule_count = c->rules.count,
	    .exceptions = c->exceptions.items, .exception_count = c->exceptions.count,
	    .state_bytes = c->corr_bytes, .lateness_ns = c->corr_lateness_ns,
	    .idle_ns = c->corr_idle_ns, .triage = c->triage, .each = say_alert,
	    .problem = say_problem, .ctx = s},
	    &s->detection, err));
	s->custodian.detection = s->detection;
	eo.keys = s->keys;
	eo.store = s->store;
	eo.keep_ledger = true;
	eo.detect = tsn_detection_stage(s->detection);
	TSN_TRY(tsn_engine_new(&eo, &s->engine, err));
	io.engine = s->engine;
	io.store = s->store;
	io.queue = &s->queue;
	TSN_TRY(tsn_intake_new(&io, &s->intake, err));
	return tsn_sentry_new(&(struct tsn_sentry_options){.detection = s->detection,
	    .ledger = tsn_engine_ledger(s->engine), .store = s->store,
	    .data_dir = s->o.data, .silence_ns = c->silence_ns, .history_ns = c->history_ns,
	    .say = intake_say, .ctx = s},
	    &s->sentry, err);
}

/* What belongs to this thread is copied for those that answer questions. */
static void
renew_report(struct tsn_server *s)
{
	struct tsn_report p = {.version = s->o.version, .started_ns = s->report.started_ns,
		.commits = s->commits, .store = s->custodian.stats};
	struct tsn_detection_stats found;
	struct tsn_detect_corr_stats corr;

	tsn_inputs_report(&s->inputs, &p);
	if (s->http != NULL)
		p.tls_failed += tsn_http_tls_failed(s->http);
	tsn_detection_stats_get(s->detection, &found);
	p.alerts = found.alerts_new;
	p.rules = found.report.loaded;
	p.hidden = found.detect.hidden;
	(void)tsn_detection_risk_stats(s->detection, &p.risk);
	tsn_detection_corr_stats(s->detection, &corr);
	p.hits = corr.hits;
	p.hits_late = corr.late;
	p.hits_dropped = corr.late_dropped;
	p.evicted = corr.evicted;
	p.groups = corr.groups;
	p.group_bytes = corr.bytes;
	(void)pthread_mutex_lock(&s->report_lock);
	s->report = p;
	tsn_buf_reset(&s->correlations);
	tsn_detection_metrics(s->detection, &s->correlations);
	tsn_buf_reset(&s->exceptions);
	tsn_report_exceptions(s->detection, &s->exceptions);
	(void)pthread_mutex_unlock(&s->report_lock);
}

static struct tsn_report
report_now(struct tsn_server *s)
{
	struct tsn_report p;

	(void)pthread_mutex_lock(&s->report_lock);
	p = s->report;
	(void)pthread_mutex_unlock(&s->report_lock);
	p.stalled = tsn_intake_stalled(s->intake);
	p.stalled_why = "the store has no room";
	(void)pthread_mutex_lock(&s->queue.lock);
	p.queue_bytes = s->queue.bytes;
	(void)pthread_mutex_unlock(&s->queue.lock);
	return p;
}

static void
write_metrics(void *ctx, struct tsn_buf *out)
{
	struct tsn_server *s = ctx;
	struct tsn_report p = report_now(s);

	tsn_report_metrics(&p, tsn_engine_ledger(s->engine), out);
	tsn_pipelines_metrics(s->pipelines, out);
	(void)pthread_mutex_lock(&s->report_lock);
	tsn_buf_slice(out, tsn_buf_get(&s->correlations));
	(void)pthread_mutex_unlock(&s->report_lock);
}

static void
write_status(void *ctx, struct tsn_buf *out)
{
	struct tsn_buf blind TSN_CLEANUP(tsn_buf_done) = {0};
	struct tsn_server *s = ctx;
	struct tsn_report p = report_now(s);

	tsn_buf_init(&blind, METRICS_BYTES_MAX);
	tsn_sentry_blind(s->sentry, &blind);
	p.blind = tsn_buf_get(&blind);
	(void)pthread_mutex_lock(&s->report_lock);
	tsn_report_json(&p, tsn_engine_ledger(s->engine), tsn_buf_get(&s->exceptions), s->pipelines,
	    out);
	(void)pthread_mutex_unlock(&s->report_lock);
}

/* In a thread of HTTP: the loop does it, between two batches. */
static enum tsn_code
reload_rules(void *ctx, uint64_t *ret_rules, struct tsn_err *err)
{
	struct tsn_server *s = ctx;
	enum tsn_code code;
	uint64_t mine;

	(void)pthread_mutex_lock(&s->report_lock);
	mine = ++s->reloads_wanted;
	tsn_wake_send(s->queue.wake_fd);
	while (s->reloads < mine && !s->ended)
		(void)pthread_cond_wait(&s->reload_done, &s->report_lock);
	code = s->reload_code;
	if (s->reloads < mine)
		code = TSN_ERR(err, TSN_ECANCELED, "the server is stopping");
	if (s->reloads >= mine && code != TSN_OK)
		(void)TSN_ERR(err, code, "%s", s->reload_said);
	*ret_rules = s->report.rules;
	(void)pthread_mutex_unlock(&s->report_lock);
	return code;
}

static const char *
not_ready(void *ctx)
{
	struct tsn_server *s = ctx;

	return tsn_intake_stalled(s->intake) ? "the store has no room: intake waits" : NULL;
}

static const struct tsn_source *
http_source(void *ctx, const struct tsn_source *like, struct tsn_slice name)
{
	struct tsn_server *s = ctx;
	const struct tsn_sink *sink = tsn_intake_sink(s->intake);

	return sink->source(sink->ctx, like, name);
}

static enum tsn_code
open_http(struct tsn_server *s, struct tsn_err *err)
{
	const struct tsn_config *c = s->o.config;
	char text[TSN_ADDR_TEXT_MAX];
	struct tsn_http_options o = {
		.addr = c->listen,
		.backend = &s->backend,
		.body_bytes_max = c->body_bytes_max,
		.connections_max = (uint32_t)c->http_connections_max,
		.timeout_sec = (uint32_t)(c->http_timeout_ns / TSN_NS_PER_SEC),
		.token_file = c->token_file,
		.tls = tsn_inputs_tls(&c->http_tls),
		.say = intake_say,
		.ctx = s,
	};

	s->backend = (struct tsn_backend){.queue = &s->queue, .source = http_source,
		.metrics = write_metrics, .status = write_status, .not_ready = not_ready,
		.reload_rules = reload_rules,
		.data_dir = s->o.data, .keys = s->keys, .version = s->o.version, .ctx = s};
	TSN_TRY(tsn_http_open(&o, &s->http, err));
	s->addr = *tsn_http_addr(s->http);
	(void)tsn_addr_text(&s->addr, true, text);
	say(s, "HTTP on %s://%s", c->http_tls.cert != NULL ? "https" : "http", text);
	return TSN_OK;
}

/* Before anything new comes: state as if the process had never stopped. */
static enum tsn_code
read_back(struct tsn_server *s, struct tsn_err *err)
{
	int64_t began = tsn_clock_mono_ns();
	char from[TSN_TIME_TEXT_MAX];
	struct tsn_detection_read got;

	TSN_TRY(tsn_detection_read_back(s->detection, READ_BACK_MAX, &got, err));
	if (got.unusable)
		say(s, "the snapshot of the correlations cannot be used: windows are rebuilt from the "
		    "store");
	if (got.events == 0)
		return TSN_OK;
	(void)tsn_time_format(got.from_ns, from);
	say(s, "read back %llu events since %.19sZ for windows and state, in %.2f s",
	    (unsigned long long)got.events, from, (double)(tsn_clock_mono_ns() - began) / 1e9);
	if (got.limited)
		say(s, "the rules look further back than that, but %u events are read at most: windows "
		    "that began before start anew", READ_BACK_MAX);
	if (got.forgotten)
		say(s, "more windows had fired than are looked at: some may be told of twice");
	return TSN_OK;
}

/* From now on the store says that a run is under way; with a full disk it will say so later. */
static enum tsn_code
begin_run(struct tsn_server *s, struct tsn_err *err)
{
	enum tsn_code code;

	TSN_TRY(tsn_custodian_look(&s->custodian, s->store, tsn_clock_real_ns(), err));
	TSN_TRY(tsn_sentry_begin(s->sentry, tsn_clock_real_ns(), err));
	TSN_TRY(tsn_sentry_commit(s->sentry, tsn_clock_real_ns(), false, err));
	code = tsn_engine_commit(s->engine, err);
	return code == TSN_EAGAIN ? TSN_OK : code;
}

static enum tsn_code
open_all(struct tsn_server *s, struct tsn_err *err)
{
	TSN_TRY(open_loop(s, err));
	TSN_TRY(open_engine(s, err));
	TSN_TRY(read_back(s, err));
	TSN_TRY(begin_run(s, err));
	TSN_TRY(tsn_inputs_open(&s->inputs, s->o.config, s->o.data, s->loop,
	    tsn_intake_sink(s->intake), err));
	TSN_TRY(tsn_pipelines_open(&(struct tsn_pipelines_options){.config = s->o.config,
	    .data = s->o.data, .queue = &s->queue, .source = http_source, .say = intake_say, .ctx = s},
	    &s->pipelines, err));
	return open_http(s, err);
}

enum tsn_code
tsn_server_new(const struct tsn_server_options *options, struct tsn_server **ret_server,
    struct tsn_err *err)
{
	struct tsn_server *s = calloc(1, sizeof *s);
	enum tsn_code code;

	if (s == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	tsn_sock_raise_limit();
	s->o = *options;
	s->waiting_last = &s->waiting;
	s->signals.fd = -1;
	s->report.started_ns = tsn_clock_real_ns();
	tsn_buf_init(&s->correlations, METRICS_BYTES_MAX);
	tsn_buf_init(&s->exceptions, METRICS_BYTES_MAX);
	if (pthread_cond_init(&s->reload_done, NULL) != 0) {
		free(s);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	if (pthread_mutex_init(&s->report_lock, NULL) != 0) {
		(void)pthread_cond_destroy(&s->reload_done);
		free(s);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	code = open_all(s, err);
	if (code != TSN_OK) {
		(void)tsn_server_free(s, NULL);
		return code;
	}
	s->committed_ns = s->kept_house_ns = tsn_clock_mono_ns();
	renew_report(s);
	*ret_server = s;
	return TSN_OK;
}

static void
answer_waiting(struct tsn_server *s, enum tsn_code code)
{
	struct tsn_block *b = s->waiting, *next;

	s->waiting = NULL;
	s->waiting_last = &s->waiting;
	for (; b != NULL; b = next) {
		next = b->next;
		b->done(b, code);
	}
}

static enum tsn_code
take_block(struct tsn_server *s, const struct tsn_block *b)
{
	const struct tsn_sink *sink = tsn_intake_sink(s->intake);

	for (uint32_t i = 0; i < b->count; i++) {
		struct tsn_record rec = {
			.bytes = tsn_slice_of(b->records[i].ptr, b->records[i].len),
			.offset = b->records[i].placed ? b->records[i].offset : b->sequence + i,
			.received_ns = b->received_ns,
			.source = b->source,
			.truncated = b->records[i].truncated,
			.aside = b->records[i].aside,
		};

		TSN_TRY(sink->record(sink->ctx, &rec));
	}
	return sink->flush(sink->ctx);
}

/* Blocks of requests: they wait for the next commit then. */
static enum tsn_code
take_blocks(struct tsn_server *s)
{
	struct tsn_block *b = tsn_queue_take(&s->queue), *next;
	enum tsn_code code = TSN_OK;

	for (; b != NULL; b = next) {
		next = b->next;
		b->next = NULL;
		*s->waiting_last = b;
		s->waiting_last = &b->next;
		if (code == TSN_OK)
			code = take_block(s, b);
	}
	return code;
}

/* Without a new snapshot the old one stands, and more is read back after a restart. */
static void
keep(struct tsn_server *s, bool at_once)
{
	struct tsn_err why = {0};

	if (tsn_detection_keep(s->detection, at_once, &why) != TSN_OK)
		say(s, "the state of correlations was not written: %s", why.msg);
}

static enum tsn_code
commit(struct tsn_server *s, struct tsn_err *err)
{
	enum tsn_code code;

	TSN_TRY(tsn_inputs_ranges(&s->inputs, err));
	TSN_TRY(tsn_sentry_commit(s->sentry, tsn_clock_real_ns(), s->ending, err));
	code = tsn_intake_commit(s->intake, err);
	if (code == TSN_OK)
		keep(s, false);
	s->committed_ns = tsn_clock_mono_ns();
	s->commits++;
	answer_waiting(s, code);
	if (code == TSN_OK)
		tsn_inputs_committed(&s->inputs);
	return code;
}

static bool
commit_due(const struct tsn_server *s, int64_t now)
{
	uint64_t bytes = tsn_engine_uncommitted(s->engine);

	return s->waiting != NULL || tsn_intake_hurried(s->intake) || bytes >= COMMIT_BYTES ||
	    (bytes > 0 && now - s->committed_ns >= COMMIT_NS);
}

/* A commit first: what was taken in is in the store then, from where windows are rebuilt. */
static enum tsn_code
reload_if_asked(struct tsn_server *s, struct tsn_err *err)
{
	struct tsn_detection_read got;
	struct tsn_err why = {0};
	uint64_t wanted;
	enum tsn_code code;

	(void)pthread_mutex_lock(&s->report_lock);
	wanted = s->reloads_wanted;
	(void)pthread_mutex_unlock(&s->report_lock);
	if (wanted == s->reloads && !s->hung_up)
		return TSN_OK;
	s->hung_up = false;
	TSN_TRY(commit(s, err));
	code = tsn_detection_reload(s->detection, READ_BACK_MAX, &got, &why);
	renew_report(s);
	if (code == TSN_OK)
		say(s, "rules read anew: %llu in force, %llu events read back for their windows",
		    (unsigned long long)s->report.rules, (unsigned long long)got.events);
	else
		say(s, "the new rules were refused, the old ones stay: %s", why.msg);
	(void)pthread_mutex_lock(&s->report_lock);
	s->reloads = wanted;
	s->reload_code = code;
	(void)snprintf(s->reload_said, sizeof s->reload_said, "%s", why.msg);
	(void)pthread_cond_broadcast(&s->reload_done);
	(void)pthread_mutex_unlock(&s->report_lock);
	return TSN_OK;
}

/* In moments of rest; under steady load once a minute all the same, for retention. */
static bool
housekeeping_due(const struct tsn_server *s, int64_t now, bool busy)
{
	int64_t since = now - s->kept_house_ns;

	if (since >= HOUSE_LATEST_NS)
		return true;
	return !busy && tsn_engine_uncommitted(s->engine) == 0 &&
	    since >= (s->house_more ? 0 : HOUSE_NS);
}

static enum tsn_code
keep_house(struct tsn_server *s, int64_t now)
{
	struct tsn_err err = {0};
	enum tsn_code code =
	    tsn_store_maintain(s->store, tsn_clock_real_ns(), &s->house_more, &err);

	s->kept_house_ns = now;
	if (code == TSN_OK)
		return TSN_OK;
	/* What was taken in is safe without it.  Without room nothing can be put in order, and intake
	 * will say so; a store that takes nothing more says so at the next commit. */
	s->house_more = false;
	if (code != TSN_EAGAIN &&
	    (s->house_failed_ns == 0 || now - s->house_failed_ns > 3600 * TSN_NS_PER_SEC)) {
		s->house_failed_ns = now;
		say(s, "merging segments failed, they stay as they are: %s", err.msg);
	}
	return TSN_OK;
}

enum tsn_code
tsn_server_turn(struct tsn_server *s, int wait_ms, struct tsn_err *err)
{
	int64_t now = tsn_clock_mono_ns();
	bool more = false;

	TSN_TRY(tsn_inputs_follow(&s->inputs, now, &more, err));
	if (more) {
		s->inputs.tailed_ns = 0;
		wait_ms = 0;
	} else if (s->inputs.tail_count > 0 && wait_ms > TAIL_MS) {
		wait_ms = TAIL_MS;
	}
	if (tsn_engine_uncommitted(s->engine) > 0 && wait_ms > 100)
		wait_ms = 100;
	TSN_TRY(tsn_loop_turn(s->loop, wait_ms, err));
	TSN_TRY(take_blocks(s));
	TSN_TRY(reload_if_asked(s, err));
	now = tsn_clock_mono_ns();
	if (now - s->ticked_ns >= TICK_NS) {
		s->ticked_ns = now;
		tsn_inputs_tick(&s->inputs, now);
		TSN_TRY(tsn_custodian_look(&s->custodian, s->store, tsn_clock_real_ns(), err));
		TSN_TRY(tsn_detection_tick(s->detection, err));
		tsn_sentry_tick(s->sentry, tsn_clock_real_ns());
		renew_report(s);
	}
	/* The first round says which files are followed from now on: that must not be forgotten. */
	if (!s->turned && s->inputs.tail_count > 0) {
		s->turned = true;
		return commit(s, err);
	}
	if (commit_due(s, now))
		return commit(s, err);
	return housekeeping_due(s, now, more) ? keep_house(s, now) : TSN_OK;
}

enum tsn_code
tsn_server_run(struct tsn_server *s, struct tsn_err *err)
{
	while (!s->stop)
		TSN_TRY(tsn_server_turn(s, 1000, err));
	return TSN_OK;
}

/* Pipelines get the time to hand over what they have, and to see it stored. */
static enum tsn_code
stop_pipelines(struct tsn_server *s, struct tsn_err *err)
{
	int64_t until = tsn_clock_mono_ns() + PIPELINES_STOP_NS;

	tsn_pipelines_stop(s->pipelines);
	while (!tsn_pipelines_stopped(s->pipelines) && tsn_clock_mono_ns() < until) {
		TSN_TRY(take_blocks(s));
		if (s->waiting != NULL)
			TSN_TRY(commit(s, err));
		tsn_clock_sleep_ms(5);
	}
	return TSN_OK;
}

static enum tsn_code
stop_all(struct tsn_server *s, struct tsn_err *err)
{
	enum tsn_code code = TSN_OK;

	if (s->intake == NULL)
		return TSN_OK;
	code = stop_pipelines(s, err);
	tsn_queue_close(&s->queue);
	tsn_inputs_close_nets(&s->inputs);
	if (code == TSN_OK)
		code = take_blocks(s);
	s->ending = true;
	if (code == TSN_OK)
		code = commit(s, err);
	if (code == TSN_OK)
		keep(s, true);
	answer_waiting(s, code == TSN_OK ? TSN_ECANCELED : code);
	tsn_inputs_close_files(&s->inputs);
	return code;
}

enum tsn_code
tsn_server_free(struct tsn_server *s, struct tsn_err *err)
{
	enum tsn_code code, closed;

	if (s == NULL)
		return TSN_OK;
	code = stop_all(s, err);
	(void)pthread_mutex_lock(&s->report_lock);
	s->ended = true;
	(void)pthread_cond_broadcast(&s->reload_done);
	(void)pthread_mutex_unlock(&s->report_lock);
	tsn_http_close(s->http);
	tsn_pipelines_free(s->pipelines);
	tsn_intake_free(s->intake);
	tsn_sentry_free(s->sentry);
	tsn_engine_free(s->engine);
	tsn_detection_free(s->detection);
	closed = s->store == NULL ? TSN_OK : tsn_store_close(s->store, code == TSN_OK ? err : NULL);
	if (s->queue_ready)
		tsn_queue_done(&s->queue);
	tsn_fd_close(s->signals.fd);
	tsn_loop_free(s->loop);
	tsn_keys_free(s->keys);
	tsn_buf_done(&s->correlations);
	tsn_buf_done(&s->exceptions);
	(void)pthread_cond_destroy(&s->reload_done);
	(void)pthread_mutex_destroy(&s->report_lock);
	free(s);
	return code == TSN_OK ? closed : code;
}

bool
tsn_server_stopping(const struct tsn_server *s)
{
	return s->stop;
}

const struct tsn_sink *
tsn_server_sink(struct tsn_server *s)
{
	return tsn_intake_sink(s->intake);
}

struct tsn_engine *
tsn_server_engine(struct tsn_server *s)
{
	return s->engine;
}

const struct tsn_addr *
tsn_server_addr(const struct tsn_server *s)
{
	return &s->addr;
}
