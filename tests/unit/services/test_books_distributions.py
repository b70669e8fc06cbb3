"""Distributions and reports against a recomputation from the facts in plain Python and numpy."""

import io
import json
import math
import zipfile
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import openpyxl
import pyarrow.parquet as pq
import pytest

from grange.books.confidence import ratio_interval, share_interval
from grange.domain.facts import SessionActionFact
from grange.domain.farm import Farm, Queue
from grange.domain.rates import amount_after
from grange.domain.work import Job, Layer, Requirement, Worker
from grange.kernel.errors import InvalidRequestError, NotFoundError
from grange.kernel.units import MILLIS_PER_DAY, MILLIS_PER_HOUR, Instant
from grange.services.books.formats import encoded
from grange.services.books.reports import REPORTS
from grange.testing.books import BooksBench, books_bench
from grange.testing.facts import (
    FARM,
    FLEET,
    JOB,
    LAYER,
    QUEUE,
    T0,
    WORKER,
    action_fact,
    event_fact,
    frame_row,
    numbered,
    posted_frame,
    session_fact,
)
from grange.testing.story import Story, Storyteller, post, rows_of

END = T0 + MILLIS_PER_DAY
OFTEN = ["p05", "p25", "p50", "p75", "p90", "p95", "p99"]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    story = Storyteller("distributions", hours=9, workers=4, jobs=6).tell()
    with books_bench(tmp_path_factory.mktemp("told"), T0) as bench:
        bench.put(Farm(farm_id=FARM, name="f", currency="EUR", created_at=T0, created_by="t"))
        bench.put(Queue(farm_id=FARM, queue_id=QUEUE, name="main", created_at=T0, created_by="t"))
        for number in range(1, 5):
            bench.put(worker(number))
        post(bench, rows_of(story))
        bench.books.seal(force=True)
        bench.travel(END)
        yield bench, story


def worker(number, **changes):
    values: dict[str, Any] = {
        "farm_id": FARM, "fleet_id": FLEET, "worker_id": numbered("worker", number),
        "global_index": number, "host_name": f"box{number}", "created_at": T0, "created_by": "t",
        "threads": 1 + number % 2, "amounts": {"amount.worker.vcpu": 4.0 * number},
    }  # fmt: skip
    return Worker(**(values | changes))


def ask(bench: BooksBench, name: str, **arguments: Any) -> dict[str, Any]:
    asked = {"farm_id": FARM, "report": name, "start": T0, "end": END} | arguments
    found: dict[str, Any] = bench.books.call("report", asked)
    return found


def rows_by(found, *names):
    return {tuple(row[name] for name in names): row for row in found["rows"]}


def attempts(story: Story) -> list[SessionActionFact]:
    return [one for one in story.attempts() if one.started_at is not None and one.ended_at < END]


def frames_by(story, key):
    done = {one.action_id: one for one in attempts(story) if one.status == "SUCCEEDED"}
    found: dict[Any, list[int]] = defaultdict(list)
    for frame in story.frames:
        if frame["action_id"] in done:
            found[key(done[frame["action_id"]])].append(frame["render_ms"])
    assert found
    return found


def test_frame_times_have_the_quantiles_numpy_finds(told):
    """Issue item 5: distributions, not only means."""
    bench, story = told
    expected = frames_by(story, lambda one: (one.project, one.app))
    found = rows_by(ask(bench, "frame-times", by="project,app"), "project", "app")
    assert found.keys() == expected.keys()
    for key, times in expected.items():
        row = found[key]
        assert row["frames"] == len(times)
        assert row["render_ms"] == sum(times)
        assert (row["least_ms"], row["most_ms"]) == (min(times), max(times))
        assert row["mean_ms"] == round(sum(times) / len(times))
        shares = [0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99]
        for name, share in zip(OFTEN, shares, strict=True):
            assert row[f"{name}_ms"] == pytest.approx(np.quantile(times, share), abs=0.51), name


