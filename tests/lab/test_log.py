"""The access log: three formats, no line that a request could forge, and a new file when asked."""

import json
import os
import re
import signal
from pathlib import Path

import pytest

from lab import wait
from lab.origin import answer
from lab.verdicts import tunnelled
from lab.wire import get, reply

STORED = "Cache-Control: max-age=600"
SQUID = re.compile(r"\s*(\d+\.\d{3})\s+(\d+) (\S+) ([A-Z_]+)/(\d{3}) (\d+) (\S+) (\S+) - ([A-Z_]+)/(\S+) (\S+)")
COMBINED = re.compile(r'(\S+) - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "((?:[^"\\]|\\.)*)" (\d{3}) (\d+|-) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"')
AGENTS = ["plain", 'quote"quote', "back\\slash", "caf\xe9", "tab\tin it", "10.0.0.1 - - [x] \"GET /forged HTTP/1.1\" 200 1 \"-\" \"-\"", "%0a%0dforged", "{}"]


def test_squids_native_format(lab, limpid_with, origin, fetch):
    limpid = limpid_with()
    there = origin(answer(reply("twelve bytes", STORED, "Content-Type: text/plain; charset=utf-8")))
    fetch(there, "/a?b=c")
    fetch(there, "/a?b=c", client=lab.other_client)
    lines = [SQUID.fullmatch(line) for line in limpid.logged("/a?b=c", 2)]
    assert all(lines), limpid.log
    miss, hit = sorted(lines, key=lambda line: line[3])  # by client: an exchange ends, and is written down, after its reply was read
    assert (miss[3], miss[4], miss[5], miss[7], miss[8]) == (lab.client.address4, "TCP_MISS", "200", "GET", f"http://{there.host}/a?b=c")
    assert (miss[9], miss[10], miss[11]) == ("ORIGINAL_DST", there.address, "text/plain")
    assert (hit[3], hit[4]) == (lab.other_client.address4, hit[4]) and "HIT" in hit[4]
    assert (hit[9], hit[10]) == ("HIER_NONE", "-")
    assert int(miss[6]) > 12, "head and body"


def test_the_combined_format(lab, limpid_with, origin, fetch):
    limpid = limpid_with(log={"format": "combined"})
    there = origin(answer(reply("twelve bytes", STORED)))
    fetch(there, "/a?b=c", "Referer: http://x.test/", "User-Agent: lab/1")
    line = COMBINED.fullmatch(limpid.logged("/a?b=c")[0])
    assert line, limpid.log
    assert line[1] == lab.client.address4 and line[2].startswith("GET ") and line[2].endswith("/a?b=c HTTP/1.1")
    assert (line[3], line[5], line[6]) == ("200", "http://x.test/", "lab/1")


def test_json_lines(lab, limpid_with, origin, fetch):
    limpid = limpid_with(log={"format": "json"})
    there = origin(answer(reply("twelve bytes", STORED)))
    fetch(there, "/a?b=c", "User-Agent: lab/1")
    line = json.loads(limpid.logged("/a?b=c")[0])
    text = json.dumps(line)
    for part in (lab.client.address4, there.address, "GET", "lab/1", "TCP_MISS"):
        assert part in text
    assert 200 in line.values()


@pytest.mark.parametrize("family", [6])
def test_addresses_of_both_families(lab, limpid_with, origin, fetch, family):
    limpid = limpid_with()
    there = origin(family=family)
    fetch(there, "/six")
    assert SQUID.fullmatch(limpid.logged("/six")[0])[3] == lab.client.address6


@pytest.mark.parametrize("form", ["squid", "combined", "json"])
def test_h10_no_request_can_forge_a_line(limpid_with, origin, connect, form):
    limpid = limpid_with(log={"format": form})
    there = origin()
    wire = connect(there)
    paths = ["/plain", "/sp%20ace", '/quo"te', "/b\\ack", "/caf\xe9", "/<script>", "/%0aforged", "/{}", "/\x80\xff"]
    for path, agent in zip(paths, AGENTS + [""]):
        wire.ask(get(there.host, path, f"User-Agent: {agent}", f"Referer: {agent}"))
    fields = [(f"/agent{n}", agent) for n, agent in enumerate(AGENTS)]
    for path, agent in fields:
        wire.ask(get(there.host, path, f"User-Agent: {agent}", f"Referer: {agent}"))
    wire.ask(get(there.host, "/last"))
    limpid.logged("/last")
    lines = limpid.access.read_bytes().split(b"\n")[:-1]
    assert len(lines) == len(paths) + len(fields) + 1
    for line in lines:
        assert all(byte >= 0x20 and byte != 0x7f for byte in line), line
        text = line.decode("utf-8" if form == "json" else "ascii")
        if form == "json":
            assert isinstance(json.loads(text), dict)
        else:
            assert (SQUID if form == "squid" else COMBINED).fullmatch(text), text


def test_what_was_refused_tunnelled_and_aborted_is_logged(limpid_with, origin, connect):
    limpid = limpid_with()
    there = origin()
    wire = connect(there)
    wire.send(f"GET /refused HTTP/1.1\r\nHost: {there.host}\r\nContent-Length: x\r\n\r\n")
    wire.read_all()
    tunnelled(origin, connect, b"\0\x01")
    wait.eventually(lambda: any("/400 " in line for line in limpid.log))
    connect(there).ask(get(there.host, "/ok"))
    limpid.logged("/ok")


def test_sigusr1_reopens(limpid_with, origin, fetch):
    limpid = limpid_with()
    there = origin()
    fetch(there, "/before")
    limpid.logged("/before")
    rotated, proxy = limpid.access.with_name("access.log.1"), limpid.proxy()
    os.rename(limpid.access, rotated)
    limpid.process.send_signal(signal.SIGUSR1)
    wait.eventually(lambda: str(rotated) not in map(os.path.realpath, Path(f"/proc/{proxy}/fd").iterdir()), "the old file to be let go")
    fetch(there, "/after")
    limpid.logged("/after")
    assert "/before" in rotated.read_text() and "/after" not in rotated.read_text()
    assert "/before" not in limpid.access.read_text()


def test_without_an_access_log(limpid_with, origin, fetch):
    limpid = limpid_with(log={"access": ""})
    assert fetch(origin()).status == 200
    assert not limpid.log


def test_all_that_was_answered_is_in_the_log_at_the_end(limpid_with, origin, connect):
    limpid = limpid_with()
    there = origin(answer(reply("x", STORED)))
    wire = connect(there)
    for n in range(500):
        wire.ask(get(there.host, f"/{n % 7}"))
    wire.close()
    limpid.stop()
    assert len(limpid.log) == 500
