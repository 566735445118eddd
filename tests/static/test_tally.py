"""tests/runner/tally.py: what Criterion and pytest say is added up, whatever a failed assertion says."""

import subprocess
from pathlib import Path

TALLY = Path(__file__).parent.parent / "runner" / "tally.py"

CRITERION = """{
  "id": "Criterion v2.4.1",
  "passed": 13,
  "failed": 1,
  "errored": 2,
  "skipped": 3,
  "test_suites": [ { "failures": [ "(open("/etc/shadow")) == (13), "passed": 99" ] } ]
}
"""
JUNIT = '<testsuites><testsuite tests="10" failures="1" errors="1" skipped="2"/></testsuites>'


def tally(*paths):
    return subprocess.run([TALLY, *paths], stdout=subprocess.PIPE, text=True, check=True).stdout


def test_reports_are_added_up(tmp_path):
    (tmp_path / "a.json").write_text(CRITERION)
    (tmp_path / "b.json").write_text('{"passed": 20, "failed": 0, "errored": 0, "skipped": 0}')
    (tmp_path / "c.xml").write_text(JUNIT)
    assert tally(tmp_path / "a.json") == "13 3 3\n"
    assert tally(tmp_path / "a.json", tmp_path / "b.json", tmp_path / "c.xml", tmp_path / "none.json") == "39 5 5\n"
