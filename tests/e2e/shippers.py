"""Real shippers send to a running server: rsyslog, logger, curl.  Those that are not installed are
skipped.

1. Start the server with syslog listeners.
2. Let each shipper send lines that are numbered.
3. Every line is stored once.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
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


def rsyslog_modules():
    """Where its modules are; RSYSLOG_MODULES names more folders (of packages that are only unpacked)."""
    extra = [p for p in os.environ.get("RSYSLOG_MODULES", "").split(":") if p]
    return [*sorted({str(p.parent) for p in pathlib.Path("/usr/lib").glob("**/rsyslog/lmnet.so")}), *extra]


def syslog_ng(destination, module):
    """SYSLOG_NG_ROOT: its packages unpacked there, for it cannot be installed beside rsyslog."""
    root = pathlib.Path(os.environ.get("SYSLOG_NG_ROOT", "/"))
    program = root / "usr/sbin/syslog-ng"
    if not program.exists():
        raise lib.Skip("syslog-ng is not installed (nor unpacked in SYSLOG_NG_ROOT)")
    modules = sorted({p.parent for p in (root / "usr/lib").glob("**/syslog-ng/*/lib%s.so" % module)})
    if not modules:
        raise lib.Skip("syslog-ng has no module %s here" % module)
    env = dict(os.environ)
    if str(root) != "/":
        libraries = {str(p.parent) for p in root.glob("**/*.so*") if p.parent not in modules}
        env["LD_LIBRARY_PATH"] = ":".join(sorted(libraries))
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        write_lines(folder / "in.log")
        config = folder / "syslog-ng.conf"
        config.write_text("""@version: 3.35
source s { file("%s" flags(no-parse) read-old-records(yes)); };
destination d { %s };
log { source(s); destination(d); };
""" % (folder / "in.log", destination % server.ports))
        shipper = subprocess.Popen(
            [program, "--foreground", "--no-caps", "--cfgfile", config, "--persist-file", folder / "persist",
             "--pidfile", folder / "pid", "--control", folder / "control", "--module-path", modules[0]],
            stdout=subprocess.DEVNULL, stderr=open(folder / "errors", "wb"), env=env)
        try:
            check(server)
        except AssertionError as why:
            raise AssertionError("%s; %s" % (why, (folder / "errors").read_text()[-500:])) from None
        finally:
            shipper.terminate()
            shipper.wait(timeout=20)
        server.stop()


def test_syslog_ng_network():
    syslog_ng('network("127.0.0.1" port(%(tcp)d) transport("tcp"));', "afsocket")


def test_syslog_ng_syslog():
    syslog_ng('syslog("127.0.0.1" port(%(tcp)d) transport("tcp"));', "afsocket")


def test_syslog_ng_http():
    syslog_ng('http(url("http://127.0.0.1:%(http)d/api/v1/ingest") method("POST") '
              'batch-lines(100) batch-timeout(500) body("${MSG}"));', "http")


def test_syslog_ng_elasticsearch():
    # What elasticsearch-http() of syslog-ng's library becomes.
    syslog_ng('http(url("http://127.0.0.1:%(http)d/_bulk") method("POST") headers("Content-Type: application/x-ndjson") '
              'batch-lines(100) batch-timeout(500) '
              "body('{\"index\":{\"_index\":\"logs\"}}\n$(format-json message=$MSG host=$HOST)'));", "http")


def test_opentelemetry():
    """The Python SDK (PyPI: opentelemetry-exporter-otlp-proto-http) sends log records by OTLP/HTTP."""
    sys.path[:0] = [p for p in os.environ.get("TOCSIN_TEST_PYTHON", "").split(":") if p]
    try:
        import logging
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
        from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    except ImportError as why:
        raise lib.Skip("the OpenTelemetry SDK is not installed: %s" % why) from None
    with lib.Folder() as folder, Server(folder, CONFIG) as server:
        provider = LoggerProvider()
        provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=server.url + "/v1/logs")))
        logger = logging.Logger("otel")
        logger.addHandler(LoggingHandler(logger_provider=provider))
        for i in range(COUNT):
            logger.warning("shipped line number %d end", i)
        provider.shutdown()
        check(server)
        server.stop()


def rsyslog(action, module=None):
    program = need("rsyslogd")
    modules = ["imfile", *([module] if module else [])]
    for name in modules:
        if not any(pathlib.Path(folder, name + ".so").exists() for folder in rsyslog_modules()):
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
        shipper = subprocess.Popen([program, "-n", "-M", ":".join(rsyslog_modules()), "-f", config,
                                    "-i", folder / "pid"],
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
