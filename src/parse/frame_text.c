#include "parse/frame_int.h"

/* Line heads are looked at through this: running out of bytes is not the same as not matching. */
struct peek {
	const char *p, *end;
	bool open;	/* more bytes of this line may come */
};

static const char *const general_commands[] = {
	"Sleep", "Quit", "Init DB", "Query", "Field List", "Create DB", "Drop DB", "Refresh",
	"Shutdown", "Statistics", "Processlist", "Connect", "Kill", "Debug", "Ping", "Time",
	"Delayed insert", "Change user", "Binlog Dump", "Table Dump", "Connect Out",
	"Register Slave", "Register Replica", "Prepare", "Execute", "Long Data", "Close stmt",
	"Reset stmt", "Set option", "Fetch", "Daemon", "Error", "Reset Connection", "Bulk_execute",
	"Stmt_bulk_execute",
};

static const char *const slow_headers[] = {
	"# Time: ", "# User@Host: ", "# Thread_id: ", "# Query_time: ", "# Client: ", "# Schema: ",
};

static bool
digit(char c)
{
	return c >= '0' && c <= '9';
}

static enum tsn_frame_answer
out_of(const struct peek *k)
{
	return k->p == k->end && k->open ? TSN_FRAME_NEED : TSN_FRAME_NO;
}

/* The literal text stands here. */
static enum tsn_frame_answer
lit(struct peek *k, const char *text)
{
	for (; *text != '\0'; text++, k->p++)
		if (k->p == k->end || *k->p != *text)
			return out_of(k);
	return TSN_FRAME_YES;
}

static enum tsn_frame_answer
starts(const struct peek *k, const char *text)
{
	struct peek at = *k;

	return lit(&at, text);
}

/* Like lit, where 'd' stands for a digit, 'D' for a digit or a blank, 'M' for a letter. */
static enum tsn_frame_answer
shape(struct peek *k, const char *text)
{
	for (; *text != '\0'; text++, k->p++) {
		bool ok;

		if (k->p == k->end)
			return out_of(k);
		if (*text == 'd')
			ok = digit(*k->p);
		else if (*text == 'D')
			ok = digit(*k->p) || *k->p == ' ';
		else if (*text == 'M')
			ok = (*k->p | 0x20) >= 'a' && (*k->p | 0x20) <= 'z';
		else
			ok = *k->p == *text;
		if (!ok)
			return TSN_FRAME_NO;
	}
	return TSN_FRAME_YES;
}

static void
digits(struct peek *k)
{
	while (k->p < k->end && digit(*k->p))
		k->p++;
}

static size_t
blanks(struct peek *k)
{
	const char *from = k->p;

	while (k->p < k->end && (*k->p == ' ' || *k->p == '\t'))
		k->p++;
	return (size_t)(k->p - from);
}

/* "2016-06-07T19:07:02.558338Z" or with an offset. */
static enum tsn_frame_answer
iso_time(struct peek *k)
{
	enum tsn_frame_answer a = shape(k, "dddd-dd-ddTdd:dd:dd");

	if (a != TSN_FRAME_YES)
		return a;
	if (k->p < k->end && *k->p == '.') {
		k->p++;
		digits(k);
	}
	if (k->p == k->end)
		return out_of(k);
	if (*k->p == 'Z') {
		k->p++;
		return TSN_FRAME_YES;
	}
	if (*k->p != '+' && *k->p != '-')
		return TSN_FRAME_NO;
	k->p++;
	return shape(k, "dd:dd");
}

/* "051007 21:55:24" and a tab; the hour may have one digit. */
static enum tsn_frame_answer
short_time(struct peek *k)
{
	enum tsn_frame_answer a = shape(k, "dddddd");

	if (a != TSN_FRAME_YES)
		return a;
	if (blanks(k) == 0)
		return out_of(k);
	digits(k);
	a = shape(k, ":dd:dd");
	if (a != TSN_FRAME_YES)
		return a;
	return lit(k, "\t");
}

