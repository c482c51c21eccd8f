/*
 * api/intake_int: the records of one request on their way to the engine, for all endpoints that
 * take some: gathered, paid from the memory budget, put into the queue, answered after the commit.
 */
#ifndef TSN_API_INTAKE_INT_H
#define TSN_API_INTAKE_INT_H

#include "api/endpoints_int.h"
#include "parse/frame.h"
#include "parse/parse.h"

#define INTAKE_RECORDS_MAX 250000u

struct intake {
	struct tsn_block block;		/* first */
	struct request *r;
	struct tsn_block_record *records;
	uint32_t count, cap;
	struct tsn_arena arena;		/* what is made of the body */
	size_t paid;			/* of the arena */
	/* In the engine's thread, after the commit: fills the answer. */
	void (*answer)(struct intake *in);
};

/**
 * Begins; `in` is the first member of what the handler has allocated.  With the request's end
 * intake_done() gives back what it holds, and `done` frees it.
 */
void intake_init(struct intake *in, struct request *r, void (*answer)(struct intake *in),
    void (*done)(void *in));
void intake_done(struct intake *in);
/** Another record; its bytes live as long as the request. False: intake_refused() says why. */
bool intake_add(struct intake *in, struct tsn_slice bytes, bool truncated,
    const struct tsn_aside *aside);
/** Grows an array by steps that are paid from the budget; NULL: intake_refused(). */
void *intake_grow(struct request *r, void *array, uint32_t count, uint32_t *cap, size_t size);
/** Memory of the arena, paid; NULL: intake_refused(). */
void *intake_alloc(struct intake *in, size_t size);
struct tsn_slice intake_keep(struct intake *in, struct tsn_slice s);
/** Pays for what others have taken from the arena. */
bool intake_pay(struct intake *in);
/** Frames text as a file would be, each record with the same aside. ANSWER_LATER: go on. */
enum answer intake_frame(struct intake *in, struct tsn_slice text, const struct tsn_aside *aside);
/** The answer when there is no room: 413, 429 or 503. */
enum answer intake_refused(struct request *r);
/** Gives the records to the engine, as those of source "NAME from ADDRESS". */
enum answer intake_submit(struct intake *in, const char *name);

#endif
