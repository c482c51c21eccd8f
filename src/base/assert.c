#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

void
tsn_assert_fail(const char *what, const char *file, int line)
{
	(void)fprintf(stderr, "tocsin: internal error: %s:%d: %s does not hold\n", file, line, what);
	abort();
}
