"""Cuts a query into terms."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from grange.books.where.errors import WhereError

_NAME = re.compile(r"([A-Za-z][\w.-]*)(!=|>=|<=|=|>|<|~)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A value, or one of several with commas between."""

    text: str
    quoted: bool
    """True if some of it stood in quotes; then it means itself."""
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One condition of a query: a word, or a field with values."""

    position: int
    negated: bool
    name: str = ""
    """The field; empty for a word."""
    operator: str = ""
    items: tuple[Item, ...]

    @property
    def text(self) -> str:
        """The values as one text."""
        return ",".join(item.text for item in self.items)

    @property
    def quoted(self) -> bool:
        """Whether something of it stood in quotes."""
        return any(item.quoted for item in self.items)


def terms(text: str) -> Iterator[Term]:
    """Yield the terms of a query.

    Raises:
        WhereError: a quote has no end, or a term has no value.
    """
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            return
        begin = at
        negated = text[at] == "-"
        at += negated
        named = _NAME.match(text, at)
        if named is not None:
            at = named.end()
        items, at = _items(text, at)
        if not any(item.text or item.quoted for item in items):
            if named is None:
                raise WhereError(
                    "`-` stands alone.",
                    text=text,
                    position=begin,
                    hint="Write the word to leave out right behind it: -volume.",
                )
            raise WhereError(
                f"{named[1]}{named[2]} has no value.",
                text=text,
                position=at,
                hint=f"Write it right behind, without a blank; {named[1]}=none: there is none.",
            )
        yield Term(
            position=begin,
            negated=negated,
            name=named[1] if named else "",
            operator=named[2] if named else "",
            items=tuple(items),
        )


def _items(text: str, at: int) -> tuple[list[Item], int]:
    items: list[Item] = []
    letters: list[str] = []
    begin, quoted = at, False
    while at < len(text) and not text[at].isspace():
        letter = text[at]
        if letter == '"':
            inside, at = _quotation(text, at)
            letters.append(inside)
            quoted = True
            continue
        at += 1
        if letter == ",":
            items.append(Item(text="".join(letters), quoted=quoted, position=begin))
            letters, begin, quoted = [], at, False
        else:
            letters.append(letter)
    items.append(Item(text="".join(letters), quoted=quoted, position=begin))
    return items, at


def _quotation(text: str, begin: int) -> tuple[str, int]:
    letters: list[str] = []
    at = begin + 1
    while at < len(text):
        letter = text[at]
        if letter == '"':
            return "".join(letters), at + 1
        if letter == "\\" and at + 1 < len(text) and text[at + 1] in '"\\':
            at += 1
            letter = text[at]
        letters.append(letter)
        at += 1
    raise WhereError(
        "A quote has no end.", text=text, position=begin, hint='Close it with another ".'
    )
