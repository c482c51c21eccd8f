/*
 * Syslog over UDP: a datagram is a record.
 *
 * Senders of datagrams do not wait, so a thread does nothing but receive: in bulk, into blocks of
 * memory that the engine's thread takes.  When these are all in use, because the engine is busy or
 * the store has no room, blocks go to a spool on disk until it has been read again; the order
 * stays. What the kernel had to throw away is read from the socket's own counter.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "collect/netin_int.h"
#include "collect/spool.h"
#include "os/clock.h"

#define DATAGRAMS 128u		/* received at a time */
#define DATAGRAM_BYTES 65536u
#define BLOCK_BYTES (256u << 10)
#define BLOCKS 32u
#define ROUND_BLOCKS 4u		/* then the other inputs have their turn */
#define FEW 32u			/* so few at a time: wait for more, it costs less */
#define PATH_MAX_ 4096

/* One datagram in a block: this and its bytes. */
struct entry {
	uint32_t len;
	uint32_t truncated;
	int64_t received_ns;
	struct tsn_addr peer;
};

struct block {
	struct block *next;
	size_t len;
	char bytes[BLOCK_BYTES];
};

struct udp {
	struct tsn_netin *in;
	struct tsn_receiver *receiver;
	struct tsn_spool *spool;	/* NULL: none */
	struct tsn_spool_mark taken;	/* of what was given; goes with the next commit */
	struct tsn_spool_mark noted;	/* in a commit, done or under way */
	struct tsn_buf from_spool;
	pthread_t thread;
	bool started;
	atomic_bool stop;
	int stop_fd, wake_fd;
	struct tsn_watch wake;

	pthread_mutex_t lock;		/* of what follows */
	struct block *memory;		/* all of them */
	struct block *free, *full, **full_last, *filling;
	bool woken;
	uint64_t gap_count, dropped;	/* lost by the kernel, by us; not told yet */
	int64_t gap_from_ns, gap_to_ns, dropped_from_ns, dropped_to_ns;

	uint32_t lost;			/* the thread's: the kernel's counter as last seen */
	int64_t received_ns;
};

/* ---- the receiving thread ---- */

static uint64_t
entries_in(struct tsn_slice bytes)
{
	struct entry e;
	uint64_t n = 0;

	for (; bytes.len >= sizeof e; n++) {
		memcpy(&e, bytes.ptr, sizeof e);
		if (e.len > bytes.len - sizeof e)
			break;
		bytes = tsn_slice_from(bytes, sizeof e + e.len);
	}
	return n;
}

static void
note_dropped(struct udp *u, uint64_t count, int64_t now_ns)
{
	if (u->dropped == 0)
		u->dropped_from_ns = now_ns;
	u->dropped += count;
	u->dropped_to_ns = now_ns;
}

/* The full block goes to the engine, or to disk when there are too many already. */
static void
pass_on(struct udp *u, int64_t now_ns)
{
	struct block *b = u->filling;
	bool spooling = u->spool != NULL && !tsn_spool_empty(u->spool);

	if (!spooling && u->free != NULL) {
		u->filling = u->free;
		u->free = u->free->next;
		u->filling->len = 0;
		b->next = NULL;
		*u->full_last = b;
		u->full_last = &b->next;
		return;
	}
	if (u->spool == NULL || tsn_spool_put(u->spool, tsn_slice_of(b->bytes, b->len), NULL) != TSN_OK)
		note_dropped(u, entries_in(tsn_slice_of(b->bytes, b->len)), now_ns);
	b->len = 0;
}

static void
keep(struct udp *u, const struct tsn_datagram *d, int64_t now_ns)
{
	struct entry e = {.len = (uint32_t)d->bytes.len, .truncated = d->truncated,
		.received_ns = now_ns, .peer = d->peer};

	if (sizeof e + d->bytes.len > BLOCK_BYTES - u->filling->len)
		pass_on(u, now_ns);
	memcpy(u->filling->bytes + u->filling->len, &e, sizeof e);
	if (d->bytes.len > 0)
		memcpy(u->filling->bytes + u->filling->len + sizeof e, d->bytes.ptr, d->bytes.len);
	u->filling->len += sizeof e + d->bytes.len;
}

static void
note_lost(struct udp *u, uint32_t lost, int64_t now_ns)
{
	uint32_t more = lost - u->lost;

	u->lost = lost;
	if (more == 0)
		return;
	if (u->gap_count == 0)
		u->gap_from_ns = u->received_ns;
	u->gap_count += more;
	u->gap_to_ns = now_ns;
}

