"""Exceptions: known and wanted findings, apart from the rules, counted, and proven against cases.

1. One exception of a rule and one of a correlation: detect, import, hunt and run leave out the same
   alerts, and each says how many; what happens from the expiry on is an alert again.
2. Scope by id, name, title, tag and any; suppressed rules; beside the rules.
3. What is malformed, unknown or without reason is refused with file and line, status 2.
4. What would hide a case's alert is refused by rules check and by detect; rules test shows it.
5. A running server that reads a bad exception keeps its old set.
"""
import json

import lib
from serve import Server

RULES = """title: failed login
id: t.failed
name: failed
tags: [attack.t1110]
logsource: {product: linux, service: sshd}
taxonomy: tocsin
detection:
  sel: {event.action: ssh_login, event.outcome: failure}
  condition: sel
---
title: root comes in
id: t.root
tags: [attack.t1078]
logsource: {product: linux, service: sshd}
taxonomy: tocsin
detection:
  sel: {event.action: ssh_login, event.outcome: success, user.name: root}
  condition: sel
---
title: three failures
id: t.three
tags: [attack.t1110]
correlation:
  type: event_count
  rules: [failed]
  group-by: [source.ip]
  timespan: 1m
  condition: {gte: 3}
"""

EXCEPTION = """id: x.backup
title: The backup comes as root
reason: ticket 4711
author: A. Admin
created: 2026-11-01
expires: %s
exception:
  rules: [%s]
  backup: {source.ip: 10.0.0.5}
  condition: backup
"""


