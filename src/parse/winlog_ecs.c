/* Windows events: types, time and ECS fields, from the canonical winlog.* fields. */
#include "parse/winlog_int.h"

#define TABLE(t) (t), (uint8_t)TSN_COUNT(t)

/* Fields of the system part that every event has. */
static const struct json_copy system_copies[] = {
	{W_EVENT_ID, JSON_TEXT, TSN_F_EVENT_CODE, 0},
	{W_PROVIDER, JSON_COPY, TSN_F_EVENT_PROVIDER, 0},
	{W_COMPUTER, JSON_COPY, TSN_F_HOST_NAME, 0},
};

/* Sysmon: the process that did it stands in Image, or in SourceImage. */
static const struct json_copy sysmon_copies[] = {
	{W_IMAGE, JSON_PATH, TSN_F_PROCESS_EXECUTABLE, TSN_F_PROCESS_NAME},
	{W_PROCESS_ID, JSON_INT, TSN_F_PROCESS_PID, 0},
	{W_PROCESS_GUID, JSON_COPY, TSN_F_PROCESS_ENTITY_ID, 0},
	{W_SOURCE_IMAGE, JSON_PATH, TSN_F_PROCESS_EXECUTABLE, TSN_F_PROCESS_NAME},
	{W_SOURCE_PROCESS_ID, JSON_INT, TSN_F_PROCESS_PID, 0},
	{W_SOURCE_GUID, JSON_COPY, TSN_F_PROCESS_ENTITY_ID, 0},
	{W_USER, JSON_USER, TSN_F_USER_NAME, TSN_F_USER_DOMAIN},
	{W_SOURCE_USER, JSON_USER, TSN_F_USER_NAME, TSN_F_USER_DOMAIN},
	{W_COMMAND_LINE, JSON_COPY, TSN_F_PROCESS_COMMAND_LINE, 0},
	{W_CURRENT_DIR, JSON_COPY, TSN_F_PROCESS_WORKING_DIRECTORY, 0},
	{W_PARENT_IMAGE, JSON_PATH, TSN_F_PROCESS_PARENT_EXECUTABLE, TSN_F_PROCESS_PARENT_NAME},
	{W_PARENT_PROCESS_ID, JSON_INT, TSN_F_PROCESS_PARENT_PID, 0},
	{W_PARENT_GUID, JSON_COPY, TSN_F_PROCESS_PARENT_ENTITY_ID, 0},
	{W_PARENT_COMMAND_LINE, JSON_COPY, TSN_F_PROCESS_PARENT_COMMAND_LINE, 0},
	{W_ORIGINAL_FILE_NAME, JSON_COPY, TSN_F_PROCESS_PE_ORIGINAL_FILE_NAME, 0},
	{W_TARGET_FILENAME, JSON_PATH, TSN_F_FILE_PATH, TSN_F_FILE_NAME},
	{W_IMAGE_LOADED, JSON_PATH, TSN_F_FILE_PATH, TSN_F_FILE_NAME},
	{W_TARGET_OBJECT, JSON_PATH, TSN_F_REGISTRY_PATH, TSN_F_REGISTRY_VALUE},
	{W_SOURCE_IP, JSON_IP, TSN_F_SOURCE_IP, TSN_F_SOURCE_DOMAIN},
	{W_SOURCE_PORT, JSON_INT, TSN_F_SOURCE_PORT, 0},
	{W_SOURCE_HOST, JSON_COPY, TSN_F_SOURCE_DOMAIN, 0},
	{W_DEST_IP, JSON_IP, TSN_F_DESTINATION_IP, TSN_F_DESTINATION_DOMAIN},
	{W_DEST_PORT, JSON_INT, TSN_F_DESTINATION_PORT, 0},
	{W_DEST_HOST, JSON_COPY, TSN_F_DESTINATION_DOMAIN, 0},
	{W_PROTOCOL, JSON_LOWER, TSN_F_NETWORK_TRANSPORT, 0},
	{W_PIPE_NAME, JSON_COPY, TSN_F_FILE_NAME, 0},
	{W_QUERY_NAME, JSON_COPY, TSN_F_DNS_QUESTION_NAME, 0},
};

