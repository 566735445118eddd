#!/usr/bin/env python3
"""Who may include whom: http <- cache <- proxy -> setup, and one home for each library.

Reads the #include lines of the program. An include of ours is written from the top ("http/span.h"), so that its folder can
be seen.
"""

import re

from sources import FOLDERS, program_sources, report, root

MAY_INCLUDE = {
    "http": {"http"},
    "cache": {"http", "cache"},
    "setup": {"setup"},
    "proxy": {"http", "cache", "setup", "proxy"},
}

# A library's headers (as the #include line begins) and the files, as patterns of the path, that may know it.
HOMES = {
    "llhttp": r"http/parse(_\w+)?\.c|http/parse_\w+\.h",
    "lmdb.h": r"cache/store(_\w+)?\.c|cache/store_\w+\.h",
    "xxhash.h": r"cache/\w+\.[ch]",
    "libmnl/": r"setup/\w+\.[ch]",
    "nftables/": r"setup/\w+\.[ch]",
    "linux/": r"(setup|proxy)/\w+\.[ch]",
    "event2/": r"proxy/\w+\.[ch]",
    "event.h": r"",
    "evhttp.h": r"",
    "ares.h": r"proxy/resolve(_socket)?\.[ch]",
    "confuse.h": r"proxy/config(_\w+)?\.[ch]",
    "seccomp.h": r"proxy/(privilege|seccomp|confine)(_\w+)?\.[ch]",
    "sys/capability.h": r"proxy/privilege(_\w+)?\.[ch]",
    "openssl/": r"(proxy|cache)/\w+\.c",
}
OPENSSL_FILES = 2

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')


def ours(path, name, quoted):
    """What is wrong with an include of one of our headers, or None."""
    folder = name.split("/")[0] if "/" in name else None
    if quoted and folder not in FOLDERS:
        return f'"{name}" does not say its folder'
    if folder in FOLDERS and folder not in MAY_INCLUDE[path.parent.name]:
        return f"{path.parent.name}/ may not see {folder}/ ({name})"
    return None


def library(path, name):
    """What is wrong with an include of a library's header, or None."""
    where = f"{path.parent.name}/{path.name}"
    for prefix, home in HOMES.items():
        if name.startswith(prefix) and not re.fullmatch(home, where):
            return f"<{name}> has its home elsewhere: {home or 'nowhere'}"
    return None


def main():
    top = root()
    violations, openssl, files = [], set(), program_sources(top)
    for path in files:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            quoted, name = match.group(1) == '"', match.group(2)
            if name.startswith("openssl/"):
                openssl.add(path.relative_to(top))
            wrong = ours(path, name, quoted) or library(path, name)
            if wrong:
                violations.append(f"{path.relative_to(top)}:{number}: {wrong}")
    if len(openssl) > OPENSSL_FILES:
        violations.append(f"openssl in {len(openssl)} files: {', '.join(map(str, sorted(openssl)))}")
    report(violations, files)


if __name__ == "__main__":
    main()
