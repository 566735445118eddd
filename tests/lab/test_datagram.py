"""Datagrams of ports that the operator names: relayed so that neither side sees anything but the other."""

import signal
import socket

import pytest

from lab import wait
from lab.datagram import Server, ask, client_socket
from lab.limpid import rendered
from lab.net import ended, kill, unchanged

PORT = 1812


@pytest.fixture
def server(lab):
    """server(answer, …): see lab.datagram.Server; echoes if nothing else is said."""
    made = []

    def make(answer=lambda what, peer: what, port=PORT, **where):
        made.append(Server(lab, answer, port, **where))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def configuration():
    return {"datagram": {"ports": [PORT, 123]}}


def test_an_echo_sees_the_client_and_the_client_the_echo(lab, limpid, server, grown):
    for there, own in ((server(), lab.client.address4), (server(family=6), lab.client.address6)):
        with client_socket(lab.client, there.address) as sock:
            sock.sendto(b"hello", (there.address, PORT))
            what, peer = sock.recvfrom(65536)
            own_port = sock.getsockname()[1]
        assert what == b"hello" and peer[:2] == (there.address, PORT)
        (seen, source), = there.seen
        assert seen == b"hello" and source[0] == own
        assert source[1] != own_port, "it was relayed: both legs have ports of their own"
    wait.eventually(lambda: grown().get("datagrams") == 4, lambda: f"four datagrams to be counted: {grown()}")
    assert grown()["flows"] == 2


def test_every_size_passes_whole(lab, limpid, server):
    for there in (server(), server(family=6)):
        for size in (0, 1, 1472, 9000, 65000):
            what = bytes(n & 0xff for n in range(size))
            assert ask(lab.client, there, what) == (what, (there.address, PORT))


def test_a_flow_is_one_socket_to_the_server_and_all_that_comes_back_arrives(lab, limpid, server, grown):
    there = server(lambda what, peer: [what + bytes([n]) for n in range(100)])
    with client_socket(lab.client, there.address) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        got = []
        for n in range(10):
            sock.sendto(b"q%d" % n, (there.address, PORT))
            for _ in range(100):
                what, peer = sock.recvfrom(65536)
                assert peer[:2] == (there.address, PORT)
                got.append(what)
    assert sorted(got) == sorted(b"q%d" % n + bytes([k]) for n in range(10) for k in range(100))
    assert len({peer for _, peer in there.seen}) == 1
    assert grown()["flows"] == 1


def test_one_socket_talks_with_many_servers_and_clients_do_not_mix(lab, limpid, server, grown):
    there = [server(lambda what, peer, n=n: b"%d " % n + what) for n in range(3)]
    with client_socket(lab.client, "4", (lab.client.address4, PORT)) as one, \
         client_socket(lab.other_client, "4", (lab.other_client.address4, PORT)) as two:  # the port that they ask: as NTP does
        for sock, name in ((one, b"one"), (two, b"two"), (one, b"again")):
            for n, s in enumerate(there):
                sock.sendto(name, (s.address, PORT))
                what, peer = sock.recvfrom(65536)
                assert (what, peer[0]) == (b"%d " % n + name, s.address)
    assert grown()["flows"] == 6


def test_other_ports_and_private_destinations_are_not_touched(lab, limpid, server, grown):
    other = server(port=PORT + 1)
    lab.origin.run("ip", "route", "add", "local", "10.99.0.0/24", "dev", "lo")
    try:
        private = server(address="10.99.0.1")
        for there in (other, private):
            with client_socket(lab.client, there.address) as sock:
                sock.sendto(b"x", (there.address, there.port))
                assert sock.recvfrom(9)[0] == b"x"
                assert there.seen[0][1][1] == sock.getsockname()[1]
    finally:
        lab.origin.run("ip", "route", "del", "local", "10.99.0.0/24", "dev", "lo")
    assert "flows" not in grown()


def direct(space, there, patience=1):
    """Whether a datagram goes to the server without us: with the client's own port. None: nobody answered in so many seconds."""
    with client_socket(space, there.address) as sock:
        before = len(there.seen)
        sock.sendto(b"?", (there.address, there.port))
        sock.settimeout(patience)
        try:
            sock.recvfrom(65536)
        except TimeoutError:
            return None
        return there.seen[before][1][1] == sock.getsockname()[1]


def was_direct(space, there):
    """As direct(), of a datagram that must be answered, by whichever way: nobody sends it a second time."""
    return direct(space, there, wait.DEADLINE)


def test_where_nobody_listens_the_client_learns_it(lab, limpid, grown):
    """The first datagram is lost, and then the destination's are no longer relayed: the client gets its ICMP error."""

    def refused(address):
        with client_socket(lab.client, address) as sock:
            sock.connect((address, PORT))
            sock.send(b"?")
            sock.settimeout(1)
            try:
                sock.recv(9)
            except ConnectionRefusedError:
                return True
            except TimeoutError:
                return False

    for address in (lab.fresh_address(), lab.fresh_address(6)):
        wait.eventually(lambda: refused(address), "the client to be told that the port is closed")
    wait.eventually(lambda: "flows_open" not in grown(), lambda: f"the flows of what was lost to end: {grown()}")


