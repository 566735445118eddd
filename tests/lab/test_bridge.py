"""Bridge mode: a box in the cable, with one address of its own, that does not forward packets."""

import re
import signal
import socket
import struct
import threading
import time

import pytest

from lab import dns, syn, wait
from lab.box import Box
from lab.datagram import Server, client_socket
from lab.limpid import Limpid, merged, rendered
from lab.net import kill, unchanged
from lab.origin import Origin, answer
from lab.wire import get, reply
from test_gateway import intercepted, was_intercepted
from test_show import undoing

FAMILIES = (4, 6)


@pytest.fixture(scope="module")
def box(lab):
    box = Box("bridge")
    yield box
    box.close()


@pytest.fixture
def boxed(box, place):
    """boxed(section={…}): Limpid on the box, started. It is killed, and `setup down` must leave the box as it was found."""
    made = []

    def make(**changes):
        made.append(Limpid(box, place("limpid"), changes))
        return made[-1].start()

    yield make
    for limpid in made:
        if limpid.process:
            limpid.kill()
        limpid.check_sanitizers()
        limpid.check_kernel()


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


def test_the_gate_behind_the_bridge_is_shut_after_it(box, boxed):
    """By time, where nobody renews it any more: what is taken off the bridge and not intercepted would take a route."""
    boxed()
    rules = box.gateway.run("nft", "list", "ruleset")
    left = {name: int(seconds or 0) * 1000 + int(ms or 0)
            for name, seconds, ms in re.findall(r'"(br0|port0)" timeout \d+s expires (?:(\d+)s)?(?:(\d+)ms)?', rules)}
    assert left["br0"] > left["port0"], left


def test_what_crosses_the_bridge_is_intercepted(box, boxed, server, servers):
    limpid = boxed()
    for there, client in zip(servers, (box.client.address4, box.client.address6)):
        assert was_intercepted(there, box.client) is True
        assert [connection.peer for connection in there.connections] == [client]
    assert all(was_intercepted(server(address=there.address, port=8001), box.client) is False for there in servers)
    limpid.stop()
    assert direct(box, servers)


def test_with_prove_ipv6_what_has_not_answered_stays_on_the_bridge(box, boxed, servers):
    boxed(intercept={"prove_ipv6": True})
    four, six = servers
    assert was_intercepted(four, box.client) is True
    assert [was_intercepted(six, box.client) for _ in range(3)] == [False, True, True]


def test_neighbours_are_who_they_are(box, boxed, servers):
    """The box speaks with the client's address, but says of none that it is its own; and questions for addresses go on."""
    boxed()
    for space in (box.client, box.origin):
        space.run("ip", "neigh", "flush", "all")
    assert all(was_intercepted(there, box.client) is True for there in servers)
    for version, router, client in (("-4", "10.78.0.1", "10.78.0.2"), ("-6", "fd78::1", "fd78::2")):
        assert hardware(box.origin, "eth0") in box.client.run("ip", version, "neigh", "show", router)
        assert hardware(box.client, "eth0") in box.origin.run("ip", version, "neigh", "show", client)


def test_a_dead_proxy_leaves_frames_on_the_bridge(box, boxed, servers):
    """What was sent up in the last seconds of the gate is sent again by the client, a second later."""
    limpid = boxed()
    assert all(was_intercepted(there, box.client) is True for there in servers)
    kill(limpid.process.pid, signal.SIGSTOP)
    kill(limpid.proxy(), signal.SIGKILL)
    wait.eventually(lambda: direct(box, servers), "connections to go direct")
    kill(limpid.process.pid, signal.SIGCONT)
    wait.eventually(lambda: all(intercepted(there, box.client) is True for there in servers), "the gate to open")


