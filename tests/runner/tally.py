#!/usr/bin/env python3
"""Adds up what test programs reported: `tally.py FILE…` prints "PASSED FAILED SKIPPED".

FILE is Criterion's JSON, or pytest's JUnit XML; one that is not there counts as nothing.
"""

import json
import sys
import xml.etree.ElementTree as xml
from pathlib import Path


def criterion(path):
    totals = json.loads(path.read_text(errors="replace"))
    return totals["passed"], totals["failed"] + totals["errored"], totals["skipped"]


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
