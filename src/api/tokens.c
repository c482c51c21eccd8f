#include "api/http_int.h"

#include <stdlib.h>
#include <string.h>

#include "codec/base64.h"
#include "os/file.h"

#define TOKENS_MAX 256u
#define TOKEN_BYTES_MIN 16u
#define TOKEN_BYTES_MAX 512u
#define FILE_BYTES_MAX (256u << 10)

struct tokens {
	struct tsn_buf text;
	uint32_t count;
	struct {
		struct tsn_slice token;
		enum tsn_role role;
	} list[TOKENS_MAX];
};

static const char *const role_names[TSN_ROLE__COUNT] = {
	[TSN_ROLE_NONE] = "none",
	[TSN_ROLE_INGEST] = "ingest",
	[TSN_ROLE_VIEWER] = "viewer",
	[TSN_ROLE_ANALYST] = "analyst",
	[TSN_ROLE_ADMIN] = "admin",
};

const char *
role_name(enum tsn_role role)
{
	return role_names[role];
}

bool
role_may(enum tsn_role have, enum tsn_role need)
{
	if (need == TSN_ROLE_NONE || have == TSN_ROLE_ADMIN || have == need)
		return true;
	/* Who may send records may not read them, and the other way round. */
	return have != TSN_ROLE_INGEST && need != TSN_ROLE_INGEST && have > need;
}

static enum tsn_code
read_line(struct tokens *t, struct tsn_slice line, const char *path, unsigned number,
    struct tsn_err *err)
{
	size_t blank;
	struct tsn_slice name;

	line = tsn_slice_trim(line);
	if (line.len == 0 || line.ptr[0] == '#')
		return TSN_OK;
	blank = tsn_slice_find_char(line, ' ');
	name = tsn_slice_of(line.ptr, blank == SIZE_MAX ? line.len : blank);
	for (int role = TSN_ROLE_INGEST; role < TSN_ROLE__COUNT; role++) {
		struct tsn_slice token = tsn_slice_trim(tsn_slice_from(line, name.len));

		if (!tsn_slice_eq(name, tsn_slice_cstr(role_names[role])))
			continue;
		if (token.len < TOKEN_BYTES_MIN || token.len > TOKEN_BYTES_MAX)
			TSN_FAIL(err, TSN_EINVAL, "%s:%u: a token has %u to %u characters", path, number,
			    TOKEN_BYTES_MIN, TOKEN_BYTES_MAX);
		if (t->count == TOKENS_MAX)
			TSN_FAIL(err, TSN_ELIMIT, "%s:%u: more than %u tokens", path, number,
			    TOKENS_MAX);
		t->list[t->count].token = token;
		t->list[t->count++].role = (enum tsn_role)role;
		return TSN_OK;
	}
	TSN_FAIL(err, TSN_EINVAL, "%s:%u: expected ROLE TOKEN, ROLE one of ingest, viewer, analyst, "
				  "admin", path, number);
}

enum tsn_code
tokens_load(const char *path, struct tokens **ret_tokens, struct tsn_err *err)
{
	struct tokens *t = calloc(1, sizeof *t);
	enum tsn_code code;
	struct tsn_slice left;

	if (t == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	tsn_buf_init(&t->text, FILE_BYTES_MAX);
	code = tsn_file_read_all(&tsn_file_system, path, &t->text, err);
	left = tsn_buf_get(&t->text);
	for (unsigned number = 1; code == TSN_OK && left.len > 0; number++) {
		size_t end = tsn_slice_find_char(left, '\n');

		end = end == SIZE_MAX ? left.len : end;
		code = read_line(t, tsn_slice_of(left.ptr, end), path, number, err);
		left = tsn_slice_from(left, end + 1);
	}
	if (code == TSN_OK && t->count == 0)
		code = TSN_ERR(err, TSN_EINVAL, "%s: holds no token", path);
	if (code != TSN_OK) {
		tokens_free(t);
		return code;
	}
	*ret_tokens = t;
	return TSN_OK;
}

void
tokens_free(struct tokens *t)
{
	if (t == NULL)
		return;
	if (t->text.ptr != NULL)
		explicit_bzero(t->text.ptr, t->text.len);
	tsn_buf_done(&t->text);
	free(t);
}

/* Takes as long for a near miss as for a far one. */
static bool
same_token(struct tsn_slice a, struct tsn_slice b)
{
	unsigned char differs = a.len != b.len;

	for (size_t i = 0; i < a.len && b.len > 0; i++)
		differs |= (unsigned char)(a.ptr[i] ^ b.ptr[i % b.len]);
	return differs == 0;
}

static enum tsn_role
find(const struct tokens *t, struct tsn_slice token)
{
	enum tsn_role role = TSN_ROLE_NONE;

	for (uint32_t i = 0; i < t->count; i++)
		if (same_token(token, t->list[i].token))
			role = t->list[i].role;
	return role;
}

enum tsn_role
tokens_role(const struct tokens *t, struct tsn_slice authorization)
{
	size_t blank = tsn_slice_find_char(authorization, ' ');
	struct tsn_slice scheme, value;
	char plain[TOKEN_BYTES_MAX * 2];
	enum tsn_role role = TSN_ROLE_NONE;
	bool api_key;
	size_t len;

	if (blank == SIZE_MAX)
		return TSN_ROLE_NONE;
	scheme = tsn_slice_of(authorization.ptr, blank);
	value = tsn_slice_trim(tsn_slice_from(authorization, blank));
	api_key = tsn_slice_eq_nocase(scheme, TSN_SLICE("apikey"));
	if (api_key || tsn_slice_eq_nocase(scheme, TSN_SLICE("bearer")) ||
	    tsn_slice_eq_nocase(scheme, TSN_SLICE("splunk")))
		role = find(t, value);
	if (role != TSN_ROLE_NONE)
		return role;
	/* Shippers that speak to Elasticsearch send a name and a password, or the name and the secret
	 * of an API key: the token is the latter. */
	if (!(api_key || tsn_slice_eq_nocase(scheme, TSN_SLICE("basic"))) ||
	    value.len > sizeof plain || tsn_base64_decode(value, plain, &len) != TSN_OK)
		return TSN_ROLE_NONE;
	value = tsn_slice_of(plain, len);
	return find(t, tsn_slice_from(value, tsn_slice_find_char(value, ':') + 1));
}
