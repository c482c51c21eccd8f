/* Alerts of tocsin about itself: what detection had to give up. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "server/health.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/detection_int.h"

#define HOUR_NS (3600 * TSN_NS_PER_SEC)

static const struct tsn_rule state_evicted = {
	.id = {"tocsin.health.state_evicted", 27},
	.name = {"Detection had to forget", 23},
	.version = {"1", 1},
	.ruleset = {"tocsin", 6},
	.level = TSN_LEVEL_MEDIUM,
	.generate = true,
};

#define RULE(name_, what_, level_) \
	{ .id = {"tocsin.health." name_, sizeof("tocsin.health." name_) - 1}, \
	    .name = {what_, sizeof(what_) - 1}, .version = {"1", 1}, .ruleset = {"tocsin", 6}, \
	    .level = (level_), .generate = true }

static const struct tsn_rule health_rules[TSN_HEALTH__COUNT][2] = {
	[TSN_HEALTH_LOST] = {RULE("records_lost", "Records were lost", TSN_LEVEL_MEDIUM),
	    RULE("records_lost", "Records were lost", TSN_LEVEL_HIGH)},
	[TSN_HEALTH_STOPPED] = {RULE("unclean_stop", "The server was cut short", TSN_LEVEL_MEDIUM),
	    RULE("unclean_stop", "The server was cut short", TSN_LEVEL_HIGH)},
	[TSN_HEALTH_SILENT] = {RULE("source_silent", "A source is silent", TSN_LEVEL_MEDIUM),
	    RULE("source_silent", "A source is silent", TSN_LEVEL_HIGH)},
	[TSN_HEALTH_LOW] = {RULE("volume_drop", "A source sends less than usual", TSN_LEVEL_MEDIUM),
	    RULE("volume_drop", "A source sends less than usual", TSN_LEVEL_HIGH)},
	[TSN_HEALTH_DAMAGED] = {RULE("store_damaged", "The store is damaged", TSN_LEVEL_HIGH),
	    RULE("store_damaged", "The store is damaged", TSN_LEVEL_CRITICAL)},
	[TSN_HEALTH_FULL] = {RULE("store_full", "The disk was full", TSN_LEVEL_HIGH),
	    RULE("store_full", "The disk was full", TSN_LEVEL_CRITICAL)},
	[TSN_HEALTH_RETENTION] = {RULE("retention", "Old events were removed",
	    TSN_LEVEL_INFORMATIONAL), RULE("retention", "Old events were removed", TSN_LEVEL_LOW)},
};

enum tsn_code
tsn_health_raise(struct tsn_detection *d, const struct tsn_health *h, struct tsn_err *err)
{
	const struct tsn_rule *rule = &health_rules[h->kind][h->severe];
	XXH128_hash_t id = XXH3_128bits_withSeed(h->source.ptr, h->source.len,
	    XXH3_64bits_withSeed(rule->id.ptr, rule->id.len, (XXH64_hash_t)h->id_ns));
	struct tsn_finding_group group = {TSN_SLICE("source"), h->source};

	return tsn_detection_raise(d, &(struct tsn_finding){.rule = rule,
	    .id = {id.high64, id.low64}, .first_seen_ns = h->first_ns, .last_seen_ns = h->last_ns,
	    .count = h->count, .group = &group, .group_count = 1, .reason = h->reason}, err);
}

static int
write_evicted(const struct tsn_rule *rule, uint64_t count, const char *since, char *out, size_t cap)
{
	char name[200];

	return snprintf(out, cap, "the correlation \"%s\" had no room for %llu of its groups%s: what "
	    "they had counted is lost, and attacks may go unseen. Give it a group-by with fewer values "
	    "or a shorter timespan, or correlations more memory", tsn_slice_escape(rule->name, name,
	    sizeof name), (unsigned long long)count, since);
}

static enum tsn_code
raise_evicted(struct tsn_detection *d, uint32_t index, uint64_t count, int64_t now_ns,
    enum tsn_code (*raise)(void *ctx, const struct tsn_finding *finding))
{
	const struct tsn_rule *rule = &d->rules->rules[index];
	int64_t hour = now_ns / HOUR_NS * HOUR_NS;
	XXH128_hash_t h = XXH3_128bits_withSeed(rule->id.ptr, rule->id.len, (XXH64_hash_t)hour);
	struct tsn_finding_group group = {TSN_SLICE("rule"), rule->id};
	char reason[600];
	int len = write_evicted(rule, count, " since the hour began", reason, sizeof reason);

	return raise(d, &(struct tsn_finding){.rule = &state_evicted, .id = {h.high64, h.low64},
	    .first_seen_ns = hour, .last_seen_ns = now_ns, .count = count, .group = &group,
	    .group_count = 1, .reason = tsn_slice_of(reason, (size_t)len)});
}

void
tsn_detection_losses(const struct tsn_detection *d, void (*say)(void *ctx, const char *line),
    void *ctx)
{
	struct tsn_detect_corr_stats stats;
	char line[600], name[200];

	for (uint32_t i = 0; i < d->rules->count; i++) {
		const struct tsn_rule *rule = &d->rules->rules[i];

		if (rule->correlation == NULL || !tsn_detect_corr_stats(d->detect, i, &stats))
			continue;
		if (stats.evicted > 0) {
			(void)write_evicted(rule, stats.evicted, "", line, sizeof line);
			say(ctx, line);
		}
		if (stats.entries_dropped > 0) {
			(void)snprintf(line, sizeof line, "the correlation \"%s\" left %llu events out of "
			    "groups that had as many as one can hold", tsn_slice_escape(rule->name, name,
			    sizeof name), (unsigned long long)stats.entries_dropped);
			say(ctx, line);
		}
	}
}

enum tsn_code
tsn_health_check(struct tsn_detection *d, int64_t now_ns,
    enum tsn_code (*raise)(void *ctx, const struct tsn_finding *finding))
{
	struct tsn_detect_corr_stats stats;

	if (d->evicted == NULL)
		return TSN_OK;
	for (uint32_t i = 0; i < d->rules->count; i++) {
		struct evicted *e = &d->evicted[i];

		if (d->rules->rules[i].correlation == NULL ||
		    !tsn_detect_corr_stats(d->detect, i, &stats) || stats.evicted == e->seen)
			continue;
		if (now_ns / HOUR_NS != e->hour) {
			e->hour = now_ns / HOUR_NS;
			e->before = e->seen;
		}
		e->seen = stats.evicted;
		TSN_TRY(raise_evicted(d, i, stats.evicted - e->before, now_ns, raise));
	}
	return TSN_OK;
}

static void
put_rule(struct tsn_buf *out, const char *name, struct tsn_slice rule, uint64_t value)
{
	tsn_buf_printf(out, "tocsin_correlation_%s{rule=\"", name);
	for (size_t i = 0; i < rule.len && i < 200; i++) {
		unsigned char c = (unsigned char)rule.ptr[i];

		tsn_buf_char(out, c < 0x20 || c >= 0x7f || c == '"' || c == '\\' ? '?' : (char)c);
	}
	tsn_buf_printf(out, "\"} %llu\n", (unsigned long long)value);
}

void
tsn_detection_metrics(const struct tsn_detection *d, struct tsn_buf *out)
{
	static const struct {
		const char *name, *help;
	} kinds[] = {
		{"evicted_total", "Groups given up for want of room"},
		{"late_total", "Hits that came after their time"},
		{"left_out_total", "Hits beyond what one group can hold"},
	};

	for (size_t k = 0; k < TSN_COUNT(kinds); k++) {
		bool any = false;

		for (uint32_t i = 0; i < d->rules->count; i++) {
			struct tsn_detect_corr_stats s;

			if (d->rules->rules[i].correlation == NULL || !tsn_detect_corr_stats(d->detect, i, &s))
				continue;
			if (!any)
				tsn_buf_printf(out, "# HELP tocsin_correlation_%s %s\n"
				    "# TYPE tocsin_correlation_%s counter\n", kinds[k].name, kinds[k].help,
				    kinds[k].name);
			any = true;
			put_rule(out, kinds[k].name, d->rules->rules[i].id,
			    k == 0 ? s.evicted : k == 1 ? s.late : s.entries_dropped);
		}
	}
}
