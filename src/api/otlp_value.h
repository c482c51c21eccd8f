/* api/otlp_value: values and attributes of OTLP as JSON. */
#ifndef TSN_API_OTLP_VALUE_H
#define TSN_API_OTLP_VALUE_H

#include "api/otlp_view.h"

/** The schema of KeyValue lists is the same wherever they stand. */
#define OTLP_ATTRIBUTES(number) {"attributes", (number), OTLP_MESSAGE, true}

/** An AnyValue; *ret_text, if it is a string, is that and nothing is written. False: damaged. */
bool otlp_write_any(const struct otlp_view *from, struct tsn_slice message, struct tsn_buf *out,
    struct tsn_slice *ret_text);
/** All KeyValues that are field `number` of v's message, as one object; v is at its beginning. */
bool otlp_write_attributes(struct otlp_view *v, uint32_t number, struct tsn_buf *out);

#endif
