/*
 * parse/grok: text to named captures by patterns in grok's language, with the meaning Logstash
 * gives it: regular expressions of Ruby's syntax, %{NAME}, %{NAME:field}, %{NAME:field:int},
 * %{NAME:[a][b]:float} and (?<field>...), searched anywhere in the text.
 *
 * A set holds definitions by name; it is only needed while patterns are compiled.  A compiled list
 * of patterns is immutable and shared by threads; scratch belongs to one thread.  Captures are
 * slices of the text, good until the scratch is used again.
 *
 * Bounds: 8192 definitions a set, 64 levels of names in names, 256 KiB of one expression when all
 * names are put in, 512 captures a pattern, 4096 patterns a list.  A search that needs too many
 * steps is given up, counted and reported (TSN_ELIMIT); it never hangs.
 */
#ifndef TSN_PARSE_GROK_H
#define TSN_PARSE_GROK_H

#include "base/err.h"
#include "base/slice.h"

struct tsn_grok_set;
struct tsn_grok;
struct tsn_grok_scratch;

/** NULL when memory is exhausted. */
TSN_MUST_CHECK struct tsn_grok_set *tsn_grok_set_new(void);
void tsn_grok_set_free(struct tsn_grok_set *s);
/** Defines a name or defines it anew; names are letters, digits and _. Bytes are copied. */
TSN_MUST_CHECK enum tsn_code tsn_grok_set_add(struct tsn_grok_set *s, struct tsn_slice name,
    struct tsn_slice regex, struct tsn_err *err);
/** A pattern file: `NAME regex` a line, # comments.  `file` is named in messages. */
TSN_MUST_CHECK enum tsn_code tsn_grok_set_add_text(struct tsn_grok_set *s, struct tsn_slice file,
    struct tsn_slice text, struct tsn_err *err);
/** The definitions the program carries: with the older names of fields, or those of ECS. */
TSN_MUST_CHECK enum tsn_code tsn_grok_set_add_builtin(struct tsn_grok_set *s, bool ecs,
    struct tsn_err *err);
size_t tsn_grok_set_count(const struct tsn_grok_set *s);
/** Name and definition by number (< count), in order of their first appearance. */
void tsn_grok_set_get(const struct tsn_grok_set *s, size_t i, struct tsn_slice *ret_name,
    struct tsn_slice *ret_regex);

enum tsn_grok_type { TSN_GROK_TEXT, TSN_GROK_INT, TSN_GROK_FLOAT };

struct tsn_grok_options {
	bool all_captures;		/* %{NAME} captures as NAME (named_captures_only => false) */
	bool keep_empty_captures;	/* captures of no bytes are kept */
	bool regex_only;		/* tries every pattern: for tests of the prefilter */
};

struct tsn_grok_field {
	struct tsn_slice name;		/* as written: "pid", "[process][pid]" */
	enum tsn_grok_type type;
};

/** opt may be NULL.  An error's pos is the number of the pattern. */
TSN_MUST_CHECK enum tsn_code tsn_grok_compile(const struct tsn_grok_set *set,
    const struct tsn_slice *patterns, size_t count, const struct tsn_grok_options *opt,
    struct tsn_grok **ret, struct tsn_err *err);
void tsn_grok_free(struct tsn_grok *g);
size_t tsn_grok_pattern_count(const struct tsn_grok *g);
/** Fields of all patterns; the same name and type is one field.  Good until tsn_grok_free. */
const struct tsn_grok_field *tsn_grok_fields(const struct tsn_grok *g, size_t *ret_count);
/** For this list of patterns; NULL when memory is exhausted. */
TSN_MUST_CHECK struct tsn_grok_scratch *tsn_grok_scratch_new(const struct tsn_grok *g);
void tsn_grok_scratch_free(struct tsn_grok_scratch *s);

struct tsn_grok_capture {
	uint32_t field;			/* index into tsn_grok_fields */
	struct tsn_slice text;		/* slice of the text */
};

struct tsn_grok_result {
	uint32_t pattern;		/* which one matched, or was given up */
	uint32_t count;
	const struct tsn_grok_capture *captures;	/* one field's captures are a list */
};

/**
 * The first pattern from number `from` on that matches: TSN_OK; TSN_ENOTFOUND when none does;
 * TSN_ELIMIT when ret->pattern was given up (counted; go on with ret->pattern + 1, or stop).
 * For break_on_match => false, go on with ret->pattern + 1 until TSN_ENOTFOUND.
 * Captures stand in the order in which Logstash sets them: by first appearance of pattern and
 * field.
 */
TSN_MUST_CHECK enum tsn_code tsn_grok_match(const struct tsn_grok *g, struct tsn_grok_scratch *s,
    struct tsn_slice text, uint32_t from, struct tsn_grok_result *ret);

struct tsn_grok_stats {
	uint64_t texts;			/* calls with from == 0 */
	uint64_t limit_hits;		/* searches that were given up */
	uint64_t tried;			/* patterns that were run */
};

struct tsn_grok_stats tsn_grok_stats_get(const struct tsn_grok_scratch *s);

#endif
