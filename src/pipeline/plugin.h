/*
 * pipeline/plugin: what each plugin is called, which options it takes and what runs it.
 *
 * One constant descriptor a plugin, listed in list.c; option checking, defaults and `pipeline
 * check` follow from it.  A plugin without callbacks is known to the checker only: a pipeline that
 * uses it can be checked and is refused by `run`.
 */
#ifndef TSN_PIPELINE_PLUGIN_H
#define TSN_PIPELINE_PLUGIN_H

#include "base/buf.h"
#include "pipeline/conf.h"

enum tsn_popt_type {
	TSN_PO_STRING,
	TSN_PO_NUMBER,
	TSN_PO_BOOL,
	TSN_PO_ARRAY,	/* a single value counts as an array of one */
	TSN_PO_HASH,	/* an array of name, value, name, value ... counts too */
	TSN_PO_CODEC,	/* a name, or a name with options */
	TSN_PO_ANY,
};

struct tsn_popt {
	const char *name;
	enum tsn_popt_type type;
	const char *dflt;	/* as it would be written, or NULL */
	const char *modern;	/* an old name: what to write today ("" when it says nothing any more) */
	const char *choices;	/* "a|b|c", or NULL */
	bool required;
};

struct tsn_pfilter;
struct tsn_pinput;
struct tsn_poutput;
struct tsn_pcodec;

struct tsn_plugin {
	const char *name;
	enum tsn_plugin_kind kind;
	const char *doc;
	const char *refused;			/* why such a plugin is not run at all, or NULL */
	const char *modern;			/* an old plugin: the one that took its place, or NULL */
	const struct tsn_popt *options;		/* the last one has no name */
	bool parses;				/* makes fields of an event's text */
	const struct tsn_pfilter *filter;	/* NULL: checked only */
	const struct tsn_pinput *input;
	const struct tsn_poutput *output;
	const struct tsn_pcodec *codec;
};

/** All of a kind, NULL-terminated. */
const struct tsn_plugin *const *tsn_plugins(enum tsn_plugin_kind kind);
const struct tsn_plugin *tsn_plugin_find(enum tsn_plugin_kind kind, struct tsn_slice name);
/** True when a pipeline with it can run. */
bool tsn_plugin_runs(const struct tsn_plugin *p);
/** The option of this name, the plugin's own or one that all of its kind take; or NULL. */
const struct tsn_popt *tsn_plugin_option(const struct tsn_plugin *p, struct tsn_slice name);
/** Options that all plugins of a kind take; the last one has no name. */
const struct tsn_popt *tsn_plugin_common(enum tsn_plugin_kind kind);

struct tsn_check {
	struct tsn_buf text;	/* "FILE:LINE:COLUMN: error: ..." lines */
	uint32_t errors;
	uint32_t warnings;
};

/** Checks every plugin and option of a configuration; lines and counts are added to check. */
void tsn_check_run(const struct tsn_conf *c, struct tsn_check *check);

/* The descriptors, by kind (desc_*.c). */
extern const struct tsn_plugin *const tsn_plugins_input[];
extern const struct tsn_plugin *const tsn_plugins_filter[];
extern const struct tsn_plugin *const tsn_plugins_output[];
extern const struct tsn_plugin *const tsn_plugins_codec[];

#endif
