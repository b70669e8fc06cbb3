"""Finished reports into folders of the server and by mail."""

import smtplib
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import unquote, urlsplit

from grange.kernel.errors import FieldProblem, InvalidRequestError, UnreachableError
from grange.ports.deliveries import Parcel

_TIMEOUT_SECONDS = 30.0


class FoldersAndMail:
    """Implements `ports.deliveries.Deliveries`."""

    def __init__(
        self, own: Path, folders: Sequence[Path], *, mail_server: str, mail_from: str
    ) -> None:
        """Describe where reports may go.

        Args:
            own: folder that relative names are below.
            folders: further folders that reports may be written below.
            mail_server: `smtp://[NAME:PASSWORD@]HOST[:PORT]` or `smtps://…`; empty: no mail.
            mail_from: whom mails come from.
        """
        self._own = own
        self._folders = (own, *folders)
        self._server = mail_server
        self._from = mail_from

    def check(self, to: str) -> None:
        """Return if a report may go there."""
        if to.startswith("mailto:"):
            if not self._server:
                raise _refused("needs a mail server: set 'mail_server' and 'mail_from' in [server]")
            if to.count("@") != 1 or any(sign in to for sign in "\r\n,"):
                raise _refused("must be mailto:NAME@HOST, one address")
            return
        self._folder(to)

    def deliver(self, parcel: Parcel, to: str) -> str:
        """Deliver a report; returns where it is now."""
        self.check(to)
        if to.startswith("mailto:"):
            return self._mail(parcel, unquote(to.removeprefix("mailto:")))
        folder = self._folder(to)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / parcel.name
        partial = folder / f".{parcel.name}.partial"
        partial.write_bytes(parcel.content)
        partial.replace(path)
        return str(path)

    def _folder(self, to: str) -> Path:
        asked = Path(to)
        folder = (asked if asked.is_absolute() else self._own / asked).resolve()
        if not any(folder.is_relative_to(one.resolve()) for one in self._folders):
            raise _refused(
                "must lie below the data folder's reports/ or a folder of 'report_folders'"
            )
        return folder

    def _mail(self, parcel: Parcel, address: str) -> str:
        message = EmailMessage()
        message["Subject"] = parcel.subject
        message["From"] = self._from
        message["To"] = address
        message.set_content(parcel.text)
        kind, _, subtype = parcel.media_type.split(";")[0].partition("/")
        message.add_attachment(parcel.content, maintype=kind, subtype=subtype, filename=parcel.name)
        parts = urlsplit(self._server)
        kind_of = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
        host, port = parts.hostname or "localhost", parts.port or 0
        try:
            with kind_of(host, port, timeout=_TIMEOUT_SECONDS) as server:
                if parts.username:
                    server.login(unquote(parts.username), unquote(parts.password or ""))
                server.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            raise UnreachableError(f"The mail server {host} took no mail: {error}.") from error
        return f"mailed to {address}"


def _refused(message: str) -> InvalidRequestError:
    return InvalidRequestError(f"to {message}.", fields=[FieldProblem("to", message)])
