"""What others undo while Limpid runs is put back at the kernel's word, and said once."""

import contextlib
import subprocess

import pytest

from lab import wait
from lab.limpid import binary, rendered
from lab.net import unchanged
from test_gateway import intercepted, was_intercepted

PUT_BACK = "the set-up is not as it was, it is put back"
UNTOLD = "found without the kernel's word"  # by the look that comes every five seconds


@pytest.fixture
def there(origin):
    return {family: origin(family=family) for family in (4, 6)}


@pytest.fixture
def whole(lab, there):
    """whole(limpid): waits until the set-up is complete and the clients of both families are intercepted."""
    def make(limpid):
        wait.eventually(lambda: "everything is as it should be" in limpid.command("setup", "check", code=None), "the set-up")
        for family in (4, 6):
            wait.eventually(lambda: intercepted(there[family], lab.client) is True, f"IPv{family} to be intercepted")

    return make


def put_back(limpid, count):
    """It has been said so many times, and no more often. What is put back can be seen before it is said. It was at the kernel's word, but
    for a time when the other look was due at that very moment."""
    wait.eventually(lambda: limpid.stderr.count(PUT_BACK) >= count, lambda: f"{count} times:\n{limpid.stderr}")
    assert limpid.stderr.count(PUT_BACK) == count and limpid.stderr.count(UNTOLD) <= 1, limpid.stderr


def test_rules_and_routes_that_are_removed(lab, limpid, whole):
    whole(limpid)
    said = limpid.stderr.count(PUT_BACK)
    for words in (("-4", "rule", "del", "lookup", "100"), ("-6", "rule", "del", "lookup", "100"),
                  ("-4", "route", "flush", "table", "100"), ("-6", "route", "flush", "table", "100")):
        lab.gateway.run("ip", *words)
        whole(limpid)
    put_back(limpid, said + 4)


def test_a_firewall_that_is_restarted(lab, limpid, whole):
    before = limpid.stderr.count(PUT_BACK)
    for command, said in (("delete table inet limpid", 1), ("flush ruleset", 1), ("flush table inet limpid", 2)):
        lab.gateway.run("nft", *command.split())
        whole(limpid)
        put_back(limpid, before + said)  # the same is said once a minute


def test_routes_that_go_with_a_loopback_that_is_set_down(lab, limpid, whole):
    said = limpid.stderr.count(PUT_BACK)
    lab.gateway.run("ip", "link", "set", "lo", "down")
    lab.gateway.run("ip", "link", "set", "lo", "up")
    whole(limpid)
    put_back(limpid, said + 1)


def test_others_rules_and_routes_are_none_of_its_business(lab, limpid, whole):
    said = limpid.stderr.count(PUT_BACK)
    try:
        for _ in range(20):
            lab.gateway.run("nft", "add", "table", "inet", "theirs")
            lab.gateway.run("nft", "delete", "table", "inet", "theirs")
            lab.gateway.run("ip", "rule", "add", "fwmark", "0x100/0x100", "lookup", "200", "priority", "150")
            lab.gateway.run("ip", "rule", "del", "priority", "150")
    finally:
        subprocess.run(lab.gateway.command("ip", "rule", "del", "priority", "150"), stderr=subprocess.DEVNULL)
    whole(limpid)
    assert limpid.stderr.count(PUT_BACK) == said


def test_a_look_reads_none_of_the_internets_routes(lab, limpid_with, tmp_path, monkeypatch):
    """What is looked for lies in a table of its own; others may have a million routes, and are not read each time."""
    limpid = limpid_with()
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=0")  # which needs ptrace, and strace has that

    def reads():
        lab.gateway.run("strace", "-f", "-q", "-e", "trace=recvmsg", "-o", tmp_path / "trace", binary(), "setup", "check", "-c", limpid.path)
        return (tmp_path / "trace").read_text().count("recvmsg(")

    before = reads()
    routes = "".join(f"route add 198.51.{n // 256}.{n % 256}/32 dev lo table 200\n" for n in range(20000))
    lab.gateway.run("ip", "-batch", "-", input=routes)
    try:
        assert reads() < before + 10
    finally:
        lab.gateway.run("ip", "route", "flush", "table", "200")


