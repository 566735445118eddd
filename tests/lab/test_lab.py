"""The lab itself, without Limpid: addresses, routes, origins, and that nothing stays behind."""

import os
import signal
import subprocess
import sys
import types
from pathlib import Path

import pytest

from lab import wait
from lab.disk import GROUPS, can_be_had
from lab.origin import answer
from lab.wire import Closed, chunked, get, reply


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass as the test says, for whoever waits."""
    now = [0.0]
    monkeypatch.setattr(wait, "time", types.SimpleNamespace(monotonic=lambda: now[0], sleep=lambda seconds: None))
    return now


def test_what_has_come_during_a_slow_look_has_come_in_time(clock):
    """As on a busy machine: it was not there when the look began, and that took longer than there was time."""
    def look():
        seen = clock[0] >= 3
        clock[0] += 2
        return seen

    wait.eventually(look, within=3)
    clock[0] = 0.0
    with pytest.raises(wait.Late):
        wait.eventually(lambda: clock.__setitem__(0, clock[0] + 1), within=3)


@pytest.mark.parametrize("family", [4, 6])
def test_the_origin_sees_each_clients_address(lab, origin, connect, family):
    there = origin(family=family)
    for client in lab.clients:
        assert connect(there, client).ask(get(there.host)).body == b"ok"
    assert [c.peer for c in there.connections] == [getattr(client, f"address{family}") for client in lab.clients]


def test_the_origins_scripts_play_in_turn(origin, connect):
    def cut(connection):
        connection.request()
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        connection.reset()

    there = origin(cut, answer(reply("first"), lambda request: reply(request.body)))
    with connect(there) as wire, pytest.raises(ConnectionResetError):
        wire.ask(get(there.host))
    with connect(there) as wire:
        assert wire.ask(get(there.host)).body == b"first"
        wire.send(get(there.host, "/", "Transfer-Encoding: chunked", method="POST"), chunked("ab", "cde"))
        assert wire.response().body == b"abcde"
        wire.send("more")
    wait.eventually(lambda: there.received.endswith(b"0\r\n\r\nmore"))


def test_an_origin_can_refuse(origin, connect):
    there = origin()
    there.stop_listening()
    with pytest.raises(ConnectionRefusedError):
        connect(there)


def test_a_response_that_ends_early_is_no_response(origin, connect):
    there = origin(lambda connection: (connection.request(), connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"),
                                       connection.close()))
    with pytest.raises(Closed):
        connect(there).ask(get(there.host))


def test_nginx_serves_and_tells(lab, nginx, connect):
    got = connect("203.0.113.1").ask(get("203.0.113.1", "/gzip/page.txt?lab", "Accept-Encoding: gzip", "User-Agent: test_lab"))
    assert got.get("Content-Encoding") == "gzip"
    line = nginx.asked("/gzip/page.txt?lab")[0]
    assert line["address"] == lab.client.address4 and line["agent"] == "test_lab"


SESSION = """
import os, pathlib, time
from lab import disk
from lab.net import Lab
Lab()
where = pathlib.Path(f"/tmp/limpid-lab-{os.getpid()}/slow")
where.mkdir(parents=True)
if disk.can_be_had():
    disk.Disk(where, 16 << 20)
print("made", flush=True)
time.sleep(600)
"""


def test_what_a_killed_session_leaves_is_reaped():
    """A session of pytest that is killed with SIGKILL in mid-life leaves no namespace, no file, no mount and no control group."""
    child = subprocess.Popen([sys.executable, "-c", SESSION], cwd=Path(__file__).parent, stdout=subprocess.PIPE)
    assert child.stdout.readline() == b"made\n"
    name = f"limpid-lab-{child.pid}"
    mounts = lambda: [line for line in Path("/proc/self/mounts").read_text().splitlines() if f"/tmp/{name}/" in line]
    left = lambda: [space for space in os.listdir("/run/netns") if space.startswith(f"{name}-")] + mounts() + list(GROUPS.glob(f"{name}-*"))
    assert len(left()) == (6 if can_be_had() else 4)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    wait.eventually(lambda: not left() and not os.path.exists(f"/tmp/{name}"), left)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("side", ["origin", "client"])
def test_there_is_a_way_beyond(lab, far, origin, side, family):
    beyond = far(side)
    address = getattr(beyond, f"address{family}")
    there = origin(answer(lambda request: reply(request.body)), **({"space": beyond, "address": address} if side == "origin" else {"family": family}))
    with (lab.client if side == "origin" else beyond).connect(there.address) as wire:
        wire.send(get(there.host, "/", "Content-Length: 300000", method="POST"), b"x" * 300_000)
        assert len(wire.response().body) == 300_000
    assert there.connections[0].peer == (address if side == "client" else getattr(lab.client, f"address{family}"))
