"""`limpid why`: what is stored under a URL, and the verdict on a request for it with the rule that decides."""

import json

import pytest

from lab import wait
from lab.origin import answer
from lab.wire import get, reply


def why(limpid, there, path="/", *fields, host=None):
    options = [word for field in fields for word in ("-H", field)]
    return json.loads(limpid.command("why", f"http://{host or there.host}{path}", "--json", *options))


def stored_under(limpid, there, *fields, count=1, **more):
    """What is stored, once the writer has committed it."""
    def listed():
        found = why(limpid, there, "/", *fields, **more)["stored"]
        return found if len(found) >= count else None

    return wait.eventually(listed, f"{count} stored responses")


def verdict(limpid, there, *fields):
    (stored,) = stored_under(limpid, there, *fields)
    return stored["verdict"]


def test_nothing_is_stored(limpid, origin):
    there = origin()
    assert why(limpid, there)["stored"] == []
    assert "Nothing is stored" in limpid.command("why", f"http://{there.host}/")


def test_what_is_stored_and_that_it_would_be_reused(limpid, origin, fetch):
    there = origin(answer(reply("hello", "Cache-Control: max-age=600", 'ETag: "v1"', "Age: 60")))
    fetch(there)
    (stored,) = stored_under(limpid, there)
    assert "address" not in stored and stored["key"].endswith(":80/"), "its own address as a host binds it"
    assert (stored["status"], stored["bytes"], stored["length"], stored["lifetime"]) == (200, 5, 5, 600)
    assert 60 <= stored["age"] < 120 and stored["age"] + stored["left"] == 600
    assert stored["etag"] == '"v1"' and stored["cache_control"] == "max-age=600" and not stored["heuristic"]
    assert stored["verdict"] == {"use": "reused", "rfc": "RFC 9111 §4.2"}
    assert "answers as it is, fresh (RFC 9111 §4.2)" in limpid.command("why", f"http://{there.host}/")
    assert len(there.requests) == 1 and fetch(there).hit, "asking has changed nothing"


@pytest.mark.parametrize("said, asked, use, detail, rfc", [
    ("max-age=600, no-cache", [], "validated", "no-cache", "RFC 9111 §5.2.2.4"),
    ("max-age=600", ["Cache-Control: no-cache"], "validated", "request-no-cache", "RFC 9111 §5.2.1.4"),
    ("max-age=600", ["Cache-Control: max-age=0"], "validated", "request-max-age", "RFC 9111 §5.2.1.1"),
    ("max-age=600", ["Cache-Control: min-fresh=700"], "validated", "request-min-fresh", "RFC 9111 §5.2.1.3"),
    ("max-age=0", [], "validated", "stale", "RFC 9111 §4.2.4"),
    ("max-age=0, must-revalidate", [], "validated", "must-revalidate", "RFC 9111 §5.2.2.2"),
    ("max-age=0", ["Cache-Control: max-stale"], "stale", "max-stale", "RFC 9111 §5.2.1.2"),
    ("max-age=0", ["Cache-Control: only-if-cached"], "refused", "stale", "RFC 9111 §5.2.1.7"),
    ("max-age=0, stale-while-revalidate=60", [], "validated-behind", "stale-while-revalidate", "RFC 5861 §3"),
    ("max-age=600", ['If-Match: "other"'], "validated", "precondition", "RFC 9111 §4.3.2"),
])
def test_the_verdict_and_its_paragraph(limpid, origin, fetch, said, asked, use, detail, rfc):
    there = origin(answer(reply("hello", f"Cache-Control: {said}", 'ETag: "v1"')))
    fetch(there)
    assert verdict(limpid, there, *asked) == {"use": use, "detail": detail, "rfc": rfc}


def test_each_variant_and_each_address(limpid, origin, connect):
    made = answer(lambda request: reply(request.get("Accept-Language"), "Cache-Control: max-age=600", "Vary: Accept-Language"))
    one, two = origin(made), origin(made)
    for there in (one, two):
        for language in ("de", "fr"):
            connect(there).ask(get("name.test", "/", f"Accept-Language: {language}"))
    found = stored_under(limpid, one, "Accept-Language: fr", count=4, host="name.test")
    assert {(entry["address"], entry["vary"]) for entry in found} == {(one.address, "accept-language"), (two.address, "accept-language")}
    uses = [entry["verdict"]["use"] for entry in found]
    assert sorted(uses) == ["not-selected", "not-selected", "reused", "reused"]


def test_how_much_of_a_sparse_response_is_there(limpid, origin, fetch):
    body = bytes(range(256)) * 4096
    there = origin(answer(lambda request: reply(body[65504:131008], 'ETag: "v1"', "Cache-Control: max-age=600",
                                                f"Content-Range: bytes 65504-131007/{len(body)}", status="206 Partial Content")))
    assert fetch(there, "/", "Range: bytes=70000-80000").status == 206
    assert fetch(there, "/", "Range: bytes=70000-80000").hit
    (stored,) = stored_under(limpid, there)
    assert stored["sparse"] and (stored["bytes"], stored["length"]) == (65504, len(body))


@pytest.mark.parametrize("tag, use", [(None, "incomplete"), ('ETag: "v1"', "reused")])
def test_a_part_that_cannot_be_completed(limpid, origin, fetch, tag, use):
    part = reply("23456", "Cache-Control: max-age=600", "Content-Range: bytes 2-6/10", *([tag] if tag else []), status="206 Partial Content")
    there = origin(answer(part, reply("0123456789")))
    assert fetch(there, "/", "Range: bytes=2-6").status == 206
    for asked, fits in (("bytes=3-5", True), ("bytes=2-6", True), ("bytes=1-5", False), ("bytes=3-7", False), (None, False)):
        said = verdict(limpid, there, *([f"Range: {asked}"] if asked else []))
        assert said["use"] == ("reused" if fits else use), asked
        if said["use"] == "incomplete":
            assert said["rfc"] == "RFC 9111 §3.3"
    got = fetch(there)
    assert got.body == b"0123456789" and "fwd=partial" in got.get("Cache-Status")


@pytest.mark.parametrize("field, detail, rfc", [
    ("X-Forwarded-Host: a", "unkeyed-field", None),
    ("Authorization: NTLM a", "connection-authentication", "RFC 9110 §11.7.1"),
    ("Content-Length: 5", "body", "RFC 9110 §9.3.1"),
])
def test_a_request_that_is_not_looked_up(limpid, origin, field, detail, rfc):
    there = origin()
    assert why(limpid, there, "/", field)["request"] == {"looked_up": False, "detail": detail, **({"rfc": rfc} if rfc else {})}


@pytest.mark.parametrize("field", ["no field", "A: b\r\nC: d", "Host: b", "A: " + "x" * 70000])
def test_what_makes_no_sense_is_refused_in_one_line(limpid, field):
    said = limpid.command("why", "http://a/", "-H", field, code=1)
    assert said.startswith("limpid: ") and said.count("\n") == 1


@pytest.mark.parametrize("url", ["ftp://a/", "http://a/b c"])
def test_what_is_no_url_is_a_wrong_command_line(limpid, url):
    said = limpid.command("why", url, code=2).splitlines()
    assert said[0].startswith(f"limpid why: '{url}': ") and said[1].startswith("usage: limpid why URL")
