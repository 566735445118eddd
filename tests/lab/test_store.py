"""What is stored outlives the program; what is wrong with the store never reaches a client."""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from lab import wait
from lab.limpid import binary, sanitized, user
from lab.nginx import pattern
from lab.origin import answer
from lab.wire import get, reply

MIB = 1 << 20
STORED = "Cache-Control: max-age=3600"
SIZES = (0, 1, 1000, 16000, 16384, 17000, 65504, 65505, 200_000, 1_100_000, 3_000_000)


def objects(request):
    size = int(request.target.split("/")[1])
    return reply(pattern(size, len(request.target)), STORED)


def body_of(path):
    return pattern(int(path.split("/")[1]), len(path))


def committed(limpid, fetch, origin):
    """Waits until the writer has committed what it was handed so far: something stored after it has reached the file, twice."""
    for n in range(2):
        mark = os.urandom(200).hex().encode()
        there = origin(answer(reply(mark, STORED)))
        fetch(there)
        wait.eventually(lambda: any(mark in path.read_bytes() for path in files(limpid)), "the store to be written")


def files(limpid):
    return [path for path in limpid.store.rglob("*") if path.is_file() and "lock" not in path.name]


@pytest.mark.parametrize("end", ["SIGTERM", "SIGKILL"])
def test_a_hit_after_a_restart(limpid_with, origin, fetch, end):
    limpid = limpid_with()
    there = origin(answer(objects))
    paths = [f"/{size}/{n}" for size in SIZES for n in range(3)]
    for path in paths:
        assert fetch(there, path).body == body_of(path)
    if end == "SIGTERM":
        limpid.stop()
    else:
        committed(limpid, fetch, origin)
        limpid.kill()
    limpid.start()
    for path in paths:
        got = fetch(there, path)
        assert got.body == body_of(path) and got.hit, path
    assert len(there.requests) == len(paths)


def test_what_came_a_moment_before_the_end_is_a_hit_after_it(limpid_with, origin, connect, fetch):
    """Small puts gather for a commit: the end does not lose them."""
    limpid, count = limpid_with(), 1000
    there = origin(answer(objects))
    with connect(there) as wire:
        for n in range(count):
            assert wire.ask(get(there.host, f"/2000/{n}")).status == 200
    limpid.restart()
    with connect(there) as wire:
        assert [n for n in range(count) if not wire.ask(get(there.host, f"/2000/{n}")).hit] == []


def test_a_kill_in_the_middle_of_writing_leaves_no_wrong_byte(limpid_with, origin, connect, fetch):
    limpid = limpid_with()
    there = origin(answer(objects))
    paths = [f"/{size}/{n}" for n in range(40) for size in (1000, 65505, 1_100_000)]
    for round in range(3):
        wire = connect(there)
        wire.send(b"".join(get(there.host, path) for path in paths))
        for path in paths[:40 * (round + 1)]:
            assert wire.response().body == body_of(path)
        limpid.kill()
        limpid.start()
        for path in paths:
            assert fetch(there, path).body == body_of(path)


def test_a_killed_proxy_alone_is_back_with_its_store(limpid_with, origin, fetch):
    limpid = limpid_with()
    there = origin(answer(objects))
    assert fetch(there, "/100000/x").status == 200
    committed(limpid, fetch, origin)
    killed = limpid.proxy()
    os.kill(killed, signal.SIGKILL)
    wait.eventually(lambda: limpid.proxy() not in (None, killed) and limpid.listens(), "the restarted proxy")
    wait.eventually(lambda: fetch(there, "/0/other").get("Via"), "interception by it")
    assert fetch(there, "/100000/x").hit


@pytest.mark.parametrize("thread, signalled", [
    ("store writer", signal.SIGABRT), ("worker 0", signal.SIGABRT),
    pytest.param("store writer", signal.SIGSEGV, marks=pytest.mark.skipif(sanitized(), reason="a sanitizer takes it for a finding"))])
