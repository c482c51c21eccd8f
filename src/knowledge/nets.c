/* One hash table keyed by (prefix length, masked address); a bit says which lengths occur. */
#include "knowledge/nets.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#define TEXT_BYTES_MAX (256u << 20)
#define NETS_FIRST 64u

struct tsn_nets {
	struct tsn_net *nets;
	uint32_t count, cap;
	uint32_t *slots;	/* index + 1 */
	uint32_t slot_count;
	bool lengths[129];
	struct tsn_arena text;
};

struct tsn_nets *
tsn_nets_new(void)
{
	struct tsn_nets *n = calloc(1, sizeof *n);

	if (n != NULL)
		tsn_arena_init(&n->text, TEXT_BYTES_MAX);
	return n;
}

void
tsn_nets_free(struct tsn_nets *n)
{
	if (n == NULL)
		return;
	tsn_arena_done(&n->text);
	free(n->nets);
	free(n->slots);
	free(n);
}

static uint32_t
find_slot(const struct tsn_nets *n, const struct tsn_cidr *cidr)
{
	uint32_t mask = n->slot_count - 1;
	uint32_t i = (uint32_t)tsn_hash_bytes((const char *)cidr->ip.bytes, 16, cidr->bits) & mask;

	for (; n->slots[i] != 0; i = (i + 1) & mask) {
		const struct tsn_cidr *at = &n->nets[n->slots[i] - 1].cidr;

		if (at->bits == cidr->bits && memcmp(&at->ip, &cidr->ip, sizeof at->ip) == 0)
			break;
	}
	return i;
}

static enum tsn_code
grow(struct tsn_nets *n)
{
	uint32_t cap = n->cap == 0 ? NETS_FIRST : n->cap * 2;
	struct tsn_net *nets;
	uint32_t *slots;

	if (n->count == TSN_NETS_MAX)
		return TSN_ELIMIT;
	nets = realloc(n->nets, cap * sizeof *nets);
	if (nets == NULL)
		return TSN_ENOMEM;
	n->nets = nets;
	slots = calloc(cap * 2, sizeof *slots);
	if (slots == NULL)
		return TSN_ENOMEM;
	free(n->slots);
	n->slots = slots;
	n->slot_count = cap * 2;
	n->cap = cap;
	for (uint32_t i = 0; i < n->count; i++)
		n->slots[find_slot(n, &n->nets[i].cidr)] = i + 1;
	return TSN_OK;
}

enum tsn_code
tsn_nets_add(struct tsn_nets *n, const struct tsn_net *net)
{
	struct tsn_net copy = *net;
	uint32_t slot;

	if (n->count == n->cap)
		TSN_TRY(grow(n));
	copy.category = tsn_arena_dup(&n->text, net->category);
	copy.source = tsn_arena_dup(&n->text, net->source);
	if (copy.category.ptr == NULL || copy.source.ptr == NULL)
		return TSN_ENOMEM;
	slot = find_slot(n, &net->cidr);
	if (n->slots[slot] == 0)
		n->slots[slot] = ++n->count;
	n->nets[n->slots[slot] - 1] = copy;
	n->lengths[net->cidr.bits] = true;
	return TSN_OK;
}

const struct tsn_net *
tsn_nets_find(const struct tsn_nets *n, const struct tsn_ip *ip, int64_t now_ns)
{
	if (n->count == 0)
		return NULL;
	for (unsigned bits = 129; bits-- > 0;) {
		struct tsn_cidr key;
		uint32_t slot;

		if (!n->lengths[bits])
			continue;
		key = (struct tsn_cidr){tsn_ip_mask(ip, bits), bits};
		slot = find_slot(n, &key);
		if (n->slots[slot] != 0 && n->nets[n->slots[slot] - 1].valid_until_ns > now_ns)
			return &n->nets[n->slots[slot] - 1];
	}
	return NULL;
}

uint32_t
tsn_nets_count(const struct tsn_nets *n)
{
	return n->count;
}
