#include "cmd/windows.h"

#include <stdio.h>

/* With thousands of correlations in want nobody reads on. */
#define LINES_MAX 20u

struct saying {
	const char *command;
	uint32_t lines;
};

static void
say(void *ctx, const char *line)
{
	struct saying *s = ctx;

	if (s->lines++ < LINES_MAX)
		(void)fprintf(stderr, "tocsin %s: %s (--window-memory)\n", s->command, line);
}

void
tsn_cmd_tell_losses(const struct tsn_detection *d, const char *command)
{
	struct saying s = {.command = command};

	tsn_detection_losses(d, say, &s);
	if (s.lines > LINES_MAX)
		(void)fprintf(stderr, "tocsin %s: and so for %u more correlations\n", command,
		    s.lines - LINES_MAX);
}
