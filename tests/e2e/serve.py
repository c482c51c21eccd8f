"""A running server for the end-to-end tests: started, asked, killed."""
import json
import re
import subprocess
import threading
import time
import urllib.error
import urllib.request

import lib


class Server:
    """with Server(folder, "inputs: ...") as s: s.url, s.port("udp"), s.status(), s.kill()"""

    limit = None  # called in the child before the program

    def __init__(self, folder, config="", data=None, env=None, args=()):
        self.folder = folder
        self.data = data or folder / "data"
        self.config = folder / "config.yaml"
        self.config.write_text(config)
        self.args = args
        self.log = []
        self.ports = {}
        self.env = env
        self.process = None

    def start(self):
        self.log, self.ports = [], {}
        self.process = subprocess.Popen(
            [lib.PROGRAM, "run", "--config", self.config, "--data", self.data, "--listen", "127.0.0.1:0",
             *self.args], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=self.env,
            preexec_fn=self.limit)
        self.reader = threading.Thread(target=self.read_log, daemon=True)
        self.reader.start()
        self.wait(lambda: any(line.endswith(" running") for line in self.log), "the server to run")
        for line in self.log:
            if m := re.search(r"(UDP|TCP|HTTP) on (?:https?://)?127\.0\.0\.1:(\d+)", line):
                self.ports["beats" if "Beats" in line else m[1].lower()] = int(m[2])
        self.url = "http://127.0.0.1:%d" % self.ports["http"]
        return self

    def read_log(self):
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))

    def wait(self, condition, what, seconds=20):
        deadline = time.time() + seconds
        while not condition():
            if self.process.poll() is not None:
                time.sleep(0.1)
                raise AssertionError("the server ended: %s" % self.log)
            if time.time() > deadline:
                raise AssertionError("waited in vain for %s; %s" % (what, self.log[-5:]))
            time.sleep(0.02)

    def request(self, method, path, body=None, headers=None, timeout=20):
        """status, headers, body; never raises for a status."""
        request = urllib.request.Request(self.url + path, data=body, method=method, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except urllib.error.HTTPError as error:
            return error.code, dict(error.headers), error.read()

    def status(self):
        code, _, body = self.request("GET", "/api/v1/status")
        assert code == 200, body
        status = json.loads(body)
        for row in [status["total"], *status["sources"]]:
            assert row["balanced"], row
        return status

    def stored(self):
        total = self.status()["total"]
        return total["stored"] + total["failed"]

    def wait_stored(self, count, seconds=20):
        self.wait(lambda: self.stored() >= count, "%d stored records" % count, seconds)
        assert self.stored() == count, (self.stored(), count)

    def search(self, query, limit=0):
        out, _ = lib.run("search", "--data", self.data, "--limit", limit, "--format", "json", query)
        return lib.lines(out)

    def alerts(self, rule=None):
        """All of the queue, flat; of one rule if one is named."""
        out, _ = lib.run("alerts", "--data", self.data, "--format", "json", *(["--rule", rule] if rule else []))
        return [{key: lib.get(a, key) for key in ("rule.id", "alert.count", "alert.reason", "alert.level",
                                                  "alert.group")} for a in lib.lines(out)]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self, status=0):
        self.process.terminate()
        assert self.process.wait(timeout=30) == status, self.log[-5:]
        self.reader.join(timeout=5)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
