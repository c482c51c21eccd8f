"""JSON, Zeek and Windows documents against programs that read them too.

1. Random and broken JSON: what Python's json accepts becomes an event with the same values, what it
   refuses becomes a pipeline_error.
2. Suricata EVE: every key of every event comes back with its value.
3. Zeek logs, tab-separated and JSON: every column of every record, by its type.
4. Windows event logs: as many records as evtxexport counts, and field by field what the JSON that
   evtx_dump made of the same file gives.
5. Flat Windows JSON: every name of every event is found again.
"""
import gzip
import json
import os
import random
import re
import shutil
import subprocess
import zipfile

import lib

PARSE_LINES = os.environ["PARSE_LINES"]
ARCHIVES = 6


def parse(data, *args):
    out = subprocess.run([PARSE_LINES, *args, "-"], input=data, capture_output=True, check=True)
    return [json.loads(line) for line in out.stdout.decode().split("\n") if line]


def read(path):
    return gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()


def random_value(rng, depth):
    kind = rng.randrange(10 if depth < 5 else 7)
    if kind < 3:
        return "".join(rng.choice("ab \\\"/\n\u00e9\u4e2d\U0001f600\x01") for _ in range(rng.randrange(40)))
    if kind < 5:
        return rng.choice([0, -1, 2 ** 63 - 1, -2 ** 63, 2 ** 64 - 1, rng.randrange(10 ** 9)])
    if kind == 5:
        return rng.choice([0.5, -1e-9, 1.7976931348623157e308, rng.random()])
    if kind == 6:
        return rng.choice([True, False, None])
    if kind == 7:
        return [random_value(rng, depth + 1) for _ in range(rng.randrange(5))]
    return {"k%d" % rng.randrange(20): random_value(rng, depth + 1) for _ in range(rng.randrange(6))}


def refuse_constant(name):
    raise ValueError(name)


def strict(text):
    """What Python says; None for refused."""
    try:
        return json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        return None


def test_json_as_python_reads_it():
    rng = random.Random(7)
    texts, whole = [], set()
    for n in range(3000):
        doc = {"n": n, "v": random_value(rng, 0), "w": random_value(rng, 0)}
        text = json.dumps(doc, ensure_ascii=rng.random() < 0.5,
                          separators=rng.choice([(",", ":"), (" , ", ": ")]))
        whole.add(text)
        if n % 3 == 0:  # one character changed, dropped or doubled
            at = rng.randrange(1, len(text))
            text = text[:at] + rng.choice(["", "x", text[at] * 2, "\\", '"', ",", "1"]) + text[at + 1:]
        if text[1:].lstrip()[:1] in ('"', "}") and "\n" not in text and "." not in text.split(":")[0]:
            texts.append(text)
    events = parse("\n".join(texts).encode() + b"\n", "--kind", "json")
    assert len(events) == len(texts)
    accepted = 0
    for text, event in zip(texts, events):
        want = strict(text)
        failed = event["event"].get("kind") == "pipeline_error"
        assert failed == (want is None), (text, event)
        if failed:
            assert event["error"]["message"].startswith("JSON: "), event
            continue
        accepted += 1
        # A changed character may have made names twice or with dots: then only acceptance counts.
        if text in whole:
            for name, value in want.items():
                assert event[name] == value, (name, value, event)
    assert accepted > 1000


def nest(value):
    """Dotted names as nested ones."""
    if isinstance(value, list):
        return [nest(v) for v in value]
    if not isinstance(value, dict):
        return value
    out = {}
    for name, inner in value.items():
        at = out
        *parents, last = name.split(".")
        for parent in parents:
            at = at.setdefault(parent, {})
        at[last] = nest(inner)
    return out


def test_eve_keeps_every_key():
    data = read(lib.corpus("04-network", "suricata_verify", "eve_all.jsonl.gz"))
    events = parse(data)
    for line, event in zip(data.splitlines(), events, strict=True):
        assert event["suricata"]["eve"] == nest(json.loads(line)), line
        assert "time_unknown" not in event.get("tags", []), line


def convert(kind, value):
    inner = re.fullmatch(rb"(?:set|vector|table)\[(.*)\]", kind)
    if inner:
        return [] if value in (b"", b"(empty)") else \
            [convert(inner[1], v) for v in value.split(b",") if v != b"-"]
    if value == b"(empty)":
        return ""
    try:
        if kind in (b"count", b"int", b"port"):
            return int(value)
        if kind in (b"time", b"interval", b"double"):
            return float(value)
    except ValueError:
        pass
    if kind == b"bool" and value in (b"T", b"F"):
        return value == b"T"
    plain = re.sub(rb"\\x([0-9a-fA-F]{2})", lambda m: bytes([int(m[1], 16)]), value)
    return plain.decode("utf-8", "replace")


