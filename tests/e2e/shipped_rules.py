"""The detections that ship with the program, through import and the alert queue.

1. Write small logs in the real formats.
2. Import them without naming rules: the shipped ones are used.
3. The alerts are the expected ones, and importing again adds none.
"""
import lib

SSH = "Nov 20 10:%02d:%02d web-01 sshd[%d]: %s\n"
FAILED = "Failed password for root from 203.0.113.66 port 4000 ssh2"
ACCEPTED = "Accepted password for root from 203.0.113.66 port 4000 ssh2"


def alerts(data):
    output, _ = lib.run("alerts", "--data", data, "--format", "json")
    return sorted(lib.get(a, "rule.id") for a in lib.lines(output))


def import_text(folder, name, text):
    path = folder / name
    path.write_text(text)
    lib.run("import", "--data", folder / "data", path)
    return alerts(folder / "data")


def test_brute_force_that_succeeds():
    text = "".join(SSH % (0, i, 100 + i, FAILED) for i in range(6)) + SSH % (0, 9, 200, ACCEPTED)
    with lib.Folder() as folder:
        want = ["ssh.bruteforce_attempt", "ssh.bruteforce_success"]
        assert import_text(folder, "auth.log", text) == want
        assert import_text(folder, "auth.log", text) == want, "again: nothing new"


def test_five_failures_are_not_more_than_five():
    text = "".join(SSH % (0, i, 100 + i, FAILED) for i in range(5)) + SSH % (0, 9, 200, ACCEPTED)
    with lib.Folder() as folder:
        assert import_text(folder, "auth.log", text) == []


def test_repute_bastion_and_what_they_teach():
    with lib.Folder() as folder:
        (folder / "data/knowledge").mkdir(parents=True)
        (folder / "data/knowledge/intel.txt").write_text("203.0.113.0/24 tor list 90\n")
        (folder / "data/knowledge/bastions.txt").write_text("web-* 10.0.0.0/8\n")
        assert import_text(folder, "auth.log", SSH % (0, 1, 7, ACCEPTED)) == [
            "ssh.ipintel", "ssh.not_bastion"]


def test_bad_knowledge_is_refused():
    with lib.Folder() as folder:
        (folder / "data/knowledge").mkdir(parents=True)
        (folder / "data/knowledge/intel.txt").write_text("203.0.113.0/44 tor\n")
        log = folder / "auth.log"
        log.write_text(SSH % (0, 1, 7, ACCEPTED))
        _, err = lib.run("import", "--data", folder / "data", log, status=2)
        assert "intel.txt:1: expected an address or network" in err, err


def test_sql_injection():
    quoted = '"Feb 16 06:32:50 "\t"127.0.0.1" "root@localhost" "%s"\n'
    text = quoted % "select * from user where id=1" + \
        quoted % "select * from user where id=1 union select null,null,null,null" + \
        quoted % "select table_name from INFORMATION_SCHEMA.tables" + \
        quoted % "select count(*) from (select 1 union select 2 group by x)a) b"
    with lib.Folder() as folder:
        assert import_text(folder, "sql.log", text) == ["sqli"] * 3


def test_web_attacks():
    line = '198.51.100.23 - - [20/Nov/2026:10:00:0%d +0000] "GET %s HTTP/1.1" 200 12 "-" "%s"\n'
    text = line % (0, "/index.html", "Mozilla/5.0") + \
        line % (1, "/p?id=1%27%20UNION%20SELECT%20NULL", "curl/8") + \
        line % (2, "/a?f=../../../etc/passwd", "curl/8") + \
        line % (3, "/", "sqlmap/1.8") + \
        line % (4, "/up/x.php?c=whoami", "curl/8")
    with lib.Folder() as folder:
        found = import_text(folder, "access.log", text)
        assert len(found) == 4 and len(set(found)) == 4, found


def test_a_flood_of_addresses_does_not_hide_one():
    # 100,000 addresses that fail twice, and one that fails 20 times among them, in ten minutes.
    lines = []
    for i in range(200000):
        t, k = i * 0.00285, i % 100000
        ip = "203.0.113.66" if i % 10000 == 0 else "%d.%d.%d.%d" % (
            20 + k // 50000, k // 250 % 200, k // 50000, 1 + k % 250)
        lines.append(SSH % (t // 60, t % 60, i, FAILED.replace("203.0.113.66", ip)))
    with lib.Folder() as folder:
        (folder / "auth.log").write_text("".join(lines))
        output, _ = lib.run("detect", "--rules", lib.SOURCE / "content/rules/correlation", folder / "auth.log")
        assert b"203.0.113.66" in output


def test_a_folder_of_logs_is_no_rule_folder():
    with lib.Folder() as folder:
        (folder / "rules").mkdir()
        (folder / "more").mkdir()
        (folder / "logs").mkdir()
        rule = (lib.SOURCE / "content/rules/database/sqli.yml").read_text()
        (folder / "rules/a.yml").write_text(rule)
        (folder / "more/b.yml").write_text(rule.replace("id: sqli", "id: sqli-2"))
        (folder / "logs/settings.yml").write_text("title: none\n")
        (folder / "logs/sql.log").write_text(
            '"Feb 16 06:32:50 "\t"127.0.0.1" "root@localhost" "select 1 from information_schema.tables"\n')
        output, _ = lib.run("detect", "--rules", folder / "rules", folder / "more", folder / "logs")
        assert sorted(lib.get(a, "rule.id") for a in lib.lines(output)) == ["sqli", "sqli-2"]


def test_value_lists_of_a_rule_folder():
    rule = """title: Login of an administrator
id: 11111111-1111-1111-1111-111111111111
taxonomy: tocsin
logsource:
    product: linux
    service: sshd
detection:
    selection:
        user.name|expand: '%admins%'
        event.action: ssh_login
    condition: selection
"""
    with lib.Folder() as folder:
        (folder / "rules/values").mkdir(parents=True)
        (folder / "rules/admin.yml").write_text(rule)
        (folder / "auth.log").write_text(SSH % (0, 1, 7, ACCEPTED))
        (folder / "rules/values/admins.txt").write_text("# ours\noperator\nroot\n")
        output, _ = lib.run("detect", "--rules", folder / "rules", folder / "auth.log")
        assert len(lib.lines(output)) == 1
        (folder / "rules/values/admins.txt").write_text("operator\n")
        output, _ = lib.run("detect", "--rules", folder / "rules", folder / "auth.log")
        assert not lib.lines(output)


lib.main(globals())
