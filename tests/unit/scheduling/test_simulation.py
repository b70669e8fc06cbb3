"""The short form of `./dev bench --only scheduler`: what holds at any size."""

from benchmarks.scheduler import SHORT, farm_of, idle_with_work, utilisation


def test_no_thread_is_free_while_there_is_work_that_suits_it() -> None:
    farm = farm_of(0.01, blocked=True, tasks=SHORT)
    farm.run(2_000)
    assert farm.measured.starts > 100
    assert idle_with_work(farm) == 0


def test_small_farms_are_used_nearly_as_well_as_they_could_be() -> None:
    ratios = utilisation(range(6))
    assert min(ratios) >= 0.8
    assert sum(ratios) / len(ratios) >= 0.93
    assert max(ratios) <= 1.0
