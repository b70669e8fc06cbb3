"""Each check finds the fault that was put in, says since when, and nothing when all is well."""

from dataclasses import replace

import pytest

from grange.kernel.units import MILLIS_PER_HOUR, Instant
from grange.ports.watch import (
    Collected,
    FolderRoom,
    LogGap,
    LogHour,
    LongestGap,
    PagesSeen,
    Print,
    StreamsSeen,
    ValueHour,
    Writer,
)
from grange.watch.checks import CHECKS, Situation, judge
from grange.watch.findings import Finding, Severity
from grange.watch.limits import FolderLimit, Limits, PagesLimit, StreamRule, learned_range

MINUTE = 60_000
NOW = Instant(1_767_225_600_000 + 8 * MINUTE)
"""Eight minutes past a whole hour (and midnight)."""
TOP = NOW - NOW % MILLIS_PER_HOUR
LIMITS = Limits(
    folders=(FolderLimit(path="/data", warn_percent=90, critical_percent=97),),
    pages=(PagesLimit(path="/www", seconds=3600),),
)


def hour(back: int, *, stream: str = "feedA", machine: str = "px1", **more: object) -> LogHour:
    """An hour that began `back` hours before the hour that is running."""
    at = Instant(TOP - back * MILLIS_PER_HOUR)
    known = {
        "kind": "tx", "lines": 60, "errors": 0, "byte_count": 60_000, "latency_mean_ms": 2000,
        "last_at": Instant(min(at + MILLIS_PER_HOUR - MINUTE, NOW - MINUTE)),
    }  # fmt: skip
    return LogHour(stream=stream, machine=machine, hour_at=at, **{**known, **more})  # type: ignore[arg-type]


def well(days: int = 8) -> StreamsSeen:
    """One stream on one machine, collected every hour up to now; one series of values."""
    hours = [hour(back) for back in range(days * 24)]
    values = [
        ValueHour(
            series="room", source_index=0, label="celsius", hour_at=one.hour_at, values=60,
            least=20.0, greatest=22.0, mean=21.0 + (number % 5) / 10, last_at=one.last_at,
            heartbeat_seconds=600,
        )
        for number, one in enumerate(hours)
    ]  # fmt: skip
    return StreamsSeen(
        hours=hours,
        gaps=[],
        longest=[],
        collected=[Collected(stream="feedA", kind="tx", machine="px1", until_at=Instant(TOP))],
        values=values,
        writers=[Writer(program="collect", machine="px1", last_at=Instant(NOW - 5 * MINUTE))],
    )


def situation(streams: StreamsSeen | None = None, **more: object) -> Situation:
    known: dict[str, object] = {
        "now": NOW,
        "machine": "hub",
        "rooms": {"/data": FolderRoom(path="/data", byte_count=1000, free_bytes=500)},
        "prints": [
            Print(name="/etc/streams.toml", sha256="aa"),
            Print(name="crontab", sha256="cc"),
        ],
        "known_prints": {"/etc/streams.toml": "aa", "crontab": "cc"},
        "pages": {"/www": PagesSeen(path="/www", newest_at=Instant(NOW - 10 * MINUTE))},
        "streams": well() if streams is None else streams,
    }
    return Situation(**{**known, **more})  # type: ignore[arg-type]


def found(seen: Situation, limits: Limits = LIMITS) -> list[Finding]:
    return [finding for one in judge(seen, limits) for finding in one.findings]


def only(seen: Situation, check: str, limits: Limits = LIMITS) -> Finding:
    """Return the one finding there is, of this check."""
    findings = found(seen, limits)
    assert [one.check for one in findings] == [check], findings
    return findings[0]


def without(seen: StreamsSeen, *backs: int) -> StreamsSeen:
    """Leave hours out; nothing was collected from the first of them on."""
    gone = {TOP - back * MILLIS_PER_HOUR for back in backs}
    return replace(seen, hours=[one for one in seen.hours if one.hour_at not in gone])


def collected_until(seen: StreamsSeen, at: int) -> StreamsSeen:
    return replace(seen, collected=[replace(seen.collected[0], until_at=Instant(at))])


def test_nothing_is_found_where_all_is_well():
    """Ledger S4-33."""
    assert found(situation()) == []


@pytest.mark.parametrize(
    ("free", "severity"),
    [(101, None), (100, Severity.WARNING), (31, Severity.WARNING), (30, Severity.CRITICAL)],
)
def test_a_disk_that_fills_up_is_found(free, severity):
    """Ledger S4-33: disk % per folder: 90 % is a warning, 97 % is critical."""
    rooms = {"/data": FolderRoom(path="/data", byte_count=1000, free_bytes=free)}
    findings = found(situation(rooms=rooms))
    assert [one.severity for one in findings] == ([] if severity is None else [severity])


