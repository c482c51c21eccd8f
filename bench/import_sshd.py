#!/usr/bin/env python3
"""Import of a large sshd log with Linux rules on, beside what others make of the same file:
rsyslog (imfile to file), syslog-ng (SYSLOG_NG names its program; bench/unpack_syslog_ng.sh gets it
where rsyslog is installed), zstd, VictoriaLogs (VICTORIA_LOGS names its program).

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


def forwarder(name, program, arguments, folder, log, lines, mb):
    """A daemon that copies the log into the file `out`: run until all of it is there, medians."""
    if not program:
        lib.row(name, "not there", "", "", "")
        return
    out, want, cpus, rss = folder / "out", os.path.getsize(log), [], 0
    for _ in range(lib.RUNS):
        for old in [out, *folder.glob("daemon.*"), *folder.glob("imfile-state*")]:
            old.unlink(missing_ok=True)
        child = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, cwd=folder)
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline and (not out.exists() or out.stat().st_size < want):
            time.sleep(0.2)
        child.terminate()
        _, _, usage = os.wait4(child.pid, 0)
        child.returncode = 0
        if out.stat().st_size < want:
            lib.row(name, "did not finish", "", "", "")
            return
        cpus.append(usage.ru_utime + usage.ru_stime)
        rss = max(rss, usage.ru_maxrss / 1024)
    cpu = sorted(cpus)[len(cpus) // 2]
    lib.row(name, "%d" % (lines / cpu), "%.0f" % (mb / cpu), "%.0f" % rss, "1.0")


def rsyslog(folder, log, lines, mb):
    config = folder / "rsyslog.conf"
    config.write_text('global(workDirectory="%s")\nmodule(load="imfile" mode="polling" pollingInterval="1")\n'
                      'template(name="raw" type="string" string="%%msg%%\\n")\n'
                      'input(type="imfile" File="%s" Tag="x" ruleset="r")\n'
                      'ruleset(name="r"){action(type="omfile" file="%s" template="raw")}\n'
                      % (folder, log, folder / "out"))
    program = lib.find("rsyslogd", "RSYSLOGD") or lib.find("/usr/sbin/rsyslogd", "RSYSLOGD")
    forwarder("rsyslog imfile to file (no parsing, no index)", program,
              ["-n", "-f", config, "-i", folder / "daemon.pid"], folder, log, lines, mb)


def syslog_ng(folder, log, lines, mb):
    config = folder / "syslog-ng.conf"
    config.write_text('@version: 3.38\noptions { stats-freq(0); flush-lines(1000); log-fifo-size(200000); };\n'
                      'source s { file("%s" flags(no-parse) follow-freq(1) log-fetch-limit(10000)'
                      ' log-iw-size(100000)); };\n'
                      'destination d { file("%s" template("$MSG\\n")); };\n'
                      'log { source(s); destination(d); flags(flow-control); };\n' % (log, folder / "out"))
    forwarder("syslog-ng file to file (no parsing, no index)", lib.find("syslog-ng", "SYSLOG_NG"),
              ["-F", "--no-caps", "-f", config, "--persist-file", folder / "daemon.persist",
               "--pidfile", folder / "daemon.pid", "--control", folder / "daemon.ctl"],
              folder, log, lines, mb)


def zstd(folder, log, lines, mb):
    for level in ("-3", "-19"):
        if level == "-19" and mb > 110:
            continue
        out = folder / "log.zst"
        r = lib.median(["zstd", "-q", "-f", level, log, "-o", out])
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
        syslog_ng(folder, log, lines, mb)
        victoria(folder, log, lines, mb)
        zstd(folder, log, lines, mb)


if __name__ == "__main__":
    main()
