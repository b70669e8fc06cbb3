"""Scripts of Royal Render's console run as they are: same names, same calls, same files."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from grange.kernel.errors import ConfigurationError
from grange.rrdata.place import CLIENTS, INHOUSE
from grange.rrdata.script import run_script
from grange.rrdata.table import _rrTable
from tests.unit.rrdata.folder import DAY

LOAD = """
from rr_python_utils.load_rrdata import rrData
import libpyRR39_datafiles
import os

assert libpyRR39_datafiles is rrData
cpu = rrGlobal._rrTable()
frames = rrGlobal._rrTable()
for table in (cpu, frames):
    table.setHeader(0, "Date")
folder = rrGlobal.rrRootPath() + "sub/stats/clients"
worker = rrData._clientStats_data()
for file in os.listdir(folder):
    if ".stdb" not in file:
        continue
    if not worker.loadFromFile(os.path.join(folder, file)):
        print("BAD", file, worker.getError())
        continue
    for index in range(worker.daysMax()):
        day = worker.days(index)
        if not day.daySet or day.day == 0:
            continue
        total = job = count = 0
        for at in range(day.dataMax()):
            sample = day.data(at)
            if sample.hasData():
                total += sample.cpuTotal
                job += sample.jobThread(0).cpuRender
                count += 1
        if count:
            cpu.setIntByNameNDate(file[:-5], day.day * 24 * 60 * 60, int(total / count))
            frames.setIntByNameNDate(file[:-5], day.day * 24 * 60 * 60, int(job / count))
        done = 0
        for hour in range(day.dataHourlyMax()):
            done += day.dataHourly(hour).jobThread(0).framesDone
        if done:
            frames.setIntByNameNDate(file[:-5], day.day * 24 * 60 * 60, int(done))
for table in (cpu, frames):
    table.sortRowsByDate()
target = os.path.join(rrGlobal.rrRootPath(), "inhouse")
print(cpu.saveAsCsv(os.path.join(target, "cpu.csv"), False), cpu.fileError())
print(frames.saveAsCsv(os.path.join(target, "frames.csv"), True), frames.fileError())
print(frames.saveAsCsv(os.path.join(target, "none", "frames.csv"), False), frames.fileError())
"""


def test_a_script_finds_what_the_console_provides_and_writes_its_tables(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Ledger S0-56, S0-29: rrGlobal without an import, _rrTable sets and never adds."""
    script = tmp_path / "stats.py"
    script.write_text(LOAD)

    run_script(script, root=root)

    said = capsys.readouterr().out
    assert "BAD torn.stdb" in said
    assert "False" in said.splitlines()[-1]
    assert "none" in said.splitlines()[-1]
    with (root / INHOUSE / "cpu.csv").open() as file:
        rows = {row.pop("Date"): row for row in csv.DictReader(file)}
    mean = int((43 + 50 + 0) / 3)
    assert rows["2026-03-10"] == {"anna": str(mean), "bert": str(mean)}
    assert list(rows) == ["2026-03-08", "2026-03-10"]
    text = (root / INHOUSE / "frames.csv").read_text()
    assert text.splitlines()[0].split(";")[0] == "Date"
    assert {"24"} == set(text.splitlines()[1].split(";")[1:])


def test_nothing_of_the_console_is_left_behind(root: Path, tmp_path: Path):
    script = tmp_path / "wrong.py"
    script.write_text("import rr_python_utils.load_rrdata\nraise KeyError(rrGlobal.rrRootPath())")
    with pytest.raises(KeyError, match="/rr/"):
        run_script(script, root=root)
    assert "rr_python_utils" not in sys.modules
    assert "libpyRR39_datafiles" not in sys.modules


def test_arguments_reach_the_script(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    script = tmp_path / "say.py"
    script.write_text("import sys\nprint(sys.argv[1:], __name__)")
    run_script(script, root=root, arguments=("--days", "3"))
    assert capsys.readouterr().out == "['--days', '3'] __main__\n"


def test_a_folder_that_is_not_there_is_told_before_the_script_runs(tmp_path: Path):
    script = tmp_path / "say.py"
    script.write_text("print('ran')")
    with pytest.raises(ConfigurationError, match="grange rrdata export"):
        run_script(script, root=tmp_path / "none")
    with pytest.raises(ConfigurationError, match="no script"):
        run_script(tmp_path / "none.py", root=tmp_path)


def test_rr_root_says_where_the_folder_is(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """Ledger S0-59: loaders work without initFileList."""
    from grange.rrdata.place import HERE

    HERE.forget()
    monkeypatch.setenv("RR_ROOT", str(root))
    script = tmp_path / "names.py"
    script.write_text(
        "from rr_python_utils.load_rrdata import rrData\n"
        "print(rrData._clientStats_all().clientCount(), rrGlobal.rrRootPath())\n"
        f"print(rrData._dailyStats_timeline().period_day_hasData({DAY}))\n"
    )
    run_script(script)
    assert capsys.readouterr().out == f"3 {root}/\nTrue\n"
    assert (root / CLIENTS).is_dir()


def test_a_table_keeps_dates_without_shifting_them_and_leaves_unset_cells_blank(tmp_path: Path):
    """Ledger S0-56: the date is the epoch divided by a day, whatever the zone."""
    table = _rrTable()
    table.setHeader(0, "Day")
    table.setHeader(2, "Second")
    table.setIntByNameNDate("b", 20522 * 86_400 + 86_399, 7)
    table.setIntByNameNDate("b", 20522 * 86_400, 5)
    table.setIntByNameNDate("a", 20521 * 86_400, 1)
    table.sortRowsByDate()
    assert table.saveAsCsv(str(tmp_path / "t.csv"), False)
    assert (tmp_path / "t.csv").read_text() == "Day,b,Second\n2026-03-09,,1\n2026-03-10,5,\n"
    assert table.fileError() == ""


def test_nothing_of_the_servers_parts_is_loaded():
    """Ledger S0-59: scripts run in the base install."""
    code = (
        "import sys, grange.rrdata.script, grange.rrdata.export, grange.cli.rrdata\n"
        "print({'numpy', 'pyarrow', 'duckdb', 'botocore', 'litestar'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "set()\n"
