#!/usr/bin/env python3
"""What README.md, CONTRIBUTING.md and docs/*.md speak of is there.

Every relative link, and every path of the repository in `code` or in a code block, exists. Every `limpid COMMAND` is in
the program's table of commands, every preset in CMakePresets.json and every part of `tests/run` in that script; every
`tests/lab/FILE.py::test_name` is a test of that file.
"""

import json
import re

from sources import report, root

PAPERS = ("README.md", "CONTRIBUTING.md")
TOP_FOLDERS = r"(?:http|cache|setup|proxy|conf|www|tests|docs|cmake|\.ci)"
PATH = re.compile(rf"(?<![\w./-])(?:\./)?({TOP_FOLDERS}/[\w./*-]*|[A-Z]\w+\.(?:md|txt|json))(?![\w/])")


def spans(text):
    """(line, code) of every `code span` and every line of a code block, fenced or indented by four; pictures drawn in a block of
    "text" are skipped."""
    fence, indented, blank = None, False, True
    for number, line in enumerate(text.splitlines(), 1):
        indented = line.startswith("    ") and (indented or blank)
        blank = not line.strip()
        opening = re.match(r"\s*```(\w*)", line)
        if opening:
            fence = None if fence is not None else opening.group(1)
        elif fence is None and indented:
            yield number, line
        elif fence is None:
            yield from ((number, code) for code in re.findall(r"`([^`]+)`", line))
        elif fence != "text":
            yield number, line


def links(text):
    for number, line in enumerate(text.splitlines(), 1):
        for target in re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"", line):
            target = (target[0] or target[1]).split("#")[0]
            if target and not re.match(r"[a-z]+:", target):
                yield number, target


def commands(top):
    """The names in the program's table of subcommands."""
    text = "".join(p.read_text() for p in sorted((top / "proxy").glob("*.c")))
    return set(re.findall(r'\{\s*(?:\.name = )?"([a-z]+)",[^}]*?command_', text))


def presets(top):
    return {p["name"] for p in json.loads((top / "CMakePresets.json").read_text())["configurePresets"]}


def parts(top):
    """The words that tests/run takes: the labels of its `case` and the names of its functions part_…"""
    return set(re.findall(r"^part_(\w+)\(\)", (top / "tests" / "run").read_text(), re.M))


def missing_paths(top, code):
    for name in PATH.findall(code):
        name = name.rstrip(".")
        if not (list(top.glob(name)) if "*" in name else (top / name).exists()):
            yield f"{name} does not exist"


def unknown_words(top, code):
    for word in re.findall(r"(?:^|[\s/])limpid ([a-z]+)\b", code):
        if word not in commands(top):
            yield f"limpid {word}: no such command"
    for word in re.findall(r"--(?:preset|build build/)[ =]?(\w+)", code) + re.findall(r"\bbuild/(\w+)/", code):
        if word not in presets(top):
            yield f"preset {word}: not in CMakePresets.json"
    for words in re.findall(r"tests/run((?: [a-z]+)+)", code):
        for word in words.split():
            if word not in parts(top):
                yield f"tests/run {word}: no such part"


def unknown_tests(top, code):
    for name, test in re.findall(r"([\w./-]+\.py)::(\w+)", code):
        file = top / name
        if not file.exists() or not re.search(rf"^def {test}\(", file.read_text(), re.M):
            yield f"{name}::{test}: no such test"


def main():
    top = root()
    violations, seen = [], 0
    for paper in (*PAPERS, *(str(path.relative_to(top)) for path in sorted((top / "docs").glob("*.md")))):
        if not (top / paper).exists():
            violations.append(f"{paper}:1: is missing")
            continue
        text = (top / paper).read_text()
        for number, target in links(text):
            seen += 1
            if not ((top / paper).parent / target).exists():
                violations.append(f"{paper}:{number}: link to {target}, which does not exist")
        for number, code in spans(text):
            seen += 1
            violations += [f"{paper}:{number}: {what}" for what in missing_paths(top, code)]
            violations += [f"{paper}:{number}: {what}" for what in unknown_words(top, code)]
            violations += [f"{paper}:{number}: {what}" for what in unknown_tests(top, code)]
    report(violations, seen)


if __name__ == "__main__":
    main()
