"""A TCP connection as a test holds it: bytes are sent as they are, all that arrives is kept, and every wait has a deadline.

What comes is read with a parser of the lab's own, strict and small: it is the judge of what Limpid sends, so it shares
nothing with it.
"""

import re
import select
import socket
import struct
import time

from . import wait


class Closed(ConnectionError):
    """The peer ended the connection (in order: a FIN) where more was expected."""


class Malformed(AssertionError):
    """The peer sent what is no HTTP/1 message."""


class Message:
    """A request or a response: start line, fields in their order and spelling, body, trailers; `raw` is the head's bytes."""

    def __init__(self, raw):
        self.raw = bytes(raw)
        lines = self.raw.decode("latin-1").split("\r\n")
        self.start = lines[0]
        self.fields = []
        for line in lines[1:-2]:
            match = re.fullmatch(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*", line)
            if not match or "\n" in line or "\r" in line:
                raise Malformed(f"field line {line!r} in {self.raw!r}")
            self.fields.append((match[1], match[2]))
        self.body, self.trailers, self.interim = b"", [], []
        self.chunks = None

    def all(self, name):
        return [value for given, value in self.fields if given.lower() == name.lower()]

    def get(self, name, default=None):
        values = self.all(name)
        return ", ".join(values) if values else default

    @property
    def status(self):
        match = re.fullmatch(r"HTTP/1\.[01] (\d{3})( .*)?", self.start)
        if not match:
            raise Malformed(f"status line {self.start!r}")
        return int(match[1])

    @property
    def method(self):
        return self.start.split(" ")[0]

    @property
    def target(self):
        return self.start.split(" ")[1]

    @property
    def hit(self):
        """Whether the reply says that it came from the cache (RFC 9211)."""
        return bool(re.search(r"(^|;)\s*hit\s*($|;|,)", self.get("Cache-Status", "")))

    @property
    def keeps_open(self):
        options = self.get("Connection", "").lower()
        return "close" not in options and (self.start.endswith("HTTP/1.1") or self.start.startswith("HTTP/1.1") or "keep-alive" in options)

    def __repr__(self):
        return f"<{self.raw!r} + {len(self.body)} bytes>"


class Wire:
    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(None)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()  # all that ever arrived, unless keep is False
        self.keep = True
        self.buffer = bytearray()  # what arrived and has not been read
        self.end = None  # "eof" or "reset", once it came

    # ---- sending

    def send(self, *parts):
        """Sends all of it. The peer must take it within the deadline."""
        self.sock.settimeout(wait.DEADLINE)
        try:
            for part in parts:
                self.sock.sendall(part.encode("latin-1") if isinstance(part, str) else part)
        except TimeoutError:
            raise wait.Late("the peer does not read what it is sent") from None

    def finish(self):
        """Half-close: no more from us."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- reading bytes

    def fill(self, until=None, most=65536):
        """Waits for more bytes. False at the end of the stream; a reset ends it too, and `end` tells which."""
        if self.end:
            return False
        self.sock.settimeout(max(0.001, (until or time.monotonic() + wait.DEADLINE) - time.monotonic()))
        try:
            data = self.sock.recv(most)
        except TimeoutError:
            raise wait.Late(f"no more bytes came; unread: {bytes(self.buffer[:300])!r}") from None
        except ConnectionError:
            self.end = "reset"
            return False
        if not data:
            self.end = "eof"
            return False
        self.buffer += data
        if self.keep:
            self.received += data
        return True

    def need(self, until=None):
        if not self.fill(until):
            raise (ConnectionResetError("reset by the peer") if self.end == "reset" else Closed(f"closed; unread: {bytes(self.buffer[:300])!r}"))

    def take(self, length):
        data = bytes(self.buffer[:length])
        del self.buffer[:length]
        return data

    def read(self, length):
        while len(self.buffer) < length:
            self.need()
        return self.take(length)

    def read_until(self, mark):
        mark = mark.encode("latin-1") if isinstance(mark, str) else mark
        start = 0
        while (at := self.buffer.find(mark, start)) < 0:
            start = max(0, len(self.buffer) - len(mark))
            self.need()
        return self.take(at + len(mark))

    def read_all(self):
        """Everything up to the end, be it a close or a reset (`end` tells)."""
        while self.fill():
            pass
        return self.take(len(self.buffer))

    def drain(self):
        """Reads to the end without keeping it; how many bytes that were."""
        self.keep, total = False, len(self.buffer)
        self.buffer.clear()
        while self.fill(most=1 << 20):
            total += len(self.buffer)
            self.buffer.clear()
        return total

    @property
    def quiet(self):
        """Nothing has arrived that was not read, and the connection stands."""
        return not self.buffer and not select.select([self.sock], [], [], 0)[0]

    @property
    def ended(self):
        """Polled: whether the peer has ended the connection; what came before is in the buffer."""
        while not self.end and select.select([self.sock], [], [], 0)[0]:
            self.fill()
        return self.end

    # ---- reading messages

    def head(self):
        return Message(self.read_until(b"\r\n\r\n"))

    def request(self):
        """The next request with its body; Closed if there is none."""
        message = self.head()
        if "chunked" in message.get("Transfer-Encoding", "").lower():
            self.read_chunked(message)
        else:
            message.body = self.read(int(message.get("Content-Length", "0")))
        return message

    def response(self, method="GET", sink=None):
        """The next response with its body; `interim` holds the 1xx before it. A body that ends early raises."""
        interim = []
        while True:
            message = self.head()
            if message.status >= 200 or message.status == 101:
                break
            interim.append(message)
        message.interim = interim
        codings, length = message.get("Transfer-Encoding"), message.all("Content-Length")
        if codings is not None and length:
            raise Malformed(f"two framings: {message.raw!r}")
        if len(length) > 1 or any(not re.fullmatch(r"\d+", text) for text in length):
            raise Malformed(f"Content-Length {length}")
        if method == "HEAD" or message.status in (101, 204, 304) or (method == "CONNECT" and message.status < 300):
            return message
        if codings is not None:
            if codings.lower() != "chunked":
                raise Malformed(f"Transfer-Encoding {codings!r}")
            self.read_chunked(message)
        elif length:
            message.body = self.read(int(length[0]))
        else:
            message.body = self.read_all()
            if self.end == "reset":
                raise ConnectionResetError("reset in a body that ends with the connection")
        return message

    def read_chunked(self, message):
        pieces, message.chunks = [], []
        while True:
            line = self.read_until(b"\r\n")
            match = re.fullmatch(rb"([0-9A-Fa-f]+)[ \t]*(;[^\r\n]*)?\r\n", line)
            if not match:
                raise Malformed(f"chunk line {line!r}")
            size = int(match[1], 16)
            if size == 0:
                break
            message.chunks.append(size)
            pieces.append(self.read(size))
            if self.read(2) != b"\r\n":
                raise Malformed("a chunk does not end where its size says")
        message.body = b"".join(pieces)
        while (line := self.read_until(b"\r\n")) != b"\r\n":
            name, _, value = line[:-2].decode("latin-1").partition(":")
            message.trailers.append((name, value.strip(" \t")))

    def ask(self, request, method=None):
        """Sends a request and reads its response."""
        self.send(request)
        text = request if isinstance(request, str) else bytes(request).decode("latin-1")
        return self.response(method or text.split(" ")[0])


def get(host, path="/", *fields, method="GET", version="1.1"):
    """The bytes of a plain request; `fields` are whole field lines."""
    lines = [f"{method} {path} HTTP/{version}", f"Host: {host}" if ":" not in host or host.startswith("[") else f"Host: [{host}]"]
    return "\r\n".join([*lines, *fields, "", ""]).encode("latin-1")


def reply(body=b"", *fields, status="200 OK", version="1.1", length=True):
    """The bytes of a plain response; `fields` are whole field lines."""
    body = body.encode("latin-1") if isinstance(body, str) else body
    lines = [f"HTTP/{version} {status}", *fields, *([f"Content-Length: {len(body)}"] if length else [])]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunked(*pieces, trailers=(), size="{:x}".format):
    """The pieces as chunks, with the last one."""
    pieces = [piece.encode("latin-1") if isinstance(piece, str) else piece for piece in pieces]
    body = b"".join(size(len(piece)).encode() + b"\r\n" + piece + b"\r\n" for piece in pieces)
    return body + b"0\r\n" + "".join(f"{line}\r\n" for line in trailers).encode("latin-1") + b"\r\n"
