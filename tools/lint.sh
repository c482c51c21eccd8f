#!/bin/sh
# Static checks: floors and style, cppcheck, clang-tidy, hardening of the binary.
set -u
cd "$(dirname "$0")/.."
failed=0

python3 tools/tidy.py . || failed=1
cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr --std=c11 \
	--suppressions-list=tools/cppcheck.suppress -I src -j 2 src || failed=1
# clang-tidy takes minutes: make lint asks for it.
if [ -n "${LINT_DEEP:-}" ] && [ -f build-clang/compile_commands.json ]; then
	find src -name '*.c' | xargs -P 2 -n 8 clang-tidy -p build-clang --quiet 2>/dev/null |
		grep -E 'warning:|error:' && failed=1
fi
exit $failed
