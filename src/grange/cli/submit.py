"""`grange submit`: a command over frames, or a job bundle, becomes a job."""

import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import rich_click as click
import yaml

from grange.cli.bundle_files import bundled_folder, read_bundle
from grange.cli.connection import Connection, with_farm
from grange.cli.exits import OK
from grange.cli.formatting import NOTHING, plural
from grange.cli.frame_range import parse_frames
from grange.cli.job import wait_for
from grange.cli.jobs import find_job
from grange.cli.storage import profile_named
from grange.cli.submit_bundle import BundleRequest, bundle_plan, queue_values, unknown_parameters
from grange.cli.submit_options import (
    ChunkSize,
    NothingLeftError,
    SceneOptions,
    scene_renderer,
    submitted_scene,
)
from grange.cli.submit_plan import CommandRequest, SubmitPlan, begin_after, command_plan
from grange.domain.routing import letters
from grange.kernel.errors import ConfigurationError, InvalidRequestError

_HELP = """Submit a command over frames, or a job bundle.

With `--`, everything behind it is the command one task runs; {start}, {end} and {step} stand for
the frames of its chunk. A command with {frame} alone runs once for each frame. {frame:04} is padded
with zeros.

Without it, the argument is a scene, the folder of an OpenJD job bundle, or the name of a bundle
that comes with Grange (mitsuba_spin, povray_spheres). A scene is rendered by the renderer of its
kind (grange apps lists them) into --output; words behind `--` then go to the renderer.
"""

_EXAMPLES = """\b
Examples:
  grange submit --frames 1-240 --chunk 8 --project film -- blender -b a.blend -s {start} -e {end} -a
  grange submit --frames 1-10 -- convert in.{frame:04}.exr out.{frame:04}.jpg
  grange submit my-bundle -p Frames=1-100 --wait
  grange submit shot.blend --frames 1-240 --chunk 8 --output /srv/images --preview
"""


class _WithCommand(click.RichCommand):
    """A command that remembers whether its arguments stood behind `--`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the words behind `--` away before click sees them."""
        if "--" in args:
            cut = args.index("--")
            ctx.meta["grange.command"] = tuple(args[cut + 1 :])
            args = args[:cut]
        return super().parse_args(ctx, args)


