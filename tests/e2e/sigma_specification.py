"""The examples of correlations in the Sigma specification, as they are, over base rules of our own.

1. `rules check` accepts each, says nothing against it, and says why one can never fire.
2. Events that meet the condition raise one alert of it; events that are just short of it raise none.
"""
import json
import subprocess

import lib

BASE = """title: %s
id: %s
name: %s
logsource: {%s}
detection: {sel: {%s}, condition: sel}
"""
LOGINS = BASE % ("Failed logon", "5638f7c0-ac70-491d-8465-2a65075e0d86", "failed", "product: windows, service: security",
                 "EventID: 4625")
LOOKUPS = BASE % ("Lookup", "5638f7c0-ac70-491d-8465-2a65075e0d86", "lookup", "category: dns",
                  "dns.question.name|endswith: .example") + "taxonomy: ecs\n"
RECON = "---\n".join(BASE % (c, c, "recon_cmd_" + c, "product: windows, category: process_creation",
                             "Image|endswith: '\\%s.exe'" % c) for c in "abc")
PROCESSES = BASE % ("Process", "p", "process_creation", "product: windows, category: process_creation",
                    "Image|endswith: .exe")
PROXY = BASE % ("Traffic", "%s", "%s", "category: app", "App: proxy")


def stamp(second):
    return "2026-11-20T%02d:%02d:%02dZ" % (10 + second // 3600, second // 60 % 60, second % 60)


def windows(second, event_id, channel, **data):
    return {"Event": {"System": {
        "Provider": {"#attributes": {"Name": "Microsoft-Windows-" + ("Sysmon" if event_id == 1 else "Security-Auditing")}},
        "EventID": event_id, "Channel": channel, "Computer": "ws-1",
        "TimeCreated": {"#attributes": {"SystemTime": stamp(second)}}}, "EventData": data}}


def logins(users, count=100, step=30):
    return [windows(i * step, 4625, "Security", User="user%d" % (i % users), WorkstationName="desk") for i in range(count)]


def recon(order, step=100):
    return [windows(i * step, 1, "Microsoft-Windows-Sysmon/Operational", Image="C:\\%s.exe" % c, User="bob")
            for i, c in enumerate(order)]


def traffic(field, *values):
    return [{"@timestamp": stamp(i), "category": "app", "App": "proxy", "SourceIP": "10.0.0.1",
             "User": "bob", field: v} for i, v in enumerate(values)]


def lookups(count):
    return [{"@timestamp": stamp(i), "category": "dns",
             "dns": {"question": {"name": "a.example"}}} for i in range(count)]


# base rules, events that meet the condition, events that do not
EXAMPLES = {
    "event_count": (LOGINS, logins(1), (logins(1, 99), logins(1, 100, 40))),
    "event_count_ecs": (LOOKUPS, lookups(100), (lookups(99),)),
    "temporal": (RECON, recon("cab"), (recon("aab"), recon("cab", 200))),
    "temporal_ordered": (RECON, recon("abc"), (recon("cab"), recon("abc", 200))),
    "value_avg": (PROXY % ("rule_a_id", "avg"), traffic("BytesOut", 100, 901), (traffic("BytesOut", 100, 900),)),
    "value_count": (LOGINS, logins(100), (logins(99, 150),)),
    "value_percentile": (PROCESSES, None, (recon("abcabc"),)),
    "value_sum": (PROXY % ("w", "website_access"), traffic("bytes_sent", 600000, 400001),
                  (traffic("bytes_sent", 600000, 400000),)),
}


def alerts(folder, events):
    (folder / "e.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events))
    return lib.lines(lib.run("detect", "--rules", folder / "rules", folder / "e.jsonl")[0])


def try_example(text, base, fires, quiet):
    with lib.Folder() as folder:
        (folder / "rules").mkdir()
        (folder / "rules/base.yml").write_text(base)
        (folder / "rules/example.yml").write_text(text)
        out = lib.run("rules", "check", folder / "rules")[0].decode().splitlines()
        assert out[-1].endswith("rules loaded, 0 skipped, 0 failed"), out
        told = [line for line in out if "example.yml" in line]
        if fires is None:
            assert len(told) == 1 and "never fires" in told[0], out
        else:
            found = alerts(folder, fires)
            assert not told and len(found) == 1, (out, found)
        for events in quiet:
            assert alerts(folder, events) == []


def test_examples():
    archive = lib.corpus("05-windows/sigma_specification.tar.xz")
    with lib.Folder() as folder:
        subprocess.run(["tar", "xJf", archive, "-C", folder], check=True)
        files = sorted(folder.glob("**/tests/schema/correlation/*.yml"))
        assert {f.stem for f in files} >= set(EXAMPLES), files
        for f in files:
            assert f.stem in EXAMPLES, "no events for %s" % f
            try:
                try_example(f.read_text(), *EXAMPLES[f.stem])
            except AssertionError as why:
                raise AssertionError(f.name) from why


lib.main(globals())
