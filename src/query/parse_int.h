/*
 * query/parse_int: what the parsers of the query language share: the text, where they stand in it,
 * the arena that everything built goes into.
 *
 * Messages say what was expected; the position is err->pos (a byte offset), which
 * tsn_query_parse() turns into a column.
 */
#ifndef TSN_QUERY_PARSE_INT_H
#define TSN_QUERY_PARSE_INT_H

#include "base/arena.h"
#include "base/err.h"
#include "event/path.h"
#include "match/atom.h"

struct tsn_qparse {
	struct tsn_slice text;
	size_t at;
	struct tsn_arena *arena;
	struct tsn_keys *keys;
	int64_t now_ns;
	unsigned depth;
	uint32_t expr_nodes;
	struct tsn_qatom **atoms;	/* tests of expressions so far */
	struct tsn_err *err;
};

struct tsn_qatom {
	struct tsn_qatom *next;
	struct tsn_catom atom;
};

/** A word or quoted text as it was written, ready to become atoms. */
struct tsn_term {
	struct tsn_slice pattern;	/* unescaped; wildcards as TSN_WILD_* */
	struct tsn_slice other;		/* quoted with \n, \t ..: the reading with those characters */
	size_t at;
	bool quoted;
	bool wild;
};

enum tsn_compare {
	TSN_CMP_MATCH,	/* ':' and '=' */
	TSN_CMP_EQ,	/* '==' */
	TSN_CMP_NE,	/* '!=' */
	TSN_CMP_LT,
	TSN_CMP_LE,
	TSN_CMP_GT,
	TSN_CMP_GE,
};

/** A time as written covers [begin, end): a date its day, a minute its minute. */
struct tsn_timespan {
	int64_t begin_ns, end_ns;
	bool instant;			/* to the second or finer: orders compare with begin_ns */
};

#define TSN_QFAIL(p, code, pos, ...) \
	return tsn_err_set((p)->err, (code), (pos), __FILE__ ":" TSN_STR(__LINE__), __VA_ARGS__)

/* scan.c */
/** Skips blanks and line breaks. */
void tsn_scan_blank(struct tsn_qparse *p);
/** The byte `ahead` of where the parser stands, 0 behind the end. */
char tsn_scan_peek(const struct tsn_qparse *p, size_t ahead);
/** Skips blanks; when `word` (letters, without case) stands there as a whole word, takes it. */
bool tsn_scan_word(struct tsn_qparse *p, const char *word);
/** As scan_word, without taking it. */
bool tsn_scan_is_word(const struct tsn_qparse *p, const char *word);
/** Skips blanks; takes `c` when it stands there. */
bool tsn_scan_char(struct tsn_qparse *p, char c);
/** Takes a quoted text whose quote stands at the parser's place. */
TSN_MUST_CHECK enum tsn_code tsn_scan_quoted(struct tsn_qparse *p, struct tsn_term *ret_term);
/** Takes an unquoted word up to a blank or one of `stop`; TSN_EPARSE when there is none. */
TSN_MUST_CHECK enum tsn_code tsn_scan_term(struct tsn_qparse *p, const char *stop,
    struct tsn_term *ret_term);
/** Takes /regex/flags; false when no regex ends properly (nothing is taken then). */
bool tsn_scan_regex(struct tsn_qparse *p, struct tsn_slice *ret_regex, uint32_t *ret_flags);
/** Takes digits into *ret_n; false when there are none or they do not fit. */
bool tsn_scan_u64(struct tsn_qparse *p, uint64_t *ret_n);
/** "expected X, found Y" at the parser's place. */
TSN_MUST_CHECK enum tsn_code tsn_scan_expected(struct tsn_qparse *p, const char *what);

/**
 * The path a name stands for, errors placed at `at`.  A name that no event has yet is remembered in
 * the key table only while that is less than three quarters full: searches must not be able to
 * use up the names that events need.
 */
TSN_MUST_CHECK enum tsn_code tsn_scan_path(struct tsn_qparse *p, struct tsn_slice name, size_t at,
    struct tsn_path *ret_path);

/* literal.c */
/** RFC 3339 and its beginnings (2026, 2026-11, 2026-11-21, ..T10:00), now, now-24h, now-1d/d. */
TSN_MUST_CHECK enum tsn_code tsn_literal_time(struct tsn_slice s, int64_t now_ns,
    struct tsn_timespan *ret_span);
/** True when values of the field are times in every event. */
bool tsn_literal_time_field(struct tsn_slice field);
/** field <compare> term, as a predicate. */
TSN_MUST_CHECK enum tsn_code tsn_literal_compare(struct tsn_qparse *p, struct tsn_slice field,
    enum tsn_compare compare, const struct tsn_term *term, const struct tsn_pred **ret_pred);
/** field:[low to high]; a bound with pattern "*" is open. */
TSN_MUST_CHECK enum tsn_code tsn_literal_range(struct tsn_qparse *p, struct tsn_slice field,
    const struct tsn_term *low, const struct tsn_term *high, uint32_t open_flags,
    const struct tsn_pred **ret_pred);
/** A word or phrase anywhere in the record. */
TSN_MUST_CHECK enum tsn_code tsn_literal_word(struct tsn_qparse *p, struct tsn_slice field,
    const struct tsn_term *term, const struct tsn_pred **ret_pred);

/* iprange.c */
/** True when both are addresses of one family. */
bool tsn_iprange_is(struct tsn_slice low, struct tsn_slice high);
/** The addresses from low to high (either empty: the end of the family), as networks. */
TSN_MUST_CHECK enum tsn_code tsn_iprange_pred(struct tsn_qparse *p, struct tsn_slice field,
    size_t at, struct tsn_slice low, struct tsn_slice high, uint32_t open_flags,
    const struct tsn_pred **ret_pred);

/* filter.c */
/** The filter up to a stage's '|' or the end; nothing at all matches every event. */
TSN_MUST_CHECK enum tsn_code tsn_filter_parse(struct tsn_qparse *p,
    const struct tsn_pred **ret_pred);

#endif
