/* event/doc_int: between the writer of documents and its memory of shapes. */
#ifndef TSN_EVENT_DOC_INT_H
#define TSN_EVENT_DOC_INT_H

#include "event/doc.h"

/** Where a value was written: bytes [begin, end) of the output are that of fields[field]. */
struct tsn_doc_spot {
	size_t begin, end;
	uint32_t field;
};

struct tsn_doc_spots {
	struct tsn_doc_spot *items;	/* in the order of the output */
	uint32_t count, cap;
};

/** As tsn_doc_write; spots (may be NULL) has room for one spot per field. */
void tsn_doc__write(const struct tsn_event *ev, const struct tsn_keys *keys, struct tsn_buf *out,
    struct tsn_doc_spots *spots);

#endif
