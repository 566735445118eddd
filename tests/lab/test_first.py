"""The first download and the second: what is stored, what is reused, and in whose name the origin is asked."""

import email.utils
import re
import time

import pytest

from lab.nginx import pattern
from lab.origin import answer
from lab.wire import get, reply


def date(seconds_from_now=0):
    return email.utils.formatdate(time.time() + seconds_from_now, usegmt=True)


def curl(client, where, url, *options):
    """Status, fields and body of a download by curl from the client's namespace."""
    client.run("curl", "-sS", "--max-time", 60, "-g", "-D", where / "head", "-o", where / "body", *options, url)
    head = (where / "head").read_text()
    fields = dict(line.split(": ", 1) for line in head.splitlines()[1:] if line)
    return int(head.split()[1]), {name.lower(): value for name, value in fields.items()}, (where / "body").read_bytes()


@pytest.mark.parametrize("family, host", [(4, "203.0.113.1"), (6, "[2001:db8:1::1]")])
@pytest.mark.parametrize("name, size", [("1k", 1 << 10), ("100k", 100 << 10), ("10m", 10 << 20)])
def test_curl_downloads_twice(lab, limpid, nginx, tmp_path, family, host, name, size):
    path = f"/fresh/{name}?twice{family}"
    status, first, body = curl(lab.client, tmp_path, f"http://{host}{path}")
    assert status == 200 and body == pattern(size) and "age" not in first
    assert "cache-status" in first and "hit" not in first["cache-status"]
    status, second, body = curl(lab.other_client, tmp_path, f"http://{host}{path}")
    assert status == 200 and body == pattern(size)
    assert re.search(r"; *hit", second["cache-status"]) and second["age"].isdigit()
    assert {name: first[name] for name in ("etag", "last-modified", "date", "content-type")} == \
           {name: second[name] for name in ("etag", "last-modified", "date", "content-type")}
    assert [line["address"] for line in nginx.asked(path)] == [getattr(lab.client, f"address{family}")]


@pytest.mark.parametrize("family", [4, 6])
def test_the_origin_sees_each_clients_own_address(lab, limpid, origin, fetch, family):
    there = origin(answer(reply("not stored")), family=family)
    for client in (lab.client, lab.other_client, lab.client):
        assert fetch(there, client=client).body == b"not stored"
    addresses = [getattr(client, f"address{family}") for client in lab.clients]
    assert {connection.peer for connection in there.connections} == set(addresses)


def test_a_hundred_mib_twice(lab, limpid, nginx, tmp_path):
    """The first time no faster than a slow disk writes: what comes faster for long is not stored."""
    for rate in ("25M", "10G"):
        _, fields, body = curl(lab.client, tmp_path, "http://203.0.113.1/fresh/100m", "--limit-rate", rate)
        assert len(body) == 100 << 20 and body == (nginx.files / "100m").read_bytes()
    assert "hit" in fields["cache-status"]
    assert len(nginx.asked("/fresh/100m")) == 1


# ---- what is forwarded

def test_all_that_is_not_hop_by_hop_goes_as_it_came(limpid, origin, connect):
    there = origin(answer(reply("body", "X-oDD:   two  words \t", "x-odd:", "SeRvEr: \xe4", "X-Odd: last", "Connection: x-hop", "X-Hop: 1",
                                "Keep-Alive: timeout=5")))
    fields = ["usER-agENT:  x y", "Accept: */*", "X-Twice: 1", "x-TWICE:", "X-Twice: \xff\x80", "Accept: text/plain"]
    got = connect(there).ask(get(there.host, "/pa%74h/../?q=%zz&", *fields, "Connection: X-Hop, Keep-Alive", "X-Hop: secret", "Keep-Alive: 5"))
    seen = there.requests[0].raw.decode("latin-1").split("\r\n")
    assert seen[0] == "GET /pa%74h/../?q=%zz& HTTP/1.1"
    assert [line for line in seen if line in fields] == fields
    assert "secret" not in "".join(seen) and not there.requests[0].all("Via")
    lines = got.raw.decode("latin-1").split("\r\n")
    kept = ["X-oDD:   two  words \t", "x-odd:", "SeRvEr: \xe4", "X-Odd: last"]
    assert [line.rstrip(" \t") for line in lines if line.lower().startswith(("x-odd", "server"))] == [line.rstrip(" \t") for line in kept]
    assert not got.all("X-Hop") and got.all("Via")


