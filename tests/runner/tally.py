#!/usr/bin/env python3
"""Adds up what test programs reported: `tally.py FILE…` prints "PASSED FAILED SKIPPED".

FILE is Criterion's JSON, or pytest's JUnit XML; one that is not there counts as nothing.
"""

import re
import sys
import xml.etree.ElementTree as xml
from pathlib import Path


def criterion(path):
    """The totals come first. What follows is no JSON where a failed assertion has quotation marks in its message."""
    text = path.read_text(errors="replace")
    passed, failed, errored, skipped = (int(re.search(rf'"{name}": (\d+)', text)[1]) for name in ("passed", "failed", "errored", "skipped"))
    return passed, failed + errored, skipped


def junit(path):
    suites = list(xml.parse(path).getroot().iter("testsuite"))
    total, skipped = (sum(int(s.get(key, 0)) for s in suites) for key in ("tests", "skipped"))
    failed = sum(int(s.get(key, 0)) for s in suites for key in ("failures", "errors"))
    return max(0, total - failed - skipped), failed, skipped


def main():
    counts = [0, 0, 0]
    for path in map(Path, sys.argv[1:]):
        if path.exists() and path.stat().st_size:
            found = criterion(path) if path.suffix == ".json" else junit(path)
            counts = [a + b for a, b in zip(counts, found)]
    print(*counts)


if __name__ == "__main__":
    main()
