/*
 * ship/dest: the peers that items can be delivered to.  Each function makes a destination for
 * tsn_ship_open(); texts of options are copied.  TSN_EINVAL: an option without meaning.
 */
#ifndef TSN_SHIP_DEST_H
#define TSN_SHIP_DEST_H

#include "ship/ship.h"

#define TSN_SHIP_HOSTS_MAX 32u
#define TSN_SHIP_HEADERS_MAX 64u

/* What a client of TLS and HTTP needs to know.  NULL: not said. */
struct tsn_ship_client {
	bool tls;
	bool insecure;			/* do not verify the peer: only when told so */
	const char *ca_file, *cert_file, *key_file, *key_password;
	const char *user, *password;
	const char *proxy;
	const char *headers[TSN_SHIP_HEADERS_MAX];	/* "Name: value" */
	uint32_t header_count;
	long timeout_ms, connect_timeout_ms;	/* 0: 60 s, 10 s */
	bool follow;			/* redirects */
};

struct tsn_ship_elastic_options {
	struct tsn_ship_client client;
	const char *urls[TSN_SHIP_HOSTS_MAX];	/* "http://host:9200/prefix", asked in turn */
	uint32_t url_count;
	const char *bulk_path;		/* "/_bulk" with parameters */
	bool gzip;
	const char *template_path;	/* "/_index_template/logstash", or NULL: none is sent */
	struct tsn_slice template_body;
	bool template_overwrite;
	uint32_t batch_items;
};

/** Elasticsearch's bulk requests.  Parts: the action's line, the document's line (or empty). */
TSN_MUST_CHECK enum tsn_code tsn_ship_elastic(const struct tsn_ship_elastic_options *o,
    struct tsn_ship_dest *ret, struct tsn_err *err);

#define TSN_SHIP_CODES_MAX 64u

struct tsn_ship_http_options {
	struct tsn_ship_client client;
	const char *method;		/* "POST" */
	bool gzip;
	bool array;			/* bodies of one URL in one request, as a JSON array */
	bool retry_failed;
	long ignorable[TSN_SHIP_CODES_MAX], retryable[TSN_SHIP_CODES_MAX];	/* ended by 0 */
	uint32_t batch_items;
};

/** Requests.  Parts: URL, headers ("Name: value" lines), body. */
TSN_MUST_CHECK enum tsn_code tsn_ship_http(const struct tsn_ship_http_options *o,
    struct tsn_ship_dest *ret, struct tsn_err *err);

enum tsn_ship_pack { TSN_SHIP_PLAIN, TSN_SHIP_GZIP, TSN_SHIP_SNAPPY, TSN_SHIP_SNAPPY_STREAM };

struct tsn_ship_hdfs_options {
	struct tsn_ship_client client;
	const char *host, *standby_host;	/* or NULL */
	uint16_t port, standby_port;
	const char *hdfs_user;		/* or NULL */
	bool httpfs;			/* data=true, no second step to another host */
	enum tsn_ship_pack pack;
	uint32_t flush_items;
	int64_t idle_ns, retry_ns;
};

/** Files of HDFS, appended to, made when they are not there.  Parts: path, bytes. */
TSN_MUST_CHECK enum tsn_code tsn_ship_hdfs(const struct tsn_ship_hdfs_options *o,
    struct tsn_ship_dest *ret, struct tsn_err *err);

struct tsn_ship_mail_options {
	struct tsn_ship_client client;
	const char *host;
	uint16_t port;
	const char *domain;		/* for HELO, or NULL */
	bool starttls;
};

/** Mail over SMTP.  Parts: sender, recipients (lines), message with its header. */
TSN_MUST_CHECK enum tsn_code tsn_ship_mail(const struct tsn_ship_mail_options *o,
    struct tsn_ship_dest *ret, struct tsn_err *err);

enum tsn_ship_net_proto { TSN_SHIP_TCP, TSN_SHIP_UDP };

struct tsn_ship_net_options {
	struct tsn_ship_client client;	/* of TCP */
	enum tsn_ship_net_proto proto;
	const char *host;
	uint16_t port;
	int64_t reconnect_ns;
};

/** Bytes on a connection, or datagrams.  Parts: bytes. */
TSN_MUST_CHECK enum tsn_code tsn_ship_net(const struct tsn_ship_net_options *o,
    struct tsn_ship_dest *ret, struct tsn_err *err);

struct tsn_ship_redis_options {
	const char *hosts[TSN_SHIP_HOSTS_MAX];	/* "host" or "host:port", the next when one is dead */
	uint32_t host_count;
	uint16_t port;
	int db;
	const char *password;
	bool channel;			/* PUBLISH instead of RPUSH */
	long timeout_ms;
	uint64_t congestion_threshold;	/* of a list; 0: none */
	uint32_t batch_items;
	int64_t batch_ns, reconnect_ns;
};

/** A list or channel.  Parts: key, value. */
TSN_MUST_CHECK enum tsn_code tsn_ship_redis(const struct tsn_ship_redis_options *o,
    struct tsn_ship_dest *ret, struct tsn_err *err);

#define TSN_SHIP_KAFKA_SETTINGS_MAX 48u

struct tsn_ship_kafka_options {
	/* names and values of librdkafka's configuration */
	const char *settings[TSN_SHIP_KAFKA_SETTINGS_MAX][2];
	uint32_t count;
	uint32_t batch_items;
	long timeout_ms;		/* for a batch to be acknowledged; 0: 30 s */
};

/** Topics of Kafka.  Parts: topic, key (or empty), value, then name and value of headers. */
TSN_MUST_CHECK enum tsn_code tsn_ship_kafka(const struct tsn_ship_kafka_options *o,
    struct tsn_ship_dest *ret, struct tsn_err *err);

#endif
