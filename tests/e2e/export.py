"""Files come back out of the store byte for byte.

1. Write random files: lines of many kinds, line ends of either kind, blank lines, no last line end, bytes
   that are no text, some of them compressed.
2. Import them, some in two pieces, export them.
3. Each file is the one that was read (a compressed one: what was in it), and the program says so.
4. Where line ends are mixed, or lines hold blanks alone, the bytes between records are not known: a file
   that is not the same is said to be so.
"""
import gzip
import os
import random

import lib

ROUNDS = int(os.environ.get("TOCSIN_EXPORT_ROUNDS", "6"))

MIXED = [[b"\n", b"\r\n"], [b"\n", b"\n  \n", b"\r\n", b"\r\r\n"]]
WORDS = ["Failed", "password", "root", "10.0.0.1", "x" * 50, "caf\xe9", "\u20ac", "{", "}", "\"", "\\", "\t", "a=b", "[1]"]


def some_line(rng):
    kind = rng.randrange(8)
    if kind == 0:
        return b""
    if kind == 1:
        return b"<" + bytes(rng.randrange(256) for _ in range(rng.randrange(1, 60))).replace(b"\n", b" ") + b">"
    if kind == 2:
        return b'{"a":%d,"message":"m %d","l":[1,2,{"k":null}]}' % (rng.randrange(99), rng.randrange(9999))
    if kind == 3:
        return (" " * rng.randrange(1, 9) + "tab\t" * rng.randrange(1, 3)).encode()
    if kind == 4:
        return "w ".join(["", *(rng.choice(WORDS) for _ in range(rng.randrange(1, 12)))]).encode("utf-8", "replace")
    return b"Nov %2d 10:%02d:%02d host%d sshd[%d]: Failed password for user%d from 10.0.0.%d port %d ssh2" % (
        rng.randrange(1, 29), rng.randrange(60), rng.randrange(60), rng.randrange(4), rng.randrange(9999),
        rng.randrange(9), rng.randrange(255), rng.randrange(65536))


def some_file(rng, mixed):
    ends = rng.choice(MIXED if mixed else [[b"\n"], [b"\r\n"]])
    data = b"".join(some_line(rng) + rng.choice(ends) for _ in range(rng.randrange(1, 400)))
    if rng.random() < 0.3:
        data += b"a last line without its end"
    if rng.random() < 0.1 and (mixed or data[0] not in b"\r\n"):
        data = b"\xef\xbb\xbf" + data
    if mixed and rng.random() < 0.3:
        data = b"\n\n" + data
    return data


def write(rng, path, data, folder):
    """At once, or grown between two imports; True: at once."""
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(data))
        return True
    cut = data.rfind(b"\n", 0, rng.randrange(1, len(data) + 1)) + 1
    if rng.random() < 0.5 or cut == 0:
        path.write_bytes(data)
        return True
    path.write_bytes(data[:cut])
    lib.run("import", "--quiet", "--data", folder / "data", path, status=None)
    path.write_bytes(data)
    return False


def one_round(seed, mixed):
    rng = random.Random(seed)
    with lib.Folder() as folder:
        (folder / "logs").mkdir()
        files = {folder / "logs" / ("f%d.log%s" % (i, ".gz" if i % 4 == 3 else "")): some_file(rng, mixed)
                 for i in range(8)}
        at_once = {path: write(rng, path, data, folder) for path, data in files.items()}
        lib.run("import", "--quiet", "--data", folder / "data", *files, status=None)
        out, err = lib.run("store", "export", "--data", folder / "data", "--dir", folder / "out", status=None)
        said = {line.split(": ")[0]: line for line in out.decode().splitlines()}
        for path, data in files.items():
            copy = folder / "out" / str(path).lstrip("/")
            got, says = copy.read_bytes() if copy.exists() else b"", said[str(copy)]
            if mixed:
                # What is not exact is said, never the reverse.
                assert got == data or "as it was read" not in says or "not as it was read" in says, says
                continue
            if got != data:
                at = next((i for i, (a, b) in enumerate(zip(got, data)) if a != b), min(len(got), len(data)))
                raise AssertionError("seed %d, %s: %d bytes instead of %d, differs at %d: %r instead of %r\n%s" % (
                    seed, path.name, len(got), len(data), at, got[at - 20:at + 20], data[at - 20:at + 20],
                    out.decode(errors="replace") + err))
            assert says.endswith("as it was read") or not at_once[path], says


def test_files_come_back():
    seed = int(os.environ.get("TOCSIN_EXPORT_SEED", "1"))
    for i in range(ROUNDS):
        one_round(seed + i, False)


def test_what_is_not_exact_is_said():
    seed = int(os.environ.get("TOCSIN_EXPORT_SEED", "1"))
    for i in range(ROUNDS // 2):
        one_round(seed + i, True)


if __name__ == "__main__":
    lib.main(globals())
