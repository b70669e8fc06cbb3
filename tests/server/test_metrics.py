"""Prometheus is told how the server does, and every figure on the dashboard exists."""

import http.client
import json
import re
import stat
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from grange.kernel.units import Instant
from grange.testing.farm import LocalFarm
from grange.watch.findings import Judgement, Severity
from grange.watch.memory import OpenFinding
from grange.watch.metrics import exposition
from grange.watch.run import Look

START = Instant(0)
DASHBOARD = Path(__file__).parents[2] / "examples" / "grafana" / "grange.json"


def asked(farm: LocalFarm, token: str | None, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection(farm.endpoint.removeprefix("http://"), timeout=60)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    connection.request(method, "/metrics", headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def token_of(farm: LocalFarm) -> str:
    path = farm._settings.data_dir / "metrics.token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    return path.read_text()


def values(text: str) -> dict[str, dict[frozenset[tuple[str, str]], float]]:
    found: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
    for family in text_string_to_metric_families(text):
        found.setdefault(family.name, {})
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def exporter() -> str:
    look = Look(
        at=Instant(5000),
        judgements=(
            Judgement(check="disk", findings=()),
            Judgement(check="gaps", findings=(), known=False),
        ),
        open=(
            OpenFinding(
                check="disk", subject="/x", severity=Severity.CRITICAL, text="", opened_at=START
            ),
        ),
        letters=(),
        undelivered=(),
    )  # fmt: skip
    return exposition(look, 'a"b\\c')


def test_the_server_tells_prometheus_how_it_does(farm, monkeypatch):
    """Ledger S3-18, S4-33: workers, jobs, collectors, files, backups."""
    monkeypatch.setattr("grange.server.metrics.KEPT_SECONDS", 0.0)  # another test may have asked
    api = farm.connect()
    before = farm.api.context.clock.now() / 1000
    api.call(
        "PUT", f"/api/v1/farms/{farm.farm_id}/streams/contacts", service="grange",
        body={"program": "collect", "machine": "px1"},
    )  # fmt: skip
    status, text = asked(farm, token_of(farm))
    assert status == 200
    found = values(text)
    named = frozenset({("farm", farm.farm_id), ("program", "collect"), ("machine", "px1")})
    told = found["grange_stream_contact_timestamp_seconds"][named]
    assert before <= told <= farm.api.context.clock.now() / 1000
    ready = frozenset({("farm", farm.farm_id), ("status", "READY")})
    assert found["grange_jobs"][ready] == 0
    assert found["grange_has_room"][frozenset()] == 1
    assert found["process_resident_memory_bytes"][frozenset()] > 1e6
    monkeypatch.setattr("grange.server.metrics.KEPT_SECONDS", 3600.0)
    assert asked(farm, token_of(farm))[1] == text  # not made anew for everybody who asks


@pytest.mark.parametrize("token", [None, "", "wrong"])
def test_only_who_shows_the_token_is_told(farm, token):
    assert asked(farm, token)[0] == 401


def test_nothing_can_be_changed_there(farm):
    assert asked(farm, token_of(farm), "POST")[0] == 405


def test_what_a_watch_found_can_be_read_by_prometheus():
    """Ledger S4-33: also a check that found nothing, and one that could not look."""
    found = values(exporter())
    assert found["grange_watch_findings"] == {
        frozenset({("check", check), ("severity", severity), ("machine", 'a"b\\c')}): float(
            (check, severity) == ("disk", "critical")
        )
        for check in ("disk", "gaps")
        for severity in ("info", "warning", "critical")
    }
    known = {dict(key)["check"]: value for key, value in found["grange_watch_known"].items()}
    assert known == {"disk": 1.0, "gaps": 0.0}
    assert list(found["grange_watch_look_timestamp_seconds"].values()) == [5.0]


def test_every_figure_of_the_dashboard_exists(farm):
    """Ledger S4-33: the Grafana dashboard asks for nothing that is not there."""
    board = json.loads(DASHBOARD.read_text())
    there = set(values(asked(farm, token_of(farm))[1])) | set(values(exporter()))
    asked_for = set()
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            asked_for |= set(re.findall(r"\b(?:grange|process)_\w+", target["expr"]))
    assert len(asked_for) > 8
    assert asked_for <= there
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for panel in board["panels"]:
        place = panel["gridPos"]
        assert place["x"] >= 0
        assert place["x"] + place["w"] <= 24
