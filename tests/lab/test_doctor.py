"""`limpid doctor`: a machine is broken in one way, and the finding says it, why it matters and what mends it."""

import contextlib
import re
import signal

import pytest

from lab import wait
from lab.limpid import rendered
from lab.net import kill
from test_self_test import begun, walled  # noqa: F401 (fixtures)

@pytest.fixture(scope="module")
def well():
    """What a machine needs besides, on which all is well."""
    return {"dns": {"trusted_resolvers": ["192.0.2.2"]}, "origin": {"spoof_client": False}}


@pytest.fixture
def doctor(lab, limpid_with, well):
    """doctor(changes, start=True): the findings on a machine where that is all that is wrong, as (severity, text)s."""
    made = []

    def make(start=True, **changes):
        limpid = limpid_with(start=start, **{**well, **changes})
        made.append(limpid)
        if not start:
            limpid.path.write_text(rendered(limpid.config))
        else:
            wait.eventually(limpid.gate_open, "the gate to open")

        def ask():
            said = limpid.command("doctor", code=None)
            findings = [line.split(": ", 1) for line in said.splitlines() if line != "nothing is wrong"]
            for severity, text in findings:
                assert severity in ("warning", "BROKEN") and ". Mend: " in text, said
            return findings

        ask.limpid = limpid
        return ask

    return make


@contextlib.contextmanager
def changed(lab, name, value):
    before = lab.gateway.run("sysctl", "-n", name).strip()
    lab.gateway.run("sysctl", "-qw", f"{name}={value}")
    try:
        yield
    finally:
        lab.gateway.run("sysctl", "-qw", f"{name}={before}")


def only(findings, severity, text):
    assert len(findings) == 1 and findings[0][0] == severity and text in findings[0][1], findings


def test_all_is_well(lab, doctor):
    ask = doctor()
    assert ask() == []
    assert ask.limpid.command("doctor", code=0) == "nothing is wrong\n"


def test_without_ipv6_all_is_well(doctor):
    assert doctor(intercept={"ipv6": False})() == []


def test_what_sysctls_break(lab, doctor):
    ask = doctor()
    with changed(lab, "net.ipv4.ip_forward", 0):
        only(ask(), "BROKEN", "IPv4 forwarding is off")
        ask.limpid.command("doctor", code=2)
    with changed(lab, "net.ipv6.conf.all.forwarding", 0):
        only(ask(), "warning", "IPv6 forwarding is off")
        ask.limpid.command("doctor", code=1)
    with changed(lab, "net.ipv4.ip_no_pmtu_disc", 1):
        only(ask(), "warning", "path MTU discovery is off")
    with changed(lab, "net.ipv4.conf.lan0.rp_filter", 1), changed(lab, "net.ipv4.conf.lan0.src_valid_mark", 1):
        only(ask(), "BROKEN", "src_valid_mark and rp_filter are both on for lan0")
    assert ask() == []


def test_nothing_runs(lab, doctor):
    ask = doctor(start=False)
    only(ask(), "warning", "limpid run is not running")
    with changed(lab, "net.ipv4.tcp_fwmark_accept", 1):
        assert ("BROKEN", "tcp_fwmark_accept is on") in [(severity, text.split(": ")[0].removeprefix("net.ipv4."))
                                                         for severity, text in ask()]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_another_service_on_the_port(lab, doctor, address):
    ask = doctor(start=False)
    with contextlib.closing(lab.gateway.listen(address, 3129)):
        assert any(severity == "BROKEN" and "another service listens on Limpid's port" in text for severity, text in ask())


@pytest.mark.parametrize("version", [4, 6])
def test_a_rule_that_takes_marked_packets_away(lab, doctor, version):
    ask = doctor()
    lab.gateway.run("ip", f"-{version}", "rule", "add", "priority", "5", "iif", "lan0", "lookup", "200")
    try:
        only(ask(), "warning", f"the IPv{version} routing rule with priority 5 (table 200) comes before Limpid's")
    finally:
        lab.gateway.run("ip", f"-{version}", "rule", "del", "priority", "5")
    assert ask() == []


def test_an_interface_that_is_not_there(lab, doctor):
    ask = doctor(intercept={"interfaces": ["lan0", "lan1", "lan7"]})
    only(ask(), "warning", "there is no interface lan7")


def test_rules_of_a_firewall(lab, doctor):
    ask = doctor()
    lab.gateway.run("nft", "-f", "-", input="""table inet lab_fw {
        chain f { type filter hook forward priority filter; policy accept; tcp dport 25 drop; }
    }""")
    try:
        only(ask(), "warning", "drops or refuses what is forwarded")
    finally:
        lab.gateway.run("nft", "delete", "table", "inet", "lab_fw")


def test_k0_input_that_drops(walled, begun, well):
    """The self-test of the running program does not come through: the gate is shut, and doctor says what may be the cause."""
    remove = walled("drop")
    limpid = begun(**well)
    limpid.said("nobody answered its SYN")
    said = limpid.command("doctor", code=2)
    assert "the gate is shut although limpid run is running" in said and "drops what comes in" in said
    remove()


def test_a_difference_that_is_not_put_back(lab, doctor):
    """While the warden is stopped nothing is put back, and every difference is a finding."""
    ask = doctor()
    kill(ask.limpid.process.pid, signal.SIGSTOP)
    lab.gateway.run("ip", "rule", "del", "lookup", "100")
    lab.gateway.run("nft", "flush", "chain", "inet", "limpid", "intercept")
    findings = [text for severity, text in ask() if severity == "BROKEN"]
    kill(ask.limpid.process.pid, signal.SIGCONT)
    assert any("the IPv4 routing rule is missing" in text for text in findings)
    assert any("missing: meta nfproto ipv4" in text for text in findings)


def test_no_translation(limpid_with, well):
    limpid = limpid_with(**{**well, "origin": {}})
    wait.eventually(limpid.gate_open, "the gate to open")
    assert "nothing translates private addresses on their way out over wan0" in limpid.command("doctor", code=1)


def test_no_room_and_no_folder_for_the_store(doctor, tmp_path):
    ask = doctor(start=False, cache={"store": {"main": {"path": str(tmp_path / "none"), "size": "16M"}}})
    assert any("is not there" in text for _, text in ask())
    (tmp_path / "none").mkdir()
    assert not any("store" in text for _, text in ask())
    ask = doctor(start=False, cache={"store": {"main": {"path": str(tmp_path / "none"), "size": "900T"}}})
    assert any("will not have room to grow to its size" in text for _, text in ask())


def test_a_configuration_that_cannot_be_read(limpid_with):
    limpid = limpid_with(start=False)
    limpid.path.write_text("nonsense = 1\n")
    assert re.search(r":1: ", limpid.command("doctor", code=2))
