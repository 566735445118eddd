"""`limpid doctor`: a machine is broken in one way, and the finding says it, why it matters and what mends it."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from lab import wait
from lab.box import Box
from lab.limpid import Limpid, binary, rendered, user
from lab.net import kill
from test_self_test import begun, walled  # noqa: F401 (fixtures)

LIVE = "live test over IPv"


@pytest.fixture(scope="module")
def well():
    """What a machine needs besides, on which all is well."""
    return {"dns": {"trusted_resolvers": ["192.0.2.2"]}, "origin": {"spoof_client": False}}


def knows_its_gate(limpid):
    """Waits until the program has it from the warden that its gate is open, which it is before that is said."""
    wait.eventually(lambda: limpid.summary()["gate"] == "open", lambda: f"the gate to be said to be open; it said:\n{limpid.stderr}")


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
            knows_its_gate(limpid)

        def ask():
            said = limpid.command("doctor", code=None)
            findings = [line.split(": ", 1) for line in said.splitlines() if line != "nothing is wrong" and not line.startswith(LIVE)]
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
    assert ask.limpid.command("doctor", code=0).splitlines() == [
        *(f"{LIVE}{version}: a request came through Limpid to its origin, and its answer back" for version in "46"), "nothing is wrong"]
    assert not [name for name in ("limpid-client", "limpid-origin") if name in lab.gateway.run("ip", "link")]


@pytest.mark.parametrize("changes", [{"ipv6": False}, {"prove_ipv6": True}])
def test_without_ipv6_or_with_proof_of_it_all_is_well(doctor, changes):
    assert doctor(intercept=changes)() == []


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


@pytest.mark.parametrize("listen, address", [("127.0.0.1:8080", "127.0.0.1"), ("[::1]:8080", "::1")])
def test_another_service_on_the_port_of_the_page(lab, doctor, listen, address):
    ask = doctor(start=False, admin={"listen": listen})
    with contextlib.closing(lab.gateway.listen(address, 8080)):
        assert [text.split(":")[0] for _, text in ask() if "not running" not in text] == [f"nothing can listen at {listen}".split(":")[0]]
    only(ask(), "warning", "limpid run is not running")


def test_the_files_of_the_page_are_not_there(doctor, tmp_path):
    ask = doctor()
    ask.limpid.www = tmp_path
    only(ask(), "warning", f"the page's files are not in {tmp_path}")


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
    knows_its_gate(limpid)
    assert "nothing translates private addresses on their way out over wan0" in limpid.command("doctor", code=1)


def test_no_room_and_no_folder_for_the_store(doctor):
    ask = doctor(start=False, cache={"store": {"main": {"size": "16M"}}})
    store = ask.limpid.store
    store.rmdir()
    assert any("is not there" in text for _, text in ask())
    store.mkdir()
    shutil.chown(store, user() or "root")
    assert not any("store" in text for _, text in ask())
    ask = doctor(start=False, cache={"store": {"main": {"path": str(store), "size": "900T"}}})
    assert any("will not have room to grow to its size" in text for _, text in ask())


def test_a_gate_that_nobody_renews(doctor):
    """The warden stands still: what it said last is that the gate is open, but its elements have expired."""
    ask = doctor()
    kill(ask.limpid.process.pid, signal.SIGSTOP)
    try:
        wait.eventually(ask.limpid.gate_shut, "the gate's elements to expire")
        findings = ask()
    finally:
        kill(ask.limpid.process.pid, signal.SIGCONT)
    assert [severity for severity, _ in findings] == ["BROKEN"] * 2
    for name, (_, text) in zip(("lan0", "lan1"), findings):
        assert f"{name} is not in the gate, which limpid run says is open" in text


def test_two_programs_on_one_mark_and_another_table(lab, doctor):
    ask = doctor()
    lab.gateway.run("ip", "rule", "add", "fwmark", "0x1/0xff", "lookup", "200", "priority", "150")
    lab.gateway.run("ip", "-6", "route", "add", "2001:db8:77::/64", "dev", "lo", "table", "100")
    try:
        findings = ask()
    finally:
        lab.gateway.run("ip", "rule", "del", "priority", "150")
        lab.gateway.run("ip", "-6", "route", "del", "2001:db8:77::/64", "table", "100")
    assert [severity for severity, _ in findings] == ["BROKEN"] * 2
    for what, (_, text) in zip(("IPv4 routing rule", "IPv6 local route"), findings):
        assert f"another program's {what} uses our mark or table" in text


def test_a_rule_that_leads_to_another_table(lab, doctor):
    """While the warden stands still nothing is put back."""
    ask = doctor()
    kill(ask.limpid.process.pid, signal.SIGSTOP)
    try:
        lab.gateway.run("ip", "rule", "del", "lookup", "100")
        lab.gateway.run("ip", "rule", "add", "fwmark", "0x1/0x1", "lookup", "200", "priority", "10")
        findings = [text for severity, text in ask() if severity == "BROKEN"]
        assert any("the IPv4 routing rule is missing" in text for text in findings)
        assert any("another program's IPv4 routing rule uses our mark or table" in text for text in findings)
    finally:
        lab.gateway.run("ip", "rule", "del", "lookup", "200")
        kill(ask.limpid.process.pid, signal.SIGCONT)


def test_connections_that_are_sent_elsewhere(lab, doctor):
    """A rule that another proxy has left: it comes before Limpid's."""
    ask = doctor()
    lab.gateway.run("nft", "-f", "-", input=rule("nat hook prerouting priority dstnat", 'iifname "lan0" tcp dport { 80, 8080 } redirect to :3128'))
    try:
        only(ask(), "warning", "a rule of the firewall sends connections to an intercepted port elsewhere")
    finally:
        lab.gateway.run("nft", "delete", "table", "inet", "lab_fw")


