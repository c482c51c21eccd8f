#include "prop_docs.h"

#include <ctype.h>
#include <regex.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

static uint64_t state;
static struct node pool[256];
static unsigned pool_used;

void
prop_seed(uint64_t seed)
{
	state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

void
prop_reset(void)
{
	pool_used = 0;
}

uint32_t
prop_next(uint32_t bound)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 33) % bound;
}

static const char *const strings[] = {"a", "A", "ab", "aB", "x y", "5", "5.0", "05", "x-y", "10.0.0.1",
    "10.0.1.200", "", "root", "Root", "not", "a*b", "fe80::1", "10"};
static const char *const numbers[] = {"0", "5", "5.0", "-1", "10", "300", "0.5", "1e1"};
static const char *const patterns[] = {"a*", "*b", "*", "?b", "x*y", "*0*", "??", "r*t", "a\\*b"};
static const char *const networks[] = {"10.0.0.0/24", "10.0.0.0/8", "10.0.1.200/32", "fe80::/10"};
static const char *const regexes[] = {"^r.*t$", "[0-9]+\\.0", "a|b", "o{2}", "x.y", "^$", "[^a-z]",
    "(0\\.)+", "5?0"};
static const char *const bounds[] = {"0", "5", "6", "-2", "300", "a", "b", "root", "x"};

static struct scalar
make_scalar(void)
{
	switch (prop_next(8)) {
	case 0:
		return (struct scalar){'z', "null"};
	case 1:
		return (struct scalar){'b', prop_next(2) ? "true" : "false"};
	case 2:
	case 3:
	case 4:
		return (struct scalar){'n', numbers[prop_next(TSN_COUNT(numbers))]};
	default:
		return (struct scalar){'s', strings[prop_next(TSN_COUNT(strings))]};
	}
}

static void
put_scalar(char *out, size_t cap, const struct scalar *s)
{
	size_t n = strlen(out);

	(void)snprintf(out + n, cap - n, s->type == 's' ? "\"%s\"" : "%s", s->text);
}

void
prop_doc(struct doc *d, int id)
{
	(void)snprintf(d->json, sizeof d->json, "{\"id\":%d", 1000 + id);
	for (int f = 0; f < FIELDS; f++) {
		struct value *v = &d->fields[f];
		size_t n = strlen(d->json);
		uint32_t kind = prop_next(10);

		v->kind = kind < 2 ? 0 : kind < 8 ? 1 : 2;
		v->count = v->kind == 1 ? 1 : v->kind == 2 ? (int)prop_next(ITEMS + 1) : 0;
		if (v->kind == 0)
			continue;
		(void)snprintf(d->json + n, sizeof d->json - n, ",\"f%d\":%s", f, v->kind == 2 ? "[" : "");
		for (int i = 0; i < v->count; i++) {
			v->items[i] = make_scalar();
			if (i > 0)
				(void)strncat(d->json, ",", sizeof d->json - strlen(d->json) - 1);
			put_scalar(d->json, sizeof d->json, &v->items[i]);
		}
		if (v->kind == 2)
			(void)strncat(d->json, "]", sizeof d->json - strlen(d->json) - 1);
	}
	(void)strncat(d->json, "}", sizeof d->json - strlen(d->json) - 1);
}

/*
 * The naive evaluator.
 */
static bool
plain_number(const char *text, double *ret)
{
	size_t n = strspn(text, "+-0123456789.");
	char *end;

	if (text[0] == '\0' || text[n] != '\0' || !isdigit((unsigned char)text[strlen(text) - 1]))
		return false;
	*ret = strtod(text, &end);
	return *end == '\0';
}

bool
prop_number(const struct scalar *s, double *ret)
{
	if (s->type == 'n') {
		*ret = strtod(s->text, NULL);
		return true;
	}
	return s->type == 's' && plain_number(s->text, ret);
}

