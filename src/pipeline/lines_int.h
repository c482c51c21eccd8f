/* pipeline/lines_int: bytes of a file or stream to lines. */
#ifndef TSN_PIPELINE_LINES_INT_H
#define TSN_PIPELINE_LINES_INT_H

#include "base/limits.h"
#include "os/file.h"
#include "pipeline/run_int.h"

struct tsn_plines {
	struct tsn_file file;
	struct tsn_buf held;		/* bytes not yet given on */
	struct tsn_slice delimiter;
	size_t looked;			/* bytes of held without a delimiter */
	uint64_t given;			/* bytes given on, with their delimiters */
	uint64_t safe;			/* of given: bytes that no codec holds back */
	uint64_t event_at;		/* where the event begins that comes next */
	bool seek;			/* read at `from`, which the caller keeps */
	uint64_t from;
};

void tsn_plines_init(struct tsn_plines *l, struct tsn_slice delimiter);
void tsn_plines_done(struct tsn_plines *l);
/** Reads a block and gives its lines on; at the end of the file END (and the rest), or IDLE. */
enum tsn_code tsn_plines_step(struct tsn_plines *l, struct tsn_pinst *in, bool last,
    enum tsn_pstep *ret, struct tsn_err *err);

#endif
