"""Scheduled reports: into folders and by mail, caught up once, by the farm's clock."""

import asyncio
import email
import email.policy
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grange.adapters.deliveries import FoldersAndMail
from grange.kernel.errors import InvalidRequestError, NotFoundError, UnreachableError
from grange.kernel.units import MILLIS_PER_DAY, Instant
from grange.ports.deliveries import Parcel
from grange.testing.farm import LocalFarm
from tests.server.conftest import SteadyClock


class MailBox:
    """A server that takes mail by SMTP, one connection after the other."""

    def __init__(self) -> None:
        self.mails: list[email.message.EmailMessage] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as lines:
                self._talk(lines)

    def _talk(self, lines: Any) -> None:
        def say(text: str) -> None:
            lines.write(text.encode() + b"\r\n")
            lines.flush()

        say("220 here")
        for line in lines:
            word = line.strip().upper()[:4]
            if word == b"DATA":
                say("354 go on")
                content = bytearray()
                for row in lines:
                    if row == b".\r\n":
                        break
                    content += row
                made = email.message_from_bytes(bytes(content), policy=email.policy.default)
                assert isinstance(made, email.message.EmailMessage)
                self.mails.append(made)
            if word == b"QUIT":
                say("221 bye")
                return
            say("250 ok")


@pytest.fixture(scope="module")
def box() -> Iterator[MailBox]:
    made = MailBox()
    yield made
    made.close()


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory, box: MailBox) -> Iterator[LocalFarm]:
    folder: Path = tmp_path_factory.mktemp("schedules")
    with LocalFarm(
        folder, mail_server=box.url, mail_from="farm@studio.example", clock=SteadyClock()
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def no_schedule_is_left(farm: LocalFarm) -> Iterator[None]:
    """Take away what a test put, since each would be due in the time of another."""
    yield
    for one in rest(farm, "GET")["report_schedules"]:
        rest(farm, "DELETE", f"/{one['schedule_id']}")


def rest(farm: LocalFarm, method: str, path: str = "", **body: Any) -> dict[str, Any]:
    return farm.connect().call(
        method,
        f"/api/v1/farms/{farm.farm_id}/report-schedules{path}",
        body=body if method == "POST" else None,
        service="grange",
    )


def put(farm: LocalFarm, **changes: Any) -> str:
    values = {"name": "n", "report": "usage", "every": "day", "to": "daily", "format": "xlsx"}
    return str(rest(farm, "POST", **(values | changes))["schedule_id"])


def row(farm: LocalFarm, schedule_id: str) -> dict[str, Any]:
    rows = rest(farm, "GET")["report_schedules"]
    return next(one for one in rows if one["schedule_id"] == schedule_id)


def step(farm: LocalFarm, now: int) -> int:
    reports = farm.api.context.reports
    closing: Any = farm.api.context.closing  # knows the loop the farm runs in
    return asyncio.run_coroutine_threadsafe(reports.step(Instant(now)), closing._loop).result(
        timeout=60
    )


def test_missed_reports_are_caught_up_once_and_then_made_when_due(farm: LocalFarm):
    """Issue item 7: three days were missed; one report is made, of the latest."""
    made = put(farm, name="days", minute=0)
    now = farm.api.context.clock.now()
    assert row(farm, made)["last_run_at"] is None
    later = now + 3 * MILLIS_PER_DAY
    assert step(farm, later) == 1
    assert step(farm, later) == 0
    assert step(farm, later + MILLIS_PER_DAY) == 1
    found = row(farm, made)
    assert found["last_ok"] is True
    folder = farm._settings.data_dir / "reports" / "daily"
    files = sorted(folder.iterdir())
    assert len(files) == 2
    assert all(file.read_bytes()[:2] == b"PK" for file in files)
    assert found["last_result"] == str(files[-1])
    rest(farm, "DELETE", f"/{made}")
    assert step(farm, later + 5 * MILLIS_PER_DAY) == 0


def test_a_report_goes_by_mail_with_its_file(farm: LocalFarm, box: MailBox):
    made = put(farm, name="errors", report="errors", format="csv", to="mailto:crew@studio.example")
    assert rest(farm, "POST", f"/{made}/run")["result"] == "mailed to crew@studio.example"
    mail = box.mails[-1]
    assert (mail["To"], mail["From"]) == ("crew@studio.example", "farm@studio.example")
    assert mail["Subject"].startswith("errors, day of ")
    (attached,) = mail.iter_attachments()
    assert str(attached.get_filename()).endswith(".csv")
    assert str(attached.get_content()).startswith("error,attempts,")
    assert row(farm, made)["last_ok"] is True


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"to": "/etc"}, "must lie below"),
        ({"to": "../../up"}, "must lie below"),
        ({"to": "mailto:nobody"}, "one address"),
        ({"by": "shoe_size"}, "must be one or two of"),
        ({"where": "shoe=42"}, "shoe"),
    ],
)
def test_what_could_not_be_made_is_refused_at_once(farm: LocalFarm, changes: Any, error: str):
    with pytest.raises(InvalidRequestError, match=error):
        put(farm, **changes)


def test_unknown_reports_and_schedules_are_named(farm: LocalFarm):
    with pytest.raises(NotFoundError, match="horoscope"):
        put(farm, report="horoscope")
    for method, path in (("DELETE", "/schedule-x"), ("POST", "/schedule-x/run")):
        with pytest.raises(NotFoundError):
            rest(farm, method, path)


def test_without_a_mail_server_it_says_what_to_set(tmp_path: Path):
    parcel = Parcel(name="a", media_type="text/csv", content=b"", subject="s", text="t")
    with pytest.raises(InvalidRequestError, match="mail_server"):
        FoldersAndMail(tmp_path, (), mail_server="", mail_from="f").check("mailto:a@b")
    with socket.socket() as taken:  # nobody listens there, and nobody else can
        taken.bind(("127.0.0.1", 0))
        server = f"smtp://127.0.0.1:{taken.getsockname()[1]}"
        deaf = FoldersAndMail(tmp_path, (), mail_server=server, mail_from="f@g")
        with pytest.raises(UnreachableError, match="took no mail"):
            deaf.deliver(parcel, "mailto:a@b")
