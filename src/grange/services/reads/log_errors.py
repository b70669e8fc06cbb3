"""What an error looks like in a log: the fatal rules of the renderers that speak in it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LOOKED_AT_LINES = 400
"""So many first lines tell which renderers speak in a log."""
_WORDS = (
    r"(?i:\b(?:error|errors|fatal|traceback|exception|failed|cannot|unable|denied"
    r"|segmentation fault|out of memory)\b)"
)
_NAMED_GROUP = re.compile(r"\(\?P<\w+>")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRule:
    """One kind of error."""

    rule: str
    """Pack, version and rule, e.g. `povray/3:povray.parse-error`."""
    error_class: str
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RendererErrors:
    """The errors of one renderer, or of all."""

    commands: tuple[re.Pattern[str], ...] = ()
    """A command line or script that runs it."""
    outputs: tuple[re.Pattern[str], ...] = ()
    """Lines only it writes."""
    rules: tuple[ErrorRule, ...]
    always: bool = False
    """True: whatever renderer speaks."""

    def speaks(self, command: str, lines: Sequence[str]) -> bool:
        """True if it was run by a command, or wrote one of some lines."""
        return (
            self.always
            or any(pattern.search(command) for pattern in self.commands)
            or any(pattern.search(line) for pattern in self.outputs for line in lines)
        )


class ErrorFinder:
    """Tells errors from other lines of one log."""

    def __init__(self, rules: Iterable[ErrorRule]) -> None:
        self._rules = tuple(rules)
        parts = [_NAMED_GROUP.sub("(?:", rule.pattern.pattern) for rule in self._rules]
        self.pattern = "|".join([f"(?:{part})" for part in parts] + [_WORDS])
        """Matches every error, and whatever else has a word of one."""

    def class_of(self, text: str) -> str | None:
        """Return the class of a line; None: it only has a word of an error."""
        return next((one.error_class for one in self._rules if one.pattern.search(text)), None)


class LogErrors:
    """Every rule there is.

    Args:
        renderers: in the order in which their rules are tried.
    """

    def __init__(self, renderers: Iterable[RendererErrors]) -> None:
        self._renderers = tuple(renderers)

    def finder(self, command: str, lines: Sequence[str]) -> ErrorFinder:
        """Return what tells the errors of a log.

        Args:
            command: what was run, scripts included.
            lines: the first lines of the log.
        """
        speaking = [one for one in self._renderers if one.speaks(command, lines)]
        return ErrorFinder(rule for one in speaking for rule in one.rules)
