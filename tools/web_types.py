"""Check the web application: its types, that they are the server's, its format."""

import sys

from tools import web
from tools.console import DevError, say


def main() -> None:
    """Check it and print what the checks printed."""
    try:
        say(web.check().strip())
    except DevError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
