"""One query language for the command line, REST, Python and the browser. See docs/where.md.

`parse` reads a text into a tree over given fields. `condition` makes SQL of the tree, `holds` asks
it of a Python row; both give the same answer.
"""

from grange.books.where.choose import Chosen, choose
from grange.books.where.errors import WhereError
from grange.books.where.fields import Field, Fields, Kind
from grange.books.where.parse import parse
from grange.books.where.predicate import holds
from grange.books.where.sql import SqlCondition, condition
from grange.books.where.tree import EVERYTHING, AnyOf, Compare, Every, Node, Not, Op, Word

__all__ = [
    "EVERYTHING",
    "AnyOf",
    "Chosen",
    "Compare",
    "Every",
    "Field",
    "Fields",
    "Kind",
    "Node",
    "Not",
    "Op",
    "SqlCondition",
    "WhereError",
    "Word",
    "choose",
    "condition",
    "holds",
    "parse",
]
