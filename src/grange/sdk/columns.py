"""Answers as amounts, and as Arrow tables and Polars frames where those are installed."""

import importlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from grange.kernel.errors import ConfigurationError

if TYPE_CHECKING:
    import polars
    import pyarrow as pa


def amount(text: str | None) -> Decimal | None:
    """Return an amount of money as it was told; None: there is none."""
    return None if text is None else Decimal(text)


def to_arrow(columns: Mapping[str, Sequence[Any]]) -> "pa.Table":
    """Return columns of equal length as an Arrow table; None is null.

    Raises:
        ConfigurationError: pyarrow is not installed.
    """
    table: pa.Table = _extra("pyarrow").table({name: list(v) for name, v in columns.items()})
    return table


def to_polars(columns: Mapping[str, Sequence[Any]]) -> "polars.DataFrame":
    """Return columns of equal length as a Polars frame; None is null.

    Raises:
        ConfigurationError: polars is not installed.
    """
    # A column of a thousand None before the first number is a column of numbers all the same.
    frame: polars.DataFrame = _extra("polars").DataFrame(
        {name: list(v) for name, v in columns.items()}, infer_schema_length=None
    )
    return frame


def _extra(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"This needs {name}: pip install 'grange[data]'.") from error
