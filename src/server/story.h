/*
 * server/story: the bundled logs of `tocsin demo`: a short script that is turned into lines of real
 * log formats with present times (content/demo/story.txt says how it is written).
 */
#ifndef TSN_SERVER_STORY_H
#define TSN_SERVER_STORY_H

#include "base/arena.h"
#include "base/buf.h"

struct tsn_story_line {
	int64_t at_ns;			/* from the beginning */
	struct tsn_slice source;	/* "auth", "access", ... */
	struct tsn_slice text;		/* with placeholders */
	uint32_t n;			/* which of its run */
	uint32_t number;		/* of all lines, for process ids */
};

struct tsn_story {
	struct tsn_arena arena;
	struct tsn_story_line *lines;	/* in order of time */
	uint32_t count;
};

/** TSN_EPARSE names line and what was expected.  The text outlives the story. */
TSN_MUST_CHECK enum tsn_code tsn_story_parse(struct tsn_story *s, struct tsn_slice text,
    struct tsn_err *err);
void tsn_story_done(struct tsn_story *s);
/** Appends the line as it would have been logged at time_ns (UTC). */
void tsn_story_render(const struct tsn_story_line *line, int64_t time_ns, struct tsn_buf *out);

#endif
