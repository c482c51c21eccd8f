/* api/http_int: requests, answers and the endpoint table, shared by the files of the part. */
#ifndef TSN_API_HTTP_INT_H
#define TSN_API_HTTP_INT_H

#include "api/http.h"

#include <microhttpd.h>
#include <stdatomic.h>

#include "api/body.h"
#include "api/https.h"

#define PATH_PARTS_MAX 4u

enum answer {
	ANSWER_NOW,	/* the request's answer is filled in */
	ANSWER_LATER,	/* request_resume() will be called, from whatever thread */
};

/** What errors look like to the clients of an endpoint. */
enum form {
	FORM_PROBLEM,	/* RFC 9457 */
	FORM_SPLUNK,	/* {"text":"Invalid token","code":4} */
	FORM_LOKI,	/* a line of text */
	FORM_OTLP,	/* google.rpc.Status, JSON or protobuf as the request */
};

struct request;

struct endpoint {
	const char *method;
	const char *path;	/* parts in braces match one segment: "/api/v1/alerts/{id}" */
	enum tsn_role role;
	bool takes_body;
	bool slow;		/* runs in a worker, not in a thread that serves connections */
	const char *summary;	/* for the OpenAPI document; NULL: not in it */
	const char *query;	/* "name=what it means;...": query parameters, for the same */
	enum answer (*handle)(struct request *r);
};

struct request {
	struct tsn_http *http;
	struct MHD_Connection *connection;
	const struct endpoint *endpoint;
	enum form form;		/* of the endpoint's errors */
	const char *method;
	const char *url;
	struct tsn_slice parts[PATH_PARTS_MAX];	/* what stood for the braces */
	struct body body;
	bool refused;		/* answered before its body was read */
	bool crowded;		/* it came with more arguments than are read */
	bool later;		/* suspended; answered when called again */
	struct request *next;	/* in the workers' queue */
	/* The answer. */
	unsigned status;
	const char *type;
	struct tsn_buf out;
	bool limited;		/* there were more rows than asked for */
	bool elastic;		/* with the header by which Elasticsearch clients know their server */
	unsigned retry_after;
	void *held;		/* of the handler */
	void (*held_done)(void *held);	/* run with the request's end */
};

struct tsn_http {
	struct tsn_http_options o;
	struct MHD_Daemon *daemon;
	struct tsn_addr addr;
	bool loopback;
	struct https *https;	/* NULL: no TLS */
	atomic_ullong tls_failed;
	atomic_llong complained_ns;
	struct tokens *tokens;
	struct workers *workers;
	struct acks *acks;
	atomic_bool stopping;
	atomic_uint connections;
};

/* NULL-terminated; each table ends with an entry without path. */
extern const struct endpoint *const endpoint_tables[];
/** What errors of a table's endpoints look like. */
enum form endpoint_form(const struct endpoint *table);

/** Fills the answer with a problem document (RFC 9457). */
enum answer problem(struct request *r, unsigned status, const char *title, const char *fmt, ...)
    TSN_PRINTF(4, 5);
/** hec.c, otlp.c: the same problem as their clients want it; r->status is set. */
void splunk_problem(struct request *r, const char *detail);
void otlp_problem(struct request *r, const char *detail);
/** The same with the code an error has: 404, 409, 503, ... */
enum answer problem_of(struct request *r, enum tsn_code code, const struct tsn_err *err);
enum answer answer_json(struct request *r, unsigned status);
enum answer answer_text(struct request *r, unsigned status, const char *type, const char *text);
/** A query parameter, empty when absent. */
struct tsn_slice request_arg(struct request *r, const char *name);
/** A number parameter; `otherwise` when absent; false when it is none. */
bool request_number(struct request *r, const char *name, uint64_t otherwise, uint64_t *ret);
struct tsn_slice request_header(struct request *r, const char *name);
/** Numeric address of the client. */
struct tsn_slice request_peer(struct request *r, char out[TSN_ADDR_TEXT_MAX]);
/** Before work goes to another thread; the handler then returns ANSWER_LATER. */
void request_suspend(struct request *r);
/** The answer of a suspended request is there. */
void request_resume(struct request *r);

/* tokens.c */
struct tokens;
enum tsn_code tokens_load(const char *path, struct tokens **ret_tokens, struct tsn_err *err);
void tokens_free(struct tokens *t);
/** The role an Authorization header gives; TSN_ROLE_NONE when it gives none. */
enum tsn_role tokens_role(const struct tokens *t, struct tsn_slice authorization);
bool role_may(enum tsn_role have, enum tsn_role need);
const char *role_name(enum tsn_role role);

/* hec_ack.c */
struct acks *acks_new(void);
void acks_free(struct acks *a);

/* workers.c */
struct workers *workers_new(unsigned count);
/** False when too many requests wait. */
bool workers_submit(struct workers *w, struct request *r);
void workers_free(struct workers *w);

#endif
