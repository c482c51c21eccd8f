#include "pipeline/keys.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "os/file.h"

static bool
name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    c == '_' || c == '.' || c == '-';
}

static enum tsn_code
add_line(struct tsn_pl_keys *k, const char *file, unsigned number, struct tsn_slice line,
    struct tsn_err *err)
{
	size_t equals = tsn_slice_find_char(line, '=');
	struct tsn_slice name;

	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (tsn_slice_trim(line).len == 0 || line.ptr[0] == '#')
		return TSN_OK;
	name = tsn_slice_trim(tsn_slice_of(line.ptr, equals == SIZE_MAX ? 0 : equals));
	for (size_t i = 0; i < name.len; i++)
		if (!name_char(name.ptr[i]))
			name.len = 0;
	if (name.len == 0 || memchr(line.ptr, '\0', line.len) != NULL)
		TSN_FAIL_AT(err, TSN_EPARSE, number, "%s:%u: expected NAME=value", file, number);
	tsn_buf_slice(&k->text, name);
	tsn_buf_char(&k->text, '\0');
	tsn_buf_slice(&k->text, tsn_slice_from(line, equals + 1));
	tsn_buf_char(&k->text, '\0');
	return TSN_OK;
}

enum tsn_code
tsn_pl_keys_parse(struct tsn_pl_keys *k, const char *name, struct tsn_slice text,
    struct tsn_err *err)
{
	unsigned number = 0;

	tsn_buf_init(&k->text, TSN_KEYS_BYTES_MAX + 2);
	while (text.len > 0) {
		size_t end = tsn_slice_find_char(text, '\n');
		struct tsn_slice line = tsn_slice_of(text.ptr, end == SIZE_MAX ? text.len : end);
		enum tsn_code code = add_line(k, name, ++number, line, err);

		if (code == TSN_OK && tsn_buf_check(&k->text) != TSN_OK)
			code = TSN_ERR(err, TSN_ELIMIT, "%s: too large", name);
		if (code != TSN_OK) {
			tsn_pl_keys_done(k);
			return code;
		}
		text = tsn_slice_from(text, line.len + 1);
	}
	return TSN_OK;
}

enum tsn_code
tsn_pl_keys_load(struct tsn_pl_keys *k, const char *path, struct tsn_err *err)
{
	struct tsn_buf text;
	struct stat st;
	enum tsn_code code;

	*k = (struct tsn_pl_keys){0};
	if (stat(path, &st) == 0 && (st.st_mode & 077) != 0)
		TSN_FAIL(err, TSN_EDENIED, "%s: others than its owner may use it; chmod 600 %s", path,
		    path);
	tsn_buf_init(&text, TSN_KEYS_BYTES_MAX);
	code = tsn_file_read_all(&tsn_file_system, path, &text, err);
	if (code == TSN_OK)
		code = tsn_pl_keys_parse(k, path, tsn_buf_get(&text), err);
	if (text.ptr != NULL)
		explicit_bzero(text.ptr, text.cap);
	tsn_buf_done(&text);
	return code;
}

const char *
tsn_pl_keys_find(const struct tsn_pl_keys *k, const char *name)
{
	const char *at = k->text.ptr, *end = at + k->text.len, *found = NULL;

	while (at != NULL && at < end) {
		const char *value = at + strlen(at) + 1;

		/* the last one counts */
		if (strcmp(at, name) == 0)
			found = value;
		at = value + strlen(value) + 1;
	}
	return found;
}

void
tsn_pl_keys_done(struct tsn_pl_keys *k)
{
	if (k->text.ptr != NULL)
		explicit_bzero(k->text.ptr, k->text.cap);
	tsn_buf_done(&k->text);
}
