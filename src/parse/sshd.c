/*
 * OpenSSH's server.  What a client sends (a user name, a version string) may hold anything, blanks
 * and the words of other messages included: each form is read from the end that the server wrote.
 */
#include "parse/auth.h"

struct form {
	struct tsn_slice prefix;
	/** s: behind the prefix.  False: not this form; nothing was added. */
	bool (*parse)(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what);
	struct tsn_auth_what what;
};

static void
put_true(struct tsn_parse_ctx *ctx, tsn_key key)
{
	tsn_put(ctx, &(struct tsn_field){.key = key, .num.i = 1, .type = TSN_T_BOOL});
}

/* "192.0.2.1 port 22 ssh2", "192.0.2.1", "host.example": what is behind the port stays in s. */
static void
put_peer(struct tsn_parse_ctx *ctx, struct tsn_scan *s)
{
	struct tsn_slice host = tsn_scan_word(s);

	while (host.len > 0 && (host.ptr[host.len - 1] == ':' || host.ptr[host.len - 1] == ',')) {
		host.len--;
		s->at = host.ptr + host.len;
	}
	if (TSN_EQ(host, "UNKNOWN"))
		host.len = 0;
	tsn_put_address(ctx, TSN_F_SOURCE_IP, TSN_F_SOURCE_DOMAIN, host);
	if (TSN_SCAN(s, " port "))
		tsn_put_num(ctx, TSN_F_SOURCE_PORT, tsn_scan_digits(s));
}

/* "[invalid user ]USER" */
static void
put_user(struct tsn_parse_ctx *ctx, struct tsn_slice v)
{
	struct tsn_scan s = tsn_scan_of(v);
	bool invalid = TSN_SCAN(&s, "invalid user ") || TSN_SCAN(&s, "illegal user ");

	tsn_put_str(ctx, TSN_F_USER_NAME, tsn_scan_rest(&s));
	if (invalid)
		put_true(ctx, TSN_F_SSHD_INVALID_USER);
}

/* The end of a line about a login: "HOST port N ssh2: KEY". */
struct tail {
	struct tsn_slice host, port;
	struct tsn_scan key;
};

/* Behind the peer comes nothing, " ssh2", or " ssh2: ..." where `more` allows. */
static bool
login_tail(struct tsn_slice v, bool more, struct tail *ret)
{
	struct tsn_scan s = tsn_scan_of(v);

	ret->host = tsn_scan_word(&s);
	if (ret->host.len == 0 || !TSN_SCAN(&s, " port "))
		return false;
	ret->port = tsn_scan_digits(&s);
	if (ret->port.len == 0)
		return false;
	ret->key = s;
	if (s.at == s.end)
		return true;
	if (!TSN_SCAN(&s, " ssh") || tsn_scan_digits(&s).len != 1)
		return false;
	ret->key = s;
	return s.at == s.end || (more && TSN_SCAN(&s, ": "));
}

/*
 * The usual end, " from HOST port N ssh2", read backwards: HOST and N hold no blank, so that this
 * is the last " from " of the line.
 */
static bool
usual_tail(struct tsn_slice v, size_t *ret_from, struct tail *ret)
{
	const char *end, *p, *host;

	if (v.len < 24 || memcmp(v.ptr + v.len - 5, " ssh2", 5) != 0)
		return false;
	end = v.ptr + v.len - 5;
	for (p = end; p > v.ptr + 12 && tsn_is_digit(p[-1]); p--)
		continue;
	if (p == end || memcmp(p - 6, " port ", 6) != 0)
		return false;
	for (host = p - 6; host > v.ptr + 6 && host[-1] != ' '; host--)
		continue;
	if (host == p - 6 || memcmp(host - 6, " from ", 6) != 0)
		return false;
	ret->host = (struct tsn_slice){host, (size_t)(p - 6 - host)};
	ret->port = (struct tsn_slice){p, (size_t)(end - p)};
	ret->key = (struct tsn_scan){end + 5, end + 5};
	*ret_from = (size_t)(host - 6 - v.ptr);
	return true;
}

