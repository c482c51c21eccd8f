/*
 * server/config: the YAML file of `tocsin run` (docs/configuration.md), checked key by key.
 *
 * Every error names file and line and what was expected.  Owner: all texts live in the config's
 * arena until tsn_config_done().
 */
#ifndef TSN_SERVER_CONFIG_H
#define TSN_SERVER_CONFIG_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "collect/netin.h"

#define TSN_CONFIG_INPUTS_MAX 256u
#define TSN_CONFIG_LIST_MAX 256u

struct tsn_config_list {
	const char **items;
	uint32_t count;
};

enum tsn_config_input_type {
	TSN_CONFIG_FILE,
	TSN_CONFIG_SYSLOG_UDP,
	TSN_CONFIG_SYSLOG_TCP,
	TSN_CONFIG_BEATS,
	TSN_CONFIG_JOURNALD,
	TSN_CONFIG_AUDIT,
};

/* cert NULL: no TLS */
struct tsn_config_tls {
	const char *cert, *key, *ca;
	int client;			/* enum tsn_tls_client */
	struct tsn_config_list names;
};

struct tsn_config_input {
	enum tsn_config_input_type type;
	uint32_t line;			/* of the file, for messages */
	const char *kind;		/* or NULL */
	int32_t tz_offset_sec;
	struct tsn_config_list paths;	/* file */
	bool at_end;
	struct tsn_addr listen;		/* syslog */
	uint64_t message_bytes_max;	/* 0: the input's default */
	uint64_t connections_max;
	int64_t idle_ns;
	uint64_t receive_buffer;
	uint64_t spool_bytes;
	struct tsn_config_tls tls;
	const char *program, *directory;	/* journald */
};

#define TSN_CONFIG_PIPELINES_MAX 64u

struct tsn_config_pipeline {
	const char *name;		/* letters, digits, '-' and '_': part of a folder's name */
	const char *path;
	uint64_t queue_bytes;		/* of each output that has a queue; 0: the default */
};

struct tsn_config {
	struct tsn_arena arena;
	const char *data;		/* or NULL */
	struct tsn_addr listen;		/* 127.0.0.1:8650 */
	struct tsn_config_list rules;	/* folders; none: the bundled rules */
	const char *triage;		/* file, or NULL */
	struct tsn_config_list exceptions;	/* folders */
	struct tsn_config_input *inputs;
	uint32_t input_count;
	uint64_t corr_bytes;		/* correlations; 0: the defaults */
	int64_t corr_lateness_ns, corr_idle_ns;
	struct tsn_config_pipeline *pipelines;
	uint32_t pipeline_count;
	const char *pipeline_keys;	/* file of values for ${NAME}, or NULL */
	uint64_t retention_bytes;	/* 0 and no age: half of the disk */
	int64_t retention_ns;
	uint64_t disk_free_min;
	uint64_t body_bytes_max;	/* HTTP */
	uint64_t http_connections_max;
	int64_t http_timeout_ns;
	const char *token_file;		/* or NULL: no token is asked */
	struct tsn_config_tls http_tls;
	int64_t silence_ns, history_ns;	/* of sources; server/habit */
};

/** The defaults, as with an empty file. */
void tsn_config_init(struct tsn_config *c);
void tsn_config_done(struct tsn_config *c);
/** TSN_EPARSE ("FILE:LINE: ..."), and what reading a file says. */
TSN_MUST_CHECK enum tsn_code tsn_config_load(struct tsn_config *c, const char *path,
    struct tsn_err *err);
/** The same for text; `name` is for messages. */
TSN_MUST_CHECK enum tsn_code tsn_config_parse(struct tsn_config *c, const char *name,
    struct tsn_slice text, struct tsn_err *err);

/** "+02:00", "-0530", "UTC", "Z". */
bool tsn_config_zone(struct tsn_slice text, int32_t *ret_sec);
/** "16MiB", "64k", "2GB", "1000": k and KiB are 1024, kB is 1000, and so on. */
bool tsn_config_bytes(struct tsn_slice text, uint64_t *ret_bytes);

#endif
