"""Many clients, one cold object: one fetch, and each client is served as fast as it can read (RFC 9111 §4)."""

import socket
import threading

import pytest

from lab import wait
from lab.nginx import pattern
from lab.origin import answer
from lab.wire import Closed, chunked, get, reply

MIB = 1 << 20
STORED = "Cache-Control: max-age=600"


def in_parts(whole, *cuts_and_events):
    """A script: sends the bytes up to each cut, then waits for the event that comes with it; then the rest."""
    def script(connection):
        connection.request()
        at = 0
        for cut, event in cuts_and_events:
            connection.send(whole[at:cut])
            at = cut
            connection.wait(event)
        connection.send(whole[at:])
        answer(reply("another"))(connection)

    return script


def asked(lab, connect, there, count, path="/cold", *fields):
    """So many connections, over both clients, that have asked for it."""
    wires = [connect(there, lab.clients[n % 2]) for n in range(count)]
    for wire in wires:
        wire.send(get(there.host, path, *fields))
    return wires


def joined(limpid, before, count):
    limpid.counter("collapsed", count, above=before.get("collapsed", 0))


def test_many_clients_ask_for_the_same_cold_object(lab, limpid, origin, connect):
    """One fetch; each gets every byte, and the first of them before the last has arrived."""
    go, body, before = threading.Event(), pattern(3_000_000), limpid.stats()
    there = origin(in_parts(reply(body, STORED), (1_000_000, go)))
    wires = asked(lab, connect, there, 20)
    heads = [wire.head() for wire in wires]
    assert all(wire.read(500_000) == body[:500_000] for wire in wires)
    joined(limpid, before, 19)
    go.set()
    assert all(wire.read(len(body) - 500_000) == body[500_000:] for wire in wires)
    assert len(there.requests) == 1 and all(head.status == 200 for head in heads)
    statuses = [head.get("Cache-Status") for head in heads]
    assert sum("; collapsed" in status and "fwd=uri-miss" in status for status in statuses) == 19, statuses


def test_a_herd_costs_the_origin_one_transfer(lab, limpid, origin, connect):
    """200 clients and 10 MiB."""
    body = pattern(10 * MIB)
    there = origin(answer(reply(body, STORED)))
    wires = asked(lab, connect, there, 200)
    got = [False] * len(wires)

    def read(first):
        for n in range(first, len(wires), 8):
            try:
                got[n] = wires[n].response().body == body or "wrong bytes"
            except (Closed, ConnectionResetError, wait.Late) as error:
                got[n] = str(error)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [True] * len(wires) and len(there.requests) == 1


def test_a_slow_reader_of_a_fill_does_not_slow_the_others(limpid, origin, connect):
    """Whoever leads."""
    body = pattern(20 * MIB)
    there = origin(answer(reply(body, STORED)))
    slow = connect(there, receive_buffer=4096)
    slow.send(get(there.host, "/cold"))
    assert slow.head().status == 200
    quick = connect(there)
    assert quick.ask(get(there.host, "/cold")).body == body
    assert slow.read(len(body)) == body
    assert len(there.requests) == 1


@pytest.mark.parametrize("framing", ["length", "chunks", "close"])
def test_every_framing_is_shared(lab, limpid, origin, connect, framing):
    """With a client of HTTP/1.0 among them, who knows no chunks."""
    body, go, before = pattern(2_000_000), threading.Event(), limpid.stats()
    whole = {"length": reply(body, STORED),
             "chunks": f"HTTP/1.1 200 OK\r\n{STORED}\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunked(*(body[at:at + 70_000] for at in range(0, len(body), 70_000))),
             "close": f"HTTP/1.1 200 OK\r\n{STORED}\r\nConnection: close\r\n\r\n".encode() + body}[framing]

    def script(connection):
        connection.request()
        connection.send(whole[:100_000])
        connection.wait(go)
        connection.send(whole[100_000:])
        connection.close()

    there = origin(script)
    wires = asked(lab, connect, there, 4)
    wait.eventually(lambda: there.requests, "the one request")
    old = connect(there)
    old.send(f"GET /cold HTTP/1.0\r\nHost: {there.host}\r\n\r\n")
    joined(limpid, before, 4)
    go.set()
    assert all(wire.response().body == body for wire in [*wires, old])
    assert len(there.requests) == 1


