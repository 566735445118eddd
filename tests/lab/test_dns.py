"""The relay of DNS: to the very resolver that the client chose, unchanged but for the id, and what is learnt on the way (cases.md
D1 to D8). What is learnt is counted; whose stored response it lets a client share is shown with the bindings."""

import random
import re
import socket
import struct

import pytest

from lab import dns, wait
from lab.datagram import Server, ask, client_socket, pending
from lab.dns import AAAA, CNAME, A, query, record, reply
from lab.origin import answer
from lab.wire import get
from lab.wire import reply as http

IP_TRANSPARENT, IPV6_TRANSPARENT = 19, 75
NAMES = ("--host-record=www.test,203.0.113.5,2001:db8:1::5", "--cname=alias.test,www.test",
         *[f"--host-record=many.test,203.0.113.{n}" for n in range(1, 201)])


@pytest.fixture
def resolver(lab):
    """resolver(answer, address): a scripted one; an address may be had before it is started. What Limpid asks by itself is no matter
    of these tests."""
    made = []

    def make(answer, address=None, family=4):
        made.append(Server(lab, answer, 53, family, address, ignore=("192.0.2.1", "2001:db8:ff::1")))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def trusted(lab):
    return {4: lab.fresh_address(), 6: lab.fresh_address(6)}


@pytest.fixture(scope="module")
def configuration(trusted):
    return {"dns": {"relay": True, "trusted_resolvers": list(trusted.values())}}


def dig(space, *words):
    return space.run("dig", "+time=10", "+tries=1", "+norecurse", *words)


# ---- a real resolver, and a real client

def test_a_real_resolver_over_udp_and_tcp(lab, limpid, trusted, place, grown):
    with dns.dnsmasq(lab, place("dnsmasq"), *trusted.values(), options=NAMES) as log:
        done = 0
        for family, address in trusted.items():
            own = lab.client.address4 if family == 4 else lab.client.address6
            for kind, wanted in (("A", "203.0.113.5"), ("AAAA", "2001:db8:1::5")):
                done += 1
                assert dig(lab.client, f"@{address}", "aLias.Test", kind, "+short").splitlines()[-1] == wanted
                assert [grown().get(name, 0) for name in ("dns_queries", "flows", "dns_learnt", "tunnels")] == [done, done, done, done - 1]
                assert dig(lab.client, f"@{address}", "+tcp", "www.test", kind, "+short").split() == [wanted]
                assert [grown().get(name, 0) for name in ("dns_queries", "tunnels")] == [done, done]
            assert re.search(rf"query\[A\] aLias.Test from {own}", log.read_text(), re.I), "asked in the client's own name"
        said = dig(lab.client, f"@{trusted[4]}", "many.test", "+bufsize=1232")
        assert "Truncated, retrying in TCP mode" in said and "ANSWER: 200" in said
        assert "status: REFUSED" in dig(lab.client, f"@{trusted[4]}", "elsewhere.example")
    assert "dns_rejected" not in grown()


def test_many_queries_at_once(lab, limpid, trusted, place, grown):
    where = place("dnsperf")
    (where / "queries").write_text("www.test A\nalias.test AAAA\n" * 500)
    with dns.dnsmasq(lab, where, trusted[4], options=NAMES):
        said = lab.client.run("dnsperf", "-s", trusted[4], "-d", where / "queries", "-n", "1", "-q", "50", "-t", "10")
    assert re.search(r"Queries completed:\s+1000 \(100.00%\)", said), said
    assert grown()["dns_queries"] == grown()["dns_learnt"] == 1000


# ---- how it is relayed

