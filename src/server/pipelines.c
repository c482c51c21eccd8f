#include "server/pipelines.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec/json.h"
#include "os/clock.h"
#include "os/file.h"
#include "parse/parse.h"
#include "pipeline/keys.h"
#include "pipeline/record.h"

#define AGAIN_NS (10 * TSN_NS_PER_SEC)
#define BATCH_RECORDS 1000u
#define BATCH_BYTES (1u << 20)
#define WAIT_MS 10
#define PATH_BYTES_MAX 4096

struct one {
	struct tsn_pipelines *all;
	const struct tsn_config_pipeline *config;
	char folder[PATH_BYTES_MAX];
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;		/* of pl and trouble, for those that look from outside */
	struct tsn_conf conf;
	bool has_conf;
	struct tsn_pipeline *pl;
	char trouble[TSN_ERR_MSG_MAX];
	uint64_t restarts;
	atomic_bool ended;
	/* on the way to the engine */
	struct batch *batch;
	atomic_uint_fast64_t given, done, failed;
	uint64_t sequence;
};

struct batch {
	struct tsn_block block;
	struct one *owner;
	struct tsn_arena arena;
	struct tsn_block_record records[BATCH_RECORDS];
	struct tsn_aside asides[BATCH_RECORDS];
	size_t bytes;
};

struct tsn_pipelines {
	struct tsn_pipelines_options o;
	struct tsn_pl_keys keys;
	char host[256];
	struct one *items;
	uint32_t count;
	atomic_bool stopping;
};

static const char *
variable(void *ctx, const char *name)
{
	const char *value = getenv(name);

	return value != NULL ? value : tsn_pl_keys_find(ctx, name);
}

static int64_t
now(void *ctx)
{
	(void)ctx;
	return tsn_clock_real_ns();
}

static bool
stop(void *ctx)
{
	const struct one *p = ctx;

	return atomic_load(&p->all->stopping);
}

static void
idle(void *ctx)
{
	(void)ctx;
	(void)fflush(stdout);
}

static enum tsn_code
print(void *ctx, struct tsn_slice text, struct tsn_err *err)
{
	(void)ctx;
	if (text.len > 0 && fwrite(text.ptr, 1, text.len, stdout) != text.len)
		TSN_FAIL(err, TSN_EIO, "cannot write to standard output");
	return TSN_OK;
}

static void
say(void *ctx, const char *text)
{
	const struct one *p = ctx;
	char line[TSN_ERR_MSG_MAX + 200];

	(void)snprintf(line, sizeof line, "pipeline %s: %s", p->config->name, text);
	p->all->o.say(p->all->o.ctx, line);
}

/* In the engine's thread, after the commit. */
static void
batch_done(struct tsn_block *block, enum tsn_code code)
{
	struct batch *b = (struct batch *)block;
	struct one *p = b->owner;

	atomic_fetch_add(code == TSN_OK ? &p->done : &p->failed, b->block.count);
	tsn_queue_release(p->all->o.queue, b->bytes);
	tsn_arena_done(&b->arena);
	free(b);
}

static enum tsn_code
push(struct one *p, struct tsn_err *err)
{
	struct batch *b = p->batch;
	uint32_t count = b == NULL ? 0 : b->block.count;

	if (count == 0)
		return TSN_OK;
	while (tsn_queue_reserve(p->all->o.queue, b->bytes) == TSN_EAGAIN)
		tsn_clock_sleep_ms(WAIT_MS);
	b->block.sequence = tsn_queue_sequence(p->all->o.queue, count);
	b->block.received_ns = tsn_clock_real_ns();
	p->batch = NULL;
	atomic_fetch_add(&p->given, count);
	if (tsn_queue_push(p->all->o.queue, &b->block) == TSN_OK)
		return TSN_OK;
	batch_done(&b->block, TSN_ECANCELED);
	TSN_FAIL(err, TSN_ECANCELED, "the server is stopping");
}

static struct batch *
new_batch(struct one *p, const struct tsn_source *source)
{
	struct batch *b = calloc(1, sizeof *b);

	if (b == NULL)
		return NULL;
	b->owner = p;
	tsn_arena_init(&b->arena, 256u << 20);
	b->block.source = source;
	b->block.records = b->records;
	b->block.done = batch_done;
	return b;
}

