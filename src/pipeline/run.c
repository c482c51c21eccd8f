/* Compiling the tree: instances of plugins, their options and codecs. */
#include "pipeline/run.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/run_int.h"

static enum tsn_code
open_common(struct tsn_pinst *in, struct tsn_err *err)
{
	const char *tags = in->desc->kind == TSN_PLUGIN_INPUT ? "tags" : "add_tag";

	in->type = in->desc->kind == TSN_PLUGIN_INPUT ? tsn_pi_str(in, "type", "") : TSN_SLICE("");
	if (!tsn_pi_pairs(in, "add_field", &in->add_field, &in->add_field_count) ||
	    !tsn_pi_tmpls(in, tags, &in->add_tag, &in->add_tag_count) ||
	    !tsn_pi_tmpls(in, "remove_tag", &in->remove_tag, &in->remove_tag_count) ||
	    !tsn_pi_names(in, "remove_field", &in->remove_field, &in->remove_field_count))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	return TSN_OK;
}

static enum tsn_code
open_inst(struct tsn_pinst *in, struct tsn_err *err)
{
	const struct tsn_plugin *d = in->desc;
	enum tsn_code (*open)(struct tsn_pinst *, struct tsn_err *) = NULL;

	if (d->filter != NULL)
		open = d->filter->open;
	else if (d->input != NULL)
		open = d->input->open;
	else if (d->output != NULL)
		open = d->output->open;
	else if (d->codec != NULL)
		open = d->codec->open;
	in->opened = true;
	return open == NULL ? TSN_OK : open(in, err);
}

static enum tsn_code new_inst(struct tsn_pipeline *pl, struct tsn_conf_plugin *conf,
    struct tsn_pinst **ret, struct tsn_err *err);

