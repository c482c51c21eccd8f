#!/bin/sh
# Installs the Debian 12 packages that building, testing and the demo need.  Does nothing when they
# are all there.
set -eu

build="build-essential pkg-config meson ninja-build python3 libfyaml-dev libzstd-dev libxxhash-dev
libpcre2-dev libmicrohttpd-dev libsqlite3-dev libexpat1-dev zlib1g-dev
liblzma-dev libcurl4-openssl-dev libhiredis-dev librdkafka-dev libmaxminddb-dev libssl-dev libcmocka-dev"
test="clang libclang-rt-14-dev clang-tidy clang-format cppcheck xz-utils zstd unzip
curl libevtx-utils"
bench="ripgrep zstd rsyslog linux-perf valgrind"

case "${1:-all}" in
build) wanted="$build" ;;
all) wanted="$build $test" ;;
bench) wanted="$build $test $bench" ;;
*)
	echo "usage: deps.sh [build|all|bench]" >&2
	exit 2
	;;
esac

missing=""
for package in $wanted; do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' ||
		missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || {
		echo "deps.sh: these packages are missing:$missing; install them as root" >&2
		exit 3
	}
	as_root="sudo"
fi
echo "installing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
