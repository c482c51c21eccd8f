/*
 * Property: any bytes are taken in as the state of correlations or refused; an engine that took
 * them in goes on without harm, and what it saves then can be taken in again.  The hash at the end
 * is put right first, so that what stands behind it is reached.
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "detect/detect.h"
#include "rule/load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char rules[] =
    "title: base\nid: b\nname: fail\nlogsource: {product: t}\n"
    "detection: {sel: {what: fail}, condition: sel}\n---\n"
    "title: ok\nid: o\nname: ok\nlogsource: {product: t}\n"
    "detection: {sel: {what: ok}, condition: sel}\n---\n"
    "title: many\nid: m\nname: many\ncorrelation: {type: event_count, rules: [fail], "
    "group-by: [user], timespan: 10s, condition: {gte: 2}, generate: true}\n---\n"
    "title: over\nid: v\ncorrelation: {type: sequence, rules: [many, ok], absent: [ok], "
    "group-by: [user], timespan: 20s}\n---\n"
    "title: first\nid: f\ncorrelation: {type: first_seen, rules: [fail], group-by: [user], "
    "learning: 1s, condition: {field: what}}\n---\n"
    "title: values\nid: c\ncorrelation: {type: value_count, rules: [ok], group-by: [user], "
    "timespan: 10s, condition: {field: user, gte: 2}}\n---\n"
    "title: sum\nid: s\ncorrelation: {type: value_sum, rules: [ok], group-by: [user], "
    "timespan: 10s, condition: {field: user, gte: 2}}\n---\n"
    "title: bucket\nid: k\ncorrelation: {type: leaky_bucket, rules: [ok], group-by: [user], "
    "capacity: 2, leakspeed: 5s}\n";

static struct tsn_keys *keys;
static struct tsn_taxonomy *taxonomy;
static struct tsn_ruleset *set;

static enum tsn_code
on_finding(void *ctx, const struct tsn_finding *f)
{
	(void)ctx;
	if (f->event_count > TSN_FINDING_EVENTS_MAX ||
	    (f->rule->correlation != NULL && f->reason.len == 0))
		abort();
	return TSN_OK;
}

static void
feed(struct tsn_detect *d)
{
	static const struct tsn_source source = {.path = {"f", 1}, .id = 1};
	struct tsn_batch b;

	if (tsn_batch_init(&b, keys, 16) != TSN_OK)
		abort();
	for (int i = 0; i < 12; i++) {
		struct tsn_event *ev = tsn_batch_begin(&b);

		if (ev == NULL)
			abort();
		ev->source = &source;
		ev->offset = (uint64_t)i;
		ev->time_ns = ev->created_ns = (i + 1) * 2 * TSN_NS_PER_SEC;
		ev->original = TSN_SLICE("x");
		tsn_event_add_str(&b, tsn_keys_intern(keys, TSN_SLICE("product")), TSN_SLICE("t"));
		tsn_event_add_str(&b, tsn_keys_intern(keys, TSN_SLICE("what")),
		    i % 3 < 2 ? TSN_SLICE("fail") : TSN_SLICE("ok"));
		tsn_event_add_str(&b, tsn_keys_intern(keys, TSN_SLICE("user")),
		    i % 2 ? TSN_SLICE("1") : TSN_SLICE("2"));
		tsn_batch_seal(&b);
	}
	if (tsn_detect_batch(d, &b, on_finding, NULL) != TSN_OK)
		abort();
	tsn_batch_done(&b);
}

static void
prepare(void)
{
	struct tsn_loader *l = tsn_loader_new();
	struct tsn_rule_report report;

	keys = tsn_keys_new();
	taxonomy = tsn_taxonomy_new();
	if (l == NULL || keys == NULL || taxonomy == NULL ||
	    tsn_loader_add_text(l, TSN_SLICE("f"), TSN_SLICE("s"), tsn_slice_cstr(rules)) != TSN_OK ||
	    tsn_loader_finish(l, &set, &report, NULL) != TSN_OK || report.failed > 0)
		abort();
	tsn_loader_free(l);
}

/* The snapshot of an engine that has seen something, with parts of it replaced by the input's. */
static void
mutate(struct tsn_buf *bytes, const uint8_t *data, size_t size)
{
	uint64_t hash, length;

	for (size_t i = 0; i + 4 <= size; i += 4) {
		size_t at = ((size_t)data[i] << 8 | data[i + 1]) % bytes->len;

		bytes->ptr[at] = (char)(data[i + 2] ^ (data[i + 3] & 1 ? bytes->ptr[at] : 0));
	}
	length = htole64(bytes->len - 24);
	memcpy(bytes->ptr, "TSNCORR\1", 8);
	memcpy(bytes->ptr + 8, &length, 8);
	hash = htole64(XXH3_64bits(bytes->ptr, bytes->len - 8));
	memcpy(bytes->ptr + bytes->len - 8, &hash, 8);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct tsn_detect_options o = {.lateness_ns = 1};
	struct tsn_detect *from, *to, *third;
	struct tsn_buf bytes, again;

	if (set == NULL)
		prepare();
	tsn_buf_init(&bytes, 1 << 24);
	tsn_buf_init(&again, 1 << 24);
	if (tsn_detect_new(set, taxonomy, keys, &o, &from, NULL) != TSN_OK ||
	    tsn_detect_clone(from, &to, NULL) != TSN_OK || tsn_detect_clone(from, &third, NULL) != TSN_OK)
		abort();
	if (tsn_detect_resume(from, tsn_slice_of((const char *)data, size), NULL) == TSN_OK)
		abort();
	feed(from);
	if (tsn_detect_save(from, &bytes) != TSN_OK)
		abort();
	mutate(&bytes, data, size);
	if (tsn_detect_resume(to, tsn_buf_get(&bytes), NULL) == TSN_ENOMEM)
		abort();
	feed(to);
	if (tsn_detect_save(to, &again) == TSN_OK &&
	    tsn_detect_resume(third, tsn_buf_get(&again), NULL) != TSN_OK)
		abort();
	if (tsn_detect_finish(to, on_finding, NULL) != TSN_OK)
		abort();
	tsn_detect_free(from);
	tsn_detect_free(to);
	tsn_detect_free(third);
	tsn_buf_done(&bytes);
	tsn_buf_done(&again);
	return 0;
}
