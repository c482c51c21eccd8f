#include "parse/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RECORDS_MAX 1024

struct got {
	char *text;
	size_t len;
	uint64_t offset, line;
	bool truncated;
};

struct all {
	struct got rec[RECORDS_MAX];
	size_t count;
	uint64_t position, line, skipped;
};

static void
drain(struct tsn_framer *f, struct all *a)
{
	struct tsn_frame fr;

	while (tsn_framer_next(f, &fr) == TSN_OK) {
		struct got *g = &a->rec[a->count++];

		assert_true(a->count < RECORDS_MAX);
		g->text = malloc(fr.bytes.len + 1);
		assert_non_null(g->text);
		memcpy(g->text, fr.bytes.ptr, fr.bytes.len);
		g->text[fr.bytes.len] = '\0';
		g->len = fr.bytes.len;
		g->offset = fr.offset;
		g->line = fr.line;
		g->truncated = fr.truncated;
	}
}

/* Feeds text in pieces of `cut` bytes (0: of pseudo-random sizes). */
static struct all *
run(const struct tsn_frame_start *start, const char *text, size_t len, size_t cut, unsigned seed)
{
	struct tsn_framer *f = tsn_framer_new(start);
	struct all *a = calloc(1, sizeof *a);

	assert_non_null(f);
	assert_non_null(a);
	for (size_t at = 0; at < len;) {
		size_t n = cut;
		char *piece;

		if (cut == 0) {
			seed = seed * 1103515245u + 12345u;
			n = 1 + (seed >> 16) % 97;
		}
		if (n > len - at)
			n = len - at;
		piece = malloc(n);	/* so that a look outside it is seen */
		assert_non_null(piece);
		memcpy(piece, text + at, n);
		tsn_framer_feed(f, tsn_slice_of(piece, n));
		drain(f, a);
		free(piece);
		at += n;
	}
	tsn_framer_flush(f, TSN_FRAME_END);
	drain(f, a);
	a->position = tsn_framer_position(f);
	a->line = tsn_framer_line(f);
	a->skipped = tsn_framer_skipped(f);
	assert_int_equal(tsn_framer_pending(f), 0);
	tsn_framer_free(f);
	return a;
}

static void
all_free(struct all *a)
{
	for (size_t i = 0; i < a->count; i++)
		free(a->rec[i].text);
	free(a);
}

static void
same(const struct all *a, const struct all *b, size_t skip)
{
	if (a->count != b->count + skip)
		for (size_t i = 0; i < b->count; i++)
			print_error("from record %zu: '%s'\n", skip, b->rec[i].text);
	assert_int_equal(a->count, b->count + skip);
	for (size_t i = 0; i < b->count; i++) {
		const struct got *x = &a->rec[i + skip], *y = &b->rec[i];

		assert_string_equal(x->text, y->text);
		assert_int_equal(x->len, y->len);
		assert_int_equal(x->offset, y->offset);
		assert_int_equal(x->line, y->line);
		assert_int_equal(x->truncated, y->truncated);
	}
	assert_int_equal(a->position, b->position);
	assert_int_equal(a->line, b->line);
}

/* The same for every cut, and from every record on. */
static struct all *
check(const struct tsn_frame_start *start, const char *text, size_t len)
{
	static const size_t cuts[] = {1, 2, 3, 7, 64, 0, 0, 0};
	struct all *whole = run(start, text, len, len + 1, 0);
	size_t from = start == NULL ? 0 : (size_t)start->offset;

	for (size_t i = 0; i < TSN_COUNT(cuts); i++) {
		struct all *a = run(start, text, len, cuts[i], (unsigned)i);

		same(whole, a, 0);
		all_free(a);
	}
	for (size_t i = 0; i < whole->count; i++) {
		const struct got *g = &whole->rec[i];
		struct tsn_frame_start s = {
			.mode = start == NULL ? TSN_FRAME_AUTO : start->mode,
			.offset = g->offset, .line = g->line, .head = tsn_slice_of(text, len < 4 ? len : 4)};
		struct all *a = run(&s, text + (g->offset - from), len - (size_t)(g->offset - from),
		    i % 2 == 0 ? 5 : len + 1, 0);

		same(whole, a, i);
		all_free(a);
	}
	return whole;
}

