#include "knowledge/knowledge.h"

#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/time.h"

#define BASTIONS_MAX 65536u
#define WORDS_MAX 64u

struct bastion {
	struct tsn_slice host;		/* pattern with '*' */
	struct tsn_cidr from;
};

struct tsn_knowledge {
	struct tsn_nets *intel;
	struct tsn_nets *allow;
	struct bastion *bastions;
	uint32_t bastion_count, bastion_cap;
	struct tsn_arena text;
};

struct tsn_knowledge *
tsn_knowledge_new(void)
{
	struct tsn_knowledge *k = calloc(1, sizeof *k);

	if (k == NULL)
		return NULL;
	tsn_arena_init(&k->text, 16u << 20);
	k->intel = tsn_nets_new();
	k->allow = tsn_nets_new();
	if (k->intel == NULL || k->allow == NULL) {
		tsn_knowledge_free(k);
		return NULL;
	}
	return k;
}

void
tsn_knowledge_free(struct tsn_knowledge *k)
{
	if (k == NULL)
		return;
	tsn_nets_free(k->intel);
	tsn_nets_free(k->allow);
	free(k->bastions);
	tsn_arena_done(&k->text);
	free(k);
}

const char *
tsn_knowledge_file_name(enum tsn_knowledge_file which)
{
	static const char *const names[] = {"intel.txt", "allow.txt", "bastions.txt"};

	return names[which];
}

struct line {
	struct tsn_slice name;
	uint64_t number;
	struct tsn_slice words[WORDS_MAX];
	uint32_t count;
};

static enum tsn_code
bad_line(const struct line *line, const char *expected, struct tsn_slice got, struct tsn_err *err)
{
	char shown[80];

	TSN_FAIL_AT(err, TSN_EPARSE, line->number, "%.*s:%llu: expected %s, not \"%s\"",
	    TSN_SLICE_ARG(line->name), (unsigned long long)line->number, expected,
	    tsn_slice_escape(got, shown, sizeof shown));
}

static void
split(struct tsn_slice text, struct line *line)
{
	size_t at = 0;

	line->count = 0;
	while (at < text.len && line->count < WORDS_MAX) {
		size_t start;

		while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\t' ||
		    text.ptr[at] == '\r'))
			at++;
		start = at;
		while (at < text.len && text.ptr[at] != ' ' && text.ptr[at] != '\t' &&
		    text.ptr[at] != '\r')
			at++;
		if (at > start)
			line->words[line->count++] = tsn_slice_of(text.ptr + start, at - start);
	}
}

static enum tsn_code
add_intel(struct tsn_knowledge *k, const struct line *line, struct tsn_err *err)
{
	struct tsn_net net = {.category = TSN_SLICE("listed"), .source = line->name,
	    .confidence = 50, .valid_until_ns = INT64_MAX};
	uint64_t number;
	bool zoned;

	if (tsn_cidr_parse(line->words[0], &net.cidr) != TSN_OK)
		return bad_line(line, "an address or network", line->words[0], err);
	if (line->count > 1 && tsn_num_parse_u64(line->words[1], &number) != TSN_OK)
		net.category = line->words[1];
	if (line->count > 2)
		net.source = line->words[2];
	if (line->count > 3) {
		if (tsn_num_parse_u64(line->words[3], &number) != TSN_OK || number > 100)
			return bad_line(line, "a confidence from 0 to 100", line->words[3], err);
		net.confidence = (uint32_t)number;
	}
	if (line->count > 4 &&
	    tsn_time_parse_rfc3339(line->words[4], &net.valid_until_ns, &zoned) != TSN_OK)
		return bad_line(line, "a date such as 2027-01-31", line->words[4], err);
	if (line->count > 5)
		return bad_line(line, "at most five fields", line->words[5], err);
	return tsn_nets_add(k->intel, &net);
}

