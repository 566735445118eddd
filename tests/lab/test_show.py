"""`limpid setup show`: what it prints, pasted into a shell, does what it says; and the undoing that it prints undoes it."""

import pytest

from lab import dns, wait
from lab.datagram import Server, ask, client_socket
from lab.limpid import rendered
from lab.net import unchanged
from lab.origin import answer
from lab.wire import get, reply
from test_gateway import intercepted, was_intercepted
from test_manual import rules_of

STORED = "Cache-Control: max-age=600"


def undoing(shown):
    """The comments at the end, as commands."""
    lines = shown.splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("# to undo this"))
    return "\n".join(line.removeprefix("# ") for line in lines[first + 1:])


@pytest.fixture
def paste(lab):
    """paste(text): into a shell in the gateway, where every command has to succeed."""
    return lambda text: lab.gateway.run("bash", "-ec", text)


@pytest.mark.parametrize("changes", [
    {}, {"form": "mark"}, {"ipv6": False}, {"fail": "closed"}, {"prove_ipv6": True},
    {"mark": 0x40, "table": 77, "ports": [80, 8080], "bypass_clients": ["10.77.9.0/24", "fd77:9::/64"], "bypass_servers": [],
     "match": "ip daddr != 203.0.113.0/24"},
])
def test_nft_commands_do_what_setup_up_does(lab, limpid_with, paste, changes):
    limpid = limpid_with(start=False, intercept=changes)
    limpid.path.write_text(rendered(limpid.config))
    before = lab.kernel_state()
    shown = limpid.command("setup", "show")
    assert shown == limpid.command("setup", "show", "--format", "nft")
    limpid.command("setup", "up")
    up = lab.kernel_state()
    limpid.command("setup", "down")
    unchanged(before, lab.kernel_state())
    paste(shown)
    unchanged(up, lab.kernel_state())
    limpid.command("setup", "check")
    paste(undoing(shown))
    unchanged(before, lab.kernel_state())


def sets(lab):
    return set(lab.gateway.run("ipset", "list", "-name").split())


@pytest.fixture
def by_iptables(lab, limpid_with, paste):
    """by_iptables(key=value, …): a Limpid behind the rules that are printed for this configuration; `others` are further sections."""
    made = []

    def make(others=None, **changes):
        limpid = limpid_with(intercept={"manual": True, **changes}, start=False, **(others or {}))
        limpid.path.write_text(rendered(limpid.config))
        made.append((limpid, limpid.command("setup", "show", "--format", "iptables")))
        paste(made[0][1])
        return limpid.start()

    yield make
    for limpid, shown in made:
        limpid.stop()  # which compares what is there with what was there at its start
        paste(undoing(shown))
        assert not any("LIMPID" in line for line in rules_of(lab)) and not sets(lab)


@pytest.mark.parametrize("form", ["tproxy", "mark"])
def test_iptables_commands_intercept(lab, by_iptables, origin, connect, form):
    limpid = by_iptables(form=form)
    for family in (4, 6):
        there = origin(answer(lambda request: reply(request.body or b"one", STORED)), family=family)
        wait.eventually(lambda: intercepted(there, lab.client) is True, "the gate to open")
        assert connect(there, lab.other_client).ask(get(there.host, "/who")).hit
        assert there.connections[-1].peer == getattr(lab.client, f"address{family}")
        wire = connect(there)
        wire.send(get(there.host, "/up", "Content-Length: 300000", method="POST"), b"x" * 300_000)
        assert len(wire.response().body) == 300_000
    rules = rules_of(lab)
    limpid.stop()
    assert rules_of(lab) == rules, "they are the operator's"


def test_iptables_commands_relay_datagrams_and_dns(lab, by_iptables):
    limpid = by_iptables({"datagram": {"ports": [1812]}, "dns": {"relay": True}})
    there = [Server(lab, lambda what, peer: dns.reply(what), 53, family) for family in (4, 6)]
    there += [Server(lab, lambda what, peer: what, 1812, family) for family in (4, 6)]
    try:
        for server in there:
            own = lab.client.address6 if ":" in server.address else lab.client.address4
            wanted = dns.reply(dns.query("www.test")) if server.port == 53 else dns.query("www.test")

            def relayed():
                assert ask(lab.client, server, dns.query("www.test"), (own, 20000)) == (wanted, (server.address, server.port))
                assert server.seen[-1][1][0] == own
                return server.seen[-1][1][1] != 20000

            wait.eventually(relayed, "another port than the client's own at the server")
        assert limpid.stats()["dns_queries"] >= 2
    finally:
        for server in there:
            server.close()


def echo(what, peer):
    return what


@pytest.mark.parametrize("fail", ["open", "closed"])
def test_iptables_hand_back_datagrams_and_a_dead_limpid_leaves_them_direct(lab, by_iptables, fail):
    """A port that nobody answers at is left alone for a minute, and with it what is asked from one port of the client's: that the server
    sees this port says that nobody relays. So it is when the program is dead, as soon as the sets' elements have expired."""
    limpid = by_iptables({"datagram": {"ports": [1812]}}, fail=fail)
    for family, back in ((4, "limpid4-back"), (6, "limpid6-back")):
        own = getattr(lab.client, f"address{family}")
        there, other = (Server(lab, echo, 1812, family) for _ in range(2))

        def port_seen(server, source):
            ask(lab.client, server, b"x", (own, source))
            return server.seen[-1][1][1]

        try:
            wait.eventually(lambda: port_seen(there, 20001) != 20001, "the gate to open")
            there.close()
            with client_socket(lab.client, there.address, (own, 20002)) as sock:
                sock.connect((there.address, 1812))

                def refused():
                    sock.send(b"x")
                    return there.address in lab.gateway.run("ipset", "list", back)

                wait.eventually(refused, "the destination in the set")
            again = Server(lab, echo, 1812, family, address=there.address)
            try:
                assert port_seen(again, 20003) == 20003
                assert port_seen(other, 20004) != 20004, "others are relayed on"
            finally:
                again.close()
        finally:
            other.close()
    others = [Server(lab, echo, 1812, family) for family in (4, 6)]
    try:
        limpid.kill()
        for family, server in zip((4, 6), others):
            def direct():
                with client_socket(lab.client, server.address, (getattr(lab.client, f"address{family}"), 20005)) as sock:
                    sock.settimeout(0.5)
                    sock.sendto(b"x", (server.address, 1812))
                    try:
                        sock.recvfrom(100)
                    except TimeoutError:
                        return False
                return server.seen[-1][1][1] == 20005

            wait.eventually(direct, "a datagram to go direct", within=8)
    finally:
        for server in others:
            server.close()


