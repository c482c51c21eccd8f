#include "api/shipper_int.h"

#include <stdlib.h>

#define TEXT_BYTES_MAX (16u << 20)

static void
shipper_done(void *held)
{
	struct shipper *s = held;

	intake_done(&s->base);
	tsn_buf_done(&s->text);
	free(s);
}

struct shipper *
shipper_new(struct request *r, tsn_key time_key, void (*answer)(struct intake *in))
{
	struct shipper *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	intake_init(&s->base, r, answer, shipper_done);
	tsn_buf_init(&s->text, TEXT_BYTES_MAX);
	s->time_key = time_key;
	s->refused = ANSWER_LATER;
	return s;
}

bool
shipper_refuse(struct shipper *s)
{
	s->refused = intake_refused(s->base.r);
	return false;
}

bool
shipper_take_text(struct shipper *s, struct tsn_slice *ret)
{
	struct tsn_slice text = tsn_buf_get(&s->text), kept;

	if (tsn_buf_check(&s->text) != TSN_OK)
		return shipper_refuse(s);
	kept = intake_keep(&s->base, text);
	if (kept.ptr == NULL)
		return shipper_refuse(s);
	*ret = kept;
	tsn_buf_reset(&s->text);
	return true;
}

static bool
add(struct shipper *s, struct tsn_slice bytes, const struct tsn_aside *like)
{
	struct tsn_aside *a = intake_alloc(&s->base, sizeof *a);

	if (a == NULL)
		return shipper_refuse(s);
	*a = *like;
	return intake_add(&s->base, bytes, false, a) || shipper_refuse(s);
}

bool
shipper_good(struct shipper *s, struct tsn_slice bytes, struct tsn_slice own, int64_t time_ns)
{
	s->good++;
	if (bytes.len > 0 && bytes.ptr[bytes.len - 1] == '\n')
		bytes.len--;
	if (bytes.len > 0 && bytes.ptr[bytes.len - 1] == '\r')
		bytes.len--;
	return add(s, bytes, &(struct tsn_aside){.shared = s->shared, .own = own,
	    .time_ns = time_ns, .time_key = s->time_key});
}

bool
shipper_bad(struct shipper *s, struct tsn_slice bytes, const char *why)
{
	if (s->bad++ == 0)
		s->bad_why = why;
	return add(s, bytes, &(struct tsn_aside){.shared = s->shared, .time_ns = TSN_TIME_NONE,
	    .error = tsn_slice_cstr(why)});
}
