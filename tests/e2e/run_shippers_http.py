"""What shippers speak over HTTP: Splunk's event collector, Loki's push, OTLP logs.

1. Send good, bad, compressed, huge and slow requests in each form.
2. Look at the answers: those of the original, and only after the commit.
3. Look at what a search finds: the record recognised, the shipper's fields beside it.
"""
import gzip
import json
import socket
import struct

import lib
from serve import Server

CONFIG = """
http:
  max_body: 4MiB
  timeout: 4s
"""
CHANNEL = "0aeeac95-ac74-4aa9-b30d-6c4c0ac581ba"
SSHD = "Nov 20 10:00:00 web-01 sshd[7]: Failed password for root from 203.0.113.66 port 4000 ssh2"


def post(server, path, body, **headers):
    """Status and body; header names with _ for -."""
    body = body if isinstance(body, bytes) else body.encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    code, _, answer = server.request("POST", path, body, names)
    return code, answer


def hec(server, body, path="/services/collector/event", **headers):
    code, answer = post(server, path, body, **headers)
    return code, json.loads(answer)


def one(server, query):
    found = server.search(query)
    assert len(found) == 1, (query, found)
    return found[0]


def fields(event, **want):
    """Each name of want, with __ for dots, is so in the event."""
    for name, value in want.items():
        name = name.replace("__", ".")
        assert lib.get(event, name) == value, (name, lib.get(event, name), value, event)


def slowly(server, head, body):
    with socket.create_connection(("127.0.0.1", server.ports["http"])) as s:
        s.settimeout(10)
        head = "%s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % (head, len(body))
        for byte in head.encode() + body:
            s.sendall(bytes([byte]))
        answer = b""
        while chunk := s.recv(4096):
            answer += chunk
        return answer


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def proto(number, value):
    """One field: bytes and text with their length, integers as varints, floats as 8 bytes."""
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value & (1 << 64) - 1)
    return varint(number << 3 | 2) + varint(len(value)) + value


def fixed64(number, value):
    return varint(number << 3 | 1) + struct.pack("<Q", value)


def snappy(data):
    """Literals, and copies where the last 64 bytes come again."""
    out, at = varint(len(data)), 0
    while at < len(data):
        if at >= 64 and data[at:at + 64] == data[at - 64:at]:
            out += struct.pack("<BH", 63 << 2 | 2, 64)
            at += 64
            continue
        part = data[at:at + 60]
        out += bytes([len(part) - 1 << 2]) + part
        at += len(part)
    return out


def row(server, name):
    return next(r for r in server.status()["sources"] if r["source"] == name)


def test_hec_events():
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        body = (json.dumps({"time": 1700000000.25, "host": "edge-1", "source": "/var/log/auth.log",
                            "sourcetype": "linux_secure", "index": "main", "event": SSHD + "\n",
                            "fields": {"team": "blue", "n": 7, "list": ["a", "b"]}})
                + json.dumps({"time": "1700000001.500", "host": "edge-2", "event": {"app": "shop", "user": "bob"}})
                + "\r\n" + json.dumps({"event": "just \"text\" \u00e4"}) + json.dumps({"event": 42, "time": "soon"}))
        for path in ("/services/collector/event", "/services/collector", "/services/collector/1.0",
                     "/services/collector/event/1.0"):
            assert hec(server, body, path) == (200, {"text": "Success", "code": 0})
        assert server.stored() == 16
        events = server.search("source.ip:203.0.113.66")
        assert len(events) == 4
        fields(events[0], host__name="web-01", hec__host="edge-1", hec__source="/var/log/auth.log",
               hec__sourcetype="linux_secure", hec__index="main", hec__fields__team="blue", hec__fields__n=7,
               hec__fields__list=["a", "b"], user__name="root", event__original=SSHD,
               hec__time="2023-11-14T22:13:20.250Z", log__source__address="127.0.0.1")
        event = server.search("app:shop")[0]
        fields(event, host__name="edge-2", user="bob", **{"@timestamp": "2023-11-14T22:13:21.500Z"})
        assert lib.get(event, "hec") is None, event
        assert len(server.search('event.original:"just \\"text\\" \u00e4"')) == 4
        assert len(server.search("hec.time:soon event.original:42")) == 4
        assert row(server, "hec from 127.0.0.1")["received"] == 16
        server.stop()


