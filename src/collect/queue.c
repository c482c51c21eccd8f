#include "collect/queue.h"

#include "base/assert.h"
#include "os/loop.h"

enum tsn_code
tsn_queue_init(struct tsn_queue *q, size_t bytes_max, uint64_t sequence, struct tsn_err *err)
{
	*q = (struct tsn_queue){.bytes_max = bytes_max, .sequence = sequence, .wake_fd = -1};
	q->last = &q->first;
	TSN_TRY(tsn_wake_open(&q->wake_fd, err));
	if (pthread_mutex_init(&q->lock, NULL) != 0) {
		tsn_fd_close(q->wake_fd);
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	}
	return TSN_OK;
}

void
tsn_queue_done(struct tsn_queue *q)
{
	TSN_ASSERT(q->first == NULL);
	(void)pthread_mutex_destroy(&q->lock);
	tsn_fd_close(q->wake_fd);
}

enum tsn_code
tsn_queue_reserve(struct tsn_queue *q, size_t bytes)
{
	enum tsn_code code = TSN_OK;

	(void)pthread_mutex_lock(&q->lock);
	if (q->closed)
		code = TSN_ECANCELED;
	else if (bytes > q->bytes_max - q->bytes)
		code = TSN_EAGAIN;
	else
		q->bytes += bytes;
	(void)pthread_mutex_unlock(&q->lock);
	return code;
}

void
tsn_queue_release(struct tsn_queue *q, size_t bytes)
{
	(void)pthread_mutex_lock(&q->lock);
	TSN_ASSERT(q->bytes >= bytes);
	q->bytes -= bytes;
	(void)pthread_mutex_unlock(&q->lock);
}

uint64_t
tsn_queue_sequence(struct tsn_queue *q, uint64_t count)
{
	uint64_t first;

	(void)pthread_mutex_lock(&q->lock);
	first = q->sequence;
	q->sequence += count;
	(void)pthread_mutex_unlock(&q->lock);
	return first;
}

enum tsn_code
tsn_queue_push(struct tsn_queue *q, struct tsn_block *b)
{
	bool closed;

	b->next = NULL;
	(void)pthread_mutex_lock(&q->lock);
	closed = q->closed;
	if (!closed) {
		*q->last = b;
		q->last = &b->next;
	}
	(void)pthread_mutex_unlock(&q->lock);
	if (closed)
		return TSN_ECANCELED;
	tsn_wake_send(q->wake_fd);
	return TSN_OK;
}

struct tsn_block *
tsn_queue_take(struct tsn_queue *q)
{
	struct tsn_block *b;

	(void)pthread_mutex_lock(&q->lock);
	b = q->first;
	q->first = NULL;
	q->last = &q->first;
	(void)pthread_mutex_unlock(&q->lock);
	return b;
}

void
tsn_queue_close(struct tsn_queue *q)
{
	(void)pthread_mutex_lock(&q->lock);
	q->closed = true;
	(void)pthread_mutex_unlock(&q->lock);
}
