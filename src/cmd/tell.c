#include "cmd/tell.h"

#include <stdio.h>

void
tsn_cmd_tell_problem(void *ctx, const struct tsn_problem *p)
{
	char file[300];

	(void)ctx;
	if (p->kind == TSN_PROBLEM_FAILED)
		(void)fprintf(stderr, "%s:%u: %.*s\n", tsn_slice_escape(p->file, file, sizeof file),
		    p->line, TSN_SLICE_ARG(p->message));
}

enum tsn_code
tsn_cmd_print_alert(void *ctx, const struct tsn_alert *alert, bool is_new)
{
	(void)ctx;
	(void)is_new;
	if (fwrite(alert->doc.ptr, 1, alert->doc.len, stdout) != alert->doc.len ||
	    putc_unlocked('\n', stdout) == EOF)
		return TSN_EIO;
	return TSN_OK;
}
