"""Messages to people: mail and chat through apprise, and plain files.

A target is an address as apprise knows them (`mailto://…`, `slack://…`, `ntfy://…`) or `file:PATH`,
which appends: a dry run is nothing but that. Addresses hold passwords, so messages and logs only
ever show them as apprise masks them.
"""

import logging
import os
from email.utils import formatdate
from pathlib import Path
from typing import TYPE_CHECKING

from grange.kernel.clock import Clock
from grange.kernel.errors import ConfigurationError, UnreachableError
from grange.ports.watch import Letter

if TYPE_CHECKING:
    from apprise import Apprise

FILE = "file:"


class Messages:
    """Implements `ports.watch.Notifier`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def check(self, target: str) -> None:
        """Return if a target can be written to."""
        if not target.startswith(FILE):
            _opened(target)
        elif not target.removeprefix(FILE):
            raise ConfigurationError("The target 'file:' lacks a path.")

    def send(self, letter: Letter, target: str) -> None:
        """Send a message; returns when it was taken."""
        if target.startswith(FILE):
            self._append(letter, Path(target.removeprefix(FILE)))
            return
        door = _opened(target)
        from apprise import LogCapture, NotifyFormat, NotifyType  # noqa: PLC0415 - see _opened

        with LogCapture(level=logging.INFO, fmt="%(message)s") as log:  # type: ignore[no-untyped-call]
            taken = door.notify(
                body=letter.body,
                title=letter.subject,
                notify_type=NotifyType.INFO,
                body_format=NotifyFormat.TEXT,
            )
            said = log.getvalue()
        if not taken:
            why = [line for line in said.splitlines() if line.strip()]
            reason = why[-1].rstrip(".") if why else "no reason was given"
            raise UnreachableError(f"{shown(target)} took no message: {reason}.")

    def _append(self, letter: Letter, path: Path) -> None:
        date = formatdate(self._clock.now() / 1000)
        text = f"Date: {date}\nSubject: {letter.subject}\n\n{letter.body}\n"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise UnreachableError(f"{path} cannot be written: {error}.") from error


def shown(target: str) -> str:
    """Return a target as it may be shown: without its passwords."""
    if target.startswith(FILE):
        return target
    from apprise import Apprise  # noqa: PLC0415 - see _opened

    found = Apprise.instantiate(target, suppress_exceptions=True)
    if found is None:
        return target.partition(":")[0] + "://…"
    return str(found.url(privacy=True)).partition("?")[0]  # type: ignore[no-untyped-call]


def _opened(target: str) -> "Apprise":
    # Loaded late: it takes a second, it is not in the base install, and file: does without.
    try:
        from apprise import Apprise, AppriseAsset  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "Mail and chat need apprise: install grange[server], or use file:PATH as target."
        ) from error
    asset = AppriseAsset(app_id="Grange", app_desc="Grange", async_mode=False)
    door = Apprise(asset=asset)
    if not door.add(target):
        kind = target.partition(":")[0]
        raise ConfigurationError(
            f"A target of kind {kind!r} is not understood. Write file:PATH, or an address as"
            " apprise knows them, e.g. mailto://NAME:PASSWORD@HOST?to=SOMEBODY@HOST."
        )
    return door