def test_under_a_random_port_and_id_of_our_own(lab, limpid, resolver, trusted):
    """All from one socket of the client's, and under one id."""
    for family in (4, 6):
        there = resolver(lambda what, peer: reply(what, record("www.test", A, "203.0.113.5")), trusted[family])
        with client_socket(lab.client, there.address) as sock:
            own = sock.getsockname()
            for _ in range(200):
                sock.sendto(query("www.test"), (there.address, 53))
                what, peer = sock.recvfrom(65536)
                assert peer[:2] == (there.address, 53)
                assert what == reply(query("www.test"), record("www.test", A, "203.0.113.5"))
        assert {what[2:] for what, _ in there.seen} == {query("www.test")[2:]}, "nothing else was changed"
        ports, ids = [peer[1] for _, peer in there.seen], [dns.ident(what) for what, _ in there.seen]
        for numbers in (ports, ids):
            assert len(set(numbers)) > 190 and max(numbers) - min(numbers) > 30000, sorted(numbers)
        assert min(ports) >= 1024 and own[1] not in ports


def test_what_is_no_query_is_relayed_as_it_is(lab, limpid, resolver, trusted, grown):
    there = resolver(lambda what, peer: b"re: " + what, trusted[4])
    for what in (b"", b"x", b"\0" * 12, query("www.test")[:-1], query("www.test", A)[:2] + b"\x28" + query("www.test")[3:]):
        assert ask(lab.client, there, what)[0] == b"re: " + what
    assert [what for what, _ in there.seen][-1][:2] == b"\x12\x34"
    assert "dns_queries" not in grown() and "dns_learnt" not in grown()


# ---- what is believed

def test_d1_what_is_not_the_reply_is_dropped(lab, limpid, resolver, trusted, grown):
    done = 0
    for family in (4, 6):
        elsewhere = resolver(lambda what, peer: None, family=family)
        other_port = Server(lab, lambda what, peer: None, 54, address=trusted[family])
        good = record("www.test", A, "203.0.113.5")

        def answer(what, peer):
            wrong = reply(what, record("www.test", A, "203.0.113.66"))
            elsewhere.sock.sendto(wrong, peer)
            other_port.sock.sendto(wrong, peer)
            return [reply(what, good, ident=dns.ident(what) ^ 1), reply(what, good, about=dns.question("wwx.test")),
                    reply(what, good, about=dns.question("www.Test")), reply(what, good, about=dns.question("www.test", AAAA)),
                    reply(what, good, flags=0x0100), reply(what, good)]

        there = resolver(answer, trusted[family])
        done += 1
        with client_socket(lab.client, there.address) as sock:
            sock.sendto(query("www.test"), (there.address, 53))
            assert sock.recv(512) == reply(query("www.test"), good)
            assert (grown()["dns_rejected"], grown()["dns_learnt"]) == (5 * done, done)
            assert pending(sock) == []
        other_port.close()


def test_d2_a_resolver_that_is_not_trusted_teaches_nothing(lab, limpid, resolver, grown):
    there = resolver(lambda what, peer: reply(what, record("www.test", A, "203.0.113.5")))
    assert ask(lab.client, there, query("www.test"))[0] == reply(query("www.test"), record("www.test", A, "203.0.113.5"))
    assert grown()["dns_queries"] == 1 and "dns_learnt" not in grown()


def test_d3_what_cannot_be_parsed_teaches_nothing(lab, limpid, resolver, trusted, grown):
    """Each is relayed, for its header and question are right: what a client makes of it is the client's."""
    whole = reply(query("www.test"), record("www.test", CNAME, "a.test"), record("a.test", A, "203.0.113.5"))
    at = len(reply(query("www.test")))  # where the answers begin
    looped = bytes([0xc0, at]) + record(b"", A, "203.0.113.5")
    junk = random.Random(1)
    bodies = [whole[at:cut] for cut in range(at, len(whole))]
    bodies += [looped, b"\xc0\xff" * 30, b"\xff" * 60, bytes(junk.randrange(256) for _ in range(65000)), b"\x3f" * 65000]
    turn = iter(bodies)
    there = resolver(lambda what, peer: dns.header(dns.ident(what), dns.REPLY, 1, 2) + dns.asked(what) + next(turn), trusted[4])
    for body in bodies:
        assert ask(lab.client, there, query("www.test"))[0][at:] == body
    assert grown()["dns_queries"] == len(bodies) and "dns_learnt" not in grown()


