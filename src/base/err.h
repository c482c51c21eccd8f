/*
 * base/err: how a fallible function tells its caller what went wrong.
 *
 * A fallible function returns enum tsn_code: TSN_OK or a negative code the caller may branch on.
 * Where an operator will want to know more it also takes a last parameter `struct tsn_err *err`,
 * owned by the caller, which may be NULL.  No allocation, no thread-local state: an error can be
 * reported when memory is exhausted, and a stale one can never be mistaken for a fresh one.
 *
 * Messages are one line, impersonal, without full stop; they name what was expected.  Bytes from
 * input are escaped (tsn_slice_escape) before they enter a message.
 */
#ifndef TSN_BASE_ERR_H
#define TSN_BASE_ERR_H

#include <errno.h>
#include <stdint.h>

#include "base/compiler.h"

#define TSN_ERR_MSG_MAX 512
#define TSN_POS_NONE UINT64_MAX

enum tsn_code {
	TSN_OK = 0,
	TSN_ENOMEM = -1,
	TSN_ELIMIT = -2,	/* a configured limit was reached; the input may be fine */
	TSN_EPARSE = -3,	/* malformed input; `pos` says where */
	TSN_EINVAL = -4,	/* well-formed but not allowed here */
	TSN_EAGAIN = -5,	/* not now; try again when more input or room is there */
	TSN_EOF = -6,		/* end of input */
	TSN_ENOTFOUND = -7,
	TSN_EEXIST = -8,
	TSN_EIO = -9,		/* a system call failed; `sys_errno` says how */
	TSN_ECORRUPT = -10,	/* stored data fails its checksum or its format */
	TSN_EVERSION = -11,	/* stored data of a version this program does not know */
	TSN_EBUSY = -12,	/* somebody else holds it */
	TSN_EDENIED = -13,
	TSN_ETIMEOUT = -14,
	TSN_ECANCELED = -15,
};

struct tsn_err {
	enum tsn_code code;
	int sys_errno;
	uint64_t pos;		/* byte offset in the input, or TSN_POS_NONE */
	const char *origin;	/* "file:line" of the program, for bug reports */
	char msg[TSN_ERR_MSG_MAX];
};

/** Fills *err when err is not NULL and returns code, so that a failure is one statement. */
TSN_COLD enum tsn_code tsn_err_set(struct tsn_err *err, enum tsn_code code, uint64_t pos,
    const char *origin, const char *fmt, ...) TSN_PRINTF(5, 6);

/** Puts "context: " before the message of a lower error; returns err's code (or `code`). */
TSN_COLD enum tsn_code tsn_err_context(struct tsn_err *err, enum tsn_code code,
    const char *fmt, ...) TSN_PRINTF(3, 4);

/** Exit status of a command that ends with this code (0, 2 bad input, 3 trouble of the machine). */
int tsn_err_exit_status(enum tsn_code code);

#define TSN_STR2(x) #x
#define TSN_STR(x) TSN_STR2(x)
#define TSN_ERR(err, code, ...) \
	tsn_err_set((err), (code), TSN_POS_NONE, __FILE__ ":" TSN_STR(__LINE__), __VA_ARGS__)
#define TSN_FAIL(err, code, ...) return TSN_ERR(err, code, __VA_ARGS__)
/* TSN_EIO that no system call told of just now: errno may be of anything. */
#define TSN_FAIL_PLAIN(err, code, ...) \
	do {                           \
		errno = 0;             \
		TSN_FAIL(err, code, __VA_ARGS__); \
	} while (0)
#define TSN_FAIL_AT(err, code, pos, ...) \
	return tsn_err_set((err), (code), (pos), __FILE__ ":" TSN_STR(__LINE__), __VA_ARGS__)
#define TSN_TRY(expr)                           \
	do {                                    \
		enum tsn_code tsn_try_ = (expr);\
		if (tsn_try_ != TSN_OK)         \
			return tsn_try_;        \
	} while (0)

#endif
