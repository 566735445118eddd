"""The gate opens on the evidence of a test connection: what it notices, how it says so, and that nothing of it stays."""

import re
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab import wait
from lab.net import Namespace, kill
from test_gateway import intercepted, status, was_intercepted

LINK = "limpid-probe"
THROUGH = "self-test: a connection has come through"


def firewall(verdict, condition=""):
    """An INPUT chain that lets in the machine itself, and does this with the rest."""
    return f"""
table inet fw {{
        chain input {{
                type filter hook input priority 0; policy accept
                iif lo accept
                {condition} meta l4proto tcp {verdict}
        }}
}}
"""


@pytest.fixture
def walled(lab):
    """walled(verdict, condition): puts up such a firewall; the returned function takes it down."""
    def remove():
        subprocess.run(lab.gateway.command("nft", "delete", "table", "inet", "fw"), stderr=subprocess.DEVNULL)

    def make(*words):
        lab.gateway.run("nft", "-f", "-", input=firewall(*words))
        return remove

    yield make
    remove()


@pytest.fixture
def begun(limpid_with):
    """begun(section={…}): started, and its gate need not open. What it found before is not what it will leave."""
    def make(**changes):
        limpid = limpid_with(start=False, **changes)
        limpid.start(ready=False)
        limpid.before = re.sub(r"table inet fw \{.*?\n\}\n", "", limpid.before, flags=re.S)
        return limpid

    return make


def linked(lab):
    return LINK in lab.gateway.run("ip", "-br", "link")


def retest(lab):
    """The rules are put back, and what they do is tested then."""
    lab.gateway.run("ip", "rule", "del", "lookup", "100")


def test_a_test_that_fails_later_shuts_the_gate(lab, limpid, walled, origin):
    there = origin()
    remove = walled("drop")
    retest(lab)
    limpid.said("nobody answered its SYN")
    wait.eventually(lambda: intercepted(there, lab.client) is False, "the gate to be shut")
    remove()
    wait.eventually(lambda: intercepted(there, lab.client) is True, "the gate to open again")


def test_a_link_that_was_removed_is_made_anew(lab, limpid):
    failed = limpid.stderr.count("self-test over")
    lab.gateway.run("ip", "link", "del", LINK)
    retest(lab)
    wait.eventually(lambda: linked(lab), "the link")
    assert limpid.stderr.count("self-test over") == failed


@pytest.mark.parametrize("verdict, condition, said", [
    ("reject with tcp reset", "", "IPv4: its connection was refused"),
    ("drop", "meta nfproto ipv6", "IPv6: nobody answered its SYN"),
    ("drop", "tcp flags & (syn | psh) == psh", "IPv4: a socket answered, but no worker"),
])
def test_it_says_how_far_the_test_came(lab, begun, walled, origin, verdict, condition, said):
    remove = walled(verdict, condition)
    limpid = begun()
    limpid.said(said)
    assert limpid.gate_shut()
    there = origin()
    assert was_intercepted(there, lab.client) is False
    remove()
    limpid.said(THROUGH)
    wait.eventually(lambda: intercepted(there, lab.client) is True, "the gate to open by itself")
    assert limpid.stderr.count("self-test over") == 1, limpid.stderr


def test_without_self_test_there_is_no_link_and_the_gate_opens_all_the_same(lab, begun, walled):
    walled("drop")
    limpid = begun(intercept={"self_test": False})
    limpid.wait_ready()
    assert not linked(lab) and LINK not in lab.gateway.run("nft", "list", "ruleset")


def test_without_ipv6_it_tests_ipv4_alone(begun, walled):
    walled("drop", "meta nfproto ipv6")
    begun(intercept={"ipv6": False}).wait_ready()


def test_with_marks_and_another_port_and_a_proxy_that_is_restarted(limpid_with):
    limpid = limpid_with(intercept={"form": "mark", "ports": [8000, 80]})
    limpid.said(THROUGH)
    kill(limpid.proxy(), signal.SIGKILL)
    limpid.said("(?s)gate is shut.*gate is open")


