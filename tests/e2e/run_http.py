"""Records by HTTP: acknowledged when durable, bounded in every way, in the form shippers expect.

1. Send JSON lines, bulk requests, compressed, damaged, too large, too slow.
2. Kill the server right after an acknowledgement.
3. Look at what is stored.
"""
import base64
import gzip
import http.client
import json
import os
import re
import socket
import threading
import time

import lib
from serve import Server

CONFIG = """
http:
  max_body: 4MiB
  max_connections: 40
  timeout: 2s
"""


def bulk(n, op="create", index="logs"):
    return "".join('{"%s":{"_index":"%s"}}\n{"n":%d,"message":"bulk document"}\n' % (op, index, i)
                   for i in range(n)).encode()


def test_json_lines_and_acknowledgement():
    with lib.Folder() as folder:
        server = Server(folder, CONFIG)
        with server:
            sent = 0
            for n in (1, 10, 1000):
                body = b"".join(b'{"n":%d,"message":"json line"}\n' % i for i in range(n))
                code, _, answer = server.request("POST", "/api/v1/ingest", body)
                assert (code, json.loads(answer)) == (200, {"accepted": n}), answer
                sent += n
                server.kill()
                assert server.search("* | stats count() as n")[0]["n"] == sent, "durable when told"
                server.start()
            body = b'[{"a":1},{"a":2}]'
            assert json.loads(server.request("POST", "/api/v1/ingest", body)[2]) == {"accepted": 2}
            body = b"Nov 20 10:00:00 h sshd[1]: Failed password for root from 1.2.3.4 port 5 ssh2\n"
            assert server.request("POST", "/api/v1/ingest", body)[0] == 200
            assert len(server.search("source.ip:1.2.3.4")) == 1
            assert json.loads(server.request("POST", "/api/v1/ingest", b"")[2]) == {"accepted": 0}
            server.stop()


def test_bulk():
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        for path in ("/_bulk", "/logs-x/_bulk", "/logs/_doc/_bulk", "/_bulk?filter_path=errors"):
            for method in ("POST", "PUT"):
                if path == "/logs/_doc/_bulk" and method == "PUT":
                    continue
                code, headers, answer = server.request(method, path, bulk(5))
                answer = json.loads(answer)
                assert code == 200 and headers["X-Elastic-Product"] == "Elasticsearch", answer
                assert not answer["errors"] and len(answer["items"]) == 5
                assert all(item["create"]["status"] == 201 for item in answer["items"])
        code, _, answer = server.request("POST", "/_bulk", gzip.compress(bulk(100, "index")),
                                         {"Content-Encoding": "gzip"})
        items = json.loads(answer)["items"]
        found = server.search('event.id:"%s"' % items[42]["index"]["_id"])
        assert len(found) == 1 and found[0]["n"] == 42, found
        mixed = b'{"delete":{"_index":"a","_id":"1"}}\n{"update":{"_id":"1"}}\n{"doc":{}}\n' + bulk(1)
        answer = json.loads(server.request("POST", "/_bulk", mixed)[2])
        assert answer["errors"] and [list(i.values())[0]["status"] for i in answer["items"]] == [400, 400, 201]
        for bad in (b"", b"nonsense\n", b'{"create":[]}\n{}\n', b'{"create":{}}', b'{"drop":{}}\n{}\n',
                    b'{"create":{"_index":1,"a":[{"b":[]}],"c":null}', b'{"create":{"x":\xff}}\n{}\n'):
            code, _, answer = server.request("POST", "/_bulk", bad)
            assert code == 400 and json.loads(answer)["error"]["reason"], (bad, answer)
        strange = b'{"create":{"_index":7,"a":[{"b":[1]}],"c":null,"d":true}}\n{"strange":1}\n'
        assert not json.loads(server.request("POST", "/_bulk", strange)[2])["errors"]
        code, _, answer = server.request("POST", "/logs/_doc", b'{"single":1}')
        assert code == 201 and json.loads(answer)["result"] == "created", answer
        assert len(server.search("single:1")) == 1
        server.stop()


def test_what_shippers_ask():
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        version = json.loads(server.request("GET", "/")[2])["version"]["number"]
        assert int(version.split(".")[0]) >= 7
        for method, path, want in (
                ("HEAD", "/", 200), ("GET", "/_license", 200), ("GET", "/_xpack", 200),
                ("GET", "/_cluster/health", 200), ("GET", "/_nodes/http", 200), ("HEAD", "/logs", 200),
                ("PUT", "/logs", 200), ("GET", "/_ilm/policy/filebeat", 404),
                ("PUT", "/_ilm/policy/filebeat", 200), ("HEAD", "/_index_template/filebeat", 404),
                ("PUT", "/_index_template/filebeat", 200), ("PUT", "/_template/x", 200),
                ("GET", "/no/such/thing", 404), ("DELETE", "/api/v1/ingest", 405), ("GET", "/nothing", 404)):
            body = b"{}" if method == "PUT" else None
            code, headers, _ = server.request(method, path, body)
            assert code == want, (method, path, code)
        server.stop()


