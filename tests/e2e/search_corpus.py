"""Searches over real logs give the counts that independent programs counted.

1. Import Suricata's EVE of suricata-verify; each check of checks.jsonl is a search whose number of
   events must be the check's count (keys that end in __len are no fields).
2. Import LogHub's Linux log; each counted query must find its number of lines.
3. Import sshd, cowrie and access logs; totals, groups and distinct counts through `| stats` and
   `| top` must be those of expected_counts.json.
"""
import concurrent.futures
import gzip
import json
import os
import re

import lib


def quote(value):
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def literal(value):
    if value is True or value is False:
        return str(value).lower()
    return quote(value) if isinstance(value, str) else json.dumps(value)


def terms(key, value):
    """The filter of one key of a check."""
    if key in ("has-key", "not-has-key"):
        names = value if isinstance(value, list) else [value]
        return [("not " if key[0] == "n" else "") + "suricata.eve.%s:*" % n for n in names]
    field = "suricata.eve." + key
    if isinstance(value, dict):
        return [t for k, v in value.items() for t in terms(key + "." + k, v)]
    if isinstance(value, list):
        all_there = ["%s[%d]:%s" % (field, i, literal(v)) for i, v in enumerate(value)]
        return all_there + ["not %s[%d]:*" % (field, len(value))]
    return ["%s:%s" % (field, literal(value))]


def check_filter(check):
    query = ["suricata.eve.test:%s" % quote(check["test"])]
    for key, value in check["match"].items():
        if key.endswith("__len"):
            return None
        query += terms(key, value)
    return " and ".join(query)


def search(data, *query):
    out, _ = lib.run("search", "--data", data, "--format", "json", "--limit", "0", *query)
    return lib.lines(out)


def count(data, query):
    return search(data, "%s | stats count() as n" % query)[0]["n"]


def store(folder, *files):
    lib.run("import", "--data", folder / "data", *files)
    return folder / "data"


def table(rows, key, value="count"):
    return {str(row[key]): row[value] for row in rows}


def test_suricata_checks():
    path = lib.corpus("04-network", "suricata_verify")
    checks = [json.loads(line) for line in (path / "checks.jsonl").read_text().splitlines()]
    with lib.Folder() as folder:
        data = store(folder, path / "eve_all.jsonl.gz")
        pairs = [(check_filter(check), check["count"]) for check in checks]
        pairs = [pair for pair in pairs if pair[0] is not None]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            counts = list(pool.map(lambda pair: count(data, pair[0]), pairs))
        wrong = ["%d instead of %d: %s" % (got, want, query[:300])
                 for got, (query, want) in zip(counts, pairs) if got != want]
        assert not wrong, "%d of %d wrong\n%s" % (len(wrong), len(checks), "\n".join(wrong[:20]))


def test_counted_queries():
    path = lib.corpus("10-query-bench")
    log = gzip.decompress((path / "loghub_linux.log.gz").read_bytes()).decode(
        errors="replace").splitlines()
    with lib.Folder() as folder:
        data = store(folder, path / "loghub_linux.log.gz")
        for line in (path / "linux_queries.jsonl").read_text().splitlines():
            want = json.loads(line)
            # the counts are of substrings, with case: as a regex, and as patterns of the line
            regexes = ["event.original:/%s/" % "".join(
                c if c.isalnum() or c in " =" else "\\" + c for c in part) for part in want["all_of"]]
            got = count(data, " and ".join(regexes))
            assert got == want["lines"], "%d: %s" % (got, want)
            # by word and without case: counted here
            words = [re.compile(r"(?<!\w)%s(?!\w)" % re.escape(part) if part[-1].isalnum() else
                                r"(?<!\w)%s" % re.escape(part), re.I) for part in want["all_of"]]
            lines = sum(all(w.search(line) for w in words) for line in log)
            got = count(data, " and ".join(quote(part) for part in want["all_of"]))
            assert got == lines, "words: %d instead of %d: %s" % (got, lines, want)