static bool
add_record(struct batch *b, const struct tsn_pev *ev, const struct tsn_pl_record *made)
{
	uint32_t i = b->block.count;
	struct tsn_slice bytes = tsn_arena_dup(&b->arena, made->bytes);
	struct tsn_slice document = tsn_arena_dup(&b->arena, made->document);

	if (bytes.ptr == NULL || document.ptr == NULL)
		return false;
	b->asides[i] = (struct tsn_aside){.time_ns = made->time_ns, .time_key = TSN_KEY_ROOT,
		.document = document, .final = made->final};
	b->records[i] = (struct tsn_block_record){.ptr = bytes.ptr,
		.len = (uint32_t)(bytes.len > TSN_RECORD_BYTES_MAX ? TSN_RECORD_BYTES_MAX : bytes.len),
		.truncated = bytes.len > TSN_RECORD_BYTES_MAX, .aside = &b->asides[i],
		.placed = ev->placed, .offset = ev->offset};
	/* events of one record get places of their own */
	if (ev->placed && i > 0 && b->records[i - 1].placed &&
	    b->records[i].offset <= b->records[i - 1].offset &&
	    b->records[i - 1].offset - b->records[i].offset < TSN_PL_EVENTS_MAX)
		b->records[i].offset = b->records[i - 1].offset + 1;
	b->block.count++;
	b->bytes += bytes.len + document.len + sizeof *b->records + sizeof *b->asides;
	return true;
}

static enum tsn_code
store(void *ctx, struct tsn_pev *ev, struct tsn_slice kind, struct tsn_err *err)
{
	struct one *p = ctx;
	struct tsn_source like = {.kind = kind};
	const struct tsn_source *source;
	struct tsn_pl_record made;
	char name[400];

	if (!tsn_pl_record_make(ev, &made))
		TSN_FAIL(err, TSN_ENOMEM, "the event is too large");
	like.path = made.path;
	like.address = made.path.len > 0 ? TSN_SLICE_NONE : TSN_SLICE("pipeline");
	(void)snprintf(name, sizeof name, "pipeline %s%s%.*s", p->config->name,
	    made.path.len > 0 ? " " : "", (int)(made.path.len > 250 ? 250 :
	    made.path.len), made.path.ptr);
	source = p->all->o.source(p->all->o.ctx, &like, tsn_slice_cstr(name));
	if (source == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (p->batch != NULL && (p->batch->block.source != source ||
	    p->batch->block.count == BATCH_RECORDS || p->batch->bytes >= BATCH_BYTES))
		TSN_TRY(push(p, err));
	if (p->batch == NULL)
		p->batch = new_batch(p, source);
	if (p->batch == NULL || !add_record(p->batch, ev, &made))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return TSN_OK;
}

static enum tsn_code
stored(void *ctx, bool *ret_settled, struct tsn_err *err)
{
	struct one *p = ctx;

	TSN_TRY(push(p, err));
	*ret_settled = atomic_load(&p->done) == atomic_load(&p->given);
	return TSN_OK;
}

static enum tsn_code
load(struct one *p, struct tsn_err *err)
{
	struct tsn_check check = {0};
	struct tsn_buf text;
	enum tsn_code code;

	tsn_buf_init(&text, TSN_CONF_BYTES_MAX + 1);
	code = tsn_file_read_all(&tsn_file_system, p->config->path, &text, err);
	if (code == TSN_OK)
		code = tsn_conf_parse(tsn_slice_cstr(p->config->path), tsn_buf_get(&text), variable,
		    &p->all->keys, &p->conf, err);
	tsn_buf_done(&text);
	TSN_TRY(code);
	p->has_conf = true;
	tsn_buf_init(&check.text, 1u << 20);
	tsn_check_run(&p->conf, &check);
	for (struct tsn_slice rest = tsn_buf_get(&check.text); rest.len > 0;) {
		size_t end = tsn_slice_find_char(rest, '\n');
		char line[TSN_ERR_MSG_MAX];

		(void)snprintf(line, sizeof line, "%.*s", (int)(end == SIZE_MAX ? rest.len : end),
		    rest.ptr);
		say(p, line);
		rest = tsn_slice_from(rest, end == SIZE_MAX ? rest.len : end + 1);
	}
	tsn_buf_done(&check.text);
	if (check.errors > 0)
		TSN_FAIL(err, TSN_EINVAL, "%s has %u error%s", p->config->path, check.errors,
		    check.errors == 1 ? "" : "s");
	return TSN_OK;
}

static enum tsn_code
open_one(struct one *p, struct tsn_err *err)
{
	struct tsn_pl_env env = {.ctx = p, .now_ns = now, .out = print, .stop = stop, .idle = idle,
		.store = store, .stored = stored, .say = say, .host = tsn_slice_cstr(p->all->host),
		.folder = p->folder, .queue_bytes_max = p->config->queue_bytes};
	struct tsn_pipeline *pl;

	TSN_TRY(load(p, err));
	TSN_TRY(tsn_pipeline_new(&p->conf, &env, false, &pl, err));
	(void)pthread_mutex_lock(&p->lock);
	p->pl = pl;
	p->trouble[0] = '\0';
	(void)pthread_mutex_unlock(&p->lock);
	return TSN_OK;
}

static void
close_one(struct one *p)
{
	struct tsn_pipeline *pl = p->pl;

	(void)pthread_mutex_lock(&p->lock);
	p->pl = NULL;
	(void)pthread_mutex_unlock(&p->lock);
	tsn_pipeline_free(pl);
	if (p->has_conf)
		tsn_conf_done(&p->conf);
	p->has_conf = false;
	if (p->batch != NULL) {
		tsn_arena_done(&p->batch->arena);
		free(p->batch);
		p->batch = NULL;
	}
}

static void
tell_end(struct one *p)
{
	struct tsn_buf text;

	tsn_buf_init(&text, 1u << 16);
	tsn_pipeline_report(p->pl, &text);
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] == '\n')
			text.ptr[i] = i + 1 == text.len ? '\0' : ';';
	tsn_buf_char(&text, '\0');
	if (text.len > 0 && tsn_buf_check(&text) == TSN_OK)
		say(p, text.ptr);
	tsn_buf_done(&text);
}

