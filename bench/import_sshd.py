#!/usr/bin/env python3
"""Import of a large sshd log with Linux rules on, beside what others make of the same file:
rsyslog (imfile to file), zstd, ripgrep, VictoriaLogs (VICTORIA_LOGS names its program).

usage: import_sshd.py [LINES] [LOG]     (default 2,000,000 lines made by gen_sshd.py)

LOG: measure this file instead.  Linux rules: SigmaHQ's rules/linux of the corpus, else the shipped.
"""
import os
import pathlib
import subprocess
import sys
import time
import urllib.request

import lib


def linux_rules(folder):
    archive = lib.CORPUS / "05-windows/sigmahq_rules_all.tar.xz"
    if not archive.exists():
        return []
    subprocess.run(["tar", "xJf", archive, "-C", folder, "rules/linux"], check=True)
    return ["--rules", folder / "rules/linux"]


def size_of(folder):
    return sum(p.stat().st_size for p in pathlib.Path(folder).rglob("*") if p.is_file())


def tocsin(folder, log, lines, mb):
    data = folder / "data"
    rules = linux_rules(folder)
    r = lib.median([lib.PROGRAM, "import", "--data", data, "--quiet", *rules, log],
                   before=lambda: subprocess.run(["rm", "-rf", data], check=True))
    lib.row("tocsin import (parse, detect, store, index, sync)", "%d" % (lines / r.cpu),
            "%.0f" % (mb / r.cpu), "%.0f" % r.rss_mb, "%.1f" % (mb * 1e6 / size_of(data)))


def rsyslog(folder, log, lines, mb):
    program = lib.find("rsyslogd", "RSYSLOGD") or lib.find("/usr/sbin/rsyslogd", "RSYSLOGD")
    if not program:
        lib.row("rsyslog imfile to file", "not there", "", "", "")
        return
    config = folder / "rsyslog.conf"
    out = folder / "rsyslog.out"
    config.write_text('global(workDirectory="%s")\nmodule(load="imfile" mode="polling" pollingInterval="1")\n'
                      'template(name="raw" type="string" string="%%msg%%\\n")\n'
                      'input(type="imfile" File="%s" Tag="x" ruleset="r")\n'
                      'ruleset(name="r"){action(type="omfile" file="%s" template="raw")}\n'
                      % (folder, log, out))
    child = subprocess.Popen([program, "-n", "-f", config, "-i", folder / "rsyslog.pid"],
                             stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    want = os.path.getsize(log)
    while time.monotonic() < deadline and (not out.exists() or out.stat().st_size < want):
        time.sleep(0.2)
    child.terminate()
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = 0
    cpu = usage.ru_utime + usage.ru_stime
    lib.row("rsyslog imfile to file (no parsing, no index)", "%d" % (lines / cpu),
            "%.0f" % (mb / cpu), "%.0f" % (usage.ru_maxrss / 1024), "1.0")


def zstd(folder, log, lines, mb):
    for level in ("-3", "-19"):
        if level == "-19" and mb > 110:
            continue
        out = folder / "log.zst"
        r = lib.median(["zstd", "-q", "-f", level, log, "-o", out], runs=1)
        lib.row("zstd %s" % level, "%d" % (lines / r.cpu), "%.0f" % (mb / r.cpu),
                "%.0f" % r.rss_mb, "%.1f" % (mb * 1e6 / out.stat().st_size))


def victoria(folder, log, lines, mb):
    program = lib.find("victoria-logs", "VICTORIA_LOGS")
    if not program:
        lib.row("VictoriaLogs", "not there", "", "", "")
        return
    data = folder / "vlogs"
    child = subprocess.Popen([program, "-storageDataPath=%s" % data, "-retentionPeriod=100y",
                              "-httpListenAddr=127.0.0.1:19428",
                              "-syslog.listenAddr.tcp=127.0.0.1:19514"],
                             stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen("http://127.0.0.1:19428/health", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        import socket
        with socket.create_connection(("127.0.0.1", 19514)) as s, open(log, "rb") as f:
            s.sendfile(f)
        last = -1
        for _ in range(120):
            time.sleep(1)
            text = urllib.request.urlopen("http://127.0.0.1:19428/metrics", timeout=5).read().decode()
            rows = sum(float(l.split()[-1]) for l in text.splitlines()
                       if l.startswith("vl_rows_ingested_total") and "syslog" in l)
            if rows >= lines or rows == last:
                break
            last = rows
        for path in ("force_flush", "force_merge"):
            urllib.request.urlopen("http://127.0.0.1:19428/internal/" + path, timeout=60)
        # Parts that were merged are removed a little later: wait until the size rests.
        sizes = [0, 1]
        while sizes[-1] != sizes[-2] and len(sizes) < 40:
            time.sleep(2)
            sizes.append(size_of(data))
    finally:
        child.terminate()
    _, _, usage = os.wait4(child.pid, 0)
    child.returncode = 0
    cpu = usage.ru_utime + usage.ru_stime
    lib.row("VictoriaLogs, syslog over TCP", "%d" % (lines / cpu), "%.0f" % (mb / cpu),
            "%.0f" % (usage.ru_maxrss / 1024), "%.1f" % (mb * 1e6 / size_of(data)))


def main():
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 2000000
    with lib.Folder() as folder:
        log = pathlib.Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else folder / "sshd.log"
        if len(sys.argv) <= 2:
            with open(log, "wb") as out:
                subprocess.run([sys.executable, lib.ROOT / "bench/gen_sshd.py", str(lines)],
                               stdout=out, check=True)
        lines = lib.count_lines(log)
        mb = os.path.getsize(log) / 1e6
        print("%s; %d lines, %.1f MB; medians of %d\n" % (lib.machine(), lines, mb, lib.RUNS))
        lib.row("program", "events per CPU-second", "MB per CPU-second", "peak RSS MB", "times smaller than raw")
        lib.row(*["---"] * 5)
        tocsin(folder, log, lines, mb)
        rsyslog(folder, log, lines, mb)
        victoria(folder, log, lines, mb)
        zstd(folder, log, lines, mb)


if __name__ == "__main__":
    main()
