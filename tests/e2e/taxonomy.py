"""Sigma's log sources and field names on records as devices write them.

1. One rule for each case below, written with Sigma's names, all in one folder.
2. One file of records for each case; detect reads them all with all rules.
3. On each file exactly the rules fire that are named for it.
"""
import json

import lib


def sysmon(event_id, **data):
    return winlog("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", event_id, **data)


def winlog(channel, provider, event_id, **data):
    return json.dumps({"Event": {
        "System": {"Provider": {"#attributes": {"Name": provider}}, "EventID": event_id,
                   "Channel": channel, "Computer": "ws-1"},
        "EventData": data}})


# name: (log source, detection, records, other rules that fire too)
CASES = {
    "sysmon_process": ("product: windows, category: process_creation", "Image|endswith: '\\whoami.exe'",
                       sysmon(1, Image="C:\\Windows\\System32\\whoami.exe"), []),
    "security_process": ("product: windows, category: process_creation",
                         "ParentImage|endswith: '\\parent.exe'",
                         winlog("Security", "Microsoft-Windows-Security-Auditing", 4688,
                                NewProcessName="C:\\x.exe", ParentProcessName="C:\\parent.exe"),
                         ["any_windows"]),
    "any_windows": ("product: windows", "EventID: 4688", None, []),
    "registry_delete": ("product: windows, category: registry_delete", "TargetObject|contains: 'Gone'",
                        sysmon(12, EventType="DeleteValue", TargetObject="HKLM\\Gone"), []),
    "registry_add": ("product: windows, category: registry_add", "TargetObject|contains: 'Gone'",
                     None, []),
    "script_block": ("product: windows, category: ps_script", "ScriptBlockText|contains: 'Invoke-Bad'",
                     winlog("Microsoft-Windows-PowerShell/Operational", "Microsoft-Windows-PowerShell",
                            4104, ScriptBlockText="x; Invoke-Bad"), []),
    "system_service": ("product: windows, service: system",
                       "Provider_Name: 'Service Control Manager', EventID: 7045, ServiceName: 'evil'",
                       winlog("System", "Service Control Manager", 7045, ServiceName="evil"), []),
    "defender": ("category: antivirus", "Signature|contains: 'Mimikatz'",
                 winlog("Microsoft-Windows-Windows Defender/Operational",
                        "Microsoft-Windows-Windows Defender", 1116,
                        **{"Threat Name": "HackTool:Win32/Mimikatz.D", "Path": "C:\\m.exe"}), []),
    "nxlog": ("product: windows, service: security", "TargetUserName: 'mallory', EventID: 4625",
              json.dumps({"EventTime": "2026-01-02 03:04:05", "Hostname": "dc", "EventID": 4625,
                          "Channel": "Security", "SourceName": "Microsoft-Windows-Security-Auditing",
                          "TargetUserName": "mallory"}), []),
    "winlogbeat": ("product: windows, service: security", "ObjectName: 'secret', EventID: 4663",
                   json.dumps({"@timestamp": "2026-01-02T03:04:05Z", "winlog": {
                       "channel": "Security", "event_id": 4663, "provider_name": "x",
                       "event_data": {"ObjectName": "secret"}}}), []),
    "auditd": ("product: linux, service: auditd", "type: 'EXECVE', a0: 'insmod'",
               'type=EXECVE msg=audit(1170021493.977:293): argc=2 a0="insmod" a1="rootkit.ko"',
               ["linux_process"]),
    "linux_process": ("product: linux, category: process_creation",
                      "CommandLine|contains: 'insmod rootkit'", None, []),
    "sshd": ("product: linux, service: sshd", "keywords: 'maximum authentication attempts'",
             "Nov 20 10:00:01 web sshd[7]: error: maximum authentication attempts exceeded for root "
             "from 192.0.2.1 port 22 ssh2 [preauth]", []),
    "sudo": ("product: linux, service: sudo", "USER: '#-1'",
             "Nov 20 10:00:01 web sudo:  alice : TTY=pts/0 ; PWD=/ ; USER=#-1 ; COMMAND=/bin/sh", []),
    "cron": ("product: linux, service: cron", "keywords: 'REPLACE (evil)'",
             "Nov 20 10:00:01 web crontab[12]: (evil) REPLACE (evil)\n"
             "Nov 20 10:00:01 web CRON[12]: (root) CMD (REPLACE (evil))", []),
    "apache": ("category: webserver", "cs-method: 'GET', cs-uri-query|contains: '/etc/passwd', sc-status: 200",
               '192.0.2.9 - - [20/Nov/2026:10:00:00 +0000] "GET /a?f=/etc/passwd HTTP/1.1" 200 12 "-" '
               '"sqlmap/1.0"', ["user_agent"]),
    "user_agent": ("category: webserver", "cs-user-agent|startswith: 'sqlmap'", None, []),
    "squid": ("category: proxy", "cs-host: 'bad.example', c-uri|endswith: '/x.exe'",
              "1732096800.123    55 192.0.2.7 TCP_MISS/200 1024 GET http://bad.example/x.exe - "
              "HIER_DIRECT/198.51.100.1 application/octet-stream", []),
    "zeek_dns": ("product: zeek, service: dns", "query|endswith: '.onion.example'",
                 json.dumps({"_path": "dns", "ts": 1732096800.1, "uid": "C1", "id.orig_h": "192.0.2.1",
                             "id.orig_p": 5353, "id.resp_h": "192.0.2.2", "id.resp_p": 53,
                             "query": "a.onion.example", "qtype_name": "A"}), ["any_dns"]),
    "any_dns": ("category: dns", "query|contains: 'onion', record_type: 'A'", None, []),
    "zeek_dce": ("product: zeek, service: dce_rpc", "endpoint: 'samr'",
                 json.dumps({"_path": "dce_rpc", "ts": 1732096800.1, "uid": "C1",
                             "id.orig_h": "192.0.2.1", "id.orig_p": 1, "id.resp_h": "192.0.2.2",
                             "id.resp_p": 445, "endpoint": "samr", "operation": "x"}), []),
    "firewall": ("category: firewall", "dst_port: 4444, src_ip|cidr: '192.0.2.0/24'",
                 "Nov 20 10:00:01 gw kernel: [1.0] IN=eth0 OUT= MAC=00:00 SRC=192.0.2.1 DST=198.51.100.1 "
                 "LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=TCP SPT=1025 DPT=4444 WINDOW=1 SYN", []),
    "cisco": ("product: cisco, service: aaa", "keywords: 'clear archive'",
              "<189>29: sw-1: Nov 20 10:00:01.123: %PARSER-5-CFGLOG_LOGGEDCMD: User:bob  "
              "logged command:clear archive", []),
    "cloudtrail": ("product: aws, service: cloudtrail",
                   "eventSource: 'cloudtrail.amazonaws.com', userIdentity.type: 'Root'",
                   json.dumps({"eventVersion": "1.08", "eventTime": "2026-01-02T03:04:05Z",
                               "awsRegion": "eu-west-1", "eventSource": "cloudtrail.amazonaws.com",
                               "eventName": "StopLogging", "userIdentity": {"type": "Root"}}), []),
    "azure": ("product: azure, service: signinlogs", "ResultType: '50053'",
              json.dumps({"time": "2026-01-02T03:04:05Z", "category": "SignInLogs",
                          "operationName": "Sign-in activity", "resultType": "50053",
                          "properties": {"userPrincipalName": "a@b"}}), []),
    "okta": ("product: okta, service: okta", "eventType: 'user.account.lock'",
             json.dumps({"published": "2026-01-02T03:04:05Z", "eventType": "user.account.lock",
                         "legacyEventType": "x", "actor": {"alternateId": "a@b"}}), []),
    "github": ("product: github, service: audit", "action: 'repo.destroy'",
               json.dumps({"@timestamp": 1767322000000, "action": "repo.destroy", "actor": "mallory",
                           "org": "o", "_document_id": "1"}), []),
    "kubernetes": ("product: kubernetes, service: audit", "verb: 'create', objectRef.resource: 'pods'",
                   json.dumps({"kind": "Event", "auditID": "1", "verb": "create",
                               "objectRef": {"resource": "pods", "namespace": "default"},
                               "requestReceivedTimestamp": "2026-01-02T03:04:05Z"}), []),
    "sql": ("category: database", "keywords: 'INTO OUTFILE'",
            "2026-01-02T03:04:05.000000Z\t    8 Query\tSELECT 1 INTO OUTFILE '/tmp/x'", []),
    "declared": ("product: acme, category: door", "lock: 'open'",
                 json.dumps({"product": "ACME", "category": "door", "lock": "Open"}), []),
    "declared_windows": ("product: windows, category: process_creation", "CommandLine: 'evil.exe /x'",
                         json.dumps({"product": "windows", "category": "process_creation", "EventID": 1,
                                     "Computer": "ws", "CommandLine": "evil.exe /x"}), []),
}


