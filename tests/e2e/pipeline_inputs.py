"""Inputs of pipelines, each spoken to over the loopback.

1. tcp (lines cut anywhere, many connections, a line beyond the limit), udp, syslog (both transports);
2. http: plain, JSON, form of the answer, passwords, a body that is too large;
3. kafka: what output kafka wrote is read once, across a restart that kills the reader.
"""
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import lib
import peers


class Pipeline:
    """A running pipeline whose events go to FOLDER/out as JSON lines."""

    def __init__(self, folder, inputs, filters="", args=(), env=None):
        self.out = folder / "out"
        conf = folder / "p.conf"
        conf.write_text('input { %s }\nfilter { %s }\noutput { file { path => "%s" codec => json_lines flush_interval => 0 } }\n' % (inputs, filters, self.out))
        self.run = subprocess.Popen([lib.PROGRAM, "pipeline", "run", *args, conf], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=env)

    def __del__(self):
        if self.run.poll() is None:
            self.run.kill()

    def events(self):
        return lib.lines(self.out.read_bytes()) if self.out.exists() else []

    def wait(self, count):
        peers.wait_for(lambda: len(self.events()) >= count or self.run.poll() is not None)
        events = self.events()
        assert len(events) == count, (len(events), self.run.poll(), self.run.stderr.read() if self.run.poll() is not None else "")
        return events

    def stop(self, number=signal.SIGTERM):
        self.run.send_signal(number)
        return self.run.communicate(timeout=20)[1].decode()


def connect(port):
    for _ in range(200):
        try:
            return socket.create_connection(("127.0.0.1", port), 5)
        except OSError:
            time.sleep(0.02)
    raise AssertionError("nobody listens on %d" % port)


def test_tcp():
    port = peers.free_port()
    with lib.Folder() as folder:
        p = Pipeline(folder, "tcp { port => %d host => '127.0.0.1' }" % port, filters='mutate { add_field => { "peer" => "%{[@metadata][input][tcp][source][ip]}" } }')
        many = [connect(port) for _ in range(50)]
        for n, c in enumerate(many):
            for byte in b"line %d\r\nrest %d" % (n, n):
                c.send(bytes([byte]))
        for c in many:
            c.close()
        events = p.wait(100)
        assert sorted(e["message"] for e in events) == sorted([f"line {n}" for n in range(50)] + [f"rest {n}" for n in range(50)])
        assert events[0]["peer"] == "127.0.0.1" and events[0]["event"]["original"] == events[0]["message"]
        c = connect(port)
        c.sendall(b"x" * 2500000 + b"\nend\n")
        c.close()
        assert p.wait(104)[-1]["message"] == "end"
        assert "104 events in" in p.stop()


def test_tcp_json_and_multiline():
    port, other = peers.free_port(), peers.free_port()
    with lib.Folder() as folder:
        p = Pipeline(folder, """tcp { port => %d codec => json }
            tcp { port => %d codec => multiline { pattern => "^\\s" what => "previous" } }""" % (port, other))
        a, b = connect(port), connect(other)
        a.sendall(b'{"a":1}\n[{"a":2},{"a":3}]\nbroken\n')
        assert [e.get("a") for e in p.wait(4)] == [1, 2, 3, None]
        b.sendall(b"one\n  two\nthree\n")
        p.wait(5)
        b.close()
        assert [e["message"] for e in p.wait(6)[4:]] == ["one\n  two", "three"]
        p.stop()


def test_tcp_client():
    server = socket.create_server(("127.0.0.1", 0))
    with lib.Folder() as folder:
        p = Pipeline(folder, 'tcp { mode => "client" host => "127.0.0.1" port => %d }' % server.getsockname()[1])
        for n in range(2):
            c, _ = server.accept()
            c.sendall(b"line %d\n" % n)
            p.wait(n + 1)
            c.close()
        p.stop()


