/*
 * Property: any bytes, as a whole record and as the message of every program that has a parser of
 * its own, make exactly one sealed event that can be written as a document; nothing is read
 * outside the record (which has a heap block of its own).
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "event/doc.h"
#include "parse/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	struct tsn_keys *keys;
	struct tsn_parser *parser;
	struct tsn_batch batch;
	struct tsn_buf out;
	struct tsn_source source;
	unsigned runs;
} z;

static void
open_all(void)
{
	if (z.keys == NULL) {
		z.keys = tsn_keys_new();
		TSN_ASSERT(z.keys != NULL);
		TSN_ASSERT(tsn_batch_init(&z.batch, z.keys, 1) == TSN_OK);
		tsn_buf_init(&z.out, 64u << 20);
		z.source.path = TSN_SLICE("fuzz.log");
	}
	z.parser = tsn_parser_new(z.keys);
	TSN_ASSERT(z.parser != NULL);
}

static void
run(const char *head, const uint8_t *data, size_t size, const char *kind)
{
	size_t head_len = strlen(head), len = head_len + size;
	char *exact = malloc(len == 0 ? 1 : len);
	struct tsn_record rec = {.received_ns = INT64_C(1767225600) * TSN_NS_PER_SEC,
	    .source = &z.source, .line = 1};
	const struct tsn_event *ev = NULL;

	if (exact == NULL)
		return;
	memcpy(exact, head, head_len);
	if (size > 0)
		memcpy(exact + head_len, data, size);
	rec.bytes = tsn_slice_of(exact, len);
	z.source.kind = tsn_slice_cstr(kind);
	z.source.id++;
	tsn_batch_reset(&z.batch);
	tsn_buf_reset(&z.out);
	TSN_ASSERT(tsn_parser_record(z.parser, &rec, &z.batch, &ev) == TSN_OK);
	TSN_ASSERT(z.batch.open == NULL);
	TSN_ASSERT(z.batch.count == (ev != NULL));
	if (head_len > 0)
		TSN_ASSERT(ev != NULL);
	if (ev != NULL) {
		TSN_ASSERT(ev->repeat >= 1);
		TSN_ASSERT(tsn_slice_eq(ev->original, rec.bytes));
		tsn_doc_write(ev, z.keys, &z.out);
	}
	free(exact);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const heads[] = {"", "<34>", "<34>1 ", "Nov 30 06:39:00 h ",
	    "Nov 30 06:39:00 h sshd[1]: ", "Nov 30 06:39:00 h sudo: ", "Nov 30 06:39:00 h su[1]: ",
	    "Nov 30 06:39:00 h gdm(pam_unix)[1]: ", "Nov 30 06:39:00 h CRON[1]: ",
	    "Nov 30 06:39:00 h kernel: ", "Nov 30 06:39:00 h useradd[1]: ",
	    "Nov 30 06:39:00 h gpasswd[1]: ", "Nov 30 06:39:00 h systemd[1]: ",
	    "Nov 30 06:39:00 h systemd-logind[1]: ", "Nov 30 06:39:00 h dovecot: ",
	    "Nov 30 06:39:00 h postfix/smtpd[1]: ", "Nov 30 06:39:00 h vsftpd[1]: ",
	    "Nov 30 06:39:00 h named[1]: ", "Nov 30 06:39:00 h dropbear[1]: ",
	    "Nov 30 06:39:00 h %ASA-6-302013: ", "CEF:0|a|b|c|d|e|f|", "LEEF:2.0|a|b|c|d|",
	    "type=SYSCALL msg=audit(1170021493.977:293): "};
	static const char *const kinds[] = {"system.syslog", "auditd.log", "cef.log", "leef.log",
	    "cisco.log", "vsftpd.log", "bind.log"};

	open_all();
	for (size_t i = 0; i < TSN_COUNT(heads); i++)
		run(heads[i], data, size, "");
	for (size_t i = 0; i < TSN_COUNT(kinds); i++)
		run("", data, size, kinds[i]);
	tsn_parser_free(z.parser);
	/* names come from the data: begin again before their table is full */
	if (++z.runs % 4096 == 0) {
		tsn_batch_done(&z.batch);
		tsn_buf_done(&z.out);
		tsn_keys_free(z.keys);
		z.keys = NULL;
	}
	return 0;
}
