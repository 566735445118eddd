"""What a response says of itself, however it is written, and whether it then answers the next request: a table of fields for each
rule of RFC 9111 §3, §4.2, §5.1, §5.2.2, §5.3 and RFC 9110 §15, and one of what requests say (§5.2.1). Each row is two requests; @ and
seconds stand for a date, counted from the time of the test."""

import pytest

from lab.origin import answer
from lab.wire import get, reply
from test_first import HOUR, date, dated

DAY = 24 * HOUR


def answers_twice(origin, fetch, fields, first=(), then=(), status="200 OK"):
    """Whether what came of the first request answers the second one as well."""
    there = origin(answer(reply("one", *dated(fields), status=status), reply("two")))
    fetch(there, "/", *first)
    again = fetch(there, "/", *then)
    reused = len(there.requests) == 1
    assert again.body == (b"two" if not reused else b"" if status.startswith("204") else b"one")
    return reused


REUSED = [
    ["Cache-Control: max-age=3600"],
    ["cache-control: MaX-aGe=3600"],
    ['Cache-Control: max-age="3600"'],
    ["Cache-Control: max-age=003600"],
    ["Cache-Control: max-age=2147483648"],
    ["Cache-Control: max-age=99999999999999999999"],
    ["Cache-Control: a, b=c,max-age=3600 ,,d"],
    ["Cache-Control: a", "Cache-Control: max-age=3600"],
    ["Cache-Control: max-age=3600, max-age=1", "Age: 2"],
    ["Cache-Control: s-maxage=3600, max-age=0"],
    ["Cache-Control: s-maxage=3600", "Expires: 0"],
    ["Cache-Control: max-age=3600", "Expires: 0"],
    ["Cache-Control: max-age=3600", "Pragma: no-cache"],
    ["Cache-Control: max-age=3600, must-understand, no-store"],
    ["Cache-Control: max-age=3600, must-revalidate, proxy-revalidate, no-transform, immutable, public"],
    ['Cache-Control: max-age=3600, private="a", no-cache="b"'],
    ['Cache-Control: a="b, no-store", max-age=3600'],
    ['Cache-Control: a="\\", no-store", max-age=3600'],
    ["Cache-Control: max-age=3600", "CDN-Cache-Control: no-store"],
    ["Cache-Control: max-age=3600", "Age: 1800"],
    ["Cache-Control: max-age=3600", "Age: 0, 7200"],
    ["Cache-Control: max-age=3600", "Age: 0", "Age: 7200"],
    ["Cache-Control: max-age=3600", "Age: -7200"],
    ["Cache-Control: max-age=3600", "Age: 7200s"],
    ["Cache-Control: max-age=3600", "Age: "],
    ["Cache-Control: max-age=3600", "Date: @-1800"],
    ["Cache-Control: max-age=3600", "Date: @+86400"],
    ["Cache-Control: max-age=3600", "Date: now"],
    ["Expires: @+3600"],
    ["Expires: @+3600", "Date: now"],
    ["Expires: @+3600", "Expires: 0"],
    ["Expires: thu, 18 AUG 2050 02:01:18 gmt"],
    ["Expires: Thursday, 18-Aug-50 02:01:18 GMT"],
    ["Expires: Thu Aug  8 02:01:18 2050"],
    ["Expires: Sun, 21 Nov 2300 04:46:39 GMT"],
    ["Last-Modified: @-8640000"],
    ["Last-Modified: @-8640000", "Cache-Control: a"],
    ["Cache-Control: max-age=3600", "Vary: a"],
    ["Cache-Control: max-age=3600", "Vary: "],
]
NOT_REUSED = [
    [],
    ['ETag: "a"'],
    ["Cache-Control: max-age=0"],
    ["Cache-Control: max-age=-3600"],
    ["Cache-Control: max-age"],
    ["Cache-Control: max-age="],
    ["Cache-Control: max-age=x"],
    ["Cache-Control: max-age=3600x"],
    ["Cache-Control: max-age=3600.0"],
    ["Cache-Control: max-age='3600'"],
    ["Cache-Control: max-age =3600"],
    ["Cache-Control: max-age= 3600"],
    ["Cache-Control: x;max-age=3600"],
    ['Cache-Control: "max-age=3600"'],
    ['Cache-Control: a="max-age=3600"'],
    ["Cache-Control: max-age=1, max-age=3600", "Age: 2"],
    ["Cache-Control: max-age=3600, s-maxage=0"],
    ["Cache-Control: max-age=3600, s-maxage=x"],
    ["Cache-Control: max-age=0", "Expires: @+3600"],
    ["Cache-Control: max-age=3600, No-Store"],
    ["Cache-Control: max-age=3600, no-cache"],
    ["Cache-Control: max-age=3600, private"],
    ["Cache-Control: max-age=3600", "Cache-Control: no-store"],
    ["CDN-Cache-Control: max-age=3600"],
    ["Surrogate-Control: max-age=3600"],
    ["Cache-Control: max-age=3600", "Age: 3600"],
    ["Cache-Control: max-age=3600", "Age: 7200, 0"],
    ["Cache-Control: max-age=3600", "Age: 7200", "Age: 0"],
    ["Cache-Control: max-age=3600", "Age: 99999999999999999999"],
    ["Cache-Control: s-maxage=3600", "Age: 7200"],
    ["Cache-Control: max-age=3600", "Date: @-7200"],
    ["Expires: @-3600"],
    ["Expires: @+0", "Date: @+0"],
    ["Expires: @+3600", "Date: @+7200"],
    ["Expires: @+3600", "Date: @+0", "Age: 7200"],
    ["Expires: 0", "Expires: @+3600"],
    ["Expires: 0", "Last-Modified: @-8640000"],
    ["Expires: "],
    ["Expires: 2050-08-18T02:01:18Z"],
    ["Expires: Thu, 18 Aug 2050 25:01:18 GMT"],
    ["Expires: Thu, 18 Aug 2050 02:01:18 AEST"],
    ["Expires: Thu, 18 Aug 2050 02:01:18"],
    ["Last-Modified: @+86400"],
    ["Last-Modified: @-8640000", f"Age: {11 * DAY}"],
    ["Cache-Control: max-age=3600", "Vary: *"],
    ["Cache-Control: max-age=3600", "Vary: a, *"],
    ["Cache-Control: max-age=3600", "Vary: a", "Vary: *"],
]


