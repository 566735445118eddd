"""What the kernel does by itself, without Limpid: each test is a recipe with one thing right or wrong, and a bare socket as the
proxy. These are the facts that the plan is built on (docs/transparent-proxying.md)."""

import contextlib
import errno
import re
import select
import socket
import struct
import subprocess

import pytest

from lab import wait
from lab.datagram import client_socket
from lab.net import family_of
from lab.origin import answer
from lab.wire import Wire, get, reply
from test_manual import TPROXY, typed  # noqa: F401 (a fixture)

FAMILIES = pytest.mark.parametrize("family", [4, 6])
LOOPBACK = {4: "127.0.0.1", 6: "::1"}
IP_MTU, IPV6_MTU, IP_TRANSPARENT, IP_BIND_ADDRESS_NO_PORT, IPV6_TRANSPARENT = 14, 24, 19, 24, 75

SYN = "tcp flags & (fin | syn | rst | ack) == syn"
DIVERT = f"{SYN.replace('==', '!=')} socket transparent 1 meta mark set 1 accept\n" + "\n".join(
    f"meta l4proto {protocol} socket transparent 1 meta mark set 1 accept" for protocol in ("icmp", "icmpv6"))
TO_LISTENER = """meta nfproto ipv4 meta l4proto { tcp, udp } tproxy ip to 127.0.0.1:3129 meta mark set 1 accept
                meta nfproto ipv6 meta l4proto { tcp, udp } tproxy ip6 to [::1]:3129 meta mark set 1 accept"""
RULES = """
table inet bare {
        counter matched {}
        counter errors {}
        counter new {}
        chain taken {
                %(to)s
        }
        chain prerouting {
                type filter hook prerouting priority %(priority)s
                fib daddr type local return
                %(divert)s
                iifname "lan*" tcp dport 80 %(syn)s jump taken
                iifname "lan*" udp dport 1812 jump taken
        }
}
"""


@pytest.fixture
def rules(lab):
    """rules(name=text, …): a table of these rules, the rule for the mark and the local route; all of it is taken back at the end."""
    def take_back():
        subprocess.run(lab.gateway.command("nft", "delete", "table", "inet", "bare"), stderr=subprocess.DEVNULL)
        for version in ("-4", "-6"):
            subprocess.run(lab.gateway.command("ip", version, "rule", "del", "fwmark", "1/1", "lookup", "100"), stderr=subprocess.DEVNULL)
            subprocess.run(lab.gateway.command("ip", version, "route", "flush", "table", "100"), stderr=subprocess.DEVNULL)

    def make(to=TO_LISTENER, divert=DIVERT, priority="dstnat + 10", syn=SYN):
        text = RULES % {"to": to, "divert": divert, "priority": priority, "syn": syn}
        lab.gateway.run("nft", "-f", "-", input=text)
        for version, everything in (("-4", "0.0.0.0/0"), ("-6", "::/0")):
            lab.gateway.run("ip", version, "rule", "add", "fwmark", "1/1", "lookup", "100", "priority", "10")
            lab.gateway.run("ip", version, "route", "add", "local", everything, "dev", "lo", "table", "100")

    yield make
    take_back()


@contextlib.contextmanager
def transparent(lab, where, kind=socket.SOCK_STREAM):
    """A transparent socket of the gateway's, bound to an address that need not be its own."""
    family = family_of(where[0])
    with lab.gateway.socket(family, kind) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_TRANSPARENT, 1)
        else:
            sock.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)
        sock.settimeout(wait.DEADLINE)
        sock.bind(where)
        yield sock


@contextlib.contextmanager
def listening(lab, family):
    with transparent(lab, (LOOPBACK[family], 3129)) as here:
        here.listen()
        yield here


