"""The rules command: what is wrong with rules, where, and why a rule fires or not.

1. Good and broken rules in a folder: one line per problem, closing line, exit status.
2. Bad input of every kind ends with a message and the right status.
3. explain: the tree with the value of every part; a record that fires and one that does not.
4. A broken rule stops detect before it reads a record.
5. Rules about what did not happen: cases beside them, and their explanation in words.
6. test: cases beside rules pass, fail with the reason, or are skipped; SigmaHQ's layout too.
"""
import json

import lib

RULE = """title: %s
id: %s
logsource:
    product: windows
    category: process_creation
detection:
    selection:
        Image|endswith: '\\cmd.exe'
    filter:
        User: SYSTEM
    condition: selection and not filter
level: high
"""
EVENT = {"Event": {"System": {"Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}},
                              "EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational",
                              "Computer": "ws-1"},
                   "EventData": {"Image": "C:\\Windows\\cmd.exe", "User": "bob"}}}


def check(folder, status, *more):
    output, err = lib.run("rules", "check", folder, *more, status=status)
    return output.decode().splitlines(), err


def test_check():
    with lib.Folder() as folder:
        (folder / "good.yml").write_text(RULE % ("Good", "a1"))
        out, _ = check(folder, 0)
        assert out == ["1 rules loaded, 0 skipped, 0 failed"], out
        (folder / "modifier.yml").write_text(
            (RULE % ("Bad", "a2")).replace("endswith", "endwith"))
        (folder / "condition.yml").write_text(
            (RULE % ("Bad", "a3")).replace("    condition: selection and not filter\n", ""))
        (folder / "twin.yml").write_text(RULE % ("Twin", "a1"))
        (folder / "list.yml").write_text(
            (RULE % ("List", "a4")).replace("User: SYSTEM", "User|expand: '%admins%'"))
        (folder / "regex.yaml").write_text(
            (RULE % ("Regex", "a5")).replace("User: SYSTEM", "User|re: '(a'"))
        out, _ = check(folder, 1)
        assert out[-1] == "1 rules loaded, 1 skipped, 4 failed", out
        text = "\n".join(out)
        for part in ["modifier.yml:8: unknown modifier \"endwith\"; nearest is \"endswith\"",
                     "condition.yml:6: detection without a condition",
                     "list.yml:10: skipped: no value list for the placeholder %admins%",
                     "twin.yml:1: id or name of another rule",
                     "regex.yaml:10: bad regular expression"]:
            assert part in text, (part, text)
        (folder / "values").mkdir()
        (folder / "values/admins.txt").write_text("root\n")
        out, _ = check(folder, 1, "--values", folder / "values")
        assert out[-1] == "2 rules loaded, 0 skipped, 4 failed", out


def test_bad_input():
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        "%s: &%s [%s]\n" % (c, c, ",".join(["*" + p] * 9)) for p, c in zip("abcdefgh", "bcdefghi"))
    cases = {"bomb.yml": (bomb.encode(), "aliases expanded"),
             "deep.yml": (b"- " * 5000 + b"x", ":1: "),
             "binary.yml": (bytes(range(256)) * 20, ":2: not YAML"),
             "nul.yml": (b"title: a\x00b\n", ":1: "),
             "empty.yml": (b"", "note: no rule in the file"),
             "list.yml": (b"- a\n- b\n", "document is a list"),
             "huge.yml": (b"title: " + b"x" * (5 << 20), "larger than a rule file may be"),
             "parens.yml": ((RULE % ("P", "p")).replace(
                 "selection and", "(" * 5000 + "selection and").encode(), ":11: ")}
    for name, (data, message) in cases.items():
        with lib.Folder() as folder:
            (folder / name).write_bytes(data)
            out, _ = check(folder, 2 if name == "empty.yml" else 1)
            assert message in "\n".join(out), (name, out)
    lib.run("rules", "check", "/nonexistent/rules", status=2)
    lib.run("rules", "check", status=2)
    lib.run("rules", "frobnicate", status=2)


