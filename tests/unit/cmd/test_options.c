#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmd/cmd.h"

static const struct tsn_command command = {.name = "test", .usage = "FILE...", .doc = "tests"};

struct values {
	bool flag;
	const char *text;
	uint64_t number;
	struct tsn_option_list list;
};

static int
parse(struct values *v, int argc, const char **argv, int *ret_operands)
{
	const struct tsn_option options[] = {
		{"--flag", TSN_OPT_FLAG, &v->flag, NULL, "a flag"},
		{"--text", TSN_OPT_TEXT, &v->text, "TEXT", "a text"},
		{"--number", TSN_OPT_U64, &v->number, "N", "a number"},
		{"--rules", TSN_OPT_LIST, &v->list, "DIR", "a list"},
	};

	return tsn_cmd_options(&command, options, TSN_COUNT(options), argc, (char **)(uintptr_t)argv,
	    ret_operands);
}

static void
test_any_order(void **state)
{
	const char *argv[] = {"test", "a", "--flag", "--text=x=y", "b", "--number", "7", "--rules", "r1",
	    "--rules=r2", "-", "--", "--flag"};
	struct values v = {0};
	int operands;

	(void)state;
	assert_int_equal(parse(&v, (int)TSN_COUNT(argv), argv, &operands), -1);
	assert_true(v.flag);
	assert_string_equal(v.text, "x=y");
	assert_int_equal(v.number, 7);
	assert_int_equal(v.list.count, 2);
	assert_string_equal(v.list.items[1], "r2");
	assert_int_equal(operands, 4);
	assert_string_equal(argv[1], "a");
	assert_string_equal(argv[2], "b");
	assert_string_equal(argv[3], "-");
	assert_string_equal(argv[4], "--flag");
}

static void
test_mistakes_are_bad_usage(void **state)
{
	static const char *const rows[][3] = {{"test", "--nunber", "1"}, {"test", "--number", "x"},
	    {"test", "a", "--text"}, {"test", "--flag=1", "b"}, {"test", "-x", "b"}};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(rows); i++) {
		const char *argv[3] = {rows[i][0], rows[i][1], rows[i][2]};
		struct values v = {0};
		int operands;

		assert_int_equal(parse(&v, 3, argv, &operands), TSN_EXIT_INPUT);
	}
}

static void
test_data_folder(void **state)
{
	(void)state;
	assert_int_equal(setenv("TOCSIN_DATA", "/somewhere", 1), 0);
	assert_string_equal(tsn_cmd_data_dir(NULL), "/somewhere");
	assert_string_equal(tsn_cmd_data_dir("/given"), "/given");
	assert_int_equal(unsetenv("TOCSIN_DATA"), 0);
	assert_non_null(tsn_cmd_data_dir(NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_order),
		cmocka_unit_test(test_mistakes_are_bad_usage),
		cmocka_unit_test(test_data_folder),
	};

	return cmocka_run_group_tests_name("cmd_options", tests, NULL, NULL);
}
