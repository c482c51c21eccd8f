/*
 * Linux audit: "type=SYSCALL msg=audit(1170021493.977:293): arch=c000003e syscall=2 ...", raw or
 * enriched, with "node=" before it, or the kernel's "audit: type=1400 audit(...): ..." in syslog.
 *
 * Every field is auditd.NAME, its value as the daemon means it: quotes taken off, hex decoded in
 * the fields that the kernel writes so when they hold odd bytes.  Records of one event share
 * event.sequence.
 */
#include "parse/auditd.h"

#include "codec/hex.h"
#include "parse/auth.h"

#define KEY_CACHE 128u
#define NAME_MAX_CACHED 15u

struct key_slot {
	tsn_key key;
	uint8_t len;
	char name[NAME_MAX_CACHED];
};

struct key_cache {
	struct key_slot slots[KEY_CACHE];
};

/* One record while it is read. */
struct record {
	struct tsn_slice type;
	struct tsn_slice command;	/* arguments of EXECVE joined by blanks */
	size_t command_cap;
	uint64_t arch, syscall;
	bool execve, has_syscall, has_syscall_name;
	struct key_cache *cache;
};

static const char cache_owner;

/* Names of fields come in the same few dozen: by length and three bytes of the name. */
static tsn_key
field_key(struct tsn_parse_ctx *ctx, const struct record *r, struct tsn_slice name)
{
	size_t n = name.len;
	struct key_slot *slot;

	if (n > NAME_MAX_CACHED || r->cache == NULL)
		return tsn_keys_child(ctx->keys, TSN_F_AUDITD, name);
	slot = &r->cache->slots[((unsigned char)name.ptr[0] * 7u +
	    (unsigned char)name.ptr[n - 1] * 31u + (unsigned char)name.ptr[n / 2] * 3u + n) %
	    KEY_CACHE];
	if (TSN_LIKELY(slot->len == n && memcmp(slot->name, name.ptr, n) == 0))
		return slot->key;
	slot->key = tsn_keys_child(ctx->keys, TSN_F_AUDITD, name);
	slot->len = (uint8_t)n;
	memcpy(slot->name, name.ptr, n);
	return slot->key;
}

/* Fields that are written as hex digits when they hold blanks, quotes or controls. */
static bool
is_escaped(const struct record *r, struct tsn_slice name)
{
	static const struct tsn_slice names[] = {
		TSN_AUTH_TEXT("comm"), TSN_AUTH_TEXT("exe"), TSN_AUTH_TEXT("name"),
		TSN_AUTH_TEXT("path"), TSN_AUTH_TEXT("cwd"), TSN_AUTH_TEXT("proctitle"),
		TSN_AUTH_TEXT("acct"), TSN_AUTH_TEXT("key"), TSN_AUTH_TEXT("cmd"),
		TSN_AUTH_TEXT("data"), TSN_AUTH_TEXT("file"), TSN_AUTH_TEXT("dir"),
		TSN_AUTH_TEXT("ocomm"), TSN_AUTH_TEXT("watch"), TSN_AUTH_TEXT("vm"),
		TSN_AUTH_TEXT("old-disk"), TSN_AUTH_TEXT("new-disk"), TSN_AUTH_TEXT("device"),
		TSN_AUTH_TEXT("cgroup"), TSN_AUTH_TEXT("grp"), TSN_AUTH_TEXT("new_group"),
		TSN_AUTH_TEXT("root_dir"), TSN_AUTH_TEXT("sw"), TSN_AUTH_TEXT("invalid_context"),
	};

	if (r->execve && name.ptr[0] == 'a' && name.len > 1 && tsn_is_digit(name.ptr[1]))
		return true;
	for (size_t i = 0; i < TSN_COUNT(names); i++)
		if (names[i].ptr[0] == name.ptr[0] && tsn_slice_eq(names[i], name))
			return true;
	return false;
}

/* Decoded into the arena; NULs between arguments become blanks.  v itself when it is not hex. */
static struct tsn_slice
decode_hex(struct tsn_parse_ctx *ctx, struct tsn_slice v)
{
	size_t n = v.len / 2;
	char *out;

	if (v.len < 2 || v.len % 2 != 0)
		return v;
	out = tsn_arena_alloc(&ctx->batch->arena, n);
	if (out == NULL)
		return v;
	for (size_t i = 0; i < n; i++) {
		int hi = tsn_hex_digit(v.ptr[2 * i]), lo = tsn_hex_digit(v.ptr[2 * i + 1]);

		if ((hi | lo) < 0)
			return v;
		out[i] = (char)(hi << 4 | lo);
		if (out[i] == '\0')
			out[i] = ' ';
	}
	return (struct tsn_slice){out, n};
}

