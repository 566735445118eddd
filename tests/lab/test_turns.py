"""Large bodies are sent in turns, so that small replies do not wait for them (proxy/turn.h)."""

import pytest

from lab import calls, wait
from lab.nginx import pattern
from lab.origin import answer
from lab.wire import get, reply

LARGE, MIB, PIECE = 8 << 20, 1 << 20, 256 << 10
BODIES = {"/large": pattern(LARGE, 3), "/larger": pattern(LARGE, 4), "/small": b"x" * 300}


@pytest.fixture
def there(origin):
    return origin(answer(lambda request: reply(BODIES[request.target], "Cache-Control: max-age=3600", 'ETag: "x"')))


def stored(there, wire, path):
    def hit():
        before = len(there.requests)
        assert wire.ask(get(there.host, path)).body == BODIES[path]
        return len(there.requests) == before

    wait.eventually(hit, f"{path} to be stored as a whole")


def test_pieces_are_small_while_small_replies_are_sent(limpid_with, there, connect):
    """What is offered to a socket at once is sent before anybody else is looked after; where nobody else is, more costs less."""
    limpid = limpid_with(workers=1)
    with connect(there) as wire, connect(there, receive_buffer=PIECE) as slow, connect(there) as small:
        stored(there, wire, "/large")
        alone = calls.offered(limpid, lambda: wire.ask(get(there.host, "/large")))
        stored(there, small, "/small")

        def in_between():
            slow.send(get(there.host, "/large"))
            slow.head()
            for _ in range(LARGE // PIECE):
                assert small.ask(get(there.host, "/small")).hit
                slow.read(PIECE)

        beside = [size for size in calls.offered(limpid, in_between) if size > 1000]
    assert max(alone) > MIB, alone
    assert LARGE / PIECE <= len(beside) and max(beside) <= PIECE + 1000, beside


def test_many_take_turns(limpid_with, there, connect):
    """Each gets all of its own body, and in the meantime nobody waits for the end of another's."""
    limpid_with(workers=1)
    with connect(there) as small:
        wires = {connect(there): path for path in 3 * ["/large", "/larger"]}
        for path in BODIES:
            stored(there, small, path)
        for _ in range(3):
            for wire, path in wires.items():
                wire.send(get(there.host, path))
            assert small.ask(get(there.host, "/small")).hit
            for wire, path in wires.items():
                got = wire.response()
                assert got.hit and got.body == BODIES[path], path
        for wire in wires:
            wire.close()


def test_one_that_leaves_while_it_waits_for_its_turn(limpid_with, there, connect):
    limpid_with(workers=1)
    with connect(there) as small:
        for path in ("/large", "/small"):
            stored(there, small, path)
        for _ in range(10):
            gone, staying = [connect(there) for _ in range(4)], connect(there)
            for wire in (*gone, staying):
                wire.send(get(there.host, "/large"))
            for wire in gone:
                wire.close()
            assert staying.response().body == BODIES["/large"]
            staying.close()
        assert small.ask(get(there.host, "/small")).hit
