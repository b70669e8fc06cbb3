"""Reads a query.

Words are joined by AND. `-word` leaves rows out. A leading `or` joins words and conditions by OR
(what is left out stays left out). `field=value` is exact, and there are `!= > >= < <= ~`, lists
`a,b`, ranges `a..b` and `none`.
"""

from dataclasses import dataclass, field
from datetime import tzinfo
from functools import partial

from grange.books.where.errors import WhereError
from grange.books.where.fields import TEXTS, Field, Fields, Kind
from grange.books.where.literals import FLAGS, SPELLINGS, Extent, extent
from grange.books.where.scan import Item, Term, terms
from grange.books.where.tree import EVERYTHING, AnyOf, Compare, Every, Node, Not, Op, Word
from grange.kernel.units import Instant

NONE = "none"
OR = "or"
_QUOTES = 'To look for the text itself, put it in quotes: "{}".'


@dataclass(slots=True)
class _Found:
    """The terms of a query by what they do."""

    words: list[Node] = field(default_factory=list)
    conditions: list[Node] = field(default_factory=list)
    no_words: list[Node] = field(default_factory=list)
    no_conditions: list[Node] = field(default_factory=list)


def parse(text: str, fields: Fields, *, zone: tzinfo, now: Instant, invert: bool = False) -> Node:
    """Return what a query means.

    Args:
        text: the query; an empty one is true for every row.
        fields: the fields it may name, and those that words are looked for in.
        zone: where dates are cut into days; the farm's zone.
        now: what `today` and `-7d` count from.
        invert: True turns the words around (not the conditions on fields).

    Raises:
        WhereError: it cannot be read.
    """
    read = _Reader(text, fields, zone, now)
    found = _Found()
    either = False
    for number, term in enumerate(terms(text)):
        if not term.name and not term.quoted and term.text.lower() == OR and not term.negated:
            if number:
                raise WhereError(
                    "`or` stands at the beginning and holds for everything.",
                    text=text,
                    position=term.position,
                    hint='Write: or a b. To look for the word, put it in quotes: "or".',
                )
            either = True
            continue
        if term.name:
            (found.no_conditions if term.negated else found.conditions).append(read.condition(term))
        else:
            (found.no_words if term.negated else found.words).append(read.word(term))
    return _joined(found, either=either, invert=invert)


def _joined(found: _Found, *, either: bool, invert: bool) -> Node:
    chosen = _any if either else _every
    left_out: list[Node] = [Not(node) for node in found.no_conditions]
    if not invert or not (found.words or found.no_words):
        picked = [*found.words, *found.conditions]
        left_out = [*(Not(node) for node in found.no_words), *left_out]
        return _every([*([chosen(picked)] if picked else []), *left_out])
    words: list[Node] = [chosen(found.words)] if found.words else []
    words = [Not(_every([*words, *(Not(node) for node in found.no_words)]))]
    return _every([chosen([*words, *found.conditions]), *left_out])