def zeek_records(data):
    """(record or None for a header) of each line."""
    fields, kinds = [], []
    for line in data.split(b"\n")[:-1] if data.endswith(b"\n") else data.split(b"\n"):
        columns = line.split(b"\t")
        if line.startswith(b"#"):
            fields = columns[1:] if columns[0] == b"#fields" else fields
            kinds = columns[1:] if columns[0] == b"#types" else kinds
            yield None
        elif line.startswith(b"{"):
            yield nest(json.loads(line))
        else:
            yield nest({f.decode(): convert(k, v) for f, k, v in zip(fields, kinds, columns)
                        if v != b"-"})


def test_zeek_keeps_every_column():
    root = lib.corpus("04-network")
    files = [f for f in sorted(root.glob("zeek_*/**/*"))
             if f.is_file() and not f.name.startswith("expected") and re.search(r"\.(log|json)(\.labeled)?(\.gz)?$", f.name)]
    assert files
    for path in files:
        data = read(path)
        events = parse(data, "--path", path.name)
        for want, event in zip(zeek_records(data), events, strict=True):
            if want is None:
                assert event is None, (path, event)
                continue
            log = event["event"]["dataset"].removeprefix("zeek.")
            assert event["zeek"][log] == want, (path, want, event)
            assert "time_unknown" not in event.get("tags", []), (path, want)


def stripped(value):
    """evtx_dump takes blanks off the ends of texts, and gives times to the microsecond."""
    if isinstance(value, dict):
        return {k: stripped(v) for k, v in value.items()}
    if isinstance(value, list):
        return [stripped(v) for v in value]
    return value.strip() if isinstance(value, str) else value


def comparable(event):
    event = stripped(event)
    del event["log"], event["event"]["original"], event["event"]["id"]
    event["@timestamp"] = event["@timestamp"].rstrip("Z")[:26]
    return event


def test_event_logs_as_evtx_dump_reads_them():
    root = lib.corpus("05-windows", "sigma_regression")
    records = differences = 0
    for line in (root / "manifest.jsonl").read_text().splitlines():
        case = json.loads(line)
        ours = parse(read(root / case["evtx"]), "--frame")
        theirs = parse(read(root / case["json"]), "--frame")
        assert len(ours) == len(theirs), case["evtx"]
        for a, b in zip(ours, theirs):
            records += 1
            # A few .json files were edited by hand afterwards: the case of a letter.
            if json.dumps(comparable(a), sort_keys=True).lower() != \
                    json.dumps(comparable(b), sort_keys=True).lower():
                differences += 1
                print("# %s differs" % case["evtx"])
    assert records > 100 and differences == 0, (records, differences)


def test_event_logs_have_the_records_that_evtxexport_counts():
    root = lib.corpus("05-windows", "evtx_raw")
    if shutil.which("evtxexport") is None:
        raise lib.Skip("evtxexport (libevtx-utils) is not installed")
    for path in sorted(root.glob("*.evtx")):
        out = subprocess.run(["evtxexport", str(path)], capture_output=True, check=False).stdout
        events = parse(path.read_bytes(), "--frame")
        assert len(events) == out.count(b"Event number"), path
        assert all("error" not in e for e in events), path


SYSTEM = {"EventID", "Channel", "SourceName", "ProviderName", "ProviderGuid", "Hostname", "Task",
          "Keywords", "Level", "Version", "RecordNumber", "ExecutionProcessID", "ThreadID", "UserID",
          "ActivityID", "RelatedActivityID", "Message", "TimeCreated", "EventTime", "Opcode",
          "OpcodeValue", "Category", "Severity", "SeverityValue", "EventReceivedTime",
          "SourceModuleName", "SourceModuleType", "host", "port", "tags", "type"}


def test_flat_windows_names_are_found_again():
    root = lib.corpus("05-windows", "mordor")
    archives = sorted(root.glob("*.zip"), key=lambda p: p.stat().st_size)[:ARCHIVES]
    for path in archives:
        with zipfile.ZipFile(path) as archive:
            data = b"".join(archive.read(name) for name in archive.namelist())
        for line, event in zip(data.splitlines(), parse(data), strict=True):
            want = json.loads(line)
            winlog = event["winlog"]
            assert winlog["event_id"] == int(want["EventID"]), line
            assert winlog["channel"] == want["Channel"], line
            for name, value in want.items():
                if name not in SYSTEM and name[0] != "@":
                    assert winlog["event_data"][name] == value, (name, line)


if __name__ == "__main__":
    lib.main(globals())
