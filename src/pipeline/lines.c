/* A line over the size of a record is given on in pieces of that size. */
#include "pipeline/lines_int.h"

#include <string.h>

#define BLOCK 65536u

void
tsn_plines_init(struct tsn_plines *l, struct tsn_slice delimiter)
{
	*l = (struct tsn_plines){.file = {.fd = -1}, .delimiter = delimiter};
	tsn_buf_init(&l->held, 2u * TSN_RECORD_BYTES_MAX + BLOCK);
}

void
tsn_plines_done(struct tsn_plines *l)
{
	if (l->file.fd >= 0)
		tsn_file_close(&l->file);
	tsn_buf_done(&l->held);
}

static enum tsn_code
give(struct tsn_plines *l, struct tsn_pinst *in, struct tsn_slice line, size_t taken,
    struct tsn_err *err)
{
	uint64_t begin = l->given, events = in->events;
	bool held = tsn_pl_holds(in);

	if (!held)
		l->event_at = begin;
	l->given += taken;
	if (l->delimiter.len == 1 && l->delimiter.ptr[0] == '\n' && line.len > 0 &&
	    line.ptr[line.len - 1] == '\r')
		line.len--;
	TSN_TRY(tsn_pl_record(in, line, err));
	if (!tsn_pl_holds(in))
		l->safe = l->given;
	else if (!held || in->events != events)
		l->safe = l->event_at = begin;	/* what is held now begins with this line */
	return TSN_OK;
}

static enum tsn_code
give_lines(struct tsn_plines *l, struct tsn_pinst *in, struct tsn_err *err)
{
	size_t at = 0;
	enum tsn_code code = TSN_OK;

	while (code == TSN_OK) {
		struct tsn_slice rest = tsn_slice_of(l->held.ptr + at, l->held.len - at);
		size_t skip = l->looked > rest.len ? rest.len : l->looked;
		size_t n = tsn_slice_find(tsn_slice_from(rest, skip), l->delimiter);

		l->looked = 0;
		if (n == SIZE_MAX && rest.len >= TSN_RECORD_BYTES_MAX) {
			code = give(l, in, tsn_slice_of(rest.ptr, TSN_RECORD_BYTES_MAX),
			    TSN_RECORD_BYTES_MAX, err);
			at += TSN_RECORD_BYTES_MAX;
		} else if (n == SIZE_MAX) {
			l->looked = rest.len > l->delimiter.len ? rest.len - l->delimiter.len : 0;
			break;
		} else {
			n += skip;
			code = give(l, in, tsn_slice_of(rest.ptr, n), n + l->delimiter.len, err);
			at += n + l->delimiter.len;
		}
	}
	memmove(l->held.ptr, l->held.ptr + at, l->held.len - at);
	l->held.len -= at;
	return code;
}

enum tsn_code
tsn_plines_step(struct tsn_plines *l, struct tsn_pinst *in, bool last, enum tsn_pstep *ret,
    struct tsn_err *err)
{
	size_t n = 0;

	if (!tsn_buf_room(&l->held, BLOCK))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (l->seek)
		TSN_TRY(tsn_file_pread(&l->file, l->held.ptr + l->held.len, BLOCK, l->from, &n, err));
	else
		TSN_TRY(tsn_file_read(&l->file, l->held.ptr + l->held.len, BLOCK, &n, err));
	*ret = TSN_PSTEP_MORE;
	l->held.len += n;
	if (n > 0)
		return give_lines(l, in, err);
	*ret = last ? TSN_PSTEP_END : TSN_PSTEP_IDLE;
	if (last && l->held.len > 0) {
		size_t rest = l->held.len;

		TSN_TRY(give(l, in, tsn_buf_get(&l->held), rest, err));
		tsn_buf_reset(&l->held);
	}
	return TSN_OK;
}
