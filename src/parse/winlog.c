/* The forms of Windows events in JSON, by names: what becomes which field. */
#include "parse/winlog_int.h"

_Static_assert(W_COUNT <= TSN_DOC_MARKS, "marks fit");

static const struct json_name data_names[] = {
	{"Data", W_DATA}, {"UtcTime", W_UTC_TIME}, {"Image", W_IMAGE}, {"ProcessId", W_PROCESS_ID},
	{"ProcessID", W_PROCESS_ID}, {"ProcessGuid", W_PROCESS_GUID}, {"User", W_USER},
	{"CommandLine", W_COMMAND_LINE}, {"CurrentDirectory", W_CURRENT_DIR},
	{"ParentImage", W_PARENT_IMAGE}, {"ParentProcessId", W_PARENT_PROCESS_ID},
	{"ParentProcessGuid", W_PARENT_GUID}, {"ParentCommandLine", W_PARENT_COMMAND_LINE},
	{"ParentUser", W_PARENT_USER}, {"Hashes", W_HASHES}, {"Hash", W_HASHES},
	{"OriginalFileName", W_ORIGINAL_FILE_NAME}, {"Company", W_COMPANY},
	{"Description", W_DESCRIPTION}, {"Product", W_PRODUCT}, {"FileVersion", W_FILE_VERSION},
	{"SourceIp", W_SOURCE_IP}, {"SourcePort", W_SOURCE_PORT}, {"SourceHostname", W_SOURCE_HOST},
	{"DestinationIp", W_DEST_IP}, {"DestinationPort", W_DEST_PORT}, {"DestPort", W_DEST_PORT},
	{"DestinationHostname", W_DEST_HOST}, {"Protocol", W_PROTOCOL}, {"Initiated", W_INITIATED},
	{"ImageLoaded", W_IMAGE_LOADED}, {"SourceImage", W_SOURCE_IMAGE},
	{"SourceProcessId", W_SOURCE_PROCESS_ID}, {"SourceProcessGuid", W_SOURCE_GUID},
	{"SourceProcessGUID", W_SOURCE_GUID}, {"SourceUser", W_SOURCE_USER},
	{"TargetFilename", W_TARGET_FILENAME}, {"TargetObject", W_TARGET_OBJECT},
	{"Details", W_DETAILS}, {"PipeName", W_PIPE_NAME}, {"QueryName", W_QUERY_NAME},
	{"QueryStatus", W_QUERY_STATUS}, {"TargetUserName", W_TARGET_USER},
	{"TargetDomainName", W_TARGET_DOMAIN}, {"TargetUserSid", W_TARGET_SID},
	{"TargetSid", W_TARGET_SID}, {"SubjectUserName", W_SUBJECT_USER},
	{"SubjectDomainName", W_SUBJECT_DOMAIN}, {"SubjectUserSid", W_SUBJECT_SID},
	{"IpAddress", W_IP}, {"IpPort", W_IP_PORT}, {"WorkstationName", W_WORKSTATION},
	{"Workstation", W_WORKSTATION}, {"ProcessName", W_PROCESS_NAME},
	{"NewProcessName", W_NEW_PROCESS_NAME}, {"NewProcessId", W_NEW_PROCESS_ID},
	{"ParentProcessName", W_PARENT_PROCESS_NAME}, {"MemberSid", W_MEMBER_SID},
	{"MemberName", W_MEMBER_NAME}, {"ServiceName", W_SERVICE_NAME},
	{"Application", W_APPLICATION}, {"SourceAddress", W_SOURCE_ADDRESS},
	{"DestAddress", W_DEST_ADDRESS}, {"ObjectName", W_OBJECT_NAME},
	{"RelativeTargetName", W_RELATIVE_TARGET}, {"ShareName", W_SHARE_NAME},
	{"ScriptBlockText", W_SCRIPT_TEXT}, {"ScriptBlockId", W_SCRIPT_ID}, {"Path", W_SCRIPT_PATH},
	{"MessageNumber", W_MESSAGE_NUMBER}, {"MessageTotal", W_MESSAGE_TOTAL},
	{"Status", W_STATUS}, {"NewTargetUserName", W_NEW_TARGET_USER},
	{"OldTargetUserName", W_OLD_TARGET_USER}, {"ClientAddress", W_CLIENT_ADDRESS},
	{"ClientName", W_CLIENT_NAME},
};

