/* What the text of a detection becomes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pred_show.h"
#include "rule/load.h"

static const char head[] = "title: t\nid: x\nlogsource:\n  product: p\ndetection:\n";

struct made {
	const char *detection;	/* indented by two blanks */
	const char *shows;
};

static const struct made mades[] = {
	{"  s:\n    A: x\n    B: 1\n  condition: s\n", "and(A = 'x', B = '1')"},
	{"  s:\n    A:\n    - x\n    - y*\n    - '*z'\n    - '*w*'\n    - a?b\n  condition: s\n",
	    "or(A = 'x', A ^= 'y', A $= 'z', A ~ 'w', A *= 'a?b')"},
	{"  s:\n  - A: x\n    B: y\n  - C: z\n  condition: s\n", "or(and(A = 'x', B = 'y'), C = 'z')"},
	{"  s:\n  - foo\n  - 'b*r'\n  - 17\n  condition: s\n",
	    "or(keyword 'foo', keyword 'b*r', keyword '17')"},
	{"  s:\n    '|all':\n    - foo\n    - bar\n  condition: s\n",
	    "and(keyword 'foo', keyword 'bar')"},
	{"  s:\n    '|re': fo+\n  condition: s\n", "re 'fo+'"},
	{"  s: single\n  condition: s\n", "keyword 'single'"},
	{"  s:\n    A: null\n    B: ''\n    C:\n  condition: s\n",
	    "and(A null, B = '', C null)"},
	{"  s:\n    A: true\n    B: 1.5\n    C: 0x10\n    D: '0x10'\n  condition: s\n",
	    "and(A = 'true', B == 1.5, C = '16', D = '0x10')"},
	/* escapes: the cases of the specification */
	{"  s:\n    A: C:\\Windows\\*\n  condition: s\n", "A = 'C:\\Windows\\*'"},
	{"  s:\n    A: C:\\Windows\\\\*\n  condition: s\n", "A ^= 'C:\\Windows\\'"},
	{"  s:\n    A: C:\\Windows\\\\\\*\n  condition: s\n", "A = 'C:\\Windows\\\\*'"},
	{"  s:\n    A: \\\\srv\\x\n  condition: s\n", "A = '\\srv\\x'"},
	{"  s:\n    A: \\\\\\srv\n  condition: s\n", "A = '\\\\srv'"},
	{"  s:\n    A: \\\\\\\\srv\n  condition: s\n", "A = '\\\\srv'"},
	{"  s:\n    A: a\\?b\\\n  condition: s\n", "A = 'a\\?b\\'"},
	{"  s:\n    A: '*'\n  condition: s\n", "A *= '*'"},
	{"  s:\n    A: a**b\n  condition: s\n", "A *= 'a*b'"},
	/* modifiers */
	{"  s:\n    A|contains: x\n    B|startswith: y\n    C|endswith: z\n  condition: s\n",
	    "and(A ~ 'x', B ^= 'y', C $= 'z')"},
	{"  s:\n    A|contains: '*x*'\n    B|endswith: \\x\n  condition: s\n",
	    "and(A ~ 'x', B $= '\\x')"},
	{"  s:\n    A|contains|all:\n    - x\n    - y\n  condition: s\n", "and(A ~ 'x', A ~ 'y')"},
	{"  s:\n    A|contains|cased: X\n  condition: s\n", "A ~ 'X' cased"},
	{"  s:\n    A|neq: x\n  condition: s\n", "not(A = 'x')"},
	{"  s:\n    A|neq:\n    - x\n    - null\n  condition: s\n", "not(or(A = 'x', A null))"},
	{"  s:\n    A|exists: true\n    B|exists: no\n  condition: s\n", "and(A exists, not(B exists))"},
	{"  s:\n    A|re: ^a+\n    B|re|i|s: b\n    C|re|multiline: c\n  condition: s\n",
	    "and(A re '^a+', B re 'b' is, C re 'c' m)"},
	{"  s:\n    A|cidr:\n    - 10.0.0.0/8\n    - 2001:db8::/32\n  condition: s\n",
	    "or(A cidr '10.0.0.0/8', A cidr '2001:db8::/32')"},
	{"  s:\n    A|lt: 1\n    B|lte: 2\n    C|gt: 3.5\n    D|gte: '4'\n  condition: s\n",
	    "and(A < 1, B <= 2, C > 3.5, D >= 4)"},
	{"  s:\n    A|fieldref: B\n    C|fieldref|endswith: D\n    E|contains|fieldref: F\n"
	 "    G|fieldref|neq: H\n  condition: s\n",
	    "and(A field= 'B', C field$= 'D', E field~ 'F', not(G field= 'H'))"},
	{"  s:\n    A|base64: foo\n  condition: s\n", "A = 'Zm9v'"},
	{"  s:\n    A|base64offset|contains: foobar\n  condition: s\n",
	    "or(A ~ 'Zm9vYmFy', A ~ 'Zvb2Jhc', A ~ 'mb29iYX')"},
	{"  s:\n    A|wide|base64offset|contains: foo\n  condition: s\n",
	    "or(A ~ 'ZgBvAG8A', A ~ 'YAbwBvA', A ~ 'mAG8Abw')"},
	{"  s:\n    A|utf16|base64: ab\n    B|utf16be|base64: ab\n  condition: s\n",
	    "and(A = '//5hAGIA', B = 'AGEAYg==')"},
	{"  s:\n    A|windash|contains: ' -x'\n  condition: s\n",
	    "or(A ~ ' -x', A ~ ' /x', A ~ ' \xe2\x80\x93x', A ~ ' \xe2\x80\x94x', A ~ ' \xe2\x80\x95x')"},
	{"  s:\n    A|windash: a-b\n  condition: s\n", "A = 'a-b'"},
	{"  s:\n    T|hour: 5\n    U|hour|gte: 22\n    V|month|lt: 3\n  condition: s\n",
	    "and(T time 'hour' 5, or(U time 'hour' 22, U time 'hour' 23), or(V time 'month' 1, "
	    "V time 'month' 2))"},
	{"  s:\n    A|expand: '%known%'\n  condition: s\n", "or(A = 'one', A ^= 'two')"},
	{"  s:\n    A|contains|expand: 'x%known%\\%'\n  condition: s\n", "or(A ~ 'xone%', A *= '*xtwo*%*')"},
	{"  s:\n    A: '%known%'\n  condition: s\n", "A = '%known%'"},
	/* conditions */
	{"  a:\n    A: 1\n  b:\n    B: 1\n  c:\n    C: 1\n  condition: a or b and not c\n",
	    "or(A = '1', and(B = '1', not(C = '1')))"},
	{"  a:\n    A: 1\n  b:\n    B: 1\n  c:\n    C: 1\n  condition: (a or b) AND NOT (c)\n",
	    "and(or(A = '1', B = '1'), not(C = '1'))"},
	{"  s_1:\n    A: 1\n  s_2:\n    B: 1\n  _h:\n    C: 1\n  condition: 1 of them\n",
	    "or(A = '1', B = '1')"},
	{"  s_1:\n    A: 1\n  s_2:\n    B: 1\n  f:\n    C: 1\n  condition: all of s_* and not 1 of f*\n",
	    "and(and(A = '1', B = '1'), not(C = '1'))"},
	{"  s_1:\n    A: 1\n  s_2:\n    B: 1\n  s_3:\n    C: 1\n  condition: 2 of s_*\n",
	    "or(and(A = '1', B = '1'), and(A = '1', C = '1'), and(B = '1', C = '1'))"},
	{"  a:\n    A: 1\n  b:\n    B: 1\n  condition:\n  - a\n  - not b\n", "or(A = '1', not(B = '1'))"},
};

