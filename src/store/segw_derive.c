/* Which columns of a block are derived from others. */
#include <stdlib.h>

#include "store/segw_parts_int.h"

/* Texts shorter than this on average are left alone. */
#define DERIVE_MEAN_MIN 28u
#define DERIVE_VALUES_MIN 16u
#define DERIVE_TARGETS_MAX 64u

static uint32_t
mean_len(const struct column *c)
{
	return c->dict.count == 0 ? 0 : (uint32_t)(c->dict.bytes.len / c->dict.count);
}

static size_t
longest_new(const struct column *c)
{
	size_t longest = 0;

	for (uint32_t i = c->dict_before; i < c->dict.count; i++) {
		size_t len = dict_get(&c->dict, i).len;

		longest = len > longest ? len : longest;
	}
	return longest;
}

/* Columns that may be made of others, the short ones first: a message repeats its fields. */
static uint32_t
find_targets(const struct segw *w, uint32_t targets[DERIVE_TARGETS_MAX])
{
	size_t lengths[DERIVE_TARGETS_MAX], len;
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->column_count; i++) {
		const struct column *c = &w->columns[i].c;
		uint32_t at = n;

		if (!c->texts || c->n < DERIVE_VALUES_MIN || mean_len(c) < DERIVE_MEAN_MIN ||
		    c->dict.count == c->dict_before || n == DERIVE_TARGETS_MAX)
			continue;
		len = longest_new(c);
		for (; at > 0 && lengths[at - 1] > len; at--) {
			targets[at] = targets[at - 1];
			lengths[at] = lengths[at - 1];
		}
		targets[at] = i;
		lengths[at] = len;
		n++;
	}
	return n;
}

static enum tsn_code
derive_column(struct segw *w, struct derive_job *job)
{
	struct wcolumn *c = &w->columns[job->target];
	size_t before = w->derived.len;
	bool pays;

	if (c->deriver == NULL)
		c->deriver = deriver_new(&w->arena);
	if (c->deriver == NULL)
		return TSN_ENOMEM;
	job->dict = column_patterns(&c->c);
	job->columns[job->target] = &c->c;
	TSN_TRY(derive_block(c->deriver, job, &w->derived, &pays));
	if (pays) {
		c->derived_at = before;
		c->derived = (uint32_t)(w->derived.len - before);
	}
	if (job->levels[job->target] >= DERIVE_DEPTH_MAX)
		job->columns[job->target] = NULL;
	return TSN_OK;
}

static enum tsn_code
derive_targets(struct segw *w, struct derive_rows *rows, const uint32_t *targets, uint32_t n)
{
	struct derive_job job = {.rows = rows};
	enum tsn_code rc = TSN_OK;

	job.columns = calloc((size_t)w->column_count + 1, sizeof *job.columns + 1);
	if (job.columns == NULL)
		return TSN_ENOMEM;
	job.levels = (uint8_t *)(job.columns + w->column_count + 1);
	for (uint32_t i = 0; i < w->column_count; i++)
		job.columns[i] = w->columns[i].is_num ? NULL : &w->columns[i].c;
	for (uint32_t k = 0; k < n; k++)
		job.columns[targets[k]] = NULL;
	for (uint32_t k = 0; k < n && rc == TSN_OK; k++) {
		job.target = targets[k];
		rc = derive_column(w, &job);
	}
	free(job.columns);
	return rc;
}

enum tsn_code
segw_derive(struct segw *w)
{
	uint32_t targets[DERIVE_TARGETS_MAX], n = find_targets(w, targets);
	const uint32_t **columns;
	struct derive_rows rows;
	uint32_t *counts;
	enum tsn_code rc;

	if (n == 0)
		return TSN_OK;
	columns = calloc((size_t)w->tmpl_count + 1, sizeof *columns + sizeof *counts);
	if (columns == NULL)
		return TSN_ENOMEM;
	counts = (uint32_t *)(void *)(columns + w->tmpl_count + 1);
	for (uint32_t i = 0; i < w->tmpl_count; i++) {
		columns[i] = w->tmpls[i].columns;
		counts[i] = w->tmpls[i].tmpl->slot_count;
	}
	rows = (struct derive_rows){w->row_count, w->column_count, w->rows[SEG_COL_TMPL], columns,
	    counts};
	rc = derive_targets(w, &rows, targets, n);
	free(columns);
	return rc;
}
