#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/compiler.h"
#include "codec/proto.h"

static void
test_fields(void **state)
{
	struct tsn_slice m = TSN_SLICE("\x08\x96\x01\x12\x02hi\x19\x01\x02\x00\x00\x00\x00\x00\x80"
				       "\x25\xff\x00\x00\x80\xfa\x01\x00");
	struct tsn_proto_field f;

	(void)state;
	assert_true(tsn_proto_check(m));
	assert_int_equal(tsn_proto_next(&m, &f), TSN_OK);
	assert_int_equal(f.number, 1);
	assert_true(f.wire == TSN_PROTO_VARINT && f.value == 150);
	assert_int_equal(tsn_proto_next(&m, &f), TSN_OK);
	assert_true(f.number == 2 && tsn_slice_eq(f.bytes, TSN_SLICE("hi")));
	assert_int_equal(tsn_proto_next(&m, &f), TSN_OK);
	assert_true(f.number == 3 && f.value == 0x8000000000000201);
	assert_int_equal(tsn_proto_next(&m, &f), TSN_OK);
	assert_true(f.number == 4 && f.wire == TSN_PROTO_FIXED32 && f.value == 0x800000ff);
	assert_int_equal(tsn_proto_next(&m, &f), TSN_OK);
	assert_true(f.number == 31 && f.bytes.len == 0);
	assert_int_equal(tsn_proto_next(&m, &f), TSN_ENOTFOUND);
}

static void
test_damaged(void **state)
{
	static const struct tsn_slice cases[] = {
		{"\x08", 1}, {"\x00\x01", 2}, {"\x08\x80", 2}, {"\x12\x03hi", 4}, {"\x0b", 1}, {"\x0c", 1},
		{"\x0f\x01", 2}, {"\x09\x01\x02\x03\x04\x05\x06\x07", 8}, {"\x0d\x01\x02\x03", 4},
		{"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11},
		{"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 12},
		{"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11}, {"\xff\xff\xff\xff\x7f\x01", 6},
	};

	(void)state;
	for (size_t i = 0; i < TSN_COUNT(cases); i++) {
		struct tsn_slice m = cases[i];
		struct tsn_proto_field f;

		assert_false(tsn_proto_check(m));
		assert_int_equal(tsn_proto_next(&m, &f), TSN_EPARSE);
		assert_true(m.ptr == cases[i].ptr && m.len == cases[i].len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fields),
	    cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
