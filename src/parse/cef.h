/*
 * parse/cef: names that CEF and LEEF share, as ECS (internal to parse).
 */
#ifndef TSN_PARSE_CEF_H
#define TSN_PARSE_CEF_H

#include "parse/parse_int.h"

/** Adds the ECS field that a CEF or LEEF name stands for, if any; sets the time for time names. */
void tsn_cef_put_ecs(struct tsn_parse_ctx *ctx, struct tsn_slice name, struct tsn_slice value);

#endif