def test_the_ecdf_is_the_share_of_frames_that_took_at_most_so_long(told):
    bench, story = told
    expected = frames_by(story, lambda one: one.project)
    for row in ask(bench, "frame-ecdf")["rows"]:
        times = expected[row["project"]]
        at_most = sum(time <= row["render_ms"] for time in times)
        less = sum(time < row["render_ms"] for time in times)
        assert at_most / len(times) >= row["share"] - 1e-12
        assert less / len(times) < row["share"] or row["share"] == 0


def test_a_condition_comes_before_the_count_and_the_limit_after_it(told):
    """Issue item 7: filter before limit, "N of M"."""
    bench, story = told
    whole = ask(bench, "frame-times", by="user,app")
    found = ask(bench, "frame-times", by="user,app", where="user=ann", limit=1)
    mine = [one for one in attempts(story) if one.user_name == "ann"]
    assert found["facts"] == {"matched": len(mine), "total": len(attempts(story))}
    assert found["matched"] == sum(row["user"] == "ann" for row in whole["rows"])
    assert len(found["rows"]) == 1
    (first,) = found["rows"]
    assert first == next(row for row in whole["rows"] if row["user"] == "ann")
    second = ask(bench, "frame-times", by="user,app", where="user=ann", limit=5, offset=1)
    assert first not in second["rows"]
    assert len(second["rows"]) == found["matched"] - 1


def test_errors_are_a_pareto_of_wasted_machine_time(told):
    bench, story = told
    wasted: dict[str, Fraction] = defaultdict(Fraction)
    cost: dict[str, int] = defaultdict(int)
    for one in attempts(story):
        if one.status in ("FAILED", "INTERRUPTED"):
            name = one.error_class or one.cause or "unknown"
            assert one.started_at is not None
            wasted[name] += Fraction(one.ended_at - one.started_at, one.threads)
            if one.billionths_per_hour is not None:
                begun = one.session_started_at
                cost[name] += amount_after(
                    one.billionths_per_hour, one.ended_at - begun
                ) - amount_after(one.billionths_per_hour, one.started_at - begun)
    found = ask(bench, "errors")["rows"]
    assert {row["error"]: row["wasted_machine_ms"] for row in found} == {
        name: round(value) for name, value in wasted.items()
    }
    sizes = [row["wasted_machine_ms"] for row in found]
    assert sizes == sorted(sizes, reverse=True)
    assert found[-1]["cumulative_share"] == pytest.approx(1)
    assert {r["error"]: r["cost"] and Decimal(r["cost"]) for r in found} == {
        name: Decimal(cost[name]).scaleb(-9) if name in cost else None for name in wasted
    }


def test_processor_efficiency_is_time_used_over_the_threads_share_of_the_machine(told):
    bench, story = told
    used: dict[str, int] = defaultdict(int)
    had: dict[str, Fraction] = defaultdict(Fraction)
    for one in attempts(story):
        if one.cpu_ms is not None and one.started_at is not None:
            cores = 4 * int(one.worker_id[-2:], 16)
            used[one.app] += one.cpu_ms
            had[one.app] += Fraction((one.ended_at - one.started_at) * cores, one.threads)
    for row in ask(bench, "cpu")["rows"]:
        assert row["cpu_ms"] == used[row["app"]]
        assert row["efficiency"] == pytest.approx(float(used[row["app"]] / had[row["app"]]))


