/* cmd/exceptions: what exceptions hid, told by every command that detects. */
#ifndef TSN_CMD_EXCEPTIONS_H
#define TSN_CMD_EXCEPTIONS_H

#include "server/detection.h"

/** One line on stderr for each exception that hid something; `who` is the command. */
void tsn_cmd_tell_exceptions(const struct tsn_detection *d, const char *who);

#endif