def test_udp_and_syslog():
    udp, port = peers.free_port(socket.SOCK_DGRAM), peers.free_port()
    with lib.Folder() as folder:
        p = Pipeline(folder, "udp { port => %d } syslog { port => %d timezone => 'UTC' }" % (udp, port))
        connect(port).close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b"datagram\nwith two lines", ("127.0.0.1", udp))
            event, = p.wait(1)
            assert event["message"] == "datagram\nwith two lines" and event["host"]["ip"] == "127.0.0.1", event
            s.sendto(b"<34>Oct 11 22:14:15 mymachine su[230]: 'su root' failed", ("127.0.0.1", port))
            e = p.wait(2)[1]
        assert e["message"] == "'su root' failed" and e["process"] == {"name": "su", "pid": 230}, e
        assert e["log"]["syslog"] == {"priority": 34, "severity": {"code": 2, "name": "Critical"}, "facility": {"code": 4, "name": "security/authorization"}}, e
        assert e["host"] == {"ip": "127.0.0.1", "hostname": "mymachine"} and e["@timestamp"].endswith("-10-11T22:14:15.000Z") and "timestamp" not in e, e
        assert e["service"] == {"type": "system"}
        c = connect(port)
        c.sendall(b"no syslog\n")
        c.close()
        e = p.wait(3)[2]
        assert e["tags"] == ["_grokparsefailure_sysloginput"] and e["log"]["syslog"]["priority"] == 13, e
        p.stop()


def request(port, body, path="/", headers=None, method="POST"):
    r = urllib.request.Request("http://127.0.0.1:%d%s" % (port, path), body, headers or {}, method=method)
    try:
        with urllib.request.urlopen(r, timeout=10) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as e:
        return e.code, e.read(), e.headers


def test_http():
    port = peers.free_port()
    with lib.Folder() as folder:
        p = Pipeline(folder, """http { port => %d host => "127.0.0.1" user => "u" password => "p" max_content_length => 5000 response_code => 202
            response_headers => { "X-B" => "c" } }""" % port, filters='mutate { add_field => { "h" => "%{[@metadata][input][http][request][headers][x_own]}" } }')
        connect(port).close()
        auth = {"Authorization": "Basic dTpw", "Content-Type": "text/plain", "X-Own": "v"}
        status, body, headers = request(port, b"two\nlines", "/path?q", auth)
        assert (status, body, headers["X-B"]) == (202, b"ok", "c")
        e, = p.wait(1)
        assert e["message"] == "two\nlines" and e["url"]["path"] == "/path" and e["http"]["method"] == "POST" and e["h"] == "v", e
        assert e["http"]["request"]["body"]["bytes"] == "9" and e["host"]["ip"] == "127.0.0.1"
        request(port, b'[{"a":1},{"a":2}]', headers={**auth, "Content-Type": "application/json; charset=utf-8"})
        assert [e["a"] for e in p.wait(3)[1:]] == [1, 2]
        assert request(port, b"x")[0] == 401
        assert request(port, b"x" * 6000, headers=auth)[0] == 413
        threads = [threading.Thread(target=request, args=(port, b"n", "/", auth)) for _ in range(40)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        p.wait(43)
        # half a request, and nothing more, keeps nobody waiting
        half = connect(port)
        half.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        assert request(port, b"after", headers=auth)[0] == 202
        p.wait(44)
        assert "2 requests refused" in p.stop()


def test_kafka():
    tool = os.environ.get("KAFKA_PEER")
    if not tool:
        raise lib.Skip("KAFKA_PEER is not set")
    broker = subprocess.Popen([tool, "logs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    address = broker.stdout.readline().decode().strip()
    write = 'input { stdin { } } output { kafka { broker_list => "%s" topic_id => "logs" codec => json message_key => "k-%%{message}" } }' % address
    read = """kafka { bootstrap_servers => "%s" topics => ["logs"] codec => json group_id => "g" auto_offset_reset => "earliest" decorate_events => true session_timeout_ms => 6000 }""" % address
    try:
        with lib.Folder() as folder:
            (folder / "w.conf").write_text(write)
            lib.run("pipeline", "run", folder / "w.conf", stdin=b"".join(b"%d\n" % n for n in range(500)))
            p = Pipeline(folder, read, filters='mutate { add_field => { "at" => "%{[@metadata][kafka][topic]} %{[@metadata][kafka][offset]} %{[@metadata][kafka][key]}" } }')
            events = p.wait(500)
            assert [e["message"] for e in events] == [str(n) for n in range(500)]
            assert events[7]["at"] == "logs 7 k-7", events[7]
            time.sleep(2.5)
            p.stop(signal.SIGKILL)
            lib.run("pipeline", "run", folder / "w.conf", stdin=b"after\n")
            p = Pipeline(folder, read)
            assert p.wait(501)[-1]["message"] == "after"
            p.stop()
    finally:
        broker.stdin.close()
        broker.wait()


lib.main(globals())
