"""Whose bytes are these? Rows H of the hostile cases: Host, key, variants."""

import json
import threading

import pytest

from lab import wait
from lab.origin import answer
from lab.verdicts import filled, only_saw, plain_origin, refused, tunnelled
from lab.wire import get, reply

SECOND = pytest.mark.parametrize("second", [False, True], ids=["first", "second"])
STORED = "Cache-Control: max-age=600"


@pytest.mark.parametrize("family", [4, 6])
def test_h1_a_forged_host_poisons_nobody(lab, limpid, origin, connect, family):
    """The attacker has a server of his own and asks it for the victim's page; others then go to the victim."""
    attacker = origin(answer(reply("poison", STORED)), family=family)
    victim = origin(answer(reply("genuine", STORED)), family=family)
    request = get("victim.test", "/login")
    for _ in range(2):
        assert connect(attacker).ask(request).body == b"poison"
    for client in lab.clients:
        assert connect(victim, client).ask(request).body == b"genuine"
    assert connect(victim, lab.other_client).ask(request).hit
    assert connect(attacker, lab.other_client).ask(request).body == b"poison", "who goes there still gets what is there"
    assert len(victim.requests) == len(attacker.requests) == 1


def test_h1_the_victims_address_as_host_at_the_attackers(lab, limpid, origin, connect):
    """A Host that is an address is bound only if it is the destination's own."""
    attacker, victim = origin(answer(reply("poison", STORED))), origin(answer(reply("genuine", STORED)))
    assert connect(attacker).ask(get(victim.host)).body == b"poison"
    assert connect(victim, lab.other_client).ask(get(victim.host)).body == b"genuine"


@SECOND
@pytest.mark.parametrize("fields", ["Host: HOST\r\nHost: HOST", "Host: HOST\r\nHost: other.test", "Host: HOST, other.test", "Host: user@HOST",
                                    "Host: user:pass@HOST", "Host: HOST/path", "Host: HO ST", "Host: HOST other", "Host: HOST:99999",
                                    "Host: HOST:x", "Host: HOST:-1", "Host: HOST#x", "Host: HOST?x", "Host: a\\b"])
def test_h2_hosts_that_are_none(limpid, origin, connect, fields, second):
    refused(plain_origin(origin), connect, f"GET /bad HTTP/1.1\r\n{fields}\r\n\r\n", (400,), second)


def test_h3_no_host_in_1_1_at_first_is_tunnelled(limpid, origin, connect):
    tunnelled(origin, connect, b"GET /odd HTTP/1.1\r\nAccept: */*\r\n\r\n")


def test_h3_no_host_in_1_1_later_is_refused(limpid, origin, connect):
    refused(plain_origin(origin), connect, b"GET /odd HTTP/1.1\r\nAccept: */*\r\n\r\n", (400,), second=True)


def test_h3_no_host_in_1_0_passes(limpid, origin, connect):
    there = origin(answer(reply("one", STORED), reply("two", STORED)))
    for body in (b"one", b"two"):
        got = connect(there).ask(b"GET /old HTTP/1.0\r\nAccept: */*\r\n\r\n")
        assert got.body == body and not got.hit
    assert there.requests[0].get("Host", there.address) in (there.address, f"{there.address}:80"), "where it was going, and no other name"


@SECOND
@pytest.mark.parametrize("target", ["http://other.test/", "https://HOST/", "ftp://HOST/", "http://user@HOST/", "http:///", "/path#fragment",
                                    "http://HOST/#fragment", "http://HOST:81/"])
def test_h4_targets_that_contradict(limpid, origin, connect, target, second):
    refused(plain_origin(origin), connect, f"GET {target} HTTP/1.1\r\nHost: HOST\r\n\r\n", (400,), second)


def test_h4_an_absolute_form_that_agrees_is_served(limpid, origin, connect):
    there = origin(answer(reply("one", STORED)))
    assert connect(there).ask(filled("GET http://HOST/x?y HTTP/1.1\r\nHost: HOST\r\n\r\n", there)).body == b"one"
    assert connect(there).ask(get(there.host, "/x?y")).hit, "the same resource"


def test_h5_a_host_with_another_port_passes(limpid, origin, connect):
    there = origin(answer(reply("one", STORED), reply("two", STORED)))
    for body in (b"one", b"two"):
        got = connect(there).ask(get(f"{there.address}:8080").replace(b"Host: [", b"Host: ").replace(b":8080]", b":8080"))
        assert got.body == body and not got.hit
    assert there.requests[0].get("Host") == f"{there.address}:8080"


