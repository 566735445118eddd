"""What is not understood is not broken: bytes that are no HTTP, protocols in which the server speaks first, CONNECT, upgrades.
Each goes to the original destination, as if Limpid were not there, and in the client's name."""

import os
import threading
import time

import pytest

from lab import wait
from lab.origin import answer
from lab.verdicts import plain_origin, refused, tunnelled
from lab.wire import get, reply


NO_HTTP = {"tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(256)) * 2, "ssh": b"SSH-2.0-lab\r\n", "one_byte": b"\0",
           "blank_lines": b"\r\n\r\n\0", "smtp": b"EHLO lab.test\r\n", "get_alone": b"GET\r\n\r\n", "one_line_feed": b"\n",
           "lower_case": b"get / http/1.1\r\nHost: HOST\r\n\r\n", "bittorrent": b"\x13BitTorrent protocol\0\0\0\0\0\0\0\0"}


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("case", NO_HTTP)
def test_bytes_that_are_no_http(limpid, origin, connect, case, family):
    tunnelled(origin, connect, NO_HTTP[case], family)


def test_a_tunnel_is_in_the_clients_name(lab, limpid, origin, connect):
    for client in lab.clients:
        there = origin(lambda c: (c.read(5), c.send("seen")))
        wire = connect(there, client)
        wire.send(b"\0junk")
        assert wire.read(4) == b"seen"
        assert there.connection().peer == client.address4


def test_first_bytes_that_come_one_by_one(limpid, origin, connect):
    """Whether they are a request shows late; none is lost, whatever the verdict."""
    there = origin(lambda c: (c.read_until("\n"), c.send("answer")))
    wire = connect(there)
    for byte in b"GETTING STARTED\n":
        wire.send(bytes([byte]))
    assert wire.read(6) == b"answer"
    assert bytes(there.received) == b"GETTING STARTED\n"


def test_a_request_that_comes_byte_by_byte_is_a_request(limpid, origin, connect, fetch):
    there = origin(answer(reply("one", "Cache-Control: max-age=60")))
    wire = connect(there)
    for byte in get(there.host):
        wire.send(bytes([byte]))
    assert wire.response().body == b"one"
    assert fetch(there).hit


@pytest.mark.parametrize("family", [4, 6])
def test_a_server_that_speaks_first(limpid, origin, connect, family):
    """The client waits for a banner: Limpid has nothing to read, connects for it, and steps aside when the server speaks."""
    there = origin(lambda c: (c.send("220 lab.test ESMTP\r\n"), c.read_until("\r\n"), c.send("250 hello\r\n")), family=family)
    wire = connect(there)
    assert wire.read_until("\r\n") == b"220 lab.test ESMTP\r\n"
    wire.send("EHLO me\r\n")
    assert wire.read_until("\r\n") == b"250 hello\r\n"
    assert bytes(there.received) == b"EHLO me\r\n"


def test_a_client_that_is_silent_for_long_and_then_asks(limpid, origin, connect, fetch):
    """Connected to its server meanwhile, which says nothing: its request is still a request."""
    there = origin(answer(reply("one", "Cache-Control: max-age=60")))
    wire = connect(there)
    there.connection()  # Limpid has connected for the silent client
    assert wire.ask(get(there.host)).body == b"one"
    assert fetch(there).hit


@pytest.mark.parametrize("asks", [False, True])
def test_a_client_may_be_silent_for_longer_than_its_server_is_given_to_connect(limpid_with, origin, connect, fetch, asks):
    """As browsers are that connect ahead: neither it nor its server speaks. Also where it is then served without its server."""
    limpid_with(origin={"connect_timeout": "1s"})
    there = origin(answer(reply("one", "Cache-Control: max-age=60")))
    assert fetch(there).body == b"one"
    wire = connect(there)
    there.connection(2)  # Limpid has connected for the silent client
    if asks:
        assert wire.ask(get(there.host)).hit
    with pytest.raises(wait.Late):
        wire.fill(time.monotonic() + 3)
    assert wire.ask(get(there.host)).body == b"one"


def test_a_silent_client_that_goes_takes_its_connection_along(limpid, origin, connect):
    there = origin(lambda c: None)
    wire = connect(there)
    at_origin = there.connection()
    wire.close()
    assert at_origin.over.wait(wait.DEADLINE)