static void
set_trouble(struct one *p, const char *why)
{
	say(p, why);
	(void)pthread_mutex_lock(&p->lock);
	(void)snprintf(p->trouble, sizeof p->trouble, "%s", why);
	p->restarts++;
	(void)pthread_mutex_unlock(&p->lock);
}

static void *
run(void *arg)
{
	struct one *p = arg;
	struct tsn_err err = {0};

	for (;;) {
		enum tsn_code code = p->pl == NULL ? open_one(p, &err) : TSN_OK;

		if (code == TSN_OK)
			code = tsn_pipeline_run(p->pl, &err);
		if (p->pl != NULL)
			tell_end(p);
		if (code == TSN_OK || atomic_load(&p->all->stopping))
			break;
		set_trouble(p, err.msg);
		close_one(p);
		for (int64_t left = AGAIN_NS; left > 0 && !atomic_load(&p->all->stopping);
		    left -= 100 * TSN_NS_PER_MS)
			tsn_clock_sleep_ms(100);
	}
	atomic_store(&p->ended, true);
	return NULL;
}

static enum tsn_code
start(struct one *p, struct tsn_err *err)
{
	sigset_t all, old;
	int failed;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	failed = pthread_create(&p->thread, NULL, run, p);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (failed != 0)
		TSN_FAIL(err, TSN_EIO, "cannot start a thread: %s", strerror(failed));
	p->started = true;
	return TSN_OK;
}

static enum tsn_code
open_all(struct tsn_pipelines *all, struct tsn_err *err)
{
	const struct tsn_config *c = all->o.config;

	if (c->pipeline_keys != NULL)
		TSN_TRY(tsn_pl_keys_load(&all->keys, c->pipeline_keys, err));
	if (gethostname(all->host, sizeof all->host - 1) != 0)
		all->host[0] = '\0';
	all->items = calloc(c->pipeline_count + 1, sizeof *all->items);
	if (all->items == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < c->pipeline_count; i++) {
		struct one *p = &all->items[all->count++];
		enum tsn_code code;
		int n;

		p->all = all;
		p->config = &c->pipelines[i];
		(void)pthread_mutex_init(&p->lock, NULL);
		n = snprintf(p->folder, sizeof p->folder, "%s/pipelines/%s", all->o.data, p->config->name);
		if (n < 0 || (size_t)n >= sizeof p->folder)
			TSN_FAIL(err, TSN_EINVAL, "pipeline %s: the folder's name is too long",
			    p->config->name);
		code = open_one(p, err);
		if (code != TSN_OK)
			return tsn_err_context(err, code, "pipeline %s", p->config->name);
	}
	for (uint32_t i = 0; i < all->count; i++)
		TSN_TRY(start(&all->items[i], err));
	return TSN_OK;
}

enum tsn_code
tsn_pipelines_open(const struct tsn_pipelines_options *options, struct tsn_pipelines **ret,
    struct tsn_err *err)
{
	struct tsn_pipelines *all = calloc(1, sizeof *all);
	enum tsn_code code;