def test_hec_raw_health_and_gzip():
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        lines = (SSHD + "\nplain line\n").encode()
        path = "/services/collector/raw?host=raw-1&sourcetype=mixed&time=1700000000&channel=" + CHANNEL
        code, answer = hec(server, gzip.compress(lines), path, Content_Encoding="gzip")
        assert (code, answer["ackId"]) == (200, 0), answer
        fields(one(server, "source.ip:203.0.113.66"), hec__host="raw-1", hec__sourcetype="mixed")
        fields(one(server, 'message:"plain line"'), host__name="raw-1",
               **{"@timestamp": "2023-11-14T22:13:20.000Z"})
        code, _, answer = server.request("GET", "/services/collector/health")
        assert (code, json.loads(answer)) == (200, {"text": "HEC is healthy", "code": 17})
        server.stop()


def test_hec_acknowledgement():
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        for number in range(3):
            code, answer = hec(server, '{"event":"e%d"}' % number, X_Splunk_Request_Channel=CHANNEL)
            assert (code, answer) == (200, {"text": "Success", "code": 0, "ackId": number}), answer
        ask = '{"acks":[0,2,3]}'
        path = "/services/collector/ack?channel=" + CHANNEL
        want = {"acks": {"0": True, "2": True, "3": False}}
        assert hec(server, ask, path) == (200, want)
        other = path.replace("0aee", "1aee")
        assert hec(server, ask, other) == (200, {"acks": {"0": False, "2": False, "3": False}})
        for bad, path, want in ((ask, "/services/collector/ack", 10), (ask, path + "0", 11), ("", path, 5),
                                ("{", path, 6), ("[]", path, 6), ('{"acks":[-1]}', path, 6), ('{"acks":1}', path, 6)):
            code, answer = hec(server, bad, path)
            assert (code, answer["code"]) == (400, want), answer
        server.kill()
        assert server.search("* | stats count() as n")[0]["n"] == 3, "durable when acknowledged"
        server.start()
        assert hec(server, ask, "/services/collector/ack?channel=" + CHANNEL)[1]["acks"]["0"] is False
        server.stop()


def test_hec_bad_input():
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        for body, want, event in ((b"", 5, None), (b" \n", 5, None), (b"[]", 6, 0), (b"text", 6, 0),
                                  (b'{"event":"a"}{"event":', 6, 1), (b'{"event":"a"} x', 6, 1), (b"{}", 12, 0),
                                  (b'{"event":null}', 12, 0), (b'{"event":""}', 13, 0), (b'{"event":tru}', 6, 0),
                                  (b"{" * 100000, 6, 0)):
            code, answer = hec(server, body)
            assert (code, answer["code"], answer.get("invalid-event-number")) == (400, want, event), (body, answer)
        assert server.status()["total"]["received"] == 0
        code, answer = hec(server, '{"event":"good"}{"event":tru}{"host":"h"}{"event":""}')
        assert (code, answer["code"]) == (200, 0)
        bad = server.search("event.kind:pipeline_error")
        assert sorted(e["event"]["original"] for e in bad) == ['{"event":""}', '{"event":tru}', '{"host":"h"}'], bad
        assert lib.get(bad[0], "error.message")
        total = server.status()["total"]
        assert (total["stored"], total["failed"]) == (1, 3)
        bomb = gzip.compress(b"\0" * 60_000_000)
        assert hec(server, bomb, Content_Encoding="gzip")[0] == 413
        assert hec(server, b"x" * 5_000_000)[0] == 413
        assert hec(server, b"x", Content_Encoding="gzip")[0] == 400
        deep = '{"event":%s1%s,"fields":%s1%s}' % ('{"a":' * 200, "}" * 200, "[" * 200, "]" * 200)
        assert hec(server, deep)[0] == 400
        assert hec(server, '{"event":"x"}' * 270000)[0] == 413
        assert server.status()["resident_bytes"] < 120e6
        server.stop()


def test_hec_tokens():
    with lib.Folder() as folder:
        tokens = folder / "tokens"
        tokens.write_text("ingest shipper-0123456789abcdef\nviewer viewer-0123456789abcdef\n")
        with Server(folder, CONFIG + "  token_file: %s\n" % tokens) as server:
            for token, want in ((None, (401, 2)), ("Splunk", (401, 3)), ("Splunk wrong", (403, 4)),
                                ("Splunk viewer-0123456789abcdef", (403, 4)),
                                ("Splunk shipper-0123456789abcdef", (200, 0)),
                                ("Bearer shipper-0123456789abcdef", (200, 0))):
                headers = {"Authorization": token} if token else {}
                code, answer = hec(server, '{"event":"a"}', **headers)
                assert (code, answer["code"]) == want, (token, code, answer)
            assert server.request("GET", "/services/collector/health")[0] == 200
            server.stop()