@pytest.mark.parametrize("changes", [{"table": 101}, {"mark": 2}, {"mark": 6, "table": 101}], ids=["table", "mark", "both"])
def test_what_was_killed_had_another_mark_or_table(lab, limpid_with, changes):
    """What it left is known to be ours: it stands in nobody's way, and goes too."""
    limpid = limpid_with()
    before = limpid.before
    limpid.crash()
    limpid.config["intercept"].update(changes)
    limpid.start()
    limpid.before = before
    limpid.stop()
    limpid.start()
    limpid.crash()
    limpid.process = None
    limpid.path.write_text(rendered({**limpid.config, "intercept": {"interfaces": lab.interfaces}}))
    limpid.command("setup", "down")
    unchanged(before, lab.kernel_state())


@pytest.mark.parametrize("killed", [False, True], ids=["while it runs", "after it was killed"])
def test_what_others_set_is_given_back_at_the_end(lab, limpid_with, killed):
    """As wg-quick does with src_valid_mark: it cannot be on with us, and is on again without."""
    setting = "net.ipv4.conf.all.src_valid_mark"
    limpid = limpid_with()
    before = limpid.before
    if killed:
        limpid.crash()
    lab.gateway.run("sysctl", "-qw", f"{setting}=1")
    try:
        if killed:
            limpid.start()
        wait.eventually(lambda: lab.gateway.run("sysctl", "-n", setting) == "0\n", "the setting to be off")
        limpid.before = before.replace(f"{setting} = 0", f"{setting} = 1")
        limpid.stop()
        assert lab.gateway.run("sysctl", "-n", setting) == "1\n"
    finally:
        lab.gateway.run("sysctl", "-qw", f"{setting}=0")


def test_what_cannot_be_put_back_is_said_once(lab, limpid, whole):
    """Somebody else wants our mark: he is left alone, and nothing is taken down for him."""
    lab.gateway.run("ip", "rule", "add", "fwmark", "0x1/0xff", "lookup", "200", "priority", "150")
    try:
        lab.gateway.run("ip", "-6", "rule", "del", "lookup", "100")
        limpid.said("cannot be put back: another program's routing rule uses bits of mark 0x1")
        lab.gateway.run("ip", "link", "set", "lan1", "alias", "look again")
    finally:
        lab.gateway.run("ip", "rule", "del", "priority", "150")
        lab.gateway.run("ip", "link", "set", "lan1", "alias", "")
    wait.eventually(lambda: "everything is as it should be" in limpid.command("setup", "check", code=None), "the set-up")
    whole(limpid)
    assert limpid.stderr.count("cannot be put back") == 1


def test_changed_addresses(lab, limpid, there):
    """The gateway's own are left alone, also those that it was given later."""
    new = {4: "203.0.113.77", 6: "2001:db8:ff::77"}
    for address in new.values():
        lab.gateway.add_address(address, "wan0")
    try:
        for address in new.values():
            with pytest.raises(ConnectionRefusedError):
                lab.client.connect(address, 80)
        assert all(was_intercepted(there[family], lab.client) for family in (4, 6))
    finally:
        for address in new.values():
            lab.gateway.run("ip", "address", "del", address, "dev", "wan0")


@contextlib.contextmanager
def unplugged(gateway):
    """lan1 goes; at the end it comes back."""
    gateway.run("ip", "link", "set", "lan1", "down")
    gateway.run("ip", "link", "set", "lan1", "name", "gone0")
    gateway.run("ip", "link", "set", "gone0", "up")
    try:
        yield
    finally:
        gateway.run("ip", "link", "set", "gone0", "down")
        gateway.run("ip", "link", "set", "gone0", "name", "lan1")
        gateway.run("ip", "link", "set", "lan1", "up")
        gateway.add_address("fd77:2::1/64", "lan1", "replace")


def test_an_interface_that_goes_and_comes_back(lab, limpid_with, there):
    """Under another name it is no client interface; what comes back under the old one is, though all its addresses are new."""
    with unplugged(lab.gateway):
        pass  # from now on its routes are the last of all, which the comparison at the end would notice
    limpid = limpid_with()
    with unplugged(lab.gateway):
        limpid.said("interface lan1 does not exist")
        assert was_intercepted(there[4], lab.other_client) is False
        assert was_intercepted(there[4], lab.client) is True, "the other one goes on"
    for family in (4, 6):
        wait.eventually(lambda: intercepted(there[family], lab.other_client) is True, f"IPv{family} to be intercepted")
    limpid.said("interface lan1 is there")
    assert limpid.stderr.count("lan1") == 2, limpid.stderr
