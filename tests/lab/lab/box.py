"""A box beside the lab's gateway, on the same wire as the client and the router to the origins.

    bridge:  client --- port0 \\ br0 / port1 --- origin      the box is the cable; the client's router is the origin
    stick:   client --- \\ switch (the origin's) / --- box    the box is the router between two networks on one wire

To Limpid and the tests it looks like the lab: the box is the gateway.
"""

import itertools
import re

from .net import Lab, Namespace, batch, run


class Box(Lab):
    count = itertools.count()

    def __init__(self, form, router=False):
        number = next(self.count)
        self.gateway, self.client, self.origin = (Namespace(self._name(f"{role}{number}")) for role in ("box", "boxed", "far"))
        self.clients = [self.client]
        self.client.address4, self.client.address6 = "10.78.0.2", "fd78::2"
        self.plain = None
        self._addresses = itertools.count(1)
        for space in (self.gateway, self.client, self.origin):
            space.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.accept_ra=0",
                      "net.ipv6.conf.all.accept_dad=0")
        self.origin.run("sysctl", "-qw", "net.ipv6.ip_nonlocal_bind=1")
        if router:
            self.gateway.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        getattr(self, f"_{form}")()
        run("ip", "-n", self.origin.name, "-batch", "-",
            input="route add local 198.18.0.0/15 dev lo\nroute add local 2001:db8:1::/48 dev lo\n")

    def _bridge(self):
        self.interfaces, self.ports = ["br0"], ["port0"]
        self._switch(self.gateway, "br0", ("port0", self.client), ("port1", self.origin))
        self._configure(self.gateway, "br0", "10.78.0.5/24", "fd78::5/64", "10.78.0.1", "fd78::1")
        self._configure(self.client, "eth0", "10.78.0.2/24", "fd78::2/64", "10.78.0.1", "fd78::1")
        self._configure(self.origin, "eth0", "10.78.0.1/24", "fd78::1/64")

    def _stick(self):
        self.interfaces, self.ports = ["eth0"], []
        self._switch(self.origin, "switch", ("port0", self.client), ("port1", self.gateway))
        self._configure(self.gateway, "eth0", "10.78.0.5/24", "fd78::5/64")
        self._configure(self.gateway, "eth0", "10.79.0.5/24", "fd79::5/64", "10.79.0.1", "fd79::1")
        self._configure(self.client, "eth0", "10.78.0.2/24", "fd78::2/64", "10.78.0.5", "fd78::5")
        self._configure(self.origin, "switch", "10.79.0.1/24", "fd79::1/64", "10.79.0.5", "fd79::5")

    @staticmethod
    def _switch(space, name, *ports):
        lines = [f"link add {port} netns {space.name} type veth peer name eth0 netns {other.name}" for port, other in ports]
        batch("\n".join(lines))
        lines = [f"link add {name} type bridge", *(f"link set {port} master {name} up" for port, _ in ports)]
        run("ip", "-n", space.name, "-batch", "-", input="\n".join(lines))

    def kernel_state(self):
        details = self.gateway.run("ip", "-d", "link", "show", "type", "bridge")
        return super().kernel_state() + "\n".join(re.findall(r"^\d+: \S+|nf_call_\w+ \d", details, re.M))

    def close(self):
        for space in (self.gateway, self.client, self.origin):
            space.close()
