#!/usr/bin/env python3
"""Syslog over the network: events per CPU-second of the server process, from the socket to stored
and synced, with Linux rules on; beside it rsyslog (imtcp and imptcp to a file) in the same run.
Then UDP at a rate: what was lost, by the socket's own counter.

usage: intake_syslog.py [LINES] [LOG]     (default 1,000,000 lines made by gen_sshd.py)

UDP_RATE: datagrams a second (default 600,000).  The CPU time of the sender is not counted.
"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.request

import lib
from import_sshd import linux_rules, size_of

SENDER = os.environ.get("SENDER", str(lib.ROOT / "build/bench/send_syslog"))
CONFIG = """
inputs:
  - type: syslog_tcp
    listen: 127.0.0.1:0
  - type: syslog_udp
    listen: 127.0.0.1:0
    receive_buffer: 64MiB
"""


def cpu_of(pid):
    fields = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(pid):
    """Peak of resident memory without pages of files: what the process itself needs."""
    text = open("/proc/%d/status" % pid).read()
    value = {m[1]: int(m[2]) / 1024 for m in re.finditer(r"(\w+):\s+(\d+) kB", text)}
    return value["VmHWM"], value["RssAnon"]


class Tocsin:
    def __init__(self, folder):
        self.data = folder / "data"
        rules = linux_rules(folder)
        config = folder / "config.yaml"
        config.write_text(CONFIG + ("rules: [%s]\n" % rules[1] if rules else ""))
        self.process = subprocess.Popen(
            [lib.PROGRAM, "run", "--config", config, "--data", self.data, "--listen", "127.0.0.1:0"],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.ports = {}
        for line in self.process.stderr:
            if m := re.search(r"(UDP|TCP|HTTP) on (?:http://)?127\.0\.0\.1:(\d+)", line):
                self.ports[m[1].lower()] = int(m[2])
            if line.endswith(" running\n"):
                break
        # What it says from now on is of no interest; the pipe must not fill.
        self.drain = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=subprocess.DEVNULL)

    def total(self):
        with urllib.request.urlopen("http://127.0.0.1:%d/api/v1/status" % self.ports["http"]) as answer:
            return json.loads(answer.read())["total"]

    def wait(self, count):
        """Until that many are durable or known to be lost."""
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            t = self.total()
            if t["pending"] == 0 and t["received"] >= count:
                return t
            time.sleep(0.2)
        raise SystemExit("not all arrived: %s" % self.total())

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        self.drain.wait()


def send(proto, port, log, *args):
    out = subprocess.run([SENDER, proto, "127.0.0.1", str(port), str(log), *map(str, args)],
                         capture_output=True, check=True)
    return json.loads(out.stdout)


def tocsin_tcp(folder, log, proto):
    server = Tocsin(folder)
    before = cpu_of(server.process.pid)
    sent = send(proto, server.ports["tcp"], log)
    total = server.wait(sent["messages"])
    cpu = cpu_of(server.process.pid) - before
    rss = peak_mb(server.process.pid)
    server.close()
    assert total["stored"] + total["failed"] == sent["messages"], total
    lib.row("tocsin run, %s: parsed, detected, stored, synced" % proto, "%d" % (sent["messages"] / cpu),
            "%.0f" % (sent["bytes"] / 1e6 / cpu), "%.0f" % rss[0], "%d" % (sent["messages"] / sent["seconds"]),
            "%.2f" % sent["cpu"])
    subprocess.run(["rm", "-rf", server.data], check=True)


def rsyslog(folder, log, module):
    program = lib.find("rsyslogd", "RSYSLOGD") or lib.find("/usr/sbin/rsyslogd", "RSYSLOGD")
    if not program:
        lib.row("rsyslog", "not there", "", "", "", "")
        return
    config, out, port = folder / "rsyslog.conf", folder / "rsyslog.out", 20514
    out.unlink(missing_ok=True)
    config.write_text('global(workDirectory="%s")\nmodule(load="%s")\n'
                      'input(type="%s" port="%d" ruleset="r")\n'
                      'ruleset(name="r"){action(type="omfile" file="%s" asyncWriting="off" ioBufferSize="64k")}\n'
                      % (folder, module, module, port, out))
    child = subprocess.Popen([program, "-n", "-f", config, "-i", folder / "rsyslog.pid"],
                             stderr=subprocess.DEVNULL)
    time.sleep(1)
    before = cpu_of(child.pid)
    sent = send("tcp", port, log)
    size, deadline = -1, time.monotonic() + 120
    while time.monotonic() < deadline and lib.count_lines(out) < sent["messages"]:
        time.sleep(0.5)
    size = lib.count_lines(out)
    cpu, rss = cpu_of(child.pid) - before, peak_mb(child.pid)
    child.terminate()
    child.wait()
    lib.row("rsyslog %s to a file (header parsed, no rules, no index)%s" % (
        module, "" if size == sent["messages"] else ", %d missing" % (sent["messages"] - size)),
        "%d" % (sent["messages"] / cpu), "%.0f" % (sent["bytes"] / 1e6 / cpu), "%.0f" % rss[0],
        "%d" % (sent["messages"] / sent["seconds"]), "%.2f" % sent["cpu"])


def tocsin_udp(folder, log, rate):
    server = Tocsin(folder)
    before = cpu_of(server.process.pid)
    sent = send("udp", server.ports["udp"], log, rate)
    # The counter of lost datagrams comes with the next one: send some until all are accounted for.
    one = folder / "one.log"
    one.write_text("Nov 20 10:00:00 host app[1]: the end\n")
    extra = 0
    for _ in range(100):
        time.sleep(0.3)
        extra += send("udp", server.ports["udp"], one)["messages"]
        total = server.total()
        if total["received"] >= sent["messages"]:
            break
    total = server.wait(sent["messages"] + extra)
    cpu = cpu_of(server.process.pid) - before
    rss = peak_mb(server.process.pid)
    server.close()
    lost = total["dropped"]["socket_full"]
    lib.row("tocsin run, udp at %d a second: %d of %d lost" % (sent["messages"] / sent["seconds"], lost,
                                                             sent["messages"]),
            "%d" % ((sent["messages"] - lost) / cpu), "%.0f" % (sent["bytes"] / 1e6 / cpu), "%.0f" % rss[0],
            "%d" % (sent["messages"] / sent["seconds"]), "%.2f" % sent["cpu"])
    subprocess.run(["rm", "-rf", server.data], check=True)


def main():
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else 1000000
    only = os.environ.get("ONLY", "tcp octets rsyslog udp").split()
    with lib.Folder() as folder:
        log = pathlib.Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else folder / "sshd.log"
        if len(sys.argv) <= 2:
            with open(log, "wb") as out:
                subprocess.run([sys.executable, lib.ROOT / "bench/gen_sshd.py", str(lines)],
                               stdout=out, check=True)
        print("%s; %d lines, %.1f MB\n" % (lib.machine(), lib.count_lines(log), os.path.getsize(log) / 1e6))
        lib.row("chain", "events per CPU-second", "MB per CPU-second", "peak RSS MB", "sent per second",
                "sender's CPU seconds")
        lib.row(*["---"] * 6)
        for proto in ("tcp", "octets"):
            if proto in only:
                tocsin_tcp(folder, log, proto)
        if "rsyslog" in only:
            for module in ("imtcp", "imptcp"):
                rsyslog(folder, log, module)
        if "udp" in only:
            tocsin_udp(folder, log, int(os.environ.get("UDP_RATE", "600000")))


if __name__ == "__main__":
    main()
