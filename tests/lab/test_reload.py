"""SIGHUP: a changed configuration is taken over while clients go on; one that is not good changes nothing."""

import signal
import threading

import pytest

from lab import wait
from lab.limpid import rendered
from lab.origin import answer
from lab.wire import get, reply
from test_gateway import intercepted, was_intercepted

FRESH = "Cache-Control: max-age=600"


@pytest.fixture
def change():
    """change(limpid, section={key: value}, …): writes the file and says so."""
    def make(limpid, **changes):
        for name, keys in changes.items():
            if isinstance(keys, dict):
                limpid.config[name] = {**limpid.config.get(name, {}), **keys}
            else:
                limpid.config[name] = keys
        limpid.path.write_text(rendered(limpid.config))
        limpid.process.send_signal(signal.SIGHUP)

    return make


@pytest.fixture
def running(origin, connect):
    """A client in the middle of a reply, what lets the origin go on with it, and a check that it does."""
    go = threading.Event()

    def slowly(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst")
        connection.wait(go)
        connection.send(b"after")

    def make():
        there = origin(slowly)
        wire = connect(there)
        wire.send(get(there.host))
        wire.read_until(b"first")
        return wire, go

    return make


def in_force(limpid, times=1):
    wait.eventually(lambda: limpid.stderr.count("is in force") >= times, lambda: f"the reload:\n{limpid.stderr}")
    limpid.wait_ready()


def test_what_the_proxy_goes_by_and_what_is_stored_stays(limpid_with, origin, fetch, change):
    limpid = limpid_with(workers=1)
    there, old = origin(answer(reply("one", FRESH), reply("two", FRESH))), limpid.proxy()
    assert fetch(there).body == b"one"
    change(limpid, cache={"ignore_reload": [there.host]}, workers=2)
    in_force(limpid)
    assert limpid.proxy() != old
    again = fetch(there, "/", "Cache-Control: no-cache")
    assert again.body == b"one" and again.hit, "it was stored before, and the host is one of those now"
    assert limpid.thread("worker 1")


@pytest.mark.parametrize("keys", [{"mark": 0x100, "table": 1000}, {"listen_port": 3200, "match": "tcp sport != 1"}, {"form": "mark"}],
                         ids=lambda keys: "+".join(keys))
def test_what_the_kernel_goes_by(lab, limpid_with, origin, change, keys):
    """Of what was before nothing is left, which the end of the test shows, too."""
    limpid, there = limpid_with(), {family: origin(family=family) for family in (4, 6)}
    if keys.get("form") == "mark":  # it takes a capability that was given away, and so does what comes after a restart
        change(limpid, intercept=keys)
        limpid.said("a change of a port below 1024, .* takes a restart")
        return
    change(limpid, intercept=keys)
    in_force(limpid)
    assert "everything is as it should be" in limpid.command("setup", "check")
    for family in (4, 6):
        assert was_intercepted(there[family], lab.client) is True
    if "table" in keys:
        assert " lookup 100\n" not in lab.gateway.run("ip", "rule") and "lookup 1000" in lab.gateway.run("ip", "rule")


def test_interfaces_that_are_named_no_more(lab, limpid_with, origin, change):
    limpid, there = limpid_with(), origin()
    assert was_intercepted(there, lab.other_client) is True
    first = lab.interfaces[:1]
    change(limpid, intercept={"interfaces": first})
    in_force(limpid)
    assert was_intercepted(there, lab.client) is True
    assert was_intercepted(there, lab.other_client) is False


def test_what_runs_is_finished_and_others_go_direct_meanwhile(lab, limpid_with, origin, running, change):
    limpid, other = limpid_with(), origin()
    wire, go = running()
    change(limpid, log={"format": "json"})
    limpid.said("the gate is shut")
    assert was_intercepted(other, lab.client) is False
    change(limpid, log={"format": "combined"})
    wait.eventually(lambda: limpid.stderr.count("reloading: what runs") == 2, "the file to be read once more")
    go.set()
    assert wire.read(5) == b"after"
    in_force(limpid)
    wait.eventually(lambda: intercepted(other, lab.client), "connections to be intercepted again")
    assert limpid.logged(f"http://{other.host}/who")[-1].startswith(lab.client.address4 + " - - [")


@pytest.mark.parametrize("changes, said", [
    ({"intercept": {"interfaces": [], "mark": 0}}, "limpid.conf:"),
    ({"user": ""}, "a change of user takes a restart"),
    ({"intercept": {"self_test": False}}, "a change of intercept.self_test takes a restart"),
    ({"cache": {"store": {"other": {"path": "/nowhere/at/all", "size": "1G"}}}}, "directory /nowhere/at/all is not there"),
    ({"intercept": {"match": "ip dadr 192.0.2.1"}}, 'is it intercept.match = "ip dadr 192.0.2.1"?'),
], ids=["errors", "user", "self_test", "folder", "match"])
def test_what_cannot_be_taken_over_changes_nothing(lab, limpid_with, origin, change, changes, said):
    limpid, there = limpid_with(), origin()
    old, config = limpid.proxy(), limpid.config
    limpid.config = dict(config)
    change(limpid, **changes)
    limpid.said("is not taken over: all stays as it is")
    assert said in limpid.stderr and "the gate is shut" not in limpid.stderr
    assert was_intercepted(there, lab.client) is True and limpid.proxy() == old
    limpid.config = config


def test_a_set_up_that_the_kernel_refuses_leaves_the_old_one(lab, limpid_with, origin, change):
    """A table of routes that somebody else uses, which nobody can know before."""
    limpid, there = limpid_with(), origin()
    lab.gateway.run("ip", "route", "add", "blackhole", "192.0.2.99", "table", "777")
    try:
        change(limpid, intercept={"table": 777})
        limpid.said("the changed set-up cannot be applied, and the old one stays: routing table 777 is used by another program")
        limpid.wait_ready()
        assert was_intercepted(there, lab.client) is True
    finally:
        lab.gateway.run("ip", "route", "del", "blackhole", "192.0.2.99", "table", "777")


def test_commands_are_answered_while_what_runs_is_waited_for(limpid_with, running):
    limpid = limpid_with()
    wire, go = running()
    limpid.process.send_signal(signal.SIGTERM)
    limpid.said("the gate is shut")
    wait.eventually(lambda: ", gate shut, finishing what runs\n" in limpid.command("stats"), "the proxy to have heard of it")
    assert limpid.stats()["connections_open"] == 1
    go.set()
    assert wire.read(5) == b"after"
    limpid.stop()
    assert "limpid is not running" in limpid.command("stats", code=1)


def test_who_is_told_to_end_again_cuts_what_runs(limpid_with, running):
    limpid = limpid_with()
    running()
    limpid.process.send_signal(signal.SIGINT)
    limpid.said("ending: what runs")
    limpid.stop(signal.SIGINT)
    assert "told to end again: what still runs is cut" in limpid.stderr and "signal 9" not in limpid.stderr


def test_an_end_in_the_middle_of_a_reload(limpid_with, running, change):
    limpid = limpid_with()
    wire, go = running()
    change(limpid, log={"format": "json"})
    limpid.said("the gate is shut")
    limpid.process.send_signal(signal.SIGTERM)
    limpid.said("ending: what runs")
    go.set()
    assert wire.read(5) == b"after"
    limpid.stop()
    assert "is in force" not in limpid.stderr
