#!/usr/bin/env python3
"""What share of the cases of public test sets get the fields they expect.

usage: parser_rates.py PARSE_LINES CORPUS [--misses SET] [--markdown] [--check]

PARSE_LINES is build/tests/golden/parse_lines; CORPUS the folder of test data.  --misses prints the
cases of one set that miss, with what came out; --check fails when a rate is below its floor, and exits
with 77 when the data is absent.
"""
import collections, datetime, gzip, json, pathlib, re, subprocess, sys

sys.dont_write_bytecode = True
import parser_rates_web

TOOL, CORPUS = sys.argv[1], pathlib.Path(sys.argv[2])
MISSES = sys.argv[sys.argv.index("--misses") + 1] if "--misses" in sys.argv else None


def parse(lines, *args):
    data = "".join(l + "\0" for l in lines)
    out = subprocess.run([TOOL, "--lines", "--nul", *args, "-"], input=data.encode("utf-8", "surrogateescape"),
                         capture_output=True, check=True).stdout.decode("utf-8", "replace")
    return [json.loads(l) or {} for l in out.split("\n") if l]


def get(doc, path):
    for part in path.split("."):
        if not isinstance(doc, dict) or part not in doc:
            return None
        doc = doc[part]
    return doc


def same(want, got):
    if isinstance(got, list):
        return any(same(want, g) for g in got)
    return got is not None and str(got) == str(want)


class Rate:
    def __init__(self):
        self.sets = collections.OrderedDict()

    def add(self, name, ok, line="", note=""):
        good, total = self.sets.get(name, (0, 0))
        self.sets[name] = (good + bool(ok), total + 1)
        if MISSES == name and not ok:
            print(f"- {line[:240]}\n    {note}")

    def show(self):
        if "--markdown" in sys.argv:
            print("| set | cases | fields as expected |\n|---|---|---|")
        for name, (good, total) in self.sets.items():
            share = 100.0 * good / total
            print(f"| {name} | {total} | {share:.1f} % |" if "--markdown" in sys.argv
                  else f"{name:34} {good:5} of {total:5}  {share:5.1f} %")


RATE = Rate()
ADDRESS = ("source.ip", "source.domain", "source.address", "client.ip", "client.address")
# Filters of syslog programs; the others are of web servers, databases and products with own files.
F2B = """sshd dropbear pam-generic selinux-ssh vsftpd proftpd wuftpd gssftpd postfix dovecot courier-auth
courier-smtp cyrus-imap sendmail-auth sendmail-reject uwimap-auth solid-pop3d named-refused xinetd-fail
webmin-auth""".split()


def fail2ban():
    rows = [json.loads(l) for l in open(CORPUS / "06-parser-vectors/fail2ban/cases.jsonl")]
    docs = parse([r["log"] for r in rows], "--received", "1136073600")
    for row, doc in zip(rows, docs):
        want = row["expect"]
        host = want.get("host") or want.get("ip4") or want.get("ip6")
        if not host:
            continue
        got = [get(doc, k) for k in ADDRESS]
        if host.startswith("::ffff:"):
            host = host[7:]
        # a line that names no host belongs to a filter over several lines
        if host not in row["log"]:
            continue
        name = "fail2ban " + ("syslog programs" if row["filter"] in F2B else
                              "journal lines" if row["filter"] == "sshd-journal" else "other products")
        RATE.add(name + ": host", any(same(host, g) for g in got), row["log"], f"want {host}, got {got}")
        if want.get("user") and name == "fail2ban syslog programs":
            RATE.add(name + ": user", same(want["user"], get(doc, "user.name")), row["log"],
                     f"want {want['user']}, got {get(doc, 'user.name')}")
        if row["filter"] in F2B and want.get("time"):
            RATE.add(name + ": time", doc.get("@timestamp", "")[5:19] == want["time"][5:19] or
                     row["filter"] == "selinux-ssh", row["log"],
                     f"want {want['time']}, got {doc.get('@timestamp')}")


