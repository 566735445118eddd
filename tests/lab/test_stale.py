"""Stale on purpose (RFC 5861, RFC 9111 §4.2.4): while it is validated, and where the origin has failed."""

import threading

import pytest

from lab import wait
from lab.nginx import pattern
from lab.origin import answer
from lab.wire import get, reply

STALE = "Age: 100"  # more than any max-age here


def stale(body, *directives, etag='"1"'):
    return reply(body, f"Cache-Control: {', '.join(('max-age=50', *directives))}", STALE, *([f"ETag: {etag}"] if etag else []))


NOT_MODIFIED = b'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\nCache-Control: max-age=600\r\n\r\n'


@pytest.mark.parametrize("size", [5, 3_000_000])
def test_a_stale_response_answers_while_it_is_validated(limpid, origin, fetch, size):
    body, go = pattern(size), threading.Event()

    def validated(request):
        assert request.get("If-None-Match") == '"1"' and go.wait(wait.DEADLINE)
        return NOT_MODIFIED

    there = origin(answer(stale(body, "stale-while-revalidate=600"), validated, reply("not asked for")))
    assert fetch(there).body == body
    for _ in range(3):  # one validation at a time
        got = fetch(there)
        assert got.body == body and got.hit and "stale-while-revalidate" in got.get("Cache-Status")
    wait.eventually(lambda: len(there.requests) == 2, "the validation")
    go.set()
    wait.eventually(lambda: "stale" not in fetch(there).get("Cache-Status"), "it to be fresh")
    assert fetch(there).body == body and len(there.requests) == 2


@pytest.mark.parametrize("etag", ['"1"', None])
def test_what_the_origin_has_instead_replaces_it(limpid, origin, fetch, etag):
    old, new = pattern(100_000), pattern(2_000_000, 3)
    there = origin(answer(stale(old, "stale-while-revalidate=600", etag=etag), reply(new, "Cache-Control: max-age=600")))
    assert fetch(there).body == old
    assert fetch(there).body == old
    wait.eventually(lambda: fetch(there).body == new, "the new one")
    assert len(there.requests) == 2


def test_the_age_that_a_cache_behind_us_says_in_a_304_counts(limpid, origin, fetch):
    """RFC 9111 §4.2.3: the reply that was validated so is as old as that cache's answer."""
    there = origin(answer(stale(b"old"), NOT_MODIFIED.replace(b"\r\n\r\n", b"\r\nAge: 30\r\n\r\n")))
    fetch(there)
    for hit in (False, True):
        got = fetch(there)
        assert got.body == b"old" and got.hit == hit and 30 <= int(got.get("Age")) < 60
        assert "ttl=5" in got.get("Cache-Status")
    assert len(there.requests) == 2


@pytest.mark.parametrize("forbidden", [["stale-while-revalidate=600", "must-revalidate"], ["stale-while-revalidate=1"], []])
def test_no_stale_reply_where_it_is_not_allowed(limpid, origin, fetch, forbidden):
    there = origin(answer(stale(b"old", *forbidden), reply("new", "Cache-Control: max-age=600")))
    assert fetch(there).body == b"old"
    assert fetch(there).body == b"new"


@pytest.mark.parametrize("status", ["500 Oops", "502 Bad", "503 Busy", "504 Late"])
def test_an_error_of_the_server_is_answered_with_what_is_stored(limpid, origin, fetch, status):
    there = origin(answer(stale(b"old", "stale-if-error=600"), reply("sorry", status=status)))
    assert fetch(there).body == b"old"
    got = fetch(there)
    assert (got.status, got.body) == (200, b"old") and int(got.get("Age")) >= 100
    assert f"fwd-status={status[:3]}" in got.get("Cache-Status") and "stale-if-error" in got.get("Cache-Status")


def test_the_client_may_allow_it(limpid, origin, fetch):
    there = origin(answer(stale(b"old"), reply("sorry", status="503 Busy")))
    assert fetch(there).body == b"old"
    assert fetch(there, "/", "Cache-Control: stale-if-error=600").body == b"old"


@pytest.mark.parametrize("directive, status", [("public", "503 Busy"), ("stale-if-error=1", "503 Busy"), ("stale-if-error=600", "404 Gone"),
                                               ("stale-if-error=600, must-revalidate", "503 Busy")])
def test_other_errors_are_the_clients_to_see(limpid, origin, fetch, directive, status):
    there = origin(answer(stale(b"old", directive), reply("sorry", status=status)))
    assert fetch(there).body == b"old"
    assert fetch(there).status == int(status[:3])


