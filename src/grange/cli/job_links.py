"""`grange job set`: which jobs a job waits for."""

from collections.abc import Sequence

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.cli.formatting import plural
from grange.cli.jobs import find_job
from grange.kernel.errors import InvalidRequestError

NONE = "none"


@click.command("set", epilog="Example: grange job set last --after simulation")
@click.argument("job", metavar="JOB")
@click.option(
    "--after",
    metavar="JOB",
    multiple=True,
    help="Begin once this job has succeeded; repeatable. `none`: wait for no job.",
)
@with_farm
def set_job(connection: Connection, job: str, after: Sequence[str]) -> None:
    """Say which jobs must succeed before a job begins. What already runs goes on."""
    if not after:
        raise click.UsageError("Give --after.")
    if NONE in after and len(after) > 1:
        raise InvalidRequestError("--after none stands alone.")
    others = [] if NONE in after else [find_job(connection, one) for one in after]
    reply = connection.rest(
        "PUT", f"/jobs/{find_job(connection, job)}/after", body={"jobs": others}
    )
    if connection.out.as_json:
        connection.out.data(reply)
        return
    left = len(reply["waits_for"])
    connection.out.line(f"It waits for {plural(left, 'job')}." if left else "It waits for no job.")
