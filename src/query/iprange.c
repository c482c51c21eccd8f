/* A range of addresses as the fewest networks that cover it exactly. */
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/ip.h"
#include "query/parse_int.h"

/* A range needs at most two networks for each bit. */
#define NETWORKS_MAX 256u

static int
order(const struct tsn_ip *a, const struct tsn_ip *b)
{
	return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

/* The last address of the network of `bits` bits that begins at ip. */
static struct tsn_ip
last_of(const struct tsn_ip *ip, unsigned bits)
{
	struct tsn_ip last = *ip;

	for (unsigned i = bits; i < 128; i++)
		last.bytes[i / 8] |= (unsigned char)(0x80 >> i % 8);
	return last;
}

/* ip + 1 or ip - 1; false when there is none. */
static bool
step(struct tsn_ip *ip, bool up)
{
	for (unsigned i = sizeof ip->bytes; i-- > 0;) {
		ip->bytes[i] = (unsigned char)(ip->bytes[i] + (up ? 1 : 255));
		if (ip->bytes[i] != (up ? 0 : 255))
			return true;
	}
	return false;
}

static enum tsn_code
add_network(struct tsn_qparse *p, struct tsn_slice field, size_t at, const struct tsn_ip *ip,
    unsigned bits, const struct tsn_pred **ret_pred)
{
	char text[TSN_IP_TEXT_MAX + 8], address[TSN_IP_TEXT_MAX];
	int n;

	(void)tsn_ip_format(ip, address);
	n = snprintf(text, sizeof text, "%s/%u", address, tsn_ip_is_v4(ip) ? bits - 96 : bits);
	TSN_ASSERT(n > 0 && n < (int)sizeof text);
	*ret_pred = tsn_pred_atom(p->arena, &(struct tsn_atom){.field = field, .op = TSN_ATOM_CIDR,
	    .at = at, .value = tsn_arena_dup(p->arena, (struct tsn_slice){text, (size_t)n})});
	if (*ret_pred == NULL)
		TSN_QFAIL(p, TSN_ELIMIT, at, "the query is too large");
	return TSN_OK;
}

static enum tsn_code
cover(struct tsn_qparse *p, struct tsn_slice field, size_t at, struct tsn_ip low,
    const struct tsn_ip *high, const struct tsn_pred **ret_pred)
{
	const struct tsn_pred *kids[NETWORKS_MAX];
	unsigned bits_min = tsn_ip_is_v4(&low) ? 96 : 0;
	uint32_t n = 0;

	while (n < NETWORKS_MAX && order(&low, high) <= 0) {
		unsigned bits = 128;

		for (; bits > bits_min; bits--) {
			struct tsn_ip begin = tsn_ip_mask(&low, bits - 1), last = last_of(&low, bits - 1);

			if (order(&begin, &low) != 0 || order(&last, high) > 0)
				break;
		}
		TSN_TRY(add_network(p, field, at, &low, bits, &kids[n++]));
		low = last_of(&low, bits);
		if (!step(&low, true))
			break;
	}
	*ret_pred = n == 0 ? tsn_pred_const(p->arena, false) :
	    tsn_pred_group(p->arena, TSN_PRED_OR, kids, n);
	if (*ret_pred == NULL)
		TSN_QFAIL(p, TSN_ELIMIT, at, "the query is too large");
	return TSN_OK;
}

bool
tsn_iprange_is(struct tsn_slice low, struct tsn_slice high)
{
	struct tsn_ip a, b;

	return tsn_ip_parse(low, &a) == TSN_OK && tsn_ip_parse(high, &b) == TSN_OK &&
	    tsn_ip_is_v4(&a) == tsn_ip_is_v4(&b);
}

enum tsn_code
tsn_iprange_pred(struct tsn_qparse *p, struct tsn_slice field, size_t at, struct tsn_slice low,
    struct tsn_slice high, uint32_t open_flags, const struct tsn_pred **ret_pred)
{
	static const struct tsn_ip zero;
	struct tsn_ip a = zero, b = zero;
	bool any;

	TSN_ASSERT(low.len > 0 || high.len > 0);
	if (low.len > 0 && tsn_ip_parse(low, &a) != TSN_OK)
		a = zero;
	if (high.len > 0 && tsn_ip_parse(high, &b) != TSN_OK)
		b = zero;
	/* an open end goes to the end of the family */
	if (low.len == 0 && tsn_ip_is_v4(&b))
		a = tsn_ip_mask(&b, 96);
	if (high.len == 0)
		b = last_of(&a, tsn_ip_is_v4(&a) ? 96 : 0);
	any = !(open_flags & TSN_ATOM_OPEN_LOW) || step(&a, true);
	any &= !(open_flags & TSN_ATOM_OPEN_HIGH) || step(&b, false);
	if (any)
		return cover(p, field, at, a, &b, ret_pred);
	*ret_pred = tsn_pred_const(p->arena, false);
	if (*ret_pred == NULL)
		TSN_QFAIL(p, TSN_ELIMIT, at, "the query is too large");
	return TSN_OK;
}