@pytest.mark.parametrize("dropped", ["udp dport %d", "udp sport %d"], ids=["to servers", "to clients"])
def test_what_the_firewall_does_not_let_out_goes_direct(lab, limpid, server, dropped):
    """OUTPUT may drop what FORWARD lets through, in either direction: without Limpid it works, so it does with it."""
    lab.gateway.run("nft", "add table inet lab_fw; add chain inet lab_fw out { type filter hook output priority filter; };"
                    f"add rule inet lab_fw out {dropped % PORT} drop")
    try:
        for there in (server(), server(family=6)):
            wait.eventually(lambda: direct(lab.client, there), "a datagram to go direct and come back")
    finally:
        lab.gateway.run("nft", "delete", "table", "inet", "lab_fw")


def test_a_dead_proxy_leaves_datagrams_direct_at_once(lab, limpid_with, server):
    relay = limpid_with(datagram={"ports": [PORT]})
    both = server(), server(family=6)
    there = both[0]
    assert [was_direct(lab.client, one) for one in both] == [False, False]
    kill(relay.process.pid, signal.SIGSTOP)  # the warden: nothing is repaired meanwhile
    dead = relay.proxy()
    kill(dead, signal.SIGKILL)
    wait.eventually(lambda: ended(dead), "its sockets to be closed")
    assert [was_direct(lab.client, one) for one in both] == [True, True], "the very next datagram"
    kill(relay.process.pid, signal.SIGCONT)
    wait.eventually(lambda: direct(lab.client, there) is False, "datagrams to be relayed again", within=60)


def test_a_hung_proxy_leaves_datagrams_direct(lab, limpid_with, server):
    relay = limpid_with(datagram={"ports": [PORT]})
    there = server()
    proxy = relay.proxy()
    kill(proxy, signal.SIGSTOP)
    wait.eventually(lambda: direct(lab.client, there) is True, "datagrams to go direct")
    kill(proxy, signal.SIGCONT)
    wait.eventually(lambda: direct(lab.client, there) is False, "datagrams to be relayed again")


THEIRS = """
table inet theirs {
        chain there {
                type nat hook prerouting priority dstnat
                iifname "lan1" udp dport %d dnat ip to 192.0.2.2
        }
        chain back {
                type nat hook postrouting priority srcnat
                oifname "wan0" masquerade
        }
}
""" % PORT


def test_masqueraded_clients_and_redirected_datagrams(lab, limpid_with, server):
    """What the operator does with addresses is done as it was: flows from us are masqueraded as the clients' own are, and what is
    redirected goes where it is redirected to."""
    lab.gateway.run("nft", "-f", "-", input=THEIRS)
    try:
        limpid = limpid_with(datagram={"ports": [PORT]})
        for there, own in ((server(), "192.0.2.1"), (server(family=6), "2001:db8:ff::1")):
            assert ask(lab.client, there, b"hello") == (b"hello", (there.address, PORT))
            assert [peer[0] for _, peer in there.seen] == [own]
        elsewhere, there = server(lambda what, peer: b"elsewhere", address="192.0.2.2"), server()
        assert ask(lab.other_client, there, b"hello") == (b"elsewhere", (there.address, PORT))
        assert not there.seen and [peer[0] for _, peer in elsewhere.seen] == ["192.0.2.1"]
        assert limpid.stats()["flows"] == 3
        limpid.stop()
    finally:
        lab.gateway.run("nft", "delete", "table", "inet", "theirs")


def test_in_the_gateways_name(lab, limpid_with, server):
    limpid_with(datagram={"ports": [PORT]}, origin={"spoof_client": False})
    for there, own in ((server(), "192.0.2.1"), (server(family=6), "2001:db8:ff::1")):
        assert ask(lab.client, there, b"hello") == (b"hello", (there.address, PORT))
        assert [peer[0] for _, peer in there.seen] == [own]


def test_the_oldest_flow_goes_when_the_table_is_full(lab, limpid_with, server):
    """1,200 descriptors, of which a fourth is for the flows of two workers: 150 each."""
    limpid = limpid_with(start=False, datagram={"ports": [PORT]})
    limpid.wrapper = ("prlimit", "--nofile=1200:1200")
    limpid.start()
    there = server()
    socks = [client_socket(lab.client, there.address) for _ in range(500)]
    try:
        for sock in socks:
            sock.sendto(b"x", (there.address, PORT))
            assert sock.recvfrom(9)[0] == b"x"
        stats = limpid.stats()
        assert stats["flows"] == 500 and stats["flows_open"] + stats["flows_evicted"] == 500
        assert 150 <= stats["flows_open"] <= 300
        for sock in (socks[0], socks[-1]):  # one that went, and one that is there
            sock.sendto(b"again", (there.address, PORT))
            assert sock.recvfrom(9)[0] == b"again"
        assert limpid.stats()["flows"] == 501
    finally:
        for sock in socks:
            sock.close()


def test_setup_shows_and_removes_the_rules_for_datagrams(lab, limpid_with):
    limpid = limpid_with(start=False, datagram={"ports": [PORT]}, dns={"relay": True})
    limpid.path.write_text(rendered(limpid.config))
    before = lab.kernel_state()
    assert "udp dport { 53, 1812 }" in limpid.command("setup", "show")
    limpid.command("setup", "up")
    assert "udp" in lab.gateway.run("nft", "list", "table", "inet", "limpid")
    limpid.command("setup", "down")
    unchanged(before, lab.kernel_state())


def test_without_ports_nothing_of_it_is_there(lab, limpid_with):
    limpid_with()
    assert "udp" not in lab.gateway.run("nft", "list", "table", "inet", "limpid")
    assert ":3129" not in lab.gateway.run("ss", "-Hlun")