def test_a_store_that_the_proxy_died_in_is_set_aside(limpid_with, origin, fetch, thread, signalled):
    """What LMDB makes of a damaged page ends the program (tests/unit/cache_store_damage.c), which is not to begin again with each
    start. What dies elsewhere has its store afterwards."""
    limpid = limpid_with()
    there = origin(answer(objects))
    assert fetch(there, "/100000/x").status == 200
    committed(limpid, fetch, origin)
    proxy = limpid.proxy()
    [task] = [int(comm.parent.name) for comm in Path(f"/proc/{proxy}/task").glob("*/comm") if comm.read_text().strip() == thread]
    assert ctypes.CDLL(None).tgkill(proxy, task, int(signalled)) == 0
    wait.eventually(lambda: limpid.proxy() not in (None, proxy) and limpid.listens(), "the restarted proxy")
    wait.eventually(lambda: fetch(there, "/0/other").get("Via"), "interception by it")
    assert fetch(there, "/100000/x").hit == (thread != "store writer")
    assert fetch(there, "/100000/x").hit
    aside = [path.name for path in files(limpid) if "aside" in path.name]
    assert aside == (["data.mdb.aside-1"] if thread == "store writer" else [])
    assert ("was found to be damaged" in limpid.stderr) == bool(aside)


def works_without_storing(fetch, origin):
    there = origin(answer(objects))
    for _ in range(3):
        assert fetch(there, "/200000/x").body == body_of("/200000/x")


def test_a_store_that_cannot_be_written(limpid_with, origin, fetch):
    limpid = limpid_with(start=False)
    os.chown(limpid.store, 0, 0)
    limpid.store.chmod(0o555)
    limpid.start()
    limpid.said("(?i)store")
    works_without_storing(fetch, origin)
    assert limpid.stats()["hits"] == 0


def test_a_store_whose_directory_is_not_there(limpid_with, origin, fetch):
    limpid = limpid_with(start=False)
    limpid.store.rmdir()
    limpid.where.chmod(0o755)
    os.chown(limpid.where, 0, 0)
    limpid.control.parent.joinpath("run").mkdir()
    limpid.start()
    works_without_storing(fetch, origin)


