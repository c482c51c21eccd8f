/*
 * pipeline/joda: dates by the patterns of Joda-Time (letters G C Y y x w e E D M d a K h H k m s S
 * z Z and quoted text), English names; and zones by name out of the system's zone files.
 */
#ifndef TSN_PIPELINE_JODA_H
#define TSN_PIPELINE_JODA_H

#include "base/buf.h"
#include "base/time.h"

struct tsn_zone;

/** "UTC", "+02:00", "Asia/Tokyo"; NULL: there is no such zone.  To be freed. */
struct tsn_zone *tsn_zone_new(struct tsn_slice name, struct tsn_err *err);
void tsn_zone_free(struct tsn_zone *z);
/** Seconds east of UTC that a clock on the wall of this zone, read as if UTC, must be moved by. */
int32_t tsn_zone_offset_of_local(const struct tsn_zone *z, int64_t local_sec);

/** Writes ns by the pattern, in UTC; what the pattern has no meaning for is left out. */
void tsn_joda_write(struct tsn_slice pattern, int64_t ns, struct tsn_buf *out);
/** What of a pattern cannot be read, or NULL. */
const char *tsn_joda_check(struct tsn_slice pattern);
/**
 * Reads all of text by the pattern.  zone: of times that name none.  now_ns: where the pattern has
 * no year, the year is the one that puts the time nearest to it (December in January is last year).
 */
TSN_MUST_CHECK enum tsn_code tsn_joda_read(struct tsn_slice pattern, struct tsn_slice text,
    const struct tsn_zone *zone, int64_t now_ns, int64_t *ret_ns);
/** Forms of ISO 8601: date, date and time, with or without fraction and zone. */
TSN_MUST_CHECK enum tsn_code tsn_joda_read_iso(struct tsn_slice text, const struct tsn_zone *zone,
    int64_t *ret_ns);

#endif
