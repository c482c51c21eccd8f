#include "server/report.h"

#include <stdio.h>

#include <stddef.h>
#include <string.h>

#include "base/time.h"
#include "codec/json.h"
#include "os/clock.h"

struct counter {
	const char *name;
	const char *type;
	const char *help;
	size_t offset;		/* of a uint64_t in struct tsn_ledger_row */
};

#define ROW(field) offsetof(struct tsn_ledger_row, field)

static const struct counter counters[] = {
	{"received", "counter", "Records that came, lost ones too", ROW(received)},
	{"stored", "counter", "Records stored and durable", ROW(stored)},
	{"failed", "counter", "Records stored as pipeline_error", ROW(failed)},
	{"known", "counter", "Records the store had already", ROW(known)},
	{"framing", "counter", "Records that are headers and no events", ROW(framing)},
	{"pending", "gauge", "Records taken in and not durable yet", ROW(pending)},
	{"late", "counter", "Events older than what windows had been judged to", ROW(late)},
	{"truncated", "counter", "Records stored cut at the limit", ROW(truncated)},
	{"bytes", "counter", "Bytes of records", ROW(bytes)},
	{"lag_bytes", "gauge", "Bytes known to wait in the source", ROW(lag_bytes)},
	{"offset", "gauge", "Of a file: up to where it is stored", ROW(offset)},
};

static uint64_t
value_of(const struct tsn_ledger_row *row, const struct counter *c)
{
	uint64_t v;

	memcpy(&v, (const char *)row + c->offset, sizeof v);
	return v;
}

/* A label's value: JSON escapes but those for control bytes are Prometheus' too. */
static void
write_label(struct tsn_buf *out, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			tsn_buf_char(out, '\\');
		tsn_buf_char(out, (unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f ? '?' : *p);
	}
}

static void
write_ledger_metric(struct tsn_ledger *ledger, const struct counter *c, struct tsn_buf *out)
{
	struct tsn_ledger_row row;
	const char *suffix = c->type[0] == 'c' ? "_total" : "";

	tsn_buf_printf(out, "# HELP tocsin_source_%s%s %s\n# TYPE tocsin_source_%s%s %s\n", c->name,
	    suffix, c->help, c->name, suffix, c->type);
	for (uint32_t i = 0; tsn_ledger_copy(ledger, i, &row); i++) {
		tsn_buf_printf(out, "tocsin_source_%s%s{source=\"", c->name, suffix);
		write_label(out, row.name);
		tsn_buf_printf(out, "\"} %llu\n", (unsigned long long)value_of(&row, c));
	}
}

static void
write_drops(struct tsn_ledger *ledger, struct tsn_buf *out)
{
	struct tsn_ledger_row row;

	tsn_buf_lit(out, "# HELP tocsin_source_dropped_total Records that are lost, by reason\n"
			 "# TYPE tocsin_source_dropped_total counter\n");
	for (uint32_t i = 0; tsn_ledger_copy(ledger, i, &row); i++)
		for (int d = 0; d < TSN_DROP__COUNT; d++) {
			tsn_buf_lit(out, "tocsin_source_dropped_total{source=\"");
			write_label(out, row.name);
			tsn_buf_printf(out, "\",reason=\"%s\"} %llu\n", tsn_drop_name((enum tsn_drop)d),
			    (unsigned long long)row.dropped[d]);
		}
}

static void
write_last_seen(struct tsn_ledger *ledger, struct tsn_buf *out)
{
	struct tsn_ledger_row row;

	tsn_buf_lit(out, "# HELP tocsin_source_last_seen_seconds When the newest record came\n"
			 "# TYPE tocsin_source_last_seen_seconds gauge\n");
	for (uint32_t i = 0; tsn_ledger_copy(ledger, i, &row); i++) {
		tsn_buf_lit(out, "tocsin_source_last_seen_seconds{source=\"");
		write_label(out, row.name);
		tsn_buf_printf(out, "\"} %lld\n", (long long)(row.last_seen_ns / TSN_NS_PER_SEC));
	}
}

