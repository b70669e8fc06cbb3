"""Static pages of graphs: plain HTML and one style sheet, light and dark, no script."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from grange.plots import palette
from grange.plots.palette import Colour
from grange.plots.site_words import SITE_WORDS, SiteWords
from grange.plots.stream_words import Language

SITE_VERSION = 2
"""Raised when the same columns give other pages."""
REACHES = ("daily", "weekly", "monthly", "yearly")
_WIDE, _HIGH = 120, 34


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One measure of one stream in one period: a small picture that leads to the large one."""

    href: str | None
    """The large picture; None: there is none, because there is no data."""
    values: Sequence[float | None] = ()
    """Evenly spaced over the period; None is a gap."""
    main: str = ""
    """The figure people look for."""
    more: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measure of one stream over all periods of a page."""

    title: str
    top: float
    """The value at the upper edge of every small picture of the row."""
    cells: Sequence[Cell]
    bottom: float = 0.0
    """The value at the lower edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One stream or group."""

    folder: str
    """What its pictures' folder is called; its place on the page too."""
    name: str
    kind: str
    about: Sequence[tuple[str, str]] = ()
    """Words and what they say: machines, members, products."""
    rows: Sequence[Row] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePage:
    """One page in one language."""

    reach: str
    language: Language
    farm: str
    columns: Sequence[tuple[str, str]]
    """What each period is called, in two lines."""
    sections: Sequence[Section]
    drawn: str
    """When it was drawn, in words."""
    ask: str | None = None
    """Address of the page that asks for graphs, if the pages are served by the farm."""


def page_name(reach: str, language: Language) -> str:
    """Return the file of a page: dailyGraphs.html, dailyGraphs.fr.html."""
    return f"{reach}Graphs{'' if language is Language.ENGLISH else f'.{language}'}.html"


def index_name(language: Language) -> str:
    """Return the file of the first page."""
    return "index.html" if language is Language.ENGLISH else f"index.{language}.html"


def dark_name(picture: str) -> str:
    """Return the file of the same picture for dark pages."""
    stem, _, kind = picture.rpartition(".")
    return f"{stem}.dark.{kind}"


def page_html(page: SitePage) -> bytes:
    """Return a page of one reach."""
    words = SITE_WORDS[page.language]
    parts = [_head(page, words, f"{words.title}: {words.reaches[page.reach]}")]
    if page.sections:
        parts.append(
            f"<p class=quiet>{escape(words.reach_notes[page.reach])} {escape(words.how)}</p>"
        )
        parts.append(_contents(page, words))
        parts += [_section(page, section, words) for section in page.sections]
    else:
        parts.append(f"<p>{escape(words.nothing)}</p>")
    parts.append("</main></body></html>\n")
    return "\n".join(parts).encode()


def index_html(page: SitePage, pictures: Sequence[tuple[Section, str, str]]) -> bytes:
    """Return the first page: every stream's last day, and the ways to the other pages.

    Args:
        page: language, farm and when it was drawn.
        pictures: sections with the picture of their last day and what it shows.
    """
    words = SITE_WORDS[page.language]
    parts = [_head(page, words, words.title)]
    if not pictures:
        parts.append(f"<p>{escape(words.nothing)}</p>")
    else:
        parts.append(f"<p class=quiet>{escape(words.latest)}.</p><ul class=cards>")
        for section, picture, about in pictures:
            target = f"{page_name('daily', page.language)}#{section.folder}"
            parts.append(
                f"<li><a href={_attribute(target)}>"
                f"<h2>{escape(section.name)} <small>{escape(_kind(section, words))}</small></h2>"
                f"<picture><source media='(prefers-color-scheme: dark)'"
                f" srcset={_attribute(quote(dark_name(picture)))}>"
                f"<img src={_attribute(quote(picture))} alt={_attribute(about)} loading=lazy"
                " width=480 height=190></picture></a></li>"
            )
        parts.append("</ul>")
    parts.append("</main></body></html>\n")
    return "\n".join(parts).encode()


def style_css() -> bytes:
    """Return the style sheet of all pages."""
    colours = "\n".join(
        f"  --{name}: light-dark({colour.light}, {colour.dark});" for name, colour in _COLOURS
    )
    return _STYLE.replace("/* colours */", colours).encode()


