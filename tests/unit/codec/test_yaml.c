#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codec/yaml_int.h"
#include "yaml_same.h"

static struct tsn_arena arena;

/* A tree as text: {k:v,...}, [..], 'string', plain numbers. */
static void
show(const struct tsn_yaml *n, char *out, size_t cap)
{
	size_t at = strlen(out);

	if (n->kind == TSN_YAML_MAP || n->kind == TSN_YAML_SEQ) {
		bool map = n->kind == TSN_YAML_MAP;

		(void)snprintf(out + at, cap - at, "%c", map ? '{' : '[');
		for (const struct tsn_yaml *k = n->first; k != NULL; k = k->next) {
			at = strlen(out);
			if (map)
				(void)snprintf(out + at, cap - at, "%.*s:", TSN_SLICE_ARG(k->key));
			show(k, out, cap);
			at = strlen(out);
			if (k->next != NULL)
				(void)snprintf(out + at, cap - at, ",");
		}
		at = strlen(out);
		(void)snprintf(out + at, cap - at, "%c", map ? '}' : ']');
	} else if (n->kind == TSN_YAML_STR) {
		(void)snprintf(out + at, cap - at, "'%.*s'", TSN_SLICE_ARG(n->text));
	} else if (n->kind == TSN_YAML_NULL) {
		(void)snprintf(out + at, cap - at, "null");
	} else if (n->kind == TSN_YAML_FLOAT) {
		(void)snprintf(out + at, cap - at, "%g", n->num.d);
	} else {
		(void)snprintf(out + at, cap - at, "%s%lld", n->kind == TSN_YAML_BOOL ? "b" : "",
		    (long long)n->num.i);
	}
}

struct good {
	const char *text;
	const char *tree;	/* documents one after the other, by blanks */
	bool fast;		/* the fast reader must take it */
};

static const struct good goods[] = {
	{"a: b\n", "{a:'b'}", true},
	{"a: b", "{a:'b'}", true},
	{"---\na: b\n---\nc: d\n", "{a:'b'} {c:'d'}", true},
	{"# x\n\na: 'it''s' # c\nb: \"q\\\"\\\\n\"\n", "{a:'it's',b:'q\"\\n'}", true},
	{"a:\n  - 1\n  - 0x10\n  - 1.5\n  - ~\n  - true\n  - yes\n  - '1'\n",
	    "{a:[1,16,1.5,null,b1,'yes','1']}", true},
	{"a:\n- x\n- y\nb: z\n", "{a:['x','y'],b:'z'}", true},
	{"a:\n  - b: 1\n    c: 2\n  - d: 3\n", "{a:[{b:1,c:2},{d:3}]}", true},
	{"a:\n  - - x\n    - y\n  -\n    z: 1\n", "{a:[['x','y'],{z:1}]}", true},
	{"a:\n  -\n  - x\n", "{a:[null,'x']}", false},
	{"a: |\n  one\n    two\n\n  three\n\nb: c\n", "{a:'one\n  two\n\nthree\n',b:'c'}", true},
	{"a: |-\n  one\n\n", "{a:'one'}", true},
	{"a: |+\n  one\n\nb: 1\n", "{a:'one\n\n',b:1}", true},
	{"a: |\n  one", "{a:'one\n'}", false},
	{"a: one\n  two\n\n  three\nb: c\n", "{a:'one two\nthree',b:'c'}", true},
	{"a:\nb:\n  c:\n", "{a:null,b:{c:null}}", true},
	{"- a\n- b: c\n", "['a',{b:'c'}]", true},
	{"'a|all': x\n\"b\": y\n", "{a|all:'x',b:'y'}", true},
	{"a: C:\\x\\*.exe\nb: x#y\nc: http://z\n", "{a:'C:\\x\\*.exe',b:'x#y',c:'http://z'}", true},
	{"a: -x\nb: -1\nc: :x\n", "{a:'-x',b:-1,c:':x'}", true},
	{"\xef\xbb\xbf" "a: b\r\nc: d\r\n", "{a:'b',c:'d'}", false},
	{"a: 'x''''y'\nb: ['x''''y', '''''']\n", "{a:'x''y',b:['x''y','''']}", false},
	{"a: [1, {b: c}]\n", "{a:[1,{b:'c'}]}", false},
	{"a: &x [1, 2]\nb: *x\nc: *x\n", "{a:[1,2],b:[1,2],c:[1,2]}", false},
	{"a: >\n  one\n  two\n", "{a:'one two\n'}", false},
	{"a: !!str 12\n", "{a:'12'}", false},
	{"a: \"x\\x41\"\n", "{a:'xA'}", false},
	{"a: 'one\n  two'\n", "{a:'one two'}", false},
};