static void
write_silent(struct tsn_ledger *ledger, struct tsn_buf *out)
{
	struct tsn_ledger_row row;

	tsn_buf_lit(out, "# HELP tocsin_source_silent 1 while it is silent against its habit\n"
			 "# TYPE tocsin_source_silent gauge\n");
	for (uint32_t i = 0; tsn_ledger_copy(ledger, i, &row); i++) {
		tsn_buf_lit(out, "tocsin_source_silent{source=\"");
		write_label(out, row.name);
		tsn_buf_printf(out, "\"} %d\n", row.silent ? 1 : 0);
	}
}

static void
gauge(struct tsn_buf *out, const char *name, const char *type, const char *help, double value)
{
	tsn_buf_printf(out, "# HELP tocsin_%s %s\n# TYPE tocsin_%s %s\ntocsin_%s ", name, help, name,
	    type, name);
	tsn_json_write_f64(out, value);
	tsn_buf_char(out, '\n');
}

void
tsn_report_metrics(const struct tsn_report *p, struct tsn_ledger *ledger, struct tsn_buf *out)
{
	struct tsn_usage use;

	for (size_t i = 0; i < TSN_COUNT(counters); i++)
		write_ledger_metric(ledger, &counters[i], out);
	write_drops(ledger, out);
	write_last_seen(ledger, out);
	write_silent(ledger, out);
	tsn_usage_get(&use);
	gauge(out, "intake_stalled", "gauge", "1 while the store has no room", p->stalled ? 1 : 0);
	gauge(out, "intake_waits_total", "counter", "How often intake waited for room",
	    (double)p->store.waits);
	gauge(out, "retention_events_total", "counter", "Events removed by retention",
	    (double)p->store.events_dropped);
	gauge(out, "retention_bytes_total", "counter", "Bytes on disk removed by retention",
	    (double)p->store.bytes_dropped);
	gauge(out, "store_damaged", "gauge", "Damaged places of the store found since the start",
	    (double)p->store.damaged);
	gauge(out, "store_set_aside", "gauge", "Files in quarantine", (double)p->store.aside);
	gauge(out, "commits_total", "counter", "Commits of the store", (double)p->commits);
	gauge(out, "alerts_total", "counter", "Alerts raised since the start", (double)p->alerts);
	gauge(out, "rules", "gauge", "Rules in use", (double)p->rules);
	gauge(out, "risk_entities", "gauge", "Entities whose risk is kept", (double)p->risk.entities);
	gauge(out, "risk_alerts_late_total", "counter", "Alerts that came after their time to risk",
	    (double)p->risk.late);
	gauge(out, "risk_entities_evicted_total", "counter", "Entities given up for want of room",
	    (double)p->risk.evicted);
	gauge(out, "findings_hidden_total", "counter", "Findings hidden by exceptions",
	    (double)p->hidden);
	gauge(out, "correlation_hits_late_total", "counter", "Hits that came after their time",
	    (double)p->hits_late);
	gauge(out, "correlation_hits_dropped_total", "counter", "Late hits whose window was over",
	    (double)p->hits_dropped);
	gauge(out, "correlation_groups", "gauge", "Groups of correlations kept", (double)p->groups);
	gauge(out, "correlation_bytes", "gauge", "Memory of these groups", (double)p->group_bytes);
	gauge(out, "tcp_connections", "gauge", "Open connections of syslog and Beats",
	    (double)p->connections);
	gauge(out, "tcp_connections_refused_total", "counter", "Syslog connections refused",
	    (double)p->connections_refused);
	gauge(out, "tcp_bad_frames_total", "counter", "Broken octet counts, and broken Beats",
	    (double)p->bad_frames);
	gauge(out, "tls_failed_total", "counter", "TLS handshakes that came to nothing",
	    (double)p->tls_failed);
	gauge(out, "spooled_bytes", "gauge", "Of datagrams that wait on disk",
	    (double)p->spooled_bytes);
	gauge(out, "files_followed", "gauge", "Files that are followed", (double)p->files);
	gauge(out, "files_restarted_total", "counter", "Files found cut or rewritten",
	    (double)p->file_restarts);
	gauge(out, "http_waiting_bytes", "gauge", "Memory of requests before their commit",
	    (double)p->queue_bytes);
	gauge(out, "process_cpu_seconds_total", "counter", "CPU time", (double)use.cpu_ns / 1e9);
	gauge(out, "process_resident_bytes", "gauge", "Resident memory", (double)use.rss_bytes);
	gauge(out, "process_start_seconds", "gauge", "When it was started",
	    (double)p->started_ns / 1e9);
}