uint8_t
tsn_win_data_mark(struct tsn_slice name)
{
	return tsn_json_mark(data_names, TSN_COUNT(data_names), name);
}

struct place {
	const char *name;
	tsn_key key;
	uint8_t mark;
};

static tsn_key
placed(const struct place *places, size_t count, struct tsn_slice name, uint8_t *ret_mark)
{
	for (size_t i = 0; i < count; i++) {
		if (!tsn_slice_eq(tsn_slice_cstr(places[i].name), name))
			continue;
		*ret_mark = places[i].mark;
		return places[i].key;
	}
	return TSN_KEY_NONE;
}

static tsn_key
data_child(struct tsn_keys *keys, struct tsn_slice name, uint8_t *ret_mark)
{
	*ret_mark = tsn_win_data_mark(name);
	return tsn_keys_child(keys, TSN_F_WINLOG_EVENT_DATA, name);
}

/* Elements of System, and the attributes of those that have any, as if they stood in System. */
static const struct place system_places[] = {
	{"EventID", TSN_F_WINLOG_EVENT_ID, W_EVENT_ID}, {"Version", TSN_F_WINLOG_VERSION, W_VERSION},
	{"Level", TSN_F_WINLOG_LEVEL, W_LEVEL}, {"Task", TSN_F_WINLOG_TASK, W_TASK},
	{"Opcode", TSN_F_WINLOG_OPCODE, W_OPCODE}, {"Keywords", TSN_F_WINLOG_KEYWORDS, W_KEYWORDS},
	{"EventRecordID", TSN_F_WINLOG_RECORD_ID, W_RECORD_ID},
	{"Channel", TSN_F_WINLOG_CHANNEL, W_CHANNEL},
	{"Computer", TSN_F_WINLOG_COMPUTER_NAME, W_COMPUTER},
};
static const struct place provider_places[] = {
	{"Name", TSN_F_WINLOG_PROVIDER_NAME, W_PROVIDER},
	{"Guid", TSN_F_WINLOG_PROVIDER_GUID, W_GUID},
	{"EventSourceName", TSN_F_WINLOG_EVENT_SOURCE_NAME, 0},
};
static const struct place correlation_places[] = {
	{"ActivityID", TSN_F_WINLOG_ACTIVITY_ID, W_ACTIVITY},
	{"RelatedActivityID", TSN_F_WINLOG_RELATED_ACTIVITY_ID, 0},
};
static const struct place execution_places[] = {
	{"ProcessID", TSN_F_WINLOG_PROCESS_PID, W_PID},
	{"ThreadID", TSN_F_WINLOG_PROCESS_THREAD_ID, W_TID},
};
static const struct place security_places[] = {
	{"UserID", TSN_F_WINLOG_USER_IDENTIFIER, W_USER_ID},
};
static const struct place time_places[] = {
	{"SystemTime", TSN_F_WINLOG_TIME_CREATED, W_TIME},
};
static const struct place rendering_places[] = {
	{"Message", TSN_F_MESSAGE, W_MESSAGE}, {"Level", TSN_F_LOG_LEVEL, W_SEVERITY},
};

/* The parts of an event that have a table of their own, by the key that stands for them. */
static const struct part {
	const char *name;
	tsn_key key;
	const struct place *places;
	uint8_t count;
} parts[] = {
#define PART(name, key, places) {name, key, places, (uint8_t)TSN_COUNT(places)}
	PART("Provider", TSN_F_WINLOG_PROVIDER, provider_places),
	PART("Correlation", TSN_F_WINLOG_CORRELATION, correlation_places),
	PART("Execution", TSN_F_WINLOG_EXECUTION, execution_places),
	PART("Security", TSN_F_WINLOG_SECURITY, security_places),
	PART("TimeCreated", TSN_F_WINLOG_TIME_CREATED, time_places),
	PART("RenderingInfo", TSN_F_WINLOG_RENDERING_INFO, rendering_places),
#undef PART
};

