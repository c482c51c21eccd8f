/* Filters: names and options. */
#include "pipeline/desc_int.h"
#include "pipeline/impl_int.h"

#define FI TSN_PLUGIN_FILTER

PARSES(FI, fi_grok, "grok", "fields out of text by named patterns",
    .filter = &tsn_filter_grok,
    HASH("match"), ARR("patterns_dir"), STR("patterns_files_glob"), HASH("pattern_definitions"),
    BOOL("break_on_match"), BOOL("named_captures_only"), BOOL("keep_empty_captures"),
    ARR("tag_on_failure"), STR("tag_on_timeout"), NUM("timeout_millis"), STR("timeout_scope"),
    ARR("overwrite"), STR("target"), ECS, OLD("pattern", TSN_PO_ARRAY, "match"),
    OLD("singles", TSN_PO_BOOL, ""), END);
RUNS(FI, fi_mutate, "mutate", "changes fields",
    .filter = &tsn_filter_mutate,
    HASH("coerce"), HASH("rename"), HASH("update"), HASH("replace"), HASH("convert"),
    ARR("gsub"), ARR("uppercase"), ARR("capitalize"), ARR("lowercase"), ARR("strip"),
    HASH("split"), HASH("join"), HASH("merge"), HASH("copy"), STR("tag_on_failure"),
    OLD("remove", TSN_PO_ARRAY, "remove_field"), END);
RUNS(FI, fi_date, "date", "the time of the event out of text",
    .filter = &tsn_filter_date,
    NEED("match", TSN_PO_ARRAY), STR("target"), STR("timezone"), STR("locale"),
    ARR("tag_on_failure"), END);
PARSES(FI, fi_json, "json", "fields out of JSON text",
    .filter = &tsn_filter_json,
    NEED("source", TSN_PO_STRING), STR("target"), ARR("tag_on_failure"),
    BOOL("skip_on_invalid_json"), ECS, END);
PARSES(FI, fi_kv, "kv", "fields out of name=value text",
    .filter = &tsn_filter_kv,
    STR("source"), STR("target"), STR("field_split"), STR("field_split_pattern"),
    STR("value_split"), STR("value_split_pattern"), STR("prefix"), STR("trim_key"),
    STR("trim_value"), STR("remove_char_key"), STR("remove_char_value"),
    ONE_OF("transform_key", "lowercase|uppercase|capitalize"),
    ONE_OF("transform_value", "lowercase|uppercase|capitalize"), BOOL("include_brackets"),
    ARR("include_keys"), ARR("exclude_keys"), HASH("default_keys"),
    BOOL("allow_duplicate_values"), BOOL("allow_empty_values"), BOOL("recursive"),
    ONE_OF("whitespace", "strict|lenient"), ARR("tag_on_failure"), STR("tag_on_timeout"),
    NUM("timeout_millis"), ECS, OLD("trim", TSN_PO_STRING, "trim_value"),
    OLD("trimkey", TSN_PO_STRING, "trim_key"), END);
PARSES(FI, fi_dissect, "dissect", "fields out of text by its delimiters",
    .filter = &tsn_filter_dissect,
    HASH("mapping"), HASH("convert_datatype"), ARR("tag_on_failure"), END);
PARSES(FI, fi_csv, "csv", "fields out of columns",
    .filter = &tsn_filter_csv,
    STR("source"), STR("target"), ARR("columns"), STR("separator"), STR("quote_char"),
    BOOL("autodetect_column_names"), BOOL("autogenerate_column_names"), BOOL("skip_header"),
    BOOL("skip_empty_columns"), BOOL("skip_empty_rows"), HASH("convert"), ECS, END);
RUNS(FI, fi_drop, "drop", "throws events away",
    .filter = &tsn_filter_drop, NUM("percentage"), END);
RUNS(FI, fi_prune, "prune", "keeps or removes fields by lists",
    .filter = &tsn_filter_prune,
    ARR("whitelist_names"), ARR("blacklist_names"), HASH("whitelist_values"),
    HASH("blacklist_values"), BOOL("interpolate"), END);
RUNS(FI, fi_fingerprint, "fingerprint", "a hash of fields",
    .filter = &tsn_filter_fingerprint,
    ARR("source"), STR("target"), STR("key"),
    ONE_OF("method", "SHA1|SHA256|SHA384|SHA512|MD5|MURMUR3|MURMUR3_128|IPV4_NETWORK|UUID|"
    "PUNCTUATION"),
    BOOL("base64encode"), BOOL("concatenate_sources"), BOOL("concatenate_all_fields"), ECS, END);
