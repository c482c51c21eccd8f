/*
 * knowledge/knowledge: what an organisation knows, from text files in the folder `knowledge` of
 * the data folder, one entry a line, '#' begins a comment, fields parted by blanks or tabs:
 *
 *   intel.txt      NETWORK CATEGORY [SOURCE [CONFIDENCE [VALID_UNTIL]]]
 *                  "198.51.100.7 tor torlist 90 2027-01-01"; a missing CATEGORY or a number in its
 *                  place (lists that only count) means "listed"
 *   allow.txt      NETWORK                    never alerted for its repute
 *   bastions.txt   HOST NETWORK...            logins to HOST ('*' any run) come from these only
 *
 * A folder or file that is not there is empty knowledge.  A bad line is an error with file and
 * line, and nothing of it is used: a typing error must not switch a defence off in silence.
 * Immutable once loaded.
 */
#ifndef TSN_KNOWLEDGE_KNOWLEDGE_H
#define TSN_KNOWLEDGE_KNOWLEDGE_H

#include "knowledge/nets.h"

struct tsn_knowledge;

enum tsn_knowledge_file {
	TSN_KNOWLEDGE_INTEL,
	TSN_KNOWLEDGE_ALLOW,
	TSN_KNOWLEDGE_BASTIONS,
	TSN_KNOWLEDGE__COUNT
};

struct tsn_knowledge *tsn_knowledge_new(void);
void tsn_knowledge_free(struct tsn_knowledge *k);
/** Name of the file inside the folder: "intel.txt". */
const char *tsn_knowledge_file_name(enum tsn_knowledge_file which);
/** Adds the text of one file; TSN_EPARSE: err says "name:line: what was expected". */
TSN_MUST_CHECK enum tsn_code tsn_knowledge_add(struct tsn_knowledge *k,
    enum tsn_knowledge_file which, struct tsn_slice name, struct tsn_slice text,
    struct tsn_err *err);

/** What intelligence says of an address (allowed ones: nothing), or NULL. */
const struct tsn_net *tsn_knowledge_intel(const struct tsn_knowledge *k, const struct tsn_ip *ip,
    int64_t now_ns);

enum tsn_bastion {
	TSN_BASTION_UNKNOWN,	/* nothing is said of this host */
	TSN_BASTION_YES,
	TSN_BASTION_NO,
};
/** Whether a login to `host` from this address came by a bastion. */
enum tsn_bastion tsn_knowledge_bastion(const struct tsn_knowledge *k, struct tsn_slice host,
    const struct tsn_ip *from);

#endif