static const struct part *
part_of(tsn_key key)
{
	for (size_t i = 0; i < TSN_COUNT(parts); i++)
		if (parts[i].key == key)
			return &parts[i];
	return NULL;
}

static tsn_key
system_child(struct tsn_keys *keys, struct tsn_slice name, uint8_t *ret_mark)
{
	tsn_key key = placed(system_places, TSN_COUNT(system_places), name, ret_mark);

	for (size_t i = 0; i < TSN_COUNT(parts); i++)
		if (tsn_slice_eq(tsn_slice_cstr(parts[i].name), name))
			return parts[i].key | TSN_DOC_MEMBERS;
	return key != TSN_KEY_NONE ? key : tsn_keys_child(keys, TSN_F_WINLOG, name);
}

/* Names directly in Event, or at the top where there is no Event. */
static tsn_key
event_child(struct tsn_keys *keys, struct tsn_slice name, uint8_t *ret_mark)
{
	if (TSN_EQ(name, "Event") || TSN_EQ(name, "System")) {
		*ret_mark = W_EVENT;
		return (TSN_EQ(name, "Event") ? TSN_KEY_ROOT : TSN_F_WINLOG_SYSTEM) | TSN_DOC_MEMBERS;
	}
	if (TSN_EQ(name, "EventData"))
		return TSN_F_WINLOG_EVENT_DATA | TSN_DOC_MEMBERS;
	if (TSN_EQ(name, "UserData"))
		return TSN_F_WINLOG_USER_DATA_XML | TSN_DOC_MEMBERS;
	if (TSN_EQ(name, "RenderingInfo"))
		return TSN_F_WINLOG_RENDERING_INFO | TSN_DOC_MEMBERS;
	/* What the reader of event log files says of damage (codec/evtx.h). */
	if (TSN_EQ(name, "#error")) {
		*ret_mark = W_ERROR;
		return TSN_F_ERROR_MESSAGE;
	}
	if (TSN_EQ(name, "#flags"))
		return TSN_F_TAGS;
	if (TSN_EQ(name, "#attributes") || TSN_EQ(name, "Event_attributes") ||
	    TSN_EQ(name, "xmlns") || TSN_EQ(name, "#bytes"))
		return TSN_DOC_DROP;
	return tsn_keys_intern(keys, name);
}

/*
 * {"Event":{"System":{"Provider":{"#attributes":{"Name":...}},...},"EventData":{...}}}: evtx_dump.
 * Attributes count as members of their element, also in the form "Provider_attributes":{...}.
 */
tsn_key
tsn_win_event_child(struct tsn_keys *keys, tsn_key parent, struct tsn_slice name, uint8_t *ret_mark)
{
	const struct part *part = part_of(parent);
	tsn_key key;

	if (parent == TSN_KEY_ROOT)
		return event_child(keys, name, ret_mark);
	if (TSN_EQ(name, "#text") || TSN_EQ(name, "#attributes")) {
		if (parent == TSN_F_WINLOG_EVENT_ID && TSN_EQ(name, "#text"))
			*ret_mark = W_EVENT_ID;
		if (parent == TSN_F_WINLOG_USER_DATA_XML)
			return TSN_DOC_DROP;
		return parent;
	}
	if (TSN_EQ(name, "xmlns") || tsn_slice_starts(name, TSN_SLICE("xmlns:")) ||
	    TSN_EQ(name, "xmlns_"))
		return TSN_DOC_DROP;
	if (name.len > 11 && tsn_slice_ends(name, TSN_SLICE("_attributes")) &&
	    parent != TSN_F_WINLOG_USER_DATA)
		return tsn_win_event_child(keys, parent,
		    (struct tsn_slice){name.ptr, name.len - 11}, ret_mark);
	if (part != NULL) {
		key = placed(part->places, part->count, name, ret_mark);
		return key != TSN_KEY_NONE ? key : tsn_keys_child(keys, parent, name);
	}
	if (parent == TSN_F_WINLOG_SYSTEM)
		return system_child(keys, name, ret_mark);
	if (parent == TSN_F_WINLOG_EVENT_DATA)
		return data_child(keys, name, ret_mark);
	if (parent == TSN_F_WINLOG_USER_DATA_XML)
		return TSN_F_WINLOG_USER_DATA;
	if (parent == TSN_F_WINLOG_USER_DATA)
		*ret_mark = tsn_win_data_mark(name);
	if (parent == TSN_F_WINLOG_EVENT_ID)
		return tsn_keys_child(keys, TSN_F_WINLOG, tsn_slice_eq(name, TSN_SLICE("Qualifiers")) ?
		    TSN_SLICE("qualifiers") : name);
	return tsn_keys_child(keys, parent, name);
}
static const struct tsn_doc_map winevent_map = {tsn_win_event_child};

