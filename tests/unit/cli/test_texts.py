"""How figures read, and that a receipt says everything it knows."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from grange.cli.formatting import amounts, duration, money, plural, size
from grange.cli.job_report import frames_text
from grange.cli.job_why import rank_text
from grange.cli.output import Output
from grange.cli.receipt import balance_line, print_receipt
from grange.cli.spans import parse_span, parse_when
from grange.cli.submit import class_notes
from grange.cli.worker_show import state_words
from grange.kernel.errors import InvalidRequestError
from grange.kernel.units import instant_of

RECEIPT: dict[str, Any] = {
    "machines": 2,
    "seconds_each": 143.2,
    "machine_seconds": 286.4,
    "accounts": {
        "rendering_useful_ms": 200_000,
        "rendering_wasted_ms": 6_400,
        "overhead_ms": 50_000,
        "idle_no_work_ms": 30_000,
        "idle_blocked_ms": 0,
        "disabled_ms": 0,
        "off_ms": 0,
        "unknown_ms": 0,
    },
    "unaccounted_ms": 0,
    "wall_ms": 143_200,
    "frames": {"rendered": 32, "failed_attempts": 1},
    "cost": {
        "example": True,
        "currency": "USD",
        "total": "0.047733333",
        "by_layer": [{"name": "Render", "cost": "0.04", "machine_ms": 250_000}],
        "by_worker": [{"name": "demo-worker-1", "cost": "0.023", "machine_ms": 143_200}],
    },
    "slowest": {
        "frame": 7, "layer": "Render", "render_ms": 7200, "worker": "demo-worker-1",
        "why": "first frame of its task",
    },
    "outputs": [],
}  # fmt: skip


@pytest.mark.parametrize(
    ("millis", "text"),
    [
        (None, "–"),
        (0, "0 ms"),
        (850, "850 ms"),
        (12_340, "12.3 s"),
        (59_999, "60.0 s"),
        (245_000, "4 min 05 s"),
        (12_000_000, "3 h 20 min"),
        (187_200_000, "2 d 4 h"),
    ],
)
def test_durations_read_as_people_say_them(millis, text):
    assert duration(millis) == text


def test_bytes_money_and_counts_read_well():
    assert (size(512), size(1536), size(3 * 1024**4)) == ("512 B", "1.5 KiB", "3.0 TiB")
    assert money("0.0143000", "USD") == "0.0143 USD"
    assert money("1234.5", "EUR") == "1,234.50 EUR"
    assert money("85.582284552", "EUR") == "85.58 EUR"
    assert money(None) == "–"
    assert (plural(1, "frame"), plural(1000, "frame")) == ("1 frame", "1,000 frames")


def test_the_balance_line_is_the_receipts_foundation():
    assert balance_line(RECEIPT) == "2 machines × 143.2 s = 286.4 s. Unaccounted: 0.0 s"


@pytest.mark.parametrize(
    ("machines", "each", "total", "line"),
    [
        (2, 134.26, 268.52, "2 machines × 134.26 s = 268.52 s."),
        (1, 7.0, 7.0, "1 machine × 7.0 s = 7.0 s."),
        (3, 10.0004, 30.0012, "3 machines × 10.0 s = 30.0 s."),
    ],
)
def test_what_the_balance_line_shows_multiplies_out(machines, each, total, line):
    receipt = {**RECEIPT, "machines": machines, "seconds_each": each, "machine_seconds": total}
    assert balance_line(receipt).startswith(line)


def test_the_receipt_names_waste_example_rates_and_the_slowest_frame(capsys):
    print_receipt(Output(), RECEIPT)
    said = capsys.readouterr().out
    for words in (
        "32 frames rendered",
        "1 failed attempt",
        "wasted",
        "EXAMPLE",
        "Slowest frame: 7",
    ):
        assert words in said
    assert "idle, blocked" not in said
    assert "\x1b" not in said


@pytest.mark.parametrize(("machines", "each"), [(2, 67.9), (2, 463.06), (3, 45.2667)])
def test_the_printed_accounts_add_up_to_the_printed_balance(capsys, machines, each):
    """Invariant 3, as people check it: with the figures on the screen."""
    whole = round(machines * each * 1000)
    useful, idle, off = whole * 7 // 10 + 33, 4_749, 2_349
    accounts = {
        "rendering_useful_ms": useful,
        "overhead_ms": whole - useful - idle - off,
        "idle_no_work_ms": idle,
        "off_ms": off,
    }
    receipt = {
        **RECEIPT, "machines": machines, "seconds_each": each, "machine_seconds": whole / 1000,
        "accounts": accounts,
    }  # fmt: skip
    print_receipt(Output(), receipt)
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("Machine time")
    rows = lines[at + 1 : at + 1 + len(accounts)]
    printed = [Decimal(re.split(r" {2,}", row.strip())[1].removesuffix(" s")) for row in rows]
    balance = re.search(r"= ([\d.,]+) s", lines[at + 1 + len(accounts)])
    assert balance is not None
    assert sum(printed) == Decimal(balance[1])


def test_without_a_rate_card_there_are_hours_only(capsys):
    print_receipt(Output(), {**RECEIPT, "cost": None, "slowest": None})
    assert "no rate card" in capsys.readouterr().out


def test_times_are_spans_back_or_dates():
    now = 1_800_000_000_000
    assert parse_when("90m", now) == now - 90 * 60_000
    assert parse_when("2026-11-22T10:00+00:00", now) == 1_795_341_600_000
    midnight = (
        datetime.fromtimestamp(now / 1000)
        .astimezone()
        .replace(hour=0, minute=0, second=0, microsecond=0)
    )
    assert parse_when("today", now) == midnight.timestamp() * 1000
    eve = (midnight - timedelta(hours=12)).replace(hour=0)
    assert parse_when("yesterday", now) == eve.timestamp() * 1000
    assert parse_span("2h", "1h", now) == {
        "start": str(now - 7_200_000),
        "end": str(now - 3_600_000),
    }
    assert parse_when("now", now) == now
    assert parse_when("7d ago", now) == parse_when("-7d", now) == parse_when("7d", now)
    for text in ("recently", "2026-13", "2026-11-31"):
        with pytest.raises(InvalidRequestError, match=f"'{text}' is no time"):
            parse_when(text, now)
    with pytest.raises(InvalidRequestError, match="2h does not lie after 1h"):
        parse_span("1h", "2h", now)
    with pytest.raises(InvalidRequestError, match="2030-01-01 lies ahead"):
        parse_span("2030-01-01", None, now)


def test_dates_are_days_of_the_zone_that_is_asked():
    """A day of the books begins at midnight of the farm, wherever somebody asks."""
    auckland = ZoneInfo("Pacific/Auckland")
    now = instant_of(datetime(2026, 11, 22, 12, tzinfo=UTC))  # the 23rd there
    for text, begins in (
        ("2026-11", datetime(2026, 11, 1, tzinfo=auckland)),
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=auckland)),
        ("2026-11-22T14:00", datetime(2026, 11, 22, 14, tzinfo=auckland)),
        ("2026-11-22T14:00Z", datetime(2026, 11, 22, 14, tzinfo=UTC)),
        ("today", datetime(2026, 11, 23, tzinfo=auckland)),
        ("yesterday", datetime(2026, 11, 22, tzinfo=auckland)),
        ("3h", datetime(2026, 11, 22, 9, tzinfo=UTC)),
    ):
        assert parse_when(text, now, lambda: auckland) == instant_of(begins), text


def test_the_amounts_of_a_column_add_up_as_printed():
    """By largest remainder, as statements and pages."""
    printed = amounts(["0.005", None, "2.335", "1.335", "1.325"], "EUR")
    assert printed == ["0.01 EUR", "–", "2.34 EUR", "1.33 EUR", "1.32 EUR"]
    assert amounts(["0.05244", "0.1483842"], "EUR") == ["0.0524 EUR", "0.1484 EUR"]
    assert amounts(["1204.6", "1000000"], "JPY") == ["1,205 JPY", "1,000,000 JPY"]
    assert amounts(["-3.5", "3.5"], "") == ["-3.50", "3.50"]
    assert amounts([], "EUR") == []


def test_a_priority_is_advised_only_where_priority_is_what_a_job_waits_for() -> None:
    layer = {"tasks_before": 5, "layers_before": 2, "priority_to_be_first": 61}
    advice = " Priority 61 would make it the first."
    for reason in ("group", "workers", "gpu", "renderer", "memory", "hours"):
        assert rank_text(layer | {"reason": reason}) == "5 ready tasks of 2 layers come first."
    for reason in ("", "priority"):
        expected = "5 ready tasks of 2 layers come first." + advice
        assert rank_text(layer | {"reason": reason}) == expected
    unable = {"tasks_before": 1, "layers_before": 1, "priority_to_be_first": None}
    assert rank_text(unable | {"reason": "priority"}) == "1 ready task of 1 layer comes first."


def test_a_worker_that_will_take_no_more_says_so_whatever_it_does_now() -> None:
    def words(status: str, **members: object) -> str:
        worker = {"status": status, "disabled": False, "draining": False, "quarantine": None}
        return state_words(worker | members)

    assert words("idle") == "idle"
    assert words("idle", draining=True) == "draining"
    assert words("rendering", draining=True) == "rendering, draining"
    assert words("disabled", disabled=True) == "disabled"
    assert words("disabled") == "disabled", "outside its hours"
    assert words("rendering", disabled=True, draining=True) == "rendering, disabled"
    assert words("disabled", disabled=True, quarantine="3 failures") == "quarantined"
    assert words("rendering", disabled=True, quarantine="3 failures") == "rendering, quarantined"
    assert words("off", disabled=True) == "off, disabled"


def test_a_class_that_is_no_letter_is_told_for_it_keeps_no_worker_away() -> None:
    assert class_notes({"grange:class": "AC", "grange:prefer_class": "A,C"}) == []
    assert class_notes({"grange:project": "zebra"}) == []
    [note] = class_notes({"grange:class": "zebra1"})
    assert note.startswith("The class 'zebra1' is no class of workers")


def test_a_chunk_of_one_frame_is_one_frame() -> None:
    texts = ["7-7", "7", "-7--7", "7-9", "1,7", "1-9:2"]
    assert [frames_text(text) for text in texts] == [
        *("frame 7", "frame 7", "frame -7"),
        *("frames 7-9", "frames 1,7", "frames 1-9:2"),
    ]
