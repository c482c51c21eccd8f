#!/usr/bin/env python3
"""A server that takes records at full speed while searches run over the same store.

Two figures, each alone and both at once: records a second that a sender gets acknowledged (HTTP,
JSON lines in requests of 2,000 records, each answered when it is durable), and how long searches
take (median and worst).  Searches are processes of their own; the kernel shares the cores between
them and the server, and neither waits for a lock of the other.

usage: search_beside_intake.py [SECONDS]
"""
import http.client
import os
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time

PROGRAM = os.environ.get("TOCSIN", str(pathlib.Path(__file__).resolve().parents[1] / "build/tocsin"))
BATCH = 2000
QUERIES = ['"203.0.113.10"', "user.name:root | stats count() as n", "* | stats count() as n by host.name",
           'event.original:*sconne*', "* | head 100"]


def record(n):
    return b"Nov 20 10:%02d:%02d host%d sshd[%d]: Failed password for user%d from 10.%d.%d.%d port %d ssh2\n" % (
        n // 60 % 60, n % 60, n % 9, n % 30000, n * 7919 % 5000, n % 3, n * 31 % 256, n * 17 % 256, n * 13 % 65536)


def send(port, stop, counts):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    n = 0
    while not stop.is_set():
        body = b"".join(record(n + i) for i in range(BATCH))
        connection.request("POST", "/api/v1/ingest", body)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()
        n += BATCH
        counts.append(BATCH)


def search(data, stop, times):
    at = 0
    while not stop.is_set():
        began = time.time()
        subprocess.run([PROGRAM, "search", "--data", data, "--quiet", "--limit", "100", QUERIES[at % len(QUERIES)]],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        times.append(time.time() - began)
        at += 1


def phase(name, port, data, seconds, intake, searches):
    stop, counts, times = threading.Event(), [], []
    threads = [threading.Thread(target=send, args=(port, stop, counts))] if intake else []
    threads += [threading.Thread(target=search, args=(data, stop, times))] if searches else []
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.time()
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    stop.set()
    for thread in threads:
        thread.join()
    took = time.time() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    text = []
    if intake:
        text.append("%d records/s acknowledged" % (sum(counts) / took))
    if searches:
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        text.append("%d searches, median %.0f ms, worst %.0f ms, %.0f ms of CPU each" % (
            len(times), 1000 * statistics.median(times), 1000 * max(times), 1000 * cpu / len(times)))
    print("%-16s %s" % (name, "; ".join(text)), flush=True)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        server = subprocess.Popen([PROGRAM, "run", "--data", data, "--listen", "127.0.0.1:0"],
                                  stderr=subprocess.PIPE, text=True)
        port = None
        for line in server.stderr:
            if m := re.search(r"HTTP on http://127\.0\.0\.1:(\d+)", line):
                port = int(m[1])
            if line.rstrip().endswith(" running"):
                break
        threading.Thread(target=server.stderr.read, daemon=True).start()
        phase("intake alone", port, data, seconds, True, False)
        phase("searches alone", port, data, seconds, False, True)
        phase("both", port, data, seconds, True, True)
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
