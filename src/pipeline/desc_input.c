/* Inputs: names and options. */
#include "pipeline/desc_int.h"
#include "pipeline/impl_int.h"

#define IN TSN_PLUGIN_INPUT

RUNS(IN, in_stdin, "stdin", "lines of standard input",
    .input = &tsn_input_stdin, ECS, END);
RUNS(IN, in_generator, "generator", "the same lines over and over",
    .input = &tsn_input_generator,
    NUM("count"), ARR("lines"), STR("message"), NUM("threads"), ECS, END);
RUNS(IN, in_file, "file", "files, followed as they grow",
    .input = &tsn_input_file,
    NEED("path", TSN_PO_ARRAY), ONE_OF("start_position", "beginning|end"), STR("sincedb_path"),
    ANY("sincedb_write_interval"), ANY("sincedb_clean_after"), ONE_OF("mode", "tail|read"),
    STR("delimiter"), ARR("exclude"), ANY("close_older"), ANY("ignore_older"),
    NUM("discover_interval"), ANY("stat_interval"), NUM("file_chunk_count"),
    NUM("file_chunk_size"), STR("file_completed_action"), STR("file_completed_log_path"),
    STR("file_sort_by"), STR("file_sort_direction"), NUM("max_open_files"),
    BOOL("check_archive_validity"), BOOL("exit_after_read"), ECS, END);
RUNS(IN, in_tcp, "tcp", "records over TCP",
    .input = &tsn_input_tcp,
    NEED("port", TSN_PO_NUMBER), STR("host"), ONE_OF("mode", "server|client"),
    BOOL("proxy_protocol"), BOOL("dns_reverse_lookup_enabled"), BOOL("tcp_keep_alive"),
    ARR("ssl_extra_chain_certs"), TLS, ECS, OLD("data_timeout", TSN_PO_NUMBER, ""), END);
RUNS(IN, in_udp, "udp", "datagrams",
    .input = &tsn_input_udp,
    NEED("port", TSN_PO_NUMBER), STR("host"), NUM("buffer_size"), NUM("queue_size"),
    NUM("receive_buffer_bytes"), NUM("workers"), STR("source_ip_fieldname"), ECS, END);
RUNS(IN, in_syslog, "syslog", "syslog over UDP and TCP",
    .input = &tsn_input_syslog,
    NUM("port"), STR("host"), ARR("facility_labels"), ARR("severity_labels"),
    STR("grok_pattern"), STR("locale"), BOOL("proxy_protocol"), STR("syslog_field"),
    STR("timezone"), BOOL("use_labels"), ECS, END);
RUNS(IN, in_http, "http", "requests of HTTP clients",
    .input = &tsn_input_http,
    NUM("port"), STR("host"), STR("user"), STR("password"), HASH("additional_codecs"),
    HASH("response_headers"), NUM("response_code"), NUM("threads"), NUM("max_pending_requests"),
    NUM("max_content_length"), STR("remote_host_target_field"),
    STR("request_headers_target_field"), TLS, ECS, OLD("verify_mode", TSN_PO_STRING,
    "ssl_client_authentication"), END);
PLUGIN(IN, in_beats, "beats", "Beats and other Lumberjack v2 clients",
    NEED("port", TSN_PO_NUMBER), STR("host"), BOOL("add_hostname"), BOOL("include_codec_tag"),
    NUM("client_inactivity_timeout"), NUM("executor_threads"), NUM("event_loop_threads"),
    ARR("enrich"), NUM("ssl_handshake_timeout"), BOOL("ssl_peer_metadata"), TLS, ECS,
    OLD("congestion_threshold", TSN_PO_NUMBER, ""),
    OLD("target_field_for_codec", TSN_PO_STRING, ""), END);
