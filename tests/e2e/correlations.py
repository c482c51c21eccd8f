"""The shipped correlations on real logs: they fire where the attack is, and only there.

1. SSH honeypot: the addresses that the brute-force rule names are exactly those that a plain count
   over the log finds (20 failed logins within ten minutes).
2. Zeek's ssh.log of an attacked host, the same with the sum of attempts by address and server.
3. Firewall logs of scans: each scan with enough ports or targets is found, by its address.
4. Scanner logs of a web server are found; an ordinary access log stays quiet.
5. Windows: the brute force among the attack samples is found, once.
6. The order of files does not matter: the same ids.
"""
import collections
import datetime
import gzip
import json

import lib

RULES = lib.SOURCE / "content/rules/correlation"


def detect(*paths, rules=RULES):
    out, _ = lib.run("detect", "--rules", rules, *paths)
    return lib.lines(out)


def groups(alerts, rule, *paths):
    return {tuple(lib.get(a["alert"]["group"], p) for p in paths)
            for a in alerts if a["rule"]["name"] == rule}


def opened(path):
    return gzip.open(path, "rt", errors="replace") if path.suffix == ".gz" else path.open()


def reached(events, span, least):
    """Keys of (key, second, amount) that reach `least` within `span` seconds, both ends counted."""
    by_key = collections.defaultdict(list)
    for key, at, amount in events:
        by_key[key].append((at, amount))
    found = set()
    for key, list_ in by_key.items():
        list_.sort()
        first, total = 0, 0
        for at, amount in list_:
            total += amount
            while at - list_[first][0] > span:
                total -= list_[first][1]
                first += 1
            if total >= least:
                found.add(key)
                break
    return found


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def test_honeypot():
    folder = lib.corpus("01-linux-auth", "cowrie")
    events, sources = [], set()
    for path in sorted(folder.glob("cowrie.json.*")):
        for line in opened(path):
            e = json.loads(line)
            if e["eventid"] == "cowrie.login.failed":
                sources.add(e["src_ip"])
                events.append(((e["src_ip"],), instant(e["timestamp"]), 1))
    want = json.loads((folder / "expected_counts.json").read_text())
    if set(p.name.removesuffix(".gz") for p in folder.glob("cowrie.json.*")) == \
            set(want["per_file"]):
        assert len(sources) == want["distinct_src_ip_login_failed"]
    alerts = detect(folder)
    assert groups(alerts, "Brute force against a honeypot", "source.ip") == \
        reached(events, 600, 20)


def test_zeek_ssh():
    path = lib.corpus("04-network", "zeek_stratosphere", "007-zeek-scenario-ssh-infected",
                      "ssh.log.gz")
    events = []
    for line in opened(path):
        if line.startswith("{"):
            e = json.loads(line)
            if e.get("auth_success") is False:
                events.append(((e["id.orig_h"], e["id.resp_h"]), e["ts"], e["auth_attempts"]))
    if not events:
        raise lib.Skip("no JSON in the log")
    alerts = detect(path)
    assert groups(alerts, "SSH brute force seen on the network", "source.ip",
                  "destination.ip") == reached(events, 600, 20)
    assert {a["rule"]["name"] for a in alerts} == {"SSH brute force seen on the network"}


def test_firewall_scans():
    folder = lib.corpus("04-network", "iptables_psad")
    want = {"ack_scan": {"Port scan": 1}, "null_scan": {"Port scan": 1},
            "udp_scan": {"Port scan": 1}, "syn_scan_1000_1500_multi_dst": {"Port scan": 4},
            "syn_sweep": {"Host scan": 1}, "topera": {"Port scan": 1}}
    for path in sorted(folder.iterdir()):
        found = collections.Counter(a["rule"]["name"] for a in detect(path))
        found.pop("Slow port scan", None)
        expected = next((w for name, w in want.items() if name in path.name), None)
        if expected is None:
            expected = {"Port scan": 1} if "syn_scan_1000_1500" in path.name else {}
        assert found == expected, (path.name, found)


def test_web():
    assert detect(lib.corpus("02-web-access", "apache_combined_10k.log.gz")) == []
    for name, source in [("acunetix", "192.168.4.25"), ("netsparker", "192.168.4.164")]:
        alerts = detect(lib.corpus("02-web-access", "scan_%s.access.log.gz" % name))
        assert groups(alerts, "Web scan", "source.ip") == {(source,)}, name
        assert len(alerts) < 10, "once per source and window"


def test_windows():
    alerts = detect(lib.corpus("05-windows", "evtx_attack_jsonl", "events.jsonl.gz"))
    assert groups(alerts, "Windows logon brute force", "IpAddress") == {("192.168.198.149",)}
    assert len(alerts) < 10, [a["alert"]["reason"] for a in alerts]


def test_order_of_files():
    paths = sorted(lib.corpus("01-linux-auth", "cowrie").glob("cowrie.json.*"))[:6]
    ids = [sorted(a["event"]["id"] for a in detect(*order)) for order in (paths, paths[::-1])]
    assert ids[0] == ids[1] and len(ids[0]) > 0


lib.main(globals())