def test_connect_goes_to_the_original_destination_only(limpid, origin, connect):
    """Not to the host that it names: the origin at the address dialled gets the request as it is, and decides."""
    there, elsewhere = origin(lambda c: (c.read_until("\r\n\r\n"), c.send("HTTP/1.1 200 Connected\r\n\r\n"), c.read(5), c.send("world"))), origin()
    wire = connect(there)
    request = f"CONNECT {elsewhere.host}:80 HTTP/1.1\r\nHost: {elsewhere.host}:80\r\n\r\n".encode()
    got = wire.ask(request)
    assert got.status == 200
    wire.send("hello")
    assert wire.read(5) == b"world"
    assert bytes(there.received) == request + b"hello"
    assert not elsewhere.connections


UPGRADE = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")


def test_an_upgrade_that_is_accepted(limpid, origin, connect):
    def websocket(connection):
        assert "pgrade" in connection.request().get("Connection")
        connection.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\x81\x05hello")
        connection.read(4)
        connection.send("\x82\x01z")

    there = origin(websocket)
    wire = connect(there)
    got = wire.ask(get(there.host, "/chat", *UPGRADE))
    assert (got.status, got.get("Upgrade")) == (101, "websocket")
    assert wire.read(7) == b"\x81\x05hello"
    wire.send(b"\x81\x02ab")
    assert wire.read(3) == b"\x82\x01z"


def test_m3_an_upgrade_that_is_declined(limpid, origin, connect):
    """An ordinary exchange, and so is the next one on the connection."""
    there = plain_origin(origin)
    wire = connect(there)
    assert wire.ask(get(there.host, "/chat", *UPGRADE)).body == b"fine"
    assert there.requests[0].get("Upgrade") == "websocket"
    assert wire.ask(get(there.host, "/next")).body == b"fine"


def test_upgrade_to_h2c_that_is_declined_with_a_body(limpid, origin, connect):
    there = origin(answer(lambda request: reply(request.body)))
    wire = connect(there)
    wire.send(get(there.host, "/", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABk", "Content-Length: 5", method="POST"), "hello")
    assert wire.response().body == b"hello"


def test_half_closed_by_the_client(limpid, origin, connect):
    """`printf … | nc`: the end of what is sent is not the end of what is to be received."""
    there = origin(lambda c: (c.read_all(), c.send("all of it"), c.close()))
    wire = connect(there)
    wire.send(b"\0question")
    wire.finish()
    assert wire.read_all() == b"all of it" and wire.end == "eof"


def test_half_closed_by_the_server(limpid, origin, connect):
    there = origin(lambda c: (c.read(1), c.send("bye"), c.finish(), c.read_all()))
    wire = connect(there)
    wire.send(b"\0")
    assert wire.read_all() == b"bye"
    wire.send("still here")
    wire.close()
    wait.eventually(lambda: there.received.endswith(b"still here"))


def test_a_reset_goes_through(limpid, origin, connect):
    there = origin(lambda c: (c.read(1), c.reset()))
    wire = connect(there)
    wire.send(b"\0")
    wire.read_all()
    assert wire.end == "reset"


def test_a_clients_reset_goes_through(limpid, origin, connect):
    there = origin(lambda c: (c.read(1), c.send("x")))
    wire = connect(there)
    wire.send(b"\0")
    wire.read(1)
    wire.reset()
    assert there.connection().over.wait(wait.DEADLINE)


def test_much_in_both_directions_at_once(limpid, origin, connect):
    size, block = 64 << 20, os.urandom(1 << 20)

    def echo(connection):
        connection.keep = False
        left = size
        while left:
            if not connection.buffer:
                connection.need()
            left -= len(connection.buffer)
            connection.send(connection.take(len(connection.buffer)))

    there = origin(echo)
    wire = connect(there)
    wire.keep = False

    def send():
        wire.sock.sendall(b"\0" + block[1:])
        for _ in range(size // len(block) - 1):
            wire.sock.sendall(block)

    wire.sock.settimeout(120)
    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    for n in range(size // len(block)):
        assert wire.read(len(block)) == (block if n else b"\0" + block[1:])
    sender.join()


def test_a_tunnel_is_counted(limpid, origin, connect):
    before = limpid.stats()["tunnels"]
    tunnelled(origin, connect, b"\0\x01\x02")
    limpid.counter("tunnels", 1, above=before)