def test_the_shipped_via_does_not_cost_the_compression(lab, limpid, nginx, tmp_path):
    _, fields, _ = curl(lab.client, tmp_path, "http://203.0.113.1/gzip/page.txt?via", "-H", "Accept-Encoding: gzip")
    assert fields["content-encoding"] == "gzip"
    assert nginx.asked("/gzip/page.txt?via")[-1]["via"] == ""


def test_via_in_both_directions_where_configured(limpid_with, origin, fetch):
    limpid_with(origin={"via": "both"})
    there = origin()
    assert re.match(r"1\.1 \S+", fetch(there).get("Via"))
    assert re.match(r"1\.1 \S+", there.requests[0].get("Via"))


def test_no_via_where_configured(limpid_with, origin, fetch):
    limpid_with(origin={"via": "off"})
    there = origin()
    assert fetch(there).get("Via") is None
    assert there.requests[0].get("Via") is None


# ---- what is stored and for how long

HOUR = 3600


def dated(fields):
    """The fields with @-60 made the date of a minute ago."""
    return [re.sub(r"@([+-]?\d*)$", lambda match: date(int(match[1] or 0)), field) for field in fields]


# Why a response is fresh for a while, and why not; @ and seconds stand for a date.
FRESH = {
    "max_age": ["Cache-Control: max-age=60"],
    "max_age_among_others": ["Cache-Control: public, foo=\"a,b\", MAX-AGE=60"],
    "s_maxage_beats_max_age": ["Cache-Control: s-maxage=60, max-age=0"],
    "s_maxage_beats_expires": ["Cache-Control: s-maxage=60", "Expires: 0"],
    "max_age_beats_expires": ["Cache-Control: max-age=60", "Expires: Thu, 01 Jan 1970 00:00:00 GMT"],
    "expires": ["Expires: @+3600", "Date: @"],
    "heuristic": ["Last-Modified: @-3600000", "Date: @"],
    "must_revalidate_while_fresh": ["Cache-Control: max-age=60, must-revalidate"],
}
NOT_FRESH = {
    "nothing_said": [],
    "no_store": ["Cache-Control: no-store, max-age=60"],
    "private": ["Cache-Control: private, max-age=60"],
    "no_cache": ["Cache-Control: no-cache, max-age=60"],
    "max_age_0": ["Cache-Control: max-age=0"],
    "s_maxage_0": ["Cache-Control: s-maxage=0, max-age=60"],
    "expires_past": ["Expires: @-1", "Date: @"],
    "expires_that_is_no_date": ["Expires: 0", "Last-Modified: @-3600000"],
    "age_beyond": ["Cache-Control: max-age=60", "Age: 61"],
    "vary_star": ["Cache-Control: max-age=60", "Vary: *"],
    "pragma_has_no_say_in_responses_but_nothing_else_does": ["Pragma: no-cache"],
}


@pytest.mark.parametrize("case", FRESH)
def test_reused(lab, limpid, origin, fetch, case):
    there = origin(answer(reply("one", *dated(FRESH[case])), reply("two")))
    first, second = fetch(there), fetch(there, client=lab.other_client)
    assert (first.hit, first.body, second.hit, second.body) == (False, b"one", True, b"one")
    assert second.get("Age").isdigit() and int(second.get("Age")) < 10
    assert len(there.requests) == 1


@pytest.mark.parametrize("case", NOT_FRESH)
def test_not_reused(limpid, origin, fetch, case):
    there = origin(answer(reply("one", *dated(NOT_FRESH[case])), reply("two")))
    assert fetch(there).body == b"one"
    second = fetch(there)
    assert second.body == b"two" and not second.hit
    assert len(there.requests) == 2


def test_an_age_is_counted_on(limpid, origin, fetch):
    there = origin(answer(reply("one", "Cache-Control: max-age=600", "Age: 300")))
    fetch(there)
    assert 300 <= int(fetch(there).get("Age")) < 310


@pytest.mark.parametrize("status, stored", [("404 Not Found", True), ("301 Moved Permanently", True), ("410 Gone", True), ("500 Oops", True),
                                            ("302 Found", True), ("599 Unknown", False)])
