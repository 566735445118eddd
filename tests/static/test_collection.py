"""Several processes share the lab's tests, and each collects them by itself: names must not hang on the time or on a hash."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COLLECT = """
import sys, time
now = time.time
time.time = lambda: now() + int(sys.argv[1])
import pytest
pytest.main(["-p", "no:cacheprovider", "--collect-only", "-q", "tests/lab"])
"""


def collected(seconds_later, seed):
    done = subprocess.run([sys.executable, "-c", COLLECT, str(seconds_later)], cwd=ROOT, capture_output=True, text=True, timeout=120,
                          env=dict(os.environ, PYTHONHASHSEED=str(seed)))
    return [line for line in done.stdout.splitlines() if line.startswith("tests/lab/")]


def test_the_lab_is_collected_alike_whenever_and_by_whomever():
    one, other = collected(0, 1), collected(1000, 2)
    assert len(one) > 1000 and one == other