def test_memory_is_held_against_what_the_layer_reserved(tmp_path):
    gib = 1 << 30
    with books_bench(tmp_path, T0) as bench:
        bench.put(Farm(farm_id=FARM, name="f", created_at=T0, created_by="t"))
        bench.put(
            Job(farm_id=FARM, queue_id=QUEUE, job_id=JOB, name="j", created_at=T0, created_by="t"),
            Layer(
                farm_id=FARM, queue_id=QUEUE, job_id=JOB, layer_id=LAYER, name="beauty", index=0,
                task_count=3, created_at=T0, created_by="t",
                requirement=Requirement(amounts=(("amount.worker.memory", 8192.0, None),)),
            )
        )  # fmt: skip
        for number, peak in enumerate([2 * gib, 6 * gib, 9 * gib, None]):
            bench.keep(action_fact(action_id=f"a{number}", peak_memory_bytes=peak))
        bench.keep(action_fact(action_id="b", layer_id="other", project="advert"))
        bench.travel(END)
        found = rows_by(ask(bench, "memory"), "project")
    film = found["film",]
    assert (film["attempts"], film["measured"], film["over_reserved"]) == (4, 3, 1)
    assert (film["reserved_bytes"], film["most_bytes"]) == (8 * gib, 9 * gib)
    assert film["p50_bytes"] == 6 * gib
    assert film["used_of_reserved"] == pytest.approx(17 / 24)
    advert = found["advert",]
    assert (advert["reserved_bytes"], advert["over_reserved"], advert["used_of_reserved"]) == (
        None,
        None,
        None,
    )


def test_waiting_is_told_apart_into_dependencies_and_the_queue(tmp_path):
    """Submitted → eligible → started, of the first attempt of each task."""

    def status(number, at, subject, new, **about):
        return event_fact(
            str(number),
            at,
            f"{subject}_status",
            new=new,
            subject=subject,
            subject_id=str(number),
            worker_id=None,
            **about,
        )

    with books_bench(tmp_path, T0) as bench:
        bench.put(Farm(farm_id=FARM, name="f", created_at=T0, created_by="t"))
        bench.put(
            Job(farm_id=FARM, queue_id=QUEUE, job_id=JOB, name="j", created_at=T0, created_by="t")
        )
        bench.keep(
            status(1, T0, "job", "READY", job_id=JOB),
            status(2, T0, "layer", "READY", job_id=JOB, layer_id="first"),
            status(3, T0, "layer", "PENDING", job_id=JOB, layer_id="second"),
            status(4, T0 + 60_000, "layer", "READY", job_id=JOB, layer_id="second"),
            status(5, T0 + 70_000, "layer", "RUNNING", job_id=JOB, layer_id="second"),
            action_fact(action_id="a", layer_id="first", started_at=T0 + 10_000),
            action_fact(action_id="b", layer_id="first", task_index=1, started_at=T0 + 30_000),
            action_fact(action_id="c", layer_id="first", attempt=2, started_at=T0 + 50_000),
            action_fact(action_id="d", layer_id="second", started_at=T0 + 65_000, layer_name="z"),
        )
        bench.travel(END)
        found = rows_by(ask(bench, "queue-wait", by="layer"), "layer")
    first, second = found["beauty",], found["z",]
    assert first["tasks"] == 2, "a second attempt does not wait for the first time"
    assert (first["dependency_mean_ms"], first["queue_mean_ms"]) == (0, 20_000)
    assert (first["queue_p50_ms"], first["queue_most_ms"]) == (20_000, 30_000)
    assert (second["dependency_p50_ms"], second["queue_p50_ms"], second["whole_p50_ms"]) == (
        60_000,
        5_000,
        65_000,
    )


def test_hosts_are_compared_by_time_normalised_with_their_speed(tmp_path):
    """A machine of half the speed that takes twice as long is as good as any."""
    times = {1: [100, 110, 90], 2: [200, 220, 180], 3: [400, 440, 360]}
    speeds = {1: 1000, 2: 500, 3: 500}
    with books_bench(tmp_path, T0) as bench:
        bench.put(Farm(farm_id=FARM, name="f", created_at=T0, created_by="t"))
        frames = []
        for number, rendered in times.items():
            bench.put(worker(number))
            worker_id = numbered("worker", number)
            bench.keep(
                action_fact(action_id=f"a{number}", worker_id=worker_id, ps_milli=speeds[number]),
                action_fact(
                    action_id=f"f{number}", worker_id=worker_id, ps_milli=speeds[number],
                    status="FAILED", attempt=2,
                ),
            )  # fmt: skip
            frames += [
                frame_row(
                    posted_frame(action_id=f"a{number}", frame=place, render_ms=time),
                    worker_id=worker_id,
                )
                for place, time in enumerate(rendered)
            ]
        alone = posted_frame(action_id="a1", frame=99, render_ms=5, layer_id="other")
        bench.post("frames", [*frames, frame_row(alone)])
        bench.travel(END)
        found = rows_by(ask(bench, "hosts"), "worker")
    normal = {n: [t * speeds[n] / 1000 for t in times[n]] for n in times}
    middle = np.median([time for each in normal.values() for time in [*each]] + [5.0])
    for number in times:
        logs = np.log(np.array(normal[number] + ([5.0] if number == 1 else [])) / middle)
        row = found[f"box{number}",]
        assert row["compared"] == len(logs)
        assert row["time"] == pytest.approx(math.exp(logs.mean()))
        spread = 1.959963984540054 * logs.std(ddof=1) / math.sqrt(len(logs))
        assert row["time_low"] == pytest.approx(math.exp(logs.mean() - spread))
        assert row["time_high"] == pytest.approx(math.exp(logs.mean() + spread))
        assert (row["attempts"], row["failed"], row["success"]) == (2, 1, 0.5)
        assert row["success_low"] < 0.5 < row["success_high"]


