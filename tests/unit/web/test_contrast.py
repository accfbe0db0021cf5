# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts are told from their grounds by 4.5:1, and borders of controls by 3:1 (WCAG 1.4.3, 1.4.11)."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

import trivium.web
from trivium.forge.accounts.preferences import Palette

SHEET = (Path(trivium.web.__file__).parent / "static" / "trivium.css").read_text()
_PAIR = re.compile(r"--([a-z-]+):\s*(?:light-dark\((#[0-9a-f]{3,8}),\s*(#[0-9a-f]{3,8})\)|(#[0-9a-f]{3,8}))")
GROUNDS = ("paper", "surface", "sunken", "hover")
TEXTS = ("ink", "muted", "accent", "good", "bad", "warn", "git", "hg", "svn")
ON_SOFT = (
    ("good", "good-soft"),
    ("bad", "bad-soft"),
    ("warn", "warn-soft"),
    ("accent", "accent-soft"),
    ("ink", "accent-soft"),
)
CODE = ("ink", "k", "s", "n", "f", "c", "d")
CHANGED = ("add", "add-word", "del", "del-word")
SCHEMES = ("light", "dark")
PALETTES = tuple(Palette)


def tokens(palette: str, *, more: bool) -> dict[str, tuple[str, str]]:
    """Name → its colour in light and in dark."""
    block = SHEET[SHEET.index("@layer tokens {") : SHEET.index("@layer base {")]
    plain, _, rest = block.partition(':root[data-theme="light"]')
    found = {name: (light or one, dark or one) for name, light, dark, one in _PAIR.findall(plain)}
    if palette != PALETTES[0]:
        chosen = re.search(rf':root\[data-diff="{palette}"\] \{{(.*?)\}}', rest, re.DOTALL)
        assert chosen, palette
        found |= {name: (light or one, dark or one) for name, light, dark, one in _PAIR.findall(chosen[1])}
    if more:
        chosen = re.search(r':root\[data-contrast="more"\] \{(.*?)\}', rest, re.DOTALL)
        assert chosen and f"{{{chosen[1]}}}".replace(" ", "") in rest.partition("prefers-contrast")[2].replace(" ", "")
        found |= {name: (light or one, dark or one) for name, light, dark, one in _PAIR.findall(chosen[1])}
        found |= {name: found[other] for name, other in re.findall(r"--([a-z-]+): var\(--([a-z-]+)\)", chosen[1])}
    return found


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    digits = colour.lstrip("#")
    digits = "".join(one * 2 for one in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The ratio of two colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_measure_is_that_of_the_rule() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("more", [False, True])
@pytest.mark.parametrize("palette", PALETTES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_texts_are_told_from_their_grounds(scheme: str, palette: str, more: bool) -> None:
    at = SCHEMES.index(scheme)
    colours = {name: pair[at] for name, pair in tokens(palette, more=more).items()}
    pairs = [
        *itertools.product(TEXTS, GROUNDS),
        *ON_SOFT,
        ("on-accent", "accent-solid"),
        *itertools.product(CODE, (*CHANGED, "surface", "sunken")),
        ("add-edge", "surface"),
        ("add-edge", "paper"),
        ("add-edge", "add"),
        ("del-edge", "surface"),
        ("del-edge", "paper"),
        ("del-edge", "del"),
    ]
    weak = {pair: round(ratio, 2) for pair in pairs if (ratio := contrast(*(colours[one] for one in pair))) < 4.5}
    assert weak == {}
    for edge, ground in itertools.product(("control", "focus"), GROUNDS[:2]):
        assert contrast(colours[edge], colours[ground]) >= 3, (edge, ground)