static bool
same_ip_network(const char *text, const char *network)
{
	unsigned a, b, c, d, na, nb, nc, nd, bits;
	uint32_t ip, net, mask;
	char rest;

	if (strchr(network, ':') != NULL)
		return strcmp(text, "fe80::1") == 0;
	if (sscanf(text, "%u.%u.%u.%u%c", &a, &b, &c, &d, &rest) != 4 ||
	    sscanf(network, "%u.%u.%u.%u/%u", &na, &nb, &nc, &nd, &bits) != 5)
		return false;
	ip = a << 24 | b << 16 | c << 8 | d;
	net = na << 24 | nb << 16 | nc << 8 | nd;
	mask = bits == 0 ? 0 : UINT32_MAX << (32 - bits);
	return (ip & mask) == (net & mask);
}

static bool
like(const char *pattern, const char *text)
{
	if (*pattern == '\0')
		return *text == '\0';
	if (*pattern == '*')
		return like(pattern + 1, text) || (*text != '\0' && like(pattern, text + 1));
	if (*pattern == '\\' && pattern[1] != '\0')
		return *text == pattern[1] && like(pattern + 2, text + 1);
	return *text != '\0' && (*pattern == '?' ||
	    tolower((unsigned char)*pattern) == tolower((unsigned char)*text)) &&
	    like(pattern + 1, text + 1);
}

