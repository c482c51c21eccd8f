"""TLS of every listener, with real clients: openssl, curl, logger's peers, rsyslog, Beats' protocol.

1. A CA, a server's certificate, clients' certificates, one of another CA.
2. Start the server with syslog and Beats over TLS, HTTPS; client certificates required or not.
3. Good clients are served, all others are refused, counted and named in the log; nobody else suffers.
"""
import json
import os
import pathlib
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import time
import zlib

import lib
from serve import Server

sys.path[:0] = [p for p in os.environ.get("TOCSIN_TEST_PYTHON", "").split(":") if p]

CONFIG = """
inputs:
  - type: syslog_tcp
    listen: 127.0.0.1:0
    tls: {cert: %(dir)s/server.pem, key: %(dir)s/server.key}
  - type: syslog_tcp
    listen: 127.0.0.1:0
    kind: syslog
    tls: {cert: %(dir)s/server.pem, key: %(dir)s/server.key, ca: %(dir)s/ca.pem, client: %(client)s,
          names: ["*.clients.test", web-1]}
  - type: beats
    listen: 127.0.0.1:0
  - type: beats
    listen: 127.0.0.1:0
    tls: {cert: %(dir)s/server.pem, key: %(dir)s/server.key, ca: %(dir)s/ca.pem, client: optional}
http:
  tls: {cert: %(dir)s/server.pem, key: %(dir)s/server.key, ca: %(dir)s/ca.pem, client: optional}
"""


def openssl(*args, cwd=None):
    if not shutil.which("openssl"):
        raise lib.Skip("openssl is not installed")
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, cwd=cwd)


def authority(folder, name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 30,
            "-keyout", name + ".key", "-out", name + ".pem", "-subj", "/CN=" + name, cwd=folder)


def certificate(folder, name, subject, ca="ca", alternative=None, days=30):
    extension = folder / (name + ".ext")
    extension.write_text("subjectAltName=%s\n" % alternative if alternative else "basicConstraints=CA:FALSE\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
            name + ".key", "-out", name + ".csr", "-subj", "/CN=" + subject, cwd=folder)
    openssl("x509", "-req", "-in", name + ".csr", "-CA", ca + ".pem", "-CAkey", ca + ".key", "-CAcreateserial",
            "-days", days, "-extfile", extension, "-out", name + ".pem", cwd=folder)


def certificates(folder):
    authority(folder, "ca")
    authority(folder, "other")
    certificate(folder, "server", "tocsin", alternative="IP:127.0.0.1,DNS:localhost")
    certificate(folder, "web-1", "web-1")
    certificate(folder, "alt", "unnamed", alternative="DNS:a.clients.test")
    certificate(folder, "unwanted", "web-2")
    certificate(folder, "foreign", "web-1", ca="other")
    certificate(folder, "old", "web-1", days=-1)


class Tls(Server):
    """Ports by the order of the listeners; HTTPS."""

    def __init__(self, folder, client="required", extra=""):
        certificates(folder)
        self.dir = folder
        super().__init__(folder, CONFIG % {"dir": folder, "client": client} + extra)

    def start(self):
        super().start()
        found = [line.rsplit(":", 1)[1] for line in self.log if " on " in line and "over T" in line]
        self.syslog, self.mutual, self.beats, self.beats_tls = map(int, found[:4])
        self.url = "https://127.0.0.1:%d" % self.ports["http"]
        return self

    def context(self, cert=None):
        context = ssl.create_default_context(cafile=self.dir / "ca.pem")
        if cert:
            context.load_cert_chain(self.dir / (cert + ".pem"), self.dir / (cert + ".key"))
        return context

    def connect(self, port, cert=None):
        s = socket.create_connection(("127.0.0.1", port), timeout=10)
        return self.context(cert).wrap_socket(s, server_hostname="127.0.0.1")

    def request(self, method, path, body=None, headers=None, timeout=20):
        import http.client
        c = http.client.HTTPSConnection("127.0.0.1", self.ports["http"], timeout=timeout, context=self.context())
        c.request(method, path, body, headers or {})
        answer = c.getresponse()
        return answer.status, dict(answer.headers), answer.read()

    def metric(self, name):
        for line in self.request("GET", "/metrics")[2].decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise AssertionError("no metric " + name)


