#!/bin/sh
# Line coverage of what the fuzz corpora of the store and the query language reach, by llvm-cov.
set -eu
cd "$(dirname "$0")/.."
version="${LLVM:--14}"
build=build-coverage
targets="segment journal manifest store query"
[ -f $build/build.ninja ] || CC=clang CXX=clang++ meson setup $build -Dhardening=false -Db_lundef=false \
	-Dc_args='-fprofile-instr-generate -fcoverage-mapping' -Dc_link_args=-fprofile-instr-generate \
	-Dcpp_args='-fprofile-instr-generate -fcoverage-mapping' -Dcpp_link_args=-fprofile-instr-generate
objects=
for name in $targets; do
	ninja -C $build "tests/fuzz/replay_$name" >/dev/null
	LLVM_PROFILE_FILE=$build/$name.profraw $build/tests/fuzz/replay_$name "tests/corpus/$name" >/dev/null
	objects="$objects ${objects:+-object }$build/tests/fuzz/replay_$name"
done
"llvm-profdata$version" merge -o $build/all.profdata $build/*.profraw
# shellcheck disable=SC2086
"llvm-cov$version" report $objects -instr-profile=$build/all.profdata src/store src/query
