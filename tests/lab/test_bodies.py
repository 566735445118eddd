"""Bodies of every framing, both ways; connections that are kept, and whose they are; bounded memory."""

import threading
import time

import pytest

from lab import wait
from lab.limpid import sanitized
from lab.nginx import pattern
from lab.origin import answer
from lab.wire import Closed, chunked, get, reply

MIB, GIB = 1 << 20, 1 << 30
STORED = "Cache-Control: max-age=600"
CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 65503, 65504, 65505, 1 << 20, 5_000_000])
def test_a_chunked_response(limpid, origin, fetch, size):
    body = pattern(size)
    pieces = [body[n:n + 7001] for n in range(0, size, 7001)]
    there = origin(answer(reply(b"", STORED, CHUNKED, length=False) + chunked(*pieces)))
    assert fetch(there).body == body
    second = fetch(there)
    assert second.hit and second.body == body
    assert second.get("Content-Length") == str(size), "its length is known by now"


@pytest.mark.parametrize("size", [0, 1, 16383, 16384, 16385, 65504, 65505, 16 * 65504, 16 * 65504 + 1, 5_000_000])
def test_a_response_of_known_length(limpid, origin, fetch, size):
    body = pattern(size)
    there = origin(answer(reply(body, STORED)))
    for _ in range(3):
        assert fetch(there).body == body
    assert len(there.requests) == 1


def test_a_response_that_ends_with_the_connection(limpid, origin, fetch):
    body = pattern(300_000)
    there = origin(lambda c: (c.request(), c.send(reply(body, STORED, length=False)), c.close()), answer(reply("again")))
    assert fetch(there).body == body
    assert fetch(there).body in (body, b"again")


@pytest.mark.parametrize("size", [0, 1, 65536, 5_000_000])
@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_request_bodies(limpid, origin, connect, size, method, framing):
    body = pattern(size)
    there = origin(answer(lambda request: reply(request.body)))
    wire = connect(there)
    for _ in range(2):
        if framing == "length":
            wire.send(get(there.host, "/", f"Content-Length: {size}", method=method))
            sender = threading.Thread(target=wire.send, args=(body,))
        else:
            wire.send(get(there.host, "/", CHUNKED, method=method))
            sender = threading.Thread(target=wire.send, args=(chunked(*[body[n:n + 9001] for n in range(0, size, 9001)]),))
        sender.start()
        assert wire.response().body == body
        sender.join()


def test_trailers_of_a_request(limpid, origin, connect):
    there = origin()
    wire = connect(there)
    wire.send(get(there.host, "/", CHUNKED, "Trailer: X-Sum", method="POST"), chunked("abc", trailers=["X-Sum: 42"]))
    assert wire.response().status == 200
    assert (there.requests[0].body, there.requests[0].trailers) == (b"abc", [("X-Sum", "42")])


def test_trailers_of_a_response(limpid, origin, connect):
    there = origin(answer(reply(b"", CHUNKED, "Trailer: X-Sum", length=False) + chunked("abc", trailers=["X-Sum: 42"])))
    got = connect(there).ask(get(there.host, "/", "TE: trailers"))
    assert (got.body, got.trailers) == (b"abc", [("X-Sum", "42")])


def test_chunks_reach_the_client_as_they_come(limpid, origin, connect):
    """A reply that trickles (server-sent events) is not held back until a buffer is full."""
    go = [threading.Event() for _ in range(3)]

    def trickle(connection):
        connection.request()
        connection.send(reply(b"", CHUNKED, length=False))
        for event in go:
            connection.wait(event)
            connection.send("6\r\nevent\n\r\n")
        connection.send("0\r\n\r\n")

    there = origin(trickle)
    wire = connect(there)
    wire.send(get(there.host))
    assert wire.head().status == 200, "the head before any of the body"
    for event in go:
        event.set()
        assert wire.read_until("event\n\r\n")
    assert wire.read(5) == b"0\r\n\r\n"


def test_a_request_body_reaches_the_origin_as_it_comes(limpid, origin, connect):
    there = origin(lambda c: (c.head(), c.read_until("one"), c.read_until("two"), c.send(reply("done"))))
    wire = connect(there)
    wire.send(get(there.host, "/", CHUNKED, method="POST"), "3\r\none\r\n")
    wait.eventually(lambda: b"one" in there.received)
    wire.send("3\r\ntwo\r\n0\r\n\r\n")
    assert wire.response().body == b"done"


