#!/usr/bin/env python3
"""Warm searches over a large sshd log, in the store and by ripgrep over the raw text.

usage: search_sshd.py [LINES] [LOG]     (default 2,000,000 lines made by gen_sshd.py)

Wall seconds of the whole process, medians of RUNS (3) after one run that warms the page cache; the
counts of both must be equal.
"""
import pathlib
import re
import subprocess
import sys

import lib


def words_of(log):
    """An address, a user and a port that stand in the log."""
    with open(log, encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines):
            hit = re.search(r"Invalid user (\w+) from (\S+) port (\d+)|Invalid user (\w+) from (\S+)", line)
            if hit and number > 1000:
                user, address = (hit[1], hit[2]) if hit[1] else (hit[4], hit[5])
                return user, address, hit[3]
    return "root", "192.0.2.1", None


def main():
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 2000000
    rg = lib.find("rg", "RIPGREP")
    with lib.Folder() as folder:
        log = pathlib.Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else folder / "sshd.log"
        if len(sys.argv) <= 2:
            with open(log, "wb") as out:
                subprocess.run([sys.executable, lib.ROOT / "bench/gen_sshd.py", str(lines)], stdout=out, check=True)
        data = folder / "data"
        subprocess.run([lib.PROGRAM, "import", "--quiet", "--data", data, log], check=True)
        user, address, _ = words_of(log)
        queries = [
            ("absent word", "qwertyasdf | stats count()", ["-c", "-w", "qwertyasdf"]),
            ("user", "%s | stats count()" % user, ["-c", "-w", "-i", user]),
            ("address", '"%s" | stats count()' % address, ["-c", "-w", "-F", address]),
            ("frequent word", "preauth | stats count()", ["-c", "-w", "-i", "preauth"]),
            ("substring", "event.original:*sconne* | stats count()", ["-c", "-i", "sconne"]),
            ("regex", "event.original:/user[0-9]+ from 1/ | stats count()", ["-c", "user[0-9]+ from 1"]),
            ("count by host", "* | stats count() by host.name", None),
            ("count by address", "* | stats count() by source.ip | sort -count() | head 10", None),
        ]
        print("%s; %d lines, %.1f MB; store %.1f MB; medians of %d\n" % (
            lib.machine(), lib.count_lines(log), log.stat().st_size / 1e6,
            sum(p.stat().st_size for p in data.rglob("*") if p.is_file()) / 1e6, lib.RUNS))
        lib.row("query", "tocsin s", "peak RSS MB", "ripgrep s", "hits")
        lib.row(*["---"] * 5)
        for name, query, rival in queries:
            command = [lib.PROGRAM, "search", "--data", data, "--format", "json", query]
            answer = subprocess.run(command, capture_output=True, check=True).stdout.decode()
            own = lib.median(command)
            other, hits = "", ""
            if rival and rg:
                hits = subprocess.run([rg, *rival, log], capture_output=True).stdout.decode().strip() or "0"
                counted = re.search(r":(\d+)}", answer)
                if counted and counted[1] != hits:
                    hits += " (tocsin: %s)" % counted[1]
                other = "%.3f" % lib.median([rg, *rival, log]).wall
            lib.row(name, "%.3f" % own.wall, "%.0f" % own.rss_mb, other, hits)


main()
