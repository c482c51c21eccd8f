#!/usr/bin/env python3
"""What the shipped rules find in labelled attacks of the corpus, and what they find in what is none:
SQL statements, values of web parameters, real access logs.

usage: attack_content.py

Each labelled text becomes a record of a log: a statement of an SQL audit log, or the escaped value of
a parameter in an access log.  A text counts as found when any shipped rule fires on its line.
"""
import collections
import csv
import gzip
import json
import subprocess
import urllib.parse

import lib

ACCESS = '10.0.0.1 - - [16/Feb/2026:06:32:50 +0000] "GET /x.php?id=%s HTTP/1.1" 200 512 "-" "Mozilla/5.0"\n'
SQL = '"Feb 16 06:32:50 "\t"127.0.0.1" "root@localhost" "%s"\n'
RULES = lib.ROOT / "content/rules"


def table(path):
    with gzip.open(lib.CORPUS / path, "rt", newline="") as rows:
        return list(csv.DictReader(rows))


def lines(path):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(lib.CORPUS / path, "rt", errors="replace") as text:
        return [line.rstrip("\n") for line in text if line.strip() and not line.startswith("#")]


def flat(text):
    return " ".join(text.split())


def statements():
    """(label, record) of SQL: an injected value stands in a statement, others are statements."""
    for row in table("03-sql/sqli_labelled.csv.gz"):
        text = flat(row["text"])
        if row["label"] == "1" and not text.lower().startswith("select"):
            text = "select * from user where name='%s'" % text
        yield "injection" if row["label"] == "1" else "none", SQL % text.replace('"', '\\"')
    for text in lines("03-sql/clicksec_legit_sql.txt"):
        yield "none", SQL % text.replace('"', '\\"')
    for text in lines("03-sql/clicksec_sqlmap_payloads.txt.gz"):
        yield "sqlmap", SQL % ("select * from t where id=%s" % text).replace('"', '\\"')


def requests():
    for row in table("02-web-access/httpparams_train.csv.gz"):
        label = "none" if row["attack_type"] == "norm" else row["attack_type"]
        yield label, ACCESS % urllib.parse.quote(row["payload"], safe="")
    for text in lines("02-web-access/libinjection/false_positives.txt"):
        yield "none, made to look like SQL", ACCESS % text.replace('"', "%22").replace(" ", "+")
    for text in lines("02-web-access/apache_combined_10k.log.gz"):
        yield "none, real access log", text + "\n"


def measure(name, records, folder):
    path, labels = folder / (name + ".log"), []
    with open(path, "w") as out:
        for label, record in records:
            labels.append(label)
            out.write(record)
    text = subprocess.run([lib.PROGRAM, "detect", "--rules", RULES / "web", "--rules", RULES / "database",
                           path], stdout=subprocess.PIPE, check=True).stdout
    found = {json.loads(alert).get("log", {}).get("file", {}).get("line") for alert in text.splitlines()}
    every = collections.Counter(labels)
    hit = collections.Counter(label for line, label in enumerate(labels, 1) if line in found)
    for label in sorted(every):
        lib.row(name, label, every[label], hit[label], "%.2f %%" % (100 * hit[label] / every[label]))


def main():
    if not (lib.CORPUS / "03-sql").exists():
        lib.skip("the corpus is not there (TOCSIN_CORPUS)")
    with lib.Folder() as folder:
        lib.row("log", "what it is", "records", "found", "share")
        lib.row(*["---"] * 5)
        measure("SQL statements", statements(), folder)
        measure("access log", requests(), folder)


main()