/* How many came. */
static uint32_t
receive(struct udp *u)
{
	uint32_t count = 0, lost = u->lost;
	int64_t now_ns;
	bool wake;

	if (tsn_receiver_receive(u->receiver, u->in->watch.fd, &count, &lost, NULL) != TSN_OK ||
	    count == 0)
		return 0;
	now_ns = tsn_clock_real_ns();
	(void)pthread_mutex_lock(&u->lock);
	note_lost(u, lost, now_ns);
	u->received_ns = now_ns;
	for (uint32_t i = 0; i < count; i++) {
		struct tsn_datagram d;

		tsn_receiver_get(u->receiver, i, &d);
		keep(u, &d, now_ns);
	}
	wake = !u->woken;
	u->woken = true;
	(void)pthread_mutex_unlock(&u->lock);
	if (wake)
		tsn_wake_send(u->wake_fd);
	return count;
}

static void *
receive_all(void *arg)
{
	struct udp *u = arg;
	struct pollfd fds[2] = {{.fd = u->in->watch.fd, .events = POLLIN},
		{.fd = u->stop_fd, .events = POLLIN}};

	while (!atomic_load(&u->stop)) {
		uint32_t count;

		(void)poll(fds, 2, -1);
		count = receive(u);
		if (count > 0 && count < FEW)
			tsn_clock_sleep_ms(1);
	}
	while (receive(u) > 0)
		;
	return NULL;
}

/* ---- the engine's thread ---- */

/* One line end at the end of a datagram is not part of the message, NUL neither. */
static struct tsn_slice
trim_end(struct tsn_slice s)
{
	while (s.len > 0 && (s.ptr[s.len - 1] == '\n' || s.ptr[s.len - 1] == '\r' ||
				s.ptr[s.len - 1] == '\0'))
		s.len--;
	return s;
}

static enum tsn_code
give_entry(struct udp *u, const struct entry *e, struct tsn_slice bytes,
    const struct tsn_source *source)
{
	bool truncated = e->truncated != 0;

	bytes = trim_end(bytes);
	if (bytes.len == 0)
		return TSN_OK;
	if (bytes.len > u->in->o.message_bytes_max) {
		bytes.len = u->in->o.message_bytes_max;
		truncated = true;
	}
	return netin_give(u->in, source, bytes, truncated, e->received_ns);
}

static bool
same_peer(const struct tsn_addr *a, const struct tsn_addr *b)
{
	if (a->u.sa.sa_family != b->u.sa.sa_family)
		return false;
	if (a->u.sa.sa_family == AF_INET)
		return a->u.v4.sin_addr.s_addr == b->u.v4.sin_addr.s_addr;
	return memcmp(&a->u.v6.sin6_addr, &b->u.v6.sin6_addr, sizeof a->u.v6.sin6_addr) == 0;
}

/* On failure *bytes begins with what was not given. */
static enum tsn_code
give_block(struct udp *u, struct tsn_slice *bytes)
{
	const struct tsn_source *source = NULL;
	struct tsn_addr peer = {0};
	struct entry e;

	while (bytes->len >= sizeof e) {
		memcpy(&e, bytes->ptr, sizeof e);
		if (e.len > bytes->len - sizeof e)
			break;
		if (source == NULL || !same_peer(&peer, &e.peer)) {
			peer = e.peer;
			source = netin_source(u->in, &peer);
		}
		if (source == NULL)
			return TSN_ENOMEM;
		TSN_TRY(give_entry(u, &e, tsn_slice_of(bytes->ptr + sizeof e, e.len), source));
		*bytes = tsn_slice_from(*bytes, sizeof e + e.len);
	}
	return netin_flush(u->in);
}

/* The kernel does not say whose they were. */
static void
tell_gaps(struct udp *u)
{
	struct tsn_netin *in = u->in;
	const struct tsn_source *source;
	struct tsn_addr any = {0};
	struct udp was;

	(void)pthread_mutex_lock(&u->lock);
	was = *u;
	u->gap_count = u->dropped = 0;
	(void)pthread_mutex_unlock(&u->lock);
	if (was.gap_count == 0 && was.dropped == 0)
		return;
	in->stats.lost += was.gap_count;
	any.u.sa.sa_family = AF_UNSPEC;
	source = netin_source(in, &any);
	if (source != NULL && was.gap_count > 0)
		in->sink->gap(in->sink->ctx, source, TSN_SINK_DROP_SOCKET, was.gap_count, was.gap_from_ns,
		    was.gap_to_ns);
	if (source != NULL && was.dropped > 0)
		in->sink->gap(in->sink->ctx, source, TSN_SINK_DROP_STORE, was.dropped,
		    was.dropped_from_ns, was.dropped_to_ns);
}

