#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

enum tsn_code
tsn_err_set(struct tsn_err *err, enum tsn_code code, uint64_t pos, const char *origin,
    const char *fmt, ...)
{
	int saved_errno = errno;
	va_list ap;

	TSN_ASSERT(code != TSN_OK);
	TSN_ASSERT(fmt != NULL);
	if (err == NULL)
		return code;

	err->code = code;
	err->sys_errno = code == TSN_EIO ? saved_errno : 0;
	err->pos = pos;
	err->origin = origin;
	va_start(ap, fmt);
	(void)vsnprintf(err->msg, sizeof err->msg, fmt, ap);
	va_end(ap);
	return code;
}

enum tsn_code
tsn_err_context(struct tsn_err *err, enum tsn_code code, const char *fmt, ...)
{
	char lower[TSN_ERR_MSG_MAX];
	va_list ap;
	int n;

	TSN_ASSERT(code != TSN_OK);
	if (err == NULL)
		return code;
	if (err->code == TSN_OK) {
		*err = (struct tsn_err){.code = code, .pos = TSN_POS_NONE};
	}
	memcpy(lower, err->msg, sizeof lower);
	va_start(ap, fmt);
	n = vsnprintf(err->msg, sizeof err->msg, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof err->msg || lower[0] == '\0')
		return err->code;
	(void)snprintf(err->msg + n, sizeof err->msg - (size_t)n, ": %.*s",
	    (int)(sizeof err->msg - (size_t)n - 3), lower);
	return err->code;
}

int
tsn_err_exit_status(enum tsn_code code)
{
	switch (code) {
	case TSN_OK:
		return 0;
	case TSN_ELIMIT:
	case TSN_EPARSE:
	case TSN_EINVAL:
	case TSN_EOF:
	case TSN_ENOTFOUND:
	case TSN_EEXIST:
	case TSN_EVERSION:
		return 2;
	case TSN_ENOMEM:
	case TSN_EAGAIN:
	case TSN_EIO:
	case TSN_ECORRUPT:
	case TSN_EBUSY:
	case TSN_EDENIED:
	case TSN_ETIMEOUT:
	case TSN_ECANCELED:
		return 3;
	}
	return 3;
}
