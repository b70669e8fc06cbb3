"""The kinds of files a statement can be had as, which this server can make, and how HTML looks."""

import importlib.util
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256

MEDIA: Mapping[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
}
"""Kind of file → media type."""
READ_IN_PLACE = frozenset({"html", "pdf"})
"""What a browser shows; the others are kept."""

STYLE = """
@page { size: A4 landscape; margin: 15mm }
body { font: 10pt/1.4 system-ui, sans-serif; color: #1a1a1a; margin: 2rem }
h1 { font-size: 16pt } h2 { font-size: 12pt; margin-top: 1.5em }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: 2px 8px; border-bottom: 1px solid #ccc }
.number { text-align: right; font-variant-numeric: tabular-nums }
tfoot td { font-weight: bold; border-top: 2px solid #1a1a1a }
"""
STYLE_POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What a browser is told of an HTML statement: nothing but this one style is let in."""


def kinds_made() -> list[str]:
    """Return the kinds of files that can be made here: PDF needs an extra."""
    return [kind for kind in MEDIA if kind != "pdf" or importlib.util.find_spec("weasyprint")]