/*
 * Where " from HOST" begins that the server wrote, or SIZE_MAX: the last one with a port and
 * nothing strange behind it.  A name may hold " from 192.0.2.1 port 1 ssh2"; it stands further
 * left.  Behind the port more text comes only with methods that have keys.
 */
static size_t
find_from(struct tsn_slice v, bool more, struct tail *ret)
{
	static const struct tsn_slice from = {" from ", 6};
	struct tsn_slice left = v;
	size_t at, last = SIZE_MAX;

	while ((at = tsn_slice_rfind(left, from)) != SIZE_MAX) {
		if (TSN_LIKELY(login_tail(tsn_slice_from(v, at + from.len), more, ret)))
			return at;
		if (last == SIZE_MAX)
			last = at;
		left.len = at;
	}
	if (!more)
		return find_from(v, true, ret);
	if (last != SIZE_MAX) {		/* no port, as in the oldest versions */
		ret->key = tsn_scan_of(tsn_slice_from(v, last + from.len));
		ret->host = tsn_scan_word(&ret->key);
		ret->port = TSN_SLICE_NONE;
	}
	return last;
}

/* ": RSA SHA256:..." */
static void
put_key(struct tsn_parse_ctx *ctx, struct tsn_scan *s)
{
	struct tsn_slice hash;

	if (TSN_LIKELY(!TSN_SCAN(s, ": ")) || s->at == s->end || *s->at < 'A' || *s->at > 'Z')
		return;
	tsn_put_some(ctx, TSN_F_SSHD_KEY_TYPE, tsn_scan_word(s));
	if (!TSN_SCAN(s, " "))
		return;
	hash = tsn_scan_word(s);
	if (hash.len > 0 && hash.ptr[hash.len - 1] == ',')
		hash.len--;
	tsn_put_some(ctx, TSN_F_SSHD_KEY_HASH, hash);
}

/* "METHOD for USER from HOST port N ssh2[: KEY]" */
static bool
parse_login(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	struct tsn_slice method = tsn_scan_word(&s), rest;
	bool more = TSN_STARTS(method, "publickey") || TSN_STARTS(method, "hostbased");
	struct tail tail;
	size_t from;

	if (method.len == 0 || !TSN_SCAN(&s, " for "))
		return false;
	rest = tsn_scan_rest(&s);
	if (TSN_UNLIKELY(!usual_tail(rest, &from, &tail))) {
		from = find_from(rest, more, &tail);
		if (from == SIZE_MAX)
			return false;
	}
	tsn_auth_put(ctx, what);
	tsn_put_str(ctx, TSN_F_SSHD_METHOD, method);
	put_user(ctx, (struct tsn_slice){rest.ptr, from});
	tsn_put_address(ctx, TSN_F_SOURCE_IP, TSN_F_SOURCE_DOMAIN, tail.host);
	tsn_put_num(ctx, TSN_F_SOURCE_PORT, tail.port);
	put_key(ctx, &tail.key);
	return true;
}

/* "USER from HOST[ port N]" behind "Invalid user " */
static bool
parse_invalid(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	struct tsn_slice rest = tsn_scan_rest(&s);
	size_t from = tsn_slice_rfind(rest, TSN_SLICE(" from "));

	tsn_auth_put(ctx, what);
	tsn_put_str(ctx, TSN_F_USER_NAME,
	    (struct tsn_slice){rest.ptr, from == SIZE_MAX ? rest.len : from});
	put_true(ctx, TSN_F_SSHD_INVALID_USER);
	if (from == SIZE_MAX)
		return true;
	s.at = rest.ptr + from + 6;
	put_peer(ctx, &s);
	return true;
}

/* "[invalid user ]USER from HOST[ port N][ ssh2]": the user of a refused login */
static bool
parse_user_from(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	struct tsn_slice rest = tsn_scan_rest(&s);
	size_t from = tsn_slice_rfind(rest, TSN_SLICE(" from "));

	tsn_auth_put(ctx, what);
	if (from == SIZE_MAX) {
		put_user(ctx, rest);
		return true;
	}
	put_user(ctx, (struct tsn_slice){rest.ptr, from});
	s.at = rest.ptr + from + 6;
	put_peer(ctx, &s);
	return true;
}