def test_h5_the_port_that_was_dialled_may_be_named(limpid, origin, connect, fetch):
    there = origin(answer(reply("one", STORED)))
    connect(there).ask(filled("GET / HTTP/1.1\r\nHost: HOST:80\r\n\r\n", there))
    assert fetch(there).hit


def test_h6_paths_are_byte_exact(limpid, origin, connect):
    paths = ["/A", "/a", "/%61", "/%41", "/x/../a", "/./a", "//a", "/a?", "/a?b", "/a?b&", "/a;b", "/a%00", "/a%2f", "/a%2F", "/\xe4"]
    there = origin(answer(lambda request: reply(request.target, STORED)))
    for n in range(2):
        for path in paths:
            got = connect(there).ask(get(there.host, path))
            assert got.body == path.encode("latin-1") and got.hit == bool(n), path
    assert [request.target for request in there.requests] == paths


def test_h6_a_host_is_not_told_apart_by_its_case(limpid, origin, connect):
    there = origin(answer(reply("one", STORED)))
    connect(there).ask(get("Name.TEST"))
    assert connect(there).ask(get("name.test")).hit


@pytest.mark.parametrize("spelling", ["name.test.", "NAME.Test", "name.test:80", "name.test:00080", "name.test:", "NAME.test.:080"])
def test_h6_hosts_that_share_an_entry_are_asked_for_alike(limpid, origin, connect, spelling):
    """Servers tell them apart: what one is told, who spells it so, must not be stored for the others."""
    there = origin(answer(lambda request: reply(request.get("Host"), STORED)))
    assert connect(there).ask(f"GET / HTTP/1.1\r\nHost: {spelling}\r\n\r\n").body == b"name.test"
    got = connect(there).ask(get("name.test"))
    assert got.hit and got.body == b"name.test"


def test_h5_a_host_of_what_is_not_stored_goes_on_as_it_came(limpid, origin, connect):
    there = plain_origin(origin)
    connect(there).ask("DELETE / HTTP/1.1\r\nHost: NAME.test.:80\r\n\r\n")
    assert there.requests[0].get("Host") == "NAME.test.:80"


def test_h4_a_host_that_only_the_target_names_is_asked_for(limpid, origin, connect):
    """In HTTP/1.0: without it the server would answer for whichever host is its first, under the key of the one named."""
    there = origin(answer(lambda request: reply(request.get("Host"), STORED)))
    assert connect(there).ask(b"GET http://name.test/x HTTP/1.0\r\n\r\n").body == b"name.test"
    assert connect(there).ask(get("name.test", "/x")).hit
    assert [request.all("Host") for request in there.requests] == [["name.test"]]


@SECOND
@pytest.mark.parametrize("names", ["Host", "close, host", "Content-Length", "Transfer-Encoding", "content-length, Cookie"])
def test_h7_connection_may_not_name_framing(limpid, origin, connect, names, second):
    refused(plain_origin(origin), connect, f"POST /bad HTTP/1.1\r\nHost: HOST\r\nConnection: {names}\r\nContent-Length: 5\r\n\r\n12345", (400,), second)


@pytest.mark.parametrize("fields", [("Connection: Authorization", "Authorization: Basic eDp5"), ("Connection: Cache-Control", "Cache-Control: no-store")])
def test_h7_what_connection_names_is_decided_on_before_it_is_stripped(limpid, origin, fetch, fields):
    there = origin(answer(reply("one", STORED), reply("two", STORED)))
    fetch(there, "/", *fields)
    assert not there.requests[0].all(fields[0].split()[1]), "it is hop-by-hop, as its sender said"
    assert fetch(there).body == b"two", "and yet it forbade storing"


def test_h7_a_response_cannot_hide_its_no_store(limpid, origin, fetch):
    there = origin(answer(reply("one", "Cache-Control: no-store", "Connection: Cache-Control"), reply("two")))
    fetch(there)
    assert fetch(there).body == b"two"


@pytest.mark.parametrize("vary", ["*", "Accept, *", "Accept Language", "(", ",;,", "Accept\x01"])
def test_h8_vary_that_cannot_be_met(limpid, origin, fetch, vary):
    there = origin(answer(reply("one", STORED, f"Vary: {vary}"), reply("two")))
    fetch(there)
    assert b"one" not in [fetch(there).body] or vary.endswith("\x01")


