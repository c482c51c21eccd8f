#include "parse/grok_int.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "content/content.h"

#define TABLE_SIZE (2u * GROK_DEFS_MAX)

struct tsn_grok_set *
tsn_grok_set_new(void)
{
	struct tsn_grok_set *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->defs = calloc(GROK_DEFS_MAX, sizeof *s->defs);
	s->table = calloc(TABLE_SIZE, sizeof *s->table);
	if (s->defs == NULL || s->table == NULL) {
		tsn_grok_set_free(s);
		return NULL;
	}
	return s;
}

void
tsn_grok_set_free(struct tsn_grok_set *s)
{
	if (s == NULL)
		return;
	for (uint32_t i = 0; i < s->count; i++) {
		free(s->defs[i].name);
		free(s->defs[i].regex);
	}
	free(s->defs);
	free(s->table);
	free(s);
}

static uint32_t
slot_of(const struct tsn_grok_set *s, struct tsn_slice name)
{
	uint32_t at = (uint32_t)tsn_hash_slice(name, 0) % TABLE_SIZE;

	/* The table is at most half full: an empty place ends the search. */
	while (s->table[at] != 0) {
		const struct grok_def *d = &s->defs[s->table[at] - 1];

		if (d->name_len == name.len && memcmp(d->name, name.ptr, name.len) == 0)
			break;
		at = (at + 1) % TABLE_SIZE;
	}
	return at;
}

const struct grok_def *
grok_def_find(const struct tsn_grok_set *s, struct tsn_slice name)
{
	uint32_t at = slot_of(s, name);

	return s->table[at] == 0 ? NULL : &s->defs[s->table[at] - 1];
}

static bool
is_name(struct tsn_slice s)
{
	if (s.len == 0 || s.len > GROK_NAME_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = tsn_lower(s.ptr[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
			return false;
	}
	return true;
}

enum tsn_code
tsn_grok_set_add(struct tsn_grok_set *s, struct tsn_slice name, struct tsn_slice regex,
    struct tsn_err *err)
{
	char shown[80];
	struct grok_def *d;
	char *copy;
	uint32_t at;

	if (!is_name(name))
		TSN_FAIL(err, TSN_EPARSE,
		    "\"%s\" is no name of a grok pattern: up to %u letters, digits and _",
		    tsn_slice_escape(name, shown, sizeof shown), GROK_NAME_MAX);
	if (regex.len > GROK_REGEX_MAX)
		TSN_FAIL(err, TSN_ELIMIT, "grok pattern %.*s is longer than %u bytes",
		    TSN_SLICE_ARG(name), GROK_REGEX_MAX);
	at = slot_of(s, name);
	if (s->table[at] == 0 && s->count == GROK_DEFS_MAX)
		TSN_FAIL(err, TSN_ELIMIT, "more than %u grok patterns", GROK_DEFS_MAX);
	copy = malloc(regex.len + 1);
	if (copy == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (regex.len > 0)
		memcpy(copy, regex.ptr, regex.len);
	copy[regex.len] = '\0';
	if (s->table[at] == 0) {
		d = &s->defs[s->count];
		d->name = strndup(name.ptr, name.len);
		if (d->name == NULL) {
			free(copy);
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		}
		d->name_len = (uint32_t)name.len;
		s->table[at] = ++s->count;
	}
	d = &s->defs[s->table[at] - 1];
	free(d->regex);
	d->regex = copy;
	d->regex_len = (uint32_t)regex.len;
	return TSN_OK;
}

static enum tsn_code
add_line(struct tsn_grok_set *s, struct tsn_slice line, struct tsn_err *err)
{
	struct tsn_slice trimmed = tsn_slice_trim(line), name;
	size_t end = 0;

	if (trimmed.len == 0 || trimmed.ptr[0] == '#')
		return TSN_OK;
	/* Blanks at the end belong to the expression. */
	line = tsn_slice_from(line, (size_t)(trimmed.ptr - line.ptr));
	while (line.len > 0 && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == '\n'))
		line.len--;
	while (end < line.len && line.ptr[end] != ' ' && line.ptr[end] != '\t')
		end++;
	name = tsn_slice_of(line.ptr, end);
	while (end < line.len && (line.ptr[end] == ' ' || line.ptr[end] == '\t'))
		end++;
	return tsn_grok_set_add(s, name, tsn_slice_from(line, end), err);
}

enum tsn_code
tsn_grok_set_add_text(struct tsn_grok_set *s, struct tsn_slice file, struct tsn_slice text,
    struct tsn_err *err)
{
	char shown[160];

	for (size_t line = 1; text.len > 0; line++) {
		size_t end = tsn_slice_find_char(text, '\n');
		struct tsn_slice one = tsn_slice_of(text.ptr, end == SIZE_MAX ? text.len : end);
		enum tsn_code code = add_line(s, one, err);

		if (code != TSN_OK)
			return tsn_err_context(err, code, "%s:%zu",
			    tsn_slice_escape(file, shown, sizeof shown), line);
		text = tsn_slice_from(text, one.len + 1);
	}
	return TSN_OK;
}

enum tsn_code
tsn_grok_set_add_builtin(struct tsn_grok_set *s, bool ecs, struct tsn_err *err)
{
	const struct tsn_content_file *f;
	size_t count;
	enum tsn_code code = TSN_OK;

	f = tsn_content_below(ecs ? TSN_SLICE("patterns/ecs-v1/") : TSN_SLICE("patterns/legacy/"),
	    &count);
	for (size_t i = 0; i < count && code == TSN_OK; i++)
		code = tsn_grok_set_add_text(s, f[i].name, f[i].data, err);
	return code;
}

size_t
tsn_grok_set_count(const struct tsn_grok_set *s)
{
	return s->count;
}

void
tsn_grok_set_get(const struct tsn_grok_set *s, size_t i, struct tsn_slice *ret_name,
    struct tsn_slice *ret_regex)
{
	TSN_ASSERT(i < s->count);
	*ret_name = tsn_slice_of(s->defs[i].name, s->defs[i].name_len);
	*ret_regex = tsn_slice_of(s->defs[i].regex, s->defs[i].regex_len);
}