static bool
meaningless(struct tsn_slice v)
{
	return v.len == 0 || TSN_EQ(v, "?") || TSN_EQ(v, "(null)") || TSN_EQ(v, "(none)") ||
	    TSN_EQ(v, "unset");
}

/* The arguments of a command, as they come: a0, a1, ... */
static void
add_argument(struct tsn_parse_ctx *ctx, struct record *r, struct tsn_slice v)
{
	size_t n = r->command.len, blank = n > 0;
	char *text = r->command_cap == 0 ? NULL : (char *)(uintptr_t)r->command.ptr;

	if (n + blank + v.len > r->command_cap) {
		size_t cap = (n + v.len + 64) * 2;

		text = tsn_arena_alloc(&ctx->batch->arena, cap);
		if (text == NULL)
			return;
		if (n > 0)
			memcpy(text, r->command.ptr, n);
		r->command_cap = cap;
	}
	if (blank)
		text[n] = ' ';
	memcpy(text + n + blank, v.ptr, v.len);
	r->command = (struct tsn_slice){text, n + blank + v.len};
}

static const struct ecs {
	struct tsn_slice name;
	tsn_key key;
	enum {
		TEXT,
		NUMBER,
		ADDRESS,
	} how;
} ecs[] = {
	{TSN_AUTH_TEXT("pid"), TSN_F_PROCESS_PID, NUMBER},
	{TSN_AUTH_TEXT("ppid"), TSN_F_PROCESS_PARENT_PID, NUMBER},
	{TSN_AUTH_TEXT("uid"), TSN_F_USER_ID, TEXT},
	{TSN_AUTH_TEXT("euid"), TSN_F_USER_EFFECTIVE_ID, TEXT},
	{TSN_AUTH_TEXT("gid"), TSN_F_GROUP_ID, TEXT},
	{TSN_AUTH_TEXT("UID"), TSN_F_USER_NAME, TEXT},
	{TSN_AUTH_TEXT("EUID"), TSN_F_USER_EFFECTIVE_NAME, TEXT},
	{TSN_AUTH_TEXT("GID"), TSN_F_GROUP_NAME, TEXT},
	{TSN_AUTH_TEXT("comm"), TSN_F_PROCESS_NAME, TEXT},
	{TSN_AUTH_TEXT("exe"), TSN_F_PROCESS_EXECUTABLE, TEXT},
	{TSN_AUTH_TEXT("cwd"), TSN_F_PROCESS_WORKING_DIRECTORY, TEXT},
	{TSN_AUTH_TEXT("proctitle"), TSN_F_PROCESS_TITLE, TEXT},
	{TSN_AUTH_TEXT("name"), TSN_F_FILE_PATH, TEXT},
	{TSN_AUTH_TEXT("cmd"), TSN_F_PROCESS_COMMAND_LINE, TEXT},
	{TSN_AUTH_TEXT("addr"), TSN_F_SOURCE_IP, ADDRESS},
	{TSN_AUTH_TEXT("laddr"), TSN_F_DESTINATION_IP, ADDRESS},
	{TSN_AUTH_TEXT("rport"), TSN_F_SOURCE_PORT, NUMBER},
	{TSN_AUTH_TEXT("lport"), TSN_F_DESTINATION_PORT, NUMBER},
};

static void
put_ecs(struct tsn_parse_ctx *ctx, struct tsn_slice name, struct tsn_slice v)
{
	if (TSN_EQ(name, "acct")) {	/* the account that is logged in to, not the daemon's */
		tsn_put_str(ctx, TSN_F_USER_NAME, v);
		return;
	}
	for (size_t i = 0; i < TSN_COUNT(ecs); i++) {
		if (ecs[i].name.ptr[0] != name.ptr[0] || !tsn_slice_eq(ecs[i].name, name))
			continue;
		if (ecs[i].how == ADDRESS)
			tsn_put_address(ctx, ecs[i].key, TSN_KEY_NONE, v);
		else if (ecs[i].how == NUMBER)
			tsn_put_num(ctx, ecs[i].key, v);
		else if (ecs[i].key != TSN_F_USER_NAME || tsn_event_find(ctx->ev, ecs[i].key) == NULL)
			tsn_put_str(ctx, ecs[i].key, v);
		return;
	}
}

