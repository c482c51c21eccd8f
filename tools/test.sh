#!/bin/bash
# Runs the tests.  Without argument: every stage; with one (gcc, clang, asan, tsan, lint): that
# stage.  Closes with one line over all stages: N passed, N failed, N skipped.
set -u
cd "$(dirname "$0")/.."
command -v ccache >/dev/null && export PATH="/usr/lib/ccache:$PATH"

# What UBSan finds ends the test.  Nothing added to a null pointer stays null with every compiler (and
# is defined from C2y on): empty slices rely on it.
ubsan="-fno-sanitize-recover=undefined -fno-sanitize=pointer-overflow"

stages="${1:-gcc lint clang asan tsan}"
logs=()
broken=0

setup() { # folder, options...
	local folder=$1
	shift
	[ -f "$folder/build.ninja" ] || meson setup "$folder" "$@" >"$folder.log" 2>&1 || {
		cat "$folder.log"
		return 1
	}
	rm -f "$folder.log"
	ninja -C "$folder" >"$folder/ninja.log" 2>&1 || {
		grep -E 'error|FAILED|undefined' "$folder/ninja.log" | head -40
		return 1
	}
}

run() { # folder, meson test options...
	local folder=$1
	shift
	meson test -C "$folder" --no-rebuild --print-errorlogs --logbase test "$@" \
		>"$folder/test.out" 2>&1 || grep -vE '^ *[0-9]+/[0-9]+ .* OK ' "$folder/test.out" | tail -150
	logs+=("$folder/meson-logs/test.json")
}

for stage in $stages; do
	echo "== $stage"
	case $stage in
	gcc) setup build && run build ;;
	clang)
		# The second compiler: that it is clean; the sanitizer stages run its code.
		CC=clang CXX=clang++ setup build-clang -Db_lundef=false ;;
	asan)
		CC=clang CXX=clang++ setup build-asan -Db_sanitize=address,undefined -Db_lundef=false \
			-Dbuildtype=debugoptimized "-Dc_args=$ubsan" "-Dc_link_args=$ubsan" &&
			run build-asan --no-suite e2e --no-suite lint -t 5 ;;
	tsan)
		CC=clang CXX=clang++ setup build-tsan -Db_sanitize=thread -Db_lundef=false \
			-Dbuildtype=debugoptimized && run build-tsan --suite unit -t 5 ;;
	lint) tools/lint.sh ;;
	*)
		echo "test.sh: no stage $stage; there are gcc clang asan tsan lint" >&2
		exit 2
		;;
	esac || {
		echo "stage $stage failed"
		broken=$((broken + 1))
	}
done
python3 tools/ci_summary.py "$broken" "${logs[@]}"
