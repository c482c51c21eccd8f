/*
 * Random documents and filters, and what a naive evaluator makes of them.
 */
#ifndef TSN_TESTS_PROP_DOCS_H
#define TSN_TESTS_PROP_DOCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define FIELDS 4
#define ITEMS 3

struct scalar {
	char type;		/* s string, n number, b boolean, z null */
	const char *text;
};

struct value {
	char kind;		/* 0 absent, 1 scalar, 2 list */
	int count;
	struct scalar items[ITEMS];
};

struct doc {
	struct value fields[FIELDS];
	char json[512];
};

struct node {
	char op;		/* & | ! or an atom */
	struct node *left, *right;
	int field;
	const char *low, *high;
	bool open_low, open_high;
	int compare;		/* of '<': 0 <, 1 <=, 2 >, 3 >= */
};

void prop_seed(uint64_t seed);
/** A random number below bound. */
uint32_t prop_next(uint32_t bound);
void prop_doc(struct doc *d, int id);
/** The number that a value is, or is the text of. */
bool prop_number(const struct scalar *s, double *ret);
/** Forgets the nodes of the filters made so far. */
void prop_reset(void);
struct node *prop_filter(int depth);
/** The filter as text. */
void prop_put(struct tsn_buf *out, const struct node *n);
bool prop_naive(const struct node *n, const struct doc *d);

#endif
