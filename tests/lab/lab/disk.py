"""A disk whose reads can be held: a file system of its own on a loop device, and a control group whose reads from it the kernel
throttles (cgroup v1, blkio). What is held is held in the kernel, wherever the program reads: by a call or by a page fault."""

import contextlib
import os
import subprocess
from pathlib import Path

from .net import run

GROUPS = Path("/sys/fs/cgroup/blkio")


def can_be_had():
    return (GROUPS / "blkio.throttle.read_bps_device").exists() and Path("/dev/loop-control").exists()


class Disk:
    """Mounted at `path` from here to `close`."""

    def __init__(self, where, size):
        self.path, self.image = where / "disk", where / "image"
        self.path.mkdir()
        with open(self.image, "wb") as file:
            file.truncate(size)
        run("mkfs.ext4", "-q", "-E", "lazy_itable_init=0", self.image)
        run("mount", "-o", "loop,noatime", self.image, self.path)
        device = os.stat(self.path).st_dev
        self.device = f"{os.major(device)}:{os.minor(device)}"
        self.group = GROUPS / f"limpid-lab-{os.getpid()}-{where.name}"  # the reaper knows it by this name
        self.group.mkdir()

    def take(self, *pids):
        """These are the processes whose reads are held, and those that they start from now on."""
        for pid in pids:
            (self.group / "cgroup.procs").write_text(str(pid))

    def limit(self, a_second=0, reads_a_second=0):
        """At most so many bytes and reads; 0: as many as there are."""
        (self.group / "blkio.throttle.read_bps_device").write_text(f"{self.device} {a_second}")
        (self.group / "blkio.throttle.read_iops_device").write_text(f"{self.device} {reads_a_second}")

    @contextlib.contextmanager
    def held(self):
        """Whoever reads waits until this is over: one byte a second is an hour for a page."""
        self.limit(a_second=1)
        try:
            yield
        finally:
            self.limit()

    def forget(self):
        """Nothing of its files is in memory. Nobody may have them mapped."""
        run("sync", "-f", self.path)
        for path in self.path.rglob("*"):
            if path.is_file():
                with open(path, "rb") as file:
                    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def close(self):
        subprocess.run(["umount", self.path], check=True)
        self.image.unlink()
        self.group.rmdir()
