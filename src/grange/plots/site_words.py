"""The words of static pages and of the page that asks for a graph, in English and French."""

from collections.abc import Mapping
from dataclasses import dataclass

from grange.plots.stream_words import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteWords:
    """What is written on pages, in one language."""

    title: str
    reaches: Mapping[str, str]
    reach_notes: Mapping[str, str]
    other_language: str
    drawn: str
    until: str
    streams: str
    machines: str
    members: str
    products: str
    kinds: Mapping[str, str]
    no_data: str
    mean: str
    lowest: str
    highest: str
    total: str
    nothing: str
    latest: str
    how: str
    ask: str
    ask_title: str
    ask_note: str
    fields: Mapping[str, str]
    hints: Mapping[str, str]
    spans: Mapping[str, str]
    scales: Mapping[str, str]
    themes: Mapping[str, str]
    all: str
    show: str
    download: str
    row_titles: Mapping[str, str]


SITE_WORDS: Mapping[Language, SiteWords] = {
    Language.ENGLISH: SiteWords(
        title="Streams",
        reaches={
            "daily": "Days",
            "weekly": "Weeks",
            "monthly": "Months",
            "yearly": "Years",
        },
        reach_notes={
            "daily": "The last 7 days.",
            "weekly": "The last 5 weeks.",
            "monthly": "The last 3 months.",
            "yearly": "The last 3 years.",
        },
        other_language="Français",
        drawn="Drawn",
        until="data until",
        streams="Streams",
        machines="Machines",
        members="Members",
        products="Products",
        kinds={
            "rx": "source",
            "tx": "client",
            "other": "log",
            "group": "group",
            "series": "logged values",
        },
        no_data="no data",
        mean="mean",
        lowest="min",
        highest="max",
        total="total",
        nothing="No stream has data yet.",
        latest="The last 24 hours",
        how=(
            "Each small picture has the scale of its row. Click one for the whole graph. A gap"
            " means that nothing is known."
        ),
        ask="Ask for a graph",
        ask_title="Ask for a graph",
        ask_note="Fill in what matters; what is left empty is all of it.",
        fields={
            "streams": "Streams",
            "kind": "Type",
            "machines": "Machines",
            "products": "Products",
            "measures": "Measures",
            "series": "Logged values",
            "sources": "Sources of logged values",
            "hours": "Span",
            "end": "Until",
            "combine": "Add up: one line for all streams, or for each series",
            "scale": "Scale",
            "theme": "Colours",
        },
        hints={
            "streams": "names or patterns, with commas: feed-*",
            "machines": "names or patterns, with commas",
            "products": "patterns, with commas: *SA*",
            "series": "instead of streams; names or patterns, with commas",
            "sources": "labels, with commas",
            "end": "empty: now",
        },
        spans={
            "12": "12 hours",
            "24": "24 hours",
            "168": "7 days",
            "840": "5 weeks",
            "2208": "3 months",
            "8784": "1 year",
            "87672": "10 years",
        },
        scales={"auto": "as it fits", "linear": "linear", "log": "logarithmic"},
        themes={"light": "light", "dark": "dark"},
        all="all",
        show="Show",
        download="Download",
        row_titles={
            "latency": "Latency",
            "bytes": "Bytes",
            "files": "Files",
            "errors": "Errors",
            "late": "Files over the limit",
        },
    ),
    Language.FRENCH: SiteWords(
        title="Flux",
        reaches={
            "daily": "Jours",
            "weekly": "Semaines",
            "monthly": "Mois",
            "yearly": "Années",
        },
        reach_notes={
            "daily": "Les 7 derniers jours.",
            "weekly": "Les 5 dernières semaines.",
            "monthly": "Les 3 derniers mois.",
            "yearly": "Les 3 dernières années.",
        },
        other_language="English",
        drawn="Dessiné le",
        until="données jusqu'à",
        streams="Flux",
        machines="Machines",
        members="Membres",
        products="Produits",
        kinds={
            "rx": "source",
            "tx": "client",
            "other": "journal",
            "group": "groupe",
            "series": "valeurs enregistrées",
        },
        no_data="pas de données",
        mean="moyenne",
        lowest="min",
        highest="max",
        total="total",
        nothing="Aucun flux n'a encore de données.",
        latest="Les dernières 24 heures",
        how=(
            "Chaque petite image a l'échelle de sa ligne. Cliquez pour voir le graphique entier."
            " Un trou veut dire que rien n'est connu."
        ),
        ask="Demander un graphique",
        ask_title="Demander un graphique",
        ask_note="Remplissez ce qui compte ; ce qui reste vide veut dire tout.",
        fields={
            "streams": "Flux",
            "kind": "Type",
            "machines": "Machines",
            "products": "Produits",
            "measures": "Mesures",
            "series": "Valeurs enregistrées",
            "sources": "Sources des valeurs enregistrées",
            "hours": "Période",
            "end": "Jusqu'à",
            "combine": "Additionner : une ligne pour tous les flux, ou par série",
            "scale": "Échelle",
            "theme": "Couleurs",
        },
        hints={
            "streams": "noms ou motifs, avec des virgules : feed-*",
            "machines": "noms ou motifs, avec des virgules",
            "products": "motifs, avec des virgules : *SA*",
            "series": "au lieu de flux ; noms ou motifs, avec des virgules",
            "sources": "étiquettes, avec des virgules",
            "end": "vide : maintenant",
        },
        spans={
            "12": "12 heures",
            "24": "24 heures",
            "168": "7 jours",
            "840": "5 semaines",
            "2208": "3 mois",
            "8784": "1 an",
            "87672": "10 ans",
        },
        scales={"auto": "au mieux", "linear": "linéaire", "log": "logarithmique"},
        themes={"light": "claires", "dark": "sombres"},
        all="tous",
        show="Afficher",
        download="Télécharger",
        row_titles={
            "latency": "Latence",
            "bytes": "Octets",
            "files": "Fichiers",
            "errors": "Erreurs",
            "late": "Fichiers au-delà de la limite",
        },
    ),
}
