/* The one place that knows PCRE2. */
#include "match/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "base/assert.h"

/* More than any rule needs, and little enough for one per thread. */
#define JIT_STACK_FIRST (32u << 10)
#define JIT_STACK_MAX (512u << 10)
#define HEAP_LIMIT_KB 4096u

struct tsn_atom_code {
	pcre2_code *code;
	bool jit;
};

static uint32_t
options_of(uint32_t flags)
{
	uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;

	if (flags & TSN_ATOM_RE_I)
		options |= PCRE2_CASELESS;
	if (flags & TSN_ATOM_RE_M)
		options |= PCRE2_MULTILINE;
	if (flags & TSN_ATOM_RE_S)
		options |= PCRE2_DOTALL;
	return options;
}

static enum tsn_code
compile(struct tsn_slice regex, uint32_t flags, pcre2_code **ret, struct tsn_err *err)
{
	unsigned char msg[160];
	PCRE2_SIZE at;
	int number;

	if (regex.len > TSN_REGEX_BYTES_MAX)
		TSN_FAIL(err, TSN_ELIMIT, "regular expression is longer than %u bytes",
		    TSN_REGEX_BYTES_MAX);
	*ret = pcre2_compile((PCRE2_SPTR)(regex.len == 0 ? "" : regex.ptr), regex.len,
	    options_of(flags), &number, &at, NULL);
	if (*ret != NULL)
		return TSN_OK;
	if (pcre2_get_error_message(number, msg, sizeof msg) < 0)
		msg[0] = '\0';
	TSN_FAIL_AT(err, number == 121 ? TSN_ENOMEM : TSN_EPARSE, at,
	    "regular expression, at byte %zu: %s", (size_t)at, (const char *)msg);
}

enum tsn_code
tsn_regex_new(struct tsn_slice regex, uint32_t flags, struct tsn_atom_code **ret,
    struct tsn_err *err)
{
	struct tsn_atom_code *c = calloc(1, sizeof *c);
	enum tsn_code code;

	if (c == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	code = compile(regex, flags, &c->code, err);
	if (code != TSN_OK) {
		free(c);
		return code;
	}
	/* Without JIT (no executable memory allowed) the interpreter gives the same answers. */
	c->jit = pcre2_jit_compile(c->code, PCRE2_JIT_COMPLETE) == 0;
	*ret = c;
	return TSN_OK;
}

void
tsn_regex_free(struct tsn_atom_code *c)
{
	if (c == NULL)
		return;
	pcre2_code_free(c->code);
	free(c);
}

enum tsn_code
tsn_atom_check_regex(struct tsn_slice regex, uint32_t flags, struct tsn_err *err)
{
	pcre2_code *code;

	TSN_TRY(compile(regex, flags, &code, err));
	pcre2_code_free(code);
	return TSN_OK;
}

enum tsn_code
tsn_regex_scratch_init(struct tsn_match_scratch *s)
{
	pcre2_match_context *context = pcre2_match_context_create(NULL);

	s->match_context = context;
	s->match_data = pcre2_match_data_create(1, NULL);
	s->jit_stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MAX, NULL);
	if (context == NULL || s->match_data == NULL || s->jit_stack == NULL) {
		tsn_regex_scratch_done(s);
		return TSN_ENOMEM;
	}
	(void)pcre2_set_match_limit(context, TSN_REGEX_MATCH_LIMIT);
	(void)pcre2_set_depth_limit(context, TSN_REGEX_DEPTH_LIMIT);
	(void)pcre2_set_heap_limit(context, HEAP_LIMIT_KB);
	pcre2_jit_stack_assign(context, NULL, s->jit_stack);
	return TSN_OK;
}

void
tsn_regex_scratch_done(struct tsn_match_scratch *s)
{
	pcre2_match_data_free(s->match_data);
	pcre2_match_context_free(s->match_context);
	pcre2_jit_stack_free(s->jit_stack);
	s->match_data = s->match_context = s->jit_stack = NULL;
}

bool
tsn_regex_match(const struct tsn_atom_code *c, struct tsn_match_scratch *s, struct tsn_slice text)
{
	PCRE2_SPTR p = (PCRE2_SPTR)(text.len == 0 ? "" : text.ptr);
	int n;

	TSN_ASSERT(c != NULL);
	if (c->jit)
		n = pcre2_jit_match(c->code, p, text.len, 0, 0, s->match_data, s->match_context);
	else
		n = pcre2_match(c->code, p, text.len, 0, 0, s->match_data, s->match_context);
	if (n == PCRE2_ERROR_NOMATCH)
		return false;
	if (n < 0)
		s->regex_limit_hits++;
	return n >= 0;
}
