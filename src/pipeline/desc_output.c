/* Outputs: names and options. */
#include "pipeline/desc_int.h"
#include "pipeline/impl_int.h"

#define OUT TSN_PLUGIN_OUTPUT

RUNS(OUT, out_stdout, "stdout", "standard output",
    .output = &tsn_output_stdout, OLD("debug", TSN_PO_BOOL, "codec"),
    OLD("debug_format", TSN_PO_STRING, "codec"), END);
RUNS(OUT, out_file, "file", "files",
    .output = &tsn_output_file,
    NEED("path", TSN_PO_STRING), BOOL("gzip"), NUM("flush_interval"), STR("filename_failure"),
    BOOL("create_if_deleted"), NUM("dir_mode"), NUM("file_mode"), NUM("stale_cleanup_interval"),
    ONE_OF("write_behavior", "append|overwrite"), OLD("message_format", TSN_PO_STRING, "codec"),
    OLD("max_size", TSN_PO_STRING, ""), END);
RUNS(OUT, out_null, "null", "nowhere",
    .output = &tsn_output_null, END);
RUNS(OUT, out_tocsin, "tocsin", "the store, through detection",
    .output = &tsn_output_tocsin,
    STR("data"), ARR("rules"), STR("kind"), END);
RUNS(OUT, out_elasticsearch, "elasticsearch", "an index",
    .output = &tsn_output_elasticsearch,
    ARR("hosts"), STR("index"), STR("action"), STR("document_id"), STR("routing"), STR("parent"),
    STR("join_field"), STR("pipeline"), STR("user"), STR("password"), STR("api_key"),
    STR("cloud_id"), STR("cloud_auth"), STR("path"), STR("proxy"), NUM("timeout"),
    BOOL("manage_template"), STR("template"), STR("template_name"), BOOL("template_overwrite"),
    STR("template_api"), ANY("ilm_enabled"), STR("ilm_rollover_alias"), STR("ilm_pattern"),
    STR("ilm_policy"), ANY("data_stream"), STR("data_stream_type"), STR("data_stream_dataset"),
    STR("data_stream_namespace"), BOOL("data_stream_sync_fields"), BOOL("data_stream_auto_routing"),
    BOOL("doc_as_upsert"), STR("upsert"), BOOL("scripted_upsert"), STR("script"),
    STR("script_lang"), STR("script_type"), STR("script_var_name"), STR("version"),
    STR("version_type"), NUM("retry_on_conflict"), NUM("retry_initial_interval"),
    NUM("retry_max_interval"), BOOL("sniffing"), NUM("sniffing_delay"), STR("sniffing_path"),
    STR("healthcheck_path"), STR("bulk_path"), HASH("custom_headers"), HASH("parameters"),
    BOOL("http_compression"), NUM("compression_level"), NUM("pool_max"), NUM("pool_max_per_route"),
    NUM("resurrect_delay"), NUM("validate_after_inactivity"), ARR("silence_errors_in_log"),
    ARR("dlq_custom_codes"), BOOL("dlq_on_failed_indexname_interpolation"),
    STR("default_server_major_version"), STR("ca_trusted_fingerprint"), TLS, ECS,
    OLD("host", TSN_PO_ARRAY, "hosts"), OLD("port", TSN_PO_ANY, "hosts"),
    OLD("protocol", TSN_PO_STRING, ""), OLD("index_type", TSN_PO_STRING, ""),
    OLD("document_type", TSN_PO_STRING, ""), OLD("cluster", TSN_PO_STRING, ""),
    OLD("node_name", TSN_PO_STRING, ""), OLD("bind_host", TSN_PO_STRING, ""),
    OLD("bind_port", TSN_PO_NUMBER, ""), OLD("embedded", TSN_PO_BOOL, ""),
    OLD("flush_size", TSN_PO_NUMBER, "pipeline.batch.size in the settings"),
    OLD("idle_flush_time", TSN_PO_NUMBER, "pipeline.batch.delay in the settings"),
    OLD("max_retries", TSN_PO_NUMBER, "retry_max_interval"),
    OLD("retry_max_items", TSN_PO_NUMBER, ""),
    OLD("max_inflight_requests", TSN_PO_NUMBER, ""),
    OLD("document_id_field", TSN_PO_STRING, "document_id"), END);
