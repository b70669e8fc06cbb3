"""Pages that need no JavaScript: sign in, and the farm's status on a wall.

They are written here, whole; everything that is not ours goes through `escape`.
"""

from html import escape

from grange.server.web import SECURITY_HEADERS
from grange.wire.encode import Reply

STYLE_PATH = "/plain.css"
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
HEADERS: tuple[tuple[str, str], ...] = (
    ("content-security-policy", _POLICY),
    *(
        (name, value)
        for name, value in SECURITY_HEADERS
        if name not in {"content-security-policy", "referrer-policy"}
    ),
    # Without a referrer browsers hide where a form was sent from, which is checked.
    ("referrer-policy", "same-origin"),
)
"""No script at all may run on these pages."""

STYLE = """\
:root { color-scheme: light dark; --page: #f4f4f0; --surface: #fff; --line: #dedfd8;
  --text: #1b1d19; --quiet: #565b52; --accent: #0b6e69; --on-accent: #fff; --failed: #bf3b0c;
  --active: #2160c4; --held: #8f6200; --focus: #1f5fd0; }
@media (prefers-color-scheme: dark) { :root { --page: #111310; --surface: #191c18;
  --line: #2c312a; --text: #e7eae3; --quiet: #a4ab9f; --accent: #4cc9bd; --on-accent: #06201d;
  --failed: #ff8757; --active: #7aaeff; --held: #e3ad3c; --focus: #8ab4ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.5 'Inter Variable', system-ui, sans-serif; }
main { max-width: 1600px; margin: 0 auto; padding: 24px 16px; }
main.narrow { max-width: 26rem; padding-top: 10vh; }
h1 { font-size: 1.6rem; margin: 0 0 4px; line-height: 1.2; }
h2 { font-size: 1.05rem; margin: 24px 0 8px; }
p { margin: 0 0 12px; }
a { color: var(--accent); }
.quiet { color: var(--quiet); }
.below { margin-top: 24px; }
.box { background: var(--surface); border: 1px solid var(--line); border-radius: 8px;
  padding: 16px; }
label { display: block; font-weight: 600; margin-top: 12px; }
input { width: 100%; font: inherit; color: inherit; background: var(--page); padding: 8px 10px;
  border: 1px solid var(--quiet); border-radius: 4px; margin-top: 4px; }
button { font: inherit; font-weight: 600; margin-top: 16px; padding: 9px 16px; border: 0;
  border-radius: 4px; background: var(--accent); color: var(--on-accent); cursor: pointer; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
.error { color: var(--failed); font-weight: 600; }
code { font-family: ui-monospace, 'DejaVu Sans Mono', Menlo, monospace; font-size: .9em; }
ul.figures { list-style: none; display: flex; flex-wrap: wrap; gap: 12px; margin: 0; padding: 0; }
ul.figures li { background: var(--surface); border: 1px solid var(--line); border-radius: 8px;
  padding: 10px 16px; min-width: 8.5rem; }
ul.figures b { display: block; font-size: 2.6rem; line-height: 1.1; font-weight: 650;
  font-variant-numeric: tabular-nums; }
.active b { color: var(--active); } .failed b { color: var(--failed); }
.held b { color: var(--held); }
table { width: 100%; border-collapse: collapse; background: var(--surface);
  border: 1px solid var(--line); border-radius: 8px; }
th, td { text-align: left; padding: 6px 12px; border-top: 1px solid var(--line);
  overflow-wrap: anywhere; vertical-align: top; }
thead th { border-top: 0; color: var(--quiet); font-weight: 600; font-size: .85rem; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
progress { width: 100%; min-width: 4rem; height: .8rem; accent-color: var(--accent); }
.simulated { border: 2px dashed var(--held); padding: 8px 12px; border-radius: 8px; }
@media (max-width: 600px) { ul.figures b { font-size: 1.9rem; }
  ul.figures li { min-width: calc(50% - 6px); flex: 1; } .wide { display: none; } }
"""


def page(
    title: str,
    body: str,
    *,
    status: int = 200,
    refresh_seconds: int = 0,
    narrow: bool = False,
    more: tuple[tuple[str, str], ...] = (),
) -> Reply:
    """Return a whole page.

    Args:
        title: what the window is called; any text.
        body: HTML, whatever is in it escaped.
        status: the HTTP status.
        refresh_seconds: when the browser loads it again by itself; 0: never.
        narrow: one column, for a form.
        more: further headers.
    """
    column = ' class="narrow"' if narrow else ""
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        f'<link rel="icon" href="/icon.svg"><link rel="stylesheet" href="{STYLE_PATH}"></head>'
        f"<body><main{column}>{body}</main></body></html>"
    )
    headers = (
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        *((("refresh", str(refresh_seconds)),) if refresh_seconds else ()),
        *more,
        *HEADERS,
    )
    return Reply(status=status, headers=headers, body=text.encode())


def style() -> Reply:
    """Return the style sheet of these pages."""
    headers = (
        ("content-type", "text/css; charset=utf-8"),
        ("cache-control", "no-cache"),
        *HEADERS,
    )
    return Reply(status=200, headers=headers, body=STYLE.encode())


def see_other(place: str, *more: tuple[str, str]) -> Reply:
    """Send the browser to another page."""
    headers = (("location", place), ("cache-control", "no-store"), *more, *HEADERS)
    return Reply(status=303, headers=headers, body=b"")