def test_explain():
    other = json.loads(json.dumps(EVENT))
    other["Event"]["EventData"]["User"] = "system"
    with lib.Folder() as folder:
        (folder / "r.yml").write_text(RULE % ("Shell", "a1"))
        (folder / "e.jsonl").write_text(json.dumps(EVENT) + "\n" + json.dumps(other) + "\n")
        output, err = lib.run("rules", "explain", folder / "r.yml", folder / "e.jsonl")
        first, second = output.decode().split("e.jsonl:2: ")
        assert "Shell: fires" in first and "does not fire" in second
        assert 'Image ends with "\\cmd.exe"  -- winlog.event_data.Image is "C:\\Windows\\cmd.exe"' \
            in first
        assert "decided by: false: not filter: User is \"SYSTEM\"" in second, second
        assert "the rules fired 1 times" in err
        lib.run("rules", "explain", folder / "r.yml", status=2)
        lib.run("rules", "explain", folder / "none.yml", folder / "e.jsonl", status=2)


PART = """title: %s
id: %s
name: %s
logsource: {product: linux}
taxonomy: tocsin
detection: {sel: {event.action: ssh_login, event.outcome: %s}, condition: sel}
---
"""
ABSENT = PART % ("Login failed", "f", "failed", "failure") + PART % ("Login worked", "w", "worked", "success") + """
title: Gave up
id: absence
correlation:
  type: absence
  rules: [failed, worked]
  absent: [worked]
  group-by: [source.ip]
  timespan: 5m
---
title: Guessed again without success between
id: sequence
correlation:
  type: sequence
  rules: [failed, worked, gave_up]
  absent: [worked]
  group-by: [source.ip]
  timespan: 1h
---
title: many
id: m
name: gave_up
correlation: {type: event_count, rules: [failed], group-by: [source.ip], timespan: 1m, condition: {gte: 3}}
"""
ABSENT_CASES = """tests:
- name: no success within five minutes
  records: |
    Nov 20 10:00:01 web sshd[1]: Failed password for root from 203.0.113.66 port 4000 ssh2
    Nov 20 10:00:02 web sshd[1]: Failed password for root from 203.0.113.66 port 4000 ssh2
    Nov 20 10:05:01 web sshd[1]: Accepted password for root from 203.0.113.66 port 4000 ssh2
  alerts: {absence: 1}
- name: success in the last second
  records: |
    Nov 20 10:00:01 web sshd[1]: Failed password for root from 203.0.113.66 port 4000 ssh2
    Nov 20 10:05:00 web sshd[1]: Accepted password for root from 203.0.113.66 port 4000 ssh2
  alerts: 0
- name: three failures after one, no success between
  records: |
    Nov 20 10:00:01 web sshd[1]: Failed password for root from 203.0.113.66 port 4000 ssh2
    Nov 20 10:30:01 web sshd[1]: Failed password for root from 203.0.113.66 port 4000 ssh2
    Nov 20 10:30:02 web sshd[1]: Failed password for root from 203.0.113.66 port 4000 ssh2
    Nov 20 10:30:03 web sshd[1]: Failed password for root from 203.0.113.66 port 4000 ssh2
  alerts: {absence: 2, sequence: 1}
- name: the same, with a success that ends it
  records: |
    Nov 20 10:30:01 web sshd[1]: Failed password for root from 203.0.113.66 port 4000 ssh2
    Nov 20 10:30:02 web sshd[1]: Failed password for root from 203.0.113.66 port 4000 ssh2
    Nov 20 10:30:03 web sshd[1]: Failed password for root from 203.0.113.66 port 4000 ssh2
    Nov 20 10:30:03 web sshd[1]: Accepted password for root from 203.0.113.66 port 4000 ssh2
  alerts: 0
"""


