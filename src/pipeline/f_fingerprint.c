/* Filter fingerprint: a hash of fields, a network, a random identifier, or punctuation alone. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/ip.h"
#include "base/num.h"
#include "codec/base64.h"
#include "pipeline/impl_int.h"

struct fingerprint {
	struct tsn_pref *source;
	struct tsn_slice *names;
	uint32_t count;
	struct tsn_pref target;
	struct tsn_slice method, key;
	const EVP_MD *md;
	bool has_key, base64, concat, all;
};

static int
by_name(const void *a, const void *b)
{
	const struct tsn_slice *x = a, *y = b;
	size_t n = x->len < y->len ? x->len : y->len;
	int c = n == 0 ? 0 : memcmp(x->ptr, y->ptr, n);

	return c != 0 ? c : x->len < y->len ? -1 : x->len > y->len;
}

static enum tsn_code
read_sources(struct tsn_pinst *in, struct fingerprint *f, struct tsn_err *err)
{
	uint32_t count;
	const struct tsn_conf_value *items = tsn_pi_list(in, "source", &count);

	f->count = items == NULL ? 1 : count;
	f->names = tsn_pi_alloc(in, f->count, sizeof *f->names);
	f->source = tsn_pi_alloc(in, f->count, sizeof *f->source);
	if (f->names == NULL || f->source == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	for (uint32_t i = 0; i < f->count; i++)
		f->names[i] = items == NULL ? TSN_SLICE("message") : items[i].text;
	if (f->concat)
		qsort(f->names, f->count, sizeof *f->names, by_name);
	for (uint32_t i = 0; i < f->count; i++)
		if (!tsn_pi_ref(in, f->names[i], &f->source[i]))
			TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return TSN_OK;
}

static enum tsn_code
fingerprint_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct fingerprint *f = tsn_pi_alloc(in, 1, sizeof *f);
	uint64_t bits;

	if (f == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->state = f;
	f->method = tsn_pi_str(in, "method", "SHA1");
	f->key = tsn_pi_str(in, "key", "");
	f->has_key = tsn_pi_get(in, "key") != NULL;
	f->base64 = tsn_pi_bool(in, "base64encode", false);
	f->all = tsn_pi_bool(in, "concatenate_all_fields", false);
	f->concat = f->all || tsn_pi_bool(in, "concatenate_sources", false);
	f->md = tsn_slice_eq(f->method, TSN_SLICE("SHA1")) ? EVP_sha1() :
	    tsn_slice_eq(f->method, TSN_SLICE("SHA256")) ? EVP_sha256() :
	    tsn_slice_eq(f->method, TSN_SLICE("SHA384")) ? EVP_sha384() :
	    tsn_slice_eq(f->method, TSN_SLICE("SHA512")) ? EVP_sha512() :
	    tsn_slice_eq(f->method, TSN_SLICE("MD5")) ? EVP_md5() : NULL;
	if (tsn_slice_eq(f->method, TSN_SLICE("IPV4_NETWORK")) &&
	    (tsn_num_parse_u64(f->key, &bits) != TSN_OK || bits > 32))
		return tsn_pi_fail(in, err, "method IPV4_NETWORK: option \"key\": expected 0 to 32");
	if (!tsn_pi_ref_option(in, "target", tsn_pi_ecs(in) ? "[event][hash]" : "fingerprint",
	    &f->target))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return read_sources(in, f, err);
}

static uint32_t
rotl32(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}

static uint64_t
rotl64(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static uint64_t
le(const char *p, unsigned bytes)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)(unsigned char)p[i] << (8 * i);
	return v;
}

/* MurmurHash3_x86_32, seed 0 */
static uint32_t
murmur32(struct tsn_slice s)
{
	uint32_t h = 0, k;
	size_t i = 0;

	for (; i + 4 <= s.len; i += 4) {
		k = (uint32_t)le(s.ptr + i, 4) * 0xcc9e2d51u;
		h ^= rotl32(k, 15) * 0x1b873593u;
		h = rotl32(h, 13) * 5 + 0xe6546b64u;
	}
	if (i < s.len) {
		k = (uint32_t)le(s.ptr + i, (unsigned)(s.len - i)) * 0xcc9e2d51u;
		h ^= rotl32(k, 15) * 0x1b873593u;
	}
	h ^= (uint32_t)s.len;
	h = (h ^ h >> 16) * 0x85ebca6bu;
	h = (h ^ h >> 13) * 0xc2b2ae35u;
	return h ^ h >> 16;
}

static uint64_t
mix64(uint64_t k)
{
	k = (k ^ k >> 33) * 0xff51afd7ed558ccdu;
	k = (k ^ k >> 33) * 0xc4ceb9fe1a85ec53u;
	return k ^ k >> 33;
}

