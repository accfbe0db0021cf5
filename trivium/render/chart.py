# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts as SVG: bars over time, and a bar of shares (web.md 2.2, statistics). The numbers stand in a table beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from trivium.render.text import Markup, attribute, escaped

_HEIGHT: Final = 120
_STEP, _BAR = 10, 8
_MOST_BARS: Final = 130


def bars(values: Sequence[tuple[str, int]], label: str) -> Markup:
    """One bar for each value, in their order; its title tells both its name and its number."""
    most = max((count for _, count in values), default=0) or 1
    found = []
    for at, (name, count) in enumerate(values[-_MOST_BARS:]):
        high = max(round(count * _HEIGHT / most), 2) if count else 0
        found.append(
            f'<rect x="{at * _STEP}" y="{_HEIGHT - high}" width="{_BAR}" height="{high}" rx="1">'
            f"<title>{escaped(name)}: {count}</title></rect>"
        )
    wide = max(len(found) * _STEP, 26 * _STEP)
    return Markup(
        f'<svg class="bars" viewBox="0 0 {wide} {_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{attribute(label)}">{"".join(found)}</svg>'
    )


def shares(parts: Sequence[tuple[str, float]], label: str) -> Markup:
    """A bar of shares, each in percent; colours follow each other and the last ones are alike."""
    found, at = [], 0.0
    for number, (_, share) in enumerate(parts, 1):
        found.append(f'<rect class="l{min(number, 4)}" x="{at:g}" width="{share:g}" height="4"/>')
        at = round(at + share, 3)
    return Markup(
        f'<svg viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label="{attribute(label)}">'
        f"{''.join(found)}</svg>"
    )
