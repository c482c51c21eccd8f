/* Ruby's syntax is rewritten where PCRE2 means something else. */
#include "pipeline/rx.h"

#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define REGEX_MAX (1u << 20)
#define MATCH_LIMIT 1000000u

struct tsn_rx {
	pcre2_code *code;
	pcre2_match_data *data;
	pcre2_match_context *context;
	uint32_t groups;
};

static void
rewrite(struct tsn_slice s, struct tsn_buf *out)
{
	bool in_class = false;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (c == '\\' && i + 1 < s.len) {
			char e = s.ptr[++i];

			if (e == 'h')
				tsn_buf_printf(out, "%s", in_class ? "0-9a-fA-F" : "[0-9a-fA-F]");
			else if (e == 'H' && !in_class)
				tsn_buf_lit(out, "[^0-9a-fA-F]");
			else
				tsn_buf_add(out, s.ptr + i - 1, 2);
			continue;
		}
		if (c == '[')
			in_class = true;
		else if (c == ']')
			in_class = false;
		tsn_buf_char(out, c);
		if (c != '(' || in_class || i + 1 >= s.len || s.ptr[i + 1] != '?')
			continue;
		/* flags: Ruby's m is PCRE2's s */
		for (i++; i + 1 < s.len && strchr("?imx-", s.ptr[i]) != NULL; i++)
			tsn_buf_char(out, s.ptr[i] == 'm' ? 's' : s.ptr[i]);
		i--;
	}
}

enum tsn_code
tsn_rx_new(struct tsn_slice regex, struct tsn_rx **ret, struct tsn_err *err)
{
	struct tsn_rx *rx = calloc(1, sizeof *rx);
	struct tsn_buf text;
	PCRE2_UCHAR why[128] = "";
	PCRE2_SIZE where = 0;
	int number = 0;

	tsn_buf_init(&text, REGEX_MAX);
	rewrite(regex, &text);
	if (rx != NULL && tsn_buf_check(&text) == TSN_OK)
		rx->code = pcre2_compile((PCRE2_SPTR)(text.ptr == NULL ? "" : text.ptr), text.len,
		    PCRE2_MULTILINE | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C |
		    PCRE2_ALLOW_EMPTY_CLASS, &number, &where, NULL);
	tsn_buf_done(&text);
	if (rx != NULL && rx->code != NULL) {
		(void)pcre2_jit_compile(rx->code, PCRE2_JIT_COMPLETE);
		rx->data = pcre2_match_data_create_from_pattern(rx->code, NULL);
		rx->context = pcre2_match_context_create(NULL);
		(void)pcre2_pattern_info(rx->code, PCRE2_INFO_CAPTURECOUNT, &rx->groups);
	}
	if (rx == NULL || rx->code == NULL || rx->data == NULL || rx->context == NULL) {
		bool syntax = rx != NULL && rx->code == NULL && number != 0;

		tsn_rx_free(rx);
		if (!syntax)
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
		(void)pcre2_get_error_message(number, why, sizeof why);
		TSN_FAIL_AT(err, TSN_EPARSE, where, "regex: %s at byte %zu", (const char *)why, where);
	}
	(void)pcre2_set_match_limit(rx->context, MATCH_LIMIT);
	*ret = rx;
	return TSN_OK;
}

void
tsn_rx_free(struct tsn_rx *rx)
{
	if (rx == NULL)
		return;
	pcre2_match_data_free(rx->data);
	pcre2_match_context_free(rx->context);
	pcre2_code_free(rx->code);
	free(rx);
}

bool
tsn_rx_match(struct tsn_rx *rx, struct tsn_slice text, size_t from)
{
	return from <= text.len && pcre2_match(rx->code, (PCRE2_SPTR)(text.ptr == NULL ? "" : text.ptr),
	    text.len, from, 0, rx->data, rx->context) > 0;
}

struct tsn_slice
tsn_rx_group(const struct tsn_rx *rx, struct tsn_slice text, uint32_t n)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(rx->data);

	if (n > rx->groups || v[2 * n] == PCRE2_UNSET || v[2 * n + 1] < v[2 * n])
		return TSN_SLICE_NONE;
	return tsn_slice_of(text.ptr + v[2 * n], v[2 * n + 1] - v[2 * n]);
}

uint32_t
tsn_rx_group_count(const struct tsn_rx *rx)
{
	return rx->groups;
}

static void
write_replacement(struct tsn_rx *rx, struct tsn_slice text, struct tsn_slice with,
    struct tsn_buf *out)
{
	for (size_t i = 0; i < with.len; i++) {
		char name[64];
		size_t n = 0;

		if (with.ptr[i] != '\\' || i + 1 >= with.len) {
			tsn_buf_char(out, with.ptr[i]);
			continue;
		}
		i++;
		if (with.ptr[i] >= '0' && with.ptr[i] <= '9') {
			tsn_buf_slice(out, tsn_rx_group(rx, text, (uint32_t)(with.ptr[i] - '0')));
		} else if (with.ptr[i] == 'k' && i + 1 < with.len && with.ptr[i + 1] == '<') {
			int group;

			for (i += 2; i < with.len && with.ptr[i] != '>'; i++)
				if (n + 1 < sizeof name)
					name[n++] = with.ptr[i];
			name[n] = '\0';
			group = pcre2_substring_number_from_name(rx->code, (PCRE2_SPTR)name);
			if (group > 0)
				tsn_buf_slice(out, tsn_rx_group(rx, text, (uint32_t)group));
		} else {
			if (with.ptr[i] != '\\')
				tsn_buf_char(out, '\\');
			tsn_buf_char(out, with.ptr[i]);
		}
	}
}

bool
tsn_rx_replace(struct tsn_rx *rx, struct tsn_slice text, struct tsn_slice with,
    struct tsn_buf *out)
{
	size_t at = 0, copied = 0;
	bool any = false;

	while (tsn_rx_match(rx, text, at)) {
		struct tsn_slice m = tsn_rx_group(rx, text, 0);
		size_t start;

		if (m.ptr == NULL)
			break;
		start = (size_t)(m.ptr - text.ptr);
		any = true;
		tsn_buf_add(out, text.ptr + copied, start - copied);
		write_replacement(rx, text, with, out);
		copied = start + m.len;
		at = copied;
		/* an empty match: go on behind the next character */
		if (m.len == 0) {
			do
				at++;
			while (at < text.len && ((unsigned char)text.ptr[at] & 0xc0) == 0x80);
		}
	}
	tsn_buf_add(out, text.ptr + copied, text.len - copied);
	return any;
}
