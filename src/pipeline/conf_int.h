/* pipeline/conf_int: the reader's state, shared by conf.c, conf_value.c and conf_cond.c. */
#ifndef TSN_PIPELINE_CONF_INT_H
#define TSN_PIPELINE_CONF_INT_H

#include "pipeline/conf.h"

struct tsn_conf_in {
	struct tsn_conf *conf;
	const char *p;
	const char *end;
	tsn_conf_env *env;
	void *env_ctx;
	struct tsn_err *err;
	uint32_t depth;
};

/** "FILE:LINE:COL: expected WHAT, found ..." at the cursor. */
TSN_COLD enum tsn_code tsn_conf_expected(const struct tsn_conf_in *in, const char *what);
TSN_COLD enum tsn_code tsn_conf_fail_at(const struct tsn_conf_in *in, const char *at,
    enum tsn_code code, const char *why);
/** Passes over blanks and comments. */
void tsn_conf_blank(struct tsn_conf_in *in);
/** True, and passed over, when the text goes on with this. */
bool tsn_conf_take(struct tsn_conf_in *in, const char *literal);
/** The same for a word: no letter, digit or _ may follow. */
bool tsn_conf_take_word(struct tsn_conf_in *in, const char *word);
static inline uint32_t
tsn_conf_offset(const struct tsn_conf_in *in)
{
	return (uint32_t)(in->p - in->conf->text.ptr);
}
enum tsn_code tsn_conf_read_string(struct tsn_conf_in *in, struct tsn_conf_value *ret);
enum tsn_code tsn_conf_read_number(struct tsn_conf_in *in, struct tsn_conf_value *ret);
typedef enum tsn_code tsn_conf_read_fn(struct tsn_conf_in *in, struct tsn_conf_value *ret);
/** "[" elements, each read by `read`, with commas between "]". */
enum tsn_code tsn_conf_read_array(struct tsn_conf_in *in, tsn_conf_read_fn *read,
    struct tsn_conf_value *ret);
/** A value of an option. */
enum tsn_code tsn_conf_read_value(struct tsn_conf_in *in, struct tsn_conf_value *ret);
enum tsn_code tsn_conf_read_plugin(struct tsn_conf_in *in, enum tsn_plugin_kind kind,
    struct tsn_conf_plugin **ret);
enum tsn_code tsn_conf_read_cond(struct tsn_conf_in *in, struct tsn_cond **ret);
/** Appends v to a growing array. */
enum tsn_code tsn_conf_push(struct tsn_conf_in *in, struct tsn_conf_value *list, uint32_t *cap,
    const struct tsn_conf_value *v);

static inline bool
tsn_conf_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static inline bool
tsn_conf_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

#endif
