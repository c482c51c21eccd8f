#!/usr/bin/env python3
"""Turns terminal output with colours (standard input) into an SVG picture (standard output).

usage: tocsin demo | term_svg.py TITLE [COLUMNS] > docs/demo.svg
"""
import html
import re
import sys

COLORS = {"31": "#ff7b72", "32": "#7ee787", "33": "#e3b341", "34": "#79c0ff", "35": "#d2a8ff",
          "36": "#76e3ea", "2": "#8b949e", "1": "#ffffff"}
BACK = {"41": "#b62324"}
WIDTH, HEIGHT = 7.83, 18


def spans(line, columns):
    color, back, at, out = "#c9d1d9", None, 0, []
    for part in re.split(r"(\033\[[0-9;]*m)", line):
        code = re.fullmatch(r"\033\[([0-9;]*)m", part)
        if code:
            for one in (code[1] or "0").split(";"):
                if one in ("", "0"):
                    color, back = "#c9d1d9", None
                color, back = COLORS.get(one, color), BACK.get(one, back)
            continue
        part = part[:max(0, columns - at)]
        if part:
            out.append((at, part, color, back))
        at += len(part)
    return out


def main():
    title, columns = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 120
    lines = sys.stdin.read().rstrip("\n").split("\n")
    width, height = columns * WIDTH + 32, len(lines) * HEIGHT + 60
    print('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" role="img" aria-label="%s">'
          % (width, height, html.escape(title)))
    print('<rect width="100%" height="100%" rx="8" fill="#0d1117"/>')
    for number, dot in enumerate(("#ff5f56", "#ffbd2e", "#27c93f")):
        print('<circle cx="%d" cy="18" r="6" fill="%s"/>' % (20 + number * 20, dot))
    print('<text x="50%%" y="22" fill="#8b949e" font-family="sans-serif" font-size="12" '
          'text-anchor="middle">%s</text>' % html.escape(title))
    print('<g font-family="ui-monospace,Menlo,Consolas,monospace" font-size="13" xml:space="preserve">')
    for row, line in enumerate(lines):
        for at, text, color, back in spans(line, columns):
            x, y = 16 + at * WIDTH, 52 + row * HEIGHT
            if back:
                print('<rect x="%.1f" y="%.1f" width="%.1f" height="%d" fill="%s"/>'
                      % (x, y - 13, len(text) * WIDTH, HEIGHT, back))
            print('<text x="%.1f" y="%.1f" fill="%s" textLength="%.1f">%s</text>'
                  % (x, y, color, len(text) * WIDTH, html.escape(text)))
    print("</g></svg>")


main()
