/*
 * server/inputs: the inputs a configuration names, opened, turned and closed together.
 *
 * One thread, the engine's.
 */
#ifndef TSN_SERVER_INPUTS_H
#define TSN_SERVER_INPUTS_H

#include "collect/auditin.h"
#include "collect/journalin.h"
#include "collect/netin.h"
#include "collect/tail.h"
#include "server/config.h"
#include "server/report.h"

struct tsn_inputs {
	struct tsn_netin *nets[TSN_CONFIG_INPUTS_MAX];
	uint32_t net_count;
	struct tsn_tail *tails[TSN_CONFIG_INPUTS_MAX];
	uint32_t tail_count;
	struct tsn_journalin *journals[TSN_CONFIG_INPUTS_MAX];
	uint32_t journal_count;
	struct tsn_auditin *audit;
	int64_t tailed_ns;		/* when files were looked at last */
};

/**
 * loop, sink and data (the data folder) outlive them; on failure what was opened is to be closed
 * all the same.
 */
TSN_MUST_CHECK enum tsn_code tsn_inputs_open(struct tsn_inputs *in,
    const struct tsn_config *config, const char *data, struct tsn_loop *loop,
    const struct tsn_sink *sink, struct tsn_err *err);
/** Takes what has arrived from the network and closes it. */
void tsn_inputs_close_nets(struct tsn_inputs *in);
/** After the last commit. */
void tsn_inputs_close_files(struct tsn_inputs *in);
/** Reads what is new in files; *more: there is still more, in and out. */
TSN_MUST_CHECK enum tsn_code tsn_inputs_follow(struct tsn_inputs *in, int64_t mono_ns, bool *more,
    struct tsn_err *err);
/** Each second. */
void tsn_inputs_tick(struct tsn_inputs *in, int64_t mono_ns);
/** Before a commit: which bytes of files are in it. */
TSN_MUST_CHECK enum tsn_code tsn_inputs_ranges(struct tsn_inputs *in, struct tsn_err *err);
/** After a commit: whoever waits for it is answered. */
void tsn_inputs_committed(struct tsn_inputs *in);
/** The options a configuration's `tls` means; its texts stay the configuration's. */
struct tsn_tls_options tsn_inputs_tls(const struct tsn_config_tls *c);
void tsn_inputs_report(const struct tsn_inputs *in, struct tsn_report *to);

#endif
