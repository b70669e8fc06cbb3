"""GPUs are shared out: one for each job thread where there are several of both."""

import pytest

from grange.worker.gpus import gpu_advice, gpu_variables

VISIBLE = "CUDA_VISIBLE_DEVICES"


def seen(threads: int, gpus: int, chosen: str | None = None) -> list[str | None]:
    environment = {} if chosen is None else {VISIBLE: chosen}
    return [gpu_variables(one, threads, gpus, environment).get(VISIBLE) for one in range(threads)]


@pytest.mark.parametrize(
    ("threads", "gpus", "each"),
    [
        (2, 2, ["0", "1"]),
        (4, 4, ["0", "1", "2", "3"]),
        (2, 4, ["0", "1"]),
        (4, 2, ["0", "1", "0", "1"]),
        (1, 4, [None]),
        (2, 1, [None, None]),
        (2, 0, [None, None]),
    ],
)
def test_each_thread_sees_one_gpu_where_there_are_several(
    threads: int, gpus: int, each: list[str | None]
):
    assert seen(threads, gpus) == each


def test_a_choice_of_the_administrator_is_what_is_shared_out():
    assert seen(2, 4, "2,3") == ["2", "3"]
    assert seen(2, 4, " GPU-a , GPU-b ") == ["GPU-a", "GPU-b"]
    assert seen(2, 4, "3") == [None, None]


def test_gpus_are_numbered_as_nvidia_smi_does():
    assert gpu_variables(0, 2, 2, {})["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    assert gpu_variables(0, 1, 2, {}) == {}


@pytest.mark.parametrize(
    ("threads", "gpus", "words"),
    [(2, 4, "--threads 4"), (4, 2, "share"), (2, 2, ""), (1, 4, ""), (4, 1, ""), (4, 0, "")],
)
def test_the_person_who_starts_it_is_told_when_they_do_not_match(
    threads: int, gpus: int, words: str
):
    said = gpu_advice(threads, gpus)
    assert words in said
    assert bool(said) == bool(words)
