#include "ship/ship.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/time.h"
#include "codec/json.h"
#include "os/clock.h"
#include "ship/backlog.h"

#define ITEMS_DEFAULT 500u
#define ITEMS_MAX 65536u
#define BYTES_DEFAULT (4u << 20)
#define ARENA_MAX (512u << 20)
#define RETRY_MIN_NS (500 * TSN_NS_PER_MS)
#define RETRY_MAX_NS (30 * TSN_NS_PER_SEC)
#define WAIT_MS 50
#define PATH_BYTES_MAX 4096u
/* Dead letters may fill so much of the disk; further ones are counted only. */
#define DEAD_BYTES_MAX (INT64_C(256) << 20)

struct tsn_ship {
	struct tsn_ship_options o;
	char *name;
	struct tsn_backlog *spool;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	pthread_cond_t come, gone;	/* something to send; room */
	atomic_bool stopping, hurry;
	struct tsn_ship_stats stats;	/* under lock */
	bool troubled;
	struct tsn_buf record;		/* of the putting thread */
	/* the thread's own */
	struct tsn_arena arena;
	struct tsn_ship_item *items;
	uint32_t count;
	size_t bytes;
	struct tsn_backlog_place place;
	uint64_t in_batch;		/* records of the spool in it, done ones too */
	char *dead_path;
	bool dead_full;
	int64_t dead_synced_ns;
};

static void TSN_PRINTF(2, 3)
say(struct tsn_ship *s, const char *fmt, ...)
{
	char line[TSN_ERR_MSG_MAX + 200];
	va_list ap;

	if (s->o.say == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	s->o.say(s->o.ctx, line);
}

static void
wait_until(struct tsn_ship *s, pthread_cond_t *cond, int64_t ns)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	ns += (int64_t)ts.tv_sec * TSN_NS_PER_SEC + ts.tv_nsec;
	ts.tv_sec = (time_t)(ns / TSN_NS_PER_SEC);
	ts.tv_nsec = (long)(ns % TSN_NS_PER_SEC);
	(void)pthread_mutex_lock(&s->lock);
	if (!atomic_load(&s->stopping))
		(void)pthread_cond_timedwait(cond, &s->lock, &ts);
	(void)pthread_mutex_unlock(&s->lock);
}

/* parts: count, then each length and bytes */
static bool
decode(struct tsn_slice rec, struct tsn_ship_item *item)
{
	*item = (struct tsn_ship_item){0};
	if (rec.len < 1 || (unsigned char)rec.ptr[0] > TSN_SHIP_PARTS_MAX)
		return false;
	item->count = (unsigned char)rec.ptr[0];
	rec = tsn_slice_from(rec, 1);
	for (uint32_t i = 0; i < item->count; i++) {
		size_t len = 0;

		if (rec.len < 4)
			return false;
		for (unsigned b = 0; b < 4; b++)
			len |= (size_t)(unsigned char)rec.ptr[b] << (8 * b);
		rec = tsn_slice_from(rec, 4);
		if (len > rec.len)
			return false;
		item->parts[i] = tsn_slice_of(rec.ptr, len);
		rec = tsn_slice_from(rec, len);
	}
	return true;
}

static enum tsn_code
fill(struct tsn_ship *s, struct tsn_err *err)
{
	const struct tsn_ship_dest *d = &s->o.dest;

	while (s->count < d->batch_items && s->bytes < d->batch_bytes) {
		struct tsn_slice rec;

		TSN_TRY(tsn_backlog_next(s->spool, &s->arena, &rec, &s->place, err));
		s->in_batch++;
		s->bytes += rec.len;
		if (decode(rec, &s->items[s->count]))
			s->count++;
	}
	return TSN_OK;
}

