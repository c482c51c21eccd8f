"""All of SigmaHQ's rules over real Windows events, against known answers.

1. Unpack the rules; `rules check` loads them all: none failed, under 1 % skipped.
2. Regression cases: each fires as often as stated, from JSON and from .evtx; and of all rules
   exactly the expected ones fire on each event.
3. EVTX attack samples and Mordor: at least 99 % of (record, rule) pairs agree, both ways counted.
   docs/sigma-agreement.md explains every difference.
"""
import collections
import contextlib
import gzip
import json
import pathlib
import tarfile
import tempfile
import zipfile

import lib

_cache = {}


def rules():
    """The folder of all unpacked rules."""
    if "rules" not in _cache:
        archive = lib.corpus("05-windows", "sigmahq_rules_all.tar.xz")
        _cache["folder"] = tempfile.TemporaryDirectory(prefix="tocsin-test-")
        root = pathlib.Path(_cache["folder"].name)
        with contextlib.closing(tarfile.open(archive)) as tar:
            for member in tar:
                if member.isfile() and member.name.endswith(".yml") and ".." not in member.name:
                    target = root / member.name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(tar.extractfile(member).read())
        _cache["rules"] = root
    return _cache["rules"]


def detect(*files):
    """(file, line, rule id) of each alert, in the order of lines."""
    output, _ = lib.run("detect", "--rules", rules(), *files)
    return [(pathlib.Path(lib.get(a, "log.file.path")), lib.get(a, "log.file.line"),
             lib.get(a, "rule.id")) for a in lib.lines(output)]


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def agreement(want, got, name):
    """Counters of pairs; prints the differences, gives the share that agrees."""
    both = sum((want & got).values())
    every = sum((want | got).values())
    for pair, count in sorted((want - got).items(), key=str)[:20]:
        print("# %s: missing %s x%d" % (name, pair, count))
    for pair, count in sorted((got - want).items(), key=str)[:20]:
        print("# %s: beyond %s x%d" % (name, pair, count))
    print("# %s: %d of %d pairs agree" % (name, both, every))
    return both / every


def test_all_rules_load():
    output, _ = lib.run("rules", "check", rules())
    last = output.decode().splitlines()[-1].replace(",", "").split()
    loaded, skipped, failed = int(last[0]), int(last[3]), int(last[5])
    assert failed == 0 and skipped * 100 < loaded + skipped, last
    assert output.decode().count(": skipped: ") == skipped


def test_regression_json():
    folder = lib.corpus("05-windows", "sigma_regression")
    fired = collections.defaultdict(list)
    for path, line, rule in detect(*sorted(folder.glob("*/*.json"))):
        fired[path.parent.name].append((line, rule))
    for case in lines_of(folder / "manifest.jsonl"):
        got = [r for _, r in fired[case["json"].split("/")[0]] if r == case["rule_id"]]
        assert len(got) >= case["expected_min_matches"], case["title"]
    want, got = collections.Counter(), collections.Counter()
    for case in lines_of(folder / "all_rules_matches.jsonl"):
        want.update((case["case"], rule) for rule in case["rules"])
    for case, found in fired.items():
        got.update((case, rule) for _, rule in found)
    assert agreement(want, got, "regression") >= 0.99


def test_regression_evtx():
    folder = lib.corpus("05-windows", "sigma_regression")
    fired = collections.Counter((path.parent.name, rule)
                                for path, _, rule in detect(*sorted(folder.glob("*/*.evtx"))))
    for case in lines_of(folder / "manifest.jsonl"):
        got = fired[case["evtx"].split("/")[0], case["rule_id"]]
        assert got >= case["expected_min_matches"], case["title"]


def test_attack_samples():
    folder = lib.corpus("05-windows", "evtx_attack_jsonl")
    with lib.Folder() as temp:
        events = temp / "events.jsonl"
        events.write_bytes(gzip.decompress((folder / "events.jsonl.gz").read_bytes()))
        got = collections.Counter((line, rule) for _, line, rule in detect(events))
    want = collections.Counter((m["line"], rule) for m in lines_of(folder / "sigma_matches.jsonl")
                               for rule in m["rules"])
    assert agreement(want, got, "attack samples") >= 0.99


def test_mordor():
    folder = lib.corpus("05-windows", "mordor")
    want, got = collections.Counter(), collections.Counter()
    with lib.Folder() as temp:
        for case in lines_of(folder / "sigma_rule_counts_per_zip.jsonl"):
            with zipfile.ZipFile(folder / case["zip"]) as archive:
                member = archive.namelist()[0]
                (temp / (case["zip"] + ".json")).write_bytes(archive.read(member))
            want.update({(case["zip"], rule): n for rule, n in case["matches"].items()})
        for path, _, rule in detect(*sorted(temp.glob("*.json"))):
            got[path.name[:-5], rule] += 1
    assert agreement(want, got, "mordor") >= 0.99


if __name__ == "__main__":
    lib.main(globals())
