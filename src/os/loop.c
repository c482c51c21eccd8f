#include "os/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "os/fail.h"

#define TURN_EVENTS 256

struct tsn_loop {
	int fd;
	int count;			/* events of this turn */
	struct epoll_event events[TURN_EVENTS];
};

enum tsn_code
tsn_loop_new(struct tsn_loop **ret_loop, struct tsn_err *err)
{
	struct tsn_loop *l = calloc(1, sizeof *l);

	if (l == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	l->fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->fd < 0) {
		free(l);
		return tsn_os_fail(err, errno, "cannot make", "an epoll");
	}
	*ret_loop = l;
	return TSN_OK;
}

void
tsn_loop_free(struct tsn_loop *l)
{
	if (l == NULL)
		return;
	(void)close(l->fd);
	free(l);
}

static uint32_t
epoll_of(uint32_t events)
{
	return ((events & TSN_WATCH_READ) ? (uint32_t)EPOLLIN : 0) |
	    ((events & TSN_WATCH_WRITE) ? (uint32_t)EPOLLOUT : 0);
}

enum tsn_code
tsn_loop_add(struct tsn_loop *l, struct tsn_watch *w, uint32_t events, struct tsn_err *err)
{
	struct epoll_event ev = {.events = epoll_of(events), .data.ptr = w};

	if (epoll_ctl(l->fd, EPOLL_CTL_ADD, w->fd, &ev) != 0)
		return tsn_os_fail(err, errno, "cannot watch", "a descriptor");
	w->events = events;
	return TSN_OK;
}

void
tsn_loop_change(struct tsn_loop *l, struct tsn_watch *w, uint32_t events)
{
	struct epoll_event ev = {.events = epoll_of(events), .data.ptr = w};

	if (w->events == events)
		return;
	/* Cannot fail for a descriptor that was added. */
	(void)epoll_ctl(l->fd, EPOLL_CTL_MOD, w->fd, &ev);
	w->events = events;
}

void
tsn_loop_remove(struct tsn_loop *l, struct tsn_watch *w)
{
	(void)epoll_ctl(l->fd, EPOLL_CTL_DEL, w->fd, NULL);
	for (int i = 0; i < l->count; i++)
		if (l->events[i].data.ptr == w)
			l->events[i].data.ptr = NULL;
}

enum tsn_code
tsn_loop_turn(struct tsn_loop *l, int timeout_ms, struct tsn_err *err)
{
	int n = epoll_wait(l->fd, l->events, TURN_EVENTS, timeout_ms);

	if (n < 0 && errno != EINTR)
		return tsn_os_fail(err, errno, "cannot wait for", "descriptors");
	l->count = n < 0 ? 0 : n;
	for (int i = 0; i < l->count; i++) {
		struct tsn_watch *w = l->events[i].data.ptr;
		uint32_t e = l->events[i].events, ready = 0;

		if (w == NULL)
			continue;
		ready |= (e & EPOLLIN) ? (uint32_t)TSN_WATCH_READ : 0;
		ready |= (e & EPOLLOUT) ? (uint32_t)TSN_WATCH_WRITE : 0;
		ready |= (e & (EPOLLHUP | EPOLLERR)) ? (uint32_t)TSN_WATCH_HANGUP : 0;
		w->ready(w->ctx, ready);
	}
	l->count = 0;
	return TSN_OK;
}

enum tsn_code
tsn_signals_open(int *ret_fd, struct tsn_err *err)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGUSR1);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		TSN_FAIL(err, TSN_EIO, "cannot block signals");
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return tsn_os_fail(err, errno, "cannot make", "a signalfd");
	*ret_fd = fd;
	return TSN_OK;
}

int
tsn_signals_read(int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof info) != (ssize_t)sizeof info)
		return 0;
	return (int)info.ssi_signo;
}

enum tsn_code
tsn_wake_open(int *ret_fd, struct tsn_err *err)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd < 0)
		return tsn_os_fail(err, errno, "cannot make", "an eventfd");
	*ret_fd = fd;
	return TSN_OK;
}

void
tsn_wake_send(int fd)
{
	uint64_t one = 1;

	/* Fails only when the counter is full: then the reader is about to wake anyway. */
	if (write(fd, &one, sizeof one) < 0)
		return;
}

void
tsn_wake_clear(int fd)
{
	uint64_t n;

	if (read(fd, &n, sizeof n) < 0)
		return;
}

void
tsn_fd_close(int fd)
{
	if (fd >= 0)
		(void)close(fd);
}

enum tsn_code
tsn_fd_read(int fd, void *buf, size_t cap, size_t *ret_len, struct tsn_err *err)
{
	ssize_t n;

	do
		n = read(fd, buf, cap);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return tsn_os_fail(err, errno, "cannot read from", "a pipe");
	*ret_len = (size_t)n;
	return TSN_OK;
}
