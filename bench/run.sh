#!/bin/sh
# Runs the benchmarks whose results stand in docs/benchmarks.md.
set -eu
cd "$(dirname "$0")"
for script in import_sshd.py search_sshd.py detect_lanes.py; do
	echo "== $script"
	python3 "$script"
done
