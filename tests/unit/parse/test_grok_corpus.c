/* The shipped patterns on real lines with known answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/assert.h"
#include "base/num.h"
#include "event/doc.h"
#include "parse/grok.h"

#define LISTS_MAX 64

struct list {
	char pattern[64];
	bool ecs;
	struct tsn_grok *g;
	struct tsn_grok_scratch *s;
};

static struct tsn_grok_set *sets[2];
static struct list lists[LISTS_MAX];
static unsigned list_count;
static struct tsn_keys *keys;
static struct tsn_doc *doc;
static struct tsn_batch batch;
static uint32_t first;	/* the first field that is the document's */

static struct list *
list_of(struct tsn_slice pattern, bool ecs)
{
	static const struct tsn_grok_options keep = {.keep_empty_captures = true};
	struct tsn_slice text;
	struct list *l = lists;
	struct tsn_err err = {0};
	char ref[80];

	for (; l < lists + list_count; l++)
		if (l->ecs == ecs && tsn_slice_eq(pattern, tsn_slice_cstr(l->pattern)))
			return l;
	TSN_ASSERT(list_count++ < LISTS_MAX);
	TSN_ASSERT(snprintf(l->pattern, sizeof l->pattern, "%.*s", TSN_SLICE_ARG(pattern)) < 64);
	TSN_ASSERT(snprintf(ref, sizeof ref, "%%{%s}", l->pattern) < 80);
	l->ecs = ecs;
	text = tsn_slice_cstr(ref);
	if (tsn_grok_compile(sets[ecs], &text, 1, &keep, &l->g, &err) != TSN_OK) {
		print_message("%s: %s\n", l->pattern, err.msg);
		l->g = NULL;
		return l;
	}
	l->s = tsn_grok_scratch_new(l->g);
	TSN_ASSERT(l->s != NULL);
	return l;
}

static struct tsn_slice
field_text(const struct tsn_event *ev, const char *name)
{
	const struct tsn_field *f = tsn_event_find(ev, tsn_keys_find(keys, tsn_slice_cstr(name)));

	return f == NULL ? TSN_SLICE_NONE : tsn_slice_of(f->ptr, f->len);
}

/* "[a][b]" to "expect.a.b". */
static void
path_of(struct tsn_slice field, const char *top, char *out, size_t cap)
{
	size_t n = (size_t)snprintf(out, cap, "%s", top);

	if (field.ptr[0] != '[') {
		(void)snprintf(out + n, cap - n, ".%.*s", TSN_SLICE_ARG(field));
		return;
	}
	for (size_t i = 0; i < field.len && n + 1 < cap; i++)
		if (field.ptr[i] != ']')
			out[n++] = field.ptr[i] == '[' ? '.' : field.ptr[i];
	out[n] = '\0';
}

static bool
same_value(const struct tsn_field *f, enum tsn_grok_type type, struct tsn_slice text)
{
	double a, b;

	if (f->type == TSN_T_NULL)
		return false;
	if (f->type == TSN_T_STR && type == TSN_GROK_TEXT)
		return tsn_slice_eq(tsn_slice_of(f->ptr, f->len), text);
	return f->type != TSN_T_STR && type != TSN_GROK_TEXT &&
	    tsn_num_parse_f64(tsn_slice_of(f->ptr, f->len), &a) == TSN_OK &&
	    tsn_num_parse_f64(text, &b) == TSN_OK && a == b;
}

/* Whether the n-th value of a field of the document is among the captures as the n-th. */
static bool
captured(const struct list *l, const struct tsn_grok_result *r, const struct tsn_event *ev,
    uint32_t at, const char *top)
{
	size_t count;
	const struct tsn_grok_field *fields = tsn_grok_fields(l->g, &count);
	struct tsn_slice name = tsn_keys_name(keys, ev->fields[at].key);
	unsigned before = 0;
	char path[256];

	for (uint32_t i = first; i < at; i++)
		before += ev->fields[i].key == ev->fields[at].key;
	for (uint32_t i = 0; i < r->count; i++) {
		const struct tsn_grok_field *f = &fields[r->captures[i].field];

		path_of(f->name, top, path, sizeof path);
		if (!tsn_slice_eq(name, tsn_slice_cstr(path)))
			continue;
		if (before-- == 0)
			return same_value(&ev->fields[at], f->type, r->captures[i].text);
	}
	return false;
}

