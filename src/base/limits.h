/*
 * base/limits: every bound of the program that is not a setting, each with its reason.
 */
#ifndef TSN_BASE_LIMITS_H
#define TSN_BASE_LIMITS_H

/* A record beyond this is kept cut and says so (design section 5). */
#define TSN_RECORD_BYTES_MAX (1u << 20)
/* Names of fields that one process can tell apart: a hostile sender must not grow it for ever. */
#define TSN_KEYS_MAX (1u << 16)
/* A dotted field name longer than this is no field name. */
#define TSN_KEY_BYTES_MAX 1024u
/* Fields of one event; what is beyond stays in event.original and the event says field_limit. */
#define TSN_EVENT_FIELDS_MAX 8192u
/* What the program itself may add to an event that is full: tags, why it failed, enrichment. */
#define TSN_EVENT_FIELDS_SPARE 64u
/* Levels of nesting of JSON, XML and YAML documents that are followed. */
#define TSN_NESTING_MAX 128u
/* Memory of one batch: some records at the record limit, or many small ones. */
#define TSN_BATCH_BYTES_MAX (256u << 20)
/* Events of one batch: enough to spread the cost per batch, few enough to stay in cache. */
#define TSN_BATCH_EVENTS_MAX 4096u

_Static_assert(TSN_BATCH_BYTES_MAX >= 16 * TSN_RECORD_BYTES_MAX, "a batch holds many records");

#endif
