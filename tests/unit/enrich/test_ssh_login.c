#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "enrich/enrich.h"
#include "parse/parse.h"

/* 2026-03-02T10:00:00Z, a Monday. */
#define RECEIVED (INT64_C(1772445600) * TSN_NS_PER_SEC)

static struct tsn_keys *keys;
static const struct tsn_source source = {.path = {"auth.log", 8}, .id = 1};

struct world {
	struct tsn_parser *parser;
	struct tsn_enrich *enrich;
	struct tsn_batch batch;
	char dir[64];
	uint64_t offset;
	char verdicts[256];	/* of the last line, joined by blanks */
	int64_t failures;
};

static void
write_file(const struct world *w, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/knowledge/%s", w->dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void
open_world(struct world *w)
{
	struct tsn_err err = {0};

	if (tsn_enrich_new(w->dir, &tsn_enrich_defaults, &w->enrich, &err) != TSN_OK)
		fail_msg("%s", err.msg);
}

static int
setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	char path[128];

	assert_non_null(w);
	(void)snprintf(w->dir, sizeof w->dir, "/tmp/tocsin-enrich-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	(void)snprintf(path, sizeof path, "%s/knowledge", w->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	w->parser = tsn_parser_new(keys);
	assert_non_null(w->parser);
	assert_int_equal(tsn_batch_init(&w->batch, keys, 16), TSN_OK);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	static const char *const files[] = {"knowledge/intel.txt", "knowledge/bastions.txt",
	    "knowledge/settings.txt", "knowledge.sqlite"};
	struct world *w = *state;
	char path[128];

	tsn_enrich_free(w->enrich);
	tsn_parser_free(w->parser);
	tsn_batch_done(&w->batch);
	for (size_t i = 0; i < TSN_COUNT(files); i++) {
		(void)snprintf(path, sizeof path, "%s/%s", w->dir, files[i]);
		(void)unlink(path);
	}
	(void)snprintf(path, sizeof path, "%s/knowledge", w->dir);
	(void)rmdir(path);
	(void)rmdir(w->dir);
	free(w);
	return 0;
}

/* One line: "Mar  1 HH:MM:SS host sshd[PID]: TEXT". */
static void
feed(struct world *w, int day, int second, int pid, const char *text)
{
	char line[512];
	int n = snprintf(line, sizeof line, "Feb %2d %02d:%02d:%02d db-01 sshd[%d]: %s", day,
	    8 + second / 3600, second / 60 % 60, second % 60, pid, text);
	struct tsn_record rec = {.bytes = {line, (size_t)n}, .offset = w->offset++, .line = 1,
	    .received_ns = RECEIVED, .source = &source};
	const struct tsn_event *ev;

	tsn_batch_reset(&w->batch);
	assert_int_equal(tsn_parser_record(w->parser, &rec, &w->batch, &ev), TSN_OK);
	assert_int_equal(tsn_enrich_event(w->enrich, &w->batch, NULL), TSN_OK);
	ev = &w->batch.events[0];
	w->verdicts[0] = '\0';
	w->failures = -1;
	for (uint32_t i = 0; i < ev->field_count; i++) {
		size_t used = strlen(w->verdicts);

		if (ev->fields[i].key == TSN_F_SSHD_LOGIN_FAILURES)
			w->failures = ev->fields[i].num.i;
		if (ev->fields[i].key == TSN_F_SSHD_LOGIN_VERDICT)
			(void)snprintf(w->verdicts + used, sizeof w->verdicts - used, "%s%.*s",
			    used > 0 ? " " : "", (int)ev->fields[i].len, ev->fields[i].ptr);
	}
}

#define FAILED "Failed password for root from 192.0.2.66 port 4000 ssh2"
#define ACCEPTED "Accepted password for root from 192.0.2.66 port 4000 ssh2"

static void
test_more_than_five_failures_then_success(void **state)
{
	struct world *w = *state;

	open_world(w);
	for (int i = 0; i < 5; i++) {
		feed(w, 1, i, 100 + i, FAILED);
		assert_string_equal(w->verdicts, "");
	}
	feed(w, 1, 5, 105, ACCEPTED);
	assert_string_equal(w->verdicts, "");
	feed(w, 1, 6, 106, FAILED);
	assert_string_equal(w->verdicts, "bruteforce_attempt");
	assert_int_equal(w->failures, 6);
	feed(w, 1, 7, 107, FAILED);
	assert_string_equal(w->verdicts, "");
	feed(w, 1, 8, 108, ACCEPTED);
	assert_string_equal(w->verdicts, "bruteforce_success");
	assert_int_equal(w->failures, 7);
	/* The window has passed. */
	feed(w, 1, 400, 109, ACCEPTED);
	assert_string_equal(w->verdicts, "");
	assert_int_equal(w->failures, 0);
}

static void
test_an_attempt_counts_once(void **state)
{
	struct world *w = *state;

	open_world(w);
	feed(w, 1, 0, 7, "Invalid user bob from 192.0.2.66");
	feed(w, 1, 0, 7, "pam_unix(sshd:auth): check pass; user unknown");
	feed(w, 1, 0, 7, "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh "
			 "ruser= rhost=192.0.2.66 ");
	feed(w, 1, 1, 7, "Failed password for invalid user bob from 192.0.2.66 port 4000 ssh2");
	assert_int_equal(w->failures, 1);
	feed(w, 1, 2, 7, "Failed password for invalid user bob from 192.0.2.66 port 4000 ssh2");
	assert_int_equal(w->failures, 2);
	feed(w, 1, 3, 7, "message repeated 4 times: [ Failed password for invalid user bob from "
			 "192.0.2.66 port 4000 ssh2]");
	assert_int_equal(w->failures, 6);
	assert_string_equal(w->verdicts, "bruteforce_attempt");
	feed(w, 1, 4, 8, "Invalid user eve from 192.0.2.66 port 99");
	assert_int_equal(w->failures, 7);
}

static void
test_repute_and_bastion(void **state)
{
	struct world *w = *state;

	write_file(w, "intel.txt", "192.0.2.0/24 tor list 90\n");
	write_file(w, "bastions.txt", "db-* 10.0.0.0/8\n");
	open_world(w);
	feed(w, 1, 0, 1, ACCEPTED);
	assert_string_equal(w->verdicts, "ipintel not_bastion");
	feed(w, 1, 1, 2, "Accepted publickey for root from 10.1.2.3 port 1 ssh2: RSA SHA256:x");
	assert_string_equal(w->verdicts, "");
}

static void
test_habits_are_learned_from_clean_logins_only(void **state)
{
	struct world *w = *state;

	open_world(w);
	for (int day = 1; day <= 5; day++)
		feed(w, day, 0, day, "Accepted password for ana from 10.0.0.9 port 1 ssh2");
	feed(w, 8, 0, 9, "Accepted password for ana from 10.0.0.77 port 1 ssh2");
	assert_string_equal(w->verdicts, "");
	feed(w, 9, 0, 10, "Accepted password for ana from 198.51.100.3 port 1 ssh2");
	assert_string_equal(w->verdicts, "unusual_ip");
	/* An alerted login teaches nothing: it stays unusual. */
	feed(w, 9, 60, 11, "Accepted password for ana from 198.51.100.3 port 1 ssh2");
	assert_string_equal(w->verdicts, "unusual_ip");
	feed(w, 9, 3 * 3600, 12, "Accepted password for ana from 10.0.0.9 port 1 ssh2");
	assert_string_equal(w->verdicts, "unusual_time");
}

static void
test_habits_survive_a_restart(void **state)
{
	struct world *w = *state;

	open_world(w);
	for (int day = 1; day <= 5; day++)
		feed(w, day, 0, day, "Accepted password for ana from 10.0.0.9 port 1 ssh2");
	assert_int_equal(tsn_enrich_commit(w->enrich, NULL), TSN_OK);
	tsn_enrich_free(w->enrich);
	open_world(w);
	feed(w, 8, 0, 10, "Accepted password for ana from 198.51.100.3 port 1 ssh2");
	assert_string_equal(w->verdicts, "unusual_ip");
}

static void
test_spray(void **state)
{
	struct world *w = *state;
	char text[128];

	open_world(w);
	for (int i = 1; i <= 21; i++) {
		(void)snprintf(text, sizeof text, "Failed password for ana from 203.0.113.%d port 1 ssh2",
		    i);
		feed(w, 1, i, i, text);
		assert_string_equal(w->verdicts, "");
	}
	feed(w, 1, 60, 100, "Accepted password for ana from 203.0.113.99 port 1 ssh2");
	assert_string_equal(w->verdicts, "spray");
}

static void
test_settings(void **state)
{
	struct world *w = *state;
	struct tsn_err err = {0};

	write_file(w, "settings.txt", "ssh.threshold 1 # strict\nssh.window 10s\n");
	open_world(w);
	feed(w, 1, 0, 1, FAILED);
	feed(w, 1, 1, 2, FAILED);
	feed(w, 1, 2, 3, ACCEPTED);
	assert_string_equal(w->verdicts, "bruteforce_success");
	feed(w, 1, 30, 4, ACCEPTED);
	assert_string_equal(w->verdicts, "");
	tsn_enrich_free(w->enrich);
	w->enrich = NULL;
	write_file(w, "settings.txt", "ssh.window 10s\nssh.treshold 3\n");
	assert_int_equal(tsn_enrich_new(w->dir, &tsn_enrich_defaults, &w->enrich, &err), TSN_EPARSE);
	assert_non_null(strstr(err.msg, "settings.txt:2:"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_more_than_five_failures_then_success, setup, teardown),
		cmocka_unit_test_setup_teardown(test_an_attempt_counts_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_repute_and_bastion, setup, teardown),
		cmocka_unit_test_setup_teardown(test_habits_are_learned_from_clean_logins_only, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(test_habits_survive_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spray, setup, teardown),
		cmocka_unit_test_setup_teardown(test_settings, setup, teardown),
	};
	int failed;

	keys = tsn_keys_new();
	failed = keys == NULL ? 1 : cmocka_run_group_tests_name("enrich_ssh_login", tests, NULL, NULL);
	tsn_keys_free(keys);
	return failed;
}
