"""Bad answers, rows R of the hostile cases: a 502 or an aborted client, the origin's connection closed, nothing stored."""

import threading

import pytest

from lab import wait
from lab.limpid import sanitized
from lab.origin import answer
from lab.wire import Closed, Malformed, chunked, get, reply

MIB = 1 << 20
STORED = "Cache-Control: max-age=600"


def says(text, then=None):
    """A script: reads one request, says this, and closes, or waits to be closed."""
    text = text.encode("latin-1") if isinstance(text, str) else text

    def script(connection):
        connection.request()
        connection.send(text)
        if then:
            then(connection)

    return script


def close(connection):
    connection.close()


def bad(there, connect, target="/"):
    """B: the client gets 502, or its connection ends before the response does; upstream is closed; nothing is stored: a
    second request is asked of the origin again (which now says "good")."""
    wire = connect(there)
    wire.send(get(there.host, target))
    try:
        got = wire.response()
        assert got.status == 502, got
    except (Closed, ConnectionResetError):
        got = None
    wire.close()
    assert there.connection(1).over.wait(wait.DEADLINE), "the bad connection is closed"
    assert connect(there).ask(get(there.host, target)).body == b"good"
    return got


BAD = {
    "r1_both_framings": f"HTTP/1.1 200 OK\r\n{STORED}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
    "r1_two_lengths": f"HTTP/1.1 200 OK\r\n{STORED}\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "r1_a_list_of_lengths": f"HTTP/1.1 200 OK\r\n{STORED}\r\nContent-Length: 5, 6\r\n\r\nabcdef",
    "r1_a_length_that_is_none": f"HTTP/1.1 200 OK\r\n{STORED}\r\nContent-Length: 5x\r\n\r\nabcde",
    "r1_a_negative_length": f"HTTP/1.1 200 OK\r\n{STORED}\r\nContent-Length: -5\r\n\r\nabcde",
    "r1_a_length_beyond_all_bounds": f"HTTP/1.1 200 OK\r\n{STORED}\r\nContent-Length: 18446744073709551621\r\n\r\nabcde",
    "r1_a_bare_cr": f"HTTP/1.1 200 OK\r\n{STORED}\r\nX: a\rContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
    "r1_a_nul": f"HTTP/1.1 200 OK\r\n{STORED}\r\nX: a\0b\r\nContent-Length: 5\r\n\r\nabcde",
    "r1_a_bad_chunk": f"HTTP/1.1 200 OK\r\n{STORED}\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nabcde\r\n0\r\n\r\n",
    "r1_a_chunk_near_2^64": f"HTTP/1.1 200 OK\r\n{STORED}\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFED\r\nabcde\r\n0\r\n\r\n",
    "r1_a_chunk_longer_than_its_size": f"HTTP/1.1 200 OK\r\n{STORED}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcde\r\n0\r\n\r\n",
    "r1_chunked_twice": f"HTTP/1.1 200 OK\r\n{STORED}\r\nTransfer-Encoding: chunked, chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n",
    "r3_101_that_was_not_asked_for": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "r6_status_000": f"HTTP/1.1 000 Zero\r\n{STORED}\r\nContent-Length: 2\r\n\r\nab",
    "r6_status_of_one_digit": f"HTTP/1.1 2 OK\r\n{STORED}\r\nContent-Length: 2\r\n\r\nab",
    "r6_status_1000": f"HTTP/1.1 1000 OK\r\n{STORED}\r\nContent-Length: 2\r\n\r\nab",
    "r6_http_2_0": f"HTTP/2.0 200 OK\r\n{STORED}\r\nContent-Length: 2\r\n\r\nab",
}


@pytest.mark.parametrize("case", BAD)
def test_bad_answers(limpid, origin, connect, case):
    bad(origin(says(BAD[case]), answer(reply("good"))), connect)


def test_r1_identical_lengths_are_one_and_not_stored(limpid, origin, fetch):
    there = origin(says(f"HTTP/1.1 200 OK\r\n{STORED}\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nabcde", close), answer(reply("good")))
    got = fetch(there)
    assert (got.body, got.all("Content-Length")) == (b"abcde", ["5"])
    assert fetch(there).body == b"good"


