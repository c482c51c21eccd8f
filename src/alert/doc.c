#include "alert/doc.h"

#include <math.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"

#define DOC_BYTES_MAX (16u << 20)
/* A value longer than this is cut in alert.reason; the whole stands in its field. */
#define TOLD_MAX 300u
#define TECHNIQUES_MAX 32u
#define TACTICS_MAX 16u
#define RULES_REMEMBERED 256u

/* ATT&CK techniques and tactics of one rule; what is beyond stays in the rule's tags. */
struct threats {
	const struct tsn_rule *rule;
	uint32_t techniques;		/* names[0 .. techniques), then tactics up to count */
	uint32_t count;
	struct tsn_slice names[TECHNIQUES_MAX + TACTICS_MAX];
	char text[TECHNIQUES_MAX][12];
};

struct tsn_alert_writer {
	struct tsn_keys *keys;
	struct tsn_doc_writer *docs;
	struct tsn_arena arena;
	struct tsn_buf doc;
	struct tsn_buf reason;
	char id[32];
	struct threats threats[RULES_REMEMBERED];
	/* the document under construction: fields of the alert, then those of its event */
	struct tsn_field *fields;
	struct tsn_pos *pos;
	uint32_t field_count, field_cap;
	uint32_t pos_count, pos_cap;
	struct tsn_event ev;
	struct tsn_triage *triage;	/* borrowed, or NULL */
	struct {
		tsn_key risk_score, score, list, name, comment, rule_score, reason;
	} keys_of;
};

static const char *const level_names[TSN_LEVEL__COUNT] = {
	"informational", "low", "medium", "high", "critical"};

const char *
tsn_alert_level_name(int level)
{
	return level < 0 || level >= TSN_LEVEL__COUNT ? "informational" : level_names[level];
}

int
tsn_alert_level_find(struct tsn_slice name)
{
	for (int i = 0; i < TSN_LEVEL__COUNT; i++)
		if (tsn_slice_eq_nocase(name, tsn_slice_cstr(level_names[i])))
			return i;
	return -1;
}

struct tsn_alert_writer *
tsn_alert_writer_new(struct tsn_keys *keys)
{
	struct tsn_alert_writer *w = calloc(1, sizeof *w);

	if (w == NULL)
		return NULL;
	w->keys = keys;
	w->docs = tsn_doc_writer_new(keys);
	if (w->docs == NULL) {
		free(w);
		return NULL;
	}
	w->keys_of.risk_score = tsn_keys_intern(keys, TSN_SLICE("event.risk_score"));
	w->keys_of.score = tsn_keys_intern(keys, TSN_SLICE("triage.score"));
	w->keys_of.list = tsn_keys_intern(keys, TSN_SLICE("triage.rules"));
	w->keys_of.name = tsn_keys_intern(keys, TSN_SLICE("triage.rules.name"));
	w->keys_of.comment = tsn_keys_intern(keys, TSN_SLICE("triage.rules.comment"));
	w->keys_of.rule_score = tsn_keys_intern(keys, TSN_SLICE("triage.rules.score"));
	w->keys_of.reason = tsn_keys_intern(keys, TSN_SLICE("triage.rules.reason"));
	tsn_arena_init(&w->arena, DOC_BYTES_MAX);
	tsn_buf_init(&w->doc, DOC_BYTES_MAX);
	tsn_buf_init(&w->reason, 64u << 10);
	return w;
}

void
tsn_alert_writer_free(struct tsn_alert_writer *w)
{
	if (w == NULL)
		return;
	tsn_doc_writer_free(w->docs);
	tsn_arena_done(&w->arena);
	tsn_buf_done(&w->doc);
	tsn_buf_done(&w->reason);
	free(w);
}

void
tsn_alert_writer_triage(struct tsn_alert_writer *w, struct tsn_triage *triage)
{
	w->triage = triage;
}

const struct tsn_event *
tsn_alert_writer_doc(const struct tsn_alert_writer *w)
{
	return &w->ev;
}

static void
add(struct tsn_alert_writer *w, const struct tsn_field *f)
{
	TSN_ASSERT(w->field_count < w->field_cap);
	w->fields[w->field_count++] = *f;
}

