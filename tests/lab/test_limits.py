"""Ranges, methods and limits: rows G and M of the hostile cases."""

import socket
import threading
import time

import pytest

from lab import wait
from lab.limpid import binary, sanitized
from lab.nginx import pattern
from lab.origin import answer
from lab.verdicts import filled, only_saw, plain_origin, send_all
from lab.wire import get, reply

STORED = "Cache-Control: max-age=600"
BODY = pattern(1000)


@pytest.fixture
def stored(origin, fetch):
    """An origin whose object of 1000 bytes is stored."""
    there = origin(answer(reply(BODY, STORED, 'ETag: "v1"', "Last-Modified: Thu, 01 Jan 2015 00:00:00 GMT", "Accept-Ranges: bytes")))
    assert fetch(there).status == 200
    return there


ONE = {"bytes=0-0": (0, 0), "bytes=0-": (0, 999), "bytes=10-19": (10, 19), "bytes=990-2000": (990, 999), "bytes=-10": (990, 999),
       "bytes=-5000": (0, 999), "bytes=999-": (999, 999), "bytes=0-99999999999999999999999": (0, 999), "bytes=-99999999999999999999999": (0, 999),
       "BYTES=0-0": (0, 0)}


@pytest.mark.parametrize("asked", ONE)
def test_g1_one_range_of_a_stored_object(limpid, stored, fetch, asked):
    first, last = ONE[asked]
    got = fetch(stored, "/", f"Range: {asked}")
    if got.status == 200:  # a server may ignore Range, but not get it wrong
        assert got.body == BODY
    else:
        assert (got.status, got.get("Content-Range"), got.body) == (206, f"bytes {first}-{last}/1000", BODY[first:last + 1])


@pytest.mark.parametrize("asked", ["bytes=1000-", "bytes=5000-6000", "bytes=-0", "bytes=99999999999999999999999-"])
def test_g1_a_range_that_cannot_be_satisfied(limpid, stored, fetch, asked):
    got = fetch(stored, "/", f"Range: {asked}")
    assert (got.status, got.get("Content-Range")) == (416, "bytes */1000") or (got.status, got.body) == (200, BODY)


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=", "bytes=a-b", "bytes=--5", "bytes=1-2-3", "lines=1-2", "bytes 1-2", "bytes=1-2,", "bytes=0x1-2"])
def test_g1_a_range_that_is_none_is_ignored(limpid, stored, fetch, asked):
    got = fetch(stored, "/", f"Range: {asked}")
    assert (got.status, got.body) in ((200, BODY), (416, got.body)) or (got.status == 206 and asked == "bytes=1-2," and got.body == BODY[1:3])