/* Security, by what an event speaks of. */
static const struct json_copy logon_copies[] = {
	{W_TARGET_USER, JSON_COPY, TSN_F_USER_NAME, 0},
	{W_TARGET_DOMAIN, JSON_COPY, TSN_F_USER_DOMAIN, 0},
	{W_TARGET_SID, JSON_COPY, TSN_F_USER_ID, 0},
	{W_IP, JSON_IP, TSN_F_SOURCE_IP, TSN_F_SOURCE_DOMAIN},
	{W_IP_PORT, JSON_INT, TSN_F_SOURCE_PORT, 0},
	{W_WORKSTATION, JSON_COPY, TSN_F_SOURCE_DOMAIN, 0},
	{W_CLIENT_ADDRESS, JSON_IP, TSN_F_SOURCE_IP, TSN_F_SOURCE_DOMAIN},
	{W_PROCESS_NAME, JSON_PATH, TSN_F_PROCESS_EXECUTABLE, TSN_F_PROCESS_NAME},
	{W_PROCESS_ID, JSON_INT, TSN_F_PROCESS_PID, 0},
};
static const struct json_copy subject_copies[] = {
	{W_SUBJECT_USER, JSON_COPY, TSN_F_USER_NAME, 0},
	{W_SUBJECT_DOMAIN, JSON_COPY, TSN_F_USER_DOMAIN, 0},
	{W_SUBJECT_SID, JSON_COPY, TSN_F_USER_ID, 0},
	{W_PROCESS_NAME, JSON_PATH, TSN_F_PROCESS_EXECUTABLE, TSN_F_PROCESS_NAME},
	{W_PROCESS_ID, JSON_INT, TSN_F_PROCESS_PID, 0},
	{W_OBJECT_NAME, JSON_PATH, TSN_F_FILE_PATH, TSN_F_FILE_NAME},
	{W_SERVICE_NAME, JSON_COPY, TSN_F_SERVICE_NAME, 0},
};
static const struct json_copy created_copies[] = {
	{W_SUBJECT_USER, JSON_COPY, TSN_F_USER_NAME, 0},
	{W_SUBJECT_DOMAIN, JSON_COPY, TSN_F_USER_DOMAIN, 0},
	{W_SUBJECT_SID, JSON_COPY, TSN_F_USER_ID, 0},
	{W_NEW_PROCESS_NAME, JSON_PATH, TSN_F_PROCESS_EXECUTABLE, TSN_F_PROCESS_NAME},
	{W_NEW_PROCESS_ID, JSON_INT, TSN_F_PROCESS_PID, 0},
	{W_COMMAND_LINE, JSON_COPY, TSN_F_PROCESS_COMMAND_LINE, 0},
	{W_PARENT_PROCESS_NAME, JSON_PATH, TSN_F_PROCESS_PARENT_EXECUTABLE, TSN_F_PROCESS_PARENT_NAME},
	{W_PROCESS_ID, JSON_INT, TSN_F_PROCESS_PARENT_PID, 0},
};
static const struct json_copy account_copies[] = {
	{W_SUBJECT_USER, JSON_COPY, TSN_F_USER_NAME, 0},
	{W_SUBJECT_DOMAIN, JSON_COPY, TSN_F_USER_DOMAIN, 0},
	{W_SUBJECT_SID, JSON_COPY, TSN_F_USER_ID, 0},
	{W_TARGET_USER, JSON_COPY, TSN_F_USER_TARGET_NAME, 0},
	{W_TARGET_DOMAIN, JSON_COPY, TSN_F_USER_TARGET_DOMAIN, 0},
	{W_TARGET_SID, JSON_COPY, TSN_F_USER_TARGET_ID, 0},
	{W_NEW_TARGET_USER, JSON_COPY, TSN_F_USER_TARGET_NAME, 0},
};
static const struct json_copy group_copies[] = {
	{W_SUBJECT_USER, JSON_COPY, TSN_F_USER_NAME, 0},
	{W_SUBJECT_DOMAIN, JSON_COPY, TSN_F_USER_DOMAIN, 0},
	{W_SUBJECT_SID, JSON_COPY, TSN_F_USER_ID, 0},
	{W_TARGET_USER, JSON_COPY, TSN_F_GROUP_NAME, 0},
	{W_TARGET_DOMAIN, JSON_COPY, TSN_F_GROUP_DOMAIN, 0},
	{W_TARGET_SID, JSON_COPY, TSN_F_GROUP_ID, 0},
	{W_MEMBER_NAME, JSON_COPY, TSN_F_USER_TARGET_NAME, 0},
	{W_MEMBER_SID, JSON_COPY, TSN_F_USER_TARGET_ID, 0},
};
static const struct json_copy share_copies[] = {
	{W_SUBJECT_USER, JSON_COPY, TSN_F_USER_NAME, 0},
	{W_SUBJECT_DOMAIN, JSON_COPY, TSN_F_USER_DOMAIN, 0},
	{W_SUBJECT_SID, JSON_COPY, TSN_F_USER_ID, 0},
	{W_IP, JSON_IP, TSN_F_SOURCE_IP, TSN_F_SOURCE_DOMAIN},
	{W_IP_PORT, JSON_INT, TSN_F_SOURCE_PORT, 0},
	{W_RELATIVE_TARGET, JSON_PATH, TSN_F_FILE_PATH, TSN_F_FILE_NAME},
};
static const struct json_copy firewall_copies[] = {
	{W_APPLICATION, JSON_PATH, TSN_F_PROCESS_EXECUTABLE, TSN_F_PROCESS_NAME},
	{W_PROCESS_ID, JSON_INT, TSN_F_PROCESS_PID, 0},
	{W_SOURCE_ADDRESS, JSON_IP, TSN_F_SOURCE_IP, 0},
	{W_SOURCE_PORT, JSON_INT, TSN_F_SOURCE_PORT, 0},
	{W_DEST_ADDRESS, JSON_IP, TSN_F_DESTINATION_IP, 0},
	{W_DEST_PORT, JSON_INT, TSN_F_DESTINATION_PORT, 0},
};
static const struct json_copy script_copies[] = {
	{W_SCRIPT_TEXT, JSON_COPY, TSN_F_POWERSHELL_FILE_SCRIPT_BLOCK_TEXT, 0},
	{W_SCRIPT_ID, JSON_COPY, TSN_F_POWERSHELL_FILE_SCRIPT_BLOCK_ID, 0},
	{W_MESSAGE_NUMBER, JSON_INT, TSN_F_POWERSHELL_SEQUENCE, 0},
	{W_MESSAGE_TOTAL, JSON_INT, TSN_F_POWERSHELL_TOTAL, 0},
	{W_SCRIPT_PATH, JSON_PATH, TSN_F_FILE_PATH, TSN_F_FILE_NAME},
};
static const struct json_copy service_copies[] = {
	{W_SERVICE_NAME, JSON_COPY, TSN_F_SERVICE_NAME, 0},
};