def small_picture(
    values: Sequence[float | None], top: float, label: str, bottom: float = 0.0
) -> str:
    """Return the SVG of a small picture, in the page's own colours.

    Args:
        values: evenly spaced; None is a gap.
        top: the value at the upper edge.
        label: what it shows, in words.
        bottom: the value at the lower edge.
    """
    count = max(len(values), 1)
    across = _WIDE / count
    lines, areas, run = [], [], list[tuple[float, float]]()
    for at, value in enumerate([*values, None]):
        if value is not None:
            share = min(max((value - bottom) / (top - bottom), 0.0), 1.0) if top > bottom else 0.0
            y = _HIGH - 1 - share * (_HIGH - 3)
            if not run:
                run.append((at * across, y))
            run += [((at + 0.5) * across, y)]
            continue
        if run:
            run.append((at * across, run[-1][1]))
            path = "L".join(f"{x:.0f} {y:.1f}" for x, y in run)
            lines.append(f"M{path}")
            areas.append(f"M{path}L{run[-1][0]:.0f} {_HIGH}L{run[0][0]:.0f} {_HIGH}Z")
            run = []
    return (
        f"<svg viewBox='0 0 {_WIDE} {_HIGH}' preserveAspectRatio=none role=img"
        f" aria-label={_attribute(label)}>"
        f"<path class=a d='{''.join(areas)}'/><path class=l d='{''.join(lines)}'/></svg>"
    )


def _head(page: SitePage, words: SiteWords, title: str) -> str:
    other = Language.FRENCH if page.language is Language.ENGLISH else Language.ENGLISH
    is_index = page.reach == "index"
    swapped = index_name(other) if is_index else page_name(page.reach, other)
    links = [(index_name(page.language), words.latest, is_index)]
    links += [
        (page_name(reach, page.language), words.reaches[reach], reach == page.reach)
        for reach in REACHES
    ]
    if page.ask is not None:
        links.append((page.ask, words.ask, False))
    nav = "".join(
        f"<a href={_attribute(target)}{' aria-current=page' if here else ''}>{escape(name)}</a>"
        for target, name, here in links
    )
    return (
        f"<!doctype html><html lang={page.language}><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)} · {escape(page.farm)}</title>"
        "<link rel=stylesheet href=style.css></head><body>"
        f"<header><p class=farm>{escape(page.farm)}</p><h1>{escape(title)}</h1>"
        f"<nav>{nav}<a class=language lang={other} hreflang={other} href={_attribute(swapped)}>"
        f"{escape(words.other_language)}</a></nav>"
        f"<p class=quiet>{escape(words.drawn)} {escape(page.drawn)}</p></header><main>"
    )


def _contents(page: SitePage, words: SiteWords) -> str:
    if len(page.sections) < 3:
        return ""
    links = " ".join(
        f"<a href={_attribute('#' + quote(section.folder))}>{escape(section.name)}"
        f" <small>{escape(_kind(section, words))}</small></a>"
        for section in page.sections
    )
    return f"<nav class=contents aria-label={_attribute(words.streams)}>{links}</nav>"


def _section(page: SitePage, section: Section, words: SiteWords) -> str:
    about = " · ".join(f"{escape(name)}: {escape(value)}" for name, value in section.about)
    heads = "".join(
        f"<th scope=col>{escape(first)}<small>{escape(second)}</small></th>"
        for first, second in page.columns
    )
    rows = "".join(_row(page, section, row, words) for row in section.rows)
    return (
        f"<section id={_attribute(section.folder)}><h2>{escape(section.name)}"
        f" <small>{escape(_kind(section, words))}</small></h2>"
        f"<p class=quiet>{about}</p><div class=wide><table class={_attribute(page.reach)}>"
        f"<thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table></div></section>"
    )


def _row(page: SitePage, section: Section, row: Row, words: SiteWords) -> str:
    cells = []
    for (first, second), cell in zip(page.columns, row.cells, strict=True):
        if cell.href is None:
            cells.append(f"<td class=none>{escape(words.no_data)}</td>")
            continue
        told = ", ".join(words for words in (cell.main, cell.more) if words)
        label = f"{section.name}, {row.title}, {first} {second}: {told}"
        cells.append(
            f"<td><a href={_attribute(quote(cell.href))}>"
            f"{small_picture(cell.values, row.top, label, row.bottom)}"
            f"<b>{escape(cell.main)}</b> <span>{escape(cell.more)}</span></a></td>"
        )
    return f"<tr><th scope=row>{escape(row.title)}</th>{''.join(cells)}</tr>"