@pytest.mark.parametrize("fields", REUSED, ids=str)
def test_a_response_that_answers_again(limpid, origin, fetch, fields):
    assert answers_twice(origin, fetch, fields)


@pytest.mark.parametrize("fields", NOT_REUSED, ids=str)
def test_a_response_that_does_not(limpid, origin, fetch, fields):
    assert not answers_twice(origin, fetch, fields)


STATUSES = [200, 203, 204, 299, 300, 301, 302, 303, 307, 308, 400, 404, 405, 410, 414, 451, 499, 500, 501, 502, 503, 504, 599]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("said", ["Cache-Control: max-age=3600", "Cache-Control: s-maxage=3600", "Expires: @+3600"])
def test_any_final_status_with_explicit_freshness(limpid, origin, fetch, status, said):
    assert answers_twice(origin, fetch, [said], status=f"{status} Whatever")


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("public", [False, True])
def test_heuristic_freshness_is_for_some_statuses_and_for_what_is_public(limpid, origin, fetch, status, public):
    """RFC 9110 §15.1, RFC 9111 §4.2.2"""
    fields = [f"Last-Modified: {date(-100 * DAY)}", *(["Cache-Control: public"] if public else [])]
    allowed = public or status in (200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501)
    assert answers_twice(origin, fetch, fields, status=f"{status} Whatever") == allowed