KIND_OF_DECODER = {
    "sshd": "system.auth", "macos-date-format-sshd": "system.auth", "pam": "system.auth", "su": "system.auth",
    "sudo": "system.auth", "cisco-asa": "cisco_asa.log", "pix": "cisco_asa.log", "cisco-ios": "cisco_ios.log",
    "kernel": "auditd.log", "paps": "leef.log", "vsftpd": "vsftpd.log",
}


def ossec():
    rows = [json.loads(l) for l in open(CORPUS / "06-parser-vectors/ossec_wazuh/cases.jsonl")]
    docs = parse([r["log"] for r in rows])
    for row, doc in zip(rows, docs):
        want = KIND_OF_DECODER.get(row["decoder"])
        if want and row["expect"] == "pass":
            RATE.add("ossec_wazuh: kind", same(want, get(doc, "event.dataset")), row["log"],
                     f"{row['decoder']}: {get(doc, 'event.dataset')}")
        elif row["decoder"] in ("dovecot", "named", "proftpd", "postfix-reject") and row["expect"] == "pass":
            ip = re.findall(r"\d+\.\d+\.\d+\.\d+", row["log"])
            if ip:
                RATE.add("ossec_wazuh: peer of servers", same(ip[0], get(doc, "source.ip")), row["log"],
                         f"got {get(doc, 'source.ip')}")


METRON = {
    "asa": {"ip_src_addr": "source.ip", "ip_dst_addr": "destination.ip", "ip_src_port": "source.port",
            "ip_dst_port": "destination.port", "protocol": "network.transport", "syslog_host": "host.name"},
    "leef": {"ip_src_addr": "source.ip", "DeviceVendor": "observer.vendor", "DeviceProduct": "observer.product",
             "DeviceVersion": "observer.version", "DeviceEvent": "event.code", "usrName": "leef.usrName",
             "sev": "leef.sev", "cat": "leef.cat", "name": "leef.name"},
    "syslog5424": {"syslog.header.hostName": "log.syslog.hostname", "syslog.header.facility":
                   "log.syslog.facility.code", "syslog.header.pri": "log.syslog.priority",
                   "syslog.header.procId": "log.syslog.procid", "syslog.header.severity":
                   "log.syslog.severity.code", "syslog.header.appName": "log.syslog.appname",
                   "syslog.message": "message"},
}


def metron():
    for kind, names in METRON.items():
        folder = CORPUS / "06-parser-vectors/metron" / kind
        rows = [json.loads(l) for l in open(next(folder.glob("parsed_*"))) if l.strip()]
        docs = parse([r["original_string"] for r in rows])
        for row, doc in zip(rows, docs):
            bad = [f"{k}: want {row[k]}, got {get(doc, v)}" for k, v in names.items()
                   if k in row and row[k] not in ("-", "") and not same(row[k], get(doc, v))]
            RATE.add(f"metron {kind}: all fields", not bad, row["original_string"], "; ".join(bad))


RFC5424 = {"priority": "log.syslog.priority", "facility": "log.syslog.facility.code",
           "severity": "log.syslog.severity.code", "version": "log.syslog.version",
           "hostname": "log.syslog.hostname", "appname": "log.syslog.appname", "procID": "log.syslog.procid",
           "msgID": "log.syslog.msgid", "message": "message"}


def instant(text):
    t = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return t.astimezone(datetime.timezone.utc)