def message(i):
    return b"<34>Nov 20 10:00:00 host app[1]: tls message %d\n" % i


def frames(count, base=0, compress=False):
    events = [b'{"message":"beat %d","@timestamp":"2026-11-20T10:00:00Z"}' % (base + i) for i in range(count)]
    body = b"".join(b"2J" + struct.pack(">II", i, len(event)) + event for i, event in enumerate(events, 1))
    if compress:
        body = zlib.compress(body)
        body = b"2C" + struct.pack(">I", len(body)) + body
    return b"2W" + struct.pack(">I", count) + body


def wait_ack(s, want):
    got = b""
    while True:
        piece = s.recv(6 - len(got))
        assert piece, "closed without an acknowledgement"
        got += piece
        if len(got) == 6:
            assert got[:2] == b"2A", got
            if struct.unpack(">I", got[2:])[0] == want:
                return
            got = b""


def test_syslog_over_tls():
    with lib.Folder() as folder, Tls(folder) as server:
        with server.connect(server.syslog) as c:
            for i in range(300):
                c.sendall(message(i))
        with server.connect(server.syslog) as c:
            c.sendall(b"".join(message(i) for i in range(300, 20000)))
        text = b"".join(message(i) for i in range(20000, 20010))
        with server.connect(server.syslog) as c:
            for at in range(len(text)):
                c.sendall(text[at:at + 1])
        server.wait_stored(20010)
        assert server.search('"tls message" | stats dc(message) as n')[0]["n"] == 20010
        server.stop()


def refused(server, port, cert):
    try:
        with server.connect(port, cert) as c:
            c.sendall(message(0))
            c.settimeout(5)
            return c.recv(1) == b""
    except (ssl.SSLError, ConnectionError):
        return True


def test_client_certificates():
    with lib.Folder() as folder, Tls(folder) as server:
        for number, cert in enumerate(("web-1", "alt")):
            with server.connect(server.mutual, cert) as c:
                c.sendall(message(number))
        server.wait_stored(2)
        for cert in (None, "unwanted", "foreign", "old"):
            assert refused(server, server.mutual, cert), cert
        server.wait(lambda: server.metric("tocsin_tls_failed_total") == 4, "four refusals")
        assert any("shows no certificate" in line for line in server.log), server.log
        assert server.stored() == 2
        server.stop()


def test_optional_certificates():
    with lib.Folder() as folder, Tls(folder, client="optional") as server:
        for number, cert in enumerate((None, "web-1")):
            with server.connect(server.mutual, cert) as c:
                c.sendall(message(number))
        server.wait_stored(2)
        assert refused(server, server.mutual, "unwanted") and refused(server, server.mutual, "foreign")
        server.stop()


