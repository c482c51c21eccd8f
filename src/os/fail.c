#include "os/fail.h"

#include <errno.h>
#include <string.h>

#include "base/slice.h"

enum tsn_code
tsn_os_code(int errno_value)
{
	switch (errno_value) {
	case ENOENT:
	case ENOTDIR:
		return TSN_ENOTFOUND;
	case EACCES:
	case EPERM:
	case EROFS:
		return TSN_EDENIED;
	case EAGAIN:
		return TSN_EAGAIN;
	case ENOMEM:
		return TSN_ENOMEM;
	case EEXIST:
		return TSN_EEXIST;
	case EISDIR:
	case ENAMETOOLONG:
	case ELOOP:
	case ENXIO:
		return TSN_EINVAL;
	case EADDRINUSE:
		return TSN_EBUSY;
	default:
		return TSN_EIO;
	}
}

enum tsn_code
tsn_os_fail(struct tsn_err *err, int errno_value, const char *what, const char *subject)
{
	enum tsn_code code = tsn_os_code(errno_value);
	char shown[300], reason[128];

	(void)tsn_err_set(err, code, TSN_POS_NONE, __FILE__ ":" TSN_STR(__LINE__), "%s %s: %s", what,
	    tsn_slice_escape(tsn_slice_cstr(subject), shown, sizeof shown),
	    strerror_r(errno_value, reason, sizeof reason));
	if (err != NULL)
		err->sys_errno = errno_value;
	return code;
}