def test_d4_d7_only_the_name_asked_for_is_bound_to_the_end_of_its_chain(lab, limpid, resolver, trusted, grown):
    outside = [record("victim.test", A, "203.0.113.66"), record("victim.test", CNAME, "evil.test"), record("test", A, "203.0.113.67")]
    chain = [record("b.test", A, "203.0.113.5"), record("evil.test", CNAME, "b.test"), record("b.test", A, "203.0.113.6")]
    replies = iter([outside, outside + chain])
    there = resolver(lambda what, peer: reply(what, *next(replies)), trusted[4])
    for wanted in (0, 2):
        ask(lab.client, there, query("evil.test"))
        assert grown().get("dns_learnt", 0) == wanted


def forger(space, resolver):
    """A socket that sends in the resolver's name."""
    six = ":" in resolver.address
    sock = space.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP, IPV6_TRANSPARENT if six else IP_TRANSPARENT, 1)
    sock.bind((resolver.address, 53))
    return sock


def test_d6_forged_replies_teach_nothing(lab, limpid, resolver, trusted, grown):
    """The forger is a client who has the question asked. Whoever knows the port but not the id is dropped; even one who knows
    everything teaches nothing, since what he sends comes by a client's interface."""
    for done, family in enumerate((4, 6), 1):
        there = resolver(lambda what, peer: None, trusted[family])
        with client_socket(lab.client, there.address) as sock, forger(lab.other_client, there) as bad:
            sock.sendto(query("www.test"), (there.address, 53))
            wait.eventually(lambda: there.seen, "the query at the resolver")
            what, peer = there.seen[0]
            forged = record("www.test", A, "203.0.113.66")
            for n in range(1, 101):
                bad.sendto(reply(what, forged, ident=(dns.ident(what) + n) & 0xffff), peer)
            wait.eventually(lambda: grown().get("dns_rejected") == 100 * done, lambda: f"all of them to be dropped: {grown()}")
            assert pending(sock) == []
            bad.sendto(reply(what, forged), peer)
            assert sock.recv(512) == reply(query("www.test"), forged)
            assert "dns_learnt" not in grown()


STORED = "Cache-Control: max-age=600"


def page(connect, where, client, path="/"):
    with connect(where, client) as wire:
        return wire.ask(get("www.test", path))


@pytest.mark.parametrize("family", [4, 6])
def test_what_is_learnt_on_the_way_lets_clients_share(lab, limpid_with, resolver, trusted, origin, connect, family):
    """Nobody answers Limpid itself: all that it knows, it has seen."""
    limpid = limpid_with(dns={"relay": True, "trusted_resolvers": [trusted[family]]})
    here, there, elsewhere = (origin(answer(http(what, STORED)), family=family) for what in ("genuine", "genuine", "poison"))
    kind = A if family == 4 else AAAA
    known = resolver(lambda what, peer: reply(what, *(record("www.test", kind, one.address) for one in (here, there))), trusted[family], family)
    ask(lab.client, known, query("www.test", kind))
    assert limpid.stats()["dns_learnt"] == 2
    assert page(connect, here, lab.client).body == b"genuine"
    assert page(connect, there, lab.other_client).hit
    assert len(here.requests) + len(there.requests) == 1
    own = resolver(lambda what, peer: reply(what, record("www.test", kind, elsewhere.address)), family=family)
    ask(lab.other_client, own, query("www.test", kind))
    for path, wanted in (("/", b"genuine"), ("/other", b"genuine")):  # H1, through a resolver of the attacker's own
        assert page(connect, elsewhere, lab.other_client, path).body == b"poison"
        assert page(connect, there, lab.client, path).body == wanted
    assert limpid.stats()["dns_learnt"] == 2


# ---- resolvers that are not relayed