def test_other_statuses_with_explicit_freshness(limpid, origin, fetch, status, stored):
    there = origin(answer(reply("one", "Cache-Control: max-age=60", "Location: /x", status=status)))
    assert [fetch(there).status, fetch(there).status] == [int(status[:3])] * 2
    assert len(there.requests) == (1 if stored else 2) or status.startswith(("5", "3"))


def test_an_error_is_not_fresh_by_heuristics(limpid, origin, fetch):
    there = origin(answer(reply("one", f"Last-Modified: {date(-1000 * HOUR)}", status="500 Oops"), reply("two")))
    assert (fetch(there).body, fetch(there).body) == (b"one", b"two")


def test_set_cookie_is_stripped_from_what_is_stored(limpid, origin, fetch):
    there = origin(answer(reply("one", "Cache-Control: max-age=60", "Set-Cookie: session=1")))
    assert fetch(there).get("Set-Cookie") == "session=1", "the client it was meant for has it"
    second = fetch(there)
    assert second.hit and second.get("Set-Cookie") is None


def test_set_cookie_is_kept_where_configured(limpid_with, origin, fetch):
    limpid_with(cache={"set_cookie": "keep"})
    there = origin(answer(reply("one", "Cache-Control: max-age=60", "Set-Cookie: session=1")))
    fetch(there)
    second = fetch(there)
    assert second.hit and second.get("Set-Cookie") == "session=1"


@pytest.mark.parametrize("location, fields, kept", [
    ("/form?x=1", ["Cache-Control: max-age=60"], True),
    ("http://www.example.test/form?x=1", ["Cache-Control: max-age=60"], True),
    ("/other", ["Cache-Control: max-age=60"], False),
    (None, ["Cache-Control: max-age=60"], False),
    ("/form?x=1", ['ETag: "guess"'], False),
])
def test_a_posts_reply_that_is_the_targets_own(limpid, origin, connect, location, fields, kept):
    there = origin(answer(reply("old", "Cache-Control: max-age=60"), reply("posted", *fields, *([f"Content-Location: {location}"] if location else [])),
                          reply("got", "Cache-Control: max-age=60")))
    ask = lambda *fields, method="GET", body=b"": connect(there).ask(get("www.example.test", "/form?x=1", *fields, method=method) + body).body
    assert ask() == b"old"
    assert ask("Content-Length: 3", method="POST", body=b"a=b") == b"posted"
    assert ask() == (b"posted" if kept else b"got")
    assert len(there.requests) == (2 if kept else 3)


def test_a_reply_to_authorization_is_not_shared(limpid, origin, fetch):
    there = origin(answer(reply("secret", "Cache-Control: max-age=60"), reply("public")))
    assert fetch(there, "/", "Authorization: Basic eDp5").body == b"secret"
    assert fetch(there).body == b"public"


def test_a_reply_to_authorization_is_shared_if_the_origin_says_so(limpid, origin, fetch):
    there = origin(answer(reply("for all", "Cache-Control: public, max-age=60")))
    fetch(there, "/", "Authorization: Basic eDp5")
    assert fetch(there).hit


def test_a_cookie_gets_no_heuristic_freshness(limpid, origin, fetch):
    there = origin(answer(reply("one", f"Last-Modified: {date(-1000 * HOUR)}"), reply("two")))
    fetch(there, "/", "Cookie: a=b")
    assert fetch(there, "/", "Cookie: a=c").body == b"two"


# ---- what the client demands

@pytest.mark.parametrize("field", ["Cache-Control: no-cache", "Cache-Control: max-age=0", "Pragma: no-cache"])
def test_a_client_can_demand_the_origins_word(limpid, origin, fetch, field):
    there = origin(answer(reply("one", "Cache-Control: max-age=60"), reply("two", "Cache-Control: max-age=60")))
    fetch(there)
    assert fetch(there, "/", field).body == b"two"
    assert fetch(there).body == b"two", "and what it got replaces what was stored"


@pytest.mark.parametrize("field", ["Cache-Control: no-cache", "Cache-Control: max-age=0", "Pragma: no-cache"])
@pytest.mark.parametrize("host, ignored", [("game.example", True), ("cdn.game.example", True), ("CDN.Game.Example.", True),
                                           ("agame.example", False), ("example", False)])
