"""An origin that does as it is told, and tells what it was sent.

Each connection is played by a script, a function of the connection: it reads, sends, waits for events, resets. With a list
of scripts the first connection gets the first one, and so on; the last one plays for all that come later. When a script ends
without closing, what the peer still sends is read and kept up to the peer's end: `received` is the proof of what went
upstream.
"""

import itertools
import socket
import threading
import time

from . import wait
from .wire import Closed, Wire, reply


class Connection(Wire):
    """A connection that the origin accepted; `number` counts from 1."""

    def __init__(self, sock, peer, number, origin):
        super().__init__(sock)
        self.peer, self.number, self.origin = peer, number, origin
        self.requests = []
        self.error = None
        self.over = threading.Event()

    def wait(self, event):
        if not event.wait(wait.DEADLINE):
            raise wait.Late("the event that the origin's script waits for did not come")

    def request(self):
        message = super().request()
        self.requests.append(message)
        self.origin.requests.append(message)
        return message

    def each_request(self):
        """Until the other end has closed."""
        while True:
            try:
                request = self.request()
            except Closed:
                return
            yield request

    def play(self, script):
        try:
            script(self)
            if self.sock.fileno() >= 0:
                self._read_to_the_end()
        except ConnectionError:
            pass
        except wait.Late as error:
            self.error = None if self.origin.closing else error
        except (OSError, ValueError) as error:
            self.error = None if self.sock.fileno() < 0 else error
        except BaseException as error:  # an assertion in a script fails its test
            self.error = error
        finally:
            self.close()
            self.over.set()

    def _read_to_the_end(self):
        while not self.origin.closing:
            try:
                if not self.fill(time.monotonic() + 0.2):
                    return
            except wait.Late:
                pass


def answer(*replies):
    """A script: the replies in their order, over all its connections, the last one again and again. A reply is bytes, or a
    function of the request."""
    turn = itertools.count()

    def script(connection):
        while True:
            try:
                request = connection.request()
            except Closed:
                return
            except wait.Late:
                if connection.origin.closing or not connection.buffer:
                    continue
                raise
            made = replies[min(next(turn), len(replies) - 1)]
            connection.send(made(request) if callable(made) else made)

    return script


class Origin:
    """A listening address of the origin's namespace, with its scripts."""

    def __init__(self, lab, *scripts, family=4, address=None, port=80, space=None):
        self.address, self.port = address or lab.fresh_address(family), port
        self.scripts = list(scripts) or [answer(reply("ok"))]
        self.connections, self.requests, self.closing = [], [], False
        self.sock = (space or lab.origin).listen(self.address, port)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    @property
    def host(self):
        return f"[{self.address}]" if ":" in self.address else self.address

    def _accept(self):
        while True:
            try:
                sock, peer = self.sock.accept()
            except OSError:
                return
            if self.closing:
                sock.close()
                return
            connection = Connection(sock, peer[0], len(self.connections) + 1, self)
            script = self.scripts[min(len(self.connections), len(self.scripts) - 1)]
            self.connections.append(connection)
            threading.Thread(target=connection.play, args=(script,), daemon=True).start()

    @property
    def received(self):
        """All that the origin was ever sent, connection after connection."""
        return b"".join(bytes(connection.received) for connection in list(self.connections))

    def connection(self, number=1):
        """The connection of that number, as soon as it is there."""
        wait.eventually(lambda: len(self.connections) >= number, lambda: f"connection {number} at the origin, there are {len(self.connections)}")
        return self.connections[number - 1]

    def stop_listening(self):
        """From now on this address refuses connections; those that stand go on."""
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
        self.thread.join(5)

    def close(self):
        """Ends all of it; an error in a script is an error of the test."""
        self.closing = True
        self.stop_listening()
        for connection in self.connections:
            try:
                connection.sock.shutdown(2)
            except OSError:
                pass
        for connection in self.connections:
            connection.over.wait(5)
        for connection in self.connections:
            if connection.error:
                raise connection.error
