"""The checks: what was seen and the limits in, findings out. Pure, one function per check."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant, iso8601
from grange.ports.watch import FolderRoom, LogHour, PagesSeen, Print, StreamsSeen, ValueHour
from grange.watch.findings import Finding, Judgement, Severity
from grange.watch.limits import Limits, learned_range, series_name, stream_name

MANY_HOURS = 6
"""So many missing hours of one stream are critical."""
_BUSY_SHARE = 0.9
_BUSY_DAYS = 3
_ENOUGH = 24
"""Hours that a range must be learned from."""
_SILENT_FACTOR = 3.0
_SILENT_LEAST_SECONDS = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything that was seen at one look. None: it could not be seen."""

    now: Instant
    machine: str
    rooms: Mapping[str, FolderRoom | None]
    prints: Sequence[Print]
    known_prints: Mapping[str, str | None]
    """Name → the fingerprint of the look before; a name that is absent is new."""
    pages: Mapping[str, PagesSeen]
    streams: StreamsSeen | None
    trouble: str | None = None
    """Why the books could not be asked."""


Key = tuple[str, str, str]
"""Kind, stream and machine."""


def check_server(seen: Situation, _limits: Limits) -> Judgement:
    """Find that the books cannot be asked."""
    found = (
        Finding(
            check="server",
            subject="books",
            severity=Severity.CRITICAL,
            text=f"The books of the streams cannot be asked: {seen.trouble}",
        ),
    )
    return Judgement(check="server", findings=found if seen.streams is None else ())


def check_disk(seen: Situation, limits: Limits) -> Judgement:
    """Find disks that fill up."""
    found = []
    for limit in limits.folders:
        room = seen.rooms.get(limit.path)
        if room is None:
            found.append(
                Finding(
                    check="disk",
                    subject=limit.path,
                    severity=Severity.WARNING,
                    text=f"The folder {limit.path} cannot be looked at.",
                    machine=seen.machine,
                )
            )
            continue
        used = 100.0 * (1.0 - room.free_bytes / room.byte_count) if room.byte_count else 100.0
        if used >= limit.warn_percent:
            bad = used >= limit.critical_percent
            found.append(
                Finding(
                    check="disk",
                    subject=limit.path,
                    severity=Severity.CRITICAL if bad else Severity.WARNING,
                    text=f"The disk of {limit.path} is {used:.1f} % full,"
                    f" {room.free_bytes / 2**30:.1f} GiB are free.",
                    machine=seen.machine,
                )
            )
    return Judgement(check="disk", findings=tuple(found))


def check_hours(seen: Situation, limits: Limits) -> Judgement:
    """Find hours that were never collected although they are over.

    A stream is expected in every hour since its first one within the watched days. An hour before
    the point up to which its logs were read is collected, however few lines it has; one behind it
    is missing once it is late. A stream of which nobody says how far it was read is judged by the
    hours of its machine: where others of the machine have lines and it had some every day, the hour
    is empty rather than missing (see `check_empty`).
    """
    streams = seen.streams
    if streams is None:
        return Judgement(check="hours", findings=(), known=False)
    until = _hour(Instant(int(seen.now - limits.late_seconds * 1000)))
    since = Instant(_hour(seen.now) - limits.days * MILLIS_PER_DAY)
    read = {(one.kind, one.stream, one.machine): one.until_at for one in streams.collected}
    present = _present(streams.hours)
    machines: dict[str, set[int]] = defaultdict(set)
    for key, hours in present.items():
        machines[key[2]] |= hours.keys()
    found = []
    for key in sorted(set(present) | set(read)):
        hours = present.get(key, {})
        name = stream_name(*key)
        if limits.rule(name).ignore:
            continue
        first = max(since, min(hours, default=since))
        upto = read.get(key)
        missing = [
            hour
            for hour in range(first, until, MILLIS_PER_HOUR)
            if hour not in hours
            and (
                hour + MILLIS_PER_HOUR > upto if upto is not None else hour not in machines[key[2]]
            )
        ]
        if missing:
            found.append(
                Finding(
                    check="hours",
                    subject=name,
                    severity=Severity.CRITICAL if len(missing) >= MANY_HOURS else Severity.WARNING,
                    text=f"{_count(len(missing), 'hour')} of {name} not collected:"
                    f" {_ranges(missing)}.",
                    since_at=Instant(missing[0]),
                    machine=key[2],
                )
            )
    return Judgement(check="hours", findings=tuple(found))