/* "USER" to the end */
static bool
parse_user(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	tsn_auth_put(ctx, what);
	tsn_put_str(ctx, TSN_F_USER_NAME, tsn_scan_rest(&s));
	put_true(ctx, TSN_F_SSHD_INVALID_USER);
	return true;
}

/* "HOST[ port N]..." */
static bool
parse_peer(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	tsn_auth_put(ctx, what);
	put_peer(ctx, &s);
	if (TSN_SCAN(&s, ": "))
		tsn_put_some(ctx, TSN_F_EVENT_REASON, tsn_scan_rest(&s));
	return true;
}

/* "... from HOST[ port N]" with anything of the client's before it */
static bool
parse_from(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	size_t from = tsn_slice_rfind(tsn_scan_rest(&s), TSN_SLICE(" from "));

	tsn_auth_put(ctx, what);
	if (from == SIZE_MAX)
		return true;
	s.at += from + 6;
	put_peer(ctx, &s);
	return true;
}

/* "[invalid user |authenticating user |user ]USER HOST port N[: REASON]" */
static bool
parse_user_peer(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	bool invalid = TSN_SCAN(&s, "invalid user ");
	bool user = invalid || TSN_SCAN(&s, "authenticating user ") || TSN_SCAN(&s, "user ");
	struct tsn_slice rest = tsn_scan_rest(&s), before;
	size_t port = tsn_slice_rfind(rest, TSN_SLICE(" port ")), blank;

	tsn_auth_put(ctx, what);
	if (!user || port == SIZE_MAX) {
		put_peer(ctx, &s);
	} else {
		before = (struct tsn_slice){rest.ptr, port};
		blank = tsn_slice_rfind(before, TSN_SLICE(" "));
		if (blank != SIZE_MAX) {
			tsn_put_str(ctx, TSN_F_USER_NAME, (struct tsn_slice){rest.ptr, blank});
			s.at = rest.ptr + blank + 1;
		}
		if (invalid)
			put_true(ctx, TSN_F_SSHD_INVALID_USER);
		put_peer(ctx, &s);
	}
	if (TSN_SCAN(&s, ": "))
		tsn_put_some(ctx, TSN_F_EVENT_REASON, tsn_scan_rest(&s));
	return true;
}

/* "HOST port N:11: TEXT", "HOST: 11: TEXT" */
static bool
parse_disconnect(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	tsn_auth_put(ctx, what);
	put_peer(ctx, &s);
	if (!TSN_SCAN(&s, ":"))
		return true;
	tsn_scan_blanks(&s);
	tsn_put_num(ctx, TSN_F_SSHD_REASON_CODE, tsn_scan_digits(&s));
	if (TSN_SCAN(&s, ": "))
		tsn_put_some(ctx, TSN_F_EVENT_REASON, tsn_scan_rest(&s));
	return true;
}

/* "TEXT[ for USER]" behind "Disconnecting: " */
static bool
parse_disconnecting(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	tsn_auth_put(ctx, what);
	tsn_put_some(ctx, TSN_F_EVENT_REASON, tsn_scan_rest(&s));
	if (TSN_SCAN(&s, "Too many authentication failures for "))
		put_user(ctx, tsn_scan_rest(&s));
	return true;
}

/* "NAME [192.0.2.1] failed - POSSIBLE BREAK-IN ATTEMPT!" */
static bool
parse_reverse(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	struct tsn_slice name, ip;

	tsn_auth_put(ctx, what);
	name = tsn_scan_word(&s);
	tsn_put_some(ctx, TSN_F_SOURCE_DOMAIN, name);
	if (TSN_SCAN(&s, " [") && tsn_scan_to(&s, ']', &ip))
		tsn_put_address(ctx, TSN_F_SOURCE_IP, TSN_KEY_NONE, ip);
	return true;
}

