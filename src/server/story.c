#include "server/story.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/num.h"
#include "base/time.h"

#define LINES_MAX 100000u
#define ARENA_MAX (16u << 20)

/* "3", "3*24/0.2" */
static bool
parse_when(struct tsn_slice s, double *at, uint64_t *count, double *step)
{
	size_t star = tsn_slice_find_char(s, '*'), slash;

	*count = 1;
	*step = 0;
	if (star == SIZE_MAX)
		return tsn_num_parse_f64(s, at) == TSN_OK;
	slash = tsn_slice_find_char(s, '/');
	return slash != SIZE_MAX && slash > star &&
	    tsn_num_parse_f64(tsn_slice_of(s.ptr, star), at) == TSN_OK &&
	    tsn_num_parse_u64(tsn_slice_of(s.ptr + star + 1, slash - star - 1), count) == TSN_OK &&
	    tsn_num_parse_f64(tsn_slice_from(s, slash + 1), step) == TSN_OK;
}

static enum tsn_code
add_run(struct tsn_story *s, struct tsn_slice line, unsigned number, struct tsn_err *err)
{
	size_t first = tsn_slice_find_char(line, ' ');
	size_t second = first == SIZE_MAX ? SIZE_MAX :
	    tsn_slice_find_char(tsn_slice_from(line, first + 1), ' ');
	double at, step;
	uint64_t count;

	if (second == SIZE_MAX || !parse_when(tsn_slice_of(line.ptr, first), &at, &count, &step))
		TSN_FAIL(err, TSN_EPARSE, "line %u: expected SECONDS[*COUNT/STEP] SOURCE TEXT", number);
	if (count > LINES_MAX - s->count)
		TSN_FAIL(err, TSN_ELIMIT, "line %u: more than %u lines in all", number, LINES_MAX);
	for (uint32_t n = 0; n < count; n++)
		s->lines[s->count++] = (struct tsn_story_line){
			.at_ns = (int64_t)((at + step * n) * (double)TSN_NS_PER_SEC),
			.source = {line.ptr + first + 1, second},
			.text = tsn_slice_from(line, first + second + 2),
			.n = n,
			.number = number * 97 + n,
		};
	return TSN_OK;
}

static int
by_time(const void *a, const void *b)
{
	const struct tsn_story_line *x = a, *y = b;

	if (x->at_ns != y->at_ns)
		return x->at_ns < y->at_ns ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

enum tsn_code
tsn_story_parse(struct tsn_story *s, struct tsn_slice text, struct tsn_err *err)
{
	enum tsn_code code = TSN_OK;

	*s = (struct tsn_story){0};
	tsn_arena_init(&s->arena, ARENA_MAX);
	s->lines = tsn_arena_calloc(&s->arena, LINES_MAX, sizeof *s->lines);
	if (s->lines == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (unsigned number = 1; text.len > 0 && code == TSN_OK; number++) {
		size_t end = tsn_slice_find_char(text, '\n');
		struct tsn_slice line = {text.ptr, end == SIZE_MAX ? text.len : end};

		text = tsn_slice_from(text, line.len + 1);
		if (line.len > 0 && line.ptr[0] != '#')
			code = add_run(s, line, number, err);
	}
	if (code != TSN_OK) {
		tsn_story_done(s);
		return code;
	}
	qsort(s->lines, s->count, sizeof *s->lines, by_time);
	return TSN_OK;
}

void
tsn_story_done(struct tsn_story *s)
{
	if (s != NULL)
		tsn_arena_done(&s->arena);
}

static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep",
    "Oct", "Nov", "Dec"};

static bool
put_time(struct tsn_slice name, int64_t time_ns, struct tsn_buf *out)
{
	struct tsn_civil c;

	tsn_time_to_civil(time_ns, &c);
	if (tsn_slice_eq(name, TSN_SLICE("syslog")))
		tsn_buf_printf(out, "%s %2d %02d:%02d:%02d", months[c.month - 1], c.day, c.hour, c.minute,
		    c.second);
	else if (tsn_slice_eq(name, TSN_SLICE("clf")))
		tsn_buf_printf(out, "%02d/%s/%d:%02d:%02d:%02d +0000", c.day, months[c.month - 1], c.year,
		    c.hour, c.minute, c.second);
	else if (tsn_slice_eq(name, TSN_SLICE("mysql")) || tsn_slice_eq(name, TSN_SLICE("iso")))
		tsn_buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", c.year, c.month, c.day, c.hour,
		    c.minute, c.second, c.ns / 1000);
	else if (tsn_slice_eq(name, TSN_SLICE("utc")))
		tsn_buf_printf(out, "%04d-%02d-%02d %02d:%02d:%02d.%03d", c.year, c.month, c.day, c.hour,
		    c.minute, c.second, c.ns / 1000000);
	else
		return false;
	return true;
}

/* "a|b|c": the n-th, in turn. */
static void
put_choice(struct tsn_slice list, uint32_t n, struct tsn_buf *out)
{
	uint32_t choices = 1;

	for (size_t i = 0; i < list.len; i++)
		choices += list.ptr[i] == '|';
	for (n %= choices; n > 0; n--)
		list = tsn_slice_from(list, tsn_slice_find_char(list, '|') + 1);
	if (tsn_slice_find_char(list, '|') != SIZE_MAX)
		list.len = tsn_slice_find_char(list, '|');
	tsn_buf_slice(out, list);
}

/* A brace begins a placeholder where a known name or a list of choices follows; JSON's do not. */
static size_t
put_placeholder(struct tsn_slice s, const struct tsn_story_line *line, int64_t time_ns,
    struct tsn_buf *out)
{
	size_t close = tsn_slice_find_char(s, '}');
	struct tsn_slice name;

	if (close == SIZE_MAX || s.len < 2 || s.ptr[1] == '"')
		return 0;
	name = tsn_slice_of(s.ptr + 1, close - 1);
	if (tsn_slice_eq(name, TSN_SLICE("n")))
		tsn_buf_u64(out, line->n);
	else if (tsn_slice_eq(name, TSN_SLICE("pid")))
		tsn_buf_u64(out, 3000 + line->number % 30000);
	else if (tsn_slice_find_char(name, '|') != SIZE_MAX)
		put_choice(name, line->n, out);
	else if (!put_time(name, time_ns, out))
		return 0;
	return close + 1;
}

void
tsn_story_render(const struct tsn_story_line *line, int64_t time_ns, struct tsn_buf *out)
{
	struct tsn_slice rest = line->text;

	while (rest.len > 0) {
		size_t used = rest.ptr[0] == '{' ? put_placeholder(rest, line, time_ns, out) : 0;

		if (used == 0) {
			tsn_buf_char(out, rest.ptr[0]);
			used = 1;
		}
		rest = tsn_slice_from(rest, used);
	}
}