def rfc5424():
    for name in ("go_syslog_cases.jsonl", "rfc5424_section_6_5_examples.jsonl"):
        rows = [json.loads(l) for l in open(CORPUS / "06-parser-vectors/rfc5424" / name)]
        # bytes that are no UTF-8 stand in the file as characters of that number
        texts = [r.get("input", r.get("log")) for r in rows]
        texts = [t if all(ord(c) < 128 or ord(c) > 255 for c in t) else
                 t.encode("latin-1").decode("utf-8", "surrogateescape") if max(map(ord, t)) < 256 else t
                 for t in texts]
        docs = parse(texts)
        for row, doc in zip(rows, docs):
            valid = row.get("valid", True)
            got = get(doc, "log.syslog.version") is not None and get(doc, "event.kind") != "pipeline_error"
            RATE.add("rfc5424: valid or not", valid == got, row.get("input", ""), f"want {valid}, got {got}")
            want = row.get("expect")
            if not valid or not want:
                continue
            bad = [f"{k}: want {want[k]!r}, got {get(doc, v)!r}" for k, v in RFC5424.items()
                   if k in want and ("" if want[k] is None else want[k]) !=
                   ("" if get(doc, v) is None else get(doc, v))]
            if want.get("timestamp") and instant(want["timestamp"]) != instant(doc["@timestamp"]):
                bad.append(f"time: want {want['timestamp']}, got {doc['@timestamp']}")
            RATE.add("rfc5424: all fields", not bad, row.get("input", ""), "; ".join(bad))


def crowdsec():
    names = {"source_ip": "source.ip", "program": "process.name", "sshd_client_ip": "source.ip",
             "sshd_invalid_user": "user.name", "logsource": None}
    programs = {"sshd", "sudo", "su", "vsftpd", "proftpd", "dovecot", "postfix", "named", "dropbear"}
    path = CORPUS / "06-parser-vectors/crowdsec/parsed_fields.jsonl.gz"
    with gzip.open(path, "rt") as f:
        rows = [json.loads(l) for l in f]
    wanted = {}
    for row in rows:
        p = row["parsed"]
        if p.get("program") in programs and "message" in p and "timestamp" in p:
            key = (row["test"], row["event"])
            w = wanted.setdefault(key, [p["timestamp"], p["program"], p["message"], {}])
            for src, dst in (("source_ip", "source.ip"),):
                if row["meta"].get(src):
                    w[3][dst] = row["meta"][src]
            if row["meta"].get("target_user"):
                w[3]["user.name"] = row["meta"]["target_user"]
    keys = list(wanted)
    lines = [f"{w[0]} host {w[1]}[1]: {w[2]}" for w in wanted.values()]
    for key, line, doc in zip(keys, lines, parse(lines)):
        want = wanted[key][3]
        if not want:
            continue
        bad = [f"{k}: want {v}, got {get(doc, k)}" for k, v in want.items() if not same(v, get(doc, k))]
        RATE.add("crowdsec syslog programs: source, user", not bad, line, "; ".join(bad))


def lnav():
    rows = [json.loads(l) for l in open(CORPUS / "06-parser-vectors/lnav/format_samples.jsonl")]
    rows = [r for r in rows if r["format"] in ("syslog_log", "vsftpd_log")]
    docs = parse([r["line"].split("\n")[0] for r in rows])
    for row, doc in zip(rows, docs):
        ok = "time_unknown" not in (doc.get("tags") or []) and get(doc, "process.name")
        RATE.add("lnav syslog samples: time, program", ok, row["line"], f"{get(doc, 'event.dataset')}")


if not (CORPUS / "06-parser-vectors").is_dir():
    print(f"no test data in {CORPUS}")
    sys.exit(77)
for test_set in (fail2ban, ossec, metron, rfc5424, crowdsec, lnav):
    test_set()
parser_rates_web.Sets(TOOL, CORPUS, RATE, parse, get, same).all()
RATE.show()
# What was reached; a change that loses some must say why.
FLOORS = {"fail2ban syslog programs: host": 98, "fail2ban syslog programs: user": 100,
          "ossec_wazuh: kind": 100, "ossec_wazuh: peer of servers": 100, "metron asa: all fields": 98,
          "metron syslog5424: all fields": 100, "rfc5424: valid or not": 100, "rfc5424: all fields": 100,
          "crowdsec syslog programs: source, user": 100, "lnav syslog samples: time, program": 100}
FLOORS.update(parser_rates_web.FLOORS)
if "--check" in sys.argv:
    for name, floor in FLOORS.items():
        good, total = RATE.sets.get(name, (0, 0))
        if total == 0 or 100.0 * good / total < floor:
            print(f"below its floor of {floor} %: {name}")
            sys.exit(1)
