"""Reasons say what people call a thing."""

import pytest

from grange.scheduling.words import none_of, not_all, too_little, too_much


@pytest.mark.parametrize(
    ("name", "offered", "needed", "text"),
    [
        (
            "amount.worker.memory",
            4000,
            900_000,
            "878.9 GiB of memory needed, the worker has 3.9 GiB",
        ),
        ("amount.worker.memory", 0, 512, "512 MiB of memory needed, the worker has 0 MiB"),
        (
            "amount.worker.memory",
            8191,
            8192,
            "8,192 MiB of memory needed, the worker has 8,191 MiB",
        ),
        ("amount.worker.gpu.memory", 0, 8192, "8 GiB of GPU memory needed, the worker has 0 GiB"),
        (
            "amount.worker.disk.scratch",
            20,
            100,
            "100 GiB of scratch disk needed, the worker has 20 GiB",
        ),
        ("amount.worker.vcpu", 4, 8, "8 processor threads needed, the worker has 4"),
        ("amount.worker.gpu", 0, 1, "1 GPU needed, the worker has 0"),
        (
            "grange:amount.worker.ps",
            1_234_567,
            2_000_000,
            "2,000,000 PS needed, the worker has 1,234,567",
        ),
        ("amount.worker.tokens", 0.5, 1, "1 of tokens needed, the worker has 0.5"),
        ("amount.seats", 1, 2, "2 of seats needed, the worker has 1"),
    ],
)
def test_what_is_missing_is_said_in_words(
    name: str, offered: float, needed: float, text: str
) -> None:
    assert too_little(name, offered, needed) == text


def test_what_is_too_much_is_said_in_words() -> None:
    assert (
        too_much("amount.worker.vcpu", 4, 2)
        == "at most 2 processor threads allowed, the worker has 4"
    )


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("grange:attr.worker.group", "group"),
        ("grange:attr.worker.class", "class"),
        ("grange:attr.renderer", "renderer"),
        ("attr.worker.os.family", "operating system"),
        ("attr.worker.floor", "floor"),
        ("attr.studio", "studio"),
    ],
)
def test_an_attribute_is_said_in_words(name: str, word: str) -> None:
    assert (
        none_of(name, ("one", "two")) == f"{word} one or two needed, the worker does not offer it"
    )
    assert (
        not_all(name, ("one", "two")) == f"{word} one and two needed, the worker does not offer all"
    )
