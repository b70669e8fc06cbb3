"""`grange worker token`: one word that lets machines join the farm as workers."""

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.config.join_token import JoinToken
from grange.wiring.client import fingerprint_of_file


@click.command("token", epilog="Example: grange worker token --fleet fleet-0123…")
@click.option("--fleet", metavar="ID", help="Id of the fleet; else GRANGE_FLEET_ID, or the only.")
@with_farm
def command(connection: Connection, fleet: str | None) -> None:
    """Make a token that lets machines join the farm as workers; it is shown this once.

    It holds a new key of role worker and the fingerprint of the server's authority, which the
    machine pins. It is good until the key is revoked.
    """
    from grange.cli.worker_run import new_worker_key, only_fleet  # noqa: PLC0415 - not for `ls`

    settings = connection.settings
    # A bundle of authorities is often set for other programs; without TLS there is nothing to pin.
    encrypted = settings.server.lower().startswith("https://")
    ca_bundle = settings.ca_bundle if encrypted else None
    fingerprint = "" if ca_bundle is None else fingerprint_of_file(ca_bundle)
    key_id, secret = new_worker_key(connection)
    token = JoinToken(
        farm_id=connection.farm_id,
        fleet_id=fleet or settings.fleet_id or only_fleet(connection),
        access_key_id=key_id,
        secret_access_key=secret,
        fingerprint=fingerprint,
    )
    if connection.out.as_json:
        connection.out.data(
            {
                "token": token.text(),
                "access_key_id": key_id,
                "farm_id": token.farm_id,
                "fleet_id": token.fleet_id,
                "fingerprint": token.fingerprint or None,
            }
        )
        return
    connection.out.line(f"grange worker join {settings.server} --token {token.text()}")
    if not encrypted:
        connection.out.note("A server without TLS is joined from its own machine alone.")
    connection.out.note(
        f"Whoever has this can register workers. Take it back with: grange user revoke worker"
        f" {key_id}"
    )