/* The oldest block, which may still be filling; NULL when there is none. */
static struct block *
take_block(struct udp *u)
{
	struct block *b;

	(void)pthread_mutex_lock(&u->lock);
	b = u->full;
	if (b != NULL) {
		u->full = b->next;
		if (u->full == NULL)
			u->full_last = &u->full;
	} else if (u->filling->len > 0 && u->free != NULL &&
	    (u->spool == NULL || tsn_spool_empty(u->spool))) {
		b = u->filling;
		u->filling = u->free;
		u->free = u->free->next;
		u->filling->len = 0;
	}
	(void)pthread_mutex_unlock(&u->lock);
	return b;
}

static void
give_back(struct udp *u, struct block *b)
{
	(void)pthread_mutex_lock(&u->lock);
	b->next = u->free;
	u->free = b;
	(void)pthread_mutex_unlock(&u->lock);
}

/* What the sink did not take: to the spool, behind nothing that is older and not there. */
static void
put_aside(struct udp *u, struct tsn_slice rest)
{
	if (rest.len == 0)
		return;
	if (u->spool == NULL || tsn_spool_put(u->spool, rest, NULL) != TSN_OK) {
		(void)pthread_mutex_lock(&u->lock);
		note_dropped(u, entries_in(rest), tsn_clock_real_ns());
		(void)pthread_mutex_unlock(&u->lock);
	}
}

static enum tsn_code
take_spooled(struct udp *u)
{
	struct tsn_err err = {0};
	struct tsn_slice bytes;
	enum tsn_code code;

	if (u->spool == NULL)
		return TSN_EAGAIN;
	code = tsn_spool_take(u->spool, &u->from_spool, &err);
	if (code == TSN_EAGAIN)
		return code;
	if (code != TSN_OK) {
		u->in->sink->say(u->in->sink->ctx, err.msg);
		return TSN_EAGAIN;
	}
	bytes = tsn_buf_get(&u->from_spool);
	code = give_block(u, &bytes);
	if (code == TSN_OK)
		u->taken = tsn_spool_mark(u->spool);
	return code;
}

/* TSN_EAGAIN: there is nothing. */
static enum tsn_code
take_one(struct udp *u)
{
	struct block *b = take_block(u);
	struct tsn_slice bytes;
	enum tsn_code code;

	if (b == NULL)
		return take_spooled(u);
	bytes = tsn_slice_of(b->bytes, b->len);
	code = give_block(u, &bytes);
	if (code != TSN_OK)
		put_aside(u, bytes);
	give_back(u, b);
	return code;
}

static void
udp_ready(void *ctx, uint32_t events)
{
	struct udp *u = ctx;
	enum tsn_code code = TSN_OK;

	(void)events;
	tsn_wake_clear(u->wake_fd);
	(void)pthread_mutex_lock(&u->lock);
	u->woken = false;
	(void)pthread_mutex_unlock(&u->lock);
	for (uint32_t i = 0; i < ROUND_BLOCKS && code == TSN_OK; i++)
		code = take_one(u);
	tell_gaps(u);
	if (code == TSN_OK)
		tsn_wake_send(u->wake_fd);	/* there may be more */
}

/* ---- opening and closing ---- */

static bool
make_blocks(struct udp *u)
{
	u->memory = calloc(BLOCKS, sizeof *u->memory);
	if (u->memory == NULL)
		return false;
	for (uint32_t i = 1; i < BLOCKS; i++) {
		u->memory[i].next = u->free;
		u->free = &u->memory[i];
	}
	u->filling = &u->memory[0];
	u->full_last = &u->full;
	return true;
}

