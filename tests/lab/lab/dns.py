"""DNS messages, put together by hand so that they can be wrong, and a real resolver."""

import contextlib
import socket
import struct
import subprocess

from . import wait

A, CNAME, AAAA = 1, 5, 28
REPLY, TRUNCATED = 0x8180, 0x0200


def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def header(ident, flags, questions=1, answers=0):
    return struct.pack("!6H", ident, flags, questions, answers, 0, 0)


def question(text, kind=A):
    return name(text) + struct.pack("!HH", kind, 1)


def query(text, kind=A, ident=0x1234):
    return header(ident, 0x0100) + question(text, kind)


def record(owner, kind, what, ttl=300):
    """`what`: an address, or for a CNAME a name."""
    what = name(what) if kind == CNAME else socket.inet_pton(socket.AF_INET if kind == A else socket.AF_INET6, what)
    return (owner if isinstance(owner, bytes) else name(owner)) + struct.pack("!HHIH", kind, 1, ttl, len(what)) + what


def asked(message):
    """The question of a query, as bytes."""
    end = message.index(b"\0", 12) + 5
    return message[12:end]


def reply(message, *records, flags=REPLY, ident=None, about=None):
    """The reply to a query, or one that differs from it."""
    return header(struct.unpack("!H", message[:2])[0] if ident is None else ident, flags, 1, len(records)) + (about or asked(message)) + b"".join(records)


def ident(message):
    return struct.unpack("!H", message[:2])[0]


@contextlib.contextmanager
def dnsmasq(lab, where, *addresses, space=None, options=()):
    """A real resolver, at these addresses of the origin's or at the wildcard address of another space, with names of its own."""
    space = space or lab.origin
    log = where / "dnsmasq.log"
    command = space.command("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--user=root", "--pid-file=",
                                 *(["--bind-interfaces"] if addresses else []), "--local-ttl=60", "--log-queries", f"--log-facility={log}",
                                 *[f"--listen-address={address}" for address in addresses], *options)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        def listens():
            assert process.poll() is None, process.stdout.read()
            return all(address in space.run("ss", "-Hlun", "sport = 53") for address in addresses or ["0.0.0.0:53"])

        wait.eventually(listens, "dnsmasq to listen")
        yield log
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()
