#!/usr/bin/env python3
"""Size with index and speed of storing, beside zstd -3 and -19 on the same bytes, in one run.

usage: size.py [--no-19] [NAME=PATH...]

Sets: those of the corpus (real: 01 sshd and Linux, 02 web; Windows JSON: the mordor archives) and
each NAME=PATH, a file or folder.  zstd gets the files of a set one behind the other.  Store: the
segments and the journal after `import` without rules; CPU is user and system of the whole process.
Memory is the peak of what is not page cache.
"""
import gzip
import pathlib
import subprocess
import sys
import tempfile
import time
import zipfile

import lib

NEVER = """title: never
id: 5f7b1a34-6f0e-4a31-9c4a-5d9e6a2f1b77
status: test
logsource: {product: none, service: none}
detection: {a: {nosuchfield: nosuchvalue}, condition: a}
level: low
"""
REAL = {
    "01 sshd of a server": ["01-linux-auth/ec2_sshd_auth.log.gz"],
    "01 syslog of a server": ["01-linux-auth/loghub_linux_full.log.gz"],
    "02 access log": ["02-web-access/apache_combined_10k.log.gz"],
    "02 access logs of scans": ["02-web-access/scan_acunetix.access.log.gz",
                                "02-web-access/scan_netsparker.access.log.gz"],
}


def unpack(folder):
    sets = {}
    for name, paths in REAL.items():
        files = []
        for path in paths:
            if (lib.CORPUS / path).exists():
                out = folder / pathlib.Path(path).stem
                out.write_bytes(gzip.decompress((lib.CORPUS / path).read_bytes()))
                files.append(out)
        if files:
            sets[name] = files
    archives = sorted((lib.CORPUS / "05-windows/mordor").glob("*.zip"))
    for archive in archives:
        with zipfile.ZipFile(archive) as z:
            z.extractall(folder / "mordor")
    if archives:
        sets["05 Windows JSON (mordor)"] = sorted((folder / "mordor").rglob("*.json"))
    return sets


def zstd(files, level):
    cat = subprocess.Popen(["cat", *files], stdout=subprocess.PIPE)
    out = subprocess.run("zstd -%d -T1 -c | wc -c" % level, shell=True, stdin=cat.stdout,
                         capture_output=True, check=True)
    cat.wait()
    return int(out.stdout)


def anonymous_kb(pid):
    try:
        for line in open("/proc/%d/status" % pid):
            if line.startswith("RssAnon"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def peak_mb(command):
    """Of memory that is no page cache, looked at every hundredth of a second."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while child.poll() is None:
        peak = max(peak, anonymous_kb(child.pid))
        time.sleep(0.01)
    return peak / 1024


def stored(data):
    return sum(p.stat().st_size for p in data.iterdir()
               if p.suffix == ".seg" or p.name.startswith("journal-"))


def measure(name, files, folder, best):
    data, rules = folder / "data", folder / "rules"
    rules.mkdir(exist_ok=True)
    (rules / "never.yml").write_text(NEVER)
    raw = sum(f.stat().st_size for f in files)
    command = [lib.PROGRAM, "import", "--quiet", "--rules", rules, "--data", data, *files]
    wipe = lambda: subprocess.run(["rm", "-rf", data], check=True)
    r = lib.median(command, before=wipe, runs=1 if raw > 1 << 30 else lib.RUNS)
    size = stored(data)
    wipe()
    three = zstd(files, 3)
    nineteen = zstd(files, 19) if best else 0
    peak = "" if raw > 1 << 30 else "%.0f" % peak_mb([str(c) for c in command])
    lib.row(name, "%.1f" % (raw / 1e6), "%d" % size, "%.1f" % (raw / size), "%d" % three,
            "%.2f" % (three / size), "%d" % nineteen if best else "",
            "%.0f" % (raw / 1e6 / r.cpu), peak)
    wipe()


def main():
    best = "--no-19" not in sys.argv
    given = [a.split("=", 1) for a in sys.argv[1:] if "=" in a]
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        sets = unpack(folder)
        for name, path in given:
            p = pathlib.Path(path)
            sets[name] = sorted(x for x in p.rglob("*") if x.is_file()) if p.is_dir() else [p]
        print("%s\n" % lib.machine())
        lib.row("set", "MB", "store", "times smaller", "zstd -3", "of zstd -3", "zstd -19",
                "MB per CPU-second", "memory MB")
        lib.row(*["---"] * 9)
        for name, files in sets.items():
            measure(name, files, folder, best)


main()
