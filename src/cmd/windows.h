/* cmd/windows: what the commands that detect say of the windows of correlations. */
#ifndef TSN_CMD_WINDOWS_H
#define TSN_CMD_WINDOWS_H

#include "server/detection.h"

#define TSN_CMD_WINDOWS_OPTION(to) \
	{"--window-memory", TSN_OPT_U64, (to), "MIB", "for the windows of correlations (default 32)"}

static inline size_t
tsn_cmd_window_bytes(uint64_t mib)
{
	return mib > (1u << 20) ? (size_t)1 << 40 : (size_t)mib << 20;
}

/** A line on standard error for each correlation that had to give something up. */
void tsn_cmd_tell_losses(const struct tsn_detection *d, const char *command);

#endif
