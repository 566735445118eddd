#!/usr/bin/env bash
# clang-tidy over the program, one file at a time (what it learns of va_list in one is wrong for the next); which checks, and why not the others, is said in .clang-tidy.
# Takes how each file is compiled from build/debug.
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
[ -f build/debug/compile_commands.json ] || { echo "build/debug is not configured: cmake --preset debug"; exit 1; }
mapfile -t files < <(find http cache setup proxy -maxdepth 1 -name '*.c' | sort)
[ "${#files[@]}" -gt 0 ] || { echo "nothing to look at"; exit 1; }
# gcc's own warning options mean nothing to clang. What clang-tidy suppressed it counts on stderr: of no interest.
printf '%s\0' "${files[@]}" |
        xargs -0 -n 1 -P "$(nproc)" clang-tidy -p build/debug --quiet --extra-arg=-Wno-unknown-warning-option 2> >(
                grep -vE '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -header-filter' >&2 || true)
