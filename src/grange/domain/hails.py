"""Hailing a worker that the server has not heard of: challenge, answer, and what follows. Pure.

The server makes a challenge with the key of the worker's fleet. Neighbours carry it to the worker's
listener and bring back what it says. Who has not got the key can neither ask nor answer.
"""

import hmac
from collections.abc import Iterable, Mapping
from enum import StrEnum
from hashlib import sha256

from msgspec import Struct

from grange.kernel.ids import WorkerId
from grange.kernel.units import Instant

NONCE_BYTES = 16
MOST_LINE_BYTES = 512
_ASK = "grange-hail-1"
_ANSWER = "grange-here-1"


class Outcome(StrEnum):
    """What a neighbour met when it hailed a worker."""

    ANSWERED = "answered"
    SILENT = "silent"
    """Somebody took the call and said nothing."""
    REFUSED = "refused"
    """The machine is there, but nobody listens."""
    UNREACHED = "unreached"
    """There is no way to the machine."""


class Verdict(StrEnum):
    """What is the matter with a worker the server does not hear of."""

    UNREACHABLE = "unreachable"
    """It works: the server cannot reach it, its neighbours do."""
    HUNG = "hung"
    """Its program takes calls and does not answer."""
    GONE = "gone"
    """Its machine is there, its program is not."""
    DEAD = "dead"
    """Neither the server nor its neighbours reach the machine."""
    UNASKED = "unasked"
    """No neighbour could be asked."""


class Witness(Struct, frozen=True, kw_only=True):
    """What one neighbour met."""

    worker_id: WorkerId
    outcome: Outcome


class Hail(Struct, frozen=True, kw_only=True):
    """What was found out about a worker that was not heard of."""

    verdict: Verdict
    seen_at: Instant
    """When the server had last heard of it."""
    told_at: Instant
    witnesses: tuple[Witness, ...] = ()


_ORDER = (
    (Outcome.ANSWERED, Verdict.UNREACHABLE),
    (Outcome.SILENT, Verdict.HUNG),
    (Outcome.REFUSED, Verdict.GONE),
    (Outcome.UNREACHED, Verdict.DEAD),
)


WORDS: Mapping[Verdict, tuple[str, str]] = {
    Verdict.UNREACHABLE: (
        "the server cannot reach it",
        "it works, say its neighbours: look at the network between it and the server",
    ),
    Verdict.HUNG: ("it hangs", "its program takes calls and does not answer"),
    Verdict.GONE: ("it is dead", "its machine is there, its program is not"),
    Verdict.DEAD: ("it is dead or cut off", "its neighbours cannot reach it either"),
    Verdict.UNASKED: ("not heard from", "no neighbour could be asked whether it lives"),
}
"""What is the matter, and how that is known: in a few words each."""


def judge(outcomes: Iterable[Outcome]) -> Verdict:
    """Return what follows from what the neighbours met: the best news counts."""
    met = set(outcomes)
    return next((verdict for outcome, verdict in _ORDER if outcome in met), Verdict.UNASKED)


def surely_gone(hail: Hail) -> bool:
    """True if its lease need not run out: two neighbours found the machine without its program."""
    refused = [one for one in hail.witnesses if one.outcome is Outcome.REFUSED]
    return hail.verdict is Verdict.GONE and len(refused) >= 2


def ask_line(key: bytes, worker_id: str, nonce: str) -> str:
    """Return the challenge for a worker."""
    return f"{_ASK} {worker_id} {nonce} {_mac(key, _ASK, worker_id, nonce)}"


def answer_line(key: bytes, worker_id: str, line: str) -> str | None:
    """Return a worker's answer to a challenge; None: it is not for it, or not of its fleet."""
    words = line.split(" ")
    if len(words) != 4 or words[0] != _ASK or words[1] != worker_id:
        return None
    if len(words[2]) != 2 * NONCE_BYTES:
        return None
    if not _same(words[3], _mac(key, _ASK, worker_id, words[2])):
        return None
    return f"{_ANSWER} {_mac(key, _ANSWER, worker_id, words[2])}"


def is_answer(key: bytes, worker_id: str, nonce: str, line: str) -> bool:
    """True if a line is the worker's answer to the challenge with this nonce."""
    said, _, mac = line.partition(" ")
    return said == _ANSWER and _same(mac, _mac(key, _ANSWER, worker_id, nonce))


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _mac(key: bytes, *words: str) -> str:
    return hmac.new(key, "\x00".join(words).encode(), sha256).hexdigest()
