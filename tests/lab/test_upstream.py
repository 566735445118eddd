"""Origins that refuse, are silent, cut and forget: what the client learns of it, and when."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from lab import wait
from lab.limpid import sanitized
from lab.origin import answer
from lab.wire import Closed, get, reply
from test_gateway import intercepted, was_intercepted

STORED = "Cache-Control: max-age=600"


def came_direct(limpid, connect, address, request):
    """Whether this exchange went past Limpid: no Cache-Status, no Via, and nothing in its counters."""
    got = connect(address).ask(request)
    return got.get("Cache-Status") is None and got.get("Via") is None


def unread(space, there):
    """Bytes that are not yet read, of each established connection with this origin."""
    lines = space.run("ss", "-Hnt", "state", "established").splitlines()
    return [int(line.split()[0]) for line in lines if there.address in line]


@contextlib.contextmanager
def stopped(limpid):
    proxy = limpid.proxy()
    os.kill(proxy, signal.SIGSTOP)
    try:  # the signal has been sent: each thread stops when it next runs
        wait.eventually(lambda: all(stat.read_text().rpartition(")")[2].split()[0] == "T" for stat in Path(f"/proc/{proxy}/task").glob("*/stat")),
                        "all its threads to stand still")
        yield
    finally:
        os.kill(proxy, signal.SIGCONT)


@pytest.mark.parametrize("family", [4, 6])
def test_a_destination_that_refuses(lab, limpid, origin, connect, family):
    """The first client is reset, as near to the truth as can be; from then on connections go direct, and are refused by whom
    they dial."""
    address = lab.fresh_address(family)
    failures = limpid.stats()["upstream_failures"]
    wire = connect(address)
    wire.send(get(address))
    assert wire.read_all() == b"" and wire.end == "reset"
    limpid.counter("upstream_failures", 1, above=failures)

    def direct():
        try:
            lab.client.connect(address).close()
            return False
        except ConnectionRefusedError:
            return True

    assert wait.eventually(direct, "the next connection to be refused by the destination itself")
    there = origin(address=address)
    assert came_direct(limpid, connect, address, get(there.host)), "and it stays direct for a minute"
    other = origin(family=family)
    assert not came_direct(limpid, connect, other.address, get(other.host)), "others do not"


@pytest.mark.parametrize("prefix", ["198.19.255.0/24", "2001:db8:19:ff::/64"])
def test_a_destination_that_does_not_exist(lab, limpid_with, connect, prefix):
    """No route beyond the gateway: an ICMP error comes back for the client's address, and the client learns it by that, not by
    our patience."""
    limpid_with(origin={"connect_timeout": "60s"})
    address, six = prefix.split("/")[0].rstrip("0") + "1", ":" in prefix
    forwarding = "net.ipv6.conf.all.forwarding" if six else "net.ipv4.ip_forward"
    before = lab.origin.run("sysctl", "-n", forwarding).strip()
    lab.origin.run("sysctl", "-w", f"{forwarding}=1")  # only a router sends such errors
    lab.origin.run("ip", *(["-6"] if six else []), "route", "add", "unreachable", prefix)
    try:
        wire = connect(address)
        wire.send(get(f"[{address}]" if six else address))
        assert wire.read_all() == b"" and wire.end == "reset"
    finally:
        lab.origin.run("ip", *(["-6"] if six else []), "route", "del", "unreachable", prefix)
        lab.origin.run("sysctl", "-w", f"{forwarding}={before}")


def test_a_destination_that_never_answers_the_handshake(lab, limpid_with, connect):
    limpid_with(origin={"connect_timeout": "1s"})
    lab.origin.run("ip", "route", "add", "blackhole", "198.19.254.0/24")
    try:
        wire = connect("198.19.254.1")
        wire.send(get("198.19.254.1"))
        assert wire.read_all() == b"" and wire.end == "reset"
    finally:
        lab.origin.run("ip", "route", "del", "blackhole", "198.19.254.0/24")


def test_a_silent_origin_is_504_in_bounded_time(limpid_with, origin, connect, fetch):
    limpid_with(origin={"idle_timeout": "1s"})
    there = origin(lambda c: c.request(), answer(reply("good", STORED)))
    got = fetch(there)
    assert got.status == 504 and b"Limpid" in got.body and not got.hit
    assert there.connection(1).over.wait(wait.DEADLINE)
    assert fetch(there).body == b"good", "nothing of it is stored"


def test_an_origin_that_falls_silent_in_mid_body(limpid_with, origin, connect):
    limpid_with(origin={"idle_timeout": "1s"})
    there = origin(lambda c: (c.request(), c.send(f"HTTP/1.1 200 OK\r\n{STORED}\r\nContent-Length: 100\r\n\r\nhalf")), answer(reply("good")))
    wire = connect(there)
    with pytest.raises(ConnectionError):
        wire.ask(get(there.host))
    assert there.connection(1).over.wait(wait.DEADLINE)
    assert connect(there).ask(get(there.host)).body == b"good"


def test_an_origin_that_closes_instead_of_answering(limpid, origin, connect):
    there = origin(lambda c: (c.request(), c.close()))
    got = connect(there).ask(get(there.host, "/x", "Content-Length: 1", method="POST") + b"x")
    assert got.status == 502 and b"Limpid" in got.body
    assert len(there.requests) == 1, "a POST is never sent twice"


def test_an_origin_that_resets_instead_of_answering(limpid, origin, fetch):
    there = origin(lambda c: (c.request(), c.reset()))
    got = fetch(there)
    assert got.status == 502 and b"Limpid" in got.body


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_pooled_connection_that_the_origin_closed_is_not_noticed(limpid, origin, connect, how):
    """The origin answers once and ends the connection when the next request arrives on it: asked again on a new one."""
    def once(connection):
        connection.request()
        connection.send(reply("one"))
        connection.request()
        getattr(connection, how)()

    there = origin(once, answer(reply("two")))
    wire = connect(there)
    assert wire.ask(get(there.host)).body == b"one"
    assert wire.ask(get(there.host)).body == b"two"
    assert len(there.connections) == 2


def test_an_idle_connection_that_the_origin_closed_meanwhile(limpid, origin, connect):
    there = origin(lambda c: (c.request(), c.send(reply("one")), c.close()), answer(reply("two")))
    wire = connect(there)
    assert wire.ask(get(there.host)).body == b"one"
    assert there.connection(1).over.wait(wait.DEADLINE)
    assert wire.ask(get(there.host, "/", "Content-Length: 1", method="POST") + b"x").body == b"two"


def test_a_post_on_a_dead_pooled_connection_is_not_sent_twice(limpid, origin, connect):
    """It may have been acted upon: the client learns that it failed (or it was sent on a connection of its own at once)."""
    def once(connection):
        connection.request()
        connection.send(reply("one"))
        connection.request()
        connection.close()

    there = origin(once, answer(reply("two")))
    wire = connect(there)
    assert wire.ask(get(there.host)).body == b"one"
    got = wire.ask(get(there.host, "/pay", "Content-Length: 1", method="POST") + b"x")
    assert [request.target for request in there.requests].count("/pay") == 1
    assert got.status == (200 if len(there.connections) > 1 else 502)


def test_the_origin_goes_on_after_a_refused_client(limpid, origin, connect):
    """A client's reset in mid-download harms nobody else."""
    there = origin(answer(reply(b"x" * 10_000_000, STORED)))
    for _ in range(10):
        wire = connect(there)
        wire.send(get(there.host, "/big"))
        wire.head()
        wire.reset()
    assert len(connect(there).ask(get(there.host, "/big")).body) == 10_000_000