def test_a_transfer_coding_that_is_not_ours_goes_on_as_it_came(limpid, origin, connect, fetch):
    there = origin(says(f"HTTP/1.1 200 OK\r\n{STORED}\r\nTransfer-Encoding: frobnicate\r\n\r\nnot chunks", close), answer(reply("good")))
    wire = connect(there)
    wire.send(get(there.host))
    head = wire.head()
    assert head.all("Transfer-Encoding") == ["frobnicate"] and head.get("Connection") == "close"
    assert wire.read_all() == b"not chunks"
    assert fetch(there).body == b"good"


def test_r1_a_folded_field_is_a_space_and_not_stored(limpid, origin, fetch):
    there = origin(says(f"HTTP/1.1 200 OK\r\n{STORED}\r\nX: a\r\n  b\r\nContent-Length: 5\r\n\r\nabcde", close), answer(reply("good")))
    got = fetch(there)
    assert got.body == b"abcde" and got.get("X").split() == ["a", "b"]
    assert fetch(there).body == b"good"


@pytest.mark.parametrize("framing", ["Content-Length: 5", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("method, status", [("GET", "204 No Content"), ("GET", "304 Not Modified"), ("HEAD", "200 OK")])
def test_r2_no_body_where_there_is_none(limpid, origin, connect, framing, method, status):
    """The head announces a body that never comes: the connection goes on, and the next response is the next one."""
    there = origin(answer(f"HTTP/1.1 {status}\r\n{framing}\r\n\r\n".encode(), reply("next")))
    wire = connect(there)
    wire.send(get(there.host, "/empty", *(['If-None-Match: "x"'] if "304" in status else []), method=method), get(there.host, "/next"))
    got = wire.response(method)
    assert (got.status, got.body) == (int(status[:3]), b"")
    if status.startswith("204"):
        assert not got.all("Content-Length") and not got.all("Transfer-Encoding")
    assert wire.response().body == b"next"


@pytest.mark.parametrize("method, status", [("GET", "204 No Content"), ("GET", "304 Not Modified"), ("HEAD", "200 OK")])
def test_r2_a_body_where_there_is_none_is_nobodys(limpid, origin, connect, method, status):
    """The origin does send one: it must not be taken for the head of the next response."""
    there = origin(says(f"HTTP/1.1 {status}\r\nContent-Length: 40\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"), answer(reply("good")))
    wire = connect(there)
    assert wire.ask(get(there.host, "/empty", *(['If-None-Match: "x"'] if "304" in status else []), method=method)).status == int(status[:3])
    assert wire.ask(get(there.host, "/next")).body == b"good"


# ---- an origin that answers more than it was asked, and not at once


def spoken_twice(origin, first, more):
    """An origin that answers /first with `first`, and has `more` to say of it, which comes when the next request has been sent
    over the same connection; who comes by another is answered well."""

    def script(connection):
        try:
            if connection.head().target != "/first":
                connection.send(reply("good", STORED))
            else:
                connection.send(first)
                connection.read_until("/next")
                connection.send(more)
        except Closed:
            pass

    return origin(script)


@pytest.mark.parametrize("request_head, body", [
    ("POST /first HTTP/1.1\r\nHost: a.test\r\nContent-Length: 40\r\n\r\n", "GET /poison HTTP/1.1\r\nHost: a.test\r\n\r\n"),
    ("GET /first HTTP/1.1\r\nHost: a.test\r\nContent-Length: 40\r\n\r\n", "GET /poison HTTP/1.1\r\nHost: a.test\r\n\r\n"),
    ("POST /first HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n0\r\n\r\n"),
], ids=["post", "get", "chunked"])
def test_r4_a_body_that_an_origin_takes_for_a_request(limpid, origin, connect, request_head, body):
    """What it says to that comes when the next request has been sent; stored under that one's key it would be everybody's."""
    request = request_head.replace("40", str(len(body))) + body
    there = spoken_twice(origin, reply("one", "Cache-Control: no-store"), reply("poison", STORED))
    wire = connect(there)
    wire.send(request, get("a.test", "/next"))
    assert wire.response("POST").body == b"one"
    assert wire.response().body == b"good"
    assert connect(there).ask(get("a.test", "/next")).body == b"good"


@pytest.mark.parametrize("method, status", [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Modified")])
def test_r2_a_body_where_there_is_none_comes_later(limpid, origin, connect, method, status):
    there = spoken_twice(origin, f"HTTP/1.1 {status}\r\nContent-Length: 90\r\n\r\n", reply("poison", STORED))
    wire = connect(there)
    wire.send(get("a.test", "/first", *(['If-None-Match: "x"'] if "304" in status else []), method=method), get("a.test", "/next"))
    assert wire.response(method).status == int(status[:3])
    assert wire.response().body == b"good"
    assert connect(there).ask(get("a.test", "/next")).body == b"good"


def test_r4_what_one_host_says_unasked_is_not_anothers(limpid, origin, connect):
    """Two hosts at one address: each has connections of its own, as the client would have made them."""
    there = spoken_twice(origin, reply("one", "Cache-Control: no-store"), reply("poison", STORED))
    wire = connect(there)
    wire.send(get("attacker.test", "/first"), get("victim.test", "/next"))
    assert wire.response().body == b"one"
    assert wire.response().body == b"good"
    assert connect(there).ask(get("victim.test", "/next")).body == b"good"


def test_r3_interim_responses_without_end(limpid, origin, connect):
    def endless(connection):
        connection.request()
        for _ in range(1_000_000 // 1000):
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)

    bad(origin(endless, answer(reply("good"))), connect)


def test_r4_bytes_behind_a_response_are_never_the_next_one(limpid, origin, connect):
    there = origin(says(reply("one") + reply("poison", STORED)), answer(reply("good")))
    wire = connect(there)
    assert wire.ask(get(there.host, "/one")).body == b"one"
    assert wire.ask(get(there.host, "/two")).body == b"good"
    assert there.connection(1).over.wait(wait.DEADLINE)


def test_r4_bytes_that_come_later_on_an_idle_connection(limpid, origin, connect):
    later = threading.Event()
    there = origin(says(reply("one"), lambda connection: (connection.wait(later), connection.send(reply("poison", STORED)))), answer(reply("good")))
    wire = connect(there)
    assert wire.ask(get(there.host, "/one")).body == b"one"
    later.set()
    assert there.connection(1).over.wait(wait.DEADLINE), "a pooled connection that speaks unasked is closed"
    assert wire.ask(get(there.host, "/two")).body == b"good"


def test_r4_a_response_before_any_request_is_no_response(limpid, origin, connect):
    """The client is silent: what a server says first is tunnelled (as if Limpid were not there), and shared with nobody."""
    there = origin(lambda connection: connection.send(reply("poison", STORED)), answer(reply("good")))
    wire = connect(there)
    assert wire.response().body == b"poison"
    wire.close()
    assert connect(there).ask(get(there.host)).body == b"good"


CUT = {"length": b"HTTP/1.1 200 OK\r\n" + STORED.encode() + b"\r\nContent-Length: 1000\r\n\r\nhalf",
       "chunked": b"HTTP/1.1 200 OK\r\n" + STORED.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
       "in_a_chunk": b"HTTP/1.1 200 OK\r\n" + STORED.encode() + b"\r\nTransfer-Encoding: chunked\r\n\r\n400\r\nhalf"}


@pytest.mark.parametrize("case", CUT)
@pytest.mark.parametrize("how", ["close", "reset"])
def test_r5_a_body_that_is_cut_short_is_cut_short_for_the_client(limpid, origin, connect, case, how):
    seen = threading.Event()

    def then(connection):
        connection.wait(seen)
        connection.close() if how == "close" else connection.reset()

    there = origin(says(CUT[case], then), answer(reply("good")))
    wire = connect(there)
    wire.send(get(there.host))
    wire.read_until("half")
    seen.set()
    with pytest.raises(ConnectionError):
        wire.read(1 << 20)
    assert b"\r\n0\r\n" not in wire.received
    assert connect(there).ask(get(there.host)).body == b"good"


def test_r5_cut_in_the_head(limpid, origin, connect):
    bad(origin(says("HTTP/1.1 200 OK\r\nContent-Le", close), answer(reply("good"))), connect)


def test_r5_a_body_to_the_close_that_is_reset_is_not_stored(limpid, origin, connect):
    seen = threading.Event()
    there = origin(says(f"HTTP/1.1 200 OK\r\n{STORED}\r\n\r\nhalf", lambda c: (c.wait(seen), c.reset())), answer(reply("good")))
    wire = connect(there)
    wire.send(get(there.host))
    wire.read_until("half")
    seen.set()
    wire.read_all()
    assert wire.end == "reset" or not wire.received.endswith(b"0\r\n\r\n"), "the client can tell"
    assert connect(there).ask(get(there.host)).body == b"good"


@pytest.mark.parametrize("text", ["ICY 200 OK\r\nicy-name: radio\r\n\r\nmusic", "just bytes, as HTTP/0.9 had it\n", "<html>old</html>"])
def test_r6_replies_without_a_status_line_are_relayed_and_not_stored(limpid, origin, connect, text):
    there = origin(says(text, close), answer(reply("good")))
    wire = connect(there)
    wire.send(get(there.host))
    assert wire.read_all() == text.encode() and wire.end == "eof"
    assert connect(there).ask(get(there.host)).body == b"good"


PARTS = {
    "malformed": ("bytes 0-", "abcd"), "beyond_the_length": ("bytes 0-3/2", "abcd"), "reversed": ("bytes 3-0/10", "abcd"),
    "other_than_asked": ("bytes 4-7/10", "efgh"), "of_another_unit": ("lines 0-3/10", "abcd"), "shorter_than_said": ("bytes 0-7/10", "abcd"),
    "none": (None, "abcd"), "two": ("bytes 0-3/10\r\nContent-Range: bytes 0-3/11", "abcd"),
}


@pytest.mark.parametrize("case", PARTS)
def test_r7_parts_that_are_not_what_was_asked_are_never_stored(limpid, origin, connect, fetch, case):
    field, body = PARTS[case]
    fields = [STORED, 'ETag: "v1"', *([f"Content-Range: {field}"] if field else [])]
    whole = reply("0123456789", STORED, 'ETag: "v1"')
    there = origin(says(reply(body, *fields, status="206 Partial Content"), close), answer(lambda request: whole))
    wire = connect(there)
    wire.send(get(there.host, "/", "Range: bytes=0-3"))
    try:
        wire.response()
    except (ConnectionError, Malformed):
        pass
    assert fetch(there).body == b"0123456789"


def test_r7_a_part_that_nobody_asked_for(limpid, origin, connect, fetch):
    there = origin(says(reply("abcd", STORED, "Content-Range: bytes 0-3/10", status="206 Partial Content"), close), answer(reply("0123456789")))
    wire = connect(there)
    wire.send(get(there.host))
    try:
        wire.response()
    except ConnectionError:
        pass
    assert fetch(there).body == b"0123456789"


def test_r7_multipart_byteranges_pass_unstored(limpid, origin, fetch):
    body = "--x\r\nContent-Range: bytes 0-0/10\r\n\r\n0\r\n--x\r\nContent-Range: bytes 9-9/10\r\n\r\n9\r\n--x--\r\n"
    several = reply(body, STORED, "Content-Type: multipart/byteranges; boundary=x", status="206 Partial Content")
    there = origin(answer(several, several, reply("0123456789")))
    got = fetch(there, "/", "Range: bytes=0-0,9-9")
    assert got.status == 206 and got.body == body.encode()
    assert fetch(there).body == b"0123456789"


@pytest.mark.parametrize("field, status", [("Range: bytes=9999-", "416 Range Not Satisfiable"), ("If-Match: \"none\"", "412 Precondition Failed"),
                                           ("Range: bytes=1-", "400 Bad Request"), ("X-Large: yes", "431 Request Header Fields Too Large"),
                                           ("X-Often: yes", "429 Too Many Requests")])
def test_an_error_due_to_one_request_is_not_stored_for_others(limpid, origin, fetch, field, status):
    """Though it says that it may be: who asks plainly would be refused for what another has demanded."""
    there = origin(answer(lambda request: reply("no", STORED, status=status) if request.get(field.split(":")[0]) else reply("good", STORED)))
    assert fetch(there, "/", field).status == int(status[:3])
    assert fetch(there).body == b"good"


@pytest.mark.parametrize("field", ["Age: 99999999999999999999", "Age: -1", "Age: x", "Age: 5, 6", "Date: yesterday", "Expires: Fri, 30 Feb 2035 00:00:00 GMT",
                                   "Expires: Sunday, 06-Nov-94 08:49:37 GMT", "Expires: Sun Nov  6 08:49:37 1994", "Last-Modified: 0",
                                   "Cache-Control: max-age=99999999999999999999999", "Cache-Control: max-age=-1", "Cache-Control: max-age=\"60\"",
                                   "Cache-Control: max-age", "Cache-Control: =", "Cache-Control: " + "x" * 60000, "Cache-Control: " + "a=b," * 10000])
def test_r8_strange_times_are_saturated_or_stale(limpid, origin, fetch, field):
    there = origin(answer(reply("one", field)))
    for _ in range(3):
        got = fetch(there)
        assert got.status == 200 and got.body == b"one"
        assert not got.hit or got.get("Age").isdigit() or "," in got.get("Age")


def test_r8_dates_of_historic_forms_count(limpid, origin, fetch):
    there = origin(answer(reply("one", "Expires: Friday, 01-Jan-60 00:00:00 GMT"), reply("two", "Expires: Fri Jan  1 00:00:00 2060")))
    first = fetch(there, "/rfc850"), fetch(there, "/rfc850")
    assert first[1].hit
    second = fetch(there, "/asctime"), fetch(there, "/asctime")
    assert second[1].hit


def test_r9_ten_million_chunks_of_one_byte(limpid, origin, connect):
    count = 500_000 if sanitized() else 10_000_000
    block = b"1\r\nx\r\n" * 10_000

    def tiny(connection):
        connection.request()
        connection.send(f"HTTP/1.1 200 OK\r\n{STORED}\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(count // 10_000):
            connection.send(block)
        connection.send("0\r\n\r\n")

    there = origin(tiny)
    before = limpid.rss_anon()
    wire = connect(there)
    wire.send(get(there.host))
    head = wire.head()
    assert head.get("Transfer-Encoding") == "chunked"
    got = body_length(wire)
    assert got == count
    assert sanitized() or limpid.rss_anon() - before < 32 * MIB


def body_length(wire):
    """The length of a chunked body of whatever chunks, counted quickly."""
    total, wire.keep = 0, False
    while True:
        size = int(wire.read_until(b"\r\n"), 16)
        if not size:
            assert wire.read(2) == b"\r\n"
            return total
        if size == 1:  # many at once, where they come as they were sent
            run = wire.buffer
            many = 0
            while run.startswith(b"x\r\n1\r\n" * 1000, many * 6):
                many += 1000
            if many:
                del run[:many * 6]
                total += many
        data = wire.read(size + 2)
        assert data[:-2] == b"x" * size and data[-2:] == b"\r\n"
        total += size


def test_r10_a_validator_that_changes_in_mid_object_is_never_mixed(limpid, origin, connect, fetch):
    """A client asks for two parts of one object; between them the object changes."""
    def script(connection):
        for n in range(1 << 20):
            request = connection.request()
            version, letter = ('"v1"', b"a") if len(there.requests) == 1 else ('"v2"', b"b")
            body, asked = letter * 200_000, request.get("Range")
            if asked:
                first, _, last = asked.removeprefix("bytes=").partition("-")
                first, last = int(first), int(last or 199_999)
                connection.send(reply(body[first:last + 1], STORED, f"ETag: {version}", f"Content-Range: bytes {first}-{last}/200000", status="206 Partial Content"))
            else:
                connection.send(reply(body, STORED, f"ETag: {version}"))

    there = origin(script)
    assert set(fetch(there, "/", "Range: bytes=0-99999").body) == {ord("a")}
    wire = connect(there)
    wire.send(get(there.host, "/", "Range: bytes=100000-199999", "Connection: close"))
    got = wire.read_all().partition(b"\r\n\r\n")[2]
    assert len(set(got)) == 1 and (len(got) == 100_000 or wire.end == "reset"), "cut where the version changes, or of one version"
    whole = fetch(there)
    assert len(whole.body) == 200_000 and len(set(whole.body)) == 1, "of one version"
