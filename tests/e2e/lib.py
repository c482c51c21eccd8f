"""What the end-to-end tests share: running the program, temporary folders, a tiny TAP writer.

Each test file is a list of functions named test_*; `lib.main(globals())` runs them and prints TAP.
A test skips with lib.Skip("reason").
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import traceback

SOURCE = pathlib.Path(os.environ.get("TOCSIN_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
CORPUS = pathlib.Path(os.environ.get("TOCSIN_CORPUS", SOURCE / "../shared/data"))
PROGRAM = os.environ.get("TOCSIN", str(SOURCE / "build/tocsin"))


class Skip(Exception):
    """Says why a test cannot run here."""


def corpus(*parts):
    path = CORPUS.joinpath(*parts)
    if not path.exists():
        raise Skip("%s is not there (TOCSIN_CORPUS)" % path)
    return path


def run(*args, status=0, stdin=None, timeout=120, env=None):
    """Runs the program; checks its exit status (None: any); gives stdout, stderr."""
    result = subprocess.run([PROGRAM, *map(str, args)], input=stdin, capture_output=True,
                            timeout=timeout, check=False, env=env)
    if status is not None and result.returncode != status:
        raise AssertionError("tocsin %s: status %d instead of %d\n%s" % (
            " ".join(map(str, args)), result.returncode, status,
            result.stderr.decode(errors="replace")[-2000:]))
    return result.stdout, result.stderr.decode(errors="replace")


def lines(output):
    """JSON lines to objects."""
    return [json.loads(line) for line in output.splitlines() if line.strip()]


def get(doc, path):
    """doc["a"]["b"] for "a.b", whether it is nested or flat; None when it is not there."""
    if path in doc:
        return doc[path]
    for name in path.split("."):
        if not isinstance(doc, dict) or name not in doc:
            return None
        doc = doc[name]
    return doc


class Folder:
    """A temporary folder that goes at the end of `with`."""

    def __enter__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-test-"))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def main(names):
    only = sys.argv[1:]
    tests = [(name, one) for name, one in names.items()
             if name.startswith("test_") and (not only or name in only)]
    print("1..%d" % len(tests))
    failed = 0
    for number, (name, one) in enumerate(tests, 1):
        try:
            one()
            print("ok %d - %s" % (number, name))
        except Skip as why:
            print("ok %d - %s # SKIP %s" % (number, name, why))
        except Exception:  # the report is the traceback
            failed += 1
            print("not ok %d - %s" % (number, name))
            for line in traceback.format_exc().splitlines():
                print("# " + line)
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