def _every(nodes: list[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else Every(tuple(nodes)) if nodes else EVERYTHING


def _any(nodes: list[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else AnyOf(tuple(nodes))


@dataclass(frozen=True, slots=True)
class _Reader:
    text: str
    fields: Fields
    zone: tzinfo
    now: Instant

    def word(self, term: Term) -> Word:
        return Word(term.text.lower(), self.fields.searched)

    def condition(self, term: Term) -> Node:
        try:
            known = self.fields[term.name]
        except KeyError:
            raise self._unknown(term) from None
        one = partial(self._one, known, term)
        if term.operator in ("=", "!="):
            equal = _any([one(item) for item in term.items])
            return Not(equal) if term.operator == "!=" else equal
        if len(term.items) > 1:
            raise WhereError(
                f"{term.operator} takes one value.",
                text=self.text,
                position=term.items[1].position,
                hint=_QUOTES.format(term.text),
            )
        return one(term.items[0])

    def _one(self, known: Field, term: Term, item: Item) -> Node:
        if not item.quoted and item.text.lower() == NONE and term.operator in ("=", "!="):
            return Compare(field=known, op=Op.MISSING)
        if known.kind in TEXTS:
            return self._text(known, term, item)
        if term.operator == "~":
            raise self._operator(known, term, "= != > >= < <=")
        if known.kind is Kind.FLAG:
            return self._flag(known, term, item)
        return self._number(known, term, item)

    def _text(self, known: Field, term: Term, item: Item) -> Node:
        if term.operator == "~":
            return Compare(field=known, op=Op.CONTAINS, value=item.text.lower())
        if term.operator not in ("=", "!="):
            raise self._operator(known, term, "= != ~")
        value = item.text
        if known.choices:
            by_case = {choice.lower(): choice for choice in known.choices}
            if value.lower() not in by_case:
                raise WhereError(
                    f"{known.name} is never {value!r}.",
                    text=self.text,
                    position=item.position,
                    hint=f"It is one of {', '.join(known.choices)}.",
                )
            value = by_case[value.lower()]
        op = Op.ENDS if known.kind is Kind.PATH else Op.EQUAL
        return Compare(field=known, op=op, value=value)

    def _flag(self, known: Field, term: Term, item: Item) -> Node:
        if term.operator not in ("=", "!="):
            raise self._operator(known, term, "= !=")
        value = FLAGS.get(item.text.lower())
        if value is None:
            raise self._bad(known, item)
        return Compare(field=known, op=Op.EQUAL, value=value)

    def _number(self, known: Field, term: Term, item: Item) -> Node:
        least = partial(Compare, field=known, op=Op.MORE_EQUAL)
        most = partial(Compare, field=known, op=Op.LESS_EQUAL)
        if ".." in item.text and not item.quoted:
            if term.operator not in ("=", "!="):
                raise self._operator(known, term, "= !=", " a range")
            return self._range(known, item)
        value = self._extent(known, item, item.text)
        match term.operator:
            case ">":
                return Compare(field=known, op=Op.MORE, value=value.most)
            case ">=":
                return least(value=value.least)
            case "<":
                return Compare(field=known, op=Op.LESS, value=value.least)
            case "<=":
                return most(value=value.most)
            case _ if value.least == value.most:
                return Compare(field=known, op=Op.EQUAL, value=value.least)
            case _:
                return Every((least(value=value.least), most(value=value.most)))

    def _range(self, known: Field, item: Item) -> Node:
        first, _, last = item.text.partition("..")
        ends: list[Node] = []
        if first:
            low = self._extent(known, item, first).least
            ends.append(Compare(field=known, op=Op.MORE_EQUAL, value=low))
        if last:
            high = self._extent(known, item, last).most
            ends.append(Compare(field=known, op=Op.LESS_EQUAL, value=high))
        if not ends:
            raise self._bad(known, item)
        return _every(ends)

    def _extent(self, known: Field, item: Item, text: str) -> Extent:
        found = extent(known, text, zone=self.zone, now=self.now)
        if found is None:
            raise self._bad(known, item, text)
        return found

    def _bad(self, known: Field, item: Item, text: str | None = None) -> WhereError:
        return WhereError(
            f"{(item.text if text is None else text)!r} is no value of {known.name}.",
            text=self.text,
            position=item.position,
            hint=f"Write {SPELLINGS[known.kind]}.",
        )

    def _operator(self, known: Field, term: Term, good: str, what: str = "") -> WhereError:
        return WhereError(
            f"{term.operator} cannot be used with{what or ' ' + known.name}.",
            text=self.text,
            position=term.position + term.negated + len(term.name),
            hint=f"Write one of {good}.",
        )

    def _unknown(self, term: Term) -> WhereError:
        near = self.fields.nearest(term.name)
        itself = f"{term.name}{term.operator}{term.text}"
        return WhereError(
            f"There is no field {term.name!r}.",
            text=self.text,
            position=term.position + term.negated,
            hint=(f"Did you mean {near}? " if near else f"There are {', '.join(self.fields)}. ")
            + _QUOTES.format(itself),
        )
