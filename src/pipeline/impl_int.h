/* pipeline/impl_int: the callbacks that the descriptors name, and what they share. */
#ifndef TSN_PIPELINE_IMPL_INT_H
#define TSN_PIPELINE_IMPL_INT_H

#include "pipeline/run_int.h"

extern const struct tsn_pcodec tsn_codec_plain, tsn_codec_line, tsn_codec_json,
    tsn_codec_json_lines, tsn_codec_multiline, tsn_codec_rubydebug, tsn_codec_dots, tsn_codec_cef,
    tsn_codec_es_bulk, tsn_codec_msgpack;
extern const struct tsn_pinput tsn_input_stdin, tsn_input_generator, tsn_input_file,
    tsn_input_tcp, tsn_input_udp, tsn_input_syslog, tsn_input_http, tsn_input_kafka;
extern const struct tsn_poutput tsn_output_stdout, tsn_output_file, tsn_output_null,
    tsn_output_tocsin, tsn_output_elasticsearch, tsn_output_kafka, tsn_output_http,
    tsn_output_tcp, tsn_output_udp, tsn_output_syslog, tsn_output_email, tsn_output_redis,
    tsn_output_webhdfs;
extern const struct tsn_pfilter tsn_filter_mutate, tsn_filter_date, tsn_filter_json,
    tsn_filter_kv, tsn_filter_dissect, tsn_filter_csv, tsn_filter_drop, tsn_filter_prune,
    tsn_filter_fingerprint, tsn_filter_urldecode, tsn_filter_split, tsn_filter_clone,
    tsn_filter_truncate, tsn_filter_translate, tsn_filter_cidr, tsn_filter_syslog_pri,
    tsn_filter_de_dot, tsn_filter_throttle, tsn_filter_uuid, tsn_filter_bytes,
    tsn_filter_geoip, tsn_filter_grok, tsn_filter_xml, tsn_filter_useragent,
    tsn_filter_metrics, tsn_filter_multiline, tsn_filter_dns;

/** Members of a JSON document into an event; @timestamp and tags by their own rules. */
void tsn_pl_merge(struct tsn_pev *ev, const struct tsn_pv_map *members);
/** Tags of an option with a default, compiled. */
struct tsn_ptags {
	struct tsn_tmpl *tags;
	uint32_t count;
};
bool tsn_pi_tags(const struct tsn_pinst *in, const char *option, const char *dflt,
    struct tsn_ptags *ret);
/** A string option as a compiled reference; false: out of memory. */
bool tsn_pi_ref_option(const struct tsn_pinst *in, const char *option, const char *dflt,
    struct tsn_pref *ret);

#endif