@pytest.mark.parametrize("no_store", ["", ", no-store"])
def test_a_status_that_must_be_understood_and_is_not(limpid, origin, fetch, no_store):
    assert not answers_twice(origin, fetch, ["Cache-Control: max-age=3600, must-understand" + no_store], status="599 Whatever")


@pytest.mark.parametrize("said, stored", [("max-age=60", False), ("max-age=60, public", True), ("max-age=60, must-revalidate", True),
                                          ("s-maxage=60", True), ("max-age=60, no-cache", False)])
def test_authorization(limpid, origin, fetch, said, stored):
    """RFC 9111 §3.5"""
    who = ["Authorization: Basic eDp5"]
    assert answers_twice(origin, fetch, [f"Cache-Control: {said}"], first=who, then=who) == stored


@pytest.mark.parametrize("said, asked, reused", [
    ([], "Cache-Control: max-age=0", False),
    (["Age: 30"], "Cache-Control: max-age=60", True),
    (["Age: 90"], "Cache-Control: max-age=60", False),
    (["Age: 90"], 'Cache-Control: max-age="60"', False),
    ([], "Cache-Control: min-fresh=3000", True),
    (["Age: 1000"], "Cache-Control: min-fresh=3000", False),
    ([], "Cache-Control: no-cache", False),
    ([], "Cache-Control: max-age=60, no-cache", False),
    ([], "Pragma: no-cache", False),
    ([], "Pragma: no-cache\r\nCache-Control: a", True),
    ([], "Pragma: a", True),
    ([], "Cache-Control: only-if-cached", True),
    ([], "Cache-Control: private, public, a=b", True),
    (["Age: 4000"], "Cache-Control: max-stale", True),
    (["Age: 4000"], "Cache-Control: max-stale=1000", True),
    (["Age: 4000"], "Cache-Control: max-stale=100", False),
    (["Age: 4000"], "Cache-Control: max-stale=x", False),
    (["Age: 4000", "Cache-Control: must-revalidate"], "Cache-Control: max-stale", False),
    (["Age: 4000", "Cache-Control: proxy-revalidate"], "Cache-Control: max-stale", False),
    (["Age: 4000", "Cache-Control: s-maxage=3600"], "Cache-Control: max-stale", False),
    (["Age: 4000", "Cache-Control: no-cache", 'ETag: "a"'], "Cache-Control: max-stale", False),
], ids=str)
def test_what_the_client_says(limpid, origin, fetch, said, asked, reused):
    assert answers_twice(origin, fetch, ["Cache-Control: max-age=3600", *said], then=[asked]) == reused


def test_a_limit_of_the_origins_on_stale_replies_holds_where_it_is_gone_too(limpid, origin, connect):
    """RFC 5861 §4"""
    def once(connection):
        connection.request()
        connection.send(reply("old", "Cache-Control: max-age=10, stale-if-error=5", "Age: 20", 'ETag: "a"', "Connection: close"))
        connection.close()

    def gone(connection):
        connection.request()
        connection.close()

    there = origin(once, gone)
    assert connect(there).ask(get(there.host)).body == b"old"
    assert connect(there).ask(get(there.host)).status == 502


def test_a_condition_on_any_success(limpid, origin, fetch):
    """RFC 9110 §13.2.1"""
    for status, told in ((203, 304), (299, 304), (404, 404)):
        there = origin(answer(reply("one", "Cache-Control: max-age=3600", 'ETag: "a"', status=f"{status} Whatever")))
        fetch(there)
        assert fetch(there, "/", 'If-None-Match: "a"').status == told and len(there.requests) == 1


def test_trailer_is_kept_where_the_trailers_are_not(limpid, origin, fetch):
    """RFC 9110 §6.6.2"""
    there = origin(answer(reply("one", "Cache-Control: max-age=3600", "Trailer: a")))
    assert [fetch(there).get("Trailer") for _ in range(2)] == ["a", "a"] and len(there.requests) == 1
