"""The program as it is built is hardened: read back from the binary itself.

1. readelf of the program.
2. Position independent, all relocations done before main and then read-only, no executable stack,
   stack protector and fortified functions in use, control flow protection marked.
"""
import re
import subprocess

import lib


def readelf(*args):
    try:
        return subprocess.run(["readelf", "-W", *args, lib.PROGRAM], capture_output=True, text=True,
                              check=True).stdout
    except FileNotFoundError:
        raise lib.Skip("readelf (binutils) is not installed") from None


def test_position_independent():
    assert "DYN (Position-Independent Executable file)" in readelf("-h")


def test_relocations_read_only_and_now():
    assert "GNU_RELRO" in readelf("-l")
    assert re.search(r"FLAGS.*BIND_NOW|FLAGS_1.*NOW", readelf("-d"))


def test_no_executable_stack():
    stack = re.search(r"GNU_STACK.*", readelf("-l"))
    assert stack and "RWE" not in stack[0], stack


def test_protected_and_fortified():
    symbols = readelf("--dyn-syms")
    if "__asan_init" in symbols or "__tsan_init" in symbols:
        raise lib.Skip("a sanitizer build")
    assert "__stack_chk_fail" in symbols
    assert re.search(r"__\w+_chk\b", symbols.replace("__stack_chk_fail", ""))


def test_no_library_path():
    dynamic = readelf("-d")
    assert "RPATH" not in dynamic and "RUNPATH" not in dynamic


lib.main(globals())
