"""One engine: detect, import and hunt over the same data give the same alerts with the same ids.

1. Logs of several kinds, small, written here; and with the corpus the Windows attack samples.
2. Run the three commands with the same rules.
3. Compare the sets of alert ids.
"""
import subprocess

import lib

SSH = "Nov 20 10:%02d:%02d web-01 sshd[%d]: %s\n"


def ids(output):
    found = [lib.get(alert, "event.id") for alert in lib.lines(output)]
    assert len(found) == len(set(found)), "an id came twice"
    return set(found)


def three_ways(folder, path, *rules):
    data = folder / "data"
    lib.run("import", "--data", data, "--quiet", *rules, path)
    imported = ids(lib.run("alerts", "--data", data, "--format", "json")[0])
    detected = ids(lib.run("detect", *rules, path)[0])
    hunted = ids(lib.run("hunt", "--data", data, *rules)[0])
    assert imported == detected, (len(imported), len(detected))
    assert imported == hunted, (len(imported), len(hunted))
    return imported


def test_shipped_rules():
    logs = "".join(SSH % (i // 60, i % 60, 100 + i, "Failed password for root from 203.0.113.66 port 4000 ssh2")
                   for i in range(70))
    logs += SSH % (2, 0, 300, "Accepted password for root from 203.0.113.66 port 4000 ssh2")
    logs += "".join('198.51.100.23 - - [20/Nov/2026:10:00:%02d +0000] "GET /x%d?id=1+union+select+1 HTTP/1.1" '
                    '404 12 "-" "sqlmap/1.8"\n' % (i, i) for i in range(30))
    with lib.Folder() as folder:
        path = folder / "mixed.log"
        path.write_text(logs)
        assert len(three_ways(folder, path)) >= 30


def test_windows_samples_with_all_of_sigmahq():
    events = lib.corpus("05-windows/evtx_attack_jsonl/events.jsonl.gz")
    archive = lib.corpus("05-windows/sigmahq_rules_all.tar.xz")
    with lib.Folder() as folder:
        subprocess.run(["tar", "xJf", archive, "-C", folder], check=True)
        assert len(three_ways(folder, events, "--rules", folder / "rules")) > 3000


def test_part_of_the_time():
    logs = "".join(SSH % (0, i, 100 + i, "Failed password for root from 203.0.113.66 port 4000 ssh2")
                   for i in range(10))
    with lib.Folder() as folder:
        path = folder / "auth.log"
        path.write_text(logs)
        lib.run("import", "--data", folder / "data", "--quiet", path)
        assert ids(lib.run("hunt", "--data", folder / "data")[0])
        assert not ids(lib.run("hunt", "--data", folder / "data", "--to", "2001-01-01")[0])
        _, err = lib.run("hunt", "--data", folder / "data", "--from", "never", status=2)
        assert "--from wants a time" in err
        _, err = lib.run("hunt", "--data", folder / "nothing", status=2)
        assert "no store here" in err


lib.main(globals())
