"""What a query means, as a tree. Every node is true or false for a row, never unknown."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from grange.books.where.fields import Field


class Op(StrEnum):
    """How a field is compared. A comparison with a missing value is false."""

    EQUAL = "="
    LESS = "<"
    LESS_EQUAL = "<="
    MORE = ">"
    MORE_EQUAL = ">="
    CONTAINS = "contains"
    """The text occurs in it, whatever the case."""
    ENDS = "ends"
    """It ends with the text."""
    MISSING = "missing"
    """There is no value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """A field compared with a value."""

    field: Field
    op: Op
    value: str | int | float | bool = ""


@dataclass(frozen=True, slots=True)
class Word:
    """A text that occurs in one of some fields, whatever the case."""

    text: str
    """In lower case."""
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True where the node is false."""

    node: "Node"


@dataclass(frozen=True, slots=True)
class Every:
    """True where all nodes are; so is one of none."""

    nodes: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """True where one of the nodes is; never if there is none."""

    nodes: tuple["Node", ...]


Node: TypeAlias = Compare | Word | Not | Every | AnyOf

EVERYTHING = Every(())
"""True for every row."""