@pytest.mark.parametrize("family", FAMILIES)
def test_a_client_beyond_its_share_stays_on_the_bridge_and_no_other(box, boxed, servers, family):
    boxed(intercept={"max_connections_per_client": 10})
    there, other = (next(one for one in servers if (":" in one.address) == (v == 6)) for v in (family, 10 - family))
    wires = [box.client.connect(there.address) for _ in range(30)]
    for wire in wires:
        wire.send(get(there.host))
    assert all(wire.response().status == 200 for wire in wires)
    wait.eventually(lambda: intercepted(there, box.client) is False, "the client to be handed back")
    assert was_intercepted(other, box.client) is True, "by its other address it is another one"
    for wire in wires:
        wire.close()
    wait.eventually(lambda: intercepted(there, box.client) is True, "the client to be intercepted again")


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
    for wire in (before, during, after):
        wire.close()


@pytest.mark.parametrize("family", FAMILIES)
def test_icmp_errors_for_what_we_send_in_the_clients_name(box, boxed, server, family):
    """They are addressed to the client's hardware, by a router with a narrow route. Without them an upload would hang."""
    boxed()
    upload_by_a_narrow_route(box, server, family)


def upload_by_a_narrow_route(box, server, family):
    beyond, body = box.beyond("origin"), b"x" * 300_000
    try:
        there = server(answer(lambda request: reply(b"y" * len(request.body))), space=beyond, address=getattr(beyond, f"address{family}"))
        wait.eventually(lambda: intercepted(there, box.client) is True, "the gate to open")
        with box.client.connect(there.address) as wire:
            sender = threading.Thread(target=wire.send, args=(get(there.host, "/", "Content-Length: 300000", method="POST"), body))
            sender.start()
            answered = wire.response()
            sender.join()
        assert answered.get("Via") and answered.body == b"y" * 300_000
    finally:
        box.origin.run("ip", "link", "del", "far0")
        beyond.close()


def test_what_becomes_different_while_it_runs_is_seen(box, boxed, servers):
    """A port that leaves and comes back, and rules that somebody removes."""
    boxed()
    for command in (("ip", "link", "set", "port0", "nomaster"), ("nft", "delete", "table", "bridge", "limpid")):
        box.gateway.run(*command)
        box.gateway.run("ip", "link", "set", "port0", "master", "br0")
        wait.eventually(lambda: all(intercepted(there, box.client) is True for there in servers), "connections to be intercepted again")


def test_check_names_what_is_different_of_the_bridges_table(box, place):
    limpid = Limpid(box, place("limpid"))
    limpid.path.write_text(rendered(limpid.config))
    limpid.command("setup", "up")
    try:
        assert limpid.command("setup", "check") == "everything is as it should be\n"
        box.gateway.run("nft", "flush", "chain", "bridge", "limpid", "admit")
        box.gateway.run("nft", "add", "rule", "bridge", "limpid", "prerouting", "ether", "type", "arp", "drop")
        said = limpid.command("setup", "check", code=1)
        assert "table bridge limpid: missing: update @clients4" in said
        assert "table bridge limpid: not of Limpid's: ether type arp drop\n" in said
    finally:
        limpid.command("setup", "down")


def test_fail_closed_lets_nothing_through(box, boxed, servers):
    """A box that does not forward cannot even refuse it."""
    limpid = boxed(intercept={"fail": "closed"})
    kill(limpid.process.pid, signal.SIGSTOP)
    kill(limpid.proxy(), signal.SIGKILL)
    wait.eventually(limpid.gate_shut, "the gate's elements to expire")
    assert all(intercepted(there, box.client) is None for there in servers)
    kill(limpid.process.pid, signal.SIGCONT)
    wait.eventually(lambda: all(intercepted(there, box.client) is True for there in servers), "the gate to open")


def test_switches_for_iptables_and_all_killed(box, boxed, servers):
    """They are switched off, also when that is undone, and given back as they were; connections go on meanwhile."""
    box.gateway.run("ip", "link", "set", "br0", "type", "bridge", "nf_call_iptables", "1", "nf_call_ip6tables", "1")
    limpid = boxed()
    box.gateway.run("ip", "link", "set", "br0", "type", "bridge", "nf_call_iptables", "1")
    wait.eventually(lambda: "nf_call_iptables 0" in box.gateway.run("ip", "-d", "link", "show", "br0"), "it to be switched off")
    wait.eventually(lambda: all(intercepted(there, box.client) is True for there in servers), "the gate to open")
    limpid.crash()
    limpid.process = None
    wait.eventually(lambda: direct(box, servers), "connections to go direct")
    limpid.command("setup", "down")
    limpid.check_kernel()


