"""Posted rows: frozen months, and what was posted into them. Nothing here is ever edited."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from grange.kernel.ids import FarmId
from grange.kernel.units import Instant


class PostingKind(StrEnum):
    """Why lines were posted."""

    FREEZE = "freeze"
    """The lines of a month, and late corrections of months before it."""
    MOVE = "move"
    """From one account to another; sums to zero."""
    CREDIT = "credit"
    """From the client to the house; sums to zero."""


class BooksMonth(Struct, frozen=True, kw_only=True):
    """A frozen month. Later findings about it are posted in the first open month."""

    farm_id: FarmId
    month: str
    """`2026-01`, in the farm's zone as it was when the month was frozen."""
    start_at: Instant
    end_at: Instant
    zone: str
    currency: str
    posting_id: str
    """The posting that froze it."""
    line_count: int
    amount_billionths: int
    """Sum of the lines its freeze posted, corrections of other months among them."""
    example: bool = False
    """True if any line was priced with EXAMPLE rates."""
    frozen_at: Instant
    frozen_by: str


class Posting(Struct, frozen=True, kw_only=True):
    """Lines posted together."""

    farm_id: FarmId
    posting_id: str
    number: int
    """Ascending within a farm, from 1."""
    month: str
    """The month the lines are in: the first open one, then."""
    kind: PostingKind
    corrects: str | None = None
    """The month a move or credit is about, if it is another one."""
    reason: str = ""
    line_count: int
    part_count: int
    amount_billionths: int
    sha256: str
    """Of the lines, so that damage shows."""
    created_at: Instant
    created_by: str


class PostingPart(Struct, frozen=True, kw_only=True):
    """Some of the lines of a posting, as columns (see `grange.books.postings`)."""

    farm_id: FarmId
    posting_id: str
    number: int
    month: str
    columns: Mapping[str, Any]
