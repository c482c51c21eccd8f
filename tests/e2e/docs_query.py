"""The examples of docs/query-language.md give what the page says.

1. Import docs/examples.
2. Run each block ```search and compare with the block behind it: ```json its output, ```error the
   message and exit status 2.

`python3 docs_query.py --write` fills the page in.
"""
import re
import sys

import lib

PAGE = lib.SOURCE / "docs/query-language.md"
BLOCK = re.compile(r"```search\n(.*?)\n```\n```(json|error)\n(.*?)```\n", re.S)


def answer(data, query, kind):
    out, err = lib.run("search", "--data", data, "--format", "json", query,
                       status=0 if kind == "json" else 2)
    if kind == "json":
        return out.decode()
    return "".join(line + "\n" for line in err.splitlines() if line.startswith("tocsin"))


def store(folder):
    lib.run("import", "--data", folder / "data", lib.SOURCE / "docs/examples")
    return folder / "data"


def test_examples():
    blocks = BLOCK.findall(PAGE.read_text())
    assert len(blocks) > 5
    with lib.Folder() as folder:
        data = store(folder)
        for query, kind, want in blocks:
            got = answer(data, query, kind)
            assert got == want, "%s\nwant\n%s\ngot\n%s" % (query, want, got)


if "--write" in sys.argv:
    with lib.Folder() as place:
        there = store(place)
        PAGE.write_text(BLOCK.sub(lambda m: "```search\n%s\n```\n```%s\n%s```\n" % (
            m[1], m[2], answer(there, m[1], m[2])), PAGE.read_text()))
else:
    lib.main(globals())
