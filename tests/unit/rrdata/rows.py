"""How a table says what a member gives."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple


class Call(NamedTuple):
    """A function, what it is called with, and what comes of it."""

    given: tuple[Any, ...] = ()
    gives: Any = None
    """A value, or a predicate of the value."""
    then: Callable[[Any], bool] | None = None
    """What holds for the object afterwards."""


class Table(NamedTuple):
    """The members of one class."""

    ledger: str
    """The rows of the ledger they are about."""
    subject: Callable[[Path], Any]
    """Makes the object from an exported folder."""
    rows: Mapping[str, Any]
    """Member → its value, its Call, or several Calls."""


def call(*given: Any, gives: Any = None, then: Callable[[Any], bool] | None = None) -> Call:
    return Call(given, gives, then)


def check(table: Table, member: str, root: Path) -> None:
    """Assert what a table says of a member."""
    expected = table.rows[member]
    calls = expected if isinstance(expected, list) else [expected]
    for one in calls:
        subject = table.subject(root)
        if not isinstance(one, Call):
            value = getattr(subject, member)
            assert not callable(value) or callable(one)
            assert_gives(value, one)
            continue
        given = [_below(root, value) for value in one.given]
        assert_gives(getattr(subject, member)(*given), one.gives)
        if one.then is not None:
            assert one.then(subject)


def assert_gives(value: Any, expected: Any) -> None:
    if callable(expected):
        assert expected(value), value
    else:
        assert value == expected
        assert type(value) is type(expected)


def _below(root: Path, value: Any) -> Any:
    return value.replace("ROOT", str(root)) if isinstance(value, str) else value