/* Until the batch is full or has waited long enough; false: there is nothing. */
static bool
gather(struct tsn_ship *s)
{
	const struct tsn_ship_dest *d = &s->o.dest;
	int64_t began = 0, now;
	struct tsn_err err = {0};

	while (!atomic_load(&s->stopping)) {
		enum tsn_code code = fill(s, &err);

		if (code != TSN_OK && code != TSN_EAGAIN) {
			say(s, "%s: %s", s->name, err.msg);
			wait_until(s, &s->come, TSN_NS_PER_SEC);
		}
		now = tsn_clock_mono_ns();
		if (s->count > 0 && (code == TSN_OK || d->linger_ns == 0 || atomic_load(&s->hurry)))
			return true;
		if (s->count > 0 && began == 0)
			began = now;
		if (s->count > 0 && now - began >= d->linger_ns)
			return true;
		wait_until(s, &s->come, s->count == 0 ? TSN_NS_PER_SEC / 5 : WAIT_MS * TSN_NS_PER_MS);
	}
	return false;
}

/* One line of JSON: when, why, the parts. */
static void
bury(struct tsn_ship *s, const struct tsn_ship_item *item)
{
	char when[TSN_TIME_TEXT_MAX];
	struct tsn_buf b;
	int fd;

	if (s->dead_path == NULL || s->dead_full)
		return;
	fd = open(s->dead_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	s->dead_full = lseek(fd, 0, SEEK_END) > DEAD_BYTES_MAX;
	if (s->dead_full)
		say(s, "%s: %s has reached its limit: further dead letters are counted only", s->name,
		    s->dead_path);
	tsn_buf_init(&b, ARENA_MAX);
	(void)tsn_time_format(tsn_clock_real_ns(), when);
	tsn_buf_printf(&b, "{\"@timestamp\":\"%s\",\"output\":", when);
	tsn_json_write_string(&b, tsn_slice_cstr(s->name));
	tsn_buf_lit(&b, ",\"reason\":");
	tsn_json_write_string(&b, item->reason);
	tsn_buf_lit(&b, ",\"parts\":[");
	for (uint32_t i = 0; i < item->count; i++) {
		if (i > 0)
			tsn_buf_char(&b, ',');
		tsn_json_write_string(&b, item->parts[i]);
	}
	tsn_buf_lit(&b, "]}\n");
	if (tsn_buf_check(&b) == TSN_OK && !s->dead_full && write(fd, b.ptr, b.len) != (ssize_t)b.len)
		say(s, "%s: cannot write %s: %s", s->name, s->dead_path, strerror(errno));
	tsn_buf_done(&b);
	(void)close(fd);
}

/* Takes out what is dealt with; true when nothing is left. */
static bool
sort_out(struct tsn_ship *s)
{
	uint64_t done = 0, refused = 0;
	uint32_t left = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		struct tsn_ship_item *item = &s->items[i];

		done += item->result == TSN_SHIP_DONE;
		refused += item->result == TSN_SHIP_REFUSED;
		if (item->result == TSN_SHIP_REFUSED)
			bury(s, item);
		else if (item->result == TSN_SHIP_AGAIN)
			s->items[left++] = *item;
	}
	s->count = left;
	(void)pthread_mutex_lock(&s->lock);
	s->stats.delivered += done;
	s->stats.refused += refused;
	(void)pthread_mutex_unlock(&s->lock);
	return left == 0;
}

static void
set_trouble(struct tsn_ship *s, const struct tsn_err *why)
{
	bool news = s->troubled != (why != NULL);

	(void)pthread_mutex_lock(&s->lock);
	s->troubled = why != NULL;
	(void)snprintf(s->stats.trouble, sizeof s->stats.trouble, "%.150s", why == NULL ? "" :
	    why->msg);
	s->stats.retries += why != NULL;
	(void)pthread_mutex_unlock(&s->lock);
	if (news && why != NULL)
		say(s, "%s waits: %s", s->name, why->msg);
	else if (news)
		say(s, "%s goes on", s->name);
}

