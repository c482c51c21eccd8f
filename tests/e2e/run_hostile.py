"""Hostile and unlucky clients: bounds hold, the ledger balances, others are served meanwhile.

1. Compressed bombs on every HTTP input, idle connections by the thousand, half requests, slow readers.
2. Memory that is the process's own stays below a bound over what it was; a good client is served.
"""
import gzip
import json
import os
import re
import resource
import socket
import threading
import time
import zlib

import lib
from serve import Server

BOUND = 64 << 20
CONFIG = """
inputs:
  - type: syslog_tcp
    listen: 127.0.0.1:0
    max_connections: 12000
  - type: beats
    listen: 127.0.0.1:0
"""


class Watched(Server):
    """Remembers the most memory of its own it has seen."""

    def start(self):
        super().start()
        self.before = self.own_memory()
        self.most = 0
        self.watching = True
        self.watcher = threading.Thread(target=self.watch, daemon=True)
        self.watcher.start()
        return self

    def own_memory(self):
        text = open("/proc/%d/status" % self.process.pid).read()
        return int(re.search(r"RssAnon:\s+(\d+)", text)[1]) << 10

    def watch(self):
        while self.watching:
            try:
                self.most = max(self.most, self.own_memory())
            except (OSError, TypeError):
                return
            time.sleep(0.01)

    def check(self, bound=BOUND):
        assert self.most - self.before < bound, "%d MB more than at the start" % ((self.most - self.before) >> 20)

    def serves(self):
        stored = self.stored()
        code, _, _ = self.request("POST", "/api/v1/ingest", b"a good line\n")
        assert code == 200 and self.stored() >= stored + 1, code

    def stop(self, status=0):
        self.watching = False
        super().stop(status)


def cpu_of(pid):
    fields = open("/proc/%d/stat" % pid).read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bombs():
    """What becomes much: nothing but zeros, many lines, many objects, one long value, deep, keys."""
    yield b"\0" * (64 << 20)
    yield b"a\n" * 250000
    yield (b"x" * 63 + b"\n") * 249000
    yield b'{"a":1,"b":2,"c":3,"d":[1,2,3,4,5,6,7,8]}\n' * 249000
    yield (b'{"a":' * 60 + b"1" + b"}" * 60 + b"\n") * 40000
    yield b'{"a":[' + b"1," * 7000000 + b"1]}"
    yield b"[" * 1000000


def test_bombs_on_every_http_input():
    paths = [("/api/v1/ingest", {}), ("/_bulk", {}), ("/services/collector/event", {}), ("/services/collector/raw?channel=1", {}),
             ("/loki/api/v1/push", {"Content-Type": "application/json"}), ("/v1/logs", {"Content-Type": "application/json"})]
    with lib.Folder() as folder, Watched(folder, CONFIG) as server:
        for bomb in bombs():
            packed = gzip.compress(bomb, 6)
            for path, headers in paths:
                code, _, body = server.request("POST", path, packed, {"Content-Encoding": "gzip", **headers}, timeout=60)
                assert code in (200, 201, 204, 400, 413, 422, 429), (path, code, body[:200])
                assert code in (200, 201, 204) or body, (path, code)
        server.serves()
        server.status()
        server.check()
        server.stop()


def test_keys_without_end():
    """Every document has names of its own: the table of names is bounded, and so is what is kept."""
    with lib.Folder() as folder, Watched(folder, CONFIG) as server:
        for part in range(3):
            body = b"".join(b'{"k%d_%d":1,"j%d_%d":"x"}\n' % (part, i, part, i) for i in range(100000))
            assert server.request("POST", "/api/v1/ingest", body, timeout=60)[0] == 200
        server.wait_stored(300000)
        server.serves()
        server.check(96 << 20)
        server.stop()


