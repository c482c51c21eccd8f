"""Suppression: findings of one rule and group are one alert for a time.

1. Detect over records in two orders: same ids, same counts; a second window after the time.
2. An event without the field is grouped all the same.
3. A correlation suppressed; what is malformed is refused with file and line.
"""
import random

import lib

RULE = """title: failed
id: t.failed
name: failed
logsource: {product: linux, service: sshd}
taxonomy: tocsin
detection:
  sel: {event.action: ssh_login, event.outcome: failure}
  condition: sel
level: high
tocsin:
  suppress:
    by: [source.ip]
    for: 10m
"""


def record(minute, ip, second=0):
    return ("2026-11-20T%02d:%02d:%02d.000Z web sshd[7]: Failed password for root from %s port 4000 ssh2"
            % (10 + minute // 60, minute % 60, second, ip))


def found(folder, rule, records):
    (folder / "r.yml").write_text(rule)
    (folder / "auth.log").write_text("".join(r + "\n" for r in records))
    out, _ = lib.run("detect", "--rules", folder / "r.yml", folder / "auth.log", status=None)
    return sorted((lib.get(a, "event.id"), lib.get(a, "rule.id"), lib.get(a, "alert.level"),
                   lib.get(a, "alert.count")) for a in lib.lines(out))


def test_groups_and_order():
    records = [record(m, ip) for m in (0, 1, 5, 9, 10, 19, 40) for ip in ("203.0.113.1", "203.0.113.2")]
    with lib.Folder() as folder:
        first = found(folder, RULE, records)
        assert sorted(f[3] for f in first) == [1, 1, 2, 2, 4, 4], first
        assert {f[1] for f in first} == {"t.failed"} and {f[2] for f in first} == {"high"}, first
        whole = found(folder, RULE.replace("    by: [source.ip]\n", ""), records)
        assert sorted(f[3] for f in whole) == [2, 4, 8], whole
        lacking = found(folder, RULE.replace("[source.ip]", "[no.such.field]"), records)
        assert [f[3] for f in lacking].count(8) == 1 and len(lacking) == 3, lacking
        random.Random(5).shuffle(records)
        assert found(folder, RULE, records) == first


def test_correlation():
    rule = RULE.split("tocsin:")[0] + """---
title: two
id: t.two
correlation:
  type: event_count
  rules: [failed]
  group-by: [source.ip]
  timespan: 1m
  condition: {gte: 2}
tocsin: {suppress: {by: [source.ip], for: 1h}}
"""
    records = [record(m, "203.0.113.1", s) for m in (0, 10, 20, 30) for s in (0, 1)]
    with lib.Folder() as folder:
        alerts = found(folder, rule, records)
        assert [(f[1], f[3]) for f in alerts] == [("t.two", 8)], alerts
        (folder / "r.yml").write_text(rule.replace("{by: [source.ip]", "{by: [user.name]"))
        out, _ = lib.run("rules", "check", folder / "r.yml", status=1)
        assert b"r.yml:" in out and b"not in the group-by" in out, out


def test_malformed():
    cases = (("    for: 10m\n", "", b'suppress without "for"'),
             ("10m", "soon", b'suppress for "soon"'),
             ("10m", "0s", b'suppress for "0s"'),
             ("    by:", "    per:", b'suppress has "per"; expected by and for'),
             ("  suppress:", "  silence:", b'tocsin has "silence"; expected suppress'),
             ("[source.ip]", "{a: b}", b'"by" is a map'),
             ("[source.ip]", "['']", b"empty field name"))
    with lib.Folder() as folder:
        for old, new, message in cases:
            (folder / "r.yml").write_text(RULE.replace(old, new))
            out, _ = lib.run("rules", "check", folder / "r.yml", status=1)
            assert b"r.yml:" in out and message in out, (new, out)


if __name__ == "__main__":
    lib.main(globals())
