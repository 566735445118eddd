"""Whose key? Hosts that resolvers bind to addresses, and what a client can and cannot do with a name that is not his."""

import itertools
import json
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from conftest import mended
from lab import calls, resolver, wait
from lab.limpid import Limpid, rendered
from lab.net import blocked, kill
from lab.origin import answer
from lab.wire import get, reply

STORED = "Cache-Control: max-age=600"
TTL_LEAST = 5  # seconds for which any answer is believed
fresh = itertools.count()


@pytest.fixture
def resolves(lab):
    """resolves(names, space=…, address=…): a resolver; by default a public one."""
    made = []

    def make(names, space=None, address=None, **options):
        made.append(resolver.Resolver(space or lab.origin, address or lab.fresh_address(), names=names, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def asked(lab):
    """The resolver of this file's tests; each adds hosts of its own."""
    one = resolver.Resolver(lab.origin, lab.fresh_address())
    yield one
    one.close()


@pytest.fixture(scope="module")
def plain(lab, place, asked):
    """The Limpid of this file's tests asks that resolver."""
    lab.plain = Limpid(lab, place("limpid"), {"dns": {"trusted_resolvers": [asked.address]}, "log": {"format": "json"}})
    with mended(lab):
        yield lab.plain
        lab.plain.stop()
    lab.plain = None


def known(connect, where, host):
    """Waits until it is known that a host has this address. A request waits for that for 50 ms (NAMES_WAIT_MS), and on a busy machine an
    answer may take longer: then it is there for the next one."""
    wait.eventually(lambda: "@" not in ask(connect, where, host, "/known").get("Cache-Status"), f"{host} to be bound")


@pytest.fixture
def bind(limpid, asked, origin, connect):
    """bind(origin, …): a new host that has the addresses of these, and one more, to which it was asked for already; `unasked=True` leaves the
    asking to the test."""
    aside = origin(answer(reply("aside", "Cache-Control: no-store")))
    resolver.answered(limpid)

    def make(*there, aliases=(), unasked=False):
        name, all_of_them = f"host{next(fresh)}.test", there if unasked else (*there, aside)
        asked.names[name] = [*aliases, *(one.address for one in all_of_them)]
        if not unasked:
            known(connect, aside, name)
        return name

    return make


@pytest.fixture
def bound(limpid_with):
    """bound(resolver): a Limpid that asks it, and has heard of it."""

    def make(*resolvers, **changes):
        limpid = limpid_with(dns={"trusted_resolvers": [one.address for one in resolvers]}, **changes)
        resolver.answered(limpid)
        return limpid

    return make


def ask(connect, where, host, path="/", *fields, client=None, **more):
    with connect(where, client) as wire:
        return wire.ask(get(host, path, *fields, **more))


def genuine(origin, count=1, family=4):
    """So many addresses with the same to say; each says it once, and then that it was asked again."""
    return [origin(answer(reply("genuine", STORED)), family=family) for _ in range(count)]


def ranged(body):
    """Answers ranges, and says by its validator what they are of."""
    def play(request):
        fields = [STORED, f'ETag: "{chr(body[0])}"']
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.get("Range", ""))
        if not asked:
            return reply(body, *fields)
        first, last = int(asked[1]), min(int(asked[2] or len(body)), len(body) - 1)
        return reply(body[first:last + 1], *fields, f"Content-Range: bytes {first}-{last}/{len(body)}", status="206 Partial Content")

    return play


def served(*origins):
    return sum(len(one.requests) for one in origins)


# ---- what is shared

def test_all_addresses_of_a_host_share_what_is_stored(lab, bind, origin, connect):
    there = [*genuine(origin, 2), *genuine(origin, 1, family=6)]
    host = bind(*there)
    first = ask(connect, there[0], host)
    assert first.body == b"genuine" and f'key="http://{host}:80/"' in first.get("Cache-Status")
    for one, client in [(there[1], lab.other_client), (there[2], lab.client), (there[0], lab.other_client), (there[2], lab.other_client)]:
        got = ask(connect, one, host.upper(), client=client)
        assert got.body == b"genuine" and got.hit
    assert served(*there) == 1


def test_the_end_of_a_chain_of_aliases_is_what_is_bound(bind, origin, connect):
    """The name that was asked for, and no name on the way (cases.md D7)."""
    here, there = genuine(origin, 2)
    edge = f"edge{next(fresh)}.test"
    host = bind(here, there, aliases=[edge])
    ask(connect, here, host)
    assert ask(connect, there, host).hit
    assert f"@{here.address}" in ask(connect, here, edge).get("Cache-Status")


@pytest.mark.parametrize("family", [4, 6])
def test_each_look_up_has_a_port_of_its_own(asked, bind, origin, connect, family):
    there, = genuine(origin, 1, family=family)
    asked.ports.clear()
    for _ in range(8):
        bind(there)
    assert len(asked.ports) >= 6, "sixteen bits, chosen by the kernel"


def test_what_is_bound_is_not_asked_for_again(asked, bind, origin, connect):
    there, = genuine(origin)
    host = bind(there)
    for n in range(5):
        ask(connect, there, host, f"/{n}")
    assert sorted(asked.questions(host)) == [resolver.A, resolver.AAAA]


def test_an_address_as_a_host_needs_no_look_up(limpid, bind, origin, connect):
    there, = genuine(origin)
    before = limpid.stats()["lookups"]
    assert f'key="http://{there.host}:80/"' in ask(connect, there, there.host).get("Cache-Status")
    assert limpid.stats()["lookups"] == before


def test_purge_and_why_know_both_kinds_of_keys(limpid, bind, origin, connect):
    here, elsewhere = genuine(origin, 2)
    host = bind(here)
    for one in (here, elsewhere):
        ask(connect, one, host, "/page")
        assert ask(connect, one, host, "/page").hit
    said = limpid.command("why", f"http://{host}/page")
    assert "stored for all clients" in said and f"clients that go to {elsewhere.address} (not bound to the host)" in said
    limpid.command("purge", f"http://{host}/page")
    for one in (here, elsewhere):
        assert not ask(connect, one, host, "/page").hit


# ---- what is not: H1, H11, H13

@pytest.mark.parametrize("family", [4, 6])
def test_h1_a_foreign_host_neither_fills_nor_reads_what_is_shared(lab, bind, origin, connect, family):
    victims = genuine(origin, 2, family)
    attacker = origin(answer(reply("poison", STORED)), family=family)
    host = bind(*victims)
    assert ask(connect, attacker, host, client=lab.other_client).body == b"poison"
    assert ask(connect, victims[0], host).body == b"genuine"
    got = ask(connect, attacker, host, client=lab.other_client)
    assert got.body == b"poison" and f"@{attacker.address}" in got.get("Cache-Status")
    got = ask(connect, victims[1], host, client=lab.other_client)
    assert got.body == b"genuine" and got.hit


def test_h13_a_forged_post_invalidates_nothing_that_others_read(lab, bind, origin, connect):
    victim, = genuine(origin)
    attacker = origin(answer(reply("done", "Content-Location: /page")))
    host = bind(victim)
    ask(connect, victim, host, "/page")
    forged = get(host, "/page", "Content-Length: 0", method="POST")
    assert connect(attacker, lab.other_client).ask(forged).body == b"done"
    assert ask(connect, victim, host, "/page").hit
    assert len(victim.requests) == 1


def test_a_post_to_one_address_invalidates_for_all(lab, bind, origin, connect):
    here, there = (origin(answer(lambda request: reply("changed" if request.method == "POST" else "genuine", STORED))) for _ in range(2))
    host = bind(here, there)
    ask(connect, here, host)
    assert ask(connect, there, host).hit
    assert connect(there, lab.other_client).ask(get(host, "/", "Content-Length: 0", method="POST")).body == b"changed"
    assert not ask(connect, here, host).hit


def test_h11_fields_that_route_share_nothing(lab, bind, origin, connect):
    here, there = (origin(answer(lambda request: reply("evil" if request.get("X-Forwarded-Host") else "genuine", STORED))) for _ in range(2))
    host = bind(here, there)
    assert ask(connect, here, host, "/", "X-Forwarded-Host: evil.test", client=lab.other_client).body == b"evil"
    assert ask(connect, there, host).body == b"genuine"
    assert ask(connect, here, host, "/", "X-Forwarded-Host: evil.test", client=lab.other_client).body == b"evil"


def test_h1_h11_h13_through_the_relay(lab, limpid_with, resolves, origin, connect):
    """The second client asks a resolver of his own, and Limpid sees the answer on its way: that the victim's host has his address."""
    here, there = (origin(answer(lambda request: reply("evil" if request.get("X-Forwarded-Host") else "genuine", STORED))) for _ in range(2))
    attacker = origin(answer(reply("poison", STORED, "Content-Location: /")))
    trusted, his = resolves({"www.test": [here.address, there.address]}), resolves({"www.test": [attacker.address]})
    limpid = limpid_with(dns={"relay": True, "trusted_resolvers": [trusted.address]})
    resolver.answered(limpid)
    answered = lab.other_client.run("dig", "+short", "+time=10", "+tries=1", f"@{his.address}", "www.test")
    assert answered.split() == [attacker.address]
    stats = limpid.stats()
    assert stats["dns_queries"] == 1 and stats["dns_learnt"] == 0
    assert ask(connect, attacker, "www.test", client=lab.other_client).body == b"poison"
    known(connect, here, "www.test")
    assert ask(connect, here, "www.test").body == b"genuine"
    assert ask(connect, here, "www.test", "/", "X-Forwarded-Host: evil.test", client=lab.other_client).body == b"evil"
    forged = get("www.test", "/", "Content-Length: 0", method="POST")
    assert connect(attacker, lab.other_client).ask(forged).body == b"poison"
    for client in (lab.client, lab.other_client):
        got = ask(connect, there, "www.test", client=client)
        assert got.body == b"genuine" and got.hit
    assert served(there) == 0


def test_other_resolvers_after_a_reload(limpid_with, resolves, origin, connect):
    here, = genuine(origin)
    one, two = (resolves({f"{name}.test": [here.address]}) for name in ("one", "two"))
    limpid = limpid_with(dns={"trusted_resolvers": [one.address]})
    resolver.answered(limpid)
    limpid.config["dns"]["trusted_resolvers"] = [two.address]
    limpid.path.write_text(rendered(limpid.config))
    limpid.process.send_signal(signal.SIGHUP)
    limpid.said("is in force")
    limpid.wait_ready()
    resolver.answered(limpid)
    known(connect, here, "two.test")
    assert two.questions("two.test") and not one.questions("two.test")


def test_a_resolver_that_is_not_trusted_is_not_believed(lab, bind, resolves, origin, connect):
    victim, = genuine(origin)
    attacker = origin(answer(reply("poison", STORED)))
    host = bind(victim)
    other = resolves({host: [attacker.address]}, lab.other_client, lab.other_client.address4)
    assert ask(connect, attacker, host, client=lab.other_client).body == b"poison"
    assert ask(connect, victim, host).body == b"genuine"
    assert other.asked == []


def test_records_beside_the_chain_bind_nothing(lab, asked, bind, origin, connect):
    """D4: an answer that holds more than was asked for."""
    victim, = genuine(origin)
    attacker = origin(answer(reply("poison", STORED)))
    host, evil = bind(victim), bind(attacker, unasked=True)
    asked.extra = [resolver.record(host, resolver.A, 600, bytes(map(int, attacker.address.split("."))))]
    known(connect, attacker, evil)
    asked.extra = []
    assert "@" not in ask(connect, attacker, evil, client=lab.other_client).get("Cache-Status")
    assert f"@{attacker.address}" in ask(connect, attacker, host, client=lab.other_client).get("Cache-Status")
    assert ask(connect, victim, host).body == b"genuine"


# ---- while nobody knows yet

def test_who_asks_first_is_served_by_the_answer(bind, origin, connect):
    """On a busy machine one may come too late for that, but not each time."""
    there, = genuine(origin)
    wait.eventually(lambda: "@" not in ask(connect, there, bind(there, unasked=True)).get("Cache-Status"), "an answer in time")


def test_the_connection_to_the_origin_is_opened_while_the_answer_is_awaited(limpid, bind, origin, connect):
    """Who answers stands still, and so does who would end the waiting."""
    for family in (4, 6):
        there, = genuine(origin, family=family)
        host = bind(there, unasked=True)
        resolver.answered(limpid)  # still, or again: else nobody waits
        with connect(there) as wire:
            with blocked(limpid.thread("names")):
                wire.send(get(host))
                there.connection()
                assert there.requests == []
            assert wire.response().body == b"genuine"
            assert len(there.connections) == 1


def test_a_connection_that_is_not_needed_after_all_is_kept_for_the_clients_next_request(lab, limpid, asked, bind, origin, connect):
    there, = genuine(origin)
    host = bind(there, unasked=True)
    asked.names[host] = None
    ask(connect, there, host)
    resolver.answered(limpid)
    with connect(there, lab.other_client) as wire:
        with blocked(limpid.thread("names")):
            wire.send(get(host))
            there.connection(2)
        assert wire.response().hit
        assert wire.ask(get(host, "/more")).body == b"genuine"
    assert [len(one.requests) for one in there.connections] == [1, 1]


# ---- when an answer has run out

def expire(connect, limpid, where, host):
    """Until the log says that the pair is bound no longer."""

    def graced():
        ask(connect, where, host)
        return '"grace"' in limpid.logged(host)[-1]

    wait.eventually(graced, f"{host} to be bound no longer", within=TTL_LEAST * 4)


def test_who_goes_to_where_a_name_was_reads_and_changes_nothing(lab, limpid, asked, bind, origin, connect):
    """The name has moved, and whoever has its old address now is somebody else."""
    old, new = (origin(answer(lambda request, text=text: reply(text, STORED))) for text in ("old", "new"))
    asked.ttl = 0
    host = bind(old)
    assert ask(connect, old, host).body == b"old"
    asked.names[host], asked.ttl = [new.address], 60
    expire(connect, limpid, old, host)
    assert ask(connect, old, host).hit, "it may read"
    late = ask(connect, old, host, "/late", client=lab.other_client)
    assert late.body == b"old" and f"@{old.address}" in late.get("Cache-Status"), "it may not fill"
    assert ask(connect, new, host, "/late").body == b"new"
    forged = get(host, "/late", "Content-Length: 0", method="POST")
    assert connect(old, lab.other_client).ask(forged).body == b"old"
    assert ask(connect, new, host, "/late").hit, "it may not invalidate"
    reload = ask(connect, old, host, "/late", "Cache-Control: no-cache", client=lab.other_client)
    assert reload.body == b"old" and f"@{old.address}" in reload.get("Cache-Status"), "it may not refresh"
    assert ask(connect, new, host, "/late").body == b"new"


def test_a_part_of_what_is_shared_is_not_filled_up_by_who_may_only_read(limpid, asked, bind, origin, connect):
    old, new = (origin(answer(ranged(letter * 300_000))) for letter in (b"o", b"n"))
    asked.ttl = 0
    host = bind(old)
    assert ask(connect, old, host, "/file", "Range: bytes=0-99").body == b"o" * 100
    asked.names[host], asked.ttl = [new.address], 60
    expire(connect, limpid, old, host)
    assert ask(connect, old, host, "/file", "Range: bytes=0-99").hit
    got = ask(connect, old, host, "/file", "Range: bytes=200000-200099")
    assert got.status == 206 and got.body == b"o" * 100 and f"@{old.address}" in got.get("Cache-Status")
    assert ask(connect, new, host, "/file", "Range: bytes=200000-200099").body == b"n" * 100


def test_of_much_that_is_in_parts_who_may_only_read_gets_a_part(limpid, asked, bind, origin, connect):
    """Whether all of it is there takes looking at each part, and that is not done for more than an event loop has time for."""
    size, all_but_one = 70 << 20, f"Range: bytes=0-{(70 << 20) - 2}"
    old, new = (origin(answer(ranged(letter * size))) for letter in (b"o", b"n"))
    asked.ttl = 0
    host = bind(old)
    assert len(ask(connect, old, host, "/file", all_but_one).body) == size - 1
    assert ask(connect, old, host, "/file", all_but_one).hit
    asked.names[host], asked.ttl = [new.address], 60
    expire(connect, limpid, old, host)
    assert ask(connect, old, host, "/file", "Range: bytes=1000000-2000000").hit
    got = ask(connect, old, host, "/file", all_but_one)
    assert got.body == b"o" * (size - 1) and f"@{old.address}" in got.get("Cache-Status")


def test_what_is_in_use_is_asked_for_again_before_it_runs_out(limpid, asked, bind, origin, connect):
    """The answers are good for five seconds each, and nobody ever finds that one has run out."""
    there, = genuine(origin)
    asked.ttl = 0
    host = bind(there)

    def asked_often():
        ask(connect, there, host)
        return asked.questions(host).count(resolver.A) > 3

    ask(connect, there, host)
    wait.eventually(asked_often, "the host to be asked for again and again", within=TTL_LEAST * 5)
    asked.ttl = 60
    bindings = {json.loads(line)["binding"] for line in limpid.logged(f"{host}/\"")}
    assert bindings == {"bound"}


# ---- resolvers, wherever they are

@pytest.mark.parametrize("home", ["gateway", "stub", "clients"])
def test_wherever_the_resolver_is(lab, bound, resolves, origin, connect, home):
    """D8: on the gateway, at 127.0.0.53, on the clients' network; what the clients ask themselves is no matter (DoH)."""
    here, there = genuine(origin, 2)
    space, address = {"gateway": (lab.gateway, "192.0.2.1"), "stub": (lab.gateway, "127.0.0.53"),
                      "clients": (lab.other_client, lab.other_client.address4)}[home]
    one = resolves({"www.test": [here.address, there.address]}, space, address, tcp=home == "clients")
    bound(one)
    known(connect, here, "www.test")
    ask(connect, here, "www.test")
    assert ask(connect, there, "www.test", client=lab.other_client).hit
    assert (one.streams > 0) is (home == "clients"), "by UDP a client could have said so himself"


def test_what_comes_from_the_clients_by_udp_is_not_believed(lab, bound, resolves, origin, connect):
    """D6: as their resolver that speaks no TCP would say it, and as a client would who forges its answers."""
    here, there = genuine(origin, 2)
    one = resolves({"www.test": [here.address, there.address]}, lab.other_client, lab.other_client.address4, tcp=False)
    bound(one)
    ask(connect, here, "www.test")
    wait.eventually(lambda: one.questions("www.test"), "the question")
    assert not ask(connect, there, "www.test", client=lab.other_client).hit


def test_clients_that_ask_nobody_whom_we_see(lab, bound, resolves, origin, connect):
    """D8, DNS over HTTPS: the relay is there, and no question of a client's comes to it."""
    here, there = genuine(origin, 2)
    limpid = bound(resolves({"www.test": [here.address, there.address]}))
    limpid.stop()
    limpid.config["dns"]["relay"] = True
    limpid.start()
    resolver.answered(limpid)
    known(connect, here, "www.test")
    ask(connect, here, "www.test")
    assert ask(connect, there, "www.test", client=lab.other_client).hit
    assert limpid.stats()["dns_queries"] == limpid.stats()["dns_learnt"] == 0


def own_etc(place):
    """A folder to be /etc for one program alone, and the words that make it so."""
    etc = place("etc")
    for name in ("passwd", "group", "nsswitch.conf", "ld.so.cache", "hosts"):
        if (Path("/etc") / name).exists():
            shutil.copy(Path("/etc") / name, etc)
    return etc, ("unshare", "-m", "sh", "-c", f'mount --bind {etc} /etc && exec "$@"', "sh")


def test_a_changed_resolv_conf_is_followed(lab, place, limpid_with, resolves, origin, connect):
    """By those who ask themselves and by those who watch the clients, and again."""
    here, there = genuine(origin, 2)
    one, two = (resolves({host: [here.address, there.address]}) for host in ("one.test", "two.test"))
    limpid = limpid_with(start=False, dns={"relay": True})
    etc, limpid.wrapper = own_etc(place)
    conf = etc / "resolv.conf"
    conf.write_text(f"nameserver {one.address}\n")
    limpid.start()
    resolver.answered(limpid)
    known(connect, here, "one.test")
    ask(connect, here, "one.test")
    assert ask(connect, there, "one.test").hit
    assert two.asked == []
    conf.write_text(f"nameserver {two.address}\n")
    limpid.said("the resolvers are now")
    known(connect, here, "two.test")
    ask(connect, here, "two.test")
    assert ask(connect, there, "two.test").hit
    learnt = limpid.stats()["dns_learnt"]
    for server, more in ((one, 0), (two, 2)):
        for host in ("one.test", "two.test"):
            lab.client.run("dig", "+time=10", "+tries=1", f"@{server.address}", host)
        assert limpid.stats()["dns_learnt"] == learnt + more
    conf.write_text(f"nameserver {one.address}\n")
    wait.eventually(lambda: limpid.stderr.count("the resolvers are now") == 2, "the second change to be seen")
    before = len(two.asked)
    ask(connect, here, "three.test")
    wait.eventually(lambda: one.questions("three.test"), "the question")
    assert len(two.asked) == before


def put(path, text):
    """As those do who take care: another file, which then takes the name."""
    (path.parent / "new").write_text(text)
    (path.parent / "new").rename(path)


def test_another_file_in_the_place_of_resolv_conf_is_followed(lab, place, limpid_with, resolves, origin, connect):
    """Renamed over it, behind a link to another folder, and where that link leads elsewhere; the proxy may read none of them. A proxy that
    is started later asks the same."""
    here = genuine(origin, 1)[0]
    servers = [resolves({f"h{n}.test": [here.address]}) for n in range(4)]
    limpid = limpid_with(start=False)
    etc, limpid.wrapper = own_etc(place)
    conf, folder = etc / "resolv.conf", place("run")
    conf.write_text(f"nameserver {servers[0].address}\n")
    limpid.start()
    resolver.answered(limpid)

    def link(target):
        (etc / "link").symlink_to(target)
        (etc / "link").rename(conf)

    def behind():
        put(folder / "stub.conf", f"nameserver {servers[2].address}\n")
        link(folder / "stub.conf")

    def elsewhere():
        put(folder / "other.conf", f"nameserver 2001:db8::77\nnameserver {servers[3].address}\n")
        link(folder / "other.conf")

    for n, change in ((1, lambda: put(conf, f"nameserver {servers[1].address}\n")), (2, behind), (3, elsewhere),
                      (1, lambda: put(folder / "other.conf", f"nameserver {servers[1].address}\n"))):
        told = limpid.stderr.count("the resolvers are now")
        change()
        wait.eventually(lambda: limpid.stderr.count("the resolvers are now") == told + 1, "the change to be seen")
        host = f"{told}.h{n}.test"
        wait.eventually(lambda: ask(connect, here, host) and servers[n].questions(host), lambda: f"{host} to be asked for at {servers[n].address}")
        assert not any(server.questions(host) for server in servers if server is not servers[n])
    kill(limpid.proxy(), signal.SIGKILL)
    limpid.said("(?s)started again.*the gate is open")  # the dead one's gate is still open when the first is said
    resolver.answered(limpid)
    wait.eventually(lambda: ask(connect, here, "again.test") and servers[1].questions("again.test"), "the new proxy to ask")
    assert not any(server.questions("again.test") for server in (servers[0], *servers[2:]))


def test_a_real_resolver(lab, bound, origin, connect, place):
    """dnsmasq, with an alias in front of the addresses."""
    here, there = genuine(origin, 2)
    address, where = lab.fresh_address(), place("dnsmasq")
    server = lab.origin.start("dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--bind-interfaces", "--conf-file=/dev/null",
                              f"--listen-address={address}", f"--host-record=edge.test,{here.address}", f"--host-record=edge.test,{there.address}",
                              "--cname=www.test,edge.test", f"--pid-file={where}/pid", "--user=root",
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait.eventually(lambda: f"{address}:53 " in lab.origin.run("ss", "-Hlun"), "dnsmasq to listen")
        bound(type("Where", (), {"address": address}))
        known(connect, here, "www.test")
        ask(connect, here, "www.test")
        assert ask(connect, there, "www.test").hit
    finally:
        server.kill()
        server.wait()


def test_no_resolver_holds_nothing_up(limpid_with, lab, origin, connect):
    """Nobody is asked where nobody answers; everything else is as it ever was."""
    there, = genuine(origin)
    limpid = limpid_with(dns={"trusted_resolvers": [lab.fresh_address()]})
    for n in range(20):
        got = ask(connect, there, "www.test", f"/{n}")
        assert got.body == b"genuine" and f"@{there.address}" in got.get("Cache-Status")
    assert ask(connect, there, "www.test", "/0").hit
    stats = limpid.stats()
    assert stats["lookups"] == stats["resolver_answers"] == 0


def test_a_resolver_that_falls_silent_is_not_asked_on(bound, resolves, origin, connect):
    there, = genuine(origin)
    asked = resolves({f"h{n}.test": [there.address] for n in range(2)})
    limpid = bound(asked)
    asked.close()
    for n in range(20):
        assert ask(connect, there, f"gone{n}.test").body == b"genuine"
    wait.eventually(lambda: not limpid.stats()["resolver_answers"], "the silence to be noticed")


def test_a_name_that_is_never_answered_is_waited_for_only_so_long(asked, bind, origin, connect):
    there, = genuine(origin)
    host = bind(there, unasked=True)
    asked.names[host] = None
    got = ask(connect, there, host)
    assert got.body == b"genuine" and f"@{there.address}" in got.get("Cache-Status")


# ---- what it costs

def test_a_bound_name_costs_a_hit_no_system_call(limpid, bind, origin, connect):
    """One wait, one read and one write, as soon as what is stored is in the store."""
    there, = genuine(origin)
    host, count = bind(there), 100
    with connect(there) as wire:
        wire.ask(get(host))

        def hits():
            for _ in range(count):
                assert wire.ask(get(host)).hit

        def plain():
            made = calls.of_workers(limpid, hits)
            return {call for call, n in made.items() if n > 2} == {"epoll_wait", "recvfrom", "sendto"} and made["sendto"] == count

        wait.eventually(plain, "hits that are three system calls each")


# ---- rotation, restarts, what is told

def test_rotation_ends_with_everything_shared(lab, asked, bind, origin, connect):
    """24 addresses, of which 8 are handed out at a time, to us others than to the clients: all are served, and known after a while."""
    there, turn = genuine(origin, 24), itertools.count()
    host = bind(*there, unasked=True)
    asked.names[host] = lambda: [there[(next(turn) // 2 * 8 + n) % 24].address for n in range(8)]
    for one in there:
        assert ask(connect, one, host).body == b"genuine"
    asked_first = served(*there)
    for one in there:
        got = ask(connect, one, host, client=lab.other_client)
        assert got.body == b"genuine" and got.hit
    assert served(*there) == asked_first <= 24


ADDRESSES, HANDED, TURNS, EACH_TURN, PAGES = 200, 8, 120, 16, 30


def an_hour(connect, clients, host, handed):
    """What an hour of a TTL of 30 s is: in each turn another answer, and requests to what was handed out in this turn or, by who still
    has that, in the one before. Returns the share of hits."""
    hits, number = 0, itertools.count()
    before = None
    for turn in range(TURNS):
        now = handed(turn)
        known(connect, now[0], host)
        for n in range(4):
            where = (before or now)[n] if n == 3 else now[(turn + n) % HANDED]
            with connect(where, clients[n % 2]) as wire:
                for _ in range(EACH_TURN // 4):
                    got = wire.ask(get(host, f"/{next(number) % PAGES}"))
                    assert got.status == 200 and got.body == b"genuine"
                    hits += got.hit
        before = now
    return hits / (TURNS * EACH_TURN)


def test_an_hour_of_rotation_costs_no_hits(lab, asked, bind, origin, connect):
    """200 addresses, of which 8 are handed out at a time, to the clients and to us."""
    there = [one.address for one in genuine(origin, ADDRESSES)]
    still, rotating, handed = bind(unasked=True), bind(unasked=True), []

    def turned(turn):
        handed[:] = [there[(turn * HANDED + n) % ADDRESSES] for n in range(HANDED)]
        return list(handed)

    asked.names[still], asked.names[rotating], asked.ttl = there[:HANDED], lambda: list(handed), 0
    clients = (lab.client, lab.other_client)
    quiet = an_hour(connect, clients, still, lambda turn: there[:HANDED])
    assert an_hour(connect, clients, rotating, turned) >= 0.99 * quiet
    asked.ttl = 60


def test_what_is_known_outlives_a_restart(bound, resolves, origin, connect):
    here, there = genuine(origin, 2)
    asked = resolves({"www.test": [here.address, there.address]})
    limpid = bound(asked)
    known(connect, here, "www.test")
    ask(connect, here, "www.test")
    asked.close()
    limpid.restart()
    assert ask(connect, there, "www.test").hit


def test_a_damaged_file_is_said_and_ignored(bound, resolves, origin, connect):
    here, = genuine(origin)
    asked = resolves({"www.test": [here.address]})
    limpid = bound(asked)
    known(connect, here, "www.test")
    limpid.stop()
    file = limpid.store / "bindings"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    limpid.start()
    limpid.said("what was known of names")
    assert ask(connect, here, "www.test").body == b"genuine"


def test_the_log_and_the_numbers_tell(limpid, bind, origin, connect):
    here, there = genuine(origin, 2)
    before, host = limpid.stats(), bind(here)
    ask(connect, here, host, "/bound")
    ask(connect, there, host, "/none")
    assert json.loads(limpid.logged(f"{host}/bound")[0])["binding"] == "bound"
    assert json.loads(limpid.logged(f"{host}/none")[0])["binding"] == "none"
    limpid.counter("bindings", 1)
    assert limpid.stats()["lookups"] == before["lookups"] + 2
