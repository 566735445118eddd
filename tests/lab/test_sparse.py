"""Sparse responses: a range of a cold object fetches what it needs, later ones what is missing, and parts of one object are
put together under one strong validator only (RFC 9110 §14, RFC 9111 §3.4)."""

import random
import re
import threading

import pytest

from lab import wait
from lab.net import blocked
from lab.nginx import pattern
from lab.origin import answer
from lab.wire import chunked, get, reply

MIB, UNIT = 1 << 20, 65504
STORED = "Cache-Control: max-age=600"
BODY = pattern(8 * MIB, 11)


def ranged(body=BODY, *fields, etag='"v1"', status=None):
    """Answers like a good server: 206 for one range, 416 beyond the end, 200 else."""
    def play(request):
        extra = [STORED, *fields, *([f"ETag: {etag}"] if etag else [])]
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.get("Range") or "")
        held = request.get("If-Range")
        if not asked or (held is not None and held != etag):
            return reply(body, *extra)
        first, last = int(asked[1]), min(int(asked[2] or len(body)), len(body) - 1)
        if first >= len(body):
            return reply(b"", f"Content-Range: bytes */{len(body)}", status="416 Range Not Satisfiable")
        return reply(body[first:last + 1], f"Content-Range: bytes {first}-{last}/{len(body)}", *extra, status="206 Partial Content")

    return play


def part(fetch, there, first, last, body=BODY, path="/file"):
    got = fetch(there, path, f"Range: bytes={first}-{'' if last is None else last}")
    last = len(body) - 1 if last is None else min(last, len(body) - 1)
    assert got.status == 206 and got.get("Content-Range") == f"bytes {first}-{last}/{len(body)}"
    assert got.body == body[first:last + 1]
    return got


def cost(there):
    """Bytes of bodies that the origin was asked for by ranges."""
    total = 0
    for request in there.requests:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.get("Range") or f"bytes=0-")
        total += min(int(asked[2] or len(BODY) - 1), len(BODY) - 1) - int(asked[1]) + 1
    return total


@pytest.mark.parametrize("first, last", [(0, 0), (0, 99), (1_000_000, 2_000_000), (UNIT, 2 * UNIT - 1), (3 * MIB, None),
                                         (8 * MIB - 1, 8 * MIB - 1), (8 * MIB - 10, 9 * MIB), (0, None)])
def test_a_range_of_a_cold_object_is_stored(limpid, origin, fetch, first, last):
    there = origin(answer(ranged()))
    assert "stored" in part(fetch, there, first, last).get("Cache-Status")
    assert part(fetch, there, first, last).hit
    assert len(there.requests) == 1
    wanted = (len(BODY) if last is None else min(last + 1, len(BODY))) - first
    assert cost(there) <= wanted + 2 * UNIT


@pytest.mark.parametrize("etag", ['"v1"', None])
@pytest.mark.parametrize("asked", ["500-", "500-599", "64000-70000", "70000-"])
def test_a_range_that_begins_behind_a_cold_object(limpid, origin, fetch, asked, etag):
    """As of a download that is whole and is to be resumed: the units around what is wanted exist, but not what is wanted."""
    there = origin(answer(ranged(BODY[:500], etag=etag)))
    for _ in range(2):
        got = fetch(there, "/file", f"Range: bytes={asked}")
        assert got.status == 416 and got.get("Content-Range") == "bytes */500"
    assert fetch(there, "/file").body == BODY[:500]


def test_only_the_gaps_are_fetched(limpid, origin, fetch):
    there = origin(answer(ranged()))
    part(fetch, there, 1 * MIB, 2 * MIB)
    part(fetch, there, 4 * MIB, 5 * MIB)
    before = cost(there)
    assert "fwd=partial" in part(fetch, there, 0, 6 * MIB).get("Cache-Status")
    assert cost(there) - before <= 4 * MIB + 4 * UNIT
    count = len(there.requests)
    part(fetch, there, 0, 6 * MIB)
    part(fetch, there, 123_456, 5_999_999)
    assert len(there.requests) == count
    assert all(request.get("If-Range") == '"v1"' for request in there.requests[2:])


def test_a_whole_object_is_put_together_from_parts(limpid, origin, fetch):
    there = origin(answer(ranged()))
    for first in range(0, 8 * MIB, MIB):
        part(fetch, there, first, first + MIB - 1)
    count = len(there.requests)
    got = fetch(there, "/file")
    assert got.status == 200 and got.hit and got.body == BODY and int(got.get("Content-Length")) == len(BODY)
    assert got.get("Content-Range") is None
    assert len(there.requests) == count


def test_what_is_missing_of_the_whole_is_fetched(limpid, origin, fetch):
    there = origin(answer(ranged()))
    part(fetch, there, 2 * MIB, 3 * MIB)
    part(fetch, there, 5 * MIB, 6 * MIB)
    assert fetch(there, "/file").body == BODY
    assert fetch(there, "/file").hit and cost(there) <= len(BODY) + 8 * UNIT


