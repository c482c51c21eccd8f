/* Outputs webhdfs and, by its old name and options, hadoop_webhdfs. */
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "pipeline/ship_int.h"

#define PORT 50070

struct out_hdfs {
	struct tsn_po po;
	struct tsn_tmpl path;
	const char *suffix;
};

/* "host:14000" of the old plugin, or host and port */
static enum tsn_code
read_server(struct tsn_pinst *in, struct tsn_ship_hdfs_options *o, struct tsn_err *err)
{
	const struct tsn_conf_option *old = tsn_conf_option_find(in->conf, TSN_SLICE("server"));
	struct tsn_slice host = old != NULL ? old->value.text : tsn_pi_str(in, "host", "");
	size_t colon = old != NULL ? tsn_slice_find_char(host, ':') : SIZE_MAX;
	uint64_t port = PORT, standby = PORT;

	TSN_TRY(tsn_pi_count(in, "port", PORT, 1, 65535, &port, err));
	TSN_TRY(tsn_pi_count(in, "standby_port", PORT, 1, 65535, &standby, err));
	if (colon != SIZE_MAX) {
		if (tsn_num_parse_u64(tsn_slice_from(host, colon + 1), &port) != TSN_OK || port == 0 ||
		    port > 65535)
			return tsn_pi_fail(in, err, "option \"server\": expected HOST:PORT");
		host.len = colon;
	}
	if (host.len == 0)
		return tsn_pi_fail(in, err, "needs the option \"host\"");
	o->host = tsn_arena_dup(&in->pl->conf->arena, host).ptr;
	o->port = (uint16_t)port;
	o->standby_host = tsn_pi_text(in, "standby_host", NULL);
	o->standby_port = (uint16_t)standby;
	return o->host == NULL ? TSN_ERR(err, TSN_ENOMEM, "out of memory") : TSN_OK;
}

static enum tsn_ship_pack
read_pack(struct tsn_pinst *in, struct out_hdfs *h)
{
	struct tsn_slice pack = tsn_pi_str(in, "compression", "none");

	h->suffix = "";
	if (tsn_slice_eq(pack, TSN_SLICE("gzip"))) {
		h->suffix = ".gz";
		return TSN_SHIP_GZIP;
	}
	if (!tsn_slice_eq(pack, TSN_SLICE("snappy")))
		return TSN_SHIP_PLAIN;
	h->suffix = ".snappy";
	return tsn_slice_eq(tsn_pi_str(in, "snappy_format", "stream"), TSN_SLICE("file")) ?
	    TSN_SHIP_SNAPPY : TSN_SHIP_SNAPPY_STREAM;
}

static enum tsn_code
hdfs_open(struct tsn_pinst *in, struct tsn_err *err)
{
	struct out_hdfs *h = tsn_pi_alloc(in, 1, sizeof *h);
	struct tsn_ship_hdfs_options o = {0};
	struct tsn_ship_dest dest;
	uint64_t items;

	if (h == NULL || !tsn_tmpl_parse(&in->pl->conf->arena, tsn_pi_str(in, "path", ""), &h->path))
		TSN_FAIL(err, TSN_ENOMEM, "out of memory");
	in->state = h;
	if (tsn_pi_bool(in, "use_kerberos_auth", false))
		return tsn_pi_fail(in, err, "option \"use_kerberos_auth\": Kerberos is not spoken; put an "
		    "HttpFS gateway that takes user names or client certificates in front");
	TSN_TRY(read_server(in, &o, err));
	TSN_TRY(tsn_po_client(in, &o.client, err));
	o.client.user = o.client.password = NULL;
	o.client.tls = tsn_pi_bool(in, "use_ssl_auth", false);
	o.client.follow = false;
	o.client.timeout_ms = (long)(tsn_pi_num(in, "read_timeout", 30) * 1000);
	o.client.connect_timeout_ms = (long)(tsn_pi_num(in, "open_timeout", 30) * 1000);
	o.hdfs_user = tsn_pi_text(in, "user", NULL);
	o.httpfs = tsn_pi_bool(in, "use_httpfs", false);
	o.pack = read_pack(in, h);
	TSN_TRY(tsn_pi_count(in, "flush_size", 500, 1, 65536, &items, err));
	o.flush_items = (uint32_t)items;
	o.idle_ns = tsn_pi_span(in, "idle_flush_time", 1);
	o.retry_ns = tsn_pi_span(in, "retry_interval", 0.5);
	TSN_TRY(tsn_ship_hdfs(&o, &dest, err));
	return tsn_po_open(in, &dest, err);
}

static enum tsn_code
hdfs_write(struct tsn_pinst *in, struct tsn_pev *ev, struct tsn_err *err)
{
	struct out_hdfs *h = in->state;
	struct tsn_slice parts[2];
	struct tsn_buf path;

	tsn_buf_init(&path, 4096);
	tsn_tmpl_write(&h->path, ev, &path);
	tsn_buf_slice(&path, tsn_slice_cstr(h->suffix));
	parts[0] = tsn_pl_keep(ev, &path);
	if (parts[0].ptr == NULL)
		TSN_FAIL(err, TSN_ELIMIT, "the path is too long");
	/* a field's text may not lead out of the folder that the configuration names */
	if (tsn_slice_find(parts[0], TSN_SLICE("/../")) != SIZE_MAX ||
	    tsn_slice_ends(parts[0], TSN_SLICE("/..")))
		TSN_FAIL(err, TSN_EINVAL, "a path with \"..\" in it was refused");
	TSN_TRY(tsn_po_encode(in, ev, &parts[1], err));
	return tsn_po_put(in, parts, 2, err);
}

const struct tsn_poutput tsn_output_webhdfs = {.codec = "line", .open = hdfs_open,
    .close = tsn_po_close, .write = hdfs_write, .flush = tsn_po_flush, .counts = tsn_po_counts};