static void
put_outcome(struct tsn_parse_ctx *ctx, struct tsn_slice name, struct tsn_slice v)
{
	bool ok;

	if (TSN_EQ(name, "success"))
		ok = TSN_EQ(v, "yes");
	else if (TSN_EQ(name, "res") || TSN_EQ(name, "result"))
		ok = TSN_STARTS(v, "succ") || TSN_EQ(v, "1") || TSN_EQ(v, "yes");
	else
		return;
	tsn_put_str(ctx, TSN_F_EVENT_OUTCOME, ok ? TSN_SLICE("success") : TSN_SLICE("failure"));
}

static void
put_field(struct tsn_parse_ctx *ctx, struct record *r, struct tsn_slice name, struct tsn_slice v,
    bool quoted)
{
	bool argument = name.ptr[0] == 'a' && name.len > 1 && tsn_is_digit(name.ptr[1]);

	if (!quoted && is_escaped(r, name) && !meaningless(v))
		v = decode_hex(ctx, v);
	if (argument || quoted)
		tsn_put_str(ctx, field_key(ctx, r, name), v);
	else if (v.len > 0)
		tsn_put_num(ctx, field_key(ctx, r, name), v);
	else
		tsn_put_str(ctx, field_key(ctx, r, name), v);
	if (argument) {
		if (r->execve)
			add_argument(ctx, r, v);
		return;
	}
	if (TSN_EQ(name, "arch")) {
		if (tsn_num_parse_hex(v, &r->arch) != TSN_OK)
			r->arch = 0;
	} else if (TSN_EQ(name, "syscall")) {
		r->has_syscall = tsn_num_parse_u64(v, &r->syscall) == TSN_OK;
	} else if (TSN_EQ(name, "SYSCALL")) {
		r->has_syscall_name = true;
	} else if (!meaningless(v)) {
		put_outcome(ctx, name, v);
		put_ecs(ctx, name, v);
	}
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\x1d' || c == '\t' || c == '\0';
}

/* "avc:  denied  { read write } for": the words of SELinux have no names in the record. */
static void
scan_avc(struct tsn_parse_ctx *ctx, const struct record *r, struct tsn_scan *s)
{
	struct tsn_slice result, perms;

	if (!TSN_SCAN(s, "avc:"))
		return;
	tsn_scan_blanks(s);
	result = tsn_scan_word(s);
	tsn_scan_blanks(s);
	tsn_put_some(ctx, field_key(ctx, r, TSN_SLICE("seresult")), result);
	if (TSN_SCAN(s, "{") && tsn_scan_to(s, '}', &perms))
		tsn_put_some(ctx, field_key(ctx, r, TSN_SLICE("seperms")), tsn_slice_trim(perms));
	tsn_put_str(ctx, TSN_F_EVENT_OUTCOME, TSN_EQ(result, "denied") ? TSN_SLICE("failure") :
	    TSN_SLICE("success"));
}

/* Past a value; quoted ones end at their quote, others at a blank. */
static struct tsn_slice
scan_value(struct tsn_scan *s, bool *ret_quoted)
{
	const char *from = s->at, *close;
	struct tsn_slice v;

	*ret_quoted = false;
	if (s->at < s->end && *s->at == '"' &&
	    (close = memchr(s->at + 1, '"', tsn_scan_left(s) - 1)) != NULL) {
		*ret_quoted = true;
		s->at = close + 1;
		return (struct tsn_slice){from + 1, (size_t)(close - from - 1)};
	}
	while (s->at < s->end && !is_space(*s->at))
		s->at++;
	v = (struct tsn_slice){from, (size_t)(s->at - from)};
	/* old records: "(hostname=?, addr=?, terminal=cron res=success)'" */
	while (v.len > 0 && (v.ptr[v.len - 1] == ',' || v.ptr[v.len - 1] == '\'' ||
	    (v.ptr[v.len - 1] == ')' && v.ptr[0] != '(')))
		v.len--;
	return v;
}

static bool
is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || tsn_is_digit(c) || c == '_' ||
	    c == '-';
}