static enum tsn_frame_answer
general_command(const struct peek *k)
{
	enum tsn_frame_answer best = TSN_FRAME_NO;

	for (size_t i = 0; i < TSN_COUNT(general_commands); i++) {
		struct peek at = *k;
		enum tsn_frame_answer a = lit(&at, general_commands[i]);

		if (a == TSN_FRAME_YES && at.p < at.end && *at.p != '\t' && *at.p != ' ')
			a = TSN_FRAME_NO;
		if (a == TSN_FRAME_YES && at.p == at.end)
			a = at.open ? TSN_FRAME_NEED : TSN_FRAME_YES;
		if (a == TSN_FRAME_YES)
			return a;
		if (a == TSN_FRAME_NEED)
			best = a;
	}
	return best;
}

/* The head of an entry of the MySQL general log: time or blanks, thread id, command. */
static enum tsn_frame_answer
general_head(struct peek k)
{
	enum tsn_frame_answer a;
	const char *from;

	if (k.p == k.end)
		return out_of(&k);
	if (digit(*k.p)) {
		struct peek iso = k;

		a = iso_time(&iso);
		if (a == TSN_FRAME_YES)
			k = iso;
		else if (a == TSN_FRAME_NEED)
			return a;
		else if ((a = short_time(&k)) != TSN_FRAME_YES)
			return a;
		(void)blanks(&k);
	} else {
		from = k.p;
		if (blanks(&k) == 0)
			return TSN_FRAME_NO;
		if (memchr(from, '\t', (size_t)(k.p - from)) == NULL)
			return out_of(&k);
	}
	from = k.p;
	digits(&k);
	if (k.p == from || k.p - from > 20)
		return out_of(&k);
	a = lit(&k, " ");
	return a == TSN_FRAME_YES ? general_command(&k) : a;
}

/* The head of a csvlog record: a quoted or plain time with zone, and a comma. */
static enum tsn_frame_answer
csvlog_head(struct peek k)
{
	enum tsn_frame_answer a;
	size_t zone = 0;

	if (k.p < k.end && *k.p == '"')
		k.p++;
	a = shape(&k, "dddd-dd-dd dd:dd:dd");
	if (a != TSN_FRAME_YES)
		return a;
	if (k.p < k.end && *k.p == '.') {
		k.p++;
		digits(&k);
	}
	a = lit(&k, " ");
	if (a != TSN_FRAME_YES)
		return a;
	while (k.p < k.end && *k.p != ',' && *k.p != '"' && *k.p != ' ' && zone++ < 10)
		k.p++;
	if (k.p < k.end && *k.p == '"')
		k.p++;
	return lit(&k, ",");
}

static enum tsn_frame_answer
quoted_head(struct peek k)
{
	return shape(&k, "\"MMM Dd dd:dd:dd");
}

static bool
dated(struct tsn_slice s)
{
	struct peek k = {s.ptr, s.ptr + s.len, false}, slash, bare;

	if (k.p < k.end && *k.p == '[')
		k.p++;
	slash = bare = k;
	return shape(&k, "dddd-dd-dd") == TSN_FRAME_YES ||
	    shape(&slash, "dddd/dd/dd") == TSN_FRAME_YES || shape(&bare, "dd:dd:dd") == TSN_FRAME_YES;
}

static enum tsn_frame_answer
slow_head(const struct peek *k)
{
	enum tsn_frame_answer best = TSN_FRAME_NO;

	for (size_t i = 0; i < TSN_COUNT(slow_headers); i++) {
		enum tsn_frame_answer a = starts(k, slow_headers[i]);

		if (a == TSN_FRAME_YES)
			return a;
		if (a == TSN_FRAME_NEED)
			best = a;
	}
	return best;
}

