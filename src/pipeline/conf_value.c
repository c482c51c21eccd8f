/* Values of options: strings with their variables, words, numbers, arrays, hashes, codecs. */
#include "pipeline/conf_int.h"

#include <string.h>

#include "base/buf.h"
#include "base/num.h"

#define NAME_MAX_BYTES 256u

enum tsn_code
tsn_conf_push(struct tsn_conf_in *in, struct tsn_conf_value *list, uint32_t *cap,
    const struct tsn_conf_value *v)
{
	if (list->count == *cap) {
		uint32_t more = *cap == 0 ? 8 : *cap * 2;
		struct tsn_conf_value *items = tsn_arena_calloc(&in->conf->arena, more, sizeof *items);

		if (items == NULL)
			return tsn_conf_fail_at(in, in->p, TSN_ENOMEM, "out of memory");
		if (list->count > 0)
			memcpy(items, list->items, list->count * sizeof *items);
		list->items = items;
		*cap = more;
	}
	list->items[list->count++] = *v;
	return TSN_OK;
}

/* "${" stands at s[at]: the bytes of the whole, 0 when it is no variable */
static size_t
variable(struct tsn_slice s, size_t at, struct tsn_slice *ret_name, struct tsn_slice *ret_default,
    bool *ret_has)
{
	size_t i = at + 2, close;

	while (i < s.len && (tsn_conf_is_word(s.ptr[i]) || s.ptr[i] == '.'))
		i++;
	if (i == at + 2 || i >= s.len || tsn_conf_is_digit(s.ptr[at + 2]))
		return 0;
	*ret_name = tsn_slice_of(s.ptr + at + 2, i - at - 2);
	*ret_has = s.ptr[i] == ':';
	if (s.ptr[i] == '}')
		return i + 1 - at;
	if (!*ret_has)
		return 0;
	close = tsn_slice_find_char(tsn_slice_from(s, i), '}');
	if (close == SIZE_MAX)
		return 0;
	*ret_default = tsn_slice_of(s.ptr + i + 1, close - 1);
	return i + close + 1 - at;
}

static enum tsn_code
expand(struct tsn_conf_in *in, const char *start, struct tsn_slice raw, struct tsn_buf *out)
{
	for (size_t i = 0; i < raw.len;) {
		struct tsn_slice name, fallback = TSN_SLICE(""), value;
		char zname[NAME_MAX_BYTES];
		const char *found = NULL;
		bool has = false;
		size_t n = raw.ptr[i] == '$' && i + 1 < raw.len && raw.ptr[i + 1] == '{' ?
		    variable(raw, i, &name, &fallback, &has) : 0;

		if (n == 0) {
			tsn_buf_char(out, raw.ptr[i++]);
			continue;
		}
		if (name.len < sizeof zname && in->env != NULL) {
			memcpy(zname, name.ptr, name.len);
			zname[name.len] = '\0';
			found = in->env(in->env_ctx, zname);
		}
		if (found == NULL && !has)
			return tsn_conf_fail_at(in, start + i, TSN_EPARSE,
			    "expected a variable of the environment, or a default: ${NAME:default}");
		value = found == NULL ? fallback : tsn_slice_cstr(found);
		tsn_buf_slice(out, value);
		i += n;
	}
	return tsn_buf_check(out);
}

enum tsn_code
tsn_conf_read_string(struct tsn_conf_in *in, struct tsn_conf_value *ret)
{
	const char *open = in->p, *q = open + 1;
	struct tsn_slice raw;
	struct tsn_buf out;
	enum tsn_code code;

	while (q < in->end && *q != *open)
		q += *q == '\\' && q + 1 < in->end && q[1] == *open ? 2 : 1;
	if (q >= in->end)
		return tsn_conf_fail_at(in, open, TSN_EPARSE, "expected the closing quote of this string");
	raw = tsn_slice_of(open + 1, (size_t)(q - open - 1));
	*ret = (struct tsn_conf_value){.type = TSN_CONF_STRING, .at = tsn_conf_offset(in), .text = raw};
	in->p = q + 1;
	if (tsn_slice_find(raw, TSN_SLICE("${")) == SIZE_MAX)
		return TSN_OK;
	tsn_buf_init(&out, TSN_CONF_BYTES_MAX);
	code = expand(in, open + 1, raw, &out);
	if (code == TSN_OK) {
		ret->text = tsn_arena_dup(&in->conf->arena, tsn_buf_get(&out));
		if (ret->text.ptr == NULL)
			code = tsn_conf_fail_at(in, open, TSN_ENOMEM, "out of memory");
	} else if (code != TSN_EPARSE) {
		code = tsn_conf_fail_at(in, open, code, "the string is too long");
	}
	tsn_buf_done(&out);
	return code;
}

enum tsn_code
tsn_conf_read_number(struct tsn_conf_in *in, struct tsn_conf_value *ret)
{
	const char *start = in->p;
	struct tsn_slice text;

	*ret = (struct tsn_conf_value){.type = TSN_CONF_NUMBER, .at = tsn_conf_offset(in)};
	if (in->p < in->end && *in->p == '-')
		in->p++;
	while (in->p < in->end && tsn_conf_is_digit(*in->p))
		in->p++;
	if (in->p < in->end && *in->p == '.') {
		in->p++;
		while (in->p < in->end && tsn_conf_is_digit(*in->p))
			in->p++;
	}
	text = tsn_slice_of(start, (size_t)(in->p - start));
	ret->text = text;
	if (text.len > 0 && text.ptr[text.len - 1] == '.')
		text.len--;
	if (tsn_num_parse_f64(text, &ret->number) != TSN_OK) {
		in->p = start;
		return tsn_conf_expected(in, "a number");
	}
	return TSN_OK;
}