RUNS(OUT, out_kafka, "kafka", "a topic of Kafka",
    .output = &tsn_output_kafka,
    KAFKA_CLIENT, STR("topic_id"), STR("acks"), NUM("batch_size"), NUM("buffer_memory"),
    ONE_OF("compression_type", "none|gzip|snappy|lz4|zstd"), STR("key_serializer"),
    NUM("linger_ms"), NUM("max_request_size"), STR("message_key"), HASH("message_headers"),
    NUM("metadata_fetch_timeout_ms"), STR("partitioner"), NUM("retries"),
    STR("value_serializer"), OLD("broker_list", TSN_PO_STRING, "bootstrap_servers"),
    OLD("compression_codec", TSN_PO_STRING, "compression_type"),
    OLD("compressed_topics", TSN_PO_STRING, ""),
    OLD("request_required_acks", TSN_PO_ANY, "acks"), OLD("serializer_class", TSN_PO_STRING,
    "value_serializer"), OLD("key_serializer_class", TSN_PO_STRING, "key_serializer"),
    OLD("partitioner_class", TSN_PO_STRING, "partitioner"),
    OLD("partition_key_format", TSN_PO_STRING, "message_key"),
    OLD("producer_type", TSN_PO_STRING, ""), OLD("message_send_max_retries", TSN_PO_NUMBER,
    "retries"), OLD("topic_metadata_refresh_interval_ms", TSN_PO_NUMBER, "metadata_max_age_ms"),
    OLD("queue_buffering_max_ms", TSN_PO_NUMBER, "linger_ms"),
    OLD("queue_buffering_max_messages", TSN_PO_NUMBER, "batch_size"),
    OLD("queue_enqueue_timeout_ms", TSN_PO_NUMBER, ""),
    OLD("batch_num_messages", TSN_PO_NUMBER, "batch_size"),
    OLD("block_on_buffer_full", TSN_PO_BOOL, ""),
    OLD("timeout_ms", TSN_PO_NUMBER, "request_timeout_ms"), END);

#define HDFS_OPTIONS \
	STR("host"), NUM("port"), STR("user"), NEED("path", TSN_PO_STRING), NUM("flush_size"), \
	NUM("idle_flush_time"), ONE_OF("compression", "none|snappy|gzip"), \
	BOOL("single_file_per_thread"), \
	NUM("retry_times"), NUM("retry_interval"), BOOL("retry_known_errors"), NUM("open_timeout"), \
	NUM("read_timeout"), BOOL("use_httpfs"), STR("standby_host"), NUM("standby_port"), \
	BOOL("use_kerberos_auth"), STR("kerberos_keytab"), BOOL("use_ssl_auth"), STR("ssl_cert"), \
	STR("ssl_key"), NUM("snappy_bufsize"), ONE_OF("snappy_format", "stream|file"), \
	BOOL("remove_at_timestamp"), OLD("server", TSN_PO_STRING, "host and port"), \
	OLD("compress", TSN_PO_ANY, "compression"), OLD("message_format", TSN_PO_STRING, "codec"), END

RUNS(OUT, out_webhdfs, "webhdfs", "files of HDFS over HTTP",
    .output = &tsn_output_webhdfs, HDFS_OPTIONS);
static const struct tsn_plugin out_hadoop_webhdfs = {.name = "hadoop_webhdfs", .kind = OUT,
    .doc = "files of HDFS over HTTP", .options = out_webhdfs_options, .modern = "webhdfs",
    .output = &tsn_output_webhdfs};

RUNS(OUT, out_http, "http", "requests to a web service",
    .output = &tsn_output_http,
    NEED("url", TSN_PO_STRING), ONE_OF("http_method", "put|post|patch|delete|get|head"),
    ONE_OF("format", "json|json_batch|form|message"), HASH("headers"), STR("content_type"),
    HASH("mapping"), STR("message"), BOOL("http_compression"), ARR("ignorable_codes"),
    ARR("retryable_codes"), BOOL("retry_failed"), STR("user"), STR("password"), HTTP_CLIENT,
    TLS, OLD("verify_ssl", TSN_PO_BOOL, "ssl_verification_mode"), END);
RUNS(OUT, out_tcp, "tcp", "a TCP connection",
    .output = &tsn_output_tcp,
    NEED("host", TSN_PO_STRING), NEED("port", TSN_PO_NUMBER), ONE_OF("mode", "server|client"),
    NUM("reconnect_interval"), TLS, OLD("message_format", TSN_PO_STRING, "codec"), END);
RUNS(OUT, out_udp, "udp", "datagrams",
    .output = &tsn_output_udp,
    NEED("host", TSN_PO_STRING), NEED("port", TSN_PO_NUMBER), NUM("retry_count"),
    NUM("retry_backoff_ms"), END);
