/*
 * store/merge: several segments made one, step by step.
 *
 * A job reads its segments one after the other, block by block, so that what it costs at a time is
 * bounded in work (MERGE_STEP_BYTES) and in memory (one block, some rows, the dictionaries of one
 * segment that is read and of the one that is written).  Nothing names its file before its end;
 * then the manifest is replaced.
 */
#ifndef TSN_STORE_MERGE_INT_H
#define TSN_STORE_MERGE_INT_H

#include "store/store_int.h"

#define MERGE_MAX 8u
/* Of records, read in one step. */
#define MERGE_STEP_BYTES (8u << 20)

struct merge_job;

/** Begins to merge the chosen segments (places in the manifest). */
TSN_MUST_CHECK enum tsn_code merge_job_begin(struct tsn_store *s, const uint32_t *chosen,
    uint32_t n, struct merge_job **ret_job, struct tsn_err *err);
/**
 * One step.  TSN_EOF: through, the manifest names the new segment alone; or it came to nothing
 * because a chosen segment is not there any more, or may not be merged.  After any other code but
 * TSN_OK the store is as it was.  The job is to be freed after all but TSN_OK.
 */
TSN_MUST_CHECK enum tsn_code merge_job_step(struct tsn_store *s, struct merge_job *job,
    struct tsn_err *err);
/** Also of a job that is not through: its file is removed.  Accepts NULL. */
void merge_job_free(struct tsn_store *s, struct merge_job *job);

#endif
