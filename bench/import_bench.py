#!/usr/bin/env python3
"""Import of a generated syslog file, measured: events per CPU-second, MB/s, peak memory, size.

usage: import_bench.py TOCSIN LOG [--rules DIR]... [--runs N] [--json]

LOG is what bench/gen_logs.py (or any program) wrote.  Each run imports into an empty data folder.
CPU time is user and system time of the whole process as the kernel counted it; memory is the
peak of its own resident set.  The best run counts: the others had company.  Beside it, the same
file imported again, which only reads, hashes and detects.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time


def measure(program, log, data, rules):
    command = [program, "import", "--quiet", "--json", "--data", data]
    for rule in rules:
        command += ["--rules", rule]
    began = time.monotonic()
    process = subprocess.Popen([*command, log], stdout=subprocess.PIPE)
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit("import ended with status %d" % process.returncode)
    summary = json.loads(out)
    if not summary["balanced"]:
        raise SystemExit("the summary does not balance: %s" % summary)
    cpu = usage.ru_utime + usage.ru_stime
    return {"records": summary["records"], "stored": summary["stored"], "alerts": summary["alerts"],
            "rules": summary["rules"], "cpu_seconds": round(cpu, 2),
            "wall_seconds": round(time.monotonic() - began, 2),
            "events_per_cpu_second": round(summary["records"] / cpu),
            "mb_per_cpu_second": round(summary["bytes"] / 1e6 / cpu, 1),
            "rss_max_mb": round(summary["rss_max_bytes"] / 1e6, 1)}


def size_of(folder):
    return sum(f.stat().st_size for f in pathlib.Path(folder).rglob("*") if f.is_file())


def main():
    cli = argparse.ArgumentParser(description="measure import")
    cli.add_argument("program")
    cli.add_argument("log")
    cli.add_argument("--rules", action="append", default=[])
    cli.add_argument("--runs", type=int, default=3)
    cli.add_argument("--json", action="store_true")
    args = cli.parse_args()
    raw = os.path.getsize(args.log)
    best = {}
    for _ in range(args.runs):
        data = tempfile.mkdtemp(prefix="tocsin-bench-")
        try:
            first = measure(args.program, args.log, data, args.rules)
            first["stored_mb"] = round(size_of(data) / 1e6, 1)
            first["ratio"] = round(raw / size_of(data), 1)
            again = measure(args.program, args.log, data, args.rules)
        finally:
            shutil.rmtree(data)
        for name, one in (("import", first), ("again", again)):
            if name not in best or one["cpu_seconds"] < best[name]["cpu_seconds"]:
                best[name] = one
    if args.json:
        print(json.dumps(best))
        return
    for name, one in best.items():
        print("%-7s %s" % (name, "  ".join("%s %s" % item for item in one.items())))


if __name__ == "__main__":
    main()
