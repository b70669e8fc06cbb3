"""The script that a studio runs in Royal Render's own console (S0-60)."""

from importlib.resources import files

_SCRIPT = "console_export.py"


def exporter_script() -> str:
    """Return the script; it needs nothing but Royal Render's documented classes and Python 3."""
    return files("grange.rrdata").joinpath(_SCRIPT).read_text(encoding="utf-8")