static struct tsn_loader *
load(const char *text)
{
	struct tsn_loader *l = tsn_loader_new();

	assert_non_null(l);
	assert_int_equal(tsn_loader_add_values(l, TSN_SLICE("known"),
	    TSN_SLICE("# list\none\n\n two* \n")), TSN_OK);
	assert_int_equal(tsn_loader_add_text(l, TSN_SLICE("f.yml"), TSN_SLICE("set"),
	    tsn_slice_cstr(text)), TSN_OK);
	return l;
}

static void
test_made(void **state)
{
	(void)state;
	for (size_t i = 0; i < TSN_COUNT(mades); i++) {
		char text[4096];
		struct tsn_rule_report report;
		struct tsn_ruleset *set;
		struct tsn_buf out;
		struct tsn_loader *l;

		(void)snprintf(text, sizeof text, "%s%s", head, mades[i].detection);
		l = load(text);
		assert_int_equal(tsn_loader_finish(l, &set, &report, NULL), TSN_OK);
		if (report.loaded != 1)
			fail_msg("%s: %.*s", text, report.problem_count == 0 ? 0
			    : (int)report.problems[0].message.len, report.problems[0].message.ptr);
		tsn_buf_init(&out, 1u << 20);
		pred_show(set->rules[0].condition, 0, &out);
		tsn_buf_char(&out, '\0');
		if (strcmp(out.ptr, mades[i].shows) != 0)
			fail_msg("%s\n gives    %s\n expected %s", text, out.ptr, mades[i].shows);
		tsn_buf_done(&out);
		tsn_ruleset_free(set);
		tsn_loader_free(l);
	}
}

