"""Where an exported folder lies, when nobody says."""

import os
from collections.abc import Mapping
from pathlib import Path


def rr_root(environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the folder that RR_ROOT names; None if it is not set."""
    named = (os.environ if environ is None else environ).get("RR_ROOT")
    return Path(named) if named else None