enum win_source {
	SRC_OTHER,
	SRC_SYSMON,
	SRC_SECURITY,
	SRC_POWERSHELL,
	SRC_SYSTEM,
};

/* What events mean; `outcome` 's' or 'f', 0 none, 'k' as the audit keywords say.  Sorted by id. */
static const struct win_event {
	uint8_t source;
	uint16_t id;
	const struct json_copy *table;
	uint8_t count;
	char outcome;
	const char *category, *type, *action;
} events[] = {
	{SRC_SYSMON, 1, TABLE(sysmon_copies), 0, "process", "start", "process-created"},
	{SRC_SYSMON, 2, TABLE(sysmon_copies), 0, "file", "change", "file-creation-time-changed"},
	{SRC_SYSMON, 3, TABLE(sysmon_copies), 0, "network", "connection", "network-connection"},
	{SRC_SYSMON, 5, TABLE(sysmon_copies), 0, "process", "end", "process-terminated"},
	{SRC_SYSMON, 6, TABLE(sysmon_copies), 0, "driver", "start", "driver-loaded"},
	{SRC_SYSMON, 7, TABLE(sysmon_copies), 0, "library", "start", "image-loaded"},
	{SRC_SYSMON, 8, TABLE(sysmon_copies), 0, "process", "change", "remote-thread-created"},
	{SRC_SYSMON, 9, TABLE(sysmon_copies), 0, "process", "access", "raw-disk-read"},
	{SRC_SYSMON, 10, TABLE(sysmon_copies), 0, "process", "access", "process-accessed"},
	{SRC_SYSMON, 11, TABLE(sysmon_copies), 0, "file", "creation", "file-created"},
	{SRC_SYSMON, 12, TABLE(sysmon_copies), 0, "registry", "change", "registry-object-changed"},
	{SRC_SYSMON, 13, TABLE(sysmon_copies), 0, "registry", "change", "registry-value-set"},
	{SRC_SYSMON, 14, TABLE(sysmon_copies), 0, "registry", "change", "registry-object-renamed"},
	{SRC_SYSMON, 15, TABLE(sysmon_copies), 0, "file", "access", "file-stream-created"},
	{SRC_SYSMON, 17, TABLE(sysmon_copies), 0, "file", "creation", "pipe-created"},
	{SRC_SYSMON, 18, TABLE(sysmon_copies), 0, "file", "access", "pipe-connected"},
	{SRC_SYSMON, 22, TABLE(sysmon_copies), 0, "network", "connection", "dns-query"},
	{SRC_SYSMON, 23, TABLE(sysmon_copies), 0, "file", "deletion", "file-deleted"},
	{SRC_SYSMON, 25, TABLE(sysmon_copies), 0, "process", "change", "process-tampered"},
	{SRC_SYSMON, 26, TABLE(sysmon_copies), 0, "file", "deletion", "file-deleted"},
	{SRC_SECURITY, 1102, TABLE(subject_copies), 's', "iam", "admin", "audit-log-cleared"},
	{SRC_SECURITY, 4611, TABLE(subject_copies), 'k', "authentication", "info",
	    "logon-process-registered"},
	{SRC_SECURITY, 4624, TABLE(logon_copies), 's', "authentication", "start", "logged-in"},
	{SRC_SECURITY, 4625, TABLE(logon_copies), 'f', "authentication", "start", "logon-failed"},
	{SRC_SECURITY, 4634, TABLE(logon_copies), 's', "authentication", "end", "logged-out"},
	{SRC_SECURITY, 4647, TABLE(logon_copies), 's', "authentication", "end", "logged-out"},
	{SRC_SECURITY, 4648, TABLE(account_copies), 'k', "authentication", "start",
	    "logged-in-explicit"},
	{SRC_SECURITY, 4656, TABLE(subject_copies), 'k', "file", "access", "handle-requested"},
	{SRC_SECURITY, 4657, TABLE(subject_copies), 'k', "registry", "change", "registry-value-set"},
	{SRC_SECURITY, 4661, TABLE(subject_copies), 'k', "file", "access", "handle-requested"},
	{SRC_SECURITY, 4662, TABLE(subject_copies), 'k', "iam", "access", "object-operation-performed"},
	{SRC_SECURITY, 4663, TABLE(subject_copies), 'k', "file", "access", "object-accessed"},
	{SRC_SECURITY, 4670, TABLE(subject_copies), 'k', "iam", "change", "permissions-changed"},
	{SRC_SECURITY, 4672, TABLE(subject_copies), 'k', "iam", "admin", "logged-in-special"},
	{SRC_SECURITY, 4673, TABLE(subject_copies), 'k', "iam", "admin", "privileged-service-called"},
	{SRC_SECURITY, 4674, TABLE(subject_copies), 'k', "iam", "admin", "privileged-operation"},
	{SRC_SECURITY, 4688, TABLE(created_copies), 's', "process", "start", "created-process"},
	{SRC_SECURITY, 4689, TABLE(subject_copies), 's', "process", "end", "exited-process"},
	{SRC_SECURITY, 4697, TABLE(subject_copies), 'k', "configuration", "change",
	    "service-installed"},
	{SRC_SECURITY, 4698, TABLE(subject_copies), 'k', "configuration", "creation",
	    "scheduled-task-created"},
	{SRC_SECURITY, 4699, TABLE(subject_copies), 'k', "configuration", "deletion",
	    "scheduled-task-deleted"},
	{SRC_SECURITY, 4700, TABLE(subject_copies), 'k', "configuration", "change",
	    "scheduled-task-enabled"},
	{SRC_SECURITY, 4701, TABLE(subject_copies), 'k', "configuration", "change",
	    "scheduled-task-disabled"},
	{SRC_SECURITY, 4702, TABLE(subject_copies), 'k', "configuration", "change",
	    "scheduled-task-updated"},
	{SRC_SECURITY, 4719, TABLE(subject_copies), 'k', "iam", "admin", "changed-audit-config"},
	{SRC_SECURITY, 4720, TABLE(account_copies), 'k', "iam", "creation", "added-user-account"},
	{SRC_SECURITY, 4722, TABLE(account_copies), 'k', "iam", "change", "enabled-user-account"},
	{SRC_SECURITY, 4723, TABLE(account_copies), 'k', "iam", "change", "changed-password"},
	{SRC_SECURITY, 4724, TABLE(account_copies), 'k', "iam", "change", "reset-password"},
	{SRC_SECURITY, 4725, TABLE(account_copies), 'k', "iam", "deletion", "disabled-user-account"},
	{SRC_SECURITY, 4726, TABLE(account_copies), 'k', "iam", "deletion", "deleted-user-account"},
	{SRC_SECURITY, 4727, TABLE(group_copies), 'k', "iam", "creation", "added-group-account"},
	{SRC_SECURITY, 4728, TABLE(group_copies), 'k', "iam", "change", "added-member-to-group"},
	{SRC_SECURITY, 4729, TABLE(group_copies), 'k', "iam", "change", "removed-member-from-group"},
	{SRC_SECURITY, 4730, TABLE(group_copies), 'k', "iam", "deletion", "deleted-group-account"},
	{SRC_SECURITY, 4731, TABLE(group_copies), 'k', "iam", "creation", "added-group-account"},
	{SRC_SECURITY, 4732, TABLE(group_copies), 'k', "iam", "change", "added-member-to-group"},
	{SRC_SECURITY, 4733, TABLE(group_copies), 'k', "iam", "change", "removed-member-from-group"},
	{SRC_SECURITY, 4734, TABLE(group_copies), 'k', "iam", "deletion", "deleted-group-account"},
	{SRC_SECURITY, 4735, TABLE(group_copies), 'k', "iam", "change", "modified-group-account"},
	{SRC_SECURITY, 4737, TABLE(group_copies), 'k', "iam", "change", "modified-group-account"},
	{SRC_SECURITY, 4738, TABLE(account_copies), 'k', "iam", "change", "modified-user-account"},
	{SRC_SECURITY, 4740, TABLE(account_copies), 'k', "iam", "change", "locked-out-user-account"},
	{SRC_SECURITY, 4741, TABLE(account_copies), 'k', "iam", "creation", "added-computer-account"},
	{SRC_SECURITY, 4742, TABLE(account_copies), 'k', "iam", "change", "changed-computer-account"},
	{SRC_SECURITY, 4743, TABLE(account_copies), 'k', "iam", "deletion", "deleted-computer-account"},
	{SRC_SECURITY, 4754, TABLE(group_copies), 'k', "iam", "creation", "added-group-account"},
	{SRC_SECURITY, 4755, TABLE(group_copies), 'k', "iam", "change", "modified-group-account"},
	{SRC_SECURITY, 4756, TABLE(group_copies), 'k', "iam", "change", "added-member-to-group"},
	{SRC_SECURITY, 4757, TABLE(group_copies), 'k', "iam", "change", "removed-member-from-group"},
	{SRC_SECURITY, 4758, TABLE(group_copies), 'k', "iam", "deletion", "deleted-group-account"},
	{SRC_SECURITY, 4764, TABLE(group_copies), 'k', "iam", "change", "type-changed-group-account"},
	{SRC_SECURITY, 4767, TABLE(account_copies), 'k', "iam", "change", "unlocked-user-account"},
	{SRC_SECURITY, 4768, TABLE(logon_copies), 'k', "authentication", "start",
	    "kerberos-authentication-ticket-requested"},
	{SRC_SECURITY, 4769, TABLE(logon_copies), 'k', "authentication", "start",
	    "kerberos-service-ticket-requested"},
	{SRC_SECURITY, 4770, TABLE(logon_copies), 'k', "authentication", "start",
	    "kerberos-service-ticket-renewed"},
	{SRC_SECURITY, 4771, TABLE(logon_copies), 'f', "authentication", "start",
	    "kerberos-preauth-failed"},
	{SRC_SECURITY, 4776, TABLE(logon_copies), 'k', "authentication", "start",
	    "credential-validated"},
	{SRC_SECURITY, 4778, TABLE(logon_copies), 'k', "authentication", "start",
	    "session-reconnected"},
	{SRC_SECURITY, 4779, TABLE(logon_copies), 'k', "authentication", "end",
	    "session-disconnected"},
	{SRC_SECURITY, 4781, TABLE(account_copies), 'k', "iam", "change", "renamed-user-account"},
	{SRC_SECURITY, 4798, TABLE(account_copies), 'k', "iam", "info", "group-membership-enumerated"},
	{SRC_SECURITY, 4799, TABLE(group_copies), 'k', "iam", "info", "user-member-enumerated"},
	{SRC_SECURITY, 5140, TABLE(share_copies), 'k', "network", "access",
	    "network-share-object-accessed"},
	{SRC_SECURITY, 5145, TABLE(share_copies), 'k', "network", "access",
	    "network-share-object-access-checked"},
	{SRC_SECURITY, 5156, TABLE(firewall_copies), 's', "network", "allowed",
	    "firewall-connection-allowed"},
	{SRC_SECURITY, 5157, TABLE(firewall_copies), 'f', "network", "denied",
	    "firewall-connection-blocked"},
	{SRC_SECURITY, 5158, TABLE(firewall_copies), 's', "network", "allowed",
	    "firewall-bind-allowed"},
	{SRC_POWERSHELL, 4103, TABLE(script_copies), 0, "process", "info", "module-logged"},
	{SRC_POWERSHELL, 4104, TABLE(script_copies), 0, "process", "info", "script-block-logged"},
	{SRC_SYSTEM, 7036, NULL, 0, 0, "configuration", "change", "service-state-changed"},
	{SRC_SYSTEM, 7045, TABLE(service_copies), 0, "configuration", "creation", "service-installed"},
};