def check_empty(seen: Situation, limits: Limits) -> Judgement:
    """Find hours that were collected and have no line, where the stream usually has some."""
    streams = seen.streams
    if streams is None:
        return Judgement(check="empty", findings=(), known=False)
    until = _hour(Instant(int(seen.now - limits.late_seconds * 1000)))
    since = Instant(_hour(seen.now) - limits.days * MILLIS_PER_DAY)
    read = {(one.kind, one.stream, one.machine): one.until_at for one in streams.collected}
    present = _present(streams.hours)
    machines: dict[str, set[int]] = defaultdict(set)
    for key, hours in present.items():
        machines[key[2]] |= hours.keys()
    found = []
    for key, hours in sorted(present.items()):
        name = stream_name(*key)
        if limits.rule(name).ignore:
            continue
        upto = read.get(key)
        empty = [
            hour
            for hour in range(max(since, min(hours)), until, MILLIS_PER_HOUR)
            if hour not in hours
            and (hour + MILLIS_PER_HOUR <= upto if upto is not None else hour in machines[key[2]])
            and _usually_busy(hour, hours, since)
        ]
        if empty:
            found.append(
                Finding(
                    check="empty",
                    subject=name,
                    severity=Severity.WARNING,
                    text=f"{name} has no line in {_count(len(empty), 'hour')} that usually have"
                    f" some: {_ranges(empty)}.",
                    since_at=Instant(empty[0]),
                    machine=key[2],
                )
            )
    return Judgement(check="empty", findings=tuple(found))


def check_gaps(seen: Situation, limits: Limits) -> Judgement:
    """Find long times without a line that no error in the log explains."""
    streams = seen.streams
    if streams is None:
        return Judgement(check="gaps", findings=(), known=False)
    worst: dict[Key, list[tuple[int, int]]] = defaultdict(list)
    since = _hour(seen.now) - limits.days * MILLIS_PER_DAY
    for gap in streams.gaps:
        if gap.end_at < since:
            continue
        name = stream_name(gap.kind, gap.stream, gap.machine)
        rule = limits.rule(name)
        longest = limits.gap_seconds if rule.gap_seconds is None else rule.gap_seconds
        too_long = gap.end_at - gap.start_at > (longest + limits.gap_grace_seconds) * 1000
        if too_long and not gap.explained and not rule.ignore:
            worst[gap.kind, gap.stream, gap.machine].append((gap.start_at, gap.end_at))
    found = []
    for key, gaps in sorted(worst.items()):
        start, end = max(gaps, key=lambda gap: gap[1] - gap[0])
        name = stream_name(*key)
        found.append(
            Finding(
                check="gaps",
                subject=name,
                severity=Severity.WARNING,
                text=f"{name} has {_count(len(gaps), 'gap')} that no error explains; the longest is"
                f" {_span(end - start)}, from {iso8601(Instant(start))}.",
                since_at=Instant(min(start for start, _ in gaps)),
                machine=key[2],
            )
        )
    return Judgement(check="gaps", findings=tuple(found))


def check_changes(seen: Situation, _limits: Limits) -> Judgement:
    """Find files and schedules that changed since the last look; told once."""
    found = []
    for one in seen.prints:
        if one.name not in seen.known_prints or seen.known_prints[one.name] == one.sha256:
            continue
        before = seen.known_prints[one.name]
        what = "has gone" if one.sha256 is None else "is new" if before is None else "has changed"
        found.append(
            Finding(
                check="changes",
                subject=one.name,
                severity=Severity.WARNING,
                text=f"{_named(one.name)} {what} on {seen.machine}.",
                since_at=seen.now,
                machine=seen.machine,
                lasting=False,
            )
        )
    return Judgement(check="changes", findings=tuple(found))


def check_pages(seen: Situation, limits: Limits) -> Judgement:
    """Find published folders in which nothing was made for too long."""
    found = []
    for limit in limits.pages:
        pages = seen.pages.get(limit.path)
        newest = None if pages is None else pages.newest_at
        if newest is not None and seen.now - newest <= limit.seconds * 1000:
            continue
        text = (
            f"There are no pages in {limit.path}."
            if newest is None
            else f"The pages in {limit.path} are {_span(seen.now - newest)} old."
        )
        found.append(
            Finding(
                check="pages",
                subject=limit.path,
                severity=Severity.WARNING,
                text=text,
                since_at=newest,
                machine=seen.machine,
            )
        )
    return Judgement(check="pages", findings=tuple(found))


