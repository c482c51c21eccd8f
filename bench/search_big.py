#!/usr/bin/env python3
"""Searches over a large log, in the store and by ripgrep over the raw text, scaled to 10 GB.

usage: search_big.py LOG DATA

DATA is a store of LOG alone; it is made (without rules) when it is not there. CPU seconds (user and
system) and wall seconds of whole processes, medians of RUNS (3), page cache warm; "cold" is one run
after the kernel was asked to drop the store's pages, wall. "10 GB" is the CPU time less that of a
search that finds its answer at once, times what 10 GB are of LOG, plus that. Counts must be equal.
"""
import os
import pathlib
import re
import subprocess
import sys

import lib

QUERIES = [
    ("absent word", "qwertyasdf | stats count()", ["-c", "-w", "-i", "qwertyasdf"]),
    ("frequent word", "preauth | stats count()", ["-c", "-w", "-i", "preauth"]),
    ("word", "root | stats count()", ["-c", "-w", "-i", "root"]),
    ("address", '"%(address)s" | stats count()', ["-c", "-w", "-F", "%(address)s"]),
    ("number", "%(number)s | stats count()", ["-c", "-w", "%(number)s"]),
    ("phrase", '"invalid user admin" | stats count()', ["-c", "-w", "-i", "invalid user admin"]),
    ("substring", "event.original:*sconne* | stats count()", ["-c", "-i", "sconne"]),
    ("substring across values", "event.original:/n from 1/ | stats count()", ["-c", "n from 1"]),
    ("regex", "event.original:/user[0-9]+ from 1/ | stats count()", ["-c", "user[0-9]+ from 1"]),
    ("count by host (50)", "* | stats count() by host.name", None),
    ("count by address (20,000)", "* | stats count() by source.ip", None),
    ("word, count by host", "preauth | stats count() by host.name", None),
    ("newest 100 of a frequent word", "preauth | head 100", None),
    ("newest 100 of a rare number", "%(number)s | head 100", None),
]


def words_of(log):
    with open(log, encoding="utf-8", errors="replace") as lines:
        for at, line in enumerate(lines):
            hit = re.search(r"\[(\d{5})\].* from (\d+\.\d+\.\d+\.\d+)", line)
            if hit and at > 100000:
                return {"number": hit[1], "address": hit[2]}
    return {"number": "41382", "address": "192.0.2.1"}


def drop(folder):
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    log, data = (pathlib.Path(a).resolve() for a in sys.argv[1:])
    rg = lib.find("rg", "RIPGREP")
    if not data.exists():
        with lib.Folder() as rules:
            subprocess.run([lib.PROGRAM, "import", "--quiet", "--rules", rules, "--data", data, log], check=True)
    words, scale = words_of(log), 10e9 / log.stat().st_size
    stored = sum(p.stat().st_size for p in data.glob("*.seg"))
    print("%s; %d lines, %.0f MB; segments %.1f MB; medians of %d\n" % (
        lib.machine(), lib.count_lines(log), log.stat().st_size / 1e6, stored / 1e6, lib.RUNS))
    base = lib.median([lib.PROGRAM, "search", "--data", data, "* | head 1"]).cpu
    lib.row("query", "hits", "CPU s", "wall s", "cold s", "CPU s, 10 GB", "peak RSS MB", "ripgrep CPU s", "10 GB")
    lib.row(*["---"] * 9)
    for name, query, rival in QUERIES:
        command = [lib.PROGRAM, "search", "--data", data, "--format", "json", query % words]
        answer = subprocess.run(command, capture_output=True, check=True).stdout.decode()
        counted = re.fullmatch(r'{"count\(\)":(\d+)}\s*', answer)
        hits = counted[1] if counted else "%d rows" % answer.count("\n")
        own = lib.median(command)
        drop(data)
        cold = lib.measure(command).wall
        other = ["", ""]
        if rival and rg:
            parts = [rg, *[part % words for part in rival], log]
            found = subprocess.run(parts, capture_output=True).stdout.decode().strip() or "0"
            if counted and found != hits:
                hits += " (ripgrep: %s)" % found
            cpu = lib.median(parts, runs=1).cpu
            other = ["%.2f" % cpu, "%.1f" % (cpu * scale)]
        lib.row(name, hits, "%.3f" % own.cpu, "%.3f" % own.wall, "%.3f" % cold,
                "%.3f" % (base + max(own.cpu - base, 0) * scale), "%.0f" % own.rss_mb, *other)


main()