static void
add_str(struct tsn_alert_writer *w, tsn_key key, struct tsn_slice v)
{
	if (v.len > 0 && key != TSN_KEY_NONE)
		add(w, &(struct tsn_field){.ptr = v.ptr, .len = (uint32_t)v.len, .key = key,
		    .type = TSN_T_STR});
}

static void
add_num(struct tsn_alert_writer *w, tsn_key key, enum tsn_type type, int64_t v)
{
	add(w, &(struct tsn_field){.key = key, .type = (uint8_t)type, .num.i = v});
}

static void
add_element(struct tsn_alert_writer *w, tsn_key list, uint32_t index, struct tsn_slice v)
{
	TSN_ASSERT(w->pos_count < w->pos_cap);
	w->pos[w->pos_count++] = (struct tsn_pos){.list = list, .index = index};
	add(w, &(struct tsn_field){.ptr = v.ptr, .len = (uint32_t)v.len, .key = list,
	    .pos = w->pos_count, .type = TSN_T_STR});
}

/* "attack.t1059.001" is a technique; "attack.credential-access" a tactic. */
static bool
technique(struct tsn_slice tag)
{
	return tag.len > 8 && tsn_slice_starts(tag, TSN_SLICE("attack.")) &&
	    tsn_lower(tag.ptr[7]) == 't' && tag.ptr[8] >= '0' && tag.ptr[8] <= '9';
}

static const char *
tactic(struct tsn_slice tag)
{
	static const char *const names[] = {"Reconnaissance", "Resource Development",
	    "Initial Access", "Execution", "Persistence", "Privilege Escalation", "Defense Evasion",
	    "Credential Access", "Discovery", "Lateral Movement", "Collection",
	    "Command and Control", "Exfiltration", "Impact", "Stealth", "Defense Impairment"};
	struct tsn_slice rest = tsn_slice_from(tag, 7);

	if (!tsn_slice_starts(tag, TSN_SLICE("attack.")))
		return NULL;
	for (size_t i = 0; i < TSN_COUNT(names); i++) {
		size_t n = strlen(names[i]), at = 0;

		for (; at < n && at < rest.len; at++) {
			char c = rest.ptr[at] == '_' || rest.ptr[at] == '-' ? ' ' : rest.ptr[at];

			if (tsn_lower(c) != tsn_lower(names[i][at]))
				break;
		}
		if (at == n && rest.len == n)
			return names[i];
	}
	return NULL;
}

/* "t1059.001" becomes "T1059.001"; longer ones are no technique. */
static void
add_technique(struct threats *t, struct tsn_slice tag)
{
	char *text;

	if (tag.len >= sizeof t->text[0] || t->techniques == TECHNIQUES_MAX)
		return;
	text = t->text[t->techniques];
	memcpy(text, tag.ptr, tag.len);
	text[0] = 'T';
	t->techniques++;
	t->names[t->count++] = tsn_slice_of(text, tag.len);
}

/* What the tags of a rule say, remembered for the rules that fired last. */
static const struct threats *
threats_of(struct tsn_alert_writer *w, const struct tsn_rule *rule)
{
	uint64_t hash = tsn_hash_mix((uint64_t)(uintptr_t)rule, UINT64_C(0x9e3779b97f4a7c15));
	struct threats *t = &w->threats[hash % RULES_REMEMBERED];

	if (t->rule == rule)
		return t;
	t->rule = rule;
	t->count = t->techniques = 0;
	for (uint32_t i = 0; i < rule->tag_count; i++)
		if (technique(rule->tags[i]))
			add_technique(t, tsn_slice_from(rule->tags[i], 7));
	for (uint32_t i = 0; i < rule->tag_count; i++) {
		const char *name = tactic(rule->tags[i]);

		if (name != NULL && t->count < TECHNIQUES_MAX + TACTICS_MAX)
			t->names[t->count++] = tsn_slice_cstr(name);
	}
	return t;
}

