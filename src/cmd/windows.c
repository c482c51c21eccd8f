#include "cmd/windows.h"

#include <stdio.h>

static void
say(void *ctx, const char *line)
{
	const char *command = ctx;

	(void)fprintf(stderr, "tocsin %s: %s (--window-memory)\n", command, line);
}

void
tsn_cmd_tell_losses(const struct tsn_detection *d, const char *command)
{
	char name[32];

	(void)snprintf(name, sizeof name, "%s", command);
	tsn_detection_losses(d, say, name);
}
