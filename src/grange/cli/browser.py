"""Opening a page where there is a desktop to open it on."""

import sys
import webbrowser

from grange.config.client import has_desktop


def open_browser(url: str) -> bool:
    """Open a page in the user's browser; return False where there is no desktop or no browser."""
    if sys.platform == "linux" and not has_desktop():
        return False
    try:
        return webbrowser.open(url)
    except webbrowser.Error:
        return False
