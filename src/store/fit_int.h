/*
 * store/fit: templates that fitted events before, found without making the event's shape.
 */
#ifndef TSN_STORE_FIT_INT_H
#define TSN_STORE_FIT_INT_H

#include "store/tmpl_int.h"

#define FIT_SLOTS 2048u

struct fit;

struct fit *fit_new(void);
void fit_free(struct fit *f);
/** Forgets all templates: to be called when their table is reset. */
void fit_reset(struct fit *f);
/**
 * A template that gives this event back exactly, with its values in vals (room for
 * TMPL_SLOTS_MAX); NULL: none is known, its shape must be made.
 */
struct tmpl *fit_find(struct fit *f, const struct tsn_event *ev, struct val *vals);
/** Remembers the template of the event. */
void fit_add(struct fit *f, struct tmpl_table *table, const struct tsn_event *ev, struct tmpl *t);

#endif
