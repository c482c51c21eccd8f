/*
 * Servers that people log in to over the network: mail, FTP, DNS, telnet, small ssh servers.  Each
 * family is a table: phrases that say what happened, marks before the peer's address, marks before
 * the user's name.  Of several marks in a line the last counts where a client's text may stand
 * before what the server wrote, else the first.
 */
#include "parse/auth.h"

struct phrase {
	struct tsn_slice text;
	struct tsn_auth_what what;
};

struct mark {
	struct tsn_slice text;
	char end;		/* of the value; '\0': a blank, comma or the end */
	bool last;
};

struct family {
	const char *programs;	/* blank before and behind each */
	const struct phrase *phrases;
	size_t phrase_count;
	const struct mark *peers;
	size_t peer_count;
	const struct mark *users;
	size_t user_count;
};

#define LOGIN(text, out) {TSN_AUTH_TEXT(text), \
	TSN_AUTH_WHAT("authentication", "start", "login", out)}
#define NET(text, typ, act, out) {TSN_AUTH_TEXT(text), TSN_AUTH_WHAT("network", typ, act, out)}
#define MARK(text, end, last) {TSN_AUTH_TEXT(text), end, last}

static const struct phrase mail_phrases[] = {
	LOGIN("auth failed", "failure"), LOGIN("Auth failed", "failure"),
	LOGIN("authentication failed", "failure"), LOGIN("uthentication failure", "failure"),
	LOGIN("unknown user", "failure"), LOGIN("Password mismatch", "failure"),
	LOGIN("password mismatch", "failure"), LOGIN("disallowed plaintext auth", "failure"),
	LOGIN("pam_authenticate() failed", "failure"), LOGIN("LOGIN FAILED", "failure"),
	LOGIN("Login failed", "failure"), LOGIN("login failures", "failure"),
	LOGIN("badlogin:", "failure"), LOGIN("Login disabled", "failure"),
	LOGIN("Authentication failed", "failure"), LOGIN("AUTH failure", "failure"),
	LOGIN("login: Login: ", "success"), LOGIN("Login: user=", "success"),
	LOGIN("LOGIN, user=", "success"), LOGIN("sasl_username=", "success"),
	NET("reject: ", "denied", "mail_rejected", "failure"),
	NET("ruleset=check_", "denied", "mail_rejected", "failure"),
	NET("reject=", "denied", "mail_rejected", "failure"),
	NET("possible SMTP attack", "denied", "smtp_attack", "failure"),
	NET("improper command pipelining", "denied", "smtp_attack", "failure"),
	NET("too many errors", "denied", "smtp_attack", "failure"),
	NET("lost connection", "end", "connection_lost", ""),
	NET("SSL_accept error", "end", "tls_failed", "failure"),
	NET("disconnect from", "end", "disconnected", ""),
	NET("connect from", "start", "connected", ""),
	NET("Aborted login", "end", "login_aborted", "failure"),
	NET("Disconnected", "end", "disconnected", ""),
	NET("status=sent", "info", "mail_sent", "success"),
	NET("status=bounced", "info", "mail_bounced", "failure"),
	NET("status=deferred", "info", "mail_deferred", "failure"),
};
static const struct mark mail_peers[] = {
	MARK("rip=", '\0', true), MARK("ip=[", ']', true), MARK(" from ", '\0', false),
	MARK("client=", '\0', false), MARK("warning: ", '\0', false), MARK("relay=", '\0', true),
	MARK("host=", '\0', true), MARK("badlogin: ", '\0', false), MARK(": ", '\0', false),
	MARK(" - ", '\0', true),
};
static const struct mark mail_users[] = {
	MARK("user=<", '>', false), MARK("sasl_username=", '\0', false), MARK("user=", '\0', false),
};

static const struct phrase ftp_phrases[] = {
	LOGIN("FAIL LOGIN", "failure"), LOGIN("OK LOGIN", "success"),
	LOGIN("Login failed", "failure"), LOGIN("no such user", "failure"),
	LOGIN("Incorrect password", "failure"), LOGIN("Login successful", "success"),
	LOGIN("FTP LOGIN REFUSED", "failure"), LOGIN("FTP LOGIN FAILED", "failure"),
	LOGIN("LOGIN FROM", "success"), LOGIN("LOGIN FAILED", "failure"),
	LOGIN("failed login", "failure"), LOGIN("login failures", "failure"),
	LOGIN("Maximum login attempts", "failure"),
	LOGIN("Authentication failed for user", "failure"),
	LOGIN("is now logged in", "success"), LOGIN("Login incorrect", "failure"),
	NET("refused connect", "denied", "refused", "failure"),
	NET("connection from", "start", "connected", ""), NET("CONNECT:", "start", "connected", ""),
	NET("OK UPLOAD", "info", "file_uploaded", "success"),
	NET("OK DOWNLOAD", "info", "file_downloaded", "success"),
	NET("FAIL UPLOAD", "info", "file_uploaded", "failure"),
	NET("FAIL DOWNLOAD", "info", "file_downloaded", "failure"),
};
static const struct mark ftp_peers[] = {
	MARK("Client \"", '"', true), MARK("(?@", ')', false), MARK(" (", ')', false),
	MARK("from ", '\0', true), MARK("FROM ", '\0', true),
};
static const struct mark ftp_users[] = {
	MARK("USER ", ':', false), MARK("ANON ", ':', false), MARK("for user [", ']', false),
	MARK("user [", ']', false),
};

