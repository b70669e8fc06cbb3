"""Where questions to the books are run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from grange.kernel.errors import TooLargeError


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """SQL and the relations it reads."""

    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    files: "Mapping[str, Files]" = field(default_factory=dict)
    """By relation: Parquet files."""
    rows: Mapping[str, Any] = field(default_factory=dict)
    """By relation: an Arrow table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """Parquet files read as one relation."""

    paths: Sequence[str]
    """Absolute names."""
    schema: Any
    """Arrow schema; a column that a file lacks is null."""
    alike: bool
    """True if every file has exactly this schema."""
    row_count: int | None = None
    """Rows of all files together; None: not known."""


class QueryEngine(Protocol):
    """Runs SQL over files and tables. Thread-safe."""

    def run(self, plan: Plan, *, timeout_seconds: float | None = None) -> Any:
        """Return the result as an Arrow table.

        Raises:
            TooLargeError: it took longer than allowed, or more memory than there is.
        """
        ...

    def copy(self, plan: Plan, path: str, *, row_group_rows: int) -> None:
        """Write the result, in its order, to a Parquet file compressed with zstd.

        Args:
            plan: what.
            path: where.
            row_group_rows: how many rows each part of the file has.
        """
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


def too_late(timeout_seconds: float) -> TooLargeError:
    """Return what is said of a question that took longer than it may."""
    return TooLargeError(
        f"The question took longer than {timeout_seconds:g} s. Ask for a shorter range, fewer "
        "resources or longer periods."
    )