def test_k1_behind_iptables_a_dead_limpid_lets_connections_go_direct(lab, by_iptables, origin):
    """The target TPROXY drops where nobody listens: it is the sets' time-out that opens the way."""
    limpid, four, six = by_iptables(), origin(), origin(family=6)
    for there in (four, six):
        wait.eventually(lambda: intercepted(there, lab.client) is True, "the gate to open")
    limpid.kill()
    for there in (four, six):
        wait.eventually(lambda: intercepted(there, lab.client) is False, "a direct connection", within=5)


def test_iptables_hand_back_what_cannot_be_reached(lab, by_iptables, origin):
    """A closed port: the client is reset as by the server, and his next try does not go through Limpid."""
    limpid, there = by_iptables(), origin()
    wait.eventually(lambda: intercepted(there, lab.client) is True, "the gate to open")
    there.close()
    lab.gateway.run("ipset", "test", "limpid4", "0.0.0.0/0,lan0")
    assert intercepted(there, lab.client) is None
    wait.eventually(lambda: there.address in lab.gateway.run("ipset", "list", "limpid4-back"), "the destination in the set")


@pytest.mark.parametrize("family", [4, 6])
def test_iptables_hand_back_a_client_with_too_many_connections(lab, by_iptables, origin, connect, family):
    by_iptables(max_connections_per_client=5)
    there = origin(family=family)
    wait.eventually(lambda: intercepted(there, lab.client) is True, "the gate to open")
    wires = [connect(there) for _ in range(8)]
    assert all(wire.ask(get(there.host)).status == 200 for wire in wires)
    wait.eventually(lambda: intercepted(there, lab.client) is False, "the client to be handed back")
    assert was_intercepted(there, lab.other_client) is True


def test_behind_iptables_what_is_not_intercepted_may_be_refused(lab, by_iptables, origin):
    limpid, there = by_iptables(fail="closed"), origin()
    wait.eventually(lambda: intercepted(there, lab.client) is True, "the gate to open")
    limpid.stop()
    with pytest.raises(ConnectionRefusedError):
        lab.client.connect(there.address)


def test_what_has_no_iptables_form_is_said(limpid_with):
    limpid = limpid_with(start=False, intercept={"match": "ip daddr != 203.0.113.0/24"})
    limpid.path.write_text(rendered(limpid.config))
    said = limpid.command("setup", "show", "--format", "iptables", code=1)
    assert said == "limpid: setup show: `match` is an nft condition and has no iptables form\n"
    for words, wrong in ((("show", "--format", "pf"), "'show' has no form 'pf'"), (("up", "--format", "nft"), "'up' has no form 'nft'"),
                         (("show", "more"), "'more' is too much")):
        first, second, *_ = limpid.command("setup", *words, code=2).splitlines()
        assert first == f"limpid setup: {wrong}" and second.startswith("usage: ")


# ---- what check finds

@pytest.mark.parametrize("change, found", [
    ("nft add rule inet limpid prerouting tcp dport 81 return", "not of Limpid's: tcp dport 81 return"),
    ("nft flush chain inet limpid intercept", "missing: meta nfproto ipv4 meta l4proto tcp tproxy ip to 127.0.0.1"),
    ("nft insert rule inet limpid prerouting iifname lan0 return", 'not of Limpid\'s: iifname "lan0" return'),
    ("nft flush ruleset", "table inet limpid is missing"),
    ("ip rule del lookup 100", "the IPv4 routing rule is missing"),
    ("ip -6 route flush table 100", "the IPv6 local route is missing"),
    ("sysctl -qw net.ipv4.tcp_fwmark_accept=1", "sysctl net/ipv4/tcp_fwmark_accept is 1, must be 0"),
])
def test_check_names_each_difference(lab, limpid_with, paste, change, found):
    limpid = limpid_with(start=False)
    limpid.path.write_text(rendered(limpid.config))
    limpid.command("setup", "up")
    try:
        assert limpid.command("setup", "check") == "everything is as it should be\n"
        paste(change)
        said = limpid.command("setup", "check", code=1)
        assert found in said
    finally:
        paste("sysctl -qw net.ipv4.tcp_fwmark_accept=0")
        limpid.command("setup", "up")
        limpid.command("setup", "down")


def test_what_is_added_to_our_table_is_taken_out_again(lab, limpid_with):
    limpid = limpid_with()
    lab.gateway.run("nft", "insert", "rule", "inet", "limpid", "prerouting", "tcp", "dport", "81", "return")
    wait.eventually(lambda: "dport 81" not in lab.gateway.run("nft", "list", "table", "inet", "limpid"), "the table as it was")
    limpid.said("not of Limpid's: tcp dport 81 return")
