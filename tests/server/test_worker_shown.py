"""`grange worker show`: all that a wrangler wants to know of one worker."""

import json

import pytest

from grange.cli.main import run
from grange.cli.worker_show import machine
from grange.testing.farm import LocalFarm
from tests.server.conftest import add_worker


def test_a_worker_is_shown_with_what_it_is_and_is_for(
    farm: LocalFarm, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in farm.environment().items():
        monkeypatch.setenv(name, value)
    add_worker(farm, "node07").start()

    def said(*words: str) -> str:
        capsys.readouterr()
        assert run(list(words)) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    said("worker", "note", "node07", "fan is loud")
    said("worker", "class", "node07", "ac")
    said("group", "set", "big", "node07")
    lines = said("worker", "show", "node07").splitlines()
    assert {
        "Note: fan is loud",
        "Groups: big",
        "Classes: AC",
        "Processor: 4 processor threads, x86_64",
    } <= set(lines)
    assert not any(line.startswith(("Quarantined", "Renderers", "Version")) for line in lines)
    detail = json.loads(said("worker", "show", "node07", "--json"))
    assert detail["quarantined_at"] is None
    known = detail | {
        "closed": "outside its hours",
        "amounts": {"grange:amount.worker.cores": 1.0, "amount.worker.gpu": 2.0},
        "attributes": {
            "grange:attr.renderer": ["blender", "povray"],
            "grange:attr.worker.version": ["v0-9-1"],
        },
    }
    assert {
        "Takes no work: outside its hours",
        "Processor: 1 core",
        "GPUs: 2",
        "Renderers: blender, povray",
        "Version: 0.9.1",
    } <= set(machine(known))