def test_intervals_are_those_of_the_books():
    found = share_interval(8, 10)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert share_interval(0, 0) is None
    assert ratio_interval(0.0, None, 1) is None


# ── usage ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("by", ["project", "user,app", "worker", "layer", "job", "shot"])
def test_usage_adds_up_to_the_same_hours_and_cost_by_any_group(told, by):
    bench, story = told
    found = ask(bench, "usage", by=by)
    runtime = sum(one.ended_at - one.started_at for one in story.sessions())
    cost = sum(
        amount_after(one.billionths_per_hour, one.ended_at - one.started_at)
        for one in story.sessions()
        if one.billionths_per_hour is not None
    )
    assert sum(row["runtime_ms"] for row in found["rows"]) == runtime
    assert sum(Decimal(row["cost"]) for row in found["rows"] if row["cost"]) == Decimal(
        cost
    ).scaleb(-9)
    assert sum(row["share"] for row in found["rows"]) == pytest.approx(1)
    old = bench.books.usage(farm_id=FARM, start=T0, end=END, group_by="user")
    assert old["runtime_ms"] == runtime


def test_usage_by_local_days_is_cut_at_their_midnights(tmp_path):
    """Days of the farm's zone: the one on which clocks go forward has 23 hours."""
    start = Instant(1_774_652_400_000)  # 2026-03-28 00:00 in Berlin
    with books_bench(tmp_path, start) as bench:
        bench.put(
            Farm(farm_id=FARM, name="f", zone="Europe/Berlin", created_at=start, created_by="t")
        )
        end = start + 3 * MILLIS_PER_DAY
        bench.keep(session_fact(started_at=start, ended_at=end))
        bench.travel(end + 1)
        found = ask(bench, "usage", by="day", start=start, end=end)["rows"]
    hours = {row["day"]: row["runtime_ms"] / MILLIS_PER_HOUR for row in found}
    assert hours == {"2026-03-28": 24, "2026-03-29": 23, "2026-03-30": 24, "2026-03-31": 1}


def test_the_unassigned_share_is_said_first(tmp_path):
    """Ledger rule 11.9."""
    with books_bench(tmp_path, T0) as bench:
        bench.put(Farm(farm_id=FARM, name="f", created_at=T0, created_by="t"))
        bench.keep(
            session_fact(session_id="a", project="film", ended_at=T0 + 30_000),
            session_fact(session_id="b", project="unassigned", ended_at=T0 + 10_000),
        )
        bench.travel(END)
        found = ask(bench, "usage", by="project")
        none = ask(bench, "usage", by="user")
    assert [row["project"] for row in found["rows"]] == ["unassigned", "film"]
    assert found["notes"] == ["25.0 % of the machine time is assigned to no project."]
    assert none["notes"] == []


