/*
 * pipeline/record: an event of a pipeline as a record of the rest of the program.
 *
 * The record's bytes are event.original, else the message, else the document itself.  The document
 * is what the pipeline made, without the names that every event has anyway (@timestamp, @version,
 * event.original).  Whether the pipeline has parsed the text or only carried it decides whether it
 * is still to be parsed (`final`).
 */
#ifndef TSN_PIPELINE_RECORD_H
#define TSN_PIPELINE_RECORD_H

#include "pipeline/pev.h"

struct tsn_pl_record {
	struct tsn_slice bytes;
	struct tsn_slice document;	/* JSON */
	struct tsn_slice path;		/* of its file, or empty */
	struct tsn_slice peer;		/* address it came from, or empty */
	int64_t time_ns;		/* TSN_TIME_NONE: none that the pipeline found */
	bool final;
};

/** Everything lives in the event's arena, which may be exhausted: false.  ev is changed. */
bool tsn_pl_record_make(struct tsn_pev *ev, struct tsn_pl_record *ret);

#endif