static void
add_tags(struct tsn_alert_writer *w, const struct tsn_rule *rule)
{
	const struct threats *t = threats_of(w, rule);

	for (uint32_t i = 0; i < t->techniques; i++)
		add_element(w, TSN_F_THREAT_TECHNIQUE_ID, i, t->names[i]);
	for (uint32_t i = t->techniques; i < t->count; i++)
		add_element(w, TSN_F_THREAT_TACTIC_NAME, i - t->techniques, t->names[i]);
}

static void
add_rule(struct tsn_alert_writer *w, const struct tsn_rule *rule)
{
	add_str(w, TSN_F_RULE_ID, rule->id);
	add_str(w, TSN_F_RULE_NAME, rule->name);
	add_str(w, TSN_F_RULE_VERSION, rule->version);
	add_str(w, TSN_F_RULE_RULESET, rule->ruleset);
	for (uint32_t i = 0; i < rule->reference_count; i++)
		add_element(w, TSN_F_RULE_REFERENCE, i, rule->references[i]);
	add_num(w, TSN_F_EVENT_SEVERITY, TSN_T_INT, (int64_t)rule->level + 1);
	add_tags(w, rule);
}

/* Fields that tell who and where, in that order, for rules that name none of their own. */
enum telling {
	TELL_NOTHING,
	TELL_USER,
	TELL_SOURCE,
	TELL_DESTINATION,
	TELL_HOST,
	TELL_COMMAND,
	TELL_PROGRAM,
	TELL_URL,
	TELL_FILE,
	TELL_REGISTRY,
	TELL_DNS,
	TELL_EVENT_ID,
	TELL__COUNT
};

static const uint8_t telling[TSN_KEY_WELLKNOWN_END] = {
	[TSN_F_USER_NAME] = TELL_USER,
	[TSN_F_SOURCE_IP] = TELL_SOURCE,
	[TSN_F_DESTINATION_IP] = TELL_DESTINATION,
	[TSN_F_HOST_NAME] = TELL_HOST,
	[TSN_F_PROCESS_COMMAND_LINE] = TELL_COMMAND,
	[TSN_F_PROCESS_EXECUTABLE] = TELL_PROGRAM,
	[TSN_F_URL_ORIGINAL] = TELL_URL,
	[TSN_F_FILE_PATH] = TELL_FILE,
	[TSN_F_REGISTRY_PATH] = TELL_REGISTRY,
	[TSN_F_DNS_QUESTION_NAME] = TELL_DNS,
	[TSN_F_WINLOG_EVENT_ID] = TELL_EVENT_ID,
};

static void
tell(struct tsn_alert_writer *w, const struct tsn_field *f, bool first)
{
	struct tsn_slice name = tsn_keys_name(w->keys, f->key), text;
	char scratch[TSN_TIME_TEXT_MAX];

	text = tsn_field_text(f, scratch);
	tsn_buf_slice(&w->reason, first ? TSN_SLICE(": ") : TSN_SLICE(", "));
	tsn_buf_slice(&w->reason, name);
	tsn_buf_char(&w->reason, ' ');
	tsn_buf_add(&w->reason, text.ptr, text.len > TOLD_MAX ? TOLD_MAX : text.len);
	if (text.len > TOLD_MAX)
		tsn_buf_lit(&w->reason, "...");
}

static bool
tell_usual(struct tsn_alert_writer *w, const struct tsn_event *ev)
{
	const struct tsn_field *told[TELL__COUNT] = {NULL};
	bool first = true;

	for (uint32_t i = ev->field_count; i > 0; i--) {
		const struct tsn_field *f = &ev->fields[i - 1];

		if (f->key < TSN_KEY_WELLKNOWN_END)
			told[telling[f->key]] = f;
	}
	for (uint32_t i = TELL_NOTHING + 1; i < TELL__COUNT; i++) {
		if (told[i] == NULL)
			continue;
		tell(w, told[i], first);
		first = false;
	}
	return !first;
}

/* A field "....why.NAME" says in words what decided: it is told as it is. */
static bool
is_words(struct tsn_slice name)
{
	return tsn_slice_find(name, TSN_SLICE(".why.")) != SIZE_MAX;
}