def test_byte_at_a_time():
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        answer = slowly(server, "POST /services/collector/event", b'{"event":"slow"}')
        assert b'{"text":"Success","code":0}' in answer, answer
        one(server, "message:slow")
        server.stop()


LOKI = "/loki/api/v1/push"


def test_loki_json():
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        body = json.dumps({"streams": [
            {"stream": {"host": "edge-1", "level": "warn", "job": "auth"}, "values": [
                ["1700000000250000000", SSHD], ["1700000001000000001", "plain line", {"trace": "t1"}]]},
            {"stream": {"service_name": "shop"}, "values": [["1700000002000000000", '{"app":"shop","level":"x"}']]},
            {"stream": {}, "values": []}]})
        assert post(server, LOKI, body, Content_Type="application/json") == (204, b"")
        assert post(server, LOKI, gzip.compress(body.encode()), Content_Type="application/json; charset=utf-8",
                    Content_Encoding="gzip", X_Scope_OrgID="blue") == (204, b"")
        events = server.search("source.ip:203.0.113.66 not loki.tenant:*")
        assert len(events) == 1
        fields(events[0], host__name="web-01", loki__labels__host="edge-1", log__level="warn",
               loki__labels__job="auth", event__original=SSHD, loki__timestamp="2023-11-14T22:13:20.250Z")
        fields(one(server, 'loki.metadata.trace:t1 not loki.tenant:*'), host__name="edge-1",
               message="plain line", **{"@timestamp": "2023-11-14T22:13:21.000000001Z"})
        fields(one(server, "app:shop loki.tenant:blue"), service__name="shop", level="x")
        assert row(server, "loki from 127.0.0.1")["stored"] == 6
        server.stop()


def loki_push(*streams):
    """(labels, [(seconds, nanos, line, {metadata})])"""
    out = b""
    for labels, entries in streams:
        stream = proto(1, labels)
        for seconds, nanos, line, metadata in entries:
            pairs = b"".join(proto(3, proto(1, k) + proto(2, v)) for k, v in metadata.items())
            stream += proto(2, proto(1, proto(1, seconds) + proto(2, nanos)) + proto(2, line) + pairs)
        out += proto(1, stream + proto(3, 12345))
    return out


def test_loki_protobuf():
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        push = loki_push(
            ('{host="edge-1", job="a \\"b\\" \\u00e4\\n"}', [(1700000000, 250000000, SSHD, {}),
                                                            (1700000001, 1, "plain line", {"trace": "t1"})]),
            ("no labels", [(1700000002, 0, "x" * 1000, {})]))
        for headers in ({"Content_Type": "application/x-protobuf"}, {"Content_Encoding": "snappy"}):
            assert post(server, LOKI, snappy(push), **headers) == (204, b"")
        events = server.search("source.ip:203.0.113.66")
        assert len(events) == 2
        fields(events[0], host__name="web-01", loki__labels__host="edge-1", loki__labels__job='a "b" \u00e4\n',
               event__original=SSHD)
        fields(server.search("loki.metadata.trace:t1")[0], message="plain line", host__name="edge-1",
               **{"@timestamp": "2023-11-14T22:13:21.000000001Z"})
        fields(server.search('loki.stream:"no labels"')[0], message="x" * 1000)
        assert row(server, "loki from 127.0.0.1")["stored"] == 6
        server.stop()


def test_loki_bad_input():
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        good = loki_push(('{a="b"}', [(1, 0, "good", {})]))
        for body, kind, want in ((b"", "json", 400), (b"{", "json", 400), (b"[]", "json", 400), (b"{}", "json", 400),
                                 (b'{"streams":[{}]}', "json", 400), (b'{"streams":[1]}', "json", 400),
                                 (b'{"streams":[]}', "json", 204), (b"", "x-protobuf", 400),
                                 (b"\xff\xff\xff\xff\x0f", "x-protobuf", 413), (b"\x05ab", "x-protobuf", 400),
                                 (snappy(good)[:-1], "x-protobuf", 400), (snappy(b"\x0b"), "x-protobuf", 400),
                                 (varint(4 << 20) + b"\x00\x00" + b"\xfe\x01\x00" * 65536, "x-protobuf", 400)):
            code, answer = post(server, LOKI, body, Content_Type="application/" + kind)
            assert code == want and (code == 204 or answer), (body[:50], code, answer)
        assert server.status()["total"]["received"] == 0
        mixed = '{"streams":[{"stream":{"a":"b"},"values":[["1","good"],["x","bad time"],["2"],7,["3",5]]},{"c":1}]}'
        assert post(server, LOKI, mixed, Content_Type="application/json")[0] == 204
        bad = [e["event"]["original"] for e in server.search("event.kind:pipeline_error")]
        assert sorted(bad) == sorted(['["x","bad time"]', '["2"]', "7", '["3",5]', '{"c":1}']), bad
        broken = good + proto(1, proto(1, '{a="b"}') + proto(2, b"\x0a\xff")) + proto(1, b"\x0b")
        assert post(server, LOKI, snappy(broken), Content_Type="application/x-protobuf")[0] == 204
        total = server.status()["total"]
        assert (total["stored"], total["failed"]) == (2, 7), total
        server.stop()