static void
write_time(struct tsn_buf *out, const char *name, int64_t ns)
{
	char text[TSN_TIME_TEXT_MAX];

	if (ns == 0)
		tsn_buf_printf(out, ",\"%s\":null", name);
	else
		tsn_buf_printf(out, ",\"%s\":\"%.*s\"", name, (int)tsn_time_format(ns, text), text);
}

/* For people: what is not as it should be. */
static void
write_store_words(const struct tsn_custodian_stats *k, struct tsn_buf *out)
{
	char words[700];
	size_t n = 0;

	words[0] = '\0';
	if (k->damaged > 0)
		n += (size_t)snprintf(words, sizeof words, "damage was found in %llu place(s) since the "
		    "start (%.250s). ", (unsigned long long)k->damaged, k->damage);
	if (k->aside > 0)
		n += (size_t)snprintf(words + n, sizeof words - n, "%llu file(s) with %llu events are set "
		    "aside in quarantine: see tocsin store verify. ", (unsigned long long)k->aside,
		    (unsigned long long)k->aside_events);
	if (k->events_dropped > 0)
		(void)snprintf(words + n, sizeof words - n, "retention has removed %llu events since the "
		    "start.", (unsigned long long)k->events_dropped);
	tsn_json_write_string(out, tsn_slice_trim(tsn_slice_cstr(words)));
}

/* What the store did by itself, and what happened to it. */
static void
write_store(const struct tsn_custodian_stats *k, struct tsn_buf *out)
{
	tsn_buf_printf(out, ",\"store\":{\"damaged\":%llu,\"damage\":", (unsigned long long)k->damaged);
	tsn_json_write_string(out, tsn_slice_cstr(k->damage));
	tsn_buf_printf(out, ",\"set_aside\":%llu,\"set_aside_events\":%llu,\"retention\":{"
	    "\"segments\":%llu,\"events\":%llu,\"bytes\":%llu", (unsigned long long)k->aside,
	    (unsigned long long)k->aside_events, (unsigned long long)k->segments_dropped,
	    (unsigned long long)k->events_dropped, (unsigned long long)k->bytes_dropped);
	write_time(out, "newest", k->dropped_to_ns);
	tsn_buf_printf(out, "},\"waits\":%llu,\"waited_seconds\":%.1f},\"store_says\":",
	    (unsigned long long)k->waits, (double)k->waited_ns / 1e9);
	write_store_words(k, out);
}

static void
write_row(struct tsn_buf *out, const struct tsn_ledger_row *row)
{
	for (size_t i = 0; i < TSN_COUNT(counters); i++)
		tsn_buf_printf(out, "%s\"%s\":%llu", i == 0 ? "" : ",", counters[i].name,
		    (unsigned long long)value_of(row, &counters[i]));
	tsn_buf_printf(out, ",\"parsed\":%llu", (unsigned long long)(row->stored + row->known +
	    row->pending - row->pending_failed));
	tsn_buf_lit(out, ",\"dropped\":{");
	for (int d = 0; d < TSN_DROP__COUNT; d++)
		tsn_buf_printf(out, "%s\"%s\":%llu", d == 0 ? "" : ",",
		    tsn_drop_name((enum tsn_drop)d), (unsigned long long)row->dropped[d]);
	tsn_buf_printf(out, "},\"balanced\":%s", tsn_ledger_balances(row) ? "true" : "false");
	write_time(out, "last_seen", row->last_seen_ns);
	write_time(out, "last_event", row->last_event_ns);
}