def who(lab, here, there, source=None, patience=wait.DEADLINE):
    """Who answers a connection to `there`: "the proxy" (whose listener is `here`) or "the server"; else it is "refused", or "lost" if
    nobody has answered in so many seconds."""
    with lab.client.socket(family_of(there.address)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if source:
            sock.bind(source)
        sock.settimeout(patience)
        try:
            sock.connect((there.address, 80))
            sock.sendall(get(there.host))
        except (ConnectionRefusedError, ConnectionResetError):
            return "refused"
        except TimeoutError:
            return "lost"
        ready = select.select([sock, *([here] if here else [])], [], [], wait.DEADLINE)[0]
        if here not in ready:
            return "the server" if sock in ready else "nobody"
        with here.accept()[0] as accepted:
            assert accepted.getsockname()[:2] == (there.address, 80), "the original destination"
            accepted.recv(4096)
        sock.recv(1)  # its end: the proxy's socket is the one that waits in TIME_WAIT
        return "the proxy"


def counted(lab, name):
    return int(re.search(r"packets (\d+)", lab.gateway.run("nft", "list", "counter", "inet", "bare", name))[1])


# ---- the tproxy statement and the mark

@FAMILIES
def test_nft_tproxy_without_a_listener_leaves_the_packet_to_be_routed(lab, rules, origin, family):
    there = origin(family=family)
    rules()
    with listening(lab, family) as here:
        assert who(lab, here, there) == "the proxy"
    assert who(lab, None, there) == "the server"


@FAMILIES
def test_a_mark_that_is_set_before_tproxy_takes_connections_down_with_the_listener(lab, rules, origin, family):
    there = origin(family=family)
    rules(to="meta mark set 1\n" + TO_LISTENER)
    with listening(lab, family) as here:
        assert who(lab, here, there) == "the proxy"
    assert who(lab, None, there, patience=1) in ("refused", "lost")


@FAMILIES
def test_iptables_tproxy_without_a_listener_drops(lab, typed, origin, family):  # noqa: F811
    there = origin(family=family)
    typed(TPROXY)
    with listening(lab, family) as here:
        assert who(lab, here, there) == "the proxy"
    assert who(lab, None, there, patience=1) == "lost"


@FAMILIES
@pytest.mark.parametrize("missing", ["rule", "route"])
def test_without_the_rule_or_the_route_the_packet_never_reaches_the_socket(lab, rules, origin, family, missing):
    there = origin(family=family)
    rules()
    with listening(lab, family) as here:
        assert who(lab, here, there) == "the proxy"
        words = ("rule", "del", "fwmark", "1/1", "lookup", "100") if missing == "rule" else ("route", "flush", "table", "100")
        lab.gateway.run("ip", f"-{family}", *words)
        assert who(lab, here, there, patience=1) == "lost"


@pytest.mark.parametrize("family, settings, expected", [
    (4, {}, "the proxy"),
    (4, {"all.rp_filter": 1, "lan0.rp_filter": 1}, "the proxy"),
    (4, {"all.rp_filter": 1, "lan0.rp_filter": 1, "all.src_valid_mark": 1}, "lost"),
    (4, {"tcp_fwmark_accept": 1}, "lost"),
    (6, {"tcp_fwmark_accept": 1}, "lost"),
])
def test_what_a_setting_does_to_interception(lab, rules, origin, family, settings, expected):
    there = origin(family=family)
    rules()
    assert lab.gateway.run("sysctl", "-n", "net.ipv4.conf.all.route_localnet", "net.ipv4.conf.lan0.route_localnet") == "0\n0\n"
    names = {name: f"net.ipv4.{'conf.' if '.' in name else ''}{name}" for name in settings}
    before = {name: lab.gateway.run("sysctl", "-n", names[name]).strip() for name in settings}
    try:
        for name, value in settings.items():
            lab.gateway.run("sysctl", "-qw", f"{names[name]}={value}")
        with listening(lab, family) as here:
            assert who(lab, here, there, patience=1 if expected == "lost" else wait.DEADLINE) == expected
    finally:
        for name, value in before.items():
            lab.gateway.run("sysctl", "-qw", f"{names[name]}={value}")


@FAMILIES
@pytest.mark.parametrize("syn, expected", [(SYN, "refused"), ("", "the proxy")], ids=["syn", "all"])
def test_a_handshake_by_cookie_ends_at_the_listener_only_if_tproxy_sees_its_ack(lab, rules, origin, family, syn, expected):
    """There is no socket yet that the divert rule could find: without tproxy the ACK goes to the server, which resets."""
    there = origin(family=family)
    rules(syn=syn)
    before = lab.gateway.run("sysctl", "-n", "net.ipv4.tcp_syncookies").strip()
    lab.gateway.run("sysctl", "-qw", "net.ipv4.tcp_syncookies=2")
    try:
        with listening(lab, family) as here:
            assert who(lab, here, there) == expected
    finally:
        lab.gateway.run("sysctl", "-qw", f"net.ipv4.tcp_syncookies={before}")


# ---- order

def test_of_two_chains_at_one_priority_the_later_made_one_runs_first(lab, rules, origin):
    there = origin()
    rules()
    lab.gateway.run("nft", "-f", "-", input="""table inet bare {
            counter first_made {}
            counter later_made {}
            chain first { type filter hook prerouting priority mangle; tcp dport 80 counter name first_made; }
    }
    add chain inet bare later { type filter hook prerouting priority mangle; }
    add rule inet bare later tcp dport 80 counter name later_made drop
    """)
    assert who(lab, None, there, patience=1) == "lost"
    assert counted(lab, "later_made") > 0 and counted(lab, "first_made") == 0


@FAMILIES
@pytest.mark.parametrize("priority, expected", [("mangle", "the proxy"), ("dstnat + 10", "the portal")])
def test_only_behind_destination_nat_a_portals_redirect_stays_one(lab, rules, origin, family, priority, expected):
    there = origin(family=family)
    rules(priority=priority)
    lab.gateway.run("nft", "-f", "-", input="""table inet bare {
            chain portal { type nat hook prerouting priority dstnat; iifname "lan*" tcp dport 80 redirect to :8008; }
    }""")
    with listening(lab, family) as here, lab.gateway.listen("0.0.0.0" if family == 4 else "::", 8008) as portal:
        with lab.client.connect(there.address):
            ready = select.select([here, portal], [], [], wait.DEADLINE)[0]
            assert ["the proxy" if sock is here else "the portal" for sock in ready] == [expected]
            ready[0].accept()[0].close()


# ---- the divert rule

@FAMILIES
def test_a_new_connection_from_a_port_in_time_wait_matches_the_old_socket(lab, rules, origin, family):
    """`socket transparent` finds what waits in TIME_WAIT; the statement tproxy gives the same SYN to the listener."""
    there, client = origin(family=family), (getattr(lab.client, f"address{family}"), 20080)
    rules(divert=f"{SYN} socket transparent 1 counter name matched\n{DIVERT}")
    with listening(lab, family) as here:
        assert who(lab, here, there, client) == "the proxy"
        wait.eventually(lambda: ":20080" in lab.gateway.run("ss", "-Hnt", "state", "time-wait"), "TIME_WAIT")
        assert counted(lab, "matched") == 0
        assert who(lab, here, there, client) == "the proxy"
        assert counted(lab, "matched") == 1


@FAMILIES
@pytest.mark.parametrize("divert, learns", [("meta l4proto tcp socket transparent 1 meta mark set 1 accept", False), (DIVERT, True)],
                         ids=["tcp", "tcp_and_icmp"])
def test_path_mtu_discovery_takes_icmp_to_be_diverted_too(lab, far, rules, origin, family, divert, learns):
    """A connection in the client's name, to a server behind a route of 1280 bytes: the router's error is for the client's address."""
    beyond = far("origin")
    there = origin(answer(lambda request: reply(b"y")), space=beyond, address=getattr(beyond, f"address{family}"))
    rules(divert="meta l4proto { icmp, icmpv6 } counter name errors\n" + divert)
    level, option = (socket.IPPROTO_IP, IP_MTU) if family == 4 else (socket.IPPROTO_IPV6, IPV6_MTU)
    with transparent(lab, (getattr(lab.client, f"address{family}"), 0)) as upstream:
        upstream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        upstream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # nothing is sent on in the next test
        upstream.connect((there.address, 80))
        upstream.sendall(get(there.host, "/", "Content-Length: 100000", method="POST") + b"x" * 100_000)
        wait.eventually(lambda: counted(lab, "errors") > 0, "the router's error")
        if learns:
            assert Wire(upstream).response().body == b"y"
        assert upstream.getsockopt(level, option) == (1280 if learns else 1500)


# ---- the upstream side

@FAMILIES
@pytest.mark.parametrize("port, new", [(20081, 0), (20082, 1)])
def test_with_the_clients_own_port_both_legs_are_one_connection_to_conntrack(lab, rules, origin, family, port, new):
    there, client = origin(family=family), getattr(lab.client, f"address{family}")
    rules()
    lab.gateway.run("nft", "-f", "-", input=f"""table inet bare {{
            chain output {{ type filter hook output priority filter; {SYN} ct state new counter name new; }}
    }}""")
    with listening(lab, family) as here, lab.client.connect(there.address, source=(client, 20081)):
        with here.accept()[0], transparent(lab, (client, port)) as upstream:
            upstream.connect((there.address, 80))
            assert counted(lab, "new") == new


@FAMILIES
@pytest.mark.parametrize("late, most", [(False, 20), (True, 40)])
def test_a_port_range_is_for_all_servers_together_unless_ports_are_chosen_late(lab, origin, family, late, most):
    """IP_BIND_ADDRESS_NO_PORT: the port is chosen at connect(2), when the server is known."""
    servers, made = [origin(family=family), origin(family=family)], []
    name, client = "net.ipv4.ip_local_port_range", getattr(lab.client, f"address{family}")
    before = lab.gateway.run("sysctl", "-n", name).split()
    lab.gateway.run("sysctl", "-qw", f"{name}=30000 30019")
    try:
        with contextlib.ExitStack() as stack:
            for n in range(60):
                sock = stack.enter_context(lab.gateway.socket(family_of(client)))
                level, option = (socket.IPPROTO_IP, IP_TRANSPARENT) if family == 4 else (socket.IPPROTO_IPV6, IPV6_TRANSPARENT)
                sock.setsockopt(level, option, 1)
                if late:
                    sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
                sock.setblocking(False)
                try:
                    sock.bind((client, 0))
                    sock.connect((servers[n % 2].address, 80))
                except BlockingIOError:
                    made.append(sock)
                except OSError as error:
                    assert error.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL)
            assert len(made) == most
    finally:
        lab.gateway.run("sysctl", "-qw", f"{name}={' '.join(before)}")


