"""The control socket and the page: numbers that add up, and a purge that does what it says."""

import json
import os
import re
import socket
import stat

import pytest

from lab import wait
from lab.origin import answer
from lab.verdicts import tunnelled
from lab.wire import get, reply

STORED = "Cache-Control: max-age=600"


def test_the_counters_count(lab, limpid_with, origin, fetch, connect):
    limpid = limpid_with()
    there = origin(answer(lambda request: reply(b"x" * 1000, *([STORED] if request.target == "/stored" else []))))
    for _ in range(3):
        fetch(there, "/stored")
    fetch(there, "/passed", "X-Forwarded-Host: a", method="POST")
    tunnelled(origin, connect, b"\0\x01")
    wire = connect(there)
    wire.send(f"GET / HTTP/1.1\r\nHost: {there.host}\r\nContent-Length: x\r\n\r\n")
    wire.read_all()
    for name, least in (("refused", 1), ("tunnels", 1), ("bytes_stored", 2000), ("bytes_clients", 4000)):
        limpid.counter(name, least)  # what was sent is counted when the exchange ends: the client may have it before
    stats = limpid.stats()
    assert (stats["hits"], stats["misses"], stats["passed"], stats["refused"], stats["tunnels"]) == (2, 1, 1, 1, 1), stats
    assert stats["stored"] == 1 and stats["unspoofed"] == 0
    assert 2000 <= stats["bytes_stored"] < 5000
    assert stats["bytes_clients"] >= stats["bytes_stored"] + 2000
    assert stats["upstream_connects"] >= 1


def test_stats_as_a_command(limpid_with, origin, fetch):
    limpid = limpid_with()
    there = origin(answer(reply("x", STORED)))
    for _ in range(3):
        fetch(there)
    text = limpid.command("stats")
    assert re.search(r"hits\D+2\b", text), text


def test_commands_without_a_running_limpid_say_so(limpid_with):
    limpid = limpid_with()
    limpid.stop()
    for words in (["stats"], ["purge", "http://x.test/"]):
        said = limpid.command(*words, code=1)
        assert str(limpid.control) in said or "running" in said, said


@pytest.mark.parametrize("url, said", [("", "a URL begins with http://"), ("http://", "this is no host, or no port"), ("a.test/", "a URL begins with http://")])
def test_a_url_that_is_none_is_a_command_line_that_makes_no_sense(limpid_with, url, said):
    limpid = limpid_with()
    for command in ("purge", "why"):
        assert f"{command}: '{url}': {said}\n" in limpid.command(command, url, code=2)


def test_purge_of_one_url(limpid_with, origin, fetch):
    limpid = limpid_with()
    there = origin(answer(lambda request: reply(request.target, STORED)))
    for path in ("/a?b", "/c"):
        fetch(there, path)
        assert fetch(there, path).hit
    said = limpid.command("purge", f"http://{there.host}/a?b")
    assert "1" in said
    assert not fetch(there, "/a?b").hit
    assert fetch(there, "/c").hit


def test_purge_takes_every_variant_and_every_address(lab, limpid_with, origin, fetch, connect):
    limpid = limpid_with()
    two = [origin(answer(lambda request: reply(request.get("Accept-Language"), STORED, "Vary: Accept-Language"))) for _ in range(2)]
    ask = [(there, get("name.test", "/", f"Accept-Language: {language}")) for there in two for language in ("en", "de")]
    for there, request in ask:
        connect(there).ask(request)
        assert connect(there).ask(request).hit
    limpid.command("purge", "http://name.test/")
    for there, request in ask:
        assert not connect(there).ask(request).hit


def test_purge_of_a_host(limpid_with, origin, connect):
    limpid = limpid_with()
    there = origin(answer(reply("x", STORED)))
    for host in ("one.test", "other.test"):
        for path in ("/a", "/b"):
            connect(there).ask(get(host, path))
    limpid.command("purge", "--host", "one.test")
    assert [connect(there).ask(get(host, path)).hit for host in ("one.test", "other.test") for path in ("/a", "/b")] == [False, False, True, True]


def test_purge_of_all(limpid_with, origin, fetch):
    limpid = limpid_with()
    there = origin(answer(lambda request: reply(b"x" * 100_000, STORED)))
    for n in range(20):
        fetch(there, f"/{n}")
    limpid.command("purge", "--all")
    assert not any(fetch(there, f"/{n}").hit for n in range(20))


def test_purge_of_what_is_not_there(limpid_with):
    limpid = limpid_with()
    assert "0" in limpid.command("purge", "http://nothing.test/", code=None)


def test_the_control_socket_is_for_root_alone(limpid_with):
    limpid = limpid_with()
    assert not stat.S_IMODE(os.stat(limpid.control).st_mode) & 0o007


@pytest.mark.parametrize("junk", [b"\n", b"{\n", b"junk\n", b'{"command": 5}\n', b'{"command": "no-such"}\n', b"[" * 100_000 + b"\n", b"\0" * 10 + b"\n",
                                  b'{"command":"purge"}\n', b'{"command":"purge","url":"' + b"x" * 100_000 + b'"}\n'])
def test_junk_on_the_control_socket_does_no_harm(limpid, junk):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(wait.DEADLINE)
        sock.connect(str(limpid.control))
        try:
            sock.sendall(junk)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass
        except ConnectionError:
            pass
    assert limpid.stats()


def test_the_page_the_summary_and_the_metrics(lab, limpid_with, origin, fetch):
    limpid = limpid_with()
    there = origin(answer(reply("x" * 1000, STORED)))
    for _ in range(4):
        fetch(there)
    limpid.counter("hits", 3)

    def page(path, *options):
        return lab.gateway.run("curl", "-sS", "--max-time", 10, *options, f"http://127.0.0.1:8080{path}")

    assert "<html" in page("/").lower() and "Limpid" in page("/")
    summary = json.loads(page("/api/v1/summary"))
    assert there.host in json.dumps(summary)
    metrics = page("/metrics")
    assert re.search(r"^limpid_hits\w* 3$", metrics, re.M), metrics
    for line in metrics.splitlines():
        assert re.fullmatch(r"#.*|[a-z_:][a-z0-9_:]*(\{[^}]*\})? -?[0-9.e+]+", line), line
    for path in ("/no-such", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/%00"):
        assert "404" in page(path, "-o", "/dev/null", "-w", "%{http_code}", "--path-as-is") or "400" in page(path, "-i", "--path-as-is")


def test_the_page_is_not_for_clients(lab, limpid_with):
    limpid_with()
    for address in ("10.77.1.1", "192.0.2.1"):
        with pytest.raises(OSError):
            lab.client.connect(address, 8080)
