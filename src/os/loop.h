/*
 * os/loop: waits for file descriptors and signals (epoll, signalfd, eventfd).
 *
 * One thread runs a loop; only tsn_wake_send() may be called from other threads.  A watch is owned
 * by who adds it and may be removed (and freed) inside any callback, its own too.
 */
#ifndef TSN_OS_LOOP_H
#define TSN_OS_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum tsn_watch_event {
	TSN_WATCH_READ = 1,
	TSN_WATCH_WRITE = 2,
	TSN_WATCH_HANGUP = 4,	/* always told, never asked for */
};

struct tsn_watch {
	int fd;
	uint32_t events;	/* asked for: set by add and change */
	void (*ready)(void *ctx, uint32_t events);
	void *ctx;
};

struct tsn_loop;

TSN_MUST_CHECK enum tsn_code tsn_loop_new(struct tsn_loop **ret_loop, struct tsn_err *err);
void tsn_loop_free(struct tsn_loop *l);
TSN_MUST_CHECK enum tsn_code tsn_loop_add(struct tsn_loop *l, struct tsn_watch *w, uint32_t events,
    struct tsn_err *err);
/** events 0: paused. */
void tsn_loop_change(struct tsn_loop *l, struct tsn_watch *w, uint32_t events);
/** Before the descriptor is closed. */
void tsn_loop_remove(struct tsn_loop *l, struct tsn_watch *w);
/** Waits at most timeout_ms (0: not at all) and calls ready() of what is. */
TSN_MUST_CHECK enum tsn_code tsn_loop_turn(struct tsn_loop *l, int timeout_ms, struct tsn_err *err);

/**
 * SIGTERM, SIGINT, SIGHUP and SIGUSR1 arrive at a descriptor from now on; threads made after this
 * call do not get them either.
 */
TSN_MUST_CHECK enum tsn_code tsn_signals_open(int *ret_fd, struct tsn_err *err);
/** The next signal's number, 0 when there is none. */
int tsn_signals_read(int fd);

/** A descriptor that becomes readable when another thread calls tsn_wake_send. */
TSN_MUST_CHECK enum tsn_code tsn_wake_open(int *ret_fd, struct tsn_err *err);
void tsn_wake_send(int fd);
void tsn_wake_clear(int fd);
void tsn_fd_close(int fd);
/** From a pipe that does not block; *ret_len 0 is the end, TSN_EAGAIN nothing now. */
TSN_MUST_CHECK enum tsn_code tsn_fd_read(int fd, void *buf, size_t cap, size_t *ret_len,
    struct tsn_err *err);

#endif
