"""Triage scores and the risk of users, hosts and addresses.

1. Scores and reasons in the documents of alerts.
2. Risk alerts: the same ids in detect, import, hunt and run, in any order of the records.
3. A server that is killed in the middle of a cool-down and before a threshold raises the same.
4. A bad file is refused with file and line.
"""
import datetime
import random

import lib
from serve import Server

RULES = """title: failed login
id: t.failed
name: failed
logsource: {product: linux, service: sshd}
taxonomy: tocsin
detection: {sel: {event.action: ssh_login, event.outcome: failure}, condition: sel}
level: low
---
title: root comes in
id: t.root
logsource: {product: linux, service: sshd}
taxonomy: tocsin
detection: {sel: {event.action: ssh_login, event.outcome: success, user.name: root}, condition: sel}
level: high
---
title: three failures
id: t.three
level: medium
correlation:
  type: event_count
  rules: [failed]
  group-by: [source.ip]
  timespan: 1m
  condition: {gte: 3}
  generate: true
"""

TRIAGE = """triage:
  aggregator: MAX
  rules:
  - name: root
    comment: the account that may do everything
    detection: {sel: {user.name: root, event.outcome: success}, condition: sel}
    score: 50
    reason: "{user.name} came from {source.ip}"
  - name: net
    detection: {sel: {source.ip|cidr: 203.0.113.0/24}, condition: sel}
    score: 8
  - name: many
    detection: {sel: {rule.id: t.three, alert.count|gte: 3}, condition: sel}
    score: "{alert.count}"
risk:
  window: 10m
  cooldown: 5m
  threshold: 60
  scores: {low: 5}
  entities: [user.name, source.ip]
"""

BASE = datetime.datetime(2026, 11, 20, 10, 0, 0)


