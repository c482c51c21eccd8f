"""alert.reason: one plain sentence for each kind of alert, with the values that decided.

1. Rules of every type over a few logins: the sentences to the letter.
"""
import json

import lib

BASE = """title: failed
id: t.failed
name: failed
logsource: {product: linux, service: sshd}
taxonomy: tocsin
detection: {sel: {event.action: ssh_login, event.outcome: failure}, condition: sel}
---
title: came in
id: t.ok
name: ok
logsource: {product: linux, service: sshd}
taxonomy: tocsin
detection: {sel: {event.action: ssh_login, event.outcome: success}, condition: sel}
---
title: left
id: t.left
name: left
logsource: {product: linux, service: sshd}
taxonomy: tocsin
detection: {sel: {event.action: ssh_disconnect}, condition: sel}
---
title: never
id: t.never
name: never
logsource: {product: linux, service: sshd}
taxonomy: tocsin
detection: {sel: {event.action: no_such}, condition: sel}
---
title: Found
id: t.found
name: found
"""


def line(second, what):
    return "2026-11-20T10:%02d:%02d.000Z web sshd[7]: %s ssh2\n" % (second // 60, second % 60, what)


def failed(second, user="root", port=4000, ip="203.0.113.7"):
    return line(second, "Failed password for %s from %s port %d" % (user, ip, port))


def ok(second, user="root", ip="203.0.113.7"):
    return line(second, "Accepted password for %s from %s port 4000" % (user, ip))


LOG = [failed(0), failed(5, "ann", 4100), failed(30, "bob", 4200), ok(90)]


def reasons(rule, log=None, found="Found"):
    with lib.Folder() as folder:
        (folder / "r.yml").write_text(rule)
        (folder / "auth.log").write_text("".join(LOG if log is None else log))
        out, _ = lib.run("detect", "--rules", folder / "r.yml", folder / "auth.log")
        return [lib.get(a, "alert.reason") for a in lib.lines(out) if lib.get(a, "rule.name") == found]


def correlation(text):
    return BASE + "correlation: {group-by: [source.ip], timespan: 10m, " + text + "}\n"


WITH = "Found: 3 events with source.ip 203.0.113.7 in 30s; "


def test_correlations():
    cases = (
        ("type: event_count, rules: [failed], condition: {gte: 2}",
         WITH + "the threshold is at least 2 within 10m"),
        ("type: event_count, rules: [failed], condition: {gt: 2, lt: 9}",
         WITH + "the threshold is more than 2 and fewer than 9 within 10m"),
        ("type: value_count, rules: [failed], condition: {gte: 2, field: user.name}",
         WITH + "3 different values of user.name; the threshold is at least 2 within 10m"),
        ("type: value_sum, rules: [failed], condition: {gt: 5000, field: source.port}",
         WITH + "the sum of source.port is 12300; the threshold is more than 5000 within 10m"),
        ("type: value_avg, rules: [failed], condition: {lte: 4100, field: source.port}",
         WITH + "the mean of source.port is 4100; the threshold is at most 4100 within 10m"),
        ("type: value_median, rules: [failed], condition: {lt: 4500.5, field: source.port}",
         WITH + "the median of source.port is 4100; the threshold is less than 4500.5 within 10m"),
        ("type: value_percentile, rules: [failed], condition: {gte: 4000, field: source.port, percentile: 50}",
         WITH + "the percentile 50 of source.port is 4100; the threshold is at least 4000 within 10m"),
        ("type: temporal, rules: [ok, failed]",
         'Found: 4 events with source.ip 203.0.113.7 in 1m30s; "came in" and "failed" within 10m'),
        ("type: temporal_ordered, rules: [failed, ok]",
         'Found: 4 events with source.ip 203.0.113.7 in 1m30s; "failed", then "came in" in this order within 10m'),
        ("type: temporal, rules: [failed, ok, never], condition: failed and (ok or never)",
         'Found: 4 events with source.ip 203.0.113.7 in 1m30s; "failed" and ("came in" or "never") within 10m'),
        ("type: temporal, rules: [failed, ok, never], condition: {gte: 2}",
         'Found: 4 events with source.ip 203.0.113.7 in 1m30s; "failed", "came in" or "never"; the threshold is at '
         "least 2 within 10m"),
        ("type: absence, rules: [ok, left], absent: [left]",
         'Found: 1 event with source.ip 203.0.113.7; then no "left" within 10m'),
        ("type: sequence, rules: [failed, never, ok], absent: [never]",
         'Found: 2 events with source.ip 203.0.113.7 in 1m; "failed", then no "never", then "came in" within 10m'),
        ("type: leaky_bucket, rules: [failed], capacity: 2, leakspeed: 10m",
         WITH + "the threshold is more than 2, and one drains every 10m"),
    )
    for text, sentence in cases:
        if "leaky" in text:
            text = text.replace("timespan: 10m, ", "")
        rule = correlation(text)
        if "leaky" in text:
            rule = rule.replace("timespan: 10m, ", "")
        found = reasons(rule)
        assert found == [sentence], (text, found)


def test_first_seen():
    log = [failed(0), failed(100), failed(200, "eve")]
    rule = BASE + ("correlation: {type: first_seen, rules: [failed], group-by: [source.ip], learning: 1m,"
                   " condition: {field: user.name}}\n")
    assert reasons(rule, log) == [
        "Found: 1 event with source.ip 203.0.113.7; a value of user.name that was never seen there before, after at "
        "least 1m of learning"], reasons(rule, log)


def test_chains_and_suppression():
    log = [failed(s) for s in (0, 1, 100, 101)]
    rule = BASE + """correlation: {type: event_count, rules: [pairs], group-by: [source.ip], timespan: 1h, condition: {gte: 2}}
---
title: two failures
id: t.pairs
name: pairs
correlation: {type: event_count, rules: [failed], group-by: [source.ip], timespan: 10s, condition: {gte: 2}}
"""
    assert reasons(rule, log) == [
        'Found: 4 events with source.ip 203.0.113.7 in 1m41s; 2 times "two failures"; the threshold is at least 2 '
        "within 1h"], reasons(rule, log)
    rule = BASE.split("---")[0] + "tocsin: {suppress: {by: [source.ip, no.such], for: 1h}}\n"
    assert reasons(rule, log, "failed") == [
        "failed: 4 events with source.ip 203.0.113.7, no.such (none) in 1m41s; told of once within 1h"]


def test_single_events():
    rule = """title: Found
id: t.single
logsource: {product: windows, category: process_creation}
detection:
  sel: {Image|endswith: ['\\a.exe', '\\b.exe'], User: bob}
  words: {CommandLine|contains|all: [foo, bar]}
  no: {ParentImage|endswith: '\\ok.exe'}
  condition: sel and words and not no
"""
    record = {"Event": {"System": {"Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}}, "EventID": 1,
              "Channel": "Microsoft-Windows-Sysmon/Operational", "Computer": "ws-1"},
              "EventData": {"Image": "C:\\b.exe", "User": "bob", "CommandLine": "b foo\nbar"}}}
    found = reasons(rule, [json.dumps(record) + "\n"])
    assert len(found) == 1 and found[0].endswith(
        "; because Image 'C:\\b.exe' ends with '\\b.exe', User is 'bob', CommandLine 'b foo bar' contains 'foo', "
        "CommandLine 'b foo bar' contains 'bar'"), found
    assert found[0].startswith("Found: "), found


def test_ssh_logins():
    log = [failed(s) for s in range(6)] + [ok(10)]
    with lib.Folder() as folder:
        (folder / "auth.log").write_text("".join(log))
        out, _ = lib.run("detect", "--rules", lib.SOURCE / "content/rules/ssh", folder / "auth.log")
        assert [lib.get(a, "alert.reason") for a in lib.lines(out)] == [
            "Many failed SSH logins from one address: 6 failed logins from 203.0.113.7 within 5m, more than 5; "
            "user.name root, host.name web",
            "SSH login succeeded after many failures: 203.0.113.7 came in as root after 6 failed logins from there within 5m, "
            "more than 5; host.name web"], out


lib.main(globals())