	if (all == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	all->o = *options;
	code = open_all(all, err);
	if (code != TSN_OK) {
		tsn_pipelines_stop(all);
		tsn_pipelines_free(all);
		return code;
	}
	*ret = all;
	return TSN_OK;
}

void
tsn_pipelines_stop(struct tsn_pipelines *all)
{
	if (all != NULL)
		atomic_store(&all->stopping, true);
}

bool
tsn_pipelines_stopped(const struct tsn_pipelines *all)
{
	for (uint32_t i = 0; all != NULL && i < all->count; i++)
		if (all->items[i].started && !atomic_load(&all->items[i].ended))
			return false;
	return true;
}

void
tsn_pipelines_free(struct tsn_pipelines *all)
{
	if (all == NULL)
		return;
	for (uint32_t i = 0; i < all->count; i++) {
		struct one *p = &all->items[i];

		if (p->started)
			(void)pthread_join(p->thread, NULL);
		close_one(p);
		(void)pthread_mutex_destroy(&p->lock);
	}
	tsn_pl_keys_done(&all->keys);
	free(all->items);
	free(all);
}

static void
output_json(const struct tsn_pl_output *o, struct tsn_buf *out)
{
	tsn_buf_printf(out, "{\"output\":\"%s\",\"number\":%u,\"taken\":%llu,\"earlier\":%llu,"
	    "\"delivered\":%llu,\"waiting\":%llu,\"waiting_bytes\":%llu,\"refused\":%llu,\"lost\":%llu,"
	    "\"retries\":%llu,\"trouble\":", o->name, o->number, (unsigned long long)o->taken,
	    (unsigned long long)o->earlier, (unsigned long long)o->delivered,
	    (unsigned long long)o->waiting, (unsigned long long)o->waiting_bytes,
	    (unsigned long long)o->refused, (unsigned long long)o->lost,
	    (unsigned long long)o->retries);
	tsn_json_write_string(out, tsn_slice_cstr(o->trouble));
	tsn_buf_char(out, '}');
}

static void
one_json(struct one *p, struct tsn_buf *out)
{
	struct tsn_pl_counts c = {0};
	struct tsn_pl_output o;

	(void)pthread_mutex_lock(&p->lock);
	if (p->pl != NULL)
		c = tsn_pipeline_counts(p->pl);
	tsn_buf_lit(out, "{\"name\":");
	tsn_json_write_string(out, tsn_slice_cstr(p->config->name));
	tsn_buf_printf(out, ",\"state\":\"%s\",\"trouble\":", atomic_load(&p->ended) ? "ended" :
	    p->pl == NULL ? "broken" : "running");
	tsn_json_write_string(out, tsn_slice_cstr(p->trouble));
	tsn_buf_printf(out, ",\"restarts\":%llu,\"in\":%llu,\"made\":%llu,\"dropped\":%llu,"
	    "\"out\":%llu,\"too_large\":%llu,\"outputs\":[", (unsigned long long)p->restarts,
	    (unsigned long long)c.in, (unsigned long long)c.made, (unsigned long long)c.dropped,
	    (unsigned long long)c.out, (unsigned long long)c.failed);
	for (uint32_t i = 0; p->pl != NULL && tsn_pipeline_output(p->pl, i, &o); i++) {
		if (i > 0)
			tsn_buf_char(out, ',');
		output_json(&o, out);
	}
	tsn_buf_lit(out, "]}");
	(void)pthread_mutex_unlock(&p->lock);
}

void
tsn_pipelines_json(struct tsn_pipelines *all, struct tsn_buf *out)
{
	tsn_buf_char(out, '[');
	for (uint32_t i = 0; all != NULL && i < all->count; i++) {
		if (i > 0)
			tsn_buf_char(out, ',');
		one_json(&all->items[i], out);
	}
	tsn_buf_char(out, ']');
}

static void
output_metrics(const char *name, const struct tsn_pl_output *o, struct tsn_buf *out)
{
	const struct {
		const char *what;
		uint64_t n;
	} lines[] = {{"taken_total", o->taken}, {"delivered_total", o->delivered},
	    {"refused_total", o->refused}, {"lost_total", o->lost}, {"waiting", o->waiting}};

	for (size_t i = 0; i < TSN_COUNT(lines); i++)
		tsn_buf_printf(out, "tocsin_pipeline_output_%s{pipeline=\"%s\",output=\"%s\","
		    "number=\"%u\"} %llu\n", lines[i].what, name, o->name, o->number,
		    (unsigned long long)lines[i].n);
}

void
tsn_pipelines_metrics(struct tsn_pipelines *all, struct tsn_buf *out)
{
	for (uint32_t i = 0; all != NULL && i < all->count; i++) {
		struct one *p = &all->items[i];
		struct tsn_pl_output o;

		(void)pthread_mutex_lock(&p->lock);
		if (p->pl != NULL) {
			struct tsn_pl_counts c = tsn_pipeline_counts(p->pl);

			tsn_buf_printf(out, "tocsin_pipeline_events_in_total{pipeline=\"%s\"} %llu\n"
			    "tocsin_pipeline_events_out_total{pipeline=\"%s\"} %llu\n"
			    "tocsin_pipeline_events_dropped_total{pipeline=\"%s\"} %llu\n", p->config->name,
			    (unsigned long long)c.in, p->config->name, (unsigned long long)c.out,
			    p->config->name, (unsigned long long)c.dropped);
		}
		for (uint32_t k = 0; p->pl != NULL && tsn_pipeline_output(p->pl, k, &o); k++)
			output_metrics(p->config->name, &o, out);
		(void)pthread_mutex_unlock(&p->lock);
	}
}