@contextlib.contextmanager
def disk_of(limpid, size):
    """The store has a disk of that size to itself; the program is stopped before it goes."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "lab", limpid.store], check=True)
    try:
        if user():
            subprocess.run(["chown", user(), limpid.store], check=True)
        yield
        limpid.stop()
    finally:
        subprocess.run(["umount", limpid.store], check=True)


def test_a_full_disk(limpid_with, origin, fetch):
    """Serves, says so once in a while and not for each request, and stores again when there is room."""
    limpid = limpid_with(start=False, cache={"store": {"main": {"size": "256M"}}})
    with disk_of(limpid, "4M"):
        limpid.start()
        there = origin(answer(objects))
        for n in range(12):
            assert fetch(there, f"/1100000/{n}").body == body_of(f"/1100000/{n}")
        limpid.said('store "main" stores nothing for now.*No space left')
        for n in range(3):
            assert fetch(there, f"/1100000/{n}").body == body_of(f"/1100000/{n}")
        for path in ["/1000/again", "/100000/again"] * 3:
            assert fetch(there, path).body == body_of(path), "nobody waits for what cannot be committed"
        assert len(limpid.stderr.splitlines()) < 20 and "stores again" not in limpid.stderr
        subprocess.run(["mount", "-o", "remount,size=200M", limpid.store], check=True)

        def stores_again():
            fetch(there, "/1100000/again")
            return fetch(there, "/1100000/again").hit

        limpid.said('store "main" stores again')
        wait.eventually(stores_again, "it to store again", within=60)


def test_a_disk_that_is_full_at_the_start(limpid_with, origin, fetch):
    """What was stored before is served, and it stores again when there is room."""
    limpid = limpid_with(start=False, cache={"store": {"main": {"size": "256M"}}})
    with disk_of(limpid, "200M"):
        limpid.start()
        there = origin(answer(objects))
        fetch(there, "/100000/before")
        limpid.stop()
        with open(limpid.store / "other", "wb", buffering=0) as other, contextlib.suppress(OSError):
            while other.write(bytes(MIB)):
                pass
        limpid.start()
        limpid.said('store "main" stores nothing for now.*No space left')
        assert fetch(there, "/100000/before").hit
        assert fetch(there, "/100000/after").body == body_of("/100000/after")
        (limpid.store / "other").unlink()
        limpid.said('store "main" stores again')
        fetch(there, "/100000/after")
        assert fetch(there, "/100000/after").hit


def read_from_disk(pid):
    return int(re.search(r"^read_bytes: (\d+)$", Path(f"/proc/{pid}/io").read_text(), re.M)[1])


def test_100000_objects_are_served_at_once_after_a_start(limpid_with, origin, connect):
    """Nothing is rebuilt or read through: what has to be there for the first hit is a small part of the file."""
    limpid, there = limpid_with(start=False), origin(answer(reply("not stored")))
    made = subprocess.run([binary().parent / "tests/lab_fill_store", limpid.store, str(1 << 30), "100000", there.host, there.address],
                          check=True, capture_output=True, text=True)
    assert made.stdout == "100000\n"
    for path in (limpid.store, *limpid.store.iterdir()):
        shutil.chown(path, user() or "root")
    subprocess.run(["sync", "-f", limpid.store], check=True)
    for path in files(limpid):
        with open(path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    limpid.start()
    got = connect(there).ask(get(there.host, "/77777"))
    assert got.hit and got.body == b"77777".rjust(1024, b"0") and not there.requests
    size, read = sum(path.stat().st_size for path in files(limpid)), read_from_disk(limpid.proxy())
    assert size > 100 << 20 and read < 8 << 20, (size, read)
    assert limpid.summary()["stores"][0]["responses"] == 100000


DAMAGE = {
    "garbage": lambda data: os.urandom(len(data)),
    "zeros": lambda data: bytes(len(data)),
    "empty": lambda data: b"",
    "text": lambda data: b"This is no database.\n" * 1000,
    "its_first_page_alone": lambda data: data[:4096],
    "truncated": lambda data: data[:len(data) // 2 & ~4095],
    "its_head_overwritten": lambda data: os.urandom(8192) + data[8192:],
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_store_is_set_aside(limpid_with, origin, fetch, case):
    limpid = limpid_with()
    there = origin(answer(objects))
    for n in range(5):
        fetch(there, f"/300000/{n}")
    limpid.stop()
    main = max(files(limpid), key=lambda path: path.stat().st_size)
    main.write_bytes(DAMAGE[case](main.read_bytes()))
    limpid.start()
    if case != "empty":
        limpid.said("(?i)set aside")
    for n in range(5):
        assert fetch(there, f"/300000/{n}").body == body_of(f"/300000/{n}")
    assert fetch(there, "/300000/0").hit, "a new store has taken its place"


def test_flipped_bits_in_the_store_are_never_served(limpid_with, origin, fetch):
    """Wherever they are: a hit with the right bytes, or a miss."""
    limpid = limpid_with()
    there = origin(answer(objects))
    paths = [f"/{size}/{n}" for n in range(10) for size in (1000, 20_000, 300_000)]
    for path in paths:
        fetch(there, path)
    limpid.stop()
    main = max(files(limpid), key=lambda path: path.stat().st_size)
    good = main.read_bytes()
    bad = bytearray(good)
    for at in range(16 * 4096 + 2000, len(bad), 3 * 4096):  # beyond the first pages, and not in the pages' own heads
        bad[at] ^= 0x10
    main.write_bytes(bad)
    limpid.start()
    for _ in range(2):
        for path in paths:
            assert fetch(there, path).body == body_of(path), path


def test_an_index_that_cannot_be_read_is_done_without(limpid_with, origin, fetch):
    """The pages that say what is stored are no pages any more: everything is fetched, and nothing worse happens."""
    limpid, there = limpid_with(), origin(answer(objects))
    for n in range(5):
        fetch(there, f"/1000/{n}")
    limpid.stop()
    main = max(files(limpid), key=lambda path: path.stat().st_size)
    data, leaf, damaged = bytearray(main.read_bytes()), 2, 0
    for at in range(2 * 4096, len(data), 4096):
        if int.from_bytes(data[at + 10:at + 12], "little") == leaf and b"http://" in data[at:at + 4096]:
            data[at + 10:at + 12] = b"\0\0"
            damaged += 1
    assert damaged
    main.write_bytes(data)
    limpid.start()
    proxy = limpid.proxy()
    for size in (1000, 300_000):
        for n in range(5):
            got = fetch(there, f"/{size}/{n}")
            assert got.body == body_of(f"/{size}/{n}") and not got.hit
    assert limpid.proxy() == proxy


def test_several_stores_share_the_work(limpid_with, place, origin, fetch):
    limpid = limpid_with(start=False)
    others = [place("store") for _ in range(2)]
    for n, path in enumerate(others):
        if user():
            subprocess.run(["chown", user(), path], check=True)
        limpid.config["cache"]["store"][f"more{n}"] = {"path": str(path), "size": "64M"}
    limpid.start()
    there = origin(answer(objects))
    paths = [f"/20000/{n}" for n in range(60)]
    for hit in (False, True):
        for path in paths:
            got = fetch(there, path)
            assert (got.body, got.hit) == (body_of(path), hit)
    limpid.stop()
    for path in (limpid.store, *others):
        assert sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) > 20_000 * 5


def test_a_small_store_keeps_within_its_size(limpid_with, origin, fetch):
    """Four times what it holds goes through it; the newest is there, and every body was right."""
    limpid = limpid_with(cache={"store": {"main": {"size": "32M"}}})
    there = origin(answer(objects))
    for n in range(128):
        assert fetch(there, f"/1100000/{n}").body == body_of(f"/1100000/{n}")
    assert fetch(there, "/1100000/127").hit
    hits = sum(fetch(there, f"/1100000/{n}").hit for n in range(128))
    assert hits < 40
    assert sum(path.stat().st_blocks * 512 for path in files(limpid)) <= 33 * MIB


def test_what_is_read_again_stays_when_the_rest_goes(limpid_with, origin, fetch):
    limpid_with(cache={"store": {"main": {"size": "32M"}}})
    there = origin(answer(objects))
    fetch(there, "/1000/favourite")
    for n in range(128):
        fetch(there, f"/1100000/{n}")
        assert fetch(there, "/1000/favourite").body == body_of("/1000/favourite")
    assert len([request for request in there.requests if request.target == "/1000/favourite"]) <= 2


def test_what_is_larger_than_an_eighth_of_the_store_passes(limpid_with, origin, fetch):
    limpid_with(cache={"store": {"main": {"size": "32M"}}})
    there = origin(answer(objects))
    for _ in range(2):
        got = fetch(there, "/5000000/x")
        assert got.body == body_of("/5000000/x") and not got.hit
    chunked_too = origin(lambda c: [(c.request(), c.send(reply(b"", STORED, length=False, version="1.0") + pattern(5_000_000)), c.close())])
    for _ in range(2):
        assert not fetch(chunked_too).hit


def test_max_object(limpid_with, origin, fetch):
    limpid_with(cache={"max_object": "1M"})
    there = origin(answer(objects))
    for path, stored in (("/1000000/x", True), ("/1100000/x", False)):
        fetch(there, path)
        assert fetch(there, path).hit == stored


@pytest.fixture
def half_way(origin, connect):
    """half_way(): a download of 4 MB of which a half has come, and what makes the rest come."""
    def make():
        whole, half, go = reply(pattern(4_000_000), STORED), 2_000_000, threading.Event()
        slow = origin(lambda c: (c.request(), c.send(whole[:half]), c.wait(go), c.send(whole[half:])))
        wire = connect(slow)
        wire.send(get(slow.host, "/slow"))
        assert wire.head().status == 200 and len(wire.read(1_900_000)) == 1_900_000

        def end():
            go.set()
            assert len(wire.read(2_100_000)) == 2_100_000

        return end

    return make


def test_what_is_arriving_has_so_much_memory_together(limpid_with, origin, half_way, fetch):
    """What is too much passes: it is right, and as quick as ever, but not stored."""
    limpid_with(cache={"fill_memory": "500K"})
    there, end = origin(answer(objects)), half_way()
    for _ in range(2):
        got = fetch(there, "/100000/x")
        assert got.body == body_of("/100000/x") and not got.hit
    fetch(there, "/1000/x")
    assert fetch(there, "/1000/x").hit, "what is small is no matter"
    end()

    def stored():
        got = fetch(there, "/100000/x")
        assert got.body == body_of("/100000/x")
        return got.hit

    wait.eventually(stored, "it to be stored again")


def test_one_client_has_a_quarter_of_what_is_arriving(lab, limpid_with, origin, half_way, fetch):
    """Its further downloads pass; those of others are stored as ever."""
    limpid_with(cache={"fill_memory": "2M"})
    there, end = origin(answer(objects)), half_way()
    for _ in range(2):
        got = fetch(there, "/100000/x")
        assert got.body == body_of("/100000/x") and not got.hit
    other = next(client for client in lab.clients if client is not lab.client)
    fetch(there, "/100000/x", client=other)
    assert fetch(there, "/100000/x", client=other).hit
    end()