def test_h8_variants_are_capped_and_the_oldest_goes(limpid, origin, connect):
    there = origin(answer(lambda request: reply(request.get("X-Variant", ""), STORED, "Vary: X-Variant")))
    wire, most = connect(there), 2000
    for n in range(most):
        assert wire.ask(get(there.host, "/v", f"X-Variant: {n}")).body == str(n).encode()
    assert wire.ask(get(there.host, "/v", f"X-Variant: {most - 1}")).hit, "the newest is there"
    assert not wire.ask(get(there.host, "/v", "X-Variant: 0")).hit, "the oldest is not"


def test_h9_nothing_of_the_forwarding_kind_is_added(limpid, origin, fetch):
    there = origin()
    fetch(there)
    names = {name.lower() for name, _ in there.requests[0].fields}
    assert names == {"host"}


ROUTING = ["X-Forwarded-Host: evil.test", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: https", "X-Forwarded-Scheme: nothttps", "Forwarded: host=evil.test",
           "X-Original-URL: /admin", "X-Rewrite-URL: /admin", "X-HTTP-Method-Override: POST", "X-Host: evil.test", "X-Original-Host: evil.test",
           "X-HTTP-Host-Override: evil.test", "X-HTTP-Method: DELETE", "X-Method-Override: PUT", "X-Scheme: https", "X-URL-Scheme: https"]


@pytest.mark.parametrize("field", ROUTING)
def test_h11_fields_that_route_without_being_keyed_pass(limpid, origin, fetch, field):
    name, value = field.split(": ")
    there = origin(answer(lambda request: reply(request.get(name, "plain"), STORED)))
    got = fetch(there, "/", field)
    assert got.body == value.encode() and not got.hit, "sent on as it was"
    assert fetch(there).body == b"plain", "and not stored for the others"
    got = fetch(there, "/", field)
    assert got.body == value.encode(), "nor answered from what is stored"


@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate"])
@pytest.mark.parametrize("where", ["request", "response"])
def test_h12_a_connection_that_was_authenticated_belongs_to_one_client(lab, limpid, origin, connect, scheme, where):
    """Authentication is the connection's: another client, or another connection of this one, must never be let into it."""
    def play(connection):
        known = False
        while True:
            request = connection.request()
            token = request.get("Authorization", "")
            if token.startswith(scheme):
                known = True
            if where == "response" and request.target == "/challenge":
                connection.send(reply("who?", f"WWW-Authenticate: {scheme} abc", status="401 Unauthorized"))
                known = True
            else:
                connection.send(reply("secret" if known else "public", STORED))

    there = origin(play)
    wire = connect(there)
    if where == "request":
        assert wire.ask(get(there.host, "/login", f"Authorization: {scheme} TlRMTVNTUAAB")).body == b"secret"
    else:
        assert wire.ask(get(there.host, "/challenge")).status == 401
    for n in range(3):
        assert wire.ask(get(there.host, f"/page{n}")).body == b"secret", "the same upstream connection for life"
    for client in lab.clients:
        for n in range(3):
            assert connect(there, client).ask(get(there.host, f"/page{n}")).body == b"public"
    wire.close()
    assert there.connection(1).over.wait(wait.DEADLINE), "it ends with its client, and is not pooled"
    assert connect(there).ask(get(there.host, "/after")).body == b"public"


@pytest.mark.parametrize("own", [False, True], ids=["ours", "its-own"])
def test_h12_a_304_that_authenticates_the_connection_confirms_nothing_that_is_stored(lab, limpid, origin, connect, own):
    """The question was ours, the answer is one client's. He gets one that is for him, over a connection that is his."""
    def play(connection):
        while True:
            request = connection.request()
            if request.get("If-None-Match") == '"mine"':
                connection.send(reply("", "WWW-Authenticate: Negotiate abc", 'ETag: "mine"', status="304 Not Modified"))
            elif request.get("If-None-Match"):
                connection.send(reply("", *challenge, STORED, 'ETag: "1"', status="304 Not Modified"))
            else:
                connection.send(reply("public" if not challenge else "his", "Cache-Control: no-cache", *challenge, 'ETag: "1"'))

    challenge, there = [], origin(play)
    assert connect(there).ask(get(there.host)).body == b"public"
    challenge = ["WWW-Authenticate: Negotiate abc"]
    wire = connect(there)
    got = wire.ask(get(there.host, "/", *(['If-None-Match: "mine"'] if own else [])))
    assert (got.status, got.body) == ((304, b"") if own else (200, b"his")) and got.get("WWW-Authenticate") == "Negotiate abc"
    assert [request.get("If-None-Match") for request in there.requests[1:]] == ['"1"', '"mine"' if own else None]
    assert wire.ask(get(there.host, "/other")).body == b"his"
    assert [request.target for request in there.connections[-1].requests] == ["/", "/other"], "the same connection for life"
    challenge = []
    got = connect(there, lab.other_client).ask(get(there.host))
    assert got.body == b"public" and got.get("WWW-Authenticate") is None


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_h13_a_forged_request_invalidates_nothing_that_others_read(lab, limpid, origin, connect, method):
    attacker, victim = origin(), origin(answer(reply("genuine", STORED)))
    assert connect(victim).ask(get("victim.test")).body == b"genuine"
    assert connect(attacker).ask(get("victim.test", method=method)).status == 200
    assert connect(victim, lab.other_client).ask(get("victim.test")).hit
    assert len(victim.requests) == 1


