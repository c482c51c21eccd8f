/*
 * The judgement of one sshd login record.
 *
 * A failed login goes to the state (a window per address, and per user the addresses that failed);
 * a successful one is judged against intelligence, the recent failures of its address, bastions,
 * and the usual addresses and hours of its user.  "More than T" is strictly greater.
 *
 * One failed attempt is told by up to three records: PAM's "authentication failure", "Invalid
 * user", and "Failed password".  They carry the same process id; of one connection only the kind
 * with the most records counts, so that each attempt counts once whichever of them are logged.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "enrich/enrich_int.h"
#include "state/window.h"

#define CONNECTIONS 65536u	/* connections whose records are told apart; a power of two */
#define CONNECTION_NS (600 * TSN_NS_PER_SEC)

enum kind { KIND_FAILED, KIND_PAM, KIND_INVALID, KIND__COUNT, KIND_SUCCESS, KIND_OTHER };

struct connection {
	uint64_t hash;
	int64_t first_ns;
	uint32_t counts[KIND__COUNT];
};

struct ssh_login {
	struct tsn_window *failures;	/* by address */
	struct tsn_window *sources;	/* by user; tag: the address */
	struct connection *connections;
};

/* What the judgement needs of a record. */
struct login {
	enum kind kind;
	struct tsn_slice ip_text, user, host, pid;
	struct tsn_ip ip;
	int64_t time_ns;
	uint32_t repeat;
};

static void
done(void *self)
{
	struct ssh_login *s = self;

	tsn_window_free(s->failures);
	tsn_window_free(s->sources);
	free(s->connections);
	free(s);
}

static void *
make(const struct tsn_enrich_ctx *ctx)
{
	struct ssh_login *s = calloc(1, sizeof *s);

	if (s == NULL)
		return NULL;
	s->failures = tsn_window_new(&(struct tsn_window_options){
	    .span_ns = ctx->settings->ssh_window_ns, .keys_max = ctx->settings->keys_max});
	s->sources = tsn_window_new(&(struct tsn_window_options){
	    .span_ns = ctx->settings->ssh_spray_window_ns, .keys_max = ctx->settings->keys_max});
	s->connections = calloc(CONNECTIONS, sizeof *s->connections);
	if (s->failures == NULL || s->sources == NULL || s->connections == NULL) {
		done(s);
		return NULL;
	}
	return s;
}

static struct tsn_slice
text_of(const struct tsn_event *ev, tsn_key key)
{
	return tsn_event_str(ev, key);
}

static enum kind
kind_of(const struct tsn_event *ev)
{
	struct tsn_slice action = text_of(ev, TSN_F_EVENT_ACTION);

	if (tsn_slice_eq(action, TSN_SLICE("ssh_login")))
		return tsn_slice_eq(text_of(ev, TSN_F_EVENT_OUTCOME), TSN_SLICE("success")) ?
			   KIND_SUCCESS : KIND_FAILED;
	if (tsn_slice_eq(action, TSN_SLICE("ssh_invalid_user")))
		return KIND_INVALID;
	if (tsn_slice_eq(action, TSN_SLICE("pam_authentication")) &&
	    tsn_slice_starts(text_of(ev, TSN_F_PAM_SERVICE), TSN_SLICE("sshd")) &&
	    tsn_slice_eq(text_of(ev, TSN_F_EVENT_OUTCOME), TSN_SLICE("failure")))
		return KIND_PAM;
	return KIND_OTHER;
}

static bool
read_login(const struct tsn_event *ev, struct login *l)
{
	if (!tsn_slice_eq(ev->dataset, TSN_SLICE("system.auth")))
		return false;
	l->kind = kind_of(ev);
	if (l->kind == KIND_OTHER)
		return false;
	l->ip_text = text_of(ev, TSN_F_SOURCE_IP);
	if (tsn_ip_parse(l->ip_text, &l->ip) != TSN_OK)
		return false;
	l->user = text_of(ev, TSN_F_USER_NAME);
	l->host = text_of(ev, TSN_F_HOST_NAME);
	l->pid = text_of(ev, TSN_F_PROCESS_PID);
	l->time_ns = ev->time_ns;
	l->repeat = ev->repeat;
	return true;
}

