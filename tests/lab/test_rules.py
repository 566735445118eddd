"""Rules of RFC 9110 and 9111 that are easily broken between two messages: whose words are stored for whom, what an answer
means for what is stored, and what a client is to be told."""

import re
import threading

import pytest

from lab import wait
from lab.nginx import pattern
from lab.origin import answer
from lab.wire import get, reply

TAG = 'ETag: "v1"'
BODY = pattern(3_000_000, 3)


def unchanged(*fields, tag=TAG):
    return reply(b"", tag, *fields, status="304 Not Modified", length=False)


def stale(body="old", *fields):
    return reply(body, "Cache-Control: max-age=60", "Age: 100", TAG, *fields)


def test_a_part_of_what_has_changed_goes_only_to_who_wants_just_that(limpid, origin, fetch):
    """A stale object, a download that is resumed, and a new version at the origin: If-Range goes along (RFC 9110 §13.1.5)."""
    def new(request):
        assert request.get("If-None-Match") == '"v1"'
        if request.get("If-Range") == '"v1"':
            return reply("new version", 'ETag: "v2"')
        return reply("version", 'ETag: "v2"', "Content-Range: bytes 4-10/11", status="206 Partial Content")

    there = origin(answer(stale("old version"), new))
    fetch(there)
    got = fetch(there, "/", "Range: bytes=4-", 'If-Range: "v1"')
    assert (got.status, got.body) == (200, b"new version")


@pytest.mark.parametrize("asked, said", [
    ("Authorization: Basic eDp5", []),
    ("Cache-Control: no-store", []),
    ("X-Plain: 1", ["Cache-Control: private, max-age=60"]),
])
def test_a_304_of_one_clients_own_is_for_him_alone(limpid, origin, fetch, asked, said):
    """RFC 9111 §3.5, §5.2.1.5, §5.2.2.7: he gets what it says; the others do not, and it makes nothing fresh for them."""
    there = origin(answer(stale(), unchanged("X-User: alice", *(said or ["Cache-Control: max-age=60"])), unchanged("Cache-Control: max-age=60")))
    fetch(there)
    his = fetch(there, "/", asked)
    assert his.body == b"old" and his.get("X-User") == "alice"
    other = fetch(there)
    assert other.body == b"old" and other.get("X-User") is None
    assert len(there.requests) == 3
    assert fetch(there).hit and fetch(there).get("X-User") is None


def test_a_304_that_forbids_storing_is_heeded(limpid, origin, fetch):
    there = origin(answer(stale(), unchanged("Cache-Control: no-store"), stale("new")))
    fetch(there)
    assert fetch(there).body == b"old"
    assert fetch(there).body == b"new"


@pytest.mark.parametrize("said", ["no-store", "private"])
def test_what_is_fresh_is_not_used_after_a_304_that_takes_it_back(limpid, origin, fetch, said):
    """Somebody reloads, and the origin says that it is not for all any more: none of the 304 is stored, and the next client's
    request is validated."""
    there = origin(answer(reply("old", "Cache-Control: max-age=600", TAG), unchanged(f"Cache-Control: {said}", "X-User: alice"),
                          unchanged("Cache-Control: max-age=600")))
    fetch(there)
    assert fetch(there, "/", "Cache-Control: no-cache").get("X-User") == "alice"
    other = fetch(there)
    assert other.body == b"old" and other.get("X-User") is None
    assert len(there.requests) == 3 and there.requests[2].get("If-None-Match") == '"v1"'
    assert fetch(there).hit


def test_a_cookie_of_a_304_reaches_its_client_and_nobody_else(limpid, origin, fetch):
    there = origin(answer(stale(), unchanged("Cache-Control: max-age=60", "Set-Cookie: session=1")))
    fetch(there)
    assert fetch(there).get("Set-Cookie") == "session=1"
    assert fetch(there).hit and fetch(there).get("Set-Cookie") is None


def test_the_first_client_of_a_cold_range_gets_all_that_was_for_him(limpid, origin, fetch):
    first = reply(BODY[:65504], TAG, 'Cache-Control: max-age=60, private="x-his"', "X-His: 1", "Set-Cookie: session=1",
                  f"Content-Range: bytes 0-65503/{len(BODY)}", status="206 Partial Content")
    there = origin(answer(first))
    got = fetch(there, "/", "Range: bytes=0-99")
    assert got.status == 206 and got.get("Set-Cookie") == "session=1" and got.get("X-His") == "1"
    again = fetch(there, "/", "Range: bytes=0-99")
    assert again.hit and again.get("Set-Cookie") is None and again.get("X-His") is None


