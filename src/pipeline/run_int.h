/* pipeline/run_int: instances of plugins and what their callbacks get. */
#ifndef TSN_PIPELINE_RUN_INT_H
#define TSN_PIPELINE_RUN_INT_H

#include "os/loop.h"
#include "pipeline/run.h"
#include "pipeline/tmpl.h"

/* A field's name that may hold %{...}. */
struct tsn_pname {
	struct tsn_tmpl tmpl;
	struct tsn_pref ref;		/* when it holds none */
};

struct tsn_ppair {
	struct tsn_pname name;
	struct tsn_tmpl *values;
	uint32_t count;
};

struct tsn_pevs {
	struct tsn_pev *first, **tail;
	uint32_t count;
};

struct tsn_pinst {
	const struct tsn_plugin *desc;
	const struct tsn_conf_plugin *conf;
	struct tsn_pipeline *pl;
	struct tsn_pinst *next;
	struct tsn_pinst *codec;	/* of inputs and outputs */
	void *state;
	bool opened;
	uint32_t number;		/* of outputs, from 1 */
	uint64_t events;		/* came to it (input: came from it) */
	uint64_t lost;			/* an output that could not take them */
	int64_t said_ns;
	struct tsn_ppair *add_field;
	uint32_t add_field_count;
	struct tsn_tmpl *add_tag, *remove_tag;
	uint32_t add_tag_count, remove_tag_count;
	struct tsn_pname *remove_field;
	uint32_t remove_field_count;
	struct tsn_slice type;
};

struct tsn_pfilter {
	enum tsn_code (*open)(struct tsn_pinst *in, struct tsn_err *err);
	void (*close)(struct tsn_pinst *in);
	/** True when it did its work: add_field and its like follow then. */
	bool (*filter)(struct tsn_pinst *in, struct tsn_pev *ev);
	/** Each second, and once at the end (last): may emit. */
	void (*tick)(struct tsn_pinst *in, bool last);
};

enum tsn_pstep { TSN_PSTEP_MORE, TSN_PSTEP_IDLE, TSN_PSTEP_END };

struct tsn_pinput {
	const char *codec;		/* when none is said */
	enum tsn_code (*open)(struct tsn_pinst *in, struct tsn_err *err);
	void (*close)(struct tsn_pinst *in);
	enum tsn_code (*step)(struct tsn_pinst *in, enum tsn_pstep *ret, struct tsn_err *err);
	/** Adds what the input knows (host, file) to a decoded event. */
	void (*decorate)(struct tsn_pinst *in, struct tsn_pev *ev);
	/** All that it gave so far has left the outputs for good: it can be forgotten. */
	enum tsn_code (*settled)(struct tsn_pinst *in, struct tsn_err *err);
	/** What it had to leave out, for the report. */
	void (*report)(struct tsn_pinst *in, struct tsn_buf *out);
};

struct tsn_poutput {
	const char *codec;
	bool vital;			/* without it there is no use in going on */
	enum tsn_code (*open)(struct tsn_pinst *in, struct tsn_err *err);
	void (*close)(struct tsn_pinst *in);
	enum tsn_code (*write)(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_err *err);
	/** *ret_settled false: some of it is still only in this process. */
	enum tsn_code (*flush)(struct tsn_pinst *in, bool *ret_settled, struct tsn_err *err);
	/** Where its events are, for the report; NULL: all that it took are written. */
	void (*counts)(struct tsn_pinst *in, struct tsn_pl_output *ret);
};

/* A number with one writer that others may read. */
#define TSN_PL_ADD(x, n) __atomic_store_n(&(x), (x) + (n), __ATOMIC_RELAXED)
#define TSN_PL_READ(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)

struct tsn_pcodec {
	enum tsn_code (*open)(struct tsn_pinst *in, struct tsn_err *err);
	void (*close)(struct tsn_pinst *in);
	/** One record, usually a line, to events (tsn_pl_decoded). */
	void (*decode)(struct tsn_pinst *in, struct tsn_slice record);
	/** What is held back at the end of the input. */
	void (*finish)(struct tsn_pinst *in);
	/** Does it hold something back?  NULL: never. */
	bool (*holds)(const struct tsn_pinst *in);
	/** Its records are lines, wherever they come from. */
	bool lines;
	/**
	 * Its records are not lines: takes whole ones from the front of bytes and says how many bytes
	 * they were; last: what is left is broken.
	 */
	size_t (*consume)(struct tsn_pinst *in, struct tsn_slice bytes, bool last);
	void (*encode)(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_buf *out);
};

struct tsn_pipeline {
	struct tsn_conf *conf;
	struct tsn_pl_env env;
	struct tsn_arena arena;		/* of the events in flight */
	struct tsn_pinst *insts;	/* all, for closing */
	struct tsn_pinst *inputs[64];
	bool ended[64];
	uint32_t input_count;
	struct tsn_pinst *feed;		/* of tsn_pipeline_take */
	bool feeding;
	struct tsn_loop *loop;		/* or NULL: no input needs one */
	enum tsn_code broken;		/* in a callback of the loop */
	struct tsn_err broken_why;
	int64_t settled_ns, ticked_ns, drain_began_ns;
	bool settled;
	bool draining;			/* nothing more will come */
	uint32_t output_count;
	struct tsn_pevs decoded;	/* by the codec at work */
	struct tsn_pevs emitted;	/* by the filter at work */
	uint32_t made;			/* events of this round */
	struct tsn_pl_counts counts;
	struct tsn_buf out;		/* of the encoder at work */
};

