/* Output tocsin: the store, through detection.  Who runs the pipeline says where that is. */
#include "parse/parse.h"
#include "pipeline/impl_int.h"

static enum tsn_code
tocsin_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct tsn_err why = {0};

	if (in->pl->env.store == NULL)
		return tsn_pi_fail(in, err, "there is no store here");
	if (tsn_parser_check_kind(tsn_pi_str(in, "kind", ""), &why) != TSN_OK)
		return tsn_pi_fail(in, err, "option \"kind\": %s", why.msg);
	return TSN_OK;
}

static enum tsn_code
tocsin_write(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_err *err)
{
	/* outputs behind this one see the event as it was */
	struct tsn_pev *own = tsn_pev_clone(ev);

	if (own == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "the event is too large");
	return in->pl->env.store(in->pl->env.ctx, own, tsn_pi_str(in, "kind", ""), err);
}

static enum tsn_code
tocsin_flush(struct tsn_pinst *in, bool *ret_settled, struct tsn_err *err)
{
	return in->pl->env.stored(in->pl->env.ctx, ret_settled, err);
}

const struct tsn_poutput tsn_output_tocsin = {.vital = true, .open = tocsin_open,
    .write = tocsin_write, .flush = tocsin_flush};