def test_a_body_that_is_still_to_be_read_costs_no_second_failure(limpid_with, origin, fetch):
    """After a restart nothing of it has been verified: it is read while the client waits, and the origin is not asked again."""
    body, limpid = pattern(3_000_000), limpid_with()
    there = origin(answer(stale(body, "stale-if-error=600"), reply("sorry", status="503 Busy")))
    assert fetch(there).body == body
    limpid.stop()
    limpid.start()
    got = fetch(there)
    assert got.body == body and "fwd=stale" in got.get("Cache-Status") and "fwd-status=503" in got.get("Cache-Status")
    assert len(there.requests) == 2


@pytest.mark.parametrize("how", ["refused", "reset", "closed"])
@pytest.mark.parametrize("allowed", [True, False])
def test_an_origin_that_cannot_be_reached(limpid, origin, connect, fetch, how, allowed):
    """Any stored response may answer then, unless a directive forbids it."""
    def fails(connection):
        connection.request()
        connection.reset() if how == "reset" else connection.close()

    def once(connection):
        connection.request()
        connection.send(stale(b"old", *([] if allowed else ["must-revalidate"])).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        connection.close()

    there = origin(once, fails)
    assert fetch(there).body == b"old"
    if how == "refused":
        there.stop_listening()
    wire = connect(there)
    wire.send(get(there.host))
    if allowed:
        got = wire.response()
        assert (got.status, got.body) == (200, b"old") and "origin-unreachable" in got.get("Cache-Status")
    elif how == "refused":
        assert wire.read_all() == b"" and wire.end == "reset"
    else:
        assert wire.response().status == 502


def test_stale_answers_do_not_hand_the_destination_back(limpid, origin, fetch):
    """As long as there is something to give, clients stay with us."""
    there = origin(answer(stale(b"old")))
    assert fetch(there).body == b"old"
    for connection in there.connections:
        connection.reset()
    there.stop_listening()
    for _ in range(3):
        assert fetch(there).body == b"old"


def test_a_validation_that_is_answered_without_a_status_line_ends(limpid, origin, fetch):
    def bare(connection):
        connection.request()
        connection.send("ICY 200 OK\r\n\r\nmusic")

    def once(connection):
        connection.request()
        connection.send(stale(b"old", "stale-while-revalidate=600"))
        connection.close()

    there = origin(once, bare, answer(NOT_MODIFIED))
    for _ in range(2):
        assert fetch(there).body == b"old"
    assert there.connection(2).over.wait(wait.DEADLINE), "its connection is closed"
    wait.eventually(lambda: "stale" not in fetch(there).get("Cache-Status"), "it to be validated all the same")


def test_a_validation_behind_the_reply_to_a_head_is_a_heads(limpid, origin, fetch):
    """A server that knows no conditions there: what its answer says agrees with what is stored, and makes that fresh."""
    agrees = b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: 3\r\nCache-Control: max-age=600\r\n\r\n'
    there = origin(answer(stale(b"old", "stale-while-revalidate=600"), agrees, reply(b"not asked for")))
    assert fetch(there).body == b"old"
    assert fetch(there, method="HEAD").hit
    wait.eventually(lambda: "stale" not in fetch(there, method="HEAD").get("Cache-Status"), "it to be fresh")
    assert fetch(there).body == b"old" and [request.method for request in there.requests] == ["GET", "HEAD"]


def test_what_was_validated_goes_out_however_long_its_client_takes(limpid_with, origin, connect, fetch):
    """The origin has nothing more to say meanwhile: its deadline is not the client's."""
    limpid_with(workers=1, origin={"idle_timeout": "2s"})
    body = pattern(30 << 20)
    there, silent = origin(answer(stale(body), NOT_MODIFIED)), origin(lambda connection: connection.read_all())
    assert fetch(there).body == body
    slow = connect(there, receive_buffer=4096)
    slow.send(get(there.host))
    assert slow.head().status == 200
    for _ in range(2):
        assert fetch(silent).status == 504, "it takes longer than such a one is waited for"
    assert slow.read(len(body)) == body and len(there.requests) == 2


def test_a_validation_that_fails_behind_the_reply_harms_nobody(limpid, origin, fetch):
    there = origin(answer(stale(b"old", "stale-while-revalidate=600"), reply("sorry", status="503 Busy"), NOT_MODIFIED))
    for _ in range(2):
        assert fetch(there).body == b"old"
    wait.eventually(lambda: len(there.requests) == 2, "the validation")
    wait.eventually(lambda: fetch(there).body == b"old" and len(there.requests) == 3, "another")