/* "192.0.2.1 maps to NAME, but this does not map back to the address - ..." */
static bool
parse_maps(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	struct tsn_slice ip = tsn_scan_word(&s), name;

	if (!TSN_SCAN(&s, " maps to ") || !tsn_scan_to(&s, ',', &name))
		return false;
	tsn_auth_put(ctx, what);
	tsn_put_address(ctx, TSN_F_SOURCE_IP, TSN_KEY_NONE, ip);
	tsn_put_some(ctx, TSN_F_SOURCE_DOMAIN, name);
	return true;
}

/* "USER[ from HOST] not allowed because REASON" */
static bool
parse_not_allowed(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	static const struct tsn_slice because = {" not allowed because ", 21};
	struct tsn_slice rest = tsn_scan_rest(&s);
	size_t at = tsn_slice_rfind(rest, because);

	if (at == SIZE_MAX)
		return false;
	s.end = rest.ptr + at;
	parse_user_from(ctx, s, what);
	tsn_put_some(ctx, TSN_F_EVENT_REASON, tsn_slice_from(rest, at + because.len));
	return true;
}

/* "192.0.2.1 port 4 on 192.0.2.9 port 22[ rdomain ..]" */
static bool
parse_connection(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	tsn_auth_put(ctx, what);
	put_peer(ctx, &s);
	if (!TSN_SCAN(&s, " on "))
		return true;
	tsn_put_address(ctx, TSN_F_DESTINATION_IP, TSN_KEY_NONE, tsn_scan_word(&s));
	if (TSN_SCAN(&s, " port "))
		tsn_put_num(ctx, TSN_F_DESTINATION_PORT, tsn_scan_digits(&s));
	return true;
}

/* "0.0.0.0 port 22." */
static bool
parse_listening(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	tsn_auth_put(ctx, what);
	tsn_put_address(ctx, TSN_F_SERVER_IP, TSN_KEY_NONE, tsn_scan_word(&s));
	if (TSN_SCAN(&s, " port "))
		tsn_put_num(ctx, TSN_F_DESTINATION_PORT, tsn_scan_digits(&s));
	return true;
}

/* "TEXT for [illegal user ]USER from HOST[ via ADDRESS]" behind "PAM: " */
static bool
parse_pam_error(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	struct tsn_slice rest = tsn_scan_rest(&s);
	size_t at = tsn_slice_find(rest, TSN_SLICE(" for "));

	tsn_put_str(ctx, TSN_F_EVENT_PROVIDER, TSN_SLICE("pam"));
	if (at == SIZE_MAX) {
		tsn_auth_put(ctx, what);
		tsn_put_some(ctx, TSN_F_EVENT_REASON, rest);
		return true;
	}
	s.at = rest.ptr + at + 5;
	parse_user_from(ctx, s, what);
	tsn_put_some(ctx, TSN_F_EVENT_REASON, (struct tsn_slice){rest.ptr, at});
	return true;
}

/* "2 more authentication failures; logname= ... rhost=192.0.2.1  user=root" behind "PAM " */
static bool
parse_pam_more(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	struct tsn_slice count = tsn_scan_digits(&s);

	if (!TSN_SCAN(&s, " more authentication failure"))
		return false;
	tsn_auth_put(ctx, what);
	tsn_put_str(ctx, TSN_F_EVENT_PROVIDER, TSN_SLICE("pam"));
	tsn_put_num(ctx, TSN_F_EVENT_COUNT, count);
	tsn_scan_field(&s, ';');
	tsn_pam_put_pairs(ctx, tsn_scan_rest(&s));
	return true;
}

/* "#10 from [192.0.2.1]:4711 on [192.0.2.9]:22 past MaxStartups" */
static bool
parse_drop(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	struct tsn_slice ip;

	tsn_scan_word(&s);
	if (!TSN_SCAN(&s, " from [") || !tsn_scan_to(&s, ']', &ip))
		return false;
	tsn_auth_put(ctx, what);
	tsn_put_address(ctx, TSN_F_SOURCE_IP, TSN_KEY_NONE, ip);
	if (TSN_SCAN(&s, ":"))
		tsn_put_num(ctx, TSN_F_SOURCE_PORT, tsn_scan_digits(&s));
	return true;
}