/* What the first line of a record says. */
static enum tsn_frame_class
classify(struct tsn_slice line)
{
	struct peek k = {line.ptr, line.ptr + line.len, false};
	char c = line.len == 0 ? '\n' : line.ptr[0];

	if (c == '#')
		return slow_head(&k) == TSN_FRAME_YES ? TSN_FC_SLOW : TSN_FC_PLAIN;
	if (c == '"') {
		if (quoted_head(k) == TSN_FRAME_YES)
			return TSN_FC_QUOTED;
		return csvlog_head(k) == TSN_FRAME_YES ? TSN_FC_CSVLOG : TSN_FC_PLAIN;
	}
	if (c == ' ' || c == '\t')
		return general_head(k) == TSN_FRAME_YES ? TSN_FC_GENERAL : TSN_FC_PLAIN;
	if (c == '[')
		return dated(line) ? TSN_FC_STAMPED : TSN_FC_PLAIN;
	if (!digit(c) || line.len < 11)
		return TSN_FC_PLAIN;
	if (line.ptr[6] == ' ' || line.ptr[10] == 'T')
		if (general_head(k) == TSN_FRAME_YES)
			return TSN_FC_GENERAL;
	if (line.ptr[10] == ' ' && csvlog_head(k) == TSN_FRAME_YES)
		return TSN_FC_CSVLOG;
	return dated(line) ? TSN_FC_STAMPED : TSN_FC_PLAIN;
}

/* Where "]: [" of "postgres[pid]: [n-m] " stands in a line, or NULL. */
static const char *
chunk_mark(struct tsn_slice line)
{
	size_t len = line.len < 256 ? line.len : 256;
	const char *p = memchr(line.ptr, ']', len);

	if (p == NULL || line.ptr + line.len - p < 8 || p[1] != ':' || p[2] != ' ' || p[3] != '[' ||
	    !digit(p[4]))
		return NULL;
	return p;
}

/* Are a and b parts of one PostgreSQL message: the same pid and [n], b's [-m] above 1? */
static bool
chunks_join(struct tsn_slice a, struct tsn_slice b)
{
	const char *ma = chunk_mark(a), *mb = chunk_mark(b);
	const char *pa = ma, *pb = mb, *ea = a.ptr + a.len, *eb = b.ptr + b.len;

	if (ma == NULL || mb == NULL)
		return false;
	while (pa > a.ptr && pb > b.ptr && pa[-1] != '[') {
		if (*--pa != *--pb)
			return false;
	}
	if (pb == b.ptr || pb[-1] != '[')
		return false;
	for (pa = ma + 4, pb = mb + 4; pa < ea && pb < eb && *pa == *pb && digit(*pa); pa++, pb++)
		continue;
	if (pa == ea || eb - pb < 3 || *pa != '-' || *pb != '-')
		return false;
	return digit(pb[1]) && !(pb[1] == '1' && pb[2] == ']');
}

/* Bytes that a line may begin with that belongs to an ordinary line before it. */
static const bool may_follow[256] = {
	[' '] = true, ['\t'] = true, ['C'] = true, ['T'] = true, ['\r'] = true, ['\n'] = true,
	['a'] = true, ['b'] = true, ['c'] = true, ['d'] = true, ['e'] = true, ['f'] = true,
	['g'] = true, ['h'] = true, ['i'] = true, ['j'] = true, ['k'] = true, ['l'] = true,
	['m'] = true, ['n'] = true, ['o'] = true, ['p'] = true, ['q'] = true, ['r'] = true,
	['s'] = true, ['t'] = true, ['u'] = true, ['v'] = true, ['w'] = true, ['x'] = true,
	['y'] = true, ['z'] = true,
};

bool
tsn_frame_text_alone(struct tsn_slice line, char next)
{
	char c = line.ptr[0];

	if (may_follow[(unsigned char)next])
		return false;
	if (c == '#' || c == '"' || c == '{' || c == ',' || c == ']' || c == '\x1e')
		return false;
	if (c == '[' && (line.len < 2 || line.ptr[1] == '{' || line.ptr[1] <= ' '))
		return false;
	if (c == next && chunk_mark(line) != NULL)
		return false;
	if (digit(c) && line.len > 10 && (line.ptr[6] == ' ' || line.ptr[4] == '-')) {
		enum tsn_frame_class class = classify(line);

		return class == TSN_FC_PLAIN || class == TSN_FC_STAMPED;
	}
	return true;
}

void
tsn_frame_text_quotes(struct tsn_frame_text *t, struct tsn_slice line, bool backslash)
{
	bool open = t->quote_open;

	for (size_t i = 0; i < line.len; i++) {
		if (line.ptr[i] == '"')
			open = !open;
		else if (backslash && line.ptr[i] == '\\')
			i++;
	}
	t->quote_open = open;
}

