#!/usr/bin/env bash
# cppcheck over the program. What is suppressed, and why, is in suppressions.txt.
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
here=tests/static
mkdir -p build/cppcheck
grep -vE '^(#|$)' $here/suppressions.txt >build/cppcheck/suppress
cppcheck --quiet --std=c11 --platform=unix64 --enable=warning,performance,portability --inline-suppr \
        --error-exitcode=1 -j "$(nproc)" --cppcheck-build-dir=build/cppcheck --suppressions-list=build/cppcheck/suppress \
        -D_GNU_SOURCE -D__linux__ -DLIMPID_VERSION='""' -DLIMPID_WWW='""' -I . \
        --template='{file}:{line}: {id}: {message}' http cache setup proxy
