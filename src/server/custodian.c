#include "server/custodian.h"

#include <stdio.h>
#include <string.h>

#include "os/clock.h"
#include "server/health.h"

#define HOUR_NS (3600 * TSN_NS_PER_SEC)

uint64_t
tsn_custodian_default_bytes(const char *data)
{
	uint64_t size, free_bytes, own = tsn_store_bytes(data), most;

	/* The folder may not be there yet; then its place is. */
	if (tsn_disk_size(data, &size, NULL) != TSN_OK) {
		data = ".";
		if (tsn_disk_size(data, &size, NULL) != TSN_OK)
			return 0;
	}
	if (tsn_disk_free(data, &free_bytes, NULL) != TSN_OK)
		return size / 2;
	most = (own + free_bytes) / 5 * 4;
	return most < size / 2 ? most : size / 2;
}

static enum tsn_code
raise(struct tsn_custodian *k, enum tsn_health_kind kind, int64_t id_ns, int64_t first_ns,
    int64_t last_ns, uint64_t count, const char *reason, struct tsn_err *err)
{
	if (k->detection == NULL)
		return TSN_OK;
	return tsn_health_raise(k->detection, &(struct tsn_health){.kind = kind,
	    .source = TSN_SLICE("store"), .id_ns = id_ns, .first_ns = first_ns, .last_ns = last_ns,
	    .count = count, .reason = tsn_slice_cstr(reason)}, err);
}

/* ---- retention ---- */

/* Told before and after: nothing goes in silence. */
void
tsn_custodian_dropping(void *custodian, const struct tsn_store_drop *d)
{
	struct tsn_custodian *k = custodian;
	char from[TSN_TIME_TEXT_MAX], to[TSN_TIME_TEXT_MAX], line[400];

	(void)tsn_time_format(d->time_min, from);
	(void)tsn_time_format(d->time_max, to);
	(void)snprintf(line, sizeof line, "retention by %s %s %llu events of %.10s to %.10s (%s, "
	    "%.1f MB)", d->why, d->done ? "has removed" : "removes", (unsigned long long)d->events,
	    from, to, d->file, (double)d->bytes / 1e6);
	k->say(k->ctx, line);
	if (!d->done)
		return;
	k->stats.segments_dropped++;
	k->stats.events_dropped += d->events;
	k->stats.bytes_dropped += d->bytes;
	if (k->stats.dropped_to_ns == 0 || d->time_max > k->stats.dropped_to_ns)
		k->stats.dropped_to_ns = d->time_max;
}

/* One alert an hour, which grows. */
static enum tsn_code
tell_dropped(struct tsn_custodian *k, int64_t now_ns, struct tsn_err *err)
{
	int64_t hour = now_ns / HOUR_NS * HOUR_NS;
	char to[TSN_TIME_TEXT_MAX], reason[300];
	uint64_t count;

	if (k->stats.events_dropped == k->events_told)
		return TSN_OK;
	if (hour != k->hour_ns) {
		k->hour_ns = hour;
		k->events_before = k->events_told;
	}
	k->events_told = k->stats.events_dropped;
	count = k->events_told - k->events_before;
	(void)tsn_time_format(k->stats.dropped_to_ns, to);
	(void)snprintf(reason, sizeof reason, "retention has removed %llu of the oldest events since "
	    "the hour began; those before %.19sZ may be gone", (unsigned long long)count, to);
	return raise(k, TSN_HEALTH_RETENTION, hour, hour, now_ns, count, reason, err);
}

/* ---- damage ---- */

static void
count_aside(void *ctx, const struct tsn_store_quarantined *x)
{
	struct tsn_custodian *k = ctx;

	k->stats.aside++;
	k->stats.aside_events += x->known ? x->events : 0;
}

static enum tsn_code
tell_damage(struct tsn_custodian *k, const struct tsn_store *store, int64_t now_ns,
    struct tsn_err *err)
{
	struct tsn_slice first;
	uint64_t n = tsn_store_damage(store, &first);
	char line[700];

	if (n == k->stats.damaged && k->looked)
		return TSN_OK;
	k->looked = true;
	k->stats.aside = k->stats.aside_events = 0;
	(void)tsn_store_quarantine(k->data, count_aside, k);
	if (n == k->stats.damaged)
		return TSN_OK;
	k->stats.damaged = n;
	(void)snprintf(k->stats.damage, sizeof k->stats.damage, "%.*s", TSN_SLICE_ARG(first));
	(void)snprintf(line, sizeof line, "the store was damaged in %llu place(s) (%.*s); what cannot "
	    "be used was set aside in %.200s/quarantine (%llu files, %llu events), the rest is served; "
	    "tocsin store verify names it", (unsigned long long)n, TSN_SLICE_ARG(first), k->data,
	    (unsigned long long)k->stats.aside, (unsigned long long)k->stats.aside_events);
	k->say(k->ctx, line);
	return raise(k, TSN_HEALTH_DAMAGED, now_ns / HOUR_NS * HOUR_NS, now_ns, now_ns, n, line, err);
}

/* ---- room ---- */

void
tsn_custodian_waits(struct tsn_custodian *k, bool waits, int64_t now_ns)
{
	if (waits && k->waiting_ns == 0) {
		k->waiting_ns = now_ns;
		k->stats.waits++;
	} else if (!waits && k->waiting_ns != 0) {
		k->stats.waited_ns += now_ns - k->waiting_ns;
		k->waited_from_ns = k->waiting_ns;
		k->waited_to_ns = now_ns;
		k->waiting_ns = 0;
	}
}

static enum tsn_code
tell_waits(struct tsn_custodian *k, struct tsn_err *err)
{
	char from[TSN_TIME_TEXT_MAX], to[TSN_TIME_TEXT_MAX], reason[300];
	int64_t began = k->waited_from_ns;

	if (began == 0)
		return TSN_OK;
	k->waited_from_ns = 0;
	(void)tsn_time_format(began, from);
	(void)tsn_time_format(k->waited_to_ns, to);
	(void)snprintf(reason, sizeof reason, "the disk had no room: intake waited from %.19sZ to "
	    "%.19sZ; senders that can wait did, the ledger counts what others lost", from, to);
	return raise(k, TSN_HEALTH_FULL, began, began, k->waited_to_ns, 1, reason, err);
}

enum tsn_code
tsn_custodian_look(struct tsn_custodian *k, const struct tsn_store *store, int64_t now_ns,
    struct tsn_err *err)
{
	TSN_TRY(tell_damage(k, store, now_ns, err));
	TSN_TRY(tell_waits(k, err));
	return tell_dropped(k, now_ns, err);
}