# ---- datagrams

@FAMILIES
@pytest.mark.parametrize("connected, divert, second", [
    (False, "", "the listener"), (True, "", "the reply socket"), (False, "meta l4proto udp socket transparent 1 meta mark set 1 accept", "the reply socket"),
    (False, "udp sport 1812 udp dport != 1812 socket transparent 1 meta mark set 1 accept", "the listener")],
    ids=["bound", "connected", "diverted", "diverted_but_for_the_port"])
def test_where_the_next_datagram_goes_while_a_reply_socket_is_open(lab, rules, family, connected, divert, second):
    """A reply is sent from the server's address; what is bound there can take the client's next datagram away from the listener."""
    there = (lab.fresh_address(family), 1812)
    rules(divert=divert)
    with transparent(lab, (LOOPBACK[family], 3129), socket.SOCK_DGRAM) as here, client_socket(lab.client, there[0]) as client, \
         transparent(lab, there, socket.SOCK_DGRAM) as replies:
        source = (getattr(lab.client, f"address{family}"), 20082)
        client.bind(source)
        if connected:
            replies.connect(source)
        client.sendto(b"hello", there)
        ready = select.select([here, replies], [], [], wait.DEADLINE)[0]
        assert ["the listener" if sock is here else "the reply socket" for sock in ready] == [second]
        assert ready[0].recv(9) == b"hello"