def check_writers(seen: Situation, limits: Limits) -> Judgement:
    """Find collectors and data loggers that hand in nothing any more."""
    streams = seen.streams
    if streams is None:
        return Judgement(check="writers", findings=(), known=False)
    found = tuple(
        Finding(
            check="writers",
            subject=f"{writer.program}@{writer.machine}",
            severity=Severity.CRITICAL,
            text=f"{writer.program} on {writer.machine} has handed in nothing for"
            f" {_span(seen.now - writer.last_at)}.",
            since_at=writer.last_at,
            machine=writer.machine,
        )
        for writer in sorted(streams.writers, key=lambda one: (one.program, one.machine))
        if seen.now - writer.last_at > limits.writer_seconds * 1000
    )
    return Judgement(check="writers", findings=found)


def check_silent(seen: Situation, limits: Limits) -> Judgement:
    """Find streams that were silent for much longer than they ever are."""
    streams = seen.streams
    if streams is None:
        return Judgement(check="silent", findings=(), known=False)
    longest = {(one.kind, one.stream, one.machine): one.millis for one in streams.longest}
    found = []
    for key, hours in sorted(_present(streams.hours).items()):
        name = stream_name(*key)
        rule = limits.rule(name)
        if rule.ignore:
            continue
        last = max(hour.last_at for hour in hours.values())
        limit = rule.silent_seconds if rule.silent_seconds is not None else limits.silent_seconds
        if limit is None:
            if len(hours) < _ENOUGH:
                continue
            limit = max(_SILENT_LEAST_SECONDS, _SILENT_FACTOR * longest.get(key, 0) / 1000)
        found += _silent(name, last, seen.now, limit, key[2])
    for name, source in sorted(_latest(streams.values).items()):
        rule = limits.rule(name)
        limit = rule.silent_seconds or limits.silent_seconds or 2.0 * source.heartbeat_seconds
        if not rule.ignore:
            found += _silent(name, source.last_at, seen.now, limit, None)
    return Judgement(check="silent", findings=tuple(found))


def check_range(seen: Situation, limits: Limits) -> Judgement:
    """Find streams and values whose last whole hour is out of the range of the hours before.

    Learned are lines, bytes, errors and mean latency of log streams, and means of logged values.
    """
    streams = seen.streams
    if streams is None:
        return Judgement(check="range", findings=(), known=False)
    last = _hour(Instant(int(seen.now - limits.late_seconds * 1000))) - MILLIS_PER_HOUR
    found = []
    for key, hours in sorted(_present(streams.hours).items()):
        name = stream_name(*key)
        for measure, value_of in _MEASURES.items():
            known = {
                hour: value for hour, one in hours.items() if (value := value_of(one)) is not None
            }
            found += _out_of_range(name, measure, known, last=last, limits=limits, machine=key[2])
    for name, known in sorted(_means(streams.values).items()):
        found += _out_of_range(name, "mean", known, last=last, limits=limits, machine=None)
    return Judgement(check="range", findings=tuple(found))


Check = Callable[[Situation, Limits], Judgement]

CHECKS: Mapping[str, Check] = {
    "server": check_server,
    "disk": check_disk,
    "hours": check_hours,
    "empty": check_empty,
    "gaps": check_gaps,
    "changes": check_changes,
    "pages": check_pages,
    "writers": check_writers,
    "silent": check_silent,
    "range": check_range,
}
"""Every check by its name."""


def judge(seen: Situation, limits: Limits) -> list[Judgement]:
    """Run every check that is not left out, and leave out what a stopped writer explains."""
    said = [check(seen, limits) for name, check in CHECKS.items() if name not in limits.skip]
    return [_without_echoes(one, said) for one in said]


_ECHOES = frozenset({"silent", "hours"})
"""What a machine whose collector stopped cannot help: one finding about it is enough."""


def _without_echoes(one: Judgement, said: Sequence[Judgement]) -> Judgement:
    if one.check not in _ECHOES:
        return one
    stopped = {
        finding.machine
        for other in said
        if other.check == "writers"
        for finding in other.findings
        if finding.subject.startswith("collect@")
    }
    kept = tuple(
        finding
        for finding in one.findings
        if finding.machine is None or finding.machine not in stopped
    )
    return Judgement(check=one.check, findings=kept, known=one.known)


_MEASURES: Mapping[str, Callable[[LogHour], float | None]] = {
    "lines": lambda hour: float(hour.lines - hour.errors),
    "errors": lambda hour: float(hour.errors),
    "bytes": lambda hour: float(hour.byte_count),
    "latency": lambda hour: None if hour.latency_mean_ms is None else hour.latency_mean_ms / 1000,
}
_HIGH_ONLY = frozenset({"errors", "latency"})
"""Few errors and short latencies are no finding."""


