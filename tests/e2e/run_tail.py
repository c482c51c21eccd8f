"""Files that are followed: growth, rotation of every kind, kill -9 and restart.

1. Start the server on a pattern.
2. Write, rename, cut, delete and make files anew; kill the server in between.
3. Each line is stored exactly once.
"""
import gzip
import os
import random
import shutil
import time

import lib
from serve import Server

CONFIG = """
inputs:
  - type: file
    paths: ["%s/*.log"]
"""


class Writer:
    """Lines with a number each, so that each can be found again."""

    def __init__(self, path):
        self.path = path
        self.count = 0

    def lines(self, n):
        text = ""
        for _ in range(n):
            self.count += 1
            text += "Nov 20 10:00:00 host app[1]: line number=%d of this test\n" % self.count
        return text

    def write(self, n, mode="a"):
        with open(self.path, mode) as f:
            f.write(self.lines(n))


def check(server, count):
    """Exactly the messages 1 .. count, each once."""
    got = sorted(int(lib.get(row, "message").split("=")[1].split()[0]) for row in
                 server.search("* | fields message"))
    assert got == list(range(1, count + 1)), (len(got), len(set(got)), count)


def setup(folder):
    logs = folder / "logs"
    logs.mkdir()
    return logs, Writer(logs / "a.log"), Server(folder, CONFIG % logs)


def test_growth_in_pieces():
    with lib.Folder() as folder:
        logs, w, server = setup(folder)
        w.write(100)
        with server:
            server.wait_stored(100)
            with open(w.path, "a") as f:
                for i, c in enumerate(w.lines(3)):
                    f.write(c)
                    if i % 20 == 0:
                        f.flush()
                        time.sleep(0.02)
            server.wait_stored(103)
            check(server, 103)
            server.stop()


def test_rename_and_a_late_writer():
    with lib.Folder() as folder:
        logs, w, server = setup(folder)
        w.write(50)
        with server:
            server.wait_stored(50)
            old = open(w.path, "a")
            os.rename(w.path, logs / "a.log.1")
            w.write(50)
            old.write(w.lines(5))
            old.close()
            server.wait_stored(105)
            os.rename(logs / "a.log.1", logs / "a.log.2")
            os.rename(w.path, logs / "a.log.1")
            w.write(7)
            server.wait_stored(112)
            check(server, 112)
            server.stop()


def test_copytruncate():
    with lib.Folder() as folder:
        logs, w, server = setup(folder)
        w.write(50)
        with server:
            server.wait_stored(50)
            shutil.copy(w.path, logs / "a.log.1")
            os.truncate(w.path, 0)
            w.write(20)
            server.wait_stored(70)
            # Cut and grown beyond the old size between two looks.
            with open(w.path, "w") as f:
                f.write(w.lines(200))
            server.wait_stored(270)
            check(server, 270)


def test_delete_and_make_anew():
    with lib.Folder() as folder:
        logs, w, server = setup(folder)
        with server:
            w.write(10)
            server.wait_stored(10)
            os.unlink(w.path)
            w.write(10)
            server.wait_stored(20)
            check(server, 20)


def test_compressed_is_left_out():
    with lib.Folder() as folder:
        logs, w, server = setup(folder)
        (logs / "old.log").write_bytes(gzip.compress(b"x\n"))
        w.write(5)
        with server:
            server.wait_stored(5)
            assert any("old.log: not followed: compressed" in line for line in server.log), server.log


def test_rotation_while_nobody_looks():
    with lib.Folder() as folder:
        logs, w, server = setup(folder)
        w.write(50)
        with server:
            server.wait_stored(50)
            server.kill()
            w.write(30)
            os.rename(w.path, logs / "a.log.1")
            w.write(40)
            server.start()
            server.wait_stored(120)
            check(server, 120)
            server.kill()
            shutil.copy(w.path, logs / "a.log.2")
            os.truncate(w.path, 0)
            w.write(3)
            server.start()
            server.wait_stored(123)
            check(server, 123)


def test_start_at_the_end():
    with lib.Folder() as folder:
        logs, w, server = setup(folder)
        server.config.write_text(CONFIG % logs + "    start: end\n")
        with open(w.path, "w") as f:
            f.write("old\n" * 100)
        with server:
            time.sleep(0.5)
            w.write(3)
            server.wait_stored(3)
            server.stop()
        os.unlink(w.path)
        with open(w.path, "w") as f:
            f.write("older\n" * 100)
        server.data = folder / "data2"
        with server:
            time.sleep(0.5)
            server.kill()
            w.count = 0
            w.write(4)
            server.start()
            server.wait_stored(4)
            check(server, 4)


def test_kill_again_and_again():
    rng = random.Random(5)
    with lib.Folder() as folder:
        logs, w, server = setup(folder)
        with server:
            for i in range(12):
                w.write(rng.randrange(1, 3000))
                time.sleep(rng.random() * 0.3)
                if i % 5 == 4:
                    os.replace(w.path, logs / ("a.log.%d" % i))
                    w.write(rng.randrange(1, 500))
                server.kill()
                server.start()
            server.wait(lambda: server.search("* | stats count() as n")[0]["n"] >= w.count, "all lines")
            server.stop()
            check(server, w.count)


if __name__ == "__main__":
    lib.main(globals())
