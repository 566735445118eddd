#!/usr/bin/env python3
"""Runs one stage of tests/run: `stage.py SECONDS LOG COMMAND…`.

The command has SECONDS, writes to LOG, and leaves nothing behind: this program is the reaper of all it starts, directly or
not (PR_SET_CHILD_SUBREAPER), and ends what is still there afterwards. Exits as the command did; 124 if it took too long,
125 if it said it succeeded but left a process running.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
LATE, LEFT_BEHIND = 124, 125
TIDY_UP_S, LINGER_S = 60, 3  # to end after SIGINT; for what was told to end and is about to


def descendants():
    """{pid: name} of all processes below this one that are not zombies."""
    parents, names = {}, {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            name, rest = (entry / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue  # it has ended meanwhile
        state, parent = rest.split()[:2]
        parents[int(entry.name)] = int(parent)
        if state not in "ZX":
            names[int(entry.name)] = name

    def is_below(pid):
        while pid > 1:
            pid = parents.get(pid, 0)
            if pid == os.getpid():
                return True
        return False

    return {pid: name for pid, name in names.items() if is_below(pid)}


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def end_rest():
    """Ends what is left below us; returns the names of what did not end by itself."""
    deadline = time.monotonic() + LINGER_S
    while descendants() and time.monotonic() < deadline:
        reap()
        time.sleep(0.05)
    left = descendants()
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in descendants():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + LINGER_S
        while descendants() and time.monotonic() < deadline:
            reap()
            time.sleep(0.05)
    reap()
    return sorted(left.values())


def finish(child):
    """Asks the command to tidy up and end, as Ctrl-C would."""
    os.killpg(child.pid, signal.SIGINT)
    try:
        child.wait(TIDY_UP_S)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def main():
    seconds, log, command = float(sys.argv[1]), sys.argv[2], sys.argv[3:]
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with open(log, "ab", buffering=0) as out:
        # What is asked to end by SIGINT must not have learnt to ignore it, as what a shell starts in the background has.
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                                 preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        try:
            status = child.wait(seconds)
        except subprocess.TimeoutExpired:
            out.write(f"\nnot done after {seconds:.0f} s: ended\n".encode())
            finish(child)
            status = LATE
        except KeyboardInterrupt:
            finish(child)
            status = 128 + signal.SIGINT
        left = end_rest()
        if left:
            out.write(f"\nleft running: {', '.join(left)}\n".encode())
            status = status or LEFT_BEHIND
    sys.exit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()