OTLP = "/v1/logs"
TRACE = "5b8efff798038103d269b633813fc60c"


def otlp_json(*records, resource=None):
    return json.dumps({"resourceLogs": [{
        "resource": {"attributes": resource or [
            {"key": "host.name", "value": {"stringValue": "edge-1"}},
            {"key": "service.name", "value": {"stringValue": "shop"}},
            {"key": "zone", "value": {"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": "7"}]}}}]},
        "scopeLogs": [{"scope": {"name": "lib", "version": "1.2", "attributes": []}, "logRecords": list(records)}],
        "schemaUrl": "https://opentelemetry.io/schemas/1.21.0"}]})


def test_otlp_json():
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        body = otlp_json(
            {"timeUnixNano": "1700000000250000000", "observedTimeUnixNano": "1700000000260000000",
             "severityNumber": 13, "severityText": "WARN", "body": {"stringValue": SSHD + "\n"},
             "traceId": TRACE, "spanId": "eee19b7ec3c1b174", "flags": 1, "attributes": [
                 {"key": "n", "value": {"intValue": "-9223372036854775808"}},
                 {"key": "d", "value": {"doubleValue": 1.5}}, {"key": "b", "value": {"boolValue": True}},
                 {"key": "o", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"stringValue": "v"}}]}}},
                 {"key": "raw", "value": {"bytesValue": "AAEC"}}, {"key": "none", "value": {}}]},
            {"observedTimeUnixNano": 1700000001000000001, "body": {"stringValue": "plain \"line\""}},
            {"body": {"kvlistValue": {"values": [{"key": "app", "value": {"stringValue": "till"}}]}},
             "eventName": "paid"})
        code, answer = post(server, OTLP, body, Content_Type="application/json")
        assert (code, json.loads(answer)) == (200, {"partialSuccess": {}}), answer
        fields(one(server, "source.ip:203.0.113.66"), host__name="web-01", service__name="shop", log__level="WARN",
               otel__resource__attributes__host__name="edge-1", otel__resource__attributes__zone=["a", 7],
               otel__scope__name="lib", otel__scope__version="1.2", otel__severity_number=13, trace__id=TRACE,
               span__id="eee19b7ec3c1b174", otel__flags=1, otel__attributes__n=-2 ** 63, otel__attributes__d=1.5,
               otel__attributes__b=True, otel__attributes__o__k="v", otel__attributes__raw="AAEC",
               otel__timestamp="2023-11-14T22:13:20.250Z", event__original=SSHD,
               otel__observed_time_unix_nano=1700000000260000000)
        fields(one(server, 'message:"plain \\"line\\""'), host__name="edge-1", service__name="shop",
               **{"@timestamp": "2023-11-14T22:13:21.000000001Z"})
        fields(one(server, "app:till"), otel__event_name="paid", event__original='{"app":"till"}')
        assert row(server, "otlp from 127.0.0.1")["stored"] == 3
        server.stop()


def otlp_proto(*records):
    def pair(key, value):
        return proto(1, key) + proto(2, value)
    resource = proto(1, pair("host.name", proto(1, "edge-1"))) + proto(1, pair("service.name", proto(1, "shop")))
    scope = proto(1, "lib") + proto(2, "1.2") + proto(3, pair("s", proto(2, 1)))
    return proto(1, proto(2, b"".join(proto(2, r) for r in records) + proto(1, scope)) + proto(1, resource))