def test_wrong_tls():
    """Plain text, noise, old protocols, half a handshake: refused, counted; others are served."""
    with lib.Folder() as folder, Tls(folder) as server:
        half = socket.create_connection(("127.0.0.1", server.syslog))
        half.sendall(b"\x16\x03\x01\x02\x00\x01")
        for noise in (message(1) * 100, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", os.urandom(3000), b"\x16\x03\x01\x00\x05aaaaa"):
            for port in (server.syslog, server.mutual, server.beats_tls, server.ports["http"]):
                with socket.create_connection(("127.0.0.1", port), timeout=10) as c:
                    try:
                        c.sendall(noise)
                        c.shutdown(socket.SHUT_WR)
                        while c.recv(4096):
                            pass
                    except OSError:
                        pass
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        try:
            with old.wrap_socket(socket.create_connection(("127.0.0.1", server.syslog))):
                raise AssertionError("TLS 1.1 was taken")
        except (ssl.SSLError, ConnectionError):
            pass
        server.wait(lambda: server.metric("tocsin_tls_failed_total") >= 13, "failures to be counted")
        with server.connect(server.syslog) as c:
            c.sendall(message(1))
        server.wait_stored(1)
        half.settimeout(15)
        assert half.recv(1) == b"", "half a handshake is closed"
        half.close()
        server.stop()


def test_https():
    with lib.Folder() as folder, Tls(folder) as server:
        assert server.request("GET", "/healthz")[0] == 200
        code, _, _ = server.request("POST", "/api/v1/ingest", b'{"message":"by https"}\n')
        assert code == 200 and server.stored() == 1
        out, _ = lib.run("status", "--url", server.url, "--ca", folder / "ca.pem", "--json")
        assert json.loads(out)["total"]["stored"] == 1
        _, err = lib.run("status", "--url", server.url, status=None)
        assert "certificate is refused" in err, err
        if not shutil.which("curl"):
            raise lib.Skip("curl is not installed")
        for cert, want in ((None, "200"), ("web-1", "200"), ("foreign", "403")):
            got = subprocess.run(["curl", "-sS", "--cacert", folder / "ca.pem", "-o", "/dev/null", "-w", "%{http_code}",
                                  *(["--cert", folder / (cert + ".pem"), "--key", folder / (cert + ".key")]
                                    if cert else []), server.url + "/healthz"], capture_output=True, text=True)
            assert got.stdout == want or (want == "403" and got.returncode != 0), (cert, got)
        server.stop()


def test_openssl_s_client():
    with lib.Folder() as folder, Tls(folder) as server:
        subprocess.run(["openssl", "s_client", "-quiet", "-no_ign_eof", "-verify_return_error", "-CAfile", folder / "ca.pem",
                        "-connect", "127.0.0.1:%d" % server.syslog], input=message(7), capture_output=True,
                       timeout=20, check=True)
        server.wait_stored(1)
        server.stop()


def rsyslog(driver):
    program = shutil.which("rsyslogd", path="/usr/sbin:/sbin:/usr/bin")
    if not program:
        raise lib.Skip("rsyslogd is not installed")
    extra = [p for p in os.environ.get("RSYSLOG_MODULES", "").split(":") if p]
    folders = [str(p.parent) for p in pathlib.Path("/usr/lib").glob("**/rsyslog/lmnet.so")] + extra
    name = "lmnsd_%s.so" % driver
    if not any(pathlib.Path(f, name).exists() for f in folders):
        raise lib.Skip("rsyslog has no %s here (package rsyslog-%s)" % (
            name, {"ossl": "openssl", "gtls": "gnutls"}[driver]))
    with lib.Folder() as folder, Tls(folder) as server:
        (folder / "in.log").write_text("".join("shipped line number %d end\n" % i for i in range(500)))
        config = folder / "rsyslog.conf"
        config.write_text("\n".join([
            'global(workDirectory="%s" defaultNetstreamDriver="%s" defaultNetstreamDriverCAFile="%s/ca.pem" '
            'defaultNetstreamDriverCertFile="%s/web-1.pem" defaultNetstreamDriverKeyFile="%s/web-1.key")' % (
                folder, driver, folder, folder, folder),
            'module(load="imfile")',
            'input(type="imfile" File="%s" Tag="app:")' % (folder / "in.log"),
            'action(type="omfwd" target="127.0.0.1" port="%d" protocol="tcp" StreamDriver="%s" StreamDriverMode="1" '
            'StreamDriverAuthMode="anon" TCP_Framing="octet-counted")' % (server.mutual, driver)]) + "\n")
        shipper = subprocess.Popen([program, "-n", "-M", ":".join(folders), "-f", config, "-i", folder / "pid"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            server.wait_stored(500)
        finally:
            shipper.terminate()
            shipper.wait(timeout=20)
        server.stop()


def test_rsyslog_openssl():
    rsyslog("ossl")


def test_rsyslog_gnutls():
    rsyslog("gtls")


def test_beats():
    """Windows are acknowledged when they are durable, plain and compressed, over TCP and TLS."""
    with lib.Folder() as folder, Tls(folder) as server:
        sent = 0
        for port, tls in ((server.beats, False), (server.beats_tls, True)):
            for compress in (False, True):
                c = server.connect(port, "web-1") if tls else socket.create_connection(("127.0.0.1", port))
                with c:
                    c.settimeout(10)
                    for _ in range(3):
                        c.sendall(frames(100, sent, compress))
                        wait_ack(c, 100)
                        sent += 100
                        assert server.stored() == sent, "acknowledged is stored"
        rows = server.search('"beat" | stats count() as n, dc(message) as m')
        assert rows[0] == {"n": sent, "m": sent}, rows
        server.stop()


def test_beats_acknowledged_survive_a_kill():
    with lib.Folder() as folder, Tls(folder) as server:
        acknowledged = 0
        for round_ in range(4):
            with socket.create_connection(("127.0.0.1", server.beats)) as c:
                c.settimeout(10)
                c.sendall(frames(50, acknowledged, True))
                wait_ack(c, 50)
                acknowledged += 50
                c.sendall(frames(50, 100000, True))
                server.kill()
            server.start()
        held = {lib.get(row, "message") for row in server.search("beat | fields message")}
        assert all("beat %d" % i in held for i in range(acknowledged)), len(held)
        server.status()
        server.stop()


def test_beats_hostile():
    """What is no Beats, nested and cut compression, bombs, one byte at a time, who never reads."""
    with lib.Folder() as folder, Tls(folder) as server:
        def packed(data):
            data = zlib.compress(data, 9)
            return b"2C" + struct.pack(">I", len(data)) + data

        bad = [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00", packed(packed(frames(1))),
               packed(frames(1)[:-3]), b"2C" + struct.pack(">I", 20) + b"x" * 20,
               b"2J" + struct.pack(">II", 1, 0xffffffff), b"2D" + struct.pack(">II", 1, 0xffffffff)]
        for data in bad:
            with socket.create_connection(("127.0.0.1", server.beats)) as c:
                c.settimeout(10)
                c.sendall(data)
                try:
                    assert c.recv(1) == b"", data
                except ConnectionError:
                    pass
        dropped = server.status()["total"]["dropped"]
        assert dropped["bad_frame"] == len(bad), dropped
        before = server.status()["resident_bytes"]
        with socket.create_connection(("127.0.0.1", server.beats)) as c:
            c.settimeout(30)
            event = b"2J" + struct.pack(">II", 1, 1 << 26) + b"x" * (1 << 26)
            c.sendall(b"2W" + struct.pack(">I", 1) + packed(event))
            wait_ack(c, 1)
        with socket.create_connection(("127.0.0.1", server.beats)) as c:
            for at in frames(3):
                c.sendall(bytes([at]))
            wait_ack(c, 3)
        with socket.create_connection(("127.0.0.1", server.beats)) as c:
            c.settimeout(30)
            c.sendall(frames(200000, 0, True))
            wait_ack(c, 200000)
        server.wait_stored(1 + 3 + 200000)
        assert server.status()["resident_bytes"] - before < 48 << 20, server.status()["resident_bytes"]
        server.stop()


def test_pylogbeat():
    """A Beats client of others (PyPI: pylogbeat)."""
    try:
        import pylogbeat
    except ImportError:
        raise lib.Skip("pylogbeat is not installed") from None
    with lib.Folder() as folder, Tls(folder) as server:
        for tls in (False, True):
            client = pylogbeat.PyLogBeatClient(
                "127.0.0.1", server.beats_tls if tls else server.beats, timeout=20, ssl_enable=tls,
                ca_certs=str(folder / "ca.pem") if tls else None)
            client.connect()
            client.send([{"message": "py %d %s" % (i, tls), "@timestamp": "2026-11-20T10:00:00Z"} for i in range(100)])
            client.close()
        server.wait_stored(200)
        server.stop()


def test_configuration_errors():
    with lib.Folder() as folder:
        certificates(folder)
        (folder / "noise").write_text("no certificate")
        for tls, want in (("{key: x}", "needs cert"), ("{cert: a, client: required}", "needs ca"),
                          ("{cert: a, names: [x]}", "need ca"), ("{cert: a, client: maybe}", "none, optional or required"),
                          ("{cert: %s/noise}" % folder, "expected a certificate"), ("{cert: %s/none}" % folder, "none"),
                          ("{cert: %s/server.pem, key: %s/web-1.key}" % (folder, folder), "key")):
            config = folder / "c.yaml"
            config.write_text("inputs:\n  - type: syslog_tcp\n    listen: 127.0.0.1:0\n    tls: %s\n" % tls)
            _, err = lib.run("run", "--config", config, "--data", folder / "d", "--listen", "127.0.0.1:0", status=2)
            assert want in err, (tls, err)


lib.main(globals())
