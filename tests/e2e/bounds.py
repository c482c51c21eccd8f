"""Bounds without silence: memory for windows runs out, and it is said whose windows had to go.

1. A noisy correlation has more groups than there is room for, a quiet one a few that take their time.
2. detect, import and a running server say which correlation had to forget, and how often; the
   server and import raise it as an alert.  The quiet one loses nothing: same alert, same id.
3. One group that has more events than a group can hold is said, too.
"""
import datetime

import lib
from serve import Server

RULES = """title: failed
id: t.failed
name: failed
logsource: {product: linux}
taxonomy: tocsin
detection:
  sel: {event.action: ssh_login, event.outcome: failure}
  condition: sel
---
title: Noisy
id: t.noisy
correlation:
  type: event_count
  rules: [failed]
  group-by: [source.ip, source.port]
  timespan: 1h
  condition: {gte: 3}
---
title: Quiet
id: t.quiet
correlation:
  type: event_count
  rules: [failed]
  group-by: [user.name]
  timespan: 1h
  condition: {gte: 40}
"""
COUNT = 20000


def write_log(path):
    """20,000 addresses as many users' failures, and one user in fifty is root."""
    at = datetime.datetime.utcnow().replace(microsecond=0) - datetime.timedelta(hours=2)
    with path.open("a") as out:
        for i in range(COUNT):
            when = (at + datetime.timedelta(milliseconds=20 * i)).isoformat(timespec="milliseconds")
            out.write("%sZ web sshd[%d]: Failed password for %s from 10.%d.%d.%d port %d ssh2\n" % (
                when, i, "root" if i % 400 == 0 else "u%d" % (i % 1000), i >> 16, i >> 8 & 255, i & 255,
                1024 + i))


def quiet(alerts):
    return [(lib.get(a, "event.id"), lib.get(a, "alert.count")) for a in alerts
            if lib.get(a, "rule.id") == "t.quiet"]


def test_noisy_and_quiet():
    with lib.Folder() as folder:
        rules, log = folder / "rules.yml", folder / "auth.log"
        rules.write_text(RULES)
        log.write_text("")
        config = "rules: [%s]\ncorrelations: {memory: 4MiB}\ninputs:\n  - {type: file, paths: [%s]}\n" % (
            rules, log)
        with Server(folder, config) as server:
            write_log(log)
            server.wait_stored(COUNT, 60)
            out, err = lib.run("detect", "--rules", rules, log)
            assert "no room" not in err, err
            want = quiet(lib.lines(out))
            assert [w[1] for w in want] == [50], want
            out, err = lib.run("detect", "--window-memory", 4, "--rules", rules, log)
            assert quiet(lib.lines(out)) == want
            said = [line for line in err.splitlines() if "no room" in line]
            assert len(said) == 1 and '"Noisy"' in said[0] and "--window-memory" in said[0], err

            def alerts():
                return lib.lines(lib.run("alerts", "--data", server.data, "--format", "json")[0])

            # Its window stays open for the rest of the hour: what it counts by then comes then.
            server.wait(lambda: [a[0] for a in quiet(alerts())] == [want[0][0]], "the quiet one", 40)
            health = [a for a in alerts() if lib.get(a, "rule.id") == "tocsin.health.state_evicted"]
            assert len(health) == 1 and '"Noisy"' in lib.get(health[0], "alert.reason"), health
            assert lib.get(health[0], "alert.count") > 1000, health
            metrics = server.request("GET", "/metrics")[2].decode()
            assert 'evicted_total{rule="t.noisy"} 0\n' not in metrics
            assert 'evicted_total{rule="t.quiet"} 0\n' in metrics, metrics
            server.stop()
        out, err = lib.run("import", "--data", folder / "i", "--window-memory", 4, "--rules", rules, log)
        assert '"Noisy" had no room' in err, err
        imported = lib.lines(lib.run("alerts", "--data", folder / "i", "--format", "json")[0])
        assert quiet(imported) == want
        assert any(lib.get(a, "rule.id") == "tocsin.health.state_evicted" for a in imported)
        _, err = lib.run("hunt", "--data", folder / "i", "--window-memory", 4, "--rules", rules)
        assert '"Noisy" had no room' in err, err


def test_one_group():
    with lib.Folder() as folder:
        rules, log = folder / "rules.yml", folder / "auth.log"
        rules.write_text(RULES.replace("group-by: [user.name]", "group-by: [host.name]").replace(
            "gte: 40", "gte: 65536").replace("group-by: [source.ip, source.port]", "group-by: [source.ip]"))
        with log.open("w") as out:
            for i in range(70000):
                out.write("2026-11-20T10:%02d:%02d.%03dZ web sshd[%d]: Failed password for root from 10.1.1.1 "
                          "port 1 ssh2\n" % (i // 6000, i // 100 % 60, i % 100 * 10, i))
        _, err = lib.run("detect", "--rules", rules, log)
        assert '"Quiet" left 4464 events out' in err, err


lib.main(globals())
