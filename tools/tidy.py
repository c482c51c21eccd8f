#!/usr/bin/env python3
"""Style as a test: floors, banned names, sizes, header guards.  Prints FILE:LINE: message; exits 1 on any."""
import pathlib, re, sys

ROOT = pathlib.Path(sys.argv[1])
FLOORS = ["base", "codec os content db", "event", "match", "parse rule store state knowledge ship",
          "pipeline collect enrich detect query alert", "api", "server cluster", "cmd"]
FLOOR = {part: n for n, parts in enumerate(FLOORS) for part in parts.split()}
BANNED = re.compile(r"(?<![\w.>])(strcpy|strcat|strncpy|strncat|sprintf|vsprintf|gets|strtok|strtok_r|atoi|atol|atoll|"
                    r"strtol|strtoul|strtoll|strtoull|sscanf|gmtime|localtime|ctime|asctime|mktemp|alloca|system|popen|rand|srand)\s*\(")
FILE_MAX, LINE_MAX, FUNC_MAX = 800, 100, 70
# Tables and generated data may be longer.
EXEMPT = {"src/event/wellknown.def"}
bad = 0


def report(path, line, msg):
    global bad
    bad += 1
    print(f"{path.relative_to(ROOT)}:{line}: {msg}")


def check(path):
    part = path.relative_to(ROOT / "src").parts[0]
    lines = path.read_text().split("\n")
    if part not in FLOOR:
        report(path, 1, f"part '{part}' has no floor")
        return
    if len(lines) - 1 > FILE_MAX and str(path.relative_to(ROOT)) not in EXEMPT:
        report(path, 1, f"{len(lines) - 1} lines, at most {FILE_MAX}")
    start = None
    for n, text in enumerate(lines, 1):
        if len(text.expandtabs(4)) > LINE_MAX:
            report(path, n, f"over {LINE_MAX} columns")
        if m := re.match(r'\s*#\s*include\s+"([^"]+)"', text):
            if "/" not in m[1]:
                report(path, n, 'include as "part/file.h"')
            else:
                other = m[1].split("/")[0]
                if other != part and FLOOR.get(other, 99) >= FLOOR[part]:
                    report(path, n, f"floors: {part} may not include {other}")
                if other != part and m[1].endswith("_int.h"):
                    report(path, n, f"{m[1]} is internal to {other}")
        code = re.sub(r'"(\\.|[^"\\])*"|//.*|/\*.*?\*/', '""', text)
        if m := BANNED.search(code):
            report(path, n, f"{m[1]} is banned")
        if path.suffix == ".c" and text == "{":
            start = n
        elif text == "}" and start is not None:
            if n - start - 1 > FUNC_MAX:
                report(path, start, f"function body of {n - start - 1} lines, at most {FUNC_MAX}")
            start = None
    if path.suffix == ".h":
        guard = "TSN_" + re.sub(r"\W", "_", str(path.relative_to(ROOT / "src"))).upper()
        if f"#ifndef {guard}" not in lines:
            report(path, 1, f"guard should be {guard}")


for found in sorted(p for p in ROOT.glob("src/**/*") if p.suffix in (".c", ".h")):
    check(found)
print(f"tidy: {bad} finding(s)")
sys.exit(1 if bad else 0)
