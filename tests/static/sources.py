"""What the checks of this folder share: which files are ours, and how a check reports.

A check is a program: `tests/static/NAME.py [ROOT]`. It prints one line for each violation, `FILE:LINE: what`, and exits 1
if there was one. ROOT is the repository, or a bad sample made by test_checks.py.
"""

import re
import sys
from pathlib import Path

FOLDERS = ("http", "cache", "setup", "proxy")  # the program; one library each
SKIPPED = {".git", "build", "node_modules", "__pycache__", ".pytest_cache"}


def root():
    """The tree to look at: the argument, or the repository that this file lies in."""
    return Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2]).resolve()


def program_sources(top, suffixes=(".c", ".h")):
    """The program's own C files, sorted, as paths."""
    return sorted(p for folder in FOLDERS for p in (top / folder).glob("*") if p.suffix in suffixes)


def all_files(top):
    """Every file of the repository that a person wrote, sorted."""
    found = []
    for path in sorted(top.rglob("*")):
        if path.is_file() and not SKIPPED & set(path.relative_to(top).parts):
            found.append(path)
    return found


def without_comments(text):
    """C source with its comments and string contents blanked; every line stays where it is."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(match):
        token = match.group()
        if token[0] in "\"'":
            return token[0] + " " * (len(token) - 2) + token[-1]
        return re.sub(r"[^\n]", " ", token)

    return pattern.sub(blank, text)


def report(violations, looked_at):
    """Prints what was found and leaves with the exit status. A check that saw nothing to look at has failed too."""
    for line in violations:
        print(line)
    if not looked_at:
        print("nothing to look at: the check has lost its subject")
    sys.exit(1 if violations or not looked_at else 0)
