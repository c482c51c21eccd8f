"""One engine: detect, import, hunt and run over the same data give the same alerts with the same ids.

1. Logs of several kinds, small, written here; and with the corpus the Windows attack samples.
2. Run the three commands with the same rules.
3. Compare the sets of alert ids.
4. A server follows the same file while it is written in pieces, is killed in between, and is left
   alone at the end: windows close as time passes.  With rules of every type of correlation the ids
   and counts are those of detect.  A second server is sent the records as syslog over TCP: places
   of records differ there, but windows of correlations are the same.
"""
import datetime
import random
import socket
import subprocess

import lib
from serve import Server

SSH = "Nov 20 10:%02d:%02d web-01 sshd[%d]: %s\n"


def ids(output):
    found = [lib.get(alert, "event.id") for alert in lib.lines(output)]
    assert len(found) == len(set(found)), "an id came twice"
    return set(found)


def three_ways(folder, path, *rules):
    data = folder / "data"
    lib.run("import", "--data", data, "--quiet", *rules, path)
    imported = ids(lib.run("alerts", "--data", data, "--format", "json")[0])
    detected = ids(lib.run("detect", *rules, path)[0])
    hunted = ids(lib.run("hunt", "--data", data, *rules)[0])
    assert imported == detected, (len(imported), len(detected))
    assert imported == hunted, (len(imported), len(hunted))
    return imported