static bool
has_match(const char *regex, const char *text)
{
	regex_t re;
	bool found;

	if (regcomp(&re, regex, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	found = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

static bool
in_order(int compare, double order)
{
	return compare == 0 ? order < 0 : compare == 1 ? order <= 0 : compare == 2 ? order > 0 : order >= 0;
}

/* Numbers with a number, else texts; a null has no order, a text none with a number. */
static bool
ordered(const struct scalar *s, int compare, const char *bound, bool as_text)
{
	double b, v;

	if (s->type == 'z')
		return false;
	if (!as_text && plain_number(bound, &b))
		return prop_number(s, &v) && in_order(compare, v - b);
	return in_order(compare, strcasecmp(s->text, bound));
}

static bool
scalar_is(const struct node *n, const struct scalar *s)
{
	double a, b;
	bool text;

	if (s->type == 'z')
		return false;
	switch (n->op) {
	case '=':	/* unquoted */
		if (plain_number(n->low, &b))
			return prop_number(s, &a) && a <= b && a >= b;
		return strcasecmp(s->text, n->low) == 0;
	case '"':
		return strcasecmp(s->text, n->low) == 0;
	case 'E':
		return strcmp(s->text, n->low) == 0;
	case '*':
		return like(n->low, s->text);
	case '/':
		return has_match(n->low, s->text);
	case 'C':
		return same_ip_network(s->text, n->low) || strcmp(s->text, n->low) == 0;
	case '<':
		return ordered(s, n->compare, n->low, false);
	case '[':
		text = plain_number(n->low, &a) != plain_number(n->high, &b);
		return ordered(s, n->open_low ? 2 : 3, n->low, text) &&
		    ordered(s, n->open_high ? 0 : 1, n->high, text);
	default:
		return false;
	}
}

static bool
word_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static bool
has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; *p != '\0'; p++)
		if (strncasecmp(p, word, n) == 0 &&
		    (p == text || !word_char(p[-1]) || !word_char(word[0])) &&
		    (!word_char(p[n]) || !word_char(word[n - 1])))
			return true;
	return false;
}

bool
prop_naive(const struct node *n, const struct doc *d)
{
	const struct value *v = &d->fields[n->field];

	switch (n->op) {
	case '&':
		return prop_naive(n->left, d) && prop_naive(n->right, d);
	case '|':
		return prop_naive(n->left, d) || prop_naive(n->right, d);
	case '!':
		return !prop_naive(n->left, d);
	case 'w':
		return has_word(d->json, n->low);
	case 'x':
		return v->kind != 0;
	default:
		break;
	}
	for (int i = 0; i < v->count; i++)
		if (scalar_is(n, &v->items[i]))
			return true;
	return false;
}

/*
 * Random filters, as trees and as text.
 */
static struct node *
make_atom(void)
{
	static const char ops[] = "==\"\"E**C<<<[[[xww//";
	struct node *n = &pool[pool_used++];

	*n = (struct node){.op = ops[prop_next(sizeof ops - 1)], .field = (int)prop_next(FIELDS)};
	n->low = strings[prop_next(TSN_COUNT(strings))];
	n->compare = (int)prop_next(4);
	switch (n->op) {
	case '=':
		/* what needs no quotes */
		do
			n->low = prop_next(2) ? strings[prop_next(TSN_COUNT(strings))] :
					   numbers[prop_next(TSN_COUNT(numbers))];
		while (strpbrk(n->low, " *:") != NULL || n->low[0] == '\0' || strcmp(n->low, "1e1") == 0);
		break;
	case '*':
		n->low = patterns[prop_next(TSN_COUNT(patterns))];
		if (strcmp(n->low, "*") == 0)
			n->op = 'x';
		break;
	case '/':
		n->low = regexes[prop_next(TSN_COUNT(regexes))];
		break;
	case 'C':
		n->low = networks[prop_next(TSN_COUNT(networks))];
		break;
	case '<':
		n->low = bounds[prop_next(TSN_COUNT(bounds))];
		break;
	case '[':
		n->low = bounds[prop_next(TSN_COUNT(bounds))];
		n->high = bounds[prop_next(TSN_COUNT(bounds))];
		n->open_low = prop_next(2);
		n->open_high = prop_next(2);
		break;
	case 'w':
		do
			n->low = strings[prop_next(TSN_COUNT(strings))];
		while (n->low[0] == '\0');
		break;
	default:
		break;
	}
	return n;
}

struct node *
prop_filter(int depth)
{
	uint32_t what = prop_next(6);
	struct node *n;

	if (depth == 0 || what >= 4)
		return make_atom();
	n = &pool[pool_used++];
	*n = (struct node){.op = "&|!&"[what]};
	n->left = prop_filter(depth - 1);
	if (n->op != '!')
		n->right = prop_filter(depth - 1);
	return n;
}

void
prop_put(struct tsn_buf *out, const struct node *n)
{
	static const char *const compares[] = {"<", "<=", ">", ">="};

	switch (n->op) {
	case '&':
	case '|':
		tsn_buf_char(out, '(');
		prop_put(out, n->left);
		tsn_buf_printf(out, "%s", n->op == '|' ? (prop_next(2) ? " or " : " || ") :
		    prop_next(3) == 0 ? " " : prop_next(2) ? " AND " : " and ");
		prop_put(out, n->right);
		tsn_buf_char(out, ')');
		break;
	case '!':
		tsn_buf_lit(out, "not (");
		prop_put(out, n->left);
		tsn_buf_char(out, ')');
		break;
	case 'w':
		tsn_buf_printf(out, "\"%s\"", n->low);
		break;
	case 'x':
		tsn_buf_printf(out, "f%d:*", n->field);
		break;
	case '/':
		tsn_buf_printf(out, "f%d:/%s/", n->field, n->low);
		break;
	case '"':
		tsn_buf_printf(out, "f%d:\"%s\"", n->field, n->low);
		break;
	case 'E':
		tsn_buf_printf(out, "f%d == \"%s\"", n->field, n->low);
		break;
	case '<':
		tsn_buf_printf(out, "f%d %s %s", n->field, compares[n->compare], n->low);
		break;
	case '[':
		tsn_buf_printf(out, "f%d:%c%s to %s%c", n->field, n->open_low ? '{' : '[', n->low, n->high,
		    n->open_high ? '}' : ']');
		break;
	default:
		tsn_buf_printf(out, "f%d:%s", n->field, n->low);
		break;
	}
}