@pytest.mark.parametrize("validator", [TAG, "Last-Modified: Thu, 01 Jan 2015 00:00:00 GMT"])
@pytest.mark.parametrize("status", ["404 Not Found", "301 Moved", "410 Gone"])
def test_a_304_would_not_be_about_an_error(limpid, origin, fetch, status, validator):
    """RFC 9110 §13.2.1, §15.4.5: there is something now, and by its validator it is what the client is taken to have."""
    def play(request):
        known = request.get("If-None-Match") or request.get("If-Modified-Since")
        return unchanged("Cache-Control: max-age=600") if known else reply("there", validator, "Cache-Control: max-age=600")

    there = origin(answer(reply("gone", "Cache-Control: max-age=60", "Age: 100", validator, status=status), play))
    assert fetch(there).status == int(status[:3])
    assert fetch(there).body == b"there" and fetch(there).hit and len(there.requests) == 2


@pytest.mark.parametrize("status", ["404 Not Found", "301 Moved", "410 Gone"])
def test_a_200_to_head_is_news_of_what_was_an_error(limpid, origin, fetch, status):
    there = origin(answer(reply("gone", "Cache-Control: max-age=60", "Age: 100", TAG, status=status),
                          "HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\n\r\n".encode(), reply("there")))
    assert fetch(there).body == b"gone"
    assert fetch(there, method="HEAD").status == 200
    assert fetch(there).body == b"there"


def test_what_is_arriving_when_it_is_changed_is_for_nobody_new(limpid, origin, connect, fetch):
    """RFC 9111 §4.4: a PUT in the middle of a slow reply to a GET."""
    go = threading.Event()

    def slow(connection):
        connection.request()
        whole = reply(BODY, "Cache-Control: max-age=600")
        connection.send(whole[:1_000_000])
        connection.wait(go)
        connection.send(whole[1_000_000:])

    there = origin(slow, answer(lambda request: reply("done" if request.method == "PUT" else "new", "Cache-Control: max-age=600")))
    wire = connect(there)
    wire.send(get(there.host))
    assert wire.head().status == 200
    assert fetch(there, "/", "Content-Length: 0", method="PUT").body == b"done"
    assert fetch(there).body == b"new"
    go.set()
    assert wire.read(len(BODY)) == BODY, "who reads it already gets all of it"
    assert fetch(there).body == b"new" and fetch(there).hit


def test_a_purge_reaches_what_is_arriving(limpid, origin, connect, fetch):
    go = threading.Event()

    def slow(connection):
        connection.request()
        connection.send(reply(BODY, "Cache-Control: max-age=600")[:1_000_000])
        connection.wait(go)
        connection.send(reply(BODY, "Cache-Control: max-age=600")[1_000_000:])

    there = origin(slow, answer(reply("new", "Cache-Control: max-age=600")))
    wire = connect(there)
    wire.send(get(there.host))
    assert wire.head().status == 200
    limpid.command("purge", f"http://{there.host}/")
    assert fetch(there).body == b"new"
    go.set()
    assert wire.read(len(BODY)) == BODY


@pytest.mark.parametrize("now", [reply("gone", status="404 Not Found"), reply("now", "Cache-Control: no-store"), reply("now", "Vary: *")])
def test_an_answer_that_is_not_stored_ends_what_it_answers_for(limpid, origin, fetch, now):
    """RFC 9111 §4.3.3: neither stale-while-revalidate nor stale-if-error bring back what the origin has replaced."""
    there = origin(answer(stale("old", "Cache-Control: stale-if-error=600"), now, reply("", status="503 Busy")))
    fetch(there)
    assert fetch(there).body == now.split(b"\r\n\r\n")[1]
    assert fetch(there).status == 503


@pytest.mark.parametrize("said", ["no-store", "no-store, max-age=0", "private"])
def test_a_reload_that_gets_what_is_not_stored_ends_what_has_no_validator(limpid, origin, fetch, said):
    there = origin(answer(reply("old", "Cache-Control: max-age=600"), reply("his", f"Cache-Control: {said}"), reply("new")))
    fetch(there)
    assert fetch(there, "/", "Cache-Control: no-cache").body == b"his"
    assert fetch(there).body == b"new"


def test_a_part_that_is_one_clients_own_ends_nothing(limpid, origin, fetch):
    part = reply("l", "Cache-Control: no-store", "Content-Range: bytes 1-1/3", status="206 Partial Content")
    there = origin(answer(reply("old", "Cache-Control: max-age=600"), part))
    fetch(there)
    assert fetch(there, "/", "Cache-Control: no-cache", "Range: bytes=1-1").body == b"l"
    assert fetch(there).hit