void
tsn_report_exceptions(const struct tsn_detection *d, struct tsn_buf *out)
{
	struct tsn_detection_exception x;

	tsn_buf_char(out, '[');
	for (uint32_t i = 0; tsn_detection_exception(d, i, &x); i++) {
		tsn_buf_printf(out, "%s{\"id\":", i == 0 ? "" : ",");
		tsn_json_write_string(out, x.exception->id);
		tsn_buf_lit(out, ",\"reason\":");
		tsn_json_write_string(out, x.exception->reason);
		tsn_buf_lit(out, ",\"author\":");
		tsn_json_write_string(out, x.exception->author);
		write_time(out, "expires", x.exception->expires_ns == INT64_MAX ? 0
		    : x.exception->expires_ns);
		tsn_buf_printf(out, ",\"hidden\":%llu", (unsigned long long)x.stats.hidden);
		write_time(out, "first", x.stats.hidden == 0 ? 0 : x.stats.first_ns);
		write_time(out, "last", x.stats.hidden == 0 ? 0 : x.stats.last_ns);
		tsn_buf_char(out, '}');
	}
	tsn_buf_char(out, ']');
}

void
tsn_report_json(const struct tsn_report *p, struct tsn_ledger *ledger, struct tsn_slice exceptions,
    struct tsn_pipelines *pipelines, struct tsn_buf *out)
{
	struct tsn_ledger_row row;
	struct tsn_usage use;

	tsn_usage_get(&use);
	tsn_buf_lit(out, "{\"version\":");
	tsn_json_write_string(out, tsn_slice_cstr(p->version));
	write_time(out, "started", p->started_ns);
	tsn_buf_printf(out, ",\"ready\":%s,\"why_not\":", p->stalled ? "false" : "true");
	tsn_json_write_string(out, tsn_slice_cstr(p->stalled ? p->stalled_why : ""));
	tsn_buf_printf(out, ",\"correlations\":{\"hits\":%llu,\"late\":%llu,\"late_dropped\":%llu,"
	    "\"groups\":%llu,\"groups_evicted\":%llu,\"bytes\":%llu}",
	    (unsigned long long)p->hits, (unsigned long long)p->hits_late,
	    (unsigned long long)p->hits_dropped, (unsigned long long)p->groups,
	    (unsigned long long)p->evicted, (unsigned long long)p->group_bytes);
	write_store(&p->store, out);
	tsn_buf_printf(out, ",\"rules\":%llu,\"alerts\":%llu,\"commits\":%llu,\"files\":%llu,"
	    "\"connections\":%llu,\"resident_bytes\":%llu,\"cpu_seconds\":%.2f,\"total\":{",
	    (unsigned long long)p->rules, (unsigned long long)p->alerts,
	    (unsigned long long)p->commits, (unsigned long long)p->files,
	    (unsigned long long)p->connections, (unsigned long long)use.rss_bytes,
	    (double)use.cpu_ns / 1e9);
	tsn_ledger_total(ledger, &row);
	write_row(out, &row);
	tsn_buf_printf(out, "},\"risk\":{\"hits\":%llu,\"late\":%llu,\"entities\":%llu,"
	    "\"entities_evicted\":%llu", (unsigned long long)p->risk.hits,
	    (unsigned long long)p->risk.late, (unsigned long long)p->risk.entities,
	    (unsigned long long)p->risk.evicted);
	tsn_buf_printf(out, "},\"hidden\":%llu,\"exceptions\":", (unsigned long long)p->hidden);
	tsn_buf_slice(out, exceptions);
	tsn_buf_lit(out, ",\"blind\":");
	tsn_buf_slice(out, p->blind.len > 0 ? p->blind : TSN_SLICE("null"));
	tsn_buf_lit(out, ",\"sources\":[");
	for (uint32_t i = 0; tsn_ledger_copy(ledger, i, &row); i++) {
		tsn_buf_printf(out, "%s{\"source\":", i == 0 ? "" : ",");
		tsn_json_write_string(out, tsn_slice_cstr(row.name));
		tsn_buf_char(out, ',');
		write_row(out, &row);
		tsn_buf_printf(out, ",\"silent\":%s,\"low\":%s}", row.silent ? "true" : "false",
		    row.low ? "true" : "false");
	}
	tsn_buf_lit(out, "],\"pipelines\":");
	tsn_pipelines_json(pipelines, out);
	tsn_buf_lit(out, "}\n");
}