struct vector {
	const char *name, *text;
	const char *want[12];
	enum tsn_frame_mode mode;
};

static const struct vector vectors[] = {
	{"lines", "one\ntwo\r\n\n  \nthree", {"one", "two", "three"}, TSN_FRAME_AUTO},
	{"a byte order mark", "\xef\xbb\xbfone\ntwo\n", {"one", "two"}, TSN_FRAME_AUTO},
	{"syslog", "Jan  1 00:00:00 h a[1]: x\nJan  1 00:00:01 h a[1]: y\n",
		{"Jan  1 00:00:00 h a[1]: x", "Jan  1 00:00:01 h a[1]: y"}, TSN_FRAME_AUTO},
	{"JSON lines", "{\"a\":1}\n{\"b\":{\"c\":\"}\\\"{\"}}\r\n{}\n",
		{"{\"a\":1}", "{\"b\":{\"c\":\"}\\\"{\"}}", "{}"}, TSN_FRAME_AUTO},
	{"JSON over lines", "{\n  \"a\": [\n    1,\n{}\n  ]\n}\n{ \"b\": 2 }{\"c\":3} {\"d\":4}",
		{"{\n  \"a\": [\n    1,\n{}\n  ]\n}", "{ \"b\": 2 }", "{\"c\":3}", "{\"d\":4}"}, TSN_FRAME_AUTO},
	{"a JSON array", "[\n  {\"a\":1},\n  {\"b\":[2]}\n]\nafter\n",
		{"{\"a\":1}", "{\"b\":[2]}", "after"}, TSN_FRAME_AUTO},
	{"a JSON array on one line", "[{\"a\":1},{\"b\":2}, {\"c\":3}]",
		{"{\"a\":1}", "{\"b\":2}", "{\"c\":3}"}, TSN_FRAME_AUTO},
	{"a list of records in an object", "{\"Records\":[{\"a\":1},{\"b\":[{}]}]}\n{ \"records\" : [\n {\"c\":3}\n]\n}\nx",
		{"{\"a\":1}", "{\"b\":[{}]}", "{\"c\":3}", "x"}, TSN_FRAME_AUTO},
	{"objects much like it", "{\"Records\":[1]}\n{\"Records\":[]}\n{\"Recor\":[{\"a\":1}]}\n{\"Records\"",
		{"{\"Records\":[1]}", "{\"Records\":[]}", "{\"Recor\":[{\"a\":1}]}", "{\"Records\""}, TSN_FRAME_AUTO},
	{"JSON that breaks in a string", "{\"a\": \"x\n{\"b\":1}\n",
		{"{\"a\": \"x", "{\"b\":1}"}, TSN_FRAME_AUTO},
	{"JSON that breaks at a line", "{\"a\": {\"x\":1}\n{\"b\":1}\n{\"c\":\nJan 1\n",
		{"{\"a\": {\"x\":1}", "{\"b\":1}", "{\"c\":", "Jan 1"}, TSN_FRAME_AUTO},
	{"JSON and text", "{\"a\":1} and more\n{x} y\n[Sun Dec 04] e\n[1,2]\n[ {\"a\":1} ]\n",
		{"{\"a\":1} and more", "{x} y", "[Sun Dec 04] e", "[1,2]", "{\"a\":1}"}, TSN_FRAME_AUTO},
	{"JSON as lines", "{\n\"a\":1}\n\ttab\n", {"{", "\"a\":1}", "\ttab"}, TSN_FRAME_LINES},
	{"CSV", "a,\"b\nc\"\"d\n\",e\nf\n", {"a,\"b\nc\"\"d\n\",e", "f"}, TSN_FRAME_CSV},
	{"a Java trace", "ERROR x\njava.io.IOException: no\n\tat a.b(C.java:1)\n\t... 3 more\n"
		"Caused by: y\n    at d\nINFO z\n",
		{"ERROR x\njava.io.IOException: no\n\tat a.b(C.java:1)\n\t... 3 more\nCaused by: y\n    at d",
		"INFO z"}, TSN_FRAME_AUTO},
	{"a Python traceback", "Traceback (most recent call last):\n  File \"x\", line 1\n    f()\n"
		"ValueError: v\n\nDuring handling of the above exception, another occurred:\n\n"
		"Traceback (most recent call last):\n  File \"y\"\nKeyError: k\nnext\n",
		{"Traceback (most recent call last):\n  File \"x\", line 1\n    f()\n"
		"ValueError: v\n\nDuring handling of the above exception, another occurred:\n\n"
		"Traceback (most recent call last):\n  File \"y\"\nKeyError: k", "next"}, TSN_FRAME_AUTO},
	{"a traceback in a log", "2024-01-01 00:00:00 ERROR x\nTraceback (most recent call last):\n"
		"  File \"x\"\nValueError: v\n2024-01-01 00:00:01 INFO y\n",
		{"2024-01-01 00:00:00 ERROR x\nTraceback (most recent call last):\n  File \"x\"\nValueError: v",
		"2024-01-01 00:00:01 INFO y"}, TSN_FRAME_AUTO},
	{"indented lines", "2024-01-01 10:00:00 UTC [1] LOG:  statement: select\n\tfrom t\n\t\n\twhere 1\n"
		"2024-01-01 10:00:01 UTC [1] LOG:  x\n\n\tnot this one\n",
		{"2024-01-01 10:00:00 UTC [1] LOG:  statement: select\n\tfrom t\n\t\n\twhere 1",
		"2024-01-01 10:00:01 UTC [1] LOG:  x", "\tnot this one"}, TSN_FRAME_AUTO},
	{"parts of a message", "Feb 10 23:15:39 h postgres[8]: [3-1] LOG:  a\n"
		"Feb 10 23:15:39 h postgres[8]: [3-2] #011b\nFeb 10 23:15:39 h postgres[8]: [4-1] LOG:  c\n"
		"Feb 10 23:15:39 h postgres[9]: [4-2] d\n",
		{"Feb 10 23:15:39 h postgres[8]: [3-1] LOG:  a\nFeb 10 23:15:39 h postgres[8]: [3-2] #011b",
		"Feb 10 23:15:39 h postgres[8]: [4-1] LOG:  c", "Feb 10 23:15:39 h postgres[9]: [4-2] d"},
		TSN_FRAME_AUTO},
	{"the slow log", "/usr/sbin/mysqld, Version: 5.7. started with:\nTcp port: 3306\n"
		"Time                 Id Command    Argument\n# Time: 071015 21:43:52\n"
		"# User@Host: root[root] @ localhost []\n# Query_time: 2\nuse test;\n\nselect 1\n# note\nfrom n;\n"
		"# User@Host: a[a] @ b []\n# Query_time: 1\n# administrator command: Quit;\n"
		"# Time: 071015 21:45:10\n# Query_time: 2\nselect 2;\n/usr/sbin/mysqld, Version: 5.7. started with:\n",
		{"/usr/sbin/mysqld, Version: 5.7. started with:", "Tcp port: 3306",
		"Time                 Id Command    Argument", "# Time: 071015 21:43:52\n"
		"# User@Host: root[root] @ localhost []\n# Query_time: 2\nuse test;\n\nselect 1\n# note\nfrom n;",
		"# User@Host: a[a] @ b []\n# Query_time: 1\n# administrator command: Quit;",
		"# Time: 071015 21:45:10\n# Query_time: 2\nselect 2;",
		"/usr/sbin/mysqld, Version: 5.7. started with:"}, TSN_FRAME_AUTO},
	{"the general log", "051007 21:55:24\t     42 Connect     root@localhost on db1\n"
		"\t\t     42 Query       SELECT foo \nFROM tbl\n\n  WHERE x\n\t\t     42 Quit\n"
		"               \t     11 Init DB     w\n",
		{"051007 21:55:24\t     42 Connect     root@localhost on db1",
		"\t\t     42 Query       SELECT foo \nFROM tbl\n\n  WHERE x", "\t\t     42 Quit",
		"               \t     11 Init DB     w"}, TSN_FRAME_AUTO},
	{"the general log since 5.7", "2016-06-07T19:07:02.558338Z\t    3 Connect\ta@b on  using Socket\n"
		"2016-06-07T19:07:02.558581+02:00    4 Query\tselect 1,\n2\n"
		"2016-06-07T19:07:03.558581Z    4 Quit\t\n",
		{"2016-06-07T19:07:02.558338Z\t    3 Connect\ta@b on  using Socket",
		"2016-06-07T19:07:02.558581+02:00    4 Query\tselect 1,\n2",
		"2016-06-07T19:07:03.558581Z    4 Quit\t"}, TSN_FRAME_AUTO},
	{"csvlog", "2021-01-22 10:03:22.785 CET,\"a\",\"x\ny \"\"q\"\" \n\n z\",1\n"
		"2021-01-22 10:03:22.785 CET,\"cut\n2021-01-22 10:03:22.785 CET,1\n\"2026-05-16 05:11:50.269 UTC\",\"u\n\"\n",
		{"2021-01-22 10:03:22.785 CET,\"a\",\"x\ny \"\"q\"\" \n\n z\",1",
		"2021-01-22 10:03:22.785 CET,\"cut", "2021-01-22 10:03:22.785 CET,1",
		"\"2026-05-16 05:11:50.269 UTC\",\"u\n\""}, TSN_FRAME_AUTO},
	{"quoted SQL", "\"Feb 16 06:32:50 \"\t\"127.0.0.1\" \"root@localhost\" \"select *\nfrom \\\"user\\\"\"\n"
		"\"Feb 16 06:32:51 \"\t\"127.0.0.1\" \"root@localhost\" \"x\"\n",
		{"\"Feb 16 06:32:50 \"\t\"127.0.0.1\" \"root@localhost\" \"select *\nfrom \\\"user\\\"\"",
		"\"Feb 16 06:32:51 \"\t\"127.0.0.1\" \"root@localhost\" \"x\""}, TSN_FRAME_AUTO},
};

