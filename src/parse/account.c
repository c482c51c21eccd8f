/*
 * Accounts and groups: useradd, usermod, userdel, groupadd, groupmod, groupdel, gpasswd, passwd,
 * chage, chfn, chsh.  shadow quotes names 'so' or, in older versions, `so'.
 */
#include "parse/auth.h"

#define IAM(typ, act) TSN_AUTH_WHAT("iam", typ, act, "success")

struct form {
	struct tsn_slice prefix;
	struct tsn_auth_what what;
	enum {
		NAMED_USER,	/* key=value pairs of a new user */
		NAMED_GROUP,	/* key=value pairs of a new group */
		USER,		/* 'U' ... */
		USER_GROUP,	/* 'U' to|from [shadow ]group 'G' */
		GROUP,		/* 'G' ... */
		GROUP_OWNED,	/* 'G' owned by 'U' */
		USER_BY,	/* 'U' changed by 'W' */
	} shape;
};

#define FORM(prefix_, shape_, typ, act) {TSN_AUTH_TEXT(prefix_), IAM(typ, act), shape_},
static const struct form forms[] = {
	FORM("new user: ", NAMED_USER, "creation", "user_created")
	FORM("new group: ", NAMED_GROUP, "creation", "group_created")
	FORM("group added to ", NAMED_GROUP, "creation", "group_created")
	FORM("new account added", NAMED_USER, "creation", "user_created")
	FORM("delete user ", USER, "deletion", "user_deleted")
	FORM("remove group ", GROUP, "deletion", "group_deleted")
	FORM("removed group ", GROUP_OWNED, "deletion", "group_deleted")
	FORM("removed shadow group ", GROUP_OWNED, "deletion", "group_deleted")
	FORM("group ", GROUP, "deletion", "group_deleted")
	FORM("add ", USER_GROUP, "change", "group_member_added")
	FORM("delete ", USER_GROUP, "change", "group_member_removed")
	FORM("change user name ", USER, "change", "user_renamed")
	FORM("change user ", USER, "change", "user_changed")
	FORM("changed user ", USER, "change", "user_changed")
	FORM("lock user ", USER, "change", "user_locked")
	FORM("unlock user ", USER, "change", "user_unlocked")
	FORM("changed password expiry for ", USER, "change", "user_changed")
	FORM("password for ", USER_BY, "change", "password_changed")
};

/* 'name', `name', or a bare word */
static struct tsn_slice
quoted(struct tsn_scan *s)
{
	struct tsn_slice v;
	struct tsn_scan back = *s;

	if ((TSN_SCAN(s, "'") || TSN_SCAN(s, "`")) && tsn_scan_to(s, '\'', &v))
		return v;
	*s = back;
	return tsn_scan_word(s);
}

/* "name=test, UID=1001, GID=1001, home=/home/test, shell=/bin/bash, from=/dev/pts/1" */
static void
put_named(struct tsn_parse_ctx *ctx, struct tsn_scan s, bool group)
{
	struct tsn_slice text = tsn_scan_rest(&s);
	size_t at = tsn_slice_find(text, TSN_SLICE("name="));

	if (at == SIZE_MAX)
		return;
	s.at += at;
	while (s.at < s.end) {
		struct tsn_slice pair = tsn_scan_field(&s, ','), key = pair, value;
		size_t eq = tsn_slice_find_char(pair, '=');

		tsn_scan_blanks(&s);
		if (eq == SIZE_MAX)
			continue;
		key.len = eq;
		value = tsn_slice_from(pair, eq + 1);
		if (TSN_EQ(key, "name"))
			tsn_put_some(ctx, group ? TSN_F_GROUP_NAME : TSN_F_USER_NAME, value);
		else if (tsn_slice_eq_nocase(key, TSN_SLICE("uid")))
			tsn_put_some(ctx, TSN_F_USER_ID, value);
		else if (tsn_slice_eq_nocase(key, TSN_SLICE("gid")))
			tsn_put_some(ctx, TSN_F_GROUP_ID, value);
		else if (TSN_EQ(key, "home"))
			tsn_put_some(ctx, TSN_F_ACCOUNT_HOME, value);
		else if (TSN_EQ(key, "shell"))
			tsn_put_some(ctx, TSN_F_ACCOUNT_SHELL, value);
	}
}