enum tsn_code
udp_open(struct tsn_netin *in, struct tsn_err *err)
{
	struct udp *u = calloc(1, sizeof *u);
	size_t got = 0;

	if (u == NULL || pthread_mutex_init(&u->lock, NULL) != 0) {
		free(u);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	in->udp = u;
	u->in = in;
	u->stop_fd = u->wake_fd = -1;
	tsn_buf_init(&u->from_spool, TSN_SPOOL_BLOCK_MAX);
	u->receiver = tsn_receiver_new(DATAGRAMS, DATAGRAM_BYTES);
	if (u->receiver == NULL || !make_blocks(u))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	TSN_TRY(tsn_wake_open(&u->stop_fd, err));
	TSN_TRY(tsn_wake_open(&u->wake_fd, err));
	TSN_TRY(tsn_sock_udp(&in->o.addr, in->o.receive_buffer, &in->watch.fd, &got, err));
	u->received_ns = tsn_clock_real_ns();
	return TSN_OK;
}

/* The name of the spool's note in the store. */
static struct tsn_slice
note_name(const struct tsn_netin *in, char out[64])
{
	int n = snprintf(out, 64, "\x01spool udp %u", (unsigned)tsn_addr_port(&in->addr));

	return tsn_slice_of(out, (size_t)n);
}

static enum tsn_code
open_spool(struct udp *u, struct tsn_err *err)
{
	struct tsn_netin *in = u->in;
	const struct tsn_store_range *notes;
	struct tsn_spool_mark from = {0};
	char path[PATH_MAX_], name[64];
	size_t count = 0;
	int n;

	if (in->o.spool_dir == NULL || in->o.spool_bytes == 0)
		return TSN_OK;
	n = snprintf(path, sizeof path, "%s/spool-udp-%u", in->o.spool_dir,
	    (unsigned)tsn_addr_port(&in->addr));
	if (n < 0 || (size_t)n >= sizeof path)
		TSN_FAIL(err, TSN_ELIMIT, "the path of the spool is too long");
	notes = in->sink->ranges(in->sink->ctx, note_name(in, name), &count);
	if (count > 0)
		from = (struct tsn_spool_mark){.generation = notes[count - 1].hash,
			.offset = notes[count - 1].lines};
	TSN_TRY(tsn_spool_open(path, in->o.spool_bytes, &from, &u->spool, err));
	u->taken = u->noted = tsn_spool_mark(u->spool);
	return TSN_OK;
}

enum tsn_code
udp_start(struct tsn_netin *in, struct tsn_err *err)
{
	struct udp *u = in->udp;

	TSN_TRY(open_spool(u, err));
	u->wake = (struct tsn_watch){.fd = u->wake_fd, .ready = udp_ready, .ctx = u};
	TSN_TRY(tsn_loop_add(in->loop, &u->wake, TSN_WATCH_READ, err));
	if (pthread_create(&u->thread, NULL, receive_all, u) != 0) {
		tsn_loop_remove(in->loop, &u->wake);
		TSN_FAIL(err, TSN_ENOMEM, "cannot start a thread");
	}
	u->started = true;
	tsn_wake_send(u->wake_fd);	/* the spool may hold what a run before this one received */
	return TSN_OK;
}

/* In memory nothing is left behind: what the store does not take now waits on disk. */
static void
stop(struct udp *u)
{
	enum tsn_code code = TSN_OK;

	atomic_store(&u->stop, true);
	tsn_wake_send(u->stop_fd);
	(void)pthread_join(u->thread, NULL);
	while (code == TSN_OK)
		code = take_one(u);
	for (struct block *b; (b = take_block(u)) != NULL; give_back(u, b))
		put_aside(u, tsn_slice_of(b->bytes, b->len));
	put_aside(u, tsn_slice_of(u->filling->bytes, u->filling->len));
	tell_gaps(u);
	tsn_loop_remove(u->in->loop, &u->wake);
}

void
udp_close(struct tsn_netin *in)
{
	struct udp *u = in->udp;

	if (u == NULL)
		return;
	if (u->started)
		stop(u);
	if (u->started)
		(void)!udp_ranges(in);
	tsn_spool_close(u->spool);
	tsn_buf_done(&u->from_spool);
	tsn_receiver_free(u->receiver);
	tsn_fd_close(u->stop_fd);
	tsn_fd_close(u->wake_fd);
	(void)pthread_mutex_destroy(&u->lock);
	free(u->memory);
	free(u);
	in->udp = NULL;
}

enum tsn_code
udp_ranges(struct tsn_netin *in)
{
	struct udp *u = in->udp;
	char name[64];
	struct tsn_store_range note = {.source = note_name(in, name), .extends = true};

	if (u->spool == NULL || (u->taken.offset == u->noted.offset &&
	    u->taken.generation == u->noted.generation))
		return TSN_OK;
	u->noted = u->taken;
	note.hash = u->taken.generation;
	note.lines = u->taken.offset;
	return in->sink->range(in->sink->ctx, &note);
}

void
udp_committed(struct tsn_netin *in)
{
	if (in->udp->spool != NULL)
		tsn_spool_done(in->udp->spool, &in->udp->taken);
}

uint64_t
udp_spooled(const struct tsn_netin *in)
{
	return in->udp == NULL || in->udp->spool == NULL ? 0 : tsn_spool_bytes(in->udp->spool);
}
