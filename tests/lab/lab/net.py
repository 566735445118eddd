"""Network namespaces: one as a place to open sockets and run programs in, and the lab that is made of four.

    client 1 --- lan0 \\                      / 203.0.113.0/24, 198.51.100.0/25, 198.18.0.0/15
                       gateway (wan0) --- origin
    client 2 --- lan1 /                      \\ 2001:db8:1::/48

The clients have private addresses, the origins none: Limpid as shipped leaves private destinations alone. Every address
of the origin's networks is local there, so that a test can have an address, and with it a cache key, of its own.

Names hold the process id of the session that made them. A reaper, a process of its own, removes them when that session is gone,
however it went; what a reaper left behind is swept at the next start.
"""

import atexit
import concurrent.futures
import contextlib
import ctypes
import difflib
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

from . import wait
from .wire import Wire

PREFIX = "limpid-lab"
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def run(*command, **options):
    """Runs a command; its output as text. A failure shows what it said."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Namespace:
    """A network namespace that exists from here to `close`."""

    def __init__(self, name):
        self.name = name
        run("ip", "netns", "add", name)
        self.thread = concurrent.futures.ThreadPoolExecutor(1, initializer=self._enter)

    def _enter(self):
        with open(f"/run/netns/{self.name}") as place:
            if libc.setns(place.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns {self.name}")

    def call(self, function, *arguments):
        """The function's result, of a call made inside the namespace. It must not block."""
        return self.thread.submit(function, *arguments).result()

    def socket(self, family=socket.AF_INET, kind=socket.SOCK_STREAM, *more):
        """A socket belongs to the namespace it was made in, whichever thread uses it afterwards."""
        return self.call(socket.socket, family, kind, *more)

    def connect(self, address, port=80, source=None, receive_buffer=None):
        """A TCP connection from here, as a Wire."""
        sock = self.socket(family_of(address))
        try:
            sock.settimeout(15)
            if receive_buffer:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            if source:
                sock.bind(source)
            sock.connect((address, port))
        except OSError:
            sock.close()
            raise
        return Wire(sock)

    def listen(self, address, port=80, backlog=128):
        sock = self.socket(family_of(address))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(backlog)
        return sock

    def command(self, *words):
        return ["ip", "netns", "exec", self.name, *map(str, words)]

    def run(self, *words, **options):
        return run(*self.command(*words), **options)

    def start(self, *words, **options):
        return subprocess.Popen(self.command(*words), **options)

    def owns(self, address):
        """Waits until it is this namespace's: of IPv6 the route is made by a work queue of the kernel's, after `ip` has returned."""
        wait.eventually(lambda: self.run("ip", "route", "get", address).startswith("local "), f"{address} to be local")

    def add_address(self, address, link, how="add"):
        self.run("ip", "address", how, address, "dev", link, *(["nodad"] if ":" in address else []))
        self.owns(address.split("/")[0])

    def processes(self):
        return [int(pid) for pid in run("ip", "netns", "pids", self.name).split()]

    def close(self):
        self.thread.shutdown()
        subprocess.run(["ip", "netns", "del", self.name], stderr=subprocess.DEVNULL)


def batch(text):
    """Lines for `ip -batch`: one process for all of them."""
    run("ip", "-batch", "-", input=text)