def test_what_did_not_happen():
    with lib.Folder() as folder:
        (folder / "absent.yml").write_text(ABSENT)
        (folder / "absent.test.yml").write_text(ABSENT_CASES)
        out, _ = lib.run("rules", "test", folder, status=None)
        assert out.decode().splitlines()[-1].startswith("4 passed, 0 failed"), out
        log = folder / "a.log"
        log.write_text("Nov 20 10:00:01 web sshd[1]: Failed password for root from 203.0.113.66 port 4000 ssh2\n")
        out = lib.run("rules", "explain", "--id", "absence", folder / "absent.yml", log)[0].decode()
        assert ("Gave up is a correlation. It is true when one of its rules matches, and none of those marked "
                "absent after it, within 5m, for each source.ip.") in out, out
        assert "Login worked (w), absent" in out and "1 event with source.ip 203.0.113.66" in out, out
        alerts = lib.lines(lib.run("detect", "--rules", folder / "absent.yml", log)[0])
        assert [lib.get(a, "alert.reason") for a in alerts] == [
            'Gave up: 1 event with source.ip 203.0.113.66; then no "Login worked" within 5m'], alerts


def test_broken_rule_stops_detect():
    with lib.Folder() as folder:
        (folder / "r.yml").write_text((RULE % ("Bad", "a")).replace("endswith", "endwith"))
        (folder / "e.jsonl").write_text(json.dumps(EVENT) + "\n")
        output, err = lib.run("detect", "--rules", folder / "r.yml", folder / "e.jsonl", status=2)
        assert output == b"" and "r.yml:8" in err, err


CASES = """tests:
- name: a shell of bob
  records: |
    %s
  alerts:
    a1: %d
- name: a shell of the system
  file: system.jsonl
  alerts: 0
"""


def test_cases_beside_rules():
    system = json.loads(json.dumps(EVENT))
    system["Event"]["EventData"]["User"] = "SYSTEM"
    with lib.Folder() as folder:
        (folder / "r.yml").write_text(RULE % ("Shell", "a1"))
        (folder / "system.jsonl").write_text(json.dumps(system) + "\n")
        (folder / "r.test.yml").write_text(CASES % (json.dumps(EVENT), 1))
        output, _ = lib.run("rules", "test", folder)
        assert output == b"2 passed, 0 failed, 0 skipped\n", output
        assert check(folder, 0)[0] == ["1 rules loaded, 0 skipped, 0 failed"]
        (folder / "r.test.yml").write_text(CASES % (json.dumps(EVENT), 2))
        output, _ = lib.run("rules", "test", folder, status=1)
        assert b'r.test.yml:2: a shell of bob: expected 2 alerts of "a1", found 1' in output, output
        assert output.endswith(b"1 passed, 1 failed, 0 skipped\n"), output
        (folder / "r.test.yml").write_text("tests:\n- name: x\n  alerts: 3\n  records: a\n")
        output, _ = lib.run("rules", "test", folder, status=1)
        assert b"expected alerts: a map" in output, output
        (folder / "r.test.yml").write_text("tests: [\n")
        output, _ = lib.run("rules", "test", folder, status=1)
        assert b"not YAML" in output, output


def test_sigmahq_regression_layout():
    info = ("id: 1\nrule_metadata:\n- id: %s\n  title: t\nregression_tests_info:\n"
            "- name: Positive\n  type: json\n  match_count: 1\n  path: far/away/x.json\n")
    with lib.Folder() as folder:
        (folder / "rules").mkdir()
        (folder / "data").mkdir()
        (folder / "rules/r.yml").write_text(RULE % ("Shell", "a1"))
        (folder / "data/info.yml").write_text(info % "a1")
        output, _ = lib.run("rules", "test", folder)
        assert output.endswith(b"0 passed, 0 failed, 1 skipped\n"), output
        (folder / "data/x.json").write_text(json.dumps(EVENT))
        output, _ = lib.run("rules", "test", folder)
        assert output == b"1 passed, 0 failed, 0 skipped\n", output
        (folder / "data/info.yml").write_text(info % "unknown")
        output, _ = lib.run("rules", "test", folder)
        assert b"its rule is not in the folders given" in output


if __name__ == "__main__":
    lib.main(globals())
