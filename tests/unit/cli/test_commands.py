"""Every command: help with an example, --json, one-line errors, stable exit codes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import rich_click as click

from grange.books.where.errors import WhereError
from grange.cli.budget import between
from grange.cli.exits import exit_code, explain
from grange.cli.formatting import NOTHING
from grange.cli.main import root, run
from grange.kernel.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    FieldProblem,
    GrangeError,
    InvalidRequestError,
    NotFoundError,
    ThrottledError,
    UnreachableError,
)


def leaves(group: click.Group, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command that does something."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, (*words, name))
        else:
            yield (*words, name)


COMMANDS = list(leaves(root))


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of this machine reach the tests."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DEADLINE", "GRANGE_FARM_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SK")
    monkeypatch.setenv("GRANGE_CLIENT_CONFIG", str(tmp_path / "none.toml"))
    monkeypatch.chdir(tmp_path)


def test_the_commands_are_those_the_readme_names():
    named = {" ".join(words) for words in COMMANDS}
    assert {
        "demo", "server", "submit", "usage", "graph", "open", "worker run", "worker join",
        "worker ls", "job ls", "job show", "job log", "job wait", "job cancel", "job requeue",
        "books verify", "books rebuild", "books files", "user add", "user ls", "user key",
        "user revoke", "farm ls",
        "queue ls", "fleet ls",
    } <= named  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_says_what_it_does_with_an_example_and_offers_json(words, capsys):
    assert run([*words, "--help"]) == 0
    said = capsys.readouterr().out
    assert "Example" in said
    assert f"grange {' '.join(words)}" in said
    assert "--json" in said


@pytest.mark.parametrize(
    "words",
    [
        ["job", "ls"], ["job", "show", "last"], ["job", "log", "last"], ["worker", "ls"],
        ["farm", "ls"], ["submit", "--yes", "--", "true"], ["books", "verify"], ["usage"],
        ["open"], ["user", "ls"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_server_that_does_not_answer_is_exit_code_5_in_one_line(words, capsys, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert run(words) == 5
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == (
        "grange: The server at http://127.0.0.1:9 did not answer: nothing listens there."
        " Is it running, and is this its address?\n"
    )
    assert len(said.err.splitlines()) == 1


def test_no_server_is_exit_code_2_and_says_how_to_name_one(capsys):
    assert run(["job", "ls"]) == 2
    assert "AWS_ENDPOINT_URL" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["nonsense"], ["job"], ["job", "show"], ["submit", "--chunk", "x"]]
)
def test_a_wrong_command_line_is_exit_code_2(words, capsys):
    assert run(words) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_close_command_is_suggested_by_its_error(capsys):
    assert run(["submit"]) == 2
    assert "Give a command behind --" in capsys.readouterr().err


def test_debug_shows_where(capsys):
    with pytest.raises(ConfigurationError):
        run(["job", "ls", "--debug"])


def test_dry_run_prints_the_plan_and_needs_no_server(capsys):
    assert (
        run(["submit", "--frames", "1-10", "--chunk", "4", "--dry-run", "--", "r", "{start}"]) == 0
    )
    said = capsys.readouterr().out
    assert "3 tasks" in said
    assert "jobtemplate-2023-09" in said
    words = [
        "submit",
        "--frames",
        "1-2",
        "--shot",
        "s1",
        "--json",
        "--dry-run",
        "--",
        "r",
        "{frame}",
    ]
    assert run(words) == 0
    body = json.loads(capsys.readouterr().out)
    assert body["tags"]["grange:shot"] == "s1"
    assert json.loads(body["template"])["extensions"] == ["TASK_CHUNKING"]


def test_words_behind_the_dashes_are_never_options(capsys):
    assert run(["submit", "--dry-run", "--json", "--", "tool", "--help", "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert "tool --help --json" in body["template"]


def test_a_command_and_a_bundle_exclude_each_other(capsys):
    assert run(["submit", "bundle", "--", "true"]) == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("x"), 2),
        (InvalidRequestError("x"), 2),
        (NotFoundError("job", "j"), 3),
        (AccessDeniedError("x"), 4),
        (AuthenticationError("x"), 4),
        (UnreachableError("x"), 5),
        (ThrottledError("x"), 5),
        (GrangeError("x"), 1),
    ],
)
def test_exit_codes_are_stable(error, code):
    assert exit_code(error) == code


def test_field_problems_are_told_in_the_same_line():
    error = InvalidRequestError("2 problems.", fields=[FieldProblem("a.b", "is too long")])
    assert explain(error) == "2 problems. (a.b: is too long)"


def test_what_is_wrong_with_a_query_is_said_once() -> None:
    error = WhereError("state is never 'bogus'.", text="state=bogus", position=6)
    said = explain(error)
    assert said == "state is never 'bogus'. (at character 7 of 'state=bogus')"
    elsewhere = FieldProblem("where", "6: something else")
    assert "something else" in explain(InvalidRequestError("Wrong.", fields=[elsewhere]))


def test_a_spent_budget_has_no_span_in_which_it_will_be_gone() -> None:
    row = {"exhausted_at": 86_400_000, "earliest_at": 86_400_000, "latest_at": 86_400_000}
    assert between(row) == NOTHING
    assert between(row | {"exhausted_at": None}) == NOTHING
    assert " and " in between(row | {"latest_at": 2 * 86_400_000})
