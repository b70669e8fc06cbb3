"""Each finding is told once, at the right time, and its end as well."""

from collections.abc import Iterable
from datetime import time
from zoneinfo import ZoneInfo

import pytest

from grange.kernel.errors import CorruptDataError
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant
from grange.watch.findings import Finding, Judgement, Severity
from grange.watch.memory import Memory, decode, encode
from grange.watch.notices import Policy, delivered, remembered, written

NOON = Instant(1_767_225_600_000 + 12 * MILLIS_PER_HOUR)
UTC = ZoneInfo("UTC")
NOW_AND_HERE = Policy(targets=("file:/x",), zone=UTC)


def finding(
    severity: Severity = Severity.WARNING, subject: str = "/data", *, lasting: bool = True
) -> Finding:
    return Finding(
        check="disk", subject=subject, severity=severity, text=f"{subject} is full.",
        lasting=lasting,
    )  # fmt: skip


def look(
    memory: Memory,
    findings: Iterable[Finding],
    at: int = NOON,
    policy: Policy = NOW_AND_HERE,
    *,
    known: bool = True,
) -> tuple[Memory, list[str]]:
    """Look once; return the memory, and the subjects of the messages, which are then taken."""
    said = [Judgement(check="disk", findings=tuple(findings), known=known)]
    after = written(remembered(memory, said, Instant(at), policy), Instant(at), policy, "hub")
    return delivered(after, [], Instant(at)), [letter.subject for letter in after.letters]


def hours(number: float) -> Instant:
    return Instant(int(NOON + number * MILLIS_PER_HOUR))


def test_a_finding_is_told_once_and_its_end_too():
    """Ledger S4-33, S4-34: the subject states machine and severity."""
    memory, told = look(Memory(), [finding()])
    assert told == ["[Grange] WARNING on hub: 1 new"]
    memory, told = look(memory, [finding()], hours(1))
    assert told == []
    memory, told = look(memory, [], hours(2))
    assert told == ["[Grange] OK on hub: 1 recovered"]
    assert memory.open == ()
    assert look(memory, [], hours(3))[1] == []


def test_a_worse_finding_is_told_again_a_better_one_is_not():
    """Ledger S4-34."""
    memory, _ = look(Memory(), [finding()])
    memory, told = look(memory, [finding(Severity.CRITICAL)], hours(1))
    assert told == ["[Grange] CRITICAL on hub: 1 worse"]
    assert look(memory, [finding()], hours(2))[1] == []


def test_an_open_finding_is_told_again_every_day():
    """Ledger S4-34."""
    memory, _ = look(Memory(), [finding()])
    memory, told = look(memory, [finding()], hours(23.9))
    assert told == []
    memory, told = look(memory, [finding()], hours(24))
    assert told == ["[Grange] WARNING on hub: 1 still open"]
    assert look(memory, [finding()], hours(25))[1] == []


def test_what_happened_at_a_moment_is_told_and_forgotten():
    """Ledger S4-33."""
    memory, told = look(Memory(), [finding(lasting=False)])
    assert told == ["[Grange] WARNING on hub: 1 new"]
    assert memory.open == ()
    assert look(memory, [], hours(1))[1] == []


def test_a_check_that_could_not_look_closes_nothing():
    """Ledger S4-33: unknown is not well."""
    memory, _ = look(Memory(), [finding()])
    memory, told = look(memory, [], hours(1), known=False)
    assert told == []
    assert [one.subject for one in memory.open] == ["/data"]


def test_quiet_hours_hold_back_all_but_the_critical_until_they_end():
    """Ledger S4-34: quiet hours over midnight, of the farm's zone."""
    policy = Policy(targets=("file:/x",), zone=ZoneInfo("Europe/Berlin"), quiet=(time(22), time(7)))
    night = hours(9.5)  # 22:30 in Berlin
    memory, told = look(Memory(), [finding()], night, policy)
    assert told == []
    both = [finding(), finding(Severity.CRITICAL, "/db")]
    memory, told = look(memory, both, hours(10), policy)
    assert told == ["[Grange] CRITICAL on hub: 1 new"]
    memory, told = look(memory, both, hours(17.9), policy)  # 06:54
    assert told == []
    memory, told = look(memory, both, hours(18), policy)
    assert told == ["[Grange] WARNING on hub: 1 new"]


def test_what_comes_and_goes_in_quiet_hours_is_one_line():
    """Ledger S4-34."""
    policy = Policy(targets=("file:/x",), zone=UTC, quiet=(time(22), time(7)))
    memory, _ = look(Memory(), [finding()], hours(11), policy)
    memory, told = look(memory, [], hours(12), policy)
    assert told == []
    assert len(memory.waiting) == 1
    memory, told = look(memory, [], hours(19), policy)
    assert told == ["[Grange] OK on hub: 1 recovered"]


def test_the_digest_comes_once_a_day_with_what_was_not_worth_an_interruption():
    """Ledger S4-34: digest at its local time; a missed one is made up for once."""
    policy = Policy(targets=("file:/x",), zone=UTC, digest=time(8))
    small = finding(Severity.INFO)
    memory, told = look(Memory(), [small], NOON, policy)
    assert told == []
    memory, told = look(memory, [small], hours(19.9), policy)
    assert told == []
    said = [Judgement(check="disk", findings=(small,))]
    after = written(remembered(memory, said, hours(20), policy), hours(20), policy, "hub")
    assert [letter.subject for letter in after.letters] == [
        "[Grange] INFO on hub: digest, 1 open, 1 new"
    ]
    assert "since 2026-01-01 12:00 UTC  /data is full." in after.letters[0].body
    memory = delivered(after, [], hours(20))
    assert look(memory, [small], hours(20.5), policy)[1] == []
    three_days_later = Instant(NOON + 3 * MILLIS_PER_DAY)
    memory, told = look(memory, [], three_days_later, policy)
    assert told == ["[Grange] OK on hub: digest, 0 open, 1 recovered"]


def test_a_message_waits_for_those_who_did_not_take_it_and_is_given_up_in_the_end():
    """Ledger S4-34."""
    said = [Judgement(check="disk", findings=(finding(),))]
    after = written(remembered(Memory(), said, NOON, NOW_AND_HERE), NOON, NOW_AND_HERE, "hub")
    assert delivered(after, after.letters, hours(70)).letters == after.letters
    assert delivered(after, after.letters, hours(73)).letters == ()


def test_a_memory_survives_and_a_broken_one_is_refused():
    """Ledger S4-33: no finding is told twice because the watch was started anew."""
    memory, _ = look(Memory(), [finding(Severity.CRITICAL)])
    assert decode(encode(memory), "watch.json") == memory
    assert decode(None, "watch.json") == Memory()
    with pytest.raises(CorruptDataError, match=r"watch\.json"):
        decode(b"{", "watch.json")