static const struct phrase named_phrases[] = {
	NET("denied", "denied", "query_denied", "failure"), NET("query: ", "info", "query", ""),
	NET("transfer of ", "info", "zone_transfer", ""), NET("update ", "info", "update", ""),
};
static const struct mark named_peers[] = {MARK("client ", ' ', false)};

static const struct phrase shell_phrases[] = {
	LOGIN("ad password attempt", "failure"), LOGIN("ogin attempt for nonexistent", "failure"),
	LOGIN("auth succeeded", "success"), LOGIN("Max auth tries reached", "failure"),
	LOGIN("Non-existent login", "failure"), LOGIN("Invalid login", "failure"),
	LOGIN("Successful login", "success"), LOGIN("FAILED LOGIN", "failure"),
	LOGIN("TOO MANY LOGIN TRIES", "failure"), LOGIN("ROOT LOGIN", "success"),
	LOGIN("LOGIN ON", "success"), LOGIN("invalid password", "failure"),
	LOGIN("status [NT_STATUS_OK]", "success"), LOGIN("status [NT_STATUS_", "failure"),
	LOGIN("uthentication failed", "failure"), LOGIN("uthentication failure", "failure"),
	NET("FAIL: ", "denied", "service_refused", "failure"),
	NET("START: ", "start", "connected", ""),
	NET("EXIT: ", "end", "disconnected", ""),
	NET("refused connect", "denied", "refused", "failure"),
	NET("Child connection from", "start", "connected", ""),
	NET("Exit before auth", "end", "disconnected", ""),
	NET("onnection from", "start", "connected", ""),
	NET("connect from", "start", "connected", ""),
	NET("TLS handshake failed", "end", "tls_failed", "failure"),
	NET("illegal port", "denied", "refused", "failure"),
};
static const struct mark shell_peers[] = {
	MARK("from=", '\0', true), MARK("from ", '\0', true), MARK("FROM ", '\0', true),
	MARK("IP=", '\0', false), MARK("rhost=", '\0', false), MARK("[ipv4:", ']', false),
	MARK("[ipv6:", ']', false), MARK("(", ')', false),
};
static const struct mark shell_users[] = {
	MARK("user '", '\'', false), MARK("for '", '\'', false), MARK("login as ", '\0', false),
	MARK("ROOT LOGIN ON ", '\0', false), MARK("BY ", '\0', false),
	MARK("for user ", '\0', false),
	MARK("FOR `", '\'', false), MARK("FOR ", ',', false), MARK("user=", '\0', false),
};

#define TABLE(t) t, TSN_COUNT(t)
static const struct family families[] = {
	{" dovecot dovecot-auth postfix postfix-smo imapd imapd-ssl pop3d pop3d-ssl ipop3d imap pop3 "
	    "cyrus courieresmtpd esmtpd authdaemond sendmail sm-mta sm-acceptingconnections "
	    "sm-msp-queue saslauthd solid-pop3d perdition uw-imapd imaplogin pop3login "
	    "courierpop3login smtpd ",
	    TABLE(mail_phrases), TABLE(mail_peers), TABLE(mail_users)},
	{" vsftpd proftpd pure-ftpd wu-ftpd ftpd in.ftpd ", TABLE(ftp_phrases), TABLE(ftp_peers),
	    TABLE(ftp_users)},
	{" named bind ", TABLE(named_phrases), TABLE(named_peers), NULL, 0},
	{" dropbear xinetd telnetd in.telnetd webmin usermin login rlogind rshd klogind smbd slapd "
	    "stunnel tcpd sshlockout pvedaemon pveproxy smb ", TABLE(shell_phrases),
	    TABLE(shell_peers), TABLE(shell_users)},
};