static bool
winevent_stays(const struct json_doc *d)
{
	return d->marks[W_EVENT] != 0;
}

static void
winevent_finish(struct json_doc *d)
{
	if (d->marks[W_ERROR] != 0) {
		d->ctx->ev->flags |= TSN_EV_ERROR;
		tsn_json_set_time(d, W_TIME);
		TSN_PUT_LIT(d->ctx, TSN_F_EVENT_KIND, "pipeline_error");
		return;
	}
	tsn_win_finish(d, false);
}

const struct json_kind tsn_json_winevent = {
	.dataset = "windows.eventlog",
	.map = &winevent_map,
	.stays = winevent_stays,
	.finish = winevent_finish,
};

/* Winlogbeat 7 and later, Elastic Agent: names are canonical already. */
static const struct json_name beat_names[] = {
	{"winlog", W_WINLOG}, {"winlog.provider_name", W_PROVIDER},
	{"winlog.provider_guid", W_GUID}, {"winlog.event_id", W_EVENT_ID},
	{"winlog.version", W_VERSION}, {"winlog.level", W_LEVEL}, {"winlog.task", W_TASK},
	{"winlog.opcode", W_OPCODE}, {"winlog.keywords", W_KEYWORDS},
	{"winlog.record_id", W_RECORD_ID}, {"winlog.activity_id", W_ACTIVITY},
	{"winlog.process.pid", W_PID}, {"winlog.process.thread.id", W_TID},
	{"winlog.channel", W_CHANNEL}, {"winlog.computer_name", W_COMPUTER},
	{"winlog.user.identifier", W_USER_ID}, {"message", W_MESSAGE}, {"@timestamp", W_TIME},
};

static tsn_key
beat_child(struct tsn_keys *keys, tsn_key parent, struct tsn_slice name, uint8_t *ret_mark)
{
	tsn_key key = tsn_keys_child(keys, parent, name);

	if (parent == TSN_F_WINLOG_EVENT_DATA || parent == TSN_F_WINLOG_USER_DATA)
		*ret_mark = tsn_win_data_mark(name);
	else if (key != TSN_KEY_NONE)
		*ret_mark = tsn_json_mark(beat_names, TSN_COUNT(beat_names), tsn_keys_name(keys, key));
	return key;
}
static const struct tsn_doc_map beat_map = {beat_child};

static bool
beat_stays(const struct json_doc *d)
{
	return d->marks[W_WINLOG] != 0;
}

static void
beat_finish(struct json_doc *d)
{
	tsn_win_finish(d, true);
	tsn_json_hide_intrinsic(d);
}

const struct json_kind tsn_json_winlogbeat = {
	.dataset = "windows.eventlog",
	.map = &beat_map,
	.stays = beat_stays,
	.finish = beat_finish,
};

