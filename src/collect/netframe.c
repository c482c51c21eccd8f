#include "collect/netframe.h"

#include "base/assert.h"

void
tsn_netframe_init(struct tsn_netframe *f, enum tsn_netframe_mode mode, size_t max)
{
	TSN_ASSERT(max > 0);
	*f = (struct tsn_netframe){.mode = mode};
	tsn_buf_init(&f->carry, max);
}

void
tsn_netframe_done(struct tsn_netframe *f)
{
	tsn_buf_done(&f->carry);
}

void
tsn_netframe_feed(struct tsn_netframe *f, struct tsn_slice bytes)
{
	TSN_ASSERT(f->in.len == 0);
	f->in = bytes;
}

void
tsn_netframe_end(struct tsn_netframe *f)
{
	f->ended = true;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The header turned out to be none: its digits begin a line. */
static void
digits_to_line(struct tsn_netframe *f)
{
	f->mode = TSN_NETFRAME_LINES;
	tsn_buf_add(&f->carry, f->digits, f->digit_count);
	f->digit_count = 0;
	f->need = 0;
}

/* Digits and a blank; TSN_EAGAIN while they are coming, TSN_EPARSE when something else does. */
static enum tsn_code
read_header(struct tsn_netframe *f)
{
	while (f->in.len > 0) {
		char c = f->in.ptr[0];

		if (c == ' ' && f->digit_count > 0) {
			uint64_t n = 0;

			for (uint32_t i = 0; i < f->digit_count; i++)
				n = n * 10 + (uint64_t)(f->digits[i] - '0');
			f->need = n;
			f->in = tsn_slice_from(f->in, 1);
			return TSN_OK;
		}
		if ((c == '\n' || c == '\r') && f->digit_count == 0) {
			f->in = tsn_slice_from(f->in, 1);	/* some senders end frames with LF */
			continue;
		}
		if (!is_digit(c) || (c == '0' && f->digit_count == 0) ||
		    f->digit_count == TSN_NETFRAME_DIGITS_MAX)
			return TSN_EPARSE;
		f->digits[f->digit_count++] = c;
		f->in = tsn_slice_from(f->in, 1);
	}
	return TSN_EAGAIN;
}

/* The first bytes of the connection.  While they could still be a header they are held. */
static enum tsn_code
detect(struct tsn_netframe *f)
{
	enum tsn_code code = TSN_OK;

	if (f->need == 0)
		code = read_header(f);
	if (code == TSN_EAGAIN)
		return code;
	if (code == TSN_OK && f->in.len == 0)
		return TSN_EAGAIN;
	if (code == TSN_OK && f->in.ptr[0] == '<') {
		f->mode = TSN_NETFRAME_OCTETS;
		f->digit_count = 0;
		return TSN_OK;
	}
	if (code == TSN_OK)
		f->digits[f->digit_count++] = ' ';	/* there is room for one more */
	digits_to_line(f);
	return TSN_OK;
}

static enum tsn_code
give(struct tsn_slice bytes, bool truncated, struct tsn_netframe_message *ret_message)
{
	*ret_message = (struct tsn_netframe_message){
		.bytes = bytes, .truncated = truncated, .stable = true};
	return TSN_OK;
}

static enum tsn_code
give_carry(struct tsn_netframe *f, bool truncated, struct tsn_netframe_message *ret_message)
{
	bool lost = f->carry.failed == TSN_ENOMEM;

	f->given = true;
	if (lost)
		return TSN_ENOMEM;
	*ret_message = (struct tsn_netframe_message){
		.bytes = tsn_buf_get(&f->carry), .truncated = truncated};
	return TSN_OK;
}

static void
take(struct tsn_netframe *f, size_t len)
{
	tsn_buf_add(&f->carry, f->in.ptr, len);
	f->in = tsn_slice_from(f->in, len);
}

static struct tsn_slice
without_cr(struct tsn_slice line)
{
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

static size_t
line_end(struct tsn_slice in)
{
	size_t lf = tsn_slice_find_char(in, '\n');
	size_t nul = tsn_slice_find_char(tsn_slice_of(in.ptr, lf == SIZE_MAX ? in.len : lf), '\0');

	return nul < lf ? nul : lf;
}

static enum tsn_code
next_line(struct tsn_netframe *f, struct tsn_netframe_message *ret_message)
{
	size_t end = line_end(f->in), room = f->carry.max - f->carry.len;
	size_t len = end == SIZE_MAX ? f->in.len : end;
	struct tsn_slice line = tsn_slice_of(f->in.ptr, len);

	if (f->skip_line) {
		f->skipped_bytes += len;
		f->in = tsn_slice_from(f->in, end == SIZE_MAX ? len : len + 1);
		f->skip_line = end == SIZE_MAX;
		return TSN_EAGAIN;
	}
	if (len > room) {
		take(f, room);
		f->skip_line = true;
		return give_carry(f, true, ret_message);
	}
	if (end == SIZE_MAX) {
		take(f, len);
		return TSN_EAGAIN;
	}
	if (f->carry.len == 0) {
		f->in = tsn_slice_from(f->in, end + 1);
		line = without_cr(line);
		return line.len == 0 ? TSN_EAGAIN : give(line, false, ret_message);
	}
	take(f, len);
	f->in = tsn_slice_from(f->in, 1);
	f->carry.len = without_cr(tsn_buf_get(&f->carry)).len;
	return f->carry.len == 0 ? TSN_EAGAIN : give_carry(f, false, ret_message);
}

static enum tsn_code
next_octets(struct tsn_netframe *f, struct tsn_netframe_message *ret_message)
{
	uint64_t keep, more;
	bool truncated;

	if (f->skip > 0) {
		size_t n = f->skip < f->in.len ? (size_t)f->skip : f->in.len;

		f->skip -= n;
		f->skipped_bytes += n;
		f->in = tsn_slice_from(f->in, n);
		return TSN_EAGAIN;
	}
	if (f->need == 0) {
		enum tsn_code code = read_header(f);

		if (code == TSN_EPARSE) {
			f->bad++;
			digits_to_line(f);
			return TSN_EAGAIN;
		}
		f->digit_count = code == TSN_OK ? 0 : f->digit_count;
		return TSN_EAGAIN;
	}
	truncated = f->need > f->carry.max;
	keep = truncated ? f->carry.max : f->need;
	more = keep - f->carry.len;
	if (f->in.len < more) {
		take(f, f->in.len);
		return TSN_EAGAIN;
	}
	f->skip = f->need - keep;
	f->need = 0;
	if (f->carry.len == 0) {
		struct tsn_slice bytes = tsn_slice_of(f->in.ptr, (size_t)keep);

		f->in = tsn_slice_from(f->in, (size_t)keep);
		return give(bytes, truncated, ret_message);
	}
	take(f, (size_t)more);
	return give_carry(f, truncated, ret_message);
}

/* What stands when the connection is gone: a line without its end, a message cut short. */
static enum tsn_code
last(struct tsn_netframe *f, struct tsn_netframe_message *ret_message)
{
	bool cut = f->mode == TSN_NETFRAME_OCTETS;

	f->ended = false;
	if (f->mode == TSN_NETFRAME_DETECT && f->need > 0)
		f->digits[f->digit_count++] = ' ';
	if (f->mode == TSN_NETFRAME_DETECT)
		digits_to_line(f);
	if (f->carry.len == 0)
		return TSN_EAGAIN;
	f->need = 0;
	return give_carry(f, cut, ret_message);
}

enum tsn_code
tsn_netframe_next(struct tsn_netframe *f, struct tsn_netframe_message *ret_message)
{
	if (f->given) {
		tsn_buf_reset(&f->carry);
		f->given = false;
	}
	while (f->in.len > 0) {
		enum tsn_code code = TSN_EAGAIN;

		switch (f->mode) {
		case TSN_NETFRAME_DETECT:
			(void)detect(f);
			break;
		case TSN_NETFRAME_LINES:
			code = next_line(f, ret_message);
			break;
		case TSN_NETFRAME_OCTETS:
			code = next_octets(f, ret_message);
			break;
		}
		if (code != TSN_EAGAIN)
			return code;
	}
	return f->ended ? last(f, ret_message) : TSN_EAGAIN;
}