def _out_of_range(
    name: str,
    measure: str,
    known: Mapping[int, float],
    *,
    last: int,
    limits: Limits,
    machine: str | None,
) -> list[Finding]:
    rule = limits.rule(name)
    value = known.get(last)
    if rule.ignore or value is None:
        return []
    since = last - limits.range_days * MILLIS_PER_DAY
    before = [one for hour, one in known.items() if since <= hour < last]
    learned = (
        learned_range(before, limits.range_width, enough=_ENOUGH) if limits.range_width else None
    )
    low, high = learned or (float("-inf"), float("inf"))
    if name.startswith("value:"):
        low = rule.least if rule.least is not None else low
        high = rule.greatest if rule.greatest is not None else high
    else:
        low = float("-inf") if measure in _HIGH_ONLY else max(low, 0.0)
    if low <= value <= high:
        return []
    return [
        Finding(
            check="range",
            subject=f"{name} {measure}",
            severity=Severity.WARNING,
            text=f"{measure} of {name} was {value:.4g} in the hour from"
            f" {iso8601(Instant(last))}; normal is {_normal(low, high)}.",
            since_at=Instant(last),
            machine=machine,
        )
    ]


def _normal(low: float, high: float) -> str:
    if low == float("-inf"):
        return f"up to {high:.4g}"
    return f"at least {low:.4g}" if high == float("inf") else f"{low:.4g} to {high:.4g}"


def _silent(
    name: str, last: Instant, now: Instant, limit_seconds: float, machine: str | None
) -> list[Finding]:
    if now - last <= limit_seconds * 1000:
        return []
    return [
        Finding(
            check="silent",
            subject=name,
            severity=Severity.WARNING,
            text=f"{name} has been silent for {_span(now - last)}; up to"
            f" {_span(limit_seconds * 1000)} is normal.",
            since_at=last,
            machine=machine,
        )
    ]


def _present(hours: Sequence[LogHour]) -> dict[Key, dict[int, LogHour]]:
    found: dict[Key, dict[int, LogHour]] = defaultdict(dict)
    for one in hours:
        found[one.kind, one.stream, one.machine][one.hour_at] = one
    return found


def _latest(values: Sequence[ValueHour]) -> dict[str, ValueHour]:
    found: dict[str, ValueHour] = {}
    for one in values:
        name = series_name(one.series, one.label)
        if name not in found or one.last_at > found[name].last_at:
            found[name] = one
    return found


def _means(values: Sequence[ValueHour]) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for one in values:
        found[series_name(one.series, one.label)][one.hour_at] = one.mean
    return found


def _usually_busy(hour: int, hours: Mapping[int, LogHour], since: int) -> bool:
    """Return True if the same hour of most other days has lines."""
    first = max(since, min(hours))
    others = [
        other
        for days in range(-60, 61)
        if days and first <= (other := hour + days * MILLIS_PER_DAY) <= max(hours)
    ]
    busy = sum(other in hours for other in others)
    return len(others) >= _BUSY_DAYS and busy >= _BUSY_SHARE * len(others)


def _hour(instant: Instant) -> Instant:
    return Instant(instant - instant % MILLIS_PER_HOUR)


def _ranges(hours: Sequence[int]) -> str:
    """Return hours as spans: `2026-05-01T03:00Z to 05:00Z` for two in a row; the first three."""
    spans: list[list[int]] = []
    for hour in hours:
        if spans and spans[-1][1] == hour:
            spans[-1][1] = hour + MILLIS_PER_HOUR
        else:
            spans.append([hour, hour + MILLIS_PER_HOUR])
    texts = [f"{_minute(start)} to {_minute(end)}" for start, end in spans[:3]]
    more = f" and {len(spans) - 3} more" if len(spans) > 3 else ""
    return ", ".join(texts) + more


def _minute(instant: int) -> str:
    return iso8601(Instant(instant))[:16] + "Z"


def _span(millis: float) -> str:
    minutes = round(millis / 60_000)
    if minutes < 120:
        return f"{minutes} min"
    if minutes < 2880:
        return f"{minutes / 60:.1f} h"
    return f"{minutes / 1440:.1f} days"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _named(name: str) -> str:
    return {"crontab": "The crontab", "timers": "The list of systemd timers"}.get(name, name)
