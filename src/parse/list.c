#include "parse/parse.h"

#include "base/compiler.h"

/* Most specific first: a probe that says YES ends the search. */
#define TSN_PARSERS(X) \
	X(eve) \
	X(cowrie) \
	X(zeek) \
	X(windows) \
	X(json) \
	X(cri) \
	X(syslog) \
	X(sshd) \
	X(sudo) \
	X(su) \
	X(account) \
	X(cron) \
	X(systemd) \
	X(auditd) \
	X(iptables) \
	X(filterlog) \
	X(cef) \
	X(leef) \
	X(cisco) \
	X(daemon) \
	X(vsftpd) \
	X(bind) \
	X(syslog_bare) \
	X(pam) \
	X(sql_record) \
	X(mysql_slow) \
	X(mysql_general) \
	X(mysql_error) \
	X(mysql_banner) \
	X(pg_csvlog) \
	X(pg_jsonlog) \
	X(postgresql) \
	X(pgbouncer) \
	X(nginx_error) \
	X(apache_error) \
	X(haproxy) \
	X(w3c) \
	X(squid) \
	X(access) \
	X(nginx_access) \
	X(kv)

#define DECLARE(name) extern const struct tsn_parser_desc tsn_parser_##name;
TSN_PARSERS(DECLARE)

#define ENTRY(name) &tsn_parser_##name,
static const struct tsn_parser_desc *const list[] = {TSN_PARSERS(ENTRY)};

_Static_assert(TSN_COUNT(list) <= 64, "the tables of the parser hold 64 kinds");

const struct tsn_parser_desc *const *
tsn_parser_list(size_t *ret_count)
{
	*ret_count = TSN_COUNT(list);
	return list;
}