@click.command("submit", cls=_WithCommand, help=_HELP, epilog=_EXAMPLES)
@click.argument("bundle", required=False, metavar="[BUNDLE]")
@click.option("--frames", metavar="RANGE", help="Frames, e.g. 1-240, 1-100x5 or 1,3,7-9.")
@click.option(
    "--chunk",
    type=ChunkSize(),
    default="1",
    show_default=True,
    help="Frames per task; auto fits them to 120 s of measured time, auto:300 to 300 s.",
)
@click.option("--renderer", metavar="NAME", help="Renderer of a scene; see grange apps.")
@click.option("--output", metavar="DIR", help="Folder of a scene's output; <Scene> and the like.")
@click.option("--image", metavar="NAME", help="Beginning of file names; default: the scene's name.")
@click.option("--format", "extension", metavar="EXT", help="Kind of file: exr, png, …")
@click.option("--camera", metavar="NAME", help="Camera of the scene.")
@click.option("--layer", metavar="NAME", help="Layer, pass or node of the scene.")
@click.option(
    "--preview/--no-preview",
    default=False,
    show_default=True,
    help="Render first, middle and last frame before the others.",
)
@click.option("--resume", is_flag=True, help="Leave out frames whose files are there and whole.")
@click.option("-p", "values", metavar="NAME=VALUE", multiple=True, help="A bundle's parameter.")
@click.option("--name", metavar="TEXT", help="The job's name.")
@click.option("--project", metavar="NAME", help="Project the work is booked on.")
@click.option("--shot", metavar="NAME", help="Shot the work is booked on.")
@click.option("--render-type", metavar="NAME", help="Kind of work, e.g. three_d, comp, sim.")
@click.option("--app", metavar="NAME", help="Application; else recognised from the command.")
@click.option(
    "-a",
    "more",
    metavar="NAME=VALUE",
    multiple=True,
    help="Any other attribute: group, class, sequence, …",
)
@click.option(
    "--after", metavar="JOB", multiple=True, help="Begin once this job has succeeded; repeatable."
)
@click.option("--priority", type=click.IntRange(0, 100), help="0 to 100; default 50.")
@click.option("--queue", metavar="ID", help="Queue; else GRANGE_QUEUE_ID, or the only one.")
@click.option(
    "--storage-profile", metavar="NAME", help="How this machine sees the farm's file systems."
)
@click.option("--cwd", metavar="DIR", help="Folder the command runs in; default: this one.")
@click.option("--dry-run", is_flag=True, help="Print the plan and the template; submit nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--wait", "wait", is_flag=True, help="Wait for the job; exit code 1 unless it succeeds."
)
@with_farm
@click.pass_context
def command(
    context: click.Context,
    connection: Connection,
    /,
    *,
    bundle: str | None,
    frames: str | None,
    chunk: tuple[int, int | None],
    values: Sequence[str],
    name: str | None,
    project: str | None,
    shot: str | None,
    render_type: str | None,
    app: str | None,
    more: Sequence[str],
    after: Sequence[str],
    priority: int | None,
    queue: str | None,
    storage_profile: str | None,
    cwd: str | None,
    dry_run: bool,
    yes: bool,
    wait: bool,
    **scene: Any,
) -> int:
    """See `_HELP`."""
    words: tuple[str, ...] | None = context.meta.get("grange.command")
    renderer = scene_renderer(bundle, scene["renderer"])
    if renderer is None and ((words is None) == (bundle is None)):
        raise InvalidRequestError(
            "Give a command behind --, or the folder of a job bundle; see grange submit --help."
        )
    attributes: dict[str, str | None] = {
        "submit_machine": platform.node(),
        "project": project,
        "shot": shot,
        "render_type": render_type,
        "app": app,
        **_pairs("-a", more),
    }
    given = _pairs("-p", values)
    files = None
    if renderer is None and words is None:
        files = read_bundle(bundled_folder(str(bundle)) or Path(str(bundle)))
    strangers = set(given) if files is None else unknown_parameters(files, given)
    of_queue = _parameters_of_queue(connection, queue) if strangers else {}
    if files is None and (strange := sorted(set(given) - set(of_queue))):
        raise InvalidRequestError(
            f"-p {strange[0]}: a bundle has parameters of its own; this can only set those of the"
            f" queue's environments: {', '.join(sorted(of_queue)) or 'none'}."
        )
    if renderer is not None and bundle is not None:
        asked = SceneOptions(
            frames=frames,
            chunk=chunk[0],
            chunk_seconds=chunk[1],
            arguments=words or (),
            name=name,
            attributes=attributes,
            priority=50 if priority is None else priority,
            **{key: value for key, value in scene.items() if key != "renderer"},
        )
        try:
            plan = submitted_scene(renderer, bundle, asked)
        except NothingLeftError as nothing:
            return _nothing_left(connection, str(nothing))
        override = None
    elif files is not None:
        if frames is not None:
            raise InvalidRequestError(
                "--frames goes with a command; a bundle takes frames as a parameter: -p Frames=…"
            )
        plan = bundle_plan(
            BundleRequest(
                bundle=files,
                given=given,
                of_queue=of_queue,
                here=Path.cwd(),
                attributes=attributes,
                priority=priority,
            )
        )
        override = name
    else:
        for_scenes = ("output", "image", "extension", "camera", "layer", "resume")
        if strange := [name for name in for_scenes if scene[name]]:
            option = "format" if strange[0] == "extension" else strange[0]
            raise InvalidRequestError(
                f"--{option} goes with a scene; a command says such things itself."
            )
        plan = command_plan(
            CommandRequest(
                command=words or (),
                frames=None if frames is None else parse_frames(frames),
                preview=bool(scene["preview"]),
                chunk=chunk[0],
                chunk_seconds=chunk[1],
                name=name,
                folder=str(Path(cwd or ".").absolute()),
                attributes=attributes,
                priority=50 if priority is None else priority,
            )
        )
        override = None
    if files is None:
        plan = replace(plan, parameters={**plan.parameters, **queue_values(given, of_queue)})
    plan = begin_after(plan, [find_job(connection, one) for one in after])
    named = storage_profile
    if named is None and not dry_run:
        named = connection.settings.storage_profile
    if named is not None:
        plan = replace(plan, storage_profile=profile_named(connection, named))
    return _submit(connection, plan, override, queue=queue, dry_run=dry_run, yes=yes, wait=wait)


def _nothing_left(connection: Connection, text: str) -> int:
    if connection.out.as_json:
        connection.out.data({"job_id": None, "text": text})
    else:
        connection.out.line(text)
    return OK