static bool
ends_traceback(struct tsn_slice record)
{
	if (record.len > 0 && record.ptr[record.len - 1] == '\r')
		record.len--;
	return tsn_slice_ends(record, TSN_SLICE("Traceback (most recent call last):"));
}

/* An indented line of a Java stack trace. */
static enum tsn_frame_answer
java_frame(struct peek k)
{
	static const char *const heads[] = {"at ", "... ", "Caused by: ", "Suppressed: "};
	enum tsn_frame_answer best = TSN_FRAME_NO;

	(void)blanks(&k);
	for (size_t i = 0; i < TSN_COUNT(heads); i++) {
		struct peek at = k;
		enum tsn_frame_answer a = lit(&at, heads[i]);

		if (a == TSN_FRAME_YES && i == 1)
			a = shape(&at, "d");
		if (a == TSN_FRAME_YES)
			return a;
		if (a == TSN_FRAME_NEED)
			best = a;
	}
	return best;
}

/* "java.lang.IllegalStateException: text", alone at the start of a line. */
static enum tsn_frame_answer
java_exception(struct peek k)
{
	const char *from = k.p;
	bool dots = false;
	struct tsn_slice name;

	for (; k.p < k.end && k.p - from < 256; k.p++) {
		char c = *k.p;

		if (c == '.')
			dots = true;
		else if (!digit(c) && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && c != '_' && c != '$')
			break;
	}
	if (k.p == k.end && k.open)
		return TSN_FRAME_NEED;
	if (!dots || (k.p < k.end && *k.p != ':' && *k.p != '\r'))
		return TSN_FRAME_NO;
	name = tsn_slice_of(from, (size_t)(k.p - from));
	if (tsn_slice_ends(name, TSN_SLICE("Exception")) || tsn_slice_ends(name, TSN_SLICE("Error")) ||
	    tsn_slice_ends(name, TSN_SLICE("Throwable")))
		return TSN_FRAME_YES;
	return TSN_FRAME_NO;
}

static enum tsn_frame_answer
plain_continues(struct tsn_frame_text *t, struct tsn_slice record, const struct peek *k)
{
	struct tsn_slice last = tsn_slice_from(record, t->line_at);
	char c = k->p == k->end ? '\n' : *k->p;

	if (c == ' ' || c == '\t') {
		if (ends_traceback(last)) {
			t->class = TSN_FC_TRACE;
			return TSN_FRAME_YES;
		}
		return t->class == TSN_FC_STAMPED ? TSN_FRAME_YES : java_frame(*k);
	}
	if (c == 'C')
		return starts(k, "Caused by: ");
	if (c == 'T' && t->class == TSN_FC_STAMPED)
		return starts(k, "Traceback (most recent call last):");
	if (c >= 'a' && c <= 'z')
		return java_exception(*k);
	if (last.len > 0 && c == last.ptr[0] && chunk_mark(last) != NULL) {
		if (k->open)
			return TSN_FRAME_NEED;
		if (chunks_join(last, tsn_slice_of(k->p, (size_t)(k->end - k->p))))
			return TSN_FRAME_YES;
	}
	return TSN_FRAME_NO;
}

/* Lines the MySQL server writes into its logs when it opens them. */
static enum tsn_frame_answer
mysql_banner(const struct peek *k)
{
	struct tsn_slice line = {k->p, (size_t)(k->end - k->p)};
	char c = line.len == 0 ? '\n' : line.ptr[0];

	if (c == 'T') {
		enum tsn_frame_answer a = starts(k, "Tcp port: ");

		return a == TSN_FRAME_NO ? starts(k, "Time                 Id Command") : a;
	}
	if (k->open)
		return TSN_FRAME_NEED;
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	if (tsn_slice_ends(line, TSN_SLICE("started with:")) &&
	    tsn_slice_find(line, TSN_SLICE(", Version: ")) != SIZE_MAX)
		return TSN_FRAME_YES;
	return TSN_FRAME_NO;
}

static enum tsn_frame_answer
not(enum tsn_frame_answer a)
{
	if (a == TSN_FRAME_NEED)
		return a;
	return a == TSN_FRAME_YES ? TSN_FRAME_NO : TSN_FRAME_YES;
}