struct bad {
	const char *detection;
	const char *says;
	uint32_t line;
	bool skipped;
};

static const struct bad bads[] = {
	{"  s:\n    A|contians: x\n  condition: s\n",
	    "unknown modifier \"contians\"; nearest is \"contains\"", 7, false},
	{"  s:\n    A|contains|startswith: x\n  condition: s\n", "exclude each other", 7, false},
	{"  s:\n    A|re|contains: x\n  condition: s\n", "need a text", 7, false},
	{"  s:\n    A|i: x\n  condition: s\n", "follow re", 7, false},
	{"  s:\n    A|cidr|lt: 1\n  condition: s\n", "exclude each other", 7, false},
	{"  s:\n    A|contains|contains: x\n  condition: s\n", "twice", 7, false},
	{"  s:\n    A|re: 'a(b'\n  condition: s\n", "bad regular expression", 7, false},
	{"  s:\n    A|re: '[z-a]'\n  condition: s\n", "bad regular expression", 7, false},
	{"  s:\n    A|cidr: 10.0.0.0/99\n  condition: s\n", "takes a network", 7, false},
	{"  s:\n    A|lt: many\n  condition: s\n", "expected a number", 7, false},
	{"  s:\n    A|exists: maybe\n  condition: s\n", "true or false", 7, false},
	{"  s:\n    A|hour: 25\n  condition: s\n", "from 0 to 23", 7, false},
	{"  s:\n    A|base64: 'a*b'\n  condition: s\n", "wildcards", 7, false},
	{"  s:\n    A|base64offset: ''\n  condition: s\n", "too short", 7, false},
	{"  s:\n    A|windash: ' -a -b -c -d -e'\n  condition: s\n", "dashes", 7, false},
	{"  s:\n    A: []\n  condition: s\n", "empty", 7, false},
	{"  s:\n    A:\n      B: 1\n  condition: s\n", "is a map", 8, false},
	{"  s: {}\n  condition: s\n", "selects nothing", 6, false},
	{"  s: []\n  condition: s\n", "selects nothing", 6, false},
	{"  s:\n  condition: s\n", "found nothing", 6, false},
	{"  condition: s\n", "no selection", 6, false},
	{"  s:\n    A: 1\n", "without a condition", 5, false},
	{"  s:\n    A: 1\n  condition: t\n", "names \"t\"", 8, false},
	{"  s_one:\n    A: 1\n  condition: s_oen\n", "nearest is \"s_one\"", 8, false},
	{"  s:\n    A: 1\n  condition: 1 of f*\n", "names \"f*\"", 8, false},
	{"  s:\n    A: 1\n  condition: 5 of s*\n", "can never be", 8, false},
	{"  s:\n    A: 1\n  condition: s and\n", "ends where a selection was expected", 8, false},
	{"  s:\n    A: 1\n  condition: (s\n", "ends where \")\"", 8, false},
	{"  s:\n    A: 1\n  condition: s s\n", "expected \"and\"", 8, false},
	{"  s:\n    A: 1\n  condition: ''\n", "ends where", 8, false},
	{"  s:\n    A: 1\n  condition:\n", "is null", 8, false},
	{"  s:\n    A: 1\n  condition: s | count() > 5\n", "no timeframe", 5, false},
	{"  s:\n    A: 1\n  timeframe: 5x\n  condition: s | count() > 5\n", "timeframe is", 8, false},
	{"  s:\n    A: 1\n  timeframe: 5m\n  condition: s | count() 5\n", "a comparison", 9, false},
	{"  s:\n    A: 1\n  timeframe: 5m\n  condition: s | max(x) > 5\n", "max()", 9, true},
	{"  s:\n    A|expand: '%unknown%'\n  condition: s\n", "no value list", 7, true},
	{"  s:\n    A: 1\n    A: 2\n  condition: s\n", "twice", 8, false},
};

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < TSN_COUNT(bads); i++) {
		char text[4096], message[600];
		struct tsn_rule_report report;
		struct tsn_ruleset *set;
		struct tsn_loader *l;

		(void)snprintf(text, sizeof text, "%s%s", head, bads[i].detection);
		l = load(text);
		assert_int_equal(tsn_loader_finish(l, &set, &report, NULL), TSN_OK);
		if (report.loaded != 0 || report.problem_count != 1 ||
		    report.skipped != (bads[i].skipped ? 1 : 0))
			fail_msg("%s: %u loaded, %u skipped, %u problems", text, report.loaded,
			    report.skipped, report.problem_count);
		(void)snprintf(message, sizeof message, "%.*s",
		    TSN_SLICE_ARG(report.problems[0].message));
		if (strstr(message, bads[i].says) == NULL || report.problems[0].line != bads[i].line)
			fail_msg("%s: line %u: %s", text, report.problems[0].line, message);
		tsn_ruleset_free(set);
		tsn_loader_free(l);
	}
}

