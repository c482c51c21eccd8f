#!/bin/sh
# Fuzzes every target, or those named, for SECONDS each; new inputs stay in build-fuzz/corpus.
#
# usage: fuzz.sh [SECONDS [NAME...]]     (default 60, all)
set -eu
cd "$(dirname "$0")/.."
seconds="${1:-60}"
[ $# -eq 0 ] || shift
wanted=" $* "
[ -f build-fuzz/build.ninja ] || CC=clang CXX=clang++ meson setup build-fuzz -Dfuzz=true \
	-Db_sanitize=address,undefined -Db_lundef=false -Dhardening=false
ninja -C build-fuzz
for target in build-fuzz/tests/fuzz/fuzz_*; do
	[ -x "$target" ] && [ -f "$target" ] || continue
	name=${target##*/fuzz_}
	[ "$wanted" = "  " ] || case "$wanted" in *" $name "*) ;; *) continue ;; esac
	mkdir -p "build-fuzz/corpus/$name"
	echo "== $name, $seconds s"
	"$target" -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="build-fuzz/$name-" \
		"build-fuzz/corpus/$name" "tests/corpus/$name" 2>&1 |
		grep -E 'ERROR|SUMMARY|Test unit|stat::number_of_executed_units|cov:' | tail -4
done
