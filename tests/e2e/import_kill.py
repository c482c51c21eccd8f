"""Import killed with -9 at random moments, then repeated: nothing lost, nothing twice.

1. Import a log and kill the program after a random time, again and again.
2. Let one import end.
3. The summary reconciles, and the store holds each record once, with the ids of an import that was
   never killed.
"""
import json
import random
import subprocess
import time

import lib

LINES = 80000
SEED = 20261121


def write_log(path):
    rng = random.Random(SEED)
    with open(path, "w") as f:
        for i in range(LINES):
            f.write("Nov %2d %02d:%02d:%02d host%d sshd[%d]: Failed password for u%d from 10.%d.%d.%d port %d ssh2\n" % (
                1 + i * 20 // LINES, i % 24, i % 60, rng.randrange(60), rng.randrange(9), rng.randrange(99999),
                rng.randrange(999), rng.randrange(256), rng.randrange(256), rng.randrange(256), rng.randrange(65536)))


def command(folder, log):
    return [lib.PROGRAM, "import", "--json", "--quiet", "--data", str(folder), str(log)]


def facts(folder):
    out, _ = lib.run("search", "--data", folder, "--format", "json",
                     "* | stats count() as n, sum(log.offset) as offsets, max(log.file.line) as line")
    return lib.lines(out)[0]


def ids(folder):
    out, _ = lib.run("search", "--data", folder, "--limit", "0", "--format", "json", "* | fields event.id")
    return sorted(lib.get(row, "event.id") for row in lib.lines(out))


def test_kill_and_repeat():
    rng = random.Random(SEED)
    print("# seed %d" % SEED)
    with lib.Folder() as folder:
        log = folder / "auth.log"
        write_log(log)
        began = time.time()
        subprocess.run(command(folder / "whole", log), check=True, capture_output=True)
        usual = time.time() - began
        killed = 0
        for _ in range(20):
            one = subprocess.Popen(command(folder / "killed", log), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
            time.sleep(rng.random() * usual * 0.9)
            one.kill()
            killed += one.wait() != 0
        assert killed > 3, killed
        out, _ = lib.run("import", "--json", "--quiet", "--data", folder / "killed", log)
        s = json.loads(out)
        assert s["balanced"] and s["records"] == LINES, s
        assert s["stored"] + s["failed"] + s["already_stored"] == LINES, s
        got, want = facts(folder / "killed"), facts(folder / "whole")
        assert got == want and got["n"] == LINES and got["line"] == LINES, (got, want)
        mine = ids(folder / "killed")
        assert mine == ids(folder / "whole") and len(set(mine)) == LINES


if __name__ == "__main__":
    lib.main(globals())
