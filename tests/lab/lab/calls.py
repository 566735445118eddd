"""Counting system calls, by strace: a count holds on any machine, a time does not."""

import collections
import re
import signal
import subprocess
from pathlib import Path


def of_workers(limpid, run):
    """The system calls that the workers make while `run()` runs, by name."""
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
    return collections.Counter(re.findall(r"^(?:\d+ +)?(\w+)\(", trace.read_text(), re.M))
