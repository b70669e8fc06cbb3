"""`grange farm scheduling`: what may be stopped for more urgent work, what sessions reserve."""

import rich_click as click

from grange.cli.connection import Connection, with_farm

_PREEMPT = {
    "off": "a session goes on with its job as long as it has tasks",
    "after_frame": "a session ends after its running task when more urgent work waits",
    "now": "a running task is stopped, once, when more urgent work waits",
}
_RESERVE = {
    "demanded": "what the template demands",
    "memory": "the memory that earlier tasks of the layer took, if that is more",
    "all": "the memory and the processor threads that earlier tasks of the layer took",
}


@click.command(
    "scheduling", epilog="Example: grange farm scheduling --preempt now --margin 20 --reserve all"
)
@click.option(
    "--preempt",
    type=click.Choice(["off", "after-frame", "now"]),
    help="What more urgent work may do to work that runs.",
)
@click.option(
    "--margin", type=click.IntRange(1, 100), help="Points of priority that make it more urgent."
)
@click.option(
    "--reserve", type=click.Choice(list(_RESERVE)), help="What is kept for a session on a machine."
)
@with_farm
def scheduling(
    connection: Connection, preempt: str | None, margin: int | None, reserve: str | None
) -> None:
    """Show how the farm schedules where it has a choice, or set it."""
    policy = connection.rest("GET", "/scheduling")
    given = {
        "preempt": None if preempt is None else preempt.replace("-", "_"),
        "margin": margin,
        "reserve": reserve,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    if changes:
        policy = connection.rest("PUT", "/scheduling", body={**policy, **changes})
    if connection.out.as_json:
        connection.out.data(policy)
        return
    shown = str(policy["preempt"]).replace("_", "-")
    connection.out.fields(
        {
            "preempt": f"{shown}: {_PREEMPT[policy['preempt']]}",
            "margin": policy["margin"],
            "reserve": f"{policy['reserve']}: {_RESERVE[policy['reserve']]}",
        }
    )
