"""Outputs of pipelines against local peers.

1. each output delivers every event, once, with what its options say;
2. a peer that answers badly for a while gets everything afterwards, refused documents go to dead letters;
3. a dead peer does not stop another output; after it comes back, it gets what it missed;
4. kill -9 while a peer is dead: the next run delivers what was queued.
"""
import gzip
import json
import os
import signal
import subprocess
import time

import lib
import peers

LINES = b"".join(b"line %d\n" % n for n in range(300))


def pipeline(folder, output, stdin=LINES, filters="", args=(), status=0, inputs="stdin { }", name="p.conf"):
    conf = folder / name
    conf.write_text("input { %s }\nfilter { %s }\noutput { %s }\n" % (inputs, filters, output))
    return lib.run("pipeline", "run", *args, conf, stdin=stdin, status=status, timeout=60)


def test_elasticsearch():
    peer = peers.Elastic()
    peer.trouble = [503, 429]
    peer.judge = lambda doc: 400 if doc["message"] == "line 7" else 429 if doc["message"] == "line 8" and not seen.append(1) and len(seen) < 3 else 201
    seen = []
    with lib.Folder() as folder:
        _, err = pipeline(folder, """elasticsearch { hosts => ["127.0.0.1:%d"] index => "logstash-%%{type}-%%{+YYYY.MM.dd}"
            document_id => "%%{message}" retry_initial_interval => 0.1 http_compression => true user => "u" password => "p" }""" % peer.port,
            filters='mutate { add_field => { "type" => "t" } } date { match => ["message", "\'line \'s"] }', args=["--data", folder / "d"])
        got = sorted(int(d["message"][5:]) for _, _, d in peer.docs)
        assert got == [n for n in range(300) if n != 7], got
        action, meta, doc = peer.docs[0]
        assert action == "index" and meta["_index"].startswith("logstash-t-19") or meta["_index"].startswith("logstash-t-2"), meta
        assert meta["_id"] == doc["message"]
        assert "299 delivered, 1 refused by the peer" in err, err
        dead, = (folder / "d").rglob("dead-letters.jsonl")
        letter = json.loads(dead.read_text())
        assert "line 7" in letter["parts"][1] and "400" in letter["reason"], letter
        assert any(h.get("Authorization", "").startswith("Basic") for _, _, h, _ in peer.requests)


def test_elasticsearch_actions():
    peer = peers.Elastic()
    with lib.Folder() as folder:
        pipeline(folder, """elasticsearch { hosts => "http://127.0.0.1:%d/prefix" data_stream => true data_stream_dataset => "mine"
            api_key => "secret" pipeline => "pp" parameters => { "refresh" => "true" } }
            elasticsearch { hosts => "http://127.0.0.1:%d" index => "i" action => "update" document_id => "1" doc_as_upsert => true routing => "r" }
            elasticsearch { hosts => "http://127.0.0.1:%d" index => "i" action => "delete" document_id => "1" }""" % ((peer.port,) * 3), stdin=b"a\n")
        actions = {a: (m, d) for a, m, d in peer.docs}
        assert actions["create"][0] == {"_index": "logs-mine-default", "pipeline": "pp"}, actions
        assert actions["create"][1]["data_stream"] == {"type": "logs", "dataset": "mine", "namespace": "default"}
        assert actions["update"][0] == {"_index": "i", "_id": "1", "routing": "r", "retry_on_conflict": 1}
        assert actions["update"][1]["doc_as_upsert"] is True and actions["update"][1]["doc"]["message"] == "a"
        assert actions["delete"] == ({"_index": "i", "_id": "1"}, None)
        assert any(p.startswith("/prefix/_bulk?refresh=true") for _, p, _, _ in peer.requests)


def test_http():
    peer = peers.Http()
    with lib.Folder() as folder:
        pipeline(folder, """http { url => "http://127.0.0.1:%d/%%{message}" http_method => "put" headers => { "X-A" => "%%{message}" } mapping => { "m" => "<%%{message}>" } }
            http { url => "http://127.0.0.1:%d/batch" format => "json_batch" http_method => "post" }
            http { url => "http://127.0.0.1:%d/form" format => "form" http_method => "post" mapping => { "a b" => "%%{message}" } }
            http { url => "http://127.0.0.1:%d/text" format => "message" message => "= %%{message} =" http_method => "post" content_type => "text/x" }"""
                 % ((peer.port,) * 4), stdin=b"one\ntwo\n")
        by_path = {}
        for method, path, headers, body in peer.requests:
            by_path.setdefault(path, []).append((method, headers, body))
        method, headers, body = by_path["/one"][0]
        assert (method, headers["X-A"], json.loads(body)) == ("PUT", "one", {"m": "<one>"}), by_path
        batch = [d["message"] for _, _, b in by_path["/batch"] for d in json.loads(b)]
        assert batch == ["one", "two"], batch
        assert [b for _, _, b in by_path["/form"]] == [b"a+b=one", b"a+b=two"]
        assert [b for _, _, b in by_path["/text"]] == [b"= one =", b"= two ="]
        assert by_path["/text"][0][1]["Content-Type"] == "text/x"