def test_a_bridge_that_shows_its_frames_to_iptables(place, well):
    """Nothing runs that would switch it off; and a box on a bridge need not forward."""
    box = Box("bridge")
    limpid = Limpid(box, place("limpid"), well)
    limpid.path.write_text(rendered(limpid.config))
    try:
        for value, found in (("1", True), ("0", False)):
            box.gateway.run("ip", "link", "set", "br0", "type", "bridge", "nf_call_iptables", value, "nf_call_ip6tables", value)
            box.gateway.run("sysctl", "-qw", f"net.bridge.bridge-nf-call-iptables={value}", f"net.bridge.bridge-nf-call-ip6tables={value}")
            text = limpid.command("doctor", code=None)
            assert ("BROKEN: bridge br0 hands its frames to iptables" in text) is found and "forwarding" not in text, text
    finally:
        box.close()


# ---- the machine around it

def examined(limpid, *prefix, program=None):
    """What doctor says where it is started in such a way."""
    words = [*prefix, program or binary(), "doctor", "-c", str(limpid.path)]
    return subprocess.run(limpid.lab.gateway.command(*words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60).stdout


def over(*mounts):
    """In a mount namespace of its own, with these files in place of others."""
    return ["unshare", "-m", "sh", "-ec", "".join(f"mount --bind {new} {old}\n" for new, old in mounts) + 'exec "$@"', "sh"]


def test_a_connection_table_that_is_nearly_full(doctor, tmp_path):
    ask, folder = doctor(), "/proc/sys/net/netfilter/nf_conntrack_"
    (tmp_path / "max").write_text("1000\n")
    for count, full in ((890, False), (990, True)):
        (tmp_path / "count").write_text(f"{count}\n")
        said = examined(ask.limpid, *over((tmp_path / "count", folder + "count"), (tmp_path / "max", folder + "max")))
        assert ("warning: the connection tracking table is nearly full: 990 of 1000" in said) is full, said


def test_few_open_files(doctor):
    assert "warning: few files may be open" in examined(doctor().limpid, "prlimit", "--nofile=1000:1000")


def test_no_resolver(limpid_with, well, tmp_path):
    limpid = limpid_with(start=False, **{**well, "dns": {}})
    limpid.path.write_text(rendered(limpid.config))
    for text, missing in (("nameserver 192.0.2.2\n", False), ("", True)):
        (tmp_path / "resolv.conf").write_text(text)
        said = examined(limpid, *over((tmp_path / "resolv.conf", "/etc/resolv.conf")))
        assert ("warning: there is no resolver" in said) is missing, said


def test_a_clock_that_is_behind(doctor, tmp_path):
    limpid, program = doctor(start=False).limpid, tmp_path / "limpid"
    shutil.copy2(binary(), program)
    for days, behind in ((0, False), (3, True)):
        os.utime(program, (time.time() + days * 86400,) * 2)
        said = examined(limpid, program=program)
        assert ("BROKEN: the clock is behind the date of this program" in said) is behind, said


@pytest.mark.parametrize("version", [4, 6])
def test_replies_that_go_another_way(lab, doctor, origin, fetch, version):
    """Servers know the clients' network by another router: nothing that is sent in a client's name is ever answered."""
    ask = doctor(origin={"connect_timeout": "1s"})
    lab.gateway.run("nft", "-f", "-", input=rule("nat hook postrouting priority srcnat", 'oifname "wan9" masquerade'))
    network = "10.77.0.0/16" if version == 4 else "fd77::/16"
    lab.origin.run("ip", f"-{version}", "route", "add", "blackhole", network)
    try:
        for _ in range(5):
            with pytest.raises(ConnectionError):
                fetch(origin(family=version))
        only(ask(), "BROKEN", "no server has answered: 5 connections were tried")
    finally:
        lab.origin.run("ip", f"-{version}", "route", "del", "blackhole", network)
        lab.gateway.run("nft", "delete", "table", "inet", "lab_fw")


@pytest.mark.parametrize("version", [4, 6])
def test_replies_of_one_server_that_go_another_way(lab, doctor, origin, fetch, version):
    """All others answer. It is tried from the gateway's own address, and by that it is told from one that is down."""
    ask = doctor(origin={"connect_timeout": "1s"})
    there, well, down = origin(family=version), origin(family=version), lab.fresh_address(version)
    lab.gateway.run("nft", "-f", "-", input=rule("nat hook postrouting priority srcnat", 'oifname "wan9" masquerade'))
    lab.origin.run("ip", f"-{version}", "route", "add", "blackhole", "10.77.0.0/16" if version == 4 else "fd77::/16", "table", "200")
    lab.origin.run("ip", f"-{version}", "rule", "add", "from", there.address, "lookup", "200")
    try:
        for _ in range(3):
            assert fetch(well).status == 200
        with pytest.raises(ConnectionError):
            fetch(there)
        with pytest.raises(ConnectionError):
            lab.client.connect(down).ask(b"GET / HTTP/1.0\r\n\r\n")
        handed_back = lambda: lab.gateway.run("nft", "list", "set", "inet", "limpid", f"handed_back{version}")
        wait.eventually(lambda: all(f"{one} . 80" in handed_back() for one in (there.address, down)), lambda: f"both in the set: {handed_back()}")
        address = f"[{there.address}]" if version == 6 else there.address
        only(ask(), "warning", f"1 of 2 servers that did not answer Limpid in a client's name answer this machine itself, such as {address}:80")
    finally:
        lab.origin.run("ip", f"-{version}", "rule", "del", "lookup", "200")
        lab.origin.run("ip", f"-{version}", "route", "flush", "table", "200")
        lab.gateway.run("nft", "delete", "table", "inet", "lab_fw")


# ---- the live test

def rule(hook, words):
    return f"table inet lab_fw {{\n chain c {{ type {hook}; {words}; }}\n}}"


STAGES = {  # what breaks it, and what is said then
    "nobody answered the client's SYN": rule("filter hook input priority filter", 'iifname "limpid-client" meta l4proto tcp drop'),
    "the client's connection was refused":
        rule("filter hook input priority filter", 'iifname "limpid-client" meta l4proto tcp reject with tcp reset'),
    "Limpid took the request, and its origin was never asked":
        rule("filter hook output priority filter", 'oifname "limpid-origin" meta l4proto tcp drop'),
    "the origin answered, and the client got nothing of it":
        rule("filter hook prerouting priority -190", 'iifname "limpid-origin" tcp flags & psh == psh drop'),
}


@pytest.mark.parametrize("said", STAGES)
def test_a_live_test_says_how_far_a_request_came(lab, doctor, said):
    ask = doctor()
    lab.gateway.run("nft", "-f", "-", input=STAGES[said])
    try:
        live = [(severity, what, rest) for severity, text in ask() if text.startswith(LIVE) for what, rest in [text[len(LIVE):].split(": ", 1)]]
    finally:
        lab.gateway.run("nft", "delete", "table", "inet", "lab_fw")
        ask.limpid.kill()  # who is asked to end waits for what has become of the request
    assert [(severity, what) for severity, what, _ in live] == [("BROKEN", "4"), ("BROKEN", "6")]
    assert all(rest.startswith(said) for _, _, rest in live), live


DATAGRAMS = {
    "a datagram did not reach its origin": rule("filter hook input priority filter", 'iifname "limpid-client" meta l4proto udp drop'),
    "the origin answered a datagram, and the client got nothing of it":
        rule("filter hook prerouting priority -190", 'iifname "limpid-origin" meta l4proto udp drop'),
}


def test_a_live_test_with_a_datagram_of_dns(doctor):
    ask = doctor(dns={"relay": True, "trusted_resolvers": ["192.0.2.2"]})
    assert ask.limpid.command("doctor").count("a datagram came through Limpid to its origin, and its answer back") == 2


def test_a_live_test_with_a_datagram(lab, doctor):
    ask = doctor(datagram={"ports": [1812]})
    assert ask() == []
    assert ask.limpid.command("doctor").count("a datagram came through Limpid to its origin, and its answer back") == 2
    for said, broken in DATAGRAMS.items():
        lab.gateway.run("nft", "-f", "-", input=broken)
        try:
            findings = ask()
        finally:
            lab.gateway.run("nft", "delete", "table", "inet", "lab_fw")
        assert [severity for severity, _ in findings] == ["BROKEN"] * 2 and all(said in text for _, text in findings), findings


def test_a_datagram_that_passes_limpid_by(lab, doctor):
    """A program has the port of the wildcard address to itself, so that no reply could be sent from it."""
    with contextlib.closing(lab.gateway.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other:
        other.bind(("0.0.0.0", 1812))
        findings = doctor(datagram={"ports": [1812]})()
    assert [severity for severity, _ in findings] == ["BROKEN"] and "over IPv4: a datagram reached its origin without Limpid" in findings[0][1], findings


def test_a_live_test_that_passes_limpid_by(doctor):
    findings = doctor(intercept={"match": 'iifname != "limpid-client"'})()
    assert [severity for severity, _ in findings] == ["BROKEN"] * 2
    assert all("the request reached its origin without Limpid" in text for _, text in findings)


def test_the_clients_own_address_is_looked_at(lab, doctor):
    """Whoever masquerades without saying by which link hides the clients from all servers."""
    ask = doctor(origin={})
    lab.gateway.run("nft", "-f", "-", input=rule("nat hook postrouting priority srcnat", 'oifname "wan0" masquerade'))
    try:
        assert ask() == []
        assert "its origin from the client's own address, and" in ask.limpid.command("doctor")
        lab.gateway.run("nft", "add", "rule", "inet", "lab_fw", "c", "masquerade")
        findings = ask()
    finally:
        lab.gateway.run("nft", "delete", "table", "inet", "lab_fw")
    assert [severity for severity, _ in findings] == ["warning"] * 2
    assert all("the origin did not see the client's own address" in text for _, text in findings)


def test_a_live_test_that_cannot_be_made(doctor):
    said = examined(doctor().limpid, "setpriv", "--bounding-set=-sys_admin")
    assert said.count(": it could not be tried") == 2 and said.count("warning") == 2


def test_nothing_stays_of_a_doctor_that_is_killed(lab, doctor):
    ask = doctor()
    lab.gateway.run("nft", "-f", "-", input=STAGES["nobody answered the client's SYN"])
    try:
        process = subprocess.Popen(lab.gateway.command(binary(), "doctor", "-c", ask.limpid.path), stdout=subprocess.DEVNULL)
        wait.eventually(lambda: "limpid-origin" in lab.gateway.run("ip", "link"), "the test to begin")
        process.kill()
        process.wait()
    finally:
        lab.gateway.run("nft", "delete", "table", "inet", "lab_fw")
    wait.eventually(lambda: "limpid-client" not in lab.gateway.run("ip", "link"), "its links to go")
    assert ask() == []


def test_doctors_at_the_same_time(lab, doctor):
    """Each has a client and an origin of its own: first three whose clients get no answer, which takes them a while, then three that end well."""
    limpid = doctor().limpid

    def three():
        return [subprocess.Popen(lab.gateway.command(binary(), "doctor", "-c", limpid.path), stdout=subprocess.PIPE, text=True) for _ in range(3)]

    def end(doctors):
        return [process.communicate(timeout=60)[0] for process in doctors]

    lab.gateway.run("nft", "-f", "-", input=rule("filter hook input priority filter", 'iifname "limpid-client*" meta l4proto tcp drop'))
    try:
        doctors = three()
        wait.eventually(lambda: len(re.findall("limpid-(?:client|origin)", lab.gateway.run("ip", "-br", "link"))) == 6, "their links")
        said = end(doctors)
    finally:
        lab.gateway.run("nft", "delete", "table", "inet", "lab_fw")
    assert all(text.count("nobody answered the client's SYN") == 2 for text in said), said
    said = end(three())
    assert all(text.count("a request came through Limpid") == 2 for text in said), said


def test_a_configuration_that_cannot_be_read(limpid_with):
    limpid = limpid_with(start=False)
    limpid.path.write_text("nonsense = 1\n")
    assert re.search(r":1: ", limpid.command("doctor", code=2))


def test_a_store_and_a_log_of_somebody_else(doctor):
    ask = doctor(start=False)
    limpid = ask.limpid
    limpid.access.write_text("")
    for path in (limpid.store, limpid.access):
        os.chown(path, 0, 0)
        path.chmod(0o700)
    said = [text for _, text in ask()]
    assert any("is not for the proxy's user to read and write" in text and f"chown -R {user()}: {limpid.store}" in text for text in said), said
    assert any("the access log" in text for text in said), said


def test_a_user_that_is_not_there(doctor):
    ask = doctor(start=False, user="nobody-here")
    assert any(severity == "BROKEN" and 'there is no user "nobody-here"' in text for severity, text in ask())


def test_a_wrong_command_line_is_no_finding():
    assert subprocess.run([binary(), "doctor", "more"], stderr=subprocess.PIPE).returncode == 64