/* "HOST (192.0.2.1)" behind "refused connect from " */
static bool
parse_refused(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	struct tsn_slice host = tsn_scan_word(&s), ip;

	tsn_auth_put(ctx, what);
	if (TSN_SCAN(&s, " (") && tsn_scan_to(&s, ')', &ip) && tsn_scan_is_ip(ip)) {
		if (!tsn_slice_eq(ip, host))
			tsn_put_address(ctx, TSN_KEY_NONE, TSN_F_SOURCE_DOMAIN, host);
		host = ip;
	}
	tsn_put_address(ctx, TSN_F_SOURCE_IP, TSN_F_SOURCE_DOMAIN, host);
	return true;
}

/* "shell on pts/0 for USER from HOST port N id 0", "subsystem 'sftp' for ..." */
static bool
parse_session(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	struct tsn_slice rest = tsn_scan_rest(&s);
	size_t at = tsn_slice_find(rest, TSN_SLICE(" for "));

	if (at == SIZE_MAX)
		return false;
	s.at = rest.ptr + at + 5;
	return parse_user_from(ctx, s, what);
}

/* "sftp by user NAME" behind "subsystem request for " */
static bool
parse_subsystem(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	tsn_auth_put(ctx, what);
	tsn_put_some(ctx, TSN_F_NETWORK_PROTOCOL, tsn_scan_word(&s));
	if (TSN_SCAN(&s, " by user "))
		tsn_put_some(ctx, TSN_F_USER_NAME, tsn_scan_rest(&s));
	return true;
}

/* "USER from [192.0.2.1]" behind "session opened for local user " */
static bool
parse_local_session(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	return parse_user_from(ctx, s, what);
}

static bool
parse_plain(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	(void)s;
	tsn_auth_put(ctx, what);
	return true;
}

/* "192.0.2.1 port N", or "connection from 192.0.2.1 to 192.0.2.9, pid = 12" */
static bool
parse_timeout(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct tsn_auth_what *what)
{
	TSN_SCAN(&s, "connection from ");
	return parse_peer(ctx, s, what);
}

#define FORM(prefix_, parse_, cat, typ, act, out) \
	{TSN_AUTH_TEXT(prefix_), parse_, TSN_AUTH_WHAT(cat, typ, act, out)},
#define LOGIN(prefix_, parse_, act, out) FORM(prefix_, parse_, "authentication", "start", act, out)
#define REFUSED(prefix_, parse_, act) \
	FORM(prefix_, parse_, "authentication", "info", act, "failure")
#define NET(prefix_, parse_, typ, act) FORM(prefix_, parse_, "network", typ, act, "")
#define NETFAIL(prefix_, parse_, act) FORM(prefix_, parse_, "network", "end", act, "failure")

