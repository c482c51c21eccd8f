/*
 * store/frame: some rows with everything needed to read them: names of fields, sources, templates,
 * ranges.  A commit is one frame of the journal.
 *
 * A frame in the making (struct frame) refers to templates and sources of the writer's tables; as
 * bytes it is self-contained, so that damage to one frame costs that frame alone.
 */
#ifndef TSN_STORE_FRAME_INT_H
#define TSN_STORE_FRAME_INT_H

#include "store/source_int.h"
#include "store/store.h"
#include "store/tmpl_int.h"

#define FRAME_HEAD_BYTES 40u
#define FRAME_BODY_MAX (512u << 20)

struct frame {
	struct tsn_buf rows;
	struct tsn_buf ranges;
	uint32_t row_count, range_count;
	struct tmpl **tmpls;		/* tmpl->mark is index + 1 while it is in here */
	uint32_t tmpl_count, tmpl_cap;
	const struct tsn_source **sources;
	uint32_t source_count, source_cap;
	uint32_t *source_mark;		/* by source id: index + 1 */
	uint32_t source_mark_cap;
	int64_t time_ns, created_ns;	/* of the row before */
	uint64_t offset, line;
};

void frame_init(struct frame *f);
void frame_done(struct frame *f);
/** Empties it (marks of its templates too). */
void frame_reset(struct frame *f);
/** The template and source of the row belong to the writer's tables. TSN_ELIMIT: full. */
TSN_MUST_CHECK enum tsn_code frame_add_row(struct frame *f, const struct row *row,
    struct tmpl *tmpl);
enum frame_range { FRAME_RANGE_ADD, FRAME_RANGE_EXTEND, FRAME_RANGE_FORGET, FRAME_RANGE__COUNT };
TSN_MUST_CHECK enum tsn_code frame_add_range(struct frame *f, enum frame_range op,
    const struct tsn_store_range *range);

/** Those of another frame, behind the ones it has. */
TSN_MUST_CHECK enum tsn_code frame_add_ranges(struct frame *f, const struct frame *from);

/** Header and compressed body, appended to out. */
TSN_MUST_CHECK enum tsn_code frame_encode(const struct frame *f, struct tsn_keys *keys,
    uint64_t seq, struct tsn_buf *out);

/* What a header says. */
struct frame_head {
	uint32_t body_len, packed_len;
	uint64_t packed_hash;
	uint64_t seq;
};

/** FRAME_HEAD_BYTES bytes at p; TSN_ECORRUPT when they are no header. */
TSN_MUST_CHECK enum tsn_code frame_check_head(const void *p, struct frame_head *ret_head);

/* A frame that is being read. */
struct frame_reader {
	struct tmpl_table *tmpls;	/* borrowed */
	struct sources *all_sources;	/* borrowed */
	struct tsn_keys *keys;		/* borrowed */
	char *body;
	struct tmpl **local;		/* templates by their number in the frame */
	uint32_t local_count;
	const struct tsn_source **sources;
	uint32_t source_count;
	uint32_t row_count, row_at;
	struct bin rows;
	struct bin vals_at;		/* values of the row read last */
	struct bin ranges;
	uint32_t range_count;
	struct val vals[TMPL_SLOTS_MAX];
	struct row row;			/* the row before, while reading */
};

/** packed: the head.packed_len bytes behind the header.  TSN_ECORRUPT, TSN_ENOMEM. */
TSN_MUST_CHECK enum tsn_code frame_read(struct frame_reader *r, const struct frame_head *head,
    const void *packed, struct tsn_err *err);
void frame_reader_done(struct frame_reader *r);
/** The next row in order of appending (values valid as long as the body); TSN_EOF, TSN_ECORRUPT. */
TSN_MUST_CHECK enum tsn_code frame_next_row(struct frame_reader *r, const struct row **ret_row);
/** Reads the values of a row of this template; sets b->bad when they run over its end. */
void frame_vals(struct bin *b, const struct tmpl *t, struct val *vals);
/** The next range, TSN_EOF after the last. */
TSN_MUST_CHECK enum tsn_code frame_next_range(struct frame_reader *r, enum frame_range *ret_op,
    struct tsn_store_range *ret_range);

#endif
