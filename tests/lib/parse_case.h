/*
 * One record through the parser and its fields as text, for tests: fields(name) gives the value of
 * the first field of that name, or NULL.
 */
#ifndef TSN_TESTS_PARSE_CASE_H
#define TSN_TESTS_PARSE_CASE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "parse/parse.h"

struct parse_case {
	struct tsn_keys *keys;
	struct tsn_parser *parser;
	struct tsn_batch batch;
	struct tsn_source source;
	const struct tsn_event *ev;	/* of the last record; NULL when it made none */
	int64_t received_ns;
	char text[8][4096];
	unsigned next;
};

static inline void
parse_case_open(struct parse_case *c)
{
	memset(c, 0, sizeof *c);
	c->keys = tsn_keys_new();
	TSN_ASSERT(c->keys != NULL);
	c->parser = tsn_parser_new(c->keys);
	TSN_ASSERT(c->parser != NULL);
	TSN_ASSERT(tsn_batch_init(&c->batch, c->keys, 64) == TSN_OK);
	c->source.path = TSN_SLICE("/var/log/test.log");
	c->received_ns = INT64_C(1767225600) * TSN_NS_PER_SEC;	/* 2026-01-01T00:00:00Z */
}

static inline void
parse_case_close(struct parse_case *c)
{
	tsn_parser_free(c->parser);
	tsn_batch_done(&c->batch);
	tsn_keys_free(c->keys);
}

/** The event of this record (or NULL); the one before is gone. */
static inline const struct tsn_event *
parse_case_run(struct parse_case *c, struct tsn_slice record)
{
	struct tsn_record rec = {.bytes = record, .line = 1, .received_ns = c->received_ns,
	    .source = &c->source};

	tsn_batch_reset(&c->batch);
	TSN_ASSERT(tsn_parser_record(c->parser, &rec, &c->batch, &c->ev) == TSN_OK);
	TSN_ASSERT(c->batch.count == (c->ev != NULL));
	return c->ev;
}

/** Value of the first field of that name, NUL-terminated; NULL when the event has none. */
static inline const char *
parse_case_get(struct parse_case *c, const char *name)
{
	char scratch[TSN_TIME_TEXT_MAX];
	tsn_key key = tsn_keys_find(c->keys, tsn_slice_cstr(name));
	const struct tsn_field *f = key == TSN_KEY_NONE || c->ev == NULL ? NULL :
	    tsn_event_find(c->ev, key);
	char *out = c->text[c->next++ % 8];
	struct tsn_slice v;

	if (f == NULL)
		return NULL;
	v = tsn_field_text(f, scratch);
	TSN_ASSERT(v.len < sizeof c->text[0]);
	memcpy(out, v.ptr, v.len);
	out[v.len] = '\0';
	return out;
}

/**
 * Checks "name=value" expectations separated by '|'; "name=" means empty, "!name" means absent.
 * Prints what differs and returns false.
 */
static inline bool
parse_case_expect(struct parse_case *c, const char *record, const char *expect)
{
	char copy[4096], *save = NULL;
	bool ok = true;

	parse_case_run(c, tsn_slice_cstr(record));
	TSN_ASSERT(strlen(expect) < sizeof copy);
	memcpy(copy, expect, strlen(expect) + 1);
	for (char *item = strtok_r(copy, "|", &save); item != NULL; item = strtok_r(NULL, "|", &save)) {
		char *eq = strchr(item, '=');
		const char *value;

		if (item[0] == '!') {
			if (parse_case_get(c, item + 1) == NULL)
				continue;
			printf("# %s\n#   should not have %s\n", record, item + 1);
			ok = false;
			continue;
		}
		TSN_ASSERT(eq != NULL);
		*eq = '\0';
		value = parse_case_get(c, item);
		if (value != NULL && strcmp(value, eq + 1) == 0)
			continue;
		printf("# %s\n#   %s: expected '%s', got '%s'\n", record, item, eq + 1,
		    value == NULL ? "(absent)" : value);
		ok = false;
	}
	return ok;
}

/** A record and what its event has: "name=value" or "!name", with | between. */
struct parse_form {
	const char *record, *expect;
};

/** Are all forms read as they should be, in this order, by one parser?  Prints those that are not. */
static inline bool
parse_case_forms(const struct parse_form *forms, size_t count)
{
	static struct parse_case c;
	bool ok = true;

	parse_case_open(&c);
	for (size_t i = 0; i < count; i++)
		ok &= parse_case_expect(&c, forms[i].record, forms[i].expect);
	parse_case_close(&c);
	return ok;
}

#endif
