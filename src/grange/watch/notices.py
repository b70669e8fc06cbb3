"""What is told, when: once for each finding, at quiet hours only the critical, the rest together.

Pure: memory and findings in, memory and messages out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from grange.kernel.units import Instant, datetime_of, instant_of
from grange.ports.watch import Letter
from grange.watch.findings import Finding, Judgement, Severity
from grange.watch.memory import Memory, News, OpenFinding, Undelivered, opened

KEEP_LETTERS_SECONDS = 3 * 86_400
"""A message that nobody took for so long is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Who is told when."""

    targets: Sequence[str] = ()
    zone: ZoneInfo
    immediate: Severity = Severity.WARNING
    quiet: tuple[time, time] | None = None
    """From, to; may go over midnight."""
    digest: time | None = None
    repeat_seconds: float = 86_400.0
    """0: an open finding is told once."""

    def is_quiet(self, now: Instant) -> bool:
        """Return True within the quiet hours."""
        if self.quiet is None:
            return False
        begin, end = self.quiet
        at = datetime_of(now).astimezone(self.zone).time()
        return begin <= at < end if begin <= end else at >= begin or at < end

    def digest_due(self, now: Instant, last: Instant | None) -> Instant | None:
        """Return the moment of the digest that is due; None if none is.

        Of several that were missed, only the newest is made up for.
        """
        if self.digest is None:
            return None
        local = datetime_of(now).astimezone(self.zone)
        moment = datetime.combine(local.date(), self.digest, self.zone)
        if moment > local:
            moment = datetime.combine(local.date() - timedelta(days=1), self.digest, self.zone)
        due = instant_of(moment)
        return due if last is None or due > last else None


def remembered(memory: Memory, said: Sequence[Judgement], now: Instant, policy: Policy) -> Memory:
    """Return the memory after a look: what is open, and what is to be told of it.

    A finding that was open and was not found again is over, if its check could look.
    """
    waiting = list(memory.waiting)
    before = {finding.key: finding for finding in memory.open}
    now_open: dict[tuple[str, str], OpenFinding] = {}
    known = {one.check for one in said if one.known}
    for finding in (finding for one in said for finding in one.findings):
        if not finding.lasting:
            waiting.append(_news("once", finding, now))
            continue
        old = before.get(finding.key)
        if old is None:
            now_open[finding.key] = opened(finding, now)
            waiting.append(_news("new", finding, now))
            continue
        now_open[finding.key] = msgspec.structs.replace(
            old, severity=finding.severity, text=finding.text, since_at=finding.since_at
        )
        if finding.severity.rank > old.severity.rank:
            waiting.append(_news("worse", finding, now))
        elif _repeats(old, now, policy):
            waiting.append(_news("again", finding, now))
    for key, old in before.items():
        if key in now_open:
            continue
        if old.check not in known:
            now_open[key] = old
        else:
            waiting = _ended(waiting, old, now)
    return msgspec.structs.replace(
        memory,
        open=tuple(sorted(now_open.values(), key=lambda one: (-one.severity.rank, one.key))),
        waiting=tuple(waiting),
        looked_at=now,
    )


def written(memory: Memory, now: Instant, policy: Policy, machine: str) -> Memory:
    """Return the memory with what is due now turned into messages."""
    quiet = policy.is_quiet(now)
    digest = policy.digest_due(now, memory.digest_at)
    first = policy.digest is not None and memory.digest_at is None
    due: list[News] = []
    held: list[News] = []
    threshold = policy.immediate if policy.digest is not None else Severity.INFO
    for news in memory.waiting:
        critical = news.severity is Severity.CRITICAL
        ready = critical or (not quiet and news.severity.rank >= threshold.rank)
        (due if ready else held).append(news)
    if digest is not None and not first:
        due, held = [*due, *held], []
    if digest is not None:
        # The first look of all only notes the time: a day's digest belongs to a watched day.
        memory = msgspec.structs.replace(memory, digest_at=digest)
    if not due and (digest is None or first):
        return msgspec.structs.replace(memory, waiting=tuple(held))
    told = {(news.check, news.subject) for news in due}
    memory = msgspec.structs.replace(
        memory,
        waiting=tuple(held),
        open=tuple(
            msgspec.structs.replace(one, told_at=now) if one.key in told else one
            for one in memory.open
        ),
    )
    letter = compose(
        due, memory.open, now, policy.zone, machine, digest=digest is not None and not first
    )
    if not policy.targets:
        return memory
    waiting_letter = Undelivered(
        subject=letter.subject, body=letter.body, targets=tuple(policy.targets), written_at=now
    )
    return msgspec.structs.replace(memory, letters=(*memory.letters, waiting_letter))


def compose(
    due: Sequence[News],
    still_open: Sequence[OpenFinding],
    now: Instant,
    zone: ZoneInfo,
    machine: str,
    *,
    digest: bool,
) -> Letter:
    """Return a message: the machine and the worst severity in its subject, a line for each news.

    Args:
        due: the news.
        still_open: every open finding; a digest lists them.
        now: the moment.
        zone: of the times.
        machine: where the watch runs.
        digest: whether it is the day's summary.
    """
    bad = [news.severity for news in due if news.kind not in {"recovered", "passed"}]
    if digest:
        bad += [one.severity for one in still_open]
    worst = max(bad, key=lambda one: one.rank, default=None)
    counted = _counted(due)
    if digest:
        counted = f"digest, {len(still_open)} open" + (f", {counted}" if counted else "")
    word = "OK" if worst is None else worst.value.upper()
    lines = []
    for title, kinds in _SECTIONS:
        rows = [news for news in due if news.kind in kinds]
        if rows:
            lines += [title, *(_line(news, zone) for news in rows), ""]
    if digest:
        listed = [
            f"  {one.severity.value:8}  since {_local(one.opened_at, zone)}  {one.text}"
            for one in still_open
        ]
        lines += ["Open", *(listed or ["  Nothing: all is well."]), ""]
    lines.append(f"Watched on {machine}, {_local(now, zone)}. Open findings: {len(still_open)}.")
    return Letter(subject=f"[Grange] {word} on {machine}: {counted}", body="\n".join(lines) + "\n")


def delivered(memory: Memory, left: Sequence[Undelivered], now: Instant) -> Memory:
    """Return the memory after an attempt to deliver; messages that are too old are given up."""
    oldest = now - KEEP_LETTERS_SECONDS * 1000
    kept = tuple(letter for letter in left if letter.written_at >= oldest)
    return msgspec.structs.replace(memory, letters=kept)


_SECTIONS = (
    ("New", {"new", "once"}),
    ("Worse", {"worse"}),
    ("Still open", {"again"}),
    ("Recovered", {"recovered"}),
    ("Came and went", {"passed"}),
)


def _counted(due: Sequence[News]) -> str:
    parts = []
    for words, kinds in (
        ("new", {"new", "once"}),
        ("worse", {"worse"}),
        ("still open", {"again"}),
        ("recovered", {"recovered", "passed"}),
    ):
        number = sum(news.kind in kinds for news in due)
        if number:
            parts.append(f"{number} {words}")
    return ", ".join(parts)


def _line(news: News, zone: ZoneInfo) -> str:
    return f"  {news.severity.value:8}  {_local(news.at, zone)}  {news.text}"


def _local(instant: Instant, zone: ZoneInfo) -> str:
    return datetime_of(instant).astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")


def _news(kind: str, finding: Finding, now: Instant) -> News:
    return News(
        kind=kind,
        check=finding.check,
        subject=finding.subject,
        severity=finding.severity,
        text=finding.text,
        at=now,
    )


def _repeats(old: OpenFinding, now: Instant, policy: Policy) -> bool:
    if not policy.repeat_seconds or old.told_at is None:
        return False
    return now - old.told_at >= policy.repeat_seconds * 1000


def _ended(waiting: Sequence[News], old: OpenFinding, now: Instant) -> list[News]:
    """Return the waiting news after a finding has ended.

    Told ones get a recovery note. One that was never told came and went: one line says both.
    """
    rest = [news for news in waiting if (news.check, news.subject) != old.key]
    kind = "passed" if old.told_at is None else "recovered"
    note = News(
        kind=kind,
        check=old.check,
        subject=old.subject,
        severity=old.severity,
        text=old.text,
        at=now,
    )
    return [*rest, note]
