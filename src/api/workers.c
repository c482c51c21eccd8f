#include "api/http_int.h"

#include <pthread.h>
#include <stdlib.h>

#define WORKERS_MAX 8u
#define WAITING_MAX 64u

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct request *first, **last;
	unsigned waiting;
	bool stop;
	pthread_t threads[WORKERS_MAX];
	unsigned count;
};

static void *
work(void *arg)
{
	struct workers *w = arg;

	(void)pthread_mutex_lock(&w->lock);
	while (!w->stop || w->first != NULL) {
		struct request *r = w->first;

		if (r == NULL) {
			(void)pthread_cond_wait(&w->more, &w->lock);
			continue;
		}
		w->first = r->next;
		if (w->first == NULL)
			w->last = &w->first;
		w->waiting--;
		(void)pthread_mutex_unlock(&w->lock);
		(void)r->endpoint->handle(r);
		request_resume(r);
		(void)pthread_mutex_lock(&w->lock);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct workers *
workers_new(unsigned count)
{
	struct workers *w = calloc(1, sizeof *w);

	if (w == NULL)
		return NULL;
	w->last = &w->first;
	if (pthread_mutex_init(&w->lock, NULL) != 0 || pthread_cond_init(&w->more, NULL) != 0) {
		free(w);
		return NULL;
	}
	for (; w->count < count && w->count < WORKERS_MAX; w->count++)
		if (pthread_create(&w->threads[w->count], NULL, work, w) != 0)
			break;
	if (w->count == 0) {
		workers_free(w);
		return NULL;
	}
	return w;
}

bool
workers_submit(struct workers *w, struct request *r)
{
	bool room;

	(void)pthread_mutex_lock(&w->lock);
	room = !w->stop && w->waiting < WAITING_MAX;
	if (room) {
		request_suspend(r);
		r->next = NULL;
		*w->last = r;
		w->last = &r->next;
		w->waiting++;
		(void)pthread_cond_signal(&w->more);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return room;
}

void
workers_free(struct workers *w)
{
	if (w == NULL)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->stop = true;
	(void)pthread_cond_broadcast(&w->more);
	(void)pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->count; i++)
		(void)pthread_join(w->threads[i], NULL);
	(void)pthread_cond_destroy(&w->more);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}
