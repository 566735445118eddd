#!/usr/bin/env bash
# Every shell script (by its suffix, or by its first line) passes shellcheck.
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
mapfile -t files < <(find . \( -name .git -o -name build -o -name node_modules \) -prune -o -type f -print |
        while IFS= read -r file; do
                case $file in
                *.sh) echo "$file" ;;
                *) head -c 64 "$file" | head -n 1 | tr -d '\0' | grep -qE '^#!.*[/ ](ba|da)?sh( |$)' && echo "$file" ;;
                esac || true
        done | sort)
[ "${#files[@]}" -gt 0 ] || { echo "nothing to look at"; exit 1; }
shellcheck --external-sources "${files[@]}"
