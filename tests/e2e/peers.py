"""Small local peers for pipelines: Elasticsearch, WebHDFS, HTTP, SMTP, Redis, TCP and UDP, in threads.

Each keeps what it got; each can be told to answer badly for a while.
"""
import gzip
import http.server
import json
import socket
import socketserver
import threading
import time
import urllib.parse


def wait_for(what, seconds=20):
    end = time.time() + seconds
    while time.time() < end:
        if what():
            return True
        time.sleep(0.02)
    raise AssertionError("it did not happen in %d s" % seconds)


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, *_):
        pass


class Http:
    """Requests go to self.answer(method, path, headers, body) -> (status, headers, body)."""

    def __init__(self, port=0):
        owner = self
        self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                owner.requests.append((self.command, self.path, dict(self.headers), body))
                status, headers, answer = owner.answer(self.command, self.path, self.headers, body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer)

            do_GET = do_POST = do_PUT = do_HEAD = do_PATCH = do_DELETE = do

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, method, path, headers, body):
        return 200, {}, b"ok"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Elastic(Http):
    """Bulk requests. trouble: statuses to answer with first (None: as usual); judge(doc): of one document."""

    def __init__(self, port=0):
        self.docs = []      # (action, metadata, document)
        self.trouble = []
        self.judge = lambda doc: 201
        super().__init__(port)

    def answer(self, method, path, headers, body):
        if not path.startswith("/_bulk") and "/_bulk" not in path:
            return (404 if method == "HEAD" else 200), {}, b"{}"
        status = self.trouble.pop(0) if self.trouble else None
        if status:
            return status, {}, b"{\"error\":\"trouble\"}"
        lines = [json.loads(line) for line in body.decode().split("\n") if line]
        items = []
        while lines:
            (action, meta), = lines.pop(0).items()
            doc = lines.pop(0) if action != "delete" else None
            status = self.judge(doc)
            if status < 300:
                self.docs.append((action, meta, doc))
                items.append({action: {"status": status}})
            else:
                items.append({action: {"status": status, "error": {"type": "t", "reason": "no \"good\""}}})
        return 200, {"Content-Type": "application/json"}, json.dumps(
            {"took": 1, "errors": any(v["status"] > 299 for i in items for v in i.values()), "items": items}).encode()


class Hdfs(Http):
    """The two-step redirect; files in self.files."""

    def __init__(self, port=0):
        self.files = {}
        self.trouble = []
        super().__init__(port)

    def answer(self, method, path, headers, body):
        url = urllib.parse.urlparse(path)
        q = urllib.parse.parse_qs(url.query)
        name = urllib.parse.unquote(url.path)[len("/webhdfs/v1"):]
        status = self.trouble.pop(0) if self.trouble else None
        if status:
            return status, {}, b"trouble"
        op = q["op"][0]
        if op == "APPEND" and name not in self.files:
            return 404, {}, b'{"RemoteException":{"exception":"FileNotFoundException"}}'
        if "step" not in q:
            return 307, {"Location": "http://127.0.0.1:%d%s&step=2" % (self.port, path)}, b""
        self.files[name] = (self.files.get(name, b"") if op == "APPEND" else b"") + body
        return (200 if op == "APPEND" else 201), {}, b""


class Lines:
    """A TCP server that keeps every byte."""

    def __init__(self, port=0):
        owner = self
        self.data = b""
        self.connections = []

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                owner.connections.append(self.request)
                while True:
                    got = self.request.recv(65536)
                    if not got:
                        return
                    owner.data += got

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        for c in self.connections:
            try:
                c.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Datagrams:
    def __init__(self):
        self.got = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            self.got.append(self.socket.recv(65536))


class Mail(Lines):
    """SMTP; messages in self.messages as (sender, recipients, text)."""

    def __init__(self, port=0):
        owner = self
        self.messages = []
        self.connections = []
        self.refuse = None

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                say = lambda text: self.wfile.write(text.encode() + b"\r\n")
                say("220 peer")
                sender, to = "", []
                for line in self.rfile:
                    verb = line.strip().upper()
                    if verb.startswith((b"EHLO", b"HELO")):
                        say("250 peer")
                    elif verb.startswith(b"MAIL FROM"):
                        sender, to = line.decode().split("<")[1].split(">")[0], []
                        say("250 ok")
                    elif verb.startswith(b"RCPT TO"):
                        to.append(line.decode().split("<")[1].split(">")[0])
                        say(owner.refuse or "250 ok")
                    elif verb == b"DATA":
                        say("354 go on")
                        text = b""
                        for part in self.rfile:
                            if part == b".\r\n":
                                break
                            text += part[1:] if part.startswith(b"..") else part
                        owner.messages.append((sender, to, text))
                        say("250 taken")
                    elif verb == b"QUIT":
                        say("221 bye")
                        return
                    else:
                        say("250 ok")

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


class Redis(Lines):
    """Lists and channels of RESP commands."""

    def __init__(self, port=0):
        owner = self
        self.lists, self.published, self.commands = {}, [], []
        self.connections = []

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                owner.connections.append(self.request)
                while True:
                    head = self.rfile.readline()
                    if not head:
                        return
                    words = []
                    for _ in range(int(head[1:])):
                        length = int(self.rfile.readline()[1:])
                        words.append(self.rfile.read(length))
                        self.rfile.read(2)
                    self.wfile.write(owner.answer(words))

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, words):
        self.commands.append(words)
        verb = words[0].upper()
        if verb == b"RPUSH":
            self.lists.setdefault(words[1].decode(), []).append(words[2])
            return b":%d\r\n" % len(self.lists[words[1].decode()])
        if verb == b"PUBLISH":
            self.published.append((words[1], words[2]))
            return b":0\r\n"
        if verb == b"LLEN":
            return b":%d\r\n" % len(self.lists.get(words[1].decode(), []))
        return b"+OK\r\n"
