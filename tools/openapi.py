"""Write the shapes of what the server answers for the web application: web/src/api/schema.d.ts."""

import json
import sys
import tempfile
from pathlib import Path

from grange.server.rest.app import rest_app
from tools import web
from tools.console import say


def document() -> str:
    """Return the server's OpenAPI document."""
    return json.dumps(rest_app("0").openapi_schema.to_schema(), sort_keys=True)


def main() -> None:
    """Write the shapes, or with --check compare what is there."""
    web.prepare_node()
    web.install_packages()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "openapi.json"
        path.write_text(document(), encoding="utf-8")
        say(web.npm("run", "types", "--", str(path), *sys.argv[1:]).strip())


if __name__ == "__main__":
    main()