static unsigned
compare(const struct list *l, const struct tsn_grok_result *r, const struct tsn_event *ev,
    const char *top, bool complete)
{
	unsigned wrong = 0, expected = 0;

	for (uint32_t i = first; i < ev->field_count; i++) {
		struct tsn_slice name = tsn_keys_name(keys, ev->fields[i].key);

		if (!tsn_slice_starts(name, tsn_slice_cstr(top)) || name.len == strlen(top))
			continue;
		expected++;
		if (captured(l, r, ev, i, top))
			continue;
		wrong++;
		print_message("  %.*s: not \"%.*s\"\n", TSN_SLICE_ARG(name),
		    (int)ev->fields[i].len, ev->fields[i].ptr);
	}
	if (complete && expected != r->count) {
		print_message("  %u captures, expected %u\n", r->count, expected);
		wrong++;
	}
	return wrong;
}

static unsigned
check_case(struct tsn_slice line, const char *top)
{
	struct tsn_grok_result r = {0};
	struct tsn_event *ev;
	struct tsn_slice text;
	struct list *l;
	enum tsn_code code;
	unsigned wrong;
	bool match;

	tsn_batch_reset(&batch);
	ev = tsn_batch_begin(&batch);
	assert_non_null(ev);
	first = ev->field_count;
	assert_int_equal(tsn_doc_flatten(doc, &batch, TSN_KEY_ROOT, NULL, line, NULL), TSN_OK);
	l = list_of(field_text(ev, "pattern"), tsn_slice_eq(field_text(ev, "mode"), TSN_SLICE("ecs-v1")));
	text = field_text(ev, "text");
	tsn_batch_abandon(&batch);
	if (l->g == NULL)
		return 1;
	code = tsn_grok_match(l->g, l->s, text, 0, &r);
	match = tsn_event_find(ev, tsn_keys_find(keys, TSN_SLICE("match")))->num.i != 0;
	if (code != (match ? TSN_OK : TSN_ENOTFOUND)) {
		print_message("  answer %d, expected match %d\n", code, match);
		wrong = 1;
	} else {
		wrong = match ? compare(l, &r, ev, top, strcmp(top, "expect") == 0) : 0;
	}
	if (wrong > 0)
		print_message("%s %s: %.*s\n", l->pattern, l->ecs ? "ecs" : "legacy", TSN_SLICE_ARG(text));
	return wrong > 0;
}

static void
run_file(const char *file, const char *top)
{
	const char *corpus = getenv("TOCSIN_CORPUS");
	static char line[1 << 16];
	unsigned cases = 0, wrong = 0;
	char path[4096];
	FILE *f;

	TSN_ASSERT(snprintf(path, sizeof path, "%s/06-parser-vectors/grok/%s",
	    corpus == NULL ? "/nonexistent" : corpus, file) < (int)sizeof path);
	f = fopen(path, "re");
	if (f == NULL) {
		print_message("no corpus at %s\n", path);
		skip();
	}
	for (; fgets(line, sizeof line, f) != NULL; cases++)
		wrong += check_case(tsn_slice_trim(tsn_slice_cstr(line)), top);
	(void)fclose(f);
	print_message("%s: %u cases, %u wrong\n", file, cases, wrong);
	assert_true(cases > 0);
	assert_int_equal(wrong, 0);
}

static void
cases(void **state)
{
	(void)state;
	run_file("cases.jsonl", "expect_include");
}

static void
real_logs(void **state)
{
	(void)state;
	run_file("oracle_real_logs.jsonl", "expect");
}

static int
open_all(void **state)
{
	(void)state;
	for (int ecs = 0; ecs < 2; ecs++) {
		sets[ecs] = tsn_grok_set_new();
		TSN_ASSERT(sets[ecs] != NULL);
		TSN_ASSERT(tsn_grok_set_add_builtin(sets[ecs], ecs == 1, NULL) == TSN_OK);
	}
	keys = tsn_keys_new();
	doc = tsn_doc_new(keys);
	return doc == NULL || tsn_batch_init(&batch, keys, 4) != TSN_OK ? -1 : 0;
}

static int
close_all(void **state)
{
	(void)state;
	for (unsigned i = 0; i < list_count; i++) {
		tsn_grok_scratch_free(lists[i].s);
		tsn_grok_free(lists[i].g);
	}
	tsn_grok_set_free(sets[0]);
	tsn_grok_set_free(sets[1]);
	tsn_batch_done(&batch);
	tsn_doc_free(doc);
	tsn_keys_free(keys);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases),
		cmocka_unit_test(real_logs),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
