"""What the README and the guides tell people to type exists, and every link leads somewhere."""

import re
import shlex
from pathlib import Path

import pytest
import rich_click as click

from grange.cli.main import root

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *(
        ROOT / "docs" / name
        for name in (
            "guide-artist.md",
            "guide-admin.md",
            "guide-production.md",
            "guide-wrangler.md",
            "costs.md",
            "history.md",
            "hooks.md",
            "datalog.md",
            "operations.md",
            "scheduling.md",
            "streams.md",
            "graphs.md",
            "watch.md",
            "archives.md",
        )
    ),
]

_INDENTED = re.compile(r"^ {4}(?:\. \S+ && )?(grange .+?)(?:\s{2,}#.*)?$", re.MULTILINE)
_QUOTED = re.compile(r"`(grange [^`]+)`")
_LINK = re.compile(r"\]\((?!https?://)([^)#]+)")


def commands() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        found += [(page.name, words) for words in _INDENTED.findall(text)]
        found += [(page.name, words) for words in _QUOTED.findall(text)]
    return found


@pytest.mark.parametrize(("page", "line"), commands())
def test_every_command_in_the_guides_exists_with_its_options(page: str, line: str):
    alone = re.split(r" > | && | \| ", line)[0]
    words = shlex.split(alone.replace("…", "x"))[1:]
    if "--" in words:
        words = words[: words.index("--")]
    command: click.Command = root
    while isinstance(command, click.Group):
        if command.invoke_without_command and (not words or words[0].startswith("-")):
            break
        assert words, f"{page}: {line} stops before a command"
        context = click.Context(command)
        found = command.get_command(context, words[0])
        if found is None:
            pytest.fail(f"{page}: there is no command {line!r}")
        command, words = found, words[1:]
    known = {
        name
        for parameter in command.params
        for name in (*parameter.opts, *parameter.secondary_opts)
    } | {"--help", "-h"}
    for word in words:
        if re.match(r"--?[a-z]", word):
            assert word.split("=")[0] in known, f"{page}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_the_guides_leads_somewhere(page: Path):
    links = _LINK.findall(page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


def test_the_guides_are_found_to_hold_commands():
    assert len(commands()) > 30