def test_random_ranges_cost_what_they_cover(limpid, origin, fetch):
    there = origin(answer(ranged()))
    chance = random.Random(7)
    asked = [chance.randrange(0, 7 * MIB) for _ in range(12)]
    for first in asked:
        part(fetch, there, first, first + MIB - 1)
    covered = bytearray(len(BODY))
    for first in asked:
        covered[first:first + MIB] = b"\1" * MIB
    assert cost(there) <= 1.1 * sum(covered)
    count = len(there.requests)
    for first in asked:
        assert part(fetch, there, first, first + MIB - 1).hit
    assert len(there.requests) == count


def test_consecutive_ranges_by_parallel_connections(lab, limpid, origin, connect):
    there, size = origin(answer(ranged())), 1_887_436
    wires = []
    for n in range(4):
        wires.append(connect(there))
        wires[-1].send(get(there.host, "/file", f"Range: bytes={n * size}-{(n + 1) * size - 1}"))
    for n, wire in enumerate(wires):
        assert wire.response().body == BODY[n * size:(n + 1) * size]
    assert cost(there) <= 4 * size + 8 * UNIT


@pytest.mark.parametrize("etag", [None, 'W/"v1"'])
def test_without_a_strong_validator_ranges_go_as_they_are(limpid, origin, fetch, etag):
    """None lies within the units that were fetched for another: whether those are kept still, the second one decides."""
    there = origin(answer(ranged(etag=etag)))
    for first in (100_000, 300_000, 250_000):
        part(fetch, there, first, first + 100_000)
    assert [request.get("Range") for request in there.requests[1:]] == ["bytes=300000-400000", "bytes=250000-350000"]


def test_without_a_strong_validator_only_little_is_kept(limpid, origin, fetch):
    there = origin(answer(ranged(etag=None)))
    for last in (99, 2 * MIB):
        part(fetch, there, 0, last)
        assert part(fetch, there, 0, last).hit == (last == 99)


def test_without_a_strong_validator_who_wants_what_is_still_coming_waits_for_it(limpid, origin, connect):
    """Whole units are fetched: the first client has his part before they are there."""
    go, whole = threading.Event(), ranged(etag=None)

    def slowly(connection):
        parts = whole(connection.request())
        connection.send(parts[:1000])
        connection.wait(go)
        connection.send(parts[1000:])

    there = origin(slowly, answer(whole))
    first, second = connect(there), connect(there)
    assert first.ask(get(there.host, "/file", "Range: bytes=0-99")).body == BODY[:100]
    second.send(get(there.host, "/file", "Range: bytes=0-99"))
    assert connect(there).ask(get(there.host, "/other", "Range: bytes=0-99")).body == BODY[:100]
    go.set()
    got = second.response()
    assert got.hit and got.body == BODY[:100] and len(there.requests) == 2


@pytest.mark.parametrize("etag", [None, 'W/"v1"'])
def test_by_rule_the_whole_is_fetched_once_instead(limpid_with, origin, fetch, etag):
    limpid = limpid_with(cache={"ranges_without_validator": "whole"})
    there = origin(answer(ranged(BODY[:2 * MIB], etag=etag)))
    for first in (1000, 100_000):
        part(fetch, there, first, first + 99, BODY[:2 * MIB])
    # Who looks for it just before it is stored and asks just afterwards may fetch it once more.
    wait.eventually(lambda: "of which" not in limpid.command("why", f"http://{there.host}/file"), "all of it to be stored")
    for first in (7, 200_000, 1_500_000):
        assert part(fetch, there, first, first + 99, BODY[:2 * MIB]).hit
    # The first one as it would be stored in parts; then, since nothing can be added to it, the whole.
    assert [request.get("Range") for request in there.requests] == ["bytes=0-65503", None]


def test_by_rule_what_is_not_for_all_is_not_fetched_whole_again(limpid_with, origin, fetch):
    limpid_with(cache={"ranges_without_validator": "whole"})
    there = origin(answer(ranged(BODY[:MIB], "Cache-Control: private", etag=None)))
    for first in range(1000, 5000, 1000):
        part(fetch, there, first, first + 99, BODY[:MIB])
    assert len([request for request in there.requests if not request.get("Range")]) <= 1


def test_a_validator_that_changes_is_never_mixed(limpid, origin, fetch, connect):
    """The second part is of another version: what was stored goes, and the client gets what the origin has now."""
    new = pattern(8 * MIB, 99)
    old_play, new_play = ranged(), ranged(new, etag='"v2"')
    there = origin(answer(old_play, new_play))
    part(fetch, there, 0, MIB)
    part(fetch, there, 3 * MIB, 4 * MIB, body=new)
    part(fetch, there, 0, MIB, body=new)
    assert fetch(there, "/file").body == new