static void
put_form(struct tsn_parse_ctx *ctx, struct tsn_scan s, const struct form *f)
{
	switch (f->shape) {
	case NAMED_USER:
	case NAMED_GROUP:
		put_named(ctx, s, f->shape == NAMED_GROUP);
		break;
	case USER:
		tsn_put_some(ctx, TSN_F_USER_NAME, quoted(&s));
		TSN_SCAN(&s, " ");
		tsn_put_some(ctx, TSN_F_EVENT_REASON, tsn_scan_rest(&s));
		break;
	case USER_GROUP:
		tsn_put_some(ctx, TSN_F_USER_NAME, quoted(&s));
		if ((TSN_SCAN(&s, " to ") || TSN_SCAN(&s, " from ")) &&
		    (TSN_SCAN(&s, "group ") || TSN_SCAN(&s, "shadow group ")))
			tsn_put_some(ctx, TSN_F_GROUP_NAME, quoted(&s));
		break;
	case GROUP:
		tsn_put_some(ctx, TSN_F_GROUP_NAME, quoted(&s));
		break;
	case GROUP_OWNED:
		tsn_put_some(ctx, TSN_F_GROUP_NAME, quoted(&s));
		if (TSN_SCAN(&s, " owned by "))
			tsn_put_some(ctx, TSN_F_USER_NAME, quoted(&s));
		break;
	case USER_BY:
		tsn_put_some(ctx, TSN_F_USER_NAME, quoted(&s));
		if (TSN_SCAN(&s, " changed by "))
			tsn_put_some(ctx, TSN_F_SOURCE_USER_NAME, quoted(&s));
		break;
	}
}

/* gpasswd: "user U added by W to group G", "user U removed by W from group G" */
static void
parse_gpasswd(struct tsn_parse_ctx *ctx, struct tsn_scan s)
{
	static const struct tsn_auth_what added = IAM("change", "group_member_added");
	static const struct tsn_auth_what removed = IAM("change", "group_member_removed");
	struct tsn_slice user, by;
	bool add;

	if (!TSN_SCAN(&s, "user "))
		return;
	user = tsn_scan_word(&s);
	add = TSN_SCAN(&s, " added by ");
	if (!add && !TSN_SCAN(&s, " removed by "))
		return;
	by = tsn_scan_word(&s);
	if (!TSN_SCAN(&s, " to group ") && !TSN_SCAN(&s, " from group "))
		return;
	tsn_auth_put(ctx, add ? &added : &removed);
	tsn_put_str(ctx, TSN_F_USER_NAME, user);
	tsn_put_str(ctx, TSN_F_SOURCE_USER_NAME, by);
	tsn_put_str(ctx, TSN_F_GROUP_NAME, tsn_scan_word(&s));
}

static enum tsn_code
parse_account(struct tsn_parse_ctx *ctx, struct tsn_slice body)
{
	struct tsn_scan s = tsn_scan_of(body);

	if (TSN_STARTS(body, "pam_") && tsn_pam_parse(ctx, body) == TSN_OK)
		return TSN_OK;
	for (size_t i = 0; i < TSN_COUNT(forms); i++) {
		struct tsn_scan rest = s;

		if (!tsn_scan_text(&rest, forms[i].prefix.ptr, forms[i].prefix.len))
			continue;
		tsn_auth_put(ctx, &forms[i].what);
		put_form(ctx, rest, &forms[i]);
		return TSN_OK;
	}
	if (TSN_STARTS(body, "user "))
		parse_gpasswd(ctx, s);
	return TSN_OK;
}

const struct tsn_parser_desc tsn_parser_account = {
	.kind = TSN_DATASET_AUTH,
	.doc = "accounts and groups made, changed and removed",
	.programs = "useradd usermod userdel groupadd groupmod groupdel gpasswd passwd chage chfn "
	    "chsh adduser deluser addgroup delgroup newusers chpasswd groupmems",
	.parse = parse_account,
};