/* Again and again until the batch is dealt with or the end is asked for. */
static bool
deliver(struct tsn_ship *s)
{
	const struct tsn_ship_dest *d = &s->o.dest;
	int64_t pause = d->retry_min_ns;
	uint64_t attempts = 0;

	while (!atomic_load(&s->stopping)) {
		struct tsn_ship_batch batch = {s->items, s->count, &s->arena, &s->stopping};
		struct tsn_err why = {0};
		uint32_t before = s->count;

		d->send(d->state, &batch, &why);
		attempts++;
		for (uint32_t i = 0; d->attempts_max > 0 && attempts >= d->attempts_max && i < s->count;
		    i++)
			if (s->items[i].result == TSN_SHIP_AGAIN) {
				s->items[i].result = TSN_SHIP_REFUSED;
				s->items[i].reason = tsn_arena_dup(&s->arena, tsn_slice_cstr(why.msg));
			}
		if (sort_out(s)) {
			set_trouble(s, NULL);
			return true;
		}
		if (why.msg[0] == '\0')
			(void)snprintf(why.msg, sizeof why.msg, "the peer did not take all");
		set_trouble(s, &why);
		if (s->count < before)
			pause = d->retry_min_ns;
		for (int64_t left = pause; left > 0 && !atomic_load(&s->stopping);
		    left -= 100 * TSN_NS_PER_MS)
			tsn_clock_sleep_ms(left > 100 * TSN_NS_PER_MS ? 100 :
			    (unsigned)(left / TSN_NS_PER_MS) + 1);
		pause = pause * 2 > d->retry_max_ns ? d->retry_max_ns : pause * 2;
	}
	return false;
}

static void *
run(void *arg)
{
	struct tsn_ship *s = arg;

	while (gather(s)) {
		if (!deliver(s))
			break;
		tsn_backlog_done(s->spool, s->place, s->in_batch);
		s->in_batch = 0;
		s->bytes = 0;
		tsn_arena_reset(&s->arena);
		(void)pthread_mutex_lock(&s->lock);
		(void)pthread_cond_broadcast(&s->gone);
		(void)pthread_mutex_unlock(&s->lock);
	}
	return NULL;
}

