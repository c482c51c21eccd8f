#!/usr/bin/env python3
"""Turns the files below a folder into one C file: a table of names and bytes, sorted by name.

usage: embed.py FOLDER OUTPUT.c
"""
import pathlib
import sys


def main():
    root, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    files = sorted(p for p in root.rglob("*") if p.is_file() and not p.name.startswith("."))
    lines = ['#include "content/content.h"', ""]
    for number, path in enumerate(files):
        data = path.read_bytes()
        lines.append("static const unsigned char file_%d[] = {" % number)
        for at in range(0, len(data), 32):
            lines.append("\t" + ",".join(str(b) for b in data[at:at + 32]) + ",")
        lines.append("\t0};")
    lines.append("const struct tsn_content_file tsn_content_files[] = {")
    for number, path in enumerate(files):
        name = path.relative_to(root).as_posix()
        lines.append('\t{{"%s", %d}, {(const char *)file_%d, %d}},'
                     % (name, len(name), number, path.stat().st_size))
    lines.append("};")
    lines.append("const size_t tsn_content_file_count = %d;" % len(files))
    output.write_text("\n".join(lines) + "\n")


main()
