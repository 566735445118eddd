"""Counting system calls, by strace: a count holds on any machine, a time does not."""

import collections
import re
import signal
import subprocess
from pathlib import Path


def trace(limpid, run):
    """What strace says of the workers while `run()` runs."""
    tids = [task.name for task in Path(f"/proc/{limpid.proxy()}/task").iterdir() if (task / "comm").read_text().startswith("worker")]
    trace = limpid.where / "trace"
    tracer = subprocess.Popen(["strace", "-o", trace, *(word for tid in tids for word in ("-p", tid))], stderr=subprocess.PIPE, text=True)
    try:
        for _ in tids:
            assert "attached" in tracer.stderr.readline()
        run()
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate()
    return trace.read_text()


def of_workers(limpid, run):
    """The system calls that the workers make while `run()` runs, by name."""
    return collections.Counter(re.findall(r"^(?:\d+ +)?(\w+)\(", trace(limpid, run), re.M))


def offered(limpid, run):
    """How many bytes the workers offer to a socket at once, in each call, while `run()` runs."""
    calls = re.findall(r"^(?:\d+ +)?(?:sendmsg|writev)\((.*)|^(?:\d+ +)?sendto\(.*, (\d+), MSG", trace(limpid, run), re.M)
    return [int(alone or sum(int(n) for n in re.findall(r"iov_len=(\d+)", spans))) for spans, alone in calls]
