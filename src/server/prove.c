#include "server/prove.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/file.h"
#include "server/cases.h"

struct proof {
	const struct tsn_ruleset *set;
	const char **files;
	uint32_t file_count;
	void (*problem)(void *ctx, const struct tsn_problem *p);
	void *ctx;
	uint32_t refused;
	struct tsn_err *err;
	const struct tsn_case *at;
	char why[400];
	uint64_t *hidden;		/* by exception of the set, in the case at hand */
	bool *told;			/* exceptions that were refused */
};

const char **
tsn_prove_files(const struct tsn_ruleset *set, uint32_t *ret_count)
{
	const char **files = calloc(set->exception_count + 1, sizeof *files);

	*ret_count = 0;
	for (uint32_t i = 0; files != NULL && i < set->exception_count; i++) {
		const char *file = set->exceptions[i]->file.ptr;
		uint32_t k = 0;

		while (k < *ret_count && strcmp(files[k], file) != 0)
			k++;
		if (k == *ret_count)
			files[(*ret_count)++] = file;
	}
	return files;
}

static bool
same_file(const char *a, const char *b)
{
	struct tsn_file_info x, y;

	if (strcmp(a, b) == 0)
		return true;
	return tsn_file_stat_path(a, &x, NULL) == TSN_OK && tsn_file_stat_path(b, &y, NULL) == TSN_OK &&
	    x.dev == y.dev && x.ino == y.ino;
}

/* Does the case load a rule that has exceptions? */
static bool
concerns(const struct proof *p, const struct tsn_case *c)
{
	const char *last = NULL;

	for (uint32_t i = 0; i < p->set->count; i++) {
		const struct tsn_rule *r = &p->set->rules[i];

		if (r->exception_count == 0 || r->file.ptr == last)
			continue;
		last = r->file.ptr;
		for (uint32_t k = 0; k < c->rule_count; k++)
			if (c->shipped ? strcmp(c->rules[k], last) == 0 : same_file(c->rules[k], last))
				return true;
	}
	return false;
}

/* Exceptions of the trial are known by file and line: indexes differ. */
static void
take_hidden(void *ctx, const struct tsn_detection *d)
{
	struct proof *p = ctx;
	struct tsn_detection_exception x;

	for (uint32_t i = 0; tsn_detection_exception(d, i, &x); i++)
		for (uint32_t k = 0; k < p->set->exception_count; k++)
			if (tsn_slice_eq(x.exception->id, p->set->exceptions[k]->id))
				p->hidden[k] += x.stats.hidden;
}

static void
refuse(struct proof *p, const struct tsn_exception *x)
{
	char message[TSN_ERR_MSG_MAX], id[96], name[160];

	(void)snprintf(message, sizeof message, "exception \"%s\" would hide a known true positive: "
	    "the case \"%s\" (%.200s:%u) %.160s with it", tsn_slice_escape(x->id, id, sizeof id),
	    tsn_slice_escape(tsn_slice_cstr(p->at->name), name, sizeof name), p->at->file, p->at->line,
	    p->why);
	if (p->problem != NULL)
		p->problem(p->ctx, &(struct tsn_problem){.kind = TSN_PROBLEM_FAILED, .file = x->file,
		    .line = x->line, .message = tsn_slice_cstr(message)});
	if (p->refused++ == 0)
		(void)TSN_ERR(p->err, TSN_EINVAL, "%.*s:%u: %.400s",
		    (int)(x->file.len > 90 ? 90 : x->file.len), x->file.ptr, x->line, message);
}

static enum tsn_code
try_case(void *ctx, const struct tsn_case *c)
{
	struct proof *p = ctx;
	struct tsn_case_run with = {.exceptions = p->files, .exception_count = p->file_count,
	    .exceptions_forever = true, .done = take_hidden, .ctx = p}, without = {0};
	char plain[400];
	bool any = false;

	if (c->wrong != NULL || !tsn_case_expects(c) || !concerns(p, c))
		return TSN_OK;
	memset(p->hidden, 0, p->set->exception_count * sizeof *p->hidden);
	/* What cannot run at all proves nothing; `rules test` tells it. */
	if (tsn_case_run(c, &with, p->why, sizeof p->why, NULL) != TSN_OK || p->why[0] == '\0')
		return TSN_OK;
	for (uint32_t i = 0; i < p->set->exception_count; i++)
		any |= p->hidden[i] > 0;
	if (!any || tsn_case_run(c, &without, plain, sizeof plain, NULL) != TSN_OK || plain[0] != '\0')
		return TSN_OK;
	p->at = c;
	for (uint32_t i = 0; i < p->set->exception_count; i++) {
		if (p->hidden[i] == 0 || p->told[i])
			continue;
		p->told[i] = true;
		refuse(p, p->set->exceptions[i]);
	}
	return TSN_OK;
}

enum tsn_code
tsn_prove_exceptions(const struct tsn_ruleset *set, const char *const *paths, uint32_t path_count,
    void (*problem)(void *ctx, const struct tsn_problem *p), void *ctx, uint32_t *ret_refused,
    struct tsn_err *err)
{
	struct proof p = {.set = set, .problem = problem, .ctx = ctx, .err = err};
	enum tsn_code code = TSN_OK;

	*ret_refused = 0;
	if (set->exception_count == 0)
		return TSN_OK;
	p.files = tsn_prove_files(set, &p.file_count);
	p.hidden = calloc(set->exception_count, sizeof *p.hidden);
	p.told = calloc(set->exception_count, sizeof *p.told);
	if (p.files == NULL || p.hidden == NULL || p.told == NULL)
		code = TSN_ERR(err, TSN_ENOMEM, "out of memory");
	if (code == TSN_OK && path_count == 0)
		code = tsn_cases_each_shipped(try_case, &p, err);
	for (uint32_t i = 0; i < path_count && code == TSN_OK; i++)
		code = tsn_cases_each(paths[i], set, try_case, &p, err);
	free(p.files);
	free(p.hidden);
	free(p.told);
	*ret_refused = p.refused;
	return code;
}