static enum win_source
source_of(const struct json_doc *d)
{
	struct tsn_slice provider = json_text(d, W_PROVIDER), channel = json_text(d, W_CHANNEL);

	if (TSN_EQ(provider, "Microsoft-Windows-Sysmon") ||
	    TSN_EQ(channel, "Microsoft-Windows-Sysmon/Operational"))
		return SRC_SYSMON;
	if (TSN_EQ(provider, "Microsoft-Windows-Security-Auditing") || TSN_EQ(channel, "Security"))
		return SRC_SECURITY;
	if (TSN_EQ(provider, "Microsoft-Windows-PowerShell") ||
	    TSN_EQ(channel, "Microsoft-Windows-PowerShell/Operational"))
		return SRC_POWERSHELL;
	if (TSN_EQ(channel, "System"))
		return SRC_SYSTEM;
	/* Without both: only Sysmon has these. */
	if (provider.len == 0 && channel.len == 0 &&
	    (d->marks[W_PROCESS_GUID] != 0 || d->marks[W_UTC_TIME] != 0))
		return SRC_SYSMON;
	if (provider.len == 0 && channel.len == 0 && d->marks[W_SUBJECT_USER] != 0)
		return SRC_SECURITY;
	return SRC_OTHER;
}

static const struct win_event *
find_event(enum win_source source, int64_t id)
{
	size_t low = 0, high = TSN_COUNT(events);

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (events[mid].source < source || (events[mid].source == source && events[mid].id < id))
			low = mid + 1;
		else
			high = mid;
	}
	return low < TSN_COUNT(events) && events[low].source == source && events[low].id == id ?
	    &events[low] : NULL;
}

