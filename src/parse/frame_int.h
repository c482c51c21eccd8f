/*
 * parse/frame_int: what frame.c, frame_text.c and frame_json.c share.
 *
 * The pending record and what follows it stand in one run of bytes, the window; places in it are
 * counted from the start of the record.  Scanning goes forward only and remembers how far it came,
 * so that no byte is looked at twice however the input is cut.
 */
#ifndef TSN_PARSE_FRAME_INT_H
#define TSN_PARSE_FRAME_INT_H

#include "parse/frame.h"

/* Bytes of the next line that decide whether it belongs to the record before. */
#define TSN_FRAME_LOOK_MAX 512u

/* What a line says about the record it begins. */
enum tsn_frame_class {
	TSN_FC_UNKNOWN,		/* not yet looked at */
	TSN_FC_PLAIN,
	TSN_FC_STAMPED,		/* begins with a date: indented lines belong to it */
	TSN_FC_SLOW,		/* MySQL slow log block */
	TSN_FC_GENERAL,		/* MySQL general log entry */
	TSN_FC_CSVLOG,		/* PostgreSQL csvlog */
	TSN_FC_QUOTED,		/* quoted SQL record */
	TSN_FC_TRACE,		/* inside a Python traceback */
	TSN_FC_TRACE_END,	/* its last line has been seen */
	TSN_FC_TRACE_MORE,	/* between two chained tracebacks */
};

enum tsn_frame_answer {
	TSN_FRAME_NEED,		/* more bytes needed */
	TSN_FRAME_NO,
	TSN_FRAME_YES,
};

/* The state of a text record between its lines. */
struct tsn_frame_text {
	enum tsn_frame_class class;
	bool statement;		/* SLOW: its statement has begun */
	bool quote_open;	/* CSVLOG, QUOTED, CSV: inside double quotes */
	size_t line_at;		/* start of the newest complete line */
	size_t counted;		/* quotes have been counted up to this length of the record */
};

/* The state of the JSON scanner: it has seen everything before its place. */
struct tsn_frame_json {
	uint32_t depth;
	bool in_string;
	bool escaped;
	bool fresh_line;	/* only blanks since the last newline */
	char before;		/* last significant byte; 'x' stands for scalars */
	size_t newline_at;	/* place of the last newline */
};

/* A run of bytes of the window from place lo to place hi. */
struct tsn_frame_view {
	const char *ptr;	/* the byte at place lo */
	size_t lo, hi;
};

enum tsn_frame_json_step {
	TSN_FJ_MORE,
	TSN_FJ_END,		/* the value ends before *pos */
	TSN_FJ_BROKEN,		/* no JSON: the record ends with the newline at newline_at */
};

/** Goes on from *pos and moves it.  Looks at no byte before *pos. */
enum tsn_frame_json_step tsn_frame_json_scan(struct tsn_frame_json *j, struct tsn_frame_view v,
    size_t *pos);

/* Blanks that are looked across to see what a '{', '[' or ',' is the beginning of. */
#define TSN_FRAME_BLANKS_MAX 4096u
/** The first byte at or behind i that is no blank, across newlines; 0: none near. */
enum tsn_frame_answer tsn_frame_peek(struct tsn_slice w, size_t i, bool end, bool *ret_newline,
    char *ret_c);
/** The place behind c, where only blanks stand before it; i itself where there is no such c. */
size_t tsn_frame_json_pass(struct tsn_slice w, size_t i, char c);
/**
 * {"Records": [{: an object around a list of records (CloudTrail, Azure), from place i.  The place
 * of the first record, or 0; *ret_more: it cannot be seen yet, more bytes are needed (never when
 * `end`).
 */
size_t tsn_frame_json_list(struct tsn_slice w, size_t i, bool end, bool *ret_more);

/**
 * The newest line of the record w (without line end) is complete: does the line that begins at
 * `next` (complete if it holds a newline, or if `end`) belong to the record too?  Never
 * TSN_FRAME_NEED when `next` has TSN_FRAME_LOOK_MAX bytes.
 */
enum tsn_frame_answer tsn_frame_text_continues(struct tsn_frame_text *t, struct tsn_slice record,
    struct tsn_slice next, bool end);
/** Updates t->quote_open over one more line. */
void tsn_frame_text_quotes(struct tsn_frame_text *t, struct tsn_slice line, bool backslash);
/** True when it is certain that `line` (not empty, no blank first) is a record by itself if the
 * line after it begins with byte `next`; false when that needs a closer look. */
bool tsn_frame_text_alone(struct tsn_slice line, char next);

/**
 * One UTF-16 character from up to 4 bytes as UTF-8; returns the bytes used, 0 when more are needed
 * (and there is no `end`).  A lone surrogate becomes U+FFFD, which like itself stands for two
 * bytes: from the UTF-8 alone follows how many bytes of the source it came from.
 */
unsigned tsn_frame_wide_char(bool big, const unsigned char *p, unsigned len, bool end, char out[4],
    unsigned *ret_len);

/** Windows event log files; `line` is the number of the first record that comes. */
struct tsn_frame_evtx;
struct tsn_frame_evtx *tsn_frame_evtx_new(uint64_t offset, uint64_t line);
void tsn_frame_evtx_free(struct tsn_frame_evtx *x);
uint64_t tsn_frame_evtx_position(const struct tsn_frame_evtx *x, uint64_t *ret_line);
/** As tsn_framer_next; takes from *in what it needs. */
enum tsn_code tsn_frame_evtx_next(struct tsn_frame_evtx *x, struct tsn_slice *in, bool end,
    struct tsn_frame *ret);

#endif
