"""Bad input of every kind: each gets a clear message and the right exit status, nothing is lost.

1. Import files that are cut, binary, absent, too long, of no text, or none at all.
2. Read the summary and search what was stored.
3. Take the data folder away: in use, of a newer version, on a full disk.
"""
import gzip
import json
import lzma
import os
import pathlib
import random
import signal
import subprocess
import time

import lib

LINE = "Nov 20 10:%02d:%02d web-01 sshd[%d]: Failed password for root from 203.0.113.%d port 4000 ssh2\n"


# Heads of version 9 with a good checksum: magic, feature bits, XXH3 of what stands before it.
NEWER = {"MANIFEST": "54534e4d414e4939" + "00" * 24 + "e6ec05e5769a33dd",
         "journal-00000001": "54534e4a524e4c39" + "00" * 8 + "d845bde347ce40a4"}


def log_text(count):
    return "".join(LINE % (i // 60 % 60, i % 60, i, i % 250) for i in range(count)).encode()


def import_json(folder, *paths, status=0, stdin=None, extra=()):
    # Memory is measured: the test runner's MALLOC_PERTURB_ would make all of it resident.
    env = {name: value for name, value in os.environ.items() if name != "MALLOC_PERTURB_"}
    out, err = lib.run("import", "--data", folder / "data", "--json", "--quiet", *extra, *paths,
                       status=status, stdin=stdin, env=env)
    summary = json.loads(out)
    balance(summary)
    return summary, err


def balance(s):
    assert s["balanced"], s
    assert s["records"] == s["stored"] + s["failed"] + s["already_stored"] + s["headers"] + \
        sum(s["dropped"].values()), s


def stored(folder):
    out, _ = lib.run("search", "--data", folder / "data", "--format", "json",
                     "* | stats count() as n, dc(event.id) as ids")
    rows = lib.lines(out)
    if not rows:
        return 0
    assert rows[0]["n"] == rows[0]["ids"], rows
    return rows[0]["n"]


def test_names_that_are_wrong():
    with lib.Folder() as folder:
        (folder / "a.log").write_bytes(log_text(3))
        (folder / "empty").mkdir()
        _, err = lib.run("import", "--data", folder / "data", "--kind", "nope", folder / "a.log",
                         status=2)
        assert 'no kind of record is called "nope"' in str(err), err
        assert not (folder / "data").exists()
        _, err = lib.run("detect", "--rules", folder / "empty", folder / "a.log", status=2)
        assert "no rules in it" in str(err), err
        lib.run("import", "--data", folder / "data", "--kind", "sshd", folder / "a.log")


def test_formats_and_again():
    text = log_text(3000)
    with lib.Folder() as folder:
        (folder / "a.log").write_bytes(text)
        (folder / "b.log").write_bytes(gzip.compress(text[:1000]) + gzip.compress(text[1000:]))
        (folder / "c.txt").write_bytes(lzma.compress(text))
        files = [folder / n for n in ("a.log", "b.log", "c.txt")]
        s, _ = import_json(folder, *files)
        assert (s["records"], s["stored"]) == (9000, 9000), s
        s, _ = import_json(folder, *files)
        assert (s["stored"], s["already_stored"]) == (0, 9000), s
        with open(folder / "a.log", "ab") as f:
            f.write(log_text(10))
        s, _ = import_json(folder, folder / "a.log")
        assert (s["stored"], s["already_stored"]) == (10, 3000), s
        (folder / "a.log").write_bytes(log_text(50).replace(b"root", b"toor"))
        s, _ = import_json(folder, folder / "a.log")
        assert (s["stored"], s["already_stored"]) == (50, 0), "another file under the same name"
        assert stored(folder) == 9060


def test_a_last_line_that_grows():
    with lib.Folder() as folder:
        path = folder / "a.log"
        for text, new, known in ((b"one\ntwo", 2, 0), (b"one\ntwo", 0, 2), (b"one\ntwo\n", 0, 2),
                                 (b"one\ntwo\nthree", 1, 2), (b"one\ntwo\nthreefold\n", 1, 2)):
            path.write_bytes(text)
            s, _ = import_json(folder, path)
            assert (s["stored"], s["already_stored"]) == (new, known), (text, s)


def test_gzip_cut_anywhere():
    text = log_text(2000)
    packed = gzip.compress(text)
    with lib.Folder() as folder:
        last = 0
        for cut in (20, len(packed) // 3, len(packed) // 2, len(packed) - 9, len(packed) - 1):
            path = folder / ("cut-%d.gz" % cut)
            path.write_bytes(packed[:cut])
            s, err = import_json(folder, path, status=2)
            assert s["damaged"] == 1 and "ends in the middle" in err and path.name in err, err
            assert s["stored"] >= last, s
            last = s["stored"]
        assert last == 2000
        path = folder / "flipped.gz"
        path.write_bytes(packed[:len(packed) // 2] + b"\0" * 40 + packed[len(packed) // 2 + 40:])
        s, err = import_json(folder, path, status=2)
        assert s["damaged"] == 1 and "damaged at byte" in err, err


def test_folder():
    with lib.Folder() as folder:
        top = folder / "logs"
        (top / "sub").mkdir(parents=True)
        (top / "sub/a.log").write_bytes(log_text(10))
        (top / "b.log").write_bytes(log_text(5))
        (top / ".hidden").write_bytes(log_text(5))
        (top / "empty").write_bytes(b"")
        (top / "picture.png").write_bytes(b"\x89PNG\r\n" + bytes(range(256)) * 9)
        (top / "noise").write_bytes(random.Random(1).randbytes(9000))
        os.symlink("..", top / "sub/up")
        s, err = import_json(folder, top)
        assert (s["files"], s["stored"], s["binary_skipped"]) == (2, 15, 2), (s, err)
        assert "picture.png: left out: a picture" in err, err
        assert "1 hidden" in err, err


def test_folder_without_files():
    with lib.Folder() as folder:
        (folder / "logs/sub").mkdir(parents=True)
        s, err = import_json(folder, folder / "logs", status=2)
        assert s["empty_folders"] == 1 and "no files in this folder" in err, err


def test_absent_file_and_the_others_go_on():
    with lib.Folder() as folder:
        (folder / "a.log").write_bytes(log_text(3))
        s, err = import_json(folder, folder / "absent.log", folder / "a.log", status=2)
        assert s["unreadable"] == 1 and s["stored"] == 3, s
        assert "absent.log: No such file" in err, err
        if os.geteuid() != 0:
            (folder / "locked.log").write_bytes(log_text(3))
            (folder / "locked.log").chmod(0)
            s, err = import_json(folder, folder / "locked.log", folder / "a.log", status=3)
            assert "locked.log: Permission denied" in err, err


def test_binary_garbage_by_name():
    data = random.Random(7).randbytes(300000)
    with lib.Folder() as folder:
        (folder / "noise").write_bytes(data)
        s, _ = import_json(folder, folder / "noise")
        assert s["records"] > 0 and s["stored"] + s["failed"] == s["records"], s
        again, _ = import_json(folder, folder / "noise")
        assert again["already_stored"] == s["records"], again


def test_nul_bytes_and_bad_utf8():
    text = b"Nov 20 10:00:00 h sshd[1]: a\0b\n" + b"\0" * 5000 + b"\n" + \
        b"Nov 20 10:00:01 h sshd[1]: \xff\xfe\xc0\x80 bad\n" + b"Nov 20 10:00:02 h sshd[1]: good\n"
    with lib.Folder() as folder:
        (folder / "a.log").write_bytes(text)
        s, _ = import_json(folder, folder / "a.log")
        assert s["records"] == s["stored"] + s["failed"] and s["records"] >= 3, s
        out, _ = lib.run("search", "--data", folder / "data", "--format", "json", "good")
        assert len(lib.lines(out)) == 1


def test_line_of_100_megabytes():
    with lib.Folder() as folder:
        path = folder / "long.log"
        with open(path, "wb") as f:
            f.write(b"Nov 20 10:00:00 h sshd[1]: before\n")
            for _ in range(100):
                f.write(b"x" * 1000000)
            f.write(b"\nNov 20 10:00:01 h sshd[1]: after\n")
        s, _ = import_json(folder, path)
        assert (s["records"], s["truncated"]) == (3, 1), s
        assert s["rss_max_bytes"] < 100e6, s
        assert s["truncated_bytes"] >= 98e6, s
        out, _ = lib.run("search", "--data", folder / "data", "--format", "json", "log.flags:truncated")
        assert len(lib.lines(out)) == 1
        again, _ = import_json(folder, path)
        assert again["already_stored"] == 3, again


def test_more_fields_than_an_event_may_have():
    """Each way to many fields: the first 8192 are kept, the event says so, rules still see it."""
    with lib.Folder() as folder:
        path = folder / "a.log"
        path.write_bytes(
            b"{" + b",".join(b'"k%d":%d' % (i, i) for i in range(20000)) + b"}\n"
            b'{"list":[' + b",".join(b'{"v":%d}' % i for i in range(20000)) + b"]}\n"
            b"CEF:0|a|b|c|d|e|10|" + b" ".join(b"k%d=v" % i for i in range(20000)) + b"\n"
            b'{"good":1}\n')
        s, _ = import_json(folder, path)
        assert s["stored"] == 4, s
        out, _ = lib.run("search", "--data", folder / "data", "--format", "json",
                         "tags:field_limit | stats count() as n")
        assert lib.lines(out) == [{"n": 3}], out
        again, _ = import_json(folder, path)
        assert again["already_stored"] == 4, again


def test_standard_input():
    with lib.Folder() as folder:
        s, _ = import_json(folder, "-", stdin=gzip.compress(log_text(7)))
        assert s["stored"] == 7, s


def test_data_folder_in_use():
    with lib.Folder() as folder:
        fifo = folder / "fifo"
        os.mkfifo(fifo)
        (folder / "a.log").write_bytes(log_text(3))
        holder = subprocess.Popen([lib.PROGRAM, "import", "--quiet", "--data", folder / "data", "-"],
                                  stdin=subprocess.PIPE)
        try:
            deadline = time.time() + 10
            while not (folder / "data/LOCK").exists() and time.time() < deadline:
                time.sleep(0.02)
            time.sleep(0.2)
            _, err = lib.run("import", "--data", folder / "data", folder / "a.log", status=3)
            assert "in use" in err, err
        finally:
            holder.stdin.close()
            assert holder.wait(timeout=20) == 0


def test_full_disk():
    if os.geteuid() != 0:
        raise lib.Skip("mounting a small disk needs root")
    with lib.Folder() as folder:
        disk = folder / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=80m", "none", disk],
                          capture_output=True).returncode != 0:
            raise lib.Skip("no tmpfs can be mounted here")
        try:
            (folder / "noise.log").write_bytes(b"".join(
                b"Nov 20 10:00:00 h app[1]: %s\n" % random.Random(i).randbytes(60).hex().encode()
                for i in range(600000)))
            out, err = lib.run("import", "--data", disk / "data", "--json", "--quiet",
                               folder / "noise.log", status=3, timeout=60)
            assert "full" in err or "space" in err or "room" in err, err
            kept = json.loads(out)["stored"] if out else 0
            found, _ = lib.run("search", "--data", disk / "data", "--format", "json",
                               "* | stats count() as n")
            assert not kept or lib.lines(found)[0]["n"] >= kept, (kept, found)
        finally:
            subprocess.run(["umount", disk], check=True)


def test_a_newer_version_is_refused_and_left():
    with lib.Folder() as folder:
        (folder / "a.log").write_bytes(log_text(3))
        import_json(folder, folder / "a.log")
        data = folder / "data"
        for name, head in NEWER.items():
            today = (data / name).read_bytes()
            newer = bytes.fromhex(head) + today[len(head) // 2:]
            (data / name).write_bytes(newer)
            for command in (["import", "--data", data, folder / "a.log"],
                            ["search", "--data", data, "*"], ["store", "verify", "--data", data],
                            ["store", "stat", "--data", data],
                            ["run", "--data", data, "--listen", "127.0.0.1:0"]):
                _, err = lib.run(*command, status=2)
                assert name in err and "newer version" in err, (command, err)
            assert (data / name).read_bytes() == newer
            (data / name).write_bytes(today)
        assert stored(folder) == 3


def test_damaged_store_is_told():
    with lib.Folder() as folder:
        # Small enough to stay in the journal.
        (folder / "a.log").write_bytes(log_text(1000))
        (folder / "b.log").write_bytes(log_text(3))
        import_json(folder, folder / "a.log")
        part = next((folder / "data").glob("journal-*"))
        part.write_bytes(b"\0" * 5000)
        lib.run("store", "verify", "--data", folder / "data", status=1)
        _, err = import_json(folder, folder / "b.log")
        assert "damaged in 1 place" in err and part.name in err and "quarantine" in err, err
        assert (folder / "data/quarantine" / part.name).exists()
        assert stored(folder) == 3


def test_usage():
    with lib.Folder() as folder:
        data = folder / "data"
        for args in ([], ["--nope", "x"], ["--timezone", "noon", "x"]):
            _, err = lib.run("import", "--data", data, *args, status=2)
            assert err and not data.exists(), args


if __name__ == "__main__":
    lib.main(globals())
