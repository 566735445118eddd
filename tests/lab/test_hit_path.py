"""What a hit and a miss cost, in calls and instructions that are counted: no time is measured here (tests/bench does that)."""

import mmap
import re
import struct

import pytest

from lab import calls as system_calls, wait
from lab.limpid import binary, sanitized
from lab.origin import answer
from lab.wire import get, reply

HITS = 2000


@pytest.fixture
def counted(limpid_with):
    """counted(): Limpid with one worker, and a function that says how often it has allocated and locked."""
    def make():
        limpid = limpid_with(start=False, workers=1)
        counts = limpid.where / "counts"
        counts.write_bytes(bytes(mmap.PAGESIZE))
        limpid.wrapper = ("env", f"LD_PRELOAD={binary().parent}/tests/liblab_count_calls.so", f"LAB_COUNTS={counts}")
        limpid.start()
        return limpid, lambda: struct.unpack_from("2Q", counts.read_bytes())

    return make


@pytest.mark.skipif(sanitized(), reason="sanitizers have an allocator of their own")
@pytest.mark.parametrize("size", [1000, 10_000])
def test_a_hit_allocates_nothing_and_takes_no_lock(counted, origin, connect, size):
    """All threads are counted: what the others do in the meantime is far less than once for each hit. One that has to wait for room
    in the client's socket keeps its request meanwhile, in one block: not asked here."""
    limpid, calls = counted()
    there = origin(answer(lambda request: reply(b"x" * size, "Cache-Control: max-age=600")))
    with connect(there) as wire:
        wire.ask(get(there.host))

        seen = []

        def cheap():
            before = calls()
            for _ in range(HITS):
                assert wire.ask(get(there.host)).hit
            seen[:] = [before, calls()]
            return [after - n < HITS / 20 for n, after in zip(before, calls())]

        assert calls()[0] > 100 and calls()[1] > 10, "it counts"
        wait.eventually(lambda: cheap() == [True, True], lambda: f"hits from the store: {seen}")


@pytest.fixture
def profiled(limpid_with):
    """profiled(function): Limpid under callgrind, which counts within that function; and what reads its profile once it has stopped."""
    def make(function):
        limpid = limpid_with(start=False, workers=1)
        dump = limpid.where / "callgrind"
        dump.mkdir()
        dump.chmod(0o777)  # the proxy's user writes there, and a warden without root's rights to files
        limpid.wrapper = ("env", f"LD_PRELOAD={binary().parent}/tests/liblab_unconfined.so", "valgrind", "-q", "--tool=callgrind",
                          "--collect-atstart=no", f"--toggle-collect={function}", f"--callgrind-out-file={dump}/%p")
        limpid.start()
        proxy = limpid.proxy()

        def profile():
            limpid.stop()
            return (dump / str(proxy)).read_text()

        return profile

    return make


@pytest.mark.skipif(sanitized(), reason="valgrind and sanitizers do not go together")
def test_a_hit_is_few_instructions(profiled, origin, connect):
    """Those outside the kernel, from the event of a connection to its end: a count, not a time. It moves with the compiler and the
    libraries, and hardly from run to run; 8,470 when this was written."""
    profile = profiled("client_event")
    there = origin(answer(reply(b"x" * 1000, "Cache-Control: max-age=600")))
    with connect(there) as wire:
        wire.ask(get(there.host))
        for _ in range(HITS):
            assert wire.ask(get(there.host)).hit
    each = int(re.search(r"^(?:summary|totals): (\d+)", profile(), re.M)[1]) / HITS
    print(f"{each:.0f} instructions")
    assert 1000 < each < 14_000


@pytest.mark.skipif(sanitized(), reason="valgrind and sanitizers do not go together")
def test_a_miss_is_one_look_up(profiled, origin, connect):
    """Who is about to fetch looks again only where something has been committed since, which it is every 50 ms at the most."""
    profile, misses = profiled("client_event"), 500
    there = origin(answer(lambda request: reply(b"x" * 1000, "Cache-Control: max-age=600")))
    with connect(there) as wire:
        for n in range(misses):
            assert not wire.ask(get(there.host, f"/{n}")).hit
    text = profile()
    number = re.search(r"fn=(\(\d+\)) reader_find$", text, re.M)[1]
    look_ups = sum(int(calls) for calls in re.findall(rf"^cfn={re.escape(number)}.*\ncalls=(\d+)", text, re.M))
    assert misses <= look_ups < misses * 1.2, look_ups


@pytest.mark.parametrize("stored", [True, False])
def test_a_miss_is_one_write_to_each_side(limpid_with, origin, connect, stored):
    """The head of a small reply goes with its body, in one call and one segment, as the request went in one."""
    limpid, misses = limpid_with(workers=1), 50
    there = origin(answer(lambda request: reply(b"x" * 3000, "Cache-Control: max-age=600" if stored else "Cache-Control: no-store")))
    with connect(there) as wire:
        wire.ask(get(there.host, "/first"))

        def ask():
            for n in range(misses):
                assert not wire.ask(get(there.host, f"/{n}")).hit

        made = system_calls.of_workers(limpid, ask)
    assert made["sendmsg"] == made["sendto"] == misses and made["recvfrom"] <= 2 * misses + 2, made
    assert not made["epoll_ctl"] and not made["setsockopt"], made