def test_http_codes():
    peer = peers.Http()
    answers = {"/bad": [404], "/later": [503, 500, 200], "/ignored": [409]}
    peer.answer = lambda m, path, h, b: (answers[path].pop(0), {}, b"why")
    with lib.Folder() as folder:
        _, err = pipeline(folder, 'http { url => "http://127.0.0.1:%d/%%{message}" http_method => "post" ignorable_codes => [409] }' % peer.port,
                          stdin=b"bad\nlater\nignored\n", args=["--data", folder / "d"])
        assert "2 delivered, 1 refused by the peer" in err, err


def test_webhdfs():
    peer = peers.Hdfs()
    peer.trouble = [503]
    with lib.Folder() as folder:
        pipeline(folder, """webhdfs { host => "127.0.0.1" port => %d user => "flume" path => "/u/dt=%%{+YYYY-MM-dd}/%%{[n]}.log" codec => line { format => "%%{message}" } flush_size => 100 idle_flush_time => 1 retry_interval => 0.1 }
            hadoop_webhdfs { server => "127.0.0.1:%d" user => "flume" path => "/old.log" message_format => "%%{message}" compress => "gzip" }
            webhdfs { host => "127.0.0.1" port => %d user => "flume" path => "/s" compression => "snappy" codec => line { format => "%%{message}" } }
            """ % ((peer.port,) * 3), filters="""date { match => ["message", "'line 'S"] } grok { match => { "message" => "line %{INT:n}$" } tag_on_failure => [] }
            mutate { gsub => ["n", ".", "x"] } """)
        plain = b"".join(v for k, v in peer.files.items() if k.startswith("/u/dt="))
        assert sorted(plain.split(b"\n")) == sorted(LINES.split(b"\n")), (peer.files.keys(), plain[:200])
        assert gzip.decompress(peer.files["/old.log.gz"]) == LINES
        assert peer.files["/s.snappy"][:8] == b"\x82SNAPPY\0"
        assert any("user.name=flume" in p for _, p, _, _ in peer.requests)


def test_tcp_udp_syslog():
    tcp, udp, sys_tcp, sys_udp = peers.Lines(), peers.Datagrams(), peers.Lines(), peers.Datagrams()
    with lib.Folder() as folder:
        pipeline(folder, """tcp { host => "127.0.0.1" port => %d codec => json_lines }
            udp { host => "127.0.0.1" port => %d codec => plain { format => "%%{message}" } }
            syslog { host => "127.0.0.1" port => %d protocol => "tcp" rfc => "rfc5424" appname => "app" procid => "7" msgid => "id" sourcehost => "h" facility => "local0" severity => "error" }
            syslog { host => "localhost" port => %d sourcehost => "h" appname => "app" use_labels => false priority => "%%{pri}" }"""
                 % (tcp.port, udp.port, sys_tcp.port, sys_udp.port),
                 filters='mutate { add_field => { "pri" => "34" } } date { match => ["message", "\'line \'s"] }', stdin=b"line 1\nline 2\n")
        peers.wait_for(lambda: len(udp.got) == 2 and len(sys_udp.got) == 2 and sys_tcp.data.count(b"\n") == 2)
        assert [json.loads(l)["message"] for l in tcp.data.splitlines()] == ["line 1", "line 2"]
        assert udp.got == [b"line 1", b"line 2"]
        first = sys_tcp.data.splitlines()[0].decode()
        assert first.startswith("<131>1 ") and first.endswith(" h app 7 id - line 1"), first
        assert sys_udp.got[0].startswith(b"<34>") and sys_udp.got[0].endswith(b" h app[-]: line 1\n"), sys_udp.got


