"""The checks of this folder can fail: each is run over a small tree that breaks its rule, and over one that keeps it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
GOOD = '/* A model. */\n#include "http/span.h"\n\nstatic int twice(int n)\n{\n        return 2 * n;\n}\n\nint four(void);\nint four(void)\n{\n        return twice(2);\n}\n'


@pytest.fixture
def tree(tmp_path):
    """A repository in small that keeps every rule; write() puts a file into it."""
    for folder in ("http", "cache", "setup", "proxy", "tests"):
        (tmp_path / folder).mkdir()
    write(tmp_path, "http/parse.c", GOOD)
    write(tmp_path, ".clang-format", (HERE.parents[1] / ".clang-format").read_text())
    return tmp_path


def write(top, name, text):
    path = top / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def check(name, *arguments):
    """(exit status, what it said)"""
    path = HERE / name
    command = [sys.executable, path] if path.suffix == ".py" else ["bash", path]
    done = subprocess.run([*command, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


def compiled(top, source):
    """Compiles a file of the tree as build/debug would, into the place where its object file is looked for."""
    target = top / "build/debug/CMakeFiles/x.dir" / f"{source}.o"
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-g", "-I", top, "-c", top / source, "-o", target], check=True)


@pytest.mark.parametrize("name", ["layers.py", "budget.py", "names.py", "format.sh"])
def test_a_good_tree_passes(tree, name):
    status, said = check(name, tree)
    assert status == 0, said


@pytest.mark.parametrize("name", ["layers.py", "budget.py", "names.py", "symbols.py", "format.sh", "tidy.sh", "shell.sh"])
def test_an_empty_tree_is_no_success(tmp_path, name):
    assert check(name, tmp_path)[0] != 0


@pytest.mark.parametrize(
    "source, line, what",
    [
        ("http/fields.c", '#include "cache/store.h"', "http/ may not see cache/"),
        ("http/fields.c", '#include "proxy/log.h"', "http/ may not see proxy/"),
        ("cache/key.c", '#include "setup/setup.h"', "cache/ may not see setup/"),
        ("cache/key.c", '#include "proxy/log.h"', "cache/ may not see proxy/"),
        ("setup/plan.c", '#include "http/span.h"', "setup/ may not see http/"),
        ("http/fields.c", '#include "fields.h"', "does not say its folder"),
        ("http/fields.c", "#include <llhttp.h>", "has its home elsewhere"),
        ("http/parse.h", "#include <llhttp.h>", "has its home elsewhere"),
        ("cache/key.c", "#include <lmdb.h>", "has its home elsewhere"),
        ("cache/store.h", "  #  include <lmdb.h>", "has its home elsewhere"),
        ("proxy/warden.c", "#include <nftables/libnftables.h>", "has its home elsewhere"),
        ("proxy/warden.c", "#include <libmnl/libmnl.h>", "has its home elsewhere"),
        ("cache/key.c", "#include <event2/event.h>", "has its home elsewhere"),
        ("http/fields.c", "#include <openssl/sha.h>", "has its home elsewhere"),
        ("proxy/warden.c", "#include <confuse.h>", "has its home elsewhere"),
    ],
)
def test_layers_sees(tree, source, line, what):
    write(tree, source, f"/* A model. */\n{line}\n")
    status, said = check("layers.py", tree)
    assert status == 1 and f"{source}:2: " in said and what in said


def test_layers_sees_a_third_file_with_openssl(tree):
    for name in ("a", "b", "c"):
        write(tree, f"proxy/{name}.c", "#include <openssl/sha.h>\n")
    status, said = check("layers.py", tree)
    assert status == 1 and "openssl in 3 files" in said


def function(name, lines):
    """A function that is `lines` lines long."""
    return f"void {name}(void)\n{{\n" + "        work();\n" * (lines - 3) + "}\n\n"


@pytest.mark.parametrize("lines, status", [(80, 0), (81, 1)])
def test_budget_measures_the_longest_function(tree, lines, status):
    write(tree, "proxy/many.c", "".join(function(f"short_{n}", 4) for n in range(40)))
    write(tree, "proxy/long.c", function("long_one", lines))
    found, said = check("budget.py", tree)
    assert found == status and ("long_one has 81 lines" in said) == (status == 1)


def test_budget_sees_a_long_median(tree):
    write(tree, "proxy/many.c", "".join(function(f"middling_{n}", 13) for n in range(9)))
    status, said = check("budget.py", tree)
    assert status == 1 and "50 % of 11 functions have up to 13 lines" in said


def test_budget_sees_too_many_long_functions(tree):
    write(tree, "proxy/many.c", "".join(function(f"short_{n}", 4) for n in range(17)))
    write(tree, "proxy/long.c", "".join(function(f"long_{n}", 46) for n in range(2)))
    status, said = check("budget.py", tree)
    assert status == 1 and "95 % of 21 functions have up to 46 lines" in said


@pytest.mark.parametrize("lines, status", [(450, 0), (451, 1)])
def test_budget_measures_files(tree, lines, status):
    write(tree, "proxy/long.h", "int x(void);\n" * lines)
    assert check("budget.py", tree)[0] == status


def test_budget_counts_functions_of_headers(tree):
    write(tree, "http/span.h", "static inline " + function("inline_one", 81))
    assert "inline_one has 81 lines" in check("budget.py", tree)[1]


@pytest.mark.parametrize("text", ["RFC " + "2616", "rfc" + "7230_parse", "RFC-" + "7234 §4.2", "rfc" + "723x"])
def test_names_sees_an_obsolete_rfc(tree, text):
    write(tree, "conf/limpid.conf", f"\n# as {text} has it\n")
    status, said = check("names.py", tree)
    assert status == 1 and "conf/limpid.conf:2: " in said


def test_names_knows_what_is_in_force(tree):
    write(tree, "conf/limpid.conf", "# RFC 9110, RFC 9111, RFC 9211, RFC 4193, RFC 1918\n")
    assert check("names.py", tree)[0] == 0


@pytest.mark.parametrize(
    "source, text, what",
    [
        ("proxy/utils.c", "", "proxy/utils.c:1"),
        ("proxy/body.c", "int body_manager(void)\n{\n        return 0;\n}\n", "proxy/body.c:1: body_manager"),
        ("proxy/body.h", "\nstruct body_data {\n        int n;\n};\n", "proxy/body.h:2: body_data"),
    ],
)
def test_names_sees_words_that_say_nothing(tree, source, text, what):
    write(tree, source, text)
    status, said = check("names.py", tree)
    assert status == 1 and what in said


@pytest.mark.parametrize(
    "line, name",
    [
        ("int total = 3;", "total"),
        ("int total;", "total"),
        ("static char last[20]; char *get(void) { return last; }", "last"),
        ("int next(void) { static int n; return ++n; }", "n."),
        ("_Thread_local int seen;", "seen"),
        ("static const char *names[2] = {\"a\"}; void set(void) { names[1] = names[0]; }", "names"),
    ],
)
def test_symbols_sees_a_mutable_global(tree, line, name):
    write(tree, "proxy/warden.c", line + "\n")
    compiled(tree, "proxy/warden.c")
    status, said = check("symbols.py", tree)
    assert status == 1 and f"proxy/warden.c:1: mutable global {name}" in said


@pytest.mark.parametrize(
    "source, line",
    [
        ("proxy/warden.c", "const int limit = 3; static const char *const names[] = {\"a\", \"b\"}; "
                           "const char *get(int n) { return names[n]; }"),
        ("proxy/main.c", "int total;"),
        ("proxy/log.c", "int level = 3;"),
    ],
)
def test_symbols_lets_pass(tree, source, line):
    write(tree, source, line + "\n")
    compiled(tree, source)
    status, said = check("symbols.py", tree)
    assert status == 0, said


@pytest.mark.parametrize(
    "source, line, name",
    [
        ("http/date.c", "#include <time.h>\nlong now(void) { return time(0); }", "time"),
        ("cache/store.c", "#include <time.h>\nint now(struct timespec *t) { return clock_gettime(CLOCK_REALTIME, t); }",
         "clock_gettime"),
        ("cache/store.c", "#include <stdio.h>\nvoid say(int n) { fprintf(stderr, \"%d\", n); }", "stderr"),
        ("setup/apply.c", "#include <stdio.h>\nvoid say(int n) { printf(\"%d\", n); }", "printf"),
        ("http/fields.c", "#include <sys/socket.h>\nint s(void) { return socket(AF_INET, SOCK_STREAM, 0); }", "socket"),
    ],
)
def test_symbols_sees_an_impure_library(tree, source, line, name):
    write(tree, source, line + "\n")
    compiled(tree, source)
    status, said = check("symbols.py", tree)
    assert status == 1 and f"may not use {name}" in said


def test_format_sees_a_wrong_indent(tree):
    write(tree, "proxy/body.c", "int f(void)\n{\n    return 1;\n}\n")
    assert check("format.sh", tree)[0] != 0


def test_tidy_sees_a_null_dereference(tree):
    source = write(tree, "http/null.c", "int f(int n);\nint f(int n)\n{\n        int *p = 0;\n        return n ? *p : 0;\n}\n")
    shutil.copy(HERE.parents[1] / ".clang-tidy", tree)
    write(tree, "build/debug/compile_commands.json",
          f'[{{"directory": "{tree}", "file": "{source}", "command": "gcc -c {source}"}}]')
    status, said = check("tidy.sh", tree)
    assert status != 0 and "Dereference of null pointer" in said


def test_cppcheck_sees_a_read_behind_the_end(tree):
    write(tree, "http/end.c", "int f(void);\nint f(void)\n{\n        int a[2] = {1, 2};\n        return a[2];\n}\n")
    write(tree, "tests/static/suppressions.txt", (HERE / "suppressions.txt").read_text())
    status, said = check("cppcheck.sh", tree)
    assert status != 0 and "arrayIndexOutOfBounds" in said


def test_shell_sees_an_unquoted_expansion(tree):
    write(tree, "setup/demo", "#!/bin/sh\nrm $1\n")
    status, said = check("shell.sh", tree)
    assert status != 0 and "SC2086" in said


README = "Run `tests/run unit`, then `limpid check`; see [the design](docs/design.md) and `cmake --preset release`.\n"


@pytest.fixture
def papers(tree):
    write(tree, "README.md", README)
    write(tree, "CONTRIBUTING.md", "See `http/parse.c`.\n")
    write(tree, "docs/design.md", "")
    write(tree, "tests/run", "part_unit()\n{\n}\n")
    write(tree, "proxy/main.c", 'static const struct command commands[] = {{"check", "what it does", command_check}};\n')
    write(tree, "CMakePresets.json", '{"configurePresets": [{"name": "release"}]}')
    return tree


def test_readme_that_is_true(papers):
    status, said = check("readme.py", papers)
    assert status == 0, said


@pytest.mark.parametrize(
    "false, what",
    [
        ("`proxy/gone.c`", "proxy/gone.c does not exist"),
        ("`limpid frobnicate`", "limpid frobnicate: no such command"),
        ("```sh\nlimpid frobnicate -c x\n```", "limpid frobnicate: no such command"),
        ("\n    limpid frobnicate -c x", "limpid frobnicate: no such command"),
        ("`cmake --preset quick`", "preset quick"),
        ("`tests/run everything`", "tests/run everything: no such part"),
        ("[there](docs/gone.md)", "link to docs/gone.md"),
        ('<img src="docs/gone.svg">', "link to docs/gone.svg"),
    ],
)
def test_readme_sees(papers, false, what):
    write(papers, "README.md", README + "\n" + false + "\n")
    status, said = check("readme.py", papers)
    assert status == 1 and what in said


@pytest.mark.parametrize(
    "claim, what",
    [
        ("`tests/lab/test_kernel.py::test_there`", None),
        ("`tests/lab/test_kernel.py::test_the`", "test_kernel.py::test_the: no such test"),
        ("`tests/lab/test_gone.py::test_there`", "test_gone.py::test_there: no such test"),
        ("[it](../README.md)", None),
        ("[it](README.md)", "link to README.md"),
    ],
)
def test_readme_knows_the_tests_that_documents_name(papers, claim, what):
    write(papers, "tests/lab/test_kernel.py", "def test_there(lab):\n    pass\n")
    write(papers, "docs/page.md", f"So it is: {claim}.\n")
    status, said = check("readme.py", papers)
    assert status == (1 if what else 0) and (not what or (what in said and "docs/page.md:1: " in said)), said