def test_a_leader_who_leaves_takes_nobody_along(lab, limpid, origin, connect):
    body, go, before = pattern(8 * MIB), threading.Event(), limpid.stats()
    there = origin(in_parts(reply(body, STORED), (1_000_000, go)))
    leader = asked(lab, connect, there, 1)[0]
    assert leader.head().status == 200
    others = asked(lab, connect, there, 5)
    joined(limpid, before, 5)
    limpid.loses(leader.reset, leader)
    go.set()
    assert all(wire.response().body == body for wire in others)
    assert len(there.requests) == 1
    assert connect(there).ask(get(there.host, "/cold")).hit


def test_a_leader_who_stalled_and_leaves_lets_the_rest_come(limpid, origin, connect):
    """He reads nothing and goes when little is missing: the rest is fetched for the store, and waits for nobody."""
    body, sent, before = pattern(3_000_000), threading.Event(), limpid.stats()

    def script(connection):
        connection.request()
        connection.send(reply(body, STORED))
        sent.set()

    there = origin(script)
    wire = connect(there)
    wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    wire.send(get(there.host, "/cold"))
    limpid.counter("bytes_origins", 2 * MIB, above=before["bytes_origins"])
    wire.reset()
    assert sent.wait(wait.DEADLINE)
    limpid.counter("stored", 1, above=before["stored"])
    limpid.emptied()
    got = connect(there).ask(get(there.host, "/cold"))
    assert got.hit and got.body == body


