"""Syslog over UDP and TCP: every cut, both framings, limits, silence, restart; the ledger balances.

1. Start the server with listeners on ports of the system's choice.
2. Send as badly as one can.
3. Count what is stored, and read the ledger.
"""
import os
import random
import signal
import socket
import subprocess
import time

import lib
from serve import Server

CONFIG = """
inputs:
  - type: syslog_udp
    listen: 127.0.0.1:0
  - type: syslog_tcp
    listen: 127.0.0.1:0
    max_message: 64KiB
    max_connections: 50
    idle_timeout: %s
"""


def message(i):
    return b"<34>Nov 20 10:00:00 host app[1]: message %d of this test" % i


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def connect(server):
    return socket.create_connection(("127.0.0.1", server.ports["tcp"]))


def test_udp():
    with lib.Folder() as folder, Server(folder, CONFIG % "1h") as server:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        to = ("127.0.0.1", server.ports["udp"])
        for i in range(2000):
            s.sendto(message(i) + (b"\n" if i % 2 else b""), to)
            if i % 100 == 0:
                time.sleep(0.005)
        s.sendto(b"", to)
        s.sendto(b"x" * 60000, to)
        server.wait_stored(2001)
        rows = server.search('"of this test" | stats count() as n, dc(event.id) as ids')
        assert rows[0] == {"n": 2000, "ids": 2000}, rows
        server.stop()


def test_udp_loss_is_counted_and_named():
    """While the server is stopped in its tracks the kernel throws away what does not fit."""
    with lib.Folder() as folder:
        small = (CONFIG % "1h").replace("udp\n", "udp\n    receive_buffer: 64KiB\n")
        with Server(folder, small) as server:
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            to = ("127.0.0.1", server.ports["udp"])
            server.process.send_signal(signal.SIGSTOP)
            for i in range(3000):
                s.sendto(message(i), to)
            server.process.send_signal(signal.SIGCONT)
            time.sleep(0.3)
            s.sendto(message(3000), to)
            server.wait(lambda: server.status()["total"]["received"] == 3001, "all to be accounted for")
            total = server.status()["total"]
            lost = total["dropped"]["socket_full"]
            assert 0 < lost < 3000 and total["received"] == 3001, total
            server.wait_stored(3001 - lost)
            assert any("%d records lost between" % lost in line for line in server.log), server.log
            server.wait(lambda: server.alerts("tocsin.health.records_lost"), "the gap as an alert")
            gap = server.alerts("tocsin.health.records_lost")[0]
            assert gap["alert.count"] == lost and "receive buffer was full" in gap["alert.reason"], gap
            server.stop()


def test_tcp_every_cut():
    lines = b"".join(message(i) + b"\n" for i in range(20))
    octets = b"".join(b"%d %s" % (len(message(i)), message(i)) for i in range(20))
    rng = random.Random(3)
    with lib.Folder() as folder, Server(folder, CONFIG % "1h") as server:
        sent = 0
        for text in (lines, octets):
            for step in (1, 7, 64, len(text)):
                with connect(server) as c:
                    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    for at in range(0, len(text), step):
                        c.sendall(text[at:at + step])
                        if rng.random() < 0.02:
                            time.sleep(0.002)
                sent += 20
        with connect(server) as c:
            c.sendall(b"a last line without its end")
        server.wait_stored(sent + 1)
        server.stop()


def test_oversize_and_broken_frames():
    with lib.Folder() as folder, Server(folder, CONFIG % "1h") as server:
        with connect(server) as c:
            c.sendall(b"<34>" + b"x" * 3000000 + b"\n" + message(1) + b"\n")
        with connect(server) as c:
            c.sendall(b"200004 <34>" + b"y" * 200000 + b"%d %s" % (len(message(2)), message(2)))
        with connect(server) as c:
            c.sendall(b"%d %s" % (len(message(3)), message(3)) + b"nonsense\n" + message(4) + b"\n")
        with connect(server) as c:
            c.sendall(bytes(range(256)) * 50)
        server.wait(lambda: len(server.search('"of this test"')) == 4, "4 good messages")
        total = server.status()["total"]
        assert total["truncated"] == 2, total
        server.wait(lambda: b"tocsin_tcp_bad_frames_total 1\n" in server.request("GET", "/metrics")[2],
                    "one bad frame in the metrics")
        server.stop()


def test_connection_limit_idle_and_slow():
    with lib.Folder() as folder, Server(folder, CONFIG % "1s") as server:
        idle = [connect(server) for _ in range(60)]
        idle[0].sendall(b"half a message")
        time.sleep(0.3)
        refused = 0
        for c in idle:
            c.settimeout(0.01)
            try:
                refused += c.recv(1) == b""
            except (TimeoutError, ConnectionError) as why:
                refused += isinstance(why, ConnectionError)
        assert refused == 10, refused
        time.sleep(2.2)
        idle[0].settimeout(5)
        assert idle[0].recv(1) == b"", "closed for its silence"
        with connect(server) as c:
            c.sendall(message(1) + b"\n")
        server.wait_stored(2)
        for c in idle:
            c.close()
        server.stop()


