"""`grange server`: run the farm's server in this terminal."""

from pathlib import Path

import rich_click as click

from grange.cli.connection import with_output
from grange.cli.exits import require_extra
from grange.cli.output import Output
from grange.config.load import load
from grange.config.settings import ServerSettings
from grange.wiring.parent import end_with


@click.command("server", epilog="Example: grange server --data /srv/grange --port 8765")
@click.option("--data", "data_dir", type=click.Path(path_type=Path), help="The data folder.")
@click.option("--host", metavar="ADDRESS", help="Address to listen on; default 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; default 8765, or the next free.")
@click.option(
    "--state-url", metavar="URL", help="postgresql://…; default: SQLite in the data folder."
)
@click.option("--parent", type=int, hidden=True, help="End when this process, the parent, does.")
@with_output
def command(
    out: Output,
    *,
    data_dir: Path | None,
    host: str | None,
    port: int | None,
    state_url: str | None,
    parent: int | None,
) -> int:
    """Run the farm's server until Ctrl-C.

    Settings come from the command line, GRANGE_SERVER_… variables and grange.toml, in this order.
    """
    loaded = load(
        ServerSettings,
        command_line={"data_dir": data_dir, "host": host, "port": port, "state_url": state_url},
    )
    require_extra("server")
    from grange.wiring.server import run_server  # noqa: PLC0415 - not in the base install

    end_with(parent)
    return run_server(loaded)
