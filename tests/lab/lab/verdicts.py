"""What may become of a request (the codes of the tests' names), each with its proof: what the origin was sent.

In requests given as bytes, HOST stands for the origin's own host.
"""

import threading

from . import wait
from .origin import answer
from .wire import Closed, get, reply


def filled(request, there):
    request = request.encode("latin-1") if isinstance(request, str) else request
    return request.replace(b"HOST", there.host.encode())


def send_all(wire, data):
    """Sends from a thread, as what is refused is not read to its end. Returns the thread."""

    def send():
        try:
            wire.send(data)
        except (OSError, AssertionError):
            pass

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


def refused(there, connect, request, status=(400,), second=False):
    """R: one reply of such a status, the connection closed, and nothing of it at the origin. The proof is a request that follows
    on a connection of its own: the origin has seen what was good, and no other byte."""
    wire = connect(there)
    if second:
        assert wire.ask(get(there.host, "/before")).status == 200
    send_all(wire, filled(request, there))
    got = wire.response()
    assert got.status in status, got
    assert "close" in got.get("Connection", "").lower(), got
    assert wire.read_all() == b""
    assert only_saw(there, connect, ["/before"] if second else [])
    return got


def only_saw(there, connect, targets):
    """Sends a last good request; whether the origin has seen these targets and that one, and not a byte besides."""
    assert connect(there).ask(get(there.host, "/canary")).status == 200
    assert [request.target for request in there.requests] == [*targets, "/canary"], there.received
    assert all(not connection.buffer for connection in there.connections), there.received
    return True


def plain_origin(origin, **where):
    """An origin that answers all that is a request, and whose answers are stored by nobody."""
    return origin(answer(reply("fine", "Cache-Control: no-store")), **where)


def tunnelled(origin, connect, data, family=4):
    """T: the origin gets the bytes as they are, its answer comes back as it is, and both may go on talking."""
    ready = threading.Event()

    def script(connection):
        connection.read(len(sent))
        connection.send("\0 what no HTTP server says\n")
        connection.read_until("more")
        connection.send("and more")
        ready.set()

    there = origin(script, family=family)
    sent = filled(data, there)
    wire = connect(there)
    thread = send_all(wire, sent)
    assert wire.read(len("\0 what no HTTP server says\n")) == b"\0 what no HTTP server says\n"
    wire.send("more")
    assert wire.read(8) == b"and more"
    thread.join()
    assert ready.wait(wait.DEADLINE)
    assert len(there.connections) == 1
    assert bytes(there.connections[0].received) == sent + b"more"
    return there
