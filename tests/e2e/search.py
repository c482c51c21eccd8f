"""`tocsin search` on a terminal and in a pipe.

1. Bad usage and bad queries end with status 2 and say what was expected; a missing store too.
2. json, csv and table output; limits and what is told about them.
3. A query that needs more memory than allowed is refused; an interrupted one ends at once.
4. A reader that has seen enough ends the search without a complaint.
"""
import atexit
import csv
import functools
import io
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import lib

LINES = 30000


@functools.cache
def big_store():
    """Many events, each with its own text, so that groups and sorts have something to keep."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    log = folder / "big.json"
    with open(log, "w", encoding="utf-8") as out:
        for i in range(LINES):
            out.write(json.dumps({
                "@timestamp": "2026-01-%02dT%02d:%02d:00Z" % (1 + i % 28, i // 28 % 24, i // 672 % 60),
                "id": "%032x" % (i * 2654435761), "n": i, "message": "event number %d of many" % i,
                "list": [i % 3, i % 5], "padding": "x" * 100}) + "\n")
    lib.run("import", "--data", folder / "data", log)
    return folder / "data"


def test_usage():
    with lib.Folder() as folder:
        data = folder / "none"
        for args, text in ((["--data", data, "*"], "no store"), ([], "wants a query"),
                           (["--limit", "x", "*"], "--limit wants a whole number"),
                           (["--from", "yesterday", "*"], "--from wants a time"),
                           (["--format", "xml", "*"], "json, table or csv"),
                           (["--memory", "99999999999", "*"], "--memory wants at most"),
                           (["--limt", "1", "*"], "did you mean --limit"),
                           (["a:"], "column 3: expected a value"),
                           (["a" * 70000], "longer than")):
            out, err = lib.run("search", *args, status=2)
            assert out == b"" and text in err, (args, err[:300])
        out, _ = lib.run("search", "--help")
        assert b"--explain" in out


def test_answers():
    data = big_store()
    out, err = lib.run("search", "--data", data, "*")
    rows = lib.lines(out)
    assert len(rows) == 100 and "there are more: 100 shown" in err, err
    times = [row["@timestamp"] for row in rows]
    assert times == sorted(times, reverse=True)
    out, err = lib.run("search", "--data", data, "--limit", "0", "*")
    assert len(lib.lines(out)) == LINES and err == "", err
    out, err = lib.run("search", "--data", data, "n:7 | fields n, list, padding, nope")
    assert lib.lines(out) == [{"n": 7, "list": [1, 2], "padding": "x" * 100, "nope": None}]
    # operands are joined; a query may come in pieces
    out, _ = lib.run("search", "--data", data, "n:7", "or", "n:8", "|", "stats", "count()")
    assert lib.lines(out) == [{"count()": 2}]
    out, _ = lib.run("search", "--data", data, "--from", "2026-01-03", "--to",
                     "2026-01-04T00:00:00Z", "* | stats count() as n, min(@timestamp) as t")
    assert lib.lines(out)[0]["n"] == sum(i % 28 == 2 for i in range(LINES))
    assert lib.lines(out)[0]["t"].startswith("2026-01-03T00:00:00")
    out, err = lib.run("search", "--data", data, "* | stats count() by nope")
    assert out == b"" and "%d event(s) without" % LINES in err
    out, _ = lib.run("search", "--data", data, "--explain",
                     "@timestamp >= 2026-01-03 n:>5 | sort -n | head 3")
    assert b"from 2026-01-03" in out and b"keeps the first 3 only" in out, out
    assert b"segments: " in out and b"rows made into events: " in out, out
    out, _ = lib.run("search", "--data", data, "--explain", "nosuchword | stats count()")
    assert b"without a match by templates" in out or b"without a matching row" in out, out
    assert b"rows made into events: 0" in out, out
    out, err = lib.run("search", "--data", data, "paddin:x or lisst:1 or n:7 | stats count()")
    assert lib.lines(out) == [{"count()": 1}]
    assert "no event has field paddin; nearest: padding" in err and "lisst; nearest: list" in err, err
    _, err = lib.run("search", "--data", data, "n:7 | eval m = n + 1 | where m > 2")
    assert "no event has" not in err, err


def test_follow():
    line = "Nov 20 10:00:0%d web-01 sshd[7]: Failed password for %s from 203.0.113.66 port 4000 ssh2\n"
    with lib.Folder() as folder:
        data, log = folder / "data", folder / "a.log"
        log.write_text("".join(line % (i, "old") for i in range(3)))
        lib.run("import", "--quiet", "--data", data, log)
        with open(folder / "out", "wb") as out:
            search = subprocess.Popen([lib.PROGRAM, "search", "--data", data, "--follow",
                                       "failed | fields user.name, log.file.line"], stdout=out)
        try:
            time.sleep(1)
            for name in ("one", "two"):
                (folder / name).write_text("".join(line % (i, name) for i in range(4)))
                lib.run("import", "--quiet", "--data", data, folder / name)
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline and (folder / "out").read_bytes().count(b"\n") < 8:
                time.sleep(0.1)
            time.sleep(0.7)
        finally:
            search.send_signal(signal.SIGINT)
        assert search.wait(10) == 0
        rows = lib.lines((folder / "out").read_bytes())
        assert sorted((r["user.name"], r["log.file.line"]) for r in rows) == [
            (name, i + 1) for name in ("one", "two") for i in range(4)], rows
        _, err = lib.run("search", "--data", data, "--follow", "* | stats count()", status=2)
        assert "stats waits for all rows" in err, err


def test_saved():
    data = big_store()
    lib.run("search", "--data", data, "--save", "small n", "n:(", status=2)
    lib.run("search", "--data", data, "--save", "small n", "n < 3 | stats count()")
    lib.run("search", "--data", data, "--save", "a/b", "*", status=2)
    out, _ = lib.run("search", "--data", data, "--list")
    assert [line.split("\t")[::2] for line in out.decode().splitlines()] == [
        ["small n", "n < 3 | stats count()"]], out
    out, _ = lib.run("search", "--data", data, "--saved", "small n")
    assert lib.lines(out) == [{"count()": 3}], out
    lib.run("search", "--data", data, "--save", "small n", "n < 5 | stats count()")
    out, _ = lib.run("search", "--data", data, "--saved", "small n")
    assert lib.lines(out) == [{"count()": 5}], out
    lib.run("search", "--data", data, "--forget", "small n")
    _, err = lib.run("search", "--data", data, "--saved", "small n", status=2)
    assert "no search of this name" in err, err
    lib.run("search", "--data", data, "--forget", "small n", status=2)


def test_formats():
    with lib.Folder() as folder:
        log = folder / "a.json"
        log.write_text(json.dumps({"a": "x,\"y\"\r\nz", "b": [1, "2"], "c": "", "t": "\x1b[31mred"}) + "\n")
        lib.run("import", "--data", folder / "data", log)
        out, _ = lib.run("search", "--data", folder / "data", "--format", "csv", "* | fields a,b,c,d")
        rows = list(csv.reader(io.StringIO(out.decode(), newline="")))
        assert rows == [["a", "b", "c", "d"], ["x,\"y\"\r\nz", '[1,"2"]', "", ""]], rows
        assert out.startswith(b"a,b,c,d\r\n") and out.endswith(b'"",\r\n')
        out, _ = lib.run("search", "--data", folder / "data", "--format", "csv", "*")
        assert len(list(csv.reader(io.StringIO(out.decode(), newline="")))) == 2
        out, _ = lib.run("search", "--data", folder / "data", "--format", "table", "* | fields t,a")
        assert b"\x1b" not in out and b"\\x1b[31mred" in out, out
        out, _ = lib.run("search", "--data", folder / "data", "--format", "table", "*")
        assert b"@timestamp" in out


def test_memory():
    data = big_store()
    for query in ("* | stats count() by id", "* | sort id | fields id", "* | dedup id", "* | tail 25000",
                  "* | stats values(id)"):
        out, err = lib.run("search", "--data", data, "--memory", "2", "--limit", "0", query,
                          status=2)
        assert "--memory" in err, err
    out, _ = lib.run("search", "--data", data, "--memory", "2", "* | sort -id | head 2 | fields n")
    want = sorted(range(LINES), key=lambda i: "%032x" % (i * 2654435761), reverse=True)[:2]
    assert [row["n"] for row in lib.lines(out)] == want
    # a distinct count that outgrows its set becomes an estimate, and says so
    out, err = lib.run("search", "--data", data, "--memory", "2", "* | stats dc(id) as n")
    assert abs(lib.lines(out)[0]["n"] - LINES) < LINES * 0.03 and "estimate" in err, (out, err)
    out, err = lib.run("search", "--data", data, "* | stats dc(id) as n, p50(n) as m, sum(n) as s")
    assert lib.lines(out) == [{"n": LINES, "m": (LINES - 1) / 2, "s": LINES * (LINES - 1) // 2}]
    assert err == ""


def test_interrupt():
    data = big_store()
    pipe = subprocess.Popen([lib.PROGRAM, "search", "--data", str(data), "--limit", "0", "*"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    # the pipe is full: the search waits in the middle of its answer
    time.sleep(0.3)
    pipe.send_signal(signal.SIGINT)
    begin = time.monotonic()
    os.set_blocking(pipe.stdout.fileno(), True)
    _, err = pipe.communicate(timeout=20)
    assert time.monotonic() - begin < 1 and pipe.returncode == 130, (pipe.returncode, err)
    assert b"canceled" in err


def test_closed_pipe():
    data = big_store()
    pipe = subprocess.Popen([lib.PROGRAM, "search", "--data", str(data), "--limit", "0", "*"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    pipe.stdout.readline()
    pipe.stdout.close()
    err = pipe.stderr.read()
    pipe.stderr.close()
    assert pipe.wait(timeout=20) == 0 and err == b"", (pipe.returncode, err)


lib.main(globals())