def test_the_rest_of_a_reply_that_nobody_wants_meets_no_other_request(lab, limpid_with, origin, connect):
    """A client's reset is learnt in writing to it: more has come from the origin, whose connection is not yet at a reply's end.
    So that it is learnt so, the proxy stands still while both happen."""
    limpid = limpid_with(workers=1)  # else the other request may find another worker's connections
    more, rest, whole = threading.Event(), threading.Event(), reply(b"x" * 10_000_000, STORED)
    begun = len(whole) - 9_000_000

    def first(connection):
        connection.request()
        connection.send(whole[:begun])
        connection.wait(more)
        connection.send(whole[begun:begun + 1000])
        connection.wait(rest)
        connection.send(whole[begun + 1000:])

    there = origin(first, answer(reply("right")))
    wire = connect(there)
    wire.send(get(there.host, "/big"))
    assert wire.head().status == 200 and wire.read(1_000_000) == b"x" * 1_000_000
    with stopped(limpid):
        before = len(unread(lab.gateway, there))
        more.set()
        wait.eventually(lambda: max(unread(lab.gateway, there)) == 1000, "more to have come")
        wire.reset()
        wait.eventually(lambda: len(unread(lab.gateway, there)) == before - 1, "the reset to have come")
    other = connect(there)
    other.send(get(there.host, "/other"))
    wait.eventually(lambda: len(there.connections) == 2 or any(unread(lab.origin, there)), "the second request")
    rest.set()
    assert other.response().body == b"right"


@pytest.mark.parametrize("first, status", [(reply("one"), 200), (reply("who?", "WWW-Authenticate: NTLM", status="401 Unauthorized"), 502)],
                         ids=["pooled", "authenticated"])