/* "name[192.0.2.1]", "name [192.0.2.1]", "[192.0.2.1]:25", "192.0.2.1:25", "192.0.2.1#53" */
static bool
put_peer(struct tsn_parse_ctx *ctx, struct tsn_slice v)
{
	struct tsn_slice name = TSN_SLICE_NONE, port = TSN_SLICE_NONE;
	size_t open = tsn_slice_find_char(v, '['), close, at;

	while (v.len > 0 && (v.ptr[0] == '<' || v.ptr[0] == '"' || v.ptr[0] == '(')) {
		v = tsn_slice_from(v, 1);
		open = tsn_slice_find_char(v, '[');
	}
	if (open != SIZE_MAX) {
		close = tsn_slice_find_char(v, ']');
		if (close == SIZE_MAX || close < open)
			return false;
		name = tsn_slice_trim((struct tsn_slice){v.ptr, open});
		v = (struct tsn_slice){v.ptr + open + 1, close - open - 1};
	}
	while (v.len > 0 && memchr(",;:.>)\"'", v.ptr[v.len - 1], 8) != NULL)
		v.len--;
	at = tsn_slice_rfind(v, TSN_SLICE("#"));
	if (at == SIZE_MAX && !tsn_scan_is_ip(v))
		at = tsn_slice_rfind(v, TSN_SLICE(":"));
	if (at != SIZE_MAX && at > 0) {
		port = tsn_slice_from(v, at + 1);
		v.len = at;
	}
	if (v.len > 7 && v.ptr[0] == ':' && TSN_STARTS(v, "::ffff:"))
		v = tsn_slice_from(v, 7);
	if (!tsn_scan_is_ip(v))
		return false;
	tsn_put_str(ctx, TSN_F_SOURCE_IP, v);
	if (port.len > 0 && port.len <= 5 && tsn_is_digit(port.ptr[0]))
		tsn_put_num(ctx, TSN_F_SOURCE_PORT, port);
	if (name.len > 0 && !TSN_EQ(name, "unknown") && !tsn_scan_is_ip(name) &&
	    tsn_slice_find_char(name, ' ') == SIZE_MAX)
		tsn_put_str(ctx, TSN_F_SOURCE_DOMAIN, name);
	return true;
}

/*
 * Which pairs of bytes a text holds, hashed to 1024 bits: made in one pass, it spares most of the
 * searches for phrases that are not there.
 */
struct pairs {
	uint64_t bits[16];
};

static inline unsigned
pair_hash(const char *p)
{
	return ((unsigned)(unsigned char)p[0] * 37u + (unsigned)(unsigned char)p[1] * 5u) & 1023u;
}

static void
pairs_of(struct tsn_slice text, struct pairs *ret)
{
	memset(ret, 0, sizeof *ret);
	for (size_t i = 0; i + 1 < text.len; i++) {
		unsigned h = pair_hash(text.ptr + i);

		ret->bits[h / 64] |= UINT64_C(1) << (h % 64);
	}
}

/* False: `text` is not in there.  text has at least two bytes. */
static inline bool
may_hold(const struct pairs *p, struct tsn_slice text)
{
	unsigned a = pair_hash(text.ptr), b = pair_hash(text.ptr + text.len - 2),
	    c = pair_hash(text.ptr + (text.len - 1) / 2);

	return (p->bits[a / 64] >> (a % 64) & p->bits[b / 64] >> (b % 64) &
	    p->bits[c / 64] >> (c % 64) & 1) != 0;
}

/* What stands behind a mark, up to its end. */
static bool
value_of(struct tsn_slice body, const struct mark *m, struct tsn_slice *ret)
{
	size_t at = m->last ? tsn_slice_rfind(body, m->text) : tsn_slice_find(body, m->text), n = 0;
	struct tsn_slice v;

	if (at == SIZE_MAX)
		return false;
	v = tsn_slice_from(body, at + m->text.len);
	if (m->end != '\0')
		while (n < v.len && v.ptr[n] != m->end)
			n++;
	else
		while (n < v.len && v.ptr[n] != ',' && (v.ptr[n] != ' ' || (n + 1 < v.len &&
		    v.ptr[n + 1] == '[')))
			n++;
	v.len = n;
	*ret = v;
	return n > 0;
}