@pytest.fixture
def by_ebtables(box, place):
    """by_ebtables(section={…}): Limpid on the box, behind the iptables form of its rules. At the end the undoing that was printed with them
    must leave what was there, but for ebtables' own empty chains."""
    made, before = [], box.kernel_state()
    paste = lambda text: box.gateway.run("bash", "-ec", text)

    def make(**changes):
        limpid = Limpid(box, place("limpid"), merged(changes, {"intercept": {"manual": True}}))
        limpid.path.write_text(rendered(limpid.config))
        made.append((limpid, limpid.command("setup", "show", "--format", "iptables")))
        paste(made[-1][1])
        return limpid.start()

    yield make
    for limpid, shown in made:
        if limpid.process:
            limpid.kill()
        limpid.check_sanitizers()
        paste(undoing(shown))
    tables = re.findall(r"^table (\w+ \w+)", box.gateway.run("nft", "list", "ruleset"), re.M)
    assert "LIMPID" not in box.gateway.run("nft", "list", "ruleset") and not box.gateway.run("ipset", "list", "-name")
    for table in tables:
        box.gateway.run("nft", "delete", "table", *table.split())
    unchanged(before, box.kernel_state())


def test_the_iptables_form_takes_frames_off_the_bridge(box, by_ebtables, server, servers):
    """ebtables has no gate: what it takes up while iptables' is shut is routed on. So is what a dead program leaves."""
    limpid = by_ebtables()
    for there, client in zip(servers, (box.client.address4, box.client.address6)):
        wait.eventually(lambda: intercepted(there, box.client) is True, "the gate to open")
        assert there.connections[-1].peer == client
    assert all(was_intercepted(server(address=there.address, port=8001), box.client) is False for there in servers)
    limpid.kill()
    wait.eventually(lambda: direct(box, servers), "connections to go direct")
    before = box.client.connect(servers[0].address)
    limpid.start()
    wait.eventually(lambda: all(intercepted(there, box.client) is True for there in servers), "the gate to open")
    assert not before.ask(get(servers[0].host)).get("Via"), "what was direct stays so"
    before.close()


@pytest.mark.parametrize("family", FAMILIES)
def test_icmp_errors_behind_ebtables(box, by_ebtables, server, family):
    by_ebtables()
    upload_by_a_narrow_route(box, server, family)


# ---- datagrams

@pytest.fixture
def datagrams(box):
    """datagrams(answer, port, …): a server of datagrams behind the box."""
    made = []

    def make(answer=lambda what, peer: what, port=1812, **where):
        made.append(Server(box, answer, port, **where))
        return made[-1]

    yield make
    for one in made:
        one.close()


def relayed(box, server, what=b"x", patience=1):
    """Asks the server: True if it saw another port than the client's own, False if that one, None if nobody answers in so many seconds."""
    own = getattr(box.client, f"address{6 if ':' in server.address else 4}")
    with client_socket(box.client, server.address, (own, 0)) as sock:
        sock.settimeout(patience)
        port = sock.getsockname()[1]
        sock.sendto(what, (server.address, server.port))
        try:
            reply, peer = sock.recvfrom(65536)
        except TimeoutError:
            return None
    assert peer[:2] == (server.address, server.port) and server.seen[-1][1][0] == own
    return server.seen[-1][1][1] != port


def was_relayed(box, server, what=b"x"):
    """As relayed(), of a datagram that must be answered, by whichever way: nobody sends it a second time."""
    return relayed(box, server, what, wait.DEADLINE)


