"""In which order rows are wanted, as `-priority,name`: descending by priority, then by name."""

from collections.abc import Sequence
from dataclasses import dataclass

from grange.books.where.fields import Field, Fields, Kind
from grange.kernel.errors import FieldProblem, InvalidRequestError


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A field to sort by."""

    field: Field
    descends: bool

    @property
    def sql(self) -> str:
        """The same in SQL: what is not known comes last either way, letters are alike by case."""
        is_text = self.field.kind in (Kind.TEXT, Kind.PATH)
        value = f"lower({self.field.sql})" if is_text else self.field.sql
        return f"{value} {'DESC' if self.descends else 'ASC'} NULLS LAST"


def order_of(text: str, fields: Fields) -> Sequence[Wish]:
    """Return the fields that a text names, the first one first.

    Raises:
        InvalidRequestError: it names what is no field.
    """
    found: list[Wish] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name = part.removeprefix("-")
        if name not in fields:
            near = fields.nearest(name)
            hint = "" if near is None else f" Did you mean {near}?"
            problem = f"names no field: {name[:80]}"
            raise InvalidRequestError(
                f"sort {problem}.{hint}", fields=[FieldProblem("sort", problem)]
            )
        found.append(Wish(field=fields[name], descends=part.startswith("-")))
    return found
