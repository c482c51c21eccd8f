"""What the store promises when space or bits go.

1. A disk that fills while the server runs: intake waits and says so, nothing is lost, it goes on by
   itself when there is room again.
2. Retention in import and in a running server: the oldest go, announced before and after, counted.
3. A damaged segment: set aside, named by verify with what is in it, the rest served, in search and in a
   running server, in its status and as an alert.
4. Archives: moved away while the server is stopped, searched there, brought back.
5. A second writer is told who the first is.
"""
import json
import os
import pathlib
import subprocess
import threading
import time

import lib
from serve import Server


class SmallDisk:
    """A file system of some megabytes."""

    def __init__(self, folder, size):
        self.path = folder / "disk"
        self.path.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=%s" % size, "none", self.path],
                              capture_output=True, check=False)
        if done.returncode != 0:
            raise lib.Skip("no file system can be mounted here (needs root): %s" % done.stderr.decode().strip())

    def fill(self, leave):
        """A file that takes all but so many bytes."""
        room = os.statvfs(self.path)
        size = room.f_bavail * room.f_frsize - leave
        with open(self.path / "ballast", "wb") as f:
            f.write(b"\0" * max(size, 0))

    def free(self):
        (self.path / "ballast").unlink()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.path], check=False, capture_output=True)