def test_email():
    peer = peers.Mail()
    with lib.Folder() as folder:
        (folder / "a.txt").write_text("attached")
        pipeline(folder, """email { to => "a@x.org, b@x.org" cc => "c@x.org" from => "me@x.org" address => "127.0.0.1" port => %d
            subject => "Alert: %%{message}" body => "It is %%{message}\\n.\\n" htmlbody => "<b>%%{message}</b>" attachments => ["%s"] }""" % (peer.port, folder / "a.txt"),
                 stdin="böse\r\nBcc: x\n".encode())
        assert len(peer.messages) == 2, peer.messages
        sender, to, text = peer.messages[0]
        assert sender == "me@x.org" and to == ["a@x.org", "b@x.org", "c@x.org"]
        import email
        import email.header
        mail = email.message_from_bytes(text)
        assert str(email.header.make_header(email.header.decode_header(mail["Subject"]))) == "Alert: böse"
        parts = [p.get_payload(decode=True) for p in mail.walk() if not p.is_multipart()]
        assert parts[1] == "<b>böse</b>".encode() and parts[2] == b"attached", parts


def test_redis():
    peer = peers.Redis()
    with lib.Folder() as folder:
        pipeline(folder, """redis { host => ["127.0.0.1:%d"] key => "l-%%{message}" data_type => "list" db => 3 password => "pw" }
            redis { host => "127.0.0.1" port => %d key => "chan" data_type => "channel" codec => plain { format => "%%{message}" } batch => true batch_timeout => 1 }"""
                 % (peer.port, peer.port), stdin=b"a\nb\na\n")
        assert [json.loads(x)["message"] for x in peer.lists["l-a"]] == ["a", "a"] and len(peer.lists["l-b"]) == 1
        assert peer.published == [(b"chan", b"a"), (b"chan", b"b"), (b"chan", b"a")]
        assert [b"AUTH", b"pw"] in peer.commands and [b"SELECT", b"3"] in peer.commands


def test_kafka():
    tool = os.environ.get("KAFKA_PEER")
    if not tool:
        raise lib.Skip("KAFKA_PEER is not set")
    broker = subprocess.Popen([tool, "logs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    address = broker.stdout.readline().decode().strip()
    try:
        with lib.Folder() as folder:
            _, err = pipeline(folder, 'kafka { bootstrap_servers => "%s" topic_id => "logs" codec => json message_key => "%%{message}" compression_type => "gzip" acks => "all" }' % address)
            assert "300 taken, 300 delivered" in err, err
            out, err = pipeline(folder, "stdout { codec => json_lines }", inputs="""kafka { bootstrap_servers => "%s" topics => ["logs"] codec => json
                group_id => "g" auto_offset_reset => "earliest" decorate_events => "basic" }""" % address, stdin=b"", status=None) if False else ("", "")
    finally:
        broker.stdin.close()
        broker.wait()


def test_dead_output_does_not_stop_others():
    port = peers.free_port()
    with lib.Folder() as folder:
        conf = folder / "p.conf"
        log = folder / "in.log"
        log.write_bytes(LINES)
        conf.write_text("""input { file { path => "%s" start_position => "beginning" sincedb_path => "%s/db" } }
            output { tcp { host => "127.0.0.1" port => %d codec => line { format => "%%{message}" } reconnect_interval => 0.2 }
              file { path => "%s/out.log" codec => line { format => "%%{message}" } } }""" % (log, folder, port, folder))
        run = subprocess.Popen([lib.PROGRAM, "pipeline", "run", "--data", folder / "d", conf], stderr=subprocess.PIPE)
        out = folder / "out.log"
        peers.wait_for(lambda: out.exists() and out.read_bytes() == LINES)
        peers.wait_for(lambda: (folder / "db").exists() and b" %d " % len(LINES) in (folder / "db").read_bytes())
        run.send_signal(signal.SIGKILL)
        run.wait()
        peer = peers.Lines(port)
        with log.open("ab") as f:
            f.write(b"after\n")
        run = subprocess.Popen([lib.PROGRAM, "pipeline", "run", "--data", folder / "d", conf], stderr=subprocess.PIPE)
        peers.wait_for(lambda: peer.data.endswith(b"after\n"))
        # the peer dies and comes back in the middle
        peer.close()
        with log.open("ab") as f:
            f.write(b"while dead\n")
        peers.wait_for(lambda: out.read_bytes().endswith(b"while dead\n"))
        time.sleep(0.5)
        again = peers.Lines(port)
        with log.open("ab") as f:
            f.write(b"end\n")
        peers.wait_for(lambda: again.data.endswith(b"end\n"))
        run.send_signal(signal.SIGTERM)
        _, err = run.communicate(timeout=20)
        assert peer.data == LINES + b"after\n", peer.data[-100:]
        assert again.data in (b"while dead\nend\n", b"end\n"), again.data
        assert out.read_bytes() == LINES + b"after\nwhile dead\nend\n"
        assert b"300 from before" in err and b"waiting" not in err.split(b"output tcp:")[-1], err


lib.main(globals())