static const struct form forms_a[] = {
	LOGIN("Accepted ", parse_login, "ssh_login", "success")
	NET("Address ", parse_maps, "info", "ssh_reverse_mapping")
	REFUSED("Authentication refused: ", parse_plain, "ssh_refused")
	REFUSED("Authentication tried for ", parse_plain, "ssh_not_permitted")
};
static const struct form forms_b[] = {
	NETFAIL("Bad protocol version identification ", parse_from, "ssh_bad_protocol")
	NETFAIL("Bad remote protocol version identification", parse_plain, "ssh_bad_protocol")
	NETFAIL("banner exchange: Connection from ", parse_peer, "ssh_bad_protocol")
	NETFAIL("Bad packet length ", parse_plain, "ssh_bad_packet")
};
static const struct form forms_c[] = {
	NET("Connection closed by ", parse_user_peer, "end", "ssh_connection_closed")
	NET("Connection reset by ", parse_user_peer, "end", "ssh_connection_reset")
	NET("Connection from ", parse_connection, "start", "ssh_connection")
	NET("Closing connection to ", parse_peer, "end", "ssh_connection_closed")
	NETFAIL("Could not write ident string to ", parse_peer, "ssh_connection_reset")
	FORM("Close session: user ", parse_user_from, "session", "end", "ssh_session", "")
	NETFAIL("Corrupted MAC on input", parse_plain, "ssh_bad_packet")
};
static const struct form forms_d[] = {
	NET("Disconnected from ", parse_user_peer, "end", "ssh_disconnect")
	NETFAIL("Did not receive identification string from ", parse_peer, "ssh_no_identification")
	NET("Disconnecting: ", parse_disconnecting, "end", "ssh_disconnect")
	NET("Disconnecting ", parse_user_peer, "end", "ssh_disconnect")
	NETFAIL("drop connection ", parse_drop, "ssh_dropped")
};
static const struct form forms_f[] = {
	LOGIN("Failed ", parse_login, "ssh_login", "failure")
};
static const struct form forms_i[] = {
	REFUSED("Invalid user ", parse_invalid, "ssh_invalid_user")
	REFUSED("input_userauth_request: invalid user ", parse_user, "ssh_userauth_request")
	REFUSED("input_userauth_request: illegal user ", parse_user, "ssh_userauth_request")
	REFUSED("Illegal user ", parse_invalid, "ssh_invalid_user")
};
static const struct form forms_k[] = {
	NETFAIL("kex_exchange_identification: ", parse_plain, "ssh_no_identification")
	NETFAIL("kex_protocol_error: ", parse_plain, "ssh_bad_protocol")
};
static const struct form forms_m[] = {
	REFUSED("maximum authentication attempts exceeded for ", parse_user_from, "ssh_max_attempts")
	NETFAIL("Magic value check failed ", parse_from, "ssh_bad_protocol")
};
static const struct form forms_n[] = {
	NET("Nasty PTR record ", parse_plain, "info", "ssh_reverse_mapping")
	NETFAIL("no matching ", parse_plain, "ssh_negotiation_failed")
};
static const struct form forms_p[] = {
	REFUSED("PAM: ", parse_pam_error, "pam_authentication")
	REFUSED("PAM ", parse_pam_more, "pam_more_failures")
	FORM("Postponed ", parse_login, "authentication", "info", "ssh_login_step", "unknown")
	FORM("Partial ", parse_login, "authentication", "info", "ssh_login_step", "unknown")
	NETFAIL("Protocol major versions differ for ", parse_peer, "ssh_bad_protocol")
	NET("probed from ", parse_peer, "info", "ssh_scan")
};
static const struct form forms_r[] = {
	NET("Received disconnect from ", parse_disconnect, "end", "ssh_disconnect")
	NET("reverse mapping checking getaddrinfo for ", parse_reverse, "info", "ssh_reverse_mapping")
	REFUSED("ROOT LOGIN REFUSED FROM ", parse_peer, "ssh_user_not_allowed")
	NETFAIL("refused connect from ", parse_refused, "ssh_refused")
	NETFAIL("Read error from remote host ", parse_peer, "ssh_connection_reset")
	NETFAIL("Read from socket failed: ", parse_plain, "ssh_connection_reset")
	FORM("Received signal ", parse_plain, "process", "end", "ssh_server_stopped", "")
};
static const struct form forms_s[] = {
	FORM("Server listening on ", parse_listening, "process", "start", "ssh_listening", "")
	FORM("Starting session: ", parse_session, "session", "start", "ssh_session", "")
	FORM("subsystem request for ", parse_subsystem, "session", "start", "ssh_subsystem", "")
	FORM("session opened for local user ", parse_local_session, "session", "start", "ssh_session",
	    "")
	FORM("session closed for local user ", parse_local_session, "session", "end", "ssh_session",
	    "")
	NET("scanned from ", parse_peer, "info", "ssh_scan")
	NETFAIL("ssh_dispatch_run_fatal: Connection from ", parse_user_peer, "ssh_bad_packet")
};
static const struct form forms_t[] = {
	NETFAIL("Timeout before authentication for ", parse_timeout, "ssh_timeout")
	NETFAIL("Timeout, client not responding from ", parse_user_peer, "ssh_timeout")
	REFUSED("Too many authentication failures for ", parse_user_from, "ssh_max_attempts")
};
static const struct form forms_u[] = {
	REFUSED("User ", parse_not_allowed, "ssh_user_not_allowed")
	NETFAIL("Unable to negotiate with ", parse_peer, "ssh_negotiation_failed")
	NETFAIL("Unable to negotiate a key exchange method", parse_plain, "ssh_negotiation_failed")
};