def test_a_change_in_the_middle_of_a_reply_cuts_it(limpid, origin, fetch, connect):
    new = pattern(8 * MIB, 99)
    there = origin(answer(ranged(), ranged(new, etag='"v2"')))
    part(fetch, there, 0, MIB)
    wire = connect(there)
    wire.send(get(there.host, "/file", f"Range: bytes=0-{2 * MIB}"))
    with pytest.raises(Exception):
        wire.response()
    assert wire.end == "reset"
    part(fetch, there, 0, MIB, body=new)


def test_an_origin_that_ignores_ranges(limpid, origin, fetch):
    """Its whole answer is stored, and answers ranges afterwards."""
    there = origin(answer(reply(BODY, STORED, 'ETag: "v1"')))
    assert fetch(there, "/file", "Range: bytes=100-199").body in (BODY, BODY[100:200])
    assert part(fetch, there, 100, 199).hit and len(there.requests) == 1


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "404 Not Found", "429 Slow Down", "503 Busy", "416 Range Not Satisfiable"])
def test_other_answers_are_the_clients(limpid, origin, fetch, status):
    there = origin(answer(reply(b"no", "Location: http://elsewhere.test/", "Cache-Control: no-store", status=status), ranged()))
    got = fetch(there, "/file", "Range: bytes=100-199")
    assert (got.status, got.body) == (int(status[:3]), b"no")
    part(fetch, there, 100, 199)


@pytest.mark.parametrize("status", ["404 Not Found", "429 Slow Down", "503 Busy"])
def test_another_answer_for_a_gap(limpid, origin, fetch, status):
    """Nothing has been sent yet: the client gets what the origin has given it."""
    there = origin(answer(ranged(), reply(b"no", "Cache-Control: no-store", status=status)))
    part(fetch, there, 0, MIB)
    got = fetch(there, "/file", f"Range: bytes={4 * MIB}-{5 * MIB}")
    assert (got.status, got.body) == (int(status[:3]), b"no")
    assert part(fetch, there, 0, MIB).hit, "what is stored is as good as before"


def test_another_answer_in_the_middle_of_a_reply(limpid, origin, fetch, connect):
    there = origin(answer(ranged(), reply(b"no", "Cache-Control: no-store", status="429 Slow Down"), ranged()))
    part(fetch, there, 0, MIB)
    wire = connect(there)
    wire.send(get(there.host, "/file", f"Range: bytes=0-{2 * MIB}"))
    with pytest.raises(Exception):
        wire.response()
    assert wire.end == "reset"
    part(fetch, there, 0, 2 * MIB)


def test_an_interim_response_in_the_middle_of_a_reply_is_no_part_of_it(limpid, origin, fetch):
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"
    there = origin(answer(ranged(), lambda request: early + ranged()(request)))
    part(fetch, there, 0, MIB)
    part(fetch, there, 0, 2 * MIB)
    assert len(there.requests) == 2


def test_an_answer_without_a_status_line_in_the_middle_of_a_reply_cuts_it(limpid, origin, fetch, connect):
    there = origin(answer(ranged(), b"ICY 200 OK\r\n\r\nmusic", ranged()))
    part(fetch, there, 0, MIB)
    wire = connect(there)
    wire.send(get(there.host, "/file", f"Range: bytes=0-{2 * MIB}"))
    with pytest.raises(ConnectionError):
        wire.response()
    assert wire.end == "reset" and b"music" not in wire.received
    part(fetch, there, 0, 2 * MIB)


def test_not_modified_is_no_answer_for_a_gap(limpid, origin, fetch):
    """A server that takes If-Range for a condition on all of it: it is asked as the client has asked."""
    def play(request):
        if request.get("If-None-Match") or request.get("If-Range"):
            return f'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n{STORED}\r\n\r\n'.encode()
        return ranged(BODY, *([] if there.requests[1:] else ["Age: 700"]))(request)

    there = origin(answer(play))
    part(fetch, there, 0, 99)
    part(fetch, there, 0, 3 * MIB)
    assert len(there.requests) == 4