def test_datagrams_that_cross_the_bridge_are_relayed(box, boxed, datagrams):
    """Replies too that come in fragments; what a client sends in fragments, and what is for another port, stays on the bridge. With a dead
    program all of it does."""
    limpid, servers = boxed(datagram={"ports": [1812]}), []
    for family in FAMILIES:
        there, long = datagrams(family=family), datagrams(lambda what, peer: b"y" * 9000, family=family)
        servers.append(there)
        assert was_relayed(box, there) is True and was_relayed(box, long) is True
        assert was_relayed(box, there, b"x" * 9000) is False
        assert was_relayed(box, datagrams(port=1813, address=there.address)) is False
    kill(limpid.process.pid, signal.SIGSTOP)
    kill(limpid.proxy(), signal.SIGSTOP)
    for there in servers:
        wait.eventually(lambda: relayed(box, there) is False, "datagrams to stay on the bridge")
    kill(limpid.proxy(), signal.SIGCONT)
    kill(limpid.process.pid, signal.SIGCONT)
    for there in servers:  # a warden that has just woken may shut the gate once more for what it missed
        wait.eventually(lambda: relayed(box, there) is True, "datagrams to be relayed again")


def lasts(box, family, table, address):
    """For how many seconds a destination is handed back in a table, and 0 where it is not."""
    listed = box.gateway.run("nft", "list", "set", *table.split(), f"handed_back{family}")
    found = re.search(rf"{address} \. \d+ timeout (?:(\d+)m)?(?:(\d+)s)?", listed)
    return found and int(found[1] or 0) * 60 + int(found[2] or 0)


def test_datagrams_are_handed_back_on_the_bridge(box, boxed, datagrams):
    """The answer that nobody is there is an ICMP error about a datagram of ours, with the client's hardware for its destination. Like any
    datagram it may be lost, and a client asks again."""
    boxed(datagram={"ports": [1812]})
    for family in FAMILIES:
        there = datagrams(family=family)
        assert was_relayed(box, there) is True
        there.close()
        # It is put into the bridge's set first.
        wait.eventually(lambda: relayed(box, there) or lasts(box, family, "inet limpid", there.address), "the destination in both sets")
        assert lasts(box, family, "bridge limpid", there.address) > lasts(box, family, "inet limpid", there.address) > 0, \
            "what is taken off the bridge and not intercepted would have to be routed"
        again = datagrams(family=family, address=there.address)
        assert was_relayed(box, again) is False


def answer_tcp(wire):
    query = wire.read(struct.unpack("!H", wire.read(2))[0])
    what = dns.reply(query, dns.record("www.test", dns.A, "192.0.2.7"))
    wire.send(struct.pack("!H", len(what)) + what)


@pytest.mark.parametrize("fail", ["open", "closed"])
def test_dns_that_crosses_the_bridge_is_relayed(box, boxed, datagrams, server, fail):
    """By UDP and by TCP. With fail = "closed" too it is left alone while the program hangs."""
    limpid = boxed(dns={"relay": True}, intercept={"fail": fail})
    ask = lambda address, *more: box.client.run("dig", "+time=10", "+tries=1", "+short", *more, f"@{address}", "www.test")
    there = [datagrams(lambda what, peer: dns.reply(what, dns.record("www.test", dns.A, "192.0.2.7")), 53, family=family) for family in FAMILIES]
    tcp = [server(answer_tcp, family=family, address=udp.address, port=53) for family, udp in zip(FAMILIES, there)]
    for udp, stream in zip(there, tcp):
        assert ask(udp.address) == "192.0.2.7\n" and was_relayed(box, udp, dns.query("www.test")) is True
        before = limpid.stats().get("tunnels", 0)
        assert ask(udp.address, "+tcp") == "192.0.2.7\n"
        assert stream.connections[-1].peer in (box.client.address4, box.client.address6)
        wait.eventually(lambda: limpid.stats().get("tunnels", 0) == before + 1, lambda: f"a tunnel: {limpid.stats()}")
    for pid in (limpid.process.pid, limpid.proxy()):
        kill(pid, signal.SIGSTOP)
    wait.eventually(limpid.gate_shut, "the gate's elements to expire")
    for udp in there:
        assert ask(udp.address) == ask(udp.address, "+tcp") == "192.0.2.7\n"