class Lab:
    """Clients, gateway and origin, connected and routed."""

    def __init__(self):
        sweep()
        self.reaper = subprocess.Popen([sys.executable, str(Path(__file__).with_name("reaper.py")), f"{PREFIX}-{os.getpid()}-"],
                                       stdin=subprocess.PIPE, start_new_session=True)
        atexit.register(self.close)
        self.clients = [Namespace(self._name(f"client{n}")) for n in (1, 2)]
        self.client, self.other_client = self.clients
        self.gateway = Namespace(self._name("gateway"))
        self.origin = Namespace(self._name("origin"))
        self.client.address4, self.client.address6 = "10.77.1.2", "fd77:1::2"
        self.other_client.address4, self.other_client.address6 = "10.77.2.2", "fd77:2::2"
        self.gateway_addresses = ["10.77.1.1", "fd77:1::1"]
        self.interfaces, self.ports = ["lan0", "lan1"], []
        self.plain = None  # the Limpid of the test file that runs, if it has one
        self._connect()
        self._addresses = itertools.count(1)
        self._initial = self.kernel_state()

    @staticmethod
    def _name(role):
        return f"{PREFIX}-{os.getpid()}-{role}"

    def _connect(self):
        gateway, origin = self.gateway.name, self.origin.name
        for space in (self.gateway, self.origin, *self.clients):
            space.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.accept_ra=0",
                      "net.ipv6.conf.all.accept_dad=0")
        self.gateway.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        self.origin.run("sysctl", "-qw", "net.ipv6.ip_nonlocal_bind=1")  # IPv4 needs no leave to bind in a local route
        links = [f"link add lan{n} netns {gateway} type veth peer name eth0 netns {client.name}"
                 for n, client in enumerate(self.clients)]
        batch("\n".join([*links, f"link add wan0 netns {gateway} type veth peer name eth0 netns {origin}"]))
        for n, client in enumerate(self.clients, 1):
            self._configure(client, "eth0", f"10.77.{n}.2/24", f"fd77:{n}::2/64", f"10.77.{n}.1", f"fd77:{n}::1")
            self._configure(self.gateway, f"lan{n - 1}", f"10.77.{n}.1/24", f"fd77:{n}::1/64")
        self._configure(self.gateway, "wan0", "192.0.2.1/24", "2001:db8:ff::1/64", "192.0.2.2", "2001:db8:ff::2")
        self._configure(self.origin, "eth0", "192.0.2.2/24", "2001:db8:ff::2/64", "192.0.2.1", "2001:db8:ff::1")
        local = [f"route add local {net} dev lo" for net in ("203.0.113.0/24", "198.51.100.0/25", "198.18.0.0/15")]
        self.gateway.run("ip", "route", "add", "10.77.9.0/24", "via", "10.77.1.2")
        self.gateway.run("ip", "route", "add", "fd77:9::/64", "via", "fd77:1::2")
        run("ip", "-n", origin, "-batch", "-", input="\n".join([*local, "route add local 2001:db8:1::/48 dev lo"]))

    @staticmethod
    def _configure(space, link, address4, address6, via4=None, via6=None):
        lines = ["link set lo up", f"link set {link} up", f"addr add {address4} dev {link}", f"addr add {address6} dev {link} nodad"]
        if via4:
            lines += [f"route add default via {via4}", f"route add default via {via6}"]
        run("ip", "-n", space.name, "-batch", "-", input="\n".join(lines))
        space.owns(address6.split("/")[0])

    def beyond(self, side):
        """A namespace behind the origin's or the first client's, by a route that takes no packet longer than 1280 bytes."""
        router, net4, net6 = {"origin": (self.origin, "198.51.100", "2001:db8:2"), "client": (self.client, "10.77.9", "fd77:9")}[side]
        space = Namespace(self._name(f"beyond{next(self._addresses)}"))
        space.address4, space.address6 = f"{net4}.130", f"{net6}::130"
        space.router = router
        space.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.accept_dad=0")
        router.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        batch(f"link add far0 netns {router.name} type veth peer name eth0 netns {space.name}")
        self._configure(router, "far0", "192.0.2.129/30", "2001:db8:fe::1/64")
        self._configure(space, "eth0", "192.0.2.130/30", "2001:db8:fe::2/64")
        for address, via in ((f"{net4}.130", "192.0.2.129"), (f"{net6}::130", "2001:db8:fe::1")):
            space.add_address(address, "eth0")
            space.run("ip", "route", "add", "default", "via", via, "src", address)
        router.run("ip", "route", "add", f"{net4}.130", "via", "192.0.2.130", "mtu", "lock", "1280")
        router.run("ip", "route", "add", f"{net6}::130", "via", "2001:db8:fe::2", "mtu", "lock", "1280")
        return space

    def fresh_address(self, family=4):
        """An address of the origin's that nothing has used yet."""
        n = next(self._addresses)
        return f"198.18.{n >> 8}.{n & 255}" if family == 4 else f"2001:db8:1:1::{n:x}"

    def kernel_state(self):
        """All that Limpid may touch of the gateway's kernel, as text, to be compared byte for byte; without empty tables, for iptables
        leaves those that a test's own rules were in."""
        parts = [("nft", "-s", "list", "ruleset"), ("ip", "-4", "rule"), ("ip", "-6", "rule"), ("ip", "-4", "route", "show", "table", "all"),
                 ("ip", "-6", "route", "show", "table", "all"), ("ip", "-br", "link"), ("ip", "-br", "address"), ("ss", "-Hltn")]
        text = [f"$ {' '.join(words)}\n{self.gateway.run(*words)}" for words in parts]
        return re.sub(r"^table (ip|ip6|bridge) \w+ \{\n\}\n", "", "".join(text), flags=re.M) + sysctl_text(self.gateway)

    def mend(self):
        """Makes the gateway what it was at first, after a test that failed: one failure shall not become forty."""
        gateway = self.gateway
        for pid in gateway.processes():
            kill(pid, signal.SIGKILL)
        if self.kernel_state() == self._initial:
            return
        gateway.run("nft", "flush", "ruleset")
        for family, tables in (("-4", ("local", "main", "default")), ("-6", ("local", "main"))):
            for line in gateway.run("ip", family, "rule").splitlines():
                if line.split(":")[0] not in ("0", "32766", "32767"):
                    gateway.run("ip", family, "rule", "del", "priority", line.split(":")[0])
            for table in set(re.findall(r"table (\w+)", gateway.run("ip", family, "route", "show", "table", "all"))) - set(tables):
                gateway.run("ip", family, "route", "flush", "table", table)
        for line in gateway.run("ip", "-br", "link").splitlines():
            name = line.split()[0].split("@")[0]
            if name not in ("lo", "wan0", *self.interfaces):
                subprocess.run(gateway.command("ip", "link", "del", name), stderr=subprocess.DEVNULL)
        for line in set(self._initial.splitlines()) - set(self.kernel_state().splitlines()):
            if line.startswith("net."):
                gateway.run("sysctl", "-qw", line.replace(" = ", "=", 1))

    def close(self):
        if not self.reaper:
            return
        for space in (self.gateway, self.origin, *self.clients):
            space.close()
        self.reaper.stdin.close()
        self.reaper.wait(30)
        self.reaper = None