/* What old options say of the codec: an output's message_format, an input's format. */
static enum tsn_code
old_codec(struct tsn_pinst *in, struct tsn_conf_plugin *named, struct tsn_err *err)
{
	const struct tsn_conf_option *format = tsn_conf_option_find(in->conf,
	    TSN_SLICE("message_format"));
	const struct tsn_conf_option *input = tsn_conf_option_find(in->conf, TSN_SLICE("format"));
	struct tsn_conf_option *own;

	if (in->desc->kind == TSN_PLUGIN_INPUT && input != NULL) {
		bool json = tsn_slice_eq(input->value.text, TSN_SLICE("json")) ||
		    tsn_slice_eq(input->value.text, TSN_SLICE("json_event"));

		named->name = json ? TSN_SLICE("json") : named->name;
	}
	if (in->desc->kind != TSN_PLUGIN_OUTPUT || format == NULL)
		return TSN_OK;
	own = tsn_pi_alloc(in, 1, sizeof *own);
	if (own == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	*own = (struct tsn_conf_option){.name = TSN_SLICE("format"), .at = format->at,
	    .value = format->value};
	named->name = TSN_SLICE("line");
	named->options = own;
	return TSN_OK;
}

static enum tsn_code
new_codec(struct tsn_pinst *in, const char *dflt, struct tsn_err *err)
{
	const struct tsn_conf_option *o = tsn_conf_option_find(in->conf, TSN_SLICE("codec"));
	const struct tsn_conf_value *v = o == NULL ? NULL : &o->value;
	struct tsn_conf_plugin *named;

	if (v != NULL && v->type == TSN_CONF_PLUGIN)
		return new_inst(in->pl, v->plugin, &in->codec, err);
	named = tsn_pi_alloc(in, 1, sizeof *named);
	if (named == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	*named = (struct tsn_conf_plugin){.kind = TSN_PLUGIN_CODEC, .at = in->conf->at,
	    .name = v == NULL ? tsn_slice_cstr(dflt) : v->text};
	if (v == NULL)
		TSN_TRY(old_codec(in, named, err));
	return new_inst(in->pl, named, &in->codec, err);
}

static enum tsn_code
new_inst(struct tsn_pipeline *pl, struct tsn_conf_plugin *conf, struct tsn_pinst **ret,
    struct tsn_err *err)
{
	struct tsn_pinst *in = tsn_arena_calloc(&pl->conf->arena, 1, sizeof *in);

	if (in == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	*in = (struct tsn_pinst){.desc = tsn_plugin_find(conf->kind, conf->name), .conf = conf,
	    .pl = pl, .next = pl->insts};
	/* the configuration was checked: the name is known */
	if (in->desc == NULL)
		TSN_FAIL(err, TSN_EINVAL, "unknown plugin");
	conf->user = in;
	*ret = in;
	if (in->desc->refused != NULL)
		return tsn_pi_fail(in, err, "refused: %s", in->desc->refused);
	if (!tsn_plugin_runs(in->desc) && !pl->feeding)
		return tsn_pi_fail(in, err, "its options can be checked, but this program has no "
		    "implementation that runs it");
	pl->insts = in;
	if (conf->kind == TSN_PLUGIN_OUTPUT)
		in->number = ++pl->output_count;
	if (in->desc->kind != TSN_PLUGIN_CODEC)
		TSN_TRY(open_common(in, err));
	if (in->desc->input != NULL)
		TSN_TRY(new_codec(in, in->desc->input->codec, err));
	else if (pl->feeding && conf->kind == TSN_PLUGIN_INPUT)
		TSN_TRY(new_codec(in, "plain", err));
	if (in->desc->output != NULL && in->desc->output->codec != NULL)
		TSN_TRY(new_codec(in, in->desc->output->codec, err));
	/* records come from outside: the input itself stays closed */
	return pl->feeding && conf->kind == TSN_PLUGIN_INPUT ? TSN_OK : open_inst(in, err);
}

static enum tsn_code
compile_nodes(struct tsn_pipeline *pl, struct tsn_conf_node *n, struct tsn_err *err)
{
	for (; n != NULL; n = n->next) {
		struct tsn_pinst *in;

		if (n->plugin != NULL) {
			TSN_TRY(new_inst(pl, n->plugin, &in, err));
			if (n->plugin->kind != TSN_PLUGIN_INPUT)
				continue;
			if (pl->input_count == TSN_COUNT(pl->inputs))
				return tsn_pi_fail(in, err, "a pipeline has at most %zu inputs",
				    TSN_COUNT(pl->inputs));
			pl->inputs[pl->input_count++] = in;
		}
		for (struct tsn_conf_branch *b = n->branches; b != NULL; b = b->next) {
			if (b->cond != NULL)
				TSN_TRY(tsn_cond_compile(pl->conf, b->cond, err));
			TSN_TRY(compile_nodes(pl, b->body, err));
		}
	}
	return TSN_OK;
}

enum tsn_code
tsn_pl_inst(struct tsn_pipeline *pl, struct tsn_conf_plugin *conf, struct tsn_pinst **ret,
    struct tsn_err *err)
{
	return new_inst(pl, conf, ret, err);
}

/* The first input of the configuration says how the records that are fed begin. */
static enum tsn_code
new_feed(struct tsn_pipeline *pl, struct tsn_err *err)
{
	struct tsn_conf_node *n = pl->conf->sections[TSN_PLUGIN_INPUT];
	struct tsn_conf_plugin *named;

	while (n != NULL && n->plugin == NULL)
		n = n->next;
	named = n != NULL ? n->plugin : tsn_arena_calloc(&pl->conf->arena, 1, sizeof *named);
	if (named == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	if (n == NULL)
		*named = (struct tsn_conf_plugin){.kind = TSN_PLUGIN_INPUT, .name = TSN_SLICE("stdin")};
	pl->feeding = true;
	TSN_TRY(new_inst(pl, named, &pl->feed, err));
	pl->feeding = false;
	return TSN_OK;
}

enum tsn_code
tsn_pipeline_new(struct tsn_conf *conf, const struct tsn_pl_env *env, bool filters_only,
    struct tsn_pipeline **ret, struct tsn_err *err)
{
	struct tsn_pipeline *pl = calloc(1, sizeof *pl);

	if (pl == NULL)
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	pl->conf = conf;
	pl->env = *env;
	tsn_arena_init(&pl->arena, TSN_PL_BYTES_MAX);
	tsn_buf_init(&pl->out, TSN_PL_BYTES_MAX);
	tsn_pevs_init(&pl->decoded);
	tsn_pevs_init(&pl->emitted);
	if (filters_only) {
		enum tsn_code code = new_feed(pl, err);

		if (code != TSN_OK) {
			tsn_pipeline_free(pl);
			return code;
		}
	}
	for (unsigned k = 0; k < 3; k++) {
		enum tsn_code code = filters_only && k != TSN_PLUGIN_FILTER ? TSN_OK :
		    compile_nodes(pl, conf->sections[k], err);

		if (code != TSN_OK) {
			tsn_pipeline_free(pl);
			return code;
		}
	}
	*ret = pl;
	return TSN_OK;
}

static void
free_conds(struct tsn_conf_node *n)
{
	for (; n != NULL; n = n->next)
		for (struct tsn_conf_branch *b = n->branches; b != NULL; b = b->next) {
			if (b->cond != NULL)
				tsn_cond_done(b->cond);
			free_conds(b->body);
		}
}

static void
close_inst(struct tsn_pinst *in)
{
	const struct tsn_plugin *d = in->desc;
	void (*close)(struct tsn_pinst *) = NULL;

	if (!in->opened)
		return;
	if (d->filter != NULL)
		close = d->filter->close;
	else if (d->input != NULL)
		close = d->input->close;
	else if (d->output != NULL)
		close = d->output->close;
	else if (d->codec != NULL)
		close = d->codec->close;
	if (close != NULL)
		close(in);
}

void
tsn_pipeline_free(struct tsn_pipeline *pl)
{
	if (pl == NULL)
		return;
	for (struct tsn_pinst *in = pl->insts; in != NULL; in = in->next)
		close_inst(in);
	for (unsigned k = 0; k < 3; k++)
		free_conds(pl->conf->sections[k]);
	tsn_loop_free(pl->loop);
	tsn_buf_done(&pl->out);
	tsn_arena_done(&pl->arena);
	free(pl);
}
