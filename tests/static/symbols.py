#!/usr/bin/env python3
"""What the compiled program shows: no mutable globals, and libraries that are as pure as they say.

Reads the symbol tables of the object files of build/debug (or of the folder given as a second argument), each folder's
library apart; llhttp, which comes from outside, is not among them. Mutable is what lies in .data, .bss or in thread-local
storage, static locals included; tables of constant pointers (.data.rel.ro) are not. proxy/main.c and proxy/log.c may have
such symbols, nobody else. Undefined symbols are what a file calls: http/ and cache/ read no clock, http/ opens no socket
and no file, and none of http/, cache/ and setup/ prints.
"""

import re
import subprocess
import sys
from pathlib import Path

from sources import FOLDERS, report, root

MAY_HAVE_GLOBALS = {"proxy/main.c", "proxy/log.c"}
MUTABLE = re.compile(r"\.(data(?!\.rel\.ro)|bss|tdata|tbss)|\*COM\*")

CLOCK = {"time", "clock_gettime", "gettimeofday", "clock", "ftime", "timespec_get"}
PRINTING = {"printf", "vprintf", "puts", "putchar", "perror", "syslog", "vsyslog", "stdout", "stderr", "__printf_chk",
            "__vprintf_chk", "err", "errx", "warn", "warnx", "log_say", "log_errno"}
WORLD = {"socket", "connect", "bind", "accept", "accept4", "send", "sendto", "recv", "recvfrom", "read", "write", "open",
         "open64", "openat", "fopen", "fopen64", "getenv", "rand", "random", "getrandom"}
FORBIDDEN = {"http": CLOCK | PRINTING | WORLD, "cache": CLOCK | PRINTING, "setup": PRINTING, "proxy": set()}

SYMBOL = re.compile(r"^(?P<value>[0-9a-f]+) (?P<flags>.{7}) (?P<section>\S+)\s+(?P<size>[0-9a-f]+)\s+(?:\.hidden )?(?P<name>\S+)$")


def symbols(path):
    """(section, name, size, is a section or file symbol) of an object file."""
    out = subprocess.run(["objdump", "-t", str(path)], stdout=subprocess.PIPE, check=True, text=True).stdout
    for line in out.splitlines():
        match = SYMBOL.match(line)
        if match and "d" not in match["flags"] and "f" not in match["flags"]:
            yield match["section"], match["name"], int(match["size"], 16)


def source_of(path):
    """proxy/log.c for …/CMakeFiles/proxy.dir/proxy/log.c.o"""
    return f"{path.parent.name}/{path.name.removesuffix('.o')}"


def wrong(path):
    source = source_of(path)
    forbidden = FORBIDDEN[path.parent.name]
    for section, name, size in symbols(path):
        if MUTABLE.match(section) and source not in MAY_HAVE_GLOBALS:
            yield f"{source}:1: mutable global {name} ({size} bytes in {section})"
        if section == "*UND*" and name in forbidden:
            yield f"{source}:1: {path.parent.name}/ may not use {name}"


def main():
    build = Path(sys.argv[2]) if len(sys.argv) > 2 else root() / "build" / "debug"
    objects = [p for folder in FOLDERS for p in sorted(build.rglob(f"{folder}/*.c.o"))]
    report([line for path in objects for line in wrong(path)], objects)


if __name__ == "__main__":
    main()
