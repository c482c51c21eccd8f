"""Web and SQL servers: the part of parser_rates.py that speaks of their test sets."""
import bz2, collections, gzip, json, pathlib, re, subprocess, tempfile

WEB = re.compile(r"apache|nginx|haproxy|squid|traefik|mysqld")
DECODERS = {"apache-errorlog": ("apache.error",), "nginx-errorlog": ("nginx.error",),
            "web-accesslog": ("apache.access",), "web-accesslog-iis6": ("iis.access",),
            "web-accesslog-iis-default": ("iis.access",), "squid-accesslog": ("squid.access",)}
LNAV = {"access_log": "apache.access", "error_log": "apache.error", "haproxy_log": "haproxy.log",
        "postgres_log": "postgresql.log", "vpostgres_log": "postgresql.log", "mysql_error_log": "mysql.error",
        "mysql_gen_log": "mysql.general", "mysql_slow_log": "mysql.slowlog"}
SQUID = {"elapsed": None, "code": "http.response.status_code", "method": "http.request.method",
         "bytes": "http.response.bytes", "action": "squid.result_code", "ip_src_addr": "source.ip",
         "ip_dst_addr": "destination.ip", "url": "url.original", "full_hostname": "url.domain"}
CROWDSEC = {"verb": "http.request.method", "request": "url.original", "status": "http.response.status_code",
            "http_user_agent": "user_agent.original", "remote_addr": "source.ip", "http_version": "http.version"}


def open_any(path):
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else bz2.decompress(data) if path.suffix == ".bz2" else data