def record(second, ip, user="root", ok=False):
    return ("2026-11-20T10:%02d:%02d.000Z web sshd[%d]: %s password for %s from %s port 4000 ssh2\n"
            % (second // 60, second % 60, second + 100, "Accepted" if ok else "Failed", user, ip))


LOG = "".join(record(s, ip) for s in range(5) for ip in ("10.0.0.5", "203.0.113.7"))
LOG += record(20, "10.0.0.5", ok=True) + record(21, "203.0.113.7", ok=True)


def setup(folder, rules="t.root", expires="never", log=LOG):
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "rules/r.yml").write_text(RULES)
    (folder / "x").mkdir(exist_ok=True)
    (folder / "x/backup.yml").write_text(EXCEPTION % (expires, rules))
    (folder / "auth.log").write_text(log)
    return ["--rules", folder / "rules", "--exceptions", folder / "x"]


def alerts(output):
    return sorted((lib.get(a, "rule.id"), lib.get(a, "alert.group") and lib.get(a, "alert.group.source.ip") or
                   lib.get(a, "source.ip"), lib.get(a, "event.id")) for a in lib.lines(output))


def seen(found):
    return [f[:2] for f in found]


def test_the_same_everywhere():
    with lib.Folder() as folder:
        options = setup(folder, "t.root, t.three")
        out, err = lib.run("detect", *options, "--stats", folder / "auth.log")
        found = alerts(out)
        assert seen(found) == [("t.root", "203.0.113.7"), ("t.three", "203.0.113.7")], found
        assert 'exception "x.backup" hid 2 findings: ticket 4711 (A. Admin)' in err, err
        summary = json.loads(lib.run("import", "--data", folder / "d", "--json", "--quiet", *options,
                                     folder / "auth.log")[0])
        assert summary["hidden"] == 2 and summary["exceptions"] == {"x.backup": 2}, summary
        listed = alerts(lib.run("alerts", "--data", folder / "d", "--format", "json")[0])
        hunted, err = lib.run("hunt", "--data", folder / "d", *options)
        assert "hid 2 findings" in err, err
        assert listed == found and alerts(hunted) == found
        config = "rules: [%s]\nexceptions: [%s]\ninputs:\n  - {type: file, paths: [%s]}\n" % (
            folder / "rules", folder / "x", folder / "auth.log")
        (folder / "server").mkdir()
        with Server(folder / "server", config) as server:
            server.wait_stored(12)
            server.wait(lambda: len(lib.lines(lib.run("alerts", "--data", server.data, "--format",
                                                      "json")[0])) == 2, "alerts", 30)
            assert alerts(lib.run("alerts", "--data", server.data, "--format", "json")[0]) == found
            server.wait(lambda: server.status()["hidden"] == 2, "what was hidden")
            one = server.status()["exceptions"][0]
            assert (one["id"], one["hidden"], one["reason"], one["expires"]) == (
                "x.backup", 2, "ticket 4711", None), one
            assert one["last"] == "2026-11-20T10:00:20.000Z", one
            server.stop()


def test_expiry_by_event_time():
    with lib.Folder() as folder:
        for expires, count in (("2026-11-20T10:00:20Z", 2), ("2026-11-20T10:00:20.001Z", 1),
                               ("2026-11-20", 2), ("2026-11-21", 1)):
            options = setup(folder, "t.root", expires)
            out, _ = lib.run("detect", *options, folder / "auth.log")
            assert [f[0] for f in alerts(out)].count("t.root") == count, (expires, alerts(out))
        # A window belongs to the time of its first event.
        for expires, count in (("2026-11-20T10:00:00Z", 2), ("2026-11-20T10:00:01Z", 1)):
            options = setup(folder, "t.three", expires)
            out, _ = lib.run("detect", *options, folder / "auth.log")
            assert [f[0] for f in alerts(out)].count("t.three") == count, (expires, alerts(out))


def test_scope():
    with lib.Folder() as folder:
        cases = (("t.root", 1, 2), ("root comes in", 1, 2), ("failed", 2, 1), ("three failures", 2, 1))
        for scope, root, three in cases:
            out, _ = lib.run("detect", *setup(folder, scope), folder / "auth.log")
            names = [f[0] for f in alerts(out)]
            assert (names.count("t.root"), names.count("t.three")) == (root, three), (scope, names)
        options = setup(folder)
        path = folder / "x/backup.yml"
        for scope, root, three in (("tags: [attack.t1110]", 2, 1), ("tags: attack.t1078", 1, 2),
                                   ("rules: any", 1, 1)):
            path.write_text((EXCEPTION % ("never", "t.root")).replace("rules: [t.root]", scope))
            names = [f[0] for f in alerts(lib.run("detect", *options, folder / "auth.log")[0])]
            assert (names.count("t.root"), names.count("t.three")) == (root, three), (scope, names)


def test_suppressed_rule_and_beside_rules():
    with lib.Folder() as folder:
        setup(folder)
        rule = RULES.split("---")[1] + "tocsin: {suppress: {by: [user.name], for: 1h}}\n"
        (folder / "rules/r.yml").write_text(rule)
        (folder / "rules/known.yml").write_text((EXCEPTION % ("never", "t.root")))
        out, err = lib.run("detect", "--rules", folder / "rules", folder / "auth.log")
        assert [lib.get(a, "alert.count") for a in lib.lines(out)] == [1], out
        assert "hid 1 finding" in err


def test_refused():
    good = EXCEPTION % ("2027-01-01", "t.root")
    cases = ((good.replace("reason: ticket 4711\n", ""), "without \"reason\""),
             (good.replace("author: A. Admin", "author: ''"), "without \"author\""),
             (good.replace("id: x.backup\n", ""), "without \"id\""),
             (good.replace("2027-01-01", "soon"), 'backup.yml:6: exception: expires is "soon"'),
             (good.replace("2027-01-01", "2026-02-30"), "expires is"),
             (good.replace("2027-01-01", "2026-10-01"), "before it was created"),
             (good.replace("expires: 2027-01-01\n", ""), "without \"expires\""),
             (good.replace("created: 2026-11-01", "created: x"), "created is \"x\""),
             (good.replace("expires", "expiry"), 'unknown key "expiry"; did you mean "expires"'),
             (good.replace("t.root", "t.rot"), 'backup.yml:1: exception names the rule "t.rot", which is not'),
             (good.replace("rules: [t.root]", "tags: [attack.t9999]"), "which no rule has"),
             (good.replace("  rules: [t.root]\n", ""), "exception of no rule"),
             (good.replace("condition: backup", "condition: bakup"), "bakup"),
             (good.replace("  condition: backup\n", ""), "without a condition"),
             (good.replace("t.root", "t.three").replace("source.ip", "user.name"),
              'asks for "user.name", but of the correlation "three failures" it can ask for what that groups by: source.ip'),
             (good.replace("{source.ip: 10.0.0.5}", "[backup]").replace("t.root", "t.three"), "words of the record"),
             (good + "---\n" + good, "id of another exception"),
             (good.replace("10.0.0.5", "'[a'").replace("source.ip", "source.ip|re"), "expression"),
             (good.replace("source.ip", "'a[x'"), "expected ']'"),
             (RULES, "no exception, which alone may stand here"),
             ("{", "not YAML"))
    with lib.Folder() as folder:
        options = setup(folder)
        for text, message in cases:
            (folder / "x/backup.yml").write_text(text)
            out, err = lib.run("detect", *options, folder / "auth.log", status=2)
            assert not out and message in err and "backup.yml:" in err, (message, err)
            for command in ("import", "hunt"):
                lib.run("import", "--data", folder / "d", "--quiet", "--rules", folder / "rules", folder / "auth.log")
                _, err = lib.run(command, "--data", folder / "d", *options,
                                 *([folder / "auth.log"] if command == "import" else []), status=2)
                assert message in err, (command, err)


CASE = """tests:
- name: root from the backup network
  records: |
    2026-11-20T10:00:01.000Z web sshd[7]: Accepted password for root from %s port 4000 ssh2
  alerts: {t.root: 1}
"""


def test_known_true_positives():
    with lib.Folder() as folder:
        options = setup(folder)
        (folder / "rules/r.test.yml").write_text(CASE % "10.0.0.5")
        message = 'exception "x.backup" would hide a known true positive: the case "root from the backup network"'
        out, _ = lib.run("rules", "check", *options[1:], status=1)
        assert message.encode() in out and b"r.test.yml:2" in out and b"1 failed" in out, out
        _, err = lib.run("detect", *options, folder / "auth.log", status=2)
        assert message in err and "backup.yml:1" in err, err
        out, _ = lib.run("rules", "test", folder / "rules", "--exceptions", folder / "x", status=1)
        assert b'expected 1 alerts of "t.root", found 0' in out, out
        # An exception that is over would have hidden it all the same.
        options = setup(folder, "t.root", "2026-11-02")
        lib.run("rules", "check", *options[1:], status=1)
        # Another address hides nothing that is known; nor do cases that expect no alert.
        (folder / "rules/r.test.yml").write_text(CASE % "203.0.113.9")
        lib.run("rules", "check", *options[1:])
        lib.run("detect", *options, folder / "auth.log")
        (folder / "rules/r.test.yml").write_text((CASE % "10.0.0.5").replace("{t.root: 1}", "0"))
        lib.run("rules", "check", *options[1:])


def test_shipped_cases():
    with lib.Folder() as folder:
        (folder / "x.yml").write_text("""id: x.lab
reason: the laboratory
author: A. Admin
created: 2026-11-01
expires: never
exception:
  rules: [ssh_password_spray]
  lab: {source.ip|cidr: %s}
  condition: lab
""" % "203.0.113.0/24")
        (folder / "auth.log").write_text(LOG)
        _, err = lib.run("detect", "--exceptions", folder / "x.yml", folder / "auth.log", status=2)
        assert "would hide a known true positive" in err and "ssh_password_spray.test.yml" in err, err
        (folder / "x.yml").write_text((folder / "x.yml").read_text().replace("203.0.113.0/24", "192.168.77.0/24"))
        lib.run("detect", "--exceptions", folder / "x.yml", folder / "auth.log")


def test_reload():
    with lib.Folder() as folder:
        setup(folder)
        config = "rules: [%s]\nexceptions: [%s]\ninputs:\n  - {type: file, paths: [%s]}\n" % (
            folder / "rules", folder / "x", folder / "auth.log")
        (folder / "server").mkdir()
        with Server(folder / "server", config) as server:
            server.wait_stored(12)
            (folder / "x/backup.yml").write_text((EXCEPTION % ("soon", "t.root")))
            status, _, answer = server.request("POST", "/api/v1/rules/reload", b"")
            assert status == 422 and b"expires" in answer, (status, answer)
            (folder / "x/backup.yml").write_text((EXCEPTION % ("never", "failed")))
            status, _, answer = server.request("POST", "/api/v1/rules/reload", b"")
            assert status == 200, answer
            server.stop()


lib.main(globals())