RUNS(IN, in_kafka, "kafka", "topics of Kafka",
    .input = &tsn_input_kafka,
    KAFKA_CLIENT, ARR("topics"), STR("topics_pattern"), STR("group_id"),
    STR("group_instance_id"), NUM("consumer_threads"), ANY("decorate_events"),
    STR("auto_offset_reset"), STR("isolation_level"), NUM("auto_commit_interval_ms"),
    BOOL("enable_auto_commit"), BOOL("auto_create_topics"), BOOL("check_crcs"),
    STR("client_rack"), NUM("default_api_timeout_ms"), ANY("exclude_internal_topics"),
    NUM("fetch_max_bytes"), NUM("fetch_max_wait_ms"), NUM("fetch_min_bytes"),
    NUM("heartbeat_interval_ms"), STR("key_deserializer_class"), NUM("max_partition_fetch_bytes"),
    NUM("max_poll_interval_ms"), NUM("max_poll_records"), STR("partition_assignment_strategy"),
    NUM("poll_timeout_ms"), STR("schema_registry_url"), STR("schema_registry_key"),
    STR("schema_registry_secret"), STR("schema_registry_proxy"), STR("schema_registry_validation"),
    NUM("session_timeout_ms"), STR("value_deserializer_class"), ECS,
    OLD("zk_connect", TSN_PO_STRING, "bootstrap_servers"),
    OLD("topic_id", TSN_PO_STRING, "topics"),
    OLD("white_list", TSN_PO_STRING, "topics_pattern"),
    OLD("black_list", TSN_PO_STRING, "topics_pattern"),
    OLD("reset_beginning", TSN_PO_BOOL, "auto_offset_reset"),
    OLD("queue_size", TSN_PO_NUMBER, "max_poll_records"),
    OLD("rebalance_max_retries", TSN_PO_NUMBER, ""),
    OLD("rebalance_backoff_ms", TSN_PO_NUMBER, "retry_backoff_ms"),
    OLD("consumer_timeout_ms", TSN_PO_NUMBER, "poll_timeout_ms"),
    OLD("consumer_restart_on_error", TSN_PO_BOOL, ""),
    OLD("consumer_restart_sleep_ms", TSN_PO_NUMBER, ""),
    OLD("consumer_id", TSN_PO_STRING, "client_id"),
    OLD("fetch_message_max_bytes", TSN_PO_NUMBER, "max_partition_fetch_bytes"),
    OLD("decoder_class", TSN_PO_STRING, "value_deserializer_class"),
    OLD("key_decoder_class", TSN_PO_STRING, "key_deserializer_class"), END);
PLUGIN(IN, in_redis, "redis", "lists and channels of Redis",
    NEED("key", TSN_PO_STRING), ONE_OF("data_type", "list|channel|pattern_channel"), STR("host"),
    NUM("port"), STR("path"), NUM("db"), STR("password"), NUM("timeout"), NUM("batch_count"),
    NUM("threads"), HASH("command_map"), BOOL("ssl"), ECS, END);
PLUGIN(IN, in_elasticsearch, "elasticsearch", "documents of an index",
    ARR("hosts"), STR("index"), STR("query"), NUM("size"), STR("scroll"), STR("schedule"),
    STR("user"), STR("password"), STR("api_key"), STR("cloud_id"), STR("cloud_auth"),
    BOOL("docinfo"), STR("docinfo_target"), ARR("docinfo_fields"), NUM("slices"), NUM("retries"),
    STR("target"), STR("search_api"), STR("response_type"), NUM("connect_timeout_seconds"),
    NUM("request_timeout_seconds"), NUM("socket_timeout_seconds"), STR("proxy"), TLS, ECS,
    OLD("ca_file", TSN_PO_STRING, "ssl_certificate_authorities"), END);
PLUGIN(IN, in_heartbeat, "heartbeat", "one event every few seconds",
    NUM("count"), NUM("interval"), STR("message"), STR("sequence"), NUM("threads"), ECS, END);