/* Numbers in quotes become numbers, in place; their text stays. */
static void
make_number(const struct json_doc *d, uint8_t mark)
{
	struct tsn_field *f = json_field(d, mark);
	int64_t v;

	if (f == NULL || f->type != TSN_T_STR ||
	    tsn_num_parse_i64((struct tsn_slice){f->ptr, f->len}, &v) != TSN_OK)
		return;
	f->type = TSN_T_INT;
	f->num.i = v;
}

static void
normalise(const struct json_doc *d)
{
	static const uint8_t numbers[] = {W_EVENT_ID, W_VERSION, W_LEVEL, W_TASK, W_OPCODE,
	    W_RECORD_ID, W_PID, W_TID};
	struct tsn_field *f = json_field(d, W_EVENT_ID);

	/* An EventID with attributes: its first field may be one of them. */
	if (f != NULL && f->key != TSN_F_WINLOG_EVENT_ID) {
		const struct tsn_event *ev = d->ctx->ev;
		uint32_t i = d->first;

		while (i < ev->field_count && ev->fields[i].key != TSN_F_WINLOG_EVENT_ID)
			i++;
		d->marks[W_EVENT_ID] = (uint16_t)(i < ev->field_count ? i + 1 : 0);
	}
	for (size_t i = 0; i < TSN_COUNT(numbers); i++)
		make_number(d, numbers[i]);
	f = json_field(d, W_TIME);
	if (f != NULL && f->key == TSN_F_WINLOG_TIME_CREATED)
		f->flags |= TSN_FIELD_HIDDEN;
}

