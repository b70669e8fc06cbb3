"""Named sets of archives, and archives written as text, as rrdtool writes them."""

import re
from collections.abc import Mapping, Sequence

from grange.domain.series import ArchiveSpec, Consolidation
from grange.kernel.errors import FieldProblem, InvalidRequestError

MOST_ARCHIVES = 32
MOST_ROWS = 10_000_000
MOST_STEPS = 1_000_000

_TEXT = re.compile(r"RRA:(AVERAGE|MIN|MAX|LAST):([0-9.eE+-]+):(\d+):(\d+)\Z")


def _grid(
    functions: Sequence[Consolidation], tiers: Sequence[tuple[int, int]], xff: float = 0.5
) -> tuple[ArchiveSpec, ...]:
    return tuple(
        ArchiveSpec(cf=function, steps=steps, rows=rows, xff=xff)
        for function in functions
        for steps, rows in tiers
    )


_AVERAGE, _MIN, _MAX = Consolidation.AVERAGE, Consolidation.MIN, Consolidation.MAX

PROFILES: Mapping[str, tuple[ArchiveSpec, ...]] = {
    "metpx": _grid((_AVERAGE, _MIN, _MAX), ((1, 7200), (60, 336), (240, 1460), (1440, 3650))),
    "janitoo": _grid((_AVERAGE, _MAX, _MIN), ((1, 1440), (12, 1440), (144, 1440), (288, 1440))),
    "home": (
        *_grid((_AVERAGE,), ((1, 600), (6, 700), (24, 775), (288, 797))),
        *_grid((_MAX,), ((1, 600), (6, 700), (24, 775), (444, 797))),
    ),
}
"""Name → archives. `metpx` with steps of a minute and `janitoo` with steps of five minutes are as
those systems have them; `home` is the example of janitoo's documentation."""

DEFAULT_STEPS: Mapping[str, int] = {"metpx": 60, "janitoo": 300, "home": 1800}
"""Profile → the seconds of a step it was made for."""


def archives_of(given: str | Sequence[str]) -> tuple[ArchiveSpec, ...]:
    """Return the archives of a profile's name, or of texts like `RRA:AVERAGE:0.5:1:1440`.

    Raises:
        InvalidRequestError: there is no such profile, or a text is no archive.
    """
    if isinstance(given, str):
        found = PROFILES.get(given)
        if found is None:
            raise _bad("archives", f"{given!r} is no profile; there are {', '.join(PROFILES)}")
        return found
    return checked(tuple(parse(text) for text in given))


def parse(text: str) -> ArchiveSpec:
    """Return the archive of a text like `RRA:AVERAGE:0.5:1:1440`.

    Raises:
        InvalidRequestError: it is none.
    """
    match = _TEXT.match(text.strip())
    try:
        xff = float(match[2]) if match else -1.0
    except ValueError:
        xff = -1.0
    if match is None or not 0 <= xff < 1:
        raise _bad(
            "archives",
            f"{text!r} is no archive; write RRA:AVERAGE:0.5:1:1440 (AVERAGE, MIN, MAX or LAST; "
            "part that may be unknown, below 1; steps of a row; rows)",
        )
    return ArchiveSpec(cf=Consolidation(match[1]), xff=xff, steps=int(match[3]), rows=int(match[4]))


def emit(spec: ArchiveSpec) -> str:
    """Return an archive as text; `parse` reads it."""
    return f"RRA:{spec.cf}:{spec.xff:g}:{spec.steps}:{spec.rows}"


def checked(archives: Sequence[ArchiveSpec]) -> tuple[ArchiveSpec, ...]:
    """Return archives that can be kept.

    Raises:
        InvalidRequestError: there is none, are too many, two alike, or one cannot be.
    """
    if not 1 <= len(archives) <= MOST_ARCHIVES:
        raise _bad("archives", f"a series has 1 to {MOST_ARCHIVES} archives")
    for spec in archives:
        if not 1 <= spec.steps <= MOST_STEPS:
            raise _bad("archives", f"{emit(spec)}: steps must be 1 to {MOST_STEPS}")
        if not 1 <= spec.rows <= MOST_ROWS:
            raise _bad("archives", f"{emit(spec)}: rows must be 1 to {MOST_ROWS}")
        if not 0 <= spec.xff < 1:
            raise _bad("archives", f"{emit(spec)}: the part unknown must be 0 or more, below 1")
    if len({(spec.cf, spec.steps, spec.rows) for spec in archives}) < len(archives):
        raise _bad("archives", "two archives have the same function, steps and rows")
    return tuple(archives)


def _bad(name: str, message: str) -> InvalidRequestError:
    return InvalidRequestError(f"{message}.", fields=[FieldProblem(name, message)])