def record(second, ip, user="root", ok=False, base=BASE):
    at = (base + datetime.timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return "%s web sshd[%d]: %s password for %s from %s port 4000 ssh2\n" % (
        at, 100 + second, "Accepted" if ok else "Failed", user, ip)


def records(base=BASE):
    lines = [record(s, "203.0.113.7", "ann", base=base) for s in range(6)]
    lines += [record(100 + 20 * i, "198.51.100.9", "bob", base=base) for i in range(13)]
    lines += [record(50, "203.0.113.7", ok=True, base=base), record(200, "203.0.113.8", ok=True, base=base),
              record(400, "203.0.113.7", ok=True, base=base), record(500, "203.0.113.8", ok=True, base=base),
              record(1500, "203.0.113.9", base=base)]
    return lines


def setup(folder, log=None):
    (folder / "rules.yml").write_text(RULES)
    (folder / "triage.yml").write_text(TRIAGE)
    (folder / "auth.log").write_text("".join(records() if log is None else log))
    return ["--rules", folder / "rules.yml", "--triage", folder / "triage.yml"]


def key(alert):
    return (lib.get(alert, "event.id"), lib.get(alert, "rule.id"), lib.get(alert, "alert.count"),
            lib.get(alert, "event.risk_score"), str(lib.get(alert, "alert.group")), lib.get(alert, "alert.reason"))


def found(output):
    return sorted(key(a) for a in lib.lines(output) if not lib.get(a, "rule.id").startswith("tocsin.health."))


def risks(alerts):
    return [a for a in alerts if a[1] == "tocsin.risk"]


def test_documents():
    with lib.Folder() as folder:
        out, _ = lib.run("detect", *setup(folder), folder / "auth.log")
        alerts = lib.lines(out)
        root = [a for a in alerts if lib.get(a, "rule.id") == "t.root"]
        assert lib.get(root[0], "event.risk_score") == 50, root[0]
        assert lib.get(root[0], "triage") == {"score": 50, "rules": [
            {"name": "root", "comment": "the account that may do everything",
             "reason": "root came from %s" % lib.get(root[0], "source.ip"), "score": 50},
            {"name": "net", "score": 8}]}, root[0]["triage"]
        three = [a for a in alerts if lib.get(a, "rule.id") == "t.three" and "203.0.113.7" in str(a)]
        assert lib.get(three[0], "triage.score") == 8, three
        bob = [a for a in alerts if lib.get(a, "rule.id") == "t.failed" and lib.get(a, "user.name") == "bob"]
        assert lib.get(bob[0], "event.risk_score") == 5 and lib.get(bob[0], "triage") == {"score": 0}, bob[0]
        one = [a for a in alerts if lib.get(a, "rule.id") == "tocsin.risk" and "bob" in str(a)]
        assert len(one) == 1, one
        assert one[0]["alert"]["reason"] == ('Risk of an entity: user.name "bob" has a risk of 65 from 13 alerts in '
            '4 minutes; told of from 60 within 10 minutes; most by failed login (13, 65)'), one[0]["alert"]["reason"]
        assert one[0]["alert"]["level"] == "high" and len(one[0]["alert"]["events"]) == 13
        assert lib.run("detect", "--rules", folder / "rules.yml", folder / "auth.log")[0].count(b"risk") == 0


def test_the_same_everywhere():
    with lib.Folder() as folder:
        options = setup(folder)
        whole = found(lib.run("detect", *options, folder / "auth.log")[0])
        assert len(risks(whole)) >= 4, risks(whole)
        lib.run("import", "--data", folder / "d", "--quiet", *options, folder / "auth.log")
        assert found(lib.run("alerts", "--data", folder / "d", "--format", "json")[0]) == whole
        lib.run("import", "--data", folder / "d", "--quiet", *options, folder / "auth.log")
        assert found(lib.run("alerts", "--data", folder / "d", "--format", "json")[0]) == whole
        assert found(lib.run("hunt", "--data", folder / "d", *options)[0]) == whole
        log = records()
        random.Random(3).shuffle(log)
        shuffled = found(lib.run("detect", *setup(folder, log), folder / "auth.log")[0])
        # Ids of events follow from their place in the file; what risk is made of does not.
        assert sorted(r[2:] for r in risks(shuffled)) == sorted(r[2:] for r in risks(whole)), shuffled


def test_a_server_and_its_death():
    with lib.Folder() as folder:
        base = datetime.datetime.utcnow().replace(microsecond=0) - datetime.timedelta(seconds=1600)
        log = sorted(records(base))
        options = setup(folder, [])
        config = "rules: [%s]\ntriage: %s\ninputs:\n  - {type: file, paths: [%s]}\n" % (
            folder / "rules.yml", folder / "triage.yml", folder / "auth.log")
        (folder / "server").mkdir()
        with Server(folder / "server", config) as server:
            sent = 0
            for piece in (log[:9], log[9:16], log[16:]):
                with (folder / "auth.log").open("a") as out:
                    out.write("".join(piece))
                sent += len(piece)
                server.wait(lambda: len(server.search("*")) >= sent, "stored records")
                if sent < len(log):
                    server.kill()
                    server.start()
            whole = found(lib.run("detect", *options, folder / "auth.log")[0])

            def now():
                return found(lib.run("alerts", "--data", server.data, "--format", "json")[0])
            server.wait(lambda: now() == whole, "the same alerts: %s\n%s" % (risks(now()), risks(whole)), 40)
            assert server.status()["risk"]["hits"] > 0 and server.status()["risk"]["entities_evicted"] == 0
            server.stop()


def test_bad_file():
    with lib.Folder() as folder:
        options = setup(folder)
        (folder / "triage.yml").write_text("triage:\n  aggregator: MEDIAN\n  rules: []\n")
        _, err = lib.run("detect", *options, folder / "auth.log", status=2)
        assert "triage.yml:2: aggregator: expected MAX, MIN, SUM, MEAN or POSITIVE_MEAN" in err, err
        _, err = lib.run("detect", "--triage", folder / "none.yml", folder / "auth.log", status=2)
        assert "none.yml" in err, err


lib.main(globals())
