"""rules check says which rules are the same, which can never fire, and which are expensive.

1. Rules that differ in names, order, case and nesting alone are duplicates, in one file and across
   files; what differs in a value, a modifier, a log source is none; correlations likewise.
2. On a sample and on a store: no event of the log source, no such field, no rule of a correlation.
   With the corpus: no rule that fires is said never to.
3. A folder without rules is an error.
"""
import subprocess

import lib

RULE = """title: %s
id: %s
logsource: {product: windows, category: process_creation}
detection:
%s
"""


def rule(name, detection, level=""):
    return RULE % (name, name, "".join("  %s\n" % line for line in detection)) + level


def check(*args, status=0):
    return lib.run("rules", "check", *args, status=status)[0].decode().splitlines()


def test_duplicates():
    base = ["a: {Image|endswith: '\\x.exe', User: [SYSTEM, root]}", "b: {CommandLine|contains: foo}",
            "condition: a and not b"]
    same = [
        ["z: {User: [root, system, ROOT], image|endswith: '\\X.EXE'}", "y: {CommandLine|contains: FOO}",
         "condition: not y and z"],
        ["p: {Image: '*\\x.exe'}", "q: {User: [SYSTEM, root]}", "r: {CommandLine: '*foo*'}",
         "condition: (p and (q)) and not (not (not r))"],
    ]
    other = [
        ["a: {Image|endswith: '\\x.exe', User: [SYSTEM, root]}", "b: {CommandLine|contains: foo}", "condition: a and b"],
        ["a: {Image|endswith: '\\x.exe', User: [SYSTEM, root]}", "b: {CommandLine|contains|cased: foo}",
         "condition: a and not b"],
        ["a: {Image|endswith: '\\x.exe', User|all: [SYSTEM, root]}", "b: {CommandLine|contains: foo}",
         "condition: a and not b"],
        ["a: {Image|startswith: '\\x.exe', User: [SYSTEM, root]}", "b: {CommandLine|contains: foo}",
         "condition: a and not b"],
    ]
    with lib.Folder() as folder:
        (folder / "a.yml").write_text(rule("base", base) + "---\n" + rule("same0", same[0], "level: high\n"))
        (folder / "b.yml").write_text(rule("same1", same[1]))
        for i, one in enumerate(other):
            (folder / ("o%d.yml" % i)).write_text(rule("other%d" % i, one))
        (folder / "p.yml").write_text(rule("elsewhere", base).replace("windows", "linux"))
        out = [line for line in check(folder) if "duplicate" in line]
        assert len(out) == 2 and all('the same condition as "base"' in line for line in out), out
        assert "a.yml:10:" in out[0] and "b.yml:1:" in out[1], out


def test_duplicate_correlations():
    corr = """---
title: %s
id: %s
correlation: {type: event_count, rules: [%s], group-by: [User], timespan: %s, condition: {gte: %d}}
"""
    base = rule("one", ["a: {Image: x}", "condition: a"]) + "---\n" + rule("two", ["b: {image: X}", "condition: b"])
    with lib.Folder() as folder:
        (folder / "r.yml").write_text(base + corr % ("c1", "c1", "one", "5m", 3) + corr % ("c2", "c2", "two", "300s", 3)
                                      + corr % ("c3", "c3", "one", "5m", 4))
        out = [line for line in check(folder) if "duplicate" in line]
        assert len(out) == 1 and 'as "c1"' in out[0], out


SSH = "Nov 20 10:00:%02d web sshd[7]: Failed password for root from 203.0.113.7 port 4000 ssh2\n"
SAMPLED = """title: fires
id: s.fires
name: fires
logsource: {product: linux, service: sshd}
taxonomy: tocsin
detection: {sel: {event.outcome: failure}, condition: sel}
level: low
---
title: no field
id: s.field
name: field
logsource: {product: linux, service: sshd}
taxonomy: tocsin
detection:
  sel: {event.outcome: failure}
  other: {process.hash.md5|contains: x}
  condition: sel and other
---
title: either
id: s.either
logsource: {product: linux, service: sshd}
taxonomy: tocsin
detection: {a: {no.such: 1}, b: {user.name: root}, n: {no.such: 2}, condition: (a or b) and not n}
---
title: no source
id: s.source
name: source
logsource: {product: windows, category: process_creation}
detection: {sel: {Image: x}, condition: sel}
---
title: both
id: s.both
correlation: {type: temporal, rules: [fires, source], group-by: [user.name], timespan: 1m, generate: true}
---
title: some
id: s.some
correlation: {type: event_count, rules: [fires, field], group-by: [user.name], timespan: 1m, condition: {gte: 2},
  generate: true}
"""


def test_never_fires():
    with lib.Folder() as folder:
        (folder / "rules").mkdir()
        (folder / "rules/r.yml").write_text(SAMPLED)
        (folder / "auth.log").write_text("".join(SSH % i for i in range(50)))
        lib.run("import", "--quiet", "--data", folder / "d", folder / "auth.log")
        for source in (("--sample", folder / "auth.log"), ("--data", folder / "d")):
            out = check(folder / "rules", *source)
            never = [line for line in out if "never fires" in line]
            assert len(never) == 3, out
            assert 'r.yml:16: note: never fires on these events: none of its log source has a field "process.hash.md5"' in \
                "\n".join(never), never
            assert any('none is of its log source (category "process_creation", product "windows"' in line
                       for line in never), never
            assert any('its rule "no source" never does' in line for line in never), never
            assert any("50 events looked at: 3 of 6 rules can fire" in line for line in out), out
            costs = [line for line in out if "note: cost" in line]
            assert 1 <= len(costs) <= 3 and "ns per event" in costs[0], out
            assert any("judged for 100.00 % of the events and true for 50: fires" in line for line in costs), costs
        assert len([line for line in check(folder / "rules", "--sample", folder / "auth.log", "--top", 1)
                    if "note: cost" in line]) == 1
        (folder / "empty.log").write_text("")
        _, err = lib.run("rules", "check", folder / "rules", "--sample", folder / "empty.log", status=2)
        assert "no events to look at" in err, err
        lib.run("rules", "check", folder / "rules", "--sample", folder / "none.log", status=2)
        lib.run("rules", "check", folder / "rules", "--data", folder / "none", status=2)


def test_what_fires_is_never_said_not_to():
    events = lib.corpus("05-windows/evtx_attack_jsonl/events.jsonl.gz")
    archive = lib.corpus("05-windows/sigmahq_rules_all.tar.xz")
    with lib.Folder() as folder:
        subprocess.run(["tar", "xJf", archive, "-C", folder], check=True)
        never = {line.split(": note:")[0].rsplit(":", 1)[0]
                 for line in check(folder / "rules", "--sample", events) if "never fires" in line}
        assert len(never) > 100
        ids = set()
        for path in never:
            for line in open(path, encoding="utf-8"):
                if line.startswith("id:"):
                    ids.add(line.split()[1])
        found = {lib.get(a, "rule.id") for a in lib.lines(lib.run("detect", "--rules", folder / "rules", events)[0])}
        assert len(found) > 100 and not found & ids, found & ids


def test_no_rules():
    with lib.Folder() as folder:
        (folder / "readme.txt").write_text("none here")
        _, err = lib.run("rules", "check", folder, status=2)
        assert "no rules in it" in err, err


lib.main(globals())