def test_shipped_rules():
    logs = "".join(SSH % (i // 60, i % 60, 100 + i, "Failed password for root from 203.0.113.66 port 4000 ssh2")
                   for i in range(70))
    logs += SSH % (2, 0, 300, "Accepted password for root from 203.0.113.66 port 4000 ssh2")
    logs += "".join('198.51.100.23 - - [20/Nov/2026:10:00:%02d +0000] "GET /x%d?id=1+union+select+1 HTTP/1.1" '
                    '404 12 "-" "sqlmap/1.8"\n' % (i, i) for i in range(30))
    with lib.Folder() as folder:
        path = folder / "mixed.log"
        path.write_text(logs)
        assert len(three_ways(folder, path)) >= 30


def test_windows_samples_with_all_of_sigmahq():
    events = lib.corpus("05-windows/evtx_attack_jsonl/events.jsonl.gz")
    archive = lib.corpus("05-windows/sigmahq_rules_all.tar.xz")
    with lib.Folder() as folder:
        subprocess.run(["tar", "xJf", archive, "-C", folder], check=True)
        assert len(three_ways(folder, events, "--rules", folder / "rules")) > 3000


BASE = """title: %(name)s
id: t.%(name)s
name: %(name)s
logsource: {product: linux}
taxonomy: tocsin
detection:
  sel: {event.action: %(action)s, event.outcome: %(outcome)s}
  condition: sel
---
"""
TYPES = {
    "count": "type: event_count\n  rules: [failed]\n  timespan: 4s\n  condition: {gte: 3}",
    "few": "type: event_count\n  rules: [failed]\n  timespan: 4s\n  condition: {lt: 3}",
    "values": "type: value_count\n  rules: [failed]\n  timespan: 6s\n  condition: {gte: 3, field: user.name}",
    "average": "type: value_avg\n  rules: [failed]\n  timespan: 5s\n  condition: {gt: 4010, field: source.port}",
    "sum": "type: value_sum\n  rules: [failed]\n  timespan: 5s\n  condition: {gt: 8000, field: source.port}",
    "median": "type: value_median\n  rules: [failed]\n  timespan: 5s\n  condition: {gt: 4010, field: source.port}",
    "both": "type: temporal\n  rules: [failed, accepted]\n  timespan: 3s",
    "order": "type: temporal_ordered\n  rules: [failed, accepted]\n  timespan: 3s",
    "absence": "type: absence\n  rules: [failed, accepted]\n  absent: [accepted]\n  timespan: 5s",
    "silence": "type: absence\n  rules: [failed]\n  absent: [failed]\n  timespan: 3s",
    "gap": "type: sequence\n  rules: [failed, accepted, count]\n  absent: [accepted]\n  timespan: 6s",
    "chain": "type: event_count\n  rules: [count]\n  timespan: 20s\n  condition: {gte: 2}",
    "answered": "type: absence\n  rules: [count, accepted]\n  absent: [accepted]\n  timespan: 3s",
    "bucket": "type: leaky_bucket\n  rules: [failed]\n  capacity: 2\n  leakspeed: 2s",
    "first": "type: first_seen\n  rules: [failed]\n  learning: 3s\n  condition: {field: user.name}",
}
PLACED = {"t.bucket", "t.first", "t.failed", "t.failed/events", "t.accepted"}


def types_rules():
    text = BASE % {"name": "failed", "action": "ssh_login", "outcome": "failure"}
    text += BASE % {"name": "accepted", "action": "ssh_login", "outcome": "success"}
    text += "---\n".join("title: %s\nid: t.%s\nname: %s\ncorrelation:\n  %s\n  group-by: [source.ip]\n"
                        "  generate: true\n" % (name, name, name, body) for name, body in TYPES.items())
    return text + "tocsin: {suppress: {by: [source.ip], for: 4s}}\n"


def types_records():
    """Failures and successes of three addresses within half a minute, in order of time."""
    rng = random.Random(11)
    at = datetime.datetime.utcnow().replace(microsecond=0) - datetime.timedelta(hours=3)
    records = []
    for number in range(90):
        at += datetime.timedelta(milliseconds=rng.choice([0, 100, 500, 900, 2500]))
        ok = rng.random() < 0.2
        records.append("%s web sshd[%d]: %s password for %s from 203.0.113.%d port %d ssh2\n" % (
            at.isoformat(timespec="milliseconds") + "Z", 100 + number, "Accepted" if ok else "Failed",
            rng.choice(["root", "ann", "bob", "joe"]), rng.randrange(1, 4), 4000 + number % 30))
    return records


def found(output):
    return {(lib.get(a, "event.id"), lib.get(a, "rule.id"), lib.get(a, "alert.count"))
            for a in lib.lines(output)}


def alerts_of(server):
    return {a for a in found(lib.run("alerts", "--data", server.data, "--format", "json")[0])
            if not a[1].startswith("tocsin.")}


def test_a_server_too():
    with lib.Folder() as folder:
        rules, log = folder / "rules.yml", folder / "auth.log"
        rules.write_text(types_rules())
        log.write_text("")
        records = types_records()
        (folder / "a").mkdir()
        (folder / "b").mkdir()
        follow = "rules: [%s]\ninputs:\n  - {type: file, paths: [%s]}\n" % (rules, log)
        listen = "rules: [%s]\ninputs:\n  - {type: syslog_tcp, listen: '127.0.0.1:0'}\n" % rules
        with Server(folder / "a", follow) as one, Server(folder / "b", listen) as two:
            for begin in range(0, 90, 15):
                if begin in (30, 60):
                    one.kill()
                    one.start()
                with log.open("a") as out:
                    out.write("".join(records[begin:begin + 15]))
                with socket.create_connection(("127.0.0.1", two.ports["tcp"])) as to:
                    to.sendall("".join("<38>" + r for r in records[begin:begin + 15]).encode())
                one.wait(lambda: one.search("* | stats count() as n")[0]["n"] >= begin + 15, "records")
                two.wait_stored(begin + 15)
            want = found(lib.run("detect", "--rules", rules, log)[0])
            kinds = {a[1] for a in want}
            assert {"t." + name for name in TYPES} <= kinds, {"t." + name for name in TYPES} - kinds
            one.wait(lambda: alerts_of(one) == want, "the same alerts from a file: %s" % [
                len(want)], 40)
            windows = {a for a in want if a[1] not in PLACED}
            two.wait(lambda: {a for a in alerts_of(two) if a[1] not in PLACED} == windows,
                     "the same windows from syslog", 40)
            one.stop()
            two.stop()
        imported = folder / "imported"
        lib.run("import", "--data", imported, "--quiet", "--rules", rules, log)
        assert found(lib.run("alerts", "--data", imported, "--format", "json")[0]) == want
        assert found(lib.run("hunt", "--data", imported, "--rules", rules)[0]) == want


def test_part_of_the_time():
    logs = "".join(SSH % (0, i, 100 + i, "Failed password for root from 203.0.113.66 port 4000 ssh2")
                   for i in range(10))
    with lib.Folder() as folder:
        path = folder / "auth.log"
        path.write_text(logs)
        lib.run("import", "--data", folder / "data", "--quiet", path)
        assert ids(lib.run("hunt", "--data", folder / "data")[0])
        assert not ids(lib.run("hunt", "--data", folder / "data", "--to", "2001-01-01")[0])
        _, err = lib.run("hunt", "--data", folder / "data", "--from", "never", status=2)
        assert "--from wants a time" in err
        _, err = lib.run("hunt", "--data", folder / "nothing", status=2)
        assert "no store here" in err


lib.main(globals())