/* How many attempts this record adds to those its connection is known to have made. */
static uint32_t
new_attempts(struct ssh_login *s, const struct login *l)
{
	uint64_t hash = tsn_hash_slice(l->host, 1);
	struct connection *c;
	uint32_t before = 0, after = 0;

	hash = tsn_hash_slice(l->pid.len > 0 ? l->pid : l->user, hash);
	hash = tsn_hash_bytes((const char *)l->ip.bytes, sizeof l->ip.bytes, hash);
	c = &s->connections[hash & (CONNECTIONS - 1)];
	if (c->hash != hash || l->time_ns - c->first_ns > CONNECTION_NS ||
	    c->first_ns - l->time_ns > CONNECTION_NS)
		*c = (struct connection){.hash = hash, .first_ns = l->time_ns};
	for (int i = 0; i < KIND__COUNT; i++)
		before = c->counts[i] > before ? c->counts[i] : before;
	c->counts[l->kind] += l->repeat;
	after = c->counts[l->kind] > before ? c->counts[l->kind] : before;
	return after - before;
}

/* The verdict, and in words what decided: an alert tells that. */
static void TSN_PRINTF(3, 4)
add_verdict(struct tsn_batch *b, const char *verdict, const char *fmt, ...)
{
	tsn_key key = tsn_keys_child(b->keys, TSN_F_SSHD_LOGIN_WHY, tsn_slice_cstr(verdict));
	char text[600];
	struct tsn_slice why;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	tsn_event_append_str(b, TSN_F_SSHD_LOGIN_VERDICT, tsn_slice_cstr(verdict));
	why = tsn_arena_dup(&b->arena, tsn_slice_cstr(text));
	if (why.ptr != NULL)
		tsn_event_add_str(b, key, why);
}

/* "5m", "90s": windows are whole seconds. */
static const char *
span_text(int64_t ns, char out[24])
{
	long long sec = (long long)(ns / TSN_NS_PER_SEC);

	if (sec % 3600 == 0)
		(void)snprintf(out, 24, "%lldh", sec / 3600);
	else if (sec % 60 == 0)
		(void)snprintf(out, 24, "%lldm", sec / 60);
	else
		(void)snprintf(out, 24, "%llds", sec);
	return out;
}

static enum tsn_code
note_failure(struct ssh_login *s, const struct login *l)
{
	struct tsn_slice key = {(const char *)l->ip.bytes, sizeof l->ip.bytes};
	uint32_t attempts = new_attempts(s, l);

	if (attempts > 0)
		TSN_TRY(tsn_window_add(s->failures, key, l->time_ns, attempts, 0));
	if (attempts > 0 && l->user.len > 0)
		TSN_TRY(tsn_window_add(s->sources, l->user, l->time_ns, 1, tsn_hash_slice(key, 0)));
	return TSN_OK;
}

static enum tsn_code
failed(struct ssh_login *s, const struct tsn_enrich_ctx *ctx, const struct login *l,
    struct tsn_batch *b)
{
	struct tsn_slice key = {(const char *)l->ip.bytes, sizeof l->ip.bytes};
	uint64_t before = tsn_window_sum(s->failures, key, l->time_ns), now;
	char span[24];

	TSN_TRY(note_failure(s, l));
	now = tsn_window_sum(s->failures, key, l->time_ns);
	tsn_batch_reopen(b);
	tsn_event_add_int(b, TSN_F_SSHD_LOGIN_FAILURES, (int64_t)now, TSN_SLICE_NONE);
	if (before <= ctx->settings->ssh_threshold && now > ctx->settings->ssh_threshold)
		add_verdict(b, "bruteforce_attempt", "%llu failed logins from %.*s within %s, more than %u",
		    (unsigned long long)now, TSN_SLICE_ARG(l->ip_text),
		    span_text(ctx->settings->ssh_window_ns, span), ctx->settings->ssh_threshold);
	tsn_batch_reseal(b);
	return TSN_OK;
}

static enum tsn_code
succeeded(struct ssh_login *s, const struct tsn_enrich_ctx *ctx, const struct login *l,
    struct tsn_batch *b, struct tsn_err *err)
{
	struct tsn_slice key = {(const char *)l->ip.bytes, sizeof l->ip.bytes};
	const struct tsn_net *intel = tsn_knowledge_intel(ctx->knowledge, &l->ip, l->time_ns);
	uint64_t failures = tsn_window_sum(s->failures, key, l->time_ns);
	uint32_t sources = tsn_window_distinct(s->sources, l->user, l->time_ns);
	bool bad_bastion =
	    tsn_knowledge_bastion(ctx->knowledge, l->host, &l->ip) == TSN_BASTION_NO;
	bool brute = failures > ctx->settings->ssh_threshold;
	bool spray = sources > ctx->settings->ssh_spray_threshold;
	struct tsn_profile_view habit;
	char span[24], ip[80], user[128], host[128];