static void
test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < TSN_COUNT(vectors); i++) {
		const struct vector *v = &vectors[i];
		struct tsn_frame_start start = {.mode = v->mode};
		struct all *a = check(&start, v->text, strlen(v->text));
		size_t n = 0;

		for (; n < TSN_COUNT(v->want) && v->want[n] != NULL; n++) {
			if (n >= a->count || strcmp(a->rec[n].text, v->want[n]) != 0)
				fail_msg("%s: record %zu is '%s', not '%s'", v->name, n,
				    n < a->count ? a->rec[n].text : "(none)", v->want[n]);
		}
		if (a->count != n)
			fail_msg("%s: %zu records, not %zu", v->name, a->count, n);
		all_free(a);
	}
}

static void
test_places(void **state)
{
	static const char text[] = "a\n\n{\n\"b\":1}\n[{},\n {\"c\":2}]\nd";
	struct all *a = check(NULL, text, sizeof text - 1);
	static const uint64_t want[][2] = {{0, 1}, {3, 3}, {13, 5}, {18, 6}, {27, 7}};

	(void)state;
	assert_int_equal(a->count, TSN_COUNT(want));
	for (size_t i = 0; i < a->count; i++) {
		assert_int_equal(a->rec[i].offset, want[i][0]);
		assert_int_equal(a->rec[i].line, want[i][1]);
	}
	assert_int_equal(a->position, sizeof text - 1);
	all_free(a);
}

