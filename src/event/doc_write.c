/*
 * An event as one JSON object.  A tree of names and list elements is laid over the fields first
 * (one pass, a hash table of places), then written depth first.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "codec/json.h"
#include "event/doc_int.h"

/*
 * Invariant: kids of a node are its members (elements of a list: `element`), in order of first
 * appearance; values are fields at this very place, linked through `next_value`.
 */
struct node {
	tsn_key key;
	uint32_t pos;
	uint32_t first, last, next;	/* nodes; 0 none */
	uint32_t value, value_last;	/* values; 0 none */
	uint32_t members;		/* kids that are members */
	bool element;
};

/* A node opens two frames at most. */
#define FRAMES(deepest) (2 * (size_t)(deepest) + 4)

struct value {
	uint32_t field;
	uint32_t next;
};

/* A node that is to be made on the way down. */
struct step {
	tsn_key key;
	uint32_t pos;
	uint32_t slot;
};

struct tree {
	const struct tsn_event *ev;
	const struct tsn_keys *keys;
	struct tsn_buf *out;
	struct node *nodes;		/* [0]: the document */
	struct value *values;		/* [0] unused */
	uint32_t *slots;
	struct step *way;		/* scratch of node_of */
	uint32_t node_count, node_cap, value_count, slot_mask;
	struct tsn_doc_spots *spots;	/* where values stand in the output; NULL: nobody asks */
};

static uint32_t
depth_of(const struct tsn_event *ev, const struct tsn_keys *keys, const struct tsn_field *f)
{
	uint32_t n = 0;

	for (tsn_key key = f->key; key != TSN_KEY_ROOT; key = tsn_keys_parent(keys, key))
		n++;
	for (uint32_t pos = f->pos; pos != 0; pos = ev->pos[pos - 1].parent)
		n++;
	return n;
}

static uint32_t
add_node(struct tree *t, uint32_t up, tsn_key key, uint32_t pos, bool element)
{
	uint32_t at = t->node_count++;

	TSN_ASSERT(at < t->node_cap);
	t->nodes[at] = (struct node){.key = key, .pos = pos, .element = element};
	if (t->nodes[up].first == 0)
		t->nodes[up].first = at;
	else
		t->nodes[t->nodes[up].last].next = at;
	t->nodes[up].last = at;
	t->nodes[up].members += !element;
	return at;
}

static bool
is_element(const struct tree *t, tsn_key key, uint32_t pos)
{
	return pos != 0 && t->ev->pos[pos - 1].list == key;
}

/*
 * The node of name `key` inside list element `pos` (0: in none), made with all above it when it is
 * new.  The way up is gone over first, then down again.
 */
static uint32_t
node_of(struct tree *t, tsn_key key, uint32_t pos)
{
	struct step *way = t->way;
	uint32_t n = 0, at = 0;

	while (key != TSN_KEY_ROOT) {
		uint64_t h = tsn_hash_mix(key + UINT64_C(0x9e3779b97f4a7c15), pos + UINT64_C(0xd6e8feb8));
		uint32_t slot = (uint32_t)h & t->slot_mask;

		while (t->slots[slot] != 0 && (t->nodes[t->slots[slot]].key != key ||
		    t->nodes[t->slots[slot]].pos != pos))
			slot = (slot + 1) & t->slot_mask;
		if (t->slots[slot] != 0) {
			at = t->slots[slot];
			break;
		}
		way[n++] = (struct step){key, pos, slot};
		if (is_element(t, key, pos))
			pos = t->ev->pos[pos - 1].parent;
		else
			key = tsn_keys_parent(t->keys, key);
	}
	while (n > 0) {
		uint32_t slot = way[--n].slot;

		at = add_node(t, at, way[n].key, way[n].pos,
		    is_element(t, way[n].key, way[n].pos));
		while (t->slots[slot] != 0)
			slot = (slot + 1) & t->slot_mask;
		t->slots[slot] = at;
	}
	return at;
}

static void
add_field(struct tree *t, uint32_t index)
{
	const struct tsn_field *f = &t->ev->fields[index];
	uint32_t at = node_of(t, f->key, f->pos), v = ++t->value_count;

	t->values[v] = (struct value){.field = index};
	if (t->nodes[at].value == 0)
		t->nodes[at].value = v;
	else
		t->values[t->nodes[at].value_last].next = v;
	t->nodes[at].value_last = v;
}

