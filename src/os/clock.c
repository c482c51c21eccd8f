#include "os/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "base/time.h"
#include "os/fail.h"

static int64_t
now(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * TSN_NS_PER_SEC + ts.tv_nsec;
}

int64_t
tsn_clock_real_ns(void)
{
	return now(CLOCK_REALTIME);
}

int64_t
tsn_clock_mono_ns(void)
{
	return now(CLOCK_MONOTONIC);
}

void
tsn_clock_sleep_ms(unsigned ms)
{
	struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};

	(void)nanosleep(&ts, NULL);
}

static int64_t
timeval_ns(struct timeval tv)
{
	return (int64_t)tv.tv_sec * TSN_NS_PER_SEC + (int64_t)tv.tv_usec * 1000;
}

/* Second number of /proc/self/statm: resident pages. */
static uint64_t
resident_bytes(void)
{
	char text[128];
	struct tsn_slice s;
	ssize_t n;
	uint64_t pages = 0;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof text);
	(void)close(fd);
	if (n <= 0)
		return 0;
	s = tsn_slice_of(text, (size_t)n);
	s = tsn_slice_from(s, tsn_slice_find_char(s, ' ') + 1);
	s.len = tsn_slice_find_char(s, ' ') == SIZE_MAX ? 0 : tsn_slice_find_char(s, ' ');
	if (tsn_num_parse_u64(s, &pages) != TSN_OK)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void
tsn_usage_get(struct tsn_usage *ret_usage)
{
	struct rusage ru;

	(void)getrusage(RUSAGE_SELF, &ru);
	ret_usage->cpu_ns = timeval_ns(ru.ru_utime) + timeval_ns(ru.ru_stime);
	ret_usage->rss_max_bytes = (uint64_t)ru.ru_maxrss * 1024;
	ret_usage->rss_bytes = resident_bytes();
}

enum tsn_code
tsn_disk_free(const char *path, uint64_t *ret_bytes, struct tsn_err *err)
{
	struct statvfs st;

	if (statvfs(path, &st) != 0)
		return tsn_os_fail(err, errno, "cannot examine the disk of", path);
	*ret_bytes = (uint64_t)st.f_bavail * (uint64_t)st.f_frsize;
	return TSN_OK;
}
