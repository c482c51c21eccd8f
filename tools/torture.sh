#!/bin/sh
# The store's fault tests at length: every file operation and allocation failed in every way, KILLS
# kills (default 1000), FLIPS flipped bits (default 10000).  SEED makes a run repeatable.
set -eu
cd "$(dirname "$0")/.."
build="${BUILD:-build}"
seed="${SEED:-$(date +%s)}"
[ -f "$build/build.ninja" ] || meson setup "$build"
ninja -C "$build" tests/unit/store/test_store_torture tests/unit/store/test_store_alloc \
	tests/unit/store/test_store_kill tests/unit/store/test_store_flip
export TOCSIN_TORTURE_ALL=1 TOCSIN_TORTURE_SEED="$seed"
export TOCSIN_TORTURE_KILLS="${KILLS:-1000}" TOCSIN_TORTURE_FLIPS="${FLIPS:-10000}"
echo "seed $seed"
for name in torture alloc kill flip; do
	echo "== $name"
	CMOCKA_MESSAGE_OUTPUT=STDOUT "$build/tests/unit/store/test_store_$name"
done
