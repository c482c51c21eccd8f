/*
 * parse/auth: what the parsers of logins and accounts share (internal to parse).
 */
#ifndef TSN_PARSE_AUTH_H
#define TSN_PARSE_AUTH_H

#include "parse/parse_int.h"

#define TSN_DATASET_AUTH "system.auth"

/** event.category, type, action and outcome in one call; empty literals are left out. */
struct tsn_auth_what {
	struct tsn_slice category, type, action, outcome;
};
#define TSN_AUTH_TEXT(literal) {(literal), sizeof(literal) - 1}
/** Initialiser of a static struct tsn_auth_what. */
#define TSN_AUTH_WHAT(cat, typ, act, out) \
	{TSN_AUTH_TEXT(cat), TSN_AUTH_TEXT(typ), TSN_AUTH_TEXT(act), TSN_AUTH_TEXT(out)}

static inline void
tsn_auth_put(struct tsn_parse_ctx *ctx, const struct tsn_auth_what *what)
{
	tsn_put_some(ctx, TSN_F_EVENT_CATEGORY, what->category);
	tsn_put_some(ctx, TSN_F_EVENT_TYPE, what->type);
	tsn_put_some(ctx, TSN_F_EVENT_ACTION, what->action);
	tsn_put_some(ctx, TSN_F_EVENT_OUTCOME, what->outcome);
}

/**
 * "pam_unix(sshd:auth): authentication failure; ... rhost=IP user=U", "session opened for ...".
 * TSN_EPARSE, nothing added, when the text is not PAM's.  A header with the qualifier pam_unix
 * ("sshd(pam_unix)[1]: ...") marks its body as PAM's.
 */
enum tsn_code tsn_pam_parse(struct tsn_parse_ctx *ctx, struct tsn_slice body);

/** "logname= uid=0 euid=0 tty=ssh ruser= rhost=IP  user=U" */
void tsn_pam_put_pairs(struct tsn_parse_ctx *ctx, struct tsn_slice text);

#endif