# ---- Expect, 1xx

def test_expect_100_continue_is_the_origins_to_say(limpid, origin, connect):
    def play(connection):
        assert connection.head().get("Expect") == "100-continue"
        connection.send("HTTP/1.1 100 Continue\r\n\r\n")
        connection.send(reply(connection.read(5)))

    there = origin(play)
    wire = connect(there)
    wire.send(get(there.host, "/", "Expect: 100-continue", "Content-Length: 5", method="POST"))
    assert wire.head().status == 100
    wire.send("12345")
    assert wire.response().body == b"12345"


def test_expect_100_continue_that_is_denied(limpid, origin, connect):
    there = origin(lambda c: (c.head(), c.send(reply("no", status="403 Forbidden"))))
    wire = connect(there)
    wire.send(get(there.host, "/", "Expect: 100-continue", "Content-Length: 5", method="POST"))
    got = wire.response()
    assert (got.status, got.interim) == (403, [])


def test_interim_responses_are_forwarded(limpid, origin, connect):
    there = origin(answer(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + reply("done")))
    got = connect(there).ask(get(there.host))
    assert [interim.status for interim in got.interim] == [103, 102]
    assert got.interim[0].get("Link") == "</a.css>" and got.body == b"done"


def test_a_client_of_1_0_gets_no_interim_response(limpid, origin, connect):
    there = origin(answer(b"HTTP/1.1 103 Early Hints\r\n\r\n" + reply("done")))
    got = connect(there).ask(get(there.host, version="1.0"))
    assert got.interim == [] and got.body == b"done"


# ---- HTTP/1.0

def test_a_client_of_1_0(limpid, origin, connect):
    there = origin(answer(reply("one", STORED)))
    for hit in (False, True):
        wire = connect(there)
        got = wire.ask(get(there.host, version="1.0"))
        assert (got.body, got.hit) == (b"one", hit)
        assert wire.read_all() == b"", "and the connection ends"


def test_a_client_of_1_0_that_keeps_its_connection(limpid, origin, connect):
    there = origin(answer(reply("one", STORED)))
    wire = connect(there)
    for _ in range(3):
        got = wire.ask(get(there.host, "/", "Connection: keep-alive", version="1.0"))
        assert got.body == b"one"
        if "keep-alive" not in got.get("Connection", "").lower():
            assert wire.read_all() == b""
            return


def test_a_client_of_1_0_gets_no_chunks(limpid, origin, connect):
    there = origin(answer(reply(b"", CHUNKED, length=False) + chunked("one", "two")))
    wire = connect(there)
    got = wire.ask(get(there.host, "/", "Connection: keep-alive", version="1.0"))
    assert got.get("Transfer-Encoding") is None and got.body == b"onetwo"


@pytest.mark.parametrize("length", [True, False])
def test_a_server_of_1_0(limpid, origin, connect, length):
    there = origin(lambda c: (c.request(), c.send(reply("one", version="1.0", length=length)), c.close()))
    wire = connect(there)
    for _ in range(2):
        got = wire.ask(get(there.host))
        assert got.body == b"one" and got.start.startswith("HTTP/1.1 200")
    assert len(there.connections) == 2


# ---- keeping connections

def test_both_sides_keep_their_connections(limpid, origin, connect):
    there = origin(answer(reply("one")))
    wire = connect(there)
    for _ in range(20):
        assert wire.ask(get(there.host)).body == b"one"
    assert len(there.connections) == 1


def test_a_later_connection_of_the_same_client_finds_the_pooled_one(limpid, origin, fetch):
    there = origin(answer(reply("one")))
    for _ in range(40):
        assert fetch(there).body == b"one"
    assert len(there.connections) <= limpid.config["workers"], "a pool for each worker"


def test_the_pool_is_never_shared_between_clients(lab, limpid, origin, fetch):
    """The connection's peer is what the origin takes for the client: it must never carry another one's request."""
    there = origin(answer(reply("one")))
    for n in range(40):
        fetch(there, f"/{n % 2}", client=lab.clients[n % 2])
    for connection in there.connections:
        number = [lab.client.address4, lab.other_client.address4].index(connection.peer)
        assert {request.target for request in connection.requests} == {f"/{number}"}


