"""A server that is killed knows what it knew: windows of correlations and the state of enrichment.

1. Two servers follow the same file; one is killed and started again in the middle of a brute force,
   of a correlation's window that has fired, and of one that has not.
2. Both have the same alerts with the same ids and counts.
"""
import datetime
import json
import shutil
import signal

import lib
from serve import Server

RULES = """
title: failed login
id: test.failed
name: failed
logsource: {product: linux, service: sshd}
taxonomy: tocsin
detection:
  sel: {event.action: ssh_login, event.outcome: failure}
  condition: sel
---
title: four failures
id: test.four
correlation:
  type: event_count
  rules: [failed]
  group-by: [source.ip]
  timespan: 30s
  condition: {gte: 4}
---
title: three users
id: test.users
correlation:
  type: value_count
  rules: [failed]
  group-by: [source.ip]
  timespan: 1m
  condition: {gte: 3, field: user.name}
"""


def line(base, second, user="root", ip="203.0.113.9", ok=False):
    at = (base + datetime.timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return "%s web sshd[%d]: %s password for %s from %s port 4000 ssh2\n" % (
        at, 1000 + second, "Accepted" if ok else "Failed", user, ip)


def counts(server):
    out, _ = lib.run("alerts", "list", "--data", server.data, "--format", "json")
    return sorted((lib.get(a, "event.id"), lib.get(a, "rule.id"), lib.get(a, "alert.count"))
                  for a in lib.lines(out) if not lib.get(a, "rule.id").startswith("tocsin.health."))


def pieces(base):
    yield [line(base, s) for s in (0, 1)] + [line(base, 2, "ann", "203.0.113.10")]
    yield [line(base, s) for s in (3, 4, 5)] + [line(base, 6, "bob", "203.0.113.10")]
    yield [line(base, s) for s in range(7, 36)] + [line(base, 36, "joe", "203.0.113.10")]
    yield [line(base, s) for s in range(36, 70)]
    yield [line(base, 70, ok=True), line(base, 90, "late", "203.0.113.77")]


def test_kills():
    with lib.Folder() as folder:
        rules = folder / "rules"
        rules.mkdir()
        (rules / "own.yml").write_text(RULES)
        shutil.copytree(lib.SOURCE / "content/rules/ssh", rules / "ssh")
        log = folder / "auth.log"
        log.write_text("")
        config = "rules: [%s]\ninputs:\n  - {type: file, paths: [%s]}\n" % (rules, log)
        (folder / "a").mkdir()
        (folder / "b").mkdir()
        base = datetime.datetime.utcnow() - datetime.timedelta(seconds=100)
        with Server(folder / "a", config) as whole, Server(folder / "b", config) as killed:
            sent = 0
            for number, piece in enumerate(pieces(base)):
                if number > 0:
                    killed.kill()
                    killed.start()
                    said = [text for text in killed.log if "read back %d events" % sent in text]
                    assert said, killed.log
                with log.open("a") as out:
                    out.write("".join(piece))
                sent += len(piece)
                killed.wait(lambda: len(killed.search("*")) >= sent, "stored records")
            whole.wait_stored(sent)
            whole.wait(lambda: any(c[1] == "test.users" for c in counts(whole)), "alerts", 30)
            whole.wait(lambda: counts(whole) == counts(killed), "the same alerts: %s, %s" % (
                counts(whole), counts(killed)), 30)
            kinds = {c[1] for c in counts(whole)}
            assert {"test.four", "test.users"} <= kinds, kinds
            assert any("bruteforce_success" in k for k in kinds), kinds
            whole.stop()
            killed.stop()


def test_windows_before_the_span():
    """A brute force that never pauses: where its windows begin does not depend on what is read back."""
    with lib.Folder() as folder:
        rules = folder / "own.yml"
        rules.write_text(RULES)
        log = folder / "auth.log"
        log.write_text("")
        config = "rules: [%s]\ninputs:\n  - {type: file, paths: [%s]}\n" % (rules, log)
        for name in ("a", "b"):
            (folder / name / "data/knowledge").mkdir(parents=True)
            (folder / name / "data/knowledge/settings.txt").write_text("ssh.window 20s\nssh.spray_window 20s\n")
        base = datetime.datetime.utcnow() - datetime.timedelta(seconds=3000)
        records = [line(base, s, "u%d" % (s % 11)) for s in range(0, 2400, 3)]
        with Server(folder / "a", config) as whole, Server(folder / "b", config) as killed:
            for begin, end in ((0, 500), (500, 733), (733, 800)):
                if begin > 0:
                    killed.kill()
                    killed.start()
                    said = [text for text in killed.log if "read back" in text]
                    assert said and int(said[0].split("read back ")[1].split()[0]) < begin, killed.log
                with log.open("a") as out:
                    out.write("".join(records[begin:end]))
                killed.wait(lambda: killed.search("* | stats count() as n")[0]["n"] >= end, "stored records")
            whole.wait_stored(800)
            whole.wait(lambda: len(counts(whole)) >= 115, "alerts")
            try:
                whole.wait(lambda: counts(whole) == counts(killed), "the same alerts", 15)
            except AssertionError as why:
                raise AssertionError("only one has %s, only the other %s" % (
                    set(counts(whole)) - set(counts(killed)), set(counts(killed)) - set(counts(whole)))) from why
            whole.stop()
            killed.stop()


def test_reload():
    """Rules are read anew while windows are open; broken ones are refused, with the old ones kept."""
    with lib.Folder() as folder:
        for name in ("a", "b"):
            (folder / name / "rules").mkdir(parents=True)
            (folder / name / "rules/own.yml").write_text(RULES)
        log = folder / "auth.log"
        log.write_text("")
        config = "rules: [%s]\ninputs:\n  - {type: file, paths: [%s]}\n"
        base = datetime.datetime.utcnow() - datetime.timedelta(seconds=100)
        with Server(folder / "a", config % (folder / "a/rules", log)) as whole, \
                Server(folder / "b", config % (folder / "b/rules", log)) as other:
            sent = 0
            for number, piece in enumerate(pieces(base)):
                if number == 1:
                    (folder / "b/rules/new.yml").write_text(RULES.split("---")[0].replace("failed", "fail2"))
                    code, _, answer = other.request("POST", "/api/v1/rules/reload", b"")
                    assert (code, json.loads(answer)) == (200, {"rules": 4}), answer
                elif number == 2:
                    (folder / "b/rules/new.yml").write_text("title: broken\n")
                    code, _, answer = other.request("POST", "/api/v1/rules/reload", b"")
                    assert code == 422 and "new.yml:1: " in json.loads(answer)["detail"], answer
                    assert other.status()["rules"] == 4
                elif number == 3:
                    (folder / "b/rules/new.yml").unlink()
                    other.process.send_signal(signal.SIGHUP)
                    other.wait(lambda: any("rules read anew: 3 in force" in x for x in other.log), "SIGHUP")
                with log.open("a") as out:
                    out.write("".join(piece))
                sent += len(piece)
                other.wait_stored(sent)
            whole.wait_stored(sent)

            def own(server):
                return [c for c in counts(server) if "fail2" not in c[1]]

            whole.wait(lambda: any(c[1] == "test.users" for c in own(whole)), "alerts", 30)
            whole.wait(lambda: own(whole) == own(other), "the same alerts", 30)
            assert "tocsin_correlation_evicted_total" in other.request("GET", "/metrics")[2].decode()
            assert other.status()["correlations"]["hits"] > 0
            whole.stop()
            other.stop()


if __name__ == "__main__":
    lib.main(globals())