def test_d8_the_gateways_own_resolver_is_asked_directly(lab, limpid, grown):
    with lab.gateway.socket(socket.AF_INET, socket.SOCK_DGRAM) as own, client_socket(lab.client, "10.77.1.1") as sock:
        own.settimeout(wait.DEADLINE)
        own.bind(("10.77.1.1", 53))
        sock.sendto(query("www.test"), ("10.77.1.1", 53))
        what, peer = own.recvfrom(512)
        assert (what, peer) == (query("www.test"), (lab.client.address4, sock.getsockname()[1]))
        own.sendto(reply(what), peer)
        assert sock.recv(512) == reply(what)
    assert "dns_queries" not in grown()


def test_d8_a_resolver_on_the_gateways_wildcard_address_starts_beside_the_relay(lab, limpid, resolver, trusted, place):
    """Sockets that send replies from port 53 are there already, and others are made when it runs."""
    there = [resolver(lambda what, peer: reply(what), trusted[4]), resolver(lambda what, peer: reply(what))]
    assert ask(lab.client, there[0], query("www.test"))[0] == reply(query("www.test"))
    with dns.dnsmasq(lab, place("dnsmasq"), space=lab.gateway, options=NAMES):
        assert dig(lab.client, "@10.77.1.1", "www.test", "+short").split() == ["203.0.113.5"]
        for one in there:
            assert ask(lab.client, one, query("www.test"))[0] == reply(query("www.test"))


# ---- with configurations of their own

def test_where_the_relay_is_off_dns_is_not_touched(lab, limpid_with, resolver):
    limpid = limpid_with(dns={"relay": False})
    there = resolver(lambda what, peer: reply(what))
    with client_socket(lab.client, there.address) as sock:
        sock.sendto(query("www.test"), (there.address, 53))
        assert sock.recv(512) == reply(query("www.test"))
        assert there.seen == [(query("www.test"), (lab.client.address4, sock.getsockname()[1]))]
    assert limpid.stats()["dns_queries"] == 0


def test_d5_queries_without_answers_are_bounded_and_end(lab, limpid_with, resolver, trusted):
    """1,200 descriptors: 150 flows for each of two workers."""
    limpid = limpid_with(start=False, dns={"relay": True, "trusted_resolvers": [trusted[4]]})
    limpid.wrapper = ("prlimit", "--nofile=1200:1200")
    limpid.start()
    silent = resolver(lambda what, peer: None)
    there = resolver(lambda what, peer: reply(what, record("www.test", A, "203.0.113.5")), trusted[4])
    socks = [client_socket(lab.client, silent.address) for _ in range(8)]
    for n in range(20000):
        socks[n % 8].sendto(struct.pack("!H", n) + query("www.test")[2:], (silent.address, 53))
    for sock in socks:
        sock.close()

    def answered():  # a query in the middle of the flood may be lost, as on any wire: who asks asks again
        with client_socket(lab.client, there.address) as sock:
            sock.sendto(query("www.test"), (there.address, 53))
            return [got[:2] for got in pending(sock, 1)] == [b"\x12\x34"]

    wait.eventually(answered, "an answer behind the flood")
    stats = limpid.stats()
    assert stats["flows_evicted"] > 0 and stats["flows_open"] <= 300, stats
    assert stats["dns_learnt"] >= 1
    wait.eventually(lambda: limpid.stats()["flows_open"] == 0, "what has no answer to end", within=30)


def test_a_program_on_the_wildcard_port_53_does_not_take_names_away(lab, limpid_with, resolver):
    """Replies cannot be sent from port 53 beside a socket that shares it with nobody: then the clients' queries go direct."""
    limpid = limpid_with(dns={"relay": True})
    there = resolver(lambda what, peer: reply(what))
    with lab.gateway.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("0.0.0.0", 53))

        def answered():
            with client_socket(lab.client, there.address) as sock:
                sock.sendto(query("www.test"), (there.address, 53))
                return pending(sock, 1) == [reply(query("www.test"))]

        wait.eventually(answered, "the query to be answered")
        assert limpid.stats()["dns_queries"] == 0