def test_nginx_sees_the_same(lab, limpid, nginx, fetch, connect):
    wires = [connect("203.0.113.2", client) for client in lab.clients]
    for n in range(20):
        assert wires[n % 2].ask(get("203.0.113.2", f"/echo/?pool{n % 2}")).body == lab.clients[n % 2].address4.encode() + b"\n"
    lines = nginx.asked("/echo/?pool0", 10) + nginx.asked("/echo/?pool1", 10)
    of = {path: {line["connection"] for line in lines if path in line["request"]} for path in ("pool0", "pool1")}
    assert not of["pool0"] & of["pool1"]


def test_pipelined_requests_are_answered_in_order(limpid, origin, connect):
    """A hit behind a slow miss waits for its turn."""
    slow = threading.Event()
    script = answer(lambda request: (slow.wait(10) if request.target == "/slow" else None, reply(request.target, STORED))[1])
    there = origin(script)
    assert connect(there).ask(get(there.host, "/quick")).body == b"/quick"
    wire = connect(there)
    wire.send(get(there.host, "/slow"), get(there.host, "/quick"), get(there.host, "/other"))
    wait.eventually(lambda: "/slow" in [request.target for request in there.requests])
    assert wire.quiet
    slow.set()
    assert [wire.response().body for _ in range(3)] == [b"/slow", b"/quick", b"/other"]


def test_a_pipelined_request_behind_a_body(limpid, origin, connect):
    there = origin(answer(lambda request: reply(request.body or request.target)))
    wire = connect(there)
    wire.send(get(there.host, "/", "Content-Length: 5", method="POST"), "12345", get(there.host, "/a"),
              get(there.host, "/", CHUNKED, method="PUT"), chunked("67", "8"), get(there.host, "/b"))
    assert [wire.response().body for _ in range(4)] == [b"12345", b"/a", b"678", b"/b"]


def test_connection_close_is_heeded_on_either_side(limpid, origin, connect):
    there = origin(answer(reply("one", "Connection: close")))
    wire = connect(there)
    assert wire.ask(get(there.host)).body == b"one"
    assert wire.ask(get(there.host)).body == b"one", "the origin's close is not the client's"
    wire.send(get(there.host, "/", "Connection: close"))
    assert wire.response().body == b"one"
    assert wire.read_all() == b"" and wire.end == "eof"


def test_who_says_that_it_is_the_last_request_is_not_lingered_for(lab, limpid, origin, connect, fetch):
    """The end of the stream that the client sees is Limpid's close, not half of one behind which it waits for more."""
    there = origin(answer(reply("one", STORED)))
    fetch(there)
    wire = connect(there)
    wire.send(get(there.host, "/", "Connection: close"))
    assert wire.response().hit and wire.read_all() == b"" and wire.end == "eof"
    kept = lab.gateway.run("ss", "-Htanp", f"dport = :{wire.sock.getsockname()[1]}")
    assert "limpid" not in kept, kept


def test_a_client_that_goes_in_mid_download_takes_the_fetch_along(limpid, origin, connect):
    """What nobody reads and nothing forbids to drop is not downloaded to its end: the origin is not charged for it."""
    def endless(connection):
        connection.request()
        connection.send(f"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: {1 << 50}\r\n\r\n")
        connection.sock.settimeout(None)
        while True:
            connection.sock.sendall(b"x" * MIB)

    there = origin(endless)
    wire = connect(there)
    wire.send(get(there.host))
    wire.head()
    wire.close()
    assert there.connection().over.wait(wait.DEADLINE)


# ---- memory

BLOCK = pattern(MIB, 7)