static void
test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < TSN_COUNT(goods); i++) {
		const struct tsn_yaml *fast, *full;
		struct tsn_slice text = tsn_slice_cstr(goods[i].text);
		struct tsn_err err = {0};
		char out[500] = "", why[200];
		enum tsn_code code;

		tsn_arena_reset(&arena);
		if (tsn_yaml_parse_full(&arena, text, &full, &err) != TSN_OK)
			fail_msg("%s: %s", goods[i].text, err.msg);
		for (const struct tsn_yaml *d = full; d != NULL; d = d->next) {
			show(d, out, sizeof out);
			if (d->next != NULL)
				(void)strncat(out, " ", sizeof out - strlen(out) - 1);
		}
		if (strcmp(out, goods[i].tree) != 0)
			fail_msg("%s: %s", goods[i].text, out);
		code = tsn_yaml_int_fast(&arena, text, &fast);
		if (code != (goods[i].fast ? TSN_OK : TSN_EAGAIN))
			fail_msg("fast reader: %d for %s", (int)code, goods[i].text);
		if (code == TSN_OK && yaml_differs(fast, full, 0, why)[0] != '\0')
			fail_msg("%s: %s", goods[i].text, why);
	}
}

struct bad {
	const char *text;
	const char *says;
	uint64_t line;
	enum tsn_code code;
};

static const struct bad bads[] = {
	{"a: b\na: c\n", "key \"a\" stands twice", 2, TSN_EPARSE},
	{"a: b\nb: [1, 2\n", "not YAML", 3, TSN_EPARSE},
	{"a: b: c\n", "not YAML", 1, TSN_EPARSE},
	{"a:\n  b: c\n d: e\n", "not YAML", 3, TSN_EPARSE},
	{"a: *none\n", "alias \"none\" names no finished anchor", 1, TSN_EPARSE},
	{"a: &x [*x]\n", "alias \"x\" names no finished anchor", 1, TSN_EPARSE},
	{"? [a]\n: b\n", "a key is a list", 1, TSN_EPARSE},
	{"a: !python/object x\n", "tag", 1, TSN_EPARSE},
	{"a: \xff\xfe\n", "not YAML", 1, TSN_EPARSE},
	{"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
	 "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
	 "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
	    "aliases expanded", 6, TSN_ELIMIT},
};

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < TSN_COUNT(bads); i++) {
		const struct tsn_yaml *first;
		struct tsn_err err = {0};
		enum tsn_code code;

		tsn_arena_reset(&arena);
		code = tsn_yaml_parse(&arena, tsn_slice_cstr(bads[i].text), &first, &err);
		if (code != bads[i].code || strstr(err.msg, bads[i].says) == NULL ||
		    err.pos != bads[i].line)
			fail_msg("%s: code %d line %llu: %s", bads[i].text, (int)code,
			    (unsigned long long)err.pos, err.msg);
	}
}

static void
test_deep(void **state)
{
	static char text[20000];
	const struct tsn_yaml *first;
	struct tsn_err err = {0};

	(void)state;
	tsn_arena_reset(&arena);
	memset(text, '[', 10000);
	assert_int_not_equal(tsn_yaml_parse(&arena, tsn_slice_of(text, 10000), &first, &err), TSN_OK);
	for (size_t i = 0; i < 10000; i++)
		memcpy(text + 2 * i, "- ", 2);
	assert_int_not_equal(tsn_yaml_parse(&arena, tsn_slice_of(text, 20000), &first, &err), TSN_OK);
}

static void
test_no_bytes(void **state)
{
	const struct tsn_yaml *first;
	struct tsn_err err = {0};

	(void)state;
	tsn_arena_reset(&arena);
	if (tsn_yaml_parse(&arena, (struct tsn_slice){NULL, 0}, &first, &err) == TSN_OK)
		assert_null(first);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_bytes),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_deep),
	};
	int failed;

	tsn_arena_init(&arena, 64u << 20);
	failed = cmocka_run_group_tests_name("codec_yaml", tests, NULL, NULL);
	tsn_arena_done(&arena);
	return failed;
}