/* MurmurHash3_x64_128, seed 0 */
static void
murmur128(struct tsn_slice s, uint64_t out[2])
{
	const uint64_t c1 = 0x87c37b91114253d5u, c2 = 0x4cf5ad432745937fu;
	uint64_t h1 = 0, h2 = 0, k1, k2;
	size_t i = 0, left;

	for (; i + 16 <= s.len; i += 16) {
		h1 ^= rotl64(le(s.ptr + i, 8) * c1, 31) * c2;
		h1 = (rotl64(h1, 27) + h2) * 5 + 0x52dce729u;
		h2 ^= rotl64(le(s.ptr + i + 8, 8) * c2, 33) * c1;
		h2 = (rotl64(h2, 31) + h1) * 5 + 0x38495ab5u;
	}
	left = s.len - i;
	k1 = left > 0 ? le(s.ptr + i, left > 8 ? 8 : (unsigned)left) : 0;
	k2 = left > 8 ? le(s.ptr + i + 8, (unsigned)left - 8) : 0;
	h2 ^= rotl64(k2 * c2, 33) * c1;
	h1 ^= rotl64(k1 * c1, 31) * c2;
	h1 ^= s.len;
	h2 ^= s.len;
	h1 += h2;
	h2 += h1;
	h1 = mix64(h1);
	h2 = mix64(h2);
	h1 += h2;
	out[0] = h1;
	out[1] = h2 + h1;
}

static struct tsn_pv
encoded(const struct fingerprint *f, struct tsn_pev *ev, const unsigned char *bytes, size_t len)
{
	struct tsn_slice s = {(const char *)bytes, len};
	size_t need = f->base64 ? TSN_BASE64_LEN(len) : 2 * len;
	char *out = tsn_arena_alloc(ev->arena, need + 1);

	if (out == NULL)
		return (struct tsn_pv){.type = TSN_PV_NULL};
	if (f->base64)
		return tsn_pv_str(tsn_slice_of(out, tsn_base64_encode(s, out)));
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	return tsn_pv_str(tsn_slice_of(out, need));
}

static struct tsn_pv
network(const struct fingerprint *f, struct tsn_pev *ev, struct tsn_slice text)
{
	char out[TSN_IP_TEXT_MAX];
	struct tsn_ip ip;
	uint64_t bits;

	if (tsn_ip_parse(text, &ip) != TSN_OK || !tsn_ip_is_v4(&ip) ||
	    tsn_num_parse_u64(f->key, &bits) != TSN_OK)
		return (struct tsn_pv){.type = TSN_PV_NULL};
	ip = tsn_ip_mask(&ip, 96 + (unsigned)bits);
	return tsn_pv_str(tsn_arena_dup(ev->arena, tsn_slice_of(out, tsn_ip_format(&ip, out))));
}

static struct tsn_pv
hash_text(const struct fingerprint *f, struct tsn_pev *ev, struct tsn_slice text)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	uint64_t wide[2];

	if (tsn_slice_eq(f->method, TSN_SLICE("MURMUR3")))
		return tsn_pv_int(murmur32(text));
	if (tsn_slice_eq(f->method, TSN_SLICE("IPV4_NETWORK")))
		return network(f, ev, text);
	if (f->md == NULL) {
		murmur128(text, wide);
		for (unsigned i = 0; i < 16; i++)
			digest[i] = (unsigned char)(wide[i / 8] >> (56 - 8 * (i % 8)));
		return encoded(f, ev, digest, 16);
	}
	if (f->has_key)
		(void)HMAC(f->md, f->key.ptr, (int)f->key.len, (const unsigned char *)text.ptr, text.len,
		    digest, &len);
	else
		(void)EVP_Digest(text.ptr, text.len, digest, &len, f->md, NULL);
	return encoded(f, ev, digest, len);
}

static struct tsn_pv
hash_value(const struct fingerprint *f, struct tsn_pev *ev, const struct tsn_pv *v)
{
	struct tsn_buf b;
	struct tsn_slice text;
	char bytes[8];

	/* whole numbers are hashed as the eight bytes they are */
	if (v->type == TSN_PV_INT && tsn_slice_eq(f->method, TSN_SLICE("MURMUR3"))) {
		for (unsigned i = 0; i < 8; i++)
			bytes[i] = (char)((uint64_t)v->as.i >> (8 * i));
		return tsn_pv_int(murmur32(tsn_slice_of(bytes, 8)));
	}
	tsn_buf_init(&b, TSN_PL_BYTES_MAX);
	tsn_pv_write_text(v, &b);
	text = tsn_pl_keep(ev, &b);
	return text.ptr == NULL ? (struct tsn_pv){.type = TSN_PV_NULL} : hash_text(f, ev, text);
}

