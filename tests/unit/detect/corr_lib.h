/*
 * What the tests of correlations share: rules and what happens as tables, and an engine over them.
 */
#ifndef TSN_TEST_CORR_LIB_H
#define TSN_TEST_CORR_LIB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "detect/detect.h"
#include "rule/load.h"

#define SEC TSN_NS_PER_SEC
#define EVENTS_MAX 256u
#define FOUND_MAX 512u

/* One event: a time in seconds, what happened, to whom, a value. */
struct happening {
	int64_t at;
	const char *what, *user, *value;
};

struct told {
	uint64_t id[2];
	uint64_t count;
	int64_t first, last;
	char user[32];
	char title[32];
	char reason[200];
	bool update;
};

struct result {
	struct told told[FOUND_MAX];
	unsigned count;
};

/* A correlation, what happens, and the findings in words: "user count first-last;". */
struct corr_case {
	const char *name;
	const char *yaml;
	struct happening list[16];
	const char *want;
};

extern struct tsn_keys *keys;
extern const struct tsn_detect_options once;
extern const struct corr_case cases[];
extern const unsigned case_count;

enum tsn_code on_finding(void *ctx, const struct tsn_finding *f);
/** The rules `fail`, `ok`, `out` and what is given. */
struct tsn_ruleset *load(const char *correlation);
/** Event `number` of a list, of one of two sources. */
void add(struct tsn_batch *b, const struct happening *h, int64_t created_ns);
int by_id(const void *a, const void *b);
/** cut: events per batch; 0: all in one. */
void run(const struct tsn_ruleset *set, const struct happening *list, unsigned count, unsigned cut,
    const struct tsn_detect_options *options, struct result *ret);

#endif