def test_a_folder_that_is_gone_is_found():
    """Ledger S4-33."""
    assert only(situation(rooms={"/data": None}), "disk").severity is Severity.WARNING


def test_hours_that_were_not_collected_are_found_once_they_are_late():
    """Ledger S4-33: blocks missing over the past 7 days, by stream and machine."""
    seen = collected_until(without(well(), 0, 1, 2, 3), TOP - 3 * MILLIS_PER_HOUR)
    limits = replace(LIMITS, skip=frozenset({"silent"}))
    finding = only(situation(seen), "hours", limits)
    # The two hours before this one ended 8 and 68 minutes ago: they may come in for 90 minutes.
    assert finding.text == (
        "1 hour of tx:feedA@px1 not collected: 2025-12-31T21:00Z to 2025-12-31T22:00Z."
    )
    assert finding.since_at == TOP - 3 * MILLIS_PER_HOUR
    late = replace(limits, late_seconds=0.0)
    assert only(situation(seen), "hours", late).text.startswith("3 hours")


def test_many_missing_hours_are_critical():
    """Ledger S4-33."""
    seen = collected_until(without(well(), *range(9)), TOP - 8 * MILLIS_PER_HOUR)
    finding = only(situation(seen), "hours", replace(LIMITS, skip=frozenset({"silent"})))
    assert finding.severity is Severity.CRITICAL


def test_hours_before_the_watched_days_are_not_missing():
    """Ledger S4-33: the past 7 days, no more."""
    seen = well(10)
    old = 7 * 24 + 1
    gone = without(replace(seen, collected=[]), old)
    assert found(situation(gone)) == []
    assert [
        one.check for one in found(situation(without(replace(seen, collected=[]), old - 2)))
    ] == ["hours"]


def test_an_hour_that_was_read_but_has_no_line_is_empty_not_missing():
    """Ledger S4-33: a log with an hour empty."""
    finding = only(situation(without(well(), 30)), "empty")
    assert finding.subject == "tx:feedA@px1"
    assert "1 hour " in finding.text
    assert finding.since_at == TOP - 30 * MILLIS_PER_HOUR


def test_an_hour_that_is_empty_every_day_is_no_finding():
    """Ledger S4-33: a stream that sleeps at that hour of every day is as it should be."""
    seen = without(well(), *(30 + 24 * day for day in range(-1, 7)))
    assert found(situation(seen)) == []


def gap(minutes: int, *, explained: bool = False) -> LogGap:
    start = Instant(TOP - 50 * MILLIS_PER_HOUR)
    return LogGap(
        stream="feedA", kind="tx", machine="px1", start_at=start,
        end_at=Instant(start + minutes * MINUTE), explained=explained,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("minutes", "explained", "expected"),
    [(65, False, 0), (66, False, 1), (66, True, 0), (600, True, 0)],
)
def test_a_gap_is_found_beyond_the_limit_and_five_minutes_unless_errors_explain_it(
    minutes, explained, expected
):
    """Ledger S4-33: gaps > max + 5 min that the error log does not explain."""
    seen = replace(well(), gaps=[gap(minutes, explained=explained)])
    assert len(found(situation(seen))) == expected


def test_a_gap_before_the_watched_days_is_no_finding():
    """Ledger S4-33: ranges look further back than gaps."""
    old = replace(gap(600), start_at=Instant(0), end_at=Instant(TOP - 7 * 24 * MILLIS_PER_HOUR - 1))
    assert found(situation(replace(well(), gaps=[old]))) == []


def test_a_stream_may_have_a_gap_limit_of_its_own():
    """Ledger S4-33: the longest gap is set for each stream."""
    rule = StreamRule(match="tx:feed*@px1", gap_seconds=1200.0)
    seen = situation(replace(well(), gaps=[gap(26)]))
    assert found(seen) == []
    assert only(seen, "gaps", replace(LIMITS, rules=(rule,))).subject == "tx:feedA@px1"


def test_changed_settings_and_schedules_are_told_once():
    """Ledger S4-33: checksum change, crontab change."""
    prints = [Print(name="/etc/streams.toml", sha256="bb"), Print(name="crontab", sha256=None)]
    findings = found(situation(prints=prints))
    assert [(one.subject, one.lasting) for one in findings] == [
        ("/etc/streams.toml", False),
        ("crontab", False),
    ]
    assert "has gone" in findings[1].text
    assert found(situation(prints=[Print(name="/etc/new.toml", sha256="dd")])) == []


@pytest.mark.parametrize(("age_minutes", "expected"), [(60, 0), (61, 1), (None, 1)])
def test_pages_older_than_an_hour_are_found(age_minutes, expected):
    """Ledger S4-33: pages and graphs older than 1 h."""
    newest = None if age_minutes is None else Instant(NOW - age_minutes * MINUTE)
    pages = {"/www": PagesSeen(path="/www", newest_at=newest)}
    assert [one.check for one in found(situation(pages=pages))] == ["pages"] * expected


