#!/usr/bin/env python3
"""Names that say nothing, and numbers of RFCs that are no longer in force.

No file of the repository names an obsolete RFC of HTTP by its number: the rules have moved to RFC 9110, 9111 and 9112,
and a reader must find them there. No file, function or type of the program is called after a word that fits anything.
"""

import json
import re
import subprocess

from sources import all_files, program_sources, report, root

# RFC 2068 and 2616 (HTTP/1.1), 7230 to 7235 (the same in six parts), 2818 (https), 2617 (authentication), 5785.
OBSOLETE = re.compile(r"(?i)rfc[\s_-]*(2068|2616|2617|2818|5785|723[0-5x])(?!\d)")
EMPTY_WORDS = {"util", "utils", "helper", "helpers", "manager", "misc", "common", "stuff", "process", "data"}
BINARY = {".png", ".jpg", ".ico", ".woff2", ".gz", ".deb"}


def obsolete_rfcs(top):
    here = top / "tests" / "static"
    for path in all_files(top):
        relative = path.relative_to(top)
        if OBSOLETE.search(str(relative)):
            yield f"{relative}:1: the file is named after an obsolete RFC"
        if path.suffix in BINARY or path.parent == here or path.name == "package-lock.json":
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            match = OBSOLETE.search(line)
            if match:
                yield f"{relative}:{number}: {match.group()} is obsolete"


def tags(files):
    command = ["ctags", "--languages=C", "--langmap=C:.c.h", "--kinds-C=fstug", "--fields=+n", "--output-format=json", "-f", "-"]
    out = subprocess.run([*command, *map(str, files)], stdout=subprocess.PIPE, check=True, text=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def empty_words(top, files):
    for path in files:
        if EMPTY_WORDS & set(path.stem.split("_")):
            yield f"{path.relative_to(top)}:1: the file's name would fit any file"
    for tag in tags(files):
        bad = EMPTY_WORDS & set(tag["name"].split("_"))
        if bad:
            yield f"{tag['path'][len(str(top)) + 1:]}:{tag['line']}: {tag['name']}: '{bad.pop()}' says nothing"


def main():
    top = root()
    files = program_sources(top)
    report([*obsolete_rfcs(top), *empty_words(top, files)], files)


if __name__ == "__main__":
    main()