/* The words of the rule's fields, then of its other fields those that they leave out. */
static bool
tell_words(struct tsn_alert_writer *w, const struct tsn_finding *finding)
{
	const struct tsn_rule *rule = finding->rule;
	bool any = false, first = true;

	for (int words = 1; words >= 0 && (words == 1 || any); words--) {
		for (uint32_t i = 0; i < rule->field_count; i++) {
			char scratch[TSN_TIME_TEXT_MAX];
			const struct tsn_field *f = NULL;
			struct tsn_slice text;

			if (is_words(rule->fields[i]) == (words == 1))
				f = tsn_event_find(finding->event, tsn_keys_find(w->keys, rule->fields[i]));
			if (f == NULL)
				continue;
			text = tsn_field_text(f, scratch);
			if (words == 0 && tsn_slice_find(tsn_buf_get(&w->reason), text) != SIZE_MAX)
				continue;
			tsn_buf_slice(&w->reason, !first ? TSN_SLICE(", ") : words == 1 ? TSN_SLICE(": ") :
			    TSN_SLICE("; "));
			if (words == 0) {
				tsn_buf_slice(&w->reason, rule->fields[i]);
				tsn_buf_char(&w->reason, ' ');
			}
			tsn_buf_add(&w->reason, text.ptr, text.len > TOLD_MAX ? TOLD_MAX : text.len);
			any = true;
			first = false;
		}
		first = true;
	}
	return any;
}

/* The fields the rule names, or the telling ones: "user.name root, source.ip 192.0.2.7". */
static bool
tell_fields(struct tsn_alert_writer *w, const struct tsn_finding *finding)
{
	const struct tsn_rule *rule = finding->rule;
	bool first = true;

	for (uint32_t i = 0; i < rule->field_count; i++) {
		tsn_key key = tsn_keys_find(w->keys, rule->fields[i]);
		const struct tsn_field *f =
		    key == TSN_KEY_NONE ? NULL : tsn_event_find(finding->event, key);

		if (f == NULL)
			continue;
		tell(w, f, first);
		first = false;
	}
	return first ? tell_usual(w, finding->event) : true;
}

/* A correlation tells its own sentence; a single event: "TITLE: who and where, because ...". */
static struct tsn_slice
reason_of(struct tsn_alert_writer *w, const struct tsn_finding *finding)
{
	bool told;

	tsn_buf_reset(&w->reason);
	tsn_buf_slice(&w->reason, finding->rule->name);
	if (finding->rule->correlation != NULL || finding->event == NULL) {
		if (finding->reason.len > 0)
			tsn_buf_lit(&w->reason, ": ");
		tsn_buf_slice(&w->reason, finding->reason);
		return tsn_buf_get(&w->reason);
	}
	if (tell_words(w, finding))
		return tsn_buf_get(&w->reason);
	told = tell_fields(w, finding);
	if (finding->reason.len > 0)
		tsn_buf_slice(&w->reason, told ? TSN_SLICE("; because ") : TSN_SLICE(": "));
	tsn_buf_add(&w->reason, finding->reason.ptr,
	    finding->reason.len > 2000 ? 2000 : finding->reason.len);
	return tsn_buf_get(&w->reason);
}

static void
add_group(struct tsn_alert_writer *w, const struct tsn_finding *finding)
{
	for (uint32_t i = 0; i < finding->group_count; i++) {
		tsn_key key = tsn_keys_child(w->keys, TSN_F_ALERT_GROUP, finding->group[i].field);
		struct tsn_slice value = finding->group[i].value;

		if (key != TSN_KEY_NONE)
			add(w, &(struct tsn_field){.ptr = value.ptr == NULL ? "" : value.ptr,
			    .len = (uint32_t)value.len, .key = key, .type = TSN_T_STR});
	}
}

static void
add_events(struct tsn_alert_writer *w, const struct tsn_finding *finding)
{
	for (uint32_t i = 0; i < finding->event_count; i++) {
		char *text = tsn_arena_alloc(&w->arena, 32);

		if (text == NULL)
			return;
		tsn_event_id_format(finding->events[i], text);
		add_element(w, TSN_F_ALERT_EVENTS, i, (struct tsn_slice){text, 32});
	}
	if (finding->event_count == 0 && finding->event != NULL)
		add_element(w, TSN_F_ALERT_EVENTS, 0,
		    tsn_event_str(finding->event, TSN_F_EVENT_ID));
}