def test_a_refusal_to_one_client_ends_nothing(limpid, origin, fetch):
    there = origin(answer(stale(), reply("who are you?", status="401 Unauthorized"), unchanged("Cache-Control: max-age=60")))
    fetch(there)
    assert fetch(there).status == 401
    assert fetch(there).body == b"old" and there.requests[-1].get("If-None-Match") == '"v1"'


def test_a_reply_without_a_date_gets_one(limpid, origin, fetch):
    there = origin(answer(reply("one")))
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", fetch(there).get("Date"))


def test_conditions_are_judged_after_the_update(limpid, origin, fetch):
    """RFC 9111 §4.3.4 before §4.3.2: the 304 says that it was modified after what the client has."""
    there = origin(answer(stale("old", "Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT"),
                          unchanged("Last-Modified: Wed, 03 Jan 2024 00:00:00 GMT", "Cache-Control: max-age=60")))
    fetch(there)
    got = fetch(there, "/", "If-Modified-Since: Tue, 02 Jan 2024 00:00:00 GMT")
    assert (got.status, got.body) == (200, b"old")


@pytest.mark.parametrize("status", ["600 Odd", "999 Request denied"])
def test_statuses_of_no_class_go_on_and_are_not_stored(limpid, origin, fetch, status):
    there = origin(answer(reply("odd", "Cache-Control: max-age=60", status=status)))
    for _ in range(2):
        got = fetch(there)
        assert (got.status, got.body) == (int(status[:3]), b"odd")
    assert len(there.requests) == 2


def test_only_if_cached_takes_what_is_stale_while_revalidate(limpid, origin, fetch):
    there = origin(answer(stale("old", "Cache-Control: stale-while-revalidate=600"), unchanged("Cache-Control: max-age=60")))
    fetch(there)
    assert fetch(there, "/", "Cache-Control: only-if-cached").body == b"old"


def test_a_validation_of_our_own_asks_for_the_whole(limpid, origin, fetch):
    there = origin(answer(stale("0123456789", "Cache-Control: stale-while-revalidate=600"), unchanged("Cache-Control: max-age=60")))
    fetch(there)
    assert fetch(there, "/", "Range: bytes=2-3", 'If-Match: "v1"').body == b"23"
    wait.eventually(lambda: len(there.requests) == 2, "the validation")
    assert there.requests[1].get("Range") is None and there.requests[1].get("If-Match") is None
    assert there.requests[1].get("If-None-Match") == '"v1"'


def test_a_part_is_news_of_the_whole(limpid, origin, fetch):
    """RFC 9111 §3.4: its fields take the place of the stored ones."""
    def play(request):
        first, last = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", request.get("Range")).groups())
        return reply(BODY[first:last + 1], TAG, f"X-Count: {len(there.requests)}", "Cache-Control: max-age=60",
                     f"Content-Range: bytes {first}-{last}/{len(BODY)}", status="206 Partial Content")

    there = origin(answer(play))
    assert fetch(there, "/", "Range: bytes=0-9").get("X-Count") == "1"
    assert fetch(there, "/", "Range: bytes=1000000-1000009").get("X-Count") == "2"
    again = fetch(there, "/", "Range: bytes=0-9")
    assert again.hit and again.get("X-Count") == "2"


@pytest.mark.parametrize("expires", ["Thu, 18 Aug 2050 02:01:18 UTC", "Thu, 18 Aug 50 02:01:18 GMT", "Thu 18 Aug 2050 02:01:18 GMT",
                                     "Thu, 18  Aug  2050 02:01:18 GMT", "Thu, 18-Aug-2050 02:01:18 GMT", "Thu, 18 Aug 2050 2:01:18 GMT"])
def test_an_expires_that_is_no_date_of_http_is_in_the_past(limpid, origin, fetch, expires):
    """RFC 9111 §5.3"""
    there = origin(answer(reply("one", f"Expires: {expires}", TAG), reply("two")))
    fetch(there)
    assert fetch(there).body == b"two"


@pytest.mark.parametrize("status", ["404 Not Found", "303 See Other", "500 Oops"])
def test_what_a_post_came_to_is_not_what_get_would_yield(limpid, origin, connect, status):
    there = origin(answer(reply("failed", "Content-Location: /form", "Cache-Control: max-age=600", status=status), reply("form")))
    connect(there).ask(get(there.host, "/form", "Content-Length: 3", method="POST") + b"a=b")
    assert connect(there).ask(get(there.host, "/form")).body == b"form"


def test_only_if_cached_where_nothing_is_looked_up(limpid, origin, fetch):
    there = origin()
    assert fetch(there, "/", "X-Forwarded-Host: a", "Cache-Control: only-if-cached").status == 504
    assert not there.requests
