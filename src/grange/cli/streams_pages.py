"""`grange streams pages` and `grange streams publish`: static pages, and who may see them."""

from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import rich_click as click

from grange.cli.connection import Connection, with_farm
from grange.config.streams import load_streams
from grange.kernel.errors import CorruptDataError


@click.command("pages", epilog="Example: grange streams pages -o /var/www/streams")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Copy the pages into this folder too: only files that differ.",
)
@click.option("--workers", type=click.IntRange(1, 64), help="Pictures drawn at the same time.")
@click.option("--dry-run", is_flag=True, help="Only say what would be drawn.")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="streams.toml, for groups; else where it is looked for.",
)
@with_farm
def pages(
    connection: Connection,
    *,
    output: Path | None,
    workers: int | None,
    dry_run: bool,
    config: Path | None,
) -> None:
    """Bring the static pages of graphs up to date: 7 days, 5 weeks, 3 months and 3 years.

    Only pictures whose data changed are drawn; periods that were missed are caught up. The server
    keeps the pages and shows them under /published/; --output copies them for another web server.
    """
    section = load_streams(config).graphs
    body = {
        "groups": [
            {
                "name": group.name,
                "streams": list(group.streams),
                "kind": group.kind,
                "machines": list(section.machines(group.machines)),
                "products": list(group.products),
            }
            for group in section.groups
        ],
        "workers": workers or section.workers,
        "latency_limit_seconds": section.latency_limit_seconds,
        "dry_run": dry_run,
    }
    done = connection.rest("POST", "/streams/pages", body=body, timeout_seconds=600)
    while done["left"]:
        more = connection.rest("POST", "/streams/pages", body=body, timeout_seconds=600)
        done = {**more, "drawn": done["drawn"] + more["drawn"], "kept": done["kept"]}
    copied = [] if output is None or dry_run else _copy(connection, output)
    if connection.out.as_json:
        connection.out.data({**done, "copied": copied})
        return
    would = "would be " if dry_run else ""
    connection.out.line(
        f"{len(done['drawn'])} pictures {would}drawn, {done['kept']} unchanged,"
        f" {len(done['removed'])} {would}removed."
    )
    if dry_run:
        for path in [*done["drawn"], *(f"- {path}" for path in done["removed"])]:
            connection.out.line(path)
    if output is not None and not dry_run:
        connection.out.line(f"Copied {len(copied)} files to {output}.")


def _copy(connection: Connection, output: Path) -> list[str]:
    """Bring a folder to the server's files; other files in it stay."""
    copied = []
    for file in connection.rest("GET", "/streams/pages")["files"]:
        path = output.joinpath(*file["name"].split("/"))
        if not path.resolve().is_relative_to(output.resolve()):
            raise CorruptDataError(file["name"], "is no name of a file of a site")
        if path.is_file() and sha256(path.read_bytes()).hexdigest() == file["sha256"]:
            continue
        content = connection.rest_bytes(f"/streams/pages/{quote(file['name'])}")
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.parent / f".{sha256(path.name.encode()).hexdigest()[:16]}.partial"
        partial.write_bytes(content)
        partial.replace(path)
        copied.append(file["name"])
    return copied


@click.group("publish")
def publish() -> None:
    """Show graphs and pages to others, under an address that can be revoked."""


@publish.command("add", epilog="Example: grange streams publish add 'wall screen'")
@click.argument("name")
@click.option(
    "--stream",
    "streams",
    multiple=True,
    metavar="NAME",
    help="Only streams of this name or pattern; may be repeated. Else all, and the pages.",
)
@click.option(
    "--series",
    "series",
    multiple=True,
    metavar="NAME",
    help="Only series of logged values of this name or pattern; may be repeated.",
)
@with_farm
def add(
    connection: Connection, *, name: str, streams: tuple[str, ...], series: tuple[str, ...]
) -> None:
    """Make an address. It is told once: only its digest is kept."""
    chosen = [*streams, *(f"series:{one}" for one in series)]
    body = {"name": name, "streams": chosen}
    made = connection.rest("POST", "/streams/publications", body=body)
    if connection.out.as_json:
        connection.out.data(made)
        return
    connection.out.line(f"Published as {made['publication_id']}:")
    of_streams = ("latest/tx_NAME.png", "graph.png?streams=NAME&hours=24")
    of_series = ("latest/series_NAME.png", "graph.png?series=NAME&hours=24")
    for line in (
        "" if not chosen else "request",
        *(of_streams if streams or not series else ()),
        *(of_series if series or not streams else ()),
    ):
        connection.out.line(f"  {made['url']}{line}")


@publish.command("ls", epilog="Example: grange streams publish ls")
@with_farm
def ls(connection: Connection) -> None:
    """List publications."""
    found = connection.rest("GET", "/streams/publications")["publications"]
    if connection.out.as_json:
        connection.out.data(found)
        return
    connection.out.table(
        ["publication", "name", "streams", "by", "revoked"],
        [
            [
                one["publication_id"],
                one["name"],
                ", ".join(one["streams"]) or "all",
                one["created_by"],
                f"by {one['revoked_by']}" if one["revoked_at"] is not None else "",
            ]
            for one in found
        ],
    )


@publish.command("revoke", epilog="Example: grange streams publish revoke publication-0123…")
@click.argument("publication")
@with_farm
def revoke(connection: Connection, *, publication: str) -> None:
    """Let an address show nothing any more."""
    connection.rest("DELETE", f"/streams/publications/{quote(publication, safe='')}")
    if connection.out.as_json:
        connection.out.data({"publication_id": publication})
    else:
        connection.out.line(f"{publication} shows nothing any more.")
