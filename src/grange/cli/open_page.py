"""`grange open`: the farm's page in the browser, signed in."""

import rich_click as click

from grange.cli.browser import open_browser
from grange.cli.connection import Connection, with_farm


@click.command("open", epilog="Example: grange open")
@click.option("--print", "only_print", is_flag=True, help="Print the link and open nothing.")
@with_farm
def command(connection: Connection, only_print: bool) -> None:
    """Open the farm's page in the browser, signed in by a link that works once, for a minute."""
    url = str(connection.server_call("POST", "/login-links", body={})["url"])
    opened = not only_print and not connection.out.as_json and open_browser(url)
    if connection.out.as_json:
        connection.out.data({"url": url})
    elif opened:
        connection.out.line("Opened in your browser.")
    else:
        connection.out.line(url)
