#include "os/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/fail.h"

static int
spawn(const char *const *argv, int out, int *ret_pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, defaults;
	int rc;

	if (posix_spawn_file_actions_init(&files) != 0 || posix_spawnattr_init(&attr) != 0)
		return ENOMEM;
	(void)sigemptyset(&none);
	(void)sigemptyset(&defaults);
	(void)sigaddset(&defaults, SIGPIPE);
	/* Our signals are blocked and read from a descriptor; the child's shall work. */
	rc = posix_spawnattr_setsigmask(&attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(&attr, &defaults);
	if (rc == 0)
		rc = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&files, out, 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	if (rc == 0)
		rc = posix_spawnp(ret_pid, argv[0], &files, &attr, (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&files);
	(void)posix_spawnattr_destroy(&attr);
	return rc;
}

enum tsn_code
tsn_child_start(const char *const *argv, struct tsn_child *ret_child, struct tsn_err *err)
{
	int fds[2], pid = 0, rc;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return tsn_os_fail(err, errno, "cannot make a pipe for", argv[0]);
	rc = spawn(argv, fds[1], &pid);
	(void)close(fds[1]);
	if (rc != 0) {
		(void)close(fds[0]);
		return tsn_os_fail(err, rc, "cannot run", argv[0]);
	}
	(void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
	*ret_child = (struct tsn_child){.pid = pid, .out_fd = fds[0]};
	return TSN_OK;
}

void
tsn_child_stop(struct tsn_child *c, int *ret_status)
{
	int status = 0;

	if (c->pid <= 0)
		return;
	(void)close(c->out_fd);
	(void)kill(c->pid, SIGTERM);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (ret_status != NULL)
		*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	*c = (struct tsn_child){.out_fd = -1};
}
