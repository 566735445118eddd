"""What the benches of hits share: a lab with a Limpid whose store is filled, and the way they keep what they measured."""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lab"))
from lab.limpid import Limpid, binary, user
from lab.nginx import pattern
from lab.net import Lab
from lab.origin import Origin, answer
from lab.wire import get, reply

SMALL = 100_000  # responses of 1 KiB: /0, /1, …


def arguments(what, *programs):
    """The options that every bench has; ends where something is missing."""
    parser = argparse.ArgumentParser(description=what, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--secs", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="append the raw lines to tests/bench/results")
    options = parser.parse_args()
    missing = [word for word in programs if not shutil.which(word)]
    if missing or os.geteuid() or not binary().exists() or os.cpu_count() < 2:
        sys.exit(f"{sys.argv[0]}: it needs root, two CPUs, {binary()} (cmake --preset release) and {missing or 'nothing else'}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was made is undone
    return options


@contextlib.contextmanager
def place():
    """A lab, and a folder that every user may enter."""
    with tempfile.TemporaryDirectory(prefix="limpid-bench-") as top, contextlib.closing(Lab()) as lab:
        os.chmod(top, 0o755)
        yield lab, Path(top)


@contextlib.contextmanager
def origin_of(lab, size):
    """An origin whose objects are of this size, and may be stored."""
    with contextlib.closing(Origin(lab, answer(lambda request: reply(pattern(size, len(request.target)), "Cache-Control: max-age=86400")))) as one:
        yield one


def filled(lab, where, there, store, **config):
    """Limpid, not yet started, with SMALL responses of that origin's in its store."""
    limpid = Limpid(lab, where, {"cache": {"store": {"main": {"path": str(store), "size": "2G"}}}} | config)
    subprocess.run([binary().parent / "tests/lab_fill_store", store, str(2 << 30), str(SMALL), there.host, there.address],
                   check=True, capture_output=True)
    subprocess.run(["chown", "-R", user() or "root", store], check=True)
    return limpid


def ask(lab, there, *paths):
    """One after the other, over one connection; whether each was a hit."""
    with contextlib.closing(lab.client.connect(there.address)) as wire:
        return [wire.ask(get(there.host, path)).hit for path in paths]


def keep(name, results):
    with open(HERE / "results" / f"{name}.jsonl", "a") as raw:
        raw.writelines(json.dumps(one) + "\n" for one in results)