static void
test_nul(void **state)
{
	static const char text[] = "a\0b\n\0\nc\0";
	struct all *a = check(NULL, text, sizeof text - 1);

	(void)state;
	assert_int_equal(a->count, 3);
	assert_int_equal(a->rec[0].len, 3);
	assert_int_equal(a->rec[1].len, 1);
	assert_int_equal(a->rec[2].len, 2);
	all_free(a);
}

static void
test_wide(void **state)
{
	/* "aé\r\n" and a pair and a lone surrogate. */
	static const char little[] = "\xff\xfe" "a\0\xe9\0\r\0\n\0" "\x3d\xd8\x00\xde" "\x3d\xd8" "x\0";
	static const char big[] = "\xfe\xff" "\0a\0\xe9\0\r\0\n" "\xd8\x3d\xde\x00" "\xd8\x3d" "\0x";
	static const char *const want[] = {"a\xc3\xa9", "\xf0\x9f\x98\x80\xef\xbf\xbdx"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct all *a = check(NULL, i == 0 ? little : big, sizeof little - 1);

		assert_int_equal(a->count, 2);
		assert_string_equal(a->rec[0].text, want[0]);
		assert_string_equal(a->rec[1].text, want[1]);
		assert_int_equal(a->rec[0].offset, 2);
		assert_int_equal(a->rec[1].offset, 10);
		assert_int_equal(a->position, sizeof little - 1);
		all_free(a);
	}
}