RUNS(OUT, out_syslog, "syslog", "a syslog server",
    .output = &tsn_output_syslog,
    NEED("host", TSN_PO_STRING), NEED("port", TSN_PO_NUMBER), STR("appname"), STR("facility"),
    STR("severity"), STR("message"), STR("msgid"), STR("priority"), STR("procid"),
    ONE_OF("protocol", "tcp|udp|ssl-tcp"), NUM("reconnect_interval"), STR("rfc"),
    STR("sourcehost"), STR("timestamp"), BOOL("use_labels"), TLS, END);
RUNS(OUT, out_email, "email", "mail",
    .output = &tsn_output_email,
    NEED("to", TSN_PO_STRING), STR("from"), STR("cc"), STR("bcc"), STR("replyto"), STR("subject"),
    STR("body"), STR("htmlbody"), STR("template_file"), ARR("attachments"), STR("address"),
    NUM("port"), STR("domain"), STR("username"), STR("password"), STR("authentication"),
    BOOL("use_tls"), STR("contenttype"), STR("via"), BOOL("debug"),
    OLD("options", TSN_PO_HASH, "address, port, username"), OLD("match", TSN_PO_HASH, ""), END);
RUNS(OUT, out_redis, "redis", "a list or channel of Redis",
    .output = &tsn_output_redis,
    STR("key"), ONE_OF("data_type", "list|channel"), ARR("host"), NUM("port"), NUM("db"),
    STR("password"), NUM("timeout"), BOOL("batch"), NUM("batch_events"), NUM("batch_timeout"),
    NUM("congestion_interval"), NUM("congestion_threshold"), NUM("reconnect_interval"),
    BOOL("shuffle_hosts"), TLS, OLD("name", TSN_PO_STRING, ""),
    OLD("queue", TSN_PO_STRING, "key"), END);
PLUGIN(OUT, out_rabbitmq, "rabbitmq", "an exchange of an AMQP broker",
    NEED("host", TSN_PO_ARRAY), NUM("port"), STR("user"), STR("password"), STR("vhost"),
    NEED("exchange", TSN_PO_STRING), NEED("exchange_type", TSN_PO_STRING), STR("key"),
    BOOL("durable"), BOOL("persistent"), BOOL("passive"), HASH("arguments"),
    HASH("message_properties"), NUM("heartbeat"), NUM("connection_timeout"), TLS, END);
PLUGIN(OUT, out_s3, "s3", "objects of a bucket",
    NEED("bucket", TSN_PO_STRING), STR("region"), STR("prefix"), STR("endpoint"),
    STR("access_key_id"), STR("secret_access_key"), NUM("size_file"), NUM("time_file"),
    STR("encoding"), STR("canned_acl"), STR("storage_class"), STR("rotation_strategy"),
    BOOL("restore"), STR("temporary_directory"), ARR("tags"), BOOL("server_side_encryption"),
    STR("server_side_encryption_algorithm"), HASH("additional_settings"),
    BOOL("validate_credentials_on_root_bucket"), NUM("upload_workers_count"), END);
PLUGIN(OUT, out_pipeline, "pipeline", "other pipelines",
    NEED("send_to", TSN_PO_ARRAY), BOOL("ensure_delivery"), END);
PLUGIN(OUT, out_csv, "csv", "files of columns",
    NEED("path", TSN_PO_STRING), NEED("fields", TSN_PO_ARRAY), HASH("csv_options"),
    BOOL("spreadsheet_safe"), BOOL("gzip"), NUM("flush_interval"), STR("filename_failure"),
    BOOL("create_if_deleted"), NUM("dir_mode"), NUM("file_mode"), STR("write_behavior"), END);

static const struct tsn_popt exec_options[] = {STR("command"), BOOL("quiet"), END};
static const struct tsn_plugin out_exec = {.name = "exec", .kind = OUT, .doc = "runs commands",
    .options = exec_options,
    .refused = "commands built out of log text hand a shell to whoever can write a log line"};
static const struct tsn_plugin out_pipe = {.name = "pipe", .kind = OUT, .doc = "runs a command",
    .options = exec_options,
    .refused = "commands built out of log text hand a shell to whoever can write a log line"};

const struct tsn_plugin *const tsn_plugins_output[] = {&out_csv, &out_elasticsearch, &out_email,
    &out_exec, &out_file, &out_hadoop_webhdfs, &out_http, &out_kafka, &out_null, &out_pipe,
    &out_pipeline, &out_rabbitmq, &out_redis, &out_s3, &out_stdout, &out_syslog, &out_tcp,
    &out_tocsin, &out_udp, &out_webhdfs, NULL};