/* Options (inst.c). */
const struct tsn_conf_value *tsn_pi_get(const struct tsn_pinst *in, const char *name);
struct tsn_slice tsn_pi_str(const struct tsn_pinst *in, const char *name, const char *dflt);
bool tsn_pi_bool(const struct tsn_pinst *in, const char *name, bool dflt);
double tsn_pi_num(const struct tsn_pinst *in, const char *name, double dflt);
/** Elements of an array (a single value: one). */
const struct tsn_conf_value *tsn_pi_list(const struct tsn_pinst *in, const char *name,
    uint32_t *ret_count);
/** Name, value, name, value ...; *ret_count pairs. */
const struct tsn_conf_value *tsn_pi_hash(const struct tsn_pinst *in, const char *name,
    uint32_t *ret_count);
/** True when ecs_compatibility is not "disabled". */
bool tsn_pi_ecs(const struct tsn_pinst *in);
/** "FILE:LINE:COL: filter NAME: ..." at the plugin. */
TSN_COLD enum tsn_code tsn_pi_fail(const struct tsn_pinst *in, struct tsn_err *err,
    const char *fmt, ...) TSN_PRINTF(3, 4);
/** Zeroed memory that lives as long as the pipeline, or NULL. */
void *tsn_pi_alloc(const struct tsn_pinst *in, size_t count, size_t size);
bool tsn_pi_ref(const struct tsn_pinst *in, struct tsn_slice text, struct tsn_pref *ret);
bool tsn_pi_name(const struct tsn_pinst *in, struct tsn_slice text, struct tsn_pname *ret);
bool tsn_pi_names(const struct tsn_pinst *in, const char *option, struct tsn_pname **ret,
    uint32_t *ret_count);
bool tsn_pi_tmpls(const struct tsn_pinst *in, const char *option, struct tsn_tmpl **ret,
    uint32_t *ret_count);
bool tsn_pi_pairs(const struct tsn_pinst *in, const char *option, struct tsn_ppair **ret,
    uint32_t *ret_count);
/** The reference for this event; NULL when memory is exhausted. */
const struct tsn_pref *tsn_pname_ref(const struct tsn_pname *n, const struct tsn_pev *ev,
    struct tsn_pref *scratch);

void tsn_pevs_init(struct tsn_pevs *l);
void tsn_pevs_add(struct tsn_pevs *l, struct tsn_pev *ev);

/* For callbacks (run.c). */
struct tsn_pev *tsn_pl_event(struct tsn_pipeline *pl);
void tsn_pl_decoded(struct tsn_pinst *codec, struct tsn_pev *ev);
/** A filter made another event, which goes on behind it; false: there are too many. */
bool tsn_pl_emit(struct tsn_pinst *filter, struct tsn_pev *ev);
/** An input hands a record to its codec; the events go through filters and outputs. */
enum tsn_code tsn_pl_record(struct tsn_pinst *input, struct tsn_slice record, struct tsn_err *err);
enum tsn_code tsn_pl_finish(struct tsn_pinst *input, struct tsn_err *err);
/** Bytes that came as one (a datagram, a message): one record, or its lines. */
enum tsn_code tsn_pl_body(struct tsn_pinst *input, struct tsn_slice body, struct tsn_err *err);
/** What the input's codec has decoded goes through everything. */
enum tsn_code tsn_pl_decoded_go(struct tsn_pinst *input, struct tsn_err *err);
/** An instance of a plugin of its own, for plugins that are made of others. */
enum tsn_code tsn_pl_inst(struct tsn_pipeline *pl, struct tsn_conf_plugin *conf,
    struct tsn_pinst **ret, struct tsn_err *err);
/** Does the codec of this input hold something back? */
bool tsn_pl_holds(const struct tsn_pinst *input);
/** An input that makes events itself. */
enum tsn_code tsn_pl_event_in(struct tsn_pinst *input, struct tsn_pev *ev, struct tsn_err *err);
/** The loop on which inputs wait for sockets; it turns between the steps. */
enum tsn_code tsn_pl_loop(struct tsn_pipeline *pl, struct tsn_loop **ret, struct tsn_err *err);
/** Inside a callback of the loop: the run ends with this. */
void tsn_pl_broken(struct tsn_pipeline *pl, enum tsn_code code, const struct tsn_err *why);
/** A line for the log: "output http: ...". */
void tsn_pl_say(struct tsn_pinst *in, const char *fmt, ...) TSN_PRINTF(2, 3);
/** add_field, remove_field, add_tag, remove_tag. */
void tsn_pl_matched(struct tsn_pinst *in, struct tsn_pev *ev);
void tsn_pl_tags(struct tsn_pev *ev, const struct tsn_tmpl *tags, uint32_t count);
/** Text in the event's arena from a buffer that is then finished; ptr NULL when exhausted. */
struct tsn_slice tsn_pl_keep(struct tsn_pev *ev, struct tsn_buf *b);

/* Conditions (eval.c). */
enum tsn_code tsn_cond_compile(struct tsn_conf *conf, struct tsn_cond *c, struct tsn_err *err);
void tsn_cond_done(struct tsn_cond *c);
bool tsn_cond_eval(const struct tsn_cond *c, const struct tsn_pev *ev);

#endif