class Sets:
    def __init__(self, tool, corpus, rate, parse, get, same):
        self.tool, self.corpus, self.rate, self.parse, self.get, self.same = tool, corpus, rate, parse, get, same

    def framed(self, path, limit=None):
        data = open_any(path)
        if limit and len(data) > limit:
            data = data[:data.rindex(b"\n", 0, limit) + 1]
        with tempfile.NamedTemporaryFile() as f:
            f.write(data)
            f.flush()
            out = subprocess.run([self.tool, "--frame", f.name], capture_output=True, check=True).stdout
        return [json.loads(l) for l in out.decode("utf-8", "replace").split("\n") if l]

    def fail2ban(self):
        rows = [json.loads(l) for l in open(self.corpus / "06-parser-vectors/fail2ban/cases.jsonl")]
        rows = [r for r in rows if WEB.match(r["filter"]) and r["expect"].get("host", "\0") in r["log"]]
        for row, doc in zip(rows, self.parse([r["log"] for r in rows])):
            host, got = row["expect"]["host"], self.get(doc, "source.address")
            self.rate.add("fail2ban web and SQL: host", self.same(host, got) or
                          self.same(host.replace("::ffff:", ""), self.get(doc, "source.ip")), row["log"], f"got {got}")

    def ossec(self):
        rows = [json.loads(l) for l in open(self.corpus / "06-parser-vectors/ossec_wazuh/cases.jsonl")]
        rows = [r for r in rows if r["decoder"] in DECODERS and r["expect"] == "pass"]
        for row, doc in zip(rows, self.parse([r["log"] for r in rows])):
            got = self.get(doc, "event.dataset")
            self.rate.add("ossec_wazuh web: kind", got in DECODERS[row["decoder"]], row["log"], f"got {got}")

    def lnav(self):
        rows = [json.loads(l) for l in open(self.corpus / "06-parser-vectors/lnav/format_samples.jsonl")]
        rows = [r for r in rows if r["format"] in LNAV]
        for row, doc in zip(rows, self.parse([r["line"] for r in rows])):
            got = self.get(doc, "event.dataset")
            self.rate.add("lnav web and SQL samples: kind", got == LNAV[row["format"]], row["line"], f"got {got}")

    def squid(self):
        folder = self.corpus / "06-parser-vectors/metron/squid"
        rows = [json.loads(l) for l in open(next(folder.glob("parsed_*"))) if l.strip()]
        for row, doc in zip(rows, self.parse([r["original_string"] for r in rows])):
            bad = [k for k, v in SQUID.items() if v and k in row and not self.same(row[k], self.get(doc, v))]
            if self.get(doc, "event.duration") != row["elapsed"] * 1000000:
                bad.append("elapsed")
            self.rate.add("metron squid: all fields", not bad, row["original_string"], str(bad))

    def crowdsec(self):
        """Lines of access logs with the fields that the hub's own parsers find."""
        with gzip.open(self.corpus / "06-parser-vectors/crowdsec/parsed_fields.jsonl.gz", "rt") as f:
            rows = [json.loads(l) for l in f]
        lines, wanted = {}, {}
        for row in rows:
            key, p = (row["test"], row["event"]), row["parsed"]
            if "message" in p and re.search(r'\[\d+/\w{3}/\d{4}:', p["message"]):
                lines.setdefault(key, p["message"])
            if "verb" in p and "request" in p:
                wanted[key] = p
        keys = [k for k in wanted if k in lines]
        for key, doc in zip(keys, self.parse([lines[k] for k in keys])):
            want = wanted[key]
            bad = [f"{k}: want {want[k]!r}, got {self.get(doc, v)!r}" for k, v in CROWDSEC.items()
                   if want.get(k) not in (None, "", "-") and "\\" not in want[k] and not self.same(want[k], self.get(doc, v))]
            self.rate.add("crowdsec access logs: all fields", not bad, lines[key], "; ".join(bad))

    def access_counts(self):
        """02-web-access: every count of expected_counts.json."""
        folder = self.corpus / "02-web-access"
        for name, want in json.load(open(folder / "expected_counts.json")).items():
            docs = [d for d in self.framed(folder / (name + ".gz")) if d and self.get(d, "event.kind") != "pipeline_error"]
            got = {"parsed": len(docs), "bytes_sum": sum(self.get(d, "http.response.body.bytes") or 0 for d in docs)}
            ips = collections.Counter(self.get(d, "source.ip") for d in docs)
            got["distinct_ip"] = len(ips)
            for field, path in (("by_status", "http.response.status_code"), ("by_method", "http.request.method")):
                got[field] = {str(k): v for k, v in collections.Counter(self.get(d, path) for d in docs).items()}
            top = dict(map(tuple, want["top15_ip"]))
            got["top15_ip"] = want["top15_ip"] if all(ips[k] == v for k, v in top.items()) else None
            for key, value in got.items():
                self.rate.add("02-web-access counts", value == want[key], name, f"{key}: want {want[key]}, got {value}")

    def sql(self):
        """03-sql: each file's records are of its kind, and statements are where the log has some."""
        folder = self.corpus / "03-sql"
        kinds = {"mysql_slow": "mysql.slowlog", "mysql_general": "mysql.general"}
        for path in sorted(folder.glob("mysql_*/*")):
            text = open_any(path).decode("utf-8", "replace")
            docs = [d for d in self.framed(path) if d]
            kind = kinds[path.parent.name]
            mark = r"^# Query_time" if kind == "mysql.slowlog" else r"^[\d:TZ. \t-]*\s\d+ (Connect|Query|Quit|Init DB|Prepare|Execute|Close stmt)\b"
            want = len(re.findall(mark, text, re.M))
            got = sum(1 for d in docs if self.get(d, "event.dataset") == kind and
                      (kind == "mysql.general" or self.get(d, "event.duration") is not None))
            self.rate.add("03-sql MySQL: records", want == got, path.name, f"want {want}, got {got}")
            without = sum(1 for d in docs if kind == "mysql.slowlog" and self.get(d, "event.dataset") == kind and
                          not self.get(d, "sql.query") and not self.get(d, "mysql.slowlog.admin_command"))
            self.rate.add("03-sql MySQL: statements", without == 0, path.name, f"{without} without a statement")
        for path in sorted(folder.glob("postgres/*.log*")) + sorted(folder.glob("postgres/pg-syslog*")) + sorted(folder.glob("lnav/*")):
            docs = [d for d in self.framed(path, 1 << 20) if d]
            bad = [d for d in docs if self.get(d, "event.dataset") not in
                   ("postgresql.log", "pgbouncer.log", "system.syslog", "gcp.log") or self.get(d, "event.kind") == "pipeline_error"]
            self.rate.add("03-sql PostgreSQL: files", not bad and docs, path.name, f"{len(bad)} of {len(docs)}")
        want = {m[0]: int(m[1]) for m in re.findall(r"^([A-Z ]+): (\d+)", (folder / "postgres/stmt_type.expected.txt").read_text(), re.M)}
        got = collections.Counter(self.get(d, "sql.type") for d in self.framed(folder / "postgres/stmt_type.log"))
        self.rate.add("03-sql PostgreSQL: types of statements", want == dict(got), "stmt_type.log", f"want {want}, got {dict(got)}")

    def all(self):
        for test_set in (self.fail2ban, self.ossec, self.lnav, self.squid, self.crowdsec, self.access_counts, self.sql):
            test_set()


FLOORS = {"fail2ban web and SQL: host": 100, "ossec_wazuh web: kind": 100, "lnav web and SQL samples: kind": 90,
          "metron squid: all fields": 100, "crowdsec access logs: all fields": 100, "02-web-access counts": 100,
          "03-sql MySQL: records": 97, "03-sql MySQL: statements": 97, "03-sql PostgreSQL: files": 100,
          "03-sql PostgreSQL: types of statements": 100}