enum tsn_code
tsn_conf_read_array(struct tsn_conf_in *in, tsn_conf_read_fn *read, struct tsn_conf_value *ret)
{
	uint32_t cap = 0;

	*ret = (struct tsn_conf_value){.type = TSN_CONF_ARRAY, .at = tsn_conf_offset(in)};
	in->p++;
	tsn_conf_blank(in);
	if (tsn_conf_take(in, "]"))
		return TSN_OK;
	for (;;) {
		struct tsn_conf_value v;

		tsn_conf_blank(in);
		TSN_TRY(read(in, &v));
		TSN_TRY(tsn_conf_push(in, ret, &cap, &v));
		tsn_conf_blank(in);
		if (tsn_conf_take(in, "]"))
			return TSN_OK;
		if (!tsn_conf_take(in, ","))
			return tsn_conf_expected(in, "',' or ']' in the array");
	}
}

static enum tsn_code
read_hash_name(struct tsn_conf_in *in, struct tsn_conf_value *ret)
{
	const char *start = in->p;

	if (start < in->end && (*start == '"' || *start == '\''))
		return tsn_conf_read_string(in, ret);
	if (start < in->end && *start == ',')
		return tsn_conf_expected(in, "a name or '}' (entries of a hash stand without commas)");
	if (start < in->end && (tsn_conf_is_digit(*start) || *start == '-'))
		return tsn_conf_read_number(in, ret);
	while (in->p < in->end && tsn_conf_is_word(*in->p))
		in->p++;
	if (in->p == start)
		return tsn_conf_expected(in, "a name or '}' in the hash");
	*ret = (struct tsn_conf_value){.type = TSN_CONF_WORD,
	    .at = (uint32_t)(start - in->conf->text.ptr),
	    .text = tsn_slice_of(start, (size_t)(in->p - start))};
	return TSN_OK;
}

static enum tsn_code
read_hash(struct tsn_conf_in *in, struct tsn_conf_value *ret)
{
	uint32_t cap = 0;

	*ret = (struct tsn_conf_value){.type = TSN_CONF_HASH, .at = tsn_conf_offset(in)};
	in->p++;
	for (;;) {
		struct tsn_conf_value v;

		tsn_conf_blank(in);
		if (tsn_conf_take(in, "}"))
			break;
		TSN_TRY(read_hash_name(in, &v));
		TSN_TRY(tsn_conf_push(in, ret, &cap, &v));
		tsn_conf_blank(in);
		if (!tsn_conf_take(in, "=>"))
			return tsn_conf_expected(in, "'=>' after the name");
		tsn_conf_blank(in);
		TSN_TRY(tsn_conf_read_value(in, &v));
		TSN_TRY(tsn_conf_push(in, ret, &cap, &v));
	}
	ret->count /= 2;
	return TSN_OK;
}

/* a bareword, or a codec: the same with options behind it */
static enum tsn_code
read_word(struct tsn_conf_in *in, struct tsn_conf_value *ret)
{
	const char *start = in->p, *behind;
	bool dash = false;

	*ret = (struct tsn_conf_value){.type = TSN_CONF_WORD, .at = tsn_conf_offset(in)};
	while (in->p < in->end && (tsn_conf_is_word(*in->p) || *in->p == '-'))
		dash |= *in->p++ == '-';
	ret->text = tsn_slice_of(start, (size_t)(in->p - start));
	behind = in->p;
	tsn_conf_blank(in);
	if (in->p < in->end && *in->p == '{') {
		in->p = start;
		ret->type = TSN_CONF_PLUGIN;
		return tsn_conf_read_plugin(in, TSN_PLUGIN_CODEC, &ret->plugin);
	}
	in->p = behind;
	if (dash) {
		in->p = start;
		return tsn_conf_expected(in, "a value: text with '-' stands in quotes");
	}
	return TSN_OK;
}

enum tsn_code
tsn_conf_read_value(struct tsn_conf_in *in, struct tsn_conf_value *ret)
{
	char c = in->p < in->end ? *in->p : '\0';
	enum tsn_code code;

	if (c == '"' || c == '\'')
		return tsn_conf_read_string(in, ret);
	if (tsn_conf_is_digit(c) || c == '-')
		return tsn_conf_read_number(in, ret);
	if (in->depth >= TSN_CONF_DEPTH_MAX)
		return tsn_conf_fail_at(in, in->p, TSN_ELIMIT, "nested too deep");
	in->depth++;
	if (c == '[')
		code = tsn_conf_read_array(in, tsn_conf_read_value, ret);
	else if (c == '{')
		code = read_hash(in, ret);
	else if (tsn_conf_is_word(c))
		code = read_word(in, ret);
	else
		code = tsn_conf_expected(in, "a value: a string, word, number, array, hash or codec");
	in->depth--;
	return code;
}