def test_what_waits_on_an_idle_connection_is_not_the_next_reply(lab, limpid_with, origin, connect, first, status):
    """It comes behind the next request, and before that is read: so that its event is the second one of that turn, the proxy
    stands still while both happen (RFC 9112 §9.2). What the client has authenticated is not had anew for it."""
    limpid, unasked = limpid_with(workers=1), threading.Event()

    def speaks(connection):
        connection.request()
        connection.send(first)
        connection.wait(unasked)
        connection.send(reply("poison", STORED))

    there, other = origin(speaks, answer(reply("good"))), origin(answer(reply("other")))
    wire = connect(there)
    wire.ask(get(there.host, "/one"))
    # epoll(7) keeps what it has reported first in its list until it is next asked, which the worker has done when it serves another.
    connect(other).ask(get(other.host))
    with stopped(limpid):
        wire.send(get(there.host, "/two"))
        wait.eventually(lambda: sum(map(bool, unread(lab.gateway, there))) == 1, "the request to have come")
        unasked.set()
        wait.eventually(lambda: sum(map(bool, unread(lab.gateway, there))) == 2, "what nobody asked for to have come")
    got = wire.response()
    assert got.status == status and b"poison" not in got.body
    assert connect(there).ask(get(there.host, "/two")).body == b"good"


def test_many_connections_at_once_are_all_served(lab, limpid, origin, connect):
    there = origin(answer(reply("one")))
    wires = [connect(there, lab.clients[n % 2]) for n in range(400)]
    for n, wire in enumerate(wires):
        wire.send(get(there.host, f"/{n}"))
    assert all(wire.response().body == b"one" for wire in wires)
    assert {connection.peer for connection in there.connections} == {client.address4 for client in lab.clients}


def test_unspoofed_where_configured(lab, limpid_with, origin, fetch):
    limpid_with(origin={"spoof_client": False})
    there = origin()
    assert fetch(there).body == b"ok"
    assert there.connections[0].peer == "192.0.2.1"


@pytest.fixture
def held(lab, origin, connect):
    """An origin, and a function that holds each of the ports that there are for an address and this origin, and asks for two more."""
    name, over = "net.ipv4.ip_local_port_range", threading.Event()
    before = lab.gateway.run("sysctl", "-n", name).split()
    there = origin(*[lambda _: over.wait(60)] * 4, answer(reply("ok")))

    def hold(what):
        lab.gateway.run("sysctl", "-qw", f"{name}=40000 40003")
        wires = [connect(there) for _ in range(6)]
        for wire in wires:
            wire.send(what)

    yield there, hold
    over.set()
    lab.gateway.run("sysctl", "-qw", f"{name}={' '.join(before)}")


@pytest.mark.parametrize("kind", ["request", "tunnel"])
def test_a_client_that_has_no_port_left_is_handed_back_and_not_its_server(lab, limpid, held, kind):
    there, hold = held
    failures = limpid.stats()["upstream_failures"]
    hold(get(there.host, "/held") if kind == "request" else b"\0neither HTTP nor anything else\r\n\r\n")
    limpid.said(f"client {lab.client.address4} cannot be connected for: its new connections go direct")
    wait.eventually(lambda: intercepted(there, lab.client) is False, "the client to be handed back")
    assert was_intercepted(there, lab.other_client) is True
    assert limpid.stats()["upstream_failures"] == failures


def test_a_gateway_that_has_no_port_left_hands_the_server_back(lab, limpid_with, held):
    """With its own address, those of all clients for this server are used up."""
    limpid = limpid_with(origin={"spoof_client": False})
    there, hold = held
    hold(get(there.host, "/held"))
    limpid.said("cannot be reached: its connections go direct")
    wait.eventually(lambda: intercepted(there, lab.other_client) is False, "the server to be handed back")


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("side", ["origin", "client"])
def test_k5_a_path_mtu_smaller_than_the_interfaces(lab, far, limpid, origin, nginx, family, side):
    """One more router on the way, with a narrow route behind it. It sends its ICMP errors to the client's or the origin's
    address, whose sockets are here: without them an upload to the origin or a download from the cache would hang."""
    beyond = far(side)
    body = b"x" * 300_000
    if side == "origin":
        there = origin(answer(lambda request: reply(b"y" * len(request.body))), space=beyond, address=getattr(beyond, f"address{family}"))
        wire = lab.client.connect(there.address)
        sender = threading.Thread(target=wire.send, args=(get(there.host, "/", "Content-Length: 300000", method="POST"), body))
        sender.start()
        assert wire.response().body == b"y" * 300_000
        sender.join()
        assert there.requests[0].body == body
    else:
        there = origin(answer(reply(body, STORED)), family=family)
        for hit in (False, True):
            with beyond.connect(there.address) as wire:
                got = wire.ask(get(there.host))
                assert (got.body, got.hit) == (body, hit)
        assert there.connections[0].peer == getattr(beyond, f"address{family}")
