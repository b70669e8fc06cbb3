"""The palette: one table for pictures and pages, readable with any kind of colour vision."""

import re
from itertools import combinations
from pathlib import Path

import pytest

from grange.plots import palette
from grange.plots.palette import ACCOUNTS, Hatch, Theme, account_look

WEB = Path(__file__).resolve().parents[3] / "web" / "src"

# Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB.
VISION = {
    "full": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def linear(colour):
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]


def oklab(rgb):
    r, g, b = (max(part, 0.0) for part in rgb)
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    middle = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


def seen(colour, vision):
    rgb = linear(colour)
    return oklab(
        [sum(weight * part for weight, part in zip(row, rgb, strict=True)) for row in vision]
    )


def contrast(one, other):
    def luminance(colour):
        red, green, blue = linear(colour)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def tokens():
    text = (WEB / "styles" / "tokens.css").read_text()
    found = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", text)
    return {name: (light, dark) for name, light, dark in found}


def test_the_browser_draws_every_account_in_the_same_colours():
    css = tokens()
    for account in ACCOUNTS:
        colours = (account.colour.light, account.colour.dark)
        assert css[f"account-{account.key.replace('_', '-')}"] == colours, account.key


def test_the_browser_shares_the_tones_and_the_paper():
    css = tokens()
    names = {
        "surface": palette.PAGE,
        "line": palette.LINE,
        "line-strong": palette.LINE_STRONG,
        "text": palette.TEXT,
        "text-quiet": palette.TEXT_QUIET,
        "tone-done": palette.DONE,
        "tone-active": palette.ACTIVE,
        "tone-held": palette.HELD,
        "tone-failed": palette.FAILED,
    }
    for token, colour in names.items():
        assert css[token] == (colour.light, colour.dark), token


def test_the_browser_lists_the_same_accounts_labels_and_hatches():
    text = (WEB / "theme" / "accounts.ts").read_text()
    found = re.findall(r"key: '(\w+)',?\s*label: '([^']+)',\s*hatch: '(\w+)'", text)
    assert found == [(account.key, account.label, account.hatch.value) for account in ACCOUNTS]


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize("theme", Theme)
def test_accounts_tell_apart_with_every_colour_vision(theme, vision):
    drawn = [account for account in ACCOUNTS if account.hatch is not Hatch.GAP]
    for one, other in combinations(drawn, 2):
        first = seen(one.colour.on(theme), VISION[vision])
        second = seen(other.colour.on(theme), VISION[vision])
        distance = sum((a - b) ** 2 for a, b in zip(first, second, strict=True)) ** 0.5
        assert distance > 0.09, (one.key, other.key, distance)


@pytest.mark.parametrize("theme", Theme)
def test_words_have_the_contrast_of_wcag_aa(theme):
    page = palette.PAGE.on(theme)
    for colour in (palette.TEXT, palette.TEXT_QUIET, palette.FAILED, palette.DONE, palette.ACTIVE):
        assert contrast(colour.on(theme), page) >= 4.5


def test_rendering_that_is_not_split_yet_counts_as_useful_and_nonsense_is_a_gap():
    assert account_look("rendering").key == "rendering_useful"
    assert account_look("idle").key == "idle_no_work"
    assert account_look("no such account").hatch is Hatch.GAP
