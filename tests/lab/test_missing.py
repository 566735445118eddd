"""A kernel that lacks something: it is said plainly, and nothing is half done. The kernel here lacks nothing, so a preloaded library
(lack_calls.c) asks it for what it does not know, where the program asks for what shall be missing; what is said then is the kernel's own."""

import os
import subprocess

import pytest

from lab.box import Box
from lab.limpid import Limpid, binary, rendered

LACKING = {  # and what is said of it
    "netfilter": "nftables cannot be opened: Protocol not supported; this kernel has no nf_tables",
    "nf_tables": "this kernel has no nf_tables",
    "tproxy": "this kernel lacks tproxy (nft_tproxy)",
    "socket": "this kernel lacks socket (nft_socket)",
    "fib": "this kernel lacks fib (nft_fib_inet)",
}


def lacking(what, **more):
    return dict(os.environ, LD_PRELOAD=f"{binary().parent}/tests/liblab_lack_calls.so", LAB_LACKS=what,
                ASAN_OPTIONS="verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", ""), **more)


def said(limpid, *words, what="", **more):
    """What a command says where that is lacking, and its exit status."""
    done = subprocess.run(limpid.lab.gateway.command(binary(), *words, "-c", limpid.path), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, env=lacking(what, **more))
    return done.stdout, done.returncode


@pytest.fixture
def still(lab, limpid_with):
    """A configuration that nothing runs with."""
    limpid = limpid_with(start=False)
    limpid.path.write_text(rendered(limpid.config))
    return limpid


@pytest.mark.parametrize("what", LACKING)
def test_it_is_said_and_nothing_is_half_done(lab, still, what):
    lab.gateway.run("sysctl", "-qw", "net.ipv4.tcp_fwmark_accept=1")
    before = lab.kernel_state()
    try:
        for words in (("setup", "up"), ("run",)):
            text, code = said(still, *words, what=what)
            assert code == 1 and LACKING[what] in text, text
            assert lab.kernel_state() == before and not list(still.where.glob("setup.state*"))
        text, code = said(still, "doctor", what=what)
        assert code == 2 and f"BROKEN: the kernel does not take the rules: " in text and LACKING[what].split(": ")[-1].split("; ")[-1] in text, text
    finally:
        lab.gateway.run("sysctl", "-qw", "net.ipv4.tcp_fwmark_accept=0")


def test_what_is_up_stays_when_it_cannot_be_made_anew(lab, still):
    assert said(still, "setup", "up") == ("", 0)
    up = lab.kernel_state()
    try:
        text, code = said(still, "setup", "up", what="tproxy")
        assert code == 1 and LACKING["tproxy"] in text
        assert lab.kernel_state() == up
        assert still.command("setup", "check") == "everything is as it should be\n"
    finally:
        still.command("setup", "down")


def test_with_nothing_lacking_all_goes_well(lab, still):
    """The library alone changes nothing."""
    assert said(still, "setup", "up") == ("", 0)
    assert said(still, "setup", "check") == ("everything is as it should be\n", 0)
    assert said(still, "setup", "down") == ("", 0)


def test_a_bridge_without_netfilter(place):
    box = Box("bridge")
    limpid = Limpid(box, place("limpid"))
    limpid.path.write_text(rendered(limpid.config))
    before = box.kernel_state()
    try:
        for words in (("setup", "up"), ("run",)):
            text, code = said(limpid, *words, what="bridge")
            assert code == 1 and "this kernel has no nf_tables for bridges (NF_TABLES_BRIDGE)" in text, text
            assert box.kernel_state() == before
    finally:
        box.close()


@pytest.mark.parametrize("kind, far", [("6969", True), ("ff534d42", True), ("ef53", False)])
def test_a_store_on_a_network_file_system(still, kind, far):
    text, _ = said(still, "doctor", LAB_STATFS=kind)
    assert ("BROKEN: store \"main\"" in text and "lies on a network file system" in text) is far, text


# ---- what else doctor finds

def test_a_listener_that_is_not_there_or_not_transparent(lab, limpid_with):
    """Limpid runs, and listens elsewhere: the configuration was changed behind its back, and what listens there is nobody or somebody else."""
    limpid = limpid_with(intercept={"listen_port": 3130})
    limpid.path.write_text(limpid.path.read_text().replace("3130", "3131"))
    text = limpid.command("doctor", code=2)
    for version in "46":
        assert f"BROKEN: nobody listens for intercepted IPv{version} connections" in text, text
    with lab.gateway.listen("127.0.0.1", 3131), lab.gateway.listen("::1", 3131):
        text = limpid.command("doctor", code=2)
    for version in "46":
        assert f"BROKEN: what listens for intercepted IPv{version} connections is not transparent" in text, text


@pytest.mark.parametrize("mtu, small", [(1279, True), (1280, False)])
def test_an_uplink_that_is_too_narrow_for_ipv6(limpid_with, tmp_path, mtu, small):
    limpid = limpid_with(start=False)
    limpid.path.write_text(rendered(limpid.config))
    (tmp_path / "mtu").write_text(f"{mtu}\n")
    command = ["unshare", "-m", "sh", "-ec", f'mount --bind {tmp_path}/mtu /sys/class/net/wan0/mtu; exec "$@"', "sh", binary(), "doctor", "-c", limpid.path]
    text = subprocess.run(limpid.lab.gateway.command(*command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60).stdout
    assert ("warning: wan0 has an MTU of 1279" in text) is small, text