/* name=value pairs among words; the pairs in msg='...' stand on the same floor. */
static void
scan_pairs(struct tsn_parse_ctx *ctx, struct record *r, struct tsn_scan s)
{
	struct tsn_slice word = TSN_SLICE_NONE;

	while (s.at < s.end) {
		struct tsn_slice name, value;
		bool quoted;

		while (s.at < s.end && (is_space(*s.at) || *s.at == '(' || *s.at == '\''))
			s.at++;
		name = (struct tsn_slice){s.at, 0};
		while (s.at < s.end && is_name_byte(*s.at))
			s.at++;
		name.len = (size_t)(s.at - name.ptr);
		if (name.len == 0 || s.at == s.end || *s.at != '=') {
			word = name;	/* a word without value */
			while (s.at < s.end && !is_space(*s.at))
				s.at++;
			continue;
		}
		s.at++;
		if (TSN_EQ(name, "msg") && TSN_SCAN(&s, "'"))
			continue;
		if (TSN_EQ(word, "old") && TSN_EQ(name, "auid"))
			name = TSN_SLICE("old-auid");
		value = scan_value(&s, &quoted);
		put_field(ctx, r, name, value, quoted);
		word = TSN_SLICE_NONE;
	}
}

static const struct {
	uint16_t number;
	struct tsn_slice name;
} types[] = {
	{1100, TSN_AUTH_TEXT("USER_AUTH")}, {1101, TSN_AUTH_TEXT("USER_ACCT")},
	{1102, TSN_AUTH_TEXT("USER_MGMT")}, {1103, TSN_AUTH_TEXT("CRED_ACQ")},
	{1104, TSN_AUTH_TEXT("CRED_DISP")}, {1105, TSN_AUTH_TEXT("USER_START")},
	{1106, TSN_AUTH_TEXT("USER_END")}, {1107, TSN_AUTH_TEXT("USER_AVC")},
	{1108, TSN_AUTH_TEXT("USER_CHAUTHTOK")}, {1109, TSN_AUTH_TEXT("USER_ERR")},
	{1110, TSN_AUTH_TEXT("CRED_REFR")}, {1111, TSN_AUTH_TEXT("USYS_CONFIG")},
	{1112, TSN_AUTH_TEXT("USER_LOGIN")}, {1113, TSN_AUTH_TEXT("USER_LOGOUT")},
	{1114, TSN_AUTH_TEXT("ADD_USER")}, {1115, TSN_AUTH_TEXT("DEL_USER")},
	{1116, TSN_AUTH_TEXT("ADD_GROUP")}, {1117, TSN_AUTH_TEXT("DEL_GROUP")},
	{1123, TSN_AUTH_TEXT("USER_CMD")}, {1130, TSN_AUTH_TEXT("SERVICE_START")},
	{1131, TSN_AUTH_TEXT("SERVICE_STOP")}, {1300, TSN_AUTH_TEXT("SYSCALL")},
	{1302, TSN_AUTH_TEXT("PATH")}, {1305, TSN_AUTH_TEXT("CONFIG_CHANGE")},
	{1306, TSN_AUTH_TEXT("SOCKADDR")}, {1307, TSN_AUTH_TEXT("CWD")},
	{1309, TSN_AUTH_TEXT("EXECVE")}, {1319, TSN_AUTH_TEXT("TTY")},
	{1320, TSN_AUTH_TEXT("EOE")}, {1325, TSN_AUTH_TEXT("NETFILTER_CFG")},
	{1326, TSN_AUTH_TEXT("SECCOMP")}, {1327, TSN_AUTH_TEXT("PROCTITLE")},
	{1400, TSN_AUTH_TEXT("AVC")}, {1401, TSN_AUTH_TEXT("SELINUX_ERR")},
	{1701, TSN_AUTH_TEXT("ANOM_ABEND")},
};

/* The kernel writes the number where the daemon writes the name. */
static struct tsn_slice
type_name(struct tsn_slice type)
{
	uint64_t n;

	if (tsn_num_parse_u64(type, &n) != TSN_OK)
		return type;
	for (size_t i = 0; i < TSN_COUNT(types); i++)
		if (types[i].number == n)
			return types[i].name;
	return type;
}

