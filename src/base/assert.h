/*
 * base/assert: programming errors stop the program, in release builds too.
 *
 * Never on input, never on a failed allocation, never with a side effect in the condition.
 */
#ifndef TSN_BASE_ASSERT_H
#define TSN_BASE_ASSERT_H

#include "base/compiler.h"

TSN_NORETURN TSN_COLD void tsn_assert_fail(const char *what, const char *file, int line);

#define TSN_ASSERT(cond) \
	(TSN_LIKELY(cond) ? (void)0 : tsn_assert_fail(#cond, __FILE__, __LINE__))

#endif
