/* The program: finds the command and runs it. */
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"

/* A block of this size has pages of its own, which go when it does. */
#define LARGE_BLOCK_BYTES (256 << 10)

static void
print_commands(FILE *out)
{
	(void)fprintf(out, "usage: tocsin COMMAND [OPTIONS] ...\n\ncommands:\n");
	for (const struct tsn_command *const *c = tsn_commands; *c != NULL; c++)
		(void)fprintf(out, "  %-10s %s\n", (*c)->name, (*c)->doc);
	(void)fprintf(out, "\ntocsin COMMAND --help tells its options.\n");
}

static const struct tsn_command *
find_command(const char *name)
{
	for (const struct tsn_command *const *c = tsn_commands; *c != NULL; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}

/* Output that could not be written (full disk, closed pipe) must not end with status 0. */
static int
finish(int status)
{
	if (fflush(stdout) != 0 || ferror(stdout)) {
		if (status == TSN_EXIT_DONE) {
			(void)fprintf(stderr, "tocsin: output could not be written\n");
			return TSN_EXIT_MACHINE;
		}
	}
	return status;
}

/*
 * Large pieces of memory go back to the system when they are freed, whatever their order: by
 * default
 * glibc learns from the largest piece freed to keep all that are smaller, and threads keep each
 * their own.  A server that once had a large request would stay as large.
 */
static void
set_memory(void)
{
	(void)mallopt(M_ARENA_MAX, 2);
	(void)mallopt(M_MMAP_THRESHOLD, 256 << 10);
	(void)mallopt(M_TRIM_THRESHOLD, 1 << 20);
}

int
main(int argc, char **argv)
{
	const struct tsn_command *cmd;

	set_memory();
	(void)signal(SIGPIPE, SIG_IGN);
	/* Else the first large block that is freed raises the bound, and what large blocks leave
	 * between small ones is never given back. */
	(void)mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES);
	if (argc < 2) {
		print_commands(stderr);
		return TSN_EXIT_INPUT;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_commands(stdout);
		return finish(TSN_EXIT_DONE);
	}
	cmd = find_command(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
	if (cmd == NULL) {
		char shown[80];

		(void)fprintf(stderr, "tocsin: no command \"%s\"; tocsin --help lists them\n",
		    tsn_slice_escape(tsn_slice_cstr(argv[1]), shown, sizeof shown));
		return TSN_EXIT_INPUT;
	}
	return finish(cmd->run(argc - 1, argv + 1));
}