def line(n):
    return "Nov 20 10:%02d:%02d host%d app[%d]: record %d of many, with some words %x\n" % (
        n // 60 % 60, n % 60, n % 7, n % 999, n, n * 2654435761 % 2**32)


def fill_and_free(disk_free, leave):
    with lib.Folder() as folder, SmallDisk(folder, "24m") as disk:
        log = folder / "app.log"
        log.write_text("")
        server = Server(folder, "inputs:\n  - type: file\n    paths: [%s]\nretention:\n  size: 1GiB\n"
                        "  disk_free: %s\n" % (log, disk_free), data=disk.path / "data")
        with server:
            with open(log, "a", encoding="ascii") as f:
                f.writelines(line(i) for i in range(1000))
            server.wait_stored(1000)
            disk.fill(leave)
            sent = 1000
            deadline = time.time() + 60
            with open(log, "a", encoding="ascii") as f:
                while not any("intake waits" in text for text in server.log):
                    assert time.time() < deadline, "intake never waited: %s" % server.log
                    f.writelines(line(i) for i in range(sent, sent + 5000))
                    f.flush()
                    sent += 5000
                    time.sleep(0.2)
            status = json.loads(server.request("GET", "/api/v1/status")[2])
            assert not status["ready"] and "room" in status["why_not"], status
            assert server.request("GET", "/readyz")[0] == 503
            _, err = lib.run("status", "--url", server.url, status=1)
            assert "no room" in err, err
            # What is there can be searched meanwhile, and is whole.
            assert server.search("* | stats count() as n")[0]["n"] >= 1000
            disk.free()
            server.wait(lambda: any("intake goes on" in text for text in server.log), "intake to go on")
            server.wait_stored(sent, 60)
            status = server.status()
            assert status["ready"] and status["store"]["waits"] >= 1, status
            server.wait(lambda: server.alerts("tocsin.health.store_full"), "the alert")
            server.stop()
        found = server.search("* | stats count() as n, dc(event.id) as d, max(log.file.line) as l")[0]
        assert found == {"n": sent, "d": sent, "l": sent}, (found, sent)
        out, _ = lib.run("store", "verify", "--data", server.data)
        assert b" 0 damaged" in out, out


def test_nearly_full_disk():
    fill_and_free("4MiB", 3 << 20)


def test_wholly_full_disk():
    # Two records of the store's own need: the alert queue must be able to open its file.
    fill_and_free("0", 64 << 10)


def write_logs(folder, days, count):
    folder.mkdir()
    for day in range(days):
        with open(folder / ("day%02d.log" % day), "w", encoding="ascii") as f:
            f.writelines(line(i + day * count).replace("Nov 20", "Nov %2d" % (1 + day)) for i in range(count))


def import_sealed(data, log, *args):
    """Small imports stay in the journal: their segment is made at once."""
    done = lib.run("import", "--json", "--quiet", "--data", data, *args, log)
    lib.run("store", "archive", "--data", data, "--to", data.parent / "unused", "--before", "1980-01-01")
    return done


def test_retention_of_import():
    with lib.Folder() as folder:
        write_logs(folder / "logs", 12, 4000)
        data = folder / "data"
        dropped, seen, limit = 0, "", 1 << 30
        for log in sorted((folder / "logs").iterdir()):
            out, err = import_sealed(data, log, "--retention-size", limit)
            if limit == 1 << 30:
                limit = 3 * sum(f.stat().st_size for f in data.glob("*.seg"))
            summary = json.loads(out)
            assert summary["balanced"] and summary["stored"] == 4000, summary
            dropped += summary["retention_events"]
            seen += err
        assert dropped > 0 and "retention by size removes" in seen and "retention by size has removed" in seen
        left = lib.lines(lib.run("search", "--data", data, "--format", "json",
                                 "* | stats count() as n, min(@timestamp) as first")[0])[0]
        assert left["n"] == 12 * 4000 - dropped, (left, dropped)
        # The oldest went, the newest stayed; what went is not read again.
        days = lib.lines(lib.run("search", "--data", data, "--format", "json", "--limit", "0",
                                 "* | stats count() as n by log.file.path | sort log.file.path")[0])
        assert days[-1]["n"] == 4000 and "day11" in lib.get(days[-1], "log.file.path"), days
        assert sum(f.stat().st_size for f in data.glob("*.seg")) < 2 * limit
        out, _ = lib.run("import", "--json", "--quiet", "--retention-size", limit, "--data", data, folder / "logs")
        assert json.loads(out)["stored"] == 0
        out, _ = lib.run("store", "verify", "--data", data)
        assert b" 0 damaged" in out
        lib.run("import", "--retention-size", "much", "--data", data, folder / "logs", status=2)
        lib.run("import", "--retention-age", "old", "--data", data, folder / "logs", status=2)
        _, err = lib.run("import", "--quiet", "--retention-age", "1m", "--data", data, folder / "logs")
        assert "retention by age has removed" in err, err


def test_retention_of_run():
    with lib.Folder() as folder:
        write_logs(folder / "logs", 12, 4000)
        data = folder / "data"
        for log in sorted((folder / "logs").iterdir()):
            import_sealed(data, log)
        before = sum(f.stat().st_size for f in data.glob("*.seg"))
        with Server(folder, "retention:\n  size: %d\n" % (before // 2), data=data) as server:
            server.wait(lambda: server.status()["store"]["retention"]["events"] > 0, "retention")
            server.wait(lambda: server.alerts("tocsin.health.retention"), "the alert")
            gone = server.status()["store"]["retention"]
            assert any("retention by size removes" in text for text in server.log)
            assert any("retention by size has removed" in text for text in server.log)
            _, _, metrics = server.request("GET", "/metrics")
            assert b"tocsin_retention_events_total %d" % gone["events"] in metrics, metrics
            _, err = lib.run("status", "--url", server.url)
            assert "retention has removed %d events" % gone["events"] in err, err
            assert server.search("* | stats count() as n")[0]["n"] == 12 * 4000 - gone["events"]
            server.stop()


def flip(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 0x10]))


def import_two(folder):
    """Two segments of 3000 events each."""
    write_logs(folder / "logs", 2, 3000)
    data = folder / "data"
    for log in sorted((folder / "logs").iterdir()):
        import_sealed(data, log)
    segments = sorted(data.glob("*.seg"))
    assert len(segments) == 2, segments
    return data, segments


def test_damaged_segment():
    with lib.Folder() as folder:
        data, segments = import_two(folder)
        flip(segments[0], segments[0].stat().st_size - 20)
        out, err = lib.run("search", "--data", data, "--format", "json", "* | stats count() as n")
        assert lib.lines(out)[0]["n"] == 3000 and "damaged" in err and segments[0].name in err, (out, err)
        out, _ = lib.run("store", "verify", "--data", data, status=1)
        assert segments[0].name.encode() in out, out
        with Server(folder, "", data=data) as server:
            assert any("set aside" in text and segments[0].name in text for text in server.log), server.log
            store = server.status()["store"]
            assert (store["damaged"], store["set_aside"], store["set_aside_events"]) == (1, 1, 3000), store
            alerts = server.alerts("tocsin.health.store_damaged")
            assert len(alerts) == 1 and "3000 events" in alerts[0]["alert.reason"], alerts
            code, _, answer = server.request("POST", "/api/v1/ingest", line(1).encode())
            assert code == 200, answer
            assert server.search("* | stats count() as n")[0]["n"] == 3001
            server.stop()
        out, _ = lib.run("store", "verify", "--data", data, status=1)
        assert b"set aside: quarantine/" + segments[0].name.encode() + b": 3000 events of " in out, out
        assert b"0 damaged" in out, out
        with Server(folder, "", data=data) as server:
            store = server.status()["store"]
            assert (store["damaged"], store["set_aside"], store["set_aside_events"]) == (0, 1, 3000), store
            _, err = lib.run("status", "--url", server.url)
            assert "set aside in quarantine" in err, err


def test_damaged_block():
    with lib.Folder() as folder:
        data, segments = import_two(folder)
        flip(segments[0], 100)
        out, err = lib.run("search", "--data", data, "--format", "json", "* | stats dc(event.id) as n")
        assert lib.lines(out)[0]["n"] == 3000 and "block 0" in err and segments[0].name in err, (out, err)
        out, _ = lib.run("store", "verify", "--data", data, status=1)
        assert b"block 0" in out, out


def test_archive_and_search():
    with lib.Folder() as folder:
        data, _ = import_two(folder)
        archive = folder / "cold"
        everything = "* | stats count() as n, dc(event.id) as d"
        whole = {"n": 6000, "d": 6000}

        def search(*args):
            return lib.lines(lib.run("search", "--format", "json", *args, everything)[0])[0]

        with Server(folder, "", data=data) as server:
            _, err = lib.run("store", "archive", "--data", data, "--to", archive, status=3)
            assert "in use by process %d" % server.process.pid in err, err
            _, err = lib.run("import", "--data", data, folder / "logs", status=3)
            assert "in use by process" in err, err
            server.stop()
        for _ in range(2):
            lib.run("store", "archive", "--data", data, "--to", archive)
            assert search("--data", data, "--archive", archive) == whole
        lib.run("store", "archive", "--data", data, "--to", archive, "--remove")
        assert search("--data", data)["n"] == 0
        assert search("--data", data, "--archive", archive) == whole
        assert search("--data", archive) == whole
        with Server(folder, "", data=data) as server:
            assert server.request("POST", "/api/v1/ingest", line(1).encode())[0] == 200
            server.stop()
        assert search("--data", data, "--archive", archive) == {"n": 6001, "d": 6001}
        lib.run("store", "restore", "--data", data, "--from", archive)
        assert search("--data", data) == {"n": 6001, "d": 6001}
        assert search("--data", data, "--archive", archive) == {"n": 6001, "d": 6001}
        # JSON lines: one for each event, the same documents as a search gives.
        lines = folder / "lines"
        lib.run("store", "archive", "--data", data, "--to", lines, "--format", "jsonl")
        out = lib.lines(b"".join(p.read_bytes() for p in sorted(lines.glob("dt=*/*.jsonl"))))
        want = lib.lines(lib.run("search", "--data", data, "--limit", "0", "--format", "json", "*")[0])
        by_id = {lib.get(doc, "event.id"): doc for doc in want}
        assert len(out) == len(by_id) == 6001
        assert all(by_id[lib.get(doc, "event.id")] == doc for doc in out)
        # A damaged copy is refused and named; the rest comes.
        part = sorted(archive.glob("*.seg"))[0]
        flip(part, 200)
        out, _ = lib.run("store", "restore", "--data", folder / "new", "--from", archive, status=1)
        assert b"damaged" in out and part.name.encode() in out, out
        assert search("--data", folder / "new")["n"] == 3000
        for wrong in (["archive"], ["restore"], ["archive", "--to", lines, "--format", "xml"],
                      ["archive", "--to", lines, "--format", "jsonl", "--remove"]):
            lib.run("store", *wrong, "--data", data, status=2)


if __name__ == "__main__":
    lib.main(globals())
