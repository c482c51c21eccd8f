/*
 * Sends the lines of a file as syslog messages as fast as it can, or at a rate: the load of
 * bench/intake_syslog.py.  Usage:
 *
 *	send_syslog tcp|octets|udp ADDRESS PORT FILE [RATE [CONNECTIONS [ROUNDS]]]
 *
 * Every line gets the priority of auth.info in front.  All bytes are made before the clock starts.
 * RATE: messages per second, 0 for no limit.  Prints one JSON object: what was sent, how long it
 * took, what CPU time it cost.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PRIORITY "<38>"
#define CHUNK (256u << 10)
#define BATCH 256u
#define CONNECTIONS_MAX 256u
#define MESSAGES_A_MOMENT 1000.0	/* a rate is kept in pieces of a thousandth of it */

struct load {
	char *bytes;		/* as they go over the wire */
	size_t len;
	size_t *ends;		/* of each message */
	size_t count;
};

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
die(const char *what)
{
	perror(what);
	exit(3);
}

static char *
read_file(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "rb");
	char *text;
	long size = 0;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) < 0)
		die(path);
	rewind(f);
	text = malloc((size_t)size + 1);
	if (text == NULL || fread(text, 1, (size_t)size, f) != (size_t)size)
		die(path);
	(void)fclose(f);
	*ret_len = (size_t)size;
	return text;
}

static void
make(struct load *l, const char *text, size_t len, const char *proto)
{
	size_t lines = 1;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	l->bytes = malloc(len + lines * (sizeof PRIORITY + 12));
	l->ends = calloc(lines, sizeof *l->ends);
	if (l->bytes == NULL || l->ends == NULL)
		die("memory");
	for (size_t at = 0; at < len;) {
		const char *lf = memchr(text + at, '\n', len - at);
		size_t n = lf == NULL ? len - at : (size_t)(lf - (text + at));

		if (strcmp(proto, "octets") == 0)
			l->len += (size_t)snprintf(l->bytes + l->len, 12, "%zu ", n + sizeof PRIORITY - 1);
		memcpy(l->bytes + l->len, PRIORITY, sizeof PRIORITY - 1);
		memcpy(l->bytes + l->len + sizeof PRIORITY - 1, text + at, n);
		l->len += n + sizeof PRIORITY - 1;
		if (strcmp(proto, "tcp") == 0)
			l->bytes[l->len++] = '\n';
		l->ends[l->count++] = l->len;
		at += n + 1;
	}
}

static int
dial(const char *address, const char *port, int type)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	to.sin_port = htons((unsigned short)strtoul(port, NULL, 10));
	if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
	    connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
		die(address);
	return fd;
}

/* Not before its time: the rate is an upper bound at every moment. */
static void
pace(double began, double rate, double sent)
{
	double wait = rate <= 0 ? 0 : began + sent / rate - now();

	if (wait > 0) {
		struct timespec t = {(time_t)wait, (long)((wait - (double)(time_t)wait) * 1e9)};

		(void)nanosleep(&t, NULL);
	}
}

static void
send_stream(const struct load *l, const int *fds, unsigned fd_count, double rate, double began,
    double before)
{
	size_t from = 0, message = 0, turn = 0;
	size_t piece = rate <= 0 ? CHUNK : (size_t)(rate / MESSAGES_A_MOMENT) * (l->len / l->count);

	if (piece < 512)
		piece = 512;
	while (from < l->len) {
		size_t end = from;

		while (message < l->count && end - from < piece)
			end = l->ends[message++];
		for (size_t at = from; at < end;) {
			ssize_t n = send(fds[turn % fd_count], l->bytes + at, end - at, MSG_NOSIGNAL);

			if (n < 0 && errno != EINTR)
				die("send");
			at += n > 0 ? (size_t)n : 0;
		}
		from = end;
		turn++;
		pace(began, rate, before + (double)message);
	}
}

static void
send_datagrams(const struct load *l, const int *fds, unsigned fd_count, double rate, double began,
    double before)
{
	static struct mmsghdr heads[BATCH];
	static struct iovec parts[BATCH];
	size_t message = 0, turn = 0;

	while (message < l->count) {
		unsigned n = 0;
		int sent;

		for (; n < BATCH && message + n < l->count; n++) {
			size_t from = message + n == 0 ? 0 : l->ends[message + n - 1];

			parts[n] = (struct iovec){l->bytes + from, l->ends[message + n] - from};
			heads[n].msg_hdr = (struct msghdr){.msg_iov = &parts[n], .msg_iovlen = 1};
		}
		sent = sendmmsg(fds[turn++ % fd_count], heads, n, 0);
		if (sent < 0 && errno != EINTR && errno != ENOBUFS && errno != ECONNREFUSED)
			die("sendmmsg");
		message += sent > 0 ? (size_t)sent : 0;
		pace(began, rate, before + (double)message);
	}
}

int
main(int argc, char **argv)
{
	double rate = argc > 5 ? strtod(argv[5], NULL) : 0;
	unsigned fd_count = argc > 6 ? (unsigned)strtoul(argv[6], NULL, 10) : 1;
	unsigned rounds = argc > 7 ? (unsigned)strtoul(argv[7], NULL, 10) : 1;
	struct load l = {0};
	struct rusage before, after;
	int fds[CONNECTIONS_MAX];
	double began, seconds;
	size_t len;
	char *text;

	if (argc < 5 || fd_count == 0 || fd_count > CONNECTIONS_MAX) {
		(void)fprintf(stderr, "usage: send_syslog tcp|octets|udp ADDRESS PORT FILE "
		    "[RATE [CONNECTIONS [ROUNDS]]]\n");
		return 2;
	}
	text = read_file(argv[4], &len);
	make(&l, text, len, argv[1]);
	free(text);
	for (unsigned i = 0; i < fd_count; i++)
		fds[i] = dial(argv[2], argv[3], strcmp(argv[1], "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM);
	(void)getrusage(RUSAGE_SELF, &before);
	began = now();
	for (unsigned r = 0; r < rounds; r++)
		(strcmp(argv[1], "udp") == 0 ? send_datagrams : send_stream)(&l, fds, fd_count, rate, began,
		    (double)r * (double)l.count);
	for (unsigned i = 0; i < fd_count; i++)
		(void)close(fds[i]);
	seconds = now() - began;
	(void)getrusage(RUSAGE_SELF, &after);
	(void)printf("{\"messages\":%zu,\"bytes\":%zu,\"seconds\":%.3f,\"cpu\":%.3f}\n",
	    l.count * rounds, l.len * rounds, seconds,
	    (double)(after.ru_utime.tv_sec - before.ru_utime.tv_sec + after.ru_stime.tv_sec -
		before.ru_stime.tv_sec) + (double)(after.ru_utime.tv_usec - before.ru_utime.tv_usec +
		after.ru_stime.tv_usec - before.ru_stime.tv_usec) / 1e6);
	free(l.bytes);
	free(l.ends);
	return 0;
}
