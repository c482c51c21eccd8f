#include "os/fetch.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/num.h"
#include "os/fail.h"
#include "os/sock.h"
#include "os/tls.h"

#define WAIT_SEC 10
#define HEAD_BYTES_MAX 65536u

static bool
is_https(const char *base)
{
	return tsn_slice_starts(tsn_slice_cstr(base), TSN_SLICE("https://"));
}

static size_t
scheme_len(const char *base)
{
	if (is_https(base))
		return strlen("https://");
	return tsn_slice_starts(tsn_slice_cstr(base), TSN_SLICE("http://")) ? strlen("http://") : 0;
}

/* Without its port and brackets. */
static struct tsn_slice
host_name(struct tsn_slice host)
{
	while (host.len > 0 && host.ptr[host.len - 1] != ':' && host.ptr[host.len - 1] != ']')
		host.len--;
	if (host.len > 0 && host.ptr[host.len - 1] == ':')
		host.len--;
	if (host.len > 1 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
		host = tsn_slice_of(host.ptr + 1, host.len - 2);
	return host;
}

static enum tsn_code
send_some(int fd, struct tsn_tls *tls, struct tsn_slice request, size_t *ret_len)
{
	return tls != NULL ? tsn_tls_write(tls, request.ptr, request.len, ret_len, NULL) :
			     tsn_sock_write(fd, request.ptr, request.len, ret_len, NULL);
}

static enum tsn_code
connect_to(const char *base, int *ret_fd, struct tsn_slice *ret_host, struct tsn_err *err)
{
	struct tsn_slice text = tsn_slice_from(tsn_slice_cstr(base), scheme_len(base));
	struct timeval wait = {.tv_sec = WAIT_SEC};
	struct tsn_addr addr;
	int fd;

	if (scheme_len(base) == 0)
		TSN_FAIL(err, TSN_EINVAL, "expected http://ADDRESS:PORT or https://ADDRESS:PORT");
	if (text.len > 0 && text.ptr[text.len - 1] == '/')
		text.len--;
	TSN_TRY(tsn_addr_parse(text, &addr, err));
	fd = socket(addr.u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return tsn_os_fail(err, errno, "cannot make", "a socket");
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	if (connect(fd, &addr.u.sa, addr.len) != 0) {
		enum tsn_code code = tsn_os_fail(err, errno, "cannot reach", base);

		(void)close(fd);
		return code;
	}
	*ret_host = text;
	*ret_fd = fd;
	return TSN_OK;
}

static enum tsn_code
exchange(int fd, struct tsn_tls *tls, struct tsn_slice request, struct tsn_buf *answer,
    const char *base, struct tsn_err *err)
{
	while (request.len > 0) {
		size_t n = 0;

		if (send_some(fd, tls, request, &n) != TSN_OK)
			TSN_FAIL(err, TSN_EIO, "cannot ask %s", base);
		request = tsn_slice_from(request, n);
	}
	for (;;) {
		char chunk[8192];
		size_t n = 0;

		if ((tls != NULL ? tsn_tls_read(tls, chunk, sizeof chunk, &n, NULL) :
				   tsn_sock_read(fd, chunk, sizeof chunk, &n, NULL)) != TSN_OK)
			TSN_FAIL(err, TSN_EIO, "no answer from %s", base);
		if (n == 0)
			return TSN_OK;
		tsn_buf_add(answer, chunk, n);
		if (tsn_buf_check(answer) != TSN_OK)
			TSN_FAIL(err, TSN_ELIMIT, "%s: the answer is too long", base);
	}
}

static enum tsn_code
take_body(struct tsn_slice answer, struct tsn_buf *out, const char *base, struct tsn_err *err)
{
	size_t head = tsn_slice_find(answer, TSN_SLICE("\r\n\r\n"));
	uint64_t status = 0;

	if (!tsn_slice_starts(answer, TSN_SLICE("HTTP/1.")) || head == SIZE_MAX ||
	    tsn_num_parse_u64(tsn_slice_of(answer.ptr + 9, 3), &status) != TSN_OK)
		TSN_FAIL(err, TSN_EIO, "%s: the answer is no HTTP", base);
	if (status == 401 || status == 403)
		TSN_FAIL(err, TSN_EDENIED, "%s: a token of the role viewer is needed", base);
	if (status != 200)
		TSN_FAIL(err, TSN_EIO, "%s: answered with status %llu", base,
		    (unsigned long long)status);
	tsn_buf_slice(out, tsn_slice_from(answer, head + 4));
	return tsn_buf_check(out);
}

enum tsn_code
tsn_fetch(const char *base, const char *path, const char *token, const char *ca_file,
    struct tsn_buf *out, struct tsn_err *err)
{
	struct tsn_buf request, answer;
	struct tsn_slice host = TSN_SLICE_NONE;
	struct tsn_tls *tls = NULL;
	enum tsn_code code;
	int fd = -1;

	TSN_TRY(connect_to(base, &fd, &host, err));
	tsn_buf_init(&request, 8192);
	tsn_buf_init(&answer, out->max + HEAD_BYTES_MAX);
	tsn_buf_printf(&request, "GET %s HTTP/1.0\r\nHost: %.*s\r\n", path, TSN_SLICE_ARG(host));
	if (token != NULL)
		tsn_buf_printf(&request, "Authorization: Bearer %s\r\n", token);
	tsn_buf_lit(&request, "\r\n");
	code = tsn_buf_check(&request);
	if (code != TSN_OK)
		(void)TSN_ERR(err, code, "the token is too long");
	if (code == TSN_OK && is_https(base))
		code = tsn_tls_connect(fd, host_name(host), ca_file, &tls, err);
	if (code == TSN_OK)
		code = exchange(fd, tls, tsn_buf_get(&request), &answer, base, err);
	if (code == TSN_OK)
		code = take_body(tsn_buf_get(&answer), out, base, err);
	tsn_buf_done(&request);
	tsn_buf_done(&answer);
	tsn_tls_free(tls);
	(void)close(fd);
	return code;
}