static const struct {
	struct tsn_slice type;
	struct tsn_slice category, event_type, action;
} meanings[] = {
	{TSN_AUTH_TEXT("EXECVE"), TSN_AUTH_TEXT("process"), TSN_AUTH_TEXT("start"),
	    TSN_AUTH_TEXT("executed")},
	{TSN_AUTH_TEXT("USER_AUTH"), TSN_AUTH_TEXT("authentication"), TSN_AUTH_TEXT("start"),
	    TSN_AUTH_TEXT("authenticated")},
	{TSN_AUTH_TEXT("USER_LOGIN"), TSN_AUTH_TEXT("authentication"), TSN_AUTH_TEXT("start"),
	    TSN_AUTH_TEXT("logged-in")},
	{TSN_AUTH_TEXT("USER_LOGOUT"), TSN_AUTH_TEXT("authentication"), TSN_AUTH_TEXT("end"),
	    TSN_AUTH_TEXT("logged-out")},
	{TSN_AUTH_TEXT("USER_ERR"), TSN_AUTH_TEXT("authentication"), TSN_AUTH_TEXT("info"),
	    TSN_AUTH_TEXT("user-error")},
	{TSN_AUTH_TEXT("USER_START"), TSN_AUTH_TEXT("session"), TSN_AUTH_TEXT("start"),
	    TSN_AUTH_TEXT("started-session")},
	{TSN_AUTH_TEXT("USER_END"), TSN_AUTH_TEXT("session"), TSN_AUTH_TEXT("end"),
	    TSN_AUTH_TEXT("ended-session")},
	{TSN_AUTH_TEXT("USER_CMD"), TSN_AUTH_TEXT("process"), TSN_AUTH_TEXT("start"),
	    TSN_AUTH_TEXT("ran-command")},
	{TSN_AUTH_TEXT("USER_CHAUTHTOK"), TSN_AUTH_TEXT("iam"), TSN_AUTH_TEXT("change"),
	    TSN_AUTH_TEXT("changed-password")},
	{TSN_AUTH_TEXT("ADD_USER"), TSN_AUTH_TEXT("iam"), TSN_AUTH_TEXT("creation"),
	    TSN_AUTH_TEXT("added-user-account")},
	{TSN_AUTH_TEXT("DEL_USER"), TSN_AUTH_TEXT("iam"), TSN_AUTH_TEXT("deletion"),
	    TSN_AUTH_TEXT("deleted-user-account")},
	{TSN_AUTH_TEXT("ADD_GROUP"), TSN_AUTH_TEXT("iam"), TSN_AUTH_TEXT("creation"),
	    TSN_AUTH_TEXT("added-group-account")},
	{TSN_AUTH_TEXT("DEL_GROUP"), TSN_AUTH_TEXT("iam"), TSN_AUTH_TEXT("deletion"),
	    TSN_AUTH_TEXT("deleted-group-account")},
	{TSN_AUTH_TEXT("SERVICE_START"), TSN_AUTH_TEXT("process"), TSN_AUTH_TEXT("start"),
	    TSN_AUTH_TEXT("started-service")},
	{TSN_AUTH_TEXT("SERVICE_STOP"), TSN_AUTH_TEXT("process"), TSN_AUTH_TEXT("end"),
	    TSN_AUTH_TEXT("stopped-service")},
	{TSN_AUTH_TEXT("PATH"), TSN_AUTH_TEXT("file"), TSN_AUTH_TEXT("access"),
	    TSN_AUTH_TEXT("accessed-file")},
	{TSN_AUTH_TEXT("CONFIG_CHANGE"), TSN_AUTH_TEXT("configuration"), TSN_AUTH_TEXT("change"),
	    TSN_AUTH_TEXT("changed-audit-configuration")},
	{TSN_AUTH_TEXT("ANOM_ABEND"), TSN_AUTH_TEXT("process"), TSN_AUTH_TEXT("end"),
	    TSN_AUTH_TEXT("crashed-program")},
};

static void
put_meaning(struct tsn_parse_ctx *ctx, const struct record *r)
{
	for (size_t i = 0; i < TSN_COUNT(meanings); i++) {
		if (!tsn_slice_eq(meanings[i].type, r->type))
			continue;
		tsn_put_str(ctx, TSN_F_EVENT_CATEGORY, meanings[i].category);
		tsn_put_str(ctx, TSN_F_EVENT_TYPE, meanings[i].event_type);
		tsn_put_str(ctx, TSN_F_EVENT_ACTION, meanings[i].action);
		return;
	}
	if (r->has_syscall)
		tsn_put_str(ctx, TSN_F_EVENT_CATEGORY, TSN_SLICE("process"));
}