static enum tsn_code
open_rest(struct tsn_ship *s, struct tsn_err *err)
{
	const struct tsn_ship_options *o = &s->o;
	struct tsn_backlog_options so = {.folder = o->folder, .bytes_max = o->queue_bytes_max};
	char path[PATH_BYTES_MAX];
	struct tsn_backlog_stats found;
	sigset_t all, old;
	int failed;

	TSN_TRY(tsn_backlog_open(&so, &s->spool, err));
	found = tsn_backlog_stats_get(s->spool);
	s->stats.earlier = found.found;
	if (found.torn > 0)
		say(s, "%s: %llu bytes of the queue were damaged and cut", s->name,
		    (unsigned long long)found.torn);
	if (o->folder != NULL) {
		int n = snprintf(path, sizeof path, "%s/dead-letters.jsonl", o->folder);

		s->dead_path = n > 0 && (size_t)n < sizeof path ? strdup(path) : NULL;
	}
	s->items = calloc(o->dest.batch_items, sizeof *s->items);
	if (s->items == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	/* signals are for the main thread */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	failed = pthread_create(&s->thread, NULL, run, s);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (failed != 0)
		TSN_FAIL(err, TSN_EIO, "cannot start a thread: %s", strerror(failed));
	s->running = true;
	return TSN_OK;
}

static void
set_defaults(struct tsn_ship_dest *d)
{
	if (d->batch_items == 0)
		d->batch_items = ITEMS_DEFAULT;
	if (d->batch_items > ITEMS_MAX)
		d->batch_items = ITEMS_MAX;
	if (d->batch_bytes == 0)
		d->batch_bytes = BYTES_DEFAULT;
	if (d->retry_min_ns <= 0)
		d->retry_min_ns = RETRY_MIN_NS;
	if (d->retry_max_ns <= 0)
		d->retry_max_ns = RETRY_MAX_NS;
}

enum tsn_code
tsn_ship_open(const struct tsn_ship_options *options, struct tsn_ship **ret_ship,
    struct tsn_err *err)
{
	struct tsn_ship *s = calloc(1, sizeof *s);
	pthread_condattr_t attr;
	enum tsn_code code;

	if (s == NULL) {
		if (options->dest.close != NULL)
			options->dest.close(options->dest.state);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	s->o = *options;
	set_defaults(&s->o.dest);
	s->name = strdup(options->name);
	tsn_buf_init(&s->record, TSN_BACKLOG_RECORD_MAX + 1);
	tsn_arena_init(&s->arena, ARENA_MAX);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->come, &attr);
	(void)pthread_cond_init(&s->gone, &attr);
	(void)pthread_condattr_destroy(&attr);
	code = s->name == NULL ? TSN_ERR(err, TSN_ENOMEM, "out of memory") : open_rest(s, err);
	if (code != TSN_OK) {
		tsn_ship_close(s);
		return code;
	}
	*ret_ship = s;
	return TSN_OK;
}

void
tsn_ship_close(struct tsn_ship *s)
{
	if (s == NULL)
		return;
	(void)pthread_mutex_lock(&s->lock);
	atomic_store(&s->stopping, true);
	(void)pthread_cond_broadcast(&s->come);
	(void)pthread_mutex_unlock(&s->lock);
	if (s->running)
		(void)pthread_join(s->thread, NULL);
	if (s->o.dest.close != NULL)
		s->o.dest.close(s->o.dest.state);
	tsn_backlog_close(s->spool);
	(void)pthread_cond_destroy(&s->come);
	(void)pthread_cond_destroy(&s->gone);
	(void)pthread_mutex_destroy(&s->lock);
	tsn_buf_done(&s->record);
	tsn_arena_done(&s->arena);
	free(s->items);
	free(s->dead_path);
	free(s->name);
	free(s);
}

enum tsn_code
tsn_ship_put(struct tsn_ship *s, const struct tsn_slice *parts, uint32_t count,
    bool (*stop)(void *ctx), void *ctx, struct tsn_err *err)
{
	enum tsn_code code;

	tsn_buf_reset(&s->record);
	tsn_buf_char(&s->record, (char)count);
	for (uint32_t i = 0; i < count; i++) {
		if (parts[i].len > TSN_BACKLOG_RECORD_MAX)
			TSN_FAIL(err, TSN_ELIMIT, "an event of %zu bytes is too large", parts[i].len);
		for (unsigned b = 0; b < 4; b++)
			tsn_buf_char(&s->record, (char)(parts[i].len >> (8 * b)));
		tsn_buf_slice(&s->record, parts[i]);
	}
	if (tsn_buf_check(&s->record) != TSN_OK)
		TSN_FAIL(err, TSN_ELIMIT, "an event is too large for the queue");
	while ((code = tsn_backlog_append(s->spool, tsn_buf_get(&s->record), err)) == TSN_EAGAIN) {
		if (stop != NULL && stop(ctx))
			return TSN_ECANCELED;
		wait_until(s, &s->gone, WAIT_MS * TSN_NS_PER_MS);
	}
	TSN_TRY(code);
	(void)pthread_mutex_lock(&s->lock);
	s->stats.taken++;
	(void)pthread_cond_signal(&s->come);
	(void)pthread_mutex_unlock(&s->lock);
	return TSN_OK;
}

enum tsn_code
tsn_ship_flush(struct tsn_ship *s, bool *ret_safe, struct tsn_err *err)
{
	TSN_TRY(tsn_backlog_flush(s->spool, true, err));
	*ret_safe = s->o.folder != NULL || tsn_backlog_stats_get(s->spool).records == 0;
	return TSN_OK;
}

void
tsn_ship_hurry(struct tsn_ship *s)
{
	atomic_store(&s->hurry, true);
	(void)pthread_mutex_lock(&s->lock);
	(void)pthread_cond_signal(&s->come);
	(void)pthread_mutex_unlock(&s->lock);
}

struct tsn_ship_stats
tsn_ship_stats_get(struct tsn_ship *s)
{
	struct tsn_backlog_stats spool = tsn_backlog_stats_get(s->spool);
	struct tsn_ship_stats st;

	(void)pthread_mutex_lock(&s->lock);
	st = s->stats;
	(void)pthread_mutex_unlock(&s->lock);
	st.waiting = st.taken + st.earlier - st.delivered - st.refused;
	st.waiting_bytes = spool.bytes;
	return st;
}