def test_sshd_counts():
    path = lib.corpus("01-linux-auth")
    want = json.loads((path / "expected_counts.json").read_text())
    with lib.Folder() as folder:
        data = store(folder, path / "ec2_sshd_auth.log.gz")
        ec2 = want["ec2_sshd_auth.log"]
        assert count(data, "*") == ec2["counts"]["lines"]
        assert count(data, '"session opened for user"') == ec2["counts"]["session_opened"]
        assert count(data, '"Received disconnect"') == ec2["counts"]["received_disconnect"]
        assert count(data, '"POSSIBLE BREAK-IN ATTEMPT"') == ec2["counts"]["break_in_attempt_msg"]
        invalid = 'message:/^Invalid user /'
        assert count(data, invalid) == ec2["counts"]["invalid_user"]
        rows = search(data, invalid + " | top 15 source.ip")
        assert [r["count"] for r in rows] == [n for _, n in ec2["top15_src_ip_invalid_user"]]
        assert table(rows, "source.ip") == dict(ec2["top15_src_ip_invalid_user"]) or \
            sum(r["count"] for r in rows) == sum(n for _, n in ec2["top15_src_ip_invalid_user"])
        dc = search(data, invalid + " | stats dc(source.ip) as n")[0]["n"]
        assert dc == ec2["distinct_src_ip_invalid_user"]
        rows = search(data, invalid + " | top 6 user.name")
        assert [r["count"] for r in rows][:4] == [n for _, n in ec2["top15_invalid_user"]][:4]
    with lib.Folder() as folder:
        data = store(folder, path / "loghub_linux_full.log.gz")
        linux = want["loghub_linux_full.log"]["counts"]
        assert count(data, "*") == linux["lines"]
        assert count(data, '"session opened for user"') == linux["session_opened"]
        assert count(data, 'message:/authentication failure/ and "sshd(pam_unix)"') == linux["authentication_failure"]


def test_cowrie_counts():
    path = lib.corpus("01-linux-auth", "cowrie")
    want = json.loads((path / "expected_counts.json").read_text())
    with lib.Folder() as folder:
        data = store(folder, *sorted(path.glob("cowrie.json.*")))
        assert count(data, "*") == want["events"]
        rows = search(data, "* | stats count() as n by cowrie.eventid")
        assert table(rows, "cowrie.eventid", "n") == want["by_eventid"]
        rows = search(data, "* | stats count() as n by log.file.path")
        assert {r["log.file.path"].split("/")[-1].removesuffix(".gz"): r["n"] for r in rows} == \
            want["per_file"]
        times = search(data, "* | stats min(@timestamp) as first, max(@timestamp) as last")[0]
        assert times["first"][:23] == want["first"][:23] and times["last"][:23] == want["last"][:23]
        failed = "cowrie.eventid:cowrie.login.failed"
        assert search(data, failed + " | stats dc(cowrie.src_ip) as n")[0]["n"] == \
            want["distinct_src_ip_login_failed"]
        assert search(data, "cowrie.eventid:cowrie.login.success | stats dc(cowrie.src_ip) as n")[0][
            "n"] == want["distinct_src_ip_login_success"]
        for query, key, name in (
                (failed, "cowrie.src_ip", "top20_src_ip_login_failed"),
                (failed, "cowrie.username", "top20_username_failed"),
                (failed, "cowrie.password", "top20_password_failed"),
                ("cowrie.eventid:cowrie.command.input", "cowrie.input", "top_commands")):
            rows = search(data, "%s | top %d %s" % (query, len(want[name]), key))
            # equal counts at the end of the list have no order of their own
            assert [r["count"] for r in rows] == [n for _, n in want[name]], name
            least = want[name][-1][1]
            assert {(r[key], r["count"]) for r in rows if r["count"] > least} == \
                {(k, n) for k, n in want[name] if n > least}, name


def test_access_counts():
    path = lib.corpus("02-web-access")
    want = json.loads((path / "expected_counts.json").read_text())
    for name, expected in want.items():
        if not isinstance(expected, dict) or "by_status" not in expected:
            continue
        with lib.Folder() as folder:
            data = store(folder, path / (name + ".gz"))
            rows = search(data, "* | stats count() as n by http.response.status_code")
            assert table(rows, "http.response.status_code", "n") == expected["by_status"], name
            rows = search(data, "* | stats count() as n by http.request.method")
            assert table(rows, "http.request.method", "n") == expected["by_method"], name
            got = search(data, "http.response.status_code:* | stats count() as n, "
                         "dc(source.ip) as ips, sum(http.response.body.bytes) as bytes")[0]
            assert got == {"n": expected["parsed"], "ips": expected["distinct_ip"],
                           "bytes": expected["bytes_sum"]}, (name, got)
            rows = search(data, "* | top %d source.ip" % len(expected["top15_ip"]))
            assert [r["count"] for r in rows] == [n for _, n in expected["top15_ip"]], name


lib.main(globals())
