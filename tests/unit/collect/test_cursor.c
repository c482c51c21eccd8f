/* Cursors of the journal and the kernel's audit messages: what is read, what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/netlink.h>

#include "collect/auditin.h"
#include "collect/cursor.h"

#define GOOD \
	"s=0639c7f2a1b24f0f8f0f3f5b8bd1b3c1;i=1a2b;b=5e1c0f8a3d2b4c6e9f7a1b2c3d4e5f60;m=5d3b9e;" \
	"t=5f1c2d3e4f5a6;x=9a8b7c6d5e4f3a2b"

static void
test_cursors(void **state)
{
	static const char *const bad[] = {"", "s=1", "i=1;s=2", GOOD ";z=1", GOOD ";",
		"s=0639c7f2a1b24f0f8f0f3f5b8bd1b3c1;i=;b=5e1c0f8a3d2b4c6e9f7a1b2c3d4e5f60;m=5;t=5;x=9",
		"s=0639c7f2a1b24f0f8f0f3f5b8bd1b3c1;i=11111111111111111;b=5e1c0f8a3d2b4c6e9f7a1b2c3d4e5f60;m=5",
		"s=0639C7F2A1B24F0F8F0F3F5B8BD1B3C1;i=1;b=5e1c0f8a3d2b4c6e9f7a1b2c3d4e5f60;m=5;t=5;x=9"};
	char text[TSN_CURSOR_TEXT_MAX];
	struct tsn_cursor c;

	(void)state;
	assert_int_equal(tsn_cursor_parse(TSN_SLICE(GOOD), &c), TSN_OK);
	assert_true(c.n[0] == 0x0639c7f2a1b24f0fu && c.n[1] == 0x8f0f3f5b8bd1b3c1u && c.n[2] == 0x1a2b);
	assert_true(tsn_slice_eq(tsn_cursor_format(&c, text), TSN_SLICE(GOOD)));
	for (size_t i = 0; i < TSN_COUNT(bad); i++)
		assert_int_equal(tsn_cursor_parse(tsn_slice_cstr(bad[i]), &c), TSN_EPARSE);
	assert_int_equal(tsn_cursor_of_entry(
	    TSN_SLICE("{\"MESSAGE\":\"x\",\"__CURSOR\" : \"" GOOD "\",\"PRIORITY\":\"6\"}"), &c), TSN_OK);
	assert_int_equal(tsn_cursor_of_entry(TSN_SLICE("{\"MESSAGE\":\"x\"}"), &c), TSN_ENOTFOUND);
	assert_int_equal(tsn_cursor_of_entry(TSN_SLICE("{\"__CURSOR\":null}"), &c), TSN_ENOTFOUND);
	assert_int_equal(tsn_cursor_of_entry(TSN_SLICE("{\"__CURSOR\":\"s="), &c), TSN_ENOTFOUND);
}

static void
put_message(struct tsn_buf *b, uint16_t type, const char *text, uint32_t more)
{
	struct nlmsghdr head = {.nlmsg_type = type,
		.nlmsg_len = (uint32_t)(sizeof head + strlen(text)) + more};

	tsn_buf_add(b, &head, sizeof head);
	tsn_buf_add(b, text, strlen(text));
	while (b->len % 4 != 0)
		tsn_buf_char(b, '\0');
}

static void
test_audit(void **state)
{
	struct tsn_buf in, out;
	struct tsn_slice rest;

	(void)state;
	tsn_buf_init(&in, 4096);
	tsn_buf_init(&out, 4096);
	put_message(&in, 1300, "audit(1364481363.243:24287): arch=c000003e syscall=2", 0);
	put_message(&in, 2, "an answer", 0);
	put_message(&in, 1320, "audit(1364481363.243:24287): ", 16);
	rest = tsn_buf_get(&in);
	assert_int_equal(tsn_audit_next(&rest, &out), TSN_OK);
	assert_true(tsn_slice_eq(tsn_buf_get(&out),
	    TSN_SLICE("type=1300 msg=audit(1364481363.243:24287): arch=c000003e syscall=2")));
	assert_int_equal(tsn_audit_next(&rest, &out), TSN_EAGAIN);
	tsn_buf_reset(&out);
	assert_int_equal(tsn_audit_next(&rest, &out), TSN_OK);
	assert_true(tsn_slice_eq(tsn_buf_get(&out),
	    TSN_SLICE("type=1320 msg=audit(1364481363.243:24287): ")));
	assert_int_equal(tsn_audit_next(&rest, &out), TSN_EOF);
	rest = TSN_SLICE("short");
	assert_int_equal(tsn_audit_next(&rest, &out), TSN_EPARSE);
	tsn_buf_done(&in);
	tsn_buf_done(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cursors),
		cmocka_unit_test(test_audit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
