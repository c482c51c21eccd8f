/* pipeline/desc_int: short forms for the tables of options in desc_*.c. */
#ifndef TSN_PIPELINE_DESC_INT_H
#define TSN_PIPELINE_DESC_INT_H

#include "pipeline/plugin.h"

#define STR(n) {.name = (n), .type = TSN_PO_STRING}
#define NUM(n) {.name = (n), .type = TSN_PO_NUMBER}
#define BOOL(n) {.name = (n), .type = TSN_PO_BOOL}
#define ARR(n) {.name = (n), .type = TSN_PO_ARRAY}
#define HASH(n) {.name = (n), .type = TSN_PO_HASH}
#define CODEC(n) {.name = (n), .type = TSN_PO_CODEC}
#define ANY(n) {.name = (n), .type = TSN_PO_ANY}
#define ONE_OF(n, c) {.name = (n), .type = TSN_PO_STRING, .choices = (c)}
#define NEED(n, t) {.name = (n), .type = (t), .required = true}
#define OLD(n, t, m) {.name = (n), .type = (t), .modern = (m)}
#define ECS ONE_OF("ecs_compatibility", "disabled|v1|v8")
#define TLS \
	BOOL("ssl_enabled"), STR("ssl_certificate"), STR("ssl_key"), STR("ssl_key_passphrase"), \
	ARR("ssl_certificate_authorities"), STR("ssl_keystore_path"), STR("ssl_keystore_password"), \
	STR("ssl_keystore_type"), STR("ssl_truststore_path"), STR("ssl_truststore_password"), \
	STR("ssl_truststore_type"), STR("ssl_verification_mode"), STR("ssl_client_authentication"), \
	ARR("ssl_supported_protocols"), ARR("ssl_cipher_suites"), \
	OLD("ssl", TSN_PO_BOOL, "ssl_enabled"), OLD("ssl_enable", TSN_PO_BOOL, "ssl_enabled"), \
	OLD("ssl_cert", TSN_PO_STRING, "ssl_certificate"), \
	OLD("cacert", TSN_PO_STRING, "ssl_certificate_authorities"), \
	OLD("ssl_verify", TSN_PO_BOOL, "ssl_verification_mode"), \
	OLD("ssl_verify_mode", TSN_PO_STRING, "ssl_client_authentication"), \
	OLD("ssl_certificate_verification", TSN_PO_BOOL, "ssl_verification_mode"), \
	OLD("keystore", TSN_PO_STRING, "ssl_keystore_path"), \
	OLD("truststore", TSN_PO_STRING, "ssl_truststore_path"), \
	OLD("cipher_suites", TSN_PO_ARRAY, "ssl_cipher_suites"), \
	OLD("tls_min_version", TSN_PO_NUMBER, "ssl_supported_protocols"), \
	OLD("tls_max_version", TSN_PO_NUMBER, "ssl_supported_protocols")
#define HTTP_CLIENT \
	STR("proxy"), NUM("request_timeout"), NUM("socket_timeout"), NUM("connect_timeout"), \
	BOOL("follow_redirects"), NUM("pool_max"), NUM("pool_max_per_route"), BOOL("keepalive"), \
	NUM("automatic_retries"), BOOL("retry_non_idempotent"), NUM("validate_after_inactivity"), \
	STR("client_cert"), STR("client_key"), BOOL("cookies")
#define KAFKA_CLIENT \
	STR("bootstrap_servers"), STR("client_id"), STR("security_protocol"), STR("sasl_mechanism"), \
	STR("sasl_jaas_config"), STR("sasl_kerberos_service_name"), STR("jaas_path"), \
	STR("kerberos_config"), STR("sasl_client_callback_handler_class"), \
	STR("ssl_endpoint_identification_algorithm"), STR("ssl_key_password"), \
	STR("ssl_keystore_location"), STR("ssl_keystore_password"), STR("ssl_keystore_type"), \
	STR("ssl_truststore_location"), STR("ssl_truststore_password"), STR("ssl_truststore_type"), \
	NUM("request_timeout_ms"), NUM("retry_backoff_ms"), NUM("reconnect_backoff_ms"), \
	NUM("metadata_max_age_ms"), NUM("receive_buffer_bytes"), NUM("send_buffer_bytes"), \
	NUM("connections_max_idle_ms"), STR("client_dns_lookup")
#define END {.name = NULL}
#define PLUGIN(k, v, n, d, ...) \
	static const struct tsn_popt v##_options[] = {__VA_ARGS__}; \
	static const struct tsn_plugin v = {.name = (n), .kind = (k), .doc = (d), \
	    .options = v##_options}
#define RUNS(k, v, n, d, runs, ...) \
	static const struct tsn_popt v##_options[] = {__VA_ARGS__}; \
	static const struct tsn_plugin v = {.name = (n), .kind = (k), .doc = (d), \
	    .options = v##_options, runs}
#define PARSES(k, v, n, d, runs, ...) \
	static const struct tsn_popt v##_options[] = {__VA_ARGS__}; \
	static const struct tsn_plugin v = {.name = (n), .kind = (k), .doc = (d), \
	    .options = v##_options, .parses = true, runs}

#endif