struct text {
	char *ptr;
	size_t len, cap;
};

static void
add(struct text *t, const char *s)
{
	size_t n = strlen(s);

	assert_true(t->len + n <= t->cap);
	memcpy(t->ptr + t->len, s, n);
	t->len += n;
}

static void
add_run(struct text *t, char c, size_t n)
{
	assert_true(t->len + n <= t->cap);
	memset(t->ptr + t->len, c, n);
	t->len += n;
}

static void
test_too_long(void **state)
{
	size_t over = TSN_RECORD_BYTES_MAX + 40000;
	struct text t = {malloc(5 * over), 0, 5 * over};
	static const size_t cuts[] = {4096, 65536, 1u << 20};
	struct all *whole;

	(void)state;
	assert_non_null(t.ptr);
	add(&t, "2024-01-01 00:00:00 a\n  b\n ");
	add_run(&t, 'x', over);
	add(&t, "\nshort\n{\"a\":\n \"");
	add_run(&t, 'y', over);
	add(&t, "\"}\nend\n2024-01-01 00:00:00 a\n");
	for (size_t i = 0; i < over / 100; i++) {
		add(&t, " ");
		add_run(&t, 'z', 98);
		add(&t, "\n");
	}
	whole = run(NULL, t.ptr, t.len, t.len, 0);
	assert_string_equal(whole->rec[1].text, "short");
	assert_true(whole->rec[0].truncated && whole->rec[2].truncated);
	assert_int_equal(whole->rec[0].len, TSN_RECORD_BYTES_MAX);
	assert_string_equal(whole->rec[3].text, "end");
	assert_int_equal(whole->rec[3].line, 7);
	assert_int_equal(whole->skipped, 40027 + 40010);
	/* many lines: the record ends between two, and nothing is lost */
	assert_false(whole->rec[4].truncated);
	assert_true(whole->rec[4].len > TSN_RECORD_BYTES_MAX - 100);
	for (size_t i = 0; i < TSN_COUNT(cuts); i++) {
		struct all *a = run(NULL, t.ptr, t.len, cuts[i], 0);

		same(whole, a, 0);
		assert_int_equal(a->skipped, whole->skipped);
		all_free(a);
	}
	all_free(whole);
	free(t.ptr);
}

static void
test_idle(void **state)
{
	struct tsn_framer *f = tsn_framer_new(NULL);
	static struct all a;

	(void)state;
	tsn_framer_feed(f, TSN_SLICE("one\ntwo\nthr"));
	drain(f, &a);
	tsn_framer_flush(f, TSN_FRAME_IDLE);
	drain(f, &a);
	assert_int_equal(a.count, 2);
	assert_int_equal(tsn_framer_position(f), 8);
	assert_int_equal(tsn_framer_line(f), 3);
	assert_int_equal(tsn_framer_pending(f), 3);
	tsn_framer_feed(f, TSN_SLICE("ee\n"));
	drain(f, &a);
	assert_int_equal(a.count, 2);
	tsn_framer_flush(f, TSN_FRAME_IDLE);
	drain(f, &a);
	assert_int_equal(a.count, 3);
	tsn_framer_feed(f, TSN_SLICE("{\"a\":1}"));
	drain(f, &a);
	assert_int_equal(a.count, 3);
	tsn_framer_flush(f, TSN_FRAME_IDLE);
	drain(f, &a);
	assert_int_equal(a.count, 4);
	tsn_framer_feed(f, TSN_SLICE("\n{\"a\":"));
	drain(f, &a);
	tsn_framer_flush(f, TSN_FRAME_IDLE);
	drain(f, &a);
	assert_int_equal(a.count, 4);
	assert_int_equal(tsn_framer_position(f), 22);
	for (size_t i = 0; i < a.count; i++)
		free(a.rec[i].text);
	tsn_framer_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_idle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
