/*
 * What the torture tests of the store share: events that say which they are, and a file system that
 * fails on demand.
 *
 * Event n of step k has offset k * STEP_EVENTS + n, and its text follows from that; the range of
 * the source says how many steps are stored.
 */
#ifndef TSN_TESTS_STORE_WORLD_H
#define TSN_TESTS_STORE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/file_int.h"
#include "store/store.h"
#include "store/verify.h"

#define STEP_EVENTS 20u
#define STEPS_MAX 4000u

extern struct tsn_keys *world_keys;
extern char world_dir[64];		/* the store is in it, and nothing else */
extern struct tsn_err world_err;

void world_make_dir(void);
void world_remove_dir(void);
/** The number from the environment, else `otherwise`. */
unsigned world_number(const char *name, unsigned otherwise);
/** A batch for world_add. */
struct tsn_batch *world_batch(void);

/** Appends step `step` with its range. */
TSN_MUST_CHECK enum tsn_code world_append(struct tsn_store *s, unsigned step);
/** The same, commits or seals, and keeps house from step 12 on. */
TSN_MUST_CHECK enum tsn_code world_add(struct tsn_store *s, unsigned step);
/** How many steps the store says it has. */
unsigned world_steps(const struct tsn_store *s);

/* What a scan gave. */
struct world_seen {
	unsigned char count[STEPS_MAX * STEP_EVENTS];	/* by offset */
	uint64_t events;
};

/** Counts events, and checks that each is right. */
enum tsn_code world_see(void *ctx, const struct tsn_batch *rows, struct tsn_err *err);
/** All events of the store and, if not NULL, of an archive. */
void world_scan(const char *archive, struct world_seen *seen);
/** Events of steps [from, to) are there, each once, and nothing else; what is there is whole. */
void world_check(const char *archive, unsigned from, unsigned to);
/** The store opens for writing; returns how many steps it has. */
unsigned world_reopen(void);

/* ---- a file system that fails ---- */

enum fault {
	FAULT_EIO,		/* one operation fails */
	FAULT_ENOSPC,		/* one operation finds no room */
	FAULT_FULL,		/* so do all that need room, for fault_span operations */
	FAULT_SHORT,		/* a write takes half of what it is given */
	FAULT_CRASH,		/* nothing happens any more; a write is done in half */
	FAULT_LOSE,		/* the same, and what was not synced is lost or torn */
	FAULT__COUNT
};

extern const struct file_ops fault_ops;
extern unsigned fault_span;

/** Operation number `at` from now on fails that way; counts from 1. */
void fault_arm(enum fault what, unsigned at, unsigned seed);
/** No more failures; FAULT_LOSE: takes away what a crash would. */
void fault_end(void);
/** Was operation `at` reached? */
bool fault_reached(void);
/** Operations since it was armed. */
unsigned fault_count(void);
/** Nothing works any more: the process is as good as dead. */
bool fault_is_dead(void);
/** What the program would lose when it closes things now. */
void fault_kill(bool dead);

#endif
