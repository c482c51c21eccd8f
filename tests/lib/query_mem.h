/*
 * Queries over documents in memory, for tests: JSON lines become a batch, answers become text.
 * Everything asserts by cmocka.
 */
#ifndef TSN_TESTS_QUERY_MEM_H
#define TSN_TESTS_QUERY_MEM_H

#include "base/buf.h"
#include "event/event.h"
#include "query/query.h"
#include "query/write.h"

struct query_mem {
	struct tsn_keys *keys;
	struct tsn_batch batch;		/* oldest first */
	struct tsn_batch reversed;	/* shares the events, newest first */
	struct tsn_source source;
	char dir[64];			/* of the store, or empty */
	struct tsn_store_reader *reader;
	int64_t now_ns;
	struct tsn_query_report report;	/* of the last answer */
	uint64_t limit;
	uint64_t memory_max;
	enum tsn_write_format format;
};

void query_mem_init(struct query_mem *m);
void query_mem_done(struct query_mem *m);
/** Lines of JSON; "@timestamp" gives the time, else one second after the line before. */
void query_mem_load(struct query_mem *m, const char *lines);
/**
 * From now on rows come from a store in a temporary folder that holds the loaded events: in a
 * sealed segment with its index, or still in the journal.
 */
void query_mem_use_store(struct query_mem *m, bool sealed);
/** The answer, or "error: " and the message. */
void query_mem_answer(struct query_mem *m, const char *query, struct tsn_buf *out);
struct tsn_query_source query_mem_source(struct query_mem *m);

#endif
