"""What a newcomer tries first: apt, through a small repository that nginx serves."""

import os
import subprocess
import time

import pytest

from lab.net import run
from lab.nginx import pattern


@pytest.fixture(scope="module")
def repository(nginx, place):
    """Twelve packages of some size, and their index. Returns the names."""
    top, work = nginx.files / "repo", place("packages")
    top.mkdir()
    names = [f"lab-package-{n}" for n in range(12)]
    for n, name in enumerate(names):
        tree = work / name
        (tree / "DEBIAN").mkdir(parents=True, mode=0o755)
        (tree / "DEBIAN/control").write_text(f"Package: {name}\nVersion: 1.{n}\nArchitecture: all\nMaintainer: lab <lab@lab.test>\nDescription: one\n")
        (tree / "usr/share/lab").mkdir(parents=True)
        (tree / f"usr/share/lab/{name}").write_bytes(pattern(n * 200_000, n))
        run("dpkg-deb", "--build", "-Znone", "--root-owner-group", tree, top)
    (top / "Packages").write_text(run("apt-ftparchive", "packages", ".", cwd=top))
    (top / "Release").write_text(run("apt-ftparchive", "release", ".", cwd=top))
    old = time.time() - 30 * 86400
    for file in top.iterdir():
        os.utime(file, (old, old))
    return names


class Apt:
    """apt with a root directory of its own, in a client's namespace."""

    def __init__(self, client, root, address):
        self.client, self.root = client, root
        for name in ("state/lists/partial", "cache/archives/partial", "etc/preferences.d", "etc/apt.conf.d", "etc/trusted.gpg.d", "out"):
            (root / name).mkdir(parents=True)
        (root / "state/status").write_text("")
        (root / "etc/sources.list").write_text(f"deb [trusted=yes] http://{address}/repo ./\n")
        (root / "apt.conf").write_text(f"""
            Dir::State "{root}/state"; Dir::State::status "{root}/state/status"; Dir::Cache "{root}/cache"; Dir::Etc "{root}/etc";
            APT::Sandbox::User "root"; Acquire::Languages "none"; APT::Get::AllowUnauthenticated "true";
            Acquire::http::Proxy "false"; Acquire::Retries "0";
        """)

    def __call__(self, *words):
        return self.client.run("apt-get", *words, cwd=self.root / "out", env=dict(os.environ, APT_CONFIG=str(self.root / "apt.conf")))


@pytest.mark.parametrize("address", ["203.0.113.1", "[2001:db8:1::1]"])
def test_apt_downloads_twice_the_second_time_from_the_cache(lab, limpid, nginx, repository, place, address):
    before = len(nginx.log)
    for client in lab.clients:
        apt = Apt(client, place("apt"), address)
        apt("update")
        apt("download", *repository)
        for n, name in enumerate(repository):
            got = (apt.root / "out" / f"{name}_1.{n}_all.deb").read_bytes()
            assert got == (nginx.files / "repo" / f"{name}_1.{n}_all.deb").read_bytes()
    asked = [line["request"].split()[1] for line in nginx.log[before:]]
    packages = [path for path in asked if path.endswith(".deb")]
    assert sorted(packages) == sorted(set(packages)) and len(packages) == len(repository), "each package is fetched once"
    assert {line["address"] for line in nginx.log[before:] if ".deb" in line["request"]} <= {lab.client.address4, lab.client.address6}


def test_apt_sees_a_change_of_the_repository(lab, limpid, nginx, repository, place):
    """apt asks for its index with Cache-Control: max-age=0: what is stored is not enough."""
    apt = Apt(lab.client, place("apt"), "203.0.113.2")
    apt("update")
    index = nginx.files / "repo" / "Packages"
    index.write_text(index.read_text().replace("Description: one", "Description: another"))
    (nginx.files / "repo" / "Release").write_text(run("apt-ftparchive", "release", ".", cwd=index.parent))
    apt("update")
    lists = "".join(path.read_text() for path in (apt.root / "state/lists").glob("*Packages"))
    assert "Description: another" in lists
