"""The kernel's side: what is intercepted and what is not, and that connections work whatever becomes of Limpid."""

import re
import signal
import socket
import struct
import subprocess
import threading
from pathlib import Path

import pytest

from lab import syn, wait
from lab.limpid import rendered, user
from lab.net import blocked, ended, kill, unchanged
from lab.nginx import pattern
from lab.origin import answer
from lab.wire import Closed, get, reply


def was_intercepted(there, client, request=None):
    """As intercepted(), but nobody is in a hurry: of who must be answered, by whomever."""
    return intercepted(there, client, request, wait.DEADLINE)


def intercepted(there, client, request=None, patience=1, connected=lambda sock: None):
    """Makes a connection and a request: True if Limpid answered, False if the origin did, None if nobody did in so many seconds."""
    try:
        sock = client.socket(socket.AF_INET6 if ":" in there.address else socket.AF_INET)
        sock.settimeout(patience)
        with sock:
            sock.connect((there.address, there.port))
            connected(sock)
            sock.sendall(request or get(there.host, "/who"))
            text = b""
            while b"\r\n\r\n" not in text and (more := sock.recv(65536)):
                text += more
    except OSError:
        return None
    return b"\r\nvia:" in text.lower() if text.startswith(b"HTTP/1.1 200") else None


def direct_at_once(there, client):
    """Whether the very next connection goes to the origin: with its first SYN, and not with one that was sent again a second later."""
    sent_again = []
    total_retrans = lambda sock: struct.unpack_from("I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 100)[0]
    found = intercepted(there, client, patience=wait.DEADLINE, connected=lambda sock: sent_again.append(total_retrans(sock)))
    return found is False and sent_again == [0]


@pytest.fixture
def there(origin):
    return origin()


@pytest.fixture
def all_at_once(lab, there):
    """all_at_once(expected): waits until every client's connections, of both families, are (not) intercepted."""
    def make(expected, **options):
        wait.eventually(lambda: all(intercepted(there, client) is expected for client in lab.clients),
                        f"connections to be {'intercepted' if expected else 'direct'}", **options)

    return make


# ---- what dies

@pytest.mark.parametrize("form", ["tproxy", "mark"])
def test_k1_a_dead_proxy_leaves_connections_direct_at_once(lab, limpid_with, origin, there, all_at_once, form):
    limpid, six = limpid_with(intercept={"form": form}), origin(family=6)
    assert was_intercepted(six, lab.client) is True
    assert was_intercepted(there, lab.client) is True
    kill(limpid.process.pid, signal.SIGSTOP)  # the warden: nothing is repaired meanwhile
    dead = limpid.proxy()
    kill(dead, signal.SIGKILL)
    wait.eventually(lambda: not limpid.listens(), "its listeners to be closed")
    assert all(direct_at_once(one, client) for client in lab.clients for one in (there, six))
    kill(limpid.process.pid, signal.SIGCONT)
    all_at_once(True)
    assert limpid.proxy() != dead


def test_a_proxy_that_dies_again_and_again_is_restarted_each_time(lab, limpid_with, there, all_at_once):
    limpid = limpid_with()
    for _ in range(3):
        kill(limpid.proxy(), signal.SIGABRT)
        wait.eventually(lambda: intercepted(there, lab.client) is not None, "some answer at all")
        all_at_once(True, within=60)


def test_k2_a_hung_proxy_leaves_connections_direct_and_comes_back(lab, limpid_with, there, all_at_once):
    """By the gate alone: it is not killed for that."""
    limpid = limpid_with()
    proxy = limpid.proxy()
    kill(proxy, signal.SIGSTOP)
    all_at_once(False)
    kill(proxy, signal.SIGCONT)
    all_at_once(True)
    assert limpid.proxy() == proxy


def test_k2_one_worker_that_hangs_leaves_connections_direct(lab, limpid_with, all_at_once):
    """The other one could go on, but half of the connections would wait for this one."""
    limpid = limpid_with()
    proxy = limpid.proxy()
    with blocked(limpid.thread("worker 1")):
        all_at_once(False)
    all_at_once(True)
    assert limpid.proxy() == proxy


def test_a_warden_that_hangs_leaves_connections_direct(lab, limpid_with, all_at_once):
    """Nobody need shut the gate: what it is made of lives for three seconds."""
    limpid = limpid_with()
    lives = re.findall(r'"(lan\d)" timeout (\w+)', lab.gateway.run("nft", "list", "set", "inet", "limpid", "gate"))
    assert sorted(lives) == [("lan0", "3s"), ("lan1", "3s")]
    kill(limpid.process.pid, signal.SIGSTOP)
    all_at_once(False)
    kill(limpid.process.pid, signal.SIGCONT)
    all_at_once(True)


def test_a_proxy_that_stays_hung_is_killed_and_restarted(limpid_with, all_at_once):
    limpid = limpid_with()
    hung = limpid.proxy()
    kill(hung, signal.SIGSTOP)
    wait.eventually(lambda: ended(hung), "the hung proxy to be killed", within=40)
    all_at_once(True, within=40)


def test_the_warden_killed_takes_the_proxy_along_and_connections_go_direct(lab, limpid_with, there, all_at_once):
    limpid = limpid_with()
    proxy = limpid.proxy()
    kill(limpid.process.pid, signal.SIGKILL)
    limpid.process.wait()
    limpid.process = None
    wait.eventually(lambda: ended(proxy), "the proxy to end with its warden")
    all_at_once(False)
    limpid.command("setup", "down")
    limpid.check_kernel()


def test_starting_again_after_a_kill_of_everything(lab, limpid_with, there, all_at_once):
    """No clean-up has run: the next start finds what the last one left, and its end gives back what the first one found."""
    limpid = limpid_with()
    first = limpid.before
    limpid.crash()
    assert not limpid.listens()
    assert all(direct_at_once(there, client) for client in lab.clients)
    limpid.start()
    limpid.before = first
    all_at_once(True)


# ---- how it ends

def test_sigterm_lets_running_downloads_end(lab, limpid_with, origin, connect):
    """Draining: new connections go direct, what runs runs on, and only then it ends."""
    go = threading.Event()
    half = pattern(1_000_000)

    def slow(connection):
        connection.request()
        connection.send(reply(half + half)[:-len(half)])
        connection.wait(go)
        connection.send(half)

    there, other = origin(slow), origin()
    limpid = limpid_with()
    wire = connect(there)
    wire.send(get(there.host))
    head = wire.head()
    assert head.get("Via")
    limpid.process.send_signal(signal.SIGTERM)
    wait.eventually(lambda: intercepted(other, lab.client) is False, "new connections to go direct")
    assert limpid.process.poll() is None
    go.set()
    assert wire.read(2_000_000) == half + half
    limpid.stop()


def test_sigterm_does_not_wait_for_idle_connections(limpid_with, origin, connect):
    limpid = limpid_with()
    there = origin()
    wire = connect(there)
    assert wire.ask(get(there.host)).get("Via")
    limpid.stop()
    assert wire.read_all() == b""


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_k8_nothing_of_it_remains(lab, limpid_with, there, sign):
    """The comparison is stop()'s: rules, routes, links, sockets and sysctls, byte for byte."""
    limpid = limpid_with()
    during = lab.kernel_state()
    assert during != limpid.before
    assert was_intercepted(there, lab.client)
    limpid.stop(sign)


THEIRS = """
table inet theirs {
        chain c {
                type filter hook forward priority 0
                ct state invalid counter drop
        }
}
table ip limpid_not {
        set s {
                type ipv4_addr
                elements = { 192.0.2.9 }
        }
}
"""


def test_rules_of_others_are_left_alone(lab, limpid_with, there):
    lab.gateway.run("nft", "-f", "-", input=THEIRS)
    lab.gateway.run("ip", "rule", "add", "fwmark", "0x100/0x100", "lookup", "200", "priority", "150")
    lab.gateway.run("ip", "route", "add", "blackhole", "192.0.2.9", "table", "200")
    try:
        limpid = limpid_with()
        assert was_intercepted(there, lab.client)
        limpid.stop()
        assert "192.0.2.9" in lab.gateway.run("nft", "list", "ruleset")
    finally:
        lab.gateway.run("ip", "rule", "del", "priority", "150")
        lab.gateway.run("ip", "route", "flush", "table", "200")
        lab.gateway.run("nft", "delete", "table", "inet", "theirs")
        lab.gateway.run("nft", "delete", "table", "ip", "limpid_not")


# ---- setup as a command

def test_setup_up_check_show_down(lab, limpid_with, there):
    limpid = limpid_with(start=False)
    limpid.path.write_text(rendered(limpid.config))
    before = lab.kernel_state()
    limpid.command("setup", "check", code=1)
    shown = limpid.command("setup", "show")
    assert "nft" in shown and "ip rule" in shown and "tproxy" in shown
    unchanged(before, lab.kernel_state())  # showing changes nothing
    limpid.command("setup", "up")
    up = lab.kernel_state()
    assert up != before
    limpid.command("setup", "check")
    limpid.command("setup", "up")
    unchanged(up, lab.kernel_state())  # twice is as good as once
    assert was_intercepted(there, lab.client) is False, "the gate is shut as long as nothing runs"
    lab.gateway.run("ip", "rule", "del", "lookup", "100")
    assert "rule" in limpid.command("setup", "check", code=1)
    limpid.command("setup", "down")
    unchanged(before, lab.kernel_state())
    limpid.command("setup", "down")
    unchanged(before, lab.kernel_state())


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("thing, words, said", [
    ("rule", ["fwmark", "0x1/0x1", "lookup", "200"], "another program's routing rule uses bits of mark 0x1; set another `mark`"),
    ("route", ["unreachable", "default", "table", "100"], "routing table 100 is used by another program; set another `table`"),
])
def test_what_another_program_uses_is_not_taken_from_it(lab, limpid_with, version, thing, words, said):
    limpid = limpid_with(start=False)
    limpid.path.write_text(rendered(limpid.config))
    lab.gateway.run("ip", f"-{version}", thing, "add", *words)
    try:
        before = lab.kernel_state()
        assert said in limpid.command("setup", "up", code=1)
        unchanged(before, lab.kernel_state())
    finally:
        lab.gateway.run("ip", f"-{version}", thing, "del", *words)


def test_k7_a_rule_that_is_removed_while_running_is_put_back_or_reported(lab, limpid_with, all_at_once):
    limpid = limpid_with()
    lab.gateway.run("ip", "rule", "del", "lookup", "100")
    limpid.said("(?i)rule|route|set-up|setup")
    all_at_once(True, within=90)


# ---- what is not intercepted

def test_k4_the_gateways_own_address_is_not_intercepted(lab, limpid_with, connect):
    limpid_with()
    for address in ("10.77.1.1", "192.0.2.1", "fd77:1::1"):
        for port in (80, 3129):
            with pytest.raises(ConnectionRefusedError):
                lab.client.connect(address, port)


def test_private_destinations_are_left_alone(lab, limpid_with, origin):
    limpid_with()
    lab.origin.run("ip", "route", "add", "local", "10.99.0.0/24", "dev", "lo")
    lab.origin.run("ip", "route", "add", "local", "100.64.0.0/24", "dev", "lo")
    lab.origin.run("ip", "route", "add", "local", "fd99::/64", "dev", "lo")
    try:
        for address in ("10.99.0.1", "100.64.0.1", "fd99::1"):
            assert was_intercepted(origin(address=address), lab.client) is False
    finally:
        for net in ("10.99.0.0/24", "100.64.0.0/24", "fd99::/64"):
            lab.origin.run("ip", "route", "del", "local", net, "dev", "lo")


def test_bypass_lists_and_match(lab, limpid_with, origin):
    bypassed, matched, other, six = origin(), origin(), origin(), origin(family=6)
    limpid_with(intercept={"bypass_clients": ["10.77.2.0/24", "fd77:2::2"], "bypass_servers": ["private", bypassed.address],
                           "match": f"ip daddr != {matched.address}"})
    assert was_intercepted(bypassed, lab.client) is False
    assert was_intercepted(matched, lab.client) is False
    assert was_intercepted(other, lab.client) is True
    assert was_intercepted(other, lab.other_client) is False
    assert was_intercepted(six, lab.other_client) is False


def test_without_ipv6(lab, limpid_with, origin):
    limpid_with(intercept={"ipv6": False})
    assert was_intercepted(origin(), lab.client) is True
    assert was_intercepted(origin(family=6), lab.client) is False


def test_other_ports(lab, limpid_with, origin):
    limpid_with(intercept={"ports": [80, 8000]})
    eighty = origin()
    assert was_intercepted(eighty, lab.client) is True
    assert was_intercepted(origin(address=eighty.address, port=8000), lab.client, f"GET / HTTP/1.1\r\nHost: {eighty.host}:8000\r\n\r\n".encode()) is True
    assert was_intercepted(origin(address=eighty.address, port=8001), lab.client) is False


def test_only_the_clients_interfaces(lab, limpid_with, origin):
    limpid_with(intercept={"interfaces": ["lan0"]})
    there = origin()
    assert was_intercepted(there, lab.client) is True
    assert was_intercepted(there, lab.other_client) is False


def test_another_port_mark_and_table(lab, limpid_with, there):
    limpid_with(intercept={"listen_port": 4000, "mark": 0x400, "table": 77})
    assert was_intercepted(there, lab.client) is True
    assert "lookup 77" in lab.gateway.run("ip", "rule")


def test_k3_beyond_the_limit_connections_go_direct(lab, limpid_with, there, origin, connect):
    """None is reset, whichever way it goes; and when there is room again, they are intercepted."""
    limpid_with(intercept={"max_connections": 10})
    wires = [connect(there) for _ in range(60)]
    for wire in wires:
        wire.send(get(there.host))
    assert all(wire.response().status == 200 for wire in wires)
    wait.eventually(lambda: intercepted(there, lab.other_client) is False, "the gate to close")
    for wire in wires:
        wire.close()
    wait.eventually(lambda: intercepted(there, lab.other_client) is True, "the gate to open again")


@pytest.mark.parametrize("family", [4, 6])
def test_k3_a_client_beyond_its_share_goes_direct_and_no_other(lab, limpid_with, origin, connect, family):
    """Nor is any of its connections reset; and when it has fewer, it is intercepted again."""
    limpid, there = limpid_with(intercept={"max_connections_per_client": 10}), origin(family=family)
    wires = [connect(there) for _ in range(30)]
    for wire in wires:
        wire.send(get(there.host))
    assert all(wire.response().status == 200 for wire in wires)
    wait.eventually(lambda: intercepted(there, lab.client) is False, "the client to be handed back")
    assert was_intercepted(there, lab.other_client) is True
    limpid.said("has too many connections: its new ones go direct")
    assert limpid.stats()["clients_crowded"] == 1
    for wire in wires:
        wire.close()
    wait.eventually(lambda: intercepted(there, lab.client) is True, "the client to be intercepted again")


def test_fail_closed_leaves_nothing_direct(lab, limpid_with, origin):
    """Not even where nobody is left to refuse it: the rules do, with a reset."""
    limpid, servers = limpid_with(intercept={"fail": "closed"}), [origin(), origin(family=6)]

    def refused():
        for there in servers:
            with pytest.raises(ConnectionRefusedError):
                lab.client.connect(there.address)
        return True

    assert all(was_intercepted(there, lab.client) is True for there in servers)
    kill(limpid.process.pid, signal.SIGSTOP)
    kill(limpid.proxy(), signal.SIGKILL)
    wait.eventually(lambda: not limpid.listens(), "its listeners to be closed")
    assert refused()
    wait.eventually(limpid.gate_shut, "the gate's elements to expire")
    assert refused()
    kill(limpid.process.pid, signal.SIGCONT)
    wait.eventually(lambda: all(intercepted(there, lab.client) is True for there in servers))


# ---- what would have been otherwise without it

def test_k6_while_syns_are_answered_by_cookie_connections_go_direct(lab, limpid_with, there, all_at_once):
    """What the kernel does when more SYNs wait than it keeps, as in a flood; here it does it always. Such a handshake cannot be
    intercepted to its end, so the gate shuts until it is over."""
    limpid = limpid_with()
    all_at_once(True)
    before = lab.gateway.run("sysctl", "-n", "net.ipv4.tcp_syncookies").strip()
    lab.gateway.run("sysctl", "-qw", "net.ipv4.tcp_syncookies=2")
    try:
        all_at_once(False)
        limpid.said("new ones go direct for 5 s")
    finally:
        lab.gateway.run("sysctl", "-qw", f"net.ipv4.tcp_syncookies={before}")
    all_at_once(True, within=60)


NOBODY = [f"10.77.1.{n}" for n in range(100, 130)]


@pytest.fixture
def kept(lab):
    """kept(n): so many SYNs wait at each listener that is made from then on."""
    before = lab.gateway.run("sysctl", "-n", "net.core.somaxconn").strip()
    yield lambda n: lab.gateway.run("sysctl", "-qw", f"net.core.somaxconn={n}")
    lab.gateway.run("sysctl", "-qw", f"net.core.somaxconn={before}")


def test_k6_a_flood_of_syns_that_are_intercepted_shuts_the_gate(lab, kept, limpid_with, there, all_at_once):
    kept(8)
    limpid = limpid_with()
    all_at_once(True)
    syn.flood(lab.client, NOBODY, there.address)
    limpid.said("new ones go direct for 5 s")
    all_at_once(False)


def test_k6_cookies_of_another_service_shut_no_gate(lab, limpid_with, there, all_at_once):
    limpid = limpid_with(log={"level": "debug"})
    all_at_once(True)
    with lab.gateway.listen("10.77.1.1", 8081, backlog=1):
        syn.flood(lab.client, NOBODY, "10.77.1.1", 8081)
        limpid.said("answers SYNs by cookie, but not those that are intercepted")
    assert was_intercepted(there, lab.client) is True
    assert "new ones go direct" not in limpid.stderr and limpid.stderr.count("the gate is") == 1


def curl(lab, *addresses, retry=True):
    """What curl gets of a host with these addresses, tried in this order."""
    again = ["--retry", 5, "--retry-all-errors", "--retry-delay", 1] if retry else []
    return lab.client.run("curl", "-sS", "--max-time", 20, *again, "--resolve", f"both.test:80:{','.join(addresses)}", "http://both.test/")


@pytest.mark.parametrize("broken", ["refused", "silent"])
def test_k9_a_server_whose_ipv6_is_broken(lab, limpid_with, origin, broken):
    """The first try is reset; the next one finds the truth, and goes over to IPv4 as it would without Limpid."""
    there, six = origin(answer(reply(b"four"))), lab.fresh_address(6)
    limpid_with(origin={"connect_timeout": "1s"})
    if broken == "silent":
        lab.origin.run("ip", "-6", "route", "add", "blackhole", six)
    try:
        assert curl(lab, six, there.address) == "four"
    finally:
        if broken == "silent":
            lab.origin.run("ip", "-6", "route", "del", "blackhole", six)


@pytest.mark.parametrize("broken", ["refused", "silent"])
def test_k9_with_prove_ipv6_the_first_try_finds_the_truth(lab, limpid_with, origin, broken):
    """curl goes over to IPv4 by itself, as it would without Limpid. What answers is intercepted from the second connection on, until it
    answers no more."""
    four, six = origin(answer(reply(b"four"))), origin(answer(reply(b"six")), family=6)
    limpid_with(intercept={"prove_ipv6": True}, origin={"connect_timeout": "1s"})
    bad = lab.fresh_address(6)
    if broken == "silent":
        lab.origin.run("ip", "-6", "route", "add", "blackhole", bad)
    try:
        assert curl(lab, bad, four.address, retry=False) == "four"
        assert [was_intercepted(six, lab.client) for _ in range(3)] == [False, True, True] and was_intercepted(four, lab.client) is True
        six.close()
        assert curl(lab, six.address, four.address) == "four", "it counts as one that answers, and the first try is reset"
        wait.eventually(lambda: six.address not in lab.gateway.run("nft", "list", "set", "inet", "limpid", "answered6"), "it to be forgotten")
        lab.gateway.run("nft", "flush", "set", "inet", "limpid", "handed_back6")
        assert curl(lab, six.address, four.address, retry=False) == "four"
    finally:
        if broken == "silent":
            lab.origin.run("ip", "-6", "route", "del", "blackhole", bad)


@pytest.mark.parametrize("form", ["tproxy", "mark"])
def test_k9_where_there_is_no_way_the_client_hears_it_at_once(lab, limpid_with, origin, form):
    """The gateway's IPv6 is broken: what it says of that reaches the client before any handshake, and its first try goes over to IPv4."""
    there = origin(answer(reply(b"four")))
    limpid = limpid_with(intercept={"form": form})
    for kind in ("unreachable", "prohibit"):
        lab.gateway.run("ip", "-6", "route", "add", kind, "2001:db8:99::/64")
        try:
            assert curl(lab, "2001:db8:99::1", there.address, retry=False) == "four"
        finally:
            lab.gateway.run("ip", "-6", "route", "del", kind, "2001:db8:99::/64")
    assert limpid.stats()["upstream_failures"] == 0


FORBIDDEN = """
table inet theirs {{
        chain forward {{
                type filter hook forward priority 0
                ip daddr {{ 10.99.0.1, {public} }} reject with tcp reset
        }}
}}
"""


def test_k10_what_the_forward_chain_forbids_stays_forbidden(lab, limpid_with, origin):
    """Private destinations without a word, others by `match`."""
    public, other = origin(), origin()
    lab.gateway.run("nft", "-f", "-", input=FORBIDDEN.format(public=public.address))
    lab.origin.run("ip", "route", "add", "local", "10.99.0.0/24", "dev", "lo")
    try:
        private = origin(address="10.99.0.1")
        limpid = limpid_with(intercept={"match": f"ip daddr != {public.address}"})
        for there in (private, public):
            with pytest.raises(ConnectionRefusedError):
                lab.client.connect(there.address)
        assert was_intercepted(other, lab.client) is True
        limpid.stop()
    finally:
        lab.origin.run("ip", "route", "del", "local", "10.99.0.0/24", "dev", "lo")
        lab.gateway.run("nft", "delete", "table", "inet", "theirs")


PORTAL = """
table inet portal {
        set known {
                type ipv4_addr
        }
        chain prerouting {
                type nat hook prerouting priority dstnat
                iifname "lan*" ip saddr != @known tcp dport 80 redirect to :8008
        }
}
"""


def test_k10_a_captive_portals_redirect_stays_one(lab, limpid_with, there):
    lab.gateway.run("nft", "-f", "-", input=PORTAL)
    try:
        with lab.gateway.listen("0.0.0.0", 8008) as portal:
            limpid = limpid_with()
            portal.settimeout(wait.DEADLINE)
            with lab.client.connect(there.address):
                portal.accept()[0].close()
            lab.gateway.run("nft", "add", "element", "inet", "portal", "known", "{ 10.77.1.2 }")
            assert was_intercepted(there, lab.client) is True
            lab.gateway.run("nft", "flush", "set", "inet", "portal", "known")
            limpid.stop()
    finally:
        lab.gateway.run("nft", "delete", "table", "inet", "portal")


FIREWALL = """
table inet fw {
        chain input {
                type filter hook input priority 0; policy drop
                iif lo accept
        }
}
"""


def test_k0_input_that_drops_keeps_the_gate_shut(lab, limpid_with, there):
    """The gate opens on evidence: a firewall that would swallow the intercepted connections is noticed before any client."""
    lab.gateway.run("nft", "-f", "-", input=FIREWALL)
    try:
        limpid = limpid_with(start=False)
        limpid.start(ready=False)
        wait.eventually(limpid.listens, "limpid to listen")
        limpid.said("(?i)gate|self.?test|probe")
        for client in lab.clients:
            assert was_intercepted(there, client) is False
        assert limpid.gate_shut()
        lab.gateway.run("nft", "delete", "table", "inet", "fw")
        limpid.before = None
        wait.eventually(lambda: intercepted(there, lab.client) is True, "the gate to open by itself", within=90)
        limpid.process.terminate()
        assert limpid.process.wait(30) == 0
        limpid.process = None
    finally:
        subprocess.run(lab.gateway.command("nft", "delete", "table", "inet", "fw"), stderr=subprocess.DEVNULL)


# ---- privileges

def status(pid):
    return dict(re.findall(r"^(\w+):\s*(.*)$", Path(f"/proc/{pid}/status").read_text(), re.M))


NET_ADMIN, NET_RAW, SYS_ADMIN = 1 << 12, 1 << 13, 1 << 21


def test_what_the_proxy_may_do(limpid_with):
    limpid = limpid_with()
    proxy = status(limpid.proxy())
    for kind in ("CapEff", "CapPrm", "CapBnd"):
        assert int(proxy[kind], 16) in (NET_RAW, NET_RAW | 1 << 10), kind
    assert int(proxy["CapInh"], 16) & ~NET_RAW == 0
    assert proxy["NoNewPrivs"] == "1" and proxy["Seccomp"] == "2"
    if user():
        assert proxy["Uid"].split()[1] != "0" and "0" not in proxy["Groups"].split()


def test_every_thread_of_the_proxy_is_confined(limpid_with, tmp_path, monkeypatch):
    """Landlock holds for the thread that asks for it and for those that it starts: so it comes before the first of them."""
    limpid, trace = limpid_with(start=False), tmp_path / "trace"
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=0")  # which needs ptrace, and strace has that
    limpid.wrapper = ("strace", "-D", "-f", "-q", "-e", "trace=landlock_restrict_self,clone,clone3", "-o", trace)
    limpid.start()
    proxy = limpid.proxy()
    limpid.stop()
    calls = re.findall(rf"^{proxy} +(landlock_restrict_self|clone3?)\(.*= (-?\d+)", trace.read_text(), re.M)
    assert calls[0] == ("landlock_restrict_self", "0") and len(calls) > 4, calls


def test_what_the_warden_may_do(limpid_with):
    warden = status(limpid_with().process.pid)
    effective = int(warden["CapEff"], 16)
    assert effective & NET_ADMIN and not effective & SYS_ADMIN and bin(effective).count("1") <= 7


# ---- systemd

def test_systemd_is_told_how_it_goes(lab, limpid_with, place, monkeypatch):
    """sd_notify(3), for Type=notify and WatchdogSec: alive also while the proxy is not."""
    path = place("systemd") / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(path))
        systemd.settimeout(wait.DEADLINE)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        limpid = limpid_with()
        heard = []

        def hear(state):
            while heard[-1:] != [state]:
                heard.append(systemd.recv(100).decode())

        hear("READY=1")
        hear("WATCHDOG=1")
        kill(limpid.proxy(), signal.SIGKILL)
        hear("READY=1")
        hear("WATCHDOG=1")
        limpid.stop()
        hear("STOPPING=1")
        assert set(heard) == {"READY=1", "WATCHDOG=1", "STOPPING=1"}


def test_the_units_watchdog_is_more_patient_than_the_warden_is_slow():
    unit = (Path(__file__).resolve().parents[2] / "conf" / "limpid.service.in").read_text()
    assert "Type=notify" in unit and int(re.search(r"^WatchdogSec=(\d+)$", unit, re.M)[1]) >= 10
