"""Sources that fall silent: an alert with the reason, the rules that see nothing, and the end of it.

1. Two rules: one about sshd, one about web access; three sources, two of which feed the first.
2. A floor of a second and a history of two, so that habits are learned fast.
3. One source falls silent, then the other that feeds the same rule, then one comes back; restart.
"""
import time

import lib
from serve import Server

CONFIG = """
health: {silence: 2s, history: 2s}
rules: [%(dir)s/rules]
inputs:
  - type: file
    paths: [%(dir)s/*.log]
"""
RULE = """title: %s
id: %s
status: test
level: high
logsource: {%s}
detection:
  selection: {message|contains: nothing that is ever sent}
  condition: selection
"""


def write(folder, name, number):
    with open(folder / name, "a") as f:
        for _ in range(10):
            if name == "web.log":
                f.write('203.0.113.9 - - [20/Nov/2026:10:00:00 +0000] "GET /%d HTTP/1.1" 200 12 "-" "x"\n' % number)
            else:
                f.write("Nov 20 10:00:00 host sshd[%d]: Connection closed by 203.0.113.9 port 22\n" % number)


def feed(folder, names, seconds, count=[0]):
    end = time.time() + seconds
    while time.time() < end:
        count[0] += 1
        for name in names:
            write(folder, name, count[0])
        time.sleep(0.2)


def rows(server):
    return {row["source"].rsplit("/", 1)[1]: row for row in server.status()["sources"] if "/" in row["source"]}


def test_silence():
    with lib.Folder() as folder:
        (folder / "rules").mkdir()
        (folder / "rules/ssh.yml").write_text(RULE % (
            "About ssh", "11111111-1111-4111-8111-111111111111", "product: linux, service: sshd"))
        (folder / "rules/web.yml").write_text(RULE % (
            "About the web", "22222222-2222-4222-8222-222222222222", "category: webserver"))
        server = Server(folder, CONFIG % {"dir": folder})
        with server:
            feed(folder, ("a.log", "b.log", "web.log"), 6)
            assert not any(row["silent"] for row in rows(server).values()), rows(server)
            assert server.status()["blind"]["count"] == 0
            end = time.time() + 15
            while not rows(server)["a.log"]["silent"] and time.time() < end:
                feed(folder, ("b.log", "web.log"), 0.5)
            assert rows(server)["a.log"]["silent"] and not rows(server)["b.log"]["silent"], rows(server)
            assert server.status()["blind"]["count"] == 0, "b still feeds the rule"
            end = time.time() + 15
            while server.status()["blind"]["count"] == 0 and time.time() < end:
                feed(folder, ("web.log",), 0.5)
            blind = server.status()["blind"]
            assert [rule["name"] for rule in blind["rules"]] == ["About ssh"], blind
            server.wait(lambda: len(server.alerts("tocsin.health.source_silent")) == 2, "two alerts")
            reasons = sorted(a["alert.reason"] for a in server.alerts("tocsin.health.source_silent"))
            assert "a.log is silent since" in reasons[0] and "see nothing" not in reasons[0], reasons
            assert "b.log is silent since" in reasons[1] and '1 rules see nothing now: "About ssh"' in reasons[1]
            assert b'a.log"} 1\n' in server.request("GET", "/metrics")[2]
            _, err = lib.run("status", "--url", server.url)
            assert "1 rules see nothing" in err, err
            feed(folder, ("a.log", "web.log"), 3)
            server.wait(lambda: server.status()["blind"]["count"] == 0, "sight again")
            assert any("a.log sends again after" in line for line in server.log), server.log[-5:]
            server.stop()
            server.start()
            time.sleep(0.5)
            assert (folder / "data/habits.json").exists()
            end = time.time() + 15
            while not all(rows(server)[name]["silent"] for name in ("a.log", "b.log")) and time.time() < end:
                feed(folder, ("web.log",), 0.5)
            assert server.status()["blind"]["count"] == 1, "known over a restart"
            server.stop()


lib.main(globals())