def rule(name, source, detection):
    keyword = detection.startswith("keywords: ")
    lines = ["title: " + name, "id: " + name, "logsource:"]
    lines += ["    " + part for part in source.split(", ")]
    lines += ["detection:"]
    if keyword:
        lines += ["    s:", "    - " + detection[len("keywords: "):]]
    else:
        lines += ["    s:"] + ["        " + part for part in detection.split(", ")]
    return "\n".join(lines + ["    condition: s", ""])


def test_views():
    with lib.Folder() as folder:
        (folder / "rules").mkdir()
        files = []
        for name, (source, detection, records, _) in CASES.items():
            (folder / "rules" / (name + ".yml")).write_text(rule(name, source, detection))
            if records is not None:
                files.append(folder / (name + ".log"))
                files[-1].write_text(records + "\n")
        output, _ = lib.run("rules", "check", folder / "rules")
        output, _ = lib.run("detect", "--rules", folder / "rules", *files)
        fired = {name: set() for name in CASES}
        for alert in lib.lines(output):
            name = lib.get(alert, "log.file.path").rsplit("/", 1)[1][:-4]
            fired[name].add(lib.get(alert, "rule.id"))
        for name, (_, _, records, more) in CASES.items():
            if records is not None:
                assert fired[name] == {name, *more}, (name, fired[name])


if __name__ == "__main__":
    lib.main(globals())