def test_a_reload_of_named_hosts_is_ignored(limpid_with, origin, connect, field, host, ignored):
    limpid_with(cache={"ignore_reload": ["game.example", "*.game.example"]})
    there = origin(answer(reply("one", "Cache-Control: max-age=60"), reply("two", "Cache-Control: max-age=60")))
    assert connect(there).ask(get(host)).body == b"one"
    assert connect(there).ask(get(host, "/", field)).body == (b"one" if ignored else b"two")


def test_only_if_cached(limpid, origin, fetch):
    there = origin(answer(reply("one", "Cache-Control: max-age=60")))
    assert fetch(there, "/", "Cache-Control: only-if-cached").status == 504
    assert not there.connections
    fetch(there)
    assert fetch(there, "/", "Cache-Control: only-if-cached").hit


def test_a_clients_no_store_leaves_nothing(limpid, origin, fetch):
    there = origin(answer(reply("one", "Cache-Control: max-age=60"), reply("two")))
    fetch(there, "/", "Cache-Control: no-store")
    assert fetch(there).body == b"two"


# ---- several variants at once

def by_language(request):
    """One body for each language; a 304 where its tag is among those offered."""
    language = "fr" if "fr" in request.get("Accept-Language", "") else "de"
    fields = ["Cache-Control: max-age=600", f'ETag: "{language}"', "Vary: Accept-Language"]
    if f'"{language}"' in (request.get("If-None-Match") or ""):
        return reply(b"", *fields, status="304 Not Modified", length=False)
    return reply(language * 10000, *fields)


def test_the_tags_of_all_variants_are_offered_and_one_is_taken(limpid, origin, fetch):
    there = origin(answer(by_language))
    for language in ("fr", "de"):
        assert fetch(there, "/", f"Accept-Language: {language}").body == language.encode() * 10000
    third = fetch(there, "/", "Accept-Language: fr, en;q=0.5")
    assert there.requests[-1].get("If-None-Match") == '"de", "fr"'
    assert third.body == b"fr" * 10000 and "fwd=vary-miss; fwd-status=304" in third.get("Cache-Status")
    for language in ("fr, en;q=0.5", "en;q=0.5, fr", "fr"):
        again = fetch(there, "/", f"Accept-Language: {language}")
        assert again.hit and again.body == b"fr" * 10000
    assert len(there.requests) == 3


def test_a_304_for_none_of_the_variants_costs_a_second_request(limpid, origin, fetch):
    fields = ["Cache-Control: max-age=600", "Vary: Accept-Language"]
    there = origin(answer(reply("one", *fields, 'ETag: "one"'), reply(b"", 'ETag: "other"', status="304 Not Modified", length=False),
                          reply("two", *fields, 'ETag: "two"')))
    fetch(there, "/", "Accept-Language: a")
    assert fetch(there, "/", "Accept-Language: b").body == b"two"
    assert [request.get("If-None-Match") for request in there.requests] == [None, '"one"', None]
    assert fetch(there, "/", "Accept-Language: a").body == b"one"


def test_a_new_variant_after_an_offer_is_stored_beside_the_others(limpid, origin, fetch):
    there = origin(answer(lambda request: reply(request.get("Accept-Language"), "Cache-Control: max-age=600", f'ETag: "{request.get("Accept-Language")}"',
                                                "Vary: Accept-Language")))
    for language in ("a", "b", "c"):
        assert fetch(there, "/", f"Accept-Language: {language}").body == language.encode()
    for language in ("a", "b", "c"):
        assert fetch(there, "/", f"Accept-Language: {language}").hit


def test_what_a_client_cannot_decode_is_not_offered(limpid, origin, fetch):
    fields = ["Cache-Control: max-age=600", "Vary: Accept-Encoding", 'ETag: "same"']
    there = origin(answer(reply("coded", *fields, "Content-Encoding: gzip"), reply("plain", *fields)))
    fetch(there, "/", "Accept-Encoding: gzip")
    assert fetch(there, "/", "Accept-Encoding: identity").body == b"plain"
    assert there.requests[-1].get("If-None-Match") is None


# ---- conditions

