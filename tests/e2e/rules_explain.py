"""rules explain tells every stage, with the first thing that stopped the rule.

1. A record that is no record of the log source, one that cannot be parsed, one that lacks a field, one that a
   filter meets, one that an exception hides, one whose exception has ended, one that fires.
2. Windows: how near each group came, and what detection made of it.
3. What enrichment adds is seen, as in detection.
4. Whatever fires here fires in detection and the other way round: the Windows attack samples.
"""
import json
import subprocess

import lib

RULE = """title: Shell
id: e.shell
logsource: {product: windows, category: process_creation}
detection:
  sel: {Image|endswith: '\\cmd.exe', CommandLine|contains: whoami}
  filter: {User: SYSTEM}
  condition: sel and not filter
"""

EXCEPTION = """id: x.known
reason: the scanner
author: A
created: 2026-01-01
expires: %s
exception:
  rules: [e.shell]
  known: {User: scan}
  condition: known
"""


def sysmon(image, line, user, at="2026-11-20T10:00:00.000Z"):
    return json.dumps({"Event": {"System": {
        "Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}}, "EventID": 1,
        "TimeCreated": {"#attributes": {"SystemTime": at}},
        "Channel": "Microsoft-Windows-Sysmon/Operational", "Computer": "ws-1"},
        "EventData": {"Image": image, "CommandLine": line, "User": user}}}) + "\n"


def explain(*args, status=0):
    out, err = lib.run("rules", "explain", *args, status=status)
    return out.decode(), err


def heads(text):
    return [line.split(": ", 2)[2] for line in text.splitlines() if line.startswith("/") and "Shell: " in line]


def test_single_events():
    with lib.Folder() as folder:
        (folder / "r.yml").write_text(RULE)
        (folder / "x.yml").write_text(EXCEPTION % "never")
        records = [sysmon("C:\\cmd.exe", "whoami", "bob"), sysmon("C:\\cmd.exe", "dir", "bob"),
                   sysmon("C:\\a.exe", "whoami", "bob"), sysmon("C:\\cmd.exe", "whoami", "system"),
                   sysmon("C:\\cmd.exe", "whoami", "scan"), "no JSON at all\n"]
        (folder / "e.jsonl").write_text("".join(records))
        text, err = explain(folder / "r.yml", folder / "e.jsonl", "--exceptions", folder / "x.yml")
        found = heads(text)
        assert found[0] == "fires", found
        assert found[1].startswith('does not fire: sel: CommandLine contains "whoami"  -- '), found[1]
        assert 'is "dir"' in found[1] and found[1].endswith("(line 5)"), found[1]
        assert 'Image ends with "\\cmd.exe"' in found[2] and 'is "C:\\a.exe"' in found[2], found[2]
        assert 'does not fire: not filter: User is "SYSTEM"' in found[3], found[3]
        assert found[4] == 'does not fire: it is true, and the exception "x.known" hides it', found[4]
        assert found[5] == "does not fire: the record is not of its log source", found[5]
        assert 'exception "x.known": hides it: known: User is "scan"' in text and "the scanner" in text
        assert 'exception "x.known": does not hide it' in text
        assert "received: \"no JSON at all\"" in text and "record of kind windows.eventlog, of 2026-11-20T10:00:00" in text
        assert "fields: " in text and "winlog.event_data.Image" in text
        assert "the rules fired 1 times" in err, err
        (folder / "x.yml").write_text(EXCEPTION % "2026-11-20T10:00:00Z")
        text, _ = explain(folder / "r.yml", folder / "e.jsonl", "--exceptions", folder / "x.yml")
        assert heads(text)[4] == "fires", heads(text)
        assert "would hide it, but ended at 2026-11-20T10:00:00" in text, text


