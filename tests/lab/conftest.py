"""Fixtures of the lab. `lab` is made once for the session; `limpid` runs with the lab's plain configuration for a file's
tests together, `limpid_with(…)` is one of the test's own; `origin(…)` makes an origin at an address that only this test uses."""

import contextlib
import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("lab")

from lab import limpid as program
from lab.net import Lab
from lab.nginx import Nginx
from lab.origin import Origin
from lab.wire import get


def open_faults():
    """What is known not to work yet: test and reason, a line each of open.txt."""
    lines = (Path(__file__).parent / "open.txt").read_text().splitlines()
    return dict(line.split("  ", 1) for line in lines if line and not line.startswith("#"))


def pytest_collection_modifyitems(items):
    """Open faults are run all the same, and one that has gone is a failure until its line goes too."""
    faults = open_faults()
    for item in items:
        if os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="namespaces and TPROXY take root"))
        reason = faults.get(item.nodeid.split("/")[-1])
        if reason:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


@pytest.fixture(scope="session")
def lab():
    lab = Lab()
    yield lab
    lab.close()


@pytest.fixture(scope="session")
def place():
    """A directory for the session that every user may enter; directories in it by name."""
    top = Path(f"/tmp/limpid-lab-{os.getpid()}")
    top.mkdir(mode=0o755)
    made = []

    def directory(name):
        path = top / f"{name}-{len(made)}"
        made.append(path)
        path.mkdir(mode=0o755)
        return path

    yield directory
    if not os.environ.get("LAB_KEEP"):
        shutil.rmtree(top, ignore_errors=True)


@pytest.fixture(scope="session")
def nginx(lab, place):
    nginx = Nginx(lab, place("nginx"))
    yield nginx
    nginx.close()


@contextlib.contextmanager
def mended(lab):
    """Whatever fails in here, the next test finds the gateway as it was made."""
    try:
        yield
    except BaseException:
        if lab.plain:
            lab.plain.process = None
        lab.mend()
        raise


@pytest.fixture(scope="module")
def configuration():
    """What a file's plain Limpid has otherwise than the lab's; a file that needs something has a fixture of this name."""
    return {}


@pytest.fixture(scope="module")
def plain(lab, place, configuration):
    """Limpid with the plain configuration, for all tests of a file; `limpid` starts it."""
    lab.plain = program.Limpid(lab, place("limpid"), configuration)
    with mended(lab):
        yield lab.plain
        lab.plain.stop()
    lab.plain = None


@pytest.fixture
def limpid(plain):
    """The plain one, running, with no connection of an earlier test; and after each test: the same proxy process, and no
    word from a sanitizer."""
    with mended(plain.lab):
        if not plain.process:
            plain.start()
        elif plain.process.poll() is not None:
            plain.stop()
        else:
            plain.emptied()
        before = plain.proxy()
    yield plain
    plain.check_sanitizers()
    assert plain.process.poll() is None, f"limpid ended: {plain.stderr[-4000:]}"
    assert plain.proxy() == before, f"the proxy process died and was started again: {plain.stderr[-4000:]}"


@pytest.fixture
def grown(limpid):
    """grown(): by how much each counter has changed since the test's beginning, of those that have."""
    before = limpid.stats()
    return lambda: {name: value - before[name] for name, value in limpid.stats().items() if value != before[name]}


@pytest.fixture
def limpid_with(lab, place):
    """limpid_with(section={key: value}, …): a Limpid of the test's own, started. `start=False` leaves that to the test. There is
    one gateway: the plain one ends for it."""
    made = []

    def make(start=True, **changes):
        limpid = program.Limpid(lab, place("limpid"), changes)
        made.append(limpid)
        return limpid.start() if start else limpid

    with mended(lab):
        if lab.plain:
            lab.plain.stop()
        yield make
        for limpid in made:
            limpid.stop()


@pytest.fixture
def origin(lab):
    """origin(script, …, family=4): an Origin. What goes wrong in its scripts fails the test."""
    made = []

    def make(*scripts, **where):
        made.append(Origin(lab, *scripts, **where))
        return made[-1]

    yield make
    errors = []
    for one in made:
        try:
            one.close()
        except Exception as error:
            errors.append(error)
    if errors:
        raise errors[0]


@pytest.fixture
def far(lab):
    """far("origin") or far("client"): a namespace one router further away, which a narrow route leads to."""
    made = []

    def make(side):
        made.append(lab.beyond(side))
        return made[-1]

    yield make
    for space in made:
        space.router.run("ip", "link", "del", "far0")  # at once; what goes with its namespace goes some time later
        space.close()


@pytest.fixture
def connect(lab):
    """connect(origin_or_address, client=…): a Wire from a client's namespace, closed at the end of the test."""
    made = []

    def make(to, client=None, **options):
        address = getattr(to, "address", to)
        made.append((client or lab.client).connect(address, **options))
        return made[-1]

    yield make
    for wire in made:
        wire.close()


@pytest.fixture
def fetch(connect):
    """fetch(origin, "/path", "Field: value", client=…): one request on a connection of its own, and its response."""

    def make(origin, path="/", *fields, client=None, method="GET"):
        with connect(origin, client) as wire:
            return wire.ask(get(origin.host, path, *fields, method=method))

    return make
