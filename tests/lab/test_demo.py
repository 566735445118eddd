"""setup/demo fails where its account is not as it should be, and takes everything with it."""

import os
import shutil
import subprocess

import pytest

from lab.limpid import ROOT, binary, sanitized

pytestmark = pytest.mark.skipif(sanitized(), reason="the demo runs the release preset's program")


def spaces():
    done = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True)
    return sorted(line.split()[0] for line in done.stdout.splitlines() if line.startswith("limpid-demo-"))


@pytest.fixture
def demo(tmp_path):
    """demo(change): its outcome, with the built program and a changed configuration."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "build").mkdir()
    shutil.copytree(ROOT / "setup", tmp_path / "setup")
    (tmp_path / "build" / "release").symlink_to(binary().parent)
    for name in ("cmake", "apt-get"):  # what is under test is built, and nothing is missing
        (tmp_path / "bin" / name).write_text("#!/bin/sh\n")
        (tmp_path / "bin" / name).chmod(0o755)

    def run(change):
        text = (ROOT / "conf/limpid.conf").read_text()
        changed = change(text)
        assert changed != text
        (tmp_path / "conf" / "limpid.conf").write_text(changed)
        return subprocess.run([tmp_path / "setup" / "demo", "--once"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120,
                              env=dict(os.environ, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}"))

    return run


def test_it_fails_where_the_origin_sees_another_address(demo):
    before = spaces()
    done = demo(lambda text: text.replace("spoof_client    = true", "spoof_client    = false"))
    assert done.returncode == 1, done.stdout
    assert 'NOT SO: what the origin saw should be "10.77.0.11" and is "192.0.2.1"' in done.stdout
    assert "demo: not all was as it should be" in done.stdout
    assert spaces() == before


def test_it_fails_where_limpid_does_not_start(demo):
    before = spaces()
    done = demo(lambda text: text + "\nnonsense = 1\n")
    assert done.returncode == 1 and "demo: limpid ended" in done.stdout, done.stdout
    assert spaces() == before
