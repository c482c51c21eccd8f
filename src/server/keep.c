/*
 * The state of correlations on disk: a snapshot beside the store, which is the log of what came
 * after it.  It is written after a commit, when all that the state knows is durable.
 */
#include "server/detection_int.h"

#include <stdio.h>

#include "base/assert.h"
#include "os/clock.h"
#include "os/file.h"

#define NAME "correlations.state"
#define PATH_BYTES 4096u
/* Groups within their budget, what lies under windows, and room to spare. */
#define BYTES_MAX (1u << 30)
/* Not more often, and not more than a hundredth of the time. */
#define EVERY_NS (10 * TSN_NS_PER_SEC)
#define PART 100

static bool
path_of(const struct tsn_detection *d, char path[PATH_BYTES])
{
	return snprintf(path, PATH_BYTES, "%s/" NAME, d->o.data_dir) < (int)PATH_BYTES;
}

enum tsn_code
tsn_detection_keep(struct tsn_detection *d, bool at_once, struct tsn_err *err)
{
	int64_t now = tsn_clock_mono_ns(), cost;
	char path[PATH_BYTES];
	struct tsn_buf out;
	enum tsn_code code;

	if (d->o.data_dir == NULL || !d->o.live || (!at_once && now < d->keep_ns) ||
	    !path_of(d, path) || tsn_detect_mark(d->detect) == INT64_MIN)
		return TSN_OK;
	tsn_buf_init(&out, BYTES_MAX);
	code = tsn_detect_save(d->detect, &out);
	if (code == TSN_OK)
		code = tsn_file_write_atomic(&tsn_file_system, path, tsn_buf_get(&out), 0600, err);
	else
		code = TSN_ERR(err, code, "no memory for a snapshot of the correlations");
	tsn_buf_done(&out);
	cost = PART * (tsn_clock_mono_ns() - now);
	d->keep_ns = now + (cost > EVERY_NS ? cost : EVERY_NS);
	return code;
}

enum tsn_code
tsn_keep_load(struct tsn_detection *d, struct tsn_err *err)
{
	char path[PATH_BYTES];
	struct tsn_buf in;
	enum tsn_code code;

	TSN_ASSERT(d->o.data_dir != NULL);
	if (!path_of(d, path))
		return TSN_ENOTFOUND;
	tsn_buf_init(&in, BYTES_MAX);
	code = tsn_file_read_all(&tsn_file_system, path, &in, err);
	if (code == TSN_OK)
		code = tsn_detect_resume(d->detect, tsn_buf_get(&in), err);
	tsn_buf_done(&in);
	return code;
}

enum tsn_code
tsn_keep_move(struct tsn_detect *from, struct tsn_detect *to, struct tsn_err *err)
{
	struct tsn_buf bytes;
	enum tsn_code code;

	if (tsn_detect_mark(from) == INT64_MIN)
		return TSN_OK;
	tsn_buf_init(&bytes, BYTES_MAX);
	code = tsn_detect_save(from, &bytes);
	if (code == TSN_OK)
		code = tsn_detect_resume(to, tsn_buf_get(&bytes), err);
	tsn_buf_done(&bytes);
	return code;
}