static void
test_explosion(void **state)
{
	static char text[200000];
	struct tsn_rule_report report;
	struct tsn_ruleset *set;
	struct tsn_loader *l;
	size_t n;

	(void)state;
	/* Thousands of parentheses in a regular expression, and in a condition. */
	n = (size_t)snprintf(text, sizeof text, "%s  s:\n    A|re: '", head);
	memset(text + n, '(', 10000);
	(void)snprintf(text + n + 10000, sizeof text - n - 10000, "'\n  condition: s\n");
	l = load(text);
	n = (size_t)snprintf(text, sizeof text, "%s  s:\n    A: x\n  condition: ", head);
	memset(text + n, '(', 400);
	(void)snprintf(text + n + 400, sizeof text - n - 400, "s\n");
	assert_int_equal(tsn_loader_add_text(l, TSN_SLICE("g.yml"), TSN_SLICE("set"),
	    tsn_slice_cstr(text)), TSN_OK);
	memset(text + n, '(', 100000);
	(void)snprintf(text + n + 100000, sizeof text - n - 100000, "s\n");
	assert_int_equal(tsn_loader_add_text(l, TSN_SLICE("h.yml"), TSN_SLICE("set"),
	    tsn_slice_cstr(text)), TSN_OK);
	assert_int_equal(tsn_loader_finish(l, &set, &report, NULL), TSN_OK);
	assert_int_equal(report.failed, 3);
	tsn_ruleset_free(set);
	tsn_loader_free(l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_explosion),
	};

	return cmocka_run_group_tests_name("rule_detection", tests, NULL, NULL);
}
