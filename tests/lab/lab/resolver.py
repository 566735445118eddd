"""A resolver that says what it is told to, and remembers what it was asked (RFC 1035), by UDP and, if it is to, by TCP."""

import contextlib
import socket
import struct
import threading

from . import wait
from .net import family_of

A, CNAME, AAAA = 1, 5, 28
ANSWERS, REFUSES, NAME_UNKNOWN = 0, 5, 3


def wire_name(name):
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(owner, kind, ttl, content):
    return wire_name(owner) + struct.pack("!HHIH", kind, 1, ttl, len(content)) + content


class Resolver:
    """`names[name]` is a list of addresses and, in front of them, of aliases (a text without a digit at its front is one); or a
    function that returns such a list for each question; or None: no answer. What is not in it is unknown."""

    def __init__(self, space, address, ttl=60, names=None, tcp=True):
        self.address, self.ttl, self.names, self.asked = address, ttl, dict(names or {}), []
        self.extra = []  # records that belong to no question
        self.sock = space.socket(family_of(address), socket.SOCK_DGRAM)
        self.sock.bind((address, 53))
        self.ports = set()
        self.listener = space.listen(address, 53) if tcp else None
        self.streams = 0  # connections that were made to it
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        if tcp:
            threading.Thread(target=self._accept, daemon=True).start()

    def questions(self, name):
        return [kind for asked, kind in list(self.asked) if asked == name]

    def _serve(self):
        while True:
            try:
                message, peer = self.sock.recvfrom(4096)
            except OSError:
                return
            if not message:
                return
            reply = self._reply(message, peer)
            if reply:
                self.sock.sendto(reply, peer)

    def _accept(self):
        while True:
            try:
                stream, peer = self.listener.accept()
            except OSError:
                return
            self.streams += 1
            threading.Thread(target=self._serve_stream, args=(stream, peer), daemon=True).start()

    def _serve_stream(self, stream, peer):
        """Messages with their lengths in front (RFC 1035 §4.2.2)."""
        with stream, stream.makefile("rb") as questions:
            try:
                while len(size := questions.read(2)) == 2:
                    reply = self._reply(questions.read(struct.unpack("!H", size)[0]), peer)
                    if reply:
                        stream.sendall(struct.pack("!H", len(reply)) + reply)
            except OSError:
                return

    def _reply(self, message, peer):
        labels, at = [], 12
        while message[at]:
            labels.append(message[at + 1:at + 1 + message[at]].decode())
            at += 1 + message[at]
        kind, name = struct.unpack("!H", message[at + 1:at + 3])[0], ".".join(labels).lower()
        self.asked.append((name, kind))
        self.ports.add(peer[1])
        known = self.names.get(name, [] if not name else ())
        known = known() if callable(known) else known
        if known is None:
            return None
        records = self._records(name, kind, known) + self.extra
        code = NAME_UNKNOWN if known == () else ANSWERS
        return message[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(records), 0, 0) + message[12:at + 5] + b"".join(records)

    def _records(self, name, kind, known):
        records = []
        for item in known:
            if ":" not in item and not item[0].isdigit():
                records.append(record(name, CNAME, self.ttl, wire_name(item)))
                name = item
            elif kind == (AAAA if ":" in item else A):
                records.append(record(name, kind, self.ttl, socket.inet_pton(family_of(item), item)))
        return records

    def close(self):
        for sock in (self.sock, self.listener):
            if sock:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
                sock.close()
        self.thread.join(5)


def answered(limpid):
    """Waits until Limpid has heard of a resolver."""
    wait.eventually(lambda: limpid.stats()["resolver_answers"], lambda: f"a resolver to answer; {limpid.stats()}\n{limpid.stderr}")
