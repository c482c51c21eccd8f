/*
 * knowledge/nets: a set of networks, each with what is known of it; the longest one that holds an
 * address answers.  Filled once, then read only (any number of threads).
 */
#ifndef TSN_KNOWLEDGE_NETS_H
#define TSN_KNOWLEDGE_NETS_H

#include <stdint.h>

#include "base/arena.h"
#include "base/ip.h"

/* A public block list has some 100,000 entries; several of them fit. */
#define TSN_NETS_MAX (4u << 20)

struct tsn_net {
	struct tsn_cidr cidr;
	struct tsn_slice category;	/* bot, vpn, proxy, tor, scanner, ... */
	struct tsn_slice source;	/* which list says so */
	uint32_t confidence;		/* 0 .. 100 */
	int64_t valid_until_ns;		/* INT64_MAX: no end */
};

struct tsn_nets;

struct tsn_nets *tsn_nets_new(void);
void tsn_nets_free(struct tsn_nets *n);
/** Strings are copied.  The same network again replaces what was known.  TSN_ENOMEM, TSN_ELIMIT. */
TSN_MUST_CHECK enum tsn_code tsn_nets_add(struct tsn_nets *n, const struct tsn_net *net);
/** The longest network that holds the address and is valid at `now_ns`, or NULL. */
const struct tsn_net *tsn_nets_find(const struct tsn_nets *n, const struct tsn_ip *ip,
    int64_t now_ns);
uint32_t tsn_nets_count(const struct tsn_nets *n);

#endif
