"""The command `grange` itself."""

import inspect
import os
import subprocess
import sys

import click
import pytest

from grange.cli.main import _MODULES, COMMANDS, root, run


def test_help_names_every_command_and_keeps_the_lines_of_examples(
    capsys: pytest.CaptureFixture[str],
):
    assert run(["--help"]) == 0
    told = capsys.readouterr().out
    named = [line.split()[1] for line in told.splitlines() if line.startswith("│ ")]
    assert [name for name in COMMANDS if name not in named] == []
    assert any(line.strip() == "grange demo" for line in told.splitlines())


def test_help_can_be_asked_for_twice(capsys: pytest.CaptureFixture[str]):
    assert run(["submit", "--help"]) == 0
    first = capsys.readouterr().out
    assert run(["submit", "--help"]) == 0
    assert capsys.readouterr().out == first


def test_the_list_of_commands_says_what_their_own_help_says_first():
    context = click.Context(root)
    told = {}
    for name in COMMANDS:
        command = root.get_command(context, name)
        assert command is not None
        assert not command.hidden
        told[name] = " ".join(inspect.cleandoc(command.help or "").split("\n\n")[0].split())
    assert told == COMMANDS


LOADED = """
import sys
from grange.cli.main import run
run(sys.argv[1:])
print("LOADED", *sorted(sys.modules), file=sys.stderr)
"""


def loaded(*words: str) -> set[str]:
    told = subprocess.run(
        [sys.executable, "-c", LOADED, *words],
        capture_output=True, text=True, check=True, env=os.environ | {"GRANGE_URL": "http://[::1]:1"},
    )  # fmt: skip
    (line,) = [line for line in told.stderr.splitlines() if line.startswith("LOADED ")]
    return set(line.split()[1:])


def test_help_imports_no_command():
    commands = {_MODULES.get(name, f"grange.cli.{name}") for name in COMMANDS}
    assert loaded("--help") & commands == set()


@pytest.mark.parametrize("words", [["job", "ls"], ["worker", "ls"], ["report", "cost"]])
def test_a_command_that_asks_the_server_loads_nothing_that_the_server_needs(words: list[str]):
    found = loaded(*words)
    assert f"grange.cli.{words[0]}" in found
    assert (
        found & {"duckdb", "pyarrow", "numpy", "pandas", "litestar", "sqlalchemy", "PIL"} == set()
    )