/* Winlogbeat 5 and 6: the same at the top. */
static const struct place beat6_places[] = {
	{"event_data", TSN_F_WINLOG_EVENT_DATA, W_DATA6}, {"user_data", TSN_F_WINLOG_USER_DATA, 0},
	{"log_name", TSN_F_WINLOG_CHANNEL, W_CHANNEL}, {"event_id", TSN_F_WINLOG_EVENT_ID, W_EVENT_ID},
	{"source_name", TSN_F_WINLOG_PROVIDER_NAME, W_PROVIDER},
	{"provider_guid", TSN_F_WINLOG_PROVIDER_GUID, W_GUID},
	{"computer_name", TSN_F_WINLOG_COMPUTER_NAME, W_COMPUTER},
	{"record_number", TSN_F_WINLOG_RECORD_ID, W_RECORD_ID},
	{"process_id", TSN_F_WINLOG_PROCESS_PID, W_PID},
	{"thread_id", TSN_F_WINLOG_PROCESS_THREAD_ID, W_TID}, {"task", TSN_F_WINLOG_TASK, W_TASK},
	{"opcode", TSN_F_WINLOG_OPCODE, W_OPCODE}, {"level", TSN_F_LOG_LEVEL, W_SEVERITY},
	{"keywords", TSN_F_WINLOG_KEYWORDS, W_KEYWORDS}, {"version", TSN_F_WINLOG_VERSION, W_VERSION},
	{"activity_id", TSN_F_WINLOG_ACTIVITY_ID, W_ACTIVITY},
	{"related_activity_id", TSN_F_WINLOG_RELATED_ACTIVITY_ID, 0},
	{"user", TSN_F_WINLOG_USER, 0}, {"message", TSN_F_MESSAGE, W_MESSAGE},
	{"@timestamp", TSN_F_TIMESTAMP, W_TIME},
};

static tsn_key
beat6_child(struct tsn_keys *keys, tsn_key parent, struct tsn_slice name, uint8_t *ret_mark)
{
	tsn_key key = TSN_KEY_NONE;

	if (parent == TSN_F_WINLOG_EVENT_DATA)
		return data_child(keys, name, ret_mark);
	if (parent == TSN_KEY_ROOT)
		key = placed(beat6_places, TSN_COUNT(beat6_places), name, ret_mark);
	return key != TSN_KEY_NONE ? key : tsn_keys_child(keys, parent, name);
}
static const struct tsn_doc_map beat6_map = {beat6_child};

static bool
beat6_stays(const struct json_doc *d)
{
	return d->marks[W_DATA6] != 0 && d->marks[W_CHANNEL] != 0;
}

const struct json_kind tsn_json_winlogbeat6 = {
	.dataset = "windows.eventlog",
	.map = &beat6_map,
	.stays = beat6_stays,
	.finish = beat_finish,
};

/*
 * Flat: NXLog, Mordor, and their like.  Names of the system part by their place; what shippers add
 * keeps its own name at the top; all others are EventData.
 */