def test_304_to_the_clients_own_conditions(limpid, origin, fetch):
    modified = date(-1000 * HOUR)
    there = origin(answer(reply("one", "Cache-Control: max-age=60", 'ETag: "v1"', f"Last-Modified: {modified}")))
    fetch(there)
    for field in ('If-None-Match: "v1"', 'If-None-Match: "v0", W/"v1"', "If-None-Match: *", f"If-Modified-Since: {modified}",
                  f"If-Modified-Since: {date()}"):
        got = fetch(there, "/", field)
        assert (got.status, got.body, got.get("ETag")) == (304, b"", '"v1"'), field
        assert got.get("Content-Length") in (None, "3")
    for field in ('If-None-Match: "v2"', f"If-Modified-Since: {date(-2000 * HOUR)}"):
        assert fetch(there, "/", field).body == b"one", field
    got = fetch(there, "/", 'If-None-Match: "v2"', f"If-Modified-Since: {date()}")
    assert got.body == b"one", "If-None-Match alone decides where both are given"
    assert len(there.requests) == 1


def test_a_condition_on_a_miss_is_the_origins_to_answer(limpid, origin, fetch):
    there = origin(answer(reply(status="304 Not Modified", length=False)), )
    assert fetch(there, "/", 'If-None-Match: "v1"').status == 304
    assert there.requests[0].get("If-None-Match") == '"v1"'


@pytest.mark.parametrize("validator, condition", [('ETag: "v1"', "If-None-Match"), ('ETag: W/"v1"', "If-None-Match"),
                                                  ("Last-Modified: Thu, 01 Jan 2015 00:00:00 GMT", "If-Modified-Since")])
def test_what_is_stale_is_revalidated(limpid, origin, fetch, validator, condition):
    unchanged = reply(b"", validator, "Cache-Control: max-age=60", "X-New: yes", status="304 Not Modified", length=False)
    there = origin(answer(reply("one", validator, "Cache-Control: max-age=0"), unchanged))
    fetch(there)
    second = fetch(there)
    assert there.requests[1].get(condition) == validator.split(": ", 1)[1]
    assert (second.status, second.body, second.get("X-New")) == (200, b"one", "yes")
    third = fetch(there)
    assert third.hit and third.body == b"one" and third.get("X-New") == "yes", "the 304 has made it fresh again"
    assert len(there.requests) == 2


def test_a_revalidation_that_finds_it_changed(limpid, origin, fetch):
    there = origin(answer(reply("one", 'ETag: "v1"', "Cache-Control: max-age=0"), reply("two", 'ETag: "v2"', "Cache-Control: max-age=60")))
    assert fetch(there).body == b"one"
    assert fetch(there).body == b"two"
    third = fetch(there)
    assert third.hit and third.body == b"two"


def test_a_client_with_the_same_validator_gets_304_from_a_revalidation(limpid, origin, fetch):
    there = origin(answer(reply("one", 'ETag: "v1"', "Cache-Control: max-age=0"),
                          reply(b"", 'ETag: "v1"', status="304 Not Modified", length=False)))
    fetch(there)
    assert fetch(there, "/", 'If-None-Match: "v1"').status == 304


def test_an_origin_that_fails_a_revalidation_is_believed(limpid, origin, fetch):
    there = origin(answer(reply("one", 'ETag: "v1"', "Cache-Control: max-age=0"), reply("broken", status="503 Busy")))
    fetch(there)
    assert fetch(there).status in (503, 200)


# ---- variants, methods, keys

def test_vary_keeps_variants_apart(lab, limpid, origin, fetch):
    there = origin(answer(lambda request: reply(request.get("Accept-Language", "none"), "Vary: Accept-Language", "Cache-Control: max-age=60")))
    for language in ("en", "de", "en", "de"):
        assert fetch(there, "/", f"Accept-Language: {language}", client=lab.client).body == language.encode()
    assert fetch(there).body == b"none"
    assert fetch(there, "/", "accept-language: de", client=lab.other_client).hit
    assert len(there.requests) == 3


def test_a_default_without_vary_hides_no_better_one(limpid, origin, fetch):
    """RFC 9111 §4.1"""
    def play(request):
        language = request.get("Accept-Language")
        return reply(language or "default", "Cache-Control: max-age=60", *(["Vary: Accept-Language"] if language else []))

    there = origin(answer(play))
    assert [fetch(there, "/", *fields).body for fields in (["Accept-Language: de"], [], ["Accept-Language: de"], [])] == [
        b"de", b"default", b"de", b"default"]
    assert len(there.requests) == 2