/* What the alert says itself is not taken from the event. */
static const bool own[TSN_KEY_WELLKNOWN_END] = {
	[TSN_F_TIMESTAMP] = true,
	[TSN_F_EVENT_ID] = true,
	[TSN_F_EVENT_KIND] = true,
	[TSN_F_EVENT_SEVERITY] = true,
	[TSN_F_RULE_ID] = true,
	[TSN_F_RULE_NAME] = true,
	[TSN_F_RULE_VERSION] = true,
	[TSN_F_RULE_RULESET] = true,
	[TSN_F_RULE_REFERENCE] = true,
};

static void
add_event_fields(struct tsn_alert_writer *w, const struct tsn_event *ev)
{
	uint32_t shift = w->pos_count;

	for (uint32_t i = 0; i < ev->pos_count; i++) {
		w->pos[w->pos_count] = ev->pos[i];
		if (ev->pos[i].parent != 0)
			w->pos[w->pos_count].parent += shift;
		w->pos_count++;
	}
	for (uint32_t i = 0; i < ev->field_count; i++) {
		const struct tsn_field *f = &ev->fields[i];

		if ((f->key < TSN_KEY_WELLKNOWN_END && own[f->key]) ||
		    (w->triage != NULL && (f->key == w->keys_of.risk_score || f->key == w->keys_of.score ||
		    tsn_keys_under(w->keys, f->key, w->keys_of.list))))
			continue;
		add(w, f);
		if (f->pos != 0)
			w->fields[w->field_count - 1].pos += shift;
	}
}

static bool
make_room(struct tsn_alert_writer *w, const struct tsn_finding *finding)
{
	const struct tsn_rule *rule = finding->rule;
	uint32_t lists = rule->tag_count + rule->reference_count + finding->event_count + 1;
	uint32_t rules = w->triage == NULL ? 0 : tsn_triage_rule_count(w->triage);
	uint32_t own_count = 24 + lists + finding->group_count + 4 * rules;

	tsn_arena_reset(&w->arena);
	w->field_count = w->pos_count = 0;
	w->field_cap = own_count + (finding->event == NULL ? 0 : finding->event->field_count);
	w->pos_cap = lists + rules + (finding->event == NULL ? 0 : finding->event->pos_count);
	w->fields = tsn_arena_alloc(&w->arena, w->field_cap * sizeof *w->fields);
	w->pos = tsn_arena_alloc(&w->arena, w->pos_cap * sizeof *w->pos);
	return w->fields != NULL && w->pos != NULL;
}

/* A whole number is written as one; JSON has no infinity. */
static void
add_score(struct tsn_alert_writer *w, tsn_key key, uint32_t pos, double v)
{
	struct tsn_field f = {.key = key, .pos = pos, .type = TSN_T_FLOAT, .num.d = v};

	if (isinf(v))
		f = (struct tsn_field){.key = key, .pos = pos, .type = TSN_T_STR,
		    .ptr = v < 0 ? "-Infinity" : "Infinity", .len = v < 0 ? 9 : 8};
	else if (v >= -9e15 && v <= 9e15 && v >= (double)(int64_t)v && v <= (double)(int64_t)v)
		f = (struct tsn_field){.key = key, .pos = pos, .type = TSN_T_INT, .num.i = (int64_t)v};
	if (key != TSN_KEY_NONE)
		add(w, &f);
}

static void
add_match(struct tsn_alert_writer *w, uint32_t index, const struct tsn_triage_match *m)
{
	const struct {
		tsn_key key;
		struct tsn_slice text;
	} texts[] = {{w->keys_of.name, m->name}, {w->keys_of.comment, m->comment},
	    {w->keys_of.reason, m->reason}};

	w->pos[w->pos_count++] = (struct tsn_pos){.list = w->keys_of.list, .index = index};
	for (size_t i = 0; i < TSN_COUNT(texts); i++)
		if (texts[i].text.len > 0 && texts[i].key != TSN_KEY_NONE)
			add(w, &(struct tsn_field){.key = texts[i].key, .pos = w->pos_count,
			    .type = TSN_T_STR, .ptr = texts[i].text.ptr, .len = (uint32_t)texts[i].text.len});
	add_score(w, w->keys_of.rule_score, w->pos_count, m->score);
}

