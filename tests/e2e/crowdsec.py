"""Leaky buckets against CrowdSec's own tests: scenario definitions become tocsin correlations.

1. Read scenario_definitions.jsonl: filter, groupby, distinct, capacity, leakspeed, blackhole.
2. Turn each into a Sigma rule (the filter) and a leaky_bucket correlation of tocsin's.  What CrowdSec
   calls log_type is a selection over tocsin's fields (LOG_TYPES); what it calls Meta and Parsed is a
   field (FIELDS).  A scenario whose filter speaks of anything else is left out, with the reason.
3. Run each test's log through `detect`: the alerts must have the scenario, the source and the number
   of events that CrowdSec's hub expects, and there must be no others.
   A second overflow within `blackhole` of one that was told is left out, as CrowdSec does.
4. Where tocsin does not parse the application's log but the hub says what CrowdSec's parsers make of
   each record (parsed_fields.jsonl), those fields are the events, as JSON: the scenario is tried alone.

With --report it prints each test with its result and each reason, for docs/content.md.
"""
import collections
import datetime
import gzip
import ipaddress
import json
import pathlib
import re
import sys

import lib

FOLDER = ("06-parser-vectors", "crowdsec")
WEB = {"category": "webserver"}
LINUX = {"product": "linux"}
ACCESS = {"http.response.status_code|exists": True}
SSHD = [{"event.action": ["ssh_login", "ssh_invalid_user", "ssh_negotiation_failed",
                          "ssh_bad_protocol"], "event.outcome": "failure"},
        {"event.action": "ssh_disconnect", "message|contains": "authenticating user"},
        {"process.name": "dropbear", "message|re": "^Bad (PAM )?password attempt"}]

# log_type: log source, selection
LOG_TYPES = {
    "http_access-log": (WEB, ACCESS),
    "http_error-log": (WEB, {"log.level|exists": True}),
    "ssh_failed-auth": (LINUX, SSHD),
    "mariadb_failed_auth": ({"category": "database"}, {
        "event.dataset": "mysql.error", "event.action": "login", "event.outcome": "failure"}),
    "pgsql_failed_auth": ({"category": "database"}, {
        "event.dataset": "postgresql.log", "event.action": "login", "event.outcome": "failure"}),
    "smb_failed_auth": (LINUX, {"process.name|startswith": "smb", "event.outcome": "failure"}),
    "ftp_failed_auth": (LINUX, {"process.name": "proftpd", "event.outcome": "failure"}),
    "pftpd_failed-auth": (LINUX, {"process.name": "pure-ftpd", "event.outcome": "failure"}),
    "pve_failed-auth": (LINUX, {"process.name": "pvedaemon", "event.outcome": "failure"}),
    "bookstack_failed_auth": (WEB, {"event.dataset": "nginx.error",
                                    "message|contains": '"PHP message: Failed login for '}),
    "modsecurity": ({"product": "modsecurity"}, {"message|contains": "ModSecurity: "}),
    "execve": ({"product": "linux", "service": "auditd"}, {"auditd.SYSCALL": "execve"}),
    "bind9_denied": ({"category": "dns"}, {"event.dataset": "bind.log",
                                           "event.action": "query_denied"}),
    "pf_drop": ({"category": "firewall"}, {"event.dataset": "pfsense.log",
                                           "event.action": "denied"}),
}
# Meta and Parsed: field
FIELDS = {
    "Meta.source_ip": "source.ip", "Meta.target_user": "user.name", "Meta.user": "user.name",
    "Meta.username": "user.name", "Meta.source_user": "user.name",
    "Meta.http_path": "url.original", "Parsed.request": "url.original",
    "Meta.http_status": "http.response.status_code", "Meta.http_verb": "http.request.method",
    "Parsed.verb": "http.request.method", "Parsed.http_args": "url.query",
    "Parsed.http_user_agent": "user_agent.original", "Parsed.http_referer":
    "http.request.referrer", "Parsed.http_version": "http.version",
    "Parsed.dst_port": "destination.port", "Meta.ppid": "process.parent.pid",
    "Meta.exe": "process.executable",
}
STATIC = "jpg css js jpeg png gif woff2 svg tiff ttf woff eot ico map webp bmp mp4".split()


class LeftOut(Exception):
    """Says why a scenario or test is not tried."""


