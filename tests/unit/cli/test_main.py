"""The command `grange` itself."""

import pytest

from grange.cli.main import COMMANDS, run


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
