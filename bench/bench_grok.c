/* Grok: the syslog line alone, in a list of 50 patterns, and Apache's line; each also
 * without the prefilter. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "parse/grok.h"

#define SYSLOG "%{SYSLOGTIMESTAMP:timestamp} %{SYSLOGHOST:host} " \
	"%{DATA:program}(?:\\[%{POSINT:pid}\\])?: %{GREEDYDATA:message}"
#define LINES 64

static char lines[LINES][256];
static char many[50][160];

static double
cpu_seconds(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
measure(const char *name, const struct tsn_grok_set *set, const struct tsn_slice *patterns,
    size_t count, bool regex_only)
{
	const struct tsn_grok_options opt = {.regex_only = regex_only};
	struct tsn_grok_scratch *s;
	struct tsn_grok_result r;
	struct tsn_grok *g;
	struct tsn_err err;
	uint64_t n = 0, matched = 0;
	double from, used;

	if (tsn_grok_compile(set, patterns, count, &opt, &g, &err) != TSN_OK) {
		(void)fprintf(stderr, "%s: %s\n", name, err.msg);
		exit(3);
	}
	s = tsn_grok_scratch_new(g);
	TSN_ASSERT(s != NULL);
	from = cpu_seconds();
	do {
		for (int i = 0; i < 4096; i++, n++)
			matched += tsn_grok_match(g, s, tsn_slice_cstr(lines[i % LINES]), 0, &r) == TSN_OK;
		used = cpu_seconds() - from;
	} while (used < 0.5);
	(void)printf("%-28s %10.0f events/CPU-second, %3.0f%% matched\n", name, (double)n / used,
	    100.0 * (double)matched / (double)n);
	tsn_grok_scratch_free(s);
	tsn_grok_free(g);
}

int
main(void)
{
	struct tsn_grok_set *set = tsn_grok_set_new();
	struct tsn_slice one = TSN_SLICE(SYSLOG), web = TSN_SLICE("%{COMBINEDAPACHELOG}"), list[50];

	TSN_ASSERT(set != NULL && tsn_grok_set_add_builtin(set, false, NULL) == TSN_OK);
	for (int i = 0; i < LINES; i++)
		(void)snprintf(lines[i], sizeof lines[i],
		    "Dec %2d 12:%02d:43 host%d postfix/smtpd[%d]: connect from unknown[95.75.93.%d], "
		    "session %d", i % 28 + 1, i % 60, i % 7, 3000 + i, i, i * 7919);
	for (int i = 0; i < 49; i++)
		(void)snprintf(many[i], sizeof many[i], "%%{SYSLOGTIMESTAMP:timestamp} %%{SYSLOGHOST:host} "
		    "daemon%d\\[%%{POSINT:pid}\\]: event %d by %%{USER:user} from %%{IP:ip}", i, i * 31);
	(void)snprintf(many[49], sizeof many[49], "%s", SYSLOG);
	for (int i = 0; i < 50; i++)
		list[i] = tsn_slice_cstr(many[i]);
	measure("syslog line", set, &one, 1, false);
	measure("syslog line, all tried", set, &one, 1, true);
	measure("50 patterns, last matches", set, list, 50, false);
	measure("50 patterns, all tried", set, list, 50, true);
	for (int i = 0; i < LINES; i++)
		(void)snprintf(lines[i], sizeof lines[i], "83.149.9.%d - - [17/May/2015:10:05:%02d +0000] "
		    "\"GET /a/b%d.png HTTP/1.1\" 200 %d \"http://example.com/x\" \"Mozilla/5.0 (X11)\"",
		    i, i % 60, i, i * 977);
	measure("Apache combined", set, &web, 1, false);
	measure("Apache combined, all tried", set, &web, 1, true);
	tsn_grok_set_free(set);
	return 0;
}