TOKEN = re.compile(r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<num>\d+)|
    (?P<op>&&|\|\||==|!=|>=|<=|[()\[\],<>!])|(?P<word>[A-Za-z_][\w.]*))""", re.X)


class Filter:
    """CrowdSec's filter expression to a Sigma detection: selections and a condition."""

    def __init__(self, text):
        self.tokens, at, text = [], 0, text.strip()
        while at < len(text):
            m = TOKEN.match(text, at)
            if m is None:
                raise LeftOut("filter: %r" % text[at:at + 20])
            kind = m.lastgroup
            value = m.group(kind)
            if kind == "text":
                value = value[1:-1].replace("\\\\", "\\").replace("\\'", "'")
            self.tokens.append((kind, value))
            at = m.end()
        self.at, self.parts, self.sources = 0, {}, []

    def peek(self, *values):
        return self.at < len(self.tokens) and self.tokens[self.at][0] != "text" and \
            self.tokens[self.at][1] in values

    def take(self, *values):
        if not self.peek(*values):
            return False
        self.at += 1
        return True

    def need(self, value):
        if not self.take(value):
            raise LeftOut("filter has no %s where expected" % value)

    def name(self, selection):
        name = "s%d" % len(self.parts)
        self.parts[name] = selection
        return name

    def all(self):
        text = self.either()
        if self.at < len(self.tokens):
            raise LeftOut("filter: %s" % self.tokens[self.at][1])
        return text

    def either(self):
        parts = [self.both()]
        while self.take("||", "or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else "(%s)" % " or ".join(parts)

    def both(self):
        parts = [self.one()]
        while self.take("&&", "and"):
            parts.append(self.one())
        return parts[0] if len(parts) == 1 else "(%s)" % " and ".join(parts)

    def one(self):
        if self.take("!", "not"):
            return "not " + self.one()
        if self.take("("):
            text = self.either()
            self.need(")")
            return text
        return self.compare()

    def operand(self):
        """A field (with whether its case counts) or a text."""
        kind, value = self.tokens[self.at]
        self.at += 1
        if kind in ("text", "num"):
            return None, value, True
        if value in ("Upper", "Lower"):
            self.need("(")
            field, text, _ = self.operand()
            self.need(")")
            return field, text, False
        if not value.startswith("evt."):
            raise LeftOut("%s()" % value if self.peek("(") else value)
        return value[4:], None, True

    def compare(self):
        field, _, cased = self.operand()
        if field is None:
            raise LeftOut("filter begins with a text")
        if self.at >= len(self.tokens):
            raise LeftOut("filter ends too early")
        op = self.tokens[self.at][1]
        self.at += 1
        if op == "not":
            self.need("in")
            return "not " + self.selection(field, "==", self.texts(), cased)
        if op == "in":
            return self.selection(field, "==", self.texts(), cased)
        bracket = self.take("(")
        if op == "!=" and field == "Parsed.file_frag" and self.take("nil"):
            return self.selection(field, op, [""], cased)
        other, text, text_cased = self.operand()
        if bracket:
            self.need(")")
        if other is not None:
            raise LeftOut("compares two fields")
        cased = cased and text_cased
        if op == "!=":
            return "not " + self.selection(field, "==", [text], cased)
        return self.selection(field, op, [text], cased)

    def texts(self):
        self.need("[")
        texts = []
        while not self.take("]"):
            texts.append(self.operand()[1])
            self.take(",")
        return texts

    def selection(self, field, op, texts, cased):
        if field == "Meta.log_type" and op == "==":
            names = []
            for text in texts:
                if text not in LOG_TYPES:
                    raise LeftOut("log_type %s" % text)
                source, selection = LOG_TYPES[text]
                self.sources.append(source)
                names.append(self.name(selection))
            return names[0] if len(names) == 1 else "(%s)" % " or ".join(names)
        if field == "Meta.service" and texts in (["http"], ["tcp"]):
            if texts == ["http"]:
                self.sources.append(WEB)
                return self.name(ACCESS)
            return self.name({"network.transport": "tcp"})
        if field == "Meta.sub_type" and texts == ["req_limit_exceeded"]:
            self.sources.append(WEB)
            return self.name({"event.dataset": "nginx.error",
                              "message|startswith": "limiting requests"})
        if field == "Parsed.ruleseverity" and op == "==":
            return self.name({"message|contains": ['[severity "%s"]' % t for t in texts]})
        if field == "Parsed.file_ext" and op == "==":
            self.sources.append(WEB)
            return self.name({"url.path|endswith": texts})
        if field == "Parsed.file_dir" and op == "contains":
            return self.name({"url.path|re|i": "%s.*/" % re.escape(t) for t in texts})
        if field == "Parsed.file_frag" and op in ("==", "!="):
            return self.name({"url.path|re|i": "/%s[.][^/]*$" % re.escape(t) if t else
                              "/[^/]+[.][^/]*$" for t in texts})
        if field == "Parsed.static_ressource" and texts == ["false"]:
            return "not " + self.name({"url.path|endswith": ["." + s for s in STATIC]})
        if field == "Parsed.file_name" and op == "contains":
            return self.name({"url.path|re": "%s[^/]*$" % re.escape(t) for t in texts})
        if field not in FIELDS:
            raise LeftOut("evt.%s" % field)
        if field.startswith(("Meta.http", "Parsed.http", "Parsed.verb")) and not self.sources:
            self.sources.append(WEB)
        ops = {"==": "", "contains": "|contains", "startsWith": "|startswith",
               "endsWith": "|endswith", "matches": "|re"}
        if op not in ops:
            raise LeftOut("operator %s" % op)
        if op == "matches":
            return self.name({FIELDS[field] + ("|re" if cased else "|re|i"): texts})
        if texts == [""]:
            return "not " + self.name({FIELDS[field] + "|exists": True})
        return self.name({FIELDS[field] + ops[op] + ("|cased" if cased else ""): [
            t.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?") for t in texts]})


class ParsedFilter(Filter):
    """The same over events that are CrowdSec's own: Meta.x and Parsed.x are fields."""

    def selection(self, field, op, texts, cased):
        ops = {"==": "", "contains": "|contains", "startsWith": "|startswith",
               "endsWith": "|endswith", "matches": "|re"}
        if op not in ops or field.split(".")[0] not in ("Meta", "Parsed"):
            raise LeftOut("evt.%s %s" % (field, op))
        self.sources = [{"product": "crowdsec"}]
        if op == "matches":
            return self.name({field + ("|re" if cased else "|re|i"): texts})
        if texts == [""]:
            return "not " + self.name({field + "|exists": True})
        return self.name({field + ops[op] + ("|cased" if cased else ""): [
            t.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?") for t in texts]})


def parsed_events(root):
    """test -> its events as CrowdSec's last parser, that of dates, left them."""
    tests = collections.defaultdict(dict)
    with gzip.open(root / "parsed_fields.jsonl.gz", "rt") as lines:
        for row in map(json.loads, lines):
            if row["parser"] == "crowdsecurity/dateparse-enrich":
                tests[row["test"]][row["event"]] = {
                    "Parsed": row.get("parsed") or {}, "Meta": row.get("meta") or {},
                    "Enriched": row.get("enriched") or {}}
    return tests


def time_of(event):
    text = event["Enriched"].get("MarshaledTime") or event["Meta"].get("timestamp")
    if text:
        return text
    text = event["Parsed"].get("timestamp")
    if text is None:
        return "2022-01-01T00:00:00Z"       # a record without a time happened when it was read
    for form in ("%Y %b %d %H:%M:%S", "2022 %Y/%m/%d %H:%M:%S"):
        try:
            return datetime.datetime.strptime("2022 " + text, form).isoformat() + "Z"
        except ValueError:
            continue
    raise LeftOut("no time in the parsed fields")


def write_events(events, path):
    with path.open("w") as out:
        for _, e in sorted(events.items()):
            if e["Meta"].get("log_type"):
                out.write(json.dumps({"@timestamp": time_of(e), "product": "crowdsec", "Meta": e["Meta"],
                                      "Parsed": e["Parsed"]}) + "\n")


def seconds(span):
    total = sum(float(n) * {"s": 1, "m": 60, "h": 3600, "ms": 0.001}[unit]
                for n, unit in re.findall(r"([\d.]+)(ms|s|m|h)", span))
    return int(total)


def turn(scenario, parsed=False):
    """The scenario as two Sigma documents (JSON is YAML); parsed: over CrowdSec's own events."""
    if scenario["type"] not in ("leaky", "trigger"):
        raise LeftOut("type %s" % scenario["type"])
    group = scenario["groupby"].replace("evt.", "")
    fields = [part.strip() if parsed else FIELDS.get(part.strip()) for part in group.split("+")
              if not part.strip().startswith("'")]
    if group == "Meta.source_ip + '/' + Parsed.target_fqdn":
        fields = ["source.ip"]      # the logs of the tests name no host
    if None in fields:
        raise LeftOut("groupby %s" % scenario["groupby"])
    if "File(" in scenario["filter"]:
        raise LeftOut("word list that is not in the data: %s" % re.findall(
            r"File\(.(.*?).\)", scenario["filter"])[0])
    f = (ParsedFilter if parsed else Filter)(scenario["filter"])
    condition = f.all()
    sources = [dict(s) for s in {tuple(s.items()) for s in f.sources}]
    if len(sources) != 1:
        raise LeftOut("no log source" if not sources else "several log sources")
    name = re.sub(r"\W", "_", scenario["name"])
    correlation = {"type": "leaky_bucket", "rules": [name], "group-by": fields,
                   "capacity": scenario.get("capacity", 0) if scenario["type"] == "leaky" else 0,
                   "leakspeed": "%ds" % max(1, seconds(scenario.get("leakspeed", "1s")))}
    if scenario.get("distinct"):
        field = scenario["distinct"].replace("evt.", "")
        field = field if parsed else FIELDS.get(field)
        if field is None and scenario["distinct"] == "evt.Parsed.file_name":
            field = "url.path"      # of the files of one folder
        if field is None:
            raise LeftOut("distinct %s" % scenario["distinct"])
        correlation["condition"] = {"field": field}
    return [{"title": scenario["name"], "id": scenario["name"], "correlation": correlation},
            {"title": name, "name": name, "logsource": sources[0], "taxonomy": "tocsin",
             "detection": dict(f.parts, condition=condition)}]


def instant(text):
    whole, _, part = text.rstrip("Z").partition(".")
    return datetime.datetime.fromisoformat(whole + "+00:00").timestamp() + float("0." + (part or "0"))


def overflows(alerts, blackhole):
    """(scenario, source, events) of what is told: nothing within `blackhole` of the one before."""
    last, told = {}, []
    for a in sorted(alerts, key=lambda a: lib.get(a, "@timestamp")):
        scenario, source = lib.get(a, "rule.id"), group_of(lib.get(a, "alert.group"))
        at = instant(lib.get(a, "@timestamp"))
        if (scenario, source) in last and at - last[scenario, source] < blackhole[scenario]:
            continue
        last[scenario, source] = at
        told.append((scenario, source, lib.get(a, "alert.count")))
    return collections.Counter(told)


def group_of(value):
    while isinstance(value, dict):
        value = next(iter(value.values()))
    return value


def address(text):
    try:
        ip = ipaddress.ip_address(text)
        return str(getattr(ip, "ipv4_mapped", None) or ip)
    except ValueError:
        return text


def try_test(test, names, scenarios, rules, log):
    """("ok" | "differs", details) of one test's log, or of its parsed events."""
    want = collections.Counter((a["scenario"], address(a["sources"][0]), a["events_count"])
                               for a in test["alerts"])
    with lib.Folder() as folder:
        path = folder / "rules.yml"
        path.write_text("\n---\n".join(json.dumps(r) for r in rules))
        if not isinstance(log, pathlib.Path):
            write_events(log, folder / "events.jsonl")
            log = folder / "events.jsonl"
        out, err = lib.run("detect", "--rules", path, log, status=None)
        got = overflows(lib.lines(out), {n: seconds(scenarios[n].get("blackhole", "0s"))
                                         for n in names})
    got = collections.Counter({(s, address(g), n): k for (s, g, n), k in got.items()})
    if got == want:
        return "ok", ""
    return "differs", "expected %s, found %s %s" % (
        sorted((want - got).elements()), sorted((got - want).elements()), err[-200:])


def run_all():
    """test -> ("ok" | "differs" | "left out", details)."""
    root = lib.corpus(*FOLDER)
    scenarios = {s["name"]: s for s in lib.lines((root / "scenario_definitions.jsonl").read_bytes())}
    tests = [t for t in lib.lines((root / "tests.jsonl").read_bytes())
             if t.get("alerts") and "scenario" in t["alerts"][0]]
    results, events = {}, parsed_events(root)
    for test in tests:
        names = sorted({a["scenario"] for a in test["alerts"]})
        rules, why = [], []
        for name in names:
            try:
                rules += turn(scenarios[name])
            except LeftOut as reason:
                why.append(str(reason))
        log = root / test["log_file"]
        try:
            if why and test["test"] in events:
                rules = [r for name in names for r in turn(scenarios[name], True)]
                why, log = [], events[test["test"]]
            if why:
                raise LeftOut("; ".join(why))
            results[test["test"]] = try_test(test, names, scenarios, rules, log)
        except LeftOut as reason:
            results[test["test"]] = ("left out", str(reason))
    return results


# Tests whose log holds what tocsin reads otherwise than CrowdSec does; the reason is said.
DIFFERS = {
    "apache-cve-2021-41773": "the path stands in the words of an error log, not in a field",
    "pgsql-user-enum": "a log_line_prefix that begins with the address and is not recognised",
}


def test_scenarios():
    results = run_all()
    differs = {t: why for t, (what, why) in results.items() if what == "differs"}
    unknown = {t: why for t, why in differs.items() if t not in DIFFERS}
    assert not unknown, "\n".join("%s: %s" % item for item in sorted(unknown.items()))
    assert sum(what == "ok" for what, _ in results.values()) >= 44, results


if "--report" in sys.argv:
    for test, (what, why) in sorted(run_all().items(), key=lambda r: r[1]):
        print("%-10s %s  %s" % (what, test, why))
else:
    lib.main(globals())