void
tsn_doc_write_value(const struct tsn_field *f, struct tsn_buf *out)
{
	char scratch[TSN_TIME_TEXT_MAX];
	struct tsn_slice text = {f->ptr, f->len};

	switch ((enum tsn_type)f->type) {
	case TSN_T_STR:
		tsn_json_write_string(out, text);
		return;
	case TSN_T_INT:
	case TSN_T_UINT:
	case TSN_T_FLOAT:
		if (f->ptr != NULL && tsn_json_is_number(text))
			tsn_buf_slice(out, text);
		else if (f->type == TSN_T_INT)
			tsn_buf_i64(out, f->num.i);
		else if (f->type == TSN_T_UINT)
			tsn_buf_u64(out, f->num.u);
		else
			tsn_json_write_f64(out, f->num.d);
		return;
	case TSN_T_BOOL:
		tsn_buf_slice(out, f->num.i ? TSN_SLICE("true") : TSN_SLICE("false"));
		return;
	case TSN_T_TIME:
		tsn_buf_char(out, '"');
		tsn_buf_add(out, scratch, tsn_time_format(f->num.i, scratch));
		tsn_buf_char(out, '"');
		return;
	case TSN_T_OBJECT:
		tsn_buf_lit(out, "{}");
		return;
	case TSN_T_LIST:
		tsn_buf_lit(out, "[]");
		return;
	case TSN_T_NULL:
	case TSN_T__COUNT:
		break;
	}
	tsn_buf_lit(out, "null");
}

static void
write_value(struct tree *t, uint32_t field)
{
	size_t begin = t->out->len;

	tsn_doc_write_value(&t->ev->fields[field], t->out);
	if (t->spots != NULL && t->spots->count < t->spots->cap)
		t->spots->items[t->spots->count++] = (struct tsn_doc_spot){begin, t->out->len, field};
}

/*
 * What is open on the way down.  `base` is how much of the names is said already by the objects
 * around.
 */
struct frame {
	uint32_t kid;			/* next to write */
	uint32_t base;
	uint8_t part;			/* enum part */
	bool comma;
};

enum part {
	PART_LIST,			/* values and elements in brackets */
	PART_OBJECT,			/* members in braces */
	PART_LOOSE,			/* members into the object around */
	PART_SECOND,			/* members in braces, as one more element of the list around */
};

/* {} and [] that stand for "nothing here" give way to what is there. */
static bool
counts(const struct tree *t, const struct node *n, uint32_t v)
{
	const struct tsn_field *f = &t->ev->fields[t->values[v].field];

	if (f->type == TSN_T_OBJECT)
		return n->members == 0 && n->first == 0 && t->values[n->value].next == 0;
	if (f->type == TSN_T_LIST)
		return n->first == 0 && t->values[n->value].next == 0;
	return true;
}

static uint32_t
count_values(const struct tree *t, const struct node *n)
{
	uint32_t count = 0;

	for (uint32_t v = n->value; v != 0; v = t->values[v].next)
		count += counts(t, n, v);
	return count;
}

static void
write_name(struct tree *t, struct frame *in, const struct node *n)
{
	struct tsn_slice name = tsn_slice_from(tsn_keys_name(t->keys, n->key), in->base);

	if (in->comma)
		tsn_buf_char(t->out, ',');
	in->comma = true;
	tsn_json_write_string(t->out, name);
	tsn_buf_char(t->out, ':');
}

/* When only {} and [] stand here several times, the first is as good as the others. */
static void
write_only_value(struct tree *t, const struct node *n)
{
	uint32_t v = n->value;

	while (t->values[v].next != 0 && !counts(t, n, v))
		v = t->values[v].next;
	write_value(t, t->values[v].field);
}

static uint32_t
base_of(const struct tree *t, const struct node *n)
{
	return (uint32_t)tsn_keys_name(t->keys, n->key).len + 1;
}

/* Opens the list of a node: its values, then its elements follow. */
static struct frame
open_list(struct tree *t, uint32_t at)
{
	const struct node *n = &t->nodes[at];
	struct frame f = {.kid = n->first, .part = PART_LIST};

	tsn_buf_char(t->out, '[');
	for (uint32_t v = n->value; v != 0; v = t->values[v].next) {
		if (!counts(t, n, v))
			continue;
		if (f.comma)
			tsn_buf_char(t->out, ',');
		f.comma = true;
		write_value(t, t->values[v].field);
	}
	return f;
}

/*
 * Begins node `at` inside frame `in` (its name first when it is a member); fills `stack` with the
 * frames that it needs, inner last, and returns their number.
 */
