/* os/clock: what time it is, what this process has used, what the machine has left. */
#ifndef TSN_OS_CLOCK_H
#define TSN_OS_CLOCK_H

#include <stdint.h>

#include "base/err.h"

/** Wall clock, nanoseconds since 1970 UTC. */
int64_t tsn_clock_real_ns(void);
/** Never goes back; zero is arbitrary. */
int64_t tsn_clock_mono_ns(void);

void tsn_clock_sleep_ms(unsigned ms);

struct tsn_usage {
	int64_t cpu_ns;		/* user and system time of this process */
	uint64_t rss_bytes;	/* resident now */
	uint64_t rss_max_bytes;	/* most ever resident */
};

void tsn_usage_get(struct tsn_usage *ret_usage);
/** Free bytes for us on the file system that holds path. */
TSN_MUST_CHECK enum tsn_code tsn_disk_free(const char *path, uint64_t *ret_bytes,
    struct tsn_err *err);

/** Size of the file system that holds path. */
TSN_MUST_CHECK enum tsn_code tsn_disk_size(const char *path, uint64_t *ret_bytes,
    struct tsn_err *err);

#endif
