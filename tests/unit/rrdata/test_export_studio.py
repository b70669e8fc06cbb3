"""A script's figures over an exported studio are those its raw facts give."""

import csv
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from grange import rrdata
from grange.books.questions.model import Need, Question
from grange.kernel.clock import VirtualClock
from grange.kernel.units import Instant
from grange.rrdata.export import export_farm
from grange.rrdata.place import DAYS, HERE, HISTORY, INHOUSE
from grange.rrdata.script import run_script
from grange.testing.studio import simulated_studio
from grange.wiring.folder import FolderBooks

pytestmark = pytest.mark.slow

SCRIPT = """
from rr_python_utils.load_rrdata import rrData
cpu = rrGlobal._rrTable()
frames = rrGlobal._rrTable()
every = rrData._clientStats_all()
for at in range(every.clientCount()):
    data = every.getData(at)
    for index in range(data.daysCount()):
        day = data.getDayByIdx(index)
        if not day.daySet:
            continue
        seen = [day.data(each) for each in range(day.dataMax())]
        seen = [each for each in seen if each.hasData()]
        if seen:
            mean = sum(each.cpuTotal for each in seen) / len(seen)
            cpu.setIntByNameNDate(every.getName(at), day.day * 86400, round(mean * 1000))
        done = 0
        for hour in range(day.dataHourlyMax()):
            record = day.dataHourly(hour)
            done += sum(record.jobThread(t).framesDone for t in range(record.jobThreadCount()))
        if done:
            frames.setIntByNameNDate(every.getName(at), day.day * 86400, done)
for table, name in ((cpu, "cpu"), (frames, "frames")):
    table.sortRowsByDate()
    assert table.saveAsCsv(rrGlobal.rrRootPath() + "inhouse/" + name + ".csv", False)
"""


class Studio:
    """A simulated studio, its exported folder, and its raw facts."""

    def __init__(self, folder: Path) -> None:
        made = simulated_studio(folder / "data", workers=3, days=1.5)
        self.clock = VirtualClock(Instant(made.end))
        self.farm_id = made.farm_id
        self.books = FolderBooks(folder / "data", self.clock)
        self.root = folder / "rr"
        self.zone = ZoneInfo(self.ask("books_about")["zone"])
        self.done = export_farm(self, self.root, clock=self.clock, days=3)

    def ask(self, question: str, **arguments: Any) -> dict[str, Any]:
        given = {name: value for name, value in arguments.items() if value is not None}
        answer: dict[str, Any] = self.books.ask(question, {**given, "farm_id": self.farm_id})
        return answer

    def raw(self, table: str) -> list[dict[str, Any]]:
        """Return every fact of a table, as it is."""
        with self.books._books.shelf.view(self.farm_id) as view:
            question = Question(sql=f"SELECT * FROM {table}", needs=(Need(table=table),))
            rows: list[dict[str, Any]] = view.ask(question).to_pylist()
        return rows

    def day(self, at: int) -> str:
        return datetime.fromtimestamp(at / 1000, UTC).astimezone(self.zone).date().isoformat()


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    made = Studio(tmp_path_factory.mktemp("studio"))
    HERE.use(root=made.root, clock=made.clock)
    yield made
    HERE.forget()
    made.books.close()


def rows_of(path: Path) -> dict[str, dict[str, str]]:
    with path.open() as file:
        return {row.pop("Date"): row for row in csv.DictReader(file)}


def test_means_and_frames_of_each_worker_and_day_are_those_of_the_raw_facts(
    studio: Studio, tmp_path: Path
):
    """Ledger S0-29, S0-25, S0-28, S0-56: recomputed in plain Python, day by local day."""
    script = tmp_path / "figures.py"
    script.write_text(SCRIPT)
    run_script(script, root=studio.root)
    names = {row["worker_id"]: row["name"] for row in studio.ask("worker_list")["workers"]}
    shares: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in studio.raw("worker_samples"):
        day = studio.day(row["at"] - 10_000)
        shares[day, names[row["worker_id"]]].append(row["cpu_milli"])
    found = rows_of(studio.root / INHOUSE / "cpu.csv")
    assert len(shares) >= 4
    for (day, name), values in shares.items():
        assert int(found[day][name]) == pytest.approx(100 * sum(values) / len(values), abs=1)
    good = {
        row["action_id"] for row in studio.raw("session_actions") if row["status"] == "SUCCEEDED"
    }
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for row in studio.raw("frames"):
        if row["action_id"] in good:
            counts[studio.day(row["ended_at"]), names[row["worker_id"]]] += 1
    frames = rows_of(studio.root / INHOUSE / "frames.csv")
    told = {
        (day, name): int(value)
        for day, row in frames.items()
        for name, value in row.items()
        if value
    }
    assert told == dict(counts)


def test_each_chunk_is_once_in_each_list_of_a_day(studio: Studio):
    """Ledger S0-03, S0-06: users, projects and apps sum to the same, which is the facts' number."""
    timeline = rrdata._dailyStats_timeline()
    totals = [0, 0, 0]
    for path in (studio.root / DAYS).iterdir():
        data = timeline.period_day(int(path.name.removesuffix(".stdb")))
        for kind in range(data.jobTypeCount()):
            for one in data.getJobsByType(kind):
                totals[kind] += sum(
                    one.getTimeSlot(at).timesFinished for at in range(one.timeSlotCount())
                )
    finished = sum(
        1
        for row in studio.raw("session_actions")
        if row["kind"] == "task_run" and row["status"] == "SUCCEEDED"
    )
    assert totals == [finished] * 3
    assert finished > 20


def test_the_history_has_every_layer_and_its_workers_sum_to_its_totals(studio: Studio):
    """Ledger S0-41, S0-54: what workers did for a job is what was done for it."""
    loader = rrdata._historyProjectLoader()
    assert loader.loadProjectList(str(studio.root / HISTORY))
    indices = [row["global_index"] for row in studio.ask("worker_list")["workers"]]
    sent: dict[str, int] = defaultdict(int)
    for row in studio.raw("session_actions"):
        if row["kind"] == "task_run":
            sent[row["layer_id"]] += 1
    seen = set()
    for project in range(loader.projectCount()):
        assert loader.loadProject(project)
        for at in range(loader.jobCount()):
            job = loader.jobAt(at)
            assert job.companyProjectName == loader.projectName(project)
            clients = [job.getClient(index) for index in indices]
            assert sum(client.times_sended for client in clients) == sent[job.ID2strFull()]
            seen.add(job.ID2strFull())
    assert seen >= {layer for layer, count in sent.items() if count}
    assert len(seen) == studio.done.jobs