def _pairs(option: str, values: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for pair in values:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise InvalidRequestError(f"{option} {pair}: write {option} NAME=VALUE.")
        pairs[name] = value
    return pairs


def _submit(
    connection: Connection,
    plan: SubmitPlan,
    override: str | None,
    *,
    queue: str | None,
    dry_run: bool,
    yes: bool,
    wait: bool,
) -> int:
    out = connection.out
    body = plan.request()
    if override:
        body["nameOverride"] = override
    if dry_run:
        if out.as_json:
            out.data(body)
        else:
            _print_plan(connection, plan, override)
            out.line()
            out.line(plan.template)
        return 0
    queue_id, queue_name = _queue(connection, queue)
    if not out.as_json:
        _print_plan(connection, plan, override, queue_name)
        if not yes and sys.stdin.isatty() and sys.stdout.isatty():
            click.confirm("Submit?", default=True, abort=True)
    job_id = create_job(connection, queue_id, body)
    page = f"{connection.settings.server.rstrip('/')}/jobs/{job_id}"
    if out.as_json:
        out.data({"job_id": job_id, "page": page})
        if not wait:
            return 0
    else:
        out.line(f"{job_id}  {page}")
    return wait_for(connection, job_id) if wait else 0


def create_job(connection: Connection, queue_id: str, body: dict[str, Any]) -> str:
    """Create a job and return its id."""
    path = f"/farms/{connection.farm_id}/queues/{queue_id}/jobs"
    return str(connection.wire("POST", path, body=body)["jobId"])


def _parameters_of_queue(connection: Connection, named: str | None) -> dict[str, str]:
    """Return the parameters that a queue's environments declare: name → OpenJD type."""
    queue_id, _ = _queue(connection, named)
    path = f"/farms/{connection.farm_id}/queues/{queue_id}/environments"
    found: dict[str, str] = {}
    for row in connection.pages(path, "environments"):
        shown = connection.wire("GET", f"{path}/{row['queueEnvironmentId']}")
        document = yaml.safe_load(shown["template"])
        for one in document.get("parameterDefinitions") or ():
            found[str(one["name"])] = str(one["type"])
    return found


def _queue(connection: Connection, named: str | None) -> tuple[str, str]:
    """Return id and name of the queue: as named by id or name, by the settings, or the only one."""
    wanted = named or connection.settings.queue_id
    queues = [
        (str(queue["queueId"]), str(queue["displayName"]))
        for queue in connection.pages(f"/farms/{connection.farm_id}/queues", "queues")
    ]
    matching = [queue for queue in queues if wanted in {None, *queue}]
    if len(matching) == 1:
        return matching[0]
    known = ", ".join(f"{name} ({queue_id})" for queue_id, name in queues) or "none"
    if wanted is None or matching:
        raise ConfigurationError(f"Name the queue with --queue. The farm has: {known}.")
    raise ConfigurationError(f"The farm has no queue {wanted}. It has: {known}.")


def _print_plan(
    connection: Connection, plan: SubmitPlan, override: str | None, queue_name: str | None = None
) -> None:
    out = connection.out
    total = [layer.tasks for layer in plan.layers]
    known = sum(count for count in total if count is not None)
    summary = f"{plural(len(plan.layers), 'layer')}, {plural(known, 'task')}"
    if None in total:
        summary += " and what the template adds"
    out.line(f"{override or plan.name}: {summary}, priority {plan.priority}")
    if queue_name is not None:
        out.line(f"queue {queue_name}")
    for tag, value in plan.tags.items():
        out.line(f"{tag.removeprefix('grange:').replace('_', ' ')} {value}")
    out.table(
        ["LAYER", "TASKS", "FRAMES"],
        [[layer.name, _number(layer.tasks), _number(layer.frames)] for layer in plan.layers],
        right=frozenset({"TASKS", "FRAMES"}),
    )
    for note in (*plan.notes, *class_notes(plan.tags)):
        out.note(note)


def class_notes(tags: Mapping[str, str]) -> list[str]:
    """Return what to say of classes that route nothing, because they are no letters."""
    return [
        f"The {name} {tags[tag]!r} is no class of workers (letters A to Z, e.g. AC): every worker"
        " may take the job."
        for name in ("class", "prefer_class")
        if (tag := f"grange:{name}") in tags and not letters(tags[tag])
    ]


def _number(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"
