/* tocsin store archive, restore: sealed segments into another folder and back. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd_store_int.h"
#include "store/archive.h"

struct work {
	struct tsn_store_archive a;
	struct tsn_keys *keys;
	struct tsn_store *store;
	uint64_t count[4], events, bytes;	/* by what happened to segments; of those copied now */
};

static volatile sig_atomic_t stopped;

static void
on_signal(int sig)
{
	(void)sig;
	stopped = 1;
}

static bool
is_stopped(void *ctx)
{
	(void)ctx;
	return stopped != 0;
}

static void
on_segment(void *ctx, const struct tsn_store_archived *x)
{
	static const char *const words[] = {"copied", "was there", "damaged", "removed from the store"};
	char from[TSN_TIME_TEXT_MAX], to[TSN_TIME_TEXT_MAX], safe[300];
	struct work *w = ctx;

	w->count[x->what]++;
	if (x->what == TSN_ARCHIVED_NOW) {
		w->events += x->events;
		w->bytes += x->bytes;
	}
	(void)tsn_time_format(x->time_min, from);
	(void)tsn_time_format(x->time_max, to);
	printf("%s: %s, %llu events of %.19sZ to %.19sZ, %llu bytes%s%s\n", x->file, words[x->what],
	    (unsigned long long)x->events, from, to, (unsigned long long)x->bytes,
	    x->why == NULL ? "" : ": ",
	    x->why == NULL ? "" : tsn_slice_escape(tsn_slice_cstr(x->why), safe, sizeof safe));
}

static int
close_work(struct work *w, enum tsn_code rc, struct tsn_err *err)
{
	enum tsn_code closed = tsn_store_close(w->store, rc == TSN_OK ? err : NULL);

	tsn_keys_free(w->keys);
	if (rc == TSN_OK)
		rc = closed;
	if (rc == TSN_ECANCELED) {
		(void)fprintf(stderr, "tocsin store: canceled; the same command goes on from here\n");
		return 128 + SIGINT;
	}
	if (rc != TSN_OK)
		return tsn_cmd_fail(&tsn_cmd_store, rc, err);
	return w->a.damaged > 0 ? TSN_EXIT_NO : TSN_EXIT_DONE;
}

/* The store must be there when something shall be taken from it. */
static int
open_work(struct work *w, const char *data, bool must_exist, struct tsn_err *err)
{
	struct sigaction stop = {.sa_handler = on_signal};
	struct tsn_store_reader *reader;
	enum tsn_code rc = TSN_OK;

	w->keys = tsn_keys_new();
	if (w->keys == NULL)
		return tsn_cmd_fail(&tsn_cmd_store, TSN_ENOMEM, NULL);
	if (must_exist) {
		rc = tsn_store_reader_open(data, w->keys, &reader, err);
		if (rc == TSN_OK)
			tsn_store_reader_close(reader);
	}
	if (rc == TSN_OK)
		rc = tsn_store_open(data, w->keys, NULL, &w->store, err);
	if (rc != TSN_OK)
		return close_work(w, rc, err);
	(void)sigaction(SIGINT, &stop, NULL);
	(void)sigaction(SIGTERM, &stop, NULL);
	w->a.canceled = is_stopped;
	w->a.segment = on_segment;
	w->a.ctx = w;
	return -1;
}

static int
set_range(const struct store_options *o, struct tsn_store_archive *a)
{
	int status;

	a->from_ns = INT64_MIN;
	a->to_ns = INT64_MAX;
	status = cmd_store_time(o->after, &a->from_ns);
	return status < 0 ? cmd_store_time(o->before, &a->to_ns) : status;
}

int
cmd_store_archive(const struct store_options *o)
{
	struct work w = {.a = {.dir = o->to, .remove = o->remove}};
	struct tsn_err err = {0};
	enum tsn_code rc;
	int status = set_range(o, &w.a);

	if (status >= 0)
		return status;
	if (o->to == NULL)
		return tsn_cmd_usage(&tsn_cmd_store, "archive: which folder --to?");
	w.a.jsonl = o->format != NULL && strcmp(o->format, "jsonl") == 0;
	if (o->format != NULL && !w.a.jsonl && strcmp(o->format, "segments") != 0)
		return tsn_cmd_usage(&tsn_cmd_store, "--format wants segments or jsonl");
	if (w.a.jsonl && o->remove)
		return tsn_cmd_usage(&tsn_cmd_store, "JSON lines cannot be brought back: --remove goes "
		    "with --format segments");
	status = open_work(&w, tsn_cmd_data_dir(o->data), true, &err);
	if (status >= 0)
		return status;
	rc = tsn_store_archive(w.store, &w.a, &err);
	if (rc == TSN_OK) {
		printf("%llu segments with %llu events archived (%llu bytes), %llu were there already, "
		    "%llu damaged, %llu removed from the store",
		    (unsigned long long)w.count[TSN_ARCHIVED_NOW], (unsigned long long)w.events,
		    (unsigned long long)w.bytes, (unsigned long long)w.count[TSN_ARCHIVED_BEFORE],
		    (unsigned long long)w.a.damaged,
		    (unsigned long long)w.count[TSN_ARCHIVED_REMOVED]);
		if (w.a.across > 0)
			printf(", %llu reach over the end of the range and stay",
			    (unsigned long long)w.a.across);
		printf("\n");
	}
	return close_work(&w, rc, &err);
}

int
cmd_store_restore(const struct store_options *o)
{
	struct work w = {.a = {.dir = o->from}};
	struct tsn_err err = {0};
	enum tsn_code rc;
	int status = set_range(o, &w.a);

	if (status >= 0)
		return status;
	if (o->from == NULL)
		return tsn_cmd_usage(&tsn_cmd_store, "restore: --from which folder?");
	status = open_work(&w, tsn_cmd_data_dir(o->data), false, &err);
	if (status >= 0)
		return status;
	rc = tsn_store_restore(w.store, &w.a, &err);
	if (rc == TSN_OK)
		printf("%llu segments with %llu events restored, %llu were there already, %llu damaged\n",
		    (unsigned long long)w.count[TSN_ARCHIVED_NOW], (unsigned long long)w.events,
		    (unsigned long long)w.count[TSN_ARCHIVED_BEFORE],
		    (unsigned long long)w.a.damaged);
	return close_work(&w, rc, &err);
}