def test_all_killed_the_link_goes_by_itself(lab, limpid_with):
    """It is held by nothing but the program's sockets."""
    limpid = limpid_with()
    assert linked(lab)
    limpid.crash()
    limpid.process = None
    wait.eventually(lambda: not linked(lab), "the link to go")
    limpid.command("setup", "down")
    limpid.check_kernel()


def test_what_the_prober_may_do(lab, begun, walled):
    """The child without threads, that waits for an answer to its SYN."""
    walled("drop")
    limpid = begun()
    proxy = limpid.proxy()

    def reduced():
        for pid in set(limpid.children()) - {proxy}:
            try:
                may = status(pid)
                if may["NoNewPrivs"] == "1":
                    return may, {fd.readlink().name.split(":")[0] for fd in Path(f"/proc/{pid}/fd").iterdir() if int(fd.name) > 2}
            except (FileNotFoundError, ProcessLookupError):  # it lives for three seconds, and then the next one comes
                continue
        return None

    may, files = wait.eventually(reduced, "a prober that has given its privileges away")
    assert all(int(may[kind], 16) == 0 for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"))
    assert may["Uid"].split()[1] != "0"
    assert files == {"socket"}


@pytest.mark.skipif(not Path("/proc/sys/net/bridge").exists(), reason="no br_netfilter in this kernel")
def test_a_client_bridge_that_shows_its_frames_to_iptables(lab, begun, origin):
    """The handshake of an intercepted connection would never end (facts.md); a test connection cannot reach through a bridge.
    It is switched off with the set-up; when somebody switches it on again, the gate is shut until the set-up is put back."""
    lab.gateway.run("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0", "net.bridge.bridge-nf-call-ip6tables=0")
    lab.gateway.run("ip", "link", "add", "br9", "type", "bridge")
    try:
        limpid, there = begun(intercept={"interfaces": ["lan0", "br9"]}), origin()
        wait.eventually(lambda: intercepted(there, lab.client) is True, "the gate to open")
        lab.gateway.run("ip", "link", "set", "br9", "type", "bridge", "nf_call_iptables", "1")
        limpid.said("bridge br9 hands its frames to iptables")
        wait.eventually(lambda: intercepted(there, lab.client) is True, "it to be switched off again")
        lab.gateway.run("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1")
        wait.eventually(lambda: lab.gateway.run("sysctl", "-n", "net.bridge.bridge-nf-call-iptables") == "0\n", "the other switch, too")
        limpid.before = limpid.before.replace("bridge-nf-call-iptables = 0", "bridge-nf-call-iptables = 1")
        limpid.stop()
    finally:
        lab.gateway.run("ip", "link", "del", "br9")
        lab.gateway.run("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1", "net.bridge.bridge-nf-call-ip6tables=1")


def test_it_says_what_it_takes(lab, limpid_with):
    """Making a namespace takes CAP_SYS_ADMIN, which the proxy and the warden do without."""
    limpid = limpid_with(start=False)
    limpid.wrapper = ("setpriv", "--bounding-set=-sys_admin")
    limpid.start(ready=False)
    assert limpid.process.wait(wait.DEADLINE) == 1
    limpid.process = None
    assert re.search("SYS_ADMIN.*self_test = false", limpid.stderr)
    limpid.check_kernel()
    limpid.config["intercept"]["self_test"] = False
    limpid.start()


@pytest.mark.parametrize("when", ["before", "while it runs"])
def test_where_the_machine_has_ipv6_switched_off_ipv4_goes_on(lab, limpid_with, monkeypatch, when):
    """On a machine of its own, since switching it on again does not give all addresses back."""
    machine = Namespace(lab._name("four"))
    off = lambda: machine.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
    try:
        if when == "before":
            off()
        machine.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        machine.run("ip", "link", "set", "lo", "up")
        limpid = limpid_with(start=False)
        monkeypatch.setattr(limpid, "lab", SimpleNamespace(gateway=machine, kernel_state=lambda: machine.run("ip", "-4", "rule")))
        limpid.start(ready=False)
        limpid.said(THROUGH)
        if when != "before":
            off()
            kill(limpid.proxy(), signal.SIGKILL)
            limpid.said("(?s)the gate is open.*ended by signal 9.*the gate is open")
            assert "self-test over IPv6" not in limpid.stderr
        limpid.command("setup", "check")
        limpid.stop()
    finally:
        machine.close()
