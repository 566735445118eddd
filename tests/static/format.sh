#!/usr/bin/env bash
# Every C file of ours is as clang-format leaves it. Mend with: clang-format -i FILE
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
mapfile -t files < <(find http cache setup proxy tests -name '*.[ch]' -not -path '*/node_modules/*' | sort)
[ "${#files[@]}" -gt 0 ] || { echo "nothing to look at"; exit 1; }
clang-format --dry-run -Werror "${files[@]}"
