# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of patterns that lead to issue trackers: of the site and of a repository (system.md 2.7, 2.8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trivium.forge.repositories.issue_patterns import MOST, BadPattern, Pattern
from trivium.web.visit import Visit

_EMPTY_ROWS: Final = 2
"""For further patterns."""
_FIELDS: Final = ("pattern", "url", "description")


@dataclass(frozen=True, slots=True)
class PatternForm:
    """What the form shows."""

    rows: Sequence[Pattern]
    reason: str = ""
    """Why something cannot be kept; empty: nothing is wrong."""
    at: tuple[int, str] | None = None
    """The row and the field that are wrong."""


def typed_patterns(visit: Visit) -> list[Pattern]:
    """The rows that have something in them."""
    rows = [
        [visit.form.get(f"{field}_{number}", "").strip() for field in _FIELDS] for number in range(MOST + _EMPTY_ROWS)
    ]
    return [Pattern(*row) for row in rows if any(row)]


def pattern_form(visit: Visit, typed: Sequence[Pattern], wrong: BadPattern | None = None) -> PatternForm:
    """The form with what was typed or is stored, and room for more."""
    rows = [*typed, *[Pattern("", "")] * min(_EMPTY_ROWS, MOST - len(typed))]
    if wrong is None:
        return PatternForm(rows)
    reason = visit.text(wrong.message, **wrong.values)
    if wrong.at is not None:
        reason = visit.text("%(reason)s (character %(number)s)", reason=reason, number=wrong.at + 1)
    return PatternForm(rows, reason, (wrong.row, wrong.about))
