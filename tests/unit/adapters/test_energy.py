"""The machine's own meters: what it used, from the kernel's power domains and the GPUs."""

from pathlib import Path

from grange.adapters.host.energy import EnergyMeter


def _domain(folder: Path, place: str, name: str, energy: int) -> Path:
    path = folder / place
    path.mkdir(parents=True)
    (path / "name").write_text(f"{name}\n")
    (path / "energy_uj").write_text(f"{energy}\n")
    (path / "max_energy_range_uj").write_text("1000000\n")
    return path


def test_processors_memory_and_gpus_add_up_and_counters_may_begin_anew(tmp_path):
    """Ledger S0-19 and energy: measured where the machine measures, unknown elsewhere."""
    first = _domain(tmp_path, "intel-rapl:0", "package-0", 900_000)
    second = _domain(tmp_path, "intel-rapl:1", "package-1", 0)
    _domain(tmp_path, "intel-rapl:0:0", "core", 5)
    memory = _domain(tmp_path, "intel-rapl:0:1", "dram", 10_000)
    used = [4_000]
    meter = EnergyMeter(tmp_path, lambda: list(used))
    assert meter.read_mj() == 0
    (first / "energy_uj").write_text("50000")  # past its range: 150,000 more
    (second / "energy_uj").write_text("70000")
    (memory / "energy_uj").write_text("40000")
    used[0] += 500
    assert meter.read_mj() == 150 + 70 + 30 + 500
    assert meter.read_mj() == 750


def test_a_meter_of_the_whole_platform_counts_alone(tmp_path):
    _domain(tmp_path, "intel-rapl:0", "package-0", 0)
    whole = _domain(tmp_path, "intel-rapl:1", "psys", 0)
    meter = EnergyMeter(tmp_path, list)
    meter.read_mj()
    (whole / "energy_uj").write_text("9000")
    assert meter.read_mj() == 9


def test_a_machine_without_meters_says_nothing(tmp_path):
    assert EnergyMeter(tmp_path, lambda: [7_000]).read_mj() is None