@pytest.mark.parametrize("asked", ["bytes=0-0,-4,-0", "bytes=0-100,50-150", "bytes=" + ",".join("0-" for _ in range(1300)),
                                   "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 1000, 2)), "bytes=" + ",".join(f"5-{n}" for n in range(5, 1305))])
def test_g1_many_ranges_cost_no_more_than_the_object(limpid, stored, fetch, asked):
    got = fetch(stored, "/", f"Range: {asked}")
    assert got.status in (200, 206, 416)
    if got.status == 200:
        assert got.body == BODY
    assert len(got.body) < 100 * len(BODY)


def test_g1_ranges_of_what_is_not_stored(limpid, origin, fetch):
    def play(request):
        asked = request.get("Range")
        if not asked:
            return reply(BODY, STORED, 'ETag: "v1"')
        first, last = map(int, asked.removeprefix("bytes=").split("-"))
        part = BODY[first:last + 1]
        return reply(part, STORED, 'ETag: "v1"', f"Content-Range: bytes {first}-{first + len(part) - 1}/{len(BODY)}", status="206 Partial Content")

    there = origin(answer(play))
    got = fetch(there, "/", "Range: bytes=10-19")
    assert (got.status, got.body) == (206, BODY[10:20])
    assert fetch(there).body == BODY, "a part is not the whole"


def test_g1_an_origin_that_ignores_range(limpid, origin, fetch):
    there = origin(answer(reply(BODY, STORED, 'ETag: "v1"')))
    for _ in range(3):
        got = fetch(there, "/", "Range: bytes=10-19")
        assert (got.status, got.body) in ((200, BODY), (206, BODY[10:20]))
    assert len(there.requests) <= 2, "one full fetch at the most, and remembered"


def test_g2_an_object_of_20_gib_and_its_end(limpid, origin, fetch):
    size = 20 << 30
    there = origin(answer(lambda request: reply("end", STORED, f"Content-Range: bytes {size - 3}-{size - 1}/{size}", status="206 Partial Content")))
    for asked in (f"bytes={size - 3}-", "bytes=-3"):
        got = fetch(there, "/big", f"Range: {asked}")
        assert (got.status, got.body, got.get("Content-Range")) == (206, b"end", f"bytes {size - 3}-{size - 1}/{size}")


def test_g2_a_head_of_20_gib(limpid, origin, fetch):
    there = origin(answer(f"HTTP/1.1 200 OK\r\nContent-Length: {20 << 30}\r\n{STORED}\r\n\r\n".encode()))
    assert fetch(there, method="HEAD").get("Content-Length") == str(20 << 30)


@pytest.mark.parametrize("condition", ['W/"v1"', '"v2"', "Thu, 01 Jan 2016 00:00:00 GMT", "Thu, 01 Jan 2014 00:00:00 GMT", "junk"])
def test_g3_if_range_that_does_not_match_gets_the_whole(limpid, stored, fetch, condition):
    got = fetch(stored, "/", "Range: bytes=0-9", f"If-Range: {condition}")
    assert (got.status, got.body) == (200, BODY)


def test_g3_if_range_that_matches(limpid, stored, fetch):
    got = fetch(stored, "/", "Range: bytes=0-9", 'If-Range: "v1"')
    assert (got.status, got.body) in ((206, BODY[:10]), (200, BODY))


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS"])
def test_m1_max_forwards_0_is_answered_here_without_echo(limpid, origin, connect, method):
    there = plain_origin(origin)
    got = connect(there).ask(get(there.host, "/", "Max-Forwards: 0", "Cookie: hunter2", "X-Secret: hunter3", method=method))
    assert 200 <= got.status < 600
    assert b"hunter" not in got.raw + got.body
    assert only_saw(there, connect, [])


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS"])
def test_m1_max_forwards_is_counted_down(limpid, origin, connect, method):
    there = plain_origin(origin)
    assert connect(there).ask(get(there.host, "/", "Max-Forwards: 5", method=method)).status == 200
    assert there.requests[0].get("Max-Forwards") == "4"


def test_m1_max_forwards_of_other_methods_is_none_of_our_business(limpid, origin, connect):
    there = plain_origin(origin)
    connect(there).ask(get(there.host, "/", "Max-Forwards: 0"))
    assert there.requests[0].get("Max-Forwards") == "0"


def test_m4_a_slow_head_ends_at_a_deadline_and_harms_nobody(limpid_with, origin, connect):
    """Clients that never end their request; meanwhile others are served, and in the end the slow are sent away."""
    limpid_with(origin={"idle_timeout": "3s"})
    there = plain_origin(origin)
    slow = [connect(there) for _ in range(200)]
    for wire in slow:
        wire.send("GET / HTTP/1.1\r\nHost: ")
    for _ in range(20):
        assert connect(there).ask(get(there.host)).status == 200
    wait.eventually(lambda: all(wire.ended for wire in slow), "the slow clients to be sent away", within=60)


def test_m4_a_slow_body_ends_at_a_deadline(limpid_with, origin, connect):
    limpid_with(origin={"idle_timeout": "2s"})
    there = origin(lambda c: c.head())
    wire = connect(there)
    wire.send(get(there.host, "/slow", "Content-Length: 1000", method="POST"), "some")
    wait.eventually(lambda: wire.ended, within=60)
    assert there.connection(1).over.wait(wait.DEADLINE)


def test_m4_readers_with_a_closed_window_harm_nobody(limpid, nginx, lab, origin, connect):
    there = plain_origin(origin)
    stuck = [connect("203.0.113.1", receive_buffer=4096) for _ in range(100)]
    for wire in stuck:
        wire.send(get("203.0.113.1", "/fresh/10m"))
    for _ in range(20):
        assert connect(there).ask(get(there.host)).status == 200
    got = stuck[-1].response()
    assert got.body == pattern(10 << 20), "and what was stuck goes on when it reads again"


@pytest.mark.skipif(sanitized(), reason="sanitizers want to be preloaded first")
@pytest.mark.parametrize("fields, asked, status", [
    (["Cache-Control: no-store"], [], 200),
    (["Cache-Control: max-age=600"], [], 200),
    (["Cache-Control: max-age=600", 'ETag: "a"', f"Content-Range: bytes 0-{(30 << 20) - 1}/{40 << 20}"], [f"Range: bytes=0-{(30 << 20) - 1}"], 206)])
def test_m4_a_client_that_takes_nothing_ends_at_a_deadline(limpid_with, origin, connect, fields, asked, status):
    """After 300 of its seconds (Limpid's clock is in a hurry), however often its server's own deadline comes meanwhile."""
    limpid = limpid_with(start=False, origin={"idle_timeout": "120s", "connect_timeout": "120s"})
    limpid.wrapper = ("env", f"LD_PRELOAD={binary().parent}/tests/liblab_hurry.so", "LAB_HURRY=25")
    limpid.start()
    body = pattern(30 << 20)
    there = origin(lambda connection: connection.send(reply(body, *fields, status=f"{status} -")) if connection.request() else None)
    wire = connect(there, receive_buffer=4096)
    wire.send(get(there.host, "/", *asked))
    assert wire.head().status == status
    wait.eventually(lambda: "TCP_MISS" in "".join(limpid.log), "the request to have ended", within=60)
    assert len(wire.read_all()) < len(body)


def test_m5_a_thousand_pipelined_requests_in_order(limpid, origin, connect):
    there = origin(answer(lambda request: reply(request.target, STORED if request.target.endswith("0") else "Cache-Control: no-store")))
    wire = connect(there)
    for _ in range(2):  # cold, and then with hits between the misses
        sender = send_all(wire, b"".join(get(there.host, f"/{n}") for n in range(1000)))
        for n in range(1000):
            assert wire.response().body == f"/{n}".encode()
        sender.join()


def test_m5_junk_behind_the_first_request(limpid, origin, connect):
    there = plain_origin(origin)
    wire = connect(there)
    wire.send(get(there.host, "/first"), b"\x16\x03\x01junk\r\n\r\n", get(there.host, "/smuggled"))
    assert wire.response().status == 200
    assert wire.response().status in (400, 501, 505)
    assert wire.read_all() == b""
    assert only_saw(there, connect, ["/first"])
