#!/usr/bin/env python3
"""How long functions and files may be.

Universal Ctags says where each function begins and ends; a function's length is all its lines, from the one with its name
to the closing brace, comments and blank lines included. Static inline functions of headers count like any other. Over the
whole program: median at most 12 lines, 95th percentile at most 45, none above 80. Files are to be about 400 lines; above
450 is an error.
"""

import json
import subprocess

from sources import program_sources, report, root

MEDIAN, PERCENTILE_95, LONGEST, FILE_LINES = 12, 45, 80, 450


def functions(files):
    """[(length, path, line, name)] of every function, longest first."""
    command = ["ctags", "--languages=C", "--langmap=C:.c.h", "--kinds-C=f", "--fields=+ne", "--output-format=json", "-f", "-"]
    out = subprocess.run([*command, *map(str, files)], stdout=subprocess.PIPE, check=True, text=True).stdout
    found = []
    for line in out.splitlines():
        tag = json.loads(line)
        found.append((tag["end"] - tag["line"] + 1, tag["path"], tag["line"], tag["name"]))
    return sorted(found, reverse=True)


def percentile(lengths, part):
    """Of lengths sorted downwards: the smallest one that `part` of them do not exceed."""
    rising = lengths[::-1]
    return rising[max(0, -(-len(rising) * part // 100) - 1)]


def main():
    top = root()
    files = program_sources(top)
    found = functions(files)
    lengths = [f[0] for f in found]
    violations = []
    for length, path, line, name in found:
        if length > LONGEST:
            violations.append(f"{path[len(str(top)) + 1:]}:{line}: {name} has {length} lines, more than {LONGEST}")
    for path in files:
        lines = len(path.read_text().splitlines())
        if lines > FILE_LINES:
            violations.append(f"{path.relative_to(top)}:{lines}: {lines} lines, more than {FILE_LINES}")
    for part, limit in ((50, MEDIAN), (95, PERCENTILE_95)):
        if lengths and percentile(lengths, part) > limit:
            value = percentile(lengths, part)
            violations.append(f"{part} % of {len(lengths)} functions have up to {value} lines, more than {limit}; the longest:")
            violations += [f"    {length:3} {path[len(str(top)) + 1:]}:{line} {name}" for length, path, line, name in found[:15]]
    if not violations and lengths:
        print(f"{len(lengths)} functions: median {percentile(lengths, 50)}, 95 % {percentile(lengths, 95)}, longest {lengths[0]} lines")
    report(violations, found)


if __name__ == "__main__":
    main()