/* "client @0x7f2b68014d40 192.0.2.1#80 (name): query (cache) 'name/ANY/IN' denied" */
static void
put_named(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	static const struct mark pointer = MARK(" @0x", ' ', false);
	struct tsn_slice v, question;
	size_t at = tsn_slice_find(body, TSN_SLICE("client ")), quote;

	if (at == SIZE_MAX)
		return;
	if (value_of(body, &pointer, &v)) {
		v = tsn_slice_from(body, (size_t)(v.ptr + v.len - body.ptr) + 1);
		v.len = tsn_slice_find_char(v, ' ') == SIZE_MAX ? v.len : tsn_slice_find_char(v, ' ');
		put_peer(ctx, v);
	}
	quote = tsn_slice_find_char(body, '\'');
	if (quote == SIZE_MAX)
		return;
	question = tsn_slice_from(body, quote + 1);
	question.len = tsn_slice_find_char(question, '/');
	if (question.len == SIZE_MAX)
		return;
	tsn_put_some(ctx, TSN_F_DNS_QUESTION_NAME, question);
	v = tsn_slice_from(body, quote + 2 + question.len);
	at = tsn_slice_find_char(v, '/');
	if (at != SIZE_MAX && at < 16)
		tsn_put_some(ctx, TSN_F_DNS_QUESTION_TYPE, (struct tsn_slice){v.ptr, at});
}

/* dovecot: "auth-worker(7): pam(user,192.0.2.1,<session>): unknown user" */
static void
put_passdb(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	struct tsn_slice rest = body, user, ip;
	size_t open, close, comma;

	while ((open = tsn_slice_find_char(rest, '(')) != SIZE_MAX) {
		rest = tsn_slice_from(rest, open + 1);
		close = tsn_slice_find_char(rest, ')');
		if (close == SIZE_MAX)
			return;
		user = (struct tsn_slice){rest.ptr, close};
		comma = tsn_slice_find_char(user, ',');
		if (comma == SIZE_MAX)
			continue;
		ip = tsn_slice_from(user, comma + 1);
		user.len = comma;
		comma = tsn_slice_find_char(ip, ',');
		if (comma != SIZE_MAX)
			ip.len = comma;
		if (put_peer(ctx, ip)) {
			tsn_put_some(ctx, TSN_F_USER_NAME, user);
			return;
		}
	}
}

static const struct family *
family_named(struct tsn_slice program)
{
	char name[40];

	if (program.len == 0 || program.len + 3 > sizeof name)
		return NULL;
	name[0] = ' ';
	memcpy(name + 1, program.ptr, program.len);
	name[program.len + 1] = ' ';
	for (size_t i = 0; i < TSN_COUNT(families); i++)
		if (tsn_slice_find(tsn_slice_cstr(families[i].programs),
		    (struct tsn_slice){name, program.len + 2}) != SIZE_MAX)
			return &families[i];
	return NULL;
}

/* "postfix/smtpd" by what stands before the slash, "postfix-in/smtpd" by what stands behind it. */
static const struct family *
find_family(struct tsn_slice program)
{
	size_t slash = tsn_slice_find_char(program, '/');
	const struct family *f;

	if (slash == SIZE_MAX)
		return family_named(program);
	f = family_named((struct tsn_slice){program.ptr, slash});
	return f != NULL ? f :
	    family_named(tsn_slice_from(program, tsn_slice_rfind(program, TSN_SLICE("/")) + 1));
}

static void
put_family(struct tsn_parse_ctx *ctx, const struct family *f, struct tsn_slice body)
{
	struct tsn_slice v;
	struct pairs pairs;
	bool peer = false;

	pairs_of(body, &pairs);
	for (size_t i = 0; i < f->phrase_count; i++)
		if (may_hold(&pairs, f->phrases[i].text) &&
		    tsn_slice_find(body, f->phrases[i].text) != SIZE_MAX) {
			tsn_auth_put(ctx, &f->phrases[i].what);
			break;
		}
	if (f->peers == named_peers)
		put_named(ctx, body);
	for (size_t i = 0; i < f->peer_count && !peer; i++)
		peer = (f->peers[i].text.len < 2 || may_hold(&pairs, f->peers[i].text)) &&
		    value_of(body, &f->peers[i], &v) && put_peer(ctx, v);
	for (size_t i = 0; i < f->user_count; i++)
		if (may_hold(&pairs, f->users[i].text) && value_of(body, &f->users[i], &v)) {
			size_t note = tsn_slice_find(v, TSN_SLICE(" (Login failed)"));

			if (note != SIZE_MAX)
				v.len = note;
			tsn_put_str(ctx, TSN_F_USER_NAME, v);
			break;
		}
	if (!peer && f->peers == mail_peers)
		put_passdb(ctx, body);
}

