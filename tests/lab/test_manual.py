"""`manual = true`: the operator's own rules, typed as they have been typed for twenty years; and the form without TPROXY."""

import os
import signal
import subprocess

import pytest

from lab import wait
from lab.origin import answer
from lab.wire import get, reply
from test_gateway import intercepted, was_intercepted

STORED = "Cache-Control: max-age=600"

TPROXY = """
{ip}tables -t mangle -N DIVERT
{ip}tables -t mangle -A DIVERT -j MARK --set-mark 0x1/0x1
{ip}tables -t mangle -A DIVERT -j ACCEPT
{ip}tables -t mangle -A PREROUTING -p tcp -m socket --transparent -j DIVERT
{ip}tables -t mangle -A PREROUTING -i lan+ -p tcp --dport 80 -j TPROXY --tproxy-mark 0x1/0x1 --on-port 3129 --on-ip {loopback}
ip {family} rule add fwmark 0x1/0x1 lookup 100
ip {family} route add local {all} dev lo table 100
"""
MARK = """
{ip}tables -t mangle -N DIVERT
{ip}tables -t mangle -A DIVERT -j MARK --set-mark 0x1/0x1
{ip}tables -t mangle -A DIVERT -j ACCEPT
{ip}tables -t mangle -A PREROUTING -p tcp -m socket --transparent -j DIVERT
{ip}tables -t mangle -A PREROUTING -i lan+ -p tcp --dport 80 -j MARK --set-mark 0x1/0x1
ip {family} rule add fwmark 0x1/0x1 lookup 100
ip {family} route add local {all} dev lo table 100
"""
UNDO = """
{ip}tables -t mangle -F
{ip}tables -t mangle -X
ip {family} rule del fwmark 0x1/0x1 lookup 100
ip {family} route flush table 100
"""
FAMILIES = ({"ip": "ip", "family": "-4", "loopback": "127.0.0.1", "all": "0.0.0.0/0"}, {"ip": "ip6", "family": "-6", "loopback": "::1", "all": "::/0"})


@pytest.fixture
def typed(lab):
    """typed(commands): types them, for IPv4 and IPv6; takes all of it back at the end."""
    def make(commands):
        for family in FAMILIES:
            for line in commands.format(**family).strip().splitlines():
                lab.gateway.run(*line.split())

    yield make
    for family in FAMILIES:
        for line in UNDO.format(**family).strip().splitlines():
            subprocess.run(lab.gateway.command(*line.split()), stderr=subprocess.DEVNULL)


def rules_of(lab):
    """The mangle table without the counters and the dates of the listing."""
    return [line.split(" [")[0] for line in lab.gateway.run("iptables-save", "-t", "mangle").splitlines() if not line.startswith("#")]


def works(lab, origin, connect):
    for family in (4, 6):
        there = origin(answer(lambda request: reply(request.body or b"one", STORED)), family=family)
        for hit, client in ((False, lab.client), (True, lab.other_client)):
            got = connect(there, client).ask(get(there.host))
            assert (got.body, got.hit) == (b"one", hit)
        assert there.connections[0].peer == getattr(lab.client, f"address{family}")
        wire = connect(there)
        wire.send(get(there.host, "/up", "Content-Length: 300000", method="POST"), b"x" * 300_000)
        assert len(wire.response().body) == 300_000


def test_tproxy_rules_of_the_operators(lab, typed, limpid_with, origin, connect):
    typed(TPROXY)
    limpid = limpid_with(intercept={"manual": True})
    works(lab, origin, connect)
    rules = rules_of(lab)
    limpid.stop()
    assert rules_of(lab) == rules, "they are the operator's"


def test_without_rules_nothing_is_intercepted(lab, limpid_with, origin):
    limpid_with(intercept={"manual": True})
    assert was_intercepted(origin(), lab.client) is False


def test_a_dead_proxy_behind_manual_rules_is_restarted(lab, typed, limpid_with, origin, connect):
    typed(TPROXY)
    limpid = limpid_with(intercept={"manual": True})
    old = limpid.proxy()
    os.kill(old, signal.SIGKILL)
    there = origin()
    wait.eventually(lambda: intercepted(there, lab.client) is True, "the restarted proxy")
    assert limpid.proxy() != old


def test_mark_rules_of_the_operators(lab, typed, limpid_with, origin, connect):
    """No TPROXY: the packets are made local, and Limpid listens on the wildcard address and the very port."""
    typed(MARK)
    limpid_with(intercept={"manual": True, "form": "mark"})
    works(lab, origin, connect)


def test_form_mark_with_rules_of_limpids(lab, limpid_with, origin, connect):
    limpid_with(intercept={"form": "mark"})
    works(lab, origin, connect)