def test_a_stopped_writer_is_one_critical_finding_not_one_for_each_of_its_streams():
    """Ledger S4-33: what the stopped collector explains is left out."""
    seen = collected_until(without(well(), *range(6)), TOP - 5 * MILLIS_PER_HOUR)
    stopped = Writer(program="collect", machine="px1", last_at=Instant(TOP - 5 * MILLIS_PER_HOUR))
    finding = only(situation(replace(seen, writers=[stopped])), "writers")
    assert finding.severity is Severity.CRITICAL
    assert finding.subject == "collect@px1"


def test_a_silent_stream_is_found_by_its_own_longest_gap():
    """Ledger S4-33, S3-14: three times the longest gap so far is silence."""
    seen = without(well(), 0, 1)

    def longest(minutes: int) -> Situation:
        one = LongestGap(stream="feedA", kind="tx", machine="px1", millis=minutes * MINUTE)
        return situation(replace(seen, longest=[one]))

    assert only(longest(20), "silent").subject == "tx:feedA@px1"
    assert found(longest(60)) == []


def test_a_series_is_silent_after_twice_its_heartbeat():
    """Ledger S3-04, S3-14."""
    seen = well()
    old = [
        replace(one, last_at=Instant(min(one.last_at, NOW - 21 * MINUTE))) for one in seen.values
    ]
    assert only(situation(replace(seen, values=old)), "silent").subject == "value:room/celsius"


def test_a_measure_out_of_its_learned_range_is_found():
    """Ledger S4-33: the last whole hour against the hours before."""
    limits = replace(LIMITS, late_seconds=0.0)
    seen = well()
    hours = [
        replace(one, latency_mean_ms=90_000, byte_count=0) if one.hour_at == TOP - MILLIS_PER_HOUR
        else one
        for one in seen.hours
    ]  # fmt: skip
    findings = found(situation(replace(seen, hours=hours)), limits)
    assert [one.subject for one in findings] == ["tx:feedA@px1 bytes", "tx:feedA@px1 latency"]
    assert "latency of tx:feedA@px1 was 90" in findings[1].text


def test_too_few_errors_or_too_short_latencies_are_no_finding():
    """Ledger S4-33."""
    limits = replace(LIMITS, late_seconds=0.0)
    seen = well()
    hours = [
        replace(one, errors=0, latency_mean_ms=0)
        if one.hour_at == TOP - MILLIS_PER_HOUR
        else replace(one, errors=30 + one.hour_at % 3, lines=90 + one.hour_at % 3)
        for one in seen.hours
    ]
    assert found(situation(replace(seen, hours=hours)), limits) == []


def test_logged_values_have_learned_and_set_ranges():
    """Ledger S3-05, S4-33."""
    limits = replace(LIMITS, late_seconds=0.0)
    seen = well()

    def last_mean(mean: float) -> Situation:
        values = [
            replace(one, mean=mean) if one.hour_at == TOP - MILLIS_PER_HOUR else one
            for one in seen.values
        ]
        return situation(replace(seen, values=values))

    assert only(last_mean(45.0), "range", limits).subject == "value:room/celsius mean"
    rule = StreamRule(match="value:room/*", least=-50.0, greatest=50.0)
    assert found(last_mean(45.0), replace(limits, rules=(rule,))) == []


def test_nothing_is_learned_from_a_single_day():
    """Ledger S4-33: a range needs a day of hours, else every new stream would be a finding."""
    assert learned_range([1.0] * 23, 4.0, enough=24) is None
    assert learned_range([1.0] * 24, 4.0, enough=24) == pytest.approx((0.8, 1.2))


def test_what_cannot_be_seen_is_not_judged():
    """Ledger S4-33: without the books only their absence is a finding; the rest stays as it was."""
    seen = replace(situation(), streams=None, trouble="refused")
    said = {one.check: one for one in judge(seen, LIMITS)}
    assert {name for name, one in said.items() if not one.known} == {
        "hours", "empty", "gaps", "writers", "silent", "range",
    }  # fmt: skip
    assert only(seen, "server").severity is Severity.CRITICAL


def test_a_stream_may_be_ignored_and_a_check_left_out():
    """Ledger S4-33."""
    seen = replace(well(), gaps=[gap(600)])
    rule = StreamRule(match="*:feedA@*", ignore=True)
    assert found(situation(seen), replace(LIMITS, rules=(rule,))) == []
    assert found(situation(seen), replace(LIMITS, skip=frozenset(CHECKS))) == []


def test_copies_of_workers_may_rest_unless_a_rule_says_otherwise():
    assert Limits().rule("tx:copies@node7").ignore
    assert not Limits().rule("tx:feed@node7").ignore
    strict = Limits(rules=[StreamRule(match="tx:copies@*", silent_seconds=60.0)])
    assert not strict.rule("tx:copies@node7").ignore