def verified(wire, size):
    """Reads `size` bytes that repeat BLOCK, comparing all of them."""
    twice = BLOCK + BLOCK
    taken = wire.take(min(len(wire.buffer), size))
    at, same = len(taken), taken == (twice * (len(taken) // MIB + 1))[:len(taken)]
    assert same, "another byte than was sent, at the start"
    wire.sock.settimeout(wait.DEADLINE)
    while at < size:
        got = wire.sock.recv(min(MIB, size - at))
        assert got, f"ended after {at} bytes"
        same = got == twice[at % MIB:at % MIB + len(got)]
        assert same, f"another byte than was sent between {at} and {at + len(got)}"
        at += len(got)


class Pour(threading.Thread):
    """Sends `size` bytes that repeat BLOCK, or chunks of it, as fast as they are taken; `sent` counts them."""

    def __init__(self, sock, size, chunks=False):
        super().__init__(daemon=True)
        self.sock, self.size, self.chunks, self.sent = sock, size, chunks, 0
        self.sock.settimeout(120)

    def run(self):
        try:
            for _ in range(self.size // MIB):
                block = memoryview(b"%x\r\n%b\r\n" % (MIB, BLOCK) if self.chunks else BLOCK)
                at = 0
                while at < len(block):
                    taken = self.sock.send(block[at:])
                    at, self.sent = at + taken, self.sent + taken
            if self.chunks:
                self.sock.sendall(b"0\r\n\r\n")
        except OSError:
            pass  # the test sees what has not arrived


def stalled(counter):
    """Waits until a counter of bytes has come to a stop: back-pressure has reached the sender."""
    last = [None, time.monotonic()]

    def still():
        if counter() != last[0]:
            last[:] = [counter(), time.monotonic()]
        return counter() and time.monotonic() - last[1] > 0.5

    wait.eventually(still, "the sender to be held back", within=60)


FOUR = 512 * MIB if sanitized() else 4 * GIB


@pytest.mark.parametrize("stored", [False, True], ids=["passing", "storable"])
def test_4_gib_download_to_a_slow_client_in_bounded_memory(limpid_with, origin, connect, stored):
    limpid = limpid_with()
    pours = []

    def much(connection):
        connection.request()
        connection.send(f"HTTP/1.1 200 OK\r\nContent-Length: {FOUR}\r\nCache-Control: {'max-age=600' if stored else 'no-store'}\r\n\r\n")
        pours.append(Pour(connection.sock, FOUR))
        pours[0].run()

    there = origin(answer(reply("warm", "Connection: close")), much)
    assert connect(there).ask(get(there.host)).body == b"warm"
    before = limpid.rss_anon()
    wire = connect(there)
    wire.keep = False
    wire.send(get(there.host, "/4g"))
    assert wire.head().get("Content-Length") == str(FOUR)
    stalled(lambda: pours and pours[0].sent)
    assert pours[0].sent < FOUR // 2, "the origin is held back"
    most = limpid.rss_anon()
    done = 0
    while done < FOUR:  # at full speed now, looking at the memory every quarter
        verified(wire, FOUR // 4)
        done += FOUR // 4
        most = max(most, limpid.rss_anon())
    assert sanitized() or most - before < 8 * MIB, f"{(most - before) / MIB:.1f} MiB"


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_4_gib_upload_to_a_slow_origin_in_bounded_memory(limpid_with, origin, connect, framing):
    limpid = limpid_with()
    go = threading.Event()
    size = FOUR if framing == "length" else FOUR // 8

    def slow(connection):
        connection.keep = False
        head = connection.head()
        connection.wait(go)
        if framing == "length":
            assert head.get("Content-Length") == str(size)
            verified(connection, size)
        else:
            left = size
            while left:
                length = int(connection.read_until(b"\r\n"), 16)
                assert 0 < length <= left
                at = (size - left) % MIB
                data = connection.read(length)
                assert data == (BLOCK * (length // MIB + 2))[at:at + length]
                assert connection.read(2) == b"\r\n"
                left -= length
            assert connection.read(5) == b"0\r\n\r\n"
        connection.send(reply("thanks"))

    there = origin(answer(reply("warm", "Connection: close")), slow)
    assert connect(there).ask(get(there.host)).body == b"warm"
    before = limpid.rss_anon()
    wire = connect(there)
    wire.send(get(there.host, "/4g", f"Content-Length: {size}" if framing == "length" else CHUNKED, "Connection: close", method="PUT"))
    sender = Pour(wire.sock, size, framing == "chunked")
    sender.start()
    stalled(lambda: sender.sent)
    assert sender.sent < size // 2, "the client is held back"
    most = limpid.rss_anon()
    go.set()

    def gone():
        nonlocal most
        most = max(most, limpid.rss_anon())
        return not sender.is_alive()

    wait.eventually(gone, "the upload to end", within=300)
    wire.sock.settimeout(wait.DEADLINE)
    assert wire.response().body == b"thanks"
    assert sanitized() or most - before < 8 * MIB, f"{(most - before) / MIB:.1f} MiB"
