/*
 * enrich/enrich: adds to an event what is known beside it: repute of its addresses, the recent
 * past of its source, the habits of its user.  Rules then speak of these as of any other field.
 *
 * An enricher is one const descriptor in enrich/list.c.  Enrichers see events in the order they
 * are stored, one thread; their memory is bounded, and what they had to forget is counted.
 *
 * ssh_login judges logins to OpenSSH (docs/ssh-login.md).  It adds
 *   source.intel.category, .source  what intelligence says of the address (successes only)
 *   sshd.login.failures             failed logins from source.ip in the window, this one included
 *   sshd.login.spray_sources        addresses that failed for user.name in the spray window
 *   sshd.login.verdict              list: ipintel, bruteforce_success, not_bastion, unusual_ip,
 *                                   unusual_time, spray, bruteforce_attempt
 * A success without verdict teaches the habits of its user; one with a verdict never does.
 */
#ifndef TSN_ENRICH_ENRICH_H
#define TSN_ENRICH_ENRICH_H

#include "event/event.h"
#include "knowledge/knowledge.h"

struct tsn_enrich;

struct tsn_enrich_settings {
	int64_t ssh_window_ns;		/* 300 s: W */
	uint32_t ssh_threshold;		/* 5: T; more than so many failures */
	int64_t ssh_spray_window_ns;	/* 3600 s: W2 */
	uint32_t ssh_spray_threshold;	/* 20: T2 */
	uint32_t mature_successes;	/* 5 */
	uint32_t mature_days;		/* 3 */
	uint32_t keys_max;		/* addresses and users remembered at once */
};

struct tsn_enrich_stats {
	uint64_t enriched;		/* events that got fields */
	uint64_t forgotten;		/* keys that went because a table was full */
};

extern const struct tsn_enrich_settings tsn_enrich_defaults;

/**
 * Knowledge is read from the folder `knowledge` in `data_dir` (NULL: none, and habits are kept in
 * memory only); settings.txt there ("ssh.threshold 10" a line) overrides `settings`.
 * TSN_EPARSE: a bad line, with file and line.
 */
TSN_MUST_CHECK enum tsn_code tsn_enrich_new(const char *data_dir,
    const struct tsn_enrich_settings *settings, struct tsn_enrich **ret_enrich,
    struct tsn_err *err);
void tsn_enrich_free(struct tsn_enrich *e);
/** Enriches the newest sealed event of the batch. */
TSN_MUST_CHECK enum tsn_code tsn_enrich_event(struct tsn_enrich *e, struct tsn_batch *batch,
    struct tsn_err *err);
/** How far back the state of enrichers reaches. */
int64_t tsn_enrich_span(const struct tsn_enrich *e);
/** event.dataset of the events that have state, by number from 0; NULL behind the last. */
const char *tsn_enrich_dataset(unsigned number);
/** An event that was enriched before is read back: state alone, no fields, no habits. */
TSN_MUST_CHECK enum tsn_code tsn_enrich_replay(struct tsn_enrich *e, const struct tsn_event *ev,
    struct tsn_err *err);
/** Makes what was learned durable. */
TSN_MUST_CHECK enum tsn_code tsn_enrich_commit(struct tsn_enrich *e, struct tsn_err *err);
struct tsn_enrich_stats tsn_enrich_stats_get(const struct tsn_enrich *e);

#endif