/*
 * The time of the system part.  Where that names no zone (NXLog writes local time) Sysmon's own
 * time is better: it is UTC by its name.
 */
static void
set_time(const struct json_doc *d)
{
	static const uint8_t marks[] = {W_TIME, W_UTC_TIME, W_TIME2};
	struct tsn_date best = {.ns = TSN_TIME_NONE}, date;

	for (size_t i = 0; i < TSN_COUNT(marks) && !best.zoned; i++) {
		const struct tsn_field *f = json_field(d, marks[i]);

		if (f == NULL || !tsn_json_time(d->ctx, f, &date))
			continue;
		if (marks[i] == W_UTC_TIME && !date.zoned) {
			date.ns += d->ctx->date.tz_offset_sec * TSN_NS_PER_SEC;
			date.zoned = true;
		}
		if (best.ns == TSN_TIME_NONE || (date.zoned && marks[i] == W_UTC_TIME))
			best = date;
	}
	tsn_parse_set_time(d->ctx, &best);
}

static void
put_level(const struct json_doc *d)
{
	static const struct tsn_slice names[] = {TSN_SLICE("information"), TSN_SLICE("critical"),
	    TSN_SLICE("error"), TSN_SLICE("warning"), TSN_SLICE("information"), TSN_SLICE("verbose")};
	const struct tsn_field *f = json_field(d, W_LEVEL);

	if (f != NULL && f->type == TSN_T_INT && f->num.i >= 0 &&
	    f->num.i < (int64_t)TSN_COUNT(names) && d->marks[W_SEVERITY] == 0)
		tsn_put_str(d->ctx, TSN_F_LOG_LEVEL, names[f->num.i]);
}