static uint32_t
begin_node(struct tree *t, struct frame *in, uint32_t at, struct frame stack[2])
{
	const struct node *n = &t->nodes[at];
	uint32_t values = count_values(t, n), count = 0;
	uint32_t elements = 0;
	bool plain;

	for (uint32_t kid = n->first; kid != 0 && elements == 0; kid = t->nodes[kid].next)
		elements = t->nodes[kid].element;
	plain = values > 0 || elements > 0;
	if (n->members > 0 && plain)
		stack[count++] = (struct frame){.kid = n->first,
		    .base = n->element ? base_of(t, n) : in->base,
		    .part = n->element ? PART_SECOND : PART_LOOSE};
	if (!n->element)
		write_name(t, in, n);
	else if (in->comma)
		tsn_buf_char(t->out, ',');
	in->comma = true;
	if (n->members > 0 && !plain) {
		tsn_buf_char(t->out, '{');
		stack[count++] = (struct frame){.kid = n->first, .base = base_of(t, n),
		    .part = PART_OBJECT};
	} else if (elements > 0 || values > 1) {
		stack[count++] = open_list(t, at);
	} else {
		write_only_value(t, n);
	}
	return count;
}

static void
end_frame(struct tree *t, const struct frame *f)
{
	if (f->part != PART_LOOSE)
		tsn_buf_char(t->out, f->part == PART_LIST ? ']' : '}');
}

static void
write_tree(struct tree *t, struct frame *stack, size_t cap)
{
	uint32_t depth = 1;

	stack[0] = (struct frame){.kid = t->nodes[0].first, .part = PART_OBJECT};
	tsn_buf_char(t->out, '{');
	while (depth > 0) {
		struct frame *f = &stack[depth - 1];
		uint32_t at = f->kid;

		if (f->part == PART_SECOND) {
			tsn_buf_lit(t->out, ",{");
			f->part = PART_OBJECT;
		}
		while (at != 0 && t->nodes[at].element != (f->part == PART_LIST))
			at = t->nodes[at].next;
		if (at == 0) {
			end_frame(t, f);
			depth--;
			continue;
		}
		f->kid = t->nodes[at].next;
		TSN_ASSERT(depth + 2 <= cap);
		if (f->part == PART_LOOSE)
			f->comma = true;
		depth += begin_node(t, f, at, &stack[depth]);
	}
}

/* One block for all of the tree; NULL when out of memory. */
static void *
take(struct tree *t, uint32_t nodes, uint32_t values, uint32_t deepest, struct frame **ret_stack)
{
	uint32_t slots = 256;
	char *p, *memory;

	while (slots < nodes * 2)
		slots *= 2;
	memory = p = calloc(1, nodes * sizeof *t->nodes + values * sizeof *t->values +
	    slots * sizeof *t->slots + deepest * sizeof *t->way + FRAMES(deepest) * sizeof **ret_stack);
	if (p == NULL)
		return NULL;
	t->nodes = (void *)p;
	p += nodes * sizeof *t->nodes;
	t->values = (void *)p;
	p += values * sizeof *t->values;
	t->slots = (void *)p;
	p += slots * sizeof *t->slots;
	t->way = (void *)p;
	p += deepest * sizeof *t->way;
	*ret_stack = (void *)p;
	t->slot_mask = slots - 1;
	t->node_cap = nodes;
	return memory;
}

void
tsn_doc__write(const struct tsn_event *ev, const struct tsn_keys *keys, struct tsn_buf *out,
    struct tsn_doc_spots *spots)
{
	struct tree t = {.ev = ev, .keys = keys, .out = out, .node_count = 1, .spots = spots};
	uint32_t nodes = 1, deepest = 0;
	struct frame *stack;
	void *memory;

	for (uint32_t i = 0; i < ev->field_count; i++) {
		uint32_t depth = depth_of(ev, keys, &ev->fields[i]);

		nodes += depth;
		deepest = depth > deepest ? depth : deepest;
	}
	memory = take(&t, nodes, ev->field_count + 1, deepest, &stack);
	if (memory == NULL) {
		out->failed = out->failed == TSN_OK ? TSN_ENOMEM : out->failed;
		return;
	}
	for (uint32_t i = 0; i < ev->field_count; i++)
		if (ev->fields[i].key == TSN_F_TIMESTAMP && (ev->fields[i].flags & TSN_FIELD_HIDDEN) == 0)
			add_field(&t, i);
	for (uint32_t i = 0; i < ev->field_count; i++)
		if (ev->fields[i].key != TSN_F_TIMESTAMP && (ev->fields[i].flags & TSN_FIELD_HIDDEN) == 0)
			add_field(&t, i);
	write_tree(&t, stack, FRAMES(deepest));
	free(memory);
}

void
tsn_doc_write(const struct tsn_event *ev, const struct tsn_keys *keys, struct tsn_buf *out)
{
	tsn_doc__write(ev, keys, out, NULL);
}
