"""The page that asks for a graph: a plain form, and under it what was asked for."""

from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import urlencode

from grange.plots.site import index_name
from grange.plots.site_words import SITE_WORDS, SiteWords
from grange.plots.stream_words import Language

KINDS = ("rx", "tx", "other")
FORMATS = ("png", "svg", "csv")
_KEPT = (
    *("streams", "kind", "machines", "products", "measures", "series", "sources"),
    *("hours", "end", "combine", "scale", "theme", "language"),
)


def request_html(
    *,
    language: Language,
    farm: str,
    asked: Mapping[str, Sequence[str]],
    streams: Sequence[tuple[str, str]],
    machines: Sequence[str],
    measures: Sequence[str],
    series: Sequence[str],
    error: str = "",
) -> bytes:
    """Return the page.

    Args:
        language: of the page and its graphs.
        farm: what the farm is called.
        asked: what was filled in, by field; empty: nothing yet.
        streams: kind and name of those there are.
        machines: those there are.
        measures: keys of those there are.
        series: names of the series of logged values there are.
        error: why there is no graph, if there is none.
    """
    words = SITE_WORDS[language]
    known = {"streams": [name for _, name in streams], "machines": machines, "series": series}
    other = Language.FRENCH if language is Language.ENGLISH else Language.ENGLISH
    values = {name: ",".join(asked.get(name, ())) for name in _KEPT}
    swapped = _query({**values, "language": other}, shown=bool(asked.get("show")))
    parts = [
        f"<!doctype html><html lang={language}><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width, initial-scale=1'>"
        f"<title>{escape(words.ask_title)} · {escape(farm)}</title>"
        "<link rel=stylesheet href=style.css></head><body>"
        f"<header><p class=farm>{escape(farm)}</p><h1>{escape(words.ask_title)}</h1><nav>"
        f"<a href={_attribute(index_name(language))}>{escape(words.title)}</a>"
        f"<a class=language lang={other} hreflang={other} href={_attribute(f'request?{swapped}')}>"
        f"{escape(words.other_language)}</a></nav>"
        f"<p class=quiet>{escape(words.ask_note)}</p></header><main>",
        _form(language, values, known=known, measures=measures),
    ]
    if error:
        parts.append(f"<p class=error role=alert>{escape(error)}</p>")
    elif asked.get("show"):
        query = _query({**values, "language": language})
        links = " · ".join(
            f"<a href={_attribute(f'graph.{kind}?{query}')} download>{kind.upper()}</a>"
            for kind in FORMATS
        )
        parts.append(
            f"<figure><img src={_attribute(f'graph.png?{query}')}"
            f" alt={_attribute(_about(values, words))}>"
            f"<figcaption>{escape(words.download)}: {links}</figcaption></figure>"
        )
    parts.append("</main></body></html>\n")
    return "\n".join(parts).encode()


def _form(
    language: Language,
    values: Mapping[str, str],
    *,
    known: Mapping[str, Sequence[str]],
    measures: Sequence[str],
) -> str:
    words = SITE_WORDS[language]
    chosen = values["measures"].split(",") if values["measures"] else []
    boxes = "".join(
        f"<label><input type=checkbox name=measures value={key}"
        f"{' checked' if key in chosen else ''}> {escape(words.row_titles[key])}</label>"
        for key in measures
    )
    ticked = " checked" if values["combine"] else ""

    def texts(*names: str) -> str:
        return "".join(_text(name, words, values, known.get(name, ())) for name in names)

    return (
        "<form action=request method=get>"
        f"<input type=hidden name=language value={language}>"
        f"<input type=hidden name=show value=1>"
        f"{texts('streams', 'machines', 'products')}"
        f"{_select('kind', words, values, {'': words.all, **_kinds(words)})}"
        f"{texts('series', 'sources')}"
        f"{_select('hours', words, values, words.spans, default='24')}"
        f"<label>{escape(words.fields['end'])} <small>{escape(words.hints['end'])}</small>"
        f"<input type=datetime-local name=end value={_attribute(values['end'])}></label>"
        f"{_select('scale', words, values, words.scales)}"
        f"{_select('theme', words, values, words.themes)}"
        f"<fieldset class=all><legend>{escape(words.fields['measures'])}</legend>{boxes}</fieldset>"
        f"<fieldset class=all><label><input type=checkbox name=combine value=1{ticked}>"
        f" {escape(words.fields['combine'])}</label></fieldset>"
        f"<p class=all><button>{escape(words.show)}</button></p></form>"
    )


def _kinds(words: SiteWords) -> dict[str, str]:
    return {kind: f"{kind} ({words.kinds[kind]})" for kind in KINDS}


def _text(name: str, words: SiteWords, values: Mapping[str, str], known: Sequence[str]) -> str:
    options = "".join(f"<option value={_attribute(one)}>" for one in sorted(set(known))[:500])
    listed = f"<datalist id=known-{name}>{options}</datalist>" if options else ""
    link = f" list=known-{name}" if options else ""
    return (
        f"<label>{escape(words.fields[name])} <small>{escape(words.hints[name])}</small>"
        f"<input type=text name={name} value={_attribute(values[name])}{link}>{listed}</label>"
    )


def _select(
    name: str,
    words: SiteWords,
    values: Mapping[str, str],
    options: Mapping[str, str],
    default: str = "",
) -> str:
    now = values[name] or default
    told = "".join(
        f"<option value={_attribute(key)}{' selected' if key == now else ''}>{escape(text)}"
        "</option>"
        for key, text in options.items()
    )
    return f"<label>{escape(words.fields[name])}<select name={name}>{told}</select></label>"


def _about(values: Mapping[str, str], words: SiteWords) -> str:
    subject = values["series"] or values["streams"] or words.all
    told = [subject, values["sources"], values["machines"], values["products"]]
    return ", ".join(one for one in told if one)


def _query(values: Mapping[str, str], *, shown: bool = False) -> str:
    kept = {name: value for name, value in values.items() if value}
    return urlencode({**kept, "show": "1"} if shown else kept)


def _attribute(text: str) -> str:
    return f'"{escape(text)}"'
