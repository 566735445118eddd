"""Bridge mode: a box in the cable, with one address of its own, that does not forward packets."""

import re
import signal

import pytest

from lab import wait
from lab.box import Box
from lab.limpid import Limpid
from lab.net import kill
from lab.origin import Origin
from lab.wire import get
from test_gateway import intercepted

FAMILIES = (4, 6)


@pytest.fixture(scope="module")
def box(lab):
    box = Box("bridge")
    yield box
    box.close()


@pytest.fixture
def boxed(box, place):
    """boxed(section={…}): Limpid on the box, started; at its end the box must be as it was found."""
    made = []

    def make(**changes):
        made.append(Limpid(box, place("limpid"), changes))
        return made[-1].start()

    yield make
    for limpid in made:
        limpid.stop()


@pytest.fixture
def server(box):
    """server(family=…, address=…, port=…): an origin behind the box."""
    made = []

    def make(*scripts, **where):
        made.append(Origin(box, *scripts, **where))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def servers(server):
    return [server(family=family) for family in FAMILIES]


def direct(box, servers):
    return all(intercepted(there, box.client) is False for there in servers)


def hardware(space, link):
    return re.search(r"link/ether (\S+)", space.run("ip", "link", "show", link))[1]


def test_what_crosses_the_bridge_is_intercepted(box, boxed, server, servers):
    boxed()
    for there, client in zip(servers, (box.client.address4, box.client.address6)):
        assert intercepted(there, box.client) is True
        assert [connection.peer for connection in there.connections] == [client]
    assert direct(box, [server(address=there.address, port=8001) for there in servers])


def test_neighbours_are_who_they_are(box, boxed, servers):
    """The box speaks with the client's address, but says of none that it is its own; and questions for addresses go on."""
    boxed()
    for space in (box.client, box.origin):
        space.run("ip", "neigh", "flush", "all")
    assert all(intercepted(there, box.client) is True for there in servers)
    for version, router, client in (("-4", "10.78.0.1", "10.78.0.2"), ("-6", "fd78::1", "fd78::2")):
        assert hardware(box.origin, "eth0") in box.client.run("ip", version, "neigh", "show", router)
        assert hardware(box.client, "eth0") in box.origin.run("ip", version, "neigh", "show", client)


def test_a_dead_proxy_leaves_frames_on_the_bridge(box, boxed, servers):
    """What was sent up in the last seconds of the gate is sent again by the client, a second later."""
    limpid = boxed()
    assert all(intercepted(there, box.client) is True for there in servers)
    kill(limpid.process.pid, signal.SIGSTOP)
    kill(limpid.proxy(), signal.SIGKILL)
    wait.eventually(lambda: direct(box, servers), "connections to go direct")
    kill(limpid.process.pid, signal.SIGCONT)
    wait.eventually(lambda: all(intercepted(there, box.client) is True for there in servers), "the gate to open")


def test_a_connection_stays_what_it_was_when_the_gate_opens_and_shuts(box, boxed, servers):
    there = servers[0]
    before = box.client.connect(there.address)
    limpid = boxed()
    during = box.client.connect(there.address)
    assert during.ask(get(there.host)).get("Via") and not before.ask(get(there.host)).get("Via")
    kill(limpid.proxy(), signal.SIGSTOP)
    wait.eventually(lambda: direct(box, servers), "connections to go direct")
    after = box.client.connect(there.address)
    assert not after.ask(get(there.host)).get("Via")
    kill(limpid.proxy(), signal.SIGCONT)
    wait.eventually(lambda: intercepted(there, box.client) is True, "the gate to open")
    assert not after.ask(get(there.host)).get("Via") and during.ask(get(there.host)).get("Via")
    limpid.process.send_signal(signal.SIGTERM)
    for wire in (before, during, after):
        wire.close()


def test_a_switch_for_iptables_is_switched_off_and_given_back(box, boxed, servers):
    """stop() compares; what is switched on meanwhile is switched off again."""
    box.gateway.run("ip", "link", "set", "br0", "type", "bridge", "nf_call_iptables", "1", "nf_call_ip6tables", "1")
    boxed()
    assert all(intercepted(there, box.client) is True for there in servers)
    box.gateway.run("ip", "link", "set", "br0", "type", "bridge", "nf_call_iptables", "1")
    wait.eventually(lambda: "nf_call_iptables 0" in box.gateway.run("ip", "-d", "link", "show", "br0"), "it to be switched off")
    wait.eventually(lambda: all(intercepted(there, box.client) is True for there in servers), "the gate to open")


def test_with_that_switch_on_no_intercepted_connection_comes_about(box, boxed, servers):
    """The warden stands still, so that nothing is put right and nothing is renewed: the gate is held open by hand."""
    limpid, switches = boxed(), ("nf_call_iptables", "nf_call_ip6tables")
    turn = lambda value: box.gateway.run("ip", "link", "set", "br0", "type", "bridge", *(word for name in switches for word in (name, value)))
    kill(limpid.process.pid, signal.SIGSTOP)
    try:
        for table, name in (("inet", "br0"), ("bridge", "port0")):
            for verb, timeout in (("add", "timeout 60s"), ("delete", ""), ("add", "timeout 60s")):
                box.gateway.run("nft", verb, "element", table, "limpid", "gate", f'{{ "{name}" {timeout} }}')
        for value, expected in (("0", True), ("1", None), ("0", True)):
            turn(value)
            assert [intercepted(there, box.client) for there in servers] == [expected] * 2
    finally:
        turn("0")
        kill(limpid.process.pid, signal.SIGCONT)
    wait.eventually(lambda: all(intercepted(there, box.client) is True for there in servers), "the gate to be held open by the warden")
