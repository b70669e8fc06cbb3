"""One table of colours for pictures and the browser application.

`web/src/styles/tokens.css` holds the same colours. They tell apart with the common kinds of colour
blindness, and accounts that lie beside each other differ by hatch too, so that a picture printed in
grey still reads. Tests hold both.
"""

from dataclasses import dataclass
from enum import StrEnum


class Theme(StrEnum):
    """What a picture is drawn for."""

    LIGHT = "light"
    DARK = "dark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Colour:
    """One colour, as it is in each theme."""

    light: str
    dark: str

    def on(self, theme: Theme) -> str:
        """Return the colour for `theme` as #rrggbb."""
        return self.light if theme is Theme.LIGHT else self.dark


PAGE = Colour(light="#ffffff", dark="#191c18")
LINE = Colour(light="#dedfd8", dark="#2c312a")
LINE_STRONG = Colour(light="#868a80", dark="#6b7268")
TEXT = Colour(light="#1b1d19", dark="#e7eae3")
TEXT_QUIET = Colour(light="#565b52", dark="#a4ab9f")

DONE = Colour(light="#0b7a75", dark="#2fa398")
ACTIVE = Colour(light="#2160c4", dark="#7aaeff")
HELD = Colour(light="#8f6200", dark="#e3ad3c")
FAILED = Colour(light="#bf3b0c", dark="#ff8757")

LINES = (
    Colour(light="#2160c4", dark="#7aaeff"),
    Colour(light="#bf3b0c", dark="#ff8757"),
    Colour(light="#0e0e4e", dark="#fdfda5"),
    Colour(light="#0692ef", dark="#a5ebfd"),
    Colour(light="#be5594", dark="#b54cfa"),
    Colour(light="#5a2502", dark="#c74423"),
)
"""Lines that share a panel, in this order; the seventh on are the first again, dashed."""


class Hatch(StrEnum):
    """What is drawn over an account's colour."""

    NONE = "none"
    FORWARD = "forward"
    BACKWARD = "backward"
    DOTS = "dots"
    GAP = "gap"
    """Nothing is drawn at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLook:
    """How one machine time account is called and drawn."""

    key: str
    label: str
    colour: Colour
    hatch: Hatch = Hatch.NONE


ACCOUNTS = (
    AccountLook(
        key="rendering_useful",
        label="Rendering, useful",
        colour=Colour(light="#0b7a75", dark="#2fa398"),
    ),
    AccountLook(
        key="rendering_wasted",
        label="Rendering, wasted",
        colour=Colour(light="#c23a0a", dark="#f26a38"),
        hatch=Hatch.FORWARD,
    ),
    AccountLook(
        key="overhead",
        label="Overhead",
        colour=Colour(light="#cf9a1c", dark="#f2cd66"),
        hatch=Hatch.DOTS,
    ),
    AccountLook(
        key="idle_blocked",
        label="Idle, blocked",
        colour=Colour(light="#8a5cc0", dark="#b18ae0"),
        hatch=Hatch.BACKWARD,
    ),
    AccountLook(
        key="idle_no_work",
        label="Idle, no work",
        colour=Colour(light="#b3bac0", dark="#535b62"),
    ),
    AccountLook(
        key="disabled",
        label="Disabled",
        colour=Colour(light="#464d55", dark="#c6ccd3"),
        hatch=Hatch.FORWARD,
    ),
    AccountLook(key="off", label="Off", colour=Colour(light="#dcdfd9", dark="#2a2f29")),
    AccountLook(key="unknown", label="Unknown", colour=PAGE, hatch=Hatch.GAP),
)

ALIASES = {"rendering": "rendering_useful", "idle": "idle_no_work"}
"""Names before they are split: rendering counts as useful, idle as without work."""

_BY_KEY = {account.key: account for account in ACCOUNTS}


def account_look(name: str) -> AccountLook:
    """Return how the account `name` is drawn; one that is not known is drawn as a gap."""
    return _BY_KEY.get(ALIASES.get(name, name), _BY_KEY["unknown"])