def test_a_gap_behind_a_validation_is_not_asked_for_over_a_connection_that_ends(limpid, origin, fetch):
    def once(play):
        def script(connection):
            connection.send(play(connection.request()).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
            connection.close()

        return script

    not_modified = f'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n{STORED}\r\n\r\n'.encode()
    there = origin(once(ranged(BODY, "Age: 700", "Cache-Control: must-revalidate")), once(lambda request: not_modified), answer(ranged()))
    part(fetch, there, 0, 99)
    part(fetch, there, 0, 3 * MIB)
    assert len(there.requests) == 3


def test_trailers_of_parts_are_let_go(limpid, origin, fetch):
    """Several parts, each in chunks and with a trailer section: a sanitizer tells at the end whether one is left behind."""
    def play(request):
        head, _, body = ranged(BODY, "Content-Type: text/plain")(request).partition(b"\r\n\r\n")
        fields = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
        return b"\r\n".join([*fields, b"Transfer-Encoding: chunked", b"", b""]) + chunked(body, trailers=["X-Sum: 1"])

    there = origin(answer(play))
    got = fetch(there, "/file", f"Range: bytes=0-9,{3 * MIB}-{4 * MIB},{7 * MIB}-")
    assert parts_of(got) == {(0, 9): BODY[:10], (3 * MIB, 4 * MIB): BODY[3 * MIB:4 * MIB + 1], (7 * MIB, 8 * MIB - 1): BODY[7 * MIB:]}
    assert len(there.requests) == 3


@pytest.mark.parametrize("field", ["Authorization: Basic eA==", "Cache-Control: private"])
def test_what_is_one_clients_own_is_not_added(limpid, origin, fetch, field):
    """What is missing is fetched for him, and not stored for others."""
    own = [field] if field.startswith("Cache") else []
    there = origin(answer(ranged(BODY, "Cache-Control: public"), ranged(BODY, *own), ranged(BODY, *own)))
    part(fetch, there, 0, MIB)
    for _ in range(2):
        got = fetch(there, "/file", f"Range: bytes={4 * MIB}-{5 * MIB}", *([field] if not own else []))
        assert got.status == 206 and got.body == BODY[4 * MIB:5 * MIB + 1]
    assert len(there.requests) == 3


def test_a_part_that_is_cut_keeps_what_came(limpid, origin, fetch, connect):
    def cut(connection):
        connection.request()
        connection.send(ranged()(Asked("bytes=0-"))[:3 * MIB])
        connection.close()

    there = origin(cut, answer(ranged()))
    wire = connect(there)
    wire.send(get(there.host, "/file", "Range: bytes=0-"))
    with pytest.raises(Exception):
        wire.response()
    part(fetch, there, 0, 2 * MIB)
    assert fetch(there, "/file").body == BODY
    assert cost(there) <= len(BODY) + len(BODY) - 2 * MIB


class Asked:
    def __init__(self, text):
        self.text = text

    def get(self, name):
        return self.text if name == "Range" else None


def test_a_stale_part_is_validated(limpid, origin, fetch):
    """By the client's range and our validator at once: 304, and what is stored answers."""
    def validated(request):
        assert request.get("If-None-Match") == '"v1"' and request.get("Range") == "bytes=0-99"
        return f'HTTP/1.1 304 Not Modified\r\nETag: "v1"\r\n{STORED}\r\n\r\n'.encode()

    there = origin(answer(lambda request: ranged(BODY, "Age: 700")(request), validated))
    part(fetch, there, 0, 99)
    part(fetch, there, 0, 99)
    assert part(fetch, there, 0, 99).hit and len(there.requests) == 2


def test_parts_survive_a_restart(limpid_with, origin, fetch):
    limpid, there = limpid_with(), origin(answer(ranged()))
    part(fetch, there, MIB, 2 * MIB)
    limpid.restart()
    assert part(fetch, there, MIB, 2 * MIB).hit
    assert fetch(there, "/file").body == BODY


def test_what_is_larger_than_an_eighth_of_the_store_passes(limpid_with, origin, fetch):
    limpid_with(cache={"store": {"main": {"size": "32M"}}})
    there = origin(answer(ranged()))
    for _ in range(2):
        part(fetch, there, 0, 99)
    assert there.requests[-1].get("Range") == "bytes=0-99"


def parts_of(got):
    """{(first, last): bytes} of a multipart/byteranges body."""
    boundary = re.fullmatch(r"multipart/byteranges; boundary=(\w+)", got.get("Content-Type"))[1].encode()
    assert len(got.body) == int(got.get("Content-Length"))
    pieces = got.body.split(b"\r\n--" + boundary)
    assert pieces[0] == b"" and pieces[-1] == b"--\r\n"
    found = {}
    for piece in pieces[1:-1]:
        head, _, body = piece.partition(b"\r\n\r\n")
        assert b"\r\nContent-Type: text/plain\r\n" in head
        first, last = map(int, re.search(rb"Content-Range: bytes (\d+)-(\d+)/", head).groups())
        found[first, last] = body
    return found


@pytest.mark.parametrize("size", [10_000, 8 * MIB])
def test_several_ranges_of_what_is_stored(limpid, origin, fetch, size):
    body = BODY[:size]
    there = origin(answer(reply(body, STORED, 'ETag: "v1"', "Content-Type: text/plain")))
    fetch(there, "/file")
    got = fetch(there, "/file", "Range: bytes=0-1,5-9,-100,3000-4999")
    assert got.status == 206 and got.hit and got.get("Content-Range") is None
    assert parts_of(got) == {(0, 1): body[:2], (5, 9): body[5:10], (3000, 4999): body[3000:5000], (size - 100, size - 1): body[-100:]}
    assert fetch(there, "/file", "Range: bytes=0-,1-,2-,3-").body == body
    assert len(there.requests) == 1


def test_several_ranges_with_gaps_between_them(limpid, origin, fetch):
    there = origin(answer(ranged(BODY, "Content-Type: text/plain")))
    part(fetch, there, 0, 99)
    got = fetch(there, "/file", f"Range: bytes=0-9,{3 * MIB}-{4 * MIB},{7 * MIB}-")
    assert parts_of(got) == {(0, 9): BODY[:10], (3 * MIB, 4 * MIB): BODY[3 * MIB:4 * MIB + 1], (7 * MIB, 8 * MIB - 1): BODY[7 * MIB:]}
    assert len(there.requests) == 3


def test_several_ranges_of_a_cold_object(limpid, origin, fetch):
    """The first one's beginning says what it is of; the others are gaps of what is then stored."""
    there = origin(answer(ranged(BODY, "Content-Type: text/plain")))
    wanted = f"Range: bytes={MIB}-{MIB + 9},5-9,-{100}"
    for _ in range(2):
        got = fetch(there, "/file", wanted)
        assert parts_of(got) == {(5, 9): BODY[5:10], (MIB, MIB + 9): BODY[MIB:MIB + 10], (8 * MIB - 100, 8 * MIB - 1): BODY[-100:]}
    assert got.hit and there.requests[0].get("Range") == f"bytes=0-{UNIT - 1}" and len(there.requests) == 3


@pytest.mark.parametrize("before", [False, True], ids=["cold", "stored"])
def test_a_part_over_a_connection_that_it_authenticates_is_not_for_all(limpid, origin, fetch, before):
    """Neither its bytes nor what its head says of the whole (cases.md H12)."""
    public, private = ranged(), ranged(BODY, "WWW-Authenticate: Negotiate abc", "X-For: one")
    there = origin(answer(*([public] if before else []), private, public))
    if before:
        part(fetch, there, 0, 99)
    assert part(fetch, there, MIB, MIB + 99).get("X-For") == "one"
    got = part(fetch, there, MIB, MIB + 99)
    assert not got.hit and got.get("X-For") is None
    assert part(fetch, there, 0, 99).get("X-For") is None


@pytest.mark.parametrize("status", ["416 Range Not Satisfiable", "206 Partial Content", "404 Not Found"])
def test_several_ranges_pass_where_the_first_says_nothing(limpid, origin, fetch, status):
    """A 416 for the first says nothing of the others, nor does a part of an unknown whole."""
    odd = reply(b"odd", "Content-Range: bytes 0-2/*", status=status)
    there = origin(answer(odd, reply(b"several", "Content-Type: multipart/byteranges; boundary=x", status="206 Partial Content")))
    got = fetch(there, "/file", "Range: bytes=0-1,5-6")
    if status.startswith("404"):
        assert got.status == 404 and len(there.requests) == 1
    else:
        assert got.body == b"several" and there.requests[1].get("Range") == "bytes=0-1,5-6"


@pytest.mark.parametrize("wanted", [1, 100, UNIT, 3 * MIB, 8 * MIB, 9 * MIB])
def test_a_suffix_of_a_cold_object_is_stored(limpid, origin, fetch, wanted):
    def play(request):
        suffix = re.fullmatch(r"bytes=-(\d+)", request.get("Range"))
        return ranged()(Asked(f"bytes={max(0, len(BODY) - int(suffix[1]))}-{len(BODY) - 1}") if suffix else request)

    there, first = origin(answer(play)), max(0, len(BODY) - wanted)
    for _ in range(2):
        got = fetch(there, "/file", f"Range: bytes=-{wanted}")
        assert got.status == 206 and got.body == BODY[-wanted:] and got.get("Content-Range") == f"bytes {first}-{len(BODY) - 1}/{len(BODY)}"
    assert got.hit and [request.get("Range") for request in there.requests] == [f"bytes=-{wanted + UNIT}"]
    part(fetch, there, first, None)
    assert len(there.requests) == 1


def test_a_range_that_is_all_of_it_goes_as_it_is_and_is_shared(lab, limpid, origin, connect):
    """`bytes=0-` with no validator at all: one fetch for everybody, and each gets the kind of answer that he asked for."""
    go, before = threading.Event(), limpid.stats()

    def script(connection):
        whole = ranged(etag=None)(connection.request())
        connection.send(whole[:MIB])
        connection.wait(go)
        connection.send(whole[MIB:])

    there = origin(script)
    wires = [connect(there, lab.clients[n % 2]) for n in range(6)]
    for n, wire in enumerate(wires):
        wire.send(get(there.host, "/file", *(["Range: bytes=0-"] if n % 3 == 0 else ["Range: bytes=1000-999999"] if n % 3 == 1 else [])))
        if n == 0:
            assert wire.head().get("Content-Range") == f"bytes 0-{len(BODY) - 1}/{len(BODY)}"
    limpid.counter("collapsed", 5, above=before.get("collapsed", 0))
    go.set()
    assert wires[0].read(len(BODY)) == BODY
    for n, wire in enumerate(wires[1:], 1):
        got = wire.response()
        assert (got.status, got.body) == {0: (206, BODY), 1: (206, BODY[1000:1_000_000]), 2: (200, BODY)}[n % 3]
    assert len(there.requests) == 1 and there.requests[0].get("Range") == "bytes=0-"
    assert connect(there).ask(get(there.host, "/file")).hit


def test_a_range_far_ahead_of_a_fill_is_not_waited_for(limpid, origin, connect, fetch):
    go = threading.Event()

    def slow(connection):
        connection.request()
        connection.send(reply(BODY, STORED, 'ETag: "v1"')[:MIB])
        connection.wait(go)

    there = origin(slow, answer(ranged()))
    wire = connect(there)
    wire.send(get(there.host, "/file"))
    assert wire.head().status == 200
    part(fetch, there, 6 * MIB, 7 * MIB)
    go.set()


def test_the_same_range_by_many_is_fetched_once(lab, limpid, origin, connect):
    go = threading.Event()

    def script(connection):
        whole = ranged()(connection.request())
        connection.send(whole[:300_000])
        connection.wait(go)
        connection.send(whole[300_000:])

    there = origin(script)
    wires = [connect(there, lab.clients[n % 2]) for n in range(20)]
    for n, wire in enumerate(wires):
        wire.send(get(there.host, "/file", f"Range: bytes={MIB + n}-{2 * MIB}"))
        if n == 0:
            assert wire.head().status == 206
    go.set()
    assert wires[0].read(MIB + 1) == BODY[MIB:2 * MIB + 1]
    for n, wire in enumerate(wires[1:], 1):
        assert wire.response().body == BODY[MIB + n:2 * MIB + 1]
    assert len(there.requests) == 1


def test_who_waits_for_a_range_is_not_held_hostage(limpid, origin, connect, fetch):
    """The origin stalls in the middle of the part: after a moment the others ask for themselves."""
    go = threading.Event()

    def stalls(connection):
        connection.send(ranged()(connection.request())[:300_000])
        connection.wait(go)

    there = origin(stalls, answer(ranged()))
    wire = connect(there)
    wire.send(get(there.host, "/file", f"Range: bytes={MIB}-{2 * MIB}"))
    assert wire.head().status == 206
    part(fetch, there, MIB, 2 * MIB)
    go.set()


def test_a_slow_client_does_not_hold_those_who_want_the_same_part(limpid, origin, connect, fetch):
    """He is the one for whom it is fetched, and takes next to nothing of it: the others have it of that one fetch."""
    there = origin(answer(ranged()))
    slow = connect(there, receive_buffer=4096)
    slow.send(get(there.host, "/file", f"Range: bytes={MIB}-{7 * MIB - 1}"))
    assert slow.head().status == 206
    part(fetch, there, MIB, 7 * MIB - 1)
    part(fetch, there, 6 * MIB, 7 * MIB - 1)
    assert len(there.requests) == 1
    assert slow.read(6 * MIB) == BODY[MIB:7 * MIB]


def test_a_slow_client_waits_for_what_is_on_its_way_into_the_store(lab, limpid_with, origin, connect, fetch):
    """Overtaken, he comes to what has been fetched and is not committed yet: the fetch goes on, and is not asked for again."""
    limpid = limpid_with(workers=1)
    there, elsewhere = origin(answer(ranged())), origin(answer(reply(b"x")))
    slow, other = connect(there, receive_buffer=4096), connect(there)

    def drained():
        assert not slow.ended  # which reads what has come
        _, unsent, *_ = lab.gateway.run("ss", "-Htn", "state", "established", f"dport = :{slow.sock.getsockname()[1]}").split()
        return unsent == "0"

    def paused(came):
        fetch(elsewhere)
        return came and limpid.stats()["bytes_origins"] == came + 1

    slow.send(get(there.host, "/file", f"Range: bytes={MIB}-{7 * MIB - 1}"))
    assert slow.head().status == 206
    part(fetch, there, MIB, MIB)  # its record is committed
    with blocked(limpid.thread("store writer")):
        other.send(get(there.host, "/file", f"Range: bytes={MIB}-{7 * MIB - 1}"))
        limpid.counter("bytes_origins", 4 * MIB)
        wait.eventually(lambda: paused(limpid.stats()["bytes_origins"]), "the fetch to be so far ahead that it pauses")
        wait.eventually(drained, "the slow client to have all that was kept for him")
        fetch(elsewhere)  # and the worker to have looked for more
    assert other.response().body == slow.read(6 * MIB) == BODY[MIB:7 * MIB]
    assert len(there.requests) == 1


def test_what_nobody_waits_for_is_not_fetched_for_a_slow_client(limpid, origin, connect, fetch):
    """He wants much, another one a little of it: the fetch pauses behind that, and goes on when he comes there."""
    body = pattern(30 * MIB, 12)
    there = origin(answer(ranged(body)))
    slow = connect(there, receive_buffer=4096)
    slow.send(get(there.host, "/file", f"Range: bytes={MIB}-"))
    assert slow.head().status == 206
    part(fetch, there, 2 * MIB, 3 * MIB, body)
    assert slow.read(29 * MIB) == body[MIB:] and len(there.requests) == 1


def test_a_server_that_gave_up_while_a_fetch_paused_is_asked_for_the_rest(limpid, origin, connect, fetch):
    body, go = pattern(30 * MIB, 12), threading.Event()

    def gives_up(connection):
        connection.send(ranged(body)(connection.request())[:9 * MIB])
        connection.wait(go)
        connection.close()

    there = origin(gives_up, answer(ranged(body)))
    slow = connect(there, receive_buffer=4096)
    slow.send(get(there.host, "/file", f"Range: bytes={MIB}-"))
    assert slow.head().status == 206
    part(fetch, there, 2 * MIB, 3 * MIB, body)
    go.set()
    assert slow.read(29 * MIB) == body[MIB:]
    assert len(there.requests) == 2 and there.requests[1].get("If-Range") == '"v1"'


def test_a_fetch_that_pauses_for_a_slow_client_is_no_silent_origin(limpid_with, origin, connect, fetch):
    limpid_with(workers=1, origin={"idle_timeout": "4s"})
    body = pattern(30 * MIB, 12)
    there, silent = origin(answer(ranged(body))), origin(lambda connection: connection.read_all())
    slow = connect(there, receive_buffer=4096)
    slow.send(get(there.host, "/file", f"Range: bytes={MIB}-"))
    assert slow.head().status == 206
    part(fetch, there, 2 * MIB, 3 * MIB, body)
    assert fetch(silent).status == 504
    assert fetch(silent).status == 504, "it takes longer than such a one is waited for"
    assert slow.read(29 * MIB) == body[MIB:]


def test_a_waiter_takes_over_when_the_part_is_cut(limpid, origin, connect, fetch):
    go = threading.Event()

    def cut(connection):
        connection.send(ranged()(connection.request())[:300_000])
        connection.wait(go)
        connection.close()

    there = origin(cut, answer(ranged()))
    wire, other = connect(there), connect(there)
    wire.send(get(there.host, "/file", f"Range: bytes={MIB}-{2 * MIB}"))
    assert wire.head().status == 206
    other.send(get(there.host, "/file", f"Range: bytes={MIB}-{2 * MIB}"))
    go.set()
    assert other.response().body == BODY[MIB:2 * MIB + 1]


def test_pieces_in_a_row_cost_few_requests(limpid, origin, connect):
    """A download in 64 pieces of 128 KiB, on one connection: what follows is fetched before it is asked for."""
    there, piece = origin(answer(ranged())), 128 << 10
    wire = connect(there)
    for first in range(0, len(BODY), piece):
        got = wire.ask(get(there.host, "/file", f"Range: bytes={first}-{first + piece - 1}"))
        assert got.status == 206 and got.body == BODY[first:first + piece]
    assert len(there.requests) <= 16 and cost(there) <= 1.1 * len(BODY)


def test_a_host_that_ignores_ranges_is_asked_for_the_whole_once(lab, limpid, origin, connect, fetch):
    """Learnt from one object; of the next one eight clients want parts, and get just these."""
    body = BODY[:4 * MIB]
    there = origin(answer(reply(body, STORED)))
    assert fetch(there, "/one", "Range: bytes=100-199").body == body
    wires = [connect(there, lab.clients[n % 2]) for n in range(8)]
    for n, wire in enumerate(wires):
        wire.send(get(there.host, "/two", f"Range: bytes={n * 1000}-{n * 1000 + 99}"))
    for n, wire in enumerate(wires):
        got = wire.response()
        assert (got.status, got.body) == (206, body[n * 1000:n * 1000 + 100])
    asked = [request for request in there.requests if request.target == "/two"]
    assert len(asked) == 1 and asked[0].get("Range") is None


def test_nobody_reads_what_is_too_large_to_be_stored(limpid_with, origin, fetch, connect):
    """Of a host that ignores ranges, for nobody's sake."""
    limpid_with(cache={"store": {"main": {"size": "32M"}}})
    size, cut = 64 * MIB, threading.Event()

    def large(connection):
        connection.request()
        try:
            connection.send(f"HTTP/1.1 200 OK\r\n{STORED}\r\nContent-Length: {size}\r\n\r\n")
            for _ in range(size // MIB):
                connection.send(bytes(MIB))
        except OSError:
            cut.set()
            raise

    def first(connection):
        connection.request()
        connection.send(reply(BODY[:MIB], STORED) + b"")
        connection.close()

    there = origin(first, large, answer(reply("small")))
    fetch(there, "/one", "Range: bytes=0-9")
    wire = connect(there)
    wire.send(get(there.host, "/two", "Range: bytes=5-9"))
    assert wire.response().body == b"small", "he asks for himself"
    assert cut.wait(wait.DEADLINE)


def test_ranges_at_once_of_a_host_that_turns_out_to_ignore_them(lab, limpid, origin, connect):
    """The first whole answer serves all; the others' are not taken."""
    body, started = BODY[:6 * MIB], []

    def script(connection):
        connection.request()
        started.append(connection)
        wait.eventually(lambda: len(started) == 4, "all of them to have asked")
        connection.send(reply(body, STORED))

    there = origin(script)
    wires = [connect(there, lab.clients[n % 2]) for n in range(4)]
    for n, wire in enumerate(wires):
        wire.send(get(there.host, "/file", f"Range: bytes={n * MIB}-{n * MIB + 99}"))
    statuses = []
    for n, wire in enumerate(wires):
        got = wire.response()
        statuses.append(got.status)
        assert got.body == (body if got.status == 200 else body[n * MIB:n * MIB + 100])
    assert statuses.count(200) == 1


def test_a_download_that_is_given_up_is_not_lost(limpid, origin, connect, fetch):
    """What has come of it stays, and the next client gets the rest of the same version only."""
    go = threading.Event()

    def script(connection):
        connection.send(ranged()(connection.request())[:5 * MIB])
        connection.wait(go)

    there = origin(script, answer(ranged()))
    wire = connect(there)
    wire.send(get(there.host, "/file"))
    wire.head()
    assert wire.read(4 * MIB) == BODY[:4 * MIB]
    wire.close()
    wait.eventually(lambda: "of which" in limpid.command("why", f"http://{there.host}/file"), "what came of it to be stored")
    go.set()
    assert fetch(there, "/file").body == BODY
    assert cost(there) <= 2 * len(BODY) - 3 * MIB


def test_a_download_that_is_nearly_done_is_finished(limpid, origin, connect, fetch):
    go = threading.Event()

    def script(connection):
        whole = ranged()(connection.request())
        connection.send(whole[:-500_000])
        connection.wait(go)
        connection.send(whole[-500_000:])

    there = origin(script)
    wire = connect(there)
    wire.send(get(there.host, "/file"))
    wire.head()
    assert wire.read(7 * MIB) == BODY[:7 * MIB]
    limpid.loses(wire.close, wire)
    go.set()
    assert fetch(there, "/file").body == BODY and len(there.requests) == 1


# ---- at full size

BLOCK = pattern(MIB + 7, 5)  # repeated, so that equal bytes are never a whole number of slices apart


def made_up(first, last):
    """The bytes of a body that is nowhere: of whatever size."""
    at, size = first % len(BLOCK), last - first + 1
    return (BLOCK * (size // len(BLOCK) + 2))[at:at + size]


def endless(size):
    def play(request):
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.get("Range"))
        first, last = int(asked[1]), min(int(asked[2] or size), size - 1)
        request.sent = last - first + 1
        return reply(made_up(first, last), STORED, 'ETag: "v1"', f"Content-Range: bytes {first}-{last}/{size}", status="206 Partial Content")

    return play


def read_ranges(connect, there, ranges):
    """Each list of ranges over a connection of its own, all at once; what was wrong with them."""
    wrong = []

    def read(wire, mine):
        for first, last in mine:
            got = wire.ask(get(there.host, "/large", f"Range: bytes={first}-{last}"))
            if got.status != 206 or got.body != made_up(first, last):
                wrong.append((first, last, got.status))

    threads = [threading.Thread(target=read, args=(connect(there), mine)) for mine in ranges]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return wrong


def test_twenty_clients_reading_a_gigabyte_at_random(limpid_with, origin, connect):
    """What the origin sends is at most 1.1 times what they want together, and nothing the second time."""
    size, chance = 1 << 30, random.Random(3)
    limpid_with(cache={"store": {"main": {"size": "16G"}}})
    there = origin(answer(endless(size)))
    ranges = [[(first, first + MIB - 1) for first in (chance.randrange(0, size - MIB) for _ in range(10))] for _ in range(20)]
    assert read_ranges(connect, there, ranges) == []
    edges = sorted((first, last + 1) for mine in ranges for first, last in mine)
    union, end = 0, 0
    for first, last in edges:
        union += max(0, last - max(first, end))
        end = max(end, last)
    count = len(there.requests)
    assert sum(request.sent for request in there.requests) <= 1.10 * union
    assert read_ranges(connect, there, ranges) == [] and len(there.requests) == count


def test_consecutive_large_ranges_by_eight_connections(limpid_with, origin, connect):
    piece, count = 18_874_368, 16
    limpid_with(cache={"store": {"main": {"size": "16G"}}})
    there = origin(answer(endless(piece * count)))
    ranges = [[(n * piece, (n + 1) * piece - 1) for n in range(first, count, 8)] for first in range(8)]
    assert read_ranges(connect, there, ranges) == []
    assert sum(request.sent for request in there.requests) <= 1.02 * piece * count


def test_an_object_of_256_gib(limpid_with, origin, connect, fetch):
    size = 256 << 30
    limpid_with(cache={"store": {"main": {"size": "2T"}}})
    there = origin(answer(endless(size)))
    ranges = [[(0, 99), (size - 100, size - 1), (size // 2, size // 2 + 3 * MIB)]]
    for _ in range(2):
        assert read_ranges(connect, there, ranges) == []
    assert len(there.requests) == 3 and fetch(there, "/large", f"Range: bytes={size}-").status == 416
