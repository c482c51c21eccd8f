#include <string.h>

#include "pipeline/kafka_int.h"

enum tsn_code
tsn_pkafka_set(const struct tsn_pinst *in, struct tsn_pkafka *k, const char *name,
    struct tsn_slice value, struct tsn_err *err)
{
	if (k->count == TSN_SHIP_KAFKA_SETTINGS_MAX)
		return tsn_pi_fail(in, err, "too many settings");
	k->settings[k->count][0] = name;
	k->settings[k->count][1] = tsn_arena_dup(&in->pl->conf->arena, value).ptr;
	return k->settings[k->count++][1] == NULL ? TSN_ERR(err, TSN_ENOMEM, "out of memory") : TSN_OK;
}

enum tsn_code
tsn_pkafka_option(const struct tsn_pinst *in, struct tsn_pkafka *k, const char *option,
    const char *name, struct tsn_err *err)
{
	return tsn_pi_get(in, option) == NULL ? TSN_OK :
	    tsn_pkafka_set(in, k, name, tsn_pi_str(in, option, ""), err);
}

/* "... PlainLoginModule required username="u" password="p";" */
static struct tsn_slice
jaas_value(struct tsn_slice jaas, struct tsn_slice name)
{
	size_t at = tsn_slice_find(jaas, name), end;

	if (at == SIZE_MAX)
		return TSN_SLICE_NONE;
	jaas = tsn_slice_trim(tsn_slice_from(jaas, at + name.len));
	if (jaas.len == 0 || (jaas.ptr[0] != '"' && jaas.ptr[0] != '\''))
		return TSN_SLICE_NONE;
	end = tsn_slice_find_char(tsn_slice_from(jaas, 1), jaas.ptr[0]);
	return end == SIZE_MAX ? TSN_SLICE_NONE : tsn_slice_of(jaas.ptr + 1, end);
}

static enum tsn_code
sasl(const struct tsn_pinst *in, struct tsn_pkafka *k, struct tsn_err *err)
{
	struct tsn_slice jaas = tsn_pi_str(in, "sasl_jaas_config", ""), v;

	TSN_TRY(tsn_pkafka_option(in, k, "sasl_mechanism", "sasl.mechanism", err));
	TSN_TRY(tsn_pkafka_option(in, k, "sasl_kerberos_service_name", "sasl.kerberos.service.name",
	    err));
	if ((v = jaas_value(jaas, TSN_SLICE("username="))).ptr != NULL)
		TSN_TRY(tsn_pkafka_set(in, k, "sasl.username", v, err));
	if ((v = jaas_value(jaas, TSN_SLICE("password="))).ptr != NULL)
		TSN_TRY(tsn_pkafka_set(in, k, "sasl.password", v, err));
	return TSN_OK;
}

static enum tsn_code
tls(const struct tsn_pinst *in, struct tsn_pkafka *k, struct tsn_err *err)
{
	static const char *const stores[] = {"ssl_truststore_location", "ssl_keystore_location"};
	struct tsn_slice check = tsn_pi_str(in, "ssl_endpoint_identification_algorithm", "https");

	for (size_t i = 0; i < TSN_COUNT(stores); i++) {
		struct tsn_slice type = tsn_pi_str(in, i == 0 ? "ssl_truststore_type" :
		    "ssl_keystore_type", "JKS");

		if (tsn_pi_get(in, stores[i]) != NULL && !tsn_slice_eq_nocase(type, TSN_SLICE("PEM")) &&
		    !(i == 1 && tsn_slice_eq_nocase(type, TSN_SLICE("PKCS12"))))
			return tsn_pi_fail(in, err, "option \"%s\": Java's key stores are not read; give a PEM "
			    "file and %s => \"PEM\"", stores[i], i == 0 ? "ssl_truststore_type" :
			    "ssl_keystore_type");
	}
	TSN_TRY(tsn_pkafka_option(in, k, "ssl_truststore_location", "ssl.ca.location", err));
	if (tsn_slice_eq_nocase(tsn_pi_str(in, "ssl_keystore_type", ""), TSN_SLICE("PKCS12"))) {
		TSN_TRY(tsn_pkafka_option(in, k, "ssl_keystore_location", "ssl.keystore.location", err));
		TSN_TRY(tsn_pkafka_option(in, k, "ssl_keystore_password", "ssl.keystore.password", err));
	} else {
		TSN_TRY(tsn_pkafka_option(in, k, "ssl_keystore_location", "ssl.certificate.location",
		    err));
		TSN_TRY(tsn_pkafka_option(in, k, "ssl_keystore_location", "ssl.key.location", err));
	}
	TSN_TRY(tsn_pkafka_option(in, k, "ssl_key_password", "ssl.key.password", err));
	if (tsn_pi_get(in, "ssl_endpoint_identification_algorithm") == NULL)
		return TSN_OK;
	return tsn_pkafka_set(in, k, "ssl.endpoint.identification.algorithm", check.len == 0 ?
	    TSN_SLICE("none") : check, err);
}

enum tsn_code
tsn_pkafka_client(const struct tsn_pinst *in, struct tsn_pkafka *k, struct tsn_err *err)
{
	static const char *const plain[][2] = {{"client_id", "client.id"},
	    {"security_protocol", "security.protocol"},
	    {"reconnect_backoff_ms", "reconnect.backoff.ms"},
	    {"retry_backoff_ms", "retry.backoff.ms"}, {"metadata_max_age_ms", "metadata.max.age.ms"},
	    {"receive_buffer_bytes", "socket.receive.buffer.bytes"},
	    {"send_buffer_bytes", "socket.send.buffer.bytes"},
	    {"connections_max_idle_ms", "connections.max.idle.ms"}};

	TSN_TRY(tsn_pkafka_set(in, k, "bootstrap.servers",
	    tsn_pi_str(in, "bootstrap_servers", "localhost:9092"), err));
	for (size_t i = 0; i < TSN_COUNT(plain); i++)
		TSN_TRY(tsn_pkafka_option(in, k, plain[i][0], plain[i][1], err));
	if (tsn_pi_get(in, "sasl_mechanism") != NULL || tsn_pi_get(in, "sasl_jaas_config") != NULL)
		TSN_TRY(sasl(in, k, err));
	return tls(in, k, err);
}