/* What the alert is worth: by triage rules; by its level where risk is kept and none is true. */
static enum tsn_code
add_triage(struct tsn_alert_writer *w, const struct tsn_finding *finding, double *ret_risk)
{
	const struct tsn_risk_config *risk = tsn_triage_risk(w->triage);
	struct tsn_triage_result r;

	*ret_risk = finding->risk_score;
	/* What tocsin says of itself is nobody's risk. */
	if (tsn_slice_starts(finding->rule->id, TSN_SLICE("tocsin.health.")))
		return TSN_OK;
	if (finding->risk_score > 0) {
		add_score(w, w->keys_of.risk_score, 0, finding->risk_score);
		return TSN_OK;
	}
	w->ev.fields = w->fields;
	w->ev.field_count = w->field_count;
	w->ev.pos = w->pos;
	w->ev.pos_count = w->pos_count;
	TSN_TRY(tsn_triage_judge(w->triage, &w->ev, &r));
	*ret_risk = r.match_count > 0 || risk == NULL ? r.score : risk->scores[finding->rule->level];
	if (!isinf(*ret_risk))
		add_score(w, w->keys_of.risk_score, 0, *ret_risk);
	if (!r.judged)
		return TSN_OK;
	add_score(w, w->keys_of.score, 0, r.score);
	for (uint32_t i = 0; i < r.match_count; i++)
		add_match(w, i, &r.matches[i]);
	return TSN_OK;
}

enum tsn_code
tsn_alert_write(struct tsn_alert_writer *w, const struct tsn_finding *finding,
    struct tsn_alert *ret_alert)
{
	const struct tsn_rule *rule = finding->rule;
	struct tsn_slice reason = reason_of(w, finding);
	double risk = 0;

	if (!make_room(w, finding))
		return TSN_ENOMEM;
	tsn_event_id_format(finding->id, w->id);
	add_num(w, TSN_F_TIMESTAMP, TSN_T_TIME, finding->last_seen_ns);
	add_str(w, TSN_F_EVENT_KIND, TSN_SLICE("alert"));
	add_str(w, TSN_F_EVENT_ID, (struct tsn_slice){w->id, sizeof w->id});
	add_rule(w, rule);
	add_str(w, TSN_F_ALERT_LEVEL, tsn_slice_cstr(tsn_alert_level_name((int)rule->level)));
	add_str(w, TSN_F_ALERT_REASON, reason);
	add_group(w, finding);
	add_num(w, TSN_F_ALERT_COUNT, TSN_T_INT, (int64_t)finding->count);
	add_num(w, TSN_F_ALERT_FIRST_SEEN, TSN_T_TIME, finding->first_seen_ns);
	add_num(w, TSN_F_ALERT_LAST_SEEN, TSN_T_TIME, finding->last_seen_ns);
	add_events(w, finding);
	if (finding->event != NULL && rule->correlation == NULL)
		add_event_fields(w, finding->event);
	if (w->triage != NULL)
		TSN_TRY(add_triage(w, finding, &risk));
	w->ev = (struct tsn_event){.fields = w->fields, .field_count = w->field_count, .pos = w->pos,
	    .pos_count = w->pos_count};
	tsn_buf_reset(&w->doc);
	tsn_doc_writer_write(w->docs, &w->ev, &w->doc);
	TSN_TRY(tsn_buf_check(&w->doc));
	*ret_alert = (struct tsn_alert){
		.id = {w->id, sizeof w->id},
		.rule_id = rule->id,
		.rule_name = rule->name,
		.reason = reason,
		.level = (int)rule->level,
		.time_ns = finding->last_seen_ns,
		.first_seen_ns = finding->first_seen_ns,
		.last_seen_ns = finding->last_seen_ns,
		.count = finding->count,
		.status = TSN_ALERT_OPEN,
		.risk = risk,
		.doc = tsn_buf_get(&w->doc),
	};
	return TSN_OK;
}