def test_a_variant_that_is_no_longer_one_is_replaced(limpid, origin, fetch):
    """Else it would be found before its replacement, and be stale for ever."""
    there = origin(answer(reply("one", "Cache-Control: max-age=0", "Vary: Accept-Language"), reply("two", "Cache-Control: max-age=60")))
    assert [fetch(there, "/", "Accept-Language: de").body for _ in range(3)] == [b"one", b"two", b"two"]
    assert len(there.requests) == 2


def test_head_is_answered_from_a_stored_get(limpid, origin, fetch):
    there = origin(answer(reply("one", "Cache-Control: max-age=60", 'ETag: "v1"')))
    fetch(there)
    got = fetch(there, method="HEAD")
    assert got.hit and got.body == b"" and got.get("Content-Length") == "3" and got.get("ETag") == '"v1"'
    assert len(there.requests) == 1


def test_a_cold_head_is_asked_as_head_and_poisons_nothing(limpid, origin, connect):
    there = origin(answer(lambda request: reply("one", "Cache-Control: max-age=60") if request.method == "GET"
                          else b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 3\r\n\r\n"))
    wire = connect(there)
    head = wire.ask(get(there.host, method="HEAD"))
    assert (head.status, head.get("Content-Length")) == (200, "3")
    assert wire.ask(get(there.host)).body == b"one"


@pytest.mark.parametrize("etag, length, fresh", [('"1"', 3, True), ('"2"', 3, False), ('"1"', 4, False)])
def test_a_head_freshens_or_forgets(limpid, origin, fetch, etag, length, fresh):
    """RFC 9111 §4.3.5: what the reply to a HEAD says of the stored response counts."""
    def play(request):
        if request.method == "HEAD":
            return f'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nETag: {etag}\r\nContent-Length: {length}\r\n\r\n'.encode()
        return reply("one", "Cache-Control: max-age=60", 'ETag: "1"', *(["Age: 100"] if len(there.requests) == 1 else []))

    there = origin(answer(play))
    assert fetch(there).body == b"one"
    assert fetch(there, method="HEAD").status == 200
    got = fetch(there)
    assert got.body == b"one" and bool(got.hit) == fresh
    assert there.requests[-1].get("If-None-Match") is None or fresh


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "BREW"])
def test_an_unsafe_method_passes_and_invalidates(limpid, origin, fetch, method):
    there = origin(answer(lambda request: reply(f"{request.method}-{len(there.requests)}", "Cache-Control: max-age=60")))
    assert fetch(there).body == b"GET-1"
    assert fetch(there, method=method).body == f"{method}-2".encode()
    assert fetch(there).body == b"GET-3"


def test_an_unsafe_method_that_fails_invalidates_nothing(limpid, origin, fetch):
    there = origin(answer(lambda request: reply("x", "Cache-Control: max-age=60", status="200 OK" if request.method == "GET" else "403 No")))
    fetch(there)
    assert fetch(there, method="POST").status == 403
    assert fetch(there).hit


def test_two_destinations_share_nothing(limpid, origin, fetch, connect):
    """No pair of host and address is bound yet: the address is part of the key."""
    one, other = origin(answer(reply("one", "Cache-Control: max-age=60"))), origin(answer(reply("other", "Cache-Control: max-age=60")))
    for there, body in ((one, b"one"), (other, b"other")):
        assert connect(there).ask(get("name.test")).body == body


def test_a_hit_says_what_it_is(limpid, origin, fetch):
    there = origin(answer(reply("one", "Cache-Control: max-age=60", f"Date: {date(-5)}")))
    first, second = fetch(there), fetch(there)
    assert re.match(r"\S+;\s*fwd=", first.get("Cache-Status"))
    assert re.match(r"\S+;\s*hit\b", second.get("Cache-Status"))
    for got in (first, second):
        assert f'key="http://{there.host}:80/"' in got.get("Cache-Status")
    assert first.get("Age") is None and second.get("Date") == first.get("Date") and int(second.get("Age")) >= 5