def test_limits():
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        bomb = gzip.compress(b"\0" * 60_000_000)
        cases = (
            (b"x" * 5_000_000, {}, 413),
            (bomb, {"Content-Encoding": "gzip"}, 413),
            (b"not gzip at all", {"Content-Encoding": "gzip"}, 400),
            (gzip.compress(b"{}\n" * 1000)[:-12], {"Content-Encoding": "gzip"}, 400),
            (b"{}", {"Content-Encoding": "br"}, 415),
            (b"a\n" * 300_000, {}, 413),
        )
        for body, headers, want in cases:
            code, headers, answer = server.request("POST", "/api/v1/ingest", body, headers)
            assert code == want, (code, want, answer[:200])
            assert json.loads(answer)["status"] == want
        assert server.status()["total"]["received"] == 0
        assert server.status()["resident_bytes"] < 100e6
        deep = b'{"a":' * 10000 + b"1" + b"}" * 10000 + b"\n"
        assert server.request("POST", "/api/v1/ingest", deep + b'{"good":1}\n')[0] == 200
        assert len(server.search("good:1")) == 1
        server.stop()


def test_other_sites_are_refused():
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        for headers in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
            for path in ("/api/v1/status", "/api/v1/alerts"):
                assert server.request("GET", path, headers=headers)[0] == 403
        code, _, _ = server.request("GET", "/api/v1/status", headers={"Origin": server.url})
        assert code == 200


def test_slow_and_many_connections():
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        port = server.ports["http"]
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(35)]
        for s in held:
            s.sendall(b"POST /api/v1/ingest HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc")
        assert server.request("GET", "/healthz")[0] == 200, "slow senders do not stop the others"
        time.sleep(4.5)
        assert all(closed(s) for s in held), "silent connections are closed"
        assert server.request("POST", "/api/v1/ingest", b"{}\n")[0] == 200
        server.stop()


def test_more_connections_than_allowed():
    with lib.Folder() as folder, Server(folder, CONFIG.replace("2s", "60s")) as server:
        held = [socket.create_connection(("127.0.0.1", server.ports["http"])) for _ in range(300)]
        server.wait(lambda: sum(ended(s) for s in held) >= 260, "what is too much to be closed", 5)
        for s in held:
            s.close()
        server.wait(lambda: healthy(server), "room again when they have left", 5)
        server.stop()


def ended(s):
    s.setblocking(False)
    try:
        return s.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def healthy(server):
    try:
        return server.request("GET", "/healthz", timeout=1)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def closed(s):
    s.settimeout(1)
    try:
        while chunk := s.recv(4096):
            del chunk
        return True
    except ConnectionError:
        return True
    except TimeoutError:
        return False