def sysctl_text(space):
    """The namespace's sysctls, without one that counts and one that the first program to use it makes up."""
    done = subprocess.run(space.command("sysctl", "-a", "--pattern", "^net\\."), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True)
    return "".join(line for line in done.stdout.splitlines(True) if not line.startswith(("net.netfilter.nf_conntrack_count", "net.ipv4.tcp_fastopen_key")))


def unchanged(before, after):
    """Asserts that two states of the kernel are the same; what is not is shown as a diff."""
    if before != after:
        raise AssertionError("\n".join(difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", lineterm="", n=1)))


@contextlib.contextmanager
def blocked(tid):
    """One thread of a process stands still in here, whatever it was doing; the others go on (ptrace(2))."""
    seize, interrupt, detach, wall = 0x4206, 0x4207, 17, 0x40000000

    def ptrace(request):
        if libc.ptrace(request, tid, None, None):
            raise OSError(ctypes.get_errno(), f"ptrace {request:#x} {tid}")

    with concurrent.futures.ThreadPoolExecutor(1) as tracer:  # one tracer is one thread
        for call in ((ptrace, seize), (ptrace, interrupt), (os.waitpid, tid, wall)):
            tracer.submit(*call).result()
        try:
            yield
        finally:
            tracer.submit(ptrace, detach).result()


def kill(pid, sign):
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        pass


def ended(pid):
    """Whether a process is no more; one that only waits to be reaped, by whoever that falls to, is no more. Its first thread may wait
    for that while others still hold its files."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX" and len(os.listdir(f"/proc/{pid}/task")) == 1
    except (FileNotFoundError, ProcessLookupError):
        return True


def sweep():
    """Removes what sessions left that are no more."""
    for name in os.listdir("/run/netns") if os.path.isdir("/run/netns") else []:
        made = re.match(rf"{PREFIX}-(\d+)-", name)
        if made and not os.path.exists(f"/proc/{made[1]}"):
            from . import reaper
            reaper.remove(f"{PREFIX}-{made[1]}-")