# ── what is asked, and files ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", REPORTS)
def test_every_report_answers_on_an_empty_farm(tmp_path, name):
    with books_bench(tmp_path, T0) as bench:
        bench.put(Farm(farm_id=FARM, name="f", created_at=T0, created_by="t"))
        found = ask(bench, name)
        assert (found["rows"], found["matched"]) == ([], 0)
        for kind in ("csv", "json", "parquet", "xlsx"):
            assert encoded(found, kind, ZoneInfo("UTC"))


def test_no_figure_of_a_made_up_past_comes_without_saying_so(tmp_path):
    with books_bench(tmp_path, T0) as bench:
        bench.put(
            Farm(
                farm_id=FARM, name="f", settings={"simulated": True}, created_at=T0, created_by="t"
            )
        )
        assert ask(bench, "errors")["notes"][0].startswith("SIMULATED")
        asked = {"farm_id": FARM, "report": "usage", "start": T0, "end": END, "format": "csv"}
        made = bench.books.call("report_file", asked)
        assert made["name"] == "SIMULATED-usage.csv"
        assert made["content"].decode().splitlines()[0].endswith(",simulated")
        sheet = bench.books.call("report_file", asked | {"format": "xlsx"})["content"]
        with zipfile.ZipFile(io.BytesIO(sheet)) as parts:
            assert b"SIMULATED Usage" in parts.read("xl/workbook.xml")
            assert b">SIMULATED<" in parts.read("xl/sharedStrings.xml")
        assert json.loads(bench.books.call("report_file", asked | {"format": "json"})["content"])[
            "simulated"
        ]
        month = {"farm_id": FARM, "month": "2026-01"}
        statement = bench.books.call("statement_file", month | {"kind": "csv"}).decode()
        assert all(line.endswith((",simulated", ",SIMULATED")) for line in statement.splitlines())
        page = bench.books.call("statement_file", month | {"kind": "html"}).decode()
        assert "<h1>SIMULATED f: statement" in page


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"by": "shoe_size"}, "by"),
        ({"by": "user,user"}, "by"),
        ({"by": "user,app,shot"}, "by"),
        ({"limit": -1}, "limit"),
        ({"offset": -1}, "offset"),
        ({"end": T0}, "end"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_its_field(told, arguments, field):
    with pytest.raises(InvalidRequestError) as caught:
        ask(told[0], "frame-times", **arguments)
    assert [problem.name for problem in caught.value.fields] == [field]


def test_an_unknown_report_or_field_is_named(told):
    with pytest.raises(NotFoundError, match="horoscope"):
        ask(told[0], "horoscope")
    with pytest.raises(InvalidRequestError, match="shoe"):
        ask(told[0], "usage", where="shoe=42")


@pytest.mark.parametrize("name", ["usage", "errors", "hosts"])
def test_every_file_holds_the_same_figures(told, name):
    """Design invariant 6: same question, same answer."""
    bench, _ = told
    found = ask(bench, name)

    def file(kind: str) -> bytes:
        asked = {"farm_id": FARM, "report": name, "start": T0, "end": END, "format": kind}
        made = bench.books.call("report_file", asked)
        assert made["name"] == f"{name}.{kind}"
        content: bytes = made["content"]
        return content

    names = [column["name"] for column in found["columns"]]
    units = {column["name"]: column["unit"] for column in found["columns"]}
    table = pq.read_table(io.BytesIO(file("parquet"))).to_pylist()
    lines = file("csv").decode().splitlines()
    sheet = openpyxl.load_workbook(io.BytesIO(file("xlsx"))).active
    assert sheet is not None
    cells = list(sheet.iter_rows(values_only=True))
    assert lines[0].split(",") == names
    assert [str(cell).removesuffix("_ms") for cell in cells[0][: len(names)]] == [
        one.removesuffix("_ms") for one in names
    ]
    assert len(table) == len(lines) - 1 == len(found["rows"])
    for number, row in enumerate(found["rows"]):
        for place, one in enumerate(names):
            value = row[one]
            if units[one] == "money":
                assert table[number][one] == (None if value is None else Decimal(value))
            elif units[one] == "count":
                assert table[number][one] == value
                assert cells[number + 1][place] == value
    assert WORKER.startswith("worker-")