static enum tsn_frame_answer
slow_continues(struct tsn_frame_text *t, struct tsn_slice record, const struct peek *k)
{
	struct tsn_slice last = tsn_slice_from(record, t->line_at);

	if (last.len > 0 && (last.ptr[0] != '#' || tsn_slice_starts(last, TSN_SLICE("# admin"))))
		t->statement = true;
	if (k->p < k->end && *k->p == '#')
		return t->statement ? not(slow_head(k)) : TSN_FRAME_YES;
	return not(mysql_banner(k));
}

static enum tsn_frame_answer
trace_continues(struct tsn_frame_text *t, struct tsn_slice next, const struct peek *k, bool more)
{
	char c = k->p == k->end ? '\n' : *k->p;
	struct peek after;
	enum tsn_frame_answer a, b;

	if (t->class == TSN_FC_TRACE) {
		if (c == '\n' || c == '\r')
			return TSN_FRAME_NO;
		if (c != ' ' && c != '\t')
			t->class = TSN_FC_TRACE_END;
		return TSN_FRAME_YES;
	}
	after = (struct peek){next.ptr, next.ptr + next.len, more};
	while (after.p < after.end && (*after.p == '\n' || *after.p == '\r'))
		after.p++;
	if (t->class == TSN_FC_TRACE_END && after.p == next.ptr && after.p < after.end)
		return TSN_FRAME_NO;
	if (after.p == after.end)
		return TSN_FRAME_NEED;
	if (t->class == TSN_FC_TRACE_MORE) {
		a = starts(&after, "Traceback (most recent call last):");
		if (a == TSN_FRAME_YES && after.p == next.ptr)
			t->class = TSN_FC_TRACE;
		if (a != TSN_FRAME_NO)
			return a;
	}
	a = starts(&after, "During handling of the above exception");
	b = starts(&after, "The above exception was the direct cause");
	if (a == TSN_FRAME_YES || b == TSN_FRAME_YES) {
		t->class = TSN_FC_TRACE_MORE;
		return TSN_FRAME_YES;
	}
	return a == TSN_FRAME_NEED || b == TSN_FRAME_NEED ? TSN_FRAME_NEED : TSN_FRAME_NO;
}

enum tsn_frame_answer
tsn_frame_text_continues(struct tsn_frame_text *t, struct tsn_slice record, struct tsn_slice next,
    bool end)
{
	bool more = next.len < TSN_FRAME_LOOK_MAX && !end;
	const char *hit;
	struct peek k;

	if (next.len > TSN_FRAME_LOOK_MAX)
		next.len = TSN_FRAME_LOOK_MAX;
	hit = memchr(next.ptr, '\n', next.len);
	k = (struct peek){next.ptr, hit == NULL ? next.ptr + next.len : hit, hit == NULL && more};
	if (t->class == TSN_FC_UNKNOWN)
		t->class = classify(record);
	switch (t->class) {
	case TSN_FC_SLOW:
		return slow_continues(t, record, &k);
	case TSN_FC_GENERAL: {
		enum tsn_frame_answer a = general_head(k);

		return a == TSN_FRAME_NO ? not(mysql_banner(&k)) : not(a);
	}
	case TSN_FC_CSVLOG:
	case TSN_FC_QUOTED:
		if (t->counted != record.len) {
			tsn_frame_text_quotes(t, tsn_slice_from(record, t->line_at),
			    t->class == TSN_FC_QUOTED);
			t->counted = record.len;
		}
		if (!t->quote_open)
			return TSN_FRAME_NO;
		/* A record that was cut must not swallow the ones after it. */
		return not(t->class == TSN_FC_QUOTED ? quoted_head(k) : csvlog_head(k));
	case TSN_FC_TRACE:
	case TSN_FC_TRACE_END:
	case TSN_FC_TRACE_MORE:
		return trace_continues(t, next, &k, more);
	case TSN_FC_UNKNOWN:
	case TSN_FC_PLAIN:
	case TSN_FC_STAMPED:
	default:
		return plain_continues(t, record, &k);
	}
}