static const struct place flat_places[] = {
	{"EventID", TSN_F_WINLOG_EVENT_ID, W_EVENT_ID}, {"EventId", TSN_F_WINLOG_EVENT_ID, W_EVENT_ID},
	{"Channel", TSN_F_WINLOG_CHANNEL, W_CHANNEL},
	{"SourceName", TSN_F_WINLOG_PROVIDER_NAME, W_PROVIDER},
	{"ProviderName", TSN_F_WINLOG_PROVIDER_NAME, W_PROVIDER},
	{"Provider_Name", TSN_F_WINLOG_PROVIDER_NAME, W_PROVIDER},
	{"Provider", TSN_F_WINLOG_PROVIDER_NAME, W_PROVIDER},
	{"ProviderGuid", TSN_F_WINLOG_PROVIDER_GUID, W_GUID},
	{"Provider_Guid", TSN_F_WINLOG_PROVIDER_GUID, W_GUID},
	{"Hostname", TSN_F_WINLOG_COMPUTER_NAME, W_COMPUTER},
	{"Computer", TSN_F_WINLOG_COMPUTER_NAME, W_COMPUTER},
	{"ComputerName", TSN_F_WINLOG_COMPUTER_NAME, W_COMPUTER},
	{"RecordNumber", TSN_F_WINLOG_RECORD_ID, W_RECORD_ID},
	{"EventRecordID", TSN_F_WINLOG_RECORD_ID, W_RECORD_ID},
	{"RecordID", TSN_F_WINLOG_RECORD_ID, W_RECORD_ID},
	{"Task", TSN_F_WINLOG_TASK, W_TASK}, {"Category", TSN_F_WINLOG_TASK_NAME, 0},
	{"OpcodeValue", TSN_F_WINLOG_OPCODE, W_OPCODE}, {"Opcode", TSN_F_WINLOG_OPCODE_NAME, 0},
	{"Keywords", TSN_F_WINLOG_KEYWORDS, W_KEYWORDS}, {"Version", TSN_F_WINLOG_VERSION, W_VERSION},
	{"Level", TSN_F_WINLOG_LEVEL, W_LEVEL}, {"Severity", TSN_F_LOG_LEVEL, W_SEVERITY},
	{"SeverityValue", TSN_F_NXLOG_SEVERITY_VALUE, 0},
	{"ExecutionProcessID", TSN_F_WINLOG_PROCESS_PID, W_PID},
	{"ThreadID", TSN_F_WINLOG_PROCESS_THREAD_ID, W_TID},
	{"ExecutionThreadID", TSN_F_WINLOG_PROCESS_THREAD_ID, W_TID},
	{"ActivityID", TSN_F_WINLOG_ACTIVITY_ID, W_ACTIVITY},
	{"RelatedActivityID", TSN_F_WINLOG_RELATED_ACTIVITY_ID, 0},
	{"UserID", TSN_F_WINLOG_USER_IDENTIFIER, W_USER_ID},
	{"Message", TSN_F_MESSAGE, W_MESSAGE},
	{"message", TSN_F_MESSAGE, W_MESSAGE}, {"TimeCreated", TSN_F_WINLOG_TIME_CREATED, W_TIME},
	{"SystemTime", TSN_F_WINLOG_TIME_CREATED, W_TIME},
	{"EventTime", TSN_F_WINLOG_TIME_CREATED, W_TIME},
	{"@timestamp", TSN_F_TIMESTAMP, W_TIME2}, {"timestamp", TSN_F_TIMESTAMP, W_TIME2},
	{"EventReceivedTime", TSN_F_NXLOG_EVENT_RECEIVED_TIME, 0},
	{"SourceModuleName", TSN_F_NXLOG_MODULE_NAME, 0},
	{"SourceModuleType", TSN_F_NXLOG_MODULE_TYPE, 0},
	{"product", TSN_F_PRODUCT, 0}, {"category", TSN_F_CATEGORY, 0}, {"service", TSN_F_SERVICE, 0},
	{"EventData", TSN_F_WINLOG_EVENT_DATA | TSN_DOC_MEMBERS, 0},
};

static const char *const own_names[] = {"host", "port", "tags", "type", "path", "input", "agent",
    "ecs", "log", "event", "offset", "index", "source", "sourcetype", "beat", "metadata", "fields"};

static tsn_key
flat_child(struct tsn_keys *keys, tsn_key parent, struct tsn_slice name, uint8_t *ret_mark)
{
	tsn_key key;

	if (parent == TSN_F_WINLOG_EVENT_DATA)
		return data_child(keys, name, ret_mark);
	if (parent != TSN_KEY_ROOT)
		return tsn_keys_child(keys, parent, name);
	key = placed(flat_places, TSN_COUNT(flat_places), name, ret_mark);
	if (key != TSN_KEY_NONE)
		return key;
	if (name.ptr[0] == '@' || name.ptr[0] == '_')
		return tsn_keys_intern(keys, name);
	for (size_t i = 0; i < TSN_COUNT(own_names); i++)
		if (tsn_slice_eq(tsn_slice_cstr(own_names[i]), name))
			return tsn_keys_intern(keys, name);
	return data_child(keys, name, ret_mark);
}
static const struct tsn_doc_map flat_map = {flat_child};

static bool
flat_stays(const struct json_doc *d)
{
	const uint16_t *m = d->marks;

	return m[W_EVENT_ID] != 0 && (m[W_CHANNEL] != 0 || m[W_PROVIDER] != 0 ||
	    m[W_COMPUTER] != 0 || m[W_PROCESS_GUID] != 0 || m[W_GUID] != 0 ||
	    m[W_RECORD_ID] != 0 || m[W_UTC_TIME] != 0);
}

static void
flat_finish(struct json_doc *d)
{
	tsn_win_finish(d, false);
	tsn_json_hide_intrinsic(d);
}

const struct json_kind tsn_json_winflat = {
	.dataset = "windows.eventlog",
	.map = &flat_map,
	.stays = flat_stays,
	.finish = flat_finish,
};
