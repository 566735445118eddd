"""Where the clients may be, and where their servers: one interface for both, VLANs, interfaces that come and go, a gateway that
masquerades, and one with an uplink for some clients alone. In each, Limpid's connections go the way the client's own go."""

import signal
import subprocess

import pytest

from lab import wait
from lab.box import Box
from lab.limpid import Limpid
from lab.net import kill, run
from lab.origin import Origin
from test_gateway import intercepted, was_intercepted

VERSIONS = (("-4", 4), ("-6", 6))


@pytest.fixture
def servers(origin):
    """An origin of each family; and what was never intercepted to compare with, the same address with another port."""
    made = [origin(family=family) for _, family in VERSIONS]
    return [(there, origin(address=there.address, port=8001)) for there in made]


def alike(client, servers):
    """Asserts that the client is intercepted, and that its own connections look the same to the server; their addresses."""
    seen = []
    for there, other in servers:
        assert was_intercepted(there, client) is True
        assert was_intercepted(other, client) is False
        assert there.connections[-1].peer == other.connections[-1].peer
        seen.append(there.connections[-1].peer)
    return seen


def test_one_interface(lab, place):
    """The box is the client's way to the router, and the router's way to the client: what comes back must come by it."""
    box = Box("stick", router=True)
    limpid = Limpid(box, place("limpid"))
    made = [Origin(box, family=family) for _, family in VERSIONS]
    try:
        limpid.start()
        for there, client in zip(made, (box.client.address4, box.client.address6)):
            assert was_intercepted(there, box.client) is True
            assert [connection.peer for connection in there.connections] == [client]
        limpid.stop()
        assert all(was_intercepted(there, box.client) is False for there in made)
    finally:
        for there in made:
            there.close()
        box.close()


@pytest.fixture
def link(lab):
    """link("vlan5", details): a link of that name between gateway and client, the client's only way to the origins."""
    made = []

    def make(name, vlan=None):
        gateway, client = lab.gateway.name, lab.client.name
        if vlan:
            if "Unknown device type" in subprocess.run(lab.client.command("ip", "link", "add", "type", "vlan"), stderr=subprocess.PIPE, text=True).stderr:
                pytest.skip("no VLANs in this kernel")
            run("ip", "-n", gateway, "link", "add", name, "link", "lan0", "type", "vlan", "id", vlan)
            run("ip", "-n", client, "link", "add", "more0", "link", "eth0", "type", "vlan", "id", vlan)
        else:
            run("ip", "link", "add", name, "netns", gateway, "type", "veth", "peer", "name", "more0", "netns", client)
        made.append(name)
        lab._configure(lab.gateway, name, "10.77.5.1/24", "fd77:5::1/64")
        lab._configure(lab.client, "more0", "10.77.5.2/24", "fd77:5::2/64")
        lab.client.run("ip", "route", "add", "198.18.0.0/15", "via", "10.77.5.1")
        lab.client.run("ip", "route", "add", "2001:db8:1::/48", "via", "fd77:5::1", "src", "fd77:5::2")

    def remove():
        while made:
            run("ip", "-n", lab.gateway.name, "link", "del", made.pop())
            run("ip", "netns", "exec", lab.client.name, "sh", "-c", "ip link del more0 2>/dev/null || true")

    make.remove = remove
    yield make
    remove()


def test_vlan(lab, limpid_with, link, servers):
    link("lan0.5", vlan=5)
    limpid = limpid_with(intercept={"interfaces": ["lan0.5"]})
    assert alike(lab.client, servers) == ["10.77.5.2", "fd77:5::2"]
    assert was_intercepted(servers[0][0], lab.other_client) is False
    limpid.stop()


@pytest.mark.parametrize("fail", ["open", "closed"])
def test_interfaces_that_come_and_go(lab, limpid_with, link, servers, fail):
    limpid = limpid_with(start=False, intercept={"interfaces": ["more*", "lan1"], "fail": fail, "bypass_clients": ["10.77.9.0/24"]})
    limpid.start(ready=False)
    limpid.said("interface more\\* does not exist")
    assert was_intercepted(servers[0][0], lab.client) is False, "by way of lan0"
    link("more7")
    wait.eventually(lambda: all(intercepted(there, lab.client) is True for there, _ in servers), "the new link to be intercepted")
    assert alike(lab.client, servers) == ["10.77.5.2", "fd77:5::2"]
    limpid.said("interface more\\* is there")
    if fail == "closed":
        kill(limpid.process.pid, signal.SIGSTOP)
        kill(limpid.proxy(), signal.SIGKILL)
        wait.eventually(lambda: not limpid.listens(), "its listeners to be closed")
        with pytest.raises(ConnectionRefusedError):
            lab.client.connect(servers[0][0].address)
        kill(limpid.process.pid, signal.SIGCONT)
        wait.eventually(lambda: intercepted(servers[0][0], lab.client) is True, "the gate to open")
    link.remove()
    wait.eventually(lambda: "more7" not in lab.gateway.run("nft", "list", "set", "inet", "limpid", "gate"), "its element to expire")
    assert was_intercepted(servers[0][0], lab.other_client) is True
    limpid.stop()


MASQUERADE = """
table inet theirs {
        chain postrouting {
                type nat hook postrouting priority srcnat
                oifname "wan0" masquerade
        }
}
"""


def test_a_gateway_that_masquerades(lab, limpid_with, servers):
    lab.gateway.run("nft", "-f", "-", input=MASQUERADE)
    try:
        limpid = limpid_with()
        assert alike(lab.client, servers) == ["192.0.2.1", "2001:db8:ff::1"]
        limpid.stop()
    finally:
        lab.gateway.run("nft", "delete", "table", "inet", "theirs")


def test_an_uplink_for_some_clients(lab, limpid_with, servers):
    """The servers are behind a second uplink, which only the table knows, and only the first client may use."""
    batch = [f"link add wan1 netns {lab.gateway.name} type veth peer name up1 netns {lab.origin.name}"]
    run("ip", "-batch", "-", input="\n".join(batch))
    try:
        lab._configure(lab.gateway, "wan1", "192.0.2.65/30", "2001:db8:fd::1/64")
        lab._configure(lab.origin, "up1", "192.0.2.66/30", "2001:db8:fd::2/64")
        for (version, _), (there, _), clients, via in zip(VERSIONS, servers, ("10.77.1.0/24", "fd77:1::/64"),
                                                          ("192.0.2.66", "2001:db8:fd::2")):
            lab.gateway.run("ip", version, "route", "add", "unreachable", there.address)
            lab.gateway.run("ip", version, "route", "add", "default", "via", via, "table", "177")
            lab.gateway.run("ip", version, "rule", "add", "from", clients, "lookup", "177", "priority", "5000")
        limpid = limpid_with()
        assert alike(lab.client, servers) == [lab.client.address4, lab.client.address6]
        assert all(intercepted(there, lab.other_client) is None for there, _ in servers)
        limpid.stop()
    finally:
        lab.gateway.run("ip", "link", "del", "wan1")
        for (version, _), (there, _) in zip(VERSIONS, servers):
            lab.gateway.run("ip", version, "route", "del", "unreachable", there.address)
            lab.gateway.run("ip", version, "rule", "del", "priority", "5000")
