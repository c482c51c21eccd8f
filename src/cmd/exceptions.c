#include "cmd/exceptions.h"

#include <stdio.h>

void
tsn_cmd_tell_exceptions(const struct tsn_detection *d, const char *who)
{
	struct tsn_detection_exception x;

	for (uint32_t i = 0; tsn_detection_exception(d, i, &x); i++) {
		char id[96], reason[200], author[64];

		if (x.stats.hidden == 0)
			continue;
		(void)fprintf(stderr, "tocsin %s: exception \"%s\" hid %llu finding%s: %s (%s)\n", who,
		    tsn_slice_escape(x.exception->id, id, sizeof id),
		    (unsigned long long)x.stats.hidden, x.stats.hidden == 1 ? "" : "s",
		    tsn_slice_escape_line(x.exception->reason, reason, sizeof reason),
		    tsn_slice_escape(x.exception->author, author, sizeof author));
	}
}
