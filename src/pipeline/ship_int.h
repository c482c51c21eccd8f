/* pipeline/ship_int: what outputs share that deliver through a queue (ship/). */
#ifndef TSN_PIPELINE_SHIP_INT_H
#define TSN_PIPELINE_SHIP_INT_H

#include "pipeline/impl_int.h"
#include "ship/dest.h"

/* The state of such an output begins with it. */
struct tsn_po {
	struct tsn_ship *ship;
	int64_t progress_ns;		/* while the run ends: when something was delivered last */
	uint64_t progress;
	struct tsn_buf text;		/* of the encoder */
};

/** A string option as a C string that lives as long as the pipeline; NULL: not said, no default. */
const char *tsn_pi_text(const struct tsn_pinst *in, const char *name, const char *dflt);
/** A whole number within bounds, else TSN_EINVAL. */
enum tsn_code tsn_pi_count(const struct tsn_pinst *in, const char *name, uint64_t dflt,
    uint64_t min, uint64_t max, uint64_t *ret, struct tsn_err *err);
/** Seconds, or "5 seconds", "1 minute" ... as nanoseconds. */
int64_t tsn_pi_span(const struct tsn_pinst *in, const char *name, double dflt_sec);
/** TLS, user, password, proxy, times. */
enum tsn_code tsn_po_client(const struct tsn_pinst *in, struct tsn_ship_client *ret,
    struct tsn_err *err);
/** "Name: value" for each pair of a hash option whose values have no %{...}. */
enum tsn_code tsn_po_headers(const struct tsn_pinst *in, const char *option,
    struct tsn_ship_client *client, struct tsn_err *err);
/** Opens the queue to a destination, which belongs to it from here on. */
enum tsn_code tsn_po_open(struct tsn_pinst *in, const struct tsn_ship_dest *dest,
    struct tsn_err *err);
enum tsn_code tsn_po_put(struct tsn_pinst *in, const struct tsn_slice *parts, uint32_t count,
    struct tsn_err *err);
/** The event as the output's codec writes it, in po->text. */
enum tsn_code tsn_po_encode(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_slice *ret,
    struct tsn_err *err);

/* Callbacks. */
void tsn_po_close(struct tsn_pinst *in);
enum tsn_code tsn_po_flush(struct tsn_pinst *in, bool *ret_settled, struct tsn_err *err);
void tsn_po_counts(struct tsn_pinst *in, struct tsn_pl_output *ret);

#endif