def test_when_all_have_left_the_fetch_ends(lab, limpid, origin, connect):
    def endless(connection):
        connection.request()
        connection.send(f"HTTP/1.1 200 OK\r\n{STORED}\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.sock.settimeout(None)
        while True:
            connection.sock.sendall(chunked(b"x" * MIB)[:-5])

    there, before = origin(endless), limpid.stats()
    wires = asked(lab, connect, there, 4)
    heads = [wire.head() for wire in wires]
    assert all(head.status == 200 for head in heads)
    joined(limpid, before, 3)
    for wire in wires:
        wire.reset()
    assert there.connection().over.wait(wait.DEADLINE)


def test_what_cannot_be_shared_is_fetched_by_all_at_once(lab, limpid, origin, connect):
    """Not one after the other: the last of them is not answered before all have asked."""
    barrier, go = threading.Barrier(9, timeout=wait.DEADLINE), threading.Event()

    def script(connection):
        for request in connection.each_request():
            if request is there.requests[0]:
                connection.wait(go)
            else:
                barrier.wait()
            connection.send(reply(b"mine", "Cache-Control: private, max-age=60"))

    there = origin(script)
    wires = asked(lab, connect, there, 10)
    wait.eventually(lambda: there.requests, "the first request")
    go.set()
    assert all(wire.response().body == b"mine" for wire in wires)
    assert len(there.requests) == 10


def test_what_could_not_be_shared_is_not_waited_for_again(lab, limpid, origin, connect, fetch):
    """Known to be private: the next ones are all asked for at once."""
    barrier = threading.Barrier(6, timeout=wait.DEADLINE)

    def script(connection):
        for request in connection.each_request():
            if request is not there.requests[0]:
                barrier.wait()
            connection.send(reply(b"mine", "Cache-Control: private, max-age=60"))

    there = origin(script)
    assert fetch(there, "/cold").body == b"mine"
    wires = asked(lab, connect, there, 6)
    assert all(wire.response().body == b"mine" for wire in wires)


def test_a_reply_without_a_head_releases_the_others(lab, limpid, origin, connect):
    """It is relayed to whoever asked, to the close; the others ask for themselves."""
    go = threading.Event()

    def bare(connection):
        connection.request()
        connection.wait(go)
        connection.send(b"ICY 200 OK\r\n\r\nsound")
        connection.close()

    there = origin(bare, answer(reply(b"good", STORED)))
    wires = asked(lab, connect, there, 3)
    wait.eventually(lambda: there.requests, "the first request")
    go.set()
    got = sorted(wire.read_until(b"\r\n\r\n")[:12] for wire in wires)
    assert got == [b"HTTP/1.1 200", b"HTTP/1.1 200", b"ICY 200 OK\r\n"]


def test_upgrades_are_nobody_elses(lab, limpid, origin, connect):
    """Each gets a connection of its own, at once."""
    barrier = threading.Barrier(3, timeout=wait.DEADLINE)

    def switch(connection):
        connection.request()
        barrier.wait()
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
        connection.send(connection.read(2))

    there = origin(switch)
    wires = asked(lab, connect, there, 3, "/socket", "Connection: Upgrade", "Upgrade: x")
    for n, wire in enumerate(wires):
        assert wire.head().status == 101
        wire.send(f"{n}!")
        assert wire.read(2) == f"{n}!".encode()


def test_other_variants_are_not_given(lab, limpid, origin, connect):
    """Who asked for another variant asks for himself."""
    go = threading.Event()

    def script(connection):
        for request in connection.each_request():
            if request.get("Accept-Language") == "de":
                connection.wait(go)
            connection.send(reply(request.get("Accept-Language").encode(), STORED, "Vary: Accept-Language"))

    there = origin(script)
    first = connect(there)
    first.send(get(there.host, "/cold", "Accept-Language: de"))
    wait.eventually(lambda: there.requests, "the first request")
    second = connect(there)
    second.send(get(there.host, "/cold", "Accept-Language: fr"))
    third = connect(there)
    third.send(get(there.host, "/cold", "Accept-Language: de"))
    go.set()
    assert [wire.response().body for wire in (first, second, third)] == [b"de", b"fr", b"de"]
    assert sorted(request.get("Accept-Language") for request in there.requests) == ["de", "fr"]


@pytest.mark.parametrize("field", ["Cache-Control: no-cache", "Authorization: Basic eA==", "Range: bytes=0-3", "Cookie: a=b"])
def test_who_has_a_wish_of_ones_own(limpid, origin, connect, field):
    """Such a request neither waits for others nor is waited for, but for a cookie, which changes nothing here."""
    go = threading.Event()
    there = origin(in_parts(reply(b"0123456789", STORED), (0, go)), answer(reply(b"0123456789", STORED)))
    first = connect(there)
    first.send(get(there.host, "/cold"))
    wait.eventually(lambda: there.requests, "the first request")
    second = connect(there)
    second.send(get(there.host, "/cold", field))
    if field.startswith("Cookie"):
        go.set()
    assert second.response().body[:4] == b"0123"
    go.set()
    assert first.response().body == b"0123456789"
    assert len(there.requests) == (1 if field.startswith("Cookie") else 2)


def test_a_silent_leader_holds_nobody_for_long(limpid, origin, connect):
    """Its origin says nothing: the others ask for themselves after a moment."""
    go = threading.Event()
    there = origin(in_parts(reply(b"late", STORED), (0, go)), answer(reply(b"at once", STORED)))
    first = connect(there)
    first.send(get(there.host, "/cold"))
    wait.eventually(lambda: there.requests, "the first request")
    assert connect(there).ask(get(there.host, "/cold")).body == b"at once"
    go.set()
    assert first.response().body == b"late"


def test_who_asks_for_more_meanwhile_is_held_no_longer(limpid, origin, connect, fetch):
    """A follower that sends its next request ahead: that is no reason to wait longer for the first one's head."""
    go = threading.Event()
    there, elsewhere = origin(in_parts(reply(b"late", STORED), (0, go)), answer(reply(b"at once", STORED))), origin()
    first, second = connect(there), connect(there)
    first.send(get(there.host, "/cold"))
    wait.eventually(lambda: there.requests, "the first request")
    second.send(get(there.host, "/cold"))
    for byte in get(there.host, "/next")[:20]:
        fetch(elsewhere)  # so that it comes alone
        second.send(bytes([byte]))
    second.send(get(there.host, "/next")[20:])
    assert [second.response().body for _ in range(2)] == [b"at once"] * 2
    go.set()
    assert first.response().body == b"late"


@pytest.mark.parametrize("asks", [["HEAD"], ["GET", 'If-None-Match: "1"'], ["GET", "Cache-Control: no-store"]])
def test_what_is_one_clients_own_says_nothing_of_the_next_reply(lab, limpid, origin, connect, fetch, asks):
    """That its reply could not be shared does not make the next herd fetch one by one."""
    go, elsewhere = threading.Event(), origin()
    method, *fields = asks

    def script(connection):
        first = connection.request()
        connection.send(b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n' if first.get("If-None-Match") else reply(b"" if method == "HEAD" else b"own", STORED))
        connection.close()

    there = origin(script, in_parts(reply(b"0123456789", STORED), (0, go)))
    fetch(there, "/cold", *fields, method=method)
    wires = asked(lab, connect, there, 5)
    wait.eventually(lambda: len(there.requests) > 1, "the one who leads")
    for client in lab.clients:
        fetch(elsewhere, client=client)  # behind the others
    go.set()
    assert all(wire.response().body == b"0123456789" for wire in wires)
    assert len(there.requests) == 2


def test_an_origin_that_cuts_cuts_all_and_nothing_is_stored(lab, limpid, origin, connect, fetch):
    body, go, before = pattern(3_000_000), threading.Event(), limpid.stats()

    def script(connection):
        connection.request()
        connection.send(reply(body, STORED)[:1_000_000])
        connection.wait(go)
        connection.reset()

    there = origin(script, answer(reply(b"good", STORED)))
    wires = asked(lab, connect, there, 4)
    joined(limpid, before, 3)
    go.set()
    for wire in wires:
        with pytest.raises((Closed, ConnectionResetError)):
            wire.response()
        assert wire.end == "reset"
    assert fetch(there, "/cold").body == b"good"


def test_a_refused_leader_does_not_answer_for_others(lab, limpid, origin, connect):
    """A 502 is made for each, by its own fetch."""
    go = threading.Event()

    def cut(connection):
        connection.request()
        connection.wait(go)
        connection.close()

    there = origin(cut, answer(reply(b"good", STORED)))
    wires = asked(lab, connect, there, 4)
    wait.eventually(lambda: there.requests, "the first request")
    go.set()
    answers = sorted(wire.response().status for wire in wires)
    assert answers == [200, 200, 200, 502]


def test_one_validation_for_all(lab, limpid, origin, connect, fetch):
    """Stale, and ten want it: the origin is asked once, whether it says 304 or sends another."""
    go = [threading.Event(), threading.Event()]

    def script(connection):
        for request in connection.each_request():
            seen = request.get("If-None-Match")
            if seen is None:
                connection.send(reply(b"old", "Cache-Control: max-age=0, s-maxage=1", 'ETag: "1"', "Age: 5"))
            elif request.target == "/same":
                connection.wait(go[0])
                connection.send('HTTP/1.1 304 Not Modified\r\nCache-Control: max-age=600\r\nETag: "1"\r\n\r\n')
            else:
                connection.wait(go[1])
                connection.send(reply(b"new", STORED, 'ETag: "2"'))

    there = origin(script)
    for n, (path, body) in enumerate((("/same", b"old"), ("/other", b"new"))):
        fetch(there, path)
        count = len(there.requests)
        wires = asked(lab, connect, there, 10, path)
        wait.eventually(lambda: len(there.requests) > count, "the validation")
        go[n].set()
        assert all(wire.response().body == body for wire in wires)
        assert len(there.requests) == count + 1


def test_a_validation_that_says_it_is_private_releases_all_at_once(lab, limpid, origin, connect, fetch):
    """The 304 is for the one who asked; what is stored is still good, but each has to ask for it."""
    barrier, go = threading.Barrier(4, timeout=wait.DEADLINE), threading.Event()

    def script(connection):
        for request in connection.each_request():
            if request is there.requests[0]:
                connection.send(reply(b"old", "Cache-Control: max-age=60", 'ETag: "1"', "Age: 100"))
                continue
            if request is there.requests[1]:
                connection.wait(go)
            else:
                barrier.wait()
            connection.send('HTTP/1.1 304 Not Modified\r\nCache-Control: private, max-age=60\r\nETag: "1"\r\n\r\n')

    there = origin(script)
    fetch(there, "/cold")
    wires = asked(lab, connect, there, 5)
    wait.eventually(lambda: len(there.requests) == 2, "the validation")
    go.set()
    assert all(wire.response().body == b"old" for wire in wires)
    assert len(there.requests) == 6


def test_what_is_validated_for_each_is_validated_for_all_at_once(lab, limpid, origin, connect, fetch):
    """One client's validation says nothing for the next: those who waited for it do not wait for each other."""
    go, there_all = threading.Event(), threading.Event()
    fetches = lambda: sum(limpid.stats()[name] for name in ("upstream_connects", "upstream_reuses"))
    before = fetches()

    def script(connection):
        for request in connection.each_request():
            if request is there.requests[0]:
                connection.send(reply(b"page", "Cache-Control: no-cache", 'ETag: "1"'))
                continue
            connection.wait(go if request is there.requests[1] else there_all)
            connection.send(b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n')

    there = origin(script)
    fetch(there, "/cold")
    wires = asked(lab, connect, there, 5)
    wait.eventually(lambda: len(there.requests) == 2, "the first validation")
    limpid.at_rest(*wires)
    go.set()
    wait.eventually(lambda: fetches() > before + 2, "the next")
    limpid.at_rest()
    assert fetches() == before + 6, "those who wait for something ask only when they have tired of it"
    there_all.set()
    assert all(wire.response().body == b"page" for wire in wires)


@pytest.mark.parametrize("fields", [[], ["Range: bytes=1000-2999999"]])
def test_a_leader_whose_origin_stalls_in_the_middle_holds_nobody(limpid, origin, connect, fields):
    """After some seconds without a byte a follower asks for the rest itself, of the same version; who cannot tell the version,
    of another object that stalls just as long, waits."""
    body, go, before = pattern(3_000_000), threading.Event(), limpid.stats()

    def rest(connection):
        first, _, last = connection.request().get("Range").removeprefix("bytes=").partition("-")
        first, last = int(first), int(last or len(body) - 1)
        connection.send(reply(body[first:last + 1], 'ETag: "v1"', f"Content-Range: bytes {first}-{last}/{len(body)}", status="206 Partial Content"))

    other = origin(in_parts(reply(body, STORED), (1_000_000, go)))
    there = origin(in_parts(reply(body, STORED, 'ETag: "v1"'), (1_000_000, go)), rest)
    followers = []
    for one in (other, there):
        leader = connect(one)
        leader.send(get(one.host, "/cold"))
        assert leader.head().status == 200
        followers.append(connect(one))
        followers[-1].send(get(one.host, "/cold", *fields))
    joined(limpid, before, 2)
    wanted = body[1000:] if fields else body
    assert followers[1].response().body == wanted
    assert there.requests[1].get("If-Range") == '"v1"' and len(there.requests) == 2
    go.set()
    assert followers[0].response().body == wanted and len(other.requests) == 1


def test_who_waited_for_a_validation_lets_go_of_what_was_stored(lab, limpid_with, origin, connect, fetch):
    """Several clients find a large stale object, one validates, a new version comes; slow ones read it from the store."""
    limpid = limpid_with()
    old, new, go, before = pattern(2 * MIB), pattern(24 * MIB, 7), threading.Event(), limpid.stats()

    def script(connection):  # on whichever connection the validation comes
        for request in connection.each_request():
            if request is there.requests[0]:
                connection.send(reply(old, "Cache-Control: max-age=60", "Age: 100", 'ETag: "v1"'))
                continue
            connection.wait(go)
            connection.send(reply(new, STORED, 'ETag: "v2"'))

    there = origin(script)
    assert fetch(there, "/cold").body == old
    wires = [connect(there, receive_buffer=4096) for _ in range(4)]
    for wire in wires:
        wire.send(get(there.host, "/cold"))
    wait.eventually(lambda: len(there.requests) == 2, "the validation")
    proxy = limpid.proxy()
    go.set()
    quick = connect(there)
    assert quick.ask(get(there.host, "/cold")).body == new
    for wire in wires:
        assert wire.response().body == new
    assert fetch(there, "/cold").hit and len(there.requests) == 2
    assert limpid.proxy() == proxy