# ---- VLANs

TAGGED = 0x8100


def frame(box, address, vlan):
    """A client's SYN to port 80 of an IPv4 address, as it is on the wire, with a tag or without."""
    mac = lambda space: bytes.fromhex(hardware(space, "eth0").replace(":", ""))
    tag = struct.pack("!HH", TAGGED, vlan) if vlan else b""
    return mac(box.origin) + mac(box.client) + tag + b"\x08\x00" + syn.packet(box.client.address4, address, 5555)


def crosses(box, address, vlan, patience):
    """Whether the origin's end of the cable sees that frame in so many seconds, addressed to itself and with the tag that it had."""
    all_frames, auxiliary = socket.htons(3), 8
    with box.client.socket(socket.AF_PACKET, socket.SOCK_RAW) as out, box.origin.socket(socket.AF_PACKET, socket.SOCK_RAW, all_frames) as seen:
        seen.bind(("eth0", 3))
        seen.setsockopt(263, auxiliary, 1)  # SOL_PACKET: the kernel takes the tag out of the frame and says it here
        seen.settimeout(patience)
        out.bind(("eth0", 0))
        sent = frame(box, address, vlan)
        out.send(sent)
        end = time.monotonic() + patience
        while time.monotonic() < end:
            try:
                got, more, _, _ = seen.recvmsg(2048, 256)
            except TimeoutError:
                return False
            tci = next((struct.unpack("IIIHHHH", what[:20])[5] for level, kind, what in more if (level, kind) == (263, auxiliary)), 0)
            if got[:12] + got[14:][:len(sent)] == sent[:12] + sent[-len(got[14:]):] and tci == (vlan or 0):
                return True
        return False


@pytest.mark.parametrize("form", ["nft", "ebtables"])
def test_frames_with_a_vlans_tag_stay_on_the_bridge(box, servers, request, form):
    request.getfixturevalue("boxed" if form == "nft" else "by_ebtables")()
    wait.eventually(lambda: intercepted(servers[0], box.client) is True, "the gate to open")
    nobody = "198.18.255.1"
    assert crosses(box, nobody, 7, wait.DEADLINE)
    assert not crosses(box, nobody, None, 1), "without a tag it is taken off"


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
            answers = intercepted if expected is None else was_intercepted
            assert [answers(there, box.client) for there in servers] == [expected] * 2
    finally:
        turn("0")
        kill(limpid.process.pid, signal.SIGCONT)
    wait.eventually(lambda: all(intercepted(there, box.client) is True for there in servers), "the gate to be held open by the warden")


def test_a_router_whose_clients_are_on_a_bridge(lab, place):
    """Frames that are for the router itself are routed as ever: nothing is taken off the bridge, and nothing entered."""
    box = Box("bridge", router=True)
    limpid, made = Limpid(box, place("limpid")), [Origin(box, family=family) for family in FAMILIES]
    try:
        box.client.run("ip", "route", "replace", "default", "via", "10.78.0.5")
        box.client.run("ip", "-6", "route", "replace", "default", "via", "fd78::5")
        limpid.start()
        for there, client in zip(made, (box.client.address4, box.client.address6)):
            assert was_intercepted(there, box.client) is True
            assert [connection.peer for connection in there.connections] == [client]
        for name in ("clients4", "clients6"):
            assert "elements" not in box.gateway.run("nft", "list", "set", "bridge", "limpid", name)
        kill(limpid.proxy(), signal.SIGSTOP)
        wait.eventually(lambda: direct(box, made), "connections to go direct")
        kill(limpid.proxy(), signal.SIGCONT)
        limpid.stop()
    finally:
        if limpid.process:
            limpid.kill()
        for there in made:
            there.close()
        box.close()
