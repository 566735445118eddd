"""Limpid as the lab runs it: a configuration of the test's own, the program in the gateway's namespace, and at the end of
each life the same demands: exit 0, no word from a sanitizer, and the kernel as it was found."""

import fcntl
import json
import os
import pwd
import re
import shutil
import signal
import socket
import struct
import subprocess
import termios
from pathlib import Path

from . import wait
from .net import ended, kill, unchanged

ROOT = Path(__file__).resolve().parents[3]
EPOLL_WAITS = {"22", "232", "281", "441"}  # the system calls that wait for events, on ARM and on x86
REPORT = re.compile(r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|SUMMARY: \w+Sanitizer|runtime error:|Assertion .* failed")


def binary():
    return Path(os.environ.get("LIMPID", ROOT / "build/release/limpid")).resolve()


def sanitized():
    """Whether the program under test is a build with sanitizers: slow, and with memory of its own."""
    done = subprocess.run(["grep", "-qc", "__asan_init\\|__tsan_init", str(binary())])
    return done.returncode == 0


def user():
    """Whom the proxy becomes."""
    for name in ("limpid", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            pass
    return ""


def rendered(value, indent=""):
    """A configuration in libconfuse's syntax; a dict is a section, and below `store` a dict of titles."""
    lines = []
    for key, what in value.items():
        if key == "store":
            lines += [f'{indent}store "{title}" {{\n{rendered(body, indent + "    ")}{indent}}}\n' for title, body in what.items()]
        elif isinstance(what, dict):
            lines.append(f"{indent}{key} {{\n{rendered(what, indent + '    ')}{indent}}}\n")
        else:
            lines.append(f"{indent}{key} = {literal(what)}\n")
    return "".join(lines)


def literal(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "{" + ", ".join(literal(item) for item in value) + "}"
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def merged(base, changes):
    out = dict(base)
    for key, value in changes.items():
        out[key] = merged(out[key], value) if isinstance(value, dict) and isinstance(out.get(key), dict) else value
    return out


class Limpid:
    """One configuration, and the program's lives with it. `changes` is laid over what the lab needs."""

    def __init__(self, lab, where, changes=None):
        self.lab, self.where = lab, where
        self.process = None
        self.control = where / "control"
        self.access = where / "log" / "access.log"
        self.stderr_path = where / "stderr"
        self.store = where / "store"
        self.config = merged({
            "intercept": {"interfaces": lab.interfaces},
            "cache": {"store": {"main": {"path": str(self.store), "size": "1G"}}},
            "admin": {"listen": "127.0.0.1:8080", "control": str(self.control)},
            "log": {"access": str(self.access), "format": "squid", "level": "debug" if os.environ.get("LAB_DEBUG") else "info"},
            "workers": 2,
            "user": user(),
        }, changes or {})
        for path in (where, self.store, self.access.parent):
            path.mkdir(exist_ok=True)
            if user():
                shutil.chown(path, user())
        self.path = where / "limpid.conf"
        self.before = None
        self.www = ROOT / "www"
        self.wrapper = ()  # words in front of the program's, of a program that lets it stay our child

    # ---- its life

    def start(self, ready=True):
        self.path.write_text(rendered(self.config))
        self.before = self.lab.kernel_state()
        environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=1:abort_on_error=0:" + os.environ.get("ASAN_OPTIONS", ""),
                           UBSAN_OPTIONS="print_stacktrace=1",
                           LIMPID_WWW=str(self.www))
        with open(self.stderr_path, "ab") as errors:
            self.process = self.lab.gateway.start(*self.wrapper, binary(), "run", "-c", self.path, stdout=errors, stderr=errors, env=environment,
                                                  cwd=self.where)
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self):
        def ready():
            assert self.process.poll() is None, f"limpid ended with {self.process.returncode}:\n{self.stderr}"
            return self.listens() and (self.config["intercept"].get("manual") or self.gate_open())

        wait.eventually(ready, lambda: f"limpid to be ready; it said:\n{self.stderr}\n{self.lab.gateway.run('nft', 'list', 'ruleset')}")

    def listens(self):
        port = 80 if self.config["intercept"].get("form") == "mark" else self.config["intercept"].get("listen_port", 3129)
        return f":{port} " in self.lab.gateway.run("ss", "-Hltn")

    def _gate(self):
        """Of each of the clients' interfaces, and of the port of a bridge that they are behind, whether it is an element of a set, with
        some time left to live. The port comes after its bridge, and goes before it."""
        rules = self.lab.gateway.run("nft", "list", "ruleset")
        return [bool(re.search(rf'"?{name}"?[^,}}]* expires ', rules)) for name in [*self.config["intercept"]["interfaces"], *self.lab.ports]]

    def gate_open(self):
        return all(self._gate())

    def gate_shut(self):
        return not any(self._gate())

    def stop(self, sign=signal.SIGTERM, code=0):
        """Ends it, and demands what is demanded of each end."""
        if not self.process:
            return
        process, self.process = self.process, None
        for pid in [process.pid, *children(process)]:
            kill(pid, signal.SIGCONT)
        if process.poll() is None:
            process.send_signal(sign)
        wait_for_end(process, self)
        assert process.returncode == code, f"exit {process.returncode}:\n{self.stderr}"
        self.check_sanitizers()
        self.check_kernel()

    def crash(self):
        """All of it ends at once, and its sockets with it; nothing is taken down."""
        all_of_it = [self.process.pid, *self.children()]
        for pid in all_of_it:
            kill(pid, signal.SIGKILL)
        self.process.wait()
        wait.eventually(lambda: all(map(ended, all_of_it)), "its processes to end")

    def kill(self):
        """Ends it as a crash of the whole would: no clean-up. The kernel's side is then taken down by command."""
        self.crash()
        self.process = None
        self.command("setup", "down")

    def restart(self):
        self.stop()
        return self.start()

    def check_kernel(self):
        """The gateway's kernel is what it was before the start."""
        unchanged(self.before, self.lab.kernel_state())

    def check_sanitizers(self):
        assert not REPORT.search(self.stderr), self.stderr

    # ---- looking at it

    @property
    def stderr(self):
        return self.stderr_path.read_text(errors="replace") if self.stderr_path.exists() else ""

    def said(self, text):
        """Waits until it has said this (a regular expression) to its operator."""
        return wait.eventually(lambda: re.search(text, self.stderr), lambda: f"{text!r} in what limpid says:\n{self.stderr}")

    def children(self):
        return children(self.process)

    def proxy(self):
        """The pid of the proxy process: the child with threads."""

        def found():
            threads = {pid: thread_count(pid) for pid in self.children()}
            busiest = max(threads, key=threads.get, default=None)
            return busiest if busiest and threads[busiest] > 1 else None

        return wait.eventually(found, "the proxy process")

    def thread(self, name):
        """The id of a thread of the proxy's."""
        tasks = Path(f"/proc/{self.proxy()}/task")
        return next(int(task.name) for task in tasks.iterdir() if (task / "comm").read_text().strip() == name)

    def rss_anon(self):
        """Anonymous memory of the proxy process, in bytes."""
        return int(re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{self.proxy()}/status").read_text())[1]) << 10

    def command(self, *words, code=0):
        """Runs `limpid WORDS -c FILE` in the gateway; what it said on both outputs."""
        words = [words[0], *words[1:]] if words[0] == "version" else [*words, "-c", self.path]
        done = subprocess.run(self.lab.gateway.command(binary(), *words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=60, env={**os.environ, "LIMPID_WWW": str(self.www)})
        assert code is None or done.returncode == code, f"limpid {words}: exit {done.returncode}\n{done.stdout}"
        return done.stdout

    def ask(self, request):
        """One line to the control socket, one line back."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(wait.DEADLINE)
            sock.connect(str(self.control))
            sock.sendall(json.dumps(request).encode() + b"\n")
            text = b""
            while not text.endswith(b"\n") and (more := sock.recv(65536)):
                text += more
        return json.loads(text)

    def summary(self):
        answer = self.ask({"command": "stats"})
        assert answer["ok"], answer
        return answer["summary"]

    def stats(self):
        """The counters by name."""
        return self.summary()["counters"]

    def counter(self, name, least, above=0):
        """Waits until a counter has reached `above + least`."""
        return wait.eventually(lambda: (value := self.stats().get(name, 0)) >= above + least and (value or True),
                               lambda: f"{name} >= {above + least}; {self.stats()}")

    def emptied(self):
        """Waits until no client's connection is open: the program sees an end later than the client who made it. And until its gate is not
        shut, as it is for a moment after the machine has stood still for two seconds."""
        def ready():
            summary = self.summary()
            return summary["counters"]["connections_open"] == 0 and summary["gate"] != "shut"

        wait.eventually(ready, lambda: f"the connections to end and the gate to open: {self.summary()}")

    def loses(self, end, wire):
        """Ends a client's connection while the program may go on for it, and waits until the gateway's kernel has it no more."""
        of_wire = f"dport = :{wire.sock.getsockname()[1]}"
        end()
        wait.eventually(lambda: not self.lab.gateway.run("ss", "-Htn", "state", "established", of_wire), "the end to have come")

    def has_read(self, wire):
        """Whether all that a client has sent has come, and has been read."""
        if struct.unpack("i", fcntl.ioctl(wire.sock, termios.TIOCOUTQ, b"\0" * 4))[0]:
            return False
        listed = self.lab.gateway.run("ss", "-Htn", "state", "established", f"dport = :{wire.sock.getsockname()[1]}")
        return listed.split()[:1] == ["0"]

    def at_rest(self, *wires):
        """Waits until these clients' requests have been read, and then until the workers have done all that there was to do: both wait for
        events, and neither has turned meanwhile."""
        tasks = [task for task in Path(f"/proc/{self.proxy()}/task").iterdir() if (task / "comm").read_text().startswith("worker")]

        def turns():
            return [re.findall(r"ctxt_switches:\s+(\d+)", (task / "status").read_text()) for task in tasks]

        def resting():
            before = turns()
            return all((task / "syscall").read_text().split()[0] in EPOLL_WAITS for task in tasks) and turns() == before

        wait.eventually(lambda: all(self.has_read(wire) for wire in wires), "what was sent to be read")
        wait.eventually(resting, "the workers to have nothing to do")

    @property
    def log(self):
        """The access log's lines; what has no end yet is still being written."""
        return self.access.read_text(errors="replace").split("\n")[:-1] if self.access.exists() else []

    def logged(self, text, count=1):
        """The lines of the access log that hold `text`, once there are at least `count`."""

        def lines():
            found = [line for line in self.log if text in line]
            return found if len(found) >= count else None

        return wait.eventually(lines, lambda: f"{count} lines with {text!r} in the access log: {self.log[-20:]}")


# A process may end between any two looks at its folder: the file is gone then, or reading it fails with ESRCH.

def children(process):
    try:
        return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def thread_count(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except (FileNotFoundError, ProcessLookupError):
        return 0


def wait_for_end(process, limpid):
    try:
        process.wait(wait.DEADLINE * 2)
    except subprocess.TimeoutExpired:
        for pid in [process.pid, *children(process)]:
            kill(pid, signal.SIGKILL)
        process.wait()
        raise AssertionError(f"limpid does not end:\n{limpid.stderr}") from None
