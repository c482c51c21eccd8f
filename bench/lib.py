"""What the benchmarks share: processes measured by the operating system's accounting, medians."""
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
CORPUS = pathlib.Path(os.environ.get("TOCSIN_CORPUS", ROOT / "../shared/data"))
PROGRAM = os.environ.get("TOCSIN", str(ROOT / "build/tocsin"))
RUNS = int(os.environ.get("RUNS", "3"))


class Result:
    def __init__(self, wall, cpu, rss_mb, status):
        self.wall, self.cpu, self.rss_mb, self.status = wall, cpu, rss_mb, status


# The kernel counts the memory of the process that starts a program as the program's own peak until
# it has begun, so the benchmarks keep themselves small: large data is handled by other processes.
def count_lines(path):
    return int(subprocess.run(["wc", "-l", path], capture_output=True, check=True).stdout.split()[0])


def measure(command, stdin=None, stdout=subprocess.DEVNULL, env=None, timeout=600):
    """One run: wall seconds, CPU seconds (user and system, children included), peak RSS."""
    source = open(stdin, "rb") if stdin else subprocess.DEVNULL
    began = time.monotonic()
    child = subprocess.Popen([str(c) for c in command], stdin=source, stdout=stdout,
                             stderr=subprocess.DEVNULL, env=env)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if stdin:
        source.close()
    return Result(time.monotonic() - began, usage.ru_utime + usage.ru_stime,
                  usage.ru_maxrss / 1024, child.returncode)


def median(command, before=None, runs=RUNS, **kwargs):
    """Medians over several runs; before() prepares each."""
    results = []
    for _ in range(runs):
        if before:
            before()
        results.append(measure(command, **kwargs))
    return Result(statistics.median(r.wall for r in results),
                  statistics.median(r.cpu for r in results),
                  max(r.rss_mb for r in results), results[-1].status)


def machine():
    model = "unknown"
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return "%s, %d cores, Linux %s" % (model, os.cpu_count(), os.uname().release)


def find(name, variable):
    """A rival's program: by environment variable, else on PATH; None when it is not there."""
    path = os.environ.get(variable) or shutil.which(name)
    return path if path and os.path.exists(path) else None


class Folder:
    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-bench-"))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def row(*cells):
    print("| " + " | ".join(str(c) for c in cells) + " |")
    sys.stdout.flush()


def skip(why):
    print("skipped: " + why)
    sys.exit(0)