static void
add_concat(struct tsn_buf *b, struct tsn_slice name, const struct tsn_pv *v)
{
	tsn_buf_char(b, '|');
	tsn_buf_slice(b, name);
	tsn_buf_char(b, '|');
	if (v != NULL && v->type != TSN_PV_NULL)
		tsn_pv_write_text(v, b);
}

static bool
hash_all(const struct fingerprint *f, struct tsn_pev *ev)
{
	const struct tsn_pv_map *m = ev->root.as.map;
	struct tsn_slice *names = tsn_arena_alloc(ev->arena, (m->count + 1) * sizeof *names), text;
	struct tsn_buf b;
	struct tsn_pv v;

	if (names == NULL)
		return false;
	tsn_buf_init(&b, TSN_PL_BYTES_MAX);
	if (f->all) {
		for (uint32_t i = 0; i < m->count; i++)
			names[i] = m->members[i].name;
		qsort(names, m->count, sizeof *names, by_name);
		for (uint32_t i = 0; i < m->count; i++)
			add_concat(&b, names[i], tsn_pev_find(ev, names[i]));
	}
	for (uint32_t i = 0; !f->all && i < f->count; i++)
		add_concat(&b, f->names[i], tsn_pev_get(ev, &f->source[i]));
	tsn_buf_char(&b, '|');
	text = tsn_pl_keep(ev, &b);
	if (text.ptr == NULL)
		return false;
	v = hash_text(f, ev, text);
	return tsn_pev_set(ev, &f->target, v);
}

static bool
punctuation(const struct fingerprint *f, struct tsn_pev *ev, uint32_t i)
{
	const struct tsn_pv *v = tsn_pev_get(ev, &f->source[i]);
	char *out;
	size_t n = 0;

	if (v == NULL || v->type != TSN_PV_STR)
		return false;
	out = tsn_arena_alloc(ev->arena, v->as.str.len + 1);
	for (size_t k = 0; out != NULL && k < v->as.str.len; k++) {
		unsigned char c = (unsigned char)v->as.str.ptr[k];

		if (c > ' ' && c < 0x7f && !((c | 0x20) >= 'a' && (c | 0x20) <= 'z') &&
		    !(c >= '0' && c <= '9'))
			out[n++] = (char)c;
	}
	return out != NULL && tsn_pev_set(ev, &f->target, tsn_pv_str(tsn_slice_of(out, n)));
}

static bool
random_id(const struct fingerprint *f, struct tsn_pev *ev)
{
	unsigned char b[16];
	char text[40];

	if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
		return false;
	b[6] = (unsigned char)(0x40 | (b[6] & 0x0f));
	b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
	(void)snprintf(text, sizeof text, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x"
	    "%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
	    b[13], b[14], b[15]);
	return tsn_pev_set(ev, &f->target, tsn_pv_str(tsn_arena_dup(ev->arena,
	    tsn_slice_cstr(text))));
}

static bool
hash_one(const struct fingerprint *f, struct tsn_pev *ev, uint32_t i)
{
	const struct tsn_pv *v = tsn_pev_get(ev, &f->source[i]);
	struct tsn_pv list, one;

	if (v == NULL)
		return false;
	if (v->type != TSN_PV_LIST)
		return tsn_pev_set(ev, &f->target, hash_value(f, ev, v));
	if (!tsn_pv_list_new(ev->arena, &list))
		return false;
	for (uint32_t k = 0; k < v->as.list->count; k++) {
		one = hash_value(f, ev, &v->as.list->items[k]);
		if (!tsn_pv_list_add(ev->arena, list.as.list, one))
			return false;
	}
	return tsn_pev_set(ev, &f->target, list);
}

static bool
fingerprint_filter(struct tsn_pinst *in, struct tsn_pev *ev)
{
	const struct fingerprint *f = in->state;

	if (tsn_slice_eq(f->method, TSN_SLICE("UUID")))
		return random_id(f, ev);
	if (f->concat && !tsn_slice_eq(f->method, TSN_SLICE("PUNCTUATION")))
		return hash_all(f, ev);
	for (uint32_t i = 0; i < f->count; i++)
		(void)(tsn_slice_eq(f->method, TSN_SLICE("PUNCTUATION")) ? punctuation(f, ev, i) :
		    hash_one(f, ev, i));
	return true;
}

const struct tsn_pfilter tsn_filter_fingerprint = {.open = fingerprint_open,
    .filter = fingerprint_filter};