RUNS(FI, fi_urldecode, "urldecode", "decodes %XX",
    .filter = &tsn_filter_urldecode,
    STR("field"), BOOL("all_fields"), STR("charset"), ARR("tag_on_failure"), END);
RUNS(FI, fi_split, "split", "one event for each element",
    .filter = &tsn_filter_split,
    STR("field"), STR("target"), STR("terminator"), END);
RUNS(FI, fi_clone, "clone", "copies of events",
    .filter = &tsn_filter_clone, NEED("clones", TSN_PO_ARRAY), ECS, END);
RUNS(FI, fi_truncate, "truncate", "cuts long fields",
    .filter = &tsn_filter_truncate,
    NEED("length_bytes", TSN_PO_NUMBER), ARR("fields"), END);
RUNS(FI, fi_translate, "translate", "looks values up in a table",
    .filter = &tsn_filter_translate,
    STR("source"), STR("target"), HASH("dictionary"), STR("dictionary_path"), BOOL("exact"),
    BOOL("regex"), STR("fallback"), BOOL("override"), NUM("refresh_interval"),
    STR("refresh_behaviour"), STR("iterate_on"), NUM("yaml_code_point_limit"), ECS,
    OLD("field", TSN_PO_STRING, "source"), OLD("destination", TSN_PO_STRING, "target"), END);
RUNS(FI, fi_cidr, "cidr", "compares addresses with networks",
    .filter = &tsn_filter_cidr,
    ARR("address"), ARR("network"), STR("network_path"), STR("separator"),
    NUM("refresh_interval"), END);
RUNS(FI, fi_syslog_pri, "syslog_pri", "facility and severity out of a priority",
    .filter = &tsn_filter_syslog_pri,
    STR("syslog_pri_field_name"), BOOL("use_labels"), ARR("facility_labels"),
    ARR("severity_labels"), ECS, END);
RUNS(FI, fi_de_dot, "de_dot", "names without dots",
    .filter = &tsn_filter_de_dot,
    STR("separator"), BOOL("nested"), BOOL("recursive"), ARR("fields"), END);
RUNS(FI, fi_throttle, "throttle", "marks events beyond a rate",
    .filter = &tsn_filter_throttle,
    NEED("key", TSN_PO_STRING), NUM("before_count"), NUM("after_count"), ANY("period"),
    NUM("max_age"), NUM("max_counters"), END);
RUNS(FI, fi_useragent, "useragent", "browser and system out of a user agent",
    .filter = &tsn_filter_useragent,
    NEED("source", TSN_PO_STRING), STR("target"), STR("prefix"), STR("regexes"),
    NUM("lru_cache_size"), ECS, END);
RUNS(FI, fi_geoip, "geoip", "place of an address",
    .filter = &tsn_filter_geoip,
    NEED("source", TSN_PO_STRING), STR("target"), STR("database"),
    ONE_OF("default_database_type", "City|ASN"), ARR("fields"), NUM("cache_size"),
    ARR("tag_on_failure"), ECS, OLD("lru_cache_size", TSN_PO_NUMBER, "cache_size"), END);
PARSES(FI, fi_xml, "xml", "fields out of XML",
    .filter = &tsn_filter_xml,
    NEED("source", TSN_PO_STRING), STR("target"), HASH("xpath"), HASH("namespaces"),
    BOOL("store_xml"), BOOL("force_array"), BOOL("force_content"), BOOL("remove_namespaces"),
    BOOL("suppress_empty"), STR("parse_options"), ECS, END);
RUNS(FI, fi_dns, "dns", "names of addresses and addresses of names",
    .filter = &tsn_filter_dns,
    ARR("reverse"), ARR("resolve"), ONE_OF("action", "append|replace"), ANY("nameserver"),
    NUM("timeout"), NUM("max_retries"), STR("hostsfile"), NUM("hit_cache_size"),
    NUM("hit_cache_ttl"), NUM("failed_cache_size"), NUM("failed_cache_ttl"),
    ARR("tag_on_timeout"), END);
RUNS(FI, fi_metrics, "metrics", "counts and rates as events",
    .filter = &tsn_filter_metrics,
    ARR("meter"), HASH("timer"), NUM("ignore_older_than"), NUM("flush_interval"),
    NUM("clear_interval"), ARR("percentiles"), ARR("rates"), END);