PLUGIN(IN, in_unix, "unix", "records over a local socket",
    NEED("path", TSN_PO_STRING), ONE_OF("mode", "server|client"), BOOL("force_unlink"),
    NUM("data_timeout"), NUM("socket_not_present_retry_interval_seconds"), ECS, END);
PLUGIN(IN, in_dead_letter_queue, "dead_letter_queue", "events another pipeline could not write",
    NEED("path", TSN_PO_STRING), STR("pipeline_id"), BOOL("commit_offsets"), STR("sincedb_path"),
    STR("start_timestamp"), BOOL("clean_consumed"), END);
PLUGIN(IN, in_jdbc, "jdbc", "rows of a database",
    STR("jdbc_driver_library"), NEED("jdbc_driver_class", TSN_PO_STRING),
    NEED("jdbc_connection_string", TSN_PO_STRING), STR("jdbc_user"), STR("jdbc_password"),
    STR("jdbc_password_filepath"), BOOL("jdbc_paging_enabled"), NUM("jdbc_page_size"),
    NUM("jdbc_fetch_size"), BOOL("jdbc_validate_connection"), NUM("jdbc_validation_timeout"),
    NUM("jdbc_pool_timeout"), STR("jdbc_default_timezone"), STR("statement"),
    STR("statement_filepath"), HASH("parameters"), STR("schedule"), BOOL("use_column_value"),
    STR("tracking_column"), STR("tracking_column_type"), BOOL("record_last_run"),
    STR("last_run_metadata_path"), BOOL("clean_run"), BOOL("lowercase_column_names"),
    NUM("connection_retry_attempts"), STR("target"), ECS, END);
PLUGIN(IN, in_lumberjack, "lumberjack", "Lumberjack v1 clients",
    NEED("port", TSN_PO_NUMBER), STR("host"), TLS, END);
PLUGIN(IN, in_pipeline, "pipeline", "events another pipeline sends",
    NEED("address", TSN_PO_STRING), END);
PLUGIN(IN, in_rabbitmq, "rabbitmq", "a queue of an AMQP broker",
    NEED("host", TSN_PO_ARRAY), NUM("port"), STR("user"), STR("password"), STR("vhost"),
    STR("queue"), STR("exchange"), STR("exchange_type"), STR("key"), BOOL("durable"),
    BOOL("auto_delete"), BOOL("exclusive"), BOOL("ack"), BOOL("passive"), HASH("arguments"),
    NUM("prefetch_count"), NUM("threads"), NUM("heartbeat"), BOOL("metadata_enabled"), TLS, END);
PLUGIN(IN, in_s3, "s3", "objects of a bucket",
    NEED("bucket", TSN_PO_STRING), STR("region"), STR("prefix"), STR("endpoint"),
    STR("access_key_id"), STR("secret_access_key"), NUM("interval"), STR("sincedb_path"),
    BOOL("delete"), STR("backup_to_bucket"), STR("backup_to_dir"), STR("exclude_pattern"),
    STR("temporary_directory"), BOOL("watch_for_new_files"), HASH("additional_settings"), ECS, END);

static const struct tsn_popt exec_options[] = {STR("command"), NUM("interval"), STR("schedule"),
    ECS, END};
static const struct tsn_plugin in_exec = {.name = "exec", .kind = IN, .doc = "output of commands",
    .options = exec_options,
    .refused = "a collector that runs commands of its configuration gives whoever can write the "
    "configuration a shell; run the command from a timer and read its output with input file"};

const struct tsn_plugin *const tsn_plugins_input[] = {&in_beats, &in_dead_letter_queue,
    &in_elasticsearch, &in_exec, &in_file, &in_generator, &in_heartbeat, &in_http, &in_jdbc,
    &in_kafka, &in_lumberjack, &in_pipeline, &in_rabbitmq, &in_redis, &in_s3, &in_stdin,
    &in_syslog, &in_tcp, &in_udp, &in_unix, NULL};