/* The audit bits of the keywords: 0x0020... success, 0x0010... failure; or their names. */
static struct tsn_slice
audit_outcome(const struct json_doc *d)
{
	struct tsn_slice text = json_text(d, W_KEYWORDS);
	uint64_t bits = 0;

	if (TSN_STARTS(text, "0x")) {
		if (tsn_num_parse_hex(text, &bits) != TSN_OK)
			return TSN_SLICE_NONE;
	} else if (text.len > 0 && text.ptr[0] == '-') {
		int64_t v;

		if (tsn_num_parse_i64(text, &v) == TSN_OK)
			bits = (uint64_t)v;
	} else if (tsn_num_parse_u64(text, &bits) != TSN_OK) {
		if (tsn_slice_eq_nocase(text, TSN_SLICE("Audit Success")))
			return TSN_SLICE("success");
		return tsn_slice_eq_nocase(text, TSN_SLICE("Audit Failure")) ? TSN_SLICE("failure") :
		    TSN_SLICE_NONE;
	}
	if (bits & UINT64_C(0x10000000000000))
		return TSN_SLICE("failure");
	return bits & UINT64_C(0x20000000000000) ? TSN_SLICE("success") : TSN_SLICE_NONE;
}

struct hash_keys {
	const char *name;
	tsn_key process, dll, file;
};

/* "SHA1=...,MD5=...,SHA256=...,IMPHASH=..." */
static void
put_hashes(const struct json_doc *d, int64_t id)
{
	static const struct hash_keys kinds[] = {
		{"MD5", TSN_F_PROCESS_HASH_MD5, TSN_F_DLL_HASH_MD5, TSN_F_FILE_HASH_MD5},
		{"SHA1", TSN_F_PROCESS_HASH_SHA1, TSN_F_DLL_HASH_SHA1, TSN_F_FILE_HASH_SHA1},
		{"SHA256", TSN_F_PROCESS_HASH_SHA256, TSN_F_DLL_HASH_SHA256, TSN_F_FILE_HASH_SHA256},
		{"IMPHASH", TSN_F_PROCESS_PE_IMPHASH, TSN_F_DLL_PE_IMPHASH, TSN_F_FILE_PE_IMPHASH},
	};
	struct tsn_scan s = tsn_scan_of(json_text(d, W_HASHES));

	while (s.at < s.end) {
		struct tsn_slice value = tsn_scan_field(&s, ','), name;
		size_t eq = tsn_slice_find_char(value, '=');

		if (eq == SIZE_MAX)
			continue;
		name = (struct tsn_slice){value.ptr, eq};
		value = tsn_json_lower(d->ctx, tsn_slice_from(value, eq + 1));
		for (size_t i = 0; i < TSN_COUNT(kinds); i++)
			if (tsn_slice_eq(tsn_slice_cstr(kinds[i].name), name))
				tsn_put_some(d->ctx, id == 1 ? kinds[i].process :
				    id == 7 ? kinds[i].dll : kinds[i].file, value);
	}
}

