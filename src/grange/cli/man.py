"""`grange man`: a manual page of every command, made from the commands themselves."""

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import rich_click as click
from rich.text import Text

from grange.cli.connection import with_output
from grange.cli.exits import DENIED, FAILED, NOT_FOUND, OK, UNREACHABLE, USAGE
from grange.cli.formatting import plural
from grange.cli.output import Output

SECTION = "1"
_EXITS = {
    OK: "It worked.",
    FAILED: "What was asked for did not succeed.",
    USAGE: "The command line, a setting or the request must be mended.",
    NOT_FOUND: "There is no such thing.",
    DENIED: "The key is wrong or may not do this.",
    UNREACHABLE: "The server does not answer.",
}


@click.command("man", epilog="Example: grange man ~/.local/share/man && man grange-job-ls")
@click.argument(
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("~/.local/share/man"),
)
@with_output
def command(out: Output, /, *, folder: Path) -> None:
    """Write a manual page of every command, with all its options.

    FOLDER is one where man looks; default: ~/.local/share/man. Pages come into its man1.
    """
    context: Any = click.get_current_context()
    root: click.Context = context.find_root()
    place = folder.expanduser() / f"man{SECTION}"
    place.mkdir(parents=True, exist_ok=True)
    written = []
    for words, one in pages(root.command):
        path = place / f"{'-'.join(words)}.{SECTION}.gz"
        text = page(words, one).encode()
        path.write_bytes(gzip.compress(text, mtime=0))
        written.append(str(path))
    if out.as_json:
        out.data({"pages": written})
    else:
        out.line(f"Wrote {plural(len(written), 'page')} into {place}. See: man grange")


def pages(
    one: click.Command, words: tuple[str, ...] = ("grange",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with its words, groups before what is in them."""
    yield words, one
    if isinstance(one, click.Group):
        context = click.Context(one)
        for name in one.list_commands(context):
            inner = one.get_command(context, name)
            if inner is not None and not inner.hidden:
                yield from pages(inner, (*words, name))


def page(words: Sequence[str], one: click.Command) -> str:
    """Return the manual page of a command."""
    context = click.Context(one, info_name=" ".join(words))
    name = "-".join(words)
    usage = " ".join([" ".join(words), *one.collect_usage_pieces(context)])
    lines = [
        f'.TH "{name.upper()}" "{SECTION}" "" "Grange" "Grange"',
        ".SH NAME",
        f"{_text(name)} \\- {_text(one.get_short_help_str(limit=300))}",
        ".SH SYNOPSIS",
        f".B {_text(usage)}",
        ".SH DESCRIPTION",
        *_paragraphs(one.help or ""),
    ]
    options = [
        record
        for parameter in one.get_params(context)
        if (record := parameter.get_help_record(context)) is not None
    ]
    if options:
        lines.append(".SH OPTIONS")
        for heads, meaning in options:
            lines += [".TP", f"\\fB{_text(heads)}\\fR", _text(meaning) or "\\&"]
    if isinstance(one, click.Group):
        lines.append(".SH COMMANDS")
        for inner_name in one.list_commands(context):
            inner = one.get_command(context, inner_name)
            if inner is None or inner.hidden:
                continue
            lines += [
                ".TP",
                f"\\fB{_text(f'{name}-{inner_name}')}\\fR({SECTION})",
                _text(inner.get_short_help_str(limit=300)),
            ]
    lines += [".SH EXAMPLES", *_as_it_stands(one)] if one.epilog else []
    lines += [".SH EXIT STATUS"]
    for code, meaning in _EXITS.items():
        lines += [".TP", str(code), _text(meaning)]
    if len(words) > 1:
        lines += [".SH SEE ALSO", f"\\fB{_text('-'.join(words[:-1]))}\\fR({SECTION})"]
    return "\n".join(lines) + "\n"


def _paragraphs(text: str) -> list[str]:
    found: list[str] = []
    for paragraph in text.strip().split("\n\n"):
        found += [".PP", _text(" ".join(paragraph.replace("\b", "").split()))]
    return found


def _as_it_stands(one: click.Command) -> list[str]:
    epilog: object = one.epilog
    text = epilog.plain if isinstance(epilog, Text) else str(epilog)
    lines = [line.rstrip() for line in text.replace("\b", "").strip("\n").splitlines()]
    return [".nf", *[_text(line) for line in lines], ".fi"]


def _text(text: str) -> str:
    """Return text that groff prints as it stands."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
    return f"\\&{text}" if text.startswith((".", "'")) else text
