/*
 * parse/winlog_int: Windows events in all the forms they travel in.  Whatever the form, the fields
 * are the same: winlog.channel, winlog.event_id, winlog.event_data.NAME, ... as Winlogbeat names
 * them, and ECS beside them.
 */
#ifndef TSN_PARSE_WINLOG_INT_H
#define TSN_PARSE_WINLOG_INT_H

#include "parse/json_int.h"

enum win_mark {
	W_NONE,
	/* of the document's form */
	W_EVENT, W_ERROR, W_WINLOG, W_DATA6, W_LOG6,
	/* of the system part */
	W_PROVIDER, W_GUID, W_EVENT_ID, W_VERSION, W_LEVEL, W_TASK, W_OPCODE, W_KEYWORDS, W_TIME,
	W_TIME2, W_RECORD_ID, W_ACTIVITY, W_PID, W_TID, W_CHANNEL, W_COMPUTER, W_USER_ID,
	W_MESSAGE, W_SEVERITY,
	/* of the data */
	W_DATA, W_UTC_TIME, W_IMAGE, W_PROCESS_ID, W_PROCESS_GUID, W_USER, W_COMMAND_LINE,
	W_CURRENT_DIR, W_PARENT_IMAGE, W_PARENT_PROCESS_ID, W_PARENT_GUID, W_PARENT_COMMAND_LINE,
	W_PARENT_USER, W_HASHES, W_ORIGINAL_FILE_NAME, W_COMPANY, W_DESCRIPTION, W_PRODUCT,
	W_FILE_VERSION, W_SOURCE_IP, W_SOURCE_PORT, W_SOURCE_HOST, W_DEST_IP, W_DEST_PORT,
	W_DEST_HOST, W_PROTOCOL, W_INITIATED, W_IMAGE_LOADED, W_SOURCE_IMAGE, W_SOURCE_PROCESS_ID,
	W_SOURCE_GUID, W_SOURCE_USER, W_TARGET_FILENAME, W_TARGET_OBJECT, W_DETAILS, W_PIPE_NAME,
	W_QUERY_NAME, W_QUERY_STATUS, W_TARGET_USER, W_TARGET_DOMAIN, W_TARGET_SID, W_SUBJECT_USER,
	W_SUBJECT_DOMAIN, W_SUBJECT_SID, W_IP, W_IP_PORT, W_WORKSTATION, W_PROCESS_NAME,
	W_NEW_PROCESS_NAME, W_NEW_PROCESS_ID, W_PARENT_PROCESS_NAME, W_MEMBER_SID, W_MEMBER_NAME,
	W_SERVICE_NAME, W_APPLICATION, W_SOURCE_ADDRESS, W_DEST_ADDRESS, W_OBJECT_NAME,
	W_RELATIVE_TARGET, W_SHARE_NAME, W_SCRIPT_TEXT, W_SCRIPT_ID, W_SCRIPT_PATH,
	W_MESSAGE_NUMBER, W_MESSAGE_TOTAL, W_EXIT_STATUS, W_STATUS, W_NEW_TARGET_USER,
	W_OLD_TARGET_USER, W_CLIENT_ADDRESS, W_CLIENT_NAME, W_COUNT,
};

/** Mark of a name of EventData or UserData. */
uint8_t tsn_win_data_mark(struct tsn_slice name);
/**
 * Normalises types, sets the time, adds ECS fields.  keep: the document has ECS fields of its own,
 * which are not added again.
 */
void tsn_win_finish(struct json_doc *d, bool keep);

/** The field that an element or attribute of the event's XML is, as for TSN_DOC maps. */
tsn_key tsn_win_event_child(struct tsn_keys *keys, tsn_key parent, struct tsn_slice name,
    uint8_t *ret_mark);
/** True for the XML text of one event. */
bool tsn_win_is_xml(struct tsn_slice text);
enum tsn_code tsn_win_parse_xml(struct tsn_parse_ctx *ctx, struct tsn_slice text);

#endif