/* Some messages stand after another date or in front of a host name that the program repeats. */
static enum tsn_code
parse_daemon(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	const struct family *f = ctx->syslog == NULL ? NULL : find_family(ctx->syslog->program);

	ctx->ev->dataset = TSN_SLICE("system.syslog");
	if (f == NULL)
		return TSN_EPARSE;
	if (!TSN_STARTS(ctx->syslog->program, "pve") && tsn_pam_parse(ctx, body) == TSN_OK)
		return TSN_OK;
	/* a first look is cheap; the tables are not for lines of megabytes */
	if (body.len > 8192)
		body.len = 8192;
	put_family(ctx, f, body);
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_daemon = {
	.kind = "system.daemon",
	.doc = "mail, FTP, DNS and other servers in syslog: logins, refusals, peers",
	.programs = "dovecot dovecot-auth postfix postfix-smo imapd imapd-ssl pop3d pop3d-ssl ipop3d "
	    "imap pop3 cyrus courieresmtpd esmtpd authdaemond sendmail sm-mta "
	    "sm-acceptingconnections sm-msp-queue saslauthd solid-pop3d perdition uw-imapd imaplogin "
	    "pop3login courierpop3login smtpd vsftpd proftpd pure-ftpd wu-ftpd ftpd in.ftpd named "
	    "bind dropbear xinetd telnetd in.telnetd webmin usermin login rlogind rshd klogind smbd "
	    "slapd stunnel tcpd sshlockout pvedaemon pveproxy smb",
	.parse = parse_daemon,
};

/* vsftpd's own file: "Wed Jul 27 18:32:27 2016 [pid 2] [user] OK LOGIN: Client "192.0.2.1"" */
static enum tsn_probe
probe_vsftpd(struct tsn_slice s)
{
	return s.len > 31 && tsn_slice_starts(tsn_slice_from(s, 24), TSN_SLICE(" [pid ")) &&
	    s.ptr[3] == ' ' ? TSN_PROBE_YES : TSN_PROBE_NO;
}

static enum tsn_code
parse_vsftpd(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	struct tsn_scan s = tsn_scan_of(text);
	struct tsn_slice pid, user;
	struct tsn_date when;
	size_t n = tsn_date_asctime(&ctx->date, text, &when);

	if (n == 0)
		return TSN_EPARSE;
	s.at += n;
	if (!TSN_SCAN(&s, " [pid ") || !tsn_scan_to(&s, ']', &pid) || !TSN_SCAN(&s, " "))
		return TSN_EPARSE;
	tsn_parse_set_time(ctx, &when);
	TSN_PUT_LIT(ctx, TSN_F_PROCESS_NAME, "vsftpd");
	tsn_put_num(ctx, TSN_F_PROCESS_PID, pid);
	tsn_put_str(ctx, TSN_F_MESSAGE, tsn_scan_rest(&s));
	if (TSN_SCAN(&s, "[") && tsn_scan_to(&s, ']', &user))
		tsn_put_str(ctx, TSN_F_USER_NAME, user);
	put_family(ctx, &families[1], tsn_scan_rest(&s));
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_vsftpd = {
	.kind = "vsftpd.log",
	.doc = "vsftpd's own log file",
	.first = "SMTWF",
	.probe = probe_vsftpd,
	.parse = parse_vsftpd,
};

/* BIND's own file: "11-Aug-2013 03:36:11.372 [category: ][severity: ]client 192.0.2.1#53: ..." */
static enum tsn_probe
probe_bind(struct tsn_slice s)
{
	struct tsn_slice head = {s.ptr, s.len < 160 ? s.len : 160};

	if (s.len < 25 || s.ptr[2] != '-' || s.ptr[6] != '-' || s.ptr[11] != ' ' ||
	    s.ptr[14] != ':' || tsn_date_month(s.ptr + 3) == 0)
		return TSN_PROBE_NO;
	return tsn_slice_find(head, TSN_SLICE("client ")) != SIZE_MAX ||
	    tsn_slice_find(head, TSN_SLICE(": zone ")) != SIZE_MAX ? TSN_PROBE_YES : TSN_PROBE_NO;
}

static enum tsn_code
parse_bind(struct tsn_parse_ctx *ctx, struct tsn_slice text)
{
	struct tsn_date when;
	size_t n = tsn_date_dmy(&ctx->date, text, &when);

	if (n == 0)
		return TSN_EPARSE;
	tsn_parse_set_time(ctx, &when);
	text = tsn_slice_from(text, n + 1);
	TSN_PUT_LIT(ctx, TSN_F_PROCESS_NAME, "named");
	tsn_put_str(ctx, TSN_F_MESSAGE, text);
	if (text.len > 8192)
		text.len = 8192;
	put_family(ctx, &families[2], text);
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_bind = {
	.kind = "bind.log",
	.doc = "BIND's own log file",
	.first = "0123456789",
	.probe = probe_bind,
	.parse = parse_bind,
};