/* By the first letter, case folded. */
static const struct {
	const struct form *forms;
	size_t count;
} by_letter[32] = {
	['A' & 31] = {forms_a, TSN_COUNT(forms_a)}, ['B' & 31] = {forms_b, TSN_COUNT(forms_b)},
	['C' & 31] = {forms_c, TSN_COUNT(forms_c)}, ['D' & 31] = {forms_d, TSN_COUNT(forms_d)},
	['F' & 31] = {forms_f, TSN_COUNT(forms_f)}, ['I' & 31] = {forms_i, TSN_COUNT(forms_i)},
	['K' & 31] = {forms_k, TSN_COUNT(forms_k)}, ['M' & 31] = {forms_m, TSN_COUNT(forms_m)},
	['N' & 31] = {forms_n, TSN_COUNT(forms_n)}, ['P' & 31] = {forms_p, TSN_COUNT(forms_p)},
	['R' & 31] = {forms_r, TSN_COUNT(forms_r)}, ['S' & 31] = {forms_s, TSN_COUNT(forms_s)},
	['T' & 31] = {forms_t, TSN_COUNT(forms_t)}, ['U' & 31] = {forms_u, TSN_COUNT(forms_u)},
};

static void
parse_form(struct tsn_parse_ctx *ctx, struct tsn_scan s)
{
	size_t letter = s.at < s.end ? (size_t)((unsigned char)*s.at & 31) : 0;
	const struct form *f = by_letter[letter].forms;

	for (size_t n = by_letter[letter].count; n > 0; n--, f++) {
		struct tsn_scan rest = s;

		/* two bytes tell most forms of one letter apart */
		if (tsn_scan_left(&s) < f->prefix.len || s.at[0] != f->prefix.ptr[0] ||
		    s.at[f->prefix.len - 2] != f->prefix.ptr[f->prefix.len - 2])
			continue;
		if (tsn_scan_text(&rest, f->prefix.ptr, f->prefix.len) &&
		    f->parse(ctx, rest, &f->what))
			return;
	}
}

/* "error: ", "fatal: ", "debug1: " in front of any message. */
static void
scan_level(struct tsn_parse_ctx *ctx, struct tsn_scan *s)
{
	if (TSN_SCAN(s, "error: ")) {
		TSN_PUT_LIT(ctx, TSN_F_LOG_LEVEL, "error");
	} else if (TSN_SCAN(s, "fatal: ")) {
		TSN_PUT_LIT(ctx, TSN_F_LOG_LEVEL, "critical");
	} else if (TSN_SCAN(s, "warning: ")) {
		TSN_PUT_LIT(ctx, TSN_F_LOG_LEVEL, "warning");
	} else if (tsn_scan_is(s, "debug", 5) && tsn_scan_left(s) > 8 && s->at[6] == ':') {
		TSN_PUT_LIT(ctx, TSN_F_LOG_LEVEL, "debug");
		s->at += 8;
	}
}

static enum tsn_code
parse_sshd(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	struct tsn_scan s = tsn_scan_of(body);

	if (body.len == 0)
		return TSN_OK;
	if (ctx->syslog != NULL && ctx->syslog->qualifier.len > 0)
		return tsn_pam_parse(ctx, body);
	if ((body.ptr[0] == 'p' || body.ptr[0] == '(') && tsn_pam_parse(ctx, body) == TSN_OK)
		return TSN_OK;
	if (body.ptr[body.len - 1] == ']' && tsn_slice_ends(body, TSN_SLICE(" [preauth]")))
		s.end -= sizeof " [preauth]" - 1;
	if (TSN_UNLIKELY(s.at < s.end && *s.at >= 'd' && *s.at <= 'w'))
		scan_level(ctx, &s);
	parse_form(ctx, s);
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_sshd = {
	.kind = TSN_DATASET_AUTH,
	.doc = "logins of OpenSSH, PAM, sudo, su and account changes",
	.programs = "sshd sshd-session sshd-auth",
	.parse = parse_sshd,
};
