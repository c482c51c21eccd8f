"""Configurations as users have them, and pipelines inside the server.

1. The five of the enterprise SIEM (file to Kafka, Kafka in and out, WebHDFS, Elasticsearch), with old option
   names, against local peers; only addresses and the logs' folder are the test's own.
2. tocsin run with several pipelines: output tocsin stores and detects, a dead output of one stops no other and is
   caught up with, also after kill -9; status and metrics show every count.
3. import and detect through the filters of a configuration.
"""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import lib
import peers
from serve import Server

GOLDEN = lib.SOURCE / "tests/golden/pipeline"
AUTH = b"".join(b"Feb  3 01:00:%02d h sshd[%d]: Failed password for root from 203.0.113.7 port 22 ssh2\n" % (n, n) for n in range(40))


class Forward:
    """A port of ours that leads to another: a broker's own port is the system's choice."""

    def __init__(self, to):
        self.to = to
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.socket.accept()
            far = socket.create_connection(self.to)
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self.copy, args=(a, b), daemon=True).start()

    def copy(self, a, b):
        try:
            while (data := a.recv(65536)):
                b.sendall(data)
        except OSError:
            pass
        b.close()


class Broker:
    def __enter__(self):
        tool = os.environ.get("KAFKA_PEER")
        if not tool:
            raise lib.Skip("KAFKA_PEER is not set")
        self.run = subprocess.Popen([tool, "test", "sql"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        host, port = self.run.stdout.readline().decode().strip().rsplit(":", 1)
        self.address = "%s:%s" % (host, port)
        return self

    def __exit__(self, *_):
        self.run.stdin.close()
        self.run.wait()


def conf(folder, name, *changes):
    text = (GOLDEN / (name + ".conf")).read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path = folder / (name + ".conf")
    path.write_text(text)
    return path


def consume(folder, broker, topic, count):
    """What a group of its own reads of a topic."""
    out = folder / ("read-" + topic)
    path = folder / "read.conf"
    path.write_text("""input { kafka { bootstrap_servers => "%s" topics => ["%s"] group_id => "r" auto_offset_reset => "earliest" } }
        output { file { path => "%s" codec => line { format => "%%{message}" } flush_interval => 0 } }""" % (broker.address, topic, out))
    run = subprocess.Popen([lib.PROGRAM, "pipeline", "run", "--quiet", path], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        peers.wait_for(lambda: out.exists() and out.read_bytes().count(b"\n") >= count)
    finally:
        run.kill()
        run.wait()
    return out.read_text().splitlines()


def test_file_to_kafka():
    with lib.Folder() as folder, Broker() as broker:
        logs = folder / "log"
        logs.mkdir()
        (logs / "a.log").write_text("one\ntwo\n")
        (logs / "message").write_text("three\n")
        path = conf(folder, "old_file_kafka", ("/var/log", str(logs)), ("localhost:9092", broker.address))
        run = subprocess.Popen([lib.PROGRAM, "pipeline", "run", path], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        got = consume(folder, broker, "test", 3)
        run.send_signal(signal.SIGTERM)
        err = run.communicate(timeout=20)[1].decode()
        assert sorted(re.sub(".* ", "", line) for line in got) == ["one", "three", "two"], got
        assert "3 delivered" in err and 'today it is "bootstrap_servers"' in err and 'today it is "compression_type"' in err, err


def test_kafka_out():
    with lib.Folder() as folder, Broker() as broker:
        path = conf(folder, "old_kafka_out", ("a:9092,b:9092", broker.address))
        _, err = lib.run("pipeline", "run", path, stdin="eins\nzwei\n".encode())
        assert "2 delivered" in err, err
        assert [re.sub(".* ", "", x) for x in consume(folder, broker, "sql", 2)] == ["eins", "zwei"]


def test_kafka_in():
    with lib.Folder() as folder, Broker() as broker:
        host, port = broker.address.rsplit(":", 1)
        forward = Forward((host, int(port)))
        path = conf(folder, "old_kafka_in", ("localhost:2181", "localhost:%d" % forward.port),
                    ("output { stdout { } }", 'output { file { path => "%s/out" codec => json_lines flush_interval => 0 } }' % folder))
        run = subprocess.Popen([lib.PROGRAM, "pipeline", "run", path], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        write = folder / "w.conf"
        write.write_text('input { stdin { } } output { kafka { bootstrap_servers => "%s" topic_id => "test" codec => plain { format => "%%{message}" } } }' % broker.address)
        out = folder / "out"
        end = time.time() + 30
        while not out.exists() and time.time() < end:   # it reads what comes after it has joined
            lib.run("pipeline", "run", "--quiet", write, stdin=b"hello\n")
            time.sleep(0.3)
        run.send_signal(signal.SIGTERM)
        err = run.communicate(timeout=20)[1].decode()
        assert lib.lines(out.read_bytes())[0]["message"] == "hello", err
        assert "zk_connect" in err and 'today it is "topics"' in err, err


def test_webhdfs():
    peer = peers.Hdfs()
    with lib.Folder() as folder:
        path = conf(folder, "old_hdfs", ("localhost:14000", "localhost:%d" % peer.port))
        _, err = lib.run("pipeline", "run", path, stdin=b"one\ntwo\n")
        (name, body), = peer.files.items()
        assert re.fullmatch(r"/user/flume/logstash/dt=\d{4}-\d+-\d+/logstash-\d+\.log\.snappy", name), name
        assert body.startswith(b"\x82SNAPPY\0") and "2 delivered" in err


def test_elasticsearch():
    peer = peers.Elastic()
    with lib.Folder() as folder:
        path = conf(folder, "old_elasticsearch", ('"localhost"', '"localhost:%d"' % peer.port))
        _, err = lib.run("pipeline", "run", path, stdin=b"select 1\n")
        (action, meta, doc), = peer.docs
        assert action == "index" and re.fullmatch(r"logstash-sql-\d{4}\.\d\d\.\d\d", meta["_index"]), meta
        assert doc["message"] == "select 1" and doc["type"] == "sql" and "1 delivered" in err


def test_pipelines_in_the_server():
    dead = peers.free_port()
    with lib.Folder() as folder:
        log = folder / "auth.log"
        log.write_bytes(AUTH)
        (folder / "a.conf").write_text("""input { file { path => "%s" start_position => "beginning" sincedb_path => "%s/db" } }
            filter { if [message] =~ "sshd.0." { drop { } } mutate { add_field => { "site" => "x" } } }
            output { tocsin { } }""" % (log, folder))
        (folder / "b.conf").write_text("""input { file { path => "%s" start_position => "beginning" sincedb_path => "%s/db2" } }
            output { tcp { host => "127.0.0.1" port => %d codec => line { format => "%%{message}" } reconnect_interval => 0.2 }
              file { path => "%s/copy" codec => line { format => "%%{message}" } flush_interval => 0 } }""" % (log, folder, dead, folder))
        server = Server(folder, "pipelines:\n  - name: a\n    path: %s/a.conf\n  - name: b\n    path: %s/b.conf\n" % (folder, folder))
        with server:
            server.wait_stored(39)
            peers.wait_for(lambda: (folder / "copy").exists() and (folder / "copy").read_bytes() == AUTH)
            row = server.search("* | head 1")[0]
            assert row["site"] == "x" and row["user"]["name"] == "root" and row["log"]["file"]["path"] == str(log), row
            status = server.status()
            a, b = status["pipelines"]
            assert (a["in"], a["dropped"], a["out"]) == (40, 1, 39), a
            assert a["outputs"][0]["delivered"] == 39
            peers.wait_for(lambda: server.status()["pipelines"][1]["outputs"][0]["trouble"] != "")
            tcp = server.status()["pipelines"][1]["outputs"][0]
            assert tcp["waiting"] == 40 and tcp["delivered"] == 0, tcp
            metrics = server.request("GET", "/metrics")[2]
            assert b'tocsin_pipeline_output_waiting{pipeline="b",output="tcp",number="1"} 40' in metrics, metrics[-2000:]
            peers.wait_for(lambda: (folder / "db2").exists())
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
        peer = peers.Lines(dead)
        with server:
            peers.wait_for(lambda: peer.data == AUTH)
            peers.wait_for(lambda: server.status()["pipelines"][1]["outputs"][0]["delivered"] == 40)
            with log.open("ab") as f:
                f.write(AUTH[:200])
            peers.wait_for(lambda: server.stored() > 39)


def test_broken_pipeline_is_refused():
    with lib.Folder() as folder:
        (folder / "a.conf").write_text("input { stdin { nme => 1 } }")
        (folder / "c.yml").write_text("pipelines: [{name: a, path: %s/a.conf}]\nlisten: 127.0.0.1:0\n" % folder)
        _, err = lib.run("run", "--config", folder / "c.yml", "--data", folder / "d", status=2)
        assert "a.conf:1:17" in err and "nme" in err, err


class Names:
    """A name server: A and PTR records, silence for names that begin with "slow"."""

    def __init__(self):
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            query, peer = self.socket.recvfrom(1500)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            name, kind = ".".join(labels), query[at + 2]
            self.asked.append((name, kind))
            if name.startswith("slow"):
                continue
            data = {("good.example", 1): bytes([192, 0, 2, 7]), ("six.example", 28): bytes([0x20, 1, 0xd, 0xb8] + [0] * 11 + [1]),
                    ("7.2.0.192.in-addr.arpa", 12): b"\x04good\x07example\x00", ("8.2.0.192.in-addr.arpa", 12): b"\xc0\x0c"}.get((name, kind))
            answer = query[:2] + b"\x81\x80\0\1" + (b"\0\1" if data else b"\0\0") + b"\0\0\0\0" + query[12:]
            if data:
                answer += b"\xc0\x0c" + bytes([0, kind, 0, 1, 0, 0, 0, 60, 0, len(data)]) + data
            self.socket.sendto(b"junk", peer)
            self.socket.sendto(answer, peer)


def test_dns():
    names = Names()
    with lib.Folder() as folder:
        (folder / "hosts").write_text("198.51.100.1 own.example other # c\n")
        path = folder / "p.conf"
        path.write_text("""input { stdin { codec => json } }
            filter { dns { resolve => ["host"] action => "replace" nameserver => ["127.0.0.1:%d"] timeout => 0.2 max_retries => 1 hit_cache_size => 100 failed_cache_size => 100 hostsfile => "%s/hosts" add_tag => "done" }
              dns { reverse => ["ip"] nameserver => "127.0.0.1:%d" }
              mutate { remove_field => ["@timestamp", "@version", "event"] } }
            output { stdout { codec => json_lines } }""" % (names.port, folder, names.port))
        lines = [{"host": h} for h in ("good.example", "good.example", "six.example", "none.example", "none.example", "slow.example", "own.example", "192.0.2.7", "a..b")]
        lines += [{"ip": "192.0.2.7"}, {"ip": "192.0.2.9"}, {"ip": "192.0.2.8"}, {"ip": "no"}]
        out, _ = lib.run("pipeline", "run", "--quiet", path, stdin="\n".join(map(json.dumps, lines)).encode())
        got = lib.lines(out)
        hosts = [e.get("host") for e in got[:9]]
        assert hosts == ["192.0.2.7", "192.0.2.7", "2001:db8::1", "none.example", "none.example", "slow.example", "198.51.100.1", "192.0.2.7", "a..b"], hosts
        assert [e.get("tags") for e in got[:7]] == [["done"]] * 3 + [None, None, ["_dnstimeout"], ["done"]], got
        assert [e.get("ip") for e in got[9:]][:2] == [["192.0.2.7", "good.example"], "192.0.2.9"], got[9:]
        assert names.asked.count(("good.example", 1)) == 1 and names.asked.count(("none.example", 1)) == 1 and names.asked.count(("slow.example", 1)) == 2, names.asked


def test_geoip():
    database = lib.corpus("11-geo", "ip", "geo-whois-asn-country.mmdb")
    with lib.Folder() as folder:
        path = folder / "p.conf"
        path.write_text("""input { stdin { codec => json } }
            filter { geoip { source => "[client][ip]" database => "%s" } geoip { source => "[client][ip]" database => "%s" target => "g" ecs_compatibility => disabled fields => ["country_code2"] } }
            output { stdout { codec => json_lines } }""" % (database, database))
        out, _ = lib.run("pipeline", "run", "--quiet", path, stdin=b'{"client":{"ip":"8.8.8.8"}}\n{"client":{"ip":"10.0.0.1"}}\n{"client":{"ip":"x"}}\n')
        got = lib.lines(out)
        assert got[0]["client"]["geo"]["country_iso_code"] == "US" and got[0]["g"] == {"country_code2": "US"}, got[0]
        assert got[1]["tags"] == got[2]["tags"] == ["_geoip_lookup_failure"], got[1:]


def test_import_and_detect():
    with lib.Folder() as folder:
        log, path = folder / "x.log", folder / "p.conf"
        log.write_bytes(b"2024-05-06 07:08:09 203.0.113.9 GET /a\nskip this\n" * 3 + AUTH)
        path.write_text("""filter { if "skip" in [message] { drop { } }
            grok { match => { "message" => "%{TIMESTAMP_ISO8601:t} %{IP:[source][ip]} %{WORD:verb} %{NOTSPACE:[url][path]}" } tag_on_failure => [] }
            date { match => ["t", "yyyy-MM-dd HH:mm:ss"] timezone => "UTC" remove_field => "t" } }""")
        out, _ = lib.run("import", "--json", "--data", folder / "d", "--pipeline", path, log)
        done = json.loads(out)
        assert (done["records"], done["stored"], done["dropped"]["filter"], done["balanced"]) == (46, 43, 3, True), done
        rows = lib.lines(lib.run("search", "--data", folder / "d", "verb:GET")[0])
        assert len(rows) == 3 and rows[0]["@timestamp"] == "2024-05-06T07:08:09.000Z" and rows[0]["url"]["path"] == "/a" and "t" not in rows[0], rows[:1]
        assert rows[0]["event"]["original"] == "2024-05-06 07:08:09 203.0.113.9 GET /a"
        assert len({r["event"]["id"] for r in rows}) == 3
        again = json.loads(lib.run("import", "--json", "--data", folder / "d", "--pipeline", path, log)[0])
        assert again["stored"] == 0 and again["already_stored"] == 43, again
        plain = lib.lines(lib.run("detect", log)[0])
        through = lib.lines(lib.run("detect", "--pipeline", path, log)[0])
        assert [a["rule"]["id"] for a in plain] == [a["rule"]["id"] for a in through]


lib.main(globals())