static enum tsn_code
add_allow(struct tsn_knowledge *k, const struct line *line, struct tsn_err *err)
{
	struct tsn_net net = {.source = line->name, .valid_until_ns = INT64_MAX};

	if (tsn_cidr_parse(line->words[0], &net.cidr) != TSN_OK)
		return bad_line(line, "an address or network", line->words[0], err);
	if (line->count > 1)
		return bad_line(line, "one network a line", line->words[1], err);
	return tsn_nets_add(k->allow, &net);
}

static enum tsn_code
add_bastion(struct tsn_knowledge *k, const struct line *line, struct tsn_err *err)
{
	if (line->count < 2)
		return bad_line(line, "HOST NETWORK...", line->words[0], err);
	for (uint32_t i = 1; i < line->count; i++) {
		struct bastion b;

		if (tsn_cidr_parse(line->words[i], &b.from) != TSN_OK)
			return bad_line(line, "an address or network", line->words[i], err);
		if (k->bastion_count == k->bastion_cap) {
			uint32_t cap = k->bastion_cap == 0 ? 16 : k->bastion_cap * 2;
			struct bastion *more;

			if (cap > BASTIONS_MAX)
				TSN_FAIL(err, TSN_ELIMIT, "more than %u bastions", BASTIONS_MAX);
			more = realloc(k->bastions, cap * sizeof *more);
			if (more == NULL)
				return TSN_ENOMEM;
			k->bastions = more;
			k->bastion_cap = cap;
		}
		b.host = tsn_arena_dup(&k->text, line->words[0]);
		if (b.host.ptr == NULL)
			return TSN_ENOMEM;
		k->bastions[k->bastion_count++] = b;
	}
	return TSN_OK;
}

enum tsn_code
tsn_knowledge_add(struct tsn_knowledge *k, enum tsn_knowledge_file which, struct tsn_slice name,
    struct tsn_slice text, struct tsn_err *err)
{
	static enum tsn_code (*const add[])(struct tsn_knowledge *, const struct line *,
	    struct tsn_err *) = {add_intel, add_allow, add_bastion};
	struct line line = {.name = name};

	while (text.len > 0) {
		size_t end = tsn_slice_find_char(text, '\n'), hash;
		struct tsn_slice one = {text.ptr, end == SIZE_MAX ? text.len : end};

		text = tsn_slice_from(text, one.len + 1);
		line.number++;
		hash = tsn_slice_find_char(one, '#');
		if (hash != SIZE_MAX)
			one.len = hash;
		split(one, &line);
		if (line.count > 0)
			TSN_TRY(add[which](k, &line, err));
	}
	return TSN_OK;
}

const struct tsn_net *
tsn_knowledge_intel(const struct tsn_knowledge *k, const struct tsn_ip *ip, int64_t now_ns)
{
	if (tsn_nets_find(k->allow, ip, now_ns) != NULL)
		return NULL;
	return tsn_nets_find(k->intel, ip, now_ns);
}

/* '*' any run; without case.  The last star is where matching goes on after a miss. */
static bool
host_matches(struct tsn_slice pattern, struct tsn_slice host)
{
	size_t p = 0, h = 0, star = SIZE_MAX, mark = 0;

	while (h < host.len) {
		if (p < pattern.len && pattern.ptr[p] == '*') {
			star = p++;
			mark = h;
		} else if (p < pattern.len && tsn_lower(pattern.ptr[p]) == tsn_lower(host.ptr[h])) {
			p++;
			h++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			h = ++mark;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '*')
		p++;
	return p == pattern.len;
}

enum tsn_bastion
tsn_knowledge_bastion(const struct tsn_knowledge *k, struct tsn_slice host,
    const struct tsn_ip *from)
{
	enum tsn_bastion answer = TSN_BASTION_UNKNOWN;

	for (uint32_t i = 0; i < k->bastion_count; i++) {
		if (!host_matches(k->bastions[i].host, host))
			continue;
		if (tsn_cidr_has(&k->bastions[i].from, from))
			return TSN_BASTION_YES;
		answer = TSN_BASTION_NO;
	}
	return answer;
}
