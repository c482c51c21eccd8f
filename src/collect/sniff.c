#include "collect/sniff.h"

#include "collect/stream.h"

#define HEAD_BYTES 4096u

static const struct {
	struct tsn_slice magic;
	size_t at;
	const char *what;
} magics[] = {
	{TSN_SLICE("\x7f" "ELF"), 0, "a program"},
	{TSN_SLICE("\x89PNG"), 0, "a picture"},
	{TSN_SLICE("GIF8"), 0, "a picture"},
	{TSN_SLICE("\xff\xd8\xff"), 0, "a picture"},
	{TSN_SLICE("PK\x03\x04"), 0, "a zip archive"},
	{TSN_SLICE("7z\xbc\xaf\x27\x1c"), 0, "a 7z archive"},
	{TSN_SLICE("BZh"), 0, "bzip2 data"},
	{TSN_SLICE("%PDF-"), 0, "a PDF document"},
	{TSN_SLICE("SQLite format 3"), 0, "an SQLite database"},
	{TSN_SLICE("ustar"), 257, "a tar archive"},
	{TSN_SLICE("LPKSHHRH"), 0, "a systemd journal"},
	{TSN_SLICE("\xd4\xc3\xb2\xa1"), 0, "a packet capture"},
	{TSN_SLICE("\xa1\xb2\xc3\xd4"), 0, "a packet capture"},
	{TSN_SLICE("\x0a\x0d\x0d\x0a"), 0, "a packet capture"},
};

static bool
is_text_container(struct tsn_slice s)
{
	return tsn_slice_starts(s, TSN_SLICE("ElfFile\0")) ||	/* Windows event log */
	    tsn_slice_starts(s, TSN_SLICE("\xff\xfe")) ||	/* UTF-16 */
	    tsn_slice_starts(s, TSN_SLICE("\xfe\xff"));
}

/* Length of the UTF-8 sequence at p, or 0. */
static size_t
utf8_step(const unsigned char *p, size_t left)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 :
	    p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;

	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/*
 * Logs hold a stray byte now and then, also runs of NUL after a crash; a file of other things holds
 * mostly bytes that no text has.
 */
static bool
looks_binary(struct tsn_slice s)
{
	size_t odd = 0, counted = 0;

	for (size_t i = 0; i < s.len;) {
		const unsigned char *p = (const unsigned char *)s.ptr + i;
		size_t n = utf8_step(p, s.len - i);

		if (n == 0 && s.len - i < 4)
			break;		/* a character cut by the end of the head */
		i += n == 0 ? 1 : n;
		if (*p == 0)
			continue;
		counted++;
		odd += n == 0 || (*p < 0x20 && *p != '\t' && *p != '\n' && *p != '\r' && *p != 0x1b);
	}
	return odd * 10 > counted;
}

const char *
tsn_sniff(struct tsn_slice head)
{
	if (is_text_container(head))
		return NULL;
	for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++)
		if (tsn_slice_starts(tsn_slice_from(head, magics[i].at), magics[i].magic))
			return magics[i].what;
	return looks_binary(head) ? "binary data" : NULL;
}

enum tsn_code
tsn_sniff_file(const struct tsn_file_ops *ops, const char *path, const char **ret_what,
    struct tsn_err *err)
{
	char head[HEAD_BYTES];
	struct tsn_stream *s;
	size_t len = 0, got;
	enum tsn_code code = TSN_OK;

	TSN_TRY(tsn_stream_open(ops, path, &s, err));
	while (len < sizeof head && code == TSN_OK) {
		code = tsn_stream_read(s, head + len, sizeof head - len, &got, err);
		if (code == TSN_OK)
			len += got;
	}
	tsn_stream_close(s);
	/* What the damage is will be told when the file is imported. */
	if (code != TSN_OK && code != TSN_EOF && code != TSN_ECORRUPT)
		return code;
	*ret_what = tsn_sniff(tsn_slice_of(head, len));
	return TSN_OK;
}
