"""The reaper: waits for the end of its standard input, that is of the session that started it, and removes whatever
namespaces that session left, with the processes in them, the directory of its files and what is mounted there."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path


def processes(space):
    done = subprocess.run(["ip", "netns", "pids", space], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return [int(pid) for pid in done.stdout.split()]


def end(space):
    """First politely, since Limpid takes its own namespaces down at its end."""
    for sign, seconds in ((signal.SIGCONT, 0), (signal.SIGTERM, 3), (signal.SIGKILL, 3)):
        for pid in processes(space):
            try:
                os.kill(pid, sign)
            except ProcessLookupError:
                pass
        until = time.monotonic() + seconds
        while processes(space) and time.monotonic() < until:
            time.sleep(0.05)


def give_back_disks(prefix):
    """lab/disk.py: a file system below the session's directory, and a control group with the session's number in its name."""
    with open("/proc/self/mounts") as mounts:
        paths = [line.split()[1] for line in mounts]
    for path in paths:
        if path.startswith(f"/tmp/{prefix[:-1]}/"):
            subprocess.run(["umount", path], stderr=subprocess.DEVNULL)
    for group in Path("/sys/fs/cgroup/blkio").glob(f"{prefix}*"):
        with contextlib.suppress(FileNotFoundError):  # a session that begins sweeps as well
            group.rmdir()


def remove(prefix):
    spaces = [name for name in os.listdir("/run/netns") if name.startswith(prefix)] if os.path.isdir("/run/netns") else []
    for space in spaces:
        end(space)
    for space in spaces:
        subprocess.run(["ip", "netns", "del", space], stderr=subprocess.DEVNULL)
    give_back_disks(prefix)
    shutil.rmtree(f"/tmp/{prefix[:-1]}", ignore_errors=True)


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    while os.read(0, 4096):
        pass
    remove(sys.argv[1])
