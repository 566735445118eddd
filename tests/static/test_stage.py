"""tests/runner/stage.py: a command's result is passed on, and nothing of it outlives its stage."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

STAGE = Path(__file__).parent.parent / "runner" / "stage.py"
# A command's seconds count from when it says that it is ready: when a shell comes to that is the machine's affair.
FROM_READY = """
import runpy, subprocess, sys, time
class Popen(subprocess.Popen):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        while b"ready" not in open(sys.argv[2], "rb").read() and self.poll() is None:
            time.sleep(0.01)
subprocess.Popen = Popen
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
SLEEPS = "until [ $(cat /proc/$!/comm) = sleep ]; do :; done"  # the shell's last process has become what it is to be


def stage(log, seconds, script, before=None, runner=(STAGE,)):
    done = subprocess.run([sys.executable, *runner, str(seconds), log, "bash", "-c", script], timeout=100, preexec_fn=before)
    return done.returncode, log.read_text()


def cut(log, script, before=None):
    """A script that is not done by itself."""
    return stage(log, 0.1, script, before, ("-c", FROM_READY, STAGE))


def alive(log):
    """Whether the process whose id the script wrote down is there, and is no zombie."""
    try:
        return (Path("/proc") / log.read_text().split()[0] / "stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_results_and_output_are_passed_on(tmp_path):
    log = tmp_path / "log"
    assert stage(log, 60, "echo said; echo more >&2") == (0, "said\nmore\n")
    assert stage(log, 60, "exit 7")[0] == 7


@pytest.mark.parametrize("before", [None, lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)])
def test_what_takes_too_long_is_ended_with_all_it_started(tmp_path, before):
    """Also where the whole was started in the background, and so with SIGINT ignored."""
    log = tmp_path / "log"
    status, text = cut(log, "sleep 300 & echo $!; trap 'echo interrupted; exit 1' INT; echo ready; wait", before)
    assert "interrupted" in text
    assert status == 124 and "not done after" in text
    assert not alive(log)


def test_what_does_not_heed_an_interrupt_is_ended_too(tmp_path):
    log = tmp_path / "log"
    status, text = cut(log, f"(trap '' INT TERM; exec sleep 300) & echo $!; {SLEEPS}; trap 'exit 3' INT; echo ready; wait")
    assert status == 124 and "left running: sleep" in text
    assert not alive(log)


def test_what_is_left_behind_fails_what_succeeded(tmp_path):
    log = tmp_path / "log"
    status, text = stage(log, 60, f"setsid sleep 300 & echo $!; {SLEEPS}")
    assert status == 125 and "left running: sleep" in text
    assert not alive(log)