def test_byte_at_a_time_and_parallel():
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        body = b'{"slow":1}\n'
        s = socket.create_connection(("127.0.0.1", server.ports["http"]))
        for byte in b"POST /api/v1/ingest HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (
                len(body), body):
            s.sendall(bytes([byte]))
        s.settimeout(5)
        assert b"200 OK" in s.recv(4096)

        def send():
            c = http.client.HTTPConnection("127.0.0.1", server.ports["http"])
            for _ in range(20):
                c.request("POST", "/_bulk", bulk(50))
                answer = json.loads(c.getresponse().read())
                assert not answer["errors"]
            c.close()

        threads = [threading.Thread(target=send) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        server.wait_stored(8 * 20 * 50 + 1)
        rows = server.search("* | stats dc(event.id) as ids")
        assert rows[0]["ids"] == 8001, rows
        server.stop()


def test_tokens():
    with lib.Folder() as folder:
        tokens = folder / "tokens"
        tokens.write_text("# roles\ningest shipper-0123456789abcdef\nviewer viewer-0123456789abcdef\n")
        config = "http:\n  token_file: %s\n" % tokens
        with Server(folder, config) as server:
            def code(method, path, token, body=None):
                headers = {"Authorization": token} if token else {}
                return server.request(method, path, body, headers)[0]
            assert code("GET", "/healthz", None) == 200
            assert code("GET", "/api/v1/status", None) == 401
            assert code("GET", "/api/v1/status", "Bearer wrong") == 401
            assert code("GET", "/api/v1/status", "Bearer viewer-0123456789abcdef") == 200
            assert code("GET", "/api/v1/status", "Bearer shipper-0123456789abcdef") == 403
            assert code("POST", "/api/v1/ingest", "Bearer viewer-0123456789abcdef", b"{}") == 403
            assert code("POST", "/api/v1/ingest", "ApiKey shipper-0123456789abcdef", b"{}") == 200
            key = base64.b64encode(b"any:shipper-0123456789abcdef").decode()     # as Beats sends it
            assert code("POST", "/api/v1/ingest", "ApiKey " + key, b"{}") == 200
            assert code("POST", "/api/v1/ingest?kind=nope", "ApiKey " + key, b"{}") == 400
            basic = base64.b64encode(b"beats:shipper-0123456789abcdef").decode()
            assert code("POST", "/_bulk", "Basic " + basic, bulk(1)) == 200
        _, err = lib.run("run", "--data", folder / "data2", "--listen", "0.0.0.0:0", status=2)
        assert "token_file" in err, err


def test_search_alerts_status():
    failed = b"".join(b"Nov 20 10:00:%02d web-01 sshd[7]: Failed password for root from 203.0.113.66 port 4000 "
                      b"ssh2\n" % i for i in range(7))
    with lib.Folder() as folder, Server(folder) as server:
        assert server.request("POST", "/api/v1/ingest", failed)[0] == 200
        code, headers, body = server.request("GET", "/api/v1/search?q=user.name:root&limit=3")
        assert code == 200 and len(lib.lines(body)) == 3 and headers["X-Tocsin-Limited"] == "true"
        code, _, body = server.request("POST", "/api/v1/search", b"* | stats count() as n by source.ip")
        assert lib.lines(body) == [{"source.ip": "203.0.113.66", "n": 7}], body
        code, _, body = server.request("GET", "/api/v1/search?q=a:(")
        assert code == 400 and "column" in json.loads(body)["detail"], body
        assert server.request("GET", "/api/v1/search?q=*&limit=x")[0] == 400
        assert server.request("GET", "/api/v1/search")[0] == 400
        path = "/api/v1/searches/logins%20of%20root"
        assert server.request("POST", path + "?owner=ann", b"user.name:root and (")[0] == 400
        assert server.request("POST", path + "?owner=ann", b"user.name:root | head 2")[0] == 200
        saved = json.loads(server.request("GET", "/api/v1/searches")[2])["searches"]
        assert [(s["name"], s["query"], s["owner"]) for s in saved] == [
            ("logins of root", "user.name:root | head 2", "ann")], saved
        code, _, body = server.request("GET", "/api/v1/search?saved=logins%20of%20root")
        assert code == 200 and len(lib.lines(body)) == 2, body
        assert server.request("GET", "/api/v1/search?saved=nope")[0] == 404
        assert server.request("POST", path + "/forget", b"")[0] == 200
        assert server.request("GET", path)[0] == 404
        many = "/api/v1/search?q=*&" + "&".join("a%d=1" % i for i in range(500))
        code, _, body = server.request("GET", many)
        assert code == 414 and "arguments" in json.loads(body)["detail"], (code, body)
        alerts = json.loads(server.request("GET", "/api/v1/alerts")[2])["alerts"]
        assert len(alerts) == 1 and alerts[0]["status"] == "open", alerts
        path = "/api/v1/alerts/" + lib.get(alerts[0]["alert"], "event.id")
        assert server.request("POST", path + "/close", b"{}")[0] == 400, "closing wants a reason"
        assert server.request("POST", path + "/acknowledge", b"")[0] == 200
        code, _, body = server.request("POST", path + "/close", b'{"reason":"a test"}')
        assert code == 200 and json.loads(body)["alerts"][0]["close_reason"] == "a test", body
        assert json.loads(server.request("GET", "/api/v1/alerts?status=open")[2])["count"] == 0
        assert len(json.loads(server.request("GET", path)[2])["history"]) >= 2
        out, _ = lib.run("status", "--url", server.url)
        assert b"http from 127.0.0.1" in out, out
        _, err = lib.run("status", "--url", "http://127.0.0.1:1", status=3)
        assert "cannot reach" in err, err
        server.stop()


def test_retention_is_told():
    with lib.Folder() as folder, Server(folder, "retention:\n  size: 1MiB\n  disk_free: 1k\n") as server:
        for day in range(1, 7):
            lines = b"".join(b"Nov %02d 10:%02d:%02d h app[1]: %s\n" % (
                day, i // 60 % 60, i % 60, os.urandom(30).hex().encode()) for i in range(40000))
            assert server.request("POST", "/api/v1/ingest", lines)[0] == 200
        server.wait(lambda: any("retention by size has removed" in line for line in server.log), "retention")
        assert any(re.search(r"retention by size removes \d+ events of 2", line)
                   for line in server.log), server.log
        server.stop()


def test_openapi():
    with lib.Folder() as folder, Server(folder) as server:
        doc = json.loads(server.request("GET", "/api/v1/openapi.json")[2])
        assert "/api/v1/ingest" in doc["paths"] and "get" in doc["paths"]["/api/v1/alerts/{id}"], doc
        assert server.request("GET", "/api/v1/alerts")[0] == 200
        assert server.request("GET", "/api/v1/alerts/abcdef12")[0] == 404
        assert server.request("GET", "/api/v1/alerts?limit=x")[0] == 400


if __name__ == "__main__":
    lib.main(globals())