def test_otlp_protobuf():
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        def attribute(key, value):
            return proto(6, proto(1, key) + proto(2, value))
        first = (fixed64(1, 1700000000250000000) + proto(2, 13) + proto(3, "WARN") + proto(5, proto(1, SSHD))
                 + attribute("n", proto(3, -5)) + attribute("d", proto(4, 1.5)) + attribute("raw", proto(7, b"\0\1\2"))
                 + attribute("o", proto(6, proto(1, proto(1, "k") + proto(2, proto(1, "v")))))
                 + attribute("l", proto(5, proto(1, proto(1, "a")) + proto(1, proto(2, 0))))
                 + proto(9, bytes.fromhex(TRACE)) + proto(10, bytes(range(8))))
        second = fixed64(11, 1700000001000000001) + proto(5, proto(6, proto(1, proto(1, "app") + proto(2, proto(3, 4)))))
        body = otlp_proto(first, second)
        for headers in ({}, {"Content_Encoding": "gzip"}):
            sent = gzip.compress(body) if headers else body
            assert post(server, OTLP, sent, Content_Type="application/x-protobuf", **headers) == (200, b"")
        events = server.search("source.ip:203.0.113.66")
        assert len(events) == 2
        fields(events[0], host__name="web-01", service__name="shop", log__level="WARN", otel__scope__name="lib",
               otel__scope__attributes__s=True, otel__attributes__n=-5, otel__attributes__d=1.5,
               otel__attributes__raw="AAEC", otel__attributes__o__k="v", otel__attributes__l=["a", False],
               trace__id=TRACE, span__id="0001020304050607", otel__resource__attributes__host__name="edge-1")
        fields(server.search("app:4")[0], host__name="edge-1", event__original='{"app":4}',
               **{"@timestamp": "2023-11-14T22:13:21.000000001Z"})
        server.stop()


def test_otlp_bad_input():
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        deep = proto(1, "x")
        for _ in range(100):
            deep = proto(5, proto(1, deep))
        for body, kind, want in ((b"", "json", 400), (b"{", "json", 400), (b"[]", "json", 400), (b"{}", "json", 200),
                                 (b'{"resourceLogs":{}}', "json", 400), (b'{"resourceLogs":[1]}', "json", 400),
                                 (b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":1}]}]}]}', "json", 400),
                                 (b"{}", "xml", 415), (b"", "x-protobuf", 200), (b"\x0a\xff", "x-protobuf", 400),
                                 (otlp_proto(proto(5, deep)), "x-protobuf", 400),
                                 (otlp_proto(proto(5, 7)), "x-protobuf", 400)):
            code, answer = post(server, OTLP, body, Content_Type="application/" + kind)
            assert code == want, (body[:50], code, answer)
            if kind == "json" and code == 400:
                assert json.loads(answer)["code"] == 3, answer
        assert server.status()["total"]["received"] == 0
        good = {"body": {"stringValue": "good"}}
        code, answer = post(server, OTLP, otlp_json(good, {"timeUnixNano": "soon"}), Content_Type="application/json")
        answer = json.loads(answer)["partialSuccess"]
        assert code == 200 and answer["rejectedLogRecords"] == "0" and "1 records" in answer["errorMessage"], answer
        fields(one(server, "event.kind:pipeline_error"), event__original='{"timeUnixNano": "soon"}',
               service__name="shop")
        body = otlp_proto(proto(5, proto(1, "good")), b"\x0b")
        code, answer = post(server, OTLP, body, Content_Type="application/x-protobuf")
        assert code == 200 and b"1 records could not be decoded" in answer, answer
        assert answer[0] == 0x0a and answer[1] == len(answer) - 2, answer
        total = server.status()["total"]
        assert (total["stored"], total["failed"]) == (2, 2), total
        bomb = gzip.compress(b"\0" * 60_000_000)
        for path in (OTLP, LOKI):
            code, _ = post(server, path, bomb, Content_Encoding="gzip", Content_Type="application/json")
            assert code == 413, path
        server.stop()


def test_slow_loki_and_otlp():
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        push = b'{"streams":[{"stream":{"a":"b"},"values":[["1","slow"]]}]}'
        answer = slowly(server, "POST " + LOKI, push)
        assert b" 204 " in answer, answer
        with_type = "POST %s HTTP/1.1\r\nContent-Type: application/json\r\nX-Rest:" % OTLP
        answer = slowly(server, with_type, otlp_json({"body": {"stringValue": "slow"}}).encode())
        assert b'{"partialSuccess":{}}' in answer, answer
        assert len(server.search("message:slow")) == 2
        server.stop()


if __name__ == "__main__":
    lib.main(globals())