	(void)tsn_slice_escape(l->ip_text, ip, sizeof ip);
	(void)tsn_slice_escape(l->user, user, sizeof user);
	(void)tsn_slice_escape(l->host, host, sizeof host);
	TSN_TRY(tsn_profile_look(ctx->profile, l->user, &l->ip, l->time_ns, &habit, err));
	tsn_batch_reopen(b);
	if (intel != NULL) {
		tsn_event_add_str(b, TSN_F_SOURCE_INTEL_CATEGORY, intel->category);
		tsn_event_add_str(b, TSN_F_SOURCE_INTEL_SOURCE, intel->source);
		add_verdict(b, "ipintel", "%s came in as %.80s and is listed as %.*s by %.*s", ip, user,
		    TSN_SLICE_ARG(intel->category), TSN_SLICE_ARG(intel->source));
	}
	tsn_event_add_int(b, TSN_F_SSHD_LOGIN_FAILURES, (int64_t)failures, TSN_SLICE_NONE);
	tsn_event_add_int(b, TSN_F_SSHD_LOGIN_SPRAY_SOURCES, sources, TSN_SLICE_NONE);
	if (brute)
		add_verdict(b, "bruteforce_success", "%s came in as %.80s after %llu failed logins from "
		    "there within %s, more than %u", ip, user, (unsigned long long)failures,
		    span_text(ctx->settings->ssh_window_ns, span), ctx->settings->ssh_threshold);
	if (bad_bastion)
		add_verdict(b, "not_bastion", "%s came in as %.80s and is none of the bastions of %.80s",
		    ip, user, host);
	if (habit.mature && !habit.usual_ip)
		add_verdict(b, "unusual_ip", "%.80s came in from %s, and neither from there nor from its "
		    "network in %u logins on %u days", user, ip, habit.successes, habit.days);
	if (habit.mature && !habit.usual_time)
		add_verdict(b, "unusual_time", "%.80s came in from %s at an hour of the week (UTC) never "
		    "seen in %u logins on %u days", user, ip, habit.successes, habit.days);
	if (spray)
		add_verdict(b, "spray", "%s came in as %.80s, for whom %u different addresses failed "
		    "within %s, more than %u", ip, user, sources,
		    span_text(ctx->settings->ssh_spray_window_ns, span),
		    ctx->settings->ssh_spray_threshold);
	tsn_batch_reseal(b);
	if (intel != NULL || brute || bad_bastion || spray ||
	    (habit.mature && (!habit.usual_ip || !habit.usual_time)))
		return TSN_OK;
	return tsn_profile_learn(ctx->profile, l->user, &l->ip, l->time_ns, err);
}

static enum tsn_code
event(void *self, const struct tsn_enrich_ctx *ctx, struct tsn_batch *batch, bool *ret_added,
    struct tsn_err *err)
{
	struct login l;

	if (!read_login(&batch->events[batch->count - 1], &l))
		return TSN_OK;
	*ret_added = true;
	if (l.kind == KIND_SUCCESS)
		return succeeded(self, ctx, &l, batch, err);
	return failed(self, ctx, &l, batch);
}

static int64_t
span_ns(const struct tsn_enrich_ctx *ctx)
{
	int64_t a = ctx->settings->ssh_window_ns, b = ctx->settings->ssh_spray_window_ns;
	int64_t most = a > b ? a : b, sum;

	return __builtin_add_overflow(most, CONNECTION_NS, &sum) ? INT64_MAX : sum;
}

static enum tsn_code
replay(void *self, const struct tsn_event *ev, struct tsn_err *err)
{
	struct login l;

	(void)err;
	if (!read_login(ev, &l) || l.kind == KIND_SUCCESS)
		return TSN_OK;
	return note_failure(self, &l);
}

static uint64_t
forgotten(const void *self)
{
	const struct ssh_login *s = self;

	return tsn_window_evicted(s->failures) + tsn_window_evicted(s->sources);
}

const struct tsn_enricher_desc tsn_enricher_ssh_login = {
	.name = "ssh_login",
	.doc = "judges logins to OpenSSH by repute, recent failures, bastions and habits",
	.make = make,
	.done = done,
	.event = event,
	.dataset = "system.auth",
	.span_ns = span_ns,
	.replay = replay,
	.forgotten = forgotten,
};