static void
put_sysmon(const struct json_doc *d, int64_t id)
{
	if (d->marks[W_HASHES] != 0)
		put_hashes(d, id);
	if (id == 7 && d->marks[W_IMAGE_LOADED] != 0)
		tsn_json_copy_one(d, &(struct json_copy){W_IMAGE_LOADED, JSON_PATH, TSN_F_DLL_PATH,
		    TSN_F_DLL_NAME});
	if (id == 13)
		tsn_json_copy_one(d, &(struct json_copy){W_DETAILS, JSON_COPY,
		    TSN_F_REGISTRY_DATA_STRINGS, 0});
	if (id == 3 && d->marks[W_INITIATED] != 0) {
		struct tsn_slice v = json_text(d, W_INITIATED);
		const struct tsn_field *f = json_field(d, W_INITIATED);
		bool out = tsn_slice_eq_nocase(v, TSN_SLICE("true")) ||
		    (f != NULL && f->type == TSN_T_BOOL && f->num.i != 0);

		tsn_put_str(d->ctx, TSN_F_NETWORK_DIRECTION,
		    out ? TSN_SLICE("egress") : TSN_SLICE("ingress"));
	}
}

static void
put_outcome(const struct json_doc *d, char outcome)
{
	struct tsn_slice v = outcome == 's' ? TSN_SLICE("success") :
	    outcome == 'f' ? TSN_SLICE("failure") : outcome == 'k' ? audit_outcome(d) : TSN_SLICE_NONE;

	tsn_put_some(d->ctx, TSN_F_EVENT_OUTCOME, v);
}

/* Drops what was added behind `from` where the document has the same field itself. */
static void
keep_own(const struct json_doc *d, uint32_t from)
{
	struct tsn_event *ev = d->ctx->ev;
	uint32_t kept = from;

	for (uint32_t i = from; i < ev->field_count; i++) {
		uint32_t k = d->first;

		while (k < from && ev->fields[k].key != ev->fields[i].key)
			k++;
		if (k == from)
			ev->fields[kept++] = ev->fields[i];
	}
	ev->field_count = kept;
}

void
tsn_win_finish(struct json_doc *d, bool keep)
{
	struct tsn_parse_ctx *ctx = d->ctx;
	uint32_t from = ctx->ev->field_count;
	enum win_source source = source_of(d);
	const struct win_event *e;
	const struct tsn_field *id;

	set_time(d);
	normalise(d);
	id = json_field(d, W_EVENT_ID);
	e = id == NULL || id->type != TSN_T_INT ? NULL : find_event(source, id->num.i);
	tsn_json_copy(d, system_copies, TSN_COUNT(system_copies));
	TSN_PUT_LIT(ctx, TSN_F_EVENT_MODULE, "windows");
	TSN_PUT_LIT(ctx, TSN_F_EVENT_KIND, "event");
	put_level(d);
	if (e != NULL) {
		int64_t number = id->num.i;

		tsn_event_append_str(ctx->batch, TSN_F_EVENT_CATEGORY, tsn_slice_cstr(e->category));
		tsn_event_append_str(ctx->batch, TSN_F_EVENT_TYPE, tsn_slice_cstr(e->type));
		tsn_put_str(ctx, TSN_F_EVENT_ACTION, tsn_slice_cstr(e->action));
		put_outcome(d, e->outcome);
		tsn_json_copy(d, e->table, e->count);
		if (source == SRC_SYSMON)
			put_sysmon(d, number);
	} else if (source == SRC_SYSMON) {
		tsn_json_copy(d, sysmon_copies, TSN_COUNT(sysmon_copies));
	} else if (source == SRC_SECURITY) {
		put_outcome(d, 'k');
		tsn_json_copy(d, subject_copies, TSN_COUNT(subject_copies));
	}
	if (keep)
		keep_own(d, from);
}
