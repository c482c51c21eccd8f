/*
 * codec/evtx_int: what the files of the event log reader share.
 *
 * Binary XML is compiled to nodes once per template; a record fills in its values while the nodes
 * are written.  Offsets of names and templates count from the start of the chunk.
 */
#ifndef TSN_CODEC_EVTX_INT_H
#define TSN_CODEC_EVTX_INT_H

#include "base/arena.h"
#include "codec/evtx.h"

#define EVTX_DEPTH_MAX 64u
#define EVTX_TEMPLATES_DEEP 8u
#define EVTX_SLOTS 512u

enum evtx_kind {
	EVTX_ELEMENT,
	EVTX_ATTRIBUTE,
	EVTX_TEXT,
	EVTX_SUBSTITUTION,
	EVTX_INSTANCE,
};

enum evtx_type {
	EVTX_T_NULL = 0x00,
	EVTX_T_STRING = 0x01,
	EVTX_T_ANSI = 0x02,
	EVTX_T_INT8 = 0x03,
	EVTX_T_UINT8 = 0x04,
	EVTX_T_INT16 = 0x05,
	EVTX_T_UINT16 = 0x06,
	EVTX_T_INT32 = 0x07,
	EVTX_T_UINT32 = 0x08,
	EVTX_T_INT64 = 0x09,
	EVTX_T_UINT64 = 0x0a,
	EVTX_T_REAL32 = 0x0b,
	EVTX_T_REAL64 = 0x0c,
	EVTX_T_BOOL = 0x0d,
	EVTX_T_BINARY = 0x0e,
	EVTX_T_GUID = 0x0f,
	EVTX_T_SIZE = 0x10,
	EVTX_T_FILETIME = 0x11,
	EVTX_T_SYSTEMTIME = 0x12,
	EVTX_T_SID = 0x13,
	EVTX_T_HEX32 = 0x14,
	EVTX_T_HEX64 = 0x15,
	EVTX_T_BINXML = 0x21,
	EVTX_T_ARRAY = 0x80,
};

/* Values of a template instance: descriptors (size u16, type u8, u8) at `at`, data behind them. */
struct evtx_values {
	uint32_t at;
	uint32_t count;
	uint32_t data;
};

struct evtx_node {
	uint8_t kind;			/* enum evtx_kind */
	bool optional;
	uint16_t id;			/* substitution */
	struct tsn_slice text;		/* name or text, UTF-8 */
	struct evtx_node *attributes;
	struct evtx_node *kids;
	struct evtx_node *next;
	struct evtx_values values;	/* instance; its template's nodes are `kids` */
};

struct evtx_slot {
	uint32_t offset;		/* 0 free */
	struct evtx_node *node;		/* template, or a node whose text is the name */
};

struct tsn_evtx {
	const unsigned char *chunk;
	uint32_t len;
	uint32_t at;			/* next record */
	uint32_t last;			/* where the header says the last record begins */
	uint64_t last_id;
	bool sum_bad;
	bool begun;
	struct tsn_arena kept;		/* templates and names of the chunk */
	struct tsn_arena scratch;	/* of one record */
	struct evtx_slot templates[EVTX_SLOTS];
	struct evtx_slot names[EVTX_SLOTS];
	const char *why;		/* what broke */
	uint32_t where;
};

static inline uint32_t
evtx_u16(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t
evtx_u32(const unsigned char *p)
{
	return evtx_u16(p) | evtx_u16(p + 2) << 16;
}

static inline uint64_t
evtx_u64(const unsigned char *p)
{
	return (uint64_t)evtx_u32(p) | (uint64_t)evtx_u32(p + 4) << 32;
}

/** Remembers the first failure of a record; false. */
bool tsn_evtx_broken(struct tsn_evtx *e, uint32_t where, const char *why);
/**
 * Compiles the binary XML in [at, end) into nodes of the arena.  inner: it is a value (elements
 * have no dependency field then).  deep: templates around it.
 */
bool tsn_evtx_compile(struct tsn_evtx *e, struct tsn_arena *arena, uint32_t at, uint32_t end,
    bool inner, unsigned deep, struct evtx_node **ret_nodes);
/** Appends the document of the nodes as JSON. */
bool tsn_evtx_write(struct tsn_evtx *e, const struct evtx_node *nodes, struct tsn_buf *out);

/** UTF-16LE to UTF-8 in the arena; lone surrogates become three bytes. */
bool tsn_evtx_utf8(struct tsn_arena *arena, const unsigned char *p, uint32_t units,
    struct tsn_slice *ret_text);
/** A value as JSON text without quotes; *ret_quote says whether it needs them. */
bool tsn_evtx_value(struct tsn_evtx *e, uint8_t type, uint32_t at, uint32_t size,
    struct tsn_buf *out, bool *ret_quote);
/** Size of one element of a fixed-size type, 0 for others. */
uint32_t tsn_evtx_type_size(uint8_t type);
/** "2024-03-01T10:00:00.123456Z", 7 digits where the last is not 0. */
void tsn_evtx_time(uint64_t filetime, struct tsn_buf *out);

#endif
