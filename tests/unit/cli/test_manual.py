"""Manual pages and completion: every verb and every option is in both."""

import gzip
from pathlib import Path

import pytest
import rich_click as click
from click.shell_completion import ShellComplete

from grange.cli.exits import USAGE
from grange.cli.main import root, run
from grange.cli.man import page, pages

PAGES = list(pages(root))


def long_options(one: click.Command) -> set[str]:
    """The options of a command as people write them."""
    context = click.Context(one)
    return {
        name
        for parameter in one.get_params(context)
        if isinstance(parameter, click.Option) and not parameter.hidden
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--")
    }


def verbs(one: click.Group) -> list[str]:
    return [
        name
        for name in one.list_commands(click.Context(one))
        if not getattr(one.get_command(click.Context(one), name), "hidden", False)
    ]


def finished(words: tuple[str, ...], incomplete: str) -> set[str]:
    """What a shell offers for the next word."""
    shell = ShellComplete(root, {}, "grange", "_GRANGE_COMPLETE")
    return {one.value for one in shell.get_completions(list(words[1:]), incomplete)}


@pytest.mark.parametrize(("words", "one"), PAGES, ids=[" ".join(words) for words, _ in PAGES])
def test_a_page_and_the_shell_name_every_option_and_verb_of_a_command(words, one):
    """UX-24: completion and man pages list every verb and option."""
    text = page(words, one).replace("\\-", "-")
    options = long_options(one)
    assert options <= finished(words, "--")
    assert {name for name in options if name not in text} == set()
    if isinstance(one, click.Group):
        assert set(verbs(one)) <= finished(words, "")
        assert {verb for verb in verbs(one) if f"{'-'.join(words)}-{verb}" not in text} == set()


def test_there_is_a_page_of_every_command_and_more_than_a_hundred(tmp_path: Path, capsys):
    assert run(["man", str(tmp_path)]) == 0
    assert f"Wrote {len(PAGES)} pages" in capsys.readouterr().out
    written = sorted(path.name for path in (tmp_path / "man1").iterdir())
    assert written == sorted(f"{'-'.join(words)}.1.gz" for words, _ in PAGES)
    assert len(written) > 100
    text = gzip.decompress((tmp_path / "man1" / "grange-job-ls.1.gz").read_bytes()).decode()
    assert text.startswith('.TH "GRANGE-JOB-LS"')


def test_a_page_prints_what_groff_would_take_for_a_request_as_it_stands():
    @click.command("odd", epilog="Example: grange odd a\\b")
    @click.option("--name", help=".starts with a dot")
    def odd(name: str) -> None:
        """'Quoted' at the beginning."""

    lines = page(("grange", "odd"), odd).splitlines()
    assert "\\&.starts with a dot" in lines
    assert "\\&'Quoted' at the beginning." in lines
    assert "Example: grange odd a\\eb" in lines


@pytest.mark.parametrize("shell", ["bash", "fish", "zsh"])
def test_completion_prints_a_script_of_the_shell(shell, capsys):
    assert run(["completion", shell]) == 0
    said = capsys.readouterr().out
    assert f"_GRANGE_COMPLETE={shell}_complete" in said


def test_a_shell_is_answered_by_the_command_itself(capsys, monkeypatch):
    monkeypatch.setenv("_GRANGE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "grange worker dis")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert run([]) == 0
    assert capsys.readouterr().out == "plain,disable\n"


def test_a_folder_that_cannot_be_written_is_named_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert run(["man", str(tmp_path / "file" / "man")]) == USAGE
    assert capsys.readouterr().err == f"grange: {tmp_path}/file/man/man1: Not a directory.\n"