@pytest.mark.parametrize("field", ["Location", "Content-Location"])
@pytest.mark.parametrize("reference", ["/made?n=1", "made?n=1", "http://HOST/made?n=1", "//HOST:80/made?n=1#part"])
def test_what_the_reply_names_is_invalidated(limpid, origin, fetch, field, reference):
    def play(request):
        if request.method == "POST":
            return reply("done", f"{field}: {reference.replace('HOST', there.host)}", status="201 Created")
        return reply("page", STORED)

    there = origin(answer(play))
    for path in ("/made?n=1", "/made?n=2"):
        fetch(there, path)
        assert fetch(there, path).hit
    assert fetch(there, "/make", method="POST").status == 201
    assert not fetch(there, "/made?n=1").hit and fetch(there, "/made?n=2").hit


@pytest.mark.parametrize("fields, status", [(["Cache-Control: no-cache"], "200 OK"), (["Range: bytes=0-2"], "206 Partial Content"), ([], "200 OK")])
@pytest.mark.parametrize("how", ["post", "purge"])
def test_what_was_asked_for_before_an_invalidation_is_not_stored_after_it(limpid, origin, connect, fetch, fields, status, how):
    """It may be what was there before. Also where nobody else could have waited for it."""
    go = threading.Event()

    def script(connection):
        connection.request()
        connection.wait(go)
        connection.send(reply("old", STORED, 'ETag: "1"', *(["Content-Range: bytes 0-2/3"] if "206" in status else []), status=status))
        connection.close()

    there = origin(script, answer(lambda request: reply("new", STORED, 'ETag: "2"')))
    first = connect(there)
    first.send(get(there.host, "/page", *fields))
    wait.eventually(lambda: there.requests, "the first request")
    if how == "post":
        assert fetch(there, "/page", method="POST").status == 200
    else:
        limpid.command("purge", f"http://{there.host}/page")
    go.set()
    assert first.response().body == b"old"
    assert fetch(there, "/page").body == b"new"


@pytest.mark.parametrize("location", ["Location", "Content-Location"])
def test_h13_a_response_invalidates_no_other_host(lab, limpid, origin, connect, location):
    attacker, victim = origin(answer(reply("x", f"{location}: http://victim.test/"))), origin(answer(reply("genuine", STORED)))
    connect(victim).ask(get("victim.test"))
    connect(attacker).ask(get("evil.test", method="POST"))
    assert connect(victim, lab.other_client).ask(get("victim.test")).hit


def test_h10_an_error_reply_echoes_nothing(limpid, origin, connect):
    there = origin()
    got = refused(there, connect, "GET /<script>alert(1)</script>?password=hunter2 HTTP/1.1\r\nHost: user:hunter3@HOST\r\n\r\n")
    for text in (b"script", b"hunter2", b"hunter3", there.host.encode()):
        assert text not in got.raw + got.body


def test_h10_a_gateway_error_echoes_nothing(limpid_with, origin, fetch):
    limpid_with(origin={"idle_timeout": "1s"})
    there = origin(lambda connection: connection.request())
    got = fetch(there, "/<script>alert(1)</script>?password=hunter2", "Cookie: hunter3")
    assert got.status == 504 and b"Limpid" in got.body
    for text in (b"script", b"hunter2", b"hunter3", there.host.encode()):
        assert text not in got.raw + got.body


def test_h10_the_summary_holds_only_harmless_hosts(lab, limpid, origin, connect):
    there = origin()
    connect(there).ask(get("evil.test", "/<script>"))
    text = lab.gateway.run("curl", "-sS", "http://127.0.0.1:8080/api/v1/summary")
    json.loads(text)
    assert "<script>" not in text
