/* State of compiling one plan. */
#ifndef TSN_DETECT_COMPILE_INT_H
#define TSN_DETECT_COMPILE_INT_H

#include "detect/detect_int.h"
#include "detect/map_int.h"

struct known_name {
	const struct tsn_view *view;
	struct tsn_slice name;		/* of the rule set */
	uint32_t ref;
};

struct compiler {
	struct set *set;
	struct plan *p;
	struct tsn_err *err;
	struct tsn_arena scratch;
	const struct tsn_view *view;	/* of the unit at hand */
	uint16_t *slot_of;		/* [TSN_KEYS_MAX] */
	struct map name_map, ref_map, atom_map;
	struct known_name *names;
	uint32_t name_count, name_cap;
	struct ref **refs;
	uint32_t ref_count, ref_cap;
	struct ref *record;
	uint32_t atom_cap;
	uint32_t *order;		/* atoms of the unit at hand, in the order of its condition */
	uint32_t order_count, order_cap;
	uint32_t order_at;
	struct census *census;
};

/** What a written name means in the view at hand. */
TSN_MUST_CHECK enum tsn_code tsn_compile_ref(struct compiler *c, struct tsn_slice name,
    const struct ref **ret);
/** The exceptions of a unit, in terms of its view. */
TSN_MUST_CHECK enum tsn_code tsn_except_compile(struct compiler *c, struct unit *u);
/** The ref of atoms without a field. */
TSN_MUST_CHECK enum tsn_code tsn_compile_record(struct compiler *c, const struct ref **ret);
/** The number of an atom, new if it is the first of its kind. */
TSN_MUST_CHECK enum tsn_code tsn_compile_atom(struct compiler *c, const struct tsn_atom *atom,
    uint32_t *ret);

#endif