def _kind(section: Section, words: SiteWords) -> str:
    return words.kinds.get(section.kind, section.kind)


def _attribute(text: str) -> str:
    return f'"{escape(text)}"'


_COLOURS: tuple[tuple[str, Colour], ...] = (
    ("page", Colour(light="#f4f4f0", dark="#111310")),
    ("surface", palette.PAGE),
    ("edge", palette.LINE),
    ("strong", palette.LINE_STRONG),
    ("text", palette.TEXT),
    ("quiet", palette.TEXT_QUIET),
    ("drawn", palette.LINES[0]),
    ("accent", palette.DONE),
)
_STYLE = """\
:root {
  color-scheme: light dark;
/* colours */
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 20px 24px 48px; max-width: 1240px;
  background: var(--page); color: var(--text);
  font: 14px/1.45 system-ui, 'DejaVu Sans', sans-serif;
}
a { color: inherit; }
a:focus-visible, input:focus-visible, select:focus-visible, button:focus-visible {
  outline: 2px solid var(--drawn); outline-offset: 1px;
}
h1 { font-size: 22px; margin: 0 0 10px; }
h2 { font-size: 16px; margin: 0; overflow-wrap: anywhere; }
small { color: var(--quiet); font-weight: normal; font-size: 12px; }
p { margin: 4px 0; }
.farm, .quiet { color: var(--quiet); font-size: 13px; }
header nav { display: flex; flex-wrap: wrap; gap: 6px; margin-bottom: 8px; }
header nav a {
  padding: 5px 12px; border: 1px solid var(--edge); border-radius: 6px;
  background: var(--surface); text-decoration: none;
}
header nav a[aria-current] { border-color: var(--accent); box-shadow: inset 0 -2px var(--accent); }
header nav a.language { margin-left: auto; }
nav.contents {
  display: flex; flex-wrap: wrap; gap: 4px 16px; padding: 10px 0; font-size: 13px;
}
section, form, figure {
  background: var(--surface); border: 1px solid var(--edge); border-radius: 8px;
  padding: 14px 16px; margin: 14px 0;
}
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin-top: 8px; width: 100%; table-layout: fixed; }
th, td { text-align: left; vertical-align: top; padding: 5px 8px 6px 0; font-weight: normal; }
thead th { font-size: 13px; }
thead th small { display: block; }
th[scope=row], thead td { width: 104px; color: var(--quiet); font-size: 13px; }
thead th { min-width: 118px; }
tbody tr { border-top: 1px solid var(--edge); }
td a { display: block; text-decoration: none; font-size: 12px; }
td a span { display: block; color: var(--quiet); white-space: nowrap; }
td a b { font-weight: 600; white-space: nowrap; }
td a:hover b { text-decoration: underline; }
td.none { color: var(--quiet); font-size: 12px; }
table.daily { min-width: 980px; }
svg { display: block; width: 100%; max-width: 300px; height: 34px;
  border-bottom: 1px solid var(--edge); }
td svg { max-width: none; }
svg .l { fill: none; stroke: var(--drawn); stroke-width: 1.3; vector-effect: non-scaling-stroke; }
svg .a { fill: var(--drawn); opacity: 0.18; }
ul.cards {
  list-style: none; padding: 0; margin: 12px 0; display: grid; gap: 14px;
  grid-template-columns: repeat(auto-fill, minmax(min(360px, 100%), 1fr));
}
ul.cards a {
  display: block; background: var(--surface); border: 1px solid var(--edge); border-radius: 8px;
  padding: 12px 14px; text-decoration: none;
}
img { display: block; max-width: 100%; height: auto; margin-top: 8px; border-radius: 4px; }
form {
  display: grid; gap: 12px 20px; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr));
}
form .all { grid-column: 1 / -1; }
label, fieldset { display: block; font-size: 13px; color: var(--quiet); }
fieldset { border: 0; padding: 0; margin: 0; }
fieldset label { display: inline-block; margin-right: 14px; color: var(--text); }
legend { padding: 0; }
input[type=text], input[type=datetime-local], select {
  display: block; width: 100%; margin-top: 3px; padding: 6px 8px; font: inherit;
  color: var(--text); background: var(--page); border: 1px solid var(--strong); border-radius: 5px;
}
button {
  font: inherit; padding: 7px 20px; border: 0; border-radius: 6px;
  background: var(--accent); color: var(--surface); cursor: pointer;
}
.error { color: light-dark(#bf3b0c, #ff8757); }
"""
