"""Datagrams: a server at an address of the origin's that answers as a function says, and a client's socket with a deadline."""

import select
import socket
import threading

from . import wait
from .net import family_of


class Server:
    """Answers each datagram to (address, port) with what `answer(bytes, peer)` returns: bytes, a list of them, or None. Keeps what came, and
    from whom. `answer` may send by itself, with `sock`."""

    def __init__(self, lab, answer, port, family=4, address=None, ignore=()):
        self.address, self.port = address or lab.fresh_address(family), port
        self.seen, self.ignore = [], ignore
        self.sock = lab.origin.socket(family_of(self.address), socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.sock.bind((self.address, port))
        self.answer = answer
        self.error = None
        self.end, self.ended = socket.socketpair()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while self.ended not in select.select([self.sock, self.ended], [], [])[0]:
            what, peer = self.sock.recvfrom(65536)
            if peer[0] in self.ignore:
                continue
            self.seen.append((what, peer[:2]))
            try:
                replies = self.answer(what, peer)
                for reply in [replies] if isinstance(replies, bytes) else replies or []:
                    self.sock.sendto(reply, peer)
            except BaseException as error:  # a fault of the script fails its test
                self.error = error

    def close(self):
        self.end.close()
        self.thread.join(5)
        self.ended.close()
        self.sock.close()
        if self.error:
            raise self.error


def client_socket(space, address, source=None):
    """A socket that talks to any port of that family, with a deadline."""
    sock = space.socket(family_of(address), socket.SOCK_DGRAM)
    sock.settimeout(wait.DEADLINE)
    if source:
        sock.bind(source)
    return sock


def ask(space, server, what, source=None):
    """Sends a datagram to a server; the reply and whom it came from."""
    with client_socket(space, server.address, source) as sock:
        sock.sendto(what, (server.address, server.port))
        reply, peer = sock.recvfrom(65536)
        return reply, peer[:2]


def pending(sock, seconds=0):
    """What has come and was not read; waits for the first of it so long."""
    found = []
    sock.settimeout(seconds or 0.001)
    try:
        while True:
            found.append(sock.recvfrom(65536)[0])
            sock.settimeout(0.001)
    except (TimeoutError, BlockingIOError):
        return found
    finally:
        sock.settimeout(wait.DEADLINE)