def test_arguments_and_headers():
    with lib.Folder() as folder, Watched(folder, CONFIG) as server:
        for target in (b"/api/v1/search?" + b"&".join(b"a%d=b" % i for i in range(500)), b"/x?" + b"&" * 20000,
                       b"/" + b"a" * 100000):
            with socket.create_connection(("127.0.0.1", server.ports["http"]), timeout=10) as c:
                try:
                    c.sendall(b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" % target)
                    first = c.recv(100)
                except ConnectionError:
                    first = b""
                assert first.startswith(b"HTTP/1.1 4") or (len(target) > 50000 and not first), first
        with socket.create_connection(("127.0.0.1", server.ports["http"]), timeout=10) as c:
            c.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X-A: b\r\n" * 2000 + b"\r\n")
            assert c.recv(100).startswith(b"HTTP/1.1 4")
        server.serves()
        server.stop()


def test_bulk_keeps_what_cannot_be_read():
    """A malformed document is kept as an event with its error, and only then is its item's status 201."""
    with lib.Folder() as folder, Watched(folder, CONFIG) as server:
        body = b'{"index":{}}\n{"message":"good"}\n{"index":{}}\n{"message": broken\n'
        code, _, answer = server.request("POST", "/_bulk", body, {"Content-Type": "application/x-ndjson"})
        assert code == 200, answer
        items = json.loads(answer)["items"]
        assert [item["index"]["status"] for item in items] == [201, 201], items
        kept = server.search("event.kind:pipeline_error")
        assert len(kept) == 1 and lib.get(kept[0], "error.message"), kept
        assert b"broken" in lib.get(kept[0], "event.original").encode()
        total = server.status()["total"]
        assert (total["stored"], total["failed"]) == (1, 1), total
        server.stop()


def test_ten_thousand_idle_connections():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 10500:
        raise lib.Skip("at most %d files may be open here" % hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000) if hard != resource.RLIM_INFINITY else 20000, hard))
    with lib.Folder() as folder, Watched(folder, CONFIG) as server:
        clients = []
        try:
            for i in range(10000):
                # One address has no more than some 28,000 ports: others may use them at the same time.
                c = socket.socket()
                c.bind(("127.0.0.%d" % (1 + i // 2000), 0))
                c.connect(("127.0.0.1", server.ports["tcp"]))
                clients.append(c)
                if i % 7 == 0:
                    c.sendall(b"<34>Nov 20 10:00:00 host app: begun and not ended")
            server.wait(lambda: b"tocsin_tcp_connections 10000\n" in server.request("GET", "/metrics")[2], "all to be there")
            server.serves()
            began = time.time()
            clients[5].sendall(b"<34>Nov 20 10:00:00 host app: one that speaks\n")
            server.wait(lambda: server.stored() == 2, "its line")
            assert time.time() - began < 5
            server.check()
        finally:
            for c in clients:
                c.close()
        server.wait(lambda: b"tocsin_tcp_connections 0\n" in server.request("GET", "/metrics")[2], "all to be gone")
        server.wait_stored(2 + (10000 + 6) // 7)
        server.stop()


def test_out_of_descriptors():
    """More clients than files may be open: those who are in are served, and the processor rests."""
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))

    with lib.Folder() as folder:
        server = Watched(folder, CONFIG)
        server.limit = few
        with server:
            clients = [socket.create_connection(("127.0.0.1", server.ports["tcp"])) for _ in range(300)]
            time.sleep(1)
            before = cpu_of(server.process.pid)
            time.sleep(2)
            assert cpu_of(server.process.pid) - before < 1, "it spins"
            clients[0].sendall(b"<34>Nov 20 10:00:00 host app: from one that is in\n")
            for c in clients[1:]:
                c.close()
            server.wait(lambda: server.request("GET", "/healthz")[0] == 200, "room again")
            server.wait_stored(1)
            clients[0].close()
            server.stop()


def test_slow_and_half_http_clients():
    """Half requests, bodies one byte at a time, answers nobody reads: others are served at once."""
    with lib.Folder() as folder, Watched(folder, CONFIG) as server:
        lines = b"".join(b"line %d of many to be found again\n" % i for i in range(20000))
        assert server.request("POST", "/api/v1/ingest", lines)[0] == 200
        held = []
        for i in range(60):
            c = socket.create_connection(("127.0.0.1", server.ports["http"]))
            if i % 3 == 0:
                c.sendall(b"POST /api/v1/ingest HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Le")
            elif i % 3 == 1:
                c.sendall(b"POST /api/v1/ingest HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\nx")
            else:
                c.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                c.sendall(b"GET /api/v1/search?query=many&limit=20000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            held.append(c)
        began = time.time()
        server.serves()
        assert time.time() - began < 15
        with socket.create_connection(("127.0.0.1", server.ports["http"]), timeout=20) as c:
            for byte in b"POST /api/v1/ingest HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\nslow\n":
                c.sendall(bytes([byte]))
            assert c.recv(100).startswith(b"HTTP/1.1 200")
        for c in held:
            c.close()
        server.wait_stored(20002)
        server.stop()


def test_unfinished_messages_have_a_bound():
    """Two hundred connections with a quarter of a megabyte each begun: some are closed, none is lost in silence."""
    with lib.Folder() as folder, Watched(folder, CONFIG) as server:
        clients = []
        for i in range(200):
            c = socket.create_connection(("127.0.0.1", server.ports["tcp"]))
            try:
                c.sendall(b"<34>Nov 20 10:00:00 host app: " + b"y" * 250000)
            except ConnectionError:
                pass
            clients.append(c)
        time.sleep(0.5)
        server.serves()
        server.check()
        for c in clients:
            c.close()
        server.wait_stored(201)
        server.stop()


lib.main(globals())
