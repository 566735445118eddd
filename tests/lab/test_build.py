"""What the build promises of the program, and what an installation puts where."""

import os
import re
import subprocess

import pytest

from lab.limpid import ROOT, binary, sanitized

BUILD = binary().parent


@pytest.mark.skipif(sanitized(), reason="the release preset's promise")
def test_the_program_is_hardened():
    said = subprocess.run(["readelf", "-hldsnW", binary()], check=True, capture_output=True, text=True).stdout
    assert re.search(r"Type:\s+DYN", said), "position independent"
    assert "GNU_RELRO" in said and re.search(r"FLAGS.*BIND_NOW", said), "relocations are read-only"
    assert re.search(r"GNU_STACK .* RW ", said), "no executable stack"
    assert "__stack_chk_fail" in said and re.search(r"__\w+_chk@", said), "stack protector, fortified functions"
    if re.search(r"Machine:.*X86-64", said):
        # The note in the ELF file wants the C library's start files to have it too; those of Debian 12 have not.
        main = subprocess.run(["objdump", "-d", "--disassemble=main", binary()], check=True, capture_output=True, text=True).stdout
        assert re.search(r"<main>:\n[^\n]*endbr64", main), "control-flow protection"


@pytest.fixture
def installed(tmp_path):
    """The folder under which `cmake --install` put everything."""
    if not (BUILD / "cmake_install.cmake").exists():
        pytest.skip("the program under test does not lie in a build folder")

    def install():
        subprocess.run(["cmake", "--install", BUILD], check=True, capture_output=True, env=dict(os.environ, DESTDIR=str(tmp_path)))
        return tmp_path

    return install


def test_an_installation(installed):
    there = installed()
    program = there / "usr/local/sbin/limpid"
    assert subprocess.run([program, "version"], check=True, capture_output=True, text=True).stdout.startswith("limpid ")
    assert subprocess.run([program, "check", "-c", there / "etc/limpid/limpid.conf"]).returncode == 0
    unit = (there / "usr/lib/systemd/system/limpid.service").read_text()
    assert re.search(r"^ExecStart=/usr/local/sbin/limpid run", unit, re.M) and "@" not in unit
    for name in ("usr/lib/sysusers.d/limpid.conf", "usr/lib/tmpfiles.d/limpid.conf", "etc/logrotate.d/limpid",
                 "usr/local/share/man/man8/limpid.8", "usr/local/share/man/man5/limpid.conf.5",
                 "usr/local/share/limpid/www/index.html", "usr/local/share/limpid/www/uplot/uPlot.esm.js"):
        assert (there / name).stat().st_size > 0, name


def test_the_operators_configuration_is_never_overwritten(installed):
    own = installed() / "etc/limpid/limpid.conf"
    own.write_text("workers = 3\n")
    installed()
    assert own.read_text() == "workers = 3\n"
    assert own.with_suffix(".conf.new").read_text() == (ROOT / "conf/limpid.conf").read_text()