RUNS(FI, fi_multiline, "multiline", "joins lines",
    .filter = &tsn_filter_multiline,
    NEED("pattern", TSN_PO_STRING), STR("source"), BOOL("allow_duplicates"), BOOL("negate"),
    NEED("what", TSN_PO_STRING), ARR("patterns_dir"), STR("stream_identity"), NUM("max_age"), END);
PLUGIN(FI, fi_sleep, "sleep", "waits", ANY("time"), ANY("every"), BOOL("replay"), END);
RUNS(FI, fi_uuid, "uuid", "a random identifier",
    .filter = &tsn_filter_uuid,
    NEED("target", TSN_PO_STRING), BOOL("overwrite"), END);
PLUGIN(FI, fi_bytes, "bytes", "\"10 MB\" as a number",
    STR("source"), STR("target"), ONE_OF("conversion_method", "binary|metric"),
    STR("decimal_separator"), ARR("tag_on_failure"), END);
PLUGIN(FI, fi_aggregate, "aggregate", "one event out of several",
    NEED("task_id", TSN_PO_STRING), NEED("code", TSN_PO_STRING), STR("map_action"),
    BOOL("end_of_task"), STR("aggregate_maps_path"), NUM("timeout"), STR("timeout_code"),
    BOOL("push_map_as_event_on_timeout"), BOOL("push_previous_map_as_event"),
    STR("timeout_timestamp_field"), STR("timeout_task_id_field"), ARR("timeout_tags"),
    NUM("inactivity_timeout"), END);
PLUGIN(FI, fi_elasticsearch, "elasticsearch", "fields of earlier documents",
    ARR("hosts"), STR("index"), STR("query"), STR("query_template"), ANY("fields"),
    ANY("docinfo_fields"), ANY("aggregation_fields"), STR("sort"), BOOL("enable_sort"),
    NUM("result_size"), STR("user"), STR("password"), STR("api_key"), STR("cloud_id"),
    STR("cloud_auth"), STR("proxy"), ARR("tag_on_failure"), NUM("retry_on_failure"),
    ARR("retry_on_status"), STR("target"), TLS, END);
PLUGIN(FI, fi_http, "http", "fields out of a web service",
    NEED("url", TSN_PO_STRING), STR("verb"), ANY("body"), STR("body_format"), HASH("headers"),
    HASH("query"), STR("target_body"), STR("target_headers"), STR("user"), STR("password"),
    ARR("tag_on_request_failure"), ARR("tag_on_json_failure"), HTTP_CLIENT, TLS, ECS, END);
PLUGIN(FI, fi_anonymize, "anonymize", "replaces values by hashes",
    NEED("fields", TSN_PO_ARRAY), STR("algorithm"), STR("key"), END);
PLUGIN(FI, fi_checksum, "checksum", "a hash of fields",
    ARR("keys"), STR("algorithm"), END);

static const struct tsn_popt ruby_options[] = {STR("code"), STR("init"), STR("path"),
    HASH("script_params"), STR("tag_on_exception"), STR("tag_with_exception_message"), END};
static const struct tsn_plugin fi_ruby = {.name = "ruby", .kind = FI, .doc = "Ruby code",
    .options = ruby_options,
    .refused = "there is no Ruby here, and code of a configuration could do anything; mutate, "
    "translate, dissect and conditionals say most of it"};
static const struct tsn_plugin fi_exec = {.name = "exec", .kind = FI, .doc = "output of commands",
    .options = ruby_options,
    .refused = "a collector that runs commands of its configuration gives whoever can write the "
    "configuration a shell"};

const struct tsn_plugin *const tsn_plugins_filter[] = {&fi_aggregate, &fi_anonymize, &fi_bytes,
    &fi_checksum, &fi_cidr, &fi_clone, &fi_csv, &fi_date, &fi_de_dot, &fi_dissect, &fi_dns,
    &fi_drop, &fi_elasticsearch, &fi_exec, &fi_fingerprint, &fi_geoip, &fi_grok, &fi_http,
    &fi_json, &fi_kv, &fi_metrics, &fi_multiline, &fi_mutate, &fi_prune, &fi_ruby, &fi_sleep,
    &fi_split, &fi_syslog_pri, &fi_throttle, &fi_translate, &fi_truncate, &fi_urldecode,
    &fi_useragent, &fi_uuid, &fi_xml, NULL};
