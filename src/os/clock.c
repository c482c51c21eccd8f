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

/* The figure of a line "Name:   123 kB" of /proc/self/status. */
static uint64_t
status_bytes(struct tsn_slice text, struct tsn_slice name)
{
	size_t at = tsn_slice_find(text, name);
	struct tsn_slice s;
	uint64_t kib = 0;

	if (at == SIZE_MAX)
		return 0;
	s = tsn_slice_from(text, at + name.len);
	s.len = tsn_slice_find_char(s, '\n') == SIZE_MAX ? s.len : tsn_slice_find_char(s, '\n');
	if (tsn_slice_ends(s, TSN_SLICE("kB")))
		s.len -= 2;
	if (tsn_num_parse_u64(tsn_slice_trim(s), &kib) != TSN_OK)
		return 0;
	return kib * 1024;
}

/*
 * Not getrusage()'s ru_maxrss: that one remembers what the process was before it became this
 * program.
 */
static void
read_memory(struct tsn_usage *usage)
{
	char text[4096];
	ssize_t n;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	usage->rss_bytes = usage->rss_max_bytes = 0;
	if (fd < 0)
		return;
	n = read(fd, text, sizeof text);
	(void)close(fd);
	if (n <= 0)
		return;
	usage->rss_bytes = status_bytes(tsn_slice_of(text, (size_t)n), TSN_SLICE("VmRSS:"));
	usage->rss_max_bytes = status_bytes(tsn_slice_of(text, (size_t)n), TSN_SLICE("VmHWM:"));
}

void
tsn_usage_get(struct tsn_usage *ret_usage)
{
	struct rusage ru;

	(void)getrusage(RUSAGE_SELF, &ru);
	ret_usage->cpu_ns = timeval_ns(ru.ru_utime) + timeval_ns(ru.ru_stime);
	read_memory(ret_usage);
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

enum tsn_code
tsn_disk_size(const char *path, uint64_t *ret_bytes, struct tsn_err *err)
{
	struct statvfs st;

	if (statvfs(path, &st) != 0)
		return tsn_os_fail(err, errno, "cannot examine the disk of", path);
	*ret_bytes = (uint64_t)st.f_blocks * (uint64_t)st.f_frsize;
	return TSN_OK;
}
