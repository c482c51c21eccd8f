#!/usr/bin/env python3
"""Makes a large sshd log in RFC 3164 form, always the same for the same arguments.

usage: gen_sshd.py LINES [--hosts N] [--seed N] > out.log

Sessions of several lines by many clients: guessing, invalid users, resets, few logins.
Addresses are skewed over 20,000 values, users over 400.
"""
import argparse
import datetime
import random
import sys

GUESS = ("Invalid user {user} from {ip} port {port}",
         "pam_unix(sshd:auth): check pass; user unknown",
         "Failed password for invalid user {user} from {ip} port {port} ssh2",
         "Received disconnect from {ip} port {port}:11: Bye Bye [preauth]",
         "Disconnected from invalid user {user} {ip} port {port} [preauth]")
KNOWN = ("pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={ip}  user=root",
         "Failed password for root from {ip} port {port} ssh2",
         "Connection closed by authenticating user root {ip} port {port} [preauth]")
PROBE = ("Did not receive identification string from {ip} port {port}",)
RESET = ("Connection reset by {ip} port {port} [preauth]",)
LOGIN = ("Accepted publickey for deploy from {ip} port {port} ssh2: ED25519 SHA256:{key}",
         "pam_unix(sshd:session): session opened for user deploy(uid=1001) by (uid=0)",
         "pam_unix(sshd:session): session closed for user deploy")
KINDS = (GUESS,) * 10 + (KNOWN,) * 12 + (PROBE,) * 4 + (RESET,) * 4 + (LOGIN,)


def main():
    cli = argparse.ArgumentParser(description="make a large sshd log")
    cli.add_argument("lines", type=int)
    cli.add_argument("--hosts", type=int, default=50)
    cli.add_argument("--seed", type=int, default=1)
    args = cli.parse_args()
    rng = random.Random(args.seed)
    addresses = ["%d.%d.%d.%d" % (rng.randrange(1, 224), rng.randrange(256), rng.randrange(256),
                                  rng.randrange(1, 255)) for _ in range(20000)]
    users = ["user%03d" % i for i in range(400)] + "admin oracle test guest ubuntu git".split() * 10
    start = datetime.datetime(2026, 3, 2, 6, 0, 0)
    step = 7 * 86400.0 / max(1, args.lines)
    number, pid, out = 0, 1000, []
    while number < args.lines:
        values = {"ip": addresses[int(20000 * rng.random() ** 3)], "port": rng.randrange(1025, 65535),
                  "user": rng.choice(users), "key": "%032x" % rng.getrandbits(128)}
        pid = pid + rng.randrange(1, 7) if pid < 4000000 else 1000
        host = "srv-%04d" % rng.randrange(args.hosts)
        for form in rng.choice(KINDS):
            when = start + datetime.timedelta(seconds=int(number * step))
            out.append("%s %2d %s %s sshd[%d]: %s" % (when.strftime("%b"), when.day,
                                                      when.strftime("%H:%M:%S"), host, pid,
                                                      form.format(**values)))
            number += 1
        if len(out) > 20000:
            sys.stdout.write("\n".join(out) + "\n")
            out = []
    if out:
        sys.stdout.write("\n".join(out) + "\n")


main()
