"""Rule packs: what to look for in one renderer's log.

A pack is a TOML file with a name, a version that grows whenever a rule changes, patterns that
recognise the renderer by its command or by its output, and rules. A rule has an id, a kind and a
regular expression; the named groups of the expression say what was found:

| Kind | Groups | Means |
|---|---|---|
| progress | `percent`; `done`, `total`; `fill`, `space`; or `clock` | how far the frame is |
| total | `clock` | what a progress `clock` counts up to |
| frame_start | `frame`, or `ordinal`, or none | a frame begins |
| frame_done | `frame`, `ordinal`, `path`, or none | a frame has been rendered |
| output | `path` | the file being written |
| warning | | worth counting, no failure |
| fatal | | why the program is going to fail; the rule has a class |
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from grange.kernel.errors import ConfigurationError

KINDS = frozenset({"progress", "total", "frame_start", "frame_done", "output", "warning", "fatal"})
ERROR_CLASSES = frozenset(
    {
        "licence",
        "memory",
        "missing_input",
        "output",
        "crash",
        "gpu",
        "scene",
        "setup",
        "renderer",
        "timeout",
        "killed",
        "no_output",
        "stuck",
        "failed",
    }
)
"""What a failed action can be put down to; `failed` is the rest."""
CONVENTION = "grange"
"""The pack of lines any script may print."""
GENERIC = "generic"
"""The pack of classes every program shares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One thing to look for in a line."""

    rule_id: str
    kind: str
    pattern: re.Pattern[str]
    error_class: str = ""
    percent: float | None = None
    """What a progress rule without groups stands for."""
    written: bool = False
    """True if the output file is complete when the line appears."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pack:
    """The rules of one renderer; each is the same as itself only."""

    name: str
    version: int
    app: str
    renderer: str
    commands: tuple[re.Pattern[str], ...]
    outputs: tuple[re.Pattern[str], ...]
    rules: tuple[Rule, ...]
    columns: int | None = None
    """Where the renderer breaks its lines, so that long paths tear messages; None: nowhere."""

    def runs(self, command: str) -> bool:
        """Return True if the command line or script names this renderer."""
        return any(pattern.search(command) for pattern in self.commands)

    def whole(self, lines: Iterable[str]) -> list[str]:
        """Return lines as they were before the renderer broke them.

        A line is broken at a blank, which begins the next line, or inside a word that is longer
        than a line.
        """
        if self.columns is None:
            return list(lines)
        found: list[str] = []
        length = 0
        for line in lines:
            blank, _, rest = line.partition(" ")
            goes_on = not blank and length + 1 + len(rest.partition(" ")[0]) > self.columns
            if found and (length == self.columns or (goes_on and rest[:1] not in {"", " "})):
                found[-1] += line
            else:
                found.append(line)
            length = len(line)
        return found

    def speaks(self, line: str) -> bool:
        """Return True if a line of output is this renderer's."""
        return any(pattern.search(line) for pattern in self.outputs)


def parse_pack(text: str, where: str) -> Pack:
    """Return the pack a TOML text describes.

    Raises:
        ConfigurationError: it is not one; the message names the rule.
    """
    try:
        data = tomllib.loads(text)
        recognise = data.get("recognise", {})
        return Pack(
            name=data["name"],
            version=int(data["version"]),
            app=data.get("app", ""),
            renderer=data.get("renderer", ""),
            commands=tuple(re.compile(one) for one in recognise.get("command", ())),
            outputs=tuple(re.compile(one) for one in recognise.get("output", ())),
            rules=tuple(_rule(rule, where) for rule in data.get("rule", ())),
            columns=data.get("columns"),
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError, re.error) as error:
        raise ConfigurationError(f"{where}: not a rule pack: {error}") from error


def _rule(data: Mapping[str, Any], where: str) -> Rule:
    rule = Rule(
        rule_id=data["id"],
        kind=data["kind"],
        pattern=re.compile(data["pattern"]),
        error_class=data.get("class", ""),
        percent=data.get("percent"),
        written=data.get("written", False),
    )
    if rule.kind not in KINDS:
        raise ConfigurationError(f"{where}: rule {rule.rule_id} has the unknown kind {rule.kind}.")
    if (rule.kind == "fatal") != (rule.error_class in ERROR_CLASSES):
        raise ConfigurationError(
            f"{where}: rule {rule.rule_id}: a rule of kind fatal, and no other, has a class out of"
            f" {', '.join(sorted(ERROR_CLASSES))}."
        )
    return rule


@lru_cache(maxsize=1)
def bundled_packs() -> tuple[Pack, ...]:
    """Return the packs that come with Grange, by name."""
    folder = files("grange.worker.logrules") / "packs"
    return tuple(
        parse_pack(entry.read_text(encoding="utf-8"), entry.name)
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    )