WINDOW = """title: failed
id: w.failed
name: failed
logsource: {product: linux, service: sshd}
taxonomy: tocsin
detection: {sel: {event.outcome: failure}, condition: sel}
---
title: came in
id: w.ok
name: ok
logsource: {product: linux, service: sshd}
taxonomy: tocsin
detection: {sel: {event.outcome: success}, condition: sel}
---
title: three
id: w.three
correlation: {type: event_count, rules: [failed], group-by: [source.ip], timespan: 1m, condition: {gte: 3}}
---
title: users
id: w.users
correlation: {type: value_count, rules: [failed], group-by: [source.ip], timespan: 1m, condition: {gte: 3, field: user.name}}
---
title: then
id: w.then
correlation: {type: temporal_ordered, rules: [failed, ok], group-by: [source.ip], timespan: 1m}
"""


def ssh(second, user="root", word="Failed", ip="203.0.113.7"):
    return "2026-11-20T10:%02d:%02d.000Z web sshd[7]: %s password for %s from %s port 4000 ssh2\n" % (
        second // 60, second % 60, word, user, ip)


def test_windows():
    with lib.Folder() as folder:
        (folder / "r.yml").write_text(WINDOW)
        (folder / "a.log").write_text(ssh(0) + ssh(40, "ann") + ssh(50, ip="198.51.100.1") + ssh(110, "bob"))

        def windows(rule):
            text, _ = explain(folder / "r.yml", folder / "a.log", "--id", rule)
            return text[text.index("window of "):]
        text = windows("w.three")
        assert 'window of "three": 1m; one group for each source.ip; at least 3 is asked for' in text, text
        assert "    source.ip 203.0.113.7: 3 records; at most 2 within 1m (lines 1 to 2); at least 3" in text, text
        assert "    source.ip 198.51.100.1: 1 record; at most 1 within 1m" in text and "    no alert" in text, text
        assert "at most 2 different values within 1m (lines 1 to 2)" in windows("w.users")
        assert '3 records; met: "failed"; not met: "came in" within 1m' in windows("w.then")
        with (folder / "a.log").open("a") as out:
            out.write(ssh(111, "eve") + ssh(112, word="Accepted"))
        assert "3 within 1m" not in windows("w.three").split("at least")[0]
        text = windows("w.then")
        assert 'met: "failed", "came in" within 1m' in text and "alert " in text and '"failed", then "came in"' in text
        (folder / "r.yml").write_text(WINDOW.split("---")[0] + "tocsin: {suppress: {by: [source.ip], for: 1h}}\n")
        text = windows("w.failed")
        assert "findings of one group are one alert for 1h; one group for each source.ip" in text, text
        assert "source.ip 203.0.113.7: 4 records\n" in text and text.count("    alert ") == 2, text


def test_enrichment():
    with lib.Folder() as folder:
        (folder / "a.log").write_text("".join(ssh(s) for s in range(6)) + ssh(9, word="Accepted"))
        _, err = explain(lib.SOURCE / "content/rules/ssh/bruteforce_success.yml", folder / "a.log")
        assert "the rules fired 1 times" in err, err


def test_agrees_with_detection():
    events = lib.corpus("05-windows/evtx_attack_jsonl/events.jsonl.gz")
    archive = lib.corpus("05-windows/sigmahq_rules_all.tar.xz")
    with lib.Folder() as folder:
        subprocess.run(["tar", "xJf", archive, "-C", folder], check=True)
        counts = {}
        for a in lib.lines(lib.run("detect", "--rules", folder / "rules", events)[0]):
            counts[lib.get(a, "rule.id")] = counts.get(lib.get(a, "rule.id"), 0) + 1
        paths = {}
        for path in sorted((folder / "rules/windows").rglob("*.yml")):
            rule = [line.split()[1] for line in path.read_text().splitlines() if line.startswith("id:")]
            paths[rule[0]] = path
        some = [r for r in sorted(counts) if r in paths][::25]
        assert len(some) >= 5, len(some)
        for rule in some:
            _, err = explain(paths[rule], events)
            assert "the rules fired %d times" % counts[rule] in err, (rule, counts[rule], err)


lib.main(globals())
