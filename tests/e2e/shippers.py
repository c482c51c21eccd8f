"""Real shippers send to a running server: rsyslog, logger, curl.  Those that are not installed are
skipped.

1. Start the server with syslog listeners.
2. Let each shipper send lines that are numbered.
3. Every line is stored once.
"""
import json
import pathlib
import shutil
import subprocess
import time

import lib
from serve import Server

CONFIG = """
inputs:
  - type: syslog_udp
    listen: 127.0.0.1:0
  - type: syslog_tcp
    listen: 127.0.0.1:0
"""
COUNT = 500


def need(program):
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if not found:
        raise lib.Skip("%s is not installed" % program)
    return found


def check(server, count=COUNT):
    server.wait(lambda: len(numbers(server)) >= count, "%d lines" % count, 30)
    got = sorted(numbers(server))
    assert got == list(range(count)), (len(got), len(set(got)))


def numbers(server):
    rows = server.search('"shipped line number" | fields message')
    return [int(lib.get(row, "message").split("number ")[1].split()[0]) for row in rows]


def write_lines(path):
    path.write_text("".join("shipped line number %d end\n" % i for i in range(COUNT)))


def rsyslog(action, module=None):
    program = need("rsyslogd")
    modules = ["imfile", *([module] if module else [])]
    for name in modules:
        if not list(pathlib.Path("/usr/lib").glob("**/rsyslog/%s.so" % name)):
            raise lib.Skip("rsyslog has no %s here" % name)
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        write_lines(folder / "in.log")
        config = folder / "rsyslog.conf"
        config.write_text("\n".join([
            *('module(load="%s")' % name for name in modules),
            'global(workDirectory="%s")' % folder,
            'template(name="json" type="list" option.jsonf="on") {',
            '  property(outname="message" name="msg" format="jsonf")',
            '  property(outname="host" name="hostname" format="jsonf") }',
            'input(type="imfile" File="%s" Tag="app:")' % (folder / "in.log"),
            action.format(**server.ports)]) + "\n")
        shipper = subprocess.Popen([program, "-n", "-f", config, "-i", folder / "pid"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            check(server)
        finally:
            shipper.terminate()
            shipper.wait(timeout=20)
        server.stop()


def test_rsyslog_tcp_lines():
    rsyslog('action(type="omfwd" target="127.0.0.1" port="{tcp}" protocol="tcp")')


def test_rsyslog_tcp_octets():
    rsyslog('action(type="omfwd" target="127.0.0.1" port="{tcp}" protocol="tcp" TCP_Framing="octet-counted" '
            'template="RSYSLOG_SyslogProtocol23Format")')


def test_rsyslog_udp():
    rsyslog('action(type="omfwd" target="127.0.0.1" port="{udp}" protocol="udp")')


def test_rsyslog_elasticsearch():
    rsyslog('action(type="omelasticsearch" server="127.0.0.1" serverport="{http}" bulkmode="on" template="json" '
            'searchIndex="logs" searchType="")', "omelasticsearch")


def test_logger():
    logger = need("logger")
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        for i, options in enumerate((["--tcp", "--port", server.ports["tcp"]],
                                     ["--tcp", "--octet-count", "--port", server.ports["tcp"]],
                                     ["--udp", "--port", server.ports["udp"]],
                                     ["--udp", "--rfc3164", "--port", server.ports["udp"]])):
            subprocess.run([logger, "--server", "127.0.0.1", *map(str, options),
                            "shipped line number %d end" % i], check=True)
        check(server, 4)
        server.stop()


def test_curl():
    curl = need("curl")
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        body = folder / "body"
        body.write_text("".join('{"index":{"_index":"x"}}\n{"message":"shipped line number %d end"}\n' % i
                                for i in range(3000)))
        out = subprocess.run([curl, "-s", "-H", "Content-Type: application/x-ndjson", "--data-binary",
                              "@%s" % body, server.url + "/_bulk"], capture_output=True, check=True).stdout
        assert not json.loads(out)["errors"]
        big = folder / "big"
        big.write_text("x" * 30_000_000)
        out = subprocess.run([curl, "-s", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", "@%s" % big,
                              server.url + "/_bulk"], capture_output=True, check=True).stdout
        assert out == b"413", out
        check(server, 3000)
        server.stop()


if __name__ == "__main__":
    lib.main(globals())
