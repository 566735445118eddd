"""What the operator types, and what Limpid says of it: all errors at once, each with file and line, and the kernel untouched."""

import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from lab import wait
from lab.limpid import ROOT, binary, rendered, sanitized
from lab.net import unchanged
from test_gateway import intercepted, was_intercepted


@pytest.fixture
def check(lab, tmp_path):
    """check(text): exit status and output of `limpid check` for a file of this text."""
    def make(text):
        path = tmp_path / "limpid.conf"
        path.write_text(text)
        done = subprocess.run([binary(), "check", "-c", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.returncode, done.stdout.replace(str(path), "FILE")

    return make


def test_the_shipped_file_is_good():
    done = subprocess.run([binary(), "check", "-c", ROOT / "conf/limpid.conf"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout


def test_every_key_has_a_default(check):
    assert check("")[0] == 0


BAD = {
    'intercept {\n  ports = {80, 99999}\n}\n': 2,
    'intercept {\n  prove_ipv6 = true\n  fail = "closed"\n}\n': 4,
    'intercept {\n  ports = {0}\n}\n': 2,
    'intercept {\n  listen_port = 70000\n}\n': 2,
    'intercept {\n  form = "magic"\n}\n': 2,
    'intercept {\n  fail = "sideways"\n}\n': 2,
    'intercept {\n  bypass_clients = {"10.0.0.0/33"}\n}\n': 2,
    'intercept {\n  bypass_servers = {"privat"}\n}\n': 2,
    'intercept {\n  interfaces = {"a-name-that-is-too-long-for-linux"}\n}\n': 2,
    'intercept {\n  mark = 0\n}\n': 2,
    'intercept {\n  match = "ip daddr }"\n}\n': 2,
    'origin {\n\n  via = "maybe"\n}\n': 3,
    'origin {\n  connect_timeout = "10 parsecs"\n}\n': 2,
    'cache {\n  max_object = "-1"\n}\n': 2,
    'cache {\n  set_cookie = "eat"\n}\n': 2,
    'cache {\n  store "main" {\n    path = "/x"\n    size = "huge"\n  }\n}\n': 4,
    'log {\n  format = "pretty"\n}\n': 2,
    'log {\n  level = "loud"\n}\n': 2,
    'admin {\n  listen = "everywhere"\n}\n': 2,
    'workers = -1\n': 1,
    'no_such_key = 1\n': 1,
    'intercept {\n  no_such_key = 1\n}\n': 2,
    '\n\nno_such_section {\n}\n': 3,
    'workers = "two"\n': 1,
}


@pytest.mark.parametrize("text", BAD)
def test_an_error_has_file_and_line(check, text):
    code, said = check(text)
    assert code == 1
    assert re.search(rf"FILE:{BAD[text]}:? \S", said), said


def test_all_errors_at_once(check):
    code, said = check('intercept {\n  ports = {0}\n  form = "magic"\n}\nlog {\n  format = "pretty"\n}\nworkers = -1\n')
    assert code == 1
    assert {int(line) for line in re.findall(r"FILE:(\d+)", said)} >= {2, 3, 6, 8}, said


@pytest.mark.parametrize("text", ['intercept {\n  ports = {80}\n', 'cache {\n  store "a" {\n    path = "/x"\n  }\n'])
def test_a_section_that_is_not_closed(check, text):
    code, said = check(text)
    assert code == 1 and re.search(r"FILE:\d+: section '(intercept|cache)' is not closed", said), said


def test_a_syntax_error(check):
    code, said = check('intercept {\n  ports = {80\n')
    assert code == 1 and "FILE:" in said


def test_a_file_that_is_not_there(tmp_path):
    done = subprocess.run([binary(), "check", "-c", tmp_path / "missing.conf"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 1 and "missing.conf" in done.stdout


def test_run_with_errors_leaves_the_kernel_alone(lab, limpid_with):
    limpid = limpid_with(start=False, intercept={"form": "magic"})
    before = lab.kernel_state()
    limpid.path.write_text(rendered(limpid.config))
    said = limpid.command("run", code=1)
    assert f"{limpid.path}:" in said
    unchanged(before, lab.kernel_state())


def test_without_root_it_says_one_clear_line(lab, limpid_with):
    limpid = limpid_with(start=False)
    limpid.path.write_text(rendered(limpid.config))
    before = lab.kernel_state()
    copy = limpid.where / "limpid"
    shutil.copy(binary(), copy)
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(copy), "run", "-c", str(limpid.path)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1 and re.search("(?i)root|CAP_", done.stdout), done.stdout
    unchanged(before, lab.kernel_state())


def test_an_interface_that_does_not_exist_is_said_and_waited_for(lab, limpid_with, origin):
    limpid = limpid_with(start=False, intercept={"interfaces": ["lan0", "lan7"]})
    limpid.start(ready=False)
    there = origin()
    wait.eventually(lambda: intercepted(there, lab.client) is True, lambda: limpid.stderr)
    limpid.said("lan7")
    assert was_intercepted(there, lab.other_client) is False
    lab.gateway.run("ip", "link", "set", "lan1", "name", "lan7")
    try:
        wait.eventually(lambda: intercepted(there, lab.other_client) is True, "the new interface to be intercepted")
    finally:
        lab.gateway.run("ip", "link", "set", "lan7", "name", "lan1")
    limpid.stop()


def test_a_port_that_is_taken_is_said(lab, limpid_with):
    limpid = limpid_with(start=False)
    limpid.path.write_text(rendered(limpid.config))
    with lab.gateway.listen("127.0.0.1", 3129):
        before = lab.kernel_state()
        limpid.start(ready=False)
        limpid.said("3129")
        limpid.process.terminate()
        code = limpid.process.wait(30)
        limpid.process = None
        assert code in (0, 1)
        unchanged(before, lab.kernel_state())


def test_version(lab):
    done = subprocess.run([binary(), "version"], stdout=subprocess.PIPE, text=True, check=True)
    assert re.search(r"\d+\.\d+\.\d+", done.stdout)


@pytest.mark.parametrize("words", [[], ["no-such-command"], ["setup"], ["setup", "sideways"], ["purge"]])
def test_wrong_usage_is_explained(words):
    done = subprocess.run([binary(), *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
    assert done.returncode not in (0, -6, -11) and "limpid" in done.stdout


@pytest.mark.parametrize(("words", "said"), {
    ("no-such-command",): "there is no command 'no-such-command'",
    ("-c", "x", "check"): "options follow the command",
    ("check", "more"): "limpid check: 'more' is too much",
    ("check", "-z"): "limpid check: invalid option -- 'z'",
    ("setup", "sideways"): "limpid setup: there is no 'sideways'",
    ("setup", "show", "--format", "pf"): "'show' has no form 'pf'",
    ("stats", "more"): "usage: limpid stats",
}.items())
def test_wrong_usage_is_named(words, said):
    done = subprocess.run([binary(), *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
    assert done.returncode == 2 and said in done.stdout, done.stdout


@pytest.mark.parametrize("words", [["help"], ["--help"], ["check", "--help"], ["--version"]])
def test_who_asks_for_help_gets_it(words):
    assert "limpid" in subprocess.run([binary(), *words], stdout=subprocess.PIPE, text=True, check=True).stdout


def test_a_second_one_is_refused_and_the_first_one_goes_on(lab, limpid_with):
    limpid = limpid_with()
    before = lab.kernel_state()
    said = limpid.command("run", code=1)
    assert f"running already, as process {limpid.process.pid}" in said, said
    unchanged(before, lab.kernel_state())
    assert "put back" not in limpid.stderr and limpid.gate_open()
    assert f"limpid run goes on, as process {limpid.process.pid}" in limpid.command("setup", "down")


def test_a_match_that_nft_does_not_take_is_named(lab, limpid_with):
    limpid = limpid_with(start=False, intercept={"match": "ip dadr 192.0.2.1"})
    limpid.path.write_text(rendered(limpid.config))
    before = lab.kernel_state()
    assert "intercept.match: nftables: " in limpid.command("check", code=1)
    unchanged(before, lab.kernel_state())
    assert 'is it intercept.match = "ip dadr 192.0.2.1"?' in limpid.command("run", code=1)


@pytest.mark.parametrize("words, code", [(("setup", "up"), 1), (("setup", "down"), 1), (("setup", "check"), 1), (("doctor",), 77)])
def test_without_root_nothing_is_looked_at(lab, limpid_with, words, code):
    limpid = limpid_with(start=False)
    limpid.path.write_text(rendered(limpid.config))
    copy = limpid.where / "limpid"
    shutil.copy(binary(), copy)
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(copy), *words, "-c", str(limpid.path)],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=30)
    assert done.returncode == code and len(done.stdout.splitlines()) == 1 and "must be started as root" in done.stdout, done.stdout
