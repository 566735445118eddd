"""What has to be read from a slow disk makes nobody wait but who asked for it (cases.md S6)."""

import select
import subprocess

import pytest

from lab import disk as slow
from lab.limpid import binary, user
from lab.nginx import pattern
from lab.origin import answer
from lab.wire import get, reply

MIB = 1 << 20
SMALL = 100_000  # responses: too many for their index to come into memory with the first of them
LARGE = 5 * MIB


@pytest.fixture
def disk(place):
    if not slow.can_be_had():
        pytest.skip("no loop devices, or no control group for blkio (cgroup v1)")
    made = slow.Disk(place("slow"), 2 << 30)
    yield made
    made.close()


def large(request):
    return reply(pattern(LARGE, len(request.target)), "Cache-Control: max-age=3600", 'ETag: "x"')


@pytest.fixture
def stored(disk, limpid_with, origin, fetch):
    """Limpid with a store on the slow disk, nothing of which is in memory, and the origin of what it holds: /0 to /99999 of 1 KiB,
    /large to /largest of 5 MiB."""
    limpid, there = limpid_with(start=False, cache={"store": {"main": {"path": str(disk.path / "store")}}}), origin(answer(large))
    subprocess.run([binary().parent / "tests/lab_fill_store", disk.path / "store", str(1 << 30), str(SMALL), there.host, there.address],
                   check=True, capture_output=True)
    subprocess.run(["chown", "-R", user() or "root", disk.path], check=True)
    limpid.start()
    for path in ("/large", "/larger", "/largest"):
        fetch(there, path)
    limpid.stop()
    disk.forget()
    limpid.start()
    disk.take(limpid.process.pid, *limpid.children())
    yield there
    limpid.stop()


def test_hot_hits_do_not_wait_for_cold_ones(disk, stored, connect):
    """Reads from the disk are held altogether: of what nobody has asked for lately, neither the index nor a body can be had."""
    asked = len(stored.requests)
    hot = [connect(stored) for _ in range(8)]  # with both workers
    for _ in range(3):
        for wire in hot:
            assert wire.ask(get(stored.host, "/7")).hit and wire.ask(get(stored.host, "/large")).hit
    cold = {path: connect(stored) for path in ["/larger", "/largest", *(f"/{n}" for n in range(1000, SMALL, 9000))]}
    with disk.held():
        for path, wire in cold.items():
            wire.send(get(stored.host, path))
        for _ in range(20):
            for wire in hot:
                assert wire.ask(get(stored.host, "/7")).hit
        assert hot[0].ask(get(stored.host, "/large")).body == pattern(LARGE, len("/large"))
        assert not select.select([wire.sock for wire in cold.values()], [], [], 0)[0], "their reads are held"
    for path, wire in cold.items():
        got = wire.response()
        assert got.hit and got.body == (pattern(LARGE, len(path)) if "large" in path else path[1:].rjust(1024, "0").encode()), path
    assert len(stored.requests) == asked
