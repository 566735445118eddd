"""The reaper: waits for the end of its standard input, that is of the session that started it, and removes whatever
namespaces that session left, with the processes in them and the directory of its files."""

import os
import shutil
import signal
import subprocess
import sys
import time


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


def remove(prefix):
    spaces = [name for name in os.listdir("/run/netns") if name.startswith(prefix)] if os.path.isdir("/run/netns") else []
    for space in spaces:
        end(space)
    for space in spaces:
        subprocess.run(["ip", "netns", "del", space], stderr=subprocess.DEVNULL)
    shutil.rmtree(f"/tmp/{prefix[:-1]}", ignore_errors=True)


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    while os.read(0, 4096):
        pass
    remove(sys.argv[1])
