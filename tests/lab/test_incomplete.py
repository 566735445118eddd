"""Incomplete responses (RFC 9111 §3.3, §3.4, RFC 9110 §15.3.7) of an origin that gives just the bytes that it has been told to give:
less than was asked for, and never more. What lies within a stored part is answered from it; the rest is asked for, once; parts are
put together under one strong validator alone."""

import pytest

from lab.origin import answer
from lab.wire import get, reply

TEN = b"0123456789"
FRESH, TAG = "Cache-Control: max-age=600", 'ETag: "a"'
WEAK = [[], ['ETag: W/"a"'], ["Last-Modified: Thu, 18 Aug 2050 02:01:18 GMT"]]
RANGES = [("bytes=0-4", 0, 4), ("bytes=2-6", 2, 6), ("bytes=5-9", 5, 9), ("bytes=5-", 5, 9), ("bytes=-5", 5, 9), ("bytes=0-", 0, 9)]


def part(first, last, *fields, total=10):
    return reply(TEN[first:last + 1], FRESH, *fields, f"Content-Range: bytes {first}-{last}/{total}", status="206 Partial Content")


def whole(*fields):
    return reply(TEN, FRESH, *fields)


def asked(there):
    return [request.get("Range") for request in there.requests]


@pytest.mark.parametrize("fields", [[TAG], *WEAK], ids=str)
@pytest.mark.parametrize("wanted, first, last", RANGES)
def test_a_part_answers_what_lies_within_it(limpid, origin, fetch, fields, wanted, first, last):
    there = origin(answer(part(first, last, *fields), whole("X-Second: 1")))
    for again in (False, True):
        got = fetch(there, "/", f"Range: {wanted}")
        assert (got.status, got.body, got.hit) == (206, TEN[first:last + 1], again)
        assert got.get("Content-Range") == f"bytes {first}-{last}/10"
    within = fetch(there, "/", f"Range: bytes={first + 1}-{last - 1}")
    assert within.hit and within.body == TEN[first + 1:last]
    assert len(there.requests) == 1


@pytest.mark.parametrize("fields", [[TAG], *WEAK], ids=str)
def test_a_part_never_answers_for_the_whole(limpid, origin, fetch, fields):
    """And if the origin then sends all of it, that is the answer, and takes the part's place."""
    there = origin(answer(part(0, 4, *fields), whole(*fields)))
    fetch(there, "/", "Range: bytes=0-4")
    got = fetch(there)
    assert (got.status, got.body) == (200, TEN) and len(there.requests) == 2
    assert fetch(there).hit and fetch(there).body == TEN
    assert fetch(there, "/", "Range: bytes=3-7").hit


@pytest.mark.parametrize("fields", WEAK, ids=str)
def test_without_a_strong_validator_nothing_is_added(limpid, origin, fetch, fields):
    there = origin(answer(part(0, 4, *fields), part(5, 9, *fields), whole(*fields)))
    fetch(there, "/", "Range: bytes=0-4")
    got = fetch(there, "/", "Range: bytes=5-9")
    assert got.body == TEN[5:] and "fwd=partial" in got.get("Cache-Status")
    assert fetch(there, "/", "Range: bytes=6-7").hit
    assert fetch(there).body == TEN and asked(there) == ["bytes=0-65503", "bytes=5-9", None]


@pytest.mark.parametrize("wanted", [None, "bytes=0-9", "bytes=3-7", "bytes=5-9", "bytes=-7"])
def test_only_what_is_missing_is_asked_for(limpid, origin, fetch, wanted):
    there = origin(answer(part(0, 4, TAG), part(5, 9, TAG), whole("X-Third: 1")))
    fetch(there, "/", "Range: bytes=0-4")
    got = fetch(there, "/", *([f"Range: {wanted}"] if wanted else []))
    assert got.status == (206 if wanted else 200) and got.get("X-Third") is None
    assert asked(there)[1:] == ["bytes=5-"] and there.requests[1].get("If-Range") == '"a"'
    again = fetch(there)
    assert again.hit and again.body == TEN and again.get("Content-Range") is None


def test_a_part_that_begins_with_what_is_there(limpid, origin, fetch):
    there = origin(answer(part(0, 4, TAG), part(4, 8, TAG)))
    fetch(there, "/", "Range: bytes=0-4")
    assert fetch(there, "/", "Range: bytes=4-8").body == TEN[4:9]
    assert fetch(there, "/", "Range: bytes=0-8").hit and len(there.requests) == 2


def test_parts_of_two_versions_are_not_mixed(limpid, origin, fetch):
    there = origin(answer(part(0, 4, TAG), part(5, 9, 'ETag: "b"'), reply("new version", FRESH, 'ETag: "b"')))
    fetch(there, "/", "Range: bytes=0-4")
    assert fetch(there).body == b"new version" and asked(there)[1:] == ["bytes=5-", None]
    assert fetch(there).hit


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oops", "302 Found"])
def test_what_the_origin_has_instead_of_the_rest(limpid, origin, fetch, status):
    there = origin(answer(part(0, 4, TAG), reply("no", status=status)))
    fetch(there, "/", "Range: bytes=0-4")
    got = fetch(there)
    assert (got.status, got.body) == (int(status[:3]), b"no")


def test_what_came_of_a_body_that_was_cut_short(limpid, origin, connect, fetch):
    def cut(connection):
        connection.request()
        connection.send(whole(TAG)[:-5])
        connection.close()

    there = origin(cut, answer(part(5, 9, TAG)))
    wire = connect(there)
    wire.send(get(there.host))
    with pytest.raises(ConnectionError):
        wire.response()
    assert fetch(there).body == TEN and asked(there) == [None, "bytes=5-"]


@pytest.mark.parametrize("said", ["Cache-Control: no-store", "Cache-Control: private", "Vary: *"])
def test_a_part_that_is_not_to_be_stored_is_asked_for_once_for_each_client(limpid, origin, fetch, said):
    there = origin(answer(part(2, 6, TAG, said, "Age: 7")))
    for count in (1, 2, 3):
        got = fetch(there, "/", "Range: bytes=2-6")
        assert (got.status, got.body, got.get("Age")) == (206, TEN[2:7], "7") and len(there.requests) == count
    assert asked(there)[1:] == ["bytes=2-6"] * 2


def test_a_stored_part_is_stale_one_day(limpid, origin, fetch):
    there = origin(answer(part(0, 4, TAG, "Age: 700"), reply(b"", TAG, FRESH, status="304 Not Modified", length=False)))
    fetch(there, "/", "Range: bytes=0-4")
    assert fetch(there, "/", "Range: bytes=0-4").body == TEN[:5] and there.requests[1].get("If-None-Match") == '"a"'
    assert fetch(there, "/", "Range: bytes=0-4").hit
