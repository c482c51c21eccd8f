/* What a pipeline has done, for people and for status pages. */
#include <stdarg.h>
#include <stdio.h>

#include "pipeline/run_int.h"

#define LINE_MAX 600

void
tsn_pl_say(struct tsn_pinst *in, const char *fmt, ...)
{
	char text[LINE_MAX], line[LINE_MAX + 80];
	va_list ap;

	if (in->pl->env.say == NULL)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	(void)snprintf(line, sizeof line, "%s %s: %s", tsn_plugin_kind_name(in->desc->kind),
	    in->desc->name, text);
	in->pl->env.say(in->pl->env.ctx, line);
}

struct tsn_pl_counts
tsn_pipeline_counts(const struct tsn_pipeline *pl)
{
	const struct tsn_pl_counts *c = &pl->counts;

	return (struct tsn_pl_counts){.in = TSN_PL_READ(c->in), .out = TSN_PL_READ(c->out),
	    .made = TSN_PL_READ(c->made), .dropped = TSN_PL_READ(c->dropped),
	    .failed = TSN_PL_READ(c->failed)};
}

bool
tsn_pipeline_output(struct tsn_pipeline *pl, uint32_t i, struct tsn_pl_output *ret)
{
	struct tsn_pinst *in;

	/* the list is of newest first */
	for (in = pl->insts; in != NULL; in = in->next)
		if (in->desc->output != NULL && in->opened && in->number == i + 1)
			break;
	if (in == NULL)
		return false;
	*ret = (struct tsn_pl_output){.name = in->desc->name, .number = i + 1,
	    .taken = TSN_PL_READ(in->events), .lost = TSN_PL_READ(in->lost)};
	ret->delivered = ret->taken - ret->lost;
	if (in->desc->output->counts != NULL)
		in->desc->output->counts(in, ret);
	return true;
}

static void
count_text(struct tsn_buf *out, const char *what, uint64_t n)
{
	if (n > 0)
		tsn_buf_printf(out, ", %llu %s", (unsigned long long)n, what);
}

void
tsn_pipeline_report(struct tsn_pipeline *pl, struct tsn_buf *out)
{
	struct tsn_pl_counts c = tsn_pipeline_counts(pl);
	struct tsn_pl_output o;

	tsn_buf_printf(out, "%llu events in, %llu made and %llu dropped by filters, %llu out\n",
	    (unsigned long long)c.in, (unsigned long long)c.made, (unsigned long long)c.dropped,
	    (unsigned long long)c.out);
	if (c.failed > 0)
		tsn_buf_printf(out, "%llu events were too large or too many\n",
		    (unsigned long long)c.failed);
	for (uint32_t i = 0; i < pl->input_count; i++)
		if (pl->inputs[i]->desc->input->report != NULL)
			pl->inputs[i]->desc->input->report(pl->inputs[i], out);
	for (uint32_t i = 0; tsn_pipeline_output(pl, i, &o); i++) {
		tsn_buf_printf(out, "output %s: %llu taken", o.name, (unsigned long long)o.taken);
		if (o.earlier > 0)
			tsn_buf_printf(out, " and %llu from before", (unsigned long long)o.earlier);
		tsn_buf_printf(out, ", %llu delivered", (unsigned long long)o.delivered);
		count_text(out, "refused by the peer (dead letters)", o.refused);
		count_text(out, "lost", o.lost);
		count_text(out, "waiting", o.waiting);
		if (o.trouble[0] != '\0')
			tsn_buf_printf(out, " (%s)", o.trouble);
		tsn_buf_char(out, '\n');
	}
}
