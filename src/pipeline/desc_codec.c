/* Codecs: names and options. */
#include "pipeline/desc_int.h"
#include "pipeline/impl_int.h"

#define CO TSN_PLUGIN_CODEC
#define CHARSET STR("charset")

RUNS(CO, co_plain, "plain", "text as it is",
    .codec = &tsn_codec_plain, CHARSET, STR("format"), ECS, END);
RUNS(CO, co_line, "line", "lines",
    .codec = &tsn_codec_line, CHARSET, STR("format"), STR("delimiter"), ECS, END);
PARSES(CO, co_json, "json", "one JSON document",
    .codec = &tsn_codec_json, CHARSET, STR("target"), ECS, END);
PARSES(CO, co_json_lines, "json_lines", "one JSON document a line",
    .codec = &tsn_codec_json_lines,
    CHARSET, STR("delimiter"), STR("target"), NUM("decode_size_limit_bytes"), ECS, END);
RUNS(CO, co_multiline, "multiline", "joins lines",
    .codec = &tsn_codec_multiline,
    NEED("pattern", TSN_PO_STRING), {.name = "what", .type = TSN_PO_STRING, .required = true,
    .choices = "previous|next"}, BOOL("negate"), ARR("patterns_dir"), CHARSET,
    STR("multiline_tag"), NUM("max_lines"), NUM("max_bytes"), NUM("auto_flush_interval"), ECS, END);
RUNS(CO, co_rubydebug, "rubydebug", "for people to read",
    .codec = &tsn_codec_rubydebug, BOOL("metadata"), END);
PARSES(CO, co_cef, "cef", "ArcSight's Common Event Format",
    .codec = &tsn_codec_cef,
    STR("delimiter"), ARR("fields"), STR("name"), STR("product"), STR("severity"),
    STR("signature"), STR("vendor"), STR("version"), STR("raw_data_field"), BOOL("reverse_mapping"),
    STR("default_timezone"), STR("locale"), STR("device"), ECS,
    OLD("sev", TSN_PO_STRING, "severity"), END);
PARSES(CO, co_es_bulk, "es_bulk", "Elasticsearch's bulk requests",
    .codec = &tsn_codec_es_bulk, STR("target"), ECS, END);
PARSES(CO, co_msgpack, "msgpack", "MessagePack",
    .codec = &tsn_codec_msgpack, STR("format"), STR("target"), ECS, END);
RUNS(CO, co_dots, "dots", "one dot an event",
    .codec = &tsn_codec_dots, END);
PLUGIN(CO, co_csv, "csv", "columns",
    ARR("columns"), STR("separator"), STR("quote_char"), BOOL("include_headers"),
    BOOL("autodetect_column_names"), BOOL("autogenerate_column_names"), BOOL("skip_empty_columns"),
    HASH("convert"), CHARSET, STR("target"), ECS, END);
PLUGIN(CO, co_edn, "edn", "EDN", STR("target"), ECS, END);
PLUGIN(CO, co_netflow, "netflow", "NetFlow and IPFIX",
    NUM("cache_ttl"), STR("cache_save_path"), STR("netflow_definitions"),
    STR("ipfix_definitions"), BOOL("include_flowset_id"), STR("target"), ARR("versions"), END);
PLUGIN(CO, co_avro, "avro", "Avro",
    NEED("schema_uri", TSN_PO_STRING), STR("target"), BOOL("tag_on_failure"), STR("encoding"),
    ECS, END);
PLUGIN(CO, co_fluent, "fluent", "Fluentd's forward protocol",
    BOOL("nanosecond_precision"), STR("target"), ECS, END);
PLUGIN(CO, co_graphite, "graphite", "Graphite lines",
    ARR("include_metrics"), ARR("exclude_metrics"), HASH("metrics"), BOOL("fields_are_metrics"),
    STR("metrics_format"), END);
PLUGIN(CO, co_collectd, "collectd", "collectd's datagrams",
    STR("authfile"), STR("security_level"), ARR("typesdb"), BOOL("nan_handling"), NUM("nan_value"),
    STR("nan_tag"), BOOL("prune_intervals"), STR("target"), END);

const struct tsn_plugin *const tsn_plugins_codec[] = {&co_avro, &co_cef, &co_collectd, &co_csv,
    &co_dots, &co_edn, &co_es_bulk, &co_fluent, &co_graphite, &co_json, &co_json_lines, &co_line,
    &co_msgpack, &co_multiline, &co_netflow, &co_plain, &co_rubydebug, NULL};