def test_restart_keeps_what_was_acknowledged():
    with lib.Folder() as folder:
        server = Server(folder, CONFIG % "1h")
        with server:
            for round_ in range(3):
                with connect(server) as c:
                    c.sendall(b"".join(message(i) + b"\n" for i in range(1000)))
                server.wait_stored(1000 * (round_ + 1))
                server.kill()
                server.start()
            rows = server.search("* | stats count() as n, dc(event.id) as ids")
            assert rows[0] == {"n": 3000, "ids": 3000}, rows


def test_ledger_after_kill():
    """Killed in the middle of a stream: the ledger says what the store holds, and the end is named."""
    with lib.Folder() as folder:
        server = Server(folder, CONFIG % "1h")
        with server:
            for round_ in range(3):
                with connect(server) as c:
                    c.sendall(b"".join(message(i) + b"\n" for i in range(20000)))
                    time.sleep(0.1 * round_)
                    server.kill()
                server.start()
                total = server.status()["total"]
                held = server.search("* | stats count() as n")
                held = held[0]["n"] if held else 0
                assert total["stored"] == held == total["received"] and total["pending"] == 0, (total, held)
            stops = server.alerts("tocsin.health.unclean_stop")
            assert len(stops) == 3 and "may be missing" in stops[0]["alert.reason"], stops
            server.stop()
            server.start()
            assert len(server.alerts("tocsin.health.unclean_stop")) == 3
            assert server.status()["total"]["stored"] == held


def test_stop_takes_what_has_arrived():
    with lib.Folder() as folder:
        server = Server(folder, CONFIG % "1h")
        with server:
            with connect(server) as c:
                c.sendall(b"".join(message(i) + b"\n" for i in range(5000)))
                time.sleep(0.05)
                server.stop()
            assert server.search("* | stats count() as n")[0]["n"] == 5000


def test_full_disk_pauses_and_goes_on():
    if os.geteuid() != 0:
        raise lib.Skip("mounting a small disk needs root")
    with lib.Folder() as folder:
        disk = folder / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "none", disk],
                          capture_output=True).returncode != 0:
            raise lib.Skip("no tmpfs can be mounted here")
        try:
            server = Server(folder, CONFIG % "1h" + "retention:\n  disk_free: 20MiB\n", data=disk / "data")
            with server:
                ballast = disk / "ballast"
                ballast.write_bytes(b"x" * 45_000_000)
                with connect(server) as c:
                    c.sendall(b"".join(message(i) + b"\n" for i in range(100)))
                    server.wait(lambda: server.request("GET", "/readyz")[0] == 503, "the pause")
                    assert server.request("GET", "/healthz")[0] == 200
                    _, err = lib.run("status", "--url", server.url, status=1)
                    assert "no room" in err, err
                    assert server.stored() == 0
                    ballast.unlink()
                    server.wait_stored(100)
                assert server.request("GET", "/readyz")[0] == 200
                assert any("intake waits" in line for line in server.log), server.log
                ballast.write_bytes(b"x" * 45_000_000)
                with connect(server) as c:
                    c.sendall(message(100) + b"\n")
                    server.wait(lambda: server.request("GET", "/readyz")[0] == 503, "the pause")
                    server.process.terminate()
                    assert server.process.wait(timeout=20) == 3, "what was pending could not be kept"
                assert server.search("* | stats count() as n")[0]["n"] == 100
        finally:
            subprocess.run(["umount", disk], check=True)


def test_datagrams_wait_on_disk_while_the_store_is_full():
    """The spool outlives a kill, and nothing of it is stored twice."""
    if os.geteuid() != 0:
        raise lib.Skip("mounting a small disk needs root")
    with lib.Folder() as folder:
        disk = folder / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=90m", "none", disk],
                          capture_output=True).returncode != 0:
            raise lib.Skip("no tmpfs can be mounted here")
        try:
            config = "inputs:\n  - type: syslog_udp\n    listen: 127.0.0.1:%d\n" % free_port()
            server = Server(folder, config + "retention:\n  disk_free: 50MiB\n", data=disk / "data")
            with server:
                ballast = disk / "ballast"
                ballast.write_bytes(b"x" * 45_000_000)
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                to = ("127.0.0.1", server.ports["udp"])
                count = 120000
                for i in range(count):
                    s.sendto(message(i) + b" " * 60, to)
                    if i % 500 == 0:
                        time.sleep(0.003)
                server.wait(lambda: server.request("GET", "/readyz")[0] == 503, "the pause")
                time.sleep(0.3)
                assert (disk / "data").joinpath("spool-udp-%d" % server.ports["udp"]).stat().st_size > 1000
                server.kill()
                ballast.unlink()
                server.start()
                server.wait(lambda: server.request("GET", "/metrics")[2].find(b"tocsin_spooled_bytes 0\n") >= 0,
                            "the spool to be read")
                server.wait(lambda: server.status()["total"]["pending"] == 0, "the commit")
                rows = server.search('"of this test" | stats count() as n, dc(event.original) as m')
                # What was in memory alone (32 blocks of 256 KiB at most) went with the kill.
                assert rows[0]["n"] == rows[0]["m"] > count - 9_000_000 // 120, rows
                server.stop()
        finally:
            subprocess.run(["umount", disk], check=True)


if __name__ == "__main__":
    lib.main(globals())
