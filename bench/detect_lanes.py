#!/usr/bin/env python3
"""Events per CPU-second of `tocsin detect` over the lanes of the corpus (12-bench), all alerts
written, beside RSigma with log-source routing where the variable RSIGMA names its program.

usage: detect_lanes.py [RULES_DIR]      (default: SigmaHQ's rules/ of the corpus, unpacked)

Each lane is ten times its 10,000 events, so that loading the rules does not decide.  CPU seconds
are user and system of the whole process, loading included, medians of RUNS (3).
"""
import subprocess
import sys

import lib

LANES = ("structured_windows", "raw_windows", "sysmon_file_event", "mixed_schema", "cisco_syslog",
         "no_match", "match_heavy", "low_match")
# RSigma 0.21 with routing on one 3.0 GHz core, as its benchmark driver measured it (no output).
PUBLISHED = {"structured_windows": 27900, "raw_windows": 178000, "sysmon_file_event": 49600,
             "mixed_schema": 69600, "cisco_syslog": 385000, "no_match": 454000, "match_heavy": 24200}
COPIES = int(__import__("os").environ.get("COPIES", "10"))


def rules_dir(folder):
    archive = lib.CORPUS / "05-windows/sigmahq_rules_all.tar.xz"
    if not archive.exists():
        lib.skip("%s is not there (TOCSIN_CORPUS)" % archive)
    subprocess.run(["tar", "xJf", archive, "-C", folder], check=True)
    return folder / "rules"


def main():
    rival = lib.find("rsigma", "RSIGMA")
    with lib.Folder() as folder:
        rules = sys.argv[1] if len(sys.argv) > 1 else rules_dir(folder)
        print("%s; medians of %d\n" % (lib.machine(), lib.RUNS))
        lib.row("lane", "tocsin ev/cpu-s", "MB/s", "peak RSS MB", "alerts per 100,000",
                "RSigma routed ev/cpu-s, this run", "ratio", "RSigma routed, published")
        lib.row(*["---"] * 8)
        for lane in LANES:
            source = lib.CORPUS / "12-bench" / (lane + ".ndjson.gz")
            if not source.exists():
                continue
            path, out = folder / (lane + ".ndjson"), folder / "alerts"
            subprocess.run(["sh", "-c", "for i in $(seq %d); do zcat %s; done > %s"
                            % (COPIES, source, path)], check=True)
            events, mb = lib.count_lines(path), path.stat().st_size / 1e6
            with open(out, "wb") as alerts:
                lib.measure([lib.PROGRAM, "detect", "--rules", rules, path], stdout=alerts)
            found = lib.count_lines(out)
            own = lib.median([lib.PROGRAM, "detect", "--rules", rules, path])
            speed = events / own.cpu
            other = ""
            if rival:
                r = lib.median([rival, "engine", "eval", "-r", rules, "--logsource-routing",
                                "--no-stats", "--output-format", "ndjson"], stdin=path)
                other = events / r.cpu
            lib.row(lane, "%d" % speed, "%.0f" % (mb / own.cpu), "%.0f" % own.rss_mb,
                    found * 100000 // events, "%d" % other if rival else "not there",
                    "%.1f" % (speed / other) if rival else "", PUBLISHED.get(lane, ""))


main()
