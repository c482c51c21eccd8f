/*
 * api/hec_ack: acknowledgements of Splunk's event collector.
 *
 * A number is given with the answer of a request, and that is given after the commit: each number
 * below the next one of its channel stands for records that are durable.  A channel that is
 * forgotten, because many others came since, has no acknowledged numbers: its client sends again.
 */
#include "api/hec_int.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/num.h"
#include "codec/hex.h"
#include "codec/json_walk.h"

#define CHANNEL_BYTES 36u
#define SETS 256u
#define WAYS 4u
#define ACKS_MAX 100000u

struct channel {
	char name[CHANNEL_BYTES];
	uint64_t next;			/* number to give; 0: the slot is free */
	uint64_t used;
};

struct acks {
	pthread_mutex_t lock;
	uint64_t clock;
	struct channel slots[SETS][WAYS];
};

struct acks *
acks_new(void)
{
	struct acks *a = calloc(1, sizeof *a);

	if (a != NULL && pthread_mutex_init(&a->lock, NULL) == 0)
		return a;
	free(a);
	return NULL;
}

void
acks_free(struct acks *a)
{
	if (a == NULL)
		return;
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
}

static bool
is_guid(struct tsn_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s.ptr[i] != '-' : tsn_hex_digit(s.ptr[i]) < 0)
			return false;
	}
	return s.len == CHANNEL_BYTES;
}

bool
hec_channel(struct request *r, bool needed, struct tsn_slice *ret_channel)
{
	struct tsn_slice channel = request_header(r, "X-Splunk-Request-Channel");

	if (channel.len == 0)
		channel = request_arg(r, "channel");
	*ret_channel = channel;
	if (channel.len == 0 && needed)
		(void)hec_answer(r, 400, HEC_NO_CHANNEL, NULL, -1);
	else if (channel.len > 0 && !is_guid(channel))
		(void)hec_answer(r, 400, HEC_BAD_CHANNEL, NULL, -1);
	else
		return true;
	return false;
}

/* With the lock held. The slot of the channel, else the one used longest ago of its set. */
static struct channel *
find_slot(struct acks *a, struct tsn_slice channel, bool *ret_known)
{
	struct channel *set = a->slots[tsn_hash_slice(channel, 0) % SETS], *oldest = set;

	*ret_known = true;
	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].next > 0 && memcmp(set[i].name, channel.ptr, CHANNEL_BYTES) == 0)
			return &set[i];
		if (set[i].used < oldest->used)
			oldest = &set[i];
	}
	*ret_known = false;
	return oldest;
}

uint64_t
hec_ack_new(struct request *r, struct tsn_slice channel)
{
	struct acks *a = r->http->acks;
	struct channel *c;
	uint64_t id;
	bool known;

	(void)pthread_mutex_lock(&a->lock);
	c = find_slot(a, channel, &known);
	if (!known) {
		memcpy(c->name, channel.ptr, CHANNEL_BYTES);
		c->next = 0;
	}
	id = c->next++;
	c->used = ++a->clock;
	(void)pthread_mutex_unlock(&a->lock);
	return id;
}

static uint64_t
acknowledged(struct acks *a, struct tsn_slice channel)
{
	uint64_t next;
	bool known;
	struct channel *c;

	(void)pthread_mutex_lock(&a->lock);
	c = find_slot(a, channel, &known);
	next = known ? c->next : 0;
	(void)pthread_mutex_unlock(&a->lock);
	return next;
}

static bool
write_acks(struct request *r, struct tsn_slice list, uint64_t next)
{
	struct tsn_json_walk w;
	struct tsn_slice name, value;
	uint32_t count = 0;

	if (tsn_json_walk_kind(list) != '[')
		return false;
	tsn_buf_lit(&r->out, "{\"acks\":{");
	tsn_json_walk(&w, list, NULL);
	while (tsn_json_walk_next(&w, &name, &value)) {
		uint64_t id;

		if (count++ == ACKS_MAX || tsn_num_parse_u64(value, &id) != TSN_OK)
			return false;
		tsn_buf_printf(&r->out, "%s\"%llu\":%s", count == 1 ? "" : ",", (unsigned long long)id,
		    id < next ? "true" : "false");
	}
	tsn_buf_lit(&r->out, "}}\n");
	return true;
}

enum answer
hec_acks(struct request *r)
{
	struct tsn_slice body = tsn_slice_trim(tsn_buf_get(&r->body.bytes)), channel, name, value;
	struct tsn_slice list = TSN_SLICE_NONE;
	struct tsn_json_walk w;
	struct tsn_err err;

	if (!hec_channel(r, true, &channel))
		return ANSWER_NOW;
	if (body.len == 0)
		return hec_answer(r, 400, HEC_NO_DATA, NULL, -1);
	if (tsn_json_check(body, &err) != TSN_OK)
		return hec_answer(r, 400, HEC_BAD_FORMAT, err.msg, -1);
	tsn_json_walk(&w, body, NULL);
	while (w.object && tsn_json_walk_next(&w, &name, &value))
		if (tsn_slice_eq(name, TSN_SLICE("acks")))
			list = value;
	if (!write_acks(r, list, acknowledged(r->http->acks, channel))) {
		tsn_buf_reset(&r->out);
		return hec_answer(r, 400, HEC_BAD_FORMAT, "expected {\"acks\":[number, ...]}", -1);
	}
	return answer_json(r, 200);
}