/* "audit(1170021493.977:293):" */
static bool
scan_stamp(struct tsn_parse_ctx *ctx, struct tsn_scan *s, struct tsn_slice *ret_serial)
{
	struct tsn_date when;
	size_t n;

	if (!TSN_SCAN(s, "audit("))
		return false;
	n = tsn_date_epoch(tsn_scan_rest(s), &when);
	if (n == 0)
		return false;
	s->at += n;
	if (!TSN_SCAN(s, ":"))
		return false;
	*ret_serial = tsn_scan_digits(s);
	if (ret_serial->len == 0 || !TSN_SCAN(s, ")"))
		return false;
	TSN_SCAN(s, ":");
	if (ctx != NULL && when.ns != TSN_TIME_NONE) {
		ctx->ev->flags &= ~(uint32_t)TSN_EV_TIME_UNZONED;
		tsn_parse_set_time(ctx, &when);
	}
	return true;
}

/* "[node=HOST ][audit: ]type=NAME [msg=]audit(...):" */
static bool
scan_head(struct tsn_parse_ctx *ctx, struct tsn_scan *s, struct tsn_slice *ret_node,
    struct tsn_slice *ret_type, struct tsn_slice *ret_serial)
{
	*ret_node = TSN_SLICE_NONE;
	if (TSN_SCAN(s, "node=")) {
		*ret_node = tsn_scan_word(s);
		tsn_scan_blanks(s);
	}
	if (!TSN_SCAN(s, "type=") && !TSN_SCAN(s, "type ="))
		return false;
	*ret_type = tsn_scan_word(s);
	tsn_scan_blanks(s);
	TSN_SCAN(s, "msg=");
	return ret_type->len > 0 && scan_stamp(ctx, s, ret_serial);
}

/* "kernel: [  12.5] audit: type=1400 audit(...)", "kernel: audit: ..." */
static void
scan_kernel(struct tsn_scan *s)
{
	struct tsn_slice uptime;

	if (tsn_scan_is(s, "[", 1) && tsn_scan_to(s, ']', &uptime))
		tsn_scan_blanks(s);
	TSN_SCAN(s, "audit: ");
}

static enum tsn_code
parse_auditd(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	struct tsn_scan s = tsn_scan_of(text);
	struct tsn_slice node, type, serial;
	struct record r = {0};

	scan_kernel(&s);
	if (!scan_head(ctx, &s, &node, &type, &serial))
		return TSN_EPARSE;
	r.type = type_name(type);
	r.execve = TSN_EQ(r.type, "EXECVE");
	r.cache = tsn_parse_state(ctx, &cache_owner, sizeof *r.cache, NULL);
	tsn_put_some(ctx, TSN_F_HOST_NAME, node);
	tsn_put_str(ctx, TSN_F_AUDITD_TYPE, r.type);
	tsn_put_num(ctx, TSN_F_EVENT_SEQUENCE, serial);
	if (ctx->syslog == NULL)
		tsn_put_str(ctx, TSN_F_MESSAGE, text);
	tsn_scan_blanks(&s);
	scan_avc(ctx, &r, &s);
	scan_pairs(ctx, &r, s);
	if (r.command.len > 0)
		tsn_put_str(ctx, TSN_F_PROCESS_COMMAND_LINE, r.command);
	if (r.has_syscall && !r.has_syscall_name) {
		struct tsn_slice name = tsn_auditd_syscall(r.arch, r.syscall);

		tsn_put_some(ctx, field_key(ctx, &r, TSN_SLICE("SYSCALL")), name);
	}
	put_meaning(ctx, &r);
	return TSN_OK;
}

static enum tsn_probe
probe_auditd(struct tsn_slice text)
{
	struct tsn_scan s = tsn_scan_of(text);
	struct tsn_slice node, type, serial;

	scan_kernel(&s);
	return scan_head(NULL, &s, &node, &type, &serial) ? TSN_PROBE_YES : TSN_PROBE_NO;
}

const struct tsn_parser_desc tsn_parser_auditd = {
	.kind = "auditd.log",
	.doc = "Linux audit records, raw or enriched",
	.first = "tn[a",
	.flags = TSN_PARSER_BODY,
	.probe = probe_auditd,
	.parse = parse_auditd,
};
