"""`grange admin`: what the person does who runs the farm's server."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from grange.cli import (
    admin_audit,
    admin_backup,
    admin_constellation,
    admin_service,
    admin_watch,
)
from grange.cli.connection import with_output
from grange.cli.exits import require_extra
from grange.cli.output import Output
from grange.config.load import load
from grange.config.settings import DEFAULT_PORT, ServerSettings
from grange.kernel.errors import ConfigurationError
from grange.kernel.units import iso8601

if TYPE_CHECKING:
    from grange.wiring.admin import Prepared


@click.group()
def command() -> None:
    """Prepare a server; trust one from another machine; back up, restore and watch."""


@command.command("init", epilog="Example: grange admin init --zone Europe/Berlin --currency EUR")
@click.option("--data", "data_dir", type=click.Path(path_type=Path), help="The data folder.")
@click.option("--state-url", metavar="URL", help="postgresql://…; default: SQLite in the folder.")
@click.option("--name", metavar="TEXT", help="The farm's name; default: Farm.")
@click.option("--zone", metavar="NAME", help="The farm's time zone; default: the machine's.")
@click.option("--currency", metavar="CODE", help="The farm's currency; default: USD.")
@click.option(
    "--host",
    "names",
    metavar="NAME",
    multiple=True,
    help="A name or address of this server, the usual one first; default: the machine's own.",
)
@click.option("--yes", is_flag=True, help="Ask nothing: take defaults for what is not given.")
@with_output
def init(
    out: Output,
    *,
    data_dir: Path | None,
    state_url: str | None,
    name: str | None,
    zone: str | None,
    currency: str | None,
    names: tuple[str, ...],
    yes: bool,
) -> None:
    """Prepare a data folder, once: the farm's zone and currency, an authority, a certificate.

    With the certificate the server may listen on any address. The fingerprint that is printed lets
    other machines make sure that they talk to this server. A second time, what is there stays;
    --host makes a new certificate of the same authority.
    """
    settings = load(
        ServerSettings, command_line={"data_dir": data_dir, "state_url": state_url}
    ).settings
    require_extra("server")
    from grange.wiring.admin import (  # noqa: PLC0415 - not in the base install
        checked_currency,
        checked_zone,
        prepare,
    )
    from grange.wiring.client import machine_zone  # noqa: PLC0415
    from grange.wiring.farm_plan import FarmPlan  # noqa: PLC0415
    from grange.wiring.init import existing  # noqa: PLC0415

    plan = FarmPlan()
    found = existing(settings)
    if found is None:
        ask = not yes and not out.as_json and sys.stdin.isatty()
        plan = FarmPlan(
            farm=name or plan.farm,
            zone=checked_zone(zone or _asked("The farm's time zone", machine_zone(), ask=ask)),
            currency=checked_currency(currency or _asked("The farm's currency", "USD", ask=ask)),
        )
    elif (zone or found.zone, (currency or found.currency).upper()) != (found.zone, found.currency):
        raise ConfigurationError(
            f"The farm {found.farm} has zone {found.zone} and currency {found.currency} already;"
            " they are chosen once, because its books are kept in them."
        )
    prepared = prepare(settings, plan, names=names)
    if out.as_json:
        out.data(_answer(settings, prepared))
    else:
        _tell(out, settings, prepared)


def _asked(what: str, default: str, *, ask: bool) -> str:
    return click.prompt(what, default=default, err=True) if ask else default


def _answer(settings: ServerSettings, prepared: "Prepared") -> dict[str, object]:
    farm, certificate = prepared.farm, prepared.certificate
    return {
        "data": str(settings.data_dir.absolute()),
        "created": farm.created,
        "farm_id": farm.farm_id,
        "name": farm.farm,
        "zone": farm.zone,
        "currency": farm.currency,
        "fingerprint": certificate.fingerprint,
        "authority": str((settings.tls_folder / "ca.pem").absolute()),
        "names": list(certificate.names),
        "expires_at": certificate.expires_at,
    }


def _tell(out: Output, settings: ServerSettings, prepared: "Prepared") -> None:
    farm, certificate = prepared.farm, prepared.certificate
    folder = settings.data_dir.absolute()
    made = "made" if farm.created else "was there already"
    url = f"https://{certificate.names[0]}:{DEFAULT_PORT}"
    out.line(f"Farm {farm.farm} in {folder} ({made}): zone {farm.zone}, currency {farm.currency}.")
    out.line(
        f"Certificate for {', '.join(certificate.names)}, until"
        f" {iso8601(certificate.expires_at)[:10]}."
    )
    out.line(f"Fingerprint of its authority: {certificate.fingerprint}")
    out.line(f"Start the server:      grange server --data {folder} --host 0.0.0.0")
    out.line(
        f"On a render machine:   grange worker join {url} --fingerprint {certificate.fingerprint}"
    )


@command.command("trust", epilog="Example: grange admin trust https://farm:8765 sha256:0a1b…")
@click.argument("server", metavar="URL")
@click.argument("fingerprint")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), default=Path("ca.pem"),
    show_default=True, help="Where the authority's certificate is kept.",
)  # fmt: skip
@with_output
def trust(out: Output, *, server: str, fingerprint: str, output: Path) -> None:
    """Fetch the certificate of a server's authority, if it has this fingerprint.

    With AWS_CA_BUNDLE set to the file, every client on this machine can check that it talks to the
    server: boto3, the deadline command line, and grange itself.
    """
    from grange.wiring.client import trusted_authority  # noqa: PLC0415

    path = trusted_authority(server, fingerprint, output)
    if out.as_json:
        out.data({"ca_bundle": str(path)})
    else:
        out.line(f"export AWS_CA_BUNDLE={path}")


command.add_command(admin_backup.backup)
command.add_command(admin_backup.restore)
command.add_command(admin_watch.watch)
command.add_command(admin_service.command)
command.add_command(admin_audit.audit)
command.add_command(admin_constellation.command)
