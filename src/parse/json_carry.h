/*
 * parse/json_carry: records inside JSON documents, and documents that keep their own names but
 * have ECS fields beside them (internal to parse).
 */
#ifndef TSN_PARSE_JSON_CARRY_H
#define TSN_PARSE_JSON_CARRY_H

#include "parse/json_int.h"

/* Marks of names at the top of documents of no known kind. */
enum tsn_carry_mark {
	TSN_CARRY_MESSAGE = 72,
	TSN_CARRY_LOG,
	TSN_CARRY_JOURNAL,
	TSN_CARRY_PROGRAM,
	TSN_CARRY_COMM,
	TSN_CARRY_TAG,
	TSN_CARRY_PID,
	TSN_CARRY_HOST,
	TSN_CARRY_EXE,
	TSN_CARRY_CMDLINE,
	TSN_CARRY_STREAM,
	TSN_CARRY_AGENT,
	TSN_CLOUD_EVENT_NAME,
	TSN_CLOUD_EVENT_SOURCE,
	TSN_CLOUD_EVENT_VERSION,
	TSN_CLOUD_REGION,
	TSN_CLOUD_AUDIT_ID,
	TSN_CLOUD_VERB,
	TSN_CLOUD_REMOTE_ADDR,
	TSN_CLOUD_REQUEST,
	TSN_CLOUD_STATUS,
};

enum tsn_carry_flag {
	TSN_CARRY_SURE = 1,		/* there is a record inside: kinds that may fit are tried too */
	TSN_CARRY_TOGETHER = 2,		/* its time and that around it are of one moment */
};

/**
 * Parses the record that stands in `text`; the event's fields from `first` on and its time are what
 * stands around it.  header: what that says of the record's program.  False: no kind knows it, the
 * event is as it was.
 */
bool tsn_carry_parse(struct tsn_parse_ctx *ctx, uint32_t first, const struct tsn_syslog *header,
    struct tsn_slice text, uint32_t flags);
/** The mark of a name at the top; 0: none. */
uint8_t tsn_carry_mark(struct tsn_slice name);
/** Parses the record that the document carries, if it carries one; its time is set already. */
void tsn_carry_finish(struct json_doc *d);
/** Dataset and ECS fields of cloud audit logs and of JSON access logs; false: it is none. */
bool tsn_cloud_finish(struct json_doc *d);

#endif
